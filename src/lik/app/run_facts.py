"""What a run can do and what is known of it, as plain values: what a front end shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lik.app.directions import DEFAULT, shown_best_first
from lik.app.guiding import kept_guided
from lik.app.opened import OpenedRun
from lik.app.pretrained import PLACE
from lik.app.sampling import USUAL_PRIOR
from lik.core.errors import UnusableInput
from lik.latent.directions.direction import Calibration, DirectionSet, saved_sets
from lik.latent.editing import GuidedEditor, LinearEditor
from lik.latent.guided import GUIDED
from lik.latent.priors import saved_priors
from lik.training import journal

LONGEST_CARD = 65536
"""Characters of a card that are shown."""


def describe_run(run: OpenedRun) -> dict[str, Any]:
    """What there is to say of an opened run: its size, methods, traits, dimensions and priors.

    What is not known is None; what belongs to other weights is left out.
    """
    sets = linear_sets(run)
    usual = DEFAULT if DEFAULT in sets else next(iter(sets), None)
    methods = [
        {"name": name, "unit": LinearEditor(name, lambda s=one: s, run.latent).unit,  # type: ignore[misc]
         "guided": False, "measured": _measured(one.calibrations)}
        for name, one in sets.items()
    ]  # fmt: skip
    guided = kept_guided(run)
    if guided:
        told = {"name": GUIDED, "unit": guided.unit, "guided": True,
                "measured": _measured(guided.calibrations)}  # fmt: skip
        methods.append({**told, "record": _guided_record(guided)})
    priors = saved_priors(run.path)
    return {
        "name": run.name, "shipped": run.name if run.path.parent == PLACE else None,
        "model_sha256": run.sha256,
        "recipe_sha256": run.origin.get("recipe_sha256"),
        "size": run.size, "latent": run.latent,
        "invert": run.usual_inversion, "widen": run.widen,
        "crop": run.metadata.get("crop") or {}, "card": _card(run), "facts": facts_of(run),
        "methods": methods, "usual_method": usual,
        "traits": [] if usual is None else _traits(sets[usual]),
        "dimensions": _dimensions(run),
        "priors": priors, "usual_prior": USUAL_PRIOR if USUAL_PRIOR in priors else None,
        "abilities": {
            "detect": "encoder" in run.session.parts, "guided": guided is not None,
            "testset": has_test_faces(run), "exactSave": True,
        },
    }  # fmt: skip


def linear_sets(run: OpenedRun) -> dict[str, DirectionSet]:
    """The sets of directions that are kept beside a run and belong to its weights, by name."""
    sets = {}
    for name in saved_sets(run.path):
        try:
            sets[name] = run.directions(name)
        except UnusableInput:
            continue
    return sets


def _guided_record(editor: GuidedEditor) -> dict[str, Any]:
    """What the record of a guided edit says beside the edit itself: by what it is guided."""
    return {
        "networks": list(editor.networks), "measured": editor.measured,
        "guidance": editor.settings.model_dump(mode="json"),
    }  # fmt: skip


def has_test_faces(run: OpenedRun) -> bool:
    """Whether the face set of the run is where it was, and has a test split."""
    try:
        return bool(len(run.faces().indices("test")))
    except UnusableInput:
        return False


def _traits(directions: DirectionSet) -> list[dict[str, str]]:
    """Calibrated traits first, those that strength 1 shows best before others."""
    told = [name for name, _ in shown_best_first(directions.calibrations)]
    rest = sorted(name for name in directions.directions if name not in told)
    return [{"name": name} for name in [*told, *rest]]


def _measured(calibrations: Mapping[str, Calibration]) -> dict[str, dict[str, Any]]:
    """What strength 1 of each trait does."""
    known = {"reached", "person", "along"}
    return {name: found.model_dump(include=known) for name, found in calibrations.items()}


def _dimensions(run: OpenedRun) -> list[dict[str, Any]]:
    """Every latent dimension with its KL in nats, where the journal tells it, the highest first."""
    kl: list[float] = []
    if run.path.is_dir():
        for record in journal.read(run.folder.journal):
            kl = record.details.get("kl_per_dimension", kl)
    if len(kl) != run.latent:
        return [{"index": index, "kl": None} for index in range(run.latent)]
    order = sorted(range(run.latent), key=lambda index: -kl[index])
    return [{"index": index, "kl": round(kl[index], 3)} for index in order]


def facts_of(run: OpenedRun) -> dict[str, Any]:
    """In short: what it was trained on, for how many epochs, and how far it came."""
    facts: dict[str, Any] = {"faces": "", "epochs": None, "loss": ""}
    if not run.path.is_dir():
        return facts
    place = run.remembered_faces.get("path") or run.remembered_faces.get("name")
    facts["faces"] = Path(place).name if place else ""
    records = journal.read(run.folder.journal)
    if records:
        last = records[-1]
        facts["epochs"] = last.epoch
        facts["loss"] = f"{(last.validation or last.train)['loss']:.1f}"
    elif epochs := run.metadata.get("epochs"):
        facts["epochs"] = int(epochs)
    return facts


def _card(run: OpenedRun) -> str | None:
    file = run.path / "card.md"
    if not file.is_file():
        return None
    return file.read_text(encoding="utf-8", errors="replace")[:LONGEST_CARD]
