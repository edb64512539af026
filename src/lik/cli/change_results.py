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

import lik
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


class KeptResults:
    """Results in a folder, each with all that it depends on.

    What was measured by other code, on another device or under other conditions is not taken for
    what is asked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._code = _hash_of_code()

    def keep(self, result: Result, shown: NDArray[np.uint8], conditions: Mapping[str, Any]) -> None:
        """Write a result and the faces shown (K, S, S, 3)."""
        key = self._key(result.attribute, result.method, conditions)
        description = {"conditions": key, "result": json.dumps(asdict(result))}
        with replacing(self._path(result.attribute, result.method)) as temporary:
            temporary.write_bytes(save({PICTURES: np.ascontiguousarray(shown)}, description))

    def find(
        self, attribute: str, method: str, conditions: Mapping[str, Any]
    ) -> tuple[Result, NDArray[np.uint8]] | None:
        """What was measured before under these conditions; None where nothing was, or is broken."""
        try:
            with safe_open(self._path(attribute, method), framework="np") as file:
                description, shown = file.metadata() or {}, file.get_tensor(PICTURES)
            if description.get("conditions") != self._key(attribute, method, conditions):
                return None
            found = json.loads(description["result"])
            changes = [_change(values) for values in found["changes"]]
            at_shares = {
                share: values and _change(values) for share, values in found["at_shares"].items()
            }
        except (OSError, SafetensorError, KeyError, AttributeError, TypeError, ValueError):
            return None  # it is measured again
        return Result(attribute, method, changes, at_shares), shown

    def _key(self, attribute: str, method: str, conditions: Mapping[str, Any]) -> str:
        whole = [attribute, method, self._code, dict(conditions)]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def _path(self, attribute: str, method: str) -> Path:
        """Attributes may share a file, for the last one: its conditions say whose it is."""
        name = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in attribute)
        return self.folder / f"{name}.{method}.safetensors"


def _change(values: dict[str, Any]) -> Change:
    return (ChangeBesideTruth if "counterfactual_error" in values else Change)(**values)


def _hash_of_code() -> str:
    """The SHA-256 of Lik's own source: what other code has measured is measured again."""
    package, found = Path(lik.__file__).parent, hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        found.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
