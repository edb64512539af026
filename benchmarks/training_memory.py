"""Train on a face set twice as large as the memory that is allowed, and from memory beside a map.

    python benchmarks/training_memory.py [--memory MIB] [--faces N] [--folder FOLDER]
    python benchmarks/training_memory.py --speed [--folder FOLDER]

Makes a face set of random pictures of 64 pixels, twice as many bytes as MIB, and trains the first
model on N of its faces, spread over all of it (default: on all), in a memory cgroup of MIB (default
800): resident memory and what is cached of files count together there, as they do on a machine
that has no more. Linux only, and the cgroup must be allowed to be made (as root, or delegated).

--speed reads pictures in memory, and the same ones in a memory map that has been read before, and
trains on both in turn; it prints how fast they are read, and the ratio of the speeds of training.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lik.core.artifacts import sha256_of

SIZE = 64
FACE = SIZE * SIZE * 3
MIB = 2**20


@dataclass(frozen=True)
class Names:
    """What the files of a memory cgroup are called; versions 1 and 2 differ."""

    limit: str
    peak: str
    anonymous: str
    refused: str


VERSION_1 = Names(
    "memory.limit_in_bytes", "memory.max_usage_in_bytes", "total_rss", "memory.failcnt"
)
VERSION_2 = Names("memory.max", "memory.peak", "anon", "memory.events")


class Allowance:
    """A memory cgroup below the one of this process."""

    def __init__(self, limit: int) -> None:
        parent, self.names = own_group()
        self.path = parent / f"lik-{os.getpid()}"
        try:
            self.path.mkdir()
            self.write(self.names.limit, limit)
        except OSError as error:
            sys.exit(f"no memory cgroup can be made here: {error.filename}: {error.strerror}.")

    def write(self, name: str, value: int) -> None:
        (self.path / name).write_text(str(value))

    def join(self) -> None:
        """Move this process into it."""
        self.write("cgroup.procs", os.getpid())

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def anonymous(self) -> int:
        """Bytes of memory that no file stands behind."""
        entries = dict(line.split() for line in self.read("memory.stat").splitlines())
        return int(entries[self.names.anonymous])

    def end(self) -> None:
        self.path.rmdir()


def own_group() -> tuple[Path, Names]:
    """The folder of the memory cgroup that this process is in."""
    root = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return root / "memory" / path.lstrip("/"), VERSION_1
        if number == "0" and (root / "cgroup.controllers").exists():
            return root / path.lstrip("/"), VERSION_2
    sys.exit("there is no memory controller at /sys/fs/cgroup.")


def main() -> None:
    """Print figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory", type=int, default=800, metavar="MIB")
    parser.add_argument("--faces", type=int, metavar="N")
    parser.add_argument("--folder", type=Path, help="for the set, on a disk and not in memory")
    parser.add_argument("--speed", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        if wanted.speed:
            compare_speeds(Path(folder))
        else:
            train_in_little_memory(Path(folder), wanted.memory * MIB, wanted.faces)


def make_set(path: Path, count: int, trained: int) -> None:
    """A face set of random pictures, of which every so-many-th is in the train split."""
    path.mkdir()
    shape = (count, SIZE, SIZE, 3)
    images = np.lib.format.open_memmap(path / "images.npy", "w+", np.uint8, shape)
    random = np.random.default_rng(0)
    for start in range(0, count, 4096):
        part = images[start : start + 4096]
        part[:] = random.integers(0, 256, part.shape, dtype=np.uint8)
    images.flush()
    step = max(1, count // trained)
    with open(path / "index.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "split"])
        writer.writerows((f"{n:07d}", "test" if n % step else "train") for n in range(count))
    description = {
        "format": "lik-faceset", "version": 2, "size": SIZE, "kept": count,
        "crop": {"kind": "whole"}, "attribute_names": [],
        "sha256": {name: sha256_of(path / name) for name in ("images.npy", "index.csv")},
    }  # fmt: skip
    (path / "faceset.json").write_text(json.dumps(description))


def train_in_little_memory(folder: Path, limit: int, faces: int | None) -> None:
    """Run `lik train` within a limit and watch its memory."""
    count = 2 * limit // FACE + 1
    make_set(folder / "set", count, faces or count)
    size = (folder / "set" / "images.npy").stat().st_size
    drop_cached(folder / "set" / "images.npy")
    allowance = Allowance(limit)
    command = [sys.executable, "-m", "lik", "train", "paper-first", str(folder / "set"),
               str(folder / "run"), "epochs=1", "device.compile=false",
               "--device", "cpu"]  # fmt: skip
    began, anonymous = time.monotonic(), 0
    job = subprocess.Popen(command, preexec_fn=allowance.join)
    while job.poll() is None:
        anonymous = max(anonymous, allowance.anonymous())
        time.sleep(0.05)
    peak, refused = (allowance.read(n) for n in (allowance.names.peak, allowance.names.refused))
    allowance.end()
    print(
        f"exit code {job.returncode} after {time.monotonic() - began:.0f} s; set {size / MIB:,.0f} "
        f"MiB, allowed {limit / MIB:,.0f} MiB; most at once: anonymous {anonymous / MIB:,.0f} MiB, "
        f"all {int(peak) / MIB:,.0f} MiB; limit reached: {' '.join(refused.split())}"
    )
    sys.exit(job.returncode)


def drop_cached(path: Path) -> None:
    """Let go of what is cached of a file: it would count for whoever read it first."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compare_speeds(folder: Path, rounds: int = 3, count: int = 32_768) -> None:
    """Train in turn from memory and from a map."""
    import torch

    from lik.app.machine import measure_speed
    from lik.training.batches import Batches

    make_set(folder / "set", count, count)
    mapped = np.load(folder / "set" / "images.npy", mmap_mode="r")
    in_memory = torch.from_numpy(np.array(mapped))
    for name, pictures in (("memory", in_memory), ("map", mapped), ("memory", in_memory)):
        batches = Batches(pictures, np.arange(count), 64, torch.device("cpu"))
        began = time.process_time()
        steps = sum(1 for _ in batches.epoch(0))
        spent = 1000 * (time.process_time() - began) / steps
        print(f"reading from {name}: {spent:.2f} ms of the processor a batch of 64", flush=True)
    ratios = []
    for number in range(rounds):
        memory, disk = (
            measure_speed(torch.device("cpu"), 10.0, pictures).images_per_second
            for pictures in (in_memory, mapped)
        )
        ratios.append(disk / memory)
        print(
            f"round {number + 1}: in memory {memory:,.0f}, mapped {disk:,.0f} images/s", flush=True
        )
    print(f"mapped is {100 * statistics.median(ratios):.0f} % of in memory (median)")


if __name__ == "__main__":
    main()
