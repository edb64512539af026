"""Teach a network to tell people apart, beside the attributes of faces.

    python benchmarks/people.py FACES OUT --half A --start networks/train     # for features
    python benchmarks/people.py FACES OUT --half B --model attributes-plain   # for judging

FACES is a set of CelebA (with its attributes) and of Labeled Faces in the Wild, whose pictures lie
in folders of people's names: `lik prepare celeba/ lfw.zip FACES --crop aligned --labels SPLIT.csv`,
with every person's pictures in one split (benchmarks/split_people.py). Half of the training people
(A or B, by a hash of the name) are told apart by a softmax of cosines with a margin
(arXiv:1801.07698); the network that is left is an attribute classifier
of Lik, whose embedding knows people. Its accuracy is told on people
of the other splits: the area under the curve of same against different, and how often the nearest
other picture is of the same person.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional as F  # noqa: N812

import lik
from lik.core.device import choose_device
from lik.core.pixels import to_float
from lik.models.classifier import (
    LoadedClassifier,
    PlainSettings,
    ResidualSettings,
    build_classifier,
    load_attribute_classifier,
)
from lik.models.recogniser import Recogniser
from lik.models.saved import save_model
from lik.objectives.augmentation import NUMBERS, AugmentationSettings, augment
from lik.objectives.classification import cross_entropy, over_known
from lik.training.classifier import as_labels
from lik.training.step import MovingAverage

MARGIN, SCALE, BATCH = 0.25, 24.0, 64
WEIGHT = 0.15
"""Of telling people apart, against telling attributes."""
AUGMENTATION = AugmentationSettings(
    angle=5, zoom=0.06, shift=0.03, contrast=0.15, light=0.08, colour=0.03
)


def person_of(name):
    """The person of a picture in a folder of that name; none for CelebA."""
    parts = name.split("/")
    return parts[-2] if len(parts) > 2 else ""


def half_of(person):
    """A or B."""
    return "A" if hashlib.sha256(f"half{person}".encode()).digest()[0] < 128 else "B"


def opened(start, model, attributes):
    """The network to begin with, and its settings."""
    kind = PlainSettings if model == "attributes-plain" else ResidualSettings
    if start is None:
        settings = kind(attributes=attributes)
        return build_classifier(settings), settings
    network = load_attribute_classifier(Path(start)).network.requires_grad_(True)
    return network, kind(attributes=network.attributes)


def verification(recogniser, faces, chosen, people):
    """Area under the curve of pairs, how often the nearest is of the same, how far those are."""
    unit = recogniser.embed(faces.images[chosen])
    cosines = unit @ unit.T
    same = people[:, None] == people[None]
    pairs = np.triu_indices(len(people), 1)
    area = roc_auc_score(same[pairs], cosines[pairs])
    np.fill_diagonal(cosines, -1)
    several = same.sum(axis=1) > 1
    nearest = (people[cosines.argmax(axis=1)] == people)[several].mean()
    return area, nearest, 1 - cosines[pairs][same[pairs]].mean()


def main(faces, out, half, start, model, epochs, seed):
    """Train, save, and say how well people are told apart."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    face_set = lik.open_faces(faces)
    people = np.array([person_of(str(name)) for name in face_set.names])
    training = face_set.splits == "train"
    mine = np.flatnonzero([bool(p) and half_of(p) == half for p in people] & training)
    others = np.flatnonzero((people == "") & training)
    names, number = np.unique(people[mine], return_inverse=True)
    often = np.bincount(number)[number]
    chance = np.where(often > 1, 1.0, 0.5) / np.sqrt(often)
    chance /= chance.sum()
    network, settings = opened(start, model, face_set.attribute_names)
    columns = [face_set.attribute_names.index(name) for name in settings.attributes]
    labels = torch.from_numpy(as_labels(face_set.attributes)[:, columns])
    device = choose_device("auto")
    network.to(device)
    neck = nn.BatchNorm1d(settings.widths[-1], affine=False).to(device)
    classes = nn.Parameter((0.05 * torch.randn(len(names), settings.widths[-1])).to(device))
    optimizer = torch.optim.Adam([*network.train().parameters(), classes], betas=(0.9, 0.99))
    average = MovingAverage(network, 0.995)
    count = min(BATCH, len(mine), len(others))
    steps, rate = epochs * max(1, len(mine) // count), 2e-3 if start is None else 1e-3
    for step in range(steps):
        for group in optimizer.param_groups:
            rising = min(1.0, (step + 1) / 100)
            group["lr"] = rate * rising * (1 + np.cos(np.pi * step / steps)) / 2
        chosen = np.sort(rng.choice(len(mine), count, replace=False, p=chance))
        beside = np.sort(rng.choice(others, count, replace=False))
        images = torch.cat([to_float(face_set.images[p]) for p in (mine[chosen], beside)])
        mirrored = torch.rand(len(images)) < 0.5
        images[mirrored] = images[mirrored].flip(3)
        images = augment(images, torch.randn(len(images), NUMBERS), AUGMENTATION)
        images = images.to(device, memory_format=torch.channels_last)
        embedded = network.embedding(images)
        cosines = F.normalize(neck(embedded[:count]), dim=1) @ F.normalize(classes, dim=1).T
        target = torch.from_numpy(number[chosen]).to(device)
        margin = MARGIN * min(1.0, 4 * step / steps) * F.one_hot(target, len(names))
        told = F.cross_entropy(SCALE * (cosines - margin), target, label_smoothing=0.05)
        known = labels[beside].to(device)
        seen = over_known(cross_entropy(network.head(embedded[count:]), known), known).mean()
        optimizer.zero_grad()
        (WEIGHT * told + seen).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        average.update(network)
        if step % 100 == 99:
            print(f"{step + 1} of {steps}: people {told:.2f}, attributes {seen:.3f}", flush=True)
    metadata = {
        "what": f"an attribute classifier that tells people of half {half} apart",
        "crop": face_set.crop, "epochs": epochs, "step": steps,
        "neck_mean": neck.running_mean.tolist(), "neck_var": neck.running_var.tolist(),
    }  # fmt: skip
    recogniser = Recogniser(LoadedClassifier(average.model, metadata, ""))
    known = people != ""
    tuned = np.flatnonzero(known & (face_set.splits == "validation"))
    metadata["same_person"] = float(verification(recogniser, face_set, tuned, people[tuned])[2])
    save_model(Path(out) / "model.safetensors", average.model, settings, metadata)
    held = np.flatnonzero(known & ~training)
    area, nearest, _ = verification(recogniser, face_set, held, people[held])
    print(f"people of no half: area under the curve {area:.3f}, nearest is the same {nearest:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("out")
    parser.add_argument("--half", choices=("A", "B"), default="A")
    parser.add_argument("--start")
    parser.add_argument("--model", default="attributes-residual")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
