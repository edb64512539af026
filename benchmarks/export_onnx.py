"""Sizes, errors and times of a run as ONNX files, beside PyTorch.

    python benchmarks/export_onnx.py [RUN]

For each kind of weights: what `lik export onnx` writes and says of it, and the time in which ONNX
Runtime loads the decoder, decodes one face and 64 at once, and encodes one, on one thread; in the
same run, what PyTorch takes. Times are medians of what the processor took, so that what else it
does counts less.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import get_args

import onnxruntime
import torch

from lik.app.exporting import export_networks
from lik.app.opened import OpenedRun
from lik.core.pixels import to_float
from lik.export.checking import open_onnx
from lik.export.onnx import Weights

FACES = 64


def milliseconds(work, most=2.0):
    """The median time of the processor in which ``work`` is done, tried for ``most`` seconds."""
    work()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < most or len(times) < 5:
        before = time.process_time()
        work()
        times.append(1000 * (time.process_time() - before))
    return median(times)


def times_of(decode, encode, codes, images):
    """Decoding one face and all, and encoding one, in milliseconds."""
    return [
        milliseconds(lambda: decode(codes[:1])),
        milliseconds(lambda: decode(codes)),
        milliseconds(lambda: encode(images[:1])),
    ]


def through_torch(function):
    """A function of tensors, as one of arrays."""

    def through(array):
        with torch.inference_mode():
            return function(torch.from_numpy(array))

    return through


def main() -> None:
    """Print a line for PyTorch, and some for each kind of weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?")
    run = OpenedRun(parser.parse_args().run, "cpu", threads=1)
    torch.set_num_threads(1)
    model, codes = run.session.model, run.session.draw(FACES, seed=1)
    images = to_float(run.session.decode(codes)).numpy()
    print(
        f"{run.name}: one thread; PyTorch {torch.__version__}, ONNX Runtime "
        f"{onnxruntime.__version__}, {platform.processor() or platform.machine()}"
    )

    def line(name, load, times):
        one, many, encoded = times
        print(
            f"{name:8} load {load:>5} ms  decode 1: {one:6.2f} ms  {FACES}: {many:6.0f} ms "
            f"({many / FACES:.2f} a face)  encode 1: {encoded:5.2f} ms"
        )

    line("PyTorch", "–", times_of(
        through_torch(model.decode), through_torch(lambda batch: model.encode(batch).mean),
        codes, images,
    ))  # fmt: skip
    for weights in get_args(Weights):
        with tempfile.TemporaryDirectory() as place:
            done = export_networks(run, Path(place) / "networks", weights)
            contents = {name: file.read_bytes() for name, file in done.files.items()}
        sessions = {name: open_onnx(content) for name, content in contents.items()}
        load = f"{milliseconds(lambda: open_onnx(contents['decoder']), 0.5):.0f}"  # noqa: B023
        line(weights, load, times_of(
            lambda batch: sessions["decoder"].run(None, {"codes": batch}),  # noqa: B023
            lambda batch: sessions["encoder"].run(["means"], {"images": batch}),  # noqa: B023
            codes, images,
        ))  # fmt: skip
        for name, check in done.checks.items():
            error = check.rounding
            print(
                f"    {name}: {len(check.content) / 1e6:.2f} MB, off by {check.largest:.1e}"
                + (
                    f"; rounded, by {error.mean:.2g} {error.unit} in the mean, {error.largest:.2g} "
                    "at most" if error else ""
                )
            )  # fmt: skip


if __name__ == "__main__":
    main()
