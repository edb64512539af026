"""Effects of traits, or discriminants: what else moves, and how far the person does.

    python benchmarks/discriminants.py RUN FACES CLASSIFIER RECOGNISER

Directions (Σ + εI)^(−p) b are fitted on the training faces of FACES for several powers p: 0 is the
effect b of a trait, 1 its linear discriminant. Faces step along each, away from their side, by the
same length, until CLASSIFIER sees 80 % flipped, as `lik benchmark-edits` does it. Its leakage is
printed there, and how far RECOGNISER (benchmarks/people.py) sees people move (1 − cosine), both in
decodings.
"""

import argparse

import numpy as np
import torch

import lik
from lik.app.benchmark import Benchmark, BenchmarkRequest
from lik.app.selection import Selection
from lik.core.events import no_notices, no_progress
from lik.evaluation.edit_metrics import at_success, away, sweep
from lik.latent.directions.direction import stepped
from lik.latent.directions.methods import joint_discriminants
from lik.models.recogniser import Recogniser

LENGTHS = (1, 1.5, 2, 2.5, 3, 3.75, 4.5, 5.5, 7, 9, 12)
FLIPPED = 0.8


def main(run, faces, classifier, recogniser, split, count, powers, attributes):
    """Print the table."""
    run, people = lik.load(run), Recogniser.load(recogniser)
    request = BenchmarkRequest(
        classifier, methods=(), attributes=attributes, selection=Selection(split, count=count),
        faces=faces,
    )  # fmt: skip
    measured = Benchmark(run, request, no_progress, no_notices)
    train = measured.faces.indices("train")
    learned = measured.faces.attribute_names, run.encode(measured.faces.images[train])
    labels, decoded = measured.faces.attributes[train], run.decode(measured.codes)
    found = {
        power: {one.name: one.vector for one in joint_discriminants(*learned, labels, power)}
        for power in powers
    }
    for name in attributes:
        target = measured.classifier.network.attributes.index(name)
        signs = away(measured.before.logits[:, target])
        for power, directions in found.items():
            unit = np.outer(signs, directions[name] / np.linalg.norm(directions[name]))
            moved = ((length, stepped(measured.codes, length * unit)) for length in LENGTHS)
            change = at_success(
                sweep(measured.seen, moved, measured.before, target, measured.std, None, FLIPPED),
                FLIPPED,
            )
            told = f"flips less than {FLIPPED:.0%}"
            if change:
                pictures = run.decode(stepped(measured.codes, change.strength * unit))
                far = people.distances(decoded, pictures).mean()
                told = f"length {change.strength:5.2f}  leakage {change.leakage:.3f}  "
                told += f"person {far:.3f}"
            print(f"{name:20s} power {power:4g}  {told}", flush=True)


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
