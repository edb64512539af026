"""Whether a decoding is still the same person, to a recogniser that trained nothing of it.

    python benchmarks/identity.py FACES RECOGNISER RUN... [--steps 0 20 40] [-n 300]

FACES is a set with people (see benchmarks/people.py), whose test split nothing has seen; one
picture of each of 300 people is decoded from the encoder's code, and from codes that were fitted
in so many steps. How often is the own original the nearest of all 300, and how far is it? Beside
it: the mirror image, another photograph of the same person, and other people. Each share is also
told for the two halves of the people.
"""

import argparse
import time

import numpy as np
import torch

import lik
from lik.models.recogniser import Recogniser
from people import person_of


def first_and_second(face_set):
    """Indices of one picture of each test person, and of pairs of a person who has two."""
    by_person = {}
    for index in face_set.indices("test"):
        person = person_of(str(face_set.names[index]))
        if person:
            by_person.setdefault(person, []).append(index)
    order = sorted(by_person)
    np.random.default_rng(0).shuffle(order)
    ones = np.array([by_person[person][0] for person in order])
    pairs = np.array([by_person[person][:2] for person in order if len(by_person[person]) > 1])
    return ones, pairs


def main(faces, recognise, runs, steps, count):
    """Print a line for each run and number of steps."""
    face_set, embed = lik.open_faces(faces), Recogniser.load(recognise).embed
    ones, pairs = first_and_second(face_set)
    originals = face_set.images[np.sort(ones[:count])]
    own = embed(originals)
    others = 1 - (own @ own.T)[~np.eye(len(own), dtype=bool)].mean()
    one, two = (embed(face_set.images[pairs[:, side]]) for side in (0, 1))
    print(
        f"{len(own)} people; distance to the mirror image "
        f"{1 - (own * embed(originals[:, :, ::-1])).sum(axis=1).mean():.3f}, to another photograph "
        f"of the person {1 - (one * two).sum(axis=1).mean():.3f} ({len(pairs)} pairs), to others "
        f"{others:.3f}"
    )
    print("run                     steps   nearest (halves)      distance   |z|    s/face")
    for path in runs:
        run = lik.load(path)
        for number in steps:
            start = time.perf_counter()
            codes = run.encode(originals, invert=number)
            taken = (time.perf_counter() - start) / len(codes)
            cosines = embed(run.decode(codes)) @ own.T
            right = cosines.argmax(axis=1) == np.arange(len(own))
            halves = " ".join(f"{100 * right[side::2].mean():.0f}" for side in (0, 1))
            print(
                f"{run.name:22s}  {number:5d}   {100 * right.mean():4.0f} % ({halves})       "
                f"{1 - np.diag(cosines).mean():8.3f}  {np.linalg.norm(codes, axis=1).mean():5.2f}"
                f"  {taken:6.3f}", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("recognise", metavar="RECOGNISER")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 20, 40])
    parser.add_argument("-n", dest="count", type=int, default=300)
    main(**vars(parser.parse_args()))
