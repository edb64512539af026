"""lik export hub: a run as a folder for the Hugging Face hub, and onto it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lik.app.hub import Upload, prepare_upload
from lik.app.hub_folder import HubFolder, export_hub, folder_of
from lik.app.run import Run as OpenRun
from lik.cli.options import Run, flag, option, required
from lik.cli.output import note, progress, say
from lik.core.errors import FailedOnTheWay, UnusableInput


def export_hub_(
    run: Run,
    out: Annotated[str, required("The folder to write.", "OUT")],
    push: str | None = option(
        None, "Upload it as OWNER/NAME, after a question.", "OWNER/NAME", "--push"
    ),
    private: bool = flag("--private", "Upload it for its owner alone to see."),
    yes: bool = flag("--yes", "Upload it without a question."),
    licence: str | None = option(
        None,
        "Under what terms the run is passed on, in a word or a sentence (default: those of its "
        "pictures, where they are known).",
        "TEXT",
        "--licence",
        "--license",
    ),
) -> None:
    r"""Write a run with a card and ONNX files, for the hub; needs pip install 'lik-vae\[hub,onnx]'.

    Paths, the journal and figures of people stay here. An OUT of this run that is there already is
    uploaded as it is. Others open it by hf://OWNER/NAME.

    Example: lik export hub runs/first first-for-others --push me/first
    """
    if push is None and (private or yes):
        raise UnusableInput("--private and --yes go with --push OWNER/NAME.")
    upload = None if push is None else prepare_upload(push, private)
    if upload is not None and not (yes or sys.stdin.isatty()):
        raise UnusableInput("nobody can be asked here before something is uploaded: give --yes.")
    opened = OpenRun(run, "cpu", notify=note)
    repository = None if upload is None else upload.name.repository
    folder = folder_of(opened, out, repository) if upload and Path(out).exists() else None
    if folder is None:
        with progress() as step:
            folder = export_hub(opened, out, repository, licence, step, note)
        say(f"{folder.path}  ({len(folder.manifest.files)} files, {folder.bytes / 1e6:.1f} MB)")
    if upload is not None:
        _push(folder, upload, yes)


def _push(folder: HubFolder, upload: Upload, yes: bool) -> None:
    who = "for its owner alone to see" if upload.private else "for everybody to see"
    note(
        f"{folder.path} goes to {upload.address}, {who}: {folder.contents}, "
        f"{folder.bytes / 1e6:.1f} MB in all."
    )
    if not yes and not typer.confirm("Upload it?", err=True):
        raise FailedOnTheWay(f"nothing is uploaded; the folder stays at {folder.path}.")
    say(upload.push(folder.path))
