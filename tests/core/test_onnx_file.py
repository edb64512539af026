"""ONNX files that a person gives, and what is refused of them, in one sentence each."""

import os
from contextlib import suppress
from importlib import resources

import numpy as np
import pytest

from lik.core.errors import UnusableInput
from lik.core.onnx_file import MOST_FIELDS, read_onnx, require_sound

SHIPPED = resources.files("lik.faces.detect") / "aligner.onnx"


def field(number, value):
    """A field of a message: a number, or bytes of which the length is told."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def entry(key, value):
    return field(1, key.encode()) + field(2, value.encode())


def model(graph=b"", **metadata):
    props = b"".join(field(14, entry(key, value)) for key, value in metadata.items())
    return field(1, 8) + field(8, field(2, 18)) + field(7, graph) + props


def outside(place):
    """A tensor whose numbers lie elsewhere."""
    return field(1, 4) + field(13, entry("location", place)) + field(14, 1)


def refused(path, content, words, **limits):
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match=words) as caught:
        read_onnx(path, **limits)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner" / "model.onnx"


def test_a_sound_file_is_read_whole_with_what_it_says(path):
    content = SHIPPED.read_bytes()
    path.write_bytes(content)
    found = read_onnx(path)
    assert found.content == content
    assert found.metadata["terms"].startswith("Learned from")
    path.write_bytes(model(format="lik-onnx", version="1", run="å"))
    assert require_sound(path) == {"format": "lik-onnx", "version": "1", "run": "å"}


def test_it_reads_the_metadata_that_onnx_writes(path):
    onnx = pytest.importorskip("onnx")
    told = onnx.load_model_from_string(SHIPPED.read_bytes()).metadata_props
    path.write_bytes(SHIPPED.read_bytes())
    assert require_sound(path) == {one.key: one.value for one in told}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no network", b"\x00" * 40, b"\xff" * 40, b"PK\x03\x04" + b"a" * 60, model()[:-3],
        SHIPPED.read_bytes()[:5000], SHIPPED.read_bytes()[1:], field(1, 8) + field(7, b""),
        field(7, 5) + model(), model(field(5, b"\x0a")), b"\x0b" + model(),
        model() + field(14, field(1, b"\xff\xfe")),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused(path, content):
    refused(path, content, r"model\.onnx is no ONNX file, or a broken one")


def test_any_bytes_are_read_or_refused(path):
    """Changed at random, a file may be sound or not; it is never anything else."""
    random, content = np.random.default_rng(0), model(field(1, field(4, b"Conv")), run="a")
    for _ in range(300):
        broken = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            broken[place] = random.integers(0, 256)
        path.write_bytes(broken)
        with suppress(UnusableInput):
            read_onnx(path)


def test_what_is_no_file_is_refused(path, tmp_path):
    with pytest.raises(UnusableInput, match=r"model\.onnx cannot be read"):
        read_onnx(path)
    with pytest.raises(UnusableInput, match="is no file"):
        read_onnx(tmp_path)
    os.mkfifo(path)
    with pytest.raises(UnusableInput, match="is no file"):
        read_onnx(path)


def test_sizes_are_limited(path):
    refused(path, model(run="a" * 2**20), "larger than 1 MiB", most=2**20)
    path.with_name("weights").write_bytes(b"a" * 2**20)
    refused(path, model(field(5, outside("weights"))), "larger than 1 MiB", most=2**20)
    many = field(1, b"") * (MOST_FIELDS + 1)
    refused(path, model(many), "too many parts")
    deep = b""
    for _ in range(60):
        deep = field(1, field(5, field(6, deep)))
    refused(path, model(deep), "nested too deeply")


def test_a_newer_format_is_refused(path):
    refused(path, model(format="lik-onnx", version="2"), "format version 2.*update Lik")
    refused(path, model(format="lik-onnx"), "does not say its format version")
    path.write_bytes(model(format="another", version="2"))
    assert require_sound(path)["version"] == "2"


@pytest.mark.parametrize(
    "place",
    ["../secret", "/etc/passwd", "a/../../secret", "..", "", "a\\..\\secret", "C:/secret",
     "C:secret", "\\\\there\\secret", "link", "linked/secret", "a\0b"],
)  # fmt: skip
def test_weights_outside_of_the_folder_are_refused(path, tmp_path, place):
    (tmp_path / "secret").write_bytes(b"secret")
    path.with_name("link").symlink_to(tmp_path / "secret")
    path.with_name("linked").symlink_to(tmp_path)
    refused(path, model(field(5, outside(place))), "takes its weights from .*refused")


@pytest.mark.parametrize(
    "around",
    [
        lambda tensor: field(5, tensor),
        lambda tensor: field(15, field(1, tensor)),
        lambda tensor: field(1, field(5, field(5, tensor))),
        lambda tensor: field(1, field(5, field(10, tensor))),
        lambda tensor: field(1, field(5, field(6, field(5, tensor)))),
        lambda tensor: field(1, field(5, field(11, field(1, field(5, field(5, tensor)))))),
        lambda tensor: field(1, field(5, field(22, field(2, tensor)))),
    ],
)  # fmt: skip
def test_they_are_found_wherever_tensors_may_lie(path, around):
    refused(path, model(around(outside("../secret"))), "takes its weights")


def test_they_are_found_in_functions_and_trainings_too(path):
    node = field(5, field(5, outside("../secret")))
    refused(path, model() + field(25, field(7, node)), "takes its weights")
    refused(
        path, model() + field(20, field(2, field(5, outside("../secret")))), "takes its weights"
    )


def test_weights_beside_the_file_are_allowed_and_must_be_there(path):
    content = model(field(5, outside("data/weights.bin")))
    refused(path, content, r"incomplete: its weights are to lie in .*weights\.bin")
    (path.parent / "data").mkdir()
    (path.parent / "data" / "weights.bin").write_bytes(b"1234")
    assert read_onnx(path).content == content
