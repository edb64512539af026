"""Codes are summed in the browser bit for bit as editors sum them."""

import base64

import numpy as np
import pytest

from lik.latent.directions.direction import Direction
from lik.latent.editing import LinearEditor, place_on

STRENGTHS = ("0.05", "1", "-0.35", "1.85", "0.73", "-2")

LED = """async ([code, vectors, terms]) => {
  const { fromBase64, toBase64, rows } = await import("/static/bytes.js");
  const { led } = await import("/static/sums.js");
  const start = new Float32Array(fromBase64(code).buffer);
  const all = rows(fromBase64(vectors).buffer, start.length);
  return toBase64(led(start, terms, new Map(all.map((vector, i) => [`${i}`, vector]))));
}"""

PLACE = """async ([stops, latent, strengths]) => {
  const { fromBase64, toBase64, rows } = await import("/static/bytes.js");
  const { placeOn } = await import("/static/sums.js");
  const all = rows(fromBase64(stops).buffer, latent);
  return strengths.map((strength) => toBase64(placeOn(all, strength)));
}"""


class Directions:
    calibrations = ()

    def __init__(self, vectors):
        self._vectors = vectors

    def direction(self, name):
        return Direction(name, self._vectors[int(name)], "")


def text(array):
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def floats(answer):
    return np.frombuffer(base64.b64decode(answer), "<f4")


@pytest.mark.parametrize("seed", [0, 1])
def test_shifts_are_those_of_the_editor(modules, seed):
    random = np.random.default_rng(seed)
    code = random.normal(size=(1, 128)).astype(np.float32)
    vectors = random.normal(size=(len(STRENGTHS), 128)).astype(np.float32)
    editor = LinearEditor("any", lambda: Directions(vectors), 128)
    strengths = dict(zip(map(str, range(len(STRENGTHS))), STRENGTHS, strict=True))
    strengths |= {"dimension:17": "-0.7", "dimension:3": "2"}
    place = editor.moved_by(code, {name: float(one) for name, one in strengths.items()})
    found = floats(modules.evaluate(LED, [text(code), text(vectors), list(strengths.items())]))
    assert found.tobytes() == place[0].tobytes()


def test_places_on_a_trajectory_are_those_of_the_editor(modules):
    stops = np.random.default_rng(2).normal(size=(21, 1, 64)).astype(np.float32)
    found = modules.evaluate(PLACE, [text(stops), 64, [*STRENGTHS, "2.5"]])
    for strength, answer in zip([*STRENGTHS, "2.5"], found, strict=True):
        place = place_on(stops, abs(float(strength)) / 2)[0]
        assert floats(answer).tobytes() == place.tobytes(), strength
