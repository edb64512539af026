"""Inversion: the code that shows a picture best, found by fitting and not by the encoder alone.

An encoder has to answer in one pass, and what it misses is the amortisation gap
(arXiv:1801.03558). A few steps of Adam from its answer close much of it.

Pictures are uint8 (N, S, S, 3), codes float32 (N, D).
"""

from collections.abc import Callable

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
from lik.faces.compositing import head_of
from lik.latent.session import Codes, Session
from lik.models.refiner import Refined
from lik.objectives.similarity import Features

AT_ONCE = 32
"""Faces that are fitted together; each goes its own way, however many they are."""


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

    Each begins at the mean of its posterior; with no steps that is what is returned.

    Args:
        features: maps of a fixed network, in which decodings are compared beside their pixels.
        widen: by how much the pictures are wider than the reference frame.

    Raises:
        UnusableInput: pictures of another size or type, or a run without encoder or decoder.
    """
    settings, model = settings or InversionSettings(), session.model
    found = session.encode(pictures)
    if not settings.steps:
        return found
    if isinstance(model, Refined) and model.factor > 1:  # what enlarges has no code of its own
        smaller = Session(model.base, session.metadata, session.name, session.device)
        pictures = np.stack([_shrunk(picture, model.base.size) for picture in pictures])
        return invert(smaller, pictures, features, settings, widen, progress)
    head = torch.from_numpy(head_of(session.size, widen)).to(session.device)
    for part in slices(len(pictures), AT_ONCE):
        images = to_float(torch.from_numpy(np.ascontiguousarray(pictures[part])).to(session.device))
        start = torch.from_numpy(found[part]).to(session.device)

        def step_done(done: int = part.start) -> None:
            progress("fitting", done, len(pictures))  # at each step: others may come between

        codes = _fitted(session, images, start, features, settings, head, step_done)
        found[part] = codes.cpu().numpy()
        progress("fitting", min(part.stop, len(pictures)), len(pictures))
    return found


def _shrunk(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _fitted(
    session: Session,
    images: Tensor,
    start: Tensor,
    features: Features,
    settings: InversionSettings,
    head: Tensor,
    step_done: Callable[[], None],
) -> Tensor:
    """Images (B, 3, S, S) and codes (B, D) to begin with → fitted codes (B, D)."""
    with torch.no_grad():
        targets = features(images)
    precision = choose_precision(session.device, settings.precision)
    codes = start.clone().requires_grad_(True)
    mean, square = torch.zeros_like(start), torch.zeros_like(start)
    for step in range(settings.steps):
        with torch.autocast(session.device.type, precision, enabled=precision != torch.float32):
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
    return codes.detach()
