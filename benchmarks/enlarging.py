"""What a run that enlarges adds to cubic interpolation.

    python benchmarks/enlarging.py FACES RUN [-n 500]

RUN was sharpened again with faces of twice its size, FACES is a set of that size. Real test faces
are made small and enlarged again, by cubic interpolation and by the run: how far is each from the
original (PSNR, SSIM)? And of the luminance of reconstructions, cubic or by the run, the energy
around some periods in pixels, as shares of the real faces'.
"""

import argparse

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

import lik
from lik.core.batched import through
from lik.core.pixels import to_float, to_uint8
from sharpness import energies, spectrum, spread


def cubic(images):
    """Images (B, 3, S, S) → (B, 3, 2S, 2S)."""
    return F.interpolate(images, scale_factor=2, mode="bicubic").clamp(0, 1)


def main(faces, run, count):
    """Print both tables."""
    run, faces = lik.load(run), lik.open_faces(faces)
    model = run.session.model
    pictures = faces.images[spread(faces.indices("test"), count)]
    images = to_float(pictures)

    def enlarged(batch):
        return model.enlarge(model.as_base(batch), model.encode(batch).mean)

    ways = {
        "cubic": through(lambda batch: cubic(model.as_base(batch)), pictures, size=32),
        "the run": through(enlarged, pictures, size=32),
    }
    print(f"{len(pictures)} real faces, halved and enlarged   PSNR    SSIM")
    for name, made in ways.items():
        made = torch.from_numpy(made)
        psnr = -10 * (made - images).square().mean(dim=(1, 2, 3)).log10().mean()
        print(f"{name:35s} {psnr:8.2f}  {ssim(made, images, data_range=1.0):.4f}")
    codes = run.encode(pictures)
    small = torch.from_numpy(through(model.base.decode, codes, size=32))
    true = energies(spectrum(pictures))
    print(f"{'energy around':24s}" + "".join(f"{name:>8s}" for name in true))
    for name, made in (("cubic", to_uint8(cubic(small))), ("the run", run.decode(codes))):
        found = energies(spectrum(np.asarray(made)))
        print(f"{name:24s}" + "".join(f"{found[band] / true[band]:8.2f}" for band in true))


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("run")
    parser.add_argument("-n", dest="count", type=int, default=500)
    main(**vars(parser.parse_args()))
