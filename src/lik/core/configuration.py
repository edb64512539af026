"""Strict settings: every key is known, every value is checked, every complaint is one sentence."""

import copy
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from lik.core.errors import UnusableInput

Tree = dict[str, Any]
LONGEST = 1500
"""Characters of complaints about one file, at the most: it may be made to give many."""
SettingsT = TypeVar("SettingsT", bound="Settings")


class Settings(BaseModel):
    """The base of every configuration class: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def nearest(word: str, known: Iterable[str]) -> str:
    """A question that names the known word nearest to ``word``; empty where none is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def read_yaml(path: Path) -> Tree:
    """Read a YAML file that holds a mapping.

    Raises:
        UnusableInput: the file is missing, is not YAML, or holds something else than a mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{path} cannot be read ({error}).") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Tree:
    """Parse YAML that holds a mapping; ``where`` names it in complaints."""
    try:
        tree = yaml.load(text, _OnceEach)
    except _GivenTwice as error:
        raise UnusableInput(f"{where}, {error}.") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(f"{where} is not valid YAML: {reason}.") from error
    except RecursionError as error:
        raise UnusableInput(f"{where} is not valid YAML: it is nested too deeply.") from error
    if not isinstance(tree, dict):
        raise UnusableInput(f"{where} must hold keys and values, such as 'epochs: 15'.")
    return tree


class _GivenTwice(Exception):
    pass


class _OnceEach(yaml.SafeLoader):
    """Reads YAML in which a mapping has each of its keys once; PyYAML lets the last one win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                raise _GivenTwice(f"line {line}: '{key.value}' is given twice in one place")
            seen.add(key.value if isinstance(key.value, str) else id(key))
        return super().construct_mapping(node, deep)


def to_yaml(settings: Settings) -> str:
    """The settings in full, as YAML, keys in the order of their definition."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def override(tree: Tree, assignments: Iterable[str]) -> Tree:
    """A copy of ``tree`` with assignments such as ``optimizer.learning_rate=1e-3`` put in.

    Values are read as YAML; ``1e-3`` is understood as a number too.

    Raises:
        UnusableInput: another form, a key that is set twice, or one below a single value.
    """
    result = copy.deepcopy(tree)
    given: dict[str, str] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        path = path.strip()
        if not equals or not path:
            raise UnusableInput(f"'{assignment}' is not of the form key=value.")
        if path in given:
            raise UnusableInput(
                f"'{path}' is given twice, as '{given[path]}' and as '{text}': give it once."
            )
        given[path] = text
        *parents, last = path.split(".")
        branch = result
        for parent in parents:
            if branch.get(parent) is None:  # not there, or explicitly nothing
                branch[parent] = {}
            inner = branch[parent]
            if not isinstance(inner, dict):
                raise UnusableInput(f"'{path}' cannot be set: '{parent}' holds a single value.")
            branch = inner
        branch[last] = _parsed_value(text)
    return result


def validated(cls: type[SettingsT], tree: Tree, where: str) -> SettingsT:
    """Settings of class ``cls`` from a tree of keys and values.

    Raises:
        UnusableInput: an unknown key (the nearest known one is named) or a value that does not fit.
    """
    try:
        settings = cls.model_validate(tree)
    except ValidationError as error:
        raise UnusableInput(_sentence(cls, error, where)) from error
    taken = flat(settings.model_dump())
    for key, value in flat(tree).items():
        if isinstance(value, bool) and not isinstance(taken.get(key), bool):  # Python's True is 1
            raise UnusableInput(f"{where}: '{key}' is {str(value).lower()}: it must be a number.")
    return settings


def differences(old: Settings, new: Settings) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ, each with the old and the new value."""
    before, after = flat(old.model_dump(mode="json")), flat(new.model_dump(mode="json"))
    keys = dict.fromkeys([*before, *after])
    return {
        key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)
    }


def _parsed_value(text: str) -> Any:
    try:
        value = yaml.load(text, _OnceEach)
    except _GivenTwice as error:
        raise UnusableInput(f"'{text}': {error}.") from None
    except yaml.YAMLError:
        return text
    if isinstance(value, str):  # YAML 1.1 reads 1e-3, without a point, as a string.
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _sentence(cls: type[Settings], error: ValidationError, where: str) -> str:
    complaints = []
    for detail in error.errors():
        unknown = detail["type"] == "extra_forbidden"
        path, here = _resolved(cls, detail["loc"][:-1] if unknown else detail["loc"])
        if unknown:
            path.append(str(detail["loc"][-1]))
            complaints.append(f"unknown key '{'.'.join(path)}'.{_hint(cls, path, here)}")
            continue
        name = ".".join(path)
        tags = [str(tag) for settings in here if (tag := _tag(settings))]
        if detail["type"] == "missing":
            complaints.append(f"'{name}' is missing.")
        elif detail["type"] == "union_tag_not_found":
            complaints.append(f"'{name}.name' is missing: give one of {', '.join(tags)}.")
        elif detail["type"] == "union_tag_invalid":
            given = str(detail["ctx"]["tag"])
            complaints.append(
                f"'{name}.name' is '{given}': give one of {', '.join(tags)}.{nearest(given, tags)}"
            )
        else:
            message = detail["msg"].removeprefix("Value error, ")
            message = message[:1].lower() + message[1:]
            if detail["type"] in ("model_type", "model_attributes_type"):
                message = "it should hold keys and values of its own"
            given = repr(detail["input"])
            shown = given if len(given) <= 60 else f"{given[:57]}..."
            complaints.append(f"'{name}' is {shown}, but {message}." if name else f"{message}.")
    told = " ".join(complaints)
    return f"{where}: {told if len(told) <= LONGEST else told[:LONGEST] + '…'}"


def _resolved(
    cls: type[BaseModel], location: Iterable[str | int]
) -> tuple[list[str], list[type[BaseModel]]]:
    """The keys of a place as they stand in a file, and the classes that may stand there.

    In pydantic's locations the tag of a union stands between a key and the keys below it.
    """
    path: list[str] = []
    here: list[type[BaseModel]] = [cls]
    for part in location:
        tagged = [settings for settings in here if _tag(settings) == part]
        if tagged:
            here = tagged
            continue
        path.append(str(part))
        fields = [settings.model_fields.get(str(part)) for settings in here]
        here = [inner for field in fields if field for inner in _settings_in(field.annotation)]
    return path, here


def _hint(cls: type[BaseModel], path: list[str], here: list[type[BaseModel]]) -> str:
    """A question that names the known key nearest to an unknown one, wherever it stands.

    The same word elsewhere comes before a like one at the same place, and that before a like one
    elsewhere.
    """
    *parents, word = path
    siblings = {
        key: ".".join([*parents, key]) for settings in here for key in settings.model_fields
    }
    elsewhere = {
        key[-1]: ".".join(key) for key in _keys(cls) if key[:-1] != parents and key != parents
    }
    exact = {word: elsewhere[word]} if word in elsewhere else {}
    for keys in (exact, siblings, elsewhere):
        if close := difflib.get_close_matches(word, list(keys), n=1, cutoff=0.5):
            return f" Did you mean '{keys[close[0]]}'?"
    return ""


def _keys(
    cls: type[BaseModel], parents: tuple[str, ...] = (), within: tuple[type[BaseModel], ...] = ()
) -> list[list[str]]:
    """Every key that may stand in a file, as the way to it; of what holds its like, the outer."""
    keys = []
    for key, field in cls.model_fields.items():
        keys.append([*parents, key])
        for inner in _settings_in(field.annotation):
            if inner not in (*within, cls):
                keys += _keys(inner, (*parents, key), (*within, cls))
    return keys


def _tag(settings: type[BaseModel]) -> Any:
    """What tells this class from others in a union: the default of its field ``name``."""
    field = settings.model_fields.get("name")
    return field.default if field else None


def _settings_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _settings_in(inner)]


def flat(tree: Tree, prefix: str = "") -> Tree:
    """The values of a tree by their dotted keys."""
    values: Tree = {}
    for key, value in tree.items():
        inner = flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        values |= inner
    return values
