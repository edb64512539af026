"""lik anomaly: which pictures are unlike the faces that a run learned from."""

import csv
from pathlib import Path

from lik.app.anomaly import Anomalies, draw_anomalies, find_anomalies
from lik.app.opened import OpenedRun
from lik.app.pretrained import run_and_rest
from lik.app.selection import Selection
from lik.cli.options import (
    CountOrAll,
    Device,
    Faces,
    Given,
    Json,
    Out,
    RunOrNone,
    Seed,
    Split,
    file_of,
    option,
)
from lik.cli.output import note, progress, save_figure, say, say_json
from lik.core.artifacts import replacing


def anomaly(
    run: RunOrNone = None,
    given: Given = None,
    faces: Faces = None,
    split: Split = "test",
    count: CountOrAll = None,
    by: str = option(
        "typicality",
        "What orders them: typicality, pixels, features, kl, distance or likelihood.",
        "SCORE",
    ),
    seed: Seed = 0,
    sheet: Out = None,
    table_out: str | None = option(
        None, "Also write the table of all, as CSV.", "CSV", "--csv", callback=file_of(".csv")
    ),
    json: Json = False,
    device: Device = "auto",
) -> None:
    """Tell which pictures are unlike the faces that a run learned from, the least usual first.

    Numbers are percentiles of the run's validation faces: 100 is less usual than all of them.

    Example: lik anomaly faces holiday/ -o unusual.png
    """
    run, given = run_and_rest(run, given)
    opened = OpenedRun(run, device, notify=note)
    selection = Selection(split, count=count, seed=seed)
    with progress() as step:
        found = find_anomalies(opened, given or [], faces, selection, by, step, note)
    if table_out is not None:
        _write_csv(Path(table_out), found)
    if json:
        say_json({"by": found.by, "pictures": found.rows})
    else:
        say(str(found))
    if sheet is not None or not json:
        save_figure(opened, draw_anomalies(opened, found), sheet, quietly=json)


def _write_csv(path: Path, found: Anomalies) -> None:
    """One line for each picture: its percentiles, then its scores."""
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        scores = [f"{name} score" for name in found.scores]
        lines.writerow(["name", "face", *found.percentiles, *scores])
        for row in found.rows:
            percentiles = [f"{value:.1f}" for value in row["percentiles"].values()]
            values = [f"{value:.6g}" for value in row["scores"].values()]
            lines.writerow([row["name"], int(row["face"]), *percentiles, *values])
