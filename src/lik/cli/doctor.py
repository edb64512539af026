"""lik doctor: what this machine has of what Lik can use."""

import importlib.util
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer

from lik.cli.terminal import Json, say, say_json

PACKAGES = ("lik-vae", "torch", "numpy", "opencv-python-headless", "pillow", "pydantic")
EXTRAS = {
    "keras": "h5py",
    "onnx": "onnxscript",
    "parquet": "pyarrow",
    "ray": "ray",
    "tensorboard": "tensorboard",
}


def doctor(as_json: Json = False) -> None:
    """Say which versions, processors and model files Lik finds, and what is missing.

    Exit code 1 where something is broken that Lik needs.

    Example: lik doctor --json
    """
    findings, broken = _findings()
    if as_json:
        say_json(findings)
    else:
        for heading, entries in findings.items():
            say(heading)
            width = max(map(len, entries))
            for name, value in entries.items():
                say(f"  {name:<{width}}  {value}")
    if broken:
        raise typer.Exit(1)


def _findings() -> tuple[dict[str, dict[str, str]], bool]:
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

    compiler = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none that PyTorch sees"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "cores": str(cores),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "GPU": gpu,
        "C++ compiler": compiler or "none",
    }


def _model_files() -> tuple[dict[str, str], bool]:
    """What `lik prepare` finds faces with: cascade, alignment network, YuNet."""
    import numpy as np

    from lik.core.errors import UnusableInput
    from lik.faces import yunet
    from lik.faces.detection import CASCADE, PLAIN_STAGES, boxes_of
    from lik.faces.eyes import CUT, EyeNetwork

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
