"""The command `lik`: its verbs, loaded when they are called; errors become sentences here."""

import os
import sys
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lik.cli.output import note, say
from lik.core.errors import FailedOnTheWay, UnusableInput

VERBS = {
    "prepare": "Find and crop the faces of pictures: pictures → face set.",
    "merge": "Put the shards of one preparation together.",
    "inspect": "Show what is in a face set.",
    "train": "Train a model on a face set.",
    "sharpen": "Train a refiner upon a run's decoder: sharp faces from the same codes.",
    "runs": "List the runs below a folder, with their curves.",
    "train-aligner": "Train the network that finds the eyes.",
    "train-classifier": "Train a network that tells the attributes of a face.",
    "reconstruct": "Draw reconstructions under their originals.",
    "generate": "Draw new faces.",
    "edit": "Edit photographs: more or less of a trait.",
    "traverse": "Draw strips in which one trait or dimension changes step by step.",
    "morph": "Morph between faces: a strip, a square, or a film.",
    "studio": "Edit faces in the browser, with sliders.",
    "export": "Write a run for others: ONNX files, a folder for the hub, a page.",
    "average": "Draw the mean face.",
    "map": "Draw where faces lie in the latent space.",
    "anomaly": "Tell which pictures are unlike the faces that a run learned from.",
    "compress": "Write faces as a few dozen bytes each.",
    "expand": "Give back the faces of a compressed file.",
    "evaluate": "Measure runs: loss, likeness, sets of faces, likelihood.",
    "fit-directions": "Fit directions in latent space and keep them beside the run.",
    "fit-prior": "Fit what the codes of faces are like, for better draws.",
    "benchmark-edits": "Measure what edits of one trait do besides.",
    "likeness": "Show distortions of equal error and unequal likeness.",
    "import-keras": "Take over weights from Keras archives as a run.",
    "models": "List what can be trained.",
    "recipes": "List the recipes that come with Lik.",
    "doctor": "Say what this machine has, and how fast it trains.",
    "demo": "Go the whole way in a few minutes, with a page that explains it.",
}
"""The verbs, in the order of the work, with what `lik --help` says of each."""

GROUPS = {
    "export": {
        "onnx": "Write encoder and decoder as ONNX files.",
        "hub": "Write a folder with a card for the Hugging Face hub, and upload it.",
        "page": "Write a page that edits faces in the browser, without a server.",
    },
}
"""Verbs that have verbs of their own."""

REMEDIES = {
    "eyes": "(--eyes X,Y,X,Y).",
    "shown eyes": "If there is one, lik edit --eyes X,Y,X,Y edits it.",
    "faces": "(--faces FACES)",
    "classifier": "(--classifier NET, made by lik train-classifier)",
    "licence": "(--licence TEXT)",
    "run": "(--run RUN)",
    "calibration": "(lik fit-directions RUN --classifier NET)",
    "network": "(--classifier NET, made by lik train-classifier)",
}
"""What an error may need → how it is given here."""


class _LazyGroup(TyperGroup):
    """Verbs that are loaded when they are called; ``of``: the verb that they belong to."""

    of = ""

    @property
    def verbs(self) -> dict[str, str]:
        """The names of the verbs, with a line of help each."""
        return GROUPS[self.of] if self.of else VERBS

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in that only knows its name and its line of help."""
        help = self.verbs.get(cmd_name)
        return None if help is None else TyperCommand(cmd_name, help=help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = {name: self.get_command(ctx, name) for name in self.verbs}  # to suggest
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, None if stand_in is None else _loaded(str(stand_in.name), self.of), rest


class _Verbs(_LazyGroup):
    """The verbs of `lik`; errors become one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UnusableInput as error:
            _complain(" ".join(filter(None, [str(error), REMEDIES.get(error.needs or "")])))
            raise typer.Exit(2) from None
        except FailedOnTheWay as error:
            _complain(str(error))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            note("lik: interrupted.")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise  # the reader has enough: Typer ends without a word
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            note("lik: there is not enough memory for this: ask for less at once (batch_size=…).")
            raise typer.Exit(1) from None
        except OSError as error:
            note(f"lik: {error.filename or 'a file'}: {error.strerror or error}.")
            raise typer.Exit(1) from None


def _loaded(verb: str, of: str = "") -> Any:
    """The command of a verb: the function in the module of its name, which may end in _."""
    if verb in GROUPS and not of:
        return _group(verb)
    stem = f"{of} {verb}".strip().replace("-", "_").replace(" ", "_")
    module = import_module(f"lik.cli.{stem}")
    function = getattr(module, f"{stem}_", None) or getattr(module, stem)
    alone = typer.Typer(add_completion=False, context_settings=CONTEXT)
    alone.command(verb)(function)
    return typer.main.get_command(alone)


def _group(verb: str) -> Any:
    """The command of a verb that has verbs of its own."""
    kind = type("_Group", (_LazyGroup,), {"of": verb})
    group = typer.Typer(
        cls=kind, no_args_is_help=True, add_completion=False, context_settings=CONTEXT,
    )  # fmt: skip
    group.callback(help=VERBS[verb])(lambda: None)
    return typer.main.get_command(group)


def _out_of_memory(error: Exception) -> bool:
    """PyTorch reports it as a plain RuntimeError on processors, and a kind of it on GPUs."""
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _complain(sentence: str) -> None:
    """Say what is wrong, once: of several processes that train together, the first one says it."""
    if os.environ.get("RANK", "0") == "0":
        note(f"lik: {sentence}")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"lik {version_of('lik-vae')}")
        raise typer.Exit


@app.callback()
def lik(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Learn a latent space from pictures of faces, see it, measure it, steer it.

    pictures → lik prepare → face set → lik train → run → reconstruct, generate, edit, map.

    Begin with: lik demo
    """


def main() -> None:
    """Run the command; ``LIK_DEBUG=1`` shows the trace of an error that nobody foresaw."""
    for stream in (sys.stdout, sys.stderr):  # a terminal without UTF-8 gets ? where it lacks a sign
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except Exception as error:
        if os.environ.get("LIK_DEBUG"):
            raise
        note(f"lik: unforeseen {type(error).__name__}: {error} (LIK_DEBUG=1 shows where).")
        sys.exit(1)
