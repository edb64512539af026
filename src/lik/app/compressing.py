"""Faces in a few dozen bytes each, by a run: compressing and expanding them."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from lik.app.compressed import Compressed, Expanded
from lik.app.kept import read_kept
from lik.app.opened import OpenedRun
from lik.app.pretrained import shipped
from lik.app.selection import Selection, open_given
from lik.core.artifacts import file_stem
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import Notify, Progress, no_notices, no_progress
from lik.core.pixels import Pictures
from lik.latent.compression.codebook import CompressionTables, load_tables, save_tables
from lik.latent.compression.coding import DAMAGED, decode, encode
from lik.latent.compression.container import (
    CHECK_BYTES,
    MOST_FACES,
    PackedFaces,
    model_bytes,
    pack,
    unpack,
)
from lik.latent.compression.exactly import exact_decodings
from lik.latent.compression.levels import Level, Symbols, nearest_level
from lik.latent.compression.quantising import fit_levels, quantise
from lik.latent.compression.residuals import ResidualLikelihood, fit_likelihood
from lik.latent.session import Codes, Session

FILE = "compression.safetensors"
"""Where a run keeps the tables that faces are compressed by."""
WHAT = "how faces are compressed"
USUAL = 1.0
"""The precision where none is asked for."""
MOST_TRAINING, MOST_EXACT = 20_000, 600
"""Faces from which the tables are learned, and those of the exact option, at the most."""
LARGEST_FILE = 2**31
"""Bytes of a file that is read."""


@dataclass(frozen=True)
class CompressRequest:
    """How faces are compressed.

    Attributes:
        precision: of the steps; at 1, rounding disturbs a code as much as a posterior sample does.
            By default it is 1, or the finest where faces are kept exactly.
        invert: steps of fitting the codes to the pictures first; 0 for none.
        lossless: whether every pixel is kept. names: whether the names are.
    """

    precision: float | None = None
    invert: int = 0
    lossless: bool = False
    names: bool = True


def compress(
    run: OpenedRun,
    given: Sequence[str | Path] | str | Path = (),
    faces: str | Path | None = None,
    selection: Selection | None = None,
    request: CompressRequest | None = None,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Compressed:
    """Compress the faces of pictures, or those of a face set.

    Raises:
        UnusableInput: no such pictures, faces or precision, or nothing to learn tables from.
    """
    given = [given] if isinstance(given, str | Path) else given
    request = request or CompressRequest()
    shown = open_given(run, selection or Selection("test"), given, faces, notify)
    tables = open_tables(run, progress, notify)
    precision = request.precision
    if precision is None:
        precision = tables.levels[-1].precision if request.lossless else USUAL
    number = nearest_level(tables.levels, precision)
    if len(shown.pictures) > MOST_FACES:
        raise UnusableInput(
            f"{len(shown.pictures):,} faces are too many for a file: {MOST_FACES:,} are the most."
        )
    level = tables.levels[number]
    symbols = symbols_of(run, shown.pictures, level, request.invert, progress)
    codes, exact, residuals, sums = level.codes(symbols), None, None, [0, 0]
    written = encode(symbols, level)
    if request.lossless:
        decodings = exact_decodings(run.session, codes)
        expanded = shown.pictures
        exact = tables.likelihood.bits(expanded, decodings)
        residuals = tables.likelihood.encode(expanded, decodings)
        sums = [zlib.crc32(pixels.tobytes()) for pixels in (decodings, expanded)]
    else:
        expanded = run.session.decode(codes)
    container = PackedFaces(
        model_bytes(run.model_sha256), tables.checksum, number, len(symbols),
        shown.names if request.names else (), written, residuals, *sums,
    )  # fmt: skip
    coded = len(written) + len(residuals or b"")
    bits = level.bits(symbols)
    return Compressed(run.name, pack(container), shown, expanded, bits, exact, coded)


def expand(
    file: str | Path,
    run: OpenedRun | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
    notify: Notify = no_notices,
) -> Expanded:
    """What a file gives back; without a run, by the one that ships, if that made it.

    Raises:
        UnusableInput: the file is none, is damaged, or is of another model or other tables.
        FailedOnTheWay: it holds exact faces, and was written where decodings are rounded otherwise.
    """
    content = _read(Path(file))
    where = str(file)
    container = unpack(content, where)
    run = run or _shipped_run(container, where, device, notify)
    if container.model != model_bytes(run.model_sha256):
        raise UnusableInput(
            f"{where} was written by the model {container.model.hex()}, and {run.name} is "
            f"{model_bytes(run.model_sha256).hex()}: name the run that wrote it."
        )
    tables = open_tables(run, progress, notify)
    if tables.checksum != container.tables:
        raise UnusableInput(
            f"{where} was written with other tables than {run.path / FILE} holds: put back those "
            "that were there then."
        )
    level, symbols = _symbols(container, tables, where)
    codes = level.codes(symbols)
    if container.residuals is None:
        pictures = run.session.decode(codes)
    else:
        pictures = _exact(run.session, codes, container, tables.likelihood, where)
    return Expanded(
        run.name, pictures, codes, _stems(container), len(content), level.bits(symbols),
        container.residuals is not None,
    )  # fmt: skip


def open_tables(
    run: OpenedRun,
    progress: Progress = no_progress,
    notify: Notify = no_notices,
    faces: str | Path | None = None,
) -> CompressionTables:
    """The tables beside a run, or new ones, learned from its own face set and kept there.

    Where ``faces`` are given, tables are learned from these in any case.

    Raises:
        UnusableInput: there are none, and neither is the face set.
        FailedOnTheWay: they could not be kept, and without them nothing is expanded.
    """
    run.require_halves()
    path, sha256 = run.path / FILE, run.model_sha256
    if faces is None:
        kept = read_kept(run, path, lambda p: load_tables(p, sha256, run.latent), WHAT, notify)
        if kept is not None:
            return kept
    run.require_folder()  # for what is not kept cannot be expanded
    face_set = run.faces(faces)
    chosen = Selection("train").of(face_set)[:MOST_TRAINING]
    progress("learning tables", 0, 2)
    pictures = np.asarray(face_set.images[chosen])
    codes, stds = _posteriors(run.session, pictures)
    levels = fit_levels(codes, stds)
    progress("learning tables", 1, 2)
    some = np.linspace(0, len(codes) - 1, min(MOST_EXACT, len(codes))).astype(int)
    again = levels[-1].codes(quantise(codes[some], stds[some], levels[-1]))
    likelihood = fit_likelihood(pictures[some], exact_decodings(run.session, again))
    made = {"weights_sha256": sha256, "faces_sha256": face_set.hash}
    learned = CompressionTables(levels, likelihood, made)
    progress("learning tables", 2, 2)
    save_tables(path, learned)
    return learned


def symbols_of(
    run: OpenedRun,
    pictures: Pictures,
    level: Level,
    invert: int = 0,
    progress: Progress = no_progress,
) -> Symbols:
    """Pictures (N, S, S, 3) → their symbols (N, D); ``invert``: steps of fitting codes first."""
    codes, stds = _posteriors(run.session, pictures)
    if invert:
        codes = run.codes(pictures, invert, progress)
    return quantise(codes, stds, level)


def _posteriors(session: Session, pictures: Pictures) -> tuple[Codes, NDArray[np.float32]]:
    """Means and standard deviations of the posteriors, (N, D) both."""
    gaussian = session.posteriors(pictures).gaussian()
    if gaussian is None:
        raise UnusableInput(f"the posteriors of {session.name} are not Gaussian.")
    return gaussian.mean.cpu().numpy(), (0.5 * gaussian.log_variance).exp().cpu().numpy()


def _symbols(
    container: PackedFaces, tables: CompressionTables, where: str
) -> tuple[Level, Symbols]:
    """The level of a file, and its symbols (N, D); UnusableInput where it holds none."""
    try:
        if container.level >= len(tables.levels):
            raise UnusableInput(DAMAGED)
        level = tables.levels[container.level]
        if container.count * level.least_bits > 8 * (len(container.codes) + CHECK_BYTES):
            raise UnusableInput(DAMAGED)  # before memory is taken for so many
        return level, decode(container.codes, level, container.count)
    except UnusableInput as error:
        raise UnusableInput(f"{where} is broken: {error}.") from error


def _exact(
    session: Session,
    codes: Codes,
    container: PackedFaces,
    likelihood: ResidualLikelihood,
    where: str,
) -> Pictures:
    """The very pictures, (N, S, S, 3)."""
    size, residuals = session.size, container.residuals or b""
    least = likelihood.least_bits * size * size * 3 * container.count
    try:
        if least > 8 * (len(residuals) + CHECK_BYTES):
            raise UnusableInput(DAMAGED)
        decodings = exact_decodings(session, codes)
        if zlib.crc32(decodings.tobytes()) != container.decodings:
            raise FailedOnTheWay(
                f"{where} cannot be expanded exactly here: this machine rounded a decoded value "
                "otherwise than the one that wrote it."
            )
        pictures = likelihood.decode(residuals, decodings)
        if zlib.crc32(pictures.tobytes()) != container.pixels:
            raise UnusableInput(DAMAGED)
    except UnusableInput as error:
        raise UnusableInput(f"{where} is broken: {error}.") from error
    return pictures


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UnusableInput(f"{path} is too large to be a file of compressed faces.")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnusableInput(f"{path} is missing.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnusableInput(f"{path} cannot be read: {reason}.") from None


def _shipped_run(container: PackedFaces, where: str, device: str, notify: Notify) -> OpenedRun:
    """The run that ships and wrote a file."""
    hashes = []
    for name in shipped():
        run = OpenedRun(name, device, notify=notify)
        hashes.append(f"{name} is {model_bytes(run.model_sha256).hex()}")
        if hashes[-1].endswith(container.model.hex()):
            return run
    known = f" ({', '.join(hashes)})" if hashes else ""
    raise UnusableInput(
        f"{where} was written by the model {container.model.hex()}, which does not ship with "
        f"Lik{known}: name the run that wrote it."
    )


def _stems(container: PackedFaces) -> list[str]:
    """Names of files, each once: the last part of each name that was kept, or a number."""
    if not container.names:
        return [f"{number:06d}" for number in range(1, container.count + 1)]
    taken: dict[str, int] = {}
    stems = []
    for name in container.names:
        stem = file_stem(PureWindowsPath(name).stem or "_", 100)  # which takes / for a bound too
        while (again := taken.setdefault(stem.casefold(), 0)) and stem:
            taken[stem.casefold()] += 1
            stem = f"{stem}-{again + 1}"
        taken[stem.casefold()] = 1
        stems.append(stem)
    return stems
