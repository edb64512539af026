"""lik models: what can be trained, with parameter counts."""

from lik.app.listings import list_models
from lik.cli.options import Json
from lik.cli.output import say, say_json, table


def models(as_json: Json = False) -> None:
    """List the models with their numbers of parameters, at 64 pixels.

    Example: lik models --json
    """
    listed = list_models()
    if as_json:
        say_json(listed)
        return
    rows = [
        (
            model["name"],
            str(model.get("latent", "")),
            f"{model['encoder']['total']:,}",
            f"{model['decoder']['total']:,}",
            f"{model['encoder']['fixed']:,} + {model['decoder']['fixed']:,}",
        )
        for model in listed
    ]
    table(("model", "latent", "encoder", "decoder", "of these not trained"), rows)
    say()
    for model in listed:
        say(f"{model['name']}: {model['summary']}.")
