"""ONNX networks beside PyTorch's: how far they are apart, measured before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.randomness import numpy_stream
from lik.export.networks import ExportedNetwork
from lik.export.onnx import Weights, onnx_bytes, onnx_model

TOLERANCE = 1e-4
"""Of what a network gives, as a share of its largest number where that is above 1."""

BATCHES = (1, 7)
"""Sizes of the batches on which a network is compared."""

Arrays = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Difference:
    """How far numbers are from PyTorch's, in a unit: in the mean and at most."""

    mean: float
    largest: float
    unit: str


@dataclass(frozen=True)
class CheckedNetwork:
    """A network's ONNX file, not yet written.

    Attributes:
        content: the file. largest: how far it is from PyTorch's before weights are rounded.
        rounding: what rounding adds; None with float32, where nothing is rounded.
    """

    content: bytes
    largest: float
    rounding: Difference | None


def require_runtime() -> None:
    """Raise `UnusableInput` where ONNX Runtime is missing."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        raise UnusableInput(
            "exported networks are compared with PyTorch's by the package onnxruntime, which is "
            "missing: pip install 'lik-vae[onnx]'."
        ) from None


def checked_network(
    name: str,
    network: ExportedNetwork,
    metadata: Mapping[str, str],
    weights: Weights,
    usual: NDArray[np.float32],
) -> CheckedNetwork:
    """Make the ONNX file of a network of one input, and compare it with PyTorch's.

    Args:
        usual: inputs such as there will be, on which the rounding of weights is measured.

    Raises:
        UnusableInput: a package is missing, or the model cannot be exported.
        FailedOnTheWay: it does not give what PyTorch gives.
    """
    require_runtime()
    graph = onnx_model(
        network.module, network.examples, network.inputs, network.outputs, dynamic=True
    )
    metadata = network.described(metadata)
    largest = 0.0
    plain = onnx_bytes(graph, metadata)
    for inputs in _random_inputs(network):
        pairs = list(zip(_torch(network, inputs), _onnx(plain, inputs), strict=True))
        error = max(float(np.abs(there - here).max()) for there, here in pairs)
        scale = max(1.0, *(float(np.abs(there).max()) for there, _ in pairs))
        if not error <= TOLERANCE * scale:  # which is so of what is no number, too
            raise FailedOnTheWay(
                f"the {name} as ONNX is off by {error:.1e} from PyTorch's, where "
                f"{TOLERANCE * scale:.0e} is allowed: nothing was written."
            )
        largest = max(largest, error)
    if weights == "float32":
        return CheckedNetwork(plain, largest, None)
    content = onnx_bytes(graph, metadata, weights)
    difference = _difference(network, _torch(network, usual), _onnx(content, usual))
    if not np.isfinite(difference.largest):
        raise FailedOnTheWay(
            f"the {name} gives no finite numbers with weights as {weights}: nothing was written."
        )
    return CheckedNetwork(content, largest, difference)


def open_onnx(content: bytes, threads: int = 1) -> Any:
    """An ``InferenceSession`` of ONNX Runtime on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; they are raised as well
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _random_inputs(network: ExportedNetwork) -> list[NDArray[np.float32]]:
    """Batches of the input, the same each time: noise, which no training has seen."""
    (example,), (name,) = network.examples, network.inputs
    random = numpy_stream(0, "export", name)
    draw = random.standard_normal if name == "codes" else random.random
    return [draw((count, *example.shape[1:]), np.float32) for count in BATCHES]


def _torch(network: ExportedNetwork, inputs: NDArray[np.float32]) -> Arrays:
    with torch.no_grad():
        outputs = network.module(torch.from_numpy(inputs))
    return tuple(one.numpy() for one in (outputs if isinstance(outputs, tuple) else (outputs,)))


def _onnx(content: bytes, inputs: NDArray[np.float32]) -> Arrays:
    session = open_onnx(content)
    return tuple(session.run(None, {session.get_inputs()[0].name: inputs}))


def _difference(network: ExportedNetwork, there: Arrays, here: Arrays) -> Difference:
    """Images in levels of 255, means in standard deviations of their posteriors."""
    error = np.abs(there[0] - here[0])
    if "means" in network.outputs:
        error, unit = error / np.exp(there[1] / 2), "σ of the posterior"
    else:
        error, unit = 255 * error, "of 255 levels"
    return Difference(float(error.mean()), float(error.max()), unit)
