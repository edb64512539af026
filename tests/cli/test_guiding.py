import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors import safe_open
from safetensors.torch import save_file

import lik
from lik.cli.networks import open_network
from lik.latent.guide_statistics import GuideStatistics
from lik.latent.judging import logits_of
from terminal import run_lik


def pixels(path):
    return np.asarray(Image.open(path))


def told(path):
    return json.loads(Image.open(path).text["Lik change"])


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    answer = run_lik("train", "paper-first", faces.path, path, "epochs=40", "model.latent=8",
                     "objective.beta=0.1", "optimizer.learning_rate=0.002",
                     "batch_size=16")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    return path


@pytest.fixture(scope="module")
def network(run, faces, tmp_path_factory):
    """A network that tells Smiling alone, with a spread of 1 over what the toy run decodes.

    The toy decodes all faces much alike, and a network as it comes would tell none of them apart.
    """
    path = tmp_path_factory.mktemp("networks") / "plain"
    answer = run_lik("train-classifier", faces.path, path, "epochs=2", "model.widths=[4,8]")
    assert answer.exit_code == 0, answer.output
    session = lik.load(run)
    learned = faces.to_learn_from()
    codes = session.encode(faces.images[learned])
    logits = logits_of(session, open_network(str(path), session).network, codes)
    with safe_open(path / "model.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        description = file.metadata()
    column = faces.attribute_names.index("Smiling")
    smiles = faces.attributes[learned, column] > 0
    own = logits[:, column]
    scale = np.sign(np.median(own[smiles]) - np.median(own[~smiles])) / own.std()
    weight = tensors["head.weight"][column] * scale
    bias = (tensors["head.bias"][column] - np.median(own)) * scale
    for key, value in (("head.weight", weight), ("head.bias", bias)):
        tensors[key] = torch.zeros_like(tensors[key])
        tensors[key][column] = value
    sharp = path.parent / "sharp.safetensors"
    save_file(tensors, sharp, description)
    return sharp


@pytest.fixture(scope="module")
def kept(run, network):
    """What is measured of the network, kept beside the run."""
    answer = run_lik("fit-directions", run, "--method", "guided", "--features", network)
    assert answer.exit_code == 0, answer.output
    return GuideStatistics.load(run)


@pytest.fixture
def trait(kept):
    """The attribute that the network tells, with the strength that moves its logit by 1."""
    return "Smiling", round(1 / kept.distance("Smiling"), 2)


def test_a_guided_change_repeats_to_the_byte_and_is_taken_back(
    run, network, photo, trait, tmp_path
):
    name, strength = trait
    out, again, back = (tmp_path / f"{which}.png" for which in ("out", "again", "back"))
    answer = run_lik("change", run, photo, "--set", f"{name}={strength}", "--method", "guided",
                     "--features", network, "-o", out)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    before, after = answer.output.split(f"{name} ")[-1].rstrip(")\n").split(" → ")
    assert all(
        float(a) > float(b) for a, b in zip(after.split(","), before.split(","), strict=True)
    )
    assert (pixels(out) != pixels(photo)).any()
    assert told(out)["method"] == "guided"
    assert told(out)["guidance"]["steps"] > 0
    answer = run_lik("change", run, photo, "--like", out, "-o", again)
    assert answer.exit_code == 0, answer.output
    assert "not be the same" not in answer.output
    np.testing.assert_array_equal(pixels(again), pixels(out))
    answer = run_lik(
        "change", run, photo, "--like", out, "--set", f"{name}=-{strength}", "-o", back
    )
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(back), pixels(photo))


def test_each_face_of_another_photograph_goes_as_far(run, network, photo, trait, tmp_path):
    name, strength = trait
    out, other, turned = (tmp_path / f"{which}.png" for which in ("out", "other", "turned"))
    run_lik("change", run, photo, "--set", f"{name}={strength}", "--method", "guided",
            "--features", network, "--face", 1, "-o", out)  # fmt: skip
    Image.fromarray(pixels(photo)[:, :, ::-1].copy()).save(turned)  # other colours, another face
    answer = run_lik("change", run, turned, "--like", out, "-o", other)
    assert answer.exit_code == 0, answer.output
    assert told(other)["settings"] == told(out)["settings"]
    first = pixels(out).astype(int) - pixels(photo)
    second = pixels(other).astype(int) - pixels(turned)
    assert first.any()
    assert second.any()
    assert (first != second).any()


def test_no_strength_returns_every_byte(run, network, photo, trait, tmp_path):
    out = tmp_path / "out.png"
    answer = run_lik("change", run, photo, "--set", f"{trait[0]}=0", "--method", "guided",
                     "--features", network, "-o", out)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(out), pixels(photo))
    assert "Description" not in Image.open(out).text


def test_faces_are_guided_to_a_probability_and_the_aim_is_repeated(
    run, network, photo, trait, tmp_path
):
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    name = trait[0]
    answer = run_lik("change", run, photo, "--to", f"{name}=0.6", "--method", "guided",
                     "--features", network, "-o", out)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    after = answer.output.rsplit("→", 1)[1].rstrip(")\n").split(",")
    np.testing.assert_allclose([float(value) for value in after], 0.6, atol=0.02)
    answer = run_lik("change", run, photo, "--like", out, "-o", again)
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(again), pixels(out))


def test_what_is_kept_and_what_is_measured_on_the_way_change_alike(
    run, network, faces, photo, trait, tmp_path
):
    name, strength = trait
    change = ["change", run, photo, "--set", f"{name}={strength}", "--method", "guided",
              "--features", network]  # fmt: skip
    file = run / "directions" / "guided.json"
    content = file.read_text()
    assert run_lik(*change, "-o", tmp_path / "kept.png").exit_code == 0
    file.unlink()
    try:
        answer = run_lik(*change, "-o", tmp_path / "measured.png")
    finally:
        file.write_text(content)
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(tmp_path / "kept.png"), pixels(tmp_path / "measured.png"))


@pytest.fixture(scope="module")
def second(network, tmp_path_factory):
    """A network that says the same as the first, a little louder: another file."""
    with safe_open(network, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        description = file.metadata()
    tensors["head.weight"] *= 1.25
    path = tmp_path_factory.mktemp("networks") / "second.safetensors"
    save_file(tensors, path, description)
    return path


def test_several_networks_guide_together(run, network, second, photo, trait, tmp_path):
    name, strength = trait
    one, two, again = (tmp_path / f"{which}.png" for which in ("one", "two", "again"))
    change = ["change", run, photo, "--set", f"{name}={strength}", "--method", "guided",
              "--features", network]  # fmt: skip
    assert run_lik(*change, "-o", one).exit_code == 0
    answer = run_lik(*change, "--features", second, "-o", two)
    assert answer.exit_code == 0, answer.output
    assert (pixels(two) != pixels(photo)).any()
    assert told(two)["features"] == [str(network), str(second)]
    assert len(told(two)["beside_sha256"]) == 1
    answer = run_lik("change", run, photo, "--like", two, "-o", again)
    assert answer.exit_code == 0, answer.output
    assert "not be the same" not in answer.output
    np.testing.assert_array_equal(pixels(again), pixels(two))
    alone = run_lik("change", run, photo, "--like", two, "--features", network, "-o", again)
    assert "with other networks beside it" in " ".join(alone.output.split())
    straight = run_lik("change", run, photo, "--like", two, "--method", "means", "-o", again)
    assert straight.exit_code == 0, straight.output
    assert straight.output.count("will not be the same") == 1
    assert "by another method" in straight.output
    straight = run_lik("change", run, photo, "--like", two, "--method", "means", "--to",
                       f"{name}=0.6", "-o", again)  # fmt: skip
    assert straight.exit_code == 0, straight.output


def test_a_first_versions_change_is_told_of_networks_that_it_did_not_have(
    run, network, second, photo, trait, tmp_path
):
    out, old = tmp_path / "out.png", tmp_path / "old.png"
    run_lik("change", run, photo, "--set", f"{trait[0]}={trait[1]}", "--method", "guided",
            "--features", network, "-o", out)  # fmt: skip
    before = told(out) | {"version": 1, "features": str(network)}
    del before["beside_sha256"], before["limited"]
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Lik change", json.dumps(before))
    Image.open(out).save(old, pnginfo=text)
    repeat = ["change", run, photo, "--like", old, "-o", tmp_path / "again.png"]
    assert "will not be the same" not in run_lik(*repeat).output
    assert told(out)["limited"]
    assert not told(tmp_path / "again.png")["limited"]
    third = run_lik("change", run, photo, "--like", tmp_path / "again.png", "-o",
                    tmp_path / "third.png")  # fmt: skip
    assert third.exit_code == 0, third.output
    assert not told(tmp_path / "third.png")["limited"]
    np.testing.assert_array_equal(pixels(tmp_path / "third.png"), pixels(tmp_path / "again.png"))
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Lik change", json.dumps(before | {"method": "means"}))
    Image.open(out).save(tmp_path / "straight.png", pnginfo=text)
    now = run_lik("change", run, photo, "--like", tmp_path / "straight.png", "--method", "guided",
                  "-o", tmp_path / "guided.png")  # fmt: skip
    assert now.exit_code == 0, now.output
    assert told(tmp_path / "guided.png")["limited"]  # it was not guided before
    more = run_lik(*repeat, "--features", network, "--features", second)
    assert "with other networks beside it" in " ".join(more.output.split())


def test_what_is_kept_of_several_networks_needs_no_faces(
    run, network, second, photo, trait, tmp_path, kept
):
    own = tmp_path / "run"
    shutil.copytree(run, own)
    answer = run_lik("fit-directions", own, "--method", "guided", "--features", network,
                     "--features", second)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert len(GuideStatistics.load(own).beside) == 1
    assert GuideStatistics.load(own).fingerprint == kept.fingerprint
    (own / "environment.json").unlink()  # it remembers no faces
    change = ["change", own, photo, "--set", f"{trait[0]}={trait[1]}", "--method", "guided",
              "--features", network]  # fmt: skip
    both = run_lik(*change, "--features", second, "-o", tmp_path / "both.png")
    assert both.exit_code == 0, both.output
    assert run_lik(*change, "-o", tmp_path / "one.png").exit_code == 0
    twice = run_lik(*change, "--features", network)
    assert twice.exit_code == 2
    assert "given twice" in twice.output


def test_a_straight_aim_has_one_judge(run, network, second, photo, tmp_path):
    answer = run_lik("change", run, photo, "--to", "Smiling=0.6", "--features", network,
                     "--features", second, "-o", tmp_path / "out.png")  # fmt: skip
    assert answer.exit_code == 2
    assert "--method guided alone" in " ".join(answer.output.split())


def test_strips_are_guided(run, network, trait, tmp_path):
    arrays = tmp_path / "strip.npz"
    answer = run_lik("change", run, "--generated", "-n", 1, "-a", trait[0], "--steps", 5,
                     "--method", "guided", "--features", network, "-o", tmp_path / "strip.png",
                     "--arrays", arrays)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    found = np.load(arrays)
    assert found[trait[0]].shape == (1, 5, 8)
    np.testing.assert_array_equal(found[trait[0]][:, 2], found["codes"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "Smiling=1"], "give it with --features"),
        (["--set", "Smilling=0", "--features", "{net}"], "Did you mean 'Smiling'?"),
        (["--set", "dimension:2=1", "--features", "{net}"], "move attributes"),
        (["--to", "Smilling=0.5", "--features", "{net}"], "Did you mean 'Smiling'?"),
        (["--set", "Smiling=1", "--features", "{net}/no"], "no trained weights"),
        (["-a", "Smiling"], "give it with --features"),
        (["-d", "1", "--features", "{net}"], "name one with --attribute"),
    ],
)
def test_what_cannot_be_guided_is_said_in_a_sentence(run, network, photo, options, words):
    given = [option.format(net=network) for option in options]
    answer = run_lik("change", run, photo, "--method", "guided", *given)
    assert answer.exit_code == 2, answer.output
    assert words in " ".join(answer.output.split())


def test_a_network_of_another_size_or_faces_that_are_gone_are_told(
    run, network, faces, photo, tmp_path, kept
):
    weights = tmp_path / "bare.safetensors"
    weights.write_bytes((run / "model.safetensors").read_bytes())  # a run that remembers no faces
    answer = run_lik("change", weights, photo, "--set", "Smiling=1", "--method", "guided",
                     "--features", network)  # fmt: skip
    assert answer.exit_code == 2
    assert "measured on real faces" in " ".join(answer.output.split())
    out = tmp_path / "larger"
    run_lik("prepare", "drawn:16", tmp_path / "faces", "--size", 32)
    run_lik("train-classifier", tmp_path / "faces", out, "epochs=1", "model.widths=[4,8]")
    answer = run_lik("change", run, photo, "--set", "Smiling=1", "--method", "guided",
                     "--features", out)  # fmt: skip
    assert answer.exit_code == 2
    assert "takes faces of 32 pixels" in " ".join(answer.output.split())


def test_what_a_png_says_of_its_network_must_be_there(run, network, photo, trait, tmp_path):
    out, broken = tmp_path / "out.png", tmp_path / "broken.png"
    run_lik("change", run, photo, "--set", f"{trait[0]}={trait[1]}", "--method", "guided",
            "--features", network, "-o", out)  # fmt: skip

    def saying(**other):
        text = PngImagePlugin.PngInfo()
        text.add_itxt("Lik change", json.dumps(told(out) | other))
        Image.open(out).save(broken, pnginfo=text)
        return run_lik("change", run, photo, "--like", broken, "-o", tmp_path / "again.png")

    gone = saying(features="elsewhere/net")
    assert gone.exit_code == 2
    assert "elsewhere/net, which is not there" in " ".join(gone.output.split())
    other = saying(guidance={"steps": "many"})
    assert other.exit_code == 2
    assert "another Lik" in other.output
    for odd in ({"steps": 60.0}, {"reach_first": 0}, {"rate": float("nan")}, [1]):
        assert "another Lik" in saying(guidance=odd).output
    for odd in ("1", 0, True):
        assert "is broken" in saying(face=odd).output
    assert "is broken" in saying(features=5).output
    assert "give it with --features" in " ".join(saying(features=None).output.split())
    assert saying(features=str(network), version=1).exit_code == 0
    noted = saying(network_sha256="0" * 64)
    assert noted.exit_code == 0
    assert "by another network" in noted.output
