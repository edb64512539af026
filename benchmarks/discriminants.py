"""Effects of traits, or discriminants: what else moves, and how far the person does.

    python benchmarks/discriminants.py RUN FACES CLASSIFIER RECOGNISER

Directions (Σ + εI)^(−p) b are fitted on the training faces of FACES for several powers p: 0 is the
effect b of a trait, 1 its linear discriminant. All faces step along each
away from their side, by the same length, until CLASSIFIER sees 80 % flipped. Then the mean movement
of the other logits (in their σ over real faces), and how far RECOGNISER (benchmarks/people.py) sees
people move (1 − cosine), are printed, both in decodings.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import lik
from lik.latent.directions.direction import stepped
from lik.latent.directions.methods import joint_discriminants
from lik.latent.session import logits_of_pictures
from lik.models.classifier import load_attribute_classifier
from lik.models.recogniser import Recogniser

LENGTHS = (1, 1.5, 2, 2.5, 3, 3.75, 4.5, 5.5, 7, 9, 12)
FLIPPED = 0.8


def main(run, faces, classifier, recogniser, split, count, powers, attributes):
    """Print the table."""
    run, faces = lik.load(run), lik.open_faces(faces)
    network = load_attribute_classifier(Path(classifier)).network
    embed = Recogniser.load(recogniser).embed

    def seen(pictures):
        return logits_of_pictures(network, pictures, torch.device("cpu"))

    train = faces.indices("train")
    scale = seen(faces.images[train[:1000]]).std(axis=0)
    codes, labels = run.encode(faces.images[train]), faces.attributes[train]
    found = {
        power: {one.name: one.vector for one in joint_discriminants(
            faces.attribute_names, codes, labels, power
        )}
        for power in powers
    }  # fmt: skip
    chosen = faces.indices(split)
    chosen = chosen[~np.isnan(faces.attributes[chosen]).all(axis=1)][:count]
    starts = run.encode(faces.images[chosen])
    decoded = run.decode(starts)
    before, people = seen(decoded), embed(decoded)
    for name in attributes:
        column = network.attributes.index(name)
        others = np.arange(before.shape[1]) != column
        signs = -np.sign(before[:, column])
        for power, directions in found.items():
            unit = directions[name] / np.linalg.norm(directions[name])
            rows = [(0.0, 0.0, 0.0, 0.0)]
            for length in LENGTHS:
                pictures = run.decode(stepped(starts, np.outer(signs * length, unit)))
                after = seen(pictures)
                moved = np.abs(after - before)[:, others] / scale[others]
                far = 1 - (embed(pictures) * people).sum(axis=1)
                share = (after[:, column] * signs > 0).mean()
                rows.append((share, length, moved.mean(), far.mean()))
                if share >= FLIPPED:
                    break
            if share >= FLIPPED:
                before_it, after_it = np.array(rows[-2:])
                part = (FLIPPED - before_it[0]) / (after_it[0] - before_it[0])
                row = before_it + part * (after_it - before_it)
            else:
                row = max(rows)  # not reached: where it comes nearest
            share, length, leaks, far = row
            print(
                f"{name:20s} power {power:4g}  flipped {share:4.0%}  "
                f"length {length:5.2f}  leakage {leaks:.3f}  person {far:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("run", "faces", "classifier", "recogniser"):
        parser.add_argument(name)
    parser.add_argument("--split", default="test")
    parser.add_argument("-n", dest="count", type=int, default=200)
    parser.add_argument("--powers", type=float, nargs="+", default=[0, 0.25, 0.5, 0.75, 1])
    parser.add_argument(
        "--attributes", nargs="+", default=["Smiling", "Male", "Young", "Eyeglasses"]
    )
    main(**vars(parser.parse_args()))
