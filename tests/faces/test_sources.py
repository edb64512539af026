import gzip
import io
import json
import os
import pickle
import shutil
import stat
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from numpy import nan
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.io import decoding, files, parquet
from lik.faces.io.files import Folder
from lik.faces.io.labels import with_labels
from lik.faces.io.pictures import NotAPicture, hashed_split, split_of
from lik.faces.io.sources import open_source, open_sources

AWKWARD = [
    "a b.png", "it's \"quoted\".png", "two\nlines.png", "Ђорђе/лик.png", "顔.png", "é\\x.png",
    "comma, and; semicolon.png", "return\r.png", "tab\t.png", "-dash.png", "a..dots.png", "no",
]  # fmt: skip


def picture(seed=0, size=12):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def png(seed=0):
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def write_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path, files, mode="w", format=tarfile.PAX_FORMAT):
    with tarfile.open(path, mode, format=format) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_parquet(path, rows, metadata=None, **options):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = pa.Table.from_pylist(rows)
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, **options)
    return path


WRITERS = {
    "folder": write_folder,
    "zip": write_zip,
    "tar": write_tar,
    "tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    "tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
    "tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """Writes files in one of the four ways in which files lie together."""

    def write(files):
        place = tmp_path / f"held.{request.param}"
        if request.param == "folder":
            place.mkdir(exist_ok=True)
        return WRITERS[request.param](place, files)

    return write


def pixels(source, name):
    return source.container.open(name).decode()


def reason(source, name):
    with pytest.raises(NotAPicture) as caught:
        source.container.open(name).decode()
    return str(caught.value)


def refused(place, said):
    with pytest.raises(UnusableInput, match=said):
        open_source(str(place), 64)


class TestContainers:
    def test_every_picture_is_found_by_its_name_whatever_it_is(self, written):
        files = {name: png(seed) for seed, name in enumerate(AWKWARD)}
        source = open_source(str(written(files)), 64)
        assert sorted(source.names) == sorted(files)
        for seed, name in enumerate(AWKWARD):
            assert_array_equal(pixels(source, name), picture(seed))

    def test_a_container_sent_to_another_process_reads_the_same(self, written):
        source = open_source(str(written({f"{i}.png": png(i) for i in range(300)})), 64)
        pixels(source, "7.png")
        sent = pickle.dumps(source.container)
        assert len(sent) < 1000
        assert_array_equal(pickle.loads(sent).open("299.png").decode(), picture(299))

    def test_litter_and_hidden_copies_are_passed_over_and_no_pictures_have_a_reason(self, written):
        hidden = [
            "__MACOSX/._b.png", ".DS_Store", ".b.png", "x/.ipynb_checkpoints/b.png", "Thumbs.db",
            "@eaDir/b.png/SYNOPHOTO_THUMB_M.png", ".thumbnails/b.png", "Icon\r",
            "$RECYCLE.BIN/b.png",
        ]  # fmt: skip
        files = {"b.png": png(), "a.png": b"", "notes": b"no picture"}
        source = open_source(str(written(files | dict.fromkeys(hidden, png()))), 64)
        assert sorted(source.names) == ["a.png", "b.png", "notes"]
        assert reason(source, "a.png") == decoding.EMPTY
        assert reason(source, "notes") == decoding.UNKNOWN

    def test_the_fingerprint_tells_a_replaced_picture_and_the_identity_does_not(self, written):
        files = {"a.png": png(1), "b.png": png(2)}
        before = open_source(str(place := written(files)), 64)
        fingerprint = before.fingerprint
        assert open_source(str(place), 64).fingerprint == fingerprint
        after = open_source(str(written(files | {"b.png": png(3) + b"."})), 64)
        assert after.fingerprint != fingerprint
        assert after.identity == before.identity

    def test_nothing_is_written_outside_nor_anywhere(self, tmp_path):
        names = ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "C:\\evil.png"]
        for write, place in ((write_zip, tmp_path / "a.zip"), (write_tar, tmp_path / "a.tar")):
            before = sorted(tmp_path.rglob("*"))
            source = open_source(str(write(place, {name: png() for name in names})), 64)
            for name in source.names:
                assert_array_equal(pixels(source, name), picture())
            assert len(source.names) == 4
            assert sorted(tmp_path.rglob("*")) == sorted([*before, place])

    @pytest.mark.parametrize("kind", ["zip", "tar"])
    def test_members_are_read_up_to_a_limit(self, tmp_path, monkeypatch, kind):
        place = WRITERS[kind](tmp_path / f"a.{kind}", {"a.png": bytes(5000), "b.png": png()})
        source = open_source(str(place), 64)
        monkeypatch.setattr(decoding, "MAX_BYTES", 2000)
        assert reason(source, "a.png") == decoding.TOO_MANY_BYTES
        assert_array_equal(pixels(source, "b.png"), picture())


class TestFolders:
    def test_links_do_not_lead_in_circles(self, tmp_path):
        write_folder(tmp_path, {"a/b.png": png()})
        (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "a" / "self.png").symlink_to(tmp_path / "a" / "self.png")
        (tmp_path / "a" / "file.png").symlink_to(tmp_path / "a" / "b.png")
        (tmp_path / "nowhere.png").symlink_to(tmp_path / "none")
        os.mkfifo(tmp_path / "pipe.png")
        source = open_source(str(tmp_path), 64)
        assert source.names == ["a/b.png", "a/file.png", "a/self.png", "nowhere.png"]
        assert_array_equal(pixels(source, "a/file.png"), picture())
        assert reason(source, "nowhere.png") == "cannot be read (No such file or directory)"
        assert reason(source, "a/self.png").startswith("cannot be read (Too many levels")

    def test_a_file_that_may_not_be_read_is_a_reason(self, tmp_path, monkeypatch):
        write_folder(tmp_path, {"a.png": png()})

        def refused(*arguments):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(files, "open", refused, raising=False)
        assert (
            reason(open_source(str(tmp_path), 64), "a.png") == "cannot be read (Permission denied)"
        )

    def test_names_that_are_not_utf8_can_be_written_and_read(self, tmp_path):
        with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:
            file.write(png(3))
        (name,) = Folder(tmp_path).names()
        assert name.encode() == b"caf\\xe9.png"
        assert_array_equal(Folder(tmp_path).open(name).decode(), picture(3))


class TestZips:
    def test_damage_and_encryption_are_reasons(self, tmp_path):
        place = write_zip(tmp_path / "a.zip", {"a.png": png(1), "b.png": png(2), "c.png": png(3)})
        data = bytearray(place.read_bytes())
        with zipfile.ZipFile(place) as archive:
            offsets = {entry.filename: entry.header_offset for entry in archive.infolist()}
        data[offsets["a.png"] + 60] ^= 255
        directory = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
        data[directory + 8] |= 1  # b.png says that it is encrypted
        third = data.index(b"PK\x01\x02", directory + 1)
        data[third + 10 : third + 12] = b"\x63\0"  # c.png is of a method that is not known
        place.write_bytes(data)
        source = open_source(str(place), 64)
        assert reason(source, "a.png") in (files.UNREADABLE, decoding.DAMAGED)
        assert reason(source, "b.png") == files.ENCRYPTED
        assert reason(source, "c.png") == files.COMPRESSION
        with zipfile.ZipFile(place, "w", zipfile.ZIP_BZIP2) as archive:  # has no bound
            archive.writestr("a.png", bytes(10**6))
        assert reason(open_source(str(place), 64), "a.png") == files.COMPRESSION

    def test_links_are_passed_over_and_a_changed_zip_is_read_anew(self, tmp_path):
        place = write_zip(tmp_path / "a.zip", {"a.png": png(1)})
        assert open_source(str(place), 64).names == ["a.png"]
        with zipfile.ZipFile(place, "a") as archive:
            link = zipfile.ZipInfo("link.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
            archive.writestr("b.png", png(2))
        assert open_source(str(place), 64).names == ["a.png", "b.png"]

    def test_one_bad_name_does_not_refuse_the_whole(self, tmp_path):
        files = {"лик.png": png(1), "ok.png": png(2), "顔.png": png(3)}
        place = write_zip(tmp_path / "a.zip", files)
        bad = "лик".encode()[:3] + b"\xff\xfe\xff"
        place.write_bytes(place.read_bytes().replace("лик".encode(), bad))
        source = open_source(str(place), 64)
        assert source.names[::2] == ["ok.png", "顔.png"]
        for name, seed in zip(source.names, (2, 1, 3), strict=True):
            assert_array_equal(pixels(source, name), picture(seed))

    def test_a_zip_that_claims_a_small_size_is_found_out(self, tmp_path):
        place = write_zip(tmp_path / "a.zip", {"a.png": bytes(100_000)})
        data = bytearray(place.read_bytes())
        at = data.index(b"PK\x01\x02") + 24
        data[at : at + 4] = (10).to_bytes(4, "little")
        place.write_bytes(data)
        assert reason(open_source(str(place), 64), "a.png") == files.UNREADABLE


class TestTars:
    @pytest.mark.parametrize(
        "format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
    )
    def test_all_formats_of_headers(self, tmp_path, format):
        long = "d" * 90 + "/" + "n" * 60 + ".png"
        files = {"a.png": png(1), long: png(2), "./c.png": png(3), "z.png": b""}
        source = open_source(str(write_tar(tmp_path / "a.tar", files, format=format)), 64)
        assert source.names == ["a.png", "c.png", long, "z.png"]
        assert_array_equal(pixels(source, long), picture(2))
        assert_array_equal(pixels(source, "c.png"), picture(3))

    def test_links_and_devices_are_passed_over(self, tmp_path):
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            for name, kind in (
                ("link.png", tarfile.SYMTYPE),
                ("hard.png", tarfile.LNKTYPE),
                ("device.png", tarfile.CHRTYPE),
                ("pipe.png", tarfile.FIFOTYPE),
                ("folder.png", tarfile.DIRTYPE),
            ):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kind, "/etc/passwd"
                archive.addfile(member)
            member = tarfile.TarInfo("a.png")
            member.size = len(png())
            archive.addfile(member, io.BytesIO(png()))
        assert open_source(str(tmp_path / "a.tar"), 64).names == ["a.png"]

    def test_the_webdataset_convention_gives_labels(self, tmp_path):
        samples = {
            "s/001.jpg": png(1),
            "s/001.json": b'{"smiling": true, "age": 31.5, "name": "x", "face_id": 7, "more": {}}',
            "s/001.cls": b"3",
            "s/002.jpg": png(2),
            "s/002.json": b'{"age": null, "smiling": false, "hat": 1}',
            "s/002.txt": b"a woman who smiles",
            "s/003.png": png(3),
            "s/003.json": b"[1, 2]",
            "alone.txt": b"neither a picture nor the label of one",
        }
        source = open_source(str(write_tar(tmp_path / "a.tar", samples)), 64)
        assert source.names == ["alone.txt", "s/001.jpg", "s/002.jpg", "s/003.png"]
        assert source.attribute_names == ["smiling", "age", "cls", "hat"]
        assert_array_equal(
            source.attributes, [[nan] * 4, [1, 31.5, 3, nan], [-1, nan, nan, 1], [nan] * 4]
        )

    def test_shards_are_one_source(self, tmp_path):
        for split, number, seed in (("train", 0, 1), ("train", 1, 2), ("val", 0, 3)):
            files = {"000.png": png(seed), "000.json": b'{"people": %d}' % seed}
            write_tar(tmp_path / f"{split}-{number:03d}.tar", files)
        names = ["train-000/000.png", "train-001/000.png"]
        source = open_source(f"{tmp_path}/train-{{000..001}}.tar", 64)
        assert source.names == names
        assert_array_equal(pixels(source, names[1]), picture(2))
        whole = open_source(str(tmp_path), 64)
        assert whole.names == [*names, "val-000/000.png"]
        assert whole.splits == ["train", "train", "validation"]
        assert_array_equal(whole.attributes, [[1], [2], [3]])
        listed = open_source(f"{tmp_path}/{{train-001,val-000}}.tar", 64)
        assert listed.splits == ["train", "validation"]
        refused(f"{tmp_path}/train-{{000..002}}.tar", r"nothing at .*train-002\.tar")

    def test_broken_tars_and_labels_are_said(self, tmp_path):
        place = write_tar(tmp_path / "a.tar", {f"{i}.png": bytes(3000) for i in range(9)})
        place.write_bytes(place.read_bytes()[:15_000])
        refused(place, r"a\.tar cannot be read as a tar ")
        write_tar(place, {f"{i}.png": bytes(3000) for i in range(9)})
        data = bytearray(place.read_bytes())
        data[7 * 512 : 7 * 512 + 8] = b"damaged!"
        place.write_bytes(data)
        refused(place, r"a\.tar cannot be read as a tar \(it is damaged")
        (tmp_path / "b.tar.gz").write_bytes(gzip.compress(os.urandom(30_000))[:9000])
        refused(tmp_path / "b.tar.gz", r"b\.tar\.gz cannot be read as a tar")
        write_tar(tmp_path / "c.tar", {"a.png": png(), "a.json": b"{broken"})
        refused(tmp_path / "c.tar", r"a\.json in .*c\.tar cannot be read")

    @pytest.mark.parametrize(
        "size", [b"\xff" * 10 + b"\xfe\x00", b"\x80" + b"\0" * 5 + b"\x7f" * 6]
    )
    @pytest.mark.parametrize("kind", [b"0", b"x", b"L", b"5"])
    def test_sizes_in_headers_are_not_trusted(self, tmp_path, size, kind):
        """Backwards, and beyond all bounds, as numbers of 256."""
        place = write_tar(tmp_path / "a.tar", {"a.png": png(), "b.png": png()})
        data = bytearray(place.read_bytes())
        header = data[:512]
        header[124:136], header[156:157] = size, kind
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        place.write_bytes(data[:0] + header + data[512:])
        refused(place, "cannot be read as a tar")


class TestParquet:
    @staticmethod
    def rows(count, start=0, **columns):
        return [
            {
                "image": {"bytes": png(start + index), "path": f"{start + index:06d}.jpg"},
                **{name: values[index] for name, values in columns.items()},
            }
            for index in range(count)
        ]

    def test_a_set_as_on_the_hub(self, tmp_path):
        data = tmp_path / "celeba" / "data"
        labels = {"Smiling": [True, False, True], "celeb_id": [5, 6, 7], "prompt": ["a", "b", "c"]}
        for index, split in enumerate(("train", "valid", "test")):
            name = f"{split}-00000-of-00001-abcd.parquet"
            write_parquet(data / name, self.rows(3, 3 * index, **labels))
        source = open_source(str(tmp_path / "celeba"), 64)
        assert source.splits == ["test"] * 3 + ["train"] * 3 + ["validation"] * 3
        assert source.names == [f"{i:06d}.jpg" for i in (6, 7, 8, 0, 1, 2, 3, 4, 5)]
        assert source.attribute_names == ["Smiling"]
        assert_array_equal(source.attributes[:, 0], [1, -1, 1] * 3)
        for name in source.names:
            assert_array_equal(pixels(source, name), picture(int(name[:6])))

    def test_rows_are_read_in_any_order_and_in_another_process(self, tmp_path):
        place = write_parquet(tmp_path / "a.parquet", self.rows(100), row_group_size=40)
        source = open_source(str(place), 64)
        sent = pickle.dumps(source.container)
        assert len(sent) < 1000
        container = pickle.loads(sent)
        for index in (0, 1, 39, 40, 99, 80, 81, 3, 3):
            name = source.names[index]
            assert_array_equal(container.open(name).decode(), picture(index))

    def test_plain_bytes_and_rows_without_names(self, tmp_path):
        rows = [{"jpg": png(index), "n": index} for index in range(3)]
        source = open_source(str(write_parquet(tmp_path / "train-0.parquet", rows)), 64)
        assert source.names == ["train-0/000000", "train-0/000001", "train-0/000002"]
        assert source.splits == ["train"] * 3
        assert_array_equal(pixels(source, "train-0/000002"), picture(2))
        assert_array_equal(source.attributes[:, 0], [0, 1, 2])

    def test_classes_become_labels(self, tmp_path):
        features = {
            "sex": {"_type": "ClassLabel", "names": ["female", "male"]},
            "mood": {"_type": "ClassLabel", "names": ["calm", "happy", "sad"]},
        }
        rows = self.rows(4, sex=[0, 1, -1, 1], mood=[2, 1, None, 0], old=[0.5, None, 1, 0])
        place = write_parquet(tmp_path / "a.parquet", rows, {"info": {"features": features}})
        source = open_source(str(place), 64)
        assert source.attribute_names == ["sex", "mood=calm", "mood=happy", "mood=sad", "old"]
        assert_array_equal(
            source.attributes,
            [[-1, -1, -1, 1, 0.5], [1, -1, 1, -1, nan], [nan, nan, nan, nan, 1], [1, 1, -1, -1, 0]],
        )

    def test_missing_and_broken_pictures_are_reasons(self, tmp_path, monkeypatch):
        rows = self.rows(4)
        rows[1]["image"] = None
        rows[2]["image"]["bytes"] = None
        rows[3]["image"]["bytes"] = b"no picture"
        source = open_source(str(write_parquet(tmp_path / "a.parquet", rows)), 64)
        assert source.names == [f"a/{index:06d}" for index in range(4)]
        assert_array_equal(pixels(source, source.names[0]), picture(0))
        assert reason(source, source.names[1]) == parquet.NO_BYTES
        assert reason(source, source.names[2]) == parquet.NO_BYTES
        assert reason(source, source.names[3]) == decoding.UNKNOWN

    def test_damaged_rows_are_reasons_and_the_others_are_read(self, tmp_path):
        place = write_parquet(
            tmp_path / "a.parquet", self.rows(60), row_group_size=20, compression="none",
            write_page_checksum=True,
        )  # fmt: skip
        data = bytearray(place.read_bytes())
        at = data.index(png(25))
        data[at - 900 : at] = bytes(900)
        place.write_bytes(data)
        source = open_source(str(place), 64)
        read = []
        for index, name in enumerate(source.names):
            try:
                assert_array_equal(pixels(source, name), picture(index))
                read.append(index)
            except NotAPicture:
                pass
        assert set(range(20)) | set(range(40, 60)) <= set(read)
        assert len(read) < 60

    def test_what_is_no_set_of_pictures_is_said(self, tmp_path, monkeypatch):
        write_parquet(tmp_path / "a.parquet", [{"age": 3}])
        write_parquet(tmp_path / "b.parquet", [{"one": b"1", "two": b"2"}])
        (tmp_path / "c.parquet").write_bytes(b"PAR1 and nothing else")
        refused(tmp_path / "a.parquet", "no column of bytes")
        refused(tmp_path / "b.parquet", "several columns of bytes")
        refused(tmp_path / "c.parquet", r"c\.parquet cannot be read as Parquet")
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        refused(tmp_path / "b.parquet", r"pip install 'lik-vae\[parquet\]'")


class TestSeveral:
    def test_one_alone_is_itself(self, tmp_path):
        write_folder(tmp_path / "a", {"1.png": png()})
        alone, same = open_sources([str(tmp_path / "a")], 64), open_source(str(tmp_path / "a"), 64)
        assert alone.identity == same.identity
        assert alone.description == same.description

    def test_names_are_kept_where_they_differ_and_preceded_where_not(self, tmp_path):
        write_folder(tmp_path / "a", {"1.png": png(1), "x/2.png": png(2)})
        write_folder(tmp_path / "b", {"3.png": png(3)})
        write_folder(tmp_path / "other" / "a", {"1.png": png(4)})
        texts = [str(tmp_path / name) for name in ("a", "b", "other/a")]
        source = open_sources(texts[:2], 64)
        assert source.names == ["1.png", "x/2.png", "3.png"]
        source = open_sources(texts, 64)
        assert source.names == ["a/1.png", "a/x/2.png", "b/3.png", "a-2/1.png"]
        sent = pickle.dumps(source.container)
        assert len(sent) < 1000
        container = pickle.loads(sent)
        assert container.names() == source.names
        for name, seed in zip(source.names, (1, 2, 3, 4), strict=True):
            assert_array_equal(container.open(name).decode(), picture(seed))

    def test_labels_splits_and_eyes_are_united(self, tmp_path):
        celeba = tmp_path / "celeba"
        write_celeba(celeba)
        place = write_tar(
            tmp_path / "test-0.tar", {"9.png": png(9), "9.json": b'{"Age": 40, "Smiling": 1}'}
        )
        source = open_sources([str(celeba), str(place)], 64)
        assert source.attribute_names == ["Bald", "Smiling", "Age"]
        assert_array_equal(
            source.attributes, [[1, -1, nan], [-1, 1, nan], [nan, nan, nan], [nan, 1, 40]]
        )
        assert source.splits == ["train", "test", "validation", "test"]
        assert source.eyes.shape == (4, 2, 2)
        assert np.isnan(source.eyes[3]).all()
        assert not np.isnan(source.eyes[0]).any()

    def test_drawn_faces_keep_their_factors_and_are_not_mixed(self, tmp_path):
        source = open_sources(["drawn:3", "drawn:2:7"], 16)
        assert source.names[0] == "drawn-0-000000"
        assert source.factors.shape == (5, len(source.factor_names))
        assert source.aligned
        overlapping = open_sources(["drawn:3", "drawn:2"], 16)
        assert overlapping.names[3] == "drawn-2/drawn-0-000000"
        assert pixels(overlapping, overlapping.names[3]).shape == (16, 16, 3)
        write_folder(tmp_path / "a", {"1.png": png()})
        with pytest.raises(UnusableInput, match="separately"):
            open_sources(["drawn:3", str(tmp_path / "a")], 16)
        with pytest.raises(UnusableInput, match="drawn:3 is given twice"):
            open_sources(["drawn:3", "drawn:3"], 16)


class TestLabels:
    @pytest.fixture
    def source(self, tmp_path):
        files = {"x/1.jpg": png(1), "x/2.jpg": png(2), "y/2.jpg": png(3), "y/4.jpg": png(4)}
        return open_source(str(write_folder(tmp_path / "pictures", files)), 64)

    @pytest.fixture
    def labelled(self, source, tmp_path):
        def label(text, of=source):
            (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
            return with_labels(of, tmp_path / "labels.csv")

        return label

    def test_names_in_full_without_folders_and_without_suffix(self, labelled):
        report = labelled("file,Age\nx/2.jpg,20\n1.jpg,10.5\n4,-3\nelsewhere.jpg,9\n")
        assert_array_equal(report.source.attributes[:, 0], [10.5, 20, nan, -3])
        assert (report.matched, report.unmatched, report.unlabelled) == (3, 1, 1)
        assert report.source.identity != labelled("file,Age\nx/2.jpg,20\n").source.identity

    @pytest.mark.parametrize(
        "text",
        [
            "image,Age\nstra\u00dfe/Zoe\u0308.png,5\n",  # composed otherwise
            "image,Age\nZo\u00eb,5\n",
            "image,Age\nC:\\pictures\\Zo\u00eb.JPG,5\n",
            ",image,Age\n3,Zo\u00eb.png,5\n",  # written by pandas
            "Unnamed: 0,file,Age\n0,7.jpg,6\n1,Zo\u00eb.png,5\n",
        ],
    )
    def test_names_are_matched_however_they_are_written(self, labelled, tmp_path, text):
        files = {"Zo\u00eb.png": png(), "000007.png": png(), "a\rb.png": png()}
        source = open_source(str(write_folder(tmp_path / "more", files)), 64)
        ages = labelled(text, source).source.attributes[:, 0]
        assert dict(zip(source.names, ages, strict=True))["Zo\u00eb.png"] == 5
        text = ',Age\n7,6\n"a\rb.png",4\n'  # here the index of pandas is the name
        report = labelled(text, source)
        assert dict(zip(source.names, report.source.attributes[:, 0], strict=True)) == {
            "Zo\u00eb.png": pytest.approx(nan, nan_ok=True), "000007.png": 6, "a\rb.png": 4,
        }  # fmt: skip

    def test_kinds_of_values(self, labelled):
        text = (
            "\ufeffname;Smiling;Hat;Beard;Age\r\nx/1.jpg;1;yes;-1;3e1\r\nx/2.jpg;0;NO;1;\r\n"
            "\r\ny/2.jpg;;true;;nan\r\n"
        )
        report = labelled(text)
        assert report.source.attribute_names == ["Smiling", "Hat", "Beard", "Age"]
        assert_array_equal(
            report.source.attributes,
            [[1, 1, -1, 30], [-1, -1, 1, nan], [nan, 1, nan, nan], [nan, nan, nan, nan]],
        )

    def test_splits(self, labelled):
        report = labelled(
            "file,Split,a\nx/1.jpg,test,1\nx/2.jpg,val,1\ny/2.jpg,,1\n4.jpg,Train,2\n"
        )
        assert report.source.splits == ["test", "validation", None, "train"]
        assert report.source.attribute_names == ["a"]
        source = labelled("file,split\nx/1.jpg,test\n").source
        assert source.attributes.shape == (4, 0)
        assert source.splits[0] == "test"

    def test_what_was_known_stays_where_the_file_says_nothing(self, labelled):
        first = labelled("file,a,b\n1,5,6\n4,7,8\n").source
        second = labelled("file,b,c\n1,9,3\n4,,4\n", first).source
        assert second.attribute_names == ["a", "b", "c"]
        assert_array_equal(second.attributes[[0, 3]], [[5, 9, 3], [7, 8, 4]])

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("file,a\n1,2\n2.jpg,3\n", r"line 3: this may be x/2\.jpg or y/2\.jpg"),
            ("file,a\n1,2\n4,much\n", "line 3: 'much' in column a is no number"),
            ("file,a\n1,inf\n", "line 2: 'inf' in column a"),
            ("file,a\n1,2\n4,2,3\n", "line 3: 3 values for 2 columns"),
            ("file,a\n1,2\nx/1.jpg,3\n", r"line 3: x/1\.jpg has a row already, in line 2"),
            ("file,split\n1,holdout\n", "line 2: the split 'holdout'"),
            ("file,a,a\n1,2,3\n", "a name, and one of its own"),
            ("file\n1\n", "has no labels"),
            ("", "has no labels"),
            ("file,a\nnone.jpg,1\n", r"none of the 1 names .*x/1\.jpg is one"),
            ('file,a\n"1,2\n', "line 2"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_line(self, labelled, text, said):
        with pytest.raises(UnusableInput, match=said):
            labelled(text)

    def test_missing_and_undecodable_files_are_said(self, source, tmp_path):
        with pytest.raises(UnusableInput, match="No such file"):
            with_labels(source, tmp_path / "none.csv")
        (tmp_path / "a.csv").write_bytes(b"file,a\n\xff\xfe,1\n")
        with pytest.raises(UnusableInput, match="not in UTF-8"):
            with_labels(source, tmp_path / "a.csv")


def write_celeba(path, form="txt", names="{}.png"):
    """Three pictures, and tables that list 1.png to 3.png, the third without labels and eyes."""
    write_folder(path / "img_align_celeba", {names.format(i): png(i) for i in (1, 2, 3)})
    tables = {
        "list_attr_celeba": (["Bald", "Smiling"], [[1, -1], [-1, 1]]),
        "list_landmarks_align_celeba": (
            ["lefteye_x", "lefteye_y", "righteye_x", "righteye_y", "nose_x", "nose_y"],
            [[69, 111, 108, 112, 80, 130], [110, 113, 70, 109, 80, 130]],
        ),
    }
    for name, (columns, rows) in tables.items():
        lines = [[f"{i}.png", *map(str, row)] for i, row in enumerate(rows, 1)]
        if form == "csv":
            text = "\n".join(",".join(line) for line in [["image_id", *columns], *lines])
        else:
            text = f"2\n{' '.join(columns)}\n" + "\n".join("  ".join(line) for line in lines)
        (path / f"{name}.{form}").write_text(text + "\n")
    splits = "1.png 0\n2.png 2\n3.png 1\n"
    if form == "csv":
        splits = "image_id,partition\n" + splits.replace(" ", ",")
    (path / f"list_eval_partition.{form}").write_text(splits)


class TestCelebA:
    @pytest.mark.parametrize("form", ["txt", "csv"])
    @pytest.mark.parametrize("inner", ["", "img_align_celeba"])
    def test_its_files_give_labels_splits_and_eyes(self, tmp_path, form, inner):
        write_celeba(tmp_path, form)
        source = open_source(str(tmp_path / inner), 64)
        assert source.splits == ["train", "test", "validation"]
        assert source.attribute_names == ["Bald", "Smiling"]
        assert_array_equal(source.attributes, [[1, -1], [-1, 1], [nan, nan]])
        # The middle of the pixels; the eye of smaller x first, whatever the file calls it.
        eyes = source.eyes * (178, 218)
        assert_allclose(eyes[0], [[69.5, 111.5], [108.5, 112.5]])
        assert_allclose(eyes[1], [[70.5, 109.5], [110.5, 113.5]])
        assert np.isnan(eyes[2]).all()

    def test_without_landmarks_there_are_no_eyes_and_the_job_is_another(self, tmp_path):
        write_celeba(tmp_path)
        before = open_source(str(tmp_path), 64)
        (tmp_path / "list_landmarks_align_celeba.txt").unlink()
        after = open_source(str(tmp_path), 64)
        assert after.eyes.shape == (0, 2, 2)
        assert before.identity != after.identity

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("attr_celeba.txt", "2\nBald Smiling\n1.png 1\n", "no line names as many"),
            ("attr_celeba.txt", "2\nBald Smiling\n1.png 1 x\n", "line 3: could not convert"),
            ("attr_celeba.txt", "2\nBald Smiling Old\n1.png 1 1\n", "no line names as many"),
            ("attr_celeba.txt", "", "no rows"),
            ("attr_celeba.txt", "1.png 1 -1\n2.png 1 1\n", "no line names as many"),
            ("attr_celeba.txt", "2\nBald Smiling\n1 -1\n-1 1\n", "no column of the names"),
            ("attr_celeba.csv", "Bald,Smiling\n1,-1\n-1,1\n", "no column of the names"),
            ("attr_celeba.csv", "<html><body>Quota exceeded</body></html>", "a web page"),
            ("attr_celeba.csv", "a table, of another kind", "no rows"),
            ("attr_celeba.csv", "image_id,Bald\n8.png,1\n9.png,-1\n", "fits no picture"),
            ("attr_celeba.csv", "image_id,Bald\n1.png,1\n1.jpg,-1\n", "1.png has a row already"),
            ("eval_partition.txt", "1.png 7\n", "0, 1 or 2"),
            ("eval_partition.txt", "1.png\n2.png 1\n", "line 1: 1 values for 2 columns"),
            ("eval_partition.txt", "8.png 0\n", "fits no picture"),
            ("eval_partition.csv", "partition\n0\n1\n", "no column of the names"),
            ("eval_partition (1).txt", "1.png 0\n", "under another name"),
            ("Eval_Partition.TXT", "1.png 0\n", "under another name"),
            ("landmarks_align_celeba.txt", "2\na b\n1.png 1 2\n", "it lacks lefteye_x"),
        ],
    )
    def test_broken_tables_and_those_that_fit_nothing_are_said(self, tmp_path, name, text, said):
        write_celeba(tmp_path)
        for file in tmp_path.glob(f"list_{name.lower().split('_')[0]}*"):
            file.unlink()
        (tmp_path / f"list_{name}").write_text(text)
        with pytest.raises(UnusableInput, match=said) as caught:
            open_source(str(tmp_path), 64)
        assert f"list_{name}" in str(caught.value)

    @pytest.mark.parametrize("form", ["txt", "csv"])
    @pytest.mark.parametrize(
        "names", ["{:06d}.jpg", "{:06d}.JPG", "{:06d}.webp", "{}.png", "{}.jpg", "x/{:03d}.Png"]
    )
    def test_pictures_are_matched_by_stem_and_number(self, tmp_path, form, names):
        write_celeba(tmp_path, form, names)
        told = []
        source = open_source(str(tmp_path), 64, told.append)
        assert source.splits == ["train", "test", "validation"]
        assert_array_equal(source.attributes, [[1, -1], [-1, 1], [nan, nan]])
        assert len(told) == 2  # the third has neither attributes nor eyes
        assert all("1 of 3 pictures have no row in" in sentence for sentence in told)

    def test_strokes_of_windows_in_a_zip_do_not_matter(self, tmp_path):
        write_celeba(tmp_path)
        shutil.rmtree(tmp_path / "img_align_celeba")
        names = [f"img_align_celeba\\{i}.png" for i in (1, 2, 3)]
        write_zip(tmp_path / "img_align_celeba.zip", {name: png() for name in names})
        assert open_source(str(tmp_path), 64).splits == ["train", "test", "validation"]

    @pytest.mark.parametrize(
        ("form", "text"),
        [
            ("csv", ",image_id,Bald,Smiling\n0,1.png,1,-1\n1,2.png,-1,1\n"),
            ("csv", ",image_id,Bald,Smiling\n0,1,1,-1\n1,2,-1,1\n"),
            ("csv", '"image_id","Bald","Smiling"\r\n"1.png","1","-1"\r\n"2.png","-1","1"\r\n'),
            ("csv", "\ufeffimage_id,Bald,Smiling\n000001.jpg,1,-1\n000002.jpg,-1,1\n"),
            ("txt", "Bald Smiling\n1.png 1 -1\n2.png -1 1\n"),  # without the count
        ],
    )
    def test_other_ways_to_write_a_table(self, tmp_path, form, text):
        write_celeba(tmp_path, form)
        (tmp_path / f"list_attr_celeba.{form}").write_bytes(text.encode())
        source = open_source(str(tmp_path), 64)
        assert source.attribute_names == ["Bald", "Smiling"]
        assert_array_equal(source.attributes[:2], [[1, -1], [-1, 1]])

    def test_one_stem_for_two_pictures_is_refused(self, tmp_path):
        write_celeba(tmp_path, names="{}.jpg")
        write_folder(tmp_path / "img_align_celeba", {"1.webp": png()})
        refused(tmp_path, r"this may be 1\.jpg or 1\.webp")

    def test_tables_among_the_pictures_are_used_and_a_missing_partition_is_said(self, tmp_path):
        write_celeba(tmp_path)
        (tmp_path / "img_align_celeba").rename(tmp_path / "pictures")
        told = []
        source = open_sources([str(tmp_path)], 64, told.append)
        assert source.names == [f"pictures/{i}.png" for i in (1, 2, 3)]
        assert source.splits == ["train", "test", "validation"]
        (tmp_path / "list_eval_partition.txt").unlink()
        told.clear()
        assert open_sources([str(tmp_path)], 64, told.append).splits == [None] * 3
        assert any("not CelebA's own partition" in sentence for sentence in told)

    def test_the_real_one_lies_as_it_is_expected(self, real_data):
        source = open_source(str(real_data / "celeba-half"), 64)
        assert len(source.attribute_names) == 40
        assert set(np.unique(source.attributes)) == {-1, 1}
        assert set(source.splits) == {"train", "validation", "test"}
        opened = source.container.open(source.names[0])
        assert (opened.width, opened.height) == (89, 109)


class TestOpening:
    def test_missing_and_empty_sources_are_said(self, tmp_path):
        (tmp_path / "empty").mkdir()
        for wrong in ("empty", "none"):
            refused(tmp_path / wrong, wrong)
        for wrong in ("drawn:", "drawn:0", "drawn:many"):
            refused(wrong, "drawn:N")

    def test_a_file_of_another_kind_is_said(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(png())
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 cut off")
        refused(tmp_path / "a.jpg", r"a\.jpg is neither")
        refused(tmp_path / "pipe", "pipe is a device or a pipe")
        refused("n" * 5000, "cannot be read")
        refused(tmp_path / "a.zip", r"a\.zip cannot be read as a zip")

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("tar", "TAR"), ("tar.gz", "tgz"), ("tar.xz", "tar.xz"), ("tar.xz", "txz"),
            ("tar.bz2", "tar.bz2"), ("tar.bz2", "TBZ2"), ("zip", "zip"), ("zip", "ZIP"),
        ],
    )  # fmt: skip
    def test_a_folder_of_archives_is_one_source(self, tmp_path, kind, name):
        (tmp_path / "in").mkdir()
        for split, seed in (("train", 1), ("test", 2)):
            WRITERS[kind](tmp_path / "in" / f"{split}-0.{name}", {"0.png": png(seed)})
        (tmp_path / "README.md").write_text("no picture")
        source = open_source(str(tmp_path), 64)
        assert source.names == ["in/test-0/0.png", "in/train-0/0.png"]
        assert source.splits == ["test", "train"]
        for each, seed in zip(source.names, (2, 1), strict=True):
            assert_array_equal(pixels(source, each), picture(seed))
        container = pickle.loads(pickle.dumps(source.container))
        assert container.stamp(source.names[0]) == source.container.stamp(source.names[0])

    def test_the_suffix_of_parquet_may_be_large(self, tmp_path):
        write_parquet(tmp_path / "A.PARQUET", TestParquet.rows(2))
        assert open_source(str(tmp_path), 64).names == ["000000.jpg", "000001.jpg"]

    def test_the_hashed_split_is_about_eighty_ten_ten(self):
        splits = [hashed_split(f"{index}.jpg") for index in range(4000)]
        assert abs(splits.count("train") / 4000 - 0.8) < 0.03
        assert abs(splits.count("test") / 4000 - 0.1) < 0.02
        assert splits[7] == hashed_split("7.jpg")

    @pytest.mark.parametrize(
        ("file", "among_others", "split"),
        [
            ("train-00000-of-00019.parquet", False, "train"),
            ("data/valid-00000-of-00001-ab12.parquet", True, "validation"),
            ("faces-test-000001.tar", False, "test"),
            ("default/validation/0000.parquet", True, "validation"),
            ("test.tar", False, None),
            ("test.tar", True, "test"),
            ("latest-000.tar", True, None),
            ("training-notes.tar", True, None),
        ],
    )
    def test_splits_are_read_from_the_names_of_files(self, file, among_others, split):
        assert split_of(file, among_others) == split
