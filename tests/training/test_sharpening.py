"""A refiner's training: what stays as it was, what is learned, and that it can be gone on with."""

import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.models.catalogue import build
from lik.models.classifier import PlainSettings, build_classifier
from lik.models.critic import PairCritic
from lik.models.paper import PaperFirstSettings
from lik.models.residual import ResidualVAESettings
from lik.models.saved import load_model, save_model
from lik.objectives.sharpness import Sharpness, SharpnessSettings, codes_of_nobody
from lik.training import journal
from lik.training.callback import Callback
from lik.training.running import TrainingData, run_training
from lik.training.sharpening import SharpenPlan, Shortening, sharpen_plan

SIZE = 16
REFINER = {"widths": (8, 8), "blocks": (1, 1), "full": 4}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a base run's weights and a network of features."""
    folder = tmp_path_factory.mktemp("sharp")
    torch.manual_seed(0)
    settings = PaperFirstSettings(size=SIZE, latent=4)
    save_model(folder / "base.safetensors", build(settings), settings, {})
    network = PlainSettings(size=SIZE, attributes=("a", "b"), widths=(4, 6, 8))
    save_model(folder / "net.safetensors", build_classifier(network).eval(), network, {})
    return folder


@pytest.fixture(scope="module")
def data(faces):
    description = {"path": "x", "hash": "a", "index_hash": "b", "crop": {}, "attribute_names": []}
    return TrainingData(faces.images, np.arange(48), np.arange(48, 60), description)


def plan_of(place, **settings):
    return SharpenPlan(
        base=str(place / "base.safetensors"),
        model={
            "size": SIZE,
            "base": {"name": "paper-first", "size": SIZE, "latent": 4},
            "refiner": REFINER,
        },
        objective={
            "network": str(place / "net.safetensors"),
            "layers": (0, 1, 1),
            "alone": 2,
            "rise": 2,
        },
        **{"batch_size": 16, "epochs": 2, "device": {"precision": "float32"}} | settings,
    )


def test_running_means_of_the_base_stand_still(tmp_path, place, data):
    settings = ResidualVAESettings(
        size=SIZE, latent=4, encoder=(4, 4, 4, 4), decoder=(4, 4, 4, 4), narrow=4
    )
    base = build(settings)
    save_model(tmp_path / "base.safetensors", base, settings, {})
    tree = plan_of(place).model_dump()
    tree["base"], tree["model"]["base"] = str(tmp_path / "base.safetensors"), settings
    run_training(RunFolder(tmp_path / "run"), SharpenPlan(**tree), data, torch.device("cpu"))
    kept = load_model(RunFolder(tmp_path / "run").model).model.base.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in base.state_dict().items())


def sharpened(path, place, data, callback=None, **settings):
    plan, cpu = plan_of(place, **settings), torch.device("cpu")
    outcome = run_training(RunFolder(path), plan, data, cpu, callback)
    return outcome, load_model(RunFolder(path).model).model


def test_the_base_stays_as_it_was_and_the_refiner_learns(tmp_path, place, data):
    _, model = sharpened(tmp_path / "run", place, data)
    base = load_model(place / "base.safetensors").model.state_dict()
    assert all(torch.equal(value, model.base.state_dict()[name]) for name, value in base.items())
    codes = torch.randn(2, 4)
    assert not torch.equal(model.decode(codes), model.base.decode(codes))
    last = journal.read(RunFolder(tmp_path / "run").journal)[-1]
    assert {"loss", "coarse", "features", "realism", "critic"} <= set(last.train)
    assert last.details["objective"]["critic_weight"] > 0


WORKERS = [{"precision": "float32", "workers": count} for count in (1, 2)]


@pytest.mark.parametrize("device", WORKERS)
def test_a_stopped_training_that_is_gone_on_with_is_the_unbroken_one(tmp_path, place, data, device):
    class Stop(Callback):
        steps = 0

        def should_stop(self):
            self.steps += 1
            return self.steps == 4

    _, whole = sharpened(tmp_path / "whole", place, data, device=device)
    stopped, _ = sharpened(tmp_path / "parts", place, data, Stop(), device=device)
    assert not stopped.finished
    outcome, parts = sharpened(tmp_path / "parts", place, data, device=device)
    assert outcome.finished
    again = parts.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in whole.state_dict().items())


@pytest.mark.parametrize("critic", [0.0, 0.6])
def test_workers_learn_what_one_learns(tmp_path, place, data, critic):
    """The critic's weight is found in each share, so that with one it is only about the same."""
    losses = []
    for device in WORKERS:
        run = tmp_path / str(device["workers"])
        tree = plan_of(place, device=device).model_dump()
        tree["objective"] |= {"critic": critic, "penalty": 0.0}
        run_training(RunFolder(run), SharpenPlan(**tree), data, torch.device("cpu"))
        losses.append([record.train for record in journal.read(RunFolder(run).journal)])
    for one, two in zip(*losses, strict=True):
        assert two == pytest.approx(one, rel=0.02 if critic else 1e-4)


def test_another_base_is_refused(tmp_path, place, data):
    settings = PaperFirstSettings(size=SIZE, latent=4)
    save_model(tmp_path / "base.safetensors", build(settings), settings, {})
    sharpened(tmp_path / "run", place, data, epochs=1)
    other = plan_of(place, epochs=1).model_copy(update={"base": str(tmp_path / "base.safetensors")})
    with pytest.raises(UnusableInput, match="another recipe"):
        run_training(RunFolder(tmp_path / "run"), other, data, torch.device("cpu"))


def objective(**settings):
    def features(images):
        return [torch.nn.functional.avg_pool2d(images, 2**level) for level in range(3)]

    torch.manual_seed(0)
    given = SharpnessSettings(network="", layers=(0, 1, 1), **settings)
    return Sharpness(given, features, PairCritic((3, 3), width=8))


class Model:
    """A base that decodes to grey, and a refiner that gives what it is told to."""

    noise_width = 4

    def __init__(self, refined):
        self.refined = refined

    def encode(self, images):
        return build(PaperFirstSettings(size=SIZE, latent=4)).encode(images)

    def to_refine(self, images, codes):
        return torch.full((len(codes), 3, SIZE, SIZE), 0.5)

    def refiner(self, decodings, codes):
        return self.refined


def test_pictures_that_are_the_originals_cost_nothing_but_the_critics_chance():
    images = torch.rand(4, 3, SIZE, SIZE)
    sharpness = objective().eval()
    terms = sharpness.refiner_terms(sharpness.see(Model(images), images, torch.randn(4, 7)))
    assert terms["coarse"].abs().max() < 1e-8
    assert terms["features"].abs().max() < 1e-6
    chance = (1 + 2 * 0.5) * np.log(2)
    assert terms["realism"].tolist() == pytest.approx([chance] * 4, rel=1e-5)


def test_coarse_is_on_the_scale_of_squared_errors():
    """What is off by the same everywhere costs as much as by the plain sum of squares."""
    images = torch.full((2, 3, SIZE, SIZE), 0.4)
    sharpness = objective().eval()
    views = sharpness.see(Model(images + 0.1), images, torch.randn(2, 7))
    squares = 3 * SIZE * SIZE * 0.1**2
    assert sharpness.refiner_terms(views)["coarse"].tolist() == pytest.approx(
        [squares] * 2, rel=1e-4
    )


def test_what_networks_see_of_a_face_is_shifted_alike():
    images = torch.rand(4, 3, SIZE, SIZE)
    sharpness = objective(shift=2).train()
    views = sharpness.see(Model(images), images, torch.randn(4, 7))
    assert torch.equal(views.images.pictures, views.refined.pictures)
    assert not torch.equal(views.images.pictures, images)


def test_the_critics_gradient_is_as_long_as_it_is_asked_to_be():
    images = torch.rand(4, 3, SIZE, SIZE)
    refined = torch.rand(4, 3, SIZE, SIZE, requires_grad=True)
    sharpness = objective(alone=1, rise=1, coarse=0.25, critic=1.5, shift=0).train()
    numbers = torch.randn(4, 7)
    for _ in range(2):
        terms = sharpness.refiner_terms(sharpness.see(Model(refined), images, numbers))
    fidelity = 0.25 * terms["coarse"] + 100 * terms["features"]
    lengths = [
        torch.autograd.grad(term.sum(), refined, retain_graph=True)[0].norm()
        for term in (fidelity, terms["loss"] - fidelity)
    ]
    assert float(lengths[1] / lengths[0]) == pytest.approx(1.5, rel=0.2)


def test_the_critic_learns_to_tell_them_apart():
    images = torch.rand(8, 3, SIZE, SIZE)
    sharpness = objective(critic_share=1.0).train()
    views = sharpness.see(Model(torch.full_like(images, 0.5)), images, torch.randn(8, 7))
    optimizer = torch.optim.Adam(sharpness.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(60):
        terms = sharpness.critic_terms(views, generator)
        losses.append(terms["critic"].mean().item())
        optimizer.zero_grad()
        terms["critic_loss"].mean().backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0], losses


def test_the_critic_sees_codes_of_nobody_too():
    """They weigh as they are asked to; nothing is known that their pictures could be true to."""
    images, refined = (torch.rand(n, 3, SIZE, SIZE, requires_grad=n > 4) for n in (4, 8))
    terms = {}
    for weight in (0, 1, 2):
        sharpness = objective(nobody=weight).eval()
        model = Model(refined if weight else refined[:4])
        views = sharpness.see(model, images, torch.ones(4, 8))
        terms[weight] = sharpness.refiner_terms(views)
        assert (views.nobody is not None) == bool(weight)
    for kept in ("coarse", "features"):
        assert torch.equal(terms[0][kept], terms[1][kept])
    of_nobody = terms[1]["realism"] - terms[0]["realism"]
    assert (of_nobody > 0).all()
    torch.testing.assert_close(terms[2]["realism"], terms[0]["realism"] + 2 * of_nobody)
    (slope,) = torch.autograd.grad(terms[1]["realism"].sum(), refined, retain_graph=True)
    assert (slope.flatten(1).norm(dim=1) > 0).all()
    (slope,) = torch.autograd.grad(terms[1]["features"].sum(), refined)
    assert slope[4:].norm() == 0


def test_codes_of_nobody_have_no_pictures_to_be_made_larger(place):
    base, larger = place / "base.safetensors", ("objective.nobody=1", "objective.critic=0.5")
    with pytest.raises(UnusableInput, match="codes of nobody have none"):
        sharpen_plan(base, "net", 2 * SIZE, larger)
    assert sharpen_plan(base, "net", SIZE, larger).objective.nobody == 1


def test_codes_of_nobody_lie_between_two_and_have_their_spread():
    codes = torch.randn(4000, 3) * torch.tensor([1.0, 2.0, 3.0])
    mixed = codes_of_nobody(codes, torch.rand(4000))
    torch.testing.assert_close(mixed.std(dim=0), codes.std(dim=0), rtol=0.06, atol=0)
    ends = codes_of_nobody(codes, torch.zeros(4000)), codes_of_nobody(codes, torch.ones(4000))
    torch.testing.assert_close(ends, (codes, codes.roll(1, 0)), atol=1e-5, rtol=0)


def test_gradients_of_more_than_twice_the_usual_are_shortened_and_none_is_skipped_for_its_length():
    guard = Shortening(torch.device("cpu"))
    for _ in range(50):
        assert not guard.skips(torch.tensor(4.0))
    assert guard.longer == 1
    assert not guard.skips(torch.tensor(4e6))
    assert guard.longer == pytest.approx(5e5)
    assert guard.usual == pytest.approx(4, abs=0.1)  # one of them tells nothing of the next
    for broken in (torch.nan, torch.inf):
        assert guard.skips(torch.tensor(broken))


def test_without_a_critic_there_is_fidelity_alone(tmp_path, place, data):
    plan = plan_of(place)
    alone = plan.model_copy(update={"objective": plan.objective.model_copy(update={"critic": 0.0})})
    run_training(RunFolder(tmp_path / "run"), alone, data, torch.device("cpu"))
    last = journal.read(RunFolder(tmp_path / "run").journal)[-1]
    assert {"realism", "critic"}.isdisjoint(last.train)
    assert last.train["loss"] > 0
