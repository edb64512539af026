"""Where and with what a run was made, so that it can be understood years later."""

import platform
import subprocess
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from lik.core.run_folder import FORMAT, VERSION


def environment(faces: dict[str, Any]) -> dict[str, Any]:
    """Versions and hardware, beside the description of the face set."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "faces": faces,
        "lik": installed("lik-vae"),
        "commit": commit_of(Path(__file__).parents[1]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": installed("numpy"),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def commit_of(package: Path) -> str | None:
    """The commit of Lik's own source, where the package lies in a checkout as src/lik.

    Elsewhere, such as in an environment inside of somebody's repository, git would name a commit
    that has nothing to do with Lik.
    """

    def git(*arguments: str) -> str:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=package, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
        return answer.stdout.strip()

    with suppress(OSError, subprocess.SubprocessError):
        if git("rev-parse", "--show-prefix") == "src/lik/":
            return git("describe", "--always", "--dirty", "--abbrev=12")
    return None


def installed(package: str) -> str:
    """The version of a package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
