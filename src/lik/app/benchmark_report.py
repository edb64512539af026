"""What a benchmark of edits says: tables, a page of strips, and all of it as plain values."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.app.benchmark import SHOWN, Benchmark
from lik.app.selection import spelt
from lik.core.artifacts import file_stem, write_json
from lik.core.pixels import to_uint8
from lik.evaluation.counterfactuals import (
    FITTED,
    CounterfactualReferences,
    ReferencedMetrics,
)
from lik.evaluation.edit_metrics import SHARES, EditMetrics
from lik.figures.grids import Row, sheet
from lik.figures.page import Section, write_page
from lik.figures.png import save_png

HEADINGS = (
    "attribute, method", "leaks, σ: 50 %", "80 %", "95 %", "others flipped",
    "identity", "outside", "pixels", "strength",
)  # fmt: skip
TRUTH_HEADINGS = (
    "attribute, method", "error: 50 %", "80 %", "95 %", "factors leak, σ: 50 %", "80 %", "95 %",
    "faces",
)  # fmt: skip

EXPLANATION = (
    "Leakage: mean movement of the other logits of the classifier, in standard deviations over the "
    "original faces, where 50, 80 and 95 % of the faces are flipped; all else at 80 %: share of "
    "the other logits that changed sides, cosine of the classifier's features before and after, "
    "share of the change outside of the trait's region, mean change of a pixel, strength (prior σ; "
    "for guided edits, 0 to 2)."
)
TRUTH_EXPLANATION = (
    "The true counterfactual of a drawn face is the face drawn again with the trait changed and "
    "all other factors the same. Counterfactual error: squared error of the edited decodings "
    "against those of the true counterfactuals, over that of the unedited ones; 0 is exactly "
    "the true change, 1 no better than none. Factor leakage: mean movement of the other factors, "
    "as read from the decodings by ridge regression, in standard deviations. Both where the "
    "classifier sees 50, 80 and 95 % of all faces flipped, over the faces that have a "
    "counterfactual. The row “true change” is the counterfactuals themselves, encoded and decoded: "
    "the movement of their other factors is the real-vs-real baseline, and where the classifier "
    "sees few of them flipped, the decodings do not show the trait."
)


def rows_of(found: Benchmark) -> list[tuple[str, ...]]:
    """A row for each attribute and method; what stands right of the leakage is at 80 %."""
    rows = []
    for (name, method), result in found.results.items():
        leaks = [f"{at.leakage:.2f}" if at else "–" for at in map(result.at, SHARES)]
        at = result.at(0.8)
        if at is None:
            rest: tuple[str, ...] = (f"flips {100 * result.most:.0f} % at most", *["–"] * 4)
        else:
            outside = "–" if np.isnan(at.outside) else f"{100 * at.outside:.0f} %"
            rest = (
                f"{100 * at.others_flipped:.1f} %", f"{at.identity:.3f}", outside,
                f"{at.pixels:.3f}", f"{at.strength:.2f}",
            )  # fmt: skip
        rows.append((f"{name}, {method}", *leaks, *rest))
    return rows


def truth_rows(found: Benchmark) -> list[tuple[str, ...]]:
    """A row for each attribute and method, and one for the true change itself."""
    rows = []
    for name in found.attributes:
        true = found.true_changes[name]
        for method in found.methods:
            at = [found.results[name, method].at(share) for share in SHARES]
            rows.append((
                f"{name}, {method}", *(_figure(one, "counterfactual_error") for one in at),
                *(_figure(one, "factor_leakage") for one in at), f"{len(true.places):,}",
            ))  # fmt: skip
        if true.change is not None:
            rows.append((
                f"{name}, true change (flips {100 * true.change.flipped:.0f} %)", "0.00", "", "",
                _figure(true.change, "factor_leakage"), "", "", f"{len(true.places):,}",
            ))  # fmt: skip
    return rows


def sentences_of(found: Benchmark) -> list[str]:
    """How much each method leaks beside class means."""
    return [
        f"{method}: {ratio:.2f} × the leakage of class means at 80 %, over {len(common)} "
        "attributes that every method flips on 80 %."
        for method, (ratio, common) in found.ratios().items()
    ]


def factors_read(truth: CounterfactualReferences) -> str:
    """Which factors are read, in a sentence."""
    factors = truth.reader.factors
    if not factors:
        return "No factor can be read from these decodings, so that there is no factor leakage."
    return (
        f"{len(factors)} of the {len(truth.faces.factor_names)} factors are read well enough to "
        f"count (R² ≥ 0.5 on other faces): {', '.join(factors)}."
    )


def as_plain_values(found: Benchmark) -> dict[str, Any]:
    """All of it, for programs."""
    answer: dict[str, Any] = {
        "run": found.run.name, **found.about,
        "results": [asdict(result) for result in found.results.values()],
    }  # fmt: skip
    if found.truth is not None:
        answer["truth"] = {
            "factors_read": {n: round(r2, 4) for n, r2 in found.truth.reader.factors.items()},
            "fitted_to": min(FITTED, len(found.truth.faces.to_learn_from())),
            "true_changes": [
                {"attribute": name, "faces": len(true.places),
                 "change": None if true.change is None else asdict(true.change)}
                for name, true in found.true_changes.items()
            ],
        }  # fmt: skip
    return answer


def write_report(folder: Path, found: Benchmark, command: str) -> Path:
    """Write edits.json, index.html and its strips, which may show real people, into a folder."""
    write_json(folder / "edits.json", as_plain_values(found))
    sections = [
        Section("The table", EXPLANATION, table=rows_of(found), columns=HEADINGS, command=command)
    ]
    if found.truth is not None:
        text = f"{TRUTH_EXPLANATION} {factors_read(found.truth)}"
        sections.append(
            Section("Against the truth", text, table=truth_rows(found), columns=TRUTH_HEADINGS)
        )
    for name in found.attributes:
        picture = f"{file_stem(name)}.png"
        image = sheet(_strip(found, name), f"{spelt(name)}, flipped", "", tile=96)
        save_png(folder / picture, image, command=command, run=found.run.name)
        text = "Each method at the strength measured that comes nearest to 80 % of faces flipped."
        if name in found.true_changes:
            text += " Below, the decoding of the true counterfactual, where a face has one."
        sections.append(Section(spelt(name), text, picture, f"strips of {name}"))
    page = folder / "index.html"
    write_page(
        page, f"Edits by the run “{found.run.name}”", [_who(found)], sections, "Made by Lik."
    )
    return page


def _strip(found: Benchmark, name: str) -> list[Row]:
    if found.request.generated:
        rows = [Row(found.reconstructions, "as drawn")]
    else:
        originals = Row(found.originals[:SHOWN], "original")
        rows = [originals, Row(found.reconstructions, "reconstruction")]
    rows += [
        Row(found.shown[name, method], method, new_group=number == 0)
        for number, method in enumerate(found.methods)
    ]
    if name in found.true_changes:
        rows.append(Row(_truly(found, name), "true change", new_group=True))
    return rows


def _who(found: Benchmark) -> str:
    """Whose faces these are."""
    count = found.about["faces"]
    if found.request.generated:
        return f"Measured on {count} generated faces: none of these is of a person."
    which = f"faces of the set “{found.faces.path.name}”"
    if found.truth is not None:
        return f"Measured on {count} drawn {which}: none of these is of a person."
    return f"Measured on {count} {which}. These are real people: the page stays where it is."


def _truly(found: Benchmark, name: str) -> NDArray[np.uint8]:
    """Decodings of the true counterfactuals of the faces shown; white where there is none."""
    true = found.true_changes[name]
    pictures = np.full_like(found.reconstructions, 255)
    for number, place in enumerate(true.places):
        if place < len(pictures):
            pictures[place] = to_uint8(torch.from_numpy(true.after[number : number + 1]))[0]
    return pictures


def _figure(change: EditMetrics | None, name: str) -> str:
    value = getattr(change, name) if isinstance(change, ReferencedMetrics) else None
    return "–" if value is None else f"{value:.2f}"
