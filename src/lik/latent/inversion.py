"""Inversion: the code that shows a picture best, found by fitting and not by the encoder alone.

An encoder has to answer in one pass, and what it misses is the amortisation gap
(arXiv:1801.03558). A few steps of Adam from its answer close much of it.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

from collections.abc import Callable
from contextlib import nullcontext

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from lik.core.batched import slices
from lik.core.configuration import Settings
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures, to_float
from lik.core.precision import Precision, choose_precision
from lik.core.workers import Workers, one_thread_each
from lik.faces.compositing import HEAD, ellipse
from lik.latent.session import Codes, Session
from lik.models.refiner import Refined
from lik.objectives.similarity import Features

AT_ONCE = 32
"""Faces that a GPU fits together. On a processor each is fitted by one thread alone."""


class InversionSettings(Settings):
    """``steps`` of Adam, whose rate falls evenly from ``learning_rate`` to nothing.

    The loss of a face is ``pixels``·Σ (x − x̂)² on the head, ``features``·(mean distance in each
    map, added up), and ``prior``·|z|². Decodings are made in ``precision``.
    """

    steps: int = Field(20, ge=0)
    learning_rate: float = Field(0.2, gt=0)
    pixels: float = Field(0.5, ge=0)
    features: float = Field(100.0, ge=0)
    prior: float = Field(0.1, ge=0)
    precision: Precision = "auto"


def invert(
    session: Session,
    pictures: Pictures,
    features: Features,
    settings: InversionSettings | None = None,
    widen: float = 1.0,
    progress: Progress = no_progress,
) -> Codes:
    """Pictures → the codes whose decodings are nearest to them, (N, D).

    Each begins at the mean of its posterior; with no steps that is what is returned. On a processor
    the code of a face is the same to the bit in any company, and with any number of threads.

    Args:
        features: maps of a fixed network, in which decodings are compared beside their pixels.
        widen: by how much the pictures are wider than the reference frame.

    Raises:
        UnusableInput: pictures of another size or type, or a run without encoder or decoder.
    """
    settings, model = settings or InversionSettings(), session.model
    if not settings.steps or not len(pictures):
        return session.encode(pictures)
    session.require_pictures(pictures)
    if isinstance(model, Refined) and model.factor > 1:  # what enlarges has no code of its own
        smaller = Session(model.base, session.metadata, session.name, session.device)
        pictures = np.stack([_shrunk(picture, model.base.size) for picture in pictures])
        return invert(smaller, pictures, features, settings, widen, progress)
    head = torch.from_numpy(ellipse(session.size, widen, HEAD)).to(session.device)
    alone = session.device.type == "cpu"
    parts = list(slices(len(pictures), 1 if alone else AT_ONCE))
    with one_thread_each(len(parts)) if alone else nullcontext(Workers()) as workers:

        def fit(part: slice) -> Codes:
            def step_done() -> None:
                if workers.count == 1:  # at each step: others may come between
                    progress("fitting", part.start, len(pictures))

            return _fitted(session, pictures[part], features, settings, head, step_done)

        found = []
        for part, codes in zip(parts, workers.in_turn(fit, parts), strict=True):
            found.append(codes)
            progress("fitting", min(part.stop, len(pictures)), len(pictures))
    return np.concatenate(found)


def _shrunk(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _fitted(
    session: Session,
    pictures: Pictures,
    features: Features,
    settings: InversionSettings,
    head: Tensor,
    step_done: Callable[[], None],
) -> Codes:
    """Pictures that are fitted together → their codes."""
    start = torch.from_numpy(session.encode(pictures)).to(session.device)
    images = to_float(torch.from_numpy(np.ascontiguousarray(pictures)).to(session.device))
    with torch.no_grad():
        targets = features(images)
    precision = choose_precision(session.device, settings.precision)
    codes = start.clone().requires_grad_(True)
    mean, square = torch.zeros_like(start), torch.zeros_like(start)
    for step in range(settings.steps):
        # Without autocast's cache, which all threads share: slopes would be summed in one order or
        # in another.
        lower = precision != torch.float32
        with torch.autocast(session.device.type, precision, enabled=lower, cache_enabled=False):
            decodings = session.model.decode(codes).float()
        loss = settings.pixels * (head * (decodings - images).square()).sum()
        if settings.features:
            maps = zip(features(decodings), targets, strict=True)
            apart = [(m.float() - t.float()).abs().flatten(1).mean(dim=1).sum() for m, t in maps]
            loss = loss + settings.features * torch.stack(apart).sum()
        loss = loss + settings.prior * codes.square().sum()
        (slope,) = torch.autograd.grad(loss, codes)
        # Adam (arXiv:1412.6980, algorithm 1); torch.optim takes a second to load what compiles.
        mean.lerp_(slope, 0.1)
        square.lerp_(slope.square(), 0.001)
        rate = settings.learning_rate * (1 - step / settings.steps)
        with torch.no_grad():
            longer = (square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
            codes -= rate * mean / (1 - 0.9 ** (step + 1)) / longer
        step_done()
    return codes.detach().cpu().numpy()
