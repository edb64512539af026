"""What KL does: the curves and tables of docs/kl.md.

    python studies/kl.py FACES WORK [--epochs 15] [--runs beta half …] [--docs DOCS]

trains the paper's first model over β, on both scales of the error, with warm-up, and with the
variance left to itself; what is trained already in WORK is not trained again, and a run that was
cut short goes on. Then it draws DOCS/images/kl-*.png, writes the tables of DOCS/kl.md, and all
numbers into WORK/kl.json. There are no pictures of faces in any of it.
"""

import argparse
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import kl_figures
from documents import DOCS, markdown_table, write_between
from lik.core.artifacts import write_json
from lik.figures.png import save_png
from linear import Spectrum, spectrum_of
from trained import Place, Planned, lines_of, measured, reported, train_all

BETAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
KINDS = ("beta", "half", "linear", "cyclical", "sigma")


def planned(steps: int) -> dict[str, list[Planned]]:
    """The runs of each kind, for trainings of so many steps."""
    sweep = [
        Planned(f"beta-{beta:g}", f"β = {beta:g}", (f"objective.beta={beta:g}",)) for beta in BETAS
    ]
    warmup = "objective.warmup.kind={}", "objective.warmup.steps={}"
    linear = (warmup[0].format("linear"), warmup[1].format(steps // 2))
    cyclical = (
        warmup[0].format("cyclical"), warmup[1].format(steps * 4 // 5),
        "objective.warmup.cycles=4", "objective.warmup.share=0.5",
    )  # fmt: skip
    sigma = ("objective.reconstruction=gaussian", "objective.variance=optimal")
    return {
        "beta": sweep,
        "half": [Planned("half", "½ of equation 1, β = 1", ("objective.reconstruction=half_sse",))],
        "linear": [Planned("warm-up-linear", "β = 1, linear warm-up", linear)],
        "cyclical": [Planned("warm-up-cyclical", "β = 1, cyclical warm-up", cyclical)],
        "sigma": [Planned("sigma-vae", "σ-VAE", sigma)],
    }


def main() -> None:
    """Train, measure, draw, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces")
    parser.add_argument("work")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--runs", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    wanted = parser.parse_args()
    place = Place.open(wanted.faces, wanted.work, wanted.device, wanted.threads)
    steps = wanted.epochs * math.ceil(len(place.data.train) / 64)
    kinds = planned(steps)
    runs = [run for kind in wanted.runs for run in kinds[kind]]
    train_all(place, runs, wanted.epochs)
    found = {run.name: measured(place, run.name) | {"label": run.label} for run in runs}
    courses = {run.name: lines_of(place.course(run.name)) for run in runs}
    latent = len(next(iter(found.values()))["kl_per_dimension"])
    spectrum = spectrum_of(place.faces.images[place.data.train], latent)
    command = f"python studies/kl.py {wanted.faces} {wanted.work} --epochs {wanted.epochs}"
    draw(wanted.docs / "images", found, courses, spectrum, steps, command)
    write_tables(wanted.docs / "kl.md", found, spectrum, place, wanted.epochs)
    content = {
        **place.about(), "epochs": wanted.epochs, "runs": found,
        "linear_model": {f"{beta:g}": spectrum.at(beta) for beta in BETAS},
        "courses": courses,
    }  # fmt: skip
    write_json(place.work / "kl.json", content)
    print(place.work / "kl.json")


def draw(
    images: Path,
    found: dict[str, Any],
    courses: dict[str, list[dict[str, Any]]],
    spectrum: Spectrum,
    steps: int,
    command: str,
) -> None:
    """Draw what the runs at hand allow."""
    sweep = {beta: f"beta-{beta:g}" for beta in BETAS if f"beta-{beta:g}" in found}
    labels = {name: measures["label"] for name, measures in found.items()}
    figures: dict[str, Any] = {}
    if sweep:
        by_beta = {beta: courses[name] for beta, name in sweep.items()}
        ends = {beta: found[name] for beta, name in sweep.items()}
        others = {labels[name]: found[name] for name in ("half", "sigma-vae") if name in found}
        figures["rate-distortion"] = kl_figures.rate_distortion(by_beta, ends, others, spectrum)
        figures["dimensions"] = kl_figures.dimensions(ends, spectrum)
    figures["steps"] = kl_figures.over_steps({labels[name]: c for name, c in courses.items()})
    warm = {
        name: courses[name]
        for name in ("beta-1", "warm-up-linear", "warm-up-cyclical")
        if name in courses
    }
    if len(warm) > 1:
        figures["warm-up"] = kl_figures.warm_up({labels[n]: c for n, c in warm.items()}, steps)
    for name, image in figures.items():
        path = images / f"kl-{name}.png"
        save_png(path, image, command=command)
        print(path)


def write_tables(
    document: Path, found: dict[str, Any], spectrum: Spectrum, place: Place, epochs: int
) -> None:
    """The tables of the document, each under the line that says what was measured."""
    about = place.about()
    where = (
        f"{about['train']:,} training faces, {epochs} epochs; measured on {about['test']:,} test "
        f"faces of `{about['faces']}` (crop {about['crop']['kind']}, SHA-256 "
        f"{about['faces_sha256'][:12]}…), one posterior sample each, seed 0; ± is the standard "
        "error over the faces."
    )
    write_between(document, "runs", f"{where}\n\n{runs_table(found)}")
    pairs = [beta for beta in BETAS if f"beta-{beta:g}" in found]
    if len(pairs) > 1:
        write_between(document, "chords", chords_table(found, pairs))
        write_between(document, "linear", linear_table(found, pairs, spectrum))
    if "half" in found and "beta-2" in found:
        write_between(document, "half", half_sentence(found))
    if "sigma-vae" in found:
        write_between(document, "sigma", sigma_sentence(found["sigma-vae"], place))


def runs_table(found: dict[str, Any]) -> str:
    """Every run in the published scale."""
    rows = []
    for measures in found.values():
        rows.append([
            measures["label"],
            f"{measures['kl']:.2f} ± {measures['kl_error'] or 0:.2f}",
            f"{measures['reconstruction']:.2f} ± {measures['reconstruction_error'] or 0:.2f}",
            f"{measures['loss']:.2f}",
            f"{measures['reconstruction_from_mean']:.2f}",
            f"{measures['active_units']}",
            f"{measures['psnr']:.2f}",
            f"{measures['ssim']:.3f}",
        ])  # fmt: skip
    headings = (
        "run", "rate: KL, nats", "distortion: Σ(x−x̂)²", "their sum", "Σ(x−x̂)² from the mean",
        "active units", "PSNR, dB", "SSIM",
    )  # fmt: skip
    return markdown_table(headings, rows)


def chords_table(found: dict[str, Any], betas: list[float]) -> str:
    """What a nat bought between neighbours of the sweep; it should lie between their β."""
    rows = []
    for low, high in pairwise(betas):
        less, more = found[f"beta-{low:g}"], found[f"beta-{high:g}"]
        nats = less["kl"] - more["kl"]
        gained = more["reconstruction"] - less["reconstruction"]
        price = gained / nats if nats else math.nan
        within = "yes" if low <= price <= high else "no"
        rows.append([
            f"{high:g} → {low:g}", f"{nats:.2f}", f"{gained:.2f}", f"{price:.2f}",
            f"{low:g} … {high:g}", within,
        ])  # fmt: skip
    headings = (
        "β", "more nats", "less Σ(x−x̂)²", "bought by a nat", "between the two β", "is it so",
    )  # fmt: skip
    return markdown_table(headings, rows)


def linear_table(found: dict[str, Any], betas: list[float], spectrum: Spectrum) -> str:
    """The runs beside the best linear model, which is computed and not trained."""
    rows = []
    for beta in betas:
        rate, distortion, active = spectrum.at(beta)
        measures = found[f"beta-{beta:g}"]
        rows.append([
            f"{beta:g}", f"{rate:.1f}", f"{measures['kl']:.1f}", f"{distortion:.1f}",
            f"{measures['reconstruction']:.1f}", f"{active}", f"{measures['active_units']}",
        ])  # fmt: skip
    headings = (
        "β", "KL, linear", "KL, trained", "Σ(x−x̂)², linear", "Σ(x−x̂)², trained",
        "active, linear", "active, trained",
    )  # fmt: skip
    return markdown_table(headings, rows)


def half_sentence(found: dict[str, Any]) -> str:
    """How near equation 1 at β = 1 comes to the published scale at β = 2."""
    half, double = found["half"], found["beta-2"]
    return (
        f"With the ½ at β = 1: KL {half['kl']:.2f} and Σ(x−x̂)² {half['reconstruction']:.2f}. "
        f"Without it at β = 2: KL {double['kl']:.2f} and Σ(x−x̂)² {double['reconstruction']:.2f}."
    )


def sigma_sentence(measures: dict[str, Any], place: Place) -> str:
    """The variance that the σ-VAE comes to, and the β that it amounts to."""
    values = place.faces.size**2 * 3
    variance = measures["reconstruction"] / values
    return (
        f"On the test faces the mean squared error is σ² = {measures['reconstruction']:.2f} / "
        f"{values:,} = {variance:.5f} (σ = {255 * variance**0.5:.1f} of 255), which is the "
        f"trade-off of β = 2σ² = {2 * variance:.4f} in the published scale; "
        f"KL is {measures['kl']:.1f} nats."
    )


if __name__ == "__main__":
    reported(main)
