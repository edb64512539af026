"""Faces compressed and expanded by a run: the same pictures everywhere, or one sentence."""

import shutil
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from informed_run import save_informed
from lik.app import pretrained
from lik.app.compressing import CompressRequest, compress, expand, open_tables, symbols_of
from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.latent.compression import exactly
from lik.latent.compression.container import pack, unpack
from lik.latent.compression.exactly import exact_decodings

ALL = Selection("all")


@pytest.fixture(scope="module")
def informed(untrained, tmp_path_factory):
    """A run whose tables have been learned."""
    path = save_informed(tmp_path_factory.mktemp("informed") / "toy", untrained)
    open_tables(OpenedRun(path, "cpu"))
    return path


@pytest.fixture
def opened(informed):
    return OpenedRun(informed, "cpu")


@pytest.fixture
def written(opened, tmp_path):
    return compress(opened, selection=ALL).save(tmp_path / "faces.lik")


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("kind", [None, torch.bfloat16, torch.float16])
def test_what_is_expanded_is_the_decoding_of_the_quantised_code(
    opened, faces, written, threads, number, kind
):
    threads(number)
    level = open_tables(opened).levels[1]
    symbols = symbols_of(opened, np.asarray(faces.images), level)
    with torch.autocast("cpu", kind or torch.bfloat16, enabled=kind is not None):
        found = expand(written, opened)
        expected = opened.session.decode(level.codes(symbols))
    np.testing.assert_array_equal(found.codes, level.codes(symbols))
    np.testing.assert_array_equal(found.pictures, expected)
    assert np.ptp(found.pictures.astype(int), axis=0).max() > 20  # they differ


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_of_half_the_precision_expand_what_they_compressed(opened, kind, tmp_path):
    for tensor in opened.session.model.state_dict().values():
        tensor.copy_(tensor.to(kind))
    shutil.copytree(opened.path, tmp_path / "half")
    opened.path = tmp_path / "half"
    made = compress(opened, selection=ALL)  # whose tables are learned anew, for other weights
    found = expand(made.save(tmp_path / "half.lik"), opened)
    np.testing.assert_array_equal(found.pictures, made.expanded)


def test_bytes_are_those_of_the_entropy(opened):
    for precision in (0.5, 1.0, 2.0):
        told = compress(opened, selection=ALL, request=CompressRequest(precision)).metrics
        off = told["coded_bytes_per_face"] / told["entropy_bytes_per_face"]
        assert off == pytest.approx(1, abs=0.02)


def test_every_pixel_is_kept_whatever_the_threads(opened, faces, threads, tmp_path):
    threads(1)
    made = compress(opened, selection=ALL, request=CompressRequest(lossless=True))
    path = made.save(tmp_path / "exact.lik")
    threads(2)
    with torch.autocast("cpu", torch.bfloat16):
        found = expand(path, opened)
    np.testing.assert_array_equal(found.pictures, np.asarray(faces.images))
    assert made.metrics["bits_per_dimension"] < 8


def test_a_pixel_that_is_rounded_otherwise_is_told_and_never_shown(opened, tmp_path, monkeypatch):
    request = CompressRequest(lossless=True)
    path = compress(opened, selection=ALL, request=request).save(tmp_path / "exact.lik")

    def other(session, codes):
        decodings = exact_decodings(session, codes)
        decodings[3] ^= 8
        return decodings

    monkeypatch.setattr("lik.app.compressing.exact_decodings", other)
    with pytest.raises(FailedOnTheWay, match=r"exact\.lik cannot be expanded exactly here"):
        expand(path, opened)


def test_a_decoder_that_stays_in_single_precision_keeps_nothing_exactly(opened, monkeypatch):
    monkeypatch.setattr(exactly, "_AllDouble", lambda: torch.no_grad())
    with pytest.raises(UnusableInput, match="does not compute in float64"):
        exact_decodings(opened.session, np.zeros((1, 4), np.float32))


def test_the_run_that_ships_is_found_by_itself(informed, written, monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "PLACE", tmp_path / "pretrained")
    monkeypatch.setattr("lik.app.compressing.shipped", pretrained.shipped)
    with pytest.raises(UnusableInput, match="does not ship"):
        expand(written)
    shutil.copytree(informed, tmp_path / "pretrained" / "faces")
    assert expand(written).run == "faces"
    (tmp_path / "pretrained" / "faces" / "compression.safetensors").unlink()
    with pytest.raises(UnusableInput, match="no run of your own"):
        expand(written)


def test_other_models_and_other_tables_are_refused_by_name(
    opened, untrained, informed, written, tmp_path
):
    other = save_informed(tmp_path / "other", informed)
    with pytest.raises(UnusableInput, match=r"written by the model [0-9a-f]{16}, and other is"):
        expand(written, OpenedRun(other, "cpu"))
    content = unpack(written.read_bytes(), "x")
    written.write_bytes(pack(replace(content, tables=content.tables ^ 1)))
    with pytest.raises(UnusableInput, match="other tables"):
        expand(written, opened)


def test_five_hundred_damaged_files_are_a_sentence_each(opened, written, tmp_path):
    random = np.random.default_rng(0)
    whole, refused = written.read_bytes(), []
    for number in range(500):
        content = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            content[random.integers(len(content))] ^= 1 << random.integers(8)
        if number % 3 == 0:
            content = content[: random.integers(len(content))]
        elif number % 3 == 1:  # by someone who knows the checksum
            content[-4:] = zlib.crc32(content[:-4]).to_bytes(4, "little")
        written.write_bytes(content)
        try:
            found = expand(written, opened)
        except UnusableInput as error:
            refused.append(str(error))
        else:
            assert number % 3 == 1  # names or codes that could have been written
            assert len(found.pictures) == len(found.names) == 64
    assert len(refused) > 400
    assert all(str(written) in said and "\n" not in said for said in refused)


def test_damaged_files_of_exact_faces_never_give_other_pixels(opened, faces, tmp_path):
    request = CompressRequest(lossless=True, names=False)
    written = compress(opened, selection=ALL, request=request).save(tmp_path / "exact.lik")
    random, whole = np.random.default_rng(0), written.read_bytes()
    for _ in range(15):
        content = bytearray(whole)
        content[random.integers(22, len(content) - 4)] ^= 1 << random.integers(8)
        content[-4:] = zlib.crc32(content[:-4]).to_bytes(4, "little")
        written.write_bytes(content)
        with pytest.raises((UnusableInput, FailedOnTheWay), match=r"exact\.lik"):
            expand(written, opened)


def test_a_head_that_claims_too_much_takes_no_memory(opened, written):
    content = unpack(written.read_bytes(), "x")
    for change in ({"count": 10**9}, {"count": 90_000, "names": ()}, {"level": 7}, {"codes": b""}):
        written.write_bytes(pack(replace(content, **change)))
        with pytest.raises(UnusableInput, match="is broken"):
            expand(written, opened)
    exact = replace(content, residuals=b"\1", pixels=3)
    written.write_bytes(pack(exact))
    with pytest.raises(UnusableInput, match="is broken"):
        expand(written, opened)


def test_names_lead_nowhere_else(opened, written, tmp_path):
    content = unpack(written.read_bytes(), "x")
    names = [
        "../../a.png",
        "/etc/b",
        "C:\\c.jpg",
        "..",
        "",
        "d.png",
        "D.jpg",
        "x/d",
        "e\x00",
        "a" * 300,
    ]
    names += [f"{number}" for number in range(54)]
    written.write_bytes(pack(replace(content, names=names)))
    out = expand(written, opened).save(tmp_path / "deep" / "out")
    found = list(tmp_path.rglob("*.png"))
    assert len(found) == 64
    assert {file.parent for file in found} == {out}
    assert {"a.png", "b.png", "c.png", "d.png", "D-2.png", "d-3.png"} <= {f.name for f in found}
    with pytest.raises(UnusableInput, match="exists already"):
        expand(written, opened).save(out)


def test_tables_that_cannot_be_kept_are_not_used(untrained, tmp_path, monkeypatch):
    path = save_informed(tmp_path / "toy", untrained)
    (path / "environment.json").unlink()
    with pytest.raises(UnusableInput, match="remembers no face set"):
        open_tables(OpenedRun(path, "cpu"))
    with pytest.raises(UnusableInput, match="no folder of a run"):
        open_tables(OpenedRun(path / "model.safetensors", "cpu"))
