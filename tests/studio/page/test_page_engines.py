"""The engine of the studio and that of an exported page do the same: one suite asks both."""

import io
import json
import subprocess
import sys
from urllib.parse import urlsplit

import numpy as np
import pytest
from exported_pages import Asked, served
from PIL import Image

from lik.app.editing import edit_code
from lik.app.edits import Edit, record_from
from lik.app.source_records import code_of, draw_codes, read_source

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(folder):
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def studio(run):
    command = [sys.executable, "-m", "lik", "studio", str(run.path), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield urlsplit(server.stdout.readline().strip())
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture(scope="module", params=["server", "browser"])
def engine(request, browser):
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    if request.param == "browser":
        page.goto(request.getfixturevalue("exported") + "/static/icon.png")
        yield Asked(page, "/static")
    else:
        address = request.getfixturevalue("studio")
        page.goto(f"{address.scheme}://{address.netloc}/static/icon.png")
        yield Asked(page, "/static", [address.fragment.removeprefix("t="), "toy"])
    context.close()


@pytest.fixture(scope="module")
def record(run):
    return {
        "version": 1, "strengths": {"Smiling": "0.35", "dimension:1": "-0.8"}, "method": "means",
        "mode": "decode", "inverted": 0, "run": run.name, "model_sha256": run.sha256,
    }  # fmt: skip


def source_of(seed, index):
    return {"kind": "prior", "seed": seed, "index": index, "temperature": None, "prior": None}


def test_a_run_is_described(engine, run):
    about = engine.ask("about")
    assert (about["name"], about["size"], about["latent"]) == ("toy", 16, 4)
    assert about["model_sha256"] == run.sha256
    assert [method["name"] for method in about["methods"]] == ["means", "guided"]
    assert {"traits", "dimensions", "priors", "usual_prior", "widen", "card"} <= about.keys()
    assert set(about["abilities"]) >= {"detect", "carry", "guided", "testset", "training"}


def test_directions_are_the_runs_own(engine, run):
    found = engine.ask("directions", "means")
    own = run.directions("means").directions
    assert list(found) == list(own)
    for name, vector in found.items():
        assert vector.tobytes() == own[name].vector.astype("<f4").tobytes()


@pytest.mark.parametrize("seed", [0, 9, 63])
def test_a_seed_gives_its_faces(engine, run, seed):
    given = {"kind": "prior", "seed": seed, "count": 16, "temperature": None, "prior": None}
    assert np.array_equal(engine.ask("draw", given), draw_codes(run, 16, seed))


def test_decodings_are_the_runs_own(engine, run):
    codes = np.concatenate([draw_codes(run, 64), draw_codes(run, 36, 40)])
    found = np.reshape(engine.ask("decode", list(codes)), (100, 16, 16, 3))
    off = np.abs(found.astype(int) - run.decode(codes))
    assert off.max() <= 1
    assert off.mean() < 0.01


def test_what_no_direction_is_is_refused(engine):
    with pytest.raises(RuntimeError, match="directions"):
        engine.ask("directions", "constructor")


def test_a_picture_of_the_runs_size_is_encoded(engine, run, drawn_pictures):
    found = engine.ask("encode", [png_of(drawn_pictures[3]), None])
    assert (found["width"], found["height"], found["a_crop"]) == (16, 16, True)
    (face,) = found["faces"]
    assert np.array_equal(face["crop"], drawn_pictures[3].ravel())
    assert np.abs(face["code"] - run.encode(drawn_pictures[3:4])[0]).max() < 0.05
    assert len(found["sha256"]) == 64


def test_no_edit_carries_nothing_onto_a_face(engine, run, drawn_pictures):
    codes = list(run.encode(drawn_pictures[:2]))
    for one in engine.ask("carry", [codes, codes, list(drawn_pictures[:2])]):
        assert not one["flow"].any()
        assert not one["colour"].any()
        assert one["tint"].tolist() == [0] * 12
        assert (one["flow"].size, one["colour"].size) == (16 * 16 * 2, 16 * 16 * 3)


@pytest.mark.parametrize("kind", ["drawn", "mixed"])
def test_the_picture_of_an_edit_is_that_of_lik(engine, run, record, kind):
    told = source_of(5, 3)
    if kind == "mixed":
        edited = {
            "kind": "edited",
            "source": told,
            "method": "means",
            "strengths": {"Blond_Hair": "1"},
        }
        ends = [source_of(9, 0), edited]
        told = {"kind": "mix", "ends": ends, "shares": ["0.3", "0.7"], "path": "spherical"}
    png = engine.ask("edit", [record, None, told])["png"].tobytes()
    image = Image.open(io.BytesIO(png))
    read, source = read_texts(image)
    own = edit_code(run, code_of(run, source), source, Edit.of(record_from(record, "it")))
    assert read == own.record
    assert source == own.source
    assert np.abs(np.asarray(image, int) - own.pixels).max() <= 1
    assert set(image.text) == set(Image.open(io.BytesIO(own.png())).text)


def test_a_face_that_was_given_is_edited(engine, run, record, drawn_pictures):
    png = png_of(drawn_pictures[5])
    found = engine.ask("encode", [png, None])
    done = engine.ask("edit", [record, png, None])["png"].tobytes()
    image = Image.open(io.BytesIO(done))
    read, source = read_texts(image)
    assert (source.kind, source.sha256) == ("photograph", found["sha256"])
    assert (read.mode, read.inverted) == ("decode", 0)
    code = run.encode(drawn_pictures[5:6])[0]
    own = edit_code(run, code, source, Edit.of(record_from(record, "it")))
    assert np.abs(np.asarray(image, int) - own.pixels).max() <= 2  # means differ in the last bits


def test_an_edit_with_other_weights_is_refused(engine, record):
    with pytest.raises(RuntimeError, match="other weights"):
        engine.ask("edit", [record | {"model_sha256": "0" * 64}, None, source_of(1, 0)])


def test_points_of_the_map_are_faces_of_seeds(engine, run):
    found = engine.ask("map", {"kind": "prior", "seed": 1, "count": 300, "method": "pca"})
    codes = np.concatenate([draw_codes(run, 16, seed) for seed in range(1, 20)])[:300]
    assert np.array_equal(found["codes"], codes)
    assert np.array_equal(found["places"], np.arange(300))
    points = found["points"].reshape(300, 2).astype(float)
    assert 0 < found["shares"][1] <= found["shares"][0] < 1
    centred = points - points.mean(axis=0)
    assert centred[:, 0].std() > centred[:, 1].std() > 0
    # What lies near in the plane lies so along the axes of the codes.
    left, *_ = np.linalg.lstsq(codes - codes.mean(axis=0), centred, rcond=None)
    assert np.allclose((codes - codes.mean(axis=0)) @ left, centred, atol=1e-3)
    assert engine.ask("attributes") == []


def png_of(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def read_texts(image):
    record = record_from(json.loads(image.text["Lik edit"]), "it")
    return record, read_source(json.loads(image.text["Lik source"]))
