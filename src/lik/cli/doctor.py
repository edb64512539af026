"""lik doctor: what this machine has of what Lik can use."""

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from lik.cli.options import Device, Json, Threads
from lik.cli.output import note, say, say_json

Findings = dict[str, dict[str, str]]

PACKAGES = ("lik-vae", "torch", "numpy", "opencv-python-headless", "pillow", "pydantic")
EXTRAS = {
    "keras": "h5py",
    "onnx": "onnxscript",
    "parquet": "pyarrow",
    "ray": "ray",
    "tensorboard": "tensorboard",
}


SECONDS = 10.0
"""How long the speed of training is measured, after a warm-up."""


def doctor(
    speed: Annotated[
        bool,
        typer.Option(
            "--speed/--no-speed", help="Train the first model for ten seconds, after a warm-up."
        ),
    ] = True,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Say which versions, processors and model files Lik finds, and how fast it trains here.

    Exit code 1 where something is broken that Lik needs.

    Example: lik doctor --no-speed --json
    """
    from lik.core.device import choose_device

    where = choose_device(device, threads)
    findings, broken = _findings()
    if not as_json:
        _show(findings)
    told: dict[str, Any] = dict(findings)
    if speed:
        note(f"Training the paper's first model for {SECONDS:.0f} seconds, after a warm-up …")
        entries, told["speed"], works = _speed(where)
        broken = broken or not works
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


def _speed(device: Any) -> tuple[dict[str, str], dict[str, Any], bool]:
    """How fast training is: for people, for programs, and whether it works at all."""
    from lik.training.trial import PAPER_EPOCHS, PAPER_FACES, try_training

    try:
        trial = try_training(device, SECONDS)
    except Exception as error:  # a doctor says what is broken, whatever it is
        reason = (str(error).splitlines() or [""])[0]
        failure = f"broken: training failed ({type(error).__name__}: {reason})"
        return {"first model": failure}, {"failure": failure}, False
    return (
        {
            "first model": f"{trial.images_per_second:,.0f} images/s in training, after "
            f"{trial.warm_up:.0f} s of warming up",
            "on": trial.how,
            "the paper's training": f"about {_duration(trial.expected)} for {PAPER_EPOCHS} epochs "
            f"of {PAPER_FACES:,} faces",
        },
        {
            "images_per_second": round(trial.images_per_second, 1),
            "warm_up_seconds": round(trial.warm_up, 1),
            "how": trial.how,
            "paper_training": {
                "epochs": PAPER_EPOCHS, "faces": PAPER_FACES, "seconds": round(trial.expected)
            },
        },
        True,
    )  # fmt: skip


def _duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _findings() -> tuple[Findings, bool]:
    """Everything found, by heading and name; and whether something needed is broken."""
    files, broken = _model_files()
    return {
        "versions": {"python": platform.python_version()}
        | {name: _installed(name) for name in PACKAGES},
        "extras": {name: _extra(name, module) for name, module in EXTRAS.items()},
        "machine": _machine(),
        "finding faces": files,
    }, broken


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _extra(name: str, module: str) -> str:
    if importlib.util.find_spec(module):
        return "installed"
    return f"not installed (pip install 'lik-vae[{name}]')"


def _machine() -> dict[str, str]:
    import torch

    from lik.core.acceleration import compiler, has_fast_bfloat16

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(cores),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "fast bfloat16": "yes" if has_fast_bfloat16(torch.device("cpu")) else "no",
        **_gpus(),
        "C++ compiler": compiler() or "none: without it, training is not compiled and slower",
    }


def _processor() -> str:
    """The name of the processor, which Python itself does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _gpus() -> dict[str, str]:
    """Each GPU with its memory and abilities."""
    import torch

    from lik.core.acceleration import has_fast_bfloat16

    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = f" (its build is for CUDA {built})" if built else " (its build is for CPUs only)"
        return {"GPU": f"none that PyTorch sees{why}"}
    found = {}
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        fast = "" if has_fast_bfloat16(torch.device("cuda", index)) else "no "
        found[f"GPU {index}"] = (
            f"{about.name}, {about.total_memory / 2**30:.0f} GiB, compute capability "
            f"{about.major}.{about.minor}, {fast}fast bfloat16, CUDA {torch.version.cuda}"
        )
    return found


def _model_files() -> tuple[dict[str, str], bool]:
    """What `lik prepare` finds faces with: cascade, alignment network, YuNet."""
    import numpy as np

    from lik.core.errors import UnusableInput
    from lik.faces.detect import yunet
    from lik.faces.detect.cascade import CASCADE, PLAIN_STAGES, boxes_of
    from lik.faces.detect.eyes import CUT, EyeNetwork

    def tried(work: Any) -> tuple[str, bool]:
        try:
            return work(), False
        except UnusableInput as error:
            return f"broken: {error}", True

    def cascade() -> str:
        boxes_of(np.zeros((64, 64), np.uint8), PLAIN_STAGES[0])
        return "found"

    def network() -> str:
        shipped = EyeNetwork()
        shipped.find(np.zeros((CUT, CUT), np.uint8))
        return f"found, SHA-256 {shipped.sha256[:12]}…"

    def detector() -> str:
        path = yunet.find_model()
        if path:
            return f"found at {path}: --crop aligned uses it"
        places = " or ".join(str(place) for place in yunet.places())
        named = "" if os.environ.get(yunet.VARIABLE) else f", or where {yunet.VARIABLE} says"
        return f"not found (looked for at {places}{named}); the alignment network serves instead"

    found = {CASCADE: tried(cascade), "alignment network": tried(network), "YuNet": tried(detector)}
    return {name: text for name, (text, _) in found.items()}, any(bad for _, bad in found.values())
