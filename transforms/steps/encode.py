"""Turn every attribute into leaf codes of its hierarchy: a closed domain from here on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from transforms.errors import PolicyError, band
from transforms.hierarchy import OTHER, UNLISTED, BandEncoder, Hierarchy
from transforms.policy.whole import Policy


def encode(
    people: pl.DataFrame, hierarchies: Mapping[str, Hierarchy], attributes: Collection[str]
) -> pl.DataFrame:
    """Return the people with these attributes as Int32 leaf codes, missing values included.

    A value that is in no leaf is `UNLISTED`: to be counted and refused (`refuse_unlisted`).
    """
    return people.with_columns(
        _code(people.get_column(name), hierarchies[name]).alias(name) for name in attributes
    )


def unlisted_counts(people: pl.DataFrame, attributes: Collection[str]) -> dict[str, int]:
    """Return how many people have a value that is in no leaf, by attribute; none is not named."""
    counts = {name: int((people.get_column(name) == UNLISTED).sum()) for name in attributes}
    return {name: count for name, count in counts.items() if count}


def refuse_unlisted(unlisted: Mapping[str, int], policy: Policy) -> None:
    """Raise PolicyError, naming column and hierarchy, where a value is in no leaf."""
    for name, count in unlisted.items():
        attribute = policy.attributes[name]
        raise PolicyError(
            f"{attribute.table}.{attribute.column}: {band(count)} people have a value that "
            f'hierarchy "{attribute.hierarchy}" does not list: add it there, or mend the source'
        )


def fold_rare(
    people: pl.DataFrame, policy: Policy, hierarchies: Mapping[str, Hierarchy]
) -> pl.DataFrame:
    """Return the people with topics of fewer than k of them as `other`.

    A vocabulary is wide, and most topics of a small bank are nobody's.
    """
    for name, attribute in policy.attributes.items():
        leaves = hierarchies[name].leaves
        if attribute.text is None or OTHER not in leaves:
            continue
        counts = people.get_column(name).value_counts()
        few = counts.filter(pl.col("count") < policy.limits.k).get_column(name)
        rare = few.filter(few < len(leaves)).implode()
        other = pl.lit(leaves.index(OTHER), pl.Int32)
        people = people.with_columns(
            pl.when(pl.col(name).is_in(rare)).then(other).otherwise(name).alias(name)
        )
    return people


def _code(values: pl.Series, hierarchy: Hierarchy) -> pl.Expr:
    if isinstance(hierarchy.encoder, BandEncoder):
        return hierarchy.encoder.expression(values.name).cast(pl.Int32)
    distinct = values.unique().to_list()
    return hierarchy.encoder.expression(values.name, distinct).cast(pl.Int32)
