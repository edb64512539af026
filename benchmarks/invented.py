"""What a refiner invents, and whether a run remembers faces: two figures and a table.

    python benchmarks/invented.py RUN FACES RECOGNISER docs/images/sharp [--prior faces]

RUN is a sharpened one, RECOGNISER a network of benchmarks/people.py that trained nothing of it.

- OUT-errors.png: over the test faces, the mean error of the base decoding by place, what the
  refiner adds there, and the error of the sharp decoding. A refiner should draw where the base was
  unsure. Maps are means over all faces.
- OUT-nearest.png: how far the nearest training face of 200 samples is, beside that of 200 test
  faces, in pixels (root of the mean square) and to the recogniser (1 − cosine). A run that
  remembers would draw faces nearer to its training faces than fresh faces are.
- On the terminal: of each group of test faces, how far decodings are from the originals.
"""

import argparse

import numpy as np
import torch
from matplotlib import pyplot

import lik
from lik.figures.curves import rendered
from lik.latent.session import decoded_twice
from lik.models.recogniser import Recogniser

GROUPS = ("Male", "Young", "Pale_Skin", "Smiling", "Eyeglasses", "Wearing_Hat")
COUNT = 200


def draw_maps(originals, base, sharp):
    """Three mean maps in one row, on one scale."""
    panels = (
        ("base decoding: error", np.abs(base - originals)),
        ("what the refiner changes", np.abs(sharp - base)),
        ("sharp decoding: error", np.abs(sharp - originals)),
    )
    maps = [values.mean(axis=(0, 3)) for _, values in panels]
    figure, axes = pyplot.subplots(1, 4, figsize=(11, 3.7), width_ratios=(1, 1, 1, 0.05))
    most = max(float(one.max()) for one in maps)
    for axis, (title, _), one in zip(axes[:3], panels, maps, strict=True):
        shown = axis.imshow(one, cmap="magma", vmin=0, vmax=most)
        axis.set_title(f"{title}  ·  mean {one.mean():.3f}", fontsize=10)
        axis.axis("off")
    figure.colorbar(shown, cax=axes[3], label="mean of |difference|, of 1")
    inner = [one[8:-8, 8:-8].ravel() for one in maps[:2]]
    print(
        f"error of the base and what the refiner changes: {np.corrcoef(*inner)[0, 1]:.2f} by place"
    )
    return rendered(figure)


def draw_nearest(panels):
    """Cumulative distributions: title → (of samples, of test faces)."""
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.4))
    for axis, (title, (samples, tests)) in zip(axes, panels.items(), strict=True):
        for values, label, colour in (
            (samples, "samples", "#e07a1f"), (tests, "test faces", "#2a6f97"),
        ):  # fmt: skip
            axis.plot(np.sort(values), np.linspace(0, 1, len(values)), label=label, color=colour)
        axis.set_xlabel(f"nearest training face, {title}")
        axis.spines[["top", "right"]].set_visible(False)
        print(
            f"nearest training face, {title}: samples {np.quantile(samples, (0.05, 0.5)).round(3)},"
            f" test faces {np.quantile(tests, (0.05, 0.5)).round(3)} (5 %, median)"
        )
    axes[0].set_ylabel("share that is nearer")
    axes[0].legend(frameon=False)
    return rendered(figure)


def main(run, faces, recognise, out, prior):
    """Draw both figures and print the table."""
    run, faces, recogniser = lik.load(run), lik.open_faces(faces), Recogniser.load(recognise)
    test, train = faces.indices("test"), faces.indices("train")
    pictures = faces.images[test]
    codes = run.encode(pictures)
    originals = pictures / np.float32(255)
    sharp, base = decoded_twice(run.session, codes)
    if base is not None:
        draw_maps(originals, base, sharp).save(f"{out}-errors.png")
    samples = run.sample(COUNT, seed=1, prior=prior).pictures
    learned, some = faces.images[train], pictures[:: max(1, len(pictures) // COUNT)][:COUNT]
    known = recogniser.embed(learned)
    flat = learned.reshape(len(learned), -1).astype(np.float32) / 255
    squares = (flat**2).sum(axis=1)

    def in_pixels(made):
        rows = made.reshape(len(made), -1).astype(np.float32) / 255
        distance = (rows**2).sum(axis=1)[:, None] + squares - 2 * rows @ flat.T
        return np.sqrt(distance.min(axis=1) / flat.shape[1])

    def to_recogniser(made):
        return 1 - (recogniser.embed(made) @ known.T).max(axis=1)

    panels = {
        "in pixels": (in_pixels(samples), in_pixels(some)),
        "to the recogniser": (to_recogniser(samples), to_recogniser(some)),
    }
    draw_nearest(panels).save(f"{out}-nearest.png")
    made = run.decode(codes)
    person = recogniser.distances(pictures, made) / recogniser.same
    error = np.abs(sharp - originals).mean(axis=(1, 2, 3))
    middle = originals[:, 16:48, 20:44] @ np.array([0.299, 0.587, 0.114], np.float32)
    bright = np.median(middle.reshape(len(middle), -1), axis=1)
    low, high = np.quantile(bright, (0.25, 0.75))
    groups = {"all": np.ones(len(test), bool)}
    for name in GROUPS:
        if name in faces.attribute_names:
            labels = faces.attributes[test, faces.attribute_names.index(name)]
            groups |= {name: labels > 0, f"not {name}": labels < 0}
    groups |= {"darkest quarter": bright < low, "brightest quarter": bright > high}
    print("test faces            number   person   mean error")
    for name, chosen in groups.items():
        print(
            f"{name:20s}  {chosen.sum():6d}   {person[chosen].mean():6.2f}   "
            f"{error[chosen].mean():9.4f}"
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("faces")
    parser.add_argument("recognise", metavar="RECOGNISER")
    parser.add_argument("out")
    parser.add_argument("--prior", default="faces")
    main(**vars(parser.parse_args()))
