"""lik fit-prior: what the codes of faces are really like, for better draws."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, FaceSetGiven, Run, Seed
from lik.cli.output import counting, say

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.latent.priors import Prior
    from lik.latent.session import Codes

PRIORS = ("gaussian", "gmm", "flow")


def fit_prior(
    run: Run,
    faces: FaceSetGiven = None,
    prior: Annotated[
        str, typer.Option(help=f"What: {', '.join(PRIORS)}.", metavar="PRIOR")
    ] = "gmm",
    having: Annotated[
        str | None,
        typer.Option("--with", help="Only of faces with these attributes.", metavar="A,B",
                     show_default=False),
    ] = None,
    lacking: Annotated[
        str | None,
        typer.Option("--without", help="Only of faces without these.", metavar="A,B",
                     show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What it is called (default: the kind).", metavar="NAME",
                     show_default=False),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(help="Components of the mixture (default: as held-out codes like best).",
                     metavar="K", show_default=False, min=1),
    ] = None,
    steps: Annotated[int, typer.Option(help="Training steps of the flow.", min=1)] = 4000,
    means: Annotated[
        bool, typer.Option("--means", help="Fit the means alone, not draws from the posteriors.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Fit a prior to the codes of the training faces and keep it in RUN/priors.

    Example: lik fit-prior runs/first --prior flow; lik generate runs/first --prior flow
    """
    from lik.cli.networks import model_hash, require_folder
    from lik.cli.opening import open_faces_of, open_session, require_size
    from lik.core.errors import UnusableInput
    from lik.latent.priors import aggregated
    from lik.latent.saved_priors import save_prior

    if prior not in PRIORS:
        raise UnusableInput(f"there is no prior '{prior}': give one of {', '.join(PRIORS)}.")
    folder = require_folder(run)
    session = open_session(run, device)
    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    chosen = faces_with(face_set, having, lacking)
    posteriors = session.posteriors(face_set.images[chosen])
    codes = posteriors.means if means else aggregated(posteriors, draws=2, seed=seed)
    fitted, found = _fit(prior, codes, components, steps, seed)
    made = {
        "model_sha256": model_hash(run), "faces_sha256": face_set.hash, "faces": len(chosen),
        "with": having, "without": lacking, "means": means, "seed": seed, **found,
    }  # fmt: skip
    path = save_prior(folder, name or prior, fitted, made)
    say(f"{prior} fitted to the codes of {len(chosen):,} faces" + _told(found))
    say(str(path))


def faces_with(faces: "FaceSet", having: str | None, lacking: str | None) -> Any:
    """Training faces (all, where none are for training) with some attributes and without others.

    Raises:
        UnusableInput: an unknown attribute, or fewer than 2 such faces.
    """
    from lik.cli.networks import listed
    from lik.core.errors import UnusableInput
    from lik.latent.directions import labels_of

    chosen = faces.to_learn_from()
    for text, sign in ((having, 1), (lacking, -1)):
        for name in listed(text):
            column = labels_of(name, faces.attributes, faces.attribute_names)[chosen]
            chosen = chosen[column * sign > 0]
    if len(chosen) < 2:
        raise UnusableInput(
            f"{len(chosen)} training faces of {faces.path} are with {having or 'anything'} and "
            f"without {lacking or 'anything'}: ask for less at once."
        )
    return chosen


def _fit(
    prior: str, codes: "Codes", components: int | None, steps: int, seed: int
) -> tuple["Prior", dict[str, Any]]:
    from lik.latent.flow import fit_flow
    from lik.latent.priors import fit_gaussian, fit_mixture

    if prior == "gaussian":
        return fit_gaussian(codes), {}
    if prior == "flow":
        with counting("training the flow") as step:
            return fit_flow(codes, steps, seed, step), {"steps": steps}
    mixture, tried = fit_mixture(codes, components, seed)
    return mixture, {"components": len(mixture.weights), "held_out": tried}


def _told(found: dict[str, Any]) -> str:
    if "components" not in found:
        return "."
    scores = ", ".join(f"{count}: {score:.2f}" for count, score in found["held_out"].items())
    told = f" (held-out nats per code, {scores})" if scores else ""
    return f": {found['components']} components{told}."
