"""Files that somebody made to do harm, in the place of a run's: each is refused in one sentence."""

import json
import pickle
import shutil
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import lik
from lik.core.artifacts import sha256_of, write_json
from lik.core.errors import UnusableInput
from lik.core.tensors import PICKLES, read_tensors
from lik.latent.directions.direction import Direction, DirectionSet
from lik.latent.flow import FlowPrior, VelocityField
from lik.latent.guided import GuidedStatistics
from lik.latent.priors import load_prior, save_prior
from lik.models.classifier import PlainSettings, build_classifier, load_attribute_classifier
from lik.models.recogniser import Recogniser
from lik.models.saved import save_model, saved_step
from terminal import refuse


class Evil:
    """What a pickle of would run a program, and so leave a file behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


@pytest.fixture
def run(untrained, tmp_path):
    shutil.copytree(untrained, tmp_path / "toy")
    return tmp_path / "toy"


def parts_of(content):
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def put_together(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def rewrite(file, change):
    """Let ``change`` alter the header of a safetensors file."""
    header, data = parts_of(file.read_bytes())
    changed = change(header)
    file.write_bytes(put_together(header if changed is None else changed, data))


def first_of(header):
    return next(key for key in header if key != "__metadata__")


def refused(place, words=""):
    with pytest.raises(UnusableInput) as caught:
        lik.load(place)
    said = str(caught.value)
    assert words in said
    assert "\n" not in said
    assert len(said) < 2000
    return said


@pytest.mark.parametrize("name", ["model.pt", "model.bin", "model.pkl", "toy/model.safetensors"])
@pytest.mark.parametrize("how", ["torch", "torch-old", "pickle", "pickle-0"])
def test_pickles_are_not_opened_whatever_they_are_called(run, tmp_path, name, how):
    mark, file = tmp_path / "ran", tmp_path / name
    if how.startswith("torch"):
        torch.save(Evil(mark), file, _use_new_zipfile_serialization=how == "torch")
    else:
        file.write_bytes(pickle.dumps(Evil(mark), protocol=0 if how == "pickle-0" else 4))
    refused(file)
    refused(file.parent if name.startswith("toy") else file, "" if how == "pickle-0" else "pickle")
    assert not mark.exists()


def test_the_terminal_says_it_in_one_sentence_too(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "model.pt")
    refuse("is a pickle", "generate", tmp_path / "model.pt")


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_weights_whose_header_is_as_long_as_a_pickle_begins_are_read(tmp_path, length):
    file, weight = tmp_path / "sound.safetensors", torch.arange(3.0)
    save_file({"weight": weight}, file, {"filler": "-"})
    header, data = parts_of(file.read_bytes())
    header["__metadata__"]["filler"] += "-" * (length - len(json.dumps(header)))
    file.write_bytes(put_together(header, data))
    assert file.read_bytes().startswith(PICKLES)
    assert torch.equal(read_tensors(file)[1]["weight"], weight)


def overlap(header):
    names = [key for key in header if key != "__metadata__"]
    header[names[1]]["data_offsets"] = header[names[0]]["data_offsets"]


def beyond(header):
    one = header[first_of(header)]
    one["data_offsets"] = [one["data_offsets"][0], 2**50]


def terabytes(header):
    header[first_of(header)]["shape"] = [2**40]


def overflow(header):
    header[first_of(header)]["shape"] = [2**62, 2**62, 16]


def negative(header):
    header[first_of(header)]["shape"] = [-1]


def whole_numbers(header):
    header[first_of(header)]["dtype"] = "I32"


def unknown_type(header):
    header[first_of(header)]["dtype"] = "PICKLE"


@pytest.mark.parametrize(
    "change",
    [overlap, beyond, terabytes, overflow, negative, whole_numbers, unknown_type,
     lambda header: b"[" * 100_000, lambda header: b"{}", lambda header: b"\xff" * 64,
     lambda header: {"__metadata__": header["__metadata__"]},
     lambda header: {"__metadata__": header["__metadata__"], "x": [[[[1]]]]}],
)  # fmt: skip
def test_headers_that_lie_are_refused(run, change):
    rewrite(run / "model.safetensors", change)
    refused(run)


@pytest.mark.parametrize(
    ("length", "words"),
    [(2**63, "does not lie within the file"), (2**40, "does not lie within the file"),
     (0, ""), (1, ""), (9_000_000, "are the most")],
)  # fmt: skip
def test_headers_of_absurd_lengths_are_refused(run, length, words):
    body = b" " * (9_100_000 if length == 9_000_000 else 100)
    (run / "model.safetensors").write_bytes(struct.pack("<Q", length) + body)
    refused(run, words)


@pytest.mark.parametrize("content", [b"", b"\0", b"\0" * 8, b"\0" * 16, b"{}"])
def test_files_of_nothing_are_refused(run, content):
    (run / "model.safetensors").write_bytes(content)
    refused(run, "cannot be read as safetensors")


def tensors_changed(run, change, name="model.safetensors"):
    file = run / name
    header, _ = parts_of(file.read_bytes())
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, header["__metadata__"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_no_numbers_are_refused(run, value, kind):
    def change(tensors):
        name = next(iter(tensors))
        tensors[name] = torch.full_like(tensors[name], value).to(kind)

    tensors_changed(run, change)
    refused(run, "not finite")


@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.complex64, torch.float8_e5m2])
def test_weights_of_other_types_are_refused(run, kind):
    def change(tensors):
        name = next(iter(tensors))
        tensors[name] = torch.ones(tensors[name].shape).to(kind)

    tensors_changed(run, change)
    refused(run, "numbers of the type")


def test_weights_in_less_precision_are_welcome(run):
    tensors_changed(run, lambda tensors: tensors.update({k: v.half() for k, v in tensors.items()}))
    assert lik.load(run).session.model.decoder[0].weight.dtype == torch.float32


def configured(run, model):
    def change(header):
        header["__metadata__"]["model"] = model if isinstance(model, str) else json.dumps(model)

    rewrite(run / "model.safetensors", change)


FIRST = {"name": "paper-first", "size": 16, "latent": 4}
REFINED = {"name": "refined", "size": 16, "base": FIRST}


def nested(depth):
    tree = FIRST
    for _ in range(depth):
        tree = {"name": "refined", "size": 16, "base": tree}
    return tree


@pytest.mark.parametrize(
    "model",
    [FIRST | {"size": 2**20}, FIRST | {"size": 2**62}, FIRST | {"size": 10**400},
     FIRST | {"size": 2048, "latent": 2**16}, FIRST | {"latent": 2**16}, FIRST | {"latent": 2**40},
     {"name": "paper-second", "size": 2048, "latent": 2**16},
     {"name": "residual", "encoder": [2**30] * 4}, {"name": "residual", "decoder": [2048] * 4},
     {"name": "residual", "narrow": 0}, {"name": "residual", "encoder": [-1, 0, 1, 2]},
     REFINED | {"refiner": {"blocks": [10**9, 1, 1]}}, REFINED | {"refiner": {"widths": [10**9]}},
     REFINED | {"refiner": {"full": 2**40}}, REFINED | {"refiner": {"blocks": [-1, 1, 1]}},
     nested(5), nested(150), {"name": ["paper-first"]}, {"name": {"a": 1}}, [1], 3, None,
     "[" * 100_000, '{"a":' * 100_000, '{"size": ' + "9" * 5000 + "}", "nothing"],
)  # fmt: skip
def test_configurations_cannot_ask_for_more_than_the_file_holds(run, model):
    configured(run, model)
    tracemalloc.start()
    refused(run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_no_memory_is_taken_for_what_does_not_fit(run, monkeypatch):
    """Tensors of PyTorch are not traced: none of the real ones may be made before all fits."""
    configured(run, FIRST | {"latent": 2**16})
    made = []
    real = torch.nn.Linear.__init__

    def watched(self, *arguments, **more):
        real(self, *arguments, **more)
        made.append(self.weight.device.type)

    monkeypatch.setattr(torch.nn.Linear, "__init__", watched)
    refused(run, "does not fit its own configuration")
    assert set(made) == {"meta"}


@pytest.mark.parametrize(
    "metadata",
    ["[" * 100_000, "3", "{", '{"crop": 3}', '{"crop": {"widen": "x"}}', '{"crop": {"widen": NaN}}',
     '{"attribute_names": 3}', '{"attribute_names": [3]}', '{"parts": []}', '{"parts": ["all"]}',
     '{"objective": "x"}', '{"epochs": ' + "9" * 5000 + "}"],
)  # fmt: skip
def test_metadata_of_another_kind_are_refused(run, metadata):
    rewrite(
        run / "model.safetensors", lambda header: header["__metadata__"].update(metadata=metadata)
    )
    refused(run)
    saved_step(run / "model.safetensors")  # asks too, and is told nothing


@pytest.mark.parametrize("version", ["9" * 5000, "x", "", "²", "-1", "2"])
def test_versions_of_another_kind_are_refused(run, version):
    rewrite(
        run / "model.safetensors", lambda header: header["__metadata__"].update(version=version)
    )
    refused(run, "version")


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"format": ' + "9" * 5000 + "}", "{", "[]", '{"format": "lik-run"}']
)
def test_environments_of_another_kind_are_refused(run, content):
    (run / "environment.json").write_text(content)
    refused(run)


def prior_of(run, change):
    field = VelocityField(4, 8, 1)
    flow = FlowPrior(field, np.zeros(4, np.float32), np.ones(4, np.float32))
    save_prior(run, "evil", flow, {})
    change(run / "priors" / "evil.safetensors")


def wide(tensors):
    tensors["field.enter.weight"] = torch.zeros(2**20, 1)


def no_field(tensors):
    del tensors["field.enter.weight"]


def flat_field(tensors):
    tensors["field.enter.weight"] = torch.zeros(3)


def no_number(tensors):
    tensors["mean"] = torch.full((4,), float("nan"))


def long_mean(tensors):
    tensors["mean"] = torch.zeros(9)


@pytest.mark.parametrize("change", [wide, no_field, flat_field, no_number, long_mean])
def test_flows_that_do_not_fit_themselves_are_refused(run, change):
    prior_of(run, lambda file: tensors_changed(run, change, "priors/evil.safetensors"))
    with pytest.raises(UnusableInput):
        load_prior(run, "evil")


@pytest.mark.parametrize(
    ("told", "tensors"),
    [({"kind": "gmm"}, {"weights": torch.ones(2), "means": torch.zeros(1, 4),
                        "factors": torch.zeros(1, 4, 4)}),
     ({"kind": "gmm"}, {"weights": -torch.ones(1), "means": torch.zeros(1, 4),
                        "factors": torch.zeros(1, 4, 4)}),
     ({"kind": "gmm"}, {"weights": torch.ones(1), "means": torch.zeros(1, 200_000),
                        "factors": torch.zeros(1, 10)}),
     ({"kind": "evil"}, {"weights": torch.ones(1), "means": torch.zeros(1, 4),
                         "factors": torch.zeros(1, 4, 4)}),
     ({"kind": "gmm"}, {"weights": torch.ones(1)}), ({}, {}), ({"kind": "gmm", "made": "[]"}, {}),
     ({"kind": "gmm", "made": "[" * 100_000}, {}), ({"version": "9" * 5000}, {})],
)  # fmt: skip
def test_mixtures_that_are_none_are_refused(run, told, tensors):
    (run / "priors").mkdir()
    description = {"format": "lik-prior", "version": "1", **told}
    save_file(tensors, run / "priors" / "evil.safetensors", description)
    with pytest.raises(UnusableInput):
        load_prior(run, "evil")


def test_a_pickle_is_no_prior(run, tmp_path):
    (run / "priors").mkdir()
    torch.save(Evil(tmp_path / "ran"), run / "priors" / "evil.safetensors")
    with pytest.raises(UnusableInput, match="pickle"):
        load_prior(run, "evil")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "vector",
    [torch.full((4,), float("nan")), torch.zeros(4, 4), torch.zeros(9), torch.zeros(()), None],
)
def test_directions_that_are_none_are_refused(run, vector):
    made = {"method": "means"}
    one = Direction("x", np.ones(4, np.float32), "strength")
    DirectionSet("evil", {"x": one}, {}, made).save(run)
    file = run / "directions" / "evil.safetensors"
    save_file({} if vector is None else {"x": vector}, file)
    told = json.loads(file.with_suffix(".json").read_text())
    write_json(file.with_suffix(".json"), told | {"vectors_sha256": sha256_of(file)})
    opened = lik.load(run)
    with pytest.raises(UnusableInput):
        opened.directions("evil")


@pytest.mark.parametrize("content", ["[" * 100_000, "{", '{"format": "lik-directions"}', "3"])
def test_descriptions_of_directions_that_are_none_are_refused(run, content):
    DirectionSet("evil", {}, {}, {}).save(run)
    (run / "directions" / "evil.json").write_text(content)
    opened = lik.load(run)
    with pytest.raises(UnusableInput):
        opened.directions("evil")


@pytest.mark.parametrize(
    ("along", "length", "words"),
    [([1.0, 2.0], 1.0, "other codes"), ([1.0], -1.0, "length"), ([1.0], float("inf"), "length")],
)
def test_statistics_that_cannot_be_are_refused(run, along, length, words):
    found = {"length": length, "without": 0, "having": 1, "reached": 1, "plain": 1}
    told = {"encoder_sha256": "0" * 64, "faces_sha256": "0" * 64, "faces": "x", "attributes": ["a"],
            "scale": [1.0], "along": {"a": along}, "stds": {}, "paths": {},
            "calibrations": {"a": found}}  # fmt: skip
    write_json(run / "directions" / "guided.json", {"format": "lik-guided", "version": 1, **told})
    with pytest.raises(UnusableInput, match=words):
        GuidedStatistics.load(run)


def test_networks_of_features_are_no_way_in_either(run, tmp_path):
    settings = PlainSettings(size=16, attributes=("a",), widths=(4, 8))
    file = run / "features.safetensors"
    save_model(file, build_classifier(settings), settings, {})
    load_attribute_classifier(file)
    huge = settings.model_dump(mode="json") | {"widths": [2048, 2048]}
    rewrite(file, lambda header: header["__metadata__"].update(model=json.dumps(huge)))
    with pytest.raises(UnusableInput, match="does not fit its own configuration"):
        load_attribute_classifier(file)
    torch.save(Evil(tmp_path / "ran"), file)
    opened = lik.load(run)
    for work in (
        lambda: load_attribute_classifier(file),
        lambda: opened.codes(np.zeros((1, 16, 16, 3), np.uint8), 2),
    ):
        with pytest.raises(UnusableInput, match="pickle"):
            work()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "tensors", [{"features.0.weight": torch.full((64, 3, 3, 3), float("nan"))}]
)
def test_networks_that_pose_as_vgg_are_refused(run, tensors):
    save_file(tensors, run / "features.safetensors")
    opened = lik.load(run)
    with pytest.raises(UnusableInput):
        opened.codes(np.zeros((1, 16, 16, 3), np.uint8), 2)


@pytest.mark.parametrize(
    "told",
    [{"neck_mean": "x"}, {"neck_mean": [0.0] * 8}, {"neck_mean": [0.0] * 3, "neck_var": [1.0] * 3},
     {"neck_mean": [0.0] * 8, "neck_var": [-1.0] * 8},
     {"neck_mean": [[0.0] * 8], "neck_var": [1.0]},
     {"neck_mean": [0.0] * 8, "neck_var": [1.0] * 8, "same_person": "near"}],
)  # fmt: skip
def test_networks_that_tell_nonsense_of_people_are_refused(tmp_path, told):
    settings = PlainSettings(size=16, attributes=("a",), widths=(4, 8))
    save_model(tmp_path / "net.safetensors", build_classifier(settings), settings, told)
    with pytest.raises(UnusableInput, match="people"):
        Recogniser.load(tmp_path / "net.safetensors")
