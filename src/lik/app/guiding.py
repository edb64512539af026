"""What guides edits of a run: networks, their measures, and what is distilled of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lik.app.calibrating import Calibrator, Places
from lik.app.opened import OpenedRun
from lik.app.selection import LEARN, Selection, column_of
from lik.core.artifacts import sha256_of
from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.gaussian import DiagonalGaussian
from lik.faces.set.faceset import FaceSet
from lik.latent.directions.direction import Calibration
from lik.latent.directions.methods import joint_discriminants
from lik.latent.distillation import COUNT, codes_to_learn_from, distilled
from lik.latent.editing import END, GuidedEditor, place_on
from lik.latent.guided import GuidanceSettings, GuidedStatistics, four_digits
from lik.latent.session import Codes, logits_of_pictures
from lik.models.classifier import LoadedClassifier
from lik.models.code_network import LoadedCodeNetwork, load_code_network
from lik.models.saved import save_model
from lik.training.feature_networks import network_hash

MEASURED = 1000
"""Faces whose logits give the standard deviations of guided edits."""
SCALED = 4000
"""Faces whose codes give the scale and the shared directions of guided edits."""

LENGTHS = tuple(END * number / 8 for number in range(1, 9))
"""Strengths that calibration tries."""

AT_ONCE = 64
"""Codes that are decoded together for networks to look at."""

Guides = Mapping[str, LoadedClassifier | LoadedCodeNetwork]
"""Path → network; the first one measures."""


def fit_guided(
    run: OpenedRun,
    classifiers: Sequence[str],
    faces: str | Path | None = None,
    progress: Progress = no_progress,
) -> GuidedStatistics:
    """Measure what guided edits need on training faces, and keep it in RUN/directions.

    Raises:
        UnusableInput: no network, or they do not go together, or no faces.
    """
    folder = run.require_folder()
    statistics = _measured(run, open_networks(run, classifiers), run.faces(faces), progress)
    statistics.save(folder)
    return statistics


def distil_guide(
    run: OpenedRun,
    classifiers: Sequence[str],
    faces: str | Path | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
    count: int = COUNT,
) -> tuple[GuidedStatistics, dict[str, float]]:
    """Teach a small network to read codes as others see their decodings: RUN/guide.safetensors.

    It then guides where nobody names a network, and strengths are calibrated on pictures of faces,
    as these others see them. With it comes the share of the variance that it explains, by
    attribute.

    Raises:
        UnusableInput: no network, or they do not go together, or no faces.
    """
    folder, face_set = run.require_folder(), run.faces(faces)
    teachers = open_networks(run, classifiers)
    statistics = _measured(run, teachers, face_set, progress)
    chosen = Selection(LEARN).of(face_set)
    progress("encoding", 0, len(chosen))
    posteriors = run.session.posteriors(face_set.images[chosen])
    means = torch.from_numpy(posteriors.means)
    known = posteriors.gaussian() or DiagonalGaussian(means, torch.full_like(means, -np.inf))
    directions = np.array([*statistics.along.values()]).reshape(-1, run.latent)
    codes = codes_to_learn_from(known, directions, count)

    def seen(some: torch.Tensor) -> torch.Tensor:
        images = run.session.model.decode(some).float()
        return torch.stack([loaded.network.logits(images) for loaded in teachers.values()])

    # In their σ, so that all count alike; and then on the scale of the first, which measures.
    stds = torch.tensor([*statistics.stds.values()], device=run.session.device)[:, None]
    logits = through(
        lambda some: (seen(some) / stds).mean(dim=0) * stds[0], codes,
        device=run.session.device, size=AT_ONCE, progress=progress, stage="decoding",
    )  # fmt: skip
    names = statistics.attributes
    network, settings, explained = distilled(codes, logits, names, progress=progress)
    told = {"encoder_sha256": run.encoder_sha256, "networks_sha256": list(statistics.stds)}
    save_model(run.folder.guide, network.half(), settings, told)
    (guide,) = _opened(run, [str(run.folder.guide)]).values()
    read = through(guide.network, posteriors.means[:MEASURED], device=run.session.device)
    stds_by = {guide.sha256: _stds(read), **statistics.stds}
    statistics = statistics.model_copy(update={"stds": stds_by})
    statistics.save(folder)  # it guides already, should this be stopped before it is calibrated
    editor = _editor(run, {str(run.folder.guide): guide}, statistics)
    # The run's own network tells nothing, where there are others: decodings were made to please it.
    own = None if run.network is None else network_hash(str(run.network))
    others = [one for one in teachers.values() if one.sha256 != own] or list(teachers.values())
    labelled = [name for name in names if name in face_set.attribute_names]
    calibrator = Calibrator(run, face_set, others, labelled, progress, notify)

    def calibrations(sign: int) -> dict[str, Calibration]:
        def along(name: str, codes: Codes) -> Places:
            trajectory = editor.trajectory(codes, name, sign)
            return lambda length: place_on(trajectory, length / END)

        return calibrator.calibrations(along, LENGTHS, sign)

    found = {"calibrations": calibrations(1), "away": calibrations(-1)}
    statistics = statistics.model_copy(update=found)
    statistics.save(folder)
    return statistics, explained


def open_guided(
    run: OpenedRun,
    classifiers: Sequence[str] = (),
    faces: str | Path | None = None,
    guidance: GuidanceSettings | None = None,
    progress: Progress = no_progress,
) -> GuidedEditor:
    """The editor of guided edits; what it is measured by is as kept, or measured now.

    Raises:
        UnusableInput: no network, or they do not go together, or no faces.
    """
    kept = _kept(run)
    guides = _opened(run, classifiers or list(usual_guides(run, kept).values()))
    if kept is None or not _are_measured(run, guides, kept, faces):
        kept = _measured_now(run, guides, kept, faces, progress)
    return _editor(run, guides, kept, guidance)


def kept_guided(run: OpenedRun) -> GuidedEditor | None:
    """The usual editor of guided edits; None where anything would have to be measured first."""
    try:
        kept = _kept(run)
        if kept is None:
            return None
        guides = _opened(run, list(usual_guides(run, kept).values()))
        return _editor(run, guides, kept) if _are_measured(run, guides, kept) else None
    except UnusableInput:
        return None


def _kept(run: OpenedRun) -> GuidedStatistics | None:
    kept = GuidedStatistics.load(run.path)
    return kept if kept is not None and kept.is_of(run.encoder_sha256, run.latent) else None


def _editor(
    run: OpenedRun,
    guides: Guides,
    kept: GuidedStatistics,
    guidance: GuidanceSettings | None = None,
) -> GuidedEditor:
    if any(loaded.network.attributes != kept.attributes for loaded in guides.values()):
        raise UnusableInput(
            f"what guided edits of {run.name} are measured by knows other attributes than the "
            "networks: remove directions/guided.json."
        )
    networks = {loaded.sha256: loaded.network for loaded in guides.values()}
    return GuidedEditor(run.session, networks, kept, guidance)


def _are_measured(
    run: OpenedRun, guides: Guides, kept: GuidedStatistics, faces: str | Path | None = None
) -> bool:
    asked = None if faces is None else run.faces(faces).hash
    known = all(loaded.sha256 in kept.stds for loaded in guides.values())
    return known and asked in (None, kept.faces_sha256)


def _measured_now(
    run: OpenedRun,
    guides: Guides,
    kept: GuidedStatistics | None,
    faces: str | Path | None,
    progress: Progress,
) -> GuidedStatistics:
    try:
        face_set = run.faces(faces)
    except UnusableInput as error:
        raise UnusableInput(
            f"guided edits are measured on real faces: {error}", needs=error.needs
        ) from error
    statistics = _measured(run, guides, face_set, progress)
    if kept is not None and any(isinstance(one, LoadedCodeNetwork) for one in guides.values()):
        own = {"calibrations": kept.calibrations, "away": kept.away}  # of the same network
        statistics = statistics.model_copy(update=own)
    if run.path.is_dir() and kept is None and not run.borrowed:
        statistics.save(run.path)
    return statistics


def usual_guides(run: OpenedRun, kept: GuidedStatistics | None) -> dict[str, str]:
    """Where the networks lie that guide where nobody names any, by their hash.

    What reads codes guides alone; else all that guided edits were measured with.
    """
    known = known_networks(run, kept)
    reading = {sha256: path for sha256, path in known.items() if Path(path) == run.folder.guide}
    return reading or known


def known_networks(run: OpenedRun, kept: GuidedStatistics | None) -> dict[str, str]:
    """Where the networks lie that guided edits were measured with, by their hash.

    The run's own networks are where the run is, wherever they were measured.
    """
    own = {} if run.network is None else {network_hash(str(run.network)): run.network}
    if run.folder.guide.is_file():
        own[sha256_of(run.folder.guide)] = run.folder.guide
    paths = {} if kept is None or run.borrowed else kept.paths
    return {
        sha256: str(own.get(sha256, paths.get(sha256)))
        for sha256 in (kept.stds if kept else ())
        if sha256 in own or sha256 in paths
    }


def open_networks(run: OpenedRun, classifiers: Sequence[str]) -> dict[str, LoadedClassifier]:
    """Networks that look at pictures, by their paths.

    Raises:
        UnusableInput: none, one twice, or they do not know the same attributes.
    """
    if not classifiers:
        raise UnusableInput("guided edits need a network that tells attributes.", needs="network")
    networks = {path: run.classifier(path) for path in classifiers}
    if len({loaded.sha256 for loaded in networks.values()}) < len(classifiers):
        raise UnusableInput("the same network was given twice: give each once.")
    if len({loaded.network.attributes for loaded in networks.values()}) > 1:
        raise UnusableInput(
            "networks that go together must know the same attributes in the same order, as "
            "those do that are trained on one face set."
        )
    return networks


def _opened(run: OpenedRun, paths: Sequence[str]) -> Guides:
    guide = run.folder.guide
    if [Path(path).resolve() for path in paths] == [guide.resolve()]:
        loaded = load_code_network(guide)
        if loaded.network.latent != run.latent:
            raise UnusableInput(
                f"{guide} reads codes of {loaded.network.latent} numbers, and those of {run.name} "
                f"have {run.latent}: remove it."
            )
        loaded.network.to(run.session.device)
        return {str(guide): loaded}
    return open_networks(run, paths)


def _measured(
    run: OpenedRun, guides: Guides, faces: FaceSet, progress: Progress
) -> GuidedStatistics:
    """Look at training faces: which have an attribute is what the set says, or else the network."""
    chosen = Selection(LEARN).of(faces)[:SCALED]
    pictures = np.asarray(faces.images[chosen[:MEASURED]])
    codes = run.session.encode(faces.images[chosen])
    networks = list(guides.values())
    stds = {}
    for number, loaded in enumerate(networks):
        progress("looking at faces", number, len(networks))
        if isinstance(loaded, LoadedCodeNetwork):
            logits = through(loaded.network, codes[:MEASURED], device=run.session.device)
        else:
            logits = logits_of_pictures(loaded.network, pictures, run.session.device)
        stds[loaded.sha256] = _stds(logits)
        if number == 0:
            first = logits
    names = networks[0].network.attributes
    labels = np.full((len(chosen), len(names)), np.nan)
    for column, name in enumerate(names):
        if name in faces.attribute_names:
            labels[:, column] = column_of(faces, name)[chosen]
        else:
            labels[: len(first), column] = first[:, column]
    try:
        directions = joint_discriminants(names, codes, labels)
    except UnusableInput:  # nothing divides these faces: they set out without a direction
        directions = []
    return GuidedStatistics(
        encoder_sha256=run.encoder_sha256,
        faces_sha256=faces.hash, faces=faces.path.name, attributes=names,
        scale=four_digits(codes.std(axis=0, dtype=np.float64)),
        along={one.name: four_digits(one.vector) for one in directions},
        stds=stds,
        paths={
            loaded.sha256: str(Path(path).resolve())
            for path, loaded in guides.items()
            if isinstance(loaded, LoadedClassifier)  # what reads codes lies beside its run alone
        },
    )  # fmt: skip


def _stds(logits: NDArray[np.float32]) -> tuple[float, ...]:
    """The standard deviations (A,) of logits (N, A), none of which is nothing."""
    return four_digits(logits.std(axis=0, dtype=np.float64).clip(min=1e-6))
