"""lik export page: a page that edits faces in the browser, without a server."""

import shlex
from typing import Annotated

from lik.app.page_exporting import export_page as write_page
from lik.app.run import Run as OpenRun
from lik.cli.options import Run, flag, required
from lik.cli.output import progress, say


def export_page(
    run: Run,
    out: Annotated[str, required("The folder to write; with --single, a file .html.", "OUT")],
    single: bool = flag("--single", "Write one HTML file, which opens without a web server."),
) -> None:
    r"""Write a page that edits faces in the browser; needs pip install 'lik-vae\[onnx]'.

    Example: lik export page faces page/, and then python -m http.server -d page
    """
    with progress() as step:
        page = write_page(OpenRun(run, "cpu"), out, single, step)
    say(f"{page.path}  ({page.size / 1e6:.1f} MB, weights as {page.weights})")
    errors = f"decodings differ from the run's by {page.decoding_error:.0e} of 1 at most"
    if page.encoding_error is not None:
        errors += f", codes of pictures by {page.encoding_error:.0e} σ"
    say(f"{errors}.")
    if not single:
        say(f"python -m http.server -d {shlex.quote(str(page.path))}  shows it.")
