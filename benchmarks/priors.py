"""How near the faces drawn from each prior of a run are to real ones, before a judging network.

    python benchmarks/priors.py RUN FACES JUDGE
    python benchmarks/priors.py RUN FACES JUDGE --splits validation --temperatures 1 1.1 1.2

Fréchet distance (arXiv:1706.08500) of the judge's embeddings, precision and recall
(arXiv:1904.06991, k = 5), once against the test and validation faces, and once against their
reconstructions: a decoder cannot come nearer to the first than its reconstructions do, and what
a prior has to do with it is seen in the second. Codes of fitted priors lie so many times as far
from their centre as `--temperatures` say: what is best on validation faces is the `--spread` to
fit with.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import lik
from lik.app.sampling import code_source
from lik.evaluation.networks import classifier_features, embed
from lik.evaluation.sets import frechet_distance, precision_recall
from lik.latent.priors import saved_priors
from sharpness import spread

DRAWN, NEIGHBOURS = 2000, 5


def compared(real, drawn):
    """Fréchet distance of all, precision and recall of as many as there are real ones."""
    found = precision_recall(real, drawn[: len(real)], NEIGHBOURS)
    return frechet_distance(real, drawn), found.precision, found.recall


def main(run, faces, judge, splits, temperatures):
    """Print a line for the standard normal prior, the reconstructions and each fitted prior."""
    run, face_set = lik.load(run), lik.open_faces(faces)
    network = classifier_features(Path(judge))
    held_out = np.concatenate([face_set.indices(split) for split in splits])
    pictures = face_set.images[held_out]
    references = [embed(network, p) for p in (pictures, run.reconstruct(pictures))]
    training = face_set.images[spread(face_set.indices("train"), DRAWN)]
    codes = {"training faces": run.encode(training)}
    for std in (1.0, 0.8):
        codes[f"N(0, {std**2:.2g} I)"] = code_source(run, temperature=std)(DRAWN, 0)
    for name in saved_priors(run.path):
        for times in temperatures:
            codes[f"{name}, {times:g}"] = code_source(run, name, times)(DRAWN, 0)
    print("codes            real: distance precision recall   reconstructions: the same")
    for name, drawn in codes.items():
        seen = embed(network, run.decode(drawn))
        figures = [compared(r, seen) for r in references]
        print(f"{name:16s}", "   ".join("{:7.2f} {:.3f} {:.3f}".format(*f) for f in figures))


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("run", "faces", "judge"):
        parser.add_argument(name)
    parser.add_argument("--splits", nargs="+", default=["test", "validation"])
    parser.add_argument("--temperatures", nargs="+", type=float, default=[1.0])
    main(**vars(parser.parse_args()))
