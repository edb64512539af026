"""lik export onnx: encoder and decoder as ONNX files."""

from enum import StrEnum
from typing import Annotated

from lik.app.exporting import export_networks
from lik.app.opened import OpenedRun
from lik.cli.options import Run, option, required
from lik.cli.output import note, progress, say


class WeightKind(StrEnum):
    """How weights lie in the files."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


def export_onnx(
    run: Run,
    out: Annotated[str, required("The folder to write.", "OUT")],
    weights: WeightKind = option(
        WeightKind.float32,
        "How weights are kept: float16 takes half of the space, int8 a quarter. What is computed "
        "is float32 always.",
    ),
) -> None:
    r"""Write encoder and decoder as ONNX files, compared with PyTorch's, and the directions.

    Needs pip install 'lik-vae\[onnx]'. The files say themselves what goes in and what comes out.

    Example: lik export onnx faces networks/ --weights float16
    """
    with progress() as step:
        done = export_networks(OpenedRun(run, "cpu", notify=note), out, weights.value, step, note)
    for name, file in done.files.items():
        check = done.checks[name]
        say(f"{file}  {len(check.content) / 1e6:.1f} MB, off from PyTorch's by {check.largest:.1g}")
        if rounding := check.rounding:
            say(
                f"  weights as {weights.value}: off by {rounding.mean:.2g} {rounding.unit} in the "
                f"mean, {rounding.largest:.2g} at most"
            )
    if done.directions:
        file, sets = done.directions
        say(f"{file}  directions: {', '.join(sets)}")
