"""A run as a page that edits faces in the browser, without a server."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lik.app.exporting import metadata_of
from lik.app.guiding import kept_guided
from lik.app.latent_map import attributes_seen, lay_out, seen_in
from lik.app.opened import OpenedRun
from lik.app.run_facts import describe_run, linear_sets
from lik.app.source_records import TOGETHER, draw_codes
from lik.core.artifacts import replacing, require_room, whole_folder
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import to_float
from lik.export.checking import open_onnx, require_runtime
from lik.export.networks import decoder_in_parts, exact_weights, means_of, write_network
from lik.export.onnx import Weights, require_onnx
from lik.export.page import is_page, single_file, write_folder
from lik.latent.editing import STOPS
from lik.latent.guided import DELTA, RISE, marked_steps, shared_direction
from lik.latent.session import Codes, decoded

SEEDS = 64
"""Seeds of which a page holds the faces, 16 each; the page counts them from 0."""
COMPARED = 100
"""Faces of which it is measured how the networks of the page differ from the run."""
SEEN_AT_ONCE = 32
FORMAT, VERSION = "lik-page", 1


@dataclass(frozen=True)
class ExportedPage:
    """A page that was written.

    Attributes:
        path: the folder, or the file. size: bytes in all. weights: how they lie in its networks.
        decoding_error: the largest difference of a decoding from the run's own, of 1.
        encoding_error: of a mean, in standard deviations of the prior; None without encoder.
    """

    path: Path
    size: int
    weights: Weights
    decoding_error: float
    encoding_error: float | None


def export_page(
    run: OpenedRun,
    out: str | Path,
    single: bool = False,
    progress: Progress = no_progress,
    seeds: int = SEEDS,
) -> ExportedPage:
    """Write the page of a run: a folder for any web server, or with ``single`` one HTML file.

    A page that Lik wrote before gives way to the new one.

    Raises:
        UnusableInput: there is something else in that place, a run without a decoder, or a package
            is missing.
    """
    require_onnx()
    require_runtime()
    out = Path(out)
    require_room(out)
    _require_free(out, single)
    if "decoder" not in run.session.parts:
        raise UnusableInput(f"{run.name} has no decoder, and a page needs one.")
    with tempfile.TemporaryDirectory() as folder:
        model = run.session.model.cpu()
        weights = exact_weights(model)
        networks = decoder_in_parts(model)
        if "encoder" in run.session.parts:
            networks["encoder"] = means_of(model)
        files = {}
        for number, (name, network) in enumerate(networks.items()):
            progress("writing networks", number, len(networks))
            files[name] = Path(folder) / f"{name}.onnx"
            write_network(network, files[name], metadata_of(run), weights)
        codes = _codes(run, seeds)
        errors = _errors(run, files, codes[:COMPARED])
        given = {f"{name}.onnx": file.read_bytes() for name, file in files.items()}
    given |= _contents(run, codes, list(files), progress)
    title = f"{run.name} · Lik"
    if single:
        with replacing(out) as temporary:
            temporary.write_bytes(single_file(title, given))
    else:
        with whole_folder(out) as folder_of_page:
            write_folder(folder_of_page, title, given)
    size = sum(file.stat().st_size for file in [out, *out.rglob("*")] if file.is_file())
    return ExportedPage(out, size, weights, *errors)


def _codes(run: OpenedRun, seeds: int) -> Codes:
    """Codes (16 · seeds, D), those that the studio draws for each seed."""
    return np.concatenate([draw_codes(run, TOGETHER, seed) for seed in range(seeds)])


def _contents(
    run: OpenedRun, codes: Codes, networks: list[str], progress: Progress
) -> dict[str, bytes]:
    """What the page knows beside networks: facts, codes, directions, the map."""
    plane = lay_out(codes, "pca")
    sets = {
        name: {trait: one.vector for trait, one in found.directions.items()}
        for name, found in linear_sets(run).items()
    }
    files = {name: f"directions-{number}" for number, name in enumerate(sets)}
    told, guide = describe_run(run), _guide(run)
    if not guide:
        told["methods"] = [method for method in told["methods"] if not method["guided"]]
    told["abilities"] = {
        "detect": False, "carry": True, "guided": bool(guide), "testset": False, "runs": False,
        "training": False, "exactSave": False, "photographs": "encoder" in networks,
    }  # fmt: skip
    about: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "id": run.name, **told, "exported": True, "invert": 0,
        "networks": networks,
        "seeds": len(codes) // TOGETHER,
        "sets": {name: {"file": files[name], "names": list(one)} for name, one in sets.items()},
        "map": {"shares": plane.shares, "attributes": list(attributes_seen(run))},
    }  # fmt: skip
    vectors = {files[name]: np.stack(list(one.values())) for name, one in sets.items()}
    given = {
        "about.json": json.dumps(about, ensure_ascii=False).encode(),
        "codes.bin": _floats(codes), "map.bin": _floats(plane.points),
        **{f"{name}.bin": _floats(one) for name, one in vectors.items()}, **guide,
    }  # fmt: skip
    if about["map"]["attributes"]:
        given["seen.bin"] = _seen(run, codes, progress)
    return given


def _guide(run: OpenedRun) -> dict[str, bytes]:
    """What guides edits in a page: a network that reads codes; nothing where the run has none."""
    editor = kept_guided(run)
    if editor is None or editor.reader is None:
        return {}
    network, statistics = editor.reader, editor.statistics
    layers = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    scale, steps = torch.tensor(statistics.scale, dtype=torch.float64), editor.settings.steps
    told = {
        "sizes": [run.latent, *(layer.out_features for layer in layers)],
        "attributes": statistics.attributes, "scale": statistics.scale,
        "std": statistics.stds[editor.networks[0]],
        "directions": {
            name: shared_direction(torch.tensor(along, dtype=torch.float64), scale).tolist()
            for name, along in statistics.along.items() if any(along)
        },
        "guidance": editor.settings.model_dump(mode="json"), "delta": DELTA, "rise": RISE,
        "marks": {
            name: [marked_steps(steps, min(STOPS, steps), editor.length(name, s)) for s in (1, -1)]
            for name in statistics.attributes
        },
    }  # fmt: skip
    numbers = [network.scale, *(n for layer in layers for n in (layer.weight, layer.bias))]
    flat = torch.cat([one.detach().flatten() for one in numbers])
    return {
        "guided.json": json.dumps(told, ensure_ascii=False).encode(),
        "guide.bin": _floats(flat.numpy()),
    }


def _seen(run: OpenedRun, codes: Codes, progress: Progress) -> bytes:
    """What the run's network sees in the faces: probabilities in 1/255, attribute by attribute."""
    parts = []
    for start in range(0, len(codes), SEEN_AT_ONCE):
        progress("looking at the faces", start, len(codes))
        parts.append(seen_in(run, codes[start : start + SEEN_AT_ONCE]))
    return np.rint(np.concatenate(parts).T * 255).astype(np.uint8).tobytes()


def _errors(run: OpenedRun, files: Mapping[str, Path], codes: Codes) -> tuple[float, float | None]:
    """How far the files are from the run: in decodings of codes, and in their means encoded."""
    own = decoded(run.session, codes).transpose(0, 3, 1, 2)
    base, refiner, encoder = (
        open_onnx(files[name].read_bytes()) if name in files else None
        for name in ("base", "refiner", "encoder")
    )
    assert base is not None
    made = [_run(base, codes=code[None]) for code in codes]
    if refiner is not None:
        pairs = zip(made, codes, strict=True)
        made = [_run(refiner, images=image, codes=code[None]) for image, code in pairs]
    decoding = float(np.abs(np.concatenate(made).clip(0, 1) - own.clip(0, 1)).max())
    if encoder is None:
        return decoding, None
    pictures = run.session.decode(codes)
    images = to_float(pictures).numpy()
    means = np.concatenate([_run(encoder, images=image[None]) for image in images])
    return decoding, float(np.abs(means - run.session.encode(pictures)).max())


def _run(session: Any, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(session.run(None, inputs)[0], np.float32)


def _floats(array: NDArray[Any]) -> bytes:
    return np.asarray(array, "<f4").tobytes()


def _require_free(out: Path, single: bool) -> None:
    """See that nothing that is no page of Lik would be lost.

    Raises:
        UnusableInput: something would.
    """
    if single and out.suffix.lower() not in (".html", ".htm"):
        raise UnusableInput(f"a page that is one file ends in .html, and {out} does not.")
    if not out.exists():
        return
    if out.is_dir() == single or not is_page(out):
        raise UnusableInput(f"{out} holds something else already: choose another place.")
