"""How sharp the decodings of runs are, and how far one could take them for photographs.

    python benchmarks/sharpness.py FACES JUDGE RUN... [--prior NAME] [-n 500]

JUDGE is an attribute classifier that trained none of the runs. For test faces and their
reconstructions, by run:

- Fréchet distance (arXiv:1706.08500) in the judge's embedding, of reconstructions and of as many
  samples of the prior, the mean of four draws; beside it those of two halves of the real faces,
  and of as many training faces;
- energy of the luminance around periods of 8, 4 and 2.3 pixels, and at 2 on the axes, where
  strided decoders leave a lattice, as shares of the real faces';
- squared error of 4×4 means, and SSIM. The error of 4×4 means that 0.9 of the real energy at 8
  pixels costs at least: what is drawn of it is error, for none can know its place;
- how often the judge sees the attributes of the original;
- two-sample test: how often a fresh network, trained for it on training faces and their decodings,
  tells test faces from theirs; 50 % is chance. The same for samples, and for what is left of
  reconstructions and faces in means of 4×4 and of 8×8 pixels.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

import lik
from lik.core.pixels import to_float, to_uint8
from lik.evaluation.fidelity import measure_fidelity
from lik.evaluation.networks import classifier_features, embed
from lik.evaluation.sets import frechet_distance
from lik.models.classifier import PlainSettings, build_classifier, load_attribute_classifier

BANDS = {"8": (7.0, 9.2), "4": (3.6, 4.5), "2.3": (2.15, 2.5)}
"""Periods in pixels around which energy is summed."""
DRAWS = (1, 2, 3, 4)
"""Seeds of the samples."""
GREY = np.array([0.299, 0.587, 0.114])


def spectrum(pictures):
    """Mean power of the luminance by frequency, (S, S), of windowed pictures."""
    size = pictures.shape[1]
    window = np.hanning(size)[:, None] * np.hanning(size)[None]
    grey = pictures / 255 @ GREY
    grey = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    return (np.abs(np.fft.fft2(grey)) ** 2).mean(axis=0)


def energies(power):
    """Energy in each band, and on the axes at the period of two pixels."""
    frequency = np.fft.fftfreq(len(power))
    radius = np.hypot(frequency[:, None], frequency[None])
    period = 1 / np.maximum(radius, 1e-9)
    found = {name: power[(period >= a) & (period < b)].sum() for name, (a, b) in BANDS.items()}
    half, low = len(power) // 2, np.abs(frequency) < 0.1
    found["2, axes"] = power[half, low].sum() + power[low, half].sum()
    return found


def agreement(network, originals, pictures):
    """The share of the attributes that the network sees alike in both."""
    with torch.no_grad():
        one, two = (network.logits(to_float(p)) > 0 for p in (originals, pictures))
    return (one == two).float().mean().item()


def two_sample(real, made, held_real, held_made, epochs=4, seed=0):
    """How often a fresh network tells held-out real faces from made ones."""
    torch.manual_seed(seed)
    network = build_classifier(PlainSettings(attributes=("real",), widths=(24, 48, 96, 128)))
    pictures = np.concatenate([real, made])
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(made))])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    steps = epochs * -(-len(pictures) // 64)
    # Without the fall of the rate, how many are told depends on the last steps.
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    network.train()
    for _ in range(epochs):
        for part in torch.randperm(len(pictures)).split(64):
            images = to_float(pictures[part.numpy()])
            if torch.rand(()) < 0.5:
                images = images.flip(3)
            logits = network.logits(images)[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        right = [
            ((network.logits(to_float(held))[:, 0] > 0).float() == label).float().mean().item()
            for held, label in ((held_real, 1.0), (held_made, 0.0))
        ]
    return sum(right) / 2


def means_of(pictures, pixels):
    """Pictures of as many pixels, with the means of squares in place of what is finer."""
    means = nn.functional.avg_pool2d(to_float(pictures), pixels)
    large = nn.functional.interpolate(means, scale_factor=pixels, mode="bilinear")
    return to_uint8(large)


def coarse_error(originals, pictures):
    """Mean squared error of 4×4 means, of 1."""
    one, two = (nn.functional.avg_pool2d(to_float(p), 4) for p in (originals, pictures))
    return (one - two).square().mean().item()


def least_coarse_error(originals, pictures):
    """`coarse_error` once these 4×4 means have 0.9 of the originals' energy at 8 pixels."""
    means = [nn.functional.avg_pool2d(to_float(p), 4) for p in (originals, pictures)]
    power = [torch.fft.fft2(m, norm="forward").abs().square().mean(dim=(0, 1)) for m in means]
    frequency = torch.fft.fftfreq(power[0].shape[0], d=4.0)
    period = 1 / torch.hypot(frequency[:, None], frequency).clamp(min=1e-9)
    shortest, longest = BANDS["8"]
    real, made = (p[(period >= shortest) & (period < longest)].sum().item() for p in power)
    return coarse_error(originals, pictures) + max(0.0, 0.9 * real - made)


def spread(indices, count):
    """At most so many of them, from all over a set that may be of several sources."""
    return indices[np.linspace(0, len(indices) - 1, min(count, len(indices))).astype(int)]


def main(faces, judge, runs, prior, count, train):
    """Print a line of figures for each run."""
    face_set = lik.open_faces(faces)
    test, known = (
        face_set.images[spread(face_set.indices(split), number)]
        for split, number in (("test", count), ("train", train))
    )
    features = classifier_features(Path(judge))
    network = load_attribute_classifier(Path(judge)).network
    real = embed(features, test)
    halves = frechet_distance(real[::2], real[1::2])
    others = face_set.images[spread(face_set.indices("train"), count)]
    to_others = frechet_distance(real, embed(features, others))
    true = energies(spectrum(test))
    print(
        f"{len(test)} test faces; Fréchet distance of two halves of them: {halves:.1f}; of "
        f"{len(others)} training faces: {to_others:.1f}"
    )
    for path in runs:
        run = lik.load(path)
        made, known_made = run.reconstruct(test), run.reconstruct(known)
        draws = [run.sample(len(test), seed, prior=prior).pictures for seed in DRAWS]
        known_drawn = run.sample(len(known), 0, prior=prior).pictures
        distances = [frechet_distance(real, embed(features, draw)) for draw in draws]
        ratios = {name: e / true[name] for name, e in energies(spectrum(made)).items()}
        figures = {
            "Fréchet, reconstructions": frechet_distance(real, embed(features, made)),
            "Fréchet, samples": float(np.mean(distances)),
            **{f"energy at {name}": ratio for name, ratio in ratios.items()},
            "4×4 means": coarse_error(test, made),
            "at least, for 0.9 of energy at 8": least_coarse_error(test, made),
            "SSIM": float(measure_fidelity(run.session, test)["ssim"].mean()),
            "attributes alike": agreement(network, test, made),
            "two-sample, reconstructions": two_sample(known, known_made, test, made),
            "two-sample, samples": two_sample(known, known_drawn, test, draws[0]),
            **{
                f"two-sample, {pixels}×{pixels} means": two_sample(
                    *(means_of(pictures, pixels) for pictures in (known, known_made, test, made))
                )
                for pixels in (4, 8)
            },
        }
        print(run.name)
        for name, value in figures.items():
            print(f"  {name:30s} {value:.4g}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("judge")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--prior")
    parser.add_argument("-n", dest="count", type=int, default=500)
    parser.add_argument("--train", type=int, default=3000)
    main(**vars(parser.parse_args()))
