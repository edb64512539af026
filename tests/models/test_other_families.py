"""A hierarchical and a vector-quantised family, from training to evaluation, in one file each."""

import subprocess
import sys
from pathlib import Path


def test_families_of_other_codes_need_a_file_and_a_line(faces, tmp_path):
    program = Path(__file__).with_name("other_families.py")
    answer = subprocess.run(
        [sys.executable, str(program), str(faces.path), str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
