"""Deal the people of Labeled Faces in the Wild to training, validation and test.

    python benchmarks/split_people.py lfw-deepfunneled.zip people.csv

people.csv, for `lik prepare … --labels people.csv`, has a line `file,split` for each picture. All
pictures of a person lie in one split: a hash of the name decides, 80 % training, 8 % validation,
12 % test.
"""

import argparse
import csv
import hashlib
import zipfile
from pathlib import Path

from people import person_of


def split_of(person):
    """Of all pictures of a person."""
    share = int.from_bytes(hashlib.sha256(person.encode()).digest()[:4], "big") / 2**32
    return "test" if share < 0.12 else "validation" if share < 0.2 else "train"


def main(pictures, out):
    """Write the table."""
    with zipfile.ZipFile(pictures) as archive:
        files = [name for name in archive.namelist() if name.endswith(".jpg")]
    if not all(map(person_of, files)):
        raise SystemExit(f"{pictures} has pictures that lie in no folder of a person.")
    with Path(out).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "split"))
        writer.writerows((file, split_of(person_of(file))) for file in files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures")
    parser.add_argument("out")
    main(**vars(parser.parse_args()))
