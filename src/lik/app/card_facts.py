"""What a run's card says, gathered from the run, its face set, its evaluation and its own card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from pydantic import ConfigDict

from lik.app.opened import OpenedRun
from lik.app.run_facts import linear_sets
from lik.core.artifacts import read_json
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.evaluation.report import Better, Metric
from lik.export.card import LONGEST_TEXT, UNKNOWN, CardFacts, CardPoint, facts_of, inert, plain
from lik.faces.set.faceset import FaceSet
from lik.latent.priors import saved_priors
from lik.models.saved import metadata_of_file, weights_file

CARD = "card.md"
"""What a run says of itself, if its makers wrote it: it goes before all that is found out."""
CELEBA = (
    "CelebA (Liu et al., arXiv&#58;1411.7766, "
    "[mmlab.ie.cuhk.edu.hk](https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html)) is for "
    "non-commercial research only. Its pictures must not be published or passed on, and weights "
    "trained on it fall under the same terms."
)
DRAWN = "Lik drew the faces itself: no person is among them, and they bring no terms."
NON_COMMERCIAL = "non-commercial-research-only"


@dataclass(frozen=True)
class _Terms:
    """What is known of where the faces are from, and of what may be done with the weights."""

    trained_on: str
    text: str
    name: str
    datasets: Sequence[str] = ()
    drawn: bool = False


def card_facts(
    run: OpenedRun, repository: str | None = None, licence: str | None = None
) -> Callable[[OpenedRun, str, Sequence[str]], CardFacts]:
    """Gather what a card says of a run.

    Returns:
        A function of the copy that is passed on, what the picture was drawn from ('' for none) and
        the names of the ONNX files, for the rest.

    Raises:
        UnusableInput: nobody knows under what terms its pictures were, and none are given.
    """
    points, rest = _own_card(run)
    terms = _terms(run, points, licence)
    measured, columns, table = _measured(run)
    used = ("trained on", "terms", "meant for", "not for", "measured", *FAILS)
    others = [inert(point.item) for name, point in points.items() if name not in used]

    def of_copy(copy: OpenedRun, drawn: str, onnx: Sequence[str]) -> CardFacts:
        return CardFacts(
            name=run.name, repository=repository, model=_model(copy),
            attributes=copy.metadata.get("attribute_names") or (),
            trained_on=terms.trained_on, terms=terms.text, licence=terms.name,
            datasets=terms.datasets,
            purpose=_text_of(points, "meant for"), refused=_refused(points),
            fails="\n".join(inert(points[name].item) for name in FAILS if name in points),
            measured="\n\n".join(filter(None, [_measured_before(points), measured])),
            columns=columns, table=table,
            more="\n".join(filter(None, [inert(rest), *others])),
            samples="samples.png" if drawn else "", samples_show=_caption(copy, drawn, terms.drawn),
            onnx=onnx,
        )  # fmt: skip

    return of_copy


FAILS = ("whom it fails", "what it does badly")


def _own_card(run: OpenedRun) -> tuple[Mapping[str, CardPoint], str]:
    file = run.path / CARD
    if not file.is_file():
        return {}, ""
    return facts_of(file.read_text(encoding="utf-8", errors="replace")[:LONGEST_TEXT])


def _text_of(points: Mapping[str, CardPoint], name: str) -> str:
    return inert(points[name].text) if name in points else ""


def _refused(points: Mapping[str, CardPoint]) -> str:
    if "not for" not in points:
        return ""
    text = inert(points["not for"].text)
    return f"Not for {text[:1].lower()}{text[1:]}"


def _measured_before(points: Mapping[str, CardPoint]) -> str:
    return inert(points["measured"].item)[2:] if "measured" in points else ""


def _terms(run: OpenedRun, points: Mapping[str, CardPoint], licence: str | None) -> _Terms:
    """What the run's card says goes first, what its face set says is added, and what is given."""
    faces = _faces(run)
    sources = [] if faces is None else str(faces.description["source"]).split(" + ")
    celeba = any(source == "CelebA" for source in sources)
    drawn = bool(sources) and all(source.startswith("drawn faces") for source in sources)
    known = drawn or (bool(sources) and set(sources) == {"CelebA"})
    if not (licence or known or "terms" in points):
        raise UnusableInput(
            f"nobody knows under what terms the pictures were that {run.name} was trained on: say "
            "under what terms you pass it on.",
            needs="licence",
        )
    texts = [inert(licence, 4000)] if licence else []
    texts += [_text_of(points, "terms")] if "terms" in points else []
    texts += [CELEBA] if celeba else []
    texts += [DRAWN] if drawn else []
    if not (known or "terms" in points):
        texts.append("The terms of the pictures that it was trained on are not known to Lik.")
    elif drawn and not licence:
        texts.append("Its makers have named no terms of their own.")
    text = "\n\n".join(texts)
    told = [_text_of(points, "terms"), CELEBA if celeba else ""]
    name = licence or ("none-named" if drawn else "as-the-card-says")
    if any("non-commercial" in one.lower() for one in told):  # no other words lift that
        name = NON_COMMERCIAL
    found = "\n".join(filter(None, [_text_of(points, "trained on"), _found(run, faces)]))
    names = _text_of(points, "trained on").casefold()
    named = {"celeba": celeba or "celeba" in names, "lfw": "labeled faces in the wild" in names}
    return _Terms(found, text, name, [key for key, is_it in named.items() if is_it], drawn)


def _faces(run: OpenedRun) -> FaceSet | None:
    try:
        return run.faces()
    except UnusableInput:
        return None


def _found(run: OpenedRun, faces: FaceSet | None) -> str:
    """What the face set says, or the run remembers of it."""
    if faces is not None:
        count = len(faces.to_learn_from())
        return (
            f"{count:,} of {len(faces):,} faces of the set {plain(faces.path.name)}, made of: "
            f"{plain(faces.description['source'])}; cut by the rule {plain(faces.crop['kind'])}; "
            f"SHA-256 `{plain(faces.hash, 64)}`."
        )
    told = run.remembered_faces
    name = told.get("name") or PureWindowsPath(str(told.get("path") or "")).name
    if not name:
        return "" if (run.path / CARD).is_file() else "Unknown: the run does not say."
    hashed = f" (SHA-256 `{plain(told['hash'], 64)}`)" if told.get("hash") else ""
    return (
        f"A set of faces called {plain(name)}{hashed}, which was not at hand when this was "
        "written: where its pictures are from is unknown here."
    )


def _model(run: OpenedRun) -> list[tuple[str, str]]:
    settings, metadata = metadata_of_file(weights_file(run.path))
    base = settings.get("base")
    family = str(settings.get("name"))
    family += f" upon {base.get('name')}" if isinstance(base, dict) else ""
    sets, priors = linear_sets(run), saved_priors(run.path)
    told = run.folder.environment.is_file() and read_json(run.folder.environment)
    versions = {key: told.get(key) for key in ("lik", "torch")} if told else {}
    return [
        ("Model", family),
        ("Pixels", f"{run.size} × {run.size}"),
        ("Latent dimensions", str(run.latent)),
        ("Parts", " and ".join(run.session.parts)),
        ("Crop", str((run.metadata.get("crop") or {}).get("kind", "unknown"))),
        ("Epochs", str(metadata.get("epochs", "unknown"))),
        ("Directions", ", ".join(f"{n} ({len(s.directions)})" for n, s in sets.items()) or "none"),
        ("Priors", ", ".join(priors) or "N(0, I) alone"),
        ("Network of features", "yes" if run.folder.features.is_file() else "no"),
        ("Trained with", ", ".join(f"{k} {v}" for k, v in versions.items() if v) or "unknown"),
        ("SHA-256 of the weights", run.sha256),
    ]


def _caption(run: OpenedRun, drawn: str, of_nobody: bool) -> str:
    said = (
        f"Faces that the run drew at random: codes of {run.latent} random numbers "
        f"({plain(drawn)}), decoded. None of them is a picture of a person"
    )
    if of_nobody:
        return f"{said}."
    return f"{said}, though one may resemble somebody whose pictures the run learned from."


class _Stored(Settings):
    """A metric as metrics.json holds it, with all else that it depends on."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)
    key: str
    label: str
    group: str
    value: float
    count: int
    unit: str = ""
    spread: float | None = None
    better: Better = ""


class _Evaluation(Settings):
    """Of metrics.json, what a card shows."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)
    faces: str
    faces_sha256: str
    split: str
    images: int
    model_sha256: str | None = None
    metrics: tuple[_Stored, ...]
    baseline: tuple[_Stored, ...] = ()


def _measured(run: OpenedRun) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    """What an evaluation beside the run says: a sentence, and a table with its columns."""
    how = "`lik evaluate` measures it, and a card that is made afterwards shows the numbers."
    file = run.folder.metrics
    if not (run.path.is_dir() and file.is_file()):
        return ("" if (run.path / CARD).is_file() else f"{UNKNOWN} {how}"), (), ()
    try:
        told = validated(_Evaluation, read_json(file), str(file))
    except (UnusableInput, AttributeError):
        return f"{UNKNOWN} {how}", (), ()
    if told.model_sha256 not in (None, run.sha256):
        return f"The weights have changed since they were measured. {how}", (), ()
    baseline = {one.key: _text(one) for one in told.baseline}
    columns = ["Measure", "This run", "of", "Other real faces" if baseline else ""]
    rows = [
        [
            _heading(one),
            _text(one),
            f"{one.count:,}",
            *([baseline.get(one.key, "")] * bool(baseline)),
        ]
        for one in told.metrics
    ]
    return (
        (
            f"By `lik evaluate`, on {told.images:,} {plain(told.split)} faces of the set "
            f"{plain(Path(told.faces).name)} (SHA-256 `{plain(told.faces_sha256, 64)}`). Arrows "
            "point to the better side; ± is the spread that docs/evaluation.md of Lik explains."
        ),
        columns,
        rows,
    )


def _text(metric: _Stored) -> str:
    spread = "" if metric.spread is None else f" ± {metric.spread:.2g}"
    return f"{metric.value:.4g}{spread}"


def _heading(metric: _Stored) -> str:
    fields: dict[str, Any] = metric.model_dump(exclude={"spread"})
    return Metric(**fields).heading
