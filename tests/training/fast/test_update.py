"""Adam in lines of arithmetic does what the fused one does, in skipped and shortened steps too."""

import pytest
import torch

from lik.training.fast.acceleration import compiler
from lik.training.fast.graph import adam_step, moments_of
from lik.training.fast.losses import MERGED, Compiled

BETAS, EPSILON, RATE = (0.9, 0.999), 1e-7, 5e-4
SHAPES = [(3, 4), (5,), (2, 3, 4, 4), ()]


def new_weights():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in SHAPES]


def gradients(step):
    """One of them is tiny, one is broken at step 5."""
    generator = torch.Generator().manual_seed(100 + step)
    drawn = [torch.randn(shape, generator=generator) for shape in SHAPES]
    drawn[1] *= 1e-6
    if step == 5:
        drawn[2][0] = torch.nan
    return drawn


def after_steps(lines, clip):
    """Weights and moments after eight steps, the sixth of which is skipped."""
    weights = new_weights()
    optimizer = torch.optim.Adam(weights, lr=RATE, betas=BETAS, eps=EPSILON, fused=True)
    for step in range(8):
        found = gradients(step)
        skip, divisor = torch.tensor(float(step == 5)), torch.tensor(3.0) if clip else None
        for weight, gradient in zip(weights, found, strict=True):
            weight.grad = gradient
        if lines is None:
            optimizer.found_inf = skip
            if clip:
                optimizer.grad_scale = divisor
            optimizer.step()
        else:
            with torch.no_grad():
                moments = moments_of(optimizer, weights)
                lines(weights, found, moments, torch.tensor(RATE), BETAS, EPSILON, divisor,
                      skip == 1)  # fmt: skip
    states = [optimizer.state[weight] for weight in weights]
    return [w.detach() for w in weights], [value for state in states for value in state.values()]


def assert_alike(lines, clip):
    (usual, their_moments), (ours, our_moments) = after_steps(None, clip), after_steps(lines, clip)
    for one, other in zip(usual + their_moments, ours + our_moments, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(other, one, rtol=3e-5, atol=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_lines_do_what_the_fused_optimizer_does(clip):
    assert_alike(adam_step, clip)


@pytest.mark.skipif(compiler() is None, reason="torch.compile needs a C++ compiler")
def test_so_do_compiled_lines():
    remarks = []
    assert_alike(Compiled(adam_step, remarks.append, MERGED), clip=True)
    assert remarks == []


def test_a_skipped_first_step_leaves_zeros():
    weights = new_weights()
    before = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.Adam(weights, fused=True)
    moments = moments_of(optimizer, weights)
    broken = [torch.full_like(weight, torch.nan) for weight in weights]
    with torch.no_grad():
        adam_step(weights, broken, moments, torch.tensor(RATE), BETAS, EPSILON, None,
                  torch.tensor(True))  # fmt: skip
    assert all(torch.equal(old, new) for old, new in zip(before, weights, strict=True))
    assert not any(torch.count_nonzero(value) for values in moments for value in values)
