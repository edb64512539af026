"""Runs of a study: trained one after another, resumable, each with the course that it took.

Rate is the KL in nats per image, distortion Σ(x−x̂)² with one posterior sample per image: the
published scale, whatever a run minimises.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lik.app.training import training_data
from lik.core.artifacts import read_json, write_json, write_text
from lik.core.device import choose_device
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.pixels import to_float
from lik.core.randomness import derive, standard_normal
from lik.core.run_folder import RunFolder
from lik.evaluation.fidelity import measure_fidelity, summary
from lik.faces.set.faceset import FaceSet
from lik.latent.session import Session
from lik.objectives.reconstruction import sse
from lik.training import journal
from lik.training.callback import Callback
from lik.training.journal import ACTIVE
from lik.training.recipe import Recipe, load_recipe
from lik.training.running import TrainingData, run_training

LOOKED_AT = 500
"""Held-out faces that the course is measured on, at most."""


@dataclass(frozen=True)
class Planned:
    """A run of a study: its name, what it is called in tables, and what it sets in the recipe."""

    name: str
    label: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a study works, and on what."""

    faces: FaceSet
    data: TrainingData
    work: Path
    device: torch.device

    @classmethod
    def open(cls, faces: str, work: str, device: str, threads: int | None) -> "Place":
        """Open the face set, which is verified, and choose the device."""
        face_set = FaceSet.open(Path(faces))
        return cls(face_set, training_data(face_set), Path(work), choose_device(device, threads))

    def run(self, name: str) -> Path:
        return self.work / "runs" / name

    def course(self, name: str) -> Path:
        return self.work / "courses" / f"{name}.jsonl"

    def test_faces(self) -> Any:
        """Pictures of the test split, uint8 (N, S, S, 3)."""
        return np.asarray(self.faces.images[self.faces.indices("test")])

    def about(self) -> dict[str, Any]:
        """What every figure of the study was measured on."""
        return {
            "faces": self.faces.path.name,
            "faces_sha256": self.faces.hash,
            "crop": self.faces.crop,
            "train": len(self.data.train),
            "test": len(self.faces.indices("test")),
            "seed": 0,
        }


class Course(Callback):
    """Writes down what a run passes through, as lines of JSON.

    ``{"step", "epoch", "rate", "distortion"}`` before the first step and after every epoch, on
    held-out faces; ``{"step", "step_in_epoch", "kl"}`` every few steps, the mean of the epoch so
    far over the training faces.
    """

    def __init__(self, path: Path, images: torch.Tensor, initial: torch.nn.Module) -> None:
        self.path, self.images, self.initial = path, images, initial
        self.stopped = False

    def began(self, plan: Any, resumed: Any, steps_per_epoch: int, how: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in lines_of(self.path) if line["step"] <= resumed.step]
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept))
        if not kept:
            self._passed(0, 0, self.initial.eval())

    def progressed(self, progress: Any) -> None:
        kl = progress.metrics["kl"]
        self._write({"step": progress.step, "step_in_epoch": progress.step_in_epoch, "kl": kl})

    def epoch_ended(self, record: journal.EpochRecord, model: torch.nn.Module) -> None:
        self._passed(record.step, record.epoch, model)

    def should_stop(self) -> bool:
        return self.stopped

    def _passed(self, step: int, epoch: int, model: Any) -> None:
        rates, distortions = [], []
        noise = torch.from_numpy(standard_normal((len(self.images), model.latent), 0, "course"))
        with torch.no_grad():
            for part in torch.arange(len(self.images)).split(250):
                images = self.images[part]
                output = model(images, noise[part].to(images.device))
                rates.append(output.posterior.kl_to_standard())
                distortions.append(sse(images, output.reconstruction.float()))
        self._write({
            "step": step,
            "epoch": epoch,
            "rate": float(torch.cat(rates).mean()),
            "distortion": float(torch.cat(distortions).mean()),
        })  # fmt: skip

    def _write(self, line: dict[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def lines_of(path: Path) -> list[dict[str, Any]]:
    """What was written of a course; a last line cut off by a crash is passed over."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def recipe_of(place: Place, planned: Planned, epochs: int) -> Recipe:
    """The recipe of a run: the first model of the paper, with what the run sets."""
    settings = [f"epochs={epochs}", "mirror=true", *planned.settings]
    return load_recipe("paper-first", settings, place.faces.size)


def train_all(place: Place, planned: Sequence[Planned], epochs: int) -> None:
    """Train what is not trained yet; a line for each run says what it does and the time to go."""
    recipes = [recipe_of(place, run, epochs) for run in planned]  # all are right, or none begins
    todo = sum(not _is_done(place, run.name, epochs) for run in planned)
    began, done = time.monotonic(), 0
    for number, (run, recipe) in enumerate(zip(planned, recipes, strict=True), start=1):
        head = f"[{number} of {len(planned)}] {run.name} ({run.label})"
        if _is_done(place, run.name, epochs):
            print(f"{head}: done already", flush=True)
            continue
        print(f"{head}: {epochs} epochs{_to_go(began, done, todo)}", flush=True)
        _train(place, run.name, recipe)
        done += 1


def measured(place: Place, name: str) -> dict[str, Any]:
    """What a trained run comes to on the test faces; measured once and kept."""
    path = place.work / "measures" / f"{name}.json"
    session = Session.load(place.run(name), place.device)
    step = session.metadata["step"]
    if path.is_file() and (kept := read_json(path))["step"] == step:
        return dict(kept)
    pictures = place.test_faces()
    kl = session.posteriors(pictures).kl_per_dimension()
    found = {
        "run": name,
        "step": step,
        **summary(measure_fidelity(session, pictures)),
        "kl_per_dimension": [round(float(value), 5) for value in kl],
        "active_units": int((kl > ACTIVE).sum()),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, found)
    return found


def _is_done(place: Place, name: str, epochs: int) -> bool:
    records = journal.read(RunFolder(place.run(name)).journal)
    return bool(records) and records[-1].epoch >= epochs


def _to_go(began: float, done: int, todo: int) -> str:
    if not done:
        return f", {todo} runs to go" if todo > 1 else ""
    seconds = (time.monotonic() - began) / done * (todo - done)
    return f", about {seconds / 60:.0f} min to go"


def _train(place: Place, name: str, recipe: Recipe) -> None:
    validation = place.data.validation[:LOOKED_AT]
    images = to_float(np.asarray(place.faces.images[validation])).to(place.device)
    torch.manual_seed(derive(recipe.seed, "weights"))
    course = Course(place.course(name), images, recipe.build().to(place.device))
    with _stopping(course):
        outcome = run_training(RunFolder(place.run(name)), recipe, place.data, place.device, course)
    if not outcome.finished:
        raise FailedOnTheWay("stopped and saved: the same command goes on from there.")


@contextmanager
def _stopping(course: Course) -> Iterator[None]:
    """Within it, Ctrl-C and SIGTERM ask the run to save and leave."""

    def stop(*_: Any) -> None:
        course.stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def reported(main: Callable[[], None]) -> None:
    """Run a study's main; what is wrong becomes a sentence and an exit code."""
    try:
        main()
    except (UnusableInput, FailedOnTheWay) as error:
        print(f"lik: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UnusableInput) else 1)
