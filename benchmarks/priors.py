"""How near the faces drawn from each prior of a run are to real ones, before a judging network.

    python benchmarks/priors.py RUN FACES JUDGE

Fréchet distance (arXiv:1706.08500) of the judge's embeddings, precision and recall
(arXiv:1904.06991, k = 5), once against the test and validation faces, and once against their
reconstructions: a decoder cannot come nearer to the first than its reconstructions do, and what
a prior has to do with it is seen in the second.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from scipy import linalg

import lik
from lik.core.artifacts import sha256_of
from lik.core.pixels import to_float
from lik.latent.saved_priors import load_prior, saved_priors
from lik.models.attributes import load_attribute_network

DRAWN = 2000


def embedded(network, pictures):
    """Pictures uint8 (N, S, S, 3) → embeddings (N, F)."""
    parts = []
    for start in range(0, len(pictures), 100):
        with torch.no_grad():
            parts.append(network.embedding(to_float(pictures[start : start + 100])).numpy())
    return np.concatenate(parts).astype(np.float64)


def frechet(first, second):
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)."""
    shift = first.mean(0) - second.mean(0)
    one, two = np.cov(first.T), np.cov(second.T)
    return shift @ shift + np.trace(one + two - 2 * linalg.sqrtm(one @ two).real)


def precision_recall(real, drawn, k=5):
    """Share of the drawn within reach of the real, and of the real within reach of the drawn."""

    def distances(first, second):
        squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
        return np.sqrt(np.maximum(squares, 0))

    drawn = drawn[: len(real)]
    between = distances(real, drawn)
    reach, other = (np.sort(distances(group, group), axis=1)[:, k] for group in (real, drawn))
    precision = (between <= reach[:, None]).any(axis=0).mean()
    return precision, (between <= other).any(axis=1).mean()


def main(run, faces, judge):
    """Print a line for the standard normal prior, the reconstructions and each fitted prior."""
    session, face_set = lik.load(run), lik.open_faces(faces)
    network = load_attribute_network(Path(judge)).network
    held_out = np.concatenate([face_set.indices("test"), face_set.indices("validation")])
    pictures = face_set.images[held_out]
    references = [embedded(network, p) for p in (pictures, session.reconstruct(pictures))]
    training = face_set.images[face_set.indices("train")[:DRAWN]]
    codes = {"training faces": session.encode(training), "N(0, I)": session.draw(DRAWN)}
    codes["N(0, 0.64 I)"] = session.draw(DRAWN, temperature=0.8)
    weights = sha256_of(Path(run) / "model.safetensors")
    codes |= {
        n: load_prior(Path(run), n, weights).sample(DRAWN, 0) for n in saved_priors(Path(run))
    }
    print("codes            real: distance precision recall   reconstructions: the same")
    for name, drawn in codes.items():
        seen = embedded(network, session.decode(drawn))
        figures = [(frechet(r, seen), *precision_recall(r, seen)) for r in references]
        print(f"{name:16s}", "   ".join("{:7.2f} {:.3f} {:.3f}".format(*f) for f in figures))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:4])
