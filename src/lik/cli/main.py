"""The command `lik`: one verb a file; here they come together, and here errors become sentences."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lik.cli import (
    average,
    change,
    demo,
    doctor,
    evaluate,
    evaluate_changes,
    fit_directions,
    fit_prior,
    generate,
    import_keras,
    inspect,
    likeness,
    map,
    merge,
    models,
    morph,
    prepare,
    recipes,
    reconstruct,
    runs,
    train,
    train_aligner,
    train_features,
)
from lik.cli.terminal import note, say
from lik.core.errors import FailedOnTheWay, UnusableInput


class _Verbs(TyperGroup):
    """The verbs, in the order of the work; errors become one sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UnusableInput as error:
            _complain(str(error))
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


def _out_of_memory(error: Exception) -> bool:
    """PyTorch reports it as a plain RuntimeError on processors, and a kind of it on GPUs."""
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _complain(sentence: str) -> None:
    """Say what is wrong, once: of several processes that train together, the first one says it."""
    if os.environ.get("RANK", "0") == "0":
        note(f"lik: {sentence}")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"lik {version('lik-vae')}")
        raise typer.Exit


@app.callback()
def lik(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Learn a latent space from pictures of faces, see it, measure it, steer it.

    pictures → lik prepare → face set → lik train → run → reconstruct, generate, change, map.

    Begin with: lik demo
    """


app.command("prepare")(prepare.prepare)
app.command("merge")(merge.merge)
app.command("inspect")(inspect.inspect)
app.command("train")(train.train)
app.command("runs")(runs.runs)
app.command("train-aligner")(train_aligner.train_aligner)
app.command("train-features")(train_features.train_features)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("generate")(generate.generate)
app.command("change")(change.change)
app.command("morph")(morph.morph)
app.command("average")(average.average)
app.command("map")(map.map_)
app.command("evaluate")(evaluate.evaluate)
app.command("fit-directions")(fit_directions.fit_directions)
app.command("fit-prior")(fit_prior.fit_prior)
app.command("evaluate-changes")(evaluate_changes.evaluate_changes)
app.command("likeness")(likeness.likeness)
app.command("import-keras")(import_keras.import_keras_)
app.command("models")(models.models)
app.command("recipes")(recipes.recipes)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command; ``LIK_DEBUG=1`` shows the trace of an error that nobody foresaw."""
    try:
        app()
    except Exception as error:
        if os.environ.get("LIK_DEBUG"):
            raise
        note(f"lik: unforeseen {type(error).__name__}: {error} (LIK_DEBUG=1 shows where).")
        sys.exit(1)
