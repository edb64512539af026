"""Networks as ONNX files, for programs that have no PyTorch."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lik.core.artifacts import replacing
from lik.core.errors import UnusableInput


def export_onnx(
    model: nn.Module,
    example: Tensor,
    path: Path,
    input_name: str,
    output_name: str,
    metadata: Mapping[str, str],
) -> None:
    """Write ``model`` for inputs of the shape of ``example``, in one file, whole or not at all.

    ``metadata`` goes into the file as it is; nothing in it tells where it was made.

    Raises:
        UnusableInput: the packages onnx and onnxscript are not installed.
    """
    require_onnx()
    import onnx

    model = model.cpu().eval()
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model, (example,), input_names=[input_name], output_names=[output_name],
                dynamo=True, verbose=False,
            )  # fmt: skip
    finally:
        logger.setLevel(level)
    assert program is not None
    graph = program.model_proto
    for part in (*graph.graph.node, *graph.graph.value_info, *graph.graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")  # stack traces, with the paths of this machine
    del graph.graph.metadata_props[:], graph.metadata_props[:]
    onnx.helper.set_model_props(graph, dict(metadata))
    onnx.checker.check_model(graph)
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))


def require_onnx() -> None:
    """Raise `UnusableInput` where a package that the export needs is missing."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UnusableInput(
            f"ONNX files need the package {error.name}: pip install 'lik-vae[onnx]'."
        ) from None
