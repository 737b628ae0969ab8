"""Look for identifiers in the values of a column: unique first, folded, and Presidio where needed.

    unique ─▶ fold ─▶ routes (Polars) ─▶ the recognisers of those kinds that could be there
                          └─ nowhere: Presidio is not even imported

What is found is what Presidio's engine finds with the same recognisers on each folded text
(`pipelines.gate.analysis`, benchmarks/gate.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from pipelines.gate.folding import fold
from pipelines.gate.kinds import Kind
from pipelines.gate.routes import routes

LEAST_WHOLE = 10_000_000
"""A whole number of fewer than eight digits is no identifier that stands for somebody by itself."""

ALL = frozenset(Kind)
VALUE, FOUND = "value", "found"
KINDS = pl.List(pl.String)


def scan(values: pl.Series) -> Mapping[Kind, int]:
    """Return how many different values contain each kind; a kind that none contains is not named.

    values: texts, or whole numbers, of which those with eight digits or more are looked at.
    """
    return counts(findings(values))


def counts(found: pl.DataFrame) -> Mapping[Kind, int]:
    """Return by kind how many of the values that were found something in contain it."""
    by_kind = found.get_column(FOUND).explode().value_counts().rows()
    return {kind: number for kind in Kind for name, number in by_kind if name == kind.value}


def findings(values: pl.Series, kinds: Collection[Kind] = ALL) -> pl.DataFrame:
    """Return the different values that contain an identifier, each with the kinds that it contains.

    kinds: those that are looked for.
    """
    different = values.drop_nulls().unique()
    suspects = _suspects(fold(_texts(different)), kinds)
    places, found = _kinds(suspects, kinds)
    return pl.DataFrame(
        {VALUE: different.gather(places), FOUND: found}, schema_overrides={FOUND: KINDS}
    )


def _texts(values: pl.Series) -> pl.Series:
    """Return values as texts; numbers that are too short, or none, become empty ones."""
    if values.dtype == pl.String:
        return values
    if not values.dtype.is_numeric():
        return values.cast(pl.String)
    long = (values >= LEAST_WHOLE) & (values == values.floor())
    whole = values.to_frame("v").select(pl.when(long).then("v").cast(pl.Int64, strict=False))
    return whole.to_series().cast(pl.String).fill_null("")


def _suspects(folded: pl.Series, kinds: Collection[Kind]) -> pl.DataFrame:
    """Return the folded texts that are on a route, and on which."""
    text = pl.col("text")
    on = {kind.name: route for kind, route in routes(text).items() if kind in kinds}
    named = {Kind.NAME.name: on.pop(Kind.NAME.name, pl.lit(value=False))}
    rows = folded.alias("text").to_frame().with_row_index("row").with_columns(**named)
    # One digit, sign or stroke there has to be, or a name: a quick look that most texts end with.
    may = rows.filter(pl.col(*named) | text.str.contains(r"[0-9@]|://|WWW\."))
    return may.with_columns(**on).filter(pl.any_horizontal(*named, *on))


def _kinds(suspects: pl.DataFrame, kinds: Collection[Kind]) -> tuple[list[int], list[list[str]]]:
    """Return the rows in which something is found, and what."""
    places: list[int] = []
    found: list[list[str]] = []
    if suspects.is_empty():
        return places, found
    from pipelines.gate.analysis import kinds_in

    routed = [kind for kind in Kind if kind in kinds]
    rows = suspects.select("row", "text", *(kind.name for kind in routed)).iter_rows()
    for row, text, *marks in rows:
        if there := kinds_in(text, _marked(routed, marks)):
            places.append(row)
            found.append([kind.value for kind in there])
    return places, found


def _marked(kinds: Iterable[Kind], marks: Iterable[bool]) -> list[Kind]:
    return [kind for kind, mark in zip(kinds, marks, strict=True) if mark]
