"""What there is to be trained: the models of the catalogue, and the recipes that come with Lik."""

from itertools import takewhile
from typing import Any

from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.models.catalogue import CATALOGUE, build
from lik.models.interface import count_parameters
from lik.training.recipe import packaged_recipes


def list_models() -> list[dict[str, Any]]:
    """Every model of the catalogue at its default settings, as plain values."""
    listed = []
    for name, entry in CATALOGUE.items():
        settings = entry.settings()
        model = build(settings)
        counts = {half: count_parameters(getattr(model, half)) for half in ("encoder", "decoder")}
        listed.append(
            {
                "name": name,
                "summary": entry.summary,
                **settings.model_dump(mode="json", exclude={"name"}),
                **{
                    half: {"total": count.total, "trained": count.trained, "fixed": count.fixed}
                    for half, count in counts.items()
                },
            }
        )
    return listed


def list_recipes() -> dict[str, str]:
    """The recipes that come with Lik: name → the first sentence of what they say of themselves."""
    listed = {}
    for name, text in packaged_recipes().items():
        comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
        listed[name] = (
            " ".join(line.removeprefix("# ") for line in comment).split(". ")[0].rstrip(".")
        )
    return listed


def recipe_text(name: str) -> str:
    """A recipe that comes with Lik, as YAML.

    Raises:
        UnusableInput: there is none of this name.
    """
    packaged = packaged_recipes()
    if name not in packaged:
        raise UnusableInput(
            f"there is no recipe '{name}': Lik has {', '.join(packaged)}.{nearest(name, packaged)}"
        )
    return packaged[name]
