"""The frames of sliders: bit for bit what the library decodes and carries, the newest first."""

import json
import struct
import threading

import numpy as np
import pytest
from starlette.testclient import TestClient

import lik
from lik.faces.motion import Decodings, change_of, ground_of
from lik.latent.session import decoded
from lik.studio import wire
from lik.studio.refusals import Refused
from studio_requests import HOST, ORIGIN, TOKEN


@pytest.fixture
def socket(app):
    headers = {"origin": ORIGIN}
    with TestClient(app, ORIGIN).websocket_connect(f"ws://{HOST}/api/live", headers=headers) as one:
        one.send_text(json.dumps({"token": TOKEN, "run": "toy"}))
        yield one


@pytest.fixture
def codes():
    return np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def test_decodings_are_those_of_the_library(socket, place, codes):
    socket.send_bytes(struct.pack("<IHH", 7, 3, 0) + codes.tobytes())
    reply = socket.receive_bytes()
    assert struct.unpack_from("<IHH", reply) == (7, 3, 0)
    pictures = np.frombuffer(reply[8:], np.uint8).reshape(3, 16, 16, 3)
    np.testing.assert_array_equal(pictures, lik.load(place).decode(codes))


def test_a_change_is_that_which_is_carried_onto_the_photograph(socket, place, codes, faces):
    run, crop = lik.load(place), np.asarray(faces.images[0])
    before, after = codes[:1], codes[1:2]
    body = before.tobytes() + after.tobytes() + crop.tobytes()
    for number in (1, 2):  # the second time, what does not change is there already
        socket.send_bytes(struct.pack("<IHH", number, 1, 1) + body)
        reply = socket.receive_bytes()
        assert struct.unpack_from("<IHH", reply) == (number, 1, 1)
    picture = np.frombuffer(reply[8 : 8 + 768], np.uint8).reshape(16, 16, 3)
    np.testing.assert_array_equal(picture, run.decode(after)[0])
    levels = np.frombuffer(reply[8 + 768 : -48], "<i2").astype(np.float32)
    flow = levels[: 16 * 16 * 2].reshape(16, 16, 2) / wire.FLOW_UNIT
    colour = levels[16 * 16 * 2 :].reshape(16, 16, 3) / (255 * wire.COLOUR_UNIT)
    sides = Decodings(decoded(run.session, before)[0], decoded(run.session, after)[0])
    ground = ground_of(np.asarray(crop / 255, np.float32), sides.before, run.widen)
    wanted = change_of(sides, ground)
    assert np.abs(wanted.flow).max() > 10 / wire.FLOW_UNIT  # something moves
    np.testing.assert_allclose(flow, wanted.flow, atol=0.51 / wire.FLOW_UNIT)
    np.testing.assert_allclose(colour, wanted.colour, atol=0.51 / (255 * wire.COLOUR_UNIT))
    tint = np.frombuffer(reply[-48:], "<f4").reshape(3, 4)
    np.testing.assert_allclose(tint, wanted.tint, rtol=1e-5, atol=1e-6)


def test_wrong_frames_are_answered_with_what_is_wrong(socket, codes):
    wrong = [
        b"", b"abc", struct.pack("<IHH", 5, 1, 2) + codes[:1].tobytes(),
        struct.pack("<IHH", 5, 0, 0), struct.pack("<IHH", 5, 65, 0) + bytes(65 * 16),
        struct.pack("<IHH", 5, 2, 0) + codes[:1].tobytes(), struct.pack("<IHH", 5, 1, 1),
        struct.pack("<IHH", 5, 1, 0) + np.full(4, np.nan, np.float32).tobytes(),
        struct.pack("<IHH", 5, 1, 0) + np.full(4, 1e30, np.float32).tobytes(),
    ]  # fmt: skip
    for message in wrong:
        socket.send_bytes(message)
        told = socket.receive_json()
        assert told["error"]["code"] == "bad-frame"
        assert told["id"] == wire.id_of(message)
    socket.send_bytes(struct.pack("<IHH", 9, 1, 0) + codes[:1].tobytes())
    assert struct.unpack_from("<I", socket.receive_bytes()) == (9,)  # and it goes on


def test_the_newest_frame_wins(socket, engine, codes):
    """While the models are busy, of twenty frames the last is answered, and perhaps the first."""
    busy, free = threading.Event(), threading.Event()
    engine.models.begin(lambda: (busy.set(), free.wait(10)), urgent=True)
    busy.wait(10)
    for number in range(20):
        socket.send_bytes(struct.pack("<IHH", number, 1, 0) + codes[:1].tobytes())
    threading.Timer(0.3, free.set).start()
    answered = []
    while not answered or answered[-1] != 19:
        answered += struct.unpack_from("<I", socket.receive_bytes())
    assert len(answered) <= 3


def test_what_does_not_fit_a_message_is_no_ability():
    assert wire.carry_fits(128, 64)
    assert wire.carry_fits(256, 128)
    assert not wire.carry_fits(128, 160)


def test_base64_is_strict():
    assert wire.from_base64(wire.to_base64(b"abc")) == b"abc"
    for text in ("a", "ab$=", None, 7, "é"):
        with pytest.raises(Refused):
            wire.from_base64(text)
