"""The map of codes, and mixtures that are saved with all that they were mixed from."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.latent_map import codes_to_map
from lik.app.source_records import SOURCE, code_of, read_source
from lik.core.errors import UnusableInput
from lik.latent.directions.direction import stepped
from lik.latent.interpolation import square_between
from lik.latent.projection import project
from studio_requests import with_record

OWN = "/api/runs/toy"


def told(answer):
    """The last event of a stream, and how many steps there were before it."""
    assert answer.status_code == 200, answer.text
    *steps, last = answer.text.strip().split("\n\n")
    assert all(step.startswith("event: step") for step in steps)
    assert last.startswith("event: done"), last
    return json.loads(last.split("data: ", 1)[1])


def numbers(text, kind, columns=1):
    return np.frombuffer(base64.b64decode(text), kind).reshape(-1, columns)


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("kind", ["prior", "testset"])
def test_a_map_is_that_of_lik_and_each_point_has_its_source(client, place, kind, method):
    wanted = {"kind": kind, "seed": 3, "count": 20, "method": method}
    found, run = told(client.post(f"{OWN}/map", json=wanted)), lik.load(place)
    codes, points = numbers(found["codes"], "<f4", 4), numbers(found["points"], "<f4", 2)
    assert len(codes) == len(points) == found["count"] <= 20
    np.testing.assert_allclose(points, project(codes.copy(), method).points, rtol=1e-5, atol=1e-5)
    assert (found["shares"] is None) == (method == "tsne")
    places = numbers(found["places"], "<u4")[:, 0]
    assert len(set(places)) == len(places)
    for place_of, code in zip(places.tolist(), codes, strict=True):
        source = {"kind": kind, "seed": 3 + place_of // 16, "index": place_of % 16}
        np.testing.assert_allclose(code_of(run, read_source(source)), code, atol=1e-5)


def test_faces_of_the_test_set_come_once(place):
    run = lik.load(place)
    count = len(run.faces().indices("test"))
    mapped = codes_to_map(run, "testset", 4000)
    assert len(mapped.codes) == len(np.unique(mapped.codes, axis=0)) == count


def test_a_run_without_a_network_has_no_colours(client):
    assert client.get(f"{OWN}/map").json() == {"attributes": []}
    wanted = {"kind": "prior", "seed": 3, "count": 20}
    assert "event: error" in client.post(f"{OWN}/map/attributes", json=wanted).text


@pytest.mark.parametrize(
    "wanted",
    [{}, {"kind": "prior"}, {"kind": "prior", "seed": 1, "count": 4001},
     {"kind": "prior", "seed": 1, "count": 2}, {"kind": "prior", "seed": 1, "method": "umap"}],
)  # fmt: skip
def test_what_has_no_map_is_refused(client, wanted):
    assert client.post(f"{OWN}/map", json=wanted).status_code == 422


def test_more_than_t_sne_takes_is_refused(client):
    wanted = {"kind": "prior", "seed": 1, "count": 1001, "method": "tsne"}
    assert "1,000 faces at most" in client.post(f"{OWN}/map", json=wanted).text


def test_a_mixture_of_a_photograph_and_an_edited_face_is_saved(client, photo, place, record):
    faces = client.put(f"{OWN}/faces", content=photo.read_bytes()).json()
    ends = [
        {"kind": "photograph", "sha256": faces["sha256"], "face": 2},
        {"kind": "edited", "source": {"kind": "prior", "seed": 7, "index": 3}, "method": "joint",
         "strengths": {"Smiling": "0.5"}},
    ]  # fmt: skip
    source = {"kind": "mix", "ends": ends, "shares": ["0.25", "0.75"], "path": "straight"}
    told = {"record": record | {"strengths": {}}, "source": source}
    answer = client.post(f"{OWN}/edit", content=with_record(told))
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert json.loads(image.text[SOURCE]) == source
    run = lik.load(place)
    code = np.frombuffer(base64.b64decode(faces["faces"][1]["code"]), "<f4")
    other = run.session.draw(16, 7)[3]
    step = np.float32(0.5) * run.directions("joint").direction("Smiling").vector
    other = stepped(other, step)
    mix = np.float32(0.25) * code + np.float32(0.75) * other
    np.testing.assert_array_equal(np.asarray(image), run.decode(mix[None])[0])
    told["source"]["ends"][0]["sha256"] = "1" * 64
    refused = client.post(f"{OWN}/edit", content=with_record(told))
    assert refused.status_code == 422
    assert "not open" in refused.text


def test_an_edited_face_that_would_need_fitting_is_refused(client, record):
    drawn = {"kind": "prior", "seed": 7, "index": 3}
    edited = {"kind": "edited", "source": drawn, "method": "pls", "strengths": {"Smiling": "1"}}
    source = {"kind": "mix", "ends": [drawn, edited], "shares": ["0.5", "0.5"]}
    told = {"record": record | {"strengths": {}}, "source": source}
    assert client.post(f"{OWN}/edit", content=with_record(told)).status_code == 422


def test_a_spherical_mixture_of_four_is_a_place_in_their_square(place):
    run, ends = lik.load(place), [{"kind": "prior", "seed": 1, "index": i} for i in range(4)]
    source = {"kind": "mix", "ends": ends, "path": "spherical"}
    square = square_between(run.session.draw(16, 1)[:4], 5, "spherical")
    shares = ["0.1875", "0.0625", "0.5625", "0.1875"]  # a quarter across, three down
    mixed = code_of(run, read_source(source | {"shares": shares}))
    np.testing.assert_allclose(mixed, square[3, 1], rtol=1e-5, atol=1e-6)
    with pytest.raises(UnusableInput, match="no place in a square"):
        read_source(source | {"shares": ["0.5", "0", "0", "0.5"]})
