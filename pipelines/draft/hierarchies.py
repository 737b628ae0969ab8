"""Proposals of hierarchies: those that are shipped, labels that many people share, bands.

What is written down is never one person's: a label stands for at least so many people, cut points
are round numbers between quantiles of many, and ends are the same for every source.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from pipelines.draft.findings import Finding, find, hold_identifiers
from pipelines.draft.looking import NAMES
from pipelines.settings import CHECKOUT
from transforms.errors import SMALLEST_SAID
from transforms.hierarchy import ANY, OTHER, fold
from transforms.steps.layout import MISSING

K = SMALLEST_SAID
"""People for whom a label stands at least, to be written down."""
SHIPPED = CHECKOUT / "data" / "hierarchies"
ALL_OTHERS = "all others"
MOST_LABELS = 80
LONGEST_LABEL = 60
COVERED = 0.5
"""Share of the people whom the labels of a proposed hierarchy name, at least."""
FITS = 0.9
"""Share of the rows whose value a shipped hierarchy knows."""
COMMON = 0.05
"""Share of a label that stays by itself on the coarser level."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Labels, the finest level first; every other value is one of all others.

    begun: the coarser ones are what codes begin with.
    """

    lines: tuple[tuple[str, ...], ...]
    begun: bool = False


@dataclass(frozen=True, slots=True)
class FromFile:
    """A shipped file; others: some values are not in it."""

    path: Path
    others: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Bands of numbers."""

    least: float
    most: float
    cuts: tuple[tuple[float, ...], ...]
    whole: bool = False


Proposed = Listed | FromFile | Cut

AGE = Cut(0, 150, (
    (14, 18, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75),
    (18, 25, 35, 45, 55, 65, 75),
    (25, 35, 45, 55, 65),
    (35, 55),
), whole=True)  # fmt: skip
TENURE = Cut(0, 150, ((1, 2, 3, 5, 8, 12), (2, 5, 12), (5,)), whole=True)


def shared_labels(values: pl.Series, people: pl.Series) -> pl.DataFrame:
    """Return the labels that at least K people have: `label`, `people`, the commonest first.

    Spellings that differ in case or blanks are one label, written as most write it. What holds an
    identifier, is a name of people as most labels are, or cannot stand in a hierarchy is left out.
    """
    rows = pl.DataFrame({"written": values.cast(pl.String), "person": people}).drop_nulls()
    if rows.is_empty():
        return pl.DataFrame(schema={"label": pl.String, "people": pl.UInt32})
    spelt = {text: fold(text) for text in rows["written"].unique().to_list()}
    rows = rows.with_columns(label=pl.col("written").replace_strict(spelt))
    written = rows.group_by("label", "written").agg(rows=pl.len()).sort("rows", "written")
    counts = (
        rows.group_by("label")
        .agg(people=pl.col("person").n_unique())
        .filter((pl.col("people") >= K) & (pl.col("label") != ""))
        .join(written.group_by("label").agg(pl.col("written").last()), on="label")
        .sort(["people", "label"], descending=[True, False])
        .select(label="written", people="people")
    )
    texts = counts["label"].to_list()
    hidden = hold_identifiers(texts) | {text for text in texts if not _may_stand(text)}
    shown = counts.filter(~pl.col("label").is_in(list(hidden)))
    return shown if find(shown["label"]).get(Finding.NAME, 0) < NAMES else shown.clear()


def _may_stand(label: str) -> bool:
    reserved = {fold(word) for word in (ALL_OTHERS, ANY, OTHER, MISSING)}
    return label.isprintable() and len(label) <= LONGEST_LABEL and fold(label) not in reserved


def of_labels(values: pl.Series, people: pl.Series) -> Listed | FromFile | None:
    """Return a hierarchy for a column of categories, None where too few share their label."""
    known = values.drop_nulls()
    shipped = _shipped_for(known)
    if shipped is not None:
        return shipped
    shown = shared_labels(values, people).head(MOST_LABELS)
    total = people.filter(values.is_not_null()).n_unique()
    if shown.height == 0 or int(shown["people"].sum()) < COVERED * total:
        return None
    codes = of_codes(shown["label"].to_list())
    if codes is not None:
        return codes
    coarse = [
        (label, label if count >= COMMON * total else ALL_OTHERS)
        for label, count in shown.iter_rows()
    ]
    return Listed(tuple(coarse))


def of_codes(labels: Sequence[str]) -> Listed | None:
    """Return codes by what they begin with, None where the labels are not codes of one shape.

    A level is the longest beginning that half as many codes have at most, then half of those again.
    """
    shapes = {_shape(label) for label in labels}
    if len(labels) < _CODES or len(shapes) > 1 or "9" not in shapes.pop():
        return None
    levels = [list(labels)]
    for length in range(len(labels[0]) - 1, 0, -1):
        begun = [f"{label[:length].rstrip(_BETWEEN)}{ANY}" for label in labels]
        if 1 < len(set(begun)) <= len(set(levels[-1])) / 2:
            levels.append(begun)
    return Listed(tuple(zip(*levels, strict=True)), begun=True) if len(levels) > 1 else None


_CODES = 12
"""Different labels from which on codes have something in common."""
_BETWEEN = ".-/ "


def _shape(label: str) -> str:
    """Return a label with a 9 for each digit and an A for each letter."""
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", label))


def _shipped_for(known: pl.Series) -> FromFile | None:
    """Return the shipped hierarchy whose leaves nearly all values are, the smallest of several."""
    counts = known.cast(pl.String).value_counts(name="rows")
    spelt = [(fold(text), rows) for text, rows in counts.iter_rows()]
    total = sum(rows for _, rows in spelt)
    if total < K:
        return None
    fitting = []
    for path, leaves in _shipped().items():
        inside = sum(rows for text, rows in spelt if text in leaves)
        if inside >= FITS * total and len({text for text, _ in spelt} & leaves) >= _LEAVES:
            fitting.append((inside < total, len(leaves), path))
    if not fitting:
        return None
    others, _, path = min(fitting)
    return FromFile(path, others)


_LEAVES = 3
"""Leaves of a shipped hierarchy that a column has at least: two letters may be anything."""


@cache
def _shipped() -> dict[Path, frozenset[str]]:
    found = {}
    for path in sorted(SHIPPED.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            found[path] = frozenset(fold(row[0]) for row in csv.reader(lines, delimiter=";") if row)
    return found


QUANTILES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95)
LARGEST = 1e10
"""The same for every source: the largest amount is somebody's."""
ENOUGH = 20 * K
"""Values from which on quantiles say something of all and nothing of one."""
USUAL = (100.0, 500.0, 1_000.0, 5_000.0, 20_000.0)


def of_numbers(numbers: pl.Series) -> Cut:
    """Return bands of amounts: round cut points near the quantiles."""
    known = numbers.drop_nulls()
    points = USUAL if known.len() < ENOUGH else _round_points(known)
    finest = points if len(points) > 1 else USUAL
    return Cut(-LARGEST, LARGEST, tuple(_thinned(finest)))


def _round_points(known: pl.Series) -> tuple[float, ...]:
    quantiles = [float(str(known.quantile(share))) for share in QUANTILES]
    return tuple(sorted({_round(point) for point in quantiles if abs(point) < LARGEST / 10}))


def _round(number: float) -> float:
    """Return the nearest of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten."""
    if abs(number) < 1:
        return 0.0
    power = 10.0 ** math.floor(math.log10(abs(number)))
    nearest = min((1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10), key=lambda s: abs(s * power - abs(number)))
    return math.copysign(nearest * power, number)


def _thinned(points: Sequence[float]) -> list[tuple[float, ...]]:
    levels = [tuple(points)]
    while len(levels[-1]) > 1:
        kept = levels[-1][1::2]
        levels.append(kept)
    return levels
