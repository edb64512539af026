"""What `lik evaluate-changes` tells of drawn faces, beside the judge: changes against the truth."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lik.evaluation.changes import SHARES, Change
from lik.evaluation.counterfactuals import FITTED, ChangeBesideTruth, Truth

if TYPE_CHECKING:
    from lik.cli.change_trial import Trial

EXPLANATION = (
    "The true counterfactual of a drawn face is the face drawn again with the trait changed and "
    "all other factors the same. Counterfactual error: squared error of the changed decodings "
    "against those of the true counterfactuals, over that of the unchanged ones; 0 is exactly "
    "the true change, 1 no better than none. Factor leakage: mean movement of the other factors, "
    "as read from the decodings by ridge regression, in standard deviations. Both where the judge "
    "sees 50, 80 and 95 % of all faces flipped, over the faces that have a counterfactual. The row "
    "“true change” is the counterfactuals themselves, encoded and decoded: the movement of their "
    "other factors is the floor, and where the judge sees few of them flipped, the decodings do "
    "not show the trait."
)


def truth_headings() -> tuple[str, ...]:
    """What the columns of the table are."""
    return (
        "attribute, method", "error: 50 %", "80 %", "95 %", "factors leak, σ: 50 %", "80 %", "95 %",
        "faces",
    )  # fmt: skip


def truth_rows(trial: "Trial", names: list[str], methods: list[str]) -> list[tuple[str, ...]]:
    """A row for each attribute and method, and one for the true change itself."""
    rows = []
    for name in names:
        true = trial.true_changes[name]
        for method in methods:
            found = [trial.at(name, method, share) for share in SHARES]
            rows.append((
                f"{name}, {method}", *(_figure(at, "counterfactual_error") for at in found),
                *(_figure(at, "factor_leakage") for at in found), f"{len(true.places):,}",
            ))  # fmt: skip
        if true.change is not None:
            rows.append((
                f"{name}, true change (flips {100 * true.change.flipped:.0f} %)", "0.00", "", "",
                _figure(true.change, "factor_leakage"), "", "", f"{len(true.places):,}",
            ))  # fmt: skip
    return rows


def truth_as_json(trial: "Trial", truth: Truth) -> dict[str, Any]:
    """How the factors are read, and what the true changes are."""
    reader = truth.reader
    return {
        "factors_read": {name: round(r2, 4) for name, r2 in reader.factors.items()},
        "fitted_to": min(FITTED, len(trial.faces.to_learn_from())),
        "true_changes": [
            {"attribute": name, "faces": len(true.places),
             "change": None if true.change is None else asdict(true.change)}
            for name, true in trial.true_changes.items()
        ],
    }  # fmt: skip


def readings(truth: Truth) -> str:
    """Which factors are read, in a sentence."""
    factors = truth.reader.factors
    if not factors:
        return "No factor can be read from these decodings, so that there is no factor leakage."
    return f"{len(factors)} of the {len(truth.faces.factor_names)} factors are read well enough " \
           f"to count (R² ≥ 0.5 on other faces): {', '.join(factors)}."  # fmt: skip


def _figure(change: Change | None, name: str) -> str:
    value = getattr(change, name) if isinstance(change, ChangeBesideTruth) else None
    return "–" if value is None else f"{value:.2f}"
