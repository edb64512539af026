"""Make a run small enough to ship: half precision, with its network, directions and prior.

    python benchmarks/ship.py RUN FACES OUT --classifier NET

OUT is to lie in src/lik/pretrained/. Weights are rounded to float16 (they are float32 again when
they are read), and directions and the prior are fitted to the codes of the rounded encoder. What
the rounding costs is told: the mean and the largest change of a pixel, of 255.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import lik
from lik.app.directions import FitRequest, fit_directions
from lik.app.sampling import PriorRequest, fit_prior
from lik.core.artifacts import write_json
from lik.core.run_folder import RunFolder


def rounded(source, target):
    """Copy a file of weights, what is float32 as float16."""
    with safe_open(source, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    half = {n: t.half() if t.dtype == torch.float32 else t for n, t in tensors.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, target, metadata)


def main(run, faces, out, classifier):
    """Write OUT, and say what it weighs and what rounding costs."""
    whole, folder = lik.load(run), RunFolder(Path(out))
    rounded(whole.folder.model, folder.model)
    rounded(whole.network, folder.features)
    write_json(folder.environment, {"format": "lik-run", "version": 1, "faces": {}})
    small = lik.load(out)
    fit_directions(small, FitRequest("joint", faces=faces, classifier=classifier), print)
    fit_prior(small, PriorRequest("flow", name="faces", means=True), faces, print)
    pictures = lik.open_faces(faces).images[-200:]
    apart = np.abs(whole.reconstruct(pictures).astype(int) - small.reconstruct(pictures))
    weight = sum(file.stat().st_size for file in Path(out).rglob("*") if file.is_file())
    print(f"{weight / 1e6:.1f} MB; a pixel moves by {apart.mean():.3f}, at most {apart.max()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("run", "faces", "out"):
        parser.add_argument(name)
    parser.add_argument("--classifier", required=True)
    main(**vars(parser.parse_args()))
