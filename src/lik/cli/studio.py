"""lik studio: edit faces in the browser."""

import os
import sys
import threading
import webbrowser
from importlib.util import find_spec

from lik.app.run_search import folders_at, runs_at
from lik.cli.options import Device, argument, flag, option
from lik.cli.output import note, say
from lik.core.errors import UnusableInput


def studio(
    runs: list[str] | None = argument(
        None,
        "Runs, names of those that ship, or folders of runs.",
        "RUN",
        show_default="faces, which ships with Lik",
    ),
    host: str = option("127.0.0.1", "Where to listen; another than this one serves a network."),
    port: int = option(0, "The port.", "PORT", min=0, max=65535, show_default="a free one"),
    no_browser: bool = flag("--no-browser", "Open no browser; the address is printed."),
    device: Device = "auto",
    threads: int = option(
        1, "Processor threads of the model; one is the quickest for single faces.", "N", min=1
    ),
) -> None:
    """Edit faces in the browser: sliders for traits, on photographs and on new faces.

    Photographs stay on this computer. Ctrl-C ends it.

    Example: lik studio

    Your own runs, also those that are being trained: lik studio runs
    """
    if not all(map(find_spec, ("fastapi", "uvicorn", "websockets"))):
        raise UnusableInput("the studio needs a web server: pip install 'lik-vae[studio]'.")
    places = runs_at(runs or [], note)
    from lik.studio.server import Doorway, loader, serve  # what it needs is not always there

    doorway = Doorway.open(host, port)
    if doorway.network is not None:
        note(
            f"{doorway.network} serves a network: photographs that others edit leave their "
            "computers for this one, unencrypted; cuts of their faces stay in its memory. Whoever "
            "has the address can use it."
        )

    def started() -> None:
        say(doorway.address)
        if not no_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(doorway.address,), daemon=True).start()

    watched = folders_at(runs or [])
    serve(doorway, loader(places, device, threads, doorway.network, watched), started)


def _has_screen() -> bool:
    """Whether a browser has a window to open: one in this terminal would take it away."""
    elsewhere = sys.platform in ("darwin", "win32")
    return elsewhere or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
