"""lik fit-directions: directions in latent space, fitted once and kept beside the run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, FaceSetGiven, Run, Seed
from lik.cli.output import note, say, stages, table

if TYPE_CHECKING:
    from pathlib import Path

    from lik.faces.set.faceset import FaceSet
    from lik.latent.calibration import Calibration
    from lik.latent.directions import Direction
    from lik.latent.session import Codes, Session
    from lik.models.classifier import LoadedClassifier

LABELLED = ("means", "joint", "logistic", "svm")
METHODS = (*LABELLED, "pca", "jacobian", "guided")


def fit_directions(
    run: Run,
    faces: FaceSetGiven = None,
    method: Annotated[
        str, typer.Option(help=f"How: {', '.join(METHODS)}.", metavar="METHOD")
    ] = "joint",
    features: Annotated[
        list[str] | None,
        typer.Option(help="An attribute network that calibrates the strength; for guided, "
                     "several may be given.", metavar="NET", show_default=False),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Attributes that shall stay: every direction is turned to be at right "
                     "angles to theirs.", metavar="A,B", show_default=False),
    ] = None,
    examples_with: Annotated[
        str | None,
        typer.Option(help="A folder of pictures with a trait of your own.", metavar="DIR",
                     show_default=False),
    ] = None,
    examples_without: Annotated[
        str | None,
        typer.Option(help="A folder of pictures without it.", metavar="DIR", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the set is called (default: the method).", metavar="NAME",
                     show_default=False),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", help="Directions of pca and jacobian.", min=1)
    ] = 10,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Fit directions on the training faces and keep them in RUN/directions.

    With --features, strength 1 takes the median face without a trait to where the faces with it
    are, as that network sees them.

    --method guided fits no directions: it keeps by what the guided changes of lik change measure
    strengths with that network, and with those that guide beside it.

    Example: lik fit-directions runs/first --method joint --features networks/attributes
    """
    from lik.cli.networks import model_hash, only_one, open_network, require_folder
    from lik.cli.opening import open_session
    from lik.core.errors import UnusableInput
    from lik.latent.direction_sets import DirectionSet
    from lik.latent.guide_statistics import GUIDED

    if method not in METHODS:
        raise UnusableInput(f"there is no method '{method}': give one of {', '.join(METHODS)}.")
    if name == GUIDED and method != GUIDED:
        raise UnusableInput(f"'{GUIDED}' is the name of guided changes: give the set another.")
    folder = require_folder(run)
    if method == GUIDED:
        if keep or name or examples_with or examples_without:
            raise UnusableInput("--method guided takes no --keep, --name or examples.")
        _fit_guide(run, folder, faces, features or [], device)
        return
    network_path = only_one(features)
    session = open_session(run, device)
    made: dict[str, Any] = {"method": method, "seed": seed, "model_sha256": model_hash(run)}
    calibrations: dict[str, Calibration] = {}
    if examples_with or examples_without:
        if not (examples_with and examples_without and name):
            raise UnusableInput(
                "a direction by example needs --examples-with, --examples-without and --name."
            )
        directions, made["method"] = _by_example(session, examples_with, examples_without, name)
    else:
        face_set, codes, labels, used = _codes_of(session, run, faces)
        made |= {"faces_sha256": face_set.hash, "faces": face_set.path.name, **used}
        directions = _fitted(session, method, face_set, codes, labels, keep, count, seed)
        made |= {"keep": keep} if keep else {}
        if network_path is not None and method in LABELLED:
            network = open_network(network_path, session)
            made["network_sha256"] = network.sha256
            directions, calibrations = _calibrated(
                session, network, directions, face_set.attribute_names, codes, labels
            )
        elif method in LABELLED:
            note("without --features, strength 1 is what the method gives: it is not calibrated.")
    fitted = DirectionSet(name or method, directions, calibrations, made)
    path = fitted.save(folder)
    _show(fitted)
    say(str(path))


def _fit_guide(
    run: str, folder: "Path", faces: str | None, features: list[str], device: str
) -> None:
    """Keep what guided changes are measured by, and show what the first network says."""
    from lik.cli.guiding import fit_guide, open_guides
    from lik.cli.networks import model_hash
    from lik.cli.opening import open_faces_of, open_session, require_size

    session = open_session(run, device)
    networks = open_guides(session, features)
    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    names = networks[0].network.attributes
    found = fit_guide(session, networks, face_set, model_hash(run), names)
    path = found.save(folder)
    rows = []
    for name, spread in found.spread.items():
        medians = found.medians.get(name)
        logits = ("–", "–") if medians is None else (
            f"{medians.without:.2f}", f"{medians.having:.2f}"
        )  # fmt: skip
        rows.append((name, *logits, f"{spread:.2f}"))
    table(("logit of", "without", "with", "σ"), rows)
    say("without, with: medians over decodings, between which strength 1 leads; σ: over faces.")
    say(str(path))


def _codes_of(
    session: "Session", run: str, faces: str | None
) -> tuple["FaceSet", "Codes", Any, dict[str, Any]]:
    """The codes and attributes of the training faces, or of all where none are for training."""
    from lik.cli.opening import open_faces_of, require_size

    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    chosen = face_set.to_learn_from()
    split = "train" if len(face_set.indices("train")) else "all"
    codes = session.encode(face_set.images[chosen])
    return face_set, codes, face_set.attributes[chosen], {"split": split, "count": len(chosen)}


def _fitted(
    session: "Session", method: str, faces: "FaceSet", codes: "Codes", labels: Any,
    keep: str | None, count: int, seed: int,
) -> dict[str, "Direction"]:  # fmt: skip
    from lik.cli.networks import listed
    from lik.core.errors import UnusableInput
    from lik.latent.components import jacobian_directions, principal_components
    from lik.latent.directions import difference_of_means, labels_of
    from lik.latent.normals import classifier_normal, orthogonal_to
    from lik.latent.regression import partial_effects

    if method == "pca":
        return {found.name: found for found in principal_components(codes, count)}
    if method == "jacobian":
        mean = codes.mean(axis=0)
        found_ones = jacobian_directions(session.model.decode, mean, count)
        return {found.name: found for found in found_ones}
    names = faces.attribute_names
    if not names:
        raise UnusableInput(f"{faces.path} has no attributes: use --method pca or jacobian.")
    for kept in listed(keep):
        labels_of(kept, labels, names)
    if method == "joint":
        found_by_name = partial_effects(names, codes, labels)
    else:
        found_by_name = {}
        for name, column in zip(names, labels.T, strict=True):
            try:
                found_by_name[name] = (
                    difference_of_means(name, codes, column)
                    if method == "means"
                    else classifier_normal(name, codes, column, method, seed)  # type: ignore[arg-type]
                )
            except UnusableInput:  # no face has it, or all have: the others can be fitted
                note(f"{name} is left out: it does not divide the faces.")
    fixed = [found_by_name[kept] for kept in listed(keep) if kept in found_by_name]
    return {name: orthogonal_to(found, fixed) for name, found in found_by_name.items()}


def _by_example(
    session: "Session", having: str, lacking: str, name: str
) -> tuple[dict[str, "Direction"], str]:
    """From the mean code of some pictures to that of others."""
    import numpy as np

    from lik.cli.opening import given_pictures
    from lik.latent.directions import difference_of_means

    groups = [
        session.encode(given_pictures(session, [folder], 1000).pictures)
        for folder in (having, lacking)
    ]
    labels = np.repeat([1.0, -1.0], [len(group) for group in groups])
    direction = difference_of_means(name, np.concatenate(groups), labels)
    return {
        name: direction
    }, f"example, {len(groups[0])} pictures with and {len(groups[1])} without"


def _calibrated(
    session: "Session", loaded: "LoadedClassifier", directions: dict[str, "Direction"],
    names: list[str], codes: "Codes", labels: Any,
) -> tuple[dict[str, "Direction"], dict[str, "Calibration"]]:  # fmt: skip
    from lik.latent.calibration import JUDGED, calibrate
    from lik.latent.direction_sets import calibrated
    from lik.latent.judging import judge_of

    found, calibrations = dict(directions), {}
    known = [name for name in directions if name in loaded.network.attributes]
    for name in directions:
        if name not in known:
            note(f"{name} is not calibrated: the network does not know it.")
    with stages() as step:
        for done, name in enumerate(known):
            step("calibrating", done, len(known))
            column = loaded.network.attributes.index(name)
            judge = judge_of(session, loaded.network, column)
            own = labels[:, names.index(name)]
            lacking, having = codes[own <= 0][:JUDGED], codes[own > 0][:JUDGED]
            calibrations[name] = calibrate(directions[name].vector, lacking, having, judge)
            found[name] = calibrated(directions[name], calibrations[name])
    return found, calibrations


def _show(fitted: Any) -> None:
    if not fitted.calibrations:
        say(f"{len(fitted.directions)} directions: {', '.join(fitted.directions)}")
        return
    rows = []
    for name, found in fitted.calibrations.items():
        word = "" if found.complete else "not reached"
        rows.append(
            (name, f"{found.length:.2f}", f"{found.without:.2f}", f"{found.having:.2f}",
             f"{found.reached:.2f}", word)
        )  # fmt: skip
    table(("strength 1 of", "length, σ", "without", "with", "moved", ""), rows)
    say("without, with, moved: median probability of the trait, as the network sees decodings.")
