import math

import pytest

from lik.core.errors import UnusableInput
from lik.training.journal import EpochRecord, append, read, rewind

METRICS = {"loss": 3.0, "reconstruction": 2.0, "kl": 1.0}


def record(epoch, **details):
    return EpochRecord(epoch, 10 * epoch, METRICS, None, 9.5, "Σ(x−x̂)² + KL", details)


def test_what_is_written_is_read_with_its_details(tmp_path):
    records = [record(1), record(2, kl_per_dimension=[0.5, 0.0], active_units=1, a=math.inf)]
    for entry in records:
        append(tmp_path / "j", entry)
    assert read(tmp_path / "j") == records
    rewind(tmp_path / "j", 10)
    assert read(tmp_path / "j") == records[:1]


def test_a_line_cut_off_anywhere_costs_that_line_alone(tmp_path):
    append(tmp_path / "j", record(1))
    append(tmp_path / "j", record(2))
    whole = (tmp_path / "j").read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole) - 1):  # also within a letter of several bytes
        (tmp_path / "j").write_bytes(whole[:end])
        assert read(tmp_path / "j") == [record(1)]


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"{}", b"[1]", b"3"])
def test_damage_before_the_end_is_said(tmp_path, damage):
    append(tmp_path / "j", record(1))
    (tmp_path / "j").write_bytes(damage + b"\n" + (tmp_path / "j").read_bytes())
    with pytest.raises(UnusableInput, match="line 1, is no record"):
        read(tmp_path / "j")
