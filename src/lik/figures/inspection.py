"""The page of `lik inspect`: a face set at a glance, its best and worst, and what was left out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lik.faces.set.faceset import FaceSet, Rejected
from lik.faces.set.statistics import (
    Frequency,
    Values,
    correlations,
    members,
    spread,
    strongest,
)
from lik.figures.distributions import correlation_map, frequency_bars, histograms, signed
from lik.figures.grids import Row, sheet
from lik.figures.page import Section, data_uri, write_page
from lik.figures.rankings import RANKINGS, Ranking, known_of, limit_of, worth_ranking

TILE, COLUMNS = 96, 9
MOST_GROUPS, MOST_LEFT_OUT = 45, 18
"""Groups of duplicates, and faces for each reason, that are shown at most."""


def write_inspection(
    path: Path,
    faces: FaceSet,
    measures: dict[str, Values],
    frequencies: Sequence[Frequency],
    facts: Sequence[tuple[str, str]],
) -> None:
    """Write the page, one file that holds all its pictures.

    Args:
        path: where.
        faces: the set.
        measures: its measures, complete as far as they can be.
        frequencies: those of its attributes.
        facts: what stands in the table at the top.
    """
    sections = [
        Section(
            "At a glance",
            "What the set is made of.",
            table=facts,
            command=f"lik inspect {faces.path}",
        ),
        _evenly(faces),
        *_spreads(measures),
        *(
            _ranked(faces, measures[r.measure], r)
            for r in RANKINGS
            if worth_ranking(measures[r.measure])
        ),
        *_duplicates(faces, members(measures["duplicate"])),
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
    count = 6 * COLUMNS
    chosen = np.unique(np.linspace(0, len(faces) - 1, count).round().astype(int))
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


def _spreads(measures: dict[str, Values]) -> Iterator[Section]:
    shown = [(name, values) for name, values in measures.items() if name != "duplicate"]
    panels = [(name, values) for name, values in shown if worth_ranking(values)]
    rows = []
    for name, values in shown:
        s = spread(values)
        if s is not None:
            numbers = (s.least, s.lower_quartile, s.median, s.upper_quartile, s.most)
            rows.append([name, f"{s.known:,}", *(f"{number:.3g}" for number in numbers)])
    if not rows:
        return
    yield Section(
        "Measures",
        "How they are spread; the orange line is the median. Score: how sure the detector was. "
        "Detected: side of the face in its picture, in pixels. Sharpness and brightness: see "
        "below. Invented: share of the crop that lay outside of the picture.",
        data_uri(histograms(panels)) if panels else None,
        "Histograms of the measures",
        table=rows,
        columns=("", "known", "least", "lower quartile", "median", "upper quartile", "most"),
    )


def _ranked(faces: FaceSet, values: Values, ranking: Ranking) -> Section:
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    if not ranking.worst_is_low:
        order = order[::-1]
    count = min(2 * COLUMNS, len(order) // 2)
    if not ranking.worst_is_low:
        count = min(count, int((values > values[order[-1]]).sum()))
    ends = [(ranking.worst, order[:count])]
    if ranking.best:
        ends.append((ranking.best, order[::-1][:count]))
    rows = [
        row
        for label, chosen in ends
        for row in _rows(
            _tiles(faces.images, chosen),
            [f"{values[index]:.{ranking.digits}f}" for index in chosen],
            label.replace(" ", "\n"),
        )
    ]
    text, command = ranking.text, ""
    limit = limit_of(values, ranking)
    if limit is not None:
        share = limit[1] / len(known)
        text += (
            f" The limit below would leave out {limit[1]:,} of {len(known):,} faces "
            f"({100 * share:.1f} %)."
        )
        command = f"lik prepare SOURCE OUT {ranking.limit} {limit[0]:g}"
    section = _faces_section(ranking.heading, text, rows)
    return Section(section.heading, text, section.picture, section.alt, command=command)


def _duplicates(faces: FaceSet, groups: list[NDArray[np.int64]]) -> Iterator[Section]:
    if not groups:
        return
    pictures, captions = [], []
    line: list[NDArray[np.uint8]] = []
    words: list[str] = []
    for group in groups[:MOST_GROUPS]:
        shown = group[:COLUMNS]
        if line and len(line) + 1 + len(shown) > COLUMNS:
            pictures.append(line)
            captions.append(words)
            line, words = [], []
        if line:
            line.append(np.full((TILE, TILE, 3), 255, np.uint8))
            words.append("")
        line += list(_tiles(faces.images, shown))
        words += [_base(faces.names[index]) for index in shown]
    pictures.append(line)
    captions.append(words)
    rows = [
        Row(np.stack(line), captions=words) for line, words in zip(pictures, captions, strict=True)
    ]
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
            rows += _rows(tiles, [_base(name) for name, _ in chosen], _broken(reason))
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
    yield Section(
        section.heading, section.text, section.picture, section.alt, table,
        columns=("reason", "how many", "for example"),
    )  # fmt: skip


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
            "How they are spread; the orange line is the median.",
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
                (f"{pair.first} – {pair.second}".replace("_", " "), signed(pair.value))
                for pair in top
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


def _rows(
    tiles: NDArray[np.uint8], captions: Sequence[str], label: str = "", columns: int = COLUMNS
) -> list[Row]:
    """Tiles in rows, the first of which has the label."""
    return [
        Row(
            tiles[start : start + columns],
            label if start == 0 else "",
            new_group=start == 0,
            captions=captions[start : start + columns],
        )
        for start in range(0, len(tiles), columns)
    ]


def _tiles(images: NDArray[np.uint8], chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.stack([_scaled(np.asarray(images[index])) for index in chosen])


def _scaled(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    method = cv2.INTER_AREA if len(picture) > TILE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (TILE, TILE), interpolation=method), np.uint8)


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _short(name: str, most: int = 36) -> str:
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def _broken(text: str, width: int = 16) -> str:
    """The text in lines of about ``width`` letters."""
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
