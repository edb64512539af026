"""The table and the page of `lik evaluate-changes`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lik.cli.output import command_line

if TYPE_CHECKING:
    from lik.cli.change_trial import Trial


def headings() -> tuple[str, ...]:
    """What the columns of the table are."""
    return (
        "attribute, method", "leaks, σ: 50 %", "80 %", "95 %", "others flipped",
        "identity", "outside", "pixels", "strength",
    )  # fmt: skip


def rows_of_table(trial: "Trial", names: list[str], methods: list[str]) -> list[tuple[str, ...]]:
    """A row for each attribute and method; what stands right of the leakage is at 80 %."""
    rows = []
    for name in names:
        for method in methods:
            found = [trial.at(name, method, share) for share in (0.5, 0.8, 0.95)]
            leaks = [f"{change.leakage:.2f}" if change else "–" for change in found]
            at = found[1]
            rest = ("–",) * 5
            if at is not None:
                outside = "–" if np.isnan(at.outside) else f"{100 * at.outside:.0f} %"
                rest = (
                    f"{100 * at.others_flipped:.1f} %", f"{at.identity:.3f}", outside,
                    f"{at.pixels:.3f}", f"{at.strength:.2f}",
                )  # fmt: skip
            else:
                most = max(change.flipped for change in trial.result(name, method).changes)
                rest = (f"flips {100 * most:.0f} % at most", "–", "–", "–", "–")
            rows.append((f"{name}, {method}", *leaks, *rest))
    return rows


def write_changes_page(folder: Path, trial: "Trial", names: list[str], methods: list[str]) -> None:
    """Write index.html and its strips, which show real people, into the user's run folder."""
    from lik.cli.change_trial import SHOWN
    from lik.cli.truth_table import EXPLANATION, readings, truth_headings, truth_rows
    from lik.figures.grids import Row, sheet
    from lik.figures.page import Section, write_page
    from lik.figures.png import save_png

    sections = [
        Section(
            "The table",
            "Leakage: mean movement of the other logits of the judge, in standard deviations over "
            "the original faces, where 50, 80 and 95 % of the faces are flipped; all else at "
            "80 %: share of the other logits that changed sides, cosine of the judge's features "
            "before and after, share of the change outside of the trait's region, mean change of "
            "a pixel, strength (prior σ; for guided changes, distance of the logit in σ).",
            table=rows_of_table(trial, names, methods),
            columns=headings(),
            command=command_line(),
        )
    ]
    if trial.truth is not None:
        sections.append(
            Section(
                "Against the truth",
                f"{EXPLANATION} {readings(trial.truth)}",
                table=truth_rows(trial, names, methods),
                columns=truth_headings(),
            )
        )
    reconstructions = trial.session.decode(trial.codes[:SHOWN])
    originals = trial.originals[:SHOWN]
    for name in names:
        rows = [Row(reconstructions, "as drawn" if trial.generated else "reconstruction")]
        rows = rows if trial.generated else [Row(originals, "original"), *rows]
        rows += [
            Row(trial.shown[name, method], method, new_group=number == 0)
            for number, method in enumerate(methods)
        ]
        if name in trial.true_changes:
            rows.append(Row(_truly(trial, name), "true change", new_group=True))
        picture = f"{name}.png"
        image = sheet(rows, f"{name.replace('_', ' ')}, flipped", "", tile=96)
        save_png(folder / picture, image, command=command_line(), run=trial.session.name)
        text = "Each method at the strength measured that comes nearest to 80 % of faces flipped."
        if name in trial.true_changes:
            text += " Below, the decoding of the true counterfactual, where a face has one."
        sections.append(Section(name.replace("_", " "), text, picture, f"strips of {name}"))
    write_page(
        folder / "index.html",
        f"Changes by the run “{trial.session.name}”",
        [_who(trial)],
        sections,
        "Made by Lik.",
    )  # fmt: skip


def _who(trial: "Trial") -> str:
    """Whose faces these are."""
    count, name = len(trial.codes), trial.faces.path.name
    if trial.generated:
        return f"Measured on {count} generated faces: none of these is of a person."
    if trial.truth is not None:
        return f"Measured on {count} drawn faces of the set “{name}”: none of these is of a person."
    return (
        f"Measured on {count} faces of the set “{name}”. "
        "These are real people: the page stays where it is."
    )


def _truly(trial: "Trial", name: str) -> NDArray[np.uint8]:
    """Decodings of the true counterfactuals of the faces shown; white where there is none."""
    import torch

    from lik.cli.change_trial import SHOWN
    from lik.core.pixels import to_uint8

    true, size = trial.true_changes[name], trial.session.size
    pictures = np.full((min(SHOWN, len(trial.codes)), size, size, 3), 255, np.uint8)
    those = true.places < len(pictures)
    pictures[true.places[those]] = to_uint8(torch.from_numpy(true.after[those]))
    return pictures
