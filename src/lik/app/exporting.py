"""A run as ONNX files, for programs that have no PyTorch."""

import json
from pathlib import Path

from lik.app.opened import OpenedRun
from lik.core.errors import UnusableInput
from lik.export.networks import decoder_of, encoder_of, write_network
from lik.export.onnx import Weights


def export_networks(
    run: OpenedRun, out: str | Path, weights: Weights = "float32"
) -> dict[str, Path]:
    """Write the networks of a run into a folder; name → file.

    Raises:
        UnusableInput: a package is missing, or files of these names are there already.
    """
    out = Path(out)
    model, parts = run.session.model, run.session.parts
    networks = {
        name: of(model)
        for name, of in (("encoder", encoder_of), ("decoder", decoder_of))
        if name in parts
    }
    files = {name: out / f"{name}.onnx" for name in networks}
    for file in files.values():
        if file.exists():
            raise UnusableInput(f"{file} exists already: choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    for name, network in networks.items():
        write_network(network, files[name], metadata_of(run), weights)
    return files


def metadata_of(run: OpenedRun) -> dict[str, str]:
    """What a network says of itself: its run, sizes, crop and attributes; no path."""
    return {
        **run.origin,
        "size": str(run.size),
        "latent": str(run.latent),
        "crop": json.dumps(run.metadata.get("crop") or {}),
        "attributes": json.dumps(run.metadata.get("attribute_names") or []),
    }
