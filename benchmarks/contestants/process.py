"""The contestants of `benchmarks/training.py`, each in a process of its own that stays warm.

    python benchmarks/contestants/process.py NAME MODEL FOLDER DEVICE

NAME is one of those in MODULES; MODEL is first or second; FOLDER holds train.npy
and test.npy, uint8 (N, S, S, 3), and noise.npy, float32 (test faces, D). Each line of the standard
input is a command, each line that is answered is JSON: ``epochs N`` trains, ``seconds S`` trains
whole epochs until S are over, ``test`` measures held-out faces.

All minimise equation 1 of the paper, ½ Σ (x − x̂)² + KL, which pythae's loss is, by Adam with the
paper's learning rate 5e-4 and Keras' ε = 1e-7, in batches of 64. For the rest each works as its
makers made it work by default: its own loop, its own way to the data, its own precision. Layers
and their first weights are Keras' (Glorot uniform, zero biases) in all of them.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from task import BATCH, Contestant, Task


def main() -> None:
    """Answer commands until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    name, model, folder, device = sys.argv[1:]
    arrays = (np.load(Path(folder) / f"{part}.npy") for part in ("train", "test", "noise"))
    task = Task(model, device, *arrays)

    def answer(**what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    try:
        make: Callable[[Task], Contestant] = getattr(import_module(MODULES[name]), name)
        contestant = make(task)
    except ImportError as error:
        answer(missing=str(error))
        return
    answer(versions=contestant.versions, precision=contestant.precision)
    for line in sys.stdin:
        command, *value = line.split()
        began, done = time.perf_counter(), 0
        if command == "test":
            answer(loss=held_out_loss(contestant, task))
            continue
        while done < float(value[0]) if command == "epochs" else _since(began) < float(value[0]):
            next(contestant.epochs)
            done += 1
        answer(images=done * len(task.train), seconds=_since(began))


def _since(began: float) -> float:
    return time.perf_counter() - began


def held_out_loss(contestant: Contestant, task: Task) -> float:
    """Equation 1 in nats per image, with the same noise for every contestant, in float64."""
    total = 0.0
    for start in range(0, len(task.test), BATCH):
        images = task.test[start : start + BATCH].astype(np.float32) / 255
        outputs = contestant.outputs(images, task.noise[start : start + BATCH])
        made, mean, log_variance = (np.asarray(output, np.float64) for output in outputs)
        kl = 0.5 * (np.exp(log_variance) + mean**2 - log_variance - 1)
        total += 0.5 * ((images - made) ** 2).sum() + kl.sum()
    return total / len(task.test)


MODULES = {
    "lik": "with_lik", "threads": "with_lik", "eager": "with_torch", "pythae": "with_pythae",
    "keras": "with_keras",
}  # fmt: skip

if __name__ == "__main__":
    main()
