import errno
import subprocess
import sys

import pytest

from lik.core.artifacts import (
    file_stem,
    read_json,
    remove_stale_parts,
    replacing,
    require_room,
    whole_folder,
    write_json,
    write_text,
)
from lik.core.errors import FailedOnTheWay, UnusableInput


def write_half(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


def test_json_there_and_back(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"σ": [1, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"σ": [1, None]}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (RuntimeError("any"), RuntimeError, "any"),
        (OSError(errno.ENOSPC, "No space left on device"), FailedOnTheWay, "disk is full"),
    ],
)
def test_what_fails_leaves_the_old_file_and_no_litter(tmp_path, error, kind, said):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(kind, match=said):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


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


def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_there(tmp_path):
    half = "import os; from pathlib import Path; from lik.core.artifacts import replacing\n"
    half += f"with replacing(Path({str(tmp_path / 'a.png')!r})) as part:\n"
    half += "    part.write_text('half'); os._exit(9)"
    subprocess.run([sys.executable, "-c", half])
    assert len(list(tmp_path.iterdir())) == 1
    elsewhere = tmp_path / ".b.png.0a0a0a-999999999.part.png"  # of a machine that shares the disk
    elsewhere.touch()
    write_text(tmp_path / "c.txt", "whole")
    assert sorted(tmp_path.iterdir()) == [elsewhere, tmp_path / "c.txt"]


@pytest.mark.parametrize("name", ["x" * 251 + ".txt", "ж" * 125 + ".txt", "a." + "b" * 200])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_text(tmp_path / name, "whole")
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "x/../../../evil",
        "..",
        ".hidden",
        "a\\b",
        "[/foo]",
        "nul\0",
        "a\nb",
        "x" * 300,
        "ж" * 200,
        "",
    ],
)
def test_any_name_makes_a_file_in_its_own_folder(tmp_path, name):
    stem = file_stem(name)
    write_text(tmp_path / f"{stem}.txt", "whole")
    assert [file.name for file in tmp_path.iterdir()] == [f"{stem}.txt"]
    assert file_stem(stem) == stem
    assert stem != file_stem(name + "/")
    assert not stem.startswith(".")


@pytest.mark.parametrize(
    "name", ["Smiling", "average-5_o_Clock_Shadow", "Ћошак 2", "hair=blond, a.b"]
)
def test_names_that_can_be_files_stay_as_they_are(name):
    assert file_stem(name) == name


def test_a_folder_is_whole_or_not_there(tmp_path):
    place = tmp_path / "page"
    with whole_folder(place) as folder:
        (folder / "a").write_text("first")
        assert not place.exists()
    assert (place / "a").read_text() == "first"
    with pytest.raises(FailedOnTheWay), whole_folder(place) as folder:
        (folder / "no" / "a").write_text("second")
    assert (place / "a").read_text() == "first"
    with whole_folder(place) as folder:
        (folder / "b").write_text("second")
    assert [file.name for file in place.iterdir()] == ["b"]
    assert [one.name for one in tmp_path.iterdir()] == ["page"]


def test_folders_that_a_killed_process_left_are_removed(tmp_path):
    left = tmp_path / ".hub.999999.part"
    (left / "inner").mkdir(parents=True)
    remove_stale_parts(tmp_path)
    assert not left.exists()


def test_there_is_no_room_below_a_file_or_under_a_name_without_end(tmp_path):
    require_room(tmp_path / "new" / "page")
    (tmp_path / "file").write_text("here")
    with pytest.raises(UnusableInput, match="is a file"):
        require_room(tmp_path / "file" / "a" / "b")
    with pytest.raises(UnusableInput, match="too long"):
        require_room(tmp_path / ("a" * 300) / "b")
