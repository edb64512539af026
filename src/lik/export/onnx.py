"""Networks as ONNX files, for programs that have no PyTorch."""

import copy
import logging
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.artifacts import replacing
from lik.core.errors import UnusableInput

OPSET = 18
"""Of the operators in the files."""

MOST_AT_ONCE = 4096
"""Inputs in a batch, at the most, of a file whose batch is dynamic."""

Weights = Literal["float32", "float16", "int8"]
"""How weights lie in the file; what is computed is float32 always."""

SMALL = {"float16": 64, "int8": 8192}
"""Arrays of fewer numbers stay as they are: with int8, what the first and the last layers have in
few weights makes most of the error, and hardly any of the size."""


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
        UnusableInput: the packages onnx and onnxscript are not installed, or the model has
            something that ONNX has not.
    """
    graph = onnx_model(model, examples, inputs, outputs, dynamic)
    content = onnx_bytes(graph, metadata, weights)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def require_onnx() -> None:
    """Raise `UnusableInput` where a package that the export needs is missing."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UnusableInput(
            f"ONNX files need the package {error.name}: pip install 'lik-vae[onnx]'."
        ) from None


def onnx_model(
    model: nn.Module,
    examples: Sequence[Tensor],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: bool,
) -> Any:
    """The ``onnx.ModelProto`` of a copy of ``model``, in float32; see `export_onnx`."""
    require_onnx()
    from onnxscript import optimizer

    model = copy.deepcopy(model).cpu().eval()
    batch = torch.export.Dim("batch", min=1, max=MOST_AT_ONCE)
    try:
        with _quiet():
            program = torch.onnx.export(
                model, tuple(examples), input_names=list(inputs), output_names=list(outputs),
                dynamic_shapes=tuple({0: batch} for _ in examples) if dynamic else None,
                opset_version=OPSET, dynamo=True, verbose=False, optimize=False,
            )  # fmt: skip
            assert program is not None
            # Not all that PyTorch would do: norms of batches stay beside their convolutions. They
            # are folded by the runtime, and weights that fit into float16 here would not, folded.
            optimizer.inline(program.model)
            optimizer.fold_constants(program.model)
            optimizer.remove_unused_nodes(program.model)
            graph = program.model_proto
    except MemoryError:
        raise
    except Exception as error:  # PyTorch has many kinds of it, of which none says so in a sentence
        raise UnusableInput(
            f"{type(model).__name__} cannot be written as ONNX: {_reason(error)}."
        ) from error
    for part in (*graph.graph.node, *graph.graph.value_info, *graph.graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")  # stack traces, with the paths of this machine
    del graph.graph.metadata_props[:], graph.metadata_props[:]
    return graph


def onnx_bytes(graph: Any, metadata: Mapping[str, str], weights: Weights = "float32") -> bytes:
    """The file of an ``onnx.ModelProto``, whose weights are rounded, with its metadata."""
    import onnx

    rounded = onnx.ModelProto()
    rounded.CopyFrom(graph)
    if weights != "float32":
        _round(rounded.graph, weights)
    onnx.helper.set_model_props(rounded, dict(metadata))
    onnx.checker.check_model(rounded)
    content: bytes = rounded.SerializeToString(deterministic=True)
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyTorch's words on the way."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """What was wrong at first, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:200]


def _round(graph: Any, weights: Weights) -> None:
    """Keep large weights as numbers of fewer bits, and compute float32 of them before their use.

    With int8, a matrix or a kernel has one scale for each channel of its output, and what is not
    one stays float32. A runtime computes both once, when it loads the file.
    """
    from onnx import TensorProto, helper, numpy_helper

    axes = _channel_axes(graph)
    nodes, more = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL[weights]:
            continue
        name, small = tensor.name, f"{tensor.name}.{weights}"
        if weights == "float16":
            if np.abs(values).max() > np.finfo(np.float16).max:
                continue
            stored: NDArray[Any] = values.astype(np.float16)
            nodes.append(helper.make_node("Cast", [small], [name], to=TensorProto.FLOAT))
        elif name in axes:
            stored, scale = quantised(values, axes[name])
            more.append(numpy_helper.from_array(scale, f"{name}.scale"))
            nodes += [
                helper.make_node("Cast", [small], [f"{name}.whole"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]),
            ]
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(stored, small))
    graph.initializer.extend(more)
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)


def quantised(
    values: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as whole numbers −127…127 and their scale, one for each place along ``axis``."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    scale = np.maximum(np.abs(values).max(others, keepdims=True) / 127, np.float32(1e-12))
    return np.round(values / scale).astype(np.int8), scale.astype(np.float32)


def _channel_axes(graph: Any) -> dict[str, int]:
    """The weights of linear layers, and along which axis their outputs lie."""
    axes = defaultdict(set)
    for node in graph.node:
        for place, name in enumerate(node.input):
            axes[name].add(_channel_axis(node) if place == 1 else None)
    return {name: axis for name, (axis, *others) in axes.items() if axis is not None and not others}


def _channel_axis(node: Any) -> int | None:
    """Along which axis of a layer's weights its outputs lie; None where it has no weights."""
    if node.op_type == "Gemm":
        return 0 if any(told.name == "transB" and told.i for told in node.attribute) else 1
    # The outputs of a transposed convolution in groups lie along two axes, and none here has any.
    return {"Conv": 0, "ConvTranspose": 1}.get(node.op_type)
