"""lik recipes: the recipes that come with Lik."""

from lik.app.listings import list_recipes, recipe_text
from lik.cli.options import argument
from lik.cli.output import say


def recipes(name: str | None = argument(None, "The recipe to show in full.")) -> None:
    """List the packaged recipes, or show one in full, to be copied and changed.

    Example: lik recipes paper-first > mine.yaml
    """
    if name is not None:
        say(recipe_text(name).rstrip())
        return
    listed = list_recipes()
    width = max(map(len, listed))
    for known, summary in listed.items():
        say(f"{known:<{width}}  {summary}")
