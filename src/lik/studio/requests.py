"""What pages ask for, as strict schemas: unknown keys, paths and endless numbers are refused."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from lik.app.edits import EditRecord
from lik.app.latent_map import MOST_POINTS
from lik.app.source_records import MOST, Name, Number, Seed
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.faces.photograph import Eyes
from lik.latent.projection import ProjectionMethod
from lik.studio.refusals import Refused

LONGEST_RECORD = 65536
MOST_TRAITS, MOST_NETWORKS, MOST_STEPS, LONGEST_WORD = 64, 8, 500, 200


class DrawRequest(Settings):
    """Codes of new faces, or of faces of the test set."""

    kind: Literal["prior", "testset"]
    seed: Seed
    count: Annotated[int, Field(ge=1, le=MOST)] = 16
    temperature: Number | None = None
    prior: Name | None = None


class MapRequest(Settings):
    """The map of new faces of a seed and those that follow it, or of faces of the test set."""

    kind: Literal["prior", "testset"]
    seed: Seed
    count: Annotated[int, Field(ge=3, le=MOST_POINTS)] = 1000
    method: ProjectionMethod = "pca"


class Trajectory(Settings):
    """A guided trajectory of a code (base64, float32) to an attribute, or away from it."""

    code: Annotated[str, StringConstraints(max_length=65536)]
    attribute: Name
    sign: Literal[-1, 1] = 1


class Hello(Settings):
    """The first message of a page on its WebSocket."""

    token: Annotated[str, StringConstraints(max_length=200)]
    run: Annotated[str, StringConstraints(max_length=200)]


class _Shown(Settings):
    eyes: Annotated[tuple[Eyes, ...], Field(max_length=MOST)]


def eyes_in(header: str | None) -> tuple[Eyes, ...]:
    """The eyes that a person has shown in a photograph, from a header: a list of JSON."""
    if header is None:
        return ()
    return validated(_Shown, parsed(b'{"eyes": %s}' % header.encode()), "the header").eyes


def parsed(body: bytes) -> dict[str, Any]:
    """Bytes → an object of JSON.

    Raises:
        Refused: they are none, or nested so deeply that nobody means it.
    """
    try:
        told = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "bad-request", "this is no JSON.") from None
    if not isinstance(told, dict):
        raise Refused(400, "bad-request", "this is no object of JSON.")
    return told


def split_edit(body: bytes) -> tuple[Any, Any, bytes]:
    """The body of an edit → record, source or None, and the bytes of the photograph.

    Raises:
        Refused: it is cut off, or its record is too long.
    """
    length = int.from_bytes(body[:4], "little")
    if length > LONGEST_RECORD:
        raise Refused(413, "too-large", "a record of an edit has 64 kB at most.")
    if len(body) < 4 + length:
        raise Refused(400, "bad-frame", "the record is cut off.")
    told = parsed(body[4 : 4 + length])
    if "record" not in told:
        return told, None, body[4 + length :]
    if told.keys() - {"record", "source"}:
        raise Refused(400, "bad-request", "an edit has a record and a source, and nothing else.")
    return told["record"], told.get("source"), body[4 + length :]


def require_bounded(record: EditRecord) -> None:
    """See that a record asks for no endless work.

    Raises:
        UnusableInput: it does.
    """
    words = [*record.strengths, *record.targets, *record.networks, record.method, record.run]
    guided = record.guidance.steps if record.guidance else 0
    if (
        len(record.strengths) + len(record.targets) > MOST_TRAITS
        or len(record.networks) > MOST_NETWORKS
        or max(record.inverted, guided) > MOST_STEPS
        or max(map(len, words)) > LONGEST_WORD
        or not all(map(_is_plain, record.strengths.values()))
    ):
        raise UnusableInput("the record asks for more than an edit of a face can be.")


def _is_plain(text: str) -> bool:
    """Whether a strength is a decimal number of a length that a person would write."""
    try:
        exponent = Decimal(text).as_tuple().exponent if len(text) <= 20 else None
    except InvalidOperation:
        return False
    return isinstance(exponent, int) and -12 <= exponent <= 3


def _no_number(word: str) -> Any:
    raise ValueError(word)
