import subprocess
import sys

import lik


def test_the_public_surface_is_small():
    assert lik.__all__ == [
        "Edit",
        "FaceSet",
        "FailedOnTheWay",
        "Run",
        "UnusableInput",
        "evaluate",
        "load",
        "open_faces",
        "prepare",
        "train",
    ]
    assert all(hasattr(lik, name) for name in lik.__all__)


def test_help_loads_nothing_heavy():
    """`lik --help` answers at once because these stay out of it."""
    program = (
        "import sys, lik.cli.main\n"
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'cv2', 'PIL', 'numpy', 'pydantic') "
        "if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_preparing_needs_no_torch():
    program = (
        "import sys, lik.faces.set.preparation, lik.faces.io.sources; print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr


def test_torchvision_is_imported_nowhere():
    from pathlib import Path

    sources = Path(lik.__file__).parent.rglob("*.py")
    assert not [file for file in sources if "import torchvision" in file.read_text()]
