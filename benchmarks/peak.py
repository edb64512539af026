"""What the processor could do at the most: the bound that its matrix products set to training.

    python benchmarks/peak.py

Counts the floating-point operations of a training step of each of the paper's models (forward and
backward, by PyTorch's counter, which knows convolutions and products alone), times large matrix
products in float32 and in bfloat16, and divides. No training can be faster than that; how near one
comes says what is left to gain.
"""

import argparse
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from lik.training.recipe import load_recipe

BATCH = 64
SHAPES = ((4096, 512, 4608), (1024, 1024, 1024), (4096, 1152, 128))


def products_per_second(precision: torch.dtype) -> float:
    """Floating-point operations per second of the fastest of a few matrix products."""
    best = 0.0
    for rows, inner, columns in SHAPES:
        first = torch.randn(rows, inner).to(precision)
        second = torch.randn(inner, columns).to(precision)
        for _ in range(3):
            first @ second
        for _ in range(20):
            began = time.perf_counter()
            first @ second
            seconds = time.perf_counter() - began
            best = max(best, 2 * rows * inner * columns / seconds)
    return best


def operations_of_image(recipe_name: str) -> float:
    """Floating-point operations of one image in a step of training."""
    model = load_recipe(recipe_name, []).build().train()
    images, noise = torch.rand(BATCH, 3, 64, 64), torch.zeros(BATCH, model.latent)
    with FlopCounterMode(display=False) as counter:
        output = model(images, noise)
        output.reconstruction.sum().backward()
    return counter.get_total_flops() / BATCH


def main() -> None:
    """Print the bounds."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(f"{torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    speeds = {kind: products_per_second(kind) for kind in (torch.float32, torch.bfloat16)}
    for name in ("paper-first", "paper-second"):
        operations = operations_of_image(name)
        print(f"{name}: {operations / 1e6:.0f} million operations an image")
        for kind, speed in speeds.items():
            print(
                f"  {str(kind).removeprefix('torch.'):9} {speed / 1e9:6.0f} thousand million a "
                f"second: at most {speed / operations:,.0f} images/s"
            )


if __name__ == "__main__":
    main()
