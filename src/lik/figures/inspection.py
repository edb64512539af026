"""The page of `lik inspect`: a face set at a glance, its best and worst, and what was left out."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.set.faceset import FaceSet, Rejected
from lik.faces.set.statistics import (
    Frequency,
    Values,
    correlations,
    known_of,
    members,
    quartiles_of,
    strongest,
    suggested_limit,
    worth_ranking,
)
from lik.figures.distributions import correlation_map, frequency_bars, histograms
from lik.figures.grids import Pictures, Row, sheet
from lik.figures.page import Section, data_uri, write_page

TILE, COLUMNS = 96, 9
MOST_GROUPS, MOST_LEFT_OUT = 45, 18
"""Groups of duplicates, and faces for each reason, that are shown at most."""

GAP = -1
"""In place of a face's index: room between two groups."""


@dataclass(frozen=True)
class Ranking:
    """A measure, what its two ends are called, and the limit that cuts off the bad ones.

    Attributes:
        best: empty where only one end is worth looking at.
        limit: the field of `lik.faces.set.quality.Limits`.
        digits: of a limit behind the point.
    """

    measure: str
    heading: str
    text: str
    worst: str
    limit: str
    best: str = ""
    digits: int = 2

    @property
    def worst_is_low(self) -> bool:
        """Whether what lies below the limit is left out."""
        return self.limit.startswith("min")

    def suggestion(self, values: Values) -> tuple[float, int] | None:
        """A limit that would leave out about one face in a hundred, and how many it would."""
        return suggested_limit(values, self.worst_is_low, self.digits)


RANKINGS = (
    Ranking(
        "sharpness",
        "Sharpness",
        "How much of the finest detail that its pixels could hold a face does hold, whatever its "
        "contrast: 0 is blurred, or enlarged from a small one, and about 0.5 a good photograph.",
        "most blurred",
        "min_sharpness",
        "sharpest",
    ),
    Ranking(
        "brightness",
        "Brightness: the darkest",
        "The mean luma of the middle of the face, from 0, black, to 1, white. Dark skin is not a "
        "dark photograph: look before you set a limit.",
        "darkest",
        "min_brightness",
    ),
    Ranking(
        "brightness",
        "Brightness: the brightest",
        "The other end of the same.",
        "brightest",
        "max_brightness",
    ),
    Ranking(
        "score",
        "Detection: the surest and the least sure",
        "How sure the detector was that this is a face. What is no face, or is cut askew, is "
        "mostly found among the least sure.",
        "least sure",
        "min_score",
        "surest",
        digits=3,
    ),
    Ranking(
        "detected",
        "The smallest detections",
        "The side of the face in the picture that it comes from, in pixels. Faces smaller than "
        "the size of the set were enlarged.",
        "smallest",
        "min_detected",
        digits=0,
    ),
    Ranking(
        "padding_fraction",
        "Padding",
        "The share of the crop that lay outside of the picture and was filled by reflection.",
        "most padding",
        "max_padding",
    ),
)


def write_inspection(
    path: Path,
    faces: FaceSet,
    frequencies: Sequence[Frequency],
    facts: Sequence[tuple[str, str]],
    command: str = "",
    in_words: Callable[[str, float], str] = "{} = {:g}".format,
) -> None:
    """Write the page of a set, one file that holds all its pictures.

    ``facts`` stand in the table at the top; ``in_words`` says how a limit is set, from its field in
    `lik.faces.set.quality.Limits` and its value.
    """
    ranked = [r for r in RANKINGS if worth_ranking(faces.measures[r.measure])]
    sections = [
        Section("At a glance", "What the set is made of.", table=facts, command=command),
        _evenly(faces),
        *_measures(faces.measures),
        *(_ranked(faces, faces.measures[r.measure], r, in_words) for r in ranked),
        *_duplicates(faces, members(faces.measures["duplicate"])),
        *_left_out(faces.rejected()),
        *_attributes(faces, frequencies),
        *_factors(faces),
    ]
    write_page(
        path,
        f"The face set “{faces.path.resolve().name}”",
        [
            f"{len(faces):,} faces of {faces.size}×{faces.size} pixels, cut from "
            f"{faces.description['source']}.",
            "Private: this page holds the faces themselves, and some that were left out. It may "
            "be passed on only as the pictures may that they were cut from.",
        ],
        sections,
        "Made by Lik on this machine; nothing was sent anywhere.",
    )


def _evenly(faces: FaceSet) -> Section:
    chosen = np.unique(np.linspace(0, len(faces) - 1, 6 * COLUMNS).round().astype(int))
    which = (
        f"{len(chosen)} of them, evenly from the first to the last"
        if len(chosen) < len(faces)
        else "All of them, in the order of the source"
    )
    return _faces_section(
        "The faces",
        f"{which}. Eyes should lie on one line, at the same height in all of them.",
        _rows(_tiles(faces.images, chosen), [_base(faces.names[index]) for index in chosen]),
    )


def _measures(measures: dict[str, Values]) -> Iterator[Section]:
    known = quartiles_of(measures)
    if not known:
        return
    panels = [(name, measures[name]) for name in known if worth_ranking(measures[name])]
    yield Section(
        "Measures",
        "How they are distributed; the orange line is the median. Score: how sure the detector "
        "was. Detected: side of the face in its picture, in pixels. Sharpness and brightness: see "
        "below. Padding fraction: share of the crop that lay outside of the picture.",
        data_uri(histograms(panels)) if panels else None,
        "Histograms of the measures",
        table=[[name.replace("_", " "), *each.in_words()] for name, each in known.items()],
        columns=("", "known", "least", "lower quartile", "median", "upper quartile", "most"),
    )


def _ranked(
    faces: FaceSet, values: Values, ranking: Ranking, in_words: Callable[[str, float], str]
) -> Section:
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    count = min(2 * COLUMNS, len(order) // 2)
    if not ranking.worst_is_low:
        order = order[::-1]
        count = min(count, int((values > values[order[-1]]).sum()))
    ends = [(ranking.worst, order[:count])]
    if ranking.best:
        ends.append((ranking.best, order[::-1][:count]))
    rows = []
    for label, chosen in ends:
        captions = [f"{values[index]:.{ranking.digits}f}" for index in chosen]
        rows += _rows(_tiles(faces.images, chosen), captions, label.replace(" ", "\n"))
    text, command = ranking.text, ""
    limit = ranking.suggestion(values)
    if limit is not None:
        text += (
            f" The limit below would leave out {limit[1]:,} of {len(known):,} faces "
            f"({100 * limit[1] / len(known):.1f} %)."
        )
        command = in_words(ranking.limit, limit[0])
    return replace(_faces_section(ranking.heading, text, rows), command=command)


def _duplicates(faces: FaceSet, groups: list[NDArray[np.int64]]) -> Iterator[Section]:
    if not groups:
        return
    lines: list[list[int]] = [[]]
    for group in groups[:MOST_GROUPS]:
        shown = group[:COLUMNS].tolist()
        if lines[-1] and len(lines[-1]) + 1 + len(shown) > COLUMNS:
            lines.append([])
        lines[-1] += [GAP, *shown] if lines[-1] else shown
    rows = []
    for line in lines:
        captions = ["" if index == GAP else _base(faces.names[index]) for index in line]
        rows.append(Row(_tiles(faces.images, line), captions=captions))
    count = sum(map(len, groups))
    astride = sum(len(set(faces.splits[group])) > 1 for group in groups)
    some = "" if len(groups) <= MOST_GROUPS else f" The {MOST_GROUPS} largest are shown."
    yield _faces_section(
        "Near-duplicates",
        f"{_counted(count, 'face')} in {_counted(len(groups), 'group')}, each of one photograph "
        f"that is there more than once, encoded, scaled or cut differently.{some} They count "
        f"double in training, and where they lie in different splits, as {astride:,} of these "
        "groups do, the test is made easier than it should be.",
        rows,
    )


def _left_out(rejected: list[Rejected]) -> Iterator[Section]:
    if not rejected:
        return
    reasons: dict[str, list[Rejected]] = {}
    for entry in rejected:
        reasons.setdefault(entry.reason, []).append(entry)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    rows = []
    for reason, entries in ordered:
        seen = [(e.name, e.thumbnail) for e in entries if e.thumbnail is not None]
        if seen:
            step = max(1, len(seen) // MOST_LEFT_OUT)
            chosen = seen[::step][:MOST_LEFT_OUT]
            tiles = np.stack([_scaled(picture) for _, picture in chosen])
            label = "\n".join(textwrap.wrap(reason, 16))
            rows += _rows(tiles, [_base(name) for name, _ in chosen], label)
    section = _faces_section(
        "Left out",
        f"{_counted(len(rejected), 'picture')} or faces of pictures were left out, for these "
        "reasons. If good ones are among them, a limit is too strict.",
        rows,
    )
    table = [
        (reason, f"{len(entries):,}", ", ".join(_short(_base(e.name)) for e in entries[:3]))
        for reason, entries in ordered
    ]
    yield replace(section, table=table, columns=("reason", "how many", "for example"))


def _attributes(faces: FaceSet, frequencies: Sequence[Frequency]) -> Iterator[Section]:
    binary = [f for f in frequencies if f.binary and f.known]
    if binary:
        yield Section(
            "Attributes",
            "How often each is present. The bar is over all faces; where a dot lies off its end, "
            "that split differs from the whole.",
            data_uri(frequency_bars(binary)),
            "Bars of attribute frequencies",
        )
    others = [f.name for f in frequencies if not f.binary and f.known]
    if others:
        columns = {name: faces.attributes[:, faces.attribute_names.index(name)] for name in others}
        yield Section(
            "Attributes with numbers",
            "How they are distributed; the orange line is the median.",
            data_uri(histograms([(name.replace("_", " "), columns[name]) for name in others])),
            "Histograms of attributes",
        )
    matrix = correlations(faces.attributes)
    top = strongest(matrix, faces.attribute_names, 12)
    if top:
        yield Section(
            "What goes together",
            "Correlations of the attributes. A model learns these too: a direction in its latent "
            "space that is named after one attribute carries along what goes with it.",
            data_uri(correlation_map(matrix, faces.attribute_names)),
            "Map of the correlations of attributes",
            table=[
                (f"{pair.first} – {pair.second}".replace("_", " "), pair.in_words()) for pair in top
            ],
        )


def _factors(faces: FaceSet) -> Iterator[Section]:
    if faces.factors is None:
        return
    columns = zip(faces.factor_names, faces.factors.T, strict=True)
    panels = [(name.replace("_", " "), values) for name, values in columns if len(known_of(values))]
    if panels:
        yield Section(
            "True factors",
            "These faces are drawn, and this is what they were drawn from.",
            data_uri(histograms(panels, columns=4)),
            "Histograms of the factors",
        )


def _faces_section(heading: str, text: str, rows: Sequence[Row]) -> Section:
    picture = data_uri(sheet(rows), photographic=True) if rows else None
    return Section(heading, text, picture, heading)


def _rows(tiles: Pictures, captions: Sequence[str], label: str = "") -> list[Row]:
    """Tiles in rows, the first of which has the label."""
    parts = [slice(start, start + COLUMNS) for start in range(0, len(tiles), COLUMNS)]
    return [
        Row(tiles[part], "" if part.start else label, not part.start, captions[part])
        for part in parts
    ]


def _tiles(images: Pictures, chosen: Sequence[int] | NDArray[np.int64]) -> Pictures:
    """The faces of these indices (N, T, T, 3); white for `GAP`."""
    white = np.full((TILE, TILE, 3), 255, np.uint8)
    return np.stack([white if i == GAP else _scaled(np.asarray(images[i])) for i in chosen])


def _scaled(picture: Pictures) -> Pictures:
    method = cv2.INTER_AREA if len(picture) > TILE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (TILE, TILE), interpolation=method), np.uint8)


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _short(name: str, most: int = 36) -> str:
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
