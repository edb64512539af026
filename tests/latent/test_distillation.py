"""What reads codes learns what others see in their decodings."""

import numpy as np
import torch

from lik.core.gaussian import DiagonalGaussian
from lik.latent.distillation import codes_to_learn_from, distilled

FACES = DiagonalGaussian(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)),
                         torch.full((50, 4), -4.0))  # fmt: skip


def seen(codes):
    """Two attributes that are no straight functions of a code."""
    return np.stack([np.tanh(2 * codes[:, 0]), 5 * codes[:, 1] * codes[:, 2]], axis=1)


def test_codes_lie_among_and_beside_those_of_faces():
    effects = np.eye(4)[:2]
    codes = codes_to_learn_from(FACES, effects, 3000, seed=1)
    assert codes.shape == (3000, 4)
    assert np.array_equal(codes, codes_to_learn_from(FACES, effects, 3000, seed=1))
    assert not np.array_equal(codes, codes_to_learn_from(FACES, effects, 3000, seed=2))
    stds = FACES.mean.std(dim=0).numpy()
    assert (codes.std(axis=0) > 0.8 * stds).all()
    assert (codes.std(axis=0)[:2] > 1.1 * stds[:2]).all()  # moved along the effects
    without = codes_to_learn_from(FACES, np.empty((0, 4)), 3000, seed=1)
    assert np.isfinite(without).all()


def test_it_reads_what_is_seen_and_says_how_well():
    codes = codes_to_learn_from(FACES, np.empty((0, 4)), 6000)
    network, settings, explained = distilled(codes, seen(codes), ("bend", "product"))
    assert settings.attributes == network.attributes == tuple(explained)
    assert min(explained.values()) > 0.9
    others = codes_to_learn_from(FACES, np.empty((0, 4)), 500, seed=3)
    with torch.no_grad():
        read = network(torch.from_numpy(others)).numpy()
    missed = ((read - seen(others)) ** 2).mean(axis=0) / seen(others).var(axis=0)
    np.testing.assert_allclose(1 - missed, list(explained.values()), atol=0.08)
    for weight in network.state_dict().values():
        assert torch.equal(weight, weight.half().float())
