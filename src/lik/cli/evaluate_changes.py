"""lik evaluate-changes: what changes of one trait do besides, at equal success."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, Faces, FittedPrior, Json, Run, Seed, Split, Threads
from lik.cli.output import note, say, say_json, stages, table

if TYPE_CHECKING:
    from lik.cli.change_trial import Trial
    from lik.models.classifier import LoadedClassifier

ATTRIBUTES = (
    "Smiling,Eyeglasses,Male,Young,Blond_Hair,Black_Hair,Pale_Skin,Mustache,Bangs,"
    "Mouth_Slightly_Open"
)
METHODS = "means,joint,logistic,svm,guided"


def evaluate_changes(
    run: Run,
    judge: Annotated[
        str,
        typer.Option(help="The attribute network that judges: one that trained and guided "
                     "nothing else.", metavar="NET"),
    ],
    guide: Annotated[
        list[str] | None,
        typer.Option(help="A network that guides; several guide together.", metavar="NET",
                     show_default=False),
    ] = None,
    methods: Annotated[
        str, typer.Option(help="Which methods, divided by commas.", metavar="A,B")
    ] = METHODS,
    attributes: Annotated[
        str | None,
        typer.Option(help="Which attributes, divided by commas.", metavar="A,B",
                     show_default=f"those of {ATTRIBUTES} that the networks know"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Faces, at the most.", min=2)] = 500,
    steps: Annotated[int, typer.Option(help="Steps of guided changes.", min=10)] = 120,
    generated: Annotated[
        bool, typer.Option("--generated", help="Change generated faces, which nobody is.")
    ] = False,
    prior: FittedPrior = None,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    as_json: Json = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:  # fmt: skip
    """Flip each of some attributes on the faces of a split by each method, and measure the rest.

    Every face is moved away from the side on which the judge sees its reconstruction. Methods are
    compared where they flip 50, 80 and 95 % of the faces; on drawn faces, against the true change
    as well. The answer is kept as RUN/changes/changes.json, with a page of strips beside it; these
    show real people, unless drawn or --generated faces are changed. Stopped on the way, the same
    command goes on where it was.

    Example: lik evaluate-changes runs/first --judge networks/judge --guide networks/attributes
    """
    from lik.cli.change_page import write_changes_page
    from lik.cli.change_trial import Trial
    from lik.cli.drawing import GENERATED_TEMPERATURE, code_source
    from lik.cli.networks import (
        listed,
        model_hash,
        note_if_taught_by,
        open_network,
        require_folder,
        require_same_attributes,
    )
    from lik.cli.opening import drawn_indices, open_faces_of, open_session, require_size
    from lik.cli.truth_table import truth_as_json
    from lik.core.artifacts import write_json
    from lik.core.errors import UnusableInput

    folder = require_folder(run)
    session = open_session(run, device, threads)
    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    chosen = drawn_indices(face_set, split, count, seed)
    judging = open_network(judge, session)
    guides = [open_network(path, session) for path in guide or []]
    wanted = listed(methods)
    if prior and not generated:
        raise UnusableInput("--prior goes with --generated: real faces have codes of their own.")
    if "guided" in wanted and not guides:
        raise UnusableInput("guided changes need --guide NET, another network than the judge.")
    if any(network.sha256 == judging.sha256 for network in guides):
        raise UnusableInput(f"{judge} guides too: what is judged must not have been its own guide.")
    if "guided" in wanted:
        require_same_attributes(guides)
    names = _names(attributes, [judging, *guides])
    note_if_taught_by(session, judge, judging.sha256)
    codes = None
    if generated:
        source, _ = code_source(session, run, prior, GENERATED_TEMPERATURE, GENERATED_TEMPERATURE)
        codes = source(count, seed)
    trial = Trial(session, face_set, judging, guides, chosen, steps, seed, codes)
    about = {
        "model_sha256": model_hash(run), "faces_sha256": face_set.hash, "split": split,
        "generated": generated, "prior": prior, "faces": len(trial.codes),
        "judge_sha256": judging.sha256,
        "guide_sha256": [network.sha256 for network in guides], "seed": seed, "steps": steps,
    }  # fmt: skip
    _measure_all(trial, names, wanted, folder / "changes" / "measured", about)
    results = [asdict(result) for result in trial.results]
    answer: dict[str, Any] = {"run": session.name, **about, "results": results}
    if trial.truth is not None:
        answer["truth"] = truth_as_json(trial, trial.truth)
    write_json(folder / "changes" / "changes.json", answer)
    write_changes_page(folder / "changes", trial, names, wanted)
    if as_json:
        say_json(answer)
    else:
        _show(trial, names, wanted)
    say(str(folder / "changes" / "index.html"))


def _measure_all(
    trial: "Trial", names: list[str], methods: list[str], folder: Path, about: dict[str, Any]
) -> None:
    """Measure each attribute by each method, with a bar; what was measured before is taken over."""
    from lik.cli.change_results import KeptResults

    kept = KeptResults(folder)
    pairs = [(name, method) for name in names for method in methods]
    earlier = 0
    with stages() as step:
        for number, (name, method) in enumerate(pairs, 1):

            def told(what: str, done: int, total: int, number: int = number) -> None:
                step(f"{number} of {len(pairs)}: {what}", done, total)

            trial.told = told
            # Guides and steps are nothing to the other methods.
            own = {} if method == "guided" else {"guide_sha256": None, "steps": None}
            conditions = about | own | trial.conditions(method)
            found = kept.find(name, method, conditions)
            if found is not None:
                trial.take(*found)
                earlier += 1
                continue
            trial.measure(name, method)
            kept.keep(trial.result(name, method), trial.shown[name, method], conditions)
            note(_line(trial, name, method))
    if earlier:
        note(
            f"{earlier} of {len(pairs)} had been measured before; without {folder} they would be "
            "measured again."
        )


def _names(given: str | None, networks: "list[LoadedClassifier]") -> list[str]:
    """The attributes that were asked for, or those of `ATTRIBUTES` that all networks know."""
    from lik.cli.networks import column_of, listed
    from lik.core.errors import UnusableInput

    names = listed(given)
    for name in names:
        for network in networks:
            column_of(network, name)
    if given is None:
        known = [set(network.network.attributes) for network in networks]
        names = [name for name in listed(ATTRIBUTES) if all(name in each for each in known)]
    if not names:
        raise UnusableInput("there is no attribute to change: name some with --attributes A,B.")
    return names


def _line(trial: "Trial", name: str, method: str) -> str:
    found = trial.at(name, method, 0.8)
    if found is None:
        most = max(change.flipped for change in trial.result(name, method).changes)
        return f"{name}, {method}: flips {100 * most:.0f} % at the most"
    return f"{name}, {method}: leaks {found.leakage:.3f} σ where 80 % are flipped"


def _show(trial: "Trial", names: list[str], methods: list[str]) -> None:
    from lik.cli.change_page import headings, rows_of_table
    from lik.cli.truth_table import readings, truth_headings, truth_rows

    table(headings(), rows_of_table(trial, names, methods))
    say()
    for method, (ratio, common) in ratios(trial, names, methods).items():
        say(f"{method}: {ratio:.2f} × the leakage of class means at 80 %, over {len(common)} "
            f"attributes that every method flips on 80 %.")  # fmt: skip
    if trial.truth is not None:
        say("\nAgainst the true counterfactuals of drawn faces:")
        table(truth_headings(), truth_rows(trial, names, methods))
        say()
        say(readings(trial.truth))


def ratios(trial: "Trial", names: list[str], methods: list[str]) -> dict[str, tuple[float, Any]]:
    """Leakage of each method at 80 % over that of class means, averaged over what all can do."""
    import numpy as np

    found = {(name, method): trial.at(name, method, 0.8) for name in names for method in methods}
    common = [name for name in names if all(found[name, method] for method in methods)]
    if "means" not in methods or not common:
        return {}
    answer = {}
    for method in methods:
        parts = []
        for name in common:
            mine, classical = found[name, method], found[name, "means"]
            assert mine is not None
            assert classical is not None
            parts.append(mine.leakage / classical.leakage)
        answer[method] = (float(np.mean(parts)), common)
    return answer
