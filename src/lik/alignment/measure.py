"""How well an alignment network finds eyes, and tells faces from what is none.

Shapes: pictures (B, 1, S, S) in 0…1; points (B, 2) in shares of a picture's side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lik.alignment.cuts import REFERENCE, EyePositions, Rng, cuts_with_eyes_at
from lik.alignment.model import CUT, Aligner
from lik.alignment.plan import Alignment, AlignmentSettings, grey, transformed
from lik.core.pixels import Pictures, to_float
from lik.core.randomness import torch_stream

LOOKS = 3
ANGLE, SMALLEST, LARGEST, SHIFT = 25.0, 0.75, 1.3, 0.15
"""The transforms that faces are measured under: degrees, sides of the frame, shares of the side."""


@dataclass(frozen=True)
class AlignmentReport:
    """Figures over ``faces`` faces.

    Attributes:
        eye_errors: mean distance of a found eye from the true one, in eye distances, after one
            look at the face, after a second at the cut that the first has set right, and so on.
        faces_kept: share of the faces that are taken for faces at the last look.
        others_refused: share of as many other cuts that are not.
    """

    faces: int
    eye_errors: tuple[float, ...]
    faces_kept: float
    others_refused: float

    @property
    def transforms(self) -> str:
        """What the faces were measured under, in words."""
        return (
            f"turned up to {ANGLE:.0f}°, {SMALLEST}–{LARGEST} of the frame, "
            f"shifted up to {100 * SHIFT:.0f} %"
        )


@torch.no_grad()
def measure_alignment(
    model: Aligner,
    pictures: Pictures,
    eyes: tuple[float, float, float, float],
    seed: int = 0,
    batch_size: int = 250,
) -> AlignmentReport:
    """Measure on faces uint8 (N, S, S, 3) of an aligned set, whose eyes are all at ``eyes``."""
    device = next(model.parameters()).device
    model.eval()
    alignment = Alignment(AlignmentSettings(), eyes)
    stream = torch_stream(seed, "alignment", device=device)
    errors, kept, refused = [], [], []
    for start in range(0, len(pictures), batch_size):
        batch = torch.from_numpy(np.array(pictures[start : start + batch_size])).to(device)
        greys = grey(to_float(batch))
        error, logits = _errors_after_looks(model, greys, alignment.eyes, stream)
        errors.append(error)
        kept.append(logits > 0)
        refused.append(model.look(alignment.negatives(greys, stream) * 255).face <= 0)
    return AlignmentReport(
        len(pictures),
        tuple(torch.cat(errors).mean(dim=0).tolist()),
        float(torch.cat(kept).double().mean()),
        float(torch.cat(refused).double().mean()),
    )


def _errors_after_looks(
    model: Aligner, pictures: Tensor, eyes: EyePositions, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Errors (B, LOOKS) in eye distances, and the last logits (B,)."""
    device = pictures.device
    rng = Rng(len(pictures), generator, device)
    true, reference = eyes.to(device), REFERENCE.to(device)
    mirrored = rng.chance(0.5)
    cuts, _ = transformed(
        true,
        rng.uniform(-ANGLE, ANGLE).deg2rad(),
        rng.log_uniform(SMALLEST, LARGEST),
        rng.uniform(-SHIFT, SHIFT, 2),
        mirrored,
    )
    aim = reference.middle.expand(len(pictures), 2)
    distance = reference.distance.expand(len(pictures))
    errors = []
    for _ in range(LOOKS):
        sight = model.look((cuts.take(pictures, CUT) * 255).round())
        first, second = cuts.in_picture(sight.left), cuts.in_picture(sight.right)
        swap = mirrored[:, None]
        found = EyePositions(torch.where(swap, second, first), torch.where(swap, first, second))
        off = (found.left - true.left).norm(dim=1) + (found.right - true.right).norm(dim=1)
        errors.append(off / 2 / true.distance)
        cuts, _ = cuts_with_eyes_at(found, aim, distance, torch.zeros_like(distance), mirrored)
    return torch.stack(errors, dim=1), sight.face
