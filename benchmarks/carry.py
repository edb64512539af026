"""Bring a face set onto another machine in a quarter of its size: its faces as JPEG of quality 95.

    python benchmarks/carry.py pack FACES OUT.npz [--every 50]
    python benchmarks/carry.py unpack OUT.npz FACES

A pixel moves by 1.4 of 255 in the mean. `unpack` makes a face set that opens and verifies; its hash
is its own. With --every, every so manieth face goes along: enough to rehearse with.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

import lik
from lik.core.artifacts import sha256_of, write_json


def pack(faces, out, every):
    """FACES → OUT.npz."""
    faces = lik.open_faces(faces)
    head, *lines = (faces.path / "index.csv").read_text().splitlines(keepends=True)
    lines, streams = lines[::every], []
    for picture in faces.images[::every]:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=95, subsampling=0)
        streams.append(stream.getvalue())
    np.savez_compressed(
        out,
        streams=np.frombuffer(b"".join(streams), np.uint8), lengths=[len(s) for s in streams],
        description=json.dumps(faces.description | {"kept": len(lines)}),
        index=head + "".join(lines),
    )  # fmt: skip


def unpack(packed, out, every):
    """OUT.npz → FACES."""
    kept, folder = np.load(packed), Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    parts = np.split(kept["streams"], np.cumsum(kept["lengths"])[:-1])
    pictures = [np.asarray(Image.open(io.BytesIO(part.tobytes()))) for part in parts]
    np.save(folder / "images.npy", np.stack(pictures))
    (folder / "index.csv").write_text(str(kept["index"]))
    description = json.loads(str(kept["description"]))
    description["sha256"] = {n: sha256_of(folder / n) for n in ("images.npy", "index.csv")}
    write_json(folder / "faceset.json", description)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("pack", "unpack"))
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    {"pack": pack, "unpack": unpack}[given.what](given.source, given.out, given.every)
