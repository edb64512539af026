"""lik edit: change traits of photographs."""

from dataclasses import replace
from pathlib import Path

from lik.app.directions import traits_of
from lik.app.edit_targets import target_of_drawn, targets_of
from lik.app.editing import Edited, edit_code, edit_photograph, editor_for, hash_of, open_faces_of
from lik.app.edits import Edit
from lik.app.run import Run as OpenRun
from lik.app.source_records import PhotographSource, SourceRecord, code_of, source_in
from lik.cli.options import (
    Device,
    EditMethod,
    Faces,
    Invert,
    Networks,
    Photographs,
    Threads,
    eyes_of,
    flag,
    option,
)
from lik.cli.output import note, progress, say, table
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.core.events import no_progress
from lik.faces.photograph import Eyes
from lik.latent.guided import GUIDED


def edit(
    photographs: Photographs = None,
    run: str | None = option(
        None,
        "The run that edits: a folder, or the name of one that ships.",
        "RUN",
        "--run",
        show_default="faces, which ships with Lik",
    ),
    settings: list[str] | None = option(
        None,
        "Strength of an attribute, such as Smiling=1 or Young=-0.5 (or of a dimension, as "
        "dimension:17=2); may be repeated.",
        "NAME=NUMBER",
        "--set",
    ),
    to: list[str] | None = option(
        None,
        "Move each face until the network of --classifier gives the attribute this "
        "probability, such as Smiling=0.9; may be repeated.",
        "NAME=P",
        "--to",
    ),
    like: str | None = option(
        None,
        "Repeat the edit of this PNG, plus what --set adds; without a photograph, on the drawn "
        "or mixed face that it began with.",
        "PNG",
    ),
    method: EditMethod = None,
    classifier: Networks = None,
    face: int | None = option(
        None, "Which face of a photograph, the largest being 1.", "N", show_default="all", min=1
    ),
    mode: str | None = option(
        None,
        "transfer paints the edit onto the photograph; decode gives the plain decoding.",
        "MODE",
        show_default="transfer; decode for crops",
    ),
    eyes: list[str] | None = option(
        None,
        "Where the eyes of a face are, in pixels of the photograph, the left one in the picture "
        "first, where they are not found; repeat it for further faces.",
        "X,Y,X,Y",
    ),
    invert: Invert = None,
    traits: bool = flag("--traits", "List the traits: what strength 1 does, and what moves along."),
    faces: Faces = None,
    out: str | None = option(
        None, "The PNG to write; for several photographs a folder.", "PNG", "--out", "-o"
    ),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Edit photographs: more or less of a trait, painted onto the faces in them.

    Example: lik edit photo.jpg --set Smiling=1 -o smiling.png

    Guided: lik edit photo.jpg --run runs/first --set Smiling=1 --method guided --classifier NET
    """
    if traits:
        _show_traits(OpenRun(run, device, threads, note), method)
        return
    wanted = Edit.parse(settings or [], to or [])
    if like is not None:
        wanted = Edit.read(like) + wanted
    elif not (wanted.strengths or wanted.targets):
        raise UnusableInput("nothing is to be edited: say what with --set, --to or --like.")
    wanted = replace(
        wanted, method=method or wanted.method, face=face or wanted.face, mode=mode or wanted.mode
    )
    opened = OpenRun(run, device, threads, note)
    source = source_in(like) if like is not None else None
    if like is not None and not photographs and source and not isinstance(source, PhotographSource):
        _redraw(opened, source, wanted, target_of_drawn(out, opened.figures / "edited", like))
        return
    if isinstance(source, PhotographSource) and not photographs:
        raise UnusableInput(f"{like} was made of a photograph: name it, or another one.")
    targets = targets_of(photographs or [], out, opened.figures / "edited")
    shown = {hash_of(targets[0].source): eyes_of(eyes)} if eyes else _shown(source)
    if eyes and len(targets) > 1:
        raise UnusableInput("eyes are shown of one photograph at a time: name one.")
    if invert is None and wanted.record is not None:
        invert = wanted.record.inverted
    refused: list[Exception] = []
    with progress() as step:
        editor = editor_for(opened, wanted, classifier or [], faces, step, note)
        inner = step if len(targets) == 1 else no_progress
        sources = [target.source for target in targets]
        photos = open_faces_of(
            opened, sources, invert, progress=inner,
            eyes=lambda given: shown.get(hash_of(given), ()) if shown else (),
        )  # fmt: skip
        for done, (target, photo) in enumerate(zip(targets, photos, strict=True)):
            if len(targets) > 1:
                step("editing", done, len(targets))
            try:
                if isinstance(photo, UnusableInput):
                    raise photo
                edited = edit_photograph(opened, photo, wanted, editor, inner, note)
                edited.save(target.out)
            except (UnusableInput, FailedOnTheWay) as error:
                if not target.found:
                    raise
                refused.append(error)
                continue
            say(f"{target.out}  ({_told(edited, wanted)})")
    if refused and len(refused) == len(targets):
        raise UnusableInput(f"none of the {len(targets)} pictures will do: {refused[0]}")
    if refused:
        what = "1 picture was" if len(refused) == 1 else f"{len(refused)} pictures were"
        note(f"{what} passed over; the first: {refused[0]}")


def _redraw(run: OpenRun, source: SourceRecord, wanted: Edit, out: Path) -> None:
    """Draw a face again that is of no photograph, edited."""
    with progress() as step:
        editor = editor_for(run, wanted, progress=step, notify=note)
        edited = edit_code(run, code_of(run, source, progress=step), source, wanted, editor, step)
    for sentence in edited.notices:
        note(sentence)
    edited.save(out)
    say(f"{out}  ({_told(edited, wanted)})")


def _shown(source: SourceRecord | None) -> dict[str, tuple[Eyes, ...]]:
    """The eyes that a person has shown in the photograph of a source, by its hash."""
    if isinstance(source, PhotographSource) and source.eyes:
        return {source.sha256: source.eyes}
    return {}


def _show_traits(run: OpenRun, method: str | None) -> None:
    rows = [
        (
            name,
            f"{100 * found.without:.0f} → {100 * found.reached:.0f} %",
            f"{100 * found.plain:.0f} %",
            "" if found.person is None else f"{found.person:.2f}",
            ", ".join(f"{other} {100 * change:+.0f}" for other, change in found.along.items()),
        )
        for name, found in traits_of(run, method)
    ]
    if not rows and method == GUIDED:
        raise UnusableInput(
            f"guided edits of {run.name} are not calibrated: lik fit-directions RUN --method "
            "guided --distil does it."
        )
    if not rows:
        raise UnusableInput(
            f"the edits of {run.name} are not calibrated: nobody knows what strength 1 does.",
            needs="calibration",
        )
    table(("strength 1 of", "seen in", "plainly", "person", "moves along, in faces of 100"), rows)
    say("seen in: pictures of faces without the trait in which it is seen, before and after; "
        "plainly: as in most faces that have it, which should be 90 %; "
        "person: how far people move, in distances between two photographs of one.")  # fmt: skip


def _told(done: Edited, wanted: Edit) -> str:
    count = "1 face" if done.faces == 1 else f"{done.faces} faces"
    seen = [
        f"{name} {_listed(done.before[name])} → {_listed(done.after[name])}" for name in done.before
    ]
    what = str(wanted) or ("" if wanted.targets else "nothing edited")
    return "; ".join(filter(None, [count, what, *seen]))


def _listed(probabilities: list[float]) -> str:
    return ", ".join(f"{probability:.2f}" for probability in probabilities)
