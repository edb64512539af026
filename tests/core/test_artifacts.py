import errno

import pytest

from lik.core.artifacts import read_json, replacing, write_json, write_text
from lik.core.errors import FailedOnTheWay, UnusableInput


def write_half(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


def test_json_there_and_back(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"σ": [1, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"σ": [1, None]}


def test_an_exception_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError):
        write_half(path, RuntimeError())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(FailedOnTheWay, match="disk is full"):
        write_half(path, OSError(errno.ENOSPC, "No space left on device"))
    assert path.read_text() == "old"


def test_missing_and_broken_json_are_said(tmp_path):
    with pytest.raises(UnusableInput, match="missing"):
        read_json(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UnusableInput, match="cannot be read as JSON"):
        read_json(tmp_path / "broken.json")


def test_a_place_that_cannot_be_written_is_named_as_it_was_given(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FailedOnTheWay, match=r"file/a\.txt could not be written"):
        write_text(tmp_path / "file" / "a.txt", "text")
