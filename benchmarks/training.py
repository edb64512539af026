"""Time training beside pythae, Keras and a plain PyTorch loop, in turn, on the same faces.

    python benchmarks/training.py [FACES] [--peers PYTHON] [--models first second] [--rounds 5]
    python benchmarks/training.py [FACES] [--peers PYTHON] --busy 1
    python benchmarks/training.py [FACES] --device cuda

FACES is a face set, or ``drawn:N`` (default drawn:9216). PYTHON is the interpreter of an
environment with benchmarks/peers.txt; what it cannot import is left out, with a note.

Each contestant is a process that stays warm. First all train the same number of steps, after which
their loss on held-out faces is measured (equation 1 of the paper, in nats, the same noise for all):
a fast wrong run does not count. Then they train in turn, one at a time, for some rounds; images per
second are medians over the rounds. On a CUDA device it is the paper's whole training that is timed,
15 epochs of 104,861 faces for the first model, of Lik and of the plain loop. What must be built or
compiled first is in the time of the whole training, and not in that of the rounds.

With ``--busy N`` every round is done once more beside N processes that do nothing but compute, as
somebody else's work on the same machine. ``threads`` is Lik without workers.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from lik.core.pixels import Pictures
from lik.faces.crop.cropping import WholeCrop
from lik.faces.io.sources import open_source
from lik.faces.set.extraction import Plan
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import prepare

CONTESTANTS = Path(__file__).with_name("contestants") / "process.py"
BATCH, SIZE, HELD_OUT = 64, 64, 1024
LATENT = {"first": 128, "second": 100}
PAPER_FACES, PAPER_EPOCHS = 104_861, {"first": 15, "second": 10}


class Process:
    """A contestant, or in ``missing`` why there is none."""

    def __init__(self, name: str, python: str, model: str, folder: Path, device: str) -> None:
        self.name = name
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [python, str(CONTESTANTS), name, model, str(folder), device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        about = self._answer()
        self.missing: str | None = about.get("missing")
        self.versions, self.precision = about.get("versions"), about.get("precision")
        self.speeds: list[float] = []
        self.busy_speeds: list[float] = []
        self.loss = float("nan")

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin
        print(command, file=self.process.stdin, flush=True)
        return self._answer()

    def speed(self, seconds: float) -> float:
        """Images per second of some more epochs."""
        done = self.ask(f"seconds {seconds}")
        return float(done["images"] / done["seconds"])

    def end(self) -> None:
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            sys.exit(f"{self.name} has failed:\n{self.log.read().decode()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", nargs="?", default="drawn:9216")
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--models", nargs="+", choices=LATENT, default=list(LATENT))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15, help="of a round, at the least")
    parser.add_argument("--epochs", type=int, default=4, help="before the losses are compared")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="processes beside it")
    parser.add_argument("--device", default="cpu")
    loop = "of the plain loop on a GPU, 2 or more (default: all)"
    parser.add_argument("--loop-epochs", type=int, metavar="N", help=loop)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = faces_of(wanted.faces, Path(folder))
        print(f"{wanted.faces}; {hardware(wanted.device)}", flush=True)
        for model in wanted.models:
            if wanted.device == "cpu":
                compare(model, pictures, Path(folder), wanted)
            else:
                whole_training(model, pictures, Path(folder), wanted)


def faces_of(text: str, folder: Path) -> Pictures:
    """The faces of a set, or drawn ones, uint8 (N, S, S, 3), in an order without meaning."""
    if text.startswith("drawn:"):
        prepare(open_source(text, SIZE), folder / "faces", Plan(WholeCrop(), SIZE))
        text = str(folder / "faces")
    faces = FaceSet.open(text).images
    if len(faces) < HELD_OUT + BATCH:
        sys.exit(f"{text} has {len(faces):,} faces: {HELD_OUT + BATCH:,} are needed.")
    return np.ascontiguousarray(faces[np.random.default_rng(0).permutation(len(faces))])


def hardware(device: str) -> str:
    """The processor, and how many of it may be used."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{processor()}, {cores} cores"
    if device != "cpu":
        import torch

        text = f"{torch.cuda.get_device_name()}, {text}"
    return text


def processor() -> str:
    """The name of the processor, with its abilities in bfloat16."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (s.partition(":") for s in lines)}
    able = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in facts.get("flags", "").split()]
    return " ".join([facts.get("model name", platform.machine()), *able])


def give_faces(folder: Path, train: Pictures, test: Pictures, model: str) -> None:
    """Lay down what contestants read; whole batches only, so that all do the same work."""
    noise = np.random.default_rng(1).standard_normal((len(test), LATENT[model]), np.float32)
    for name, array in (("train", train), ("test", test), ("noise", noise)):
        np.save(folder / f"{name}.npy", array)


def compare(model: str, pictures: Pictures, folder: Path, wanted: argparse.Namespace) -> None:
    """Print the table of one model."""
    test, train = np.split(pictures, [HELD_OUT])
    train = train[: len(train) // BATCH * BATCH]
    give_faces(folder, train, test, model)
    steps = wanted.epochs * len(train) // BATCH
    print(
        f"\nThe {model} model, batch {BATCH}, {len(train):,} faces; the loss on {len(test):,} "
        f"held-out ones after {steps:,} steps",
        flush=True,
    )
    here = dict.fromkeys(("lik", "threads", "eager"), sys.executable)
    there = {"pythae": wanted.peers, "keras": wanted.peers} if wanted.peers else {}
    if not there:
        print("pythae and keras are left out: --peers names no interpreter")
    processes = []
    for name, python in (here | there).items():
        process = Process(name, python, model, folder, wanted.device)
        if process.missing is None:
            process.ask(f"epochs {wanted.epochs}")
            process.loss = process.ask("test")["loss"]
            processes.append(process)
            print(f"{name} is warm", file=sys.stderr, flush=True)
        else:
            print(f"{name} is left out: {process.missing}")
    for _ in range(wanted.rounds):
        for process in processes:
            process.speeds.append(process.speed(wanted.seconds))
        for process in processes if wanted.busy else ():
            with neighbours(wanted.busy):
                process.busy_speeds.append(process.speed(wanted.seconds))
        last = (f"{p.name} {p.speeds[-1]:,.0f} {p.busy_speeds[-1:] or ''}" for p in processes)
        print("; ".join(last), file=sys.stderr, flush=True)
    for process in processes:
        process.end()
    print_table(processes)


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """That many processes, each of which keeps a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def print_table(processes: list[Process]) -> None:
    """One row each; ratios are medians of what the rounds gave, each round by itself."""
    ours = processes[0]
    busy = bool(ours.busy_speeds)
    heads = f"{'busy':>7} {'(rounds)':>15} {'kept':>5}  {'Lik is':>7} " if busy else ""
    print(
        f"{'':8} {'images/s':>9} {'(rounds)':>15}  {'Lik is':>7} {heads}{'loss':>8}  "
        "precision; versions"
    )
    for process in processes:
        row = [f"{process.name:8}", *_speeds(ours.speeds, process.speeds)]
        if busy:
            kept = statistics.median(process.busy_speeds) / statistics.median(process.speeds)
            speeds, ratio = _speeds(ours.busy_speeds, process.busy_speeds)
            row += [speeds, f"{100 * kept:3.0f} %", ratio]
        row += [f"{process.loss:8.2f} ", f"{process.precision}; {process.versions}"]
        print(" ".join(row), flush=True)


def _speeds(ours: list[float], speeds: list[float]) -> tuple[str, str]:
    """The median with the rounds' range, and how many times as fast we were."""
    ratio = statistics.median(a / b for a, b in zip(ours, speeds, strict=True))
    spread = f"{min(speeds):,.0f}–{max(speeds):,.0f}"
    return f"{statistics.median(speeds):9,.0f} {spread:>15} ", f"{ratio:6.2f}×"


def whole_training(
    model: str, pictures: Pictures, folder: Path, wanted: argparse.Namespace
) -> None:
    """Time all the steps of the paper's training from a fresh process on."""
    test, few = np.split(pictures, [HELD_OUT])
    give_faces(folder, np.resize(few, (PAPER_FACES, *few.shape[1:])), test, model)
    whole = PAPER_EPOCHS[model]
    print(
        f"\nThe {model} model, batch {BATCH}: {whole} epochs of {PAPER_FACES:,} faces; losses on "
        f"{len(test):,} held-out ones",
        flush=True,
    )
    for name in ("lik", "eager"):
        epochs = whole if name == "lik" else min(whole, max(2, wanted.loop_epochs or whole))
        process = Process(name, sys.executable, model, folder, wanted.device)
        first = process.ask("epochs 1")
        early = process.ask("test")["loss"]
        rest = process.ask(f"epochs {epochs - 1}")
        late = process.ask("test")["loss"]
        process.end()
        seconds = first["seconds"] + rest["seconds"] / (epochs - 1) * (whole - 1)
        how = "" if epochs == whole else f" (of which {epochs} epochs were trained)"
        print(
            f"{name:8} {seconds:8.1f} s{how}, the first epoch {first['seconds']:.1f} s; then "
            f"{rest['images'] / rest['seconds']:,.0f} images/s; loss {early:.2f} after one epoch, "
            f"{late:.2f} after {epochs}; {process.precision}; {process.versions}",
            flush=True,
        )


if __name__ == "__main__":
    main()
