import json

import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.events import no_notices
from lik.latent.directions.direction import (
    Calibration,
    Direction,
    DirectionSet,
    calibrated,
    saved_sets,
)
from lik.latent.directions.methods import (
    LEAST_VARIANCE,
    METHODS,
    Examples,
    classifier_normal,
    difference_of_means,
    jacobian_directions,
    joint_discriminants,
    joint_effects,
    orthogonal_to,
    principal_components,
)
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings


@pytest.fixture(scope="module")
def correlated():
    """Two traits, often together; each moves one dimension of its own."""
    random = np.random.default_rng(0)
    first = random.random(4000) < 0.5
    second = np.where(random.random(4000) < 0.8, first, ~first)
    labels = np.where(np.stack([first, second], 1), 1.0, -1.0)
    codes = random.standard_normal((4000, 6)) * 0.1
    codes[:, :2] += labels
    return codes.astype(np.float32), labels


def test_joint_effects_hold_the_other_traits_where_means_drag_them_along(correlated):
    codes, labels = correlated
    effect = joint_effects(["a", "b"], codes, labels)[0].vector
    np.testing.assert_allclose(effect[:2], [2, 0], atol=0.02)
    assert difference_of_means("a", codes, labels[:, 0]).vector[1] > 1


def test_unknown_labels_and_traits_that_all_share_do_no_harm(correlated):
    codes, labels = correlated
    gaps = labels.copy()
    gaps[::5, 1] = np.nan
    gaps = np.concatenate([gaps, np.ones((len(gaps), 1))], axis=1)
    effects = joint_effects(["a", "b", "all"], codes, gaps)
    assert [effect.name for effect in effects] == ["a", "b"]
    np.testing.assert_allclose(effects[1].vector[:2], [0, 2], atol=0.3)
    with pytest.raises(UnusableInput, match="none of the attributes"):
        joint_effects(["all"], codes, np.ones((len(codes), 1)))


def test_the_joint_effects_are_those_of_the_normal_equations(correlated):
    codes, labels = correlated
    signs, centred = labels - labels.mean(0), codes - codes.mean(0, dtype=np.float64)
    gram = signs.T @ signs + 1e-3 * len(codes) * np.eye(2)
    expected = 2 * np.linalg.solve(gram, signs.T @ centred)
    found = np.stack([effect.vector for effect in joint_effects(["a", "b"], codes, labels)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_discriminants_turn_from_what_varies_much_without_the_trait():
    random = np.random.default_rng(4)
    labels = np.where(random.random((4000, 2)) > 0.5, 1.0, -1.0)
    spread = np.array([2.0, 0.5, 0.0])  # of what the traits do not explain
    codes = labels @ [[1, 1, 0], [0, 0, 1]] + spread * random.standard_normal((4000, 3))
    codes, names = codes.astype(np.float32), ["a", "b"]
    effects = joint_effects(names, codes, labels)
    found = joint_discriminants(names, codes, labels)
    assert found[0].vector[1] / found[0].vector[0] == pytest.approx(
        (4 + LEAST_VARIANCE) / (0.25 + LEAST_VARIANCE), rel=0.1
    )
    for one, other in zip(effects, found, strict=True):
        assert np.linalg.norm(one.vector) == pytest.approx(np.linalg.norm(other.vector), rel=1e-5)
    unlabelled = np.full((4000, 2), np.nan)  # tell nothing, of effects and of the rest
    others = (9 * random.standard_normal((4000, 3))).astype(np.float32)
    both = np.concatenate([codes, others]), np.concatenate([labels, unlabelled])
    alike = joint_discriminants(names, *both)[0].vector
    np.testing.assert_allclose(alike, found[0].vector, atol=0.3)
    elsewhere = np.concatenate([codes, others + np.float32([0, 5, 0])])
    kept = joint_discriminants(names, elsewhere, both[1])[0].vector  # not towards the others
    assert abs(kept[1]) < 0.5 * abs(found[0].vector[1])
    plain = joint_discriminants(names, codes, labels, power=0)[0].vector
    np.testing.assert_allclose(plain, effects[0].vector, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", [name for name, one in METHODS.items() if one.labelled])
def test_equal_codes_have_no_direction(method):
    """They gave NaN, which were kept and painted black."""
    labels = np.where(np.arange(40)[:, None] % 2, 1.0, -1.0)
    examples = Examples(np.ones((40, 3), np.float32), labels, ["a"], lambda codes: codes)
    with pytest.raises(UnusableInput):
        METHODS[method].fit(examples, no_notices)


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_a_normal_points_to_the_faces_with_the_trait(kind):
    codes = np.random.default_rng(1).standard_normal((600, 5)).astype(np.float32)
    labels = np.where(codes[:, 3] > 0, 1.0, -1.0)
    normal = classifier_normal("a", codes, labels, kind=kind)
    assert normal.vector[3] > 0.95
    assert np.linalg.norm(normal.vector) == pytest.approx(1, abs=1e-5)
    with pytest.raises(UnusableInput, match="cannot be learned"):
        classifier_normal("a", codes, np.ones(600), kind=kind)


def test_a_projected_direction_is_at_right_angles_to_what_is_kept():
    random = np.random.default_rng(2)
    one, two, three = (
        Direction(name, random.standard_normal(8).astype(np.float32), "") for name in "abc"
    )
    turned = orthogonal_to(one, [two, three])
    assert abs(turned.vector @ two.vector) < 1e-5
    assert abs(turned.vector @ three.vector) < 1e-5
    assert np.linalg.norm(turned.vector) == pytest.approx(np.linalg.norm(one.vector), rel=1e-5)
    assert orthogonal_to(one, [one]) is one
    with pytest.raises(UnusableInput, match="nothing of a is left"):
        orthogonal_to(one, [Direction("d", 2 * one.vector, "")])


def test_principal_components_are_as_long_as_the_faces_spread():
    codes = np.random.default_rng(3).standard_normal((5000, 3)) * [1.0, 3.0, 0.5]
    first = principal_components(codes.astype(np.float32), 2)[0]
    np.testing.assert_allclose(np.abs(first.vector), [0, 3, 0], atol=0.15)
    with pytest.raises(UnusableInput, match="1 to 3"):
        principal_components(codes.astype(np.float32), 4)


def test_the_jacobian_finds_the_steps_that_change_most():
    matrix = torch.zeros(12, 4)
    matrix[0, 2], matrix[5, 1], matrix[7, 0] = -3.0, 2.0, 1.0
    found = jacobian_directions(
        lambda codes: (codes @ matrix.T).reshape(-1, 3, 2, 2), np.zeros(4, np.float32), 2
    )
    vectors = [direction.vector for direction in found]
    np.testing.assert_allclose(vectors, [[0, 0, 1, 0], [0, 1, 0, 0]], atol=1e-6)


def test_the_jacobian_of_a_model_is_that_of_small_steps():
    torch.manual_seed(0)
    model = build(PaperFirstSettings(size=16, latent=6)).eval()
    code = np.linspace(-1, 1, 6, dtype=np.float32)
    found = jacobian_directions(model.decode, code, 6)

    def change(vector):
        with torch.no_grad():
            steps = torch.from_numpy(np.stack([code, code + 1e-2 * vector]))
            before, after = model.decode(steps)
        return float((after - before).norm())

    changes = [change(direction.vector) for direction in found]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 1.2 * changes[-1]


CALIBRATION = Calibration(length=3.0, without=0.1, having=0.9, reached=0.9, plain=0.9)


@pytest.fixture
def kept(tmp_path):
    direction = Direction("Smiling", np.array([0, 4, 3], np.float32), "unit normal")
    fitted = DirectionSet(
        "svm", {"Smiling": calibrated(direction, CALIBRATION)}, {"Smiling": CALIBRATION},
        {"method": "svm", "encoder_sha256": "abc"},
    )  # fmt: skip
    fitted.save(tmp_path)
    return tmp_path


def test_a_set_comes_back_as_it_was(kept):
    back = DirectionSet.load(kept, "svm", "abc")
    direction = back.direction("Smiling")
    np.testing.assert_allclose(direction.vector, [0, 2.4, 1.8], rtol=1e-6)
    assert direction.unit == "strength"
    assert back.calibrations["Smiling"] == CALIBRATION
    assert back.made["method"] == "svm"
    assert saved_sets(kept) == ["svm"]


@pytest.mark.parametrize(
    ("name", "direction", "words"),
    [("svm", "Smilling", "'Smiling'"), ("svn", "", "'svm'"), ("../svm", "", "cannot name")],
)
def test_names_that_are_wrong_are_answered_with_near_ones(kept, name, direction, words):
    with pytest.raises(UnusableInput, match=words):
        DirectionSet.load(kept, name).direction(direction)


def test_other_weights_and_changed_files_are_refused(kept):
    with pytest.raises(UnusableInput, match="other weights"):
        DirectionSet.load(kept, "svm", "def")
    tensors = kept / "directions" / "svm.safetensors"
    content = tensors.read_bytes()
    tensors.write_bytes(content[:-1] + b"x")
    with pytest.raises(UnusableInput, match="fit again"):
        DirectionSet.load(kept, "svm")
    tensors.write_bytes(content)
    file = kept / "directions" / "svm.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"version": 9}))
    with pytest.raises(UnusableInput, match="version 9"):
        DirectionSet.load(kept, "svm")
