"""lik models: what can be trained, with parameter counts."""

from typing import Any

from lik.cli.options import Json
from lik.cli.output import say, say_json, table


def models(as_json: Json = False) -> None:
    """List the models with their numbers of parameters, at 64 pixels.

    Example: lik models --json
    """
    listed = describe()
    if as_json:
        say_json(listed)
        return
    rows = [
        (
            model["name"],
            str(model["latent"]),
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


def describe() -> list[dict[str, Any]]:
    """Every model of the catalogue at its default settings, as plain values."""
    from lik.models.catalogue import CATALOGUE, build
    from lik.models.interface import count_parameters

    listed = []
    for name, entry in CATALOGUE.items():
        settings = entry.settings()
        model = build(settings)
        counts = {half: count_parameters(getattr(model, half)) for half in ("encoder", "decoder")}
        listed.append(
            {
                "name": name,
                "summary": entry.summary,
                "latent": model.latent,
                **settings.model_dump(mode="json", exclude={"name"}),
                **{
                    half: {"total": count.total, "trained": count.trained, "fixed": count.fixed}
                    for half, count in counts.items()
                },
            }
        )
    return listed
