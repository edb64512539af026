"""Time how long a training takes to get going, where that goes, and whether compiling pays.

    python benchmarks/startup.py [--device cuda] [--epochs 15] [KEY=VALUE ...]

The paper's training of the first model (104,861 faces, batch 64), from the start of a process to
its last step, on random pictures, without validation and files. Each row is a fresh process:
``cold`` has empty caches of compiled code, ``warm`` has those that the cold one left. Steps beyond
the first epoch are counted at the speed of its second half. With compilation, the phases that took
longest are listed as PyTorch names them; one may be part of another.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BEGAN = "LIK_STARTUP_BEGAN"
"""Environment variable with the time at which a process was started, in seconds."""

WARM = 30
"""Steps after which nothing is compiled or recorded any more."""

LISTED = 12


def main() -> None:
    """Print a table; or, in a process of its own, train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=15)
    steps = f"of the first epoch, more than {2 * WARM} (default: all)"
    parser.add_argument("--steps", type=int, metavar="N", help=steps)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    wanted = parser.parse_args()
    if wanted.steps is not None and wanted.steps <= 2 * WARM:
        parser.error(f"--steps must be more than {2 * WARM}")
    if BEGAN in os.environ:
        train(wanted)
        return
    print(f"{'':28} {'import':>7} {'build':>7} {'warm-up':>8} {'images/s':>9} {'in all':>8}")
    for compiled in ("device.compile=false", "device.compile=true"):
        with tempfile.TemporaryDirectory() as caches:
            for which in ("cold", "warm"):
                told = in_process([*sys.argv[1:], compiled], Path(caches))
                name = f"{compiled.removeprefix('device.')}, {which}"
                print(
                    f"{name:28} {told['import']:6.1f}s {told['build']:6.1f}s "
                    f"{told['warm_up']:7.1f}s {told['speed']:9,.0f} {told['in_all']:7.1f}s"
                )
                for phase, seconds in told["phases"]:
                    print(f"    {seconds:7.1f} s  {phase}")
                print(end="", flush=True)
    print(told["how"])


def in_process(arguments: list[str], caches: Path) -> dict[str, Any]:
    """What `train` tells, in a fresh process with these caches."""
    own = {
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
        BEGAN: str(time.time()),
    }
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def train(wanted: argparse.Namespace) -> None:
    """Train for an epoch and tell, as JSON, where the time went."""
    began = float(os.environ[BEGAN])
    import numpy as np
    import torch

    from lik.app.machine import PAPER_FACES, SIZE
    from lik.core.device import choose_device
    from lik.core.randomness import torch_stream
    from lik.training.batches import Batches, Noise, on_device
    from lik.training.recipe import load_recipe
    from lik.training.running import build_step

    device = choose_device(wanted.device)
    imported = time.time()
    recipe = load_recipe("paper-first", wanted.settings, SIZE)
    steps = wanted.steps or PAPER_FACES // recipe.batch_size
    drawn = np.random.default_rng(0).integers(0, 256, (4096, SIZE, SIZE, 3), np.uint8)
    step, how = build_step(recipe, device, PAPER_FACES, recipe.state(PAPER_FACES, device))
    step.model.train()
    order = np.arange(steps * recipe.batch_size) % len(drawn)
    batches = Batches(on_device(drawn, device), order, recipe.batch_size, device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    marks = {}
    built = time.time()
    with step.workers:
        for number, batch in enumerate(batches.epoch(0)):
            if number in (WARM, steps // 2):
                wait()
                marks[number] = time.time()
            noise = Noise(torch_stream(0, "noise", number, device=device), batch.total)
            step(batch, noise, number)
    wait()
    ended = time.time()
    speed = (steps - steps // 2) * recipe.batch_size / (ended - marks[steps // 2])
    rest = wanted.epochs * PAPER_FACES - steps * recipe.batch_size
    phases = torch._dynamo.utils.compilation_time_metrics
    longest = sorted(((name, sum(took)) for name, took in phases.items()), key=lambda p: -p[1])
    print(
        json.dumps(
            {
                "import": imported - began,
                "build": built - imported,
                "warm_up": marks[WARM] - built,
                "speed": speed,
                "in_all": ended - began + rest / speed,
                "how": how.describe(device),
                "phases": longest[:LISTED],
            }
        )
    )


if __name__ == "__main__":
    main()
