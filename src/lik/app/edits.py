"""An edit, and the record of one that was made: what was changed, by how much, and with what.

The record is JSON in the text of the PNG that it made. It repeats, adds, and undoes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lik.core.artifacts import check_version
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.faces.io.files import InMemory
from lik.figures.png import text_of
from lik.latent.guided import GuidanceSettings

RECORD = "Lik edit"
"""The chunk of a PNG's text that holds the record, as JSON."""
VERSION = 1

Mode = Literal["transfer", "decode"]
MODES: tuple[Mode, ...] = ("transfer", "decode")


class EditRecord(Settings):
    """What a picture says of the edit that made it.

    Attributes:
        strengths: attribute → strength, a decimal number as text. targets: attribute → probability.
        method: of the editor. face: the one edited, counted from 1; None for all.
        mode: 'transfer' paints the edit onto the photograph, 'decode' gives the plain decoding.
        inverted: steps in which the codes were fitted to the photograph.
        run, model_sha256, recipe_sha256: the run. networks: hashes of those that told or guided.
        measured: what guided edits were measured by. guidance: how guided steps were weighed.
    """

    version: int = VERSION
    strengths: dict[str, str]
    targets: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    method: str
    face: Annotated[int, Field(ge=1)] | None = None
    mode: Mode
    inverted: Annotated[int, Field(ge=0)] = 0
    run: str
    model_sha256: str
    recipe_sha256: str | None = None
    networks: tuple[str, ...] = ()
    measured: str | None = None
    guidance: GuidanceSettings | None = None

    def differences(self, other: "EditRecord") -> list[str]:
        """What an edit that is repeated was made with, and ``other`` is not, for people."""
        decisive = {
            "model_sha256": "with other weights", "method": "by another method",
            "networks": "with other networks", "measured": "by another measure of strength",
            "inverted": "with codes fitted otherwise",
        }  # fmt: skip
        return [
            words for name, words in decisive.items() if getattr(self, name) != getattr(other, name)
        ]


@dataclass(frozen=True)
class Edit:
    """What shall be changed: strengths by attribute, and probabilities that shall be reached.

    ``Edit({"Smiling": 1}) + Edit({"Young": -0.5})`` does both; what comes to nothing is left out.

    Attributes:
        strengths: attribute → strength (or ``dimension:17``).
        targets: attribute → probability, as the first network sees it.
        method: of the editor; None for the usual one.
        face: which face of a photograph, counted from the largest as 1; None for all.
        mode: 'transfer' or 'decode'; None for what suits the picture.
        record: of the edit that is repeated, where it was read from a picture.
    """

    strengths: Mapping[str, Decimal | float | str]
    targets: Mapping[str, float] = field(default_factory=dict)
    method: str | None = None
    face: int | None = None
    mode: str | None = None
    record: EditRecord | None = None

    def __post_init__(self) -> None:
        strengths = {name: _strength(name, value) for name, value in self.strengths.items()}
        object.__setattr__(self, "strengths", strengths)
        if self.mode not in (None, *MODES):
            raise UnusableInput(f"there is no mode '{self.mode}': give one of {', '.join(MODES)}.")
        for name, probability in self.targets.items():
            if not 0 < probability < 1:
                raise UnusableInput(
                    f"{name}: a probability lies between 0 and 1, and {probability} does not."
                )

    def __add__(self, other: "Edit") -> "Edit":
        """Both edits, one after the other; what the other one says of method, face, mode counts."""
        mine, theirs = self.exact, other.exact
        sums = {name: mine.get(name, 0) + theirs.get(name, 0) for name in [*mine, *theirs]}
        return Edit(
            {name: Decimal(strength) for name, strength in sums.items() if strength},
            {**self.targets, **other.targets},
            other.method or self.method,
            other.face or self.face,
            other.mode or self.mode,
            other.record or self.record,
        )

    @property
    def exact(self) -> dict[str, Decimal]:
        """The strengths as decimal numbers, so that 0.1 + 0.2 − 0.3 is nothing."""
        return {name: Decimal(value) for name, value in self.strengths.items()}

    @classmethod
    def parse(cls, strengths: Sequence[str], targets: Sequence[str] = ()) -> "Edit":
        """``NAME=NUMBER`` words → an edit; of a name given twice, the sum.

        Raises:
            UnusableInput: a word of another form.
        """
        edit = cls({}, {name: _number(word, number) for word, name, number in map(_pair, targets)})
        for word in strengths:
            _, name, number = _pair(word)
            edit = edit + cls({name: number})
            if name not in edit.strengths:  # nothing of it is asked for: it is still looked up
                edit = Edit({**edit.strengths, name: 0}, edit.targets)
        return edit

    @classmethod
    def read(cls, path: str | Path | InMemory) -> "Edit":
        """The edit that a PNG, a file or its bytes, says was made to it.

        Raises:
            UnusableInput: it is no picture that Lik has edited, or of a newer Lik.
        """
        record = read_record(path)
        if record is None:
            raise UnusableInput(
                f"{path} does not say that Lik has edited it: give a PNG that does."
            )
        return cls.of(record)

    @classmethod
    def of(cls, record: EditRecord) -> "Edit":
        """The edit that a record tells, to be repeated."""
        return cls(
            record.strengths, record.targets, record.method, record.face, record.mode, record
        )

    def __str__(self) -> str:
        """The strengths as they would be typed."""
        return " ".join(
            f"{name}={value.normalize():f}" for name, value in self.exact.items() if value
        )


def read_record(given: str | Path | InMemory) -> EditRecord | None:
    """What a PNG, a file or bytes, says of the edit that made it; None where it says nothing.

    Raises:
        UnusableInput: there is no such file, or its record is broken or of a newer Lik.
    """
    if not isinstance(given, InMemory) and not Path(given).is_file():
        raise UnusableInput(f"there is no picture at {given}.")
    try:
        told = json.loads(text_of(given).get(RECORD, "null"))
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    return record_from(told, f"what {given} says of its edit")


def record_from(told: Mapping[str, Any], where: str) -> EditRecord:
    """Plain values → a record; ``where`` names them in complaints.

    Raises:
        UnusableInput: they are none, or of a newer Lik.
    """
    check_version(where, told.get("version"), VERSION)
    return validated(EditRecord, dict(told), where)


def _pair(word: str) -> tuple[str, str, str]:
    """A word and its two parts: the name may hold an equals sign, the number does not."""
    name, equals, number = word.rpartition("=")
    if not (name.strip() and equals):
        raise UnusableInput(
            f"'{word}' says no edit: write NAME=NUMBER, such as Smiling=1 or Young=-0.5."
        )
    return word, name.strip(), number.strip()


def _strength(name: str, value: Decimal | float | str) -> Decimal:
    try:
        strength = Decimal(str(value))
    except InvalidOperation:
        strength = Decimal("nan")
    if not (strength.is_finite() and abs(strength) < 1000):
        raise UnusableInput(
            f"'{name}={value}' says no edit: the strength must be a number below 1000."
        )
    return strength


def _number(word: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UnusableInput(
            f"'{word}' names no probability: write NAME=P, such as Smiling=0.9."
        ) from None
