"""Runs as ONNX files: every model of the catalogue, what the command says, and what it refuses."""

import json
import re
import sys

import numpy as np
import pytest
import torch

import lik
from lik.app import exporting
from lik.app.exporting import metadata_of
from lik.core.artifacts import sha256_of
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.latent.directions.direction import Direction, DirectionSet
from lik.models.catalogue import CATALOGUE, RefinedSettings, build
from lik.models.interface import count_parameters
from lik.models.paper import PaperFirst, PaperFirstSettings, PaperSecondSettings
from lik.models.refiner import RefinerSettings
from lik.models.residual import ResidualVAESettings
from lik.models.saved import load_model, save_model
from terminal import refuse, run_lik, succeed

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")

from lik.export import networks  # noqa: E402
from lik.export.checking import checked_network, open_onnx  # noqa: E402
from lik.export.networks import decoder_in_parts, decoder_of, encoder_of, write_network  # noqa: E402
from lik.export.onnx import onnx_bytes, onnx_model, quantised  # noqa: E402

RESIDUAL = ResidualVAESettings(latent=5, encoder=(8, 8, 12, 16), decoder=(16, 12, 8, 8), narrow=8)
REFINER = RefinerSettings(widths=(8, 12), blocks=(1, 1), full=4)
SETTINGS = [
    PaperFirstSettings(size=16, latent=4),
    PaperSecondSettings(size=32, latent=3),
    PaperSecondSettings(size=16, latent=3, upsampling="nearest"),
    RefinedSettings(size=128, base=RESIDUAL, refiner=REFINER),
]


def moved(settings):
    """A model whose weights are all at random, and whose norms of batches have seen something."""
    torch.manual_seed(0)
    model = build(settings)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def answers(content, **inputs):
    """What ONNX Runtime gives, by the names of the outputs."""
    session = open_onnx(content)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def numbers(*shape):
    return np.random.default_rng(3).random(shape, np.float32)


def test_every_model_of_the_catalogue_is_tried_here():
    assert {RESIDUAL.name, *(settings.name for settings in SETTINGS)} == set(CATALOGUE)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_model_gives_what_torch_gives_for_any_batch(settings):
    model = moved(settings)
    codes, images = numbers(16, model.latent) * 4 - 2, numbers(16, 3, model.size, model.size)
    made = {
        name: checked_network(name, network, {}, "float32", usual)
        for name, network, usual in (
            ("encoder", encoder_of(model), images), ("decoder", decoder_of(model), codes)
        )
    }  # fmt: skip
    assert all(0 < one.largest < 1e-5 and one.rounding is None for one in made.values())
    for count in (1, 3):
        with torch.no_grad():
            posterior = model.encode(torch.from_numpy(images[:count]))
            decodings = model.decode(torch.from_numpy(codes[:count]))
        encoded = answers(made["encoder"].content, images=images[:count])
        np.testing.assert_allclose(encoded["means"], posterior.mean, atol=1e-5)
        np.testing.assert_allclose(encoded["log_variances"], posterior.log_variance, atol=1e-5)
        decoded = answers(made["decoder"].content, codes=codes[:count])
        np.testing.assert_allclose(decoded["images"], decodings, atol=1e-5)
    shapes = {
        side.name: [size.dim_param or size.dim_value for size in side.type.tensor_type.shape.dim]
        for one in made.values()
        for graph in [onnx.load_model_from_string(one.content).graph]
        for side in (*graph.input, *graph.output)
    }
    batch, size = ["batch"], model.size
    assert shapes == {
        "images": [*batch, 3, size, size], "codes": [*batch, model.latent],
        "means": [*batch, model.latent], "log_variances": [*batch, model.latent],
    }  # fmt: skip


class TestWeights:
    def test_float16_and_int8_are_small_and_near(self):
        model, usual = moved(PaperFirstSettings(size=32, latent=32)), numbers(64, 3, 32, 32)
        found = {
            weights: checked_network("encoder", encoder_of(model), {}, weights, usual)
            for weights in ("float16", "int8")
        }
        sizes = {weights: len(one.content) for weights, one in found.items()}
        plain = 4 * count_parameters(model.encoder).total
        assert sizes["float16"] < 0.55 * plain
        assert sizes["int8"] < 0.35 * plain
        assert 0 < found["float16"].rounding.largest < 0.01
        assert found["float16"].rounding.largest < found["int8"].rounding.largest < 0.1
        assert found["int8"].rounding.mean < 0.02
        assert found["int8"].rounding.unit == "σ of the posterior"

    def test_whole_numbers_are_within_half_a_step_of_each_channel(self):
        values = np.array([[1.27, -0.005, 0.0149], [0, 0, 0], [-254, 3, 126]], np.float32)
        whole, scale = quantised(values, 0)
        assert whole.tolist() == [[127, 0, 1], [0, 0, 0], [-127, 2, 63]]
        np.testing.assert_allclose(scale[[0, 2], 0], [0.01, 2], rtol=1e-6)
        turned = quantised(np.ascontiguousarray(values.T), 1)
        assert np.array_equal(turned[0].T, whole)

    def test_weights_beyond_float16_stay(self):
        layer = torch.nn.Linear(100, 2)
        with torch.no_grad():
            layer.weight[0, 0] = 1e6
        graph = onnx_model(layer, [torch.zeros(2, 100)], ["a"], ["b"], dynamic=True)
        content = onnx_bytes(graph, {}, "float16")
        inputs = numbers(3, 100)
        with torch.no_grad():
            there = layer(torch.from_numpy(inputs)).numpy()
        np.testing.assert_allclose(answers(content, a=inputs)["b"], there, rtol=1e-4)


def test_a_decoder_in_parts_is_the_decoder(tmp_path):
    base = PaperFirstSettings(size=16, latent=4)
    model = moved(RefinedSettings(size=16, base=base, refiner=REFINER))
    for name, network in decoder_in_parts(model).items():
        write_network(network, tmp_path / f"{name}.onnx", {"run": "a"}, "float16")
    codes = numbers(3, model.latent)
    base = answers((tmp_path / "base.onnx").read_bytes(), codes=codes)["images"]
    refiner = (tmp_path / "refiner.onnx").read_bytes()
    with torch.no_grad():
        whole = model.decode(torch.from_numpy(codes)).numpy()
        blurred = model.unrefined(torch.from_numpy(codes)).numpy()
    np.testing.assert_allclose(base, blurred, atol=2e-3)
    np.testing.assert_allclose(
        answers(refiner, images=base, codes=codes)["refined"], whole, atol=2e-3
    )
    (told,) = [p for p in onnx.load(tmp_path / "refiner.onnx").metadata_props if p.key == "inputs"]
    assert list(json.loads(told.value)) == ["images", "codes"]


@pytest.fixture(scope="module")
def run(untrained, tmp_path_factory):
    """A run with directions and a recipe, as one that was trained has."""
    path = tmp_path_factory.mktemp("runs") / "toy"
    saved = load_model(untrained / "model.safetensors")
    save_model(path / "model.safetensors", saved.model, saved.settings, saved.metadata)
    (path / "environment.json").write_bytes((untrained / "environment.json").read_bytes())
    (path / "recipe.yaml").write_text("model: {name: paper-first}\n")
    vectors = numbers(2, 4) / 3
    smiling = Direction("Smiling", vectors[0], "strength")
    DirectionSet("joint", {"Smiling": smiling}).save(path)
    of_others = {"encoder_sha256": "0" * 64}
    DirectionSet("stale", {"Young": Direction("Young", vectors[1], "s")}, made=of_others).save(path)
    return path


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("exports") / "networks"
    return out, succeed("export", "onnx", run, out)


class TestCommand:
    def test_it_says_what_it_wrote_and_how_far_that_is_from_torch(self, exported):
        out, answer = exported
        encoder, decoder, directions = answer.stdout.splitlines()
        assert encoder.startswith(f"{out / 'encoder.onnx'}  0.1 MB, off from PyTorch's by ")
        assert float(decoder.rpartition(" ")[2]) < 1e-5
        assert directions == f"{out / 'directions.json'}  directions: joint"
        assert "stale" in answer.stderr  # of other weights: left out, and said
        assert sorted(file.name for file in out.iterdir()) == [
            "decoder.onnx", "directions.json", "encoder.onnx",
        ]  # fmt: skip

    def test_the_files_say_what_they_are_and_not_where_they_were_made(self, exported, run):
        out, _ = exported
        for name, inputs, outputs in (
            ("encoder", ["images"], ["means", "log_variances"]), ("decoder", ["codes"], ["images"])
        ):  # fmt: skip
            content = (out / f"{name}.onnx").read_bytes()
            model = onnx.load_model_from_string(content)
            told = {one.key: one.value for one in model.metadata_props}
            wanted = {
                "format": "lik-onnx", "version": "1", "run": "toy", "network": name,
                "model_sha256": sha256_of(run / "model.safetensors"),
                "recipe_sha256": sha256_of(run / "recipe.yaml"),
                "size": "16", "latent": "4", "weights": "float32",
                "trained_on": "drawn faces, seed 0",
            }  # fmt: skip
            assert wanted.items() <= told.items()
            assert json.loads(told["crop"])["kind"] == "whole"
            assert "Smiling" in json.loads(told["attributes"])
            assert "not those of the code" in told["terms"]
            assert list(json.loads(told["inputs"])) == inputs
            assert list(json.loads(told["outputs"])) == outputs
            assert [one.version for one in model.opset_import] == [18]
            assert not [place for place in (b".py", b"/tmp", str(run).encode()) if place in content]

    def test_directions_are_read_back_as_they_are(self, exported, run):
        content = json.loads((exported[0] / "directions.json").read_text())
        assert content["model_sha256"] == sha256_of(run / "model.safetensors")
        assert list(content["sets"]) == ["joint"]
        vector = lik.load(run).directions("joint").direction("Smiling").vector
        assert np.array_equal(np.array(content["sets"]["joint"]["Smiling"], np.float32), vector)

    def test_a_card_says_the_terms(self):
        told = metadata_of(lik.load())
        assert told["terms"].startswith("both sets are for non-commercial research only")
        assert "CelebA" in told["trained_on"]

    def test_what_is_there_already_is_left_alone(self, exported, run, tmp_path):
        out, _ = exported
        before = (out / "decoder.onnx").read_bytes()
        refuse("encoder.onnx exists already", "export", "onnx", run, out)
        (tmp_path / "decoder.onnx").write_text("mine")
        refuse("decoder.onnx exists already", "export", "onnx", run, tmp_path)
        assert [file.name for file in tmp_path.iterdir()] == ["decoder.onnx"]
        assert (out / "decoder.onnx").read_bytes() == before
        refuse("is a file: name a folder", "export", "onnx", run, tmp_path / "decoder.onnx")

    @pytest.mark.parametrize("part", ["encoder", "decoder"])
    def test_a_run_of_one_part_gives_one_network(self, part, tmp_path):
        settings = PaperFirstSettings(size=16, latent=4)
        save_model(tmp_path / "a.safetensors", moved(settings), settings, {"parts": [part]})
        done = succeed("export", "onnx", tmp_path / "a.safetensors", tmp_path / "out",
                       "--weights", "float16")  # fmt: skip
        assert [file.name for file in (tmp_path / "out").iterdir()] == [f"{part}.onnx"]
        unit = {"encoder": "σ of the posterior", "decoder": "of 255 levels"}[part]
        assert re.search(rf"  weights as float16: off by \S+ {unit} in the mean, ", done.stdout)

    @pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
    def test_missing_packages_are_said(self, run, tmp_path, monkeypatch, package):
        monkeypatch.setitem(sys.modules, package, None)
        refuse("pip install 'lik-vae[onnx]'", "export", "onnx", run, tmp_path / "out")
        assert not list(tmp_path.iterdir())


class Symbolic(PaperFirst):
    """A model whose posterior is none of means and variances."""

    def encode(self, images):
        return super().encode(images).mean.round()


class TestRefusals:
    @pytest.fixture
    def decoder(self, tmp_path):
        """A run that has a decoder alone, whose path may be changed before it is exported."""
        return self.save(
            tmp_path / "decoder.safetensors", moved(PaperFirstSettings(size=16, latent=4))
        )

    def save(self, path, model):
        save_model(path, model, PaperFirstSettings(size=16, latent=4), {"parts": ["decoder"]})
        return path

    def broken(self, monkeypatch, forward):
        monkeypatch.setattr(networks.DecoderNetwork, "forward", forward)

    def fails(self, run, out, words):
        answer = run_lik("export", "onnx", run, out)
        assert answer.exit_code == 1, answer.output
        assert words in answer.stderr
        assert answer.stderr.splitlines()[-1].startswith("lik: ")
        assert not out.exists()

    def test_networks_that_do_not_give_what_torch_gives(self, decoder, tmp_path, monkeypatch):
        def forward(network, codes):
            return network.model.decode(codes) + 0.001 * torch.compiler.is_exporting()

        self.broken(monkeypatch, forward)
        self.fails(decoder, tmp_path / "out", "the decoder as ONNX is off by 1.0e-03")

    def test_networks_that_give_no_numbers(self, tmp_path):
        model = moved(PaperFirstSettings(size=16, latent=4))
        with torch.no_grad():
            model.decoder[0].weight.fill_(3e38)  # finite itself; what is made of it is not
        path = self.save(tmp_path / "nan.safetensors", model)
        self.fails(path, tmp_path / "out", "the decoder as ONNX is off by nan")

    def test_models_that_cannot_be_exported(self, decoder, tmp_path, monkeypatch):
        def forward(network, codes):
            return network.model.decode(codes if codes.sum() > 0 else -codes)

        self.broken(monkeypatch, forward)
        answer = run_lik("export", "onnx", decoder, tmp_path / "out")
        assert answer.exit_code == 2, answer.output
        assert "DecoderNetwork cannot be written as ONNX: " in answer.stderr
        assert not (tmp_path / "out").exists()
        with pytest.raises(UnusableInput, match="only encoders with Gaussian posteriors"):
            encoder_of(Symbolic(PaperFirstSettings(size=16, latent=4)))

    def test_a_file_that_cannot_be_written_leaves_none(self, run, tmp_path, monkeypatch):
        replacing = exporting.replacing

        def full(path):
            if path.name == "decoder.onnx":
                raise FailedOnTheWay(f"{path} could not be written: the disk is full.")
            return replacing(path)

        monkeypatch.setattr(exporting, "replacing", full)
        self.fails(run, tmp_path / "out", "the disk is full")
