"""lik export onnx: encoder and decoder as ONNX files."""

from typing import Annotated

from lik.app.exporting import export_networks
from lik.app.run import Run as OpenRun
from lik.cli.options import Run, required
from lik.cli.output import note, say


def export_onnx(
    run: Run,
    out: Annotated[str, required("The folder to write.", "OUT")],
) -> None:
    r"""Write encoder and decoder as ONNX files; needs pip install 'lik-vae\[onnx]'.

    Example: lik export onnx faces networks/
    """
    for name, file in export_networks(OpenRun(run, notify=note), out).items():
        say(f"{file}  ({name}, {file.stat().st_size / 1e6:.1f} MB)")
