"""lik doctor: what this machine has of what Lik can use."""

from typing import Any

import typer

from lik.app.machine import Findings, TrainingSpeed, examine_machine, measure_speed
from lik.cli.options import Device, Json, Threads, option
from lik.cli.output import note, say, say_json
from lik.core.errors import UnusableInput

SECONDS = 10.0
"""How long the speed of training is measured, after a warm-up."""


def doctor(
    speed: bool = option(
        True, "Train the first model for ten seconds, after a warm-up.", None, "--speed/--no-speed"
    ),
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Say which versions, processors and model files Lik finds, and how fast it trains here.

    Exit code 1 where something is broken that Lik needs.

    Example: lik doctor --no-speed --json
    """
    findings, broken = examine_machine()
    told: dict[str, Any] = dict(findings)
    if not as_json:
        _show(findings)
    if speed:
        note(f"Training the paper's first model for {SECONDS:.0f} seconds, after a warm-up …")
        try:
            measured = measure_speed(device, SECONDS, threads=threads)
        except UnusableInput:  # no such device
            raise
        except Exception as error:  # a doctor says what is broken, whatever it is
            reason = (str(error).splitlines() or [""])[0]
            failure = f"broken: training failed ({type(error).__name__}: {reason})"
            entries, told["speed"], broken = {"first model": failure}, {"failure": failure}, True
        else:
            entries, told["speed"] = _in_words(measured), _in_plain_values(measured)
        if not as_json:
            _show({"speed": entries})
    if as_json:
        say_json(told)
    if broken:
        raise typer.Exit(1)


def _show(findings: Findings) -> None:
    for heading, entries in findings.items():
        say(heading)
        width = max(map(len, entries))
        for name, value in entries.items():
            say(f"  {name:<{width}}  {value}")


def _in_words(speed: TrainingSpeed) -> dict[str, str]:
    return {
        "first model": f"{speed.images_per_second:,.0f} images/s in training, after "
        f"{speed.warm_up:.0f} s of warming up",
        "on": speed.how,
        "the paper's training": f"about {_duration(speed.paper_seconds)} for {speed.paper_epochs} "
        f"epochs of {speed.paper_faces:,} faces",
    }


def _in_plain_values(speed: TrainingSpeed) -> dict[str, Any]:
    return {
        "images_per_second": round(speed.images_per_second, 1),
        "warm_up_seconds": round(speed.warm_up, 1),
        "how": speed.how,
        "paper_training": {
            "epochs": speed.paper_epochs,
            "faces": speed.paper_faces,
            "seconds": round(speed.paper_seconds),
        },
    }


def _duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
