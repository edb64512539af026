"""Whether a decoding is still the same person, to a recogniser that trained nothing of it.

    python benchmarks/identity.py FACES RECOGNISER RUN... [--steps 0 20 40] [-n 300]

FACES is a set with people (see benchmarks/people.py), whose test split nothing has seen. One
picture of each of 300 people is decoded from the encoder's code, and from codes that were fitted in
so many steps. How often is the own original the nearest of all 300, and how far is it (1 − cosine)?
Each share is also told for the two halves of the people.

A decoding has the light, the pose and the background of its original too, which helps there. So
the stricter question is told beside it, of the people who have two photographs: how often is the
*other* photograph of the person the nearest of all of these, and how far; for the originals
themselves, and for decodings of them.
"""

import argparse

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


def nearest(made, targets):
    """How often the own target is the nearest, face by face, and the mean distance to it."""
    cosines = made @ targets.T
    right = cosines.argmax(axis=1) == np.arange(len(targets))
    return right, 1 - np.diag(cosines).mean()


def main(faces, recognise, runs, steps, count):
    """Print a line for each run and number of steps."""
    face_set, embed = lik.open_faces(faces), Recogniser.load(recognise).embed
    ones, pairs = first_and_second(face_set)
    originals = face_set.images[np.sort(ones[:count])]
    one, other = (face_set.images[pairs[:, side]] for side in (0, 1))
    own, theirs = embed(originals), embed(other)
    right, distance = nearest(embed(one), theirs)
    apart = 1 - (own @ own.T)[~np.eye(len(own), dtype=bool)].mean()
    print(f"{len(own)} people, {apart:.3f} apart; {len(pairs)} with another photograph")
    print("run                     steps   own original (halves)    distance    other photograph")
    print(f"{'originals themselves':31s}{'':35s}{100 * right.mean():4.0f} % at {distance:.3f}")
    for path in runs:
        run = lik.load(path)
        for number in steps:
            made = [run.decode(run.encode(p, invert=number)) for p in (originals, one)]
            right, distance = nearest(embed(made[0]), own)
            halves = " ".join(f"{100 * right[side::2].mean():.0f}" for side in (0, 1))
            found, far = nearest(embed(made[1]), theirs)
            print(
                f"{run.name:22s}  {number:5d}   {100 * right.mean():4.0f} % ({halves}) "
                f"{distance:18.3f}    {100 * found.mean():4.0f} % at {far:.3f}", flush=True,
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
