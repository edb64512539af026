"""Time a training step on this device: all of it, and where it is recorded as a graph, that alone.

    python benchmarks/step.py [--recipe RECIPE] [--kernels] [KEY=VALUE ...]

For example ``device.compile=false`` or ``device.graph=false``. Pictures are random, which makes no
difference to the time. The first number is what a user waits for, the second what the GPU works;
with --kernels every kernel of a recorded step is listed, with its microseconds.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from lik.app.machine import PAPER_FACES
from lik.core.device import choose_device
from lik.core.randomness import torch_stream
from lik.training.batches import Batches, Noise, on_device
from lik.training.fast.graph import GraphedStep
from lik.training.recipe import load_recipe
from lik.training.running import build_step

WARM, STEPS, SIZE = 20, 200, 64


def main() -> None:
    """Print a line, and a list where it is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="paper-first")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--kernels", action="store_true")
    wanted = parser.parse_args()
    device = choose_device("auto")
    given = any(setting.startswith("device.compile=") for setting in wanted.settings)
    compiled = [] if given else ["device.compile=true"]
    recipe = load_recipe(wanted.recipe, [*compiled, *wanted.settings], SIZE)
    began = time.perf_counter()
    step, how = build_step(recipe, device, PAPER_FACES, recipe.state(PAPER_FACES, device))
    step.model.train()
    shape = ((WARM + STEPS) * recipe.batch_size, SIZE, SIZE, 3)
    drawn = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    batches = Batches(on_device(drawn, device), np.arange(len(drawn)), recipe.batch_size, device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    with step.workers:
        for number, batch in enumerate(batches.epoch(0)):
            if number == WARM:
                wait()
                warm = time.perf_counter()
            step(batch, Noise(torch_stream(0, "noise", number, device=device), batch.total), number)
        wait()
    whole = (time.perf_counter() - warm) / STEPS
    line = (
        f"{wanted.recipe}: {1e3 * whole:.3f} ms a step, {recipe.batch_size / whole:,.0f} images/s"
    )
    launch = step.launch if isinstance(step, GraphedStep) else None
    if launch:
        line += f"; {1e3 * replayed(launch):.3f} ms of it recorded work"
    print(f"{line}; {warm - began:.0f} s of warming up; {how.describe(device)}")
    if launch and wanted.kernels:
        list_kernels(launch)


def replayed(launch: Callable[[], None]) -> float:
    """Seconds of a recorded step alone."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(STEPS):
        launch()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / STEPS


def list_kernels(launch: Callable[[], None]) -> None:
    """Each kernel of a recorded step, in order."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        launch()
        torch.cuda.synchronize()
    events = [event for event in profile.events() if event.device_type.name == "CUDA"]
    for event in sorted(events, key=lambda event: event.time_range.start):
        print(f"{event.time_range.elapsed_us():8.2f}  {event.name[:110]}")


if __name__ == "__main__":
    main()
