"""Watch the memory of `lik prepare` over a large set: it must not grow with the number of pictures.

    python benchmarks/memory.py ZIP [N]

The pictures of ZIP are repeated until there are N (100,000) of them. Linux only.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path


def main() -> None:
    """Print the resident memory of all processes, the parent's first, as the work goes on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("zip", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=100_000, metavar="n")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.zip"
        repeat(wanted.zip, large, wanted.count)
        watch([sys.executable, "-m", "lik", "prepare", str(large), f"{folder}/set",
               "--crop", "aligned"])  # fmt: skip


def repeat(source: Path, large: Path, count: int) -> None:
    """Write a zip of ``count`` pictures."""
    with zipfile.ZipFile(source) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        pictures = [archive.read(name) for name in names]
    with zipfile.ZipFile(large, "w", zipfile.ZIP_STORED) as archive:
        for index in range(count):
            archive.writestr(f"{index:07d}.jpg", pictures[index % len(pictures)])


def watch(command: list[str]) -> None:
    """Run a command and print what it says, with the memory at that moment."""
    begin, most = time.monotonic(), 0
    job = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said: list[str] = []
    assert job.stderr is not None
    reader = threading.Thread(target=lambda: said.extend(job.stderr or ()), daemon=True)
    reader.start()
    printed = 0
    while job.poll() is None:
        memory = [resident(pid) for pid in [job.pid, *children(job.pid)]]
        most = max(most, sum(memory))
        if len(said) > printed:
            printed = len(said)
            seconds = time.monotonic() - begin
            print(f"{seconds:5.0f} s  parent {memory[0]:4d} MiB, all {sum(memory):4d} MiB  "
                  f"{said[-1].strip()}", flush=True)  # fmt: skip
        time.sleep(0.2)
    print(f"most: {most} MiB, all processes together, memory that they share counted for each")


def children(pid: int) -> list[int]:
    """The processes that a process has begun, and theirs."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found] + [g for child in found for g in children(int(child))]


def resident(pid: int) -> int:
    """Resident memory in MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024
    except (OSError, StopIteration):
        return 0


if __name__ == "__main__":
    main()
