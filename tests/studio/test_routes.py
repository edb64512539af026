"""What the page asks for, and that a saved picture is the one of lik edit, to the byte."""

import asyncio
import base64
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.edits import Edit
from lik.app.source_records import SOURCE, code_of, read_source
from lik.faces.io.files import InMemory
from lik.latent.directions.direction import stepped
from lik.studio.refusals import Refused
from lik.studio.routes import unless_gone
from studio_requests import with_record
from terminal import succeed

OWN = "/api/runs/toy"


def floats(answer, columns=4):
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<f4").reshape(-1, columns)


def test_runs_and_what_they_can(client, place):
    listed = client.get("/api/runs").json()
    assert listed == {
        "runs": [{"id": "toy", "name": "toy", "size": 16, "latent": 4}],
        "usual": "toy", "network": None,
    }  # fmt: skip
    about = client.get(OWN).json()
    assert (about["id"], about["size"], about["latent"], about["invert"]) == ("toy", 16, 4, 0)
    assert about["methods"][0]["name"] == about["usual_method"] == "joint"
    assert about["methods"][0]["measured"] == {}
    assert about["traits"][0].keys() == {"name"}
    assert sorted(one["index"] for one in about["dimensions"]) == [0, 1, 2, 3]
    assert about["abilities"] == {
        "detect": True, "carry": True, "guided": False, "testset": True, "runs": False,
        "training": False, "exactSave": True,
    }  # fmt: skip
    assert str(place) not in json.dumps(about)


def test_directions_are_those_of_the_editor(client, place):
    answer = client.get(f"{OWN}/directions/joint")
    names, vectors = json.loads(answer.headers["x-lik-names"]), floats(answer)
    known = lik.load(place).directions("joint").directions
    assert names == list(known)
    np.testing.assert_array_equal(vectors, np.stack([one.vector for one in known.values()]))


def test_a_seed_gives_the_same_codes_however_many_are_asked_for(client, place):
    def drawn(count, **more):
        wanted = {"kind": "prior", "seed": 7, "count": count, "temperature": None, "prior": None}
        return floats(client.post(f"{OWN}/draw", json=wanted | more))

    many = drawn(40)
    np.testing.assert_array_equal(drawn(3), many[:3])
    run = lik.load(place)
    np.testing.assert_array_equal(run.session.draw(16, 7), many[:16])
    source = read_source({"kind": "prior", "seed": 7, "index": 37})
    np.testing.assert_array_equal(code_of(run, source), many[37])
    np.testing.assert_allclose(drawn(2, temperature="0.5"), many[:2] / 2, rtol=1e-6)
    tests = drawn(2, kind="testset")
    np.testing.assert_array_equal(
        code_of(run, read_source({"kind": "testset", "seed": 7, "index": 1})), tests[1]
    )


@pytest.mark.parametrize(
    "wanted",
    [{}, {"kind": "prior"}, {"kind": "prior", "seed": -1}, {"kind": "prior", "seed": 0.5},
     {"kind": "prior", "seed": 0, "count": 65}, {"kind": "prior", "seed": 0, "count": 0},
     {"kind": "file", "seed": 0}, {"kind": "prior", "seed": 0, "path": "/etc"},
     {"kind": "prior", "seed": 0, "prior": "../x"}, {"kind": "prior", "seed": 0, "prior": "none"},
     {"kind": "prior", "seed": 0, "temperature": "nan"},
     {"kind": "prior", "seed": 0, "temperature": "1e9"}, {"kind": "prior", "seed": 10**30}],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(client, wanted):
    answer = client.post(f"{OWN}/draw", json=wanted)
    assert answer.status_code == 422
    assert answer.json()["error"].keys() == {"code", "message", "hint"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"NaN", b"\xff", b"[" * 60_000])
def test_what_is_no_json_is_refused(client, body):
    assert client.post(f"{OWN}/draw", content=body).status_code == 400


def test_a_photograph_comes_back_as_faces(client, photo, place):
    told = client.put(f"{OWN}/faces", content=photo.read_bytes()).json()
    opened = lik.load(place).open_photograph(InMemory(photo.read_bytes()))
    assert (told["width"], told["height"], told["a_crop"]) == (480, 480, False)
    assert told["sha256"] == opened.source.sha256
    assert len(told["faces"]) == 2
    for face, known, code in zip(told["faces"], opened.photograph.faces, opened.codes, strict=True):
        assert face["square"] == vars(known.square)
        crop = np.frombuffer(base64.b64decode(face["crop"]), np.uint8)
        np.testing.assert_array_equal(crop.reshape(16, 16, 3), known.pixels)
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(face["code"]), "<f4"), code)
        assert face["inverted"] == 0


def test_a_run_without_a_network_fits_no_codes_and_gives_the_encoded_ones(client, photo):
    told = client.put(f"{OWN}/faces", content=photo.read_bytes()).json()
    crop = base64.b64decode(told["faces"][0]["crop"])
    code = np.frombuffer(base64.b64decode(told["faces"][0]["code"]), "<f4")
    fitted = floats(client.post(f"{OWN}/fit", content=crop))[0]
    np.testing.assert_allclose(fitted, code, atol=1e-6)  # two faces together round otherwise
    assert client.post(f"{OWN}/fit", content=crop[:-1]).status_code == 400
    assert client.post(f"{OWN}/fit", content=crop * 65).status_code == 400


@pytest.mark.parametrize("change", [{}, {"face": 2}, {"mode": "decode"}, {"strengths": {}}])
def test_a_saved_picture_is_that_of_lik_edit_to_the_byte(
    client, photo, place, record, tmp_path, change
):
    record = record | change
    answer = client.post(f"{OWN}/edit", content=with_record(record, photo.read_bytes()))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    made = tmp_path / "studio.png"
    made.write_bytes(answer.content)
    sets = [f"{name}={value}" for name, value in record["strengths"].items()] or ["Smiling=0"]
    options = [word for one in sets for word in ("--set", one)]
    for name in ("face", "mode"):
        options += [f"--{name}", record[name]] if name in record else []
    out, again = tmp_path / "cli.png", tmp_path / "again.png"
    succeed("edit", photo, "--run", place, *options, "-o", out)
    if sets != ["Smiling=0"]:  # whose record holds that nothing was asked for
        assert out.read_bytes() == answer.content
    succeed("edit", photo, "--run", place, "--like", made, "-o", again)
    assert again.read_bytes() == answer.content
    told = " ".join(Image.open(made).text.values())
    assert str(tmp_path) not in told
    assert "--set" not in told
    assert Edit.read(InMemory(answer.content)).record.run == "toy"


EYES = [[100, 90, 160, 95], [300.5, 200, 350, 198]]


def test_faces_are_where_their_eyes_are_shown_and_saved_as_lik_edit_does(
    client, photo, place, record, tmp_path
):
    data, shown = photo.read_bytes(), {"x-lik-eyes": json.dumps(EYES)}
    told = client.put(f"{OWN}/faces", content=data, headers=shown).json()
    eyes = tuple(map(tuple, EYES))
    opened = lik.load(place).open_photograph(photo, eyes=eyes)
    squares = [vars(face.square) for face in opened.photograph.faces]
    assert [face["square"] for face in told["faces"]] == squares
    source = {"kind": "photograph", "sha256": told["sha256"], "eyes": EYES}
    made = client.post(
        f"{OWN}/edit", content=with_record({"record": record, "source": source}, data)
    )
    out = tmp_path / "out.png"
    options = [word for one in EYES for word in ("--eyes", ",".join(map(str, one)))]
    sets = [w for n, v in record["strengths"].items() for w in ("--set", f"{n}={v}")]
    succeed("edit", photo, "--run", place, *sets, *options, "-o", out)
    assert made.content == out.read_bytes()


@pytest.mark.parametrize(
    "header",
    ["", "1", "[[1, 2, 3]]", '[], "x": 1', "[[1, 2, 3, NaN]]", "[[1, 2, 1, 2]]",
     "[[0, 0, 1e999, 1]]", "[[0, 0, 9999, 1]]", str([[1, 2, 30, 4]] * 65), "[" * 9000],
)  # fmt: skip
def test_eyes_that_nobody_can_have_shown_are_refused(client, photo, header):
    answer = client.put(f"{OWN}/faces", content=photo.read_bytes(), headers={"x-lik-eyes": header})
    assert answer.status_code in (400, 422), answer.text


def test_steps_may_be_told_on_the_way(client, photo, record):
    body = with_record(record, photo.read_bytes())
    plain = client.post(f"{OWN}/edit", content=body)
    streamed = client.post(f"{OWN}/edit", content=body, headers={"Accept": "text/event-stream"})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *_, event, data = streamed.text.strip().splitlines()
    assert event == "event: done"
    told = json.loads(data.removeprefix("data: "))
    assert base64.b64decode(told["png"]) == plain.content
    wrong = with_record(record | {"strengths": {"Smilling": "1"}}, photo.read_bytes())
    refused = client.post(f"{OWN}/edit", content=wrong, headers={"Accept": "text/event-stream"})
    assert "event: error" in refused.text
    assert "Did you mean 'Smiling'?" in refused.text


def test_a_drawn_face_is_saved_with_where_it_came_from(client, record, place):
    source = {"kind": "prior", "seed": 7, "index": 3, "temperature": "0.8", "prior": None}
    answer = client.post(f"{OWN}/edit", content=with_record({"record": record, "source": source}))
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    kept = json.loads(image.text[SOURCE])
    assert kept == {"kind": "prior", "seed": 7, "index": 3, "temperature": "0.8"}
    assert "made by a generative model" in image.text["Description"]
    run = lik.load(place)
    code = code_of(run, read_source(kept))[None]
    strengths = {name: np.float32(value) for name, value in record["strengths"].items()}
    beside = strengths.pop("dimension:1") * np.eye(4, dtype=np.float32)[1]
    directions = run.directions("joint")
    step = sum(value * directions.direction(name).vector for name, value in strengths.items())
    code = stepped(code, step) + beside
    np.testing.assert_array_equal(np.asarray(image), run.decode(code)[0])


@pytest.mark.parametrize(
    "source",
    [None, [], {}, {"kind": "file", "path": "/etc/passwd"}, {"kind": "prior", "seed": 1},
     {"kind": "prior", "seed": 1, "index": 64}, {"kind": "prior", "seed": 1, "index": 0, "x": 1},
     {"kind": "photograph", "sha256": "0" * 64}, {"kind": "photograph", "sha256": "../x"},
     {"kind": "mix", "ends": [], "shares": []},
     {"kind": "mix", "ends": [{"kind": "prior", "seed": 1, "index": 0}] * 2, "shares": ["1", "1"]}],
)  # fmt: skip
def test_sources_that_are_none_are_refused(client, record, source):
    body = with_record({"record": record, "source": source})
    assert client.post(f"{OWN}/edit", content=body).status_code == 422


@pytest.mark.parametrize("path", ["straight", "spherical"])
def test_a_mixture_lies_between_its_ends(place, path):
    run, ends = lik.load(place), [{"kind": "prior", "seed": 1, "index": i} for i in (0, 1)]
    first, second = (code_of(run, read_source(end)) for end in ends)
    mixed = code_of(run, read_source(
        {"kind": "mix", "ends": ends, "shares": ["0.25", "0.75"], "path": path}
    ))  # fmt: skip
    assert np.linalg.norm(mixed - second) < np.linalg.norm(mixed - first)
    whole = {"kind": "mix", "ends": ends, "shares": ["1", "0"], "path": path}
    np.testing.assert_allclose(code_of(run, read_source(whole)), first, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model_sha256": "0" * 64}, 409),
        ({"version": 9}, 422),
        ({"method": "nobody"}, 422),
        ({"method": "../joint"}, 422),
        ({"method": "\ud800x"}, 422),
        ({"method": "guided"}, 422),
        ({"method": "means"}, 422),
        ({"strengths": {"Smiling": "much"}}, 422),
        ({"strengths": {"Smiling": "1e-999999999"}}, 422),
        ({"strengths": {"Smiling": "9" * 400}}, 422),
        ({"strengths": {"Smilling": "1"}}, 422),
        ({"strengths": {f"dimension:{i}": "1" for i in range(99)}}, 422),
        ({"strengths": {"dimension:4": "1"}}, 422),
        ({"face": 3}, 422),
        ({"face": 0}, 422),
        ({"mode": "sharp"}, 422),
        ({"inverted": 10**9}, 422),
        ({"inverted": 20}, 422),
        ({"targets": {"Smiling": 0.9}}, 422),
        ({"networks": ["/etc/passwd"]}, 422),
        ({"guidance": {"steps": 10**9}}, 422),
        ({"path": "/etc/passwd"}, 422),
    ],
)
def test_records_are_not_trusted(client, photo, record, place, change, status):
    before = sorted(place.rglob("*"))
    answer = client.post(f"{OWN}/edit", content=with_record(record | change, photo.read_bytes()))
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]["message"]
    assert str(place.parent) not in message
    assert sorted(place.rglob("*")) == before  # nothing is fitted, and nothing kept


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"\1", 400), (struct.pack("<I", 9) + b"{}", 400),
     (struct.pack("<I", 70_000) + bytes(70_000), 413), (struct.pack("<I", 2) + b"[]", 400),
     (with_record({"record": {}, "source": None, "path": "x"}), 400),
     (with_record({"record": 7}), 400)],
)  # fmt: skip
def test_bodies_of_edits_are_whole(client, body, status):
    assert client.post(f"{OWN}/edit", content=body).status_code == status


def test_what_nobody_foresaw_is_a_sentence_too(client, monkeypatch):
    monkeypatch.setattr("lik.studio.engine.describe_run", lambda run: 1 / 0)
    answer = client.get(OWN)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "unforeseen"


def test_what_the_router_refuses_is_told_as_all_else(client):
    answer = client.get(f"{OWN}/samples/abc")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "this is not understood."


def test_guided_is_refused_where_no_network_guides(client):
    wanted = {"code": base64.b64encode(bytes(16)).decode(), "attribute": "Smiling", "sign": 1}
    answer = client.post(f"{OWN}/trajectory", json=wanted)
    assert "event: error" in answer.text
    assert client.post(f"{OWN}/trajectory", json=wanted | {"sign": 2}).status_code == 422


def test_a_photograph_without_a_face_says_so_and_names_nothing(client, tmp_path):
    Image.new("RGB", (300, 200)).save(tmp_path / "a.png")
    answer = client.put(f"{OWN}/faces", content=(tmp_path / "a.png").read_bytes())
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == (
        "the photograph cannot be used: no face was found in it."
    )


def test_nothing_is_written_to_the_disk(client, photo, record, monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_bytes", None)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", None)
    monkeypatch.setattr("tempfile.mkstemp", None)
    data = photo.read_bytes()
    assert client.put(f"{OWN}/faces", content=data).status_code == 200
    assert client.post(f"{OWN}/edit", content=with_record(record, data)).status_code == 200


def test_work_ends_where_nobody_waits_any_more(monkeypatch):
    ended = []

    class Gone:
        async def is_disconnected(self):
            return True

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def asked():
        with pytest.raises(Refused, match="nobody waits"):
            await unless_gone(Gone(), work())
        await asyncio.sleep(0)
        return await unless_gone(Gone(), asyncio.sleep(0, "done"))

    assert asyncio.run(asked()) == "done"
    assert ended == [True]
