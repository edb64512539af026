"""Make a run small enough to ship, in half precision, without making it another one.

    python benchmarks/ship.py round RUNS/BASE RUNS/ROUNDED
    lik fit-prior RUNS/ROUNDED FACES --prior gmm --components 16 --means --spread 1.1 --name faces
    lik sharpen RUNS/ROUNDED FACES RUNS/SHARP --classifier NET
    lik fit-directions RUNS/SHARP FACES --classifier NET
    python benchmarks/ship.py pack RUNS/SHARP src/lik/pretrained/NAME --faces FACES

`round` brings the weights of a base run to float16. What is fitted to its codes afterwards, and the
refiner upon it, are of the very weights that ship. `pack` writes weights, network, directions and
priors, and what `lik anomaly` and `lik compress` learn from FACES; it says what all this weighs and
by how much rounding the refiner moves a pixel, of 255.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import lik
from lik.app.anomaly import open_usual
from lik.app.compressing import open_tables
from lik.core.artifacts import write_json
from lik.core.run_folder import RunFolder
from lik.latent.guided import GuidedStatistics


def half(source, target):
    """Copy a file of weights, as float16."""
    with safe_open(source, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    small = {name: _small(tensor) for name, tensor in tensors.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    if all(small[name] is tensor for name, tensor in tensors.items()):
        shutil.copyfile(source, target)  # to the byte, for guided edits know networks by their hash
    else:
        save_file(small, target, metadata)


def _small(tensor):
    """Weights in float32 and what mixtures have of each code as float16; all else as it is."""
    numbers = tensor.dtype == torch.float64 and tensor.ndim > 1
    return tensor.half() if numbers or tensor.dtype == torch.float32 else tensor


def main(what, run, out, faces):
    """Write OUT; what ships is checked to have the codes that its directions were fitted to."""
    whole, folder = lik.load(run), RunFolder(Path(out))
    half(whole.folder.model, folder.model)
    half(whole.network, folder.features)
    write_json(folder.environment, {"format": "lik-run", "version": 1, "faces": {}})
    if what == "round":
        return
    small = lik.load(out)
    if small.encoder_sha256 != whole.encoder_sha256:
        raise SystemExit(f"{run} has an encoder in float32: round the base before it is sharpened.")
    if (whole.path / "directions").is_dir():
        shutil.copytree(whole.path / "directions", Path(out) / "directions", dirs_exist_ok=True)
    for prior in (whole.path / "priors").glob("*.safetensors"):
        half(prior, Path(out) / "priors" / prior.name)
    if whole.folder.guide.is_file():
        shutil.copyfile(whole.folder.guide, folder.guide)
    if statistics := GuidedStatistics.load(Path(out)):
        statistics.model_copy(update={"paths": {}}).save(Path(out))
    if faces:
        open_usual(small, faces)
        open_tables(small, faces=faces)
    codes = whole.session.draw(200, seed=0)
    apart = np.abs(whole.decode(codes).astype(int) - small.decode(codes))
    weight = sum(file.stat().st_size for file in Path(out).rglob("*") if file.is_file())
    print(f"{weight / 1e6:.1f} MB; a pixel moves by {apart.mean():.3f}, at most {apart.max()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("round", "pack"))
    parser.add_argument("run")
    parser.add_argument("out")
    parser.add_argument("--faces")
    main(**vars(parser.parse_args()))
