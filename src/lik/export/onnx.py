"""Networks as ONNX files, for programs that have no PyTorch."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from lik.core.artifacts import replacing
from lik.core.errors import UnusableInput

OPSET = 18
"""Of the operators in the files."""

MOST_AT_ONCE = 4096
"""Inputs in a batch, at the most, of a file whose batch is dynamic."""

Weights = Literal["float32", "float16"]
"""How weights lie in the file; what is computed is float32 always."""

SMALL = 64
"""Arrays of fewer numbers stay as they are."""


def export_onnx(
    model: nn.Module,
    examples: Sequence[Tensor],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
    dynamic: bool = False,
    weights: Weights = "float32",
) -> None:
    """Write ``model`` for inputs of the shapes of ``examples``, in one file, whole or not at all.

    Args:
        inputs, outputs: their names in the file.
        metadata: goes into the file as it is; nothing in it tells where it was made.
        dynamic: whether the first dimension of all inputs may be any number.

    Raises:
        UnusableInput: the packages onnx and onnxscript are not installed.
    """
    require_onnx()
    import onnx

    model = model.cpu().eval()
    batch = torch.export.Dim("batch", min=1, max=MOST_AT_ONCE)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model, tuple(examples), input_names=list(inputs), output_names=list(outputs),
                dynamic_shapes=tuple({0: batch} for _ in examples) if dynamic else None,
                opset_version=OPSET, dynamo=True, verbose=False, optimize=weights == "float32",
            )  # fmt: skip
    finally:
        logger.setLevel(level)
    assert program is not None
    graph = program.model_proto
    for part in (*graph.graph.node, *graph.graph.value_info, *graph.graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")  # stack traces, with the paths of this machine
    del graph.graph.metadata_props[:], graph.metadata_props[:]
    if weights == "float16":
        _halve(graph.graph)
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


def _halve(graph: Any) -> None:
    """Keep large weights as float16, each cast to float32 where it is used."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
