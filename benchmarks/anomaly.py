"""How well each score of `lik anomaly` tells non-faces, spoiled faces and rare traits from faces.

    python benchmarks/anomaly.py RUN FACES [--count 300]

Prints areas under the ROC curve (0.5: chance; below: the score calls them more usual than faces)
as a table in Markdown. Faces are of the test split; pictures are made here, nothing is written.
"""

import argparse

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

import lik
from lik.app.anomaly import open_usual, score_pictures
from lik.app.opened import OpenedRun
from lik.evaluation.anomaly import RECOMMENDED

RARE = ("Eyeglasses", "Wearing_Hat", "Bald", "Goatee", "Blurry", "Heavy_Makeup")
LEAST = 10
"""Faces with a trait, below which it is left out."""


def shapes(random, count, side):
    """Discs and rectangles on one colour."""
    pictures = []
    for _ in range(count):
        picture = np.full((side, side, 3), random.integers(0, 256, 3), np.uint8)
        for _ in range(random.integers(1, 5)):
            colour = tuple(int(v) for v in random.integers(0, 256, 3))
            one, other = (tuple(int(v) for v in random.integers(0, side, 2)) for _ in range(2))
            if random.random() < 0.5:
                cv2.circle(picture, one, int(random.integers(side // 16, side // 3)), colour, -1)
            else:
                cv2.rectangle(picture, one, other, colour, -1)
        pictures.append(picture)
    return np.stack(pictures)


def textures(random, count, side):
    """Coloured noise of one scale, or stripes."""
    pictures = []
    for _ in range(count):
        if random.random() < 0.3:
            y, x = np.mgrid[:side, :side]
            across, down = random.uniform(0.1, 1.5, 2)
            wave = 0.5 + 0.5 * np.sin(across * x + down * y)
            values = wave[:, :, None] * random.random(3)
        else:
            grains = int(random.choice([4, 8, 16, 32, side]))
            noise = random.random((grains, grains, 3)).astype(np.float32)
            values = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
        pictures.append((np.clip(values, 0, 1) * 255).astype(np.uint8))
    return np.stack(pictures)


def shuffled(random, faces, parts=4):
    """Faces whose 4×4 patches are in another order."""
    side = faces.shape[1] // parts
    places = [(i, j) for i in range(parts) for j in range(parts)]
    result = np.empty_like(faces)
    for made, face in zip(result, faces, strict=True):
        for (i, j), k in zip(places, random.permutation(len(places)), strict=True):
            a, b = places[k]
            patch = face[a * side : (a + 1) * side, b * side : (b + 1) * side]
            made[i * side : (i + 1) * side, j * side : (j + 1) * side] = patch
    return result


def others(random, faces, count):
    """Pictures that are no faces, or spoiled ones, by name."""
    side = faces.shape[1]
    std = 3 * side / 64
    flat = random.integers(0, 256, (count, 1, 1, 3)).astype(np.uint8)
    return {
        "drawn shapes": shapes(random, count, side),
        "textures": textures(random, count, side),
        "one colour": np.repeat(np.repeat(flat, side, axis=1), side, axis=2),
        "noise": random.integers(0, 256, (count, side, side, 3)).astype(np.uint8),
        "faces upside down": faces[:, ::-1],
        "faces lying": np.rot90(faces, axes=(1, 2)),
        "faces shifted by a third": np.roll(faces, side // 3, axis=2),
        "patches shuffled": shuffled(random, faces),
        "negatives": 255 - faces,
        "blurred faces": np.stack([cv2.GaussianBlur(face, (0, 0), std) for face in faces]),
    }


def main():
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run")
    arguments.add_argument("faces")
    arguments.add_argument("--count", type=int, default=300)
    given = arguments.parse_args()
    run, faces = OpenedRun(given.run, "cpu"), lik.open_faces(given.faces)
    random = np.random.default_rng(0)
    usual = open_usual(run)
    test = np.sort(random.permutation(faces.indices("test"))[: 2 * given.count])
    scores = score_pictures(run, np.asarray(faces.images[test]), usual)
    names = [RECOMMENDED, *usual.scores]
    print(f"| {len(test)} test faces against |", " | ".join(names), "|")
    print("|---|" + "---|" * len(names))

    def row(label, usual_ones, unusual):
        truth = np.repeat([0, 1], [len(usual_ones[RECOMMENDED]), len(unusual[RECOMMENDED])])
        areas = [
            roc_auc_score(truth, np.concatenate([usual_ones[name], unusual[name]]))
            for name in names
        ]
        print(f"| {label} |", " | ".join(f"{area:.2f}" for area in areas), "|", flush=True)

    for label, pictures in others(
        random, np.asarray(faces.images[test[: given.count]]), given.count
    ).items():
        row(label, scores, score_pictures(run, np.ascontiguousarray(pictures), usual))
    for trait in RARE:
        labels = faces.attributes[test, faces.attribute_names.index(trait)]
        if (labels > 0).sum() >= LEAST:
            having, lacking = (
                {name: values[chosen] for name, values in scores.items()}
                for chosen in (labels > 0, labels <= 0)
            )
            row(f"{trait} ({int((labels > 0).sum())} of them)", lacking, having)


if __name__ == "__main__":
    main()
