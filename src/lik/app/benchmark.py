"""The benchmark of edits: each attribute by each method, before a classifier that took no part.

It goes through the very editors, with their usual settings, that edit photographs.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

import lik
from lik.app.directions import open_editor
from lik.app.opened import OpenedRun, logit_column
from lik.app.sampling import TAME, code_source
from lik.app.selection import Selection
from lik.core.artifacts import file_stem, replacing
from lik.core.errors import UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.evaluation.counterfactuals import (
    CounterfactualReference,
    CounterfactualReferences,
    ReferencedMetrics,
)
from lik.evaluation.edit_metrics import (
    SHARES,
    ClassifiedFaces,
    EditMetrics,
    at_success,
    away,
    eyes_of,
    region_of,
    sweep,
)
from lik.faces.drawn.redrawing import can_be_redrawn
from lik.latent.editing import END, STOPS, Editor, GuidedEditor, LinearEditor
from lik.latent.guided import GUIDED
from lik.latent.session import Codes, logits_of_pictures

USUAL_ATTRIBUTES = (
    "Smiling", "Eyeglasses", "Male", "Young", "Blond_Hair", "Black_Hair", "Pale_Skin", "Mustache",
    "Bangs", "Mouth_Slightly_Open",
)  # fmt: skip
USUAL_METHODS = ("means", "joint", "logistic", "svm", GUIDED)

SHORTEST, GROWTH, LONGEST = 0.5, 1.25, 30.0
"""Steps along a direction: the first, the factor from one to the next, the longest; prior σ."""
SHOWN = 4
"""Faces of a strip."""
PICTURES = "shown"


@dataclass(frozen=True)
class BenchmarkRequest:
    """What is measured, on which faces, by whom.

    Attributes:
        classifier: the network that measures; it took no part in training or guiding.
        guides: networks of guided edits. methods: of editors. attributes: by default those of
            `USUAL_ATTRIBUTES` that the networks know.
        selection: which faces. faces: the face set, by default the run's own.
        generated: edit generated faces in place of real ones. prior: what they are drawn from.
    """

    classifier: str
    guides: Sequence[str] = ()
    methods: Sequence[str] = USUAL_METHODS
    attributes: Sequence[str] = ()
    selection: Selection = field(default_factory=lambda: Selection("test", count=500))
    faces: str | None = None
    generated: bool = False
    prior: str | None = None


@dataclass(frozen=True)
class EditResult:
    """One attribute by one method: all strengths measured, and what holds at 50, 80 and 95 %."""

    attribute: str
    method: str
    changes: list[EditMetrics]
    at_shares: dict[str, EditMetrics | None]

    def at(self, share: float) -> EditMetrics | None:
        """The change at which a share of the faces is flipped; None where it never is."""
        return self.at_shares[f"{share:g}"]

    @property
    def most(self) -> float:
        """The largest share of faces that was flipped."""
        return max(change.flipped for change in self.changes)


class Benchmark:
    """Faces, the classifier that measures, the editors, and what was measured of them.

    Attributes:
        about: all that the figures depend on.
        originals, codes: the faces. truth: where they are drawn, what they would be.
        results: by attribute and method. shown: pictures (K, S, S, 3) of each, near 80 %.
    """

    def __init__(
        self, run: OpenedRun, request: BenchmarkRequest, progress: Progress, notify: Notify
    ) -> None:
        self.run, self.request, self.methods = run, request, request.methods
        self.results: dict[tuple[str, str], EditResult] = {}
        self.shown: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self.faces = run.faces(request.faces)
        chosen = request.selection.of(self.faces)
        self.classifier = run.classifier(request.classifier)
        guides = [run.classifier(path) for path in request.guides]
        if any(guide.sha256 == self.classifier.sha256 for guide in guides):
            raise UnusableInput(
                f"{request.classifier} guides too: what measures must not have guided."
            )
        if request.prior and not request.generated:
            raise UnusableInput("a prior goes with generated faces: real ones have their codes.")
        self.editors: dict[str, Editor] = {}
        for method in request.methods:
            networks = request.guides if method == GUIDED else ()
            self.editors[method] = open_editor(
                run, method, networks, request.faces, progress=progress, notify=notify
            )
        known = [set(network.network.attributes) for network in (self.classifier, *guides)]
        self.attributes = list(request.attributes) or [
            name for name in USUAL_ATTRIBUTES if all(name in each for each in known)
        ]
        if not self.attributes:
            raise UnusableInput("there is no attribute to edit: name some.")
        for name in self.attributes:
            logit_column(self.classifier, name)
            for editor in self.editors.values():
                editor.require(name)
        self.originals = np.asarray(self.faces.images[chosen])
        if request.generated:
            seed = request.selection.seed
            source = code_source(run, request.prior, None, TAME, notify)
            self.codes = source(request.selection.count or len(chosen), seed)
        else:
            self.codes = run.session.encode(self.originals)
        logits = logits_of_pictures(self.classifier.network, self.originals, run.session.device)
        self.std = np.maximum(logits.std(axis=0), 1e-6)
        self.before = self.seen(self.codes)
        self.truth: CounterfactualReferences | None = None
        if not request.generated and can_be_redrawn(self.faces):
            seed = request.selection.seed
            self.truth = CounterfactualReferences(
                run.session, self.faces, chosen, self.seen, self.before, seed
            )
        self.about: dict[str, Any] = {
            "model_sha256": run.sha256, "faces_sha256": self.faces.hash,
            "index_sha256": self.faces.index_hash, "selection": asdict(request.selection),
            "generated": request.generated, "prior": request.prior, "faces": len(self.codes),
            "codes_sha256": hashlib.sha256(np.ascontiguousarray(self.codes).tobytes()).hexdigest(),
            "classifier_sha256": self.classifier.sha256, "device": str(run.session.device),
        }  # fmt: skip

    def conditions(self, method: str) -> dict[str, Any]:
        """What a result by a method depends on, beside model, faces and classifier."""
        editor = self.editors[method]
        if isinstance(editor, GuidedEditor):
            return {
                "networks": list(editor.networks), "measured": editor.measured,
                "guidance": editor.settings.model_dump(),
            }  # fmt: skip
        assert isinstance(editor, LinearEditor)
        vectors = [found.vector.tobytes() for found in editor.directions.directions.values()]
        return {"directions_sha256": hashlib.sha256(b"".join(vectors)).hexdigest()}

    def seen(self, codes: Codes) -> ClassifiedFaces:
        """What the classifier sees in the decodings of codes (N, D)."""
        network = self.classifier.network
        logits, features, images = [], [], []
        for decoded in self.run.session.decode_batches(codes):
            with torch.no_grad():
                embedded = network.embedding(decoded)
                logits.append(network.head(embedded).float().cpu().numpy())
            features.append(embedded.float().cpu().numpy())
            images.append(decoded.cpu().numpy())
        return ClassifiedFaces(
            np.concatenate(logits), np.concatenate(features), np.concatenate(images)
        )

    def measure(
        self, name: str, method: str, progress: Progress
    ) -> tuple[EditResult, NDArray[np.uint8]]:
        """Flip an attribute by a method, further and further."""
        target, signs, region = self._target(name)
        strengths, places = self._places(name, self.editors[method], signs, progress)
        true = self.true_changes.get(name)

        def moved() -> Any:
            for number, strength in enumerate(strengths):
                progress(f"{name}, {method}: measuring", number, len(strengths))
                yield strength, places[:, number]

        changes = sweep(
            self.seen, moved(), self.before, target, self.std, region,
            beside=None if true is None else true.beside,
        )  # fmt: skip
        at_shares = {f"{share:g}": at_success(changes, share) for share in SHARES}
        nearest = min(changes[1:], key=lambda change: abs(change.flipped - 0.8))
        pictures = self.run.session.decode(places[:SHOWN, strengths.index(nearest.strength)])
        return EditResult(name, method, changes, at_shares), pictures

    @cached_property
    def reconstructions(self) -> NDArray[np.uint8]:
        """The decodings of the faces shown, (K, S, S, 3)."""
        return self.run.session.decode(self.codes[:SHOWN])

    @cached_property
    def true_changes(self) -> dict[str, CounterfactualReference]:
        """The true change of each attribute, where faces are drawn."""
        if self.truth is None:
            return {}
        found = {}
        for name in self.attributes:
            target, signs, region = self._target(name)
            found[name] = self.truth.of(name, target, signs, self.codes, self.std, region)
        return found

    def _target(self, name: str) -> tuple[int, NDArray[np.float32], NDArray[np.bool_] | None]:
        """An attribute's logit, where each face shall go (N,), and where the trait lies."""
        target = logit_column(self.classifier, name)
        region = region_of(name, self.run.size, eyes_of(self.faces))
        return target, away(self.before.logits[:, target]), region

    def _places(
        self, name: str, editor: Editor, signs: NDArray[np.float32], progress: Progress
    ) -> tuple[list[float], Codes]:
        """Strengths (K,), and the codes (N, K, D) of all faces at each, away from where they are.

        Strengths along directions are told in prior σ, for those of all methods to compare, and of
        guided edits as shares of the trajectory, whatever is calibrated.
        """
        scale = 1.0
        if isinstance(editor, LinearEditor):
            scale = float(np.linalg.norm(editor.direction(name).vector))
            count = int(np.log(LONGEST / SHORTEST) / np.log(GROWTH)) + 1
            strengths = [SHORTEST * GROWTH**number for number in range(count)]
        else:
            assert isinstance(editor, GuidedEditor)
            editor = editor.uncalibrated()
            strengths = [END * number / STOPS for number in range(1, STOPS + 1)]
        places = np.empty((len(signs), len(strengths), self.run.latent), np.float32)
        for sign in (-1, 1):
            chosen = signs == sign
            if chosen.any():
                own = [sign * strength / scale for strength in strengths]
                places[chosen] = editor.moved(self.codes[chosen], name, own, progress)
        return strengths, places

    def ratios(self) -> dict[str, tuple[float, list[str]]]:
        """Leakage of each method at 80 % over that of class means, over what all methods can do."""
        leaks = {key: result.at(0.8) for key, result in self.results.items()}
        common = [n for n in self.attributes if all(leaks[n, m] for m in self.methods)]
        if "means" not in self.methods or not common:
            return {}
        found = {key: change.leakage for key, change in leaks.items() if change is not None}
        return {
            method: (
                float(np.mean([found[n, method] / found[n, "means"] for n in common])), common
            )
            for method in self.methods
        }  # fmt: skip


def benchmark_edits(
    run: OpenedRun,
    request: BenchmarkRequest,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
    measured: Callable[[EditResult], None] = lambda result: None,
) -> Benchmark:
    """Flip each attribute on the faces of a selection by each method, and measure the rest.

    Each figure is kept as soon as it is measured, in RUN/benchmark/measured, and taken from there
    where nothing that it depends on has changed; ``measured`` is called with each new one.

    Raises:
        UnusableInput: the classifier guides as well, or does not know an attribute, or no faces.
    """
    folder = run.require_folder()
    bench = Benchmark(run, request, progress, notify)
    kept = _Kept(folder / "benchmark" / "measured")
    pairs = [(name, method) for name in bench.attributes for method in request.methods]
    earlier = 0
    for number, (name, method) in enumerate(pairs, 1):

        def step(what: str, done: int, total: int, number: int = number) -> None:
            progress(f"{number} of {len(pairs)}: {what}", done, total)

        conditions = bench.about | bench.conditions(method)
        found = kept.find(name, method, conditions)
        if found is None:
            found = bench.measure(name, method, step)
            kept.keep(*found, conditions)
            measured(found[0])
        else:
            earlier += 1
        bench.results[name, method], bench.shown[name, method] = found
    if earlier:
        notify(
            f"{earlier} of {len(pairs)} had been measured before; without {kept.folder} they would "
            "be measured again."
        )
    return bench


class _Kept:
    """Results in a folder, each with all that it depends on.

    FOLDER/ATTRIBUTE.METHOD.safetensors holds the faces shown, and the figures as metadata. What
    other code measured, or under other conditions, is measured again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package, code = Path(lik.__file__).parent, hashlib.sha256()
        for file in sorted(package.rglob("*.py")):
            code.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
        self._code = code.hexdigest()

    def keep(
        self, result: EditResult, shown: NDArray[np.uint8], conditions: Mapping[str, Any]
    ) -> None:
        key = self._key(result.attribute, result.method, conditions)
        description = {"conditions": key, "result": json.dumps(asdict(result))}
        with replacing(self._path(result.attribute, result.method)) as temporary:
            temporary.write_bytes(save({PICTURES: np.ascontiguousarray(shown)}, description))

    def find(
        self, name: str, method: str, conditions: Mapping[str, Any]
    ) -> tuple[EditResult, NDArray[np.uint8]] | None:
        """What was measured before under these conditions; None where nothing was, or is broken."""
        try:
            with safe_open(self._path(name, method), framework="np") as file:
                description, shown = file.metadata() or {}, file.get_tensor(PICTURES)
            if description.get("conditions") != self._key(name, method, conditions):
                return None
            found = json.loads(description["result"])
            changes = [_change(values) for values in found["changes"]]
            at_shares = {s: values and _change(values) for s, values in found["at_shares"].items()}
        except (OSError, SafetensorError, KeyError, AttributeError, TypeError, ValueError):
            return None
        return EditResult(name, method, changes, at_shares), shown

    def _key(self, name: str, method: str, conditions: Mapping[str, Any]) -> str:
        whole = [name, method, self._code, dict(conditions)]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def _path(self, name: str, method: str) -> Path:
        return self.folder / f"{file_stem(name)}.{file_stem(method)}.safetensors"


def _change(values: dict[str, Any]) -> EditMetrics:
    return (ReferencedMetrics if "counterfactual_error" in values else EditMetrics)(**values)
