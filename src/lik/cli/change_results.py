"""What `lik evaluate-changes` has measured, kept one by one, so that a kill costs one at the most.

RUN/changes/measured/ATTRIBUTE.METHOD.safetensors   the faces shown, and the figures as metadata
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lik.core.artifacts import replacing
from lik.evaluation.changes import Change
from lik.evaluation.counterfactuals import ChangeBesideTruth

PICTURES = "shown"


@dataclass(frozen=True)
class Result:
    """One attribute by one method: all strengths measured, and what holds at 50, 80 and 95 %."""

    attribute: str
    method: str
    changes: list[Change]
    at_shares: dict[str, Change | None]


def keep(
    folder: Path, result: Result, shown: NDArray[np.uint8], conditions: Mapping[str, Any]
) -> None:
    """Write a result and the faces shown (K, S, S, 3), with all that it depends on."""
    description = {"conditions": _hash(conditions), "result": json.dumps(asdict(result))}
    with replacing(_path(folder, result.attribute, result.method)) as temporary:
        temporary.write_bytes(save({PICTURES: np.ascontiguousarray(shown)}, description))


def kept(
    folder: Path, attribute: str, method: str, conditions: Mapping[str, Any]
) -> tuple[Result, NDArray[np.uint8]] | None:
    """What was measured before under the same conditions; None where nothing was, or is broken."""
    path = _path(folder, attribute, method)
    try:
        with safe_open(path, framework="np") as file:
            description, shown = file.metadata() or {}, file.get_tensor(PICTURES)
        if description.get("conditions") != _hash(conditions):
            return None
        found = json.loads(description["result"])
        return Result(
            attribute, method, [_change(values) for values in found["changes"]],
            {share: values and _change(values) for share, values in found["at_shares"].items()},
        ), shown  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # it is measured again


def _change(values: dict[str, Any]) -> Change:
    return (ChangeBesideTruth if "counterfactual_error" in values else Change)(**values)


def _hash(conditions: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(conditions, sort_keys=True).encode()).hexdigest()


def _path(folder: Path, attribute: str, method: str) -> Path:
    name = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in attribute)
    return folder / f"{name}.{method}.safetensors"
