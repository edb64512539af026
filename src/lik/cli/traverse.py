"""lik traverse: latent traversals, in which one trait or one dimension changes step by step."""

from lik.app.directions import open_editor
from lik.app.opened import OpenedRun
from lik.app.pretrained import run_and_rest
from lik.app.sampling import TAME, code_source
from lik.app.selection import Selection, open_given
from lik.app.traversal import draw_traversals, traverse_attributes, traverse_dimensions
from lik.cli.options import (
    Arrays,
    Count,
    Device,
    EditMethod,
    Faces,
    FittedPrior,
    Given,
    Networks,
    Out,
    RunOrNone,
    Seed,
    Split,
    Temperature,
    flag,
    option,
)
from lik.cli.output import note, progress, save_figure
from lik.core.errors import UnusableInput


def traverse(
    run: RunOrNone = None,
    given: Given = None,
    attribute: list[str] | None = option(
        None,
        "An attribute to change, such as Smiling; may be repeated.",
        "NAME",
        "--attribute",
        "-a",
    ),
    dimension: list[int] | None = option(
        None,
        "A latent dimension to change, counted from 0; may be repeated "
        "(default: the five with the highest KL).",
        "K",
        "--dimension",
        "-d",
    ),
    method: EditMethod = None,
    classifier: Networks = None,
    steps: int = option(6, "Steps of a strip.", "N", min=2),
    reach: float | None = option(
        None,
        "Where strips end: ±REACH prior σ for dimensions, ±REACH strengths for attributes.",
        "REACH",
        show_default="3; 1, 1.5 or 2",
        min=0,
    ),
    generated: bool = flag("--generated", "Of generated faces."),
    count: Count = 2,
    faces: Faces = None,
    split: Split = "test",
    seed: Seed = 0,
    temperature: Temperature = None,
    prior: FittedPrior = None,
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw strips in which one trait or one dimension of a face changes, step by step.

    Example: lik traverse runs/first photo.jpg --attribute Smiling --attribute Eyeglasses
    """
    if not generated and (prior or temperature is not None):
        raise UnusableInput("--prior and --temperature go with --generated.")
    run, given = run_and_rest(run, given)
    if generated and given:
        raise UnusableInput("--generated takes no pictures.")
    opened = OpenedRun(run, device, notify=note)
    shown = editor = None
    if generated:
        source = code_source(opened, prior, temperature, TAME, note)
        codes = source(count, seed)
        described = f"{count} generated faces, {source.described}, seed {seed}"
    else:
        selection = Selection(split, (), (), count, seed)
        shown_set = None if given else faces  # else it is what directions are learned from
        shown = open_given(opened, selection, given or [], shown_set, notify=note)
        codes, described = opened.session.encode(shown.pictures), shown.description
    strips = []
    with progress() as step:
        if attribute:
            editor = open_editor(
                opened, method, classifier or [], faces, progress=step, notify=note
            )
            strips += traverse_attributes(opened, codes, editor, attribute, steps, reach, step)
        if dimension or not attribute:
            strips += traverse_dimensions(opened, codes, dimension or [], steps, reach, faces)
        drawn = draw_traversals(opened, shown, codes, described, strips, editor)
    save_figure(opened, drawn, out, arrays)
