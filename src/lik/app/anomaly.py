"""Anomalies: which pictures are unlike the faces that a run learned from, and in what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.app.kept import keep, read_kept
from lik.app.opened import OpenedRun
from lik.app.selection import Selection, Shown, crop_of, open_given
from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures
from lik.core.tables import ShownAsTable, Table
from lik.evaluation.anomaly import (
    RECOMMENDED,
    SCORES,
    Scores,
    UsualFaces,
    load_usual,
    mean_decoder,
    save_usual,
    score,
    usual_faces,
)
from lik.faces.crop.cropping import WholeCrop, cut, square_of
from lik.faces.photograph import read_picture
from lik.figures.grids import Row, sheet
from lik.figures.png import Drawn

FILE = "anomaly.safetensors"
"""Where a run keeps what faces are like to it."""
WHAT = "what faces are like"
MOST_TRAINING, MOST_VALIDATION = 20_000, 2_000
"""Faces from which it is learned, at the most."""
LISTED = 20
"""Pictures that are listed; all are in `Anomalies.rows`."""
SHOWN = 10
"""Pictures of either kind on the sheet."""
LARGEST_ERROR = 0.5
"""Difference of a pixel, of 1, that is drawn in the strongest colour of an error map."""


@dataclass(frozen=True, repr=False)
class Anomalies(ShownAsTable):
    """Pictures uint8 (N, S, S, 3), and how unusual each is, the least usual first.

    Attributes:
        names: of the files or faces. described: what they are together.
        scores, percentiles: by name of a score, (N,); percentiles also of the recommended one.
        by: the score that orders them.
        without_face: whether no face was found in a picture, whose middle was taken, (N,).
    """

    pictures: Pictures
    names: Sequence[str]
    described: str
    scores: Scores
    percentiles: dict[str, NDArray[np.float64]]
    by: str
    without_face: NDArray[np.bool_]

    def tables(self) -> Sequence[Table]:
        shown = [
            (row["name"] if row["face"] else f"{row['name']} (no face)",
             *(f"{value:.0f}" for value in row["percentiles"].values()))
            for row in self.rows[:LISTED]
        ]  # fmt: skip
        rest = len(self.names) - LISTED
        after = [f"and {rest:,} more"] if rest > 0 else []
        return [Table(shown, ("least usual first", *self.percentiles), after=after)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is known of each picture, as plain values."""
        return [
            {
                "name": name,
                "face": not self.without_face[i],
                "percentiles": {key: float(v[i]) for key, v in self.percentiles.items()},
                "scores": {key: float(v[i]) for key, v in self.scores.items()},
            }
            for i, name in enumerate(self.names)
        ]


def find_anomalies(
    run: OpenedRun,
    given: Sequence[str | Path] | str | Path = (),
    faces: str | Path | None = None,
    selection: Selection | None = None,
    by: str = RECOMMENDED,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Anomalies:
    """Score pictures, or faces of a face set, and put the least usual first.

    Of a photograph the largest face is taken; where there is none, the square in its middle.

    Args:
        by: what they are ordered by, of `SCORES`, or the recommended one.

    Raises:
        UnusableInput: no such score, pictures or faces, or nothing to learn from what is usual.
    """
    if by not in (RECOMMENDED, *SCORES):
        raise UnusableInput(
            f"there is no score '{by}': give one of {', '.join((RECOMMENDED, *SCORES))}."
        )
    given = [given] if isinstance(given, str | Path) else given
    usual = open_usual(run, progress=progress, notify=notify)
    if by != RECOMMENDED and by not in usual.scores:
        raise UnusableInput(f"{run.name} has no network, and so no score '{by}'.")
    shown, without_face = _opened(run, given, faces, selection or Selection("test"), notify)
    scores = score_pictures(run, shown.pictures, usual, progress)
    order = np.argsort(-scores[by], kind="stable")
    percentiles = {
        name: usual.percentile(name, scores)[order] for name in (RECOMMENDED, *usual.scores)
    }
    return Anomalies(
        shown.pictures[order], [shown.names[i] for i in order], shown.description,
        {name: values[order] for name, values in scores.items()}, percentiles, by,
        without_face[order],
    )  # fmt: skip


def score_pictures(
    run: OpenedRun, pictures: Pictures, usual: UsualFaces, progress: Progress = no_progress
) -> Scores:
    """Pictures uint8 (N, S, S, 3) → each score, (N,), the recommended one first."""
    features = run.features if "features" in usual.scores else None
    scores = score(run.session, features, usual, pictures, progress=progress)
    return {RECOMMENDED: usual.typicality(scores), **scores}


def open_usual(
    run: OpenedRun,
    faces: str | Path | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> UsualFaces:
    """What faces are like to a run: read from beside it, or learned from its own face set.

    What is learned is kept beside the run, if it is the user's own.

    Raises:
        UnusableInput: it is not there, and neither is the face set.
    """
    run.require_halves()
    path, sha256 = run.path / FILE, run.model_sha256
    if faces is None:
        usual = read_kept(run, path, lambda p: load_usual(p, sha256, run.latent), WHAT, notify)
        if usual is not None:
            return _without_network(run, usual, notify)
    face_set = run.faces(faces)
    training = Selection("train", count=None).of(face_set)[:MOST_TRAINING]
    validation = Selection("validation").of(face_set)[:MOST_VALIDATION]
    progress("learning what is usual", 0, 1)
    made = {"weights_sha256": sha256, "faces_sha256": face_set.hash}
    learned = usual_faces(
        run.session, run.features if run.network else None,
        np.asarray(face_set.images[training]),
        np.asarray(face_set.images[validation]), made, progress,
    )  # fmt: skip
    keep(run, path, lambda p: save_usual(p, learned), WHAT, notify)
    return learned


def _without_network(run: OpenedRun, usual: UsualFaces, notify: Notify) -> UsualFaces:
    """What faces are like, without features where the network is gone that gave them."""
    if "features" not in usual.scores or run.network is not None:
        return usual
    notify(f"the network of {run.name} is gone, and with it the score 'features'.")
    scores = {name: values for name, values in usual.scores.items() if name != "features"}
    return replace(usual, scores=scores)


def draw_anomalies(run: OpenedRun, found: Anomalies) -> Drawn:
    """Draw the least and the most usual pictures, what the run makes of them, and where it errs."""
    count = min(SHOWN, max(1, len(found.names) // 2))
    last = len(found.names) - 1
    groups = {
        "least usual": list(range(count)),
        "most usual": [last - i for i in range(min(count, len(found.names) - count))],
    }
    rows = []
    for label, chosen in groups.items():
        if not chosen:
            continue
        pictures = found.pictures[chosen]
        codes = run.session.encode(pictures)
        decoded = through(mean_decoder(run.session), codes, device=run.session.device)
        made = np.asarray(decoded.transpose(0, 2, 3, 1))
        captions = [f"{found.percentiles[found.by][i]:.0f} % {found.names[i]}" for i in chosen]
        rows += [
            Row(pictures, label, new_group=True, captions=captions),
            Row(np.rint(255 * made).astype(np.uint8), "decoded"),
            Row(_error_map(pictures, made), "error"),
        ]
    title = f"How unusual to the run “{run.name}”"
    said = (
        f"{found.described}, by {found.by}. The number is the share of the run's validation faces "
        f"that are more usual; errors are bright from {LARGEST_ERROR:g} on."
    )
    return Drawn(
        sheet(rows, title, said, tile=96), "anomalies.png", {"pictures": found.pictures}, run.name
    )


def _opened(
    run: OpenedRun,
    given: Sequence[str | Path],
    faces: str | Path | None,
    selection: Selection,
    notify: Notify,
) -> tuple[Shown, NDArray[np.bool_]]:
    """Pictures, and in which of them no face was found."""
    without: dict[Path, bool] = {}  # in the order in which pictures are opened

    def cropped(file: Path) -> Pictures:
        try:
            found, without[file] = crop_of(run, file), False
            return found
        except UnusableInput:
            pixels = read_picture(file)  # or it is no picture
            height, width = pixels.shape[:2]
            without[file] = True
            return cut(pixels, square_of(WholeCrop(), width, height, None), run.size)

    shown = open_given(run, selection, given, faces, notify, cropped)
    faceless = list(without.values()) if without else [False] * len(shown.names)
    return shown, np.array(faceless)


def _error_map(pictures: Pictures, made: NDArray[np.float32]) -> Pictures:
    """Mean absolute errors of pixels (N, S, S, 3), in the colours of a heat map."""
    from matplotlib import colormaps

    error = np.abs(pictures / 255 - made).mean(axis=3) / LARGEST_ERROR
    coloured = colormaps["inferno"](np.clip(error, 0, 1))[..., :3]
    return np.asarray(np.rint(255 * coloured), np.uint8)
