"""Faces as bytes: runs beside JPEG, WebP and AVIF, at the same faces.

    python benchmarks/compression.py FACES JUDGE RUN... [-n 300] [--figure curves.png]

JUDGE is an attribute classifier that trained none of the runs: in its maps the feature distance is
measured (LPIPS without learned weights). Of each run: bytes a face, PSNR, SSIM and this distance
at each precision of its tables. Other codecs are run over their qualities, in full size and, for
WebP, of faces made smaller first. Their bytes are given as files, and without what the file of a
picture of one grey takes; those of runs without the head that a file has once.

Then, with every pixel kept: bits per dimension of files, of the bound −ELBO of the very likelihood
that codes the residuals (and with 16 codes, arXiv:1509.00519), and of PNG and WebP.

With --choices: bytes and PSNR of validation faces by the weight of rate, and what contexts save.
"""

import argparse
import io
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

import lik
from lik.app.compressed import psnr
from lik.app.compressing import CompressRequest, compress, open_tables
from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.core.pixels import to_float
from lik.core.randomness import torch_stream
from lik.evaluation.anomaly import mean_decoder
from lik.evaluation.importance import bits_per_dimension, importance_weighted_bound
from lik.evaluation.networks import classifier_features, feature_distance
from lik.latent.compression.quantising import fit_levels, quantise
from lik.latent.compression.residuals import fit_likelihood

SMALLER = (8, 12, 16, 24, 32)
"""Sides to which faces are made smaller before WebP has them."""
CODECS = {
    "JPEG": ("JPEG", {"optimize": True}, (1, 5, 10, 20, 40, 60, 80)),
    "WebP": ("WEBP", {"method": 6}, (0, 5, 10, 25, 50, 75)),
    "AVIF": ("AVIF", {"speed": 4}, (1, 10, 20, 35, 50, 65)),
}
EXACT = {
    "PNG": ("PNG", {"optimize": True}),
    "WebP": ("WEBP", {"lossless": True, "quality": 100, "method": 6}),
}
CODES = 16


def coded(picture, kind, settings):
    """A picture as the bytes of a file, and what they give back."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **settings)
    size = file.tell()
    return size, np.asarray(Image.open(file).convert("RGB"))


def through_codec(pictures, kind, settings, side=None):
    """Mean bytes of files, those beyond a grey picture's, and what comes back."""
    full = pictures.shape[1]
    side = side or full
    grey, _ = coded(np.full((side, side, 3), 128, np.uint8), kind, settings)
    sizes, found = [], []
    for picture in pictures:
        image = Image.fromarray(picture)
        if side != full:
            image = image.resize((side, side), Image.Resampling.LANCZOS)
        size, back = coded(np.asarray(image), kind, settings)
        if side != full:
            back = np.asarray(Image.fromarray(back).resize((full, full), Image.Resampling.BICUBIC))
        sizes.append(size)
        found.append(back)
    return np.mean(sizes), np.mean(sizes) - grey, np.stack(found)


def likeness(pictures, others, judge):
    """PSNR, SSIM and feature distance, each the mean over faces."""
    similar = ssim(to_float(others), to_float(pictures), data_range=1.0, reduction="none")
    apart = feature_distance(pictures, others, judge.maps)
    return float(psnr(pictures, others).mean()), float(similar.mean()), float(apart.mean())


def row(label, cells):
    """Print a row of a Markdown table, and return what it holds."""
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)


def lossy(runs, faces, pictures, selection, judge, invert):
    """The table of what is lost: by the label of a curve, its points."""
    curves = {}
    row("", ["bytes", "without head", "PSNR", "SSIM", "feature distance"])
    print("|---|" + "---|" * 5)

    def add(curve, label, size, bare, back):
        values = likeness(pictures, back, judge)
        curves.setdefault(curve, []).append((size, bare, *values))
        row(
            label,
            [f"{size:.1f}", f"{bare:.1f}", f"{values[0]:.2f}", *(f"{v:.3f}" for v in values[1:])],
        )

    fitted = [(run, invert) for run in runs if invert and run.usual_inversion]
    for run, steps in [*((run, 0) for run in runs), *fitted]:
        name = f"{run.name}, fitted" if steps else run.name
        for level in open_tables(run).levels:
            request = CompressRequest(level.precision, steps, names=False)
            made = compress(run, (), faces, selection, request)
            told = made.metrics
            off = 100 * (told["coded_bytes_per_face"] / told["entropy_bytes_per_face"] - 1)
            label = f"{name}, precision {level.precision:g} (file {off:+.2f} % of entropy)"
            add(name, label, told["bytes_per_face"], told["coded_bytes_per_face"], made.expanded)
    for name, (kind, settings, qualities) in CODECS.items():
        for quality in qualities:
            given = {**settings, "quality": quality}
            add(name, f"{name} {quality}", *through_codec(pictures, kind, given))
    for side in SMALLER:
        given = {"method": 6, "quality": 20}
        label = f"WebP 20 of {side}×{side}"
        add("WebP, made smaller", label, *through_codec(pictures, "WEBP", given, side))
    return curves


def without_model(faces, pictures):
    """Bits per dimension by the same scheme, where a grey picture stands for every decoding."""
    face_set = lik.open_faces(faces)
    train = face_set.indices("train")
    known = np.asarray(face_set.images[train[:: max(1, len(train) // 600)]])
    likelihood = fit_likelihood(known, np.full_like(known, 128))
    return likelihood.bits(pictures, np.full_like(pictures, 128)).mean() / pictures[0].size


def lossless(runs, faces, pictures, selection, count):
    """The table of what is kept exactly, in bits per dimension."""
    row("every pixel", ["file", "entropy", f"bound, {CODES} codes", "bound, 1 code"])
    print("|---|" + "---|" * 4)
    for name, (kind, settings) in EXACT.items():
        size, bare, back = through_codec(pictures, kind, settings)
        assert np.array_equal(back, pictures)
        values = pictures[0].size
        row(name, [f"{8 * size / values:.3f} ({8 * bare / values:.3f} without head)", "", "", ""])
    row("no model", ["", f"{without_model(faces, pictures):.3f}", "", ""])
    for run in runs:
        made = compress(run, (), faces, selection, CompressRequest(lossless=True, names=False))
        told = made.metrics
        values = pictures[0].size
        shown = torch.from_numpy(made.shown.pictures[:count])
        likelihood = open_tables(run).likelihood

        def log_density(given, decoded, likelihood=likelihood):
            around = np.rint(255 * decoded.numpy().transpose(0, 2, 3, 1)).astype(np.uint8)
            return -math.log(2) * torch.from_numpy(
                likelihood.bits(given.numpy().astype(np.uint8), around)
            )

        posterior = run.session.posteriors(shown.numpy()).gaussian()
        bound = importance_weighted_bound(
            shown, posterior, mean_decoder(run.session), log_density, CODES,
            torch_stream(0, "compression"),
        )  # fmt: skip
        tight, loose = (
            bits_per_dimension(float(one.mean()), values, discrete=True)
            for one in (bound.importance_weighted, bound.elbo)
        )
        entropy = 8 * told["entropy_bytes_per_face"] / values
        row(
            run.name,
            [
                f"{8 * told['bytes_per_face'] / values:.3f}",
                *(f"{v:.3f}" for v in (entropy, tight, loose)),
            ],
        )


def choices(run, faces):
    """The table of what was chosen: the weight of rate, and contexts, on validation faces."""
    face_set = lik.open_faces(faces)
    train, held = (
        np.asarray(face_set.images[face_set.indices(s)]) for s in ("train", "validation")
    )
    (codes, stds), (few, few_stds) = (
        (gaussian.mean.numpy(), (0.5 * gaussian.log_variance).exp().numpy())
        for gaussian in (run.session.posteriors(one).gaussian() for one in (train, held))
    )
    random = np.random.default_rng(0)
    order = np.argsort(random.random(codes.shape), axis=0)  # of each dimension another one
    apart = [np.take_along_axis(one, order, axis=0) for one in (codes, stds)]
    row(f"{run.name}, precision", ["weight", "bytes", "PSNR", "bytes without contexts"])
    print("|---|" + "---|" * 4)
    for precision in (0.5, 0.7, 1.0, 1.4, 2.0):
        for weight in (0.0, 0.5, 1.0):
            (level,), (deaf,) = (
                fit_levels(*one, (precision,), weight) for one in ((codes, stds), apart)
            )
            symbols = quantise(few, few_stds, level, weight)
            others = quantise(few, few_stds, deaf, weight)
            like = psnr(held[:150], run.session.decode(level.codes(symbols[:150]))).mean()
            sizes = [one.bits(s).mean() / 8 for one, s in ((level, symbols), (deaf, others))]
            cells = [f"{weight:g}", f"{sizes[0]:.2f}", f"{like:.2f}", f"{sizes[1]:.2f}"]
            row(f"{precision:g}", cells)


def draw(path, curves, runs, count):
    """Curves over bytes, without heads; the smallest files of the others as they are, too."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = ("PSNR, dB", "SSIM", "feature distance")
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
    colours = pyplot.get_cmap("viridis")(np.linspace(0, 0.85, len(runs)))
    styles = {
        name: {"color": colour, "marker": "o", "lw": 1.8}
        for name, colour in zip((run.name for run in runs), colours, strict=True)
    }
    fitted = {"ls": ":", "mfc": "white"}
    styles |= {f"{name}, fitted": style | fitted for name, style in styles.items()}
    others = {
        "JPEG": "#b23a48",
        "WebP": "#e07a1f",
        "AVIF": "#7a4fa3",
        "WebP, made smaller": "#c9a227",
    }
    for name, colour in others.items():
        styles[name] = {"color": colour, "marker": "s", "ms": 4, "lw": 1.2, "ls": "--"}
    for number, (axis, what) in enumerate(zip(axes, names, strict=True)):
        for name, points in curves.items():
            values = np.array(sorted(points))
            axis.plot(values[:, 1], values[:, 2 + number], label=name, **styles[name])
            if name in others:
                first = values[np.argmin(values[:, 0])]
                axis.plot(first[0], first[2 + number], marker="x", ms=9, ls="", color=others[name])
        axis.set_xscale("log")
        axis.set_xlabel("bytes a face, without head")
        axis.set_title(what)
        axis.grid(alpha=0.25, which="both")
    axes[2].invert_yaxis()
    axes[0].legend(fontsize=8)
    figure.suptitle(
        f"{count} test faces of 64×64 pixels; up is better. Crosses: the smallest whole files."
    )
    figure.savefig(path, dpi=110, metadata={"Software": "Lik"})


def main(faces, judge, runs, count, exact, figure, choose, invert):
    """Print both tables, and draw the curves."""
    torch.set_num_threads(1)
    opened = [OpenedRun(run, "cpu") for run in runs]
    if choose:
        for run in opened:
            choices(run, faces)
        return
    face_set = lik.open_faces(faces)
    network = classifier_features(Path(judge))
    print(f"{count} test faces of {face_set.path.name}; judge {network.name}\n")
    selection = Selection("test", count=count)
    pictures = np.asarray(face_set.images[selection.of(face_set)])
    curves = lossy(opened, faces, pictures, selection, network, invert)
    print()
    few = Selection("test", count=exact)
    lossless(opened, faces, np.asarray(face_set.images[few.of(face_set)]), few, exact)
    if figure:
        draw(Path(figure), curves, opened, count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("judge")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("-n", dest="count", type=int, default=300)
    parser.add_argument("--exact", type=int, default=60)
    parser.add_argument("--figure")
    steps = "also fit codes in so many steps, where a run can"
    parser.add_argument("--invert", type=int, default=0, metavar="N", help=steps)
    parser.add_argument(
        "--choices", dest="choose", action="store_true", help="what was chosen, and nothing else"
    )
    main(**vars(parser.parse_args()))
