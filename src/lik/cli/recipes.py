"""lik recipes: the recipes that come with Lik."""

from typing import Annotated

import typer

from lik.cli.output import say


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="The recipe to show in full.", show_default=False)
    ] = None,
) -> None:
    """List the packaged recipes, or show one in full, to be copied and changed.

    Example: lik recipes paper-first > mine.yaml
    """
    from lik.core.configuration import nearest
    from lik.core.errors import UnusableInput
    from lik.training.recipe import packaged_recipes

    packaged = packaged_recipes()
    if name is None:
        width = max(map(len, packaged))
        for known, text in packaged.items():
            say(f"{known:<{width}}  {text.splitlines()[0].removeprefix('# ')}")
    elif name in packaged:
        say(packaged[name].rstrip())
    else:
        raise UnusableInput(
            f"there is no recipe '{name}': Lik has {', '.join(packaged)}.{nearest(name, packaged)}"
        )
