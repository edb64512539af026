"""A hierarchical and a vector-quantised family, from training to evaluation, in one file each."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest


def test_families_of_other_codes_need_a_file_and_a_line(faces, tmp_path):
    program = Path(__file__).with_name("other_families.py")
    answer = subprocess.run(
        [sys.executable, str(program), str(faces.path), str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    for name, width in (("two-level", 8), ("quantised", 64)):
        found = told[name]
        assert found["steps"] == 2
        assert found["codes"] == [32, width]
        assert found["decoded"] == [32, 16, 16, 3]
        assert found["drawn"] == [3, 16, 16, 3]
        assert found["same"]
        measured = {"loss", "kl", "psnr", "active_units", "probe_accuracy", "mig"}
        assert measured <= set(found["metrics"])
        assert any("known of Gaussian codes alone" in note for note in found["notes"])
        assert {"loss", "reconstruction", "kl"} <= found["terms"].keys()
        assert all(shape == [32] for shape in found["terms"].values())
    assert {"codebook", "commitment"} <= told["quantised"]["terms"].keys()
    assert told["quantised"]["kl"] == pytest.approx([16 * math.log(8), 16])
    assert told["two-level"]["kl"][1] == 8
