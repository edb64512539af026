"""What a model trained for another likeness looks like: the second half of docs/likeness.md.

    python studies/likeness.py FACES WORK --features NET --judge NET [--epochs 15] [--docs DOCS]

trains the paper's first model with Σ(x−x̂)² alone, with structural similarity beside it, with
MS-SSIM, and with a distance in the features of a network (NET of --features). β is moved until
every run has the rate of the first, or somewhat less, so that none wins by saying more. Then all
are measured on the test faces, in the features of another network too (NET of --judge), which
trained none of them. It writes the table of DOCS/likeness.md and figures into DOCS/images; pictures
of faces only where the set is drawn, or decoded from random codes. The reconstructions of other
faces stay in WORK.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import likeness_figures
from documents import DOCS, markdown_table, write_between
from lik.core.artifacts import write_json
from lik.figures.png import save_png
from lik.latent.session import Session
from perception import perception
from trained import Place, Planned, lines_of, measured, reported, train_all

NEAR = 0.03
"""How far below the rate of the first run that of another may lie by default, as a share of it."""

SHOWN, TEMPERATURE = 8, 0.8


@dataclass(frozen=True)
class Wanted:
    """One likeness to train for: its name, its label, and its settings but for β."""

    name: str
    label: str
    settings: tuple[str, ...]


def objectives(features: str | None, ssim: float, ms_ssim: float, feature: float) -> list[Wanted]:
    """The objectives that are compared, the reference first; weights in nats a unit."""

    def mixed(label: str, name: str, terms: str, *more: str) -> Wanted:
        return Wanted(name, label, (f"objective.reconstruction={{{terms}}}", *more))

    found = [
        Wanted("sse", "Σ(x−x̂)²", ()),
        mixed(f"Σ(x−x̂)² + {ssim:g}·(1−SSIM)", "sse-ssim", f"sse: 1, ssim: {ssim:g}"),
        mixed(f"½Σ(x−x̂)² + {ms_ssim:g}·(1−MS-SSIM)", "ms-ssim", f"sse: 0.5, ms_ssim: {ms_ssim:g}"),
    ]
    if features:
        network = f"objective.features.network={Path(features).resolve()}"
        label = f"½Σ(x−x̂)² + {feature:g}·feature distance"
        found.append(mixed(label, "perceptual", f"sse: 0.5, features: {feature:g}", network))
    return found


def main() -> None:
    """Train, measure, draw, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("work")
    parser.add_argument("--features", metavar="NET", help="the network that trains the last run")
    parser.add_argument("--judge", metavar="NET", help="another one, that only measures")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--tries", type=int, default=4, help="of β, for each run")
    parser.add_argument("--near", type=float, default=NEAR, help="share that a rate may be lower")
    parser.add_argument("--ssim", type=float, default=200, help="weight of 1−SSIM")
    parser.add_argument("--ms-ssim", type=float, default=200, help="weight of 1−MS-SSIM")
    parser.add_argument("--feature-weight", type=float, default=100)
    parser.add_argument("--only", nargs="+", help="names of objectives, beside sse")
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    wanted = parser.parse_args()
    place = Place.open(wanted.faces, wanted.work, wanted.device, wanted.threads)
    compared = objectives(wanted.features, wanted.ssim, wanted.ms_ssim, wanted.feature_weight)
    compared = [o for o in compared if not wanted.only or o.name in ("sse", *wanted.only)]
    reference, *others = compared
    target = _trained_at(place, reference, 1.0, wanted.epochs)
    chosen = {reference: _run_name(reference, 1.0)}
    for objective in others:
        chosen[objective] = matched(
            target, lambda beta, o=objective: _trained_at(place, o, beta, wanted.epochs),
            wanted.tries, lambda beta, o=objective: _run_name(o, beta), wanted.near,
        )  # fmt: skip
    found = {}
    for objective, name in chosen.items():
        session = Session.load(place.run(name), place.device)
        found[objective.label] = {
            **measured(place, name),
            **perception(session, place, wanted.features, wanted.judge),
            "beta": float(name.rpartition("-beta-")[2]),
        }
    write_table(wanted.docs / "likeness.md", found, place, wanted.epochs)
    command = f"python studies/likeness.py {wanted.faces} {wanted.work}"
    draw(place, {o.label: name for o, name in chosen.items()}, found, wanted.docs, command)
    write_json(
        place.work / "likeness.json", {**place.about(), "epochs": wanted.epochs, "runs": found}
    )
    print(place.work / "likeness.json")


@dataclass(frozen=True)
class End:
    """Where a run ended on held-out faces: rate in nats and active units."""

    rate: float
    active: int


def matched(
    target: End,
    trained_at: Callable[[float], End],
    tries: int,
    name: Callable[[float], str],
    near: float = NEAR,
) -> str:
    """The run whose rate is nearest to the target's, and not above it if that can be had.

    In a linear model a dimension that is active loses ½ log 2 nats where β doubles, so that
    dR / d log β = −½ (active units) is the first guess; then the line through the last two runs.
    """
    beta, seen = 1.0, {}
    for _ in range(tries):
        end = trained_at(beta)
        seen[beta] = end.rate
        if (1 - near) * target.rate <= end.rate <= target.rate:
            return name(beta)
        slope = -0.5 * max(1, end.active)
        if len(seen) > 1:
            (b1, r1), (b2, r2) = list(seen.items())[-2:]
            found = (r2 - r1) / math.log(b2 / b1)
            slope = found if found < -1 else slope
        step = ((1 - NEAR / 2) * target.rate - end.rate) / slope
        beta = float(f"{beta * math.exp(min(max(step, -1.5), 1.5)):.4g}")
        if beta in seen:
            break
    below = [b for b, rate in seen.items() if rate <= target.rate]
    return name(min(below or seen, key=lambda b: abs(seen[b] - target.rate)))


def _run_name(objective: Wanted, beta: float) -> str:
    return f"{objective.name}-beta-{beta:g}"


def _trained_at(place: Place, objective: Wanted, beta: float, epochs: int) -> End:
    name = _run_name(objective, beta)
    run = Planned(name, objective.label, (*objective.settings, f"objective.beta={beta:g}"))
    train_all(place, [run], epochs)
    rate = [line["rate"] for line in lines_of(place.course(name)) if "rate" in line][-1]
    print(f"  rate {rate:.2f} nats on held-out faces", flush=True)
    return End(rate, measured(place, name)["active_units"])


def write_table(document: Path, found: dict[str, Any], place: Place, epochs: int) -> None:
    """Every measure of each objective."""
    about = place.about()
    columns = [c for c in likeness_figures.MEASURES if any(c.key in m for m in found.values())]
    rows = [
        [label, f"{m['beta']:g}", f"{m['kl']:.2f}", f"{m['reconstruction_from_mean']:.2f}"]
        + [f"{m[c.key]:.{c.digits}f}" for c in columns]
        for label, m in found.items()
    ]
    headings = ["trained for", "β", "KL, nats", "Σ(x−x̂)²", *(c.heading for c in columns)]
    where = (
        f"{about['train']:,} training faces, {epochs} epochs; measured on {about['test']:,} test "
        f"faces of `{about['faces']}` (crop {about['crop']['kind']}, SHA-256 "
        f"{about['faces_sha256'][:12]}…), seed 0, reconstructions from the means of the posteriors."
    )
    write_between(document, "objectives", f"{where}\n\n{markdown_table(headings, rows)}")


def draw(
    place: Place, runs: dict[str, str], found: dict[str, Any], docs: Path, command: str
) -> None:
    """The bars, and the faces side by side."""
    bars = docs / "images" / "likeness-measures.png"
    save_png(bars, likeness_figures.bars(found), command=command)
    sessions = {label: Session.load(place.run(name), place.device) for label, name in runs.items()}
    drawn = str(place.faces.description["source"]).startswith("drawn")
    originals = place.test_faces()[:SHOWN]
    reconstructions = likeness_figures.faces(
        {"original": originals}
        | {label: session.reconstruct(originals) for label, session in sessions.items()},
        "Reconstructions, by what the model was trained for",
    )
    images = docs / "images"
    path = (images if drawn else place.work) / "likeness-reconstructions.png"
    save_png(path, reconstructions, command=command, run=", ".join(runs.values()))
    # The same random codes for all, though a direction means another thing in each model.
    generated = likeness_figures.faces(
        {label: session.generate(SHOWN, 0, TEMPERATURE) for label, session in sessions.items()},
        f"New faces, temperature {TEMPERATURE}, by what the model was trained for",
    )
    new = images / "likeness-generated.png"
    save_png(new, generated, command=command, run=", ".join(runs.values()))
    for file in (bars, path, new):
        print(file)


if __name__ == "__main__":
    reported(main)
