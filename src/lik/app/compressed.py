"""What compressing faces gives, and what expanding them does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lik.app.selection import Shown
from lik.core.artifacts import replacing, require_room, whole_folder
from lik.core.batched import slices
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures, to_float
from lik.core.tables import ShownAsTable, Table
from lik.figures.grids import Row, sheet
from lik.figures.png import Drawn, png_bytes
from lik.latent.session import Codes
from lik.objectives.reconstruction import sse

SHOWN = 10
"""Faces on the sheet."""
AT_ONCE = 256
"""Faces that are compared together."""


@dataclass(frozen=True, repr=False)
class Compressed(ShownAsTable):
    """Faces and the bytes that they became.

    Attributes:
        content: the file. shown: the faces. expanded: what is made of the bytes, (N, S, S, 3).
        code_bits, exact_bits: what the tables say that each code, and each residual, should cost,
            (N,); no residuals where nothing is kept exactly.
        coded: bytes of codes and residuals together, without head, names and checksums.
    """

    run: str
    content: bytes
    shown: Shown
    expanded: Pictures
    code_bits: NDArray[np.float64]
    exact_bits: NDArray[np.float64] | None
    coded: int

    @property
    def metrics(self) -> dict[str, Any]:
        """How large it is, and how like the faces; PSNR is None where nothing is lost."""
        count, bits = len(self.shown.pictures), self.code_bits
        whole = bits if self.exact_bits is None else bits + self.exact_bits
        found = {
            "faces": count,
            "bytes": len(self.content),
            "bytes_per_face": len(self.content) / count,
            "coded_bytes_per_face": self.coded / count,
            "entropy_bytes_per_face": float(whole.mean()) / 8,
            "psnr": None if self.exact_bits is not None else float(psnr(*self._pair).mean()),
        }
        if self.exact_bits is not None:
            values = self.shown.pictures[0].size
            found["bits_per_dimension"] = 8 * self.coded / count / values
        return found

    def tables(self) -> Sequence[Table]:
        told = self.metrics
        rows = [
            ("faces", f"{told['faces']:,}"),
            ("file", f"{told['bytes']:,} bytes"),
            ("a face", f"{told['bytes_per_face']:,.1f} bytes"),
            ("of that coded", f"{told['coded_bytes_per_face']:,.1f} bytes"),
            ("entropy", f"{told['entropy_bytes_per_face']:,.1f} bytes"),
        ]
        if self.exact_bits is None:
            rows.append(("PSNR", f"{told['psnr']:.2f} dB"))
        else:
            rows.append(("bits", f"{told['bits_per_dimension']:.3f} per dimension"))
        return [Table(rows)]

    def save(self, path: str | Path) -> Path:
        """Write the file, whole or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(self.content)
        return Path(path)

    def draw(self) -> Drawn:
        """Draw the first faces, and what the file gives back."""
        rows = [
            Row(self.shown.pictures[:SHOWN], "original", captions=self.shown.names[:SHOWN]),
            Row(self.expanded[:SHOWN], "expanded"),
        ]
        told = self.metrics
        said = (
            f"{self.shown.description}, {told['coded_bytes_per_face']:,.1f} bytes each besides "
            "what the file has once."
        )
        image = sheet(rows, f"Faces as bytes, by the run “{self.run}”", said, tile=96)
        return Drawn(image, "compressed.png", {"expanded": self.expanded}, self.run)

    @property
    def _pair(self) -> tuple[Pictures, Pictures]:
        return self.shown.pictures, self.expanded


@dataclass(frozen=True, repr=False)
class Expanded(ShownAsTable):
    """What a file gave back.

    Attributes:
        run: the run that made them. pictures: uint8 (N, S, S, 3). codes: (N, D).
        names: as they are written, each a stem of its own.
        size: bytes of the file. bits: what its codes should cost, (N,).
        lossless: whether the pictures are the very faces.
    """

    run: str
    pictures: Pictures
    codes: Codes
    names: Sequence[str]
    size: int
    bits: NDArray[np.float64]
    lossless: bool

    @property
    def metrics(self) -> dict[str, Any]:
        """How large it was."""
        count = len(self.pictures)
        return {
            "run": self.run,
            "faces": count,
            "lossless": self.lossless,
            "bytes": self.size,
            "bytes_per_face": self.size / count,
            "code_entropy_bytes_per_face": float(self.bits.mean()) / 8,
        }

    def tables(self) -> Sequence[Table]:
        told = self.metrics
        return [
            Table(
                [
                    ("faces", f"{told['faces']:,}, {'exact' if self.lossless else 'decoded'}"),
                    ("by", self.run),
                    ("file", f"{told['bytes']:,} bytes"),
                    ("a face", f"{told['bytes_per_face']:,.1f} bytes"),
                    ("entropy of codes", f"{told['code_entropy_bytes_per_face']:,.1f} bytes"),
                ]
            )
        ]

    def save(self, folder: str | Path) -> Path:
        """Write each as PNG into a folder, which is there as a whole or not at all.

        Raises:
            UnusableInput: the folder exists, and holds something.
        """
        folder = Path(folder)
        require_free(folder)
        with whole_folder(folder) as part:
            for name, picture in zip(self.names, self.pictures, strict=True):
                made_by = None if self.lossless else self.run
                data = png_bytes(Image.fromarray(picture), command=None, run=made_by)
                (part / f"{name}.png").write_bytes(data)
        return folder


def require_free(folder: Path) -> None:
    """See, before the work, that pictures can be written into a new folder.

    Raises:
        UnusableInput: something is there, or nothing may be written.
    """
    require_room(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UnusableInput(f"{folder} exists already, and nothing is overwritten: name another.")


def psnr(first: Pictures, second: Pictures) -> NDArray[np.float64]:
    """Peak signal to noise of each picture, in dB, (N,)."""
    pairs = [(first[part], second[part]) for part in slices(len(first), AT_ONCE)]
    found = [sse(*map(to_float, pair)).numpy() for pair in pairs]
    errors = np.concatenate(found).astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(first[0].size / errors))
