import numpy as np
import pytest

from lik.app import sampling
from lik.app.sampling import PRIORS, PriorRequest, code_source, draw_samples, fit_prior, sample
from lik.app.selection import Selection
from lik.core.errors import UnusableInput
from lik.latent.priors import saved_priors
from lik.latent.session import logits_of


def test_the_same_seed_draws_the_same_faces(run):
    first, again, other = (sample(run, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.codes, again.codes)
    assert (first.codes != other.codes).any()
    np.testing.assert_array_equal(first.pictures, run.session.generate(3, 1))
    assert first.described == "temperature 1, seed 1"


def test_a_temperature_that_is_given_is_told_from_none(run):
    fit_prior(run, PriorRequest("gaussian"))
    assert code_source(run, usual=0.8).described == "temperature 0.8"
    assert not code_source(run, temperature=0.0)(2, 0).any()


@pytest.mark.parametrize("kind", PRIORS)
def test_a_temperature_moves_the_codes_of_a_fitted_prior_to_its_centre(run, kind):
    fit_prior(run, PriorRequest(kind, steps=2))
    drawn = code_source(run, kind)(3, 0)
    np.testing.assert_array_equal(code_source(run, kind, 1.0)(3, 0), drawn)
    centre = code_source(run, kind, 0.0)(3, 0)
    assert (centre == centre[0]).all()
    np.testing.assert_allclose(
        code_source(run, kind, 0.5)(3, 0), (centre + drawn) / 2, rtol=1e-5, atol=1e-6
    )
    source = code_source(run, kind, 0.5)
    assert source.described == f"prior “{kind}”, temperature 0.5"
    with pytest.raises(UnusableInput, match="from 0 on"):
        code_source(run, kind, -1.0)(3, 0)


@pytest.mark.parametrize("kind", PRIORS)
def test_codes_of_a_spread_prior_lie_as_many_times_as_far_from_the_centre(run, kind):
    drawn = {
        spread: fit_prior(run, PriorRequest(kind, components=1, steps=2, spread=spread)).prior
        for spread in (1.0, 2.0)
    }
    near, far = (drawn[spread].sample(5, 0) - drawn[1.0].centre for spread in (1.0, 2.0))
    np.testing.assert_allclose(far, 2 * near, rtol=1e-3, atol=1e-3)
    for spread in (0.0, -1.0, np.nan, 11.0, np.inf):
        with pytest.raises(UnusableInput, match="above 0"):
            fit_prior(run, PriorRequest(kind, spread=spread))


@pytest.mark.parametrize("kind", PRIORS)
def test_faces_are_drawn_from_a_fitted_prior(run, kind):
    fitted = fit_prior(run, PriorRequest(kind, name="mine", components=1, steps=3))
    assert fitted.path == run.path / "priors" / "mine.safetensors"
    codes = sample(run, 4, 7, prior="mine").codes
    np.testing.assert_allclose(codes, fitted.prior.sample(4, 7), rtol=1e-5, atol=1e-6)
    for count in (0, -1):
        with pytest.raises(UnusableInput, match="at least 1"):
            sample(run, count, prior="mine")
    with pytest.raises(UnusableInput, match="'mine'"):
        sample(run, 4, prior="mime")


def test_a_prior_that_is_fitted_again_takes_the_place_of_the_first(run):
    fit_prior(run, PriorRequest("gaussian", having=["Smiling"]))
    first = sample(run, 4, prior="gaussian").codes
    fitted = fit_prior(run, PriorRequest("gaussian", lacking=["Smiling"]))
    assert fitted.faces == len(Selection("train", lacking=["Smiling"]).of(run.faces()))
    assert (sample(run, 4, prior="gaussian").codes != first).any()


def test_a_run_with_priors_says_so_where_none_is_asked_for(run):
    notices = []
    fit_prior(run, PriorRequest("gaussian"))
    sample(run, 1, notify=notices.append)
    assert "drawn from gaussian" in notices.pop()
    sample(run, 1, prior="gaussian", notify=notices.append)
    assert not notices


def test_a_prior_named_faces_is_the_usual_one(run):
    fit_prior(run, PriorRequest("gaussian", name="faces"))
    usual, normal = sample(run, 3).codes, sample(run, 3, temperature=1).codes
    assert np.array_equal(usual, sample(run, 3, prior="faces").codes)
    assert not np.array_equal(usual, normal)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (PriorRequest("gmn"), "no prior 'gmn'"),
        (PriorRequest(name="../evil"), "cannot name a prior"),
        (PriorRequest(having=["Smilling"]), "Did you mean 'Smiling'"),
        (PriorRequest(components=10_000), "cannot bear 10000 components"),
    ],
)
def test_priors_that_cannot_be_fitted_are_refused(run, request_, words):
    with pytest.raises(UnusableInput, match=words):
        fit_prior(run, request_)
    assert saved_priors(run.path) == []


def test_conditions_hold_for_all_that_is_drawn(run, classifier):
    network = run.classifier(classifier).network
    has, lacks = network.attributes[:2]
    samples = sample(run, 5, having=[has], lacking=[lacks], classifier=classifier)
    logits = logits_of(run.session, network, samples.codes)
    assert (logits[:, 0] > 0).all()
    assert (logits[:, 1] < 0).all()
    assert samples.described.endswith(f"with {has}, without {lacks}")


def test_conditions_that_cannot_be_met_are_refused(run, classifier, monkeypatch):
    monkeypatch.setattr(sampling, "TURNS", 2)
    name = run.classifier(classifier).network.attributes[0]
    with pytest.raises(UnusableInput, match="classifier") as refused:
        sample(run, 1, having=[name])
    assert refused.value.needs == "classifier"
    for wanted, words in (
        ({"having": [name], "lacking": [name]}, "both with"),
        ({"having": ["Smilling"]}, "Did you mean 'Smiling'"),
        ({"having": [name], "count": 0}, "at least 1"),
        ({"having": [name], "count": 10_000}, "1,024 faces drawn"),
    ):
        with pytest.raises(UnusableInput, match=words):
            sample(run, **{"count": 1, "classifier": classifier, **wanted})


@pytest.mark.parametrize("by_network", [False, True])
def test_the_nearest_training_faces_stand_beside(run, classifier, by_network):
    samples = sample(run, 2)
    own = run.faces().images[run.faces().to_learn_from()[[5, 9]]]
    near = sampling.Samples(samples.codes, own, samples.described)  # each is nearest to itself
    image = sampling.draw_beside_nearest(
        run, near, classifier=classifier if by_network else None
    ).image
    for row in range(2):
        shown = np.asarray(image)[-216 + 100 * row :][:96]
        np.testing.assert_array_equal(shown[:, 20:116], shown[:, 120:216])


def test_samples_are_drawn_in_rows(run):
    drawn = draw_samples(run, sample(run, 5), columns=2)
    assert drawn.name == "generated.png"
    assert drawn.arrays["codes"].shape == (5, 4)


def test_the_nearest_are_found_across_parts():
    others = np.random.default_rng(2).standard_normal((50, 3))
    points = others[[40, 3]] + 1e-3
    parts = (others[start : start + 7] for start in range(0, 50, 7))
    found = sampling.nearest_of(points, parts, 2)
    assert found[:, 0].tolist() == [40, 3]
    distances = np.linalg.norm(points[:, None] - others, axis=2)
    np.testing.assert_array_equal(found, np.argsort(distances, axis=1)[:, :2])
