"""Lik itself."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import torch
from task import Contestant, Task
from with_torch import pictures_of

from lik.core.run_folder import RunFolder
from lik.training import fast
from lik.training.callback import Callback
from lik.training.recipe import load_recipe
from lik.training.running import TrainingData, run_training

FOREVER = 10_000
"""Epochs, of which as many are trained as the contest takes."""


def lik(task: Task) -> Contestant:
    """A run of Lik by its own recipe, with all that belongs to a run: journal, states, weights."""
    return _contestant(task, [])


def threads(task: Task) -> Contestant:
    """The same, by threads that share each operation instead of workers that share a batch."""
    return _contestant(task, ["device.workers=1"])


def _contestant(task: Task, settings: list[str]) -> Contestant:
    fixed = [f"epochs={FOREVER}", "objective.reconstruction=half_sse"]
    recipe = load_recipe(f"paper-{task.model}", [*fixed, *settings])
    device = torch.device(task.device)
    how = fast.choose_acceleration(
        recipe.device,
        device,
        FOREVER * len(task.train),
        shareable=recipe.batch_size,
        normalised=task.model == "second",
    )
    # A training has the main thread, whose memory is kept; here it has another, which must be begun
    # after that was asked for.
    fast.prepare(recipe.device, device)
    allowed: Queue[None] = Queue()
    ended: Queue[Any] = Queue()

    class Halting(Callback):
        def began(self, *_: Any, **__: Any) -> None:
            allowed.get()

        def epoch_ended(self, record: Any, model: Any) -> None:
            ended.put(model)
            allowed.get()

    def run() -> None:
        everything, nothing = np.arange(len(task.train)), np.arange(0)
        description = {"path": "", "hash": "", "index_hash": None}
        description |= {"crop": {}, "attribute_names": []}
        data = TrainingData(task.train, everything, nothing, description)
        with tempfile.TemporaryDirectory() as folder:
            try:
                run_training(RunFolder(Path(folder) / "run"), recipe, data, device, Halting())
            except BaseException as error:
                ended.put(error)
                raise

    model: Any = None

    def epochs() -> Iterator[Any]:
        nonlocal model
        threading.Thread(target=run, daemon=True).start()
        while True:
            allowed.put(None)
            model = ended.get()
            if isinstance(model, BaseException):
                raise model
            yield

    def outputs(images: Any, noise: Any) -> tuple[Any, Any, Any]:
        with torch.no_grad():
            posterior = model.encode(pictures_of(images).to(device))
            code = posterior.mean + torch.exp(0.5 * posterior.log_variance) * torch.from_numpy(
                noise
            ).to(device)
            made = model.decode(code).permute(0, 2, 3, 1)
        return made.cpu(), posterior.mean.cpu(), posterior.log_variance.cpu()

    about = how.describe(device)
    return Contestant(f"PyTorch {torch.__version__}", about, epochs(), outputs)
