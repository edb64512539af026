import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from finders import Told
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.faces.crop.cropping import AlignedCrop, Box, FixedCrop, PaperCrop, Square
from lik.faces.detect.finding import Detection
from lik.faces.io.pictures import Source
from lik.faces.io.sources import open_source
from lik.faces.set import assembly, extraction
from lik.faces.set.extraction import Plan, here, processes
from lik.faces.set.faceset import MEASURES, FaceSet
from lik.faces.set.preparation import Shard, merge, prepare
from lik.faces.set.quality import Limits

FIXED = Plan(FixedCrop(), 64)


def picture(width=89, height=109, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def content(folder):
    return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


def rejected(faces):
    return {entry.name: entry.reason for entry in faces.rejected()}


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, and two files that are none."""
    path = tmp_path / "pictures"
    path.mkdir()
    for index in range(10):
        (path / f"{index}.png").write_bytes(png(picture(seed=index)))
    (path / "empty.jpg").write_bytes(b"")
    (path / "notes.txt").write_text("no picture")
    return path


@pytest.fixture
def source(folder):
    return open_source(str(folder), 64)


@pytest.fixture
def whole(source, tmp_path):
    """The files of the set of `folder` that is made in one go."""
    prepare(source, tmp_path / "whole", FIXED)
    return content(tmp_path / "whole")


@contextmanager
def killed_at(step):
    """Ends what is done inside where it comes to ``step``."""

    def killed(*arguments, **settings):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, killed)
        with pytest.raises(KeyboardInterrupt):
            yield


class TestTheSet:
    def test_packed_and_read_is_the_same(self, source, tmp_path):
        report = prepare(source, tmp_path / "set", FIXED)
        faces = FaceSet.open(tmp_path / "set")
        assert (report.pictures, report.kept, len(faces)) == (12, 10, 10)
        for index, name in enumerate(faces.names):
            expected = picture(seed=int(name[0]))[26:90, 12:76]
            assert_array_equal(faces.images[index], expected)
            assert_array_equal(faces.boxes[index], (12, 26, 64, 0))
        faces.verify()
        assert rejected(faces)["empty.jpg"] == "the file is empty"
        assert rejected(faces)["notes.txt"].startswith("no picture")
        assert not (tmp_path / "set" / ".partial").exists()

        assert list(faces.measures) == MEASURES
        assert (faces.measures["padding_fraction"] == 0).all()
        assert (np.abs(faces.measures["brightness"] - 0.5) < 0.05).all()
        assert np.isnan(faces.measures["score"]).all()  # nobody had to look

    def test_nothing_to_keep_is_said_and_leaves_nothing(self, source, tmp_path):
        plan = Plan(FixedCrop(x=80, y=0, side=64), 64)
        with pytest.raises(UnusableInput, match="none of the 12 pictures"):
            prepare(source, tmp_path / "set", plan)
        assert not (tmp_path / "set").exists()

    def test_the_same_job_again_is_done_and_another_is_refused(self, folder, source, tmp_path):
        prepare(source, tmp_path / "set", FIXED)
        assert prepare(source, tmp_path / "set", FIXED).already_done
        before = content(tmp_path / "set")
        with pytest.raises(UnusableInput, match="size 64 → 32"):
            prepare(source, tmp_path / "set", Plan(FixedCrop(), 32))
        limited = Plan(FixedCrop(), 64, limits=Limits(min_sharpness=0.1))
        with pytest.raises(UnusableInput, match=r"limits\.min_sharpness None → 0\.1"):
            prepare(source, tmp_path / "set", limited)
        with pytest.raises(UnusableInput, match="not empty"):
            prepare(source, folder, FIXED)
        assert content(tmp_path / "set") == before

    def test_a_zip_gives_what_its_folder_gives(self, folder, tmp_path):
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
            for file in folder.iterdir():
                archive.write(file, file.name)
        for name, source in (("a", folder), ("b", tmp_path / "p.zip")):
            prepare(open_source(str(source), 64), tmp_path / name, FIXED)
        for file in ("images.npy", "index.csv"):
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()

    def test_drawn_sets_keep_their_factors(self, faces):
        assert faces.factors is not None
        assert faces.factors.shape == (64, len(faces.factor_names))
        smiling = faces.attributes[:, faces.attribute_names.index("Smiling")]
        smile = faces.factors[:, faces.factor_names.index("smile")]
        assert smile[smiling > 0].min() > smile[smiling < 0].max()


class TestKeeping:
    """Which faces are kept, and what is said of the others."""

    TWO = (
        Detection(Box(0.1, 0.1, 0.3, 0.9), ((0.2, 0.2), (0.3, 0.25)), 0.9),
        Detection(Box(0.6, 0.6, 0.2, 0.4), ((0.65, 0.7), (0.75, 0.7)), 0.4),
    )

    def source(self, folder, width=200):
        folder.mkdir()
        for name in "ab":
            (folder / f"{name}.png").write_bytes(png(picture(width, width, ord(name))))
        found = open_source(str(folder), 64)
        labels = np.array([[1.0], [-1.0]])
        return Source("two", found.container, found.names, ["train", "test"], ["Hat"], labels)

    def prepared(self, tmp_path, plan):
        prepare(self.source(tmp_path / "p"), tmp_path / "set", plan)
        return FaceSet.open(tmp_path / "set")

    def test_of_every_face_the_main_one_has_the_pictures_labels(self, tmp_path):
        faces = self.prepared(tmp_path, Plan(AlignedCrop(), 16, Told(*self.TWO), every=True))
        assert faces.names == ["a.png", "a.png#2", "b.png", "b.png#2"]
        assert list(faces.splits) == ["train", "train", "test", "test"]
        assert_array_equal(faces.attributes[:, 0], [1, np.nan, -1, np.nan])
        assert_allclose(faces.measures["score"], [0.9, 0.4, 0.9, 0.4])
        assert_allclose(faces.measures["detected"], [60, 40, 60, 40])
        assert_allclose(faces.boxes[0, 3], np.degrees(np.arctan2(0.05, 0.1)), rtol=1e-4)

    def test_limits_leave_out_with_a_reason_and_a_picture(self, tmp_path):
        limits = Limits(min_score=0.5)
        plan = Plan(AlignedCrop(), 16, Told(*self.TWO), every=True, limits=limits)
        faces = self.prepared(tmp_path, plan)
        assert faces.names == ["a.png", "b.png"]
        left_out = faces.rejected()
        assert [entry.name for entry in left_out] == ["a.png#2", "b.png#2"]
        assert all(entry.thumbnail.shape == (64, 64, 3) for entry in left_out)
        assert_array_equal(left_out[0].thumbnail, extraction.thumbnail(picture(200, 200, ord("a"))))

    def test_crops_over_the_edge_are_padded_up_to_a_limit_or_left_out(self, tmp_path):
        edge = Detection(Box(0.0, 0.4, 0.2, 1.0), ((0.02, 0.5), (0.12, 0.5)), 1.0)
        faces = self.prepared(tmp_path, Plan(AlignedCrop(), 16, Told(edge)))
        padding = faces.measures["padding_fraction"][0]
        assert padding == pytest.approx(
            Square(*faces.boxes[0]).padding_fraction(200, 200), rel=1e-4
        )
        assert 0.1 < padding < 0.5
        source = self.source(tmp_path / "q")
        limits = Limits(max_padding=padding - 0.01)
        for plan, words in (
            (Plan(AlignedCrop(), 16, Told(edge), limits=limits), "too far over the edge"),
            (Plan(PaperCrop(), 16, Told(edge)), "would leave the picture"),
        ):
            with pytest.raises(UnusableInput, match=words):
                prepare(source, tmp_path / "none", plan)

    def test_eyes_that_the_source_knows_need_no_finder(self, tmp_path):
        source = self.source(tmp_path / "p")
        eyes = np.array([[[0.4, 0.5], [0.6, 0.5]], [[0.4, 0.4], [0.6, 0.6]]])
        known = Source("eyes", source.container, source.names, [None, None], eyes=eyes)
        prepare(known, tmp_path / "set", Plan(AlignedCrop(), 16))
        faces = FaceSet.open(tmp_path / "set")
        assert_allclose(faces.boxes[:, 3], [0, 45], atol=1e-4)
        assert_allclose(faces.boxes[0, 2], 40 * 128 / 39, rtol=1e-4)

    def test_a_small_face_in_a_large_jpeg_is_cut_from_its_full_pixels(self, tmp_path):
        """It is looked for in a reduced decoding, and cut from one that has the detail."""
        (tmp_path / "p").mkdir()
        pixels = np.zeros((2000, 3000, 3), np.uint8)
        pixels[:, ::32] = pixels[:, 1::32] = pixels[:, 2::32] = pixels[:, 3::32] = 255
        Image.fromarray(pixels).save(tmp_path / "p" / "a.jpg", quality=95)
        small = Detection(Box(0.5, 0.3, 0.05, 1.0), ((0.51, 0.32), (0.535, 0.32)), 1.0)
        source = open_source(str(tmp_path / "p"), 64)
        prepare(source, tmp_path / "set", Plan(AlignedCrop(), 128, Told(small)))
        face = FaceSet.open(tmp_path / "set").images[0]
        assert face.max() > 200  # four white columns in 32 are grey in a decoding of an eighth
        assert face.min() < 40


class TestEngines:
    def test_the_number_of_workers_does_not_show(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lik.faces.set.preparation.CHUNK", 4)
        for workers, engine in ((1, here), (2, processes(2))):
            prepare(open_source("drawn:40", 16), tmp_path / str(workers), Plan(FixedCrop(), 16),
                    engine)  # fmt: skip
        assert content(tmp_path / "1") == content(tmp_path / "2")

    @pytest.mark.parametrize("count", [1, 3, 7])
    def test_shards_that_are_merged_are_the_set(self, source, whole, tmp_path, count):
        parts = [tmp_path / f"part{number}" for number in range(count)]
        for number, part in enumerate(parts, 1):
            report = prepare(source, part, FIXED, shard=Shard(number, count))
            assert prepare(source, part, FIXED, shard=Shard(number, count)).already_done
            assert report.kept + sum(report.reasons.values()) == report.pictures
        merge(parts[::-1], tmp_path / "merged")
        assert whole == content(tmp_path / "merged")

    def test_shards_that_do_not_belong_together_are_said(self, source, tmp_path):
        for name, plan, shard in (
            ("a", FIXED, Shard(1, 2)),
            ("again", FIXED, Shard(1, 2)),
            ("third", FIXED, Shard(2, 3)),
            ("other", Plan(FixedCrop(), 32), Shard(2, 2)),
        ):
            prepare(source, tmp_path / name, plan, shard=shard)
        prepare(source, tmp_path / "whole", FIXED)
        for parts, words in (
            (["a"], "shard 2/2 is missing"),
            (["a", "again"], "both shard 1/2"),
            (["a", "third"], "different divisions"),
            (["a", "other"], "shards of different jobs .size 64 → 32.: prepare all shards"),
            (["a", "whole"], "is no shard"),
        ):
            with pytest.raises(UnusableInput, match=words):
                merge([tmp_path / part for part in parts], tmp_path / "merged")
        assert not (tmp_path / "merged").exists()

    def test_a_merge_that_was_killed_begins_again(self, source, whole, tmp_path):
        parts = [tmp_path / f"part{number}" for number in (1, 2)]
        for number, part in enumerate(parts, 1):
            prepare(source, part, FIXED, shard=Shard(number, 2))
        with killed_at("lik.faces.set.preparation.assemble"):
            merge(parts, tmp_path / "merged")
        merge(parts, tmp_path / "merged")
        assert whole == content(tmp_path / "merged")

    @pytest.mark.long
    def test_a_ray_cluster_gives_the_same_bytes_even_if_a_worker_is_killed(self, tmp_path):
        ray = pytest.importorskip("ray")
        source = open_source("drawn:3000", 32)
        prepare(source, tmp_path / "plain", Plan(FixedCrop(), 32))
        ray.init(num_cpus=2, log_to_driver=False, logging_level="error")
        killed = []

        def kill_one(stage, done, total):
            workers = subprocess.run(
                ["pgrep", "-f", "ray::extract_all"], capture_output=True, text=True
            ).stdout.split()
            if workers and not killed and done > 500:
                os.kill(int(workers[0]), signal.SIGKILL)
                killed.append(workers[0])

        try:
            engine = extraction.ray_cluster()
            prepare(source, tmp_path / "ray", Plan(FixedCrop(), 32), engine, kill_one)
        finally:
            ray.shutdown()
        assert killed
        assert content(tmp_path / "plain") == content(tmp_path / "ray")


class TestNothingIsLost:
    @pytest.mark.parametrize("done", [0, 1, 8, 11])
    def test_resumed_equals_unbroken(self, source, whole, tmp_path, monkeypatch, done):
        monkeypatch.setattr("lik.faces.set.preparation.CHUNK", 3)
        true_extract, left = extraction.extract, [done]

        def killed(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return true_extract(*arguments)

        monkeypatch.setattr(extraction, "extract", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(source, tmp_path / "set", FIXED)
        monkeypatch.setattr(extraction, "extract", true_extract)
        with pytest.raises(UnusableInput, match="no finished face set"):
            FaceSet.open(tmp_path / "set")
        partial = tmp_path / "set" / ".partial"
        for name in ("rows.jsonl", "images.npy", "rejected.npy"):  # as a kill may leave them
            with open(partial / name, "ab") as file:
                file.write(b'{"name": "cut o')
        prepare(source, tmp_path / "set", FIXED)
        assert content(tmp_path / "set") == whole

    @pytest.mark.parametrize("lost", ["images.npy", "rejected.npy"])
    def test_lines_without_their_pixels_are_done_again(self, source, whole, tmp_path, lost):
        with killed_at("lik.faces.set.preparation.assemble"):
            prepare(source, tmp_path / "set", FIXED)
        os.truncate(tmp_path / "set" / ".partial" / lost, 130)
        prepare(source, tmp_path / "set", FIXED)
        assert content(tmp_path / "set") == whole

    @pytest.mark.parametrize("step", ["write_text", "write_json", "sha256_of", "shutil.rmtree"])
    def test_killed_while_the_set_is_put_together(self, source, whole, tmp_path, step):
        with killed_at(f"lik.faces.set.assembly.{step}"):
            prepare(source, tmp_path / "set", FIXED)
        prepare(source, tmp_path / "set", FIXED)
        assert content(tmp_path / "set") == whole

    def test_a_full_disk_ends_in_a_sentence_and_a_set_that_resumes(self, source, whole, tmp_path):
        """A limit on the size of files stands for the disk: writing fails half-way through."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
            with pytest.raises(FailedOnTheWay, match="could not be written"):
                prepare(source, tmp_path / "set", FIXED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        prepare(source, tmp_path / "set", FIXED)
        assert content(tmp_path / "set") == whole

    @pytest.mark.long
    @pytest.mark.parametrize("workers", [1, 2])
    def test_killed_twenty_times_it_ends_with_the_same_bytes(self, tmp_path, workers):
        command = [sys.executable, "-m", "lik", "prepare", "drawn:8000"]
        subprocess.run([*command, tmp_path / "whole"], check=True, capture_output=True)
        random = np.random.default_rng(workers)
        kills = 0
        for _ in range(60):
            job = subprocess.Popen(
                [*command, tmp_path / "set", "--workers", str(workers)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            if kills < 20:
                time.sleep(random.uniform(0.5, 1.6))
                if job.poll() is None:
                    os.killpg(job.pid, signal.SIGKILL)
                    kills += 1
                job.wait()
            else:
                assert job.wait() == 0
                break
        assert kills == 20
        whole, resumed = content(tmp_path / "whole"), content(tmp_path / "set")
        for files in (whole, resumed):  # its text tells the command line
            files.pop("contact-sheet.png")
        assert whole == resumed


class TestOneFolder:
    """OUT belongs to one process, is read again to the last byte, and is mended."""

    def test_two_at_a_time_are_refused(self, source, whole, tmp_path):
        refused = []

        def engine(container, plan, chunks):
            for shard in (None, Shard(1, 2)):
                with pytest.raises(UnusableInput, match="by another process") as error:
                    prepare(source, tmp_path / "set", FIXED, shard=shard)
                refused.append(error)
            yield from here(container, plan, chunks)

        prepare(source, tmp_path / "set", FIXED, engine)
        assert len(refused) == 2
        assert content(tmp_path / "set") == whole

    def test_shards_are_merged_by_one_process(self, source, tmp_path, monkeypatch):
        prepare(source, tmp_path / "part", FIXED, shard=Shard(1, 1))

        def another(partial):
            monkeypatch.undo()
            with pytest.raises(UnusableInput, match="by another process"):
                merge([tmp_path / "part"], tmp_path / "set")
            return assembly.assemble(partial)

        monkeypatch.setattr("lik.faces.set.preparation.assemble", another)
        assert merge([tmp_path / "part"], tmp_path / "set").kept == 10

    def test_work_that_does_not_fit_its_pictures_is_refused(self, source, tmp_path):
        """As two processes left it that wrote at the same time, where nothing locks."""
        prepare(source, tmp_path / "set", FIXED, shard=Shard(1, 1))
        partial = tmp_path / "set" / ".partial"
        for name, head in (("rows.jsonl", 0), ("images.npy", 128), ("rejected.npy", 128)):
            data = (partial / name).read_bytes()
            (partial / name).write_bytes(data + data[head:])
        with pytest.raises(UnusableInput, match="does not fit its pictures: remove it"):
            prepare(source, tmp_path / "set", FIXED, shard=Shard(1, 1))

    @pytest.mark.parametrize("damage", ["flipped", "short", "gone", "table"])
    def test_a_damaged_set_is_made_again(self, source, tmp_path, damage):
        out, notices = tmp_path / "set", []
        prepare(source, out, FIXED)
        whole = content(out)
        file = out / ("index.csv" if damage == "table" else "images.npy")
        data = bytearray(whole[file.name])
        data[-2] ^= 1
        file.write_bytes(data[:5000] if damage == "short" else data)
        if damage == "gone":
            file.unlink()
        assert not prepare(source, out, FIXED, notify=notices.append).already_done
        assert f"{file.name} of {out} has changed" in notices[0]
        kept = {"index.csv.changed": bytes(data)} if damage == "table" else {}
        assert content(out) == whole | kept
        assert prepare(source, out, FIXED).already_done

    def test_a_repair_that_was_killed_goes_on(self, source, tmp_path, monkeypatch):
        out = tmp_path / "set"
        prepare(source, out, FIXED)
        whole = content(out)
        (out / "images.npy").write_bytes(b"short")
        monkeypatch.setattr(extraction, "extract", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare(source, out, FIXED)
        monkeypatch.undo()
        prepare(source, out, FIXED)
        assert whole.items() <= content(out).items()

    def test_a_damaged_shard_is_made_again_and_not_merged(self, source, tmp_path):
        out = tmp_path / "part"
        prepare(source, out, FIXED, shard=Shard(1, 1))
        pixels = out / ".partial" / "images.npy"
        pixels.write_bytes(pixels.read_bytes()[:-1] + b"\x07")
        with pytest.raises(UnusableInput, match="prepare this shard again"):
            merge([out], tmp_path / "set")
        assert not prepare(source, out, FIXED, shard=Shard(1, 1)).already_done
        assert merge([out], tmp_path / "set").kept == 10

    def test_a_description_that_is_broken_is_said_with_what_to_do(self, source, tmp_path):
        prepare(source, tmp_path / "set", FIXED)
        (tmp_path / "set" / "faceset.json").write_text('{"format": "lik-faceset", "version": 3}')
        with pytest.raises(UnusableInput, match=r"Remove .* to prepare it anew"):
            prepare(source, tmp_path / "set", FIXED)

    @pytest.mark.parametrize("shard", [None, Shard(1, 1)])
    def test_pictures_that_were_replaced_are_noticed(self, source, tmp_path, monkeypatch, shard):
        state = ["before"]
        monkeypatch.setattr(Source, "fingerprint", property(lambda source: state[0]))
        prepare(source, tmp_path / "set", FIXED, shard=shard)
        state[0] = "after"
        with pytest.raises(UnusableInput, match=r"have changed since .* remove .* anew"):
            prepare(source, tmp_path / "set", FIXED, shard=shard)

    def test_what_is_refused_leaves_no_lock_in_a_strange_folder(self, folder, tmp_path):
        before = content(folder)
        with pytest.raises(UnusableInput, match="not empty"):
            prepare(open_source("drawn:4", 16), folder, Plan(FixedCrop(), 16))
        assert content(folder) == before


@pytest.mark.parametrize("own", ["g.jpg#2", "g.jpg#", "h##2"])
def test_a_further_face_is_never_called_like_a_picture(tmp_path, own):
    """Pictures may be called as further faces are."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(("g.jpg", own)):
        (folder / name).write_bytes(png(picture(200, 200, number)))
    plan = Plan(AlignedCrop(), 16, Told(*TestKeeping.TWO), every=True)
    prepare(open_source(str(folder), 16), tmp_path / "set", plan)
    faces = FaceSet.open(tmp_path / "set")
    mark = {"g.jpg#2": "##", "g.jpg#": "#", "h##2": "###"}[own]
    assert faces.names == ["g.jpg", f"g.jpg{mark}2", own, f"{own}{mark}2"]


def test_every_picture_is_a_face_or_a_row_with_a_reason(folder, tmp_path):
    """Names with spaces, quotes, line breaks and letters of all scripts are kept apart."""
    names = ["a b.png", 'he said "no".png', "comma, and; more.png", "лик.png", "顔.png"]
    names += ["new\nline.png", "return\r.png", "photo\r", "both\r\n.png"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(png(picture(seed=20 + number)))
    source = open_source(str(folder), 64)
    prepare(source, tmp_path / "set", FIXED)
    faces = FaceSet.open(tmp_path / "set")
    assert sorted([*faces.names, *rejected(faces)]) == sorted(source.names)
    assert set(names) <= set(faces.names)
    with open(tmp_path / "set" / "index.csv", encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == faces.names
    assert json.loads((tmp_path / "set" / "faceset.json").read_text())["pictures"] == 21
