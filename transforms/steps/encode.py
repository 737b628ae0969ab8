"""Turn every attribute into leaf codes of its hierarchy: a closed domain from here on."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from transforms.errors import PolicyError, band
from transforms.hierarchy import UNLISTED, BandEncoder, Hierarchy
from transforms.policy import Policy


def encode(
    people: pl.DataFrame, policy: Policy, hierarchies: Mapping[str, Hierarchy]
) -> pl.DataFrame:
    """Return the people with each attribute as an Int32 leaf code, missing values included.

    hierarchies: by attribute. Raises PolicyError where a value is in no leaf.
    """
    encoded = people.with_columns(
        _code(people.get_column(name), hierarchies[name]).alias(name) for name in policy.attributes
    )
    for name, attribute in policy.attributes.items():
        outside = int((encoded.get_column(name) == UNLISTED).sum())
        if outside:
            raise PolicyError(
                f"{attribute.table}.{attribute.column}: {band(outside)} people have a value that "
                f'hierarchy "{attribute.hierarchy}" does not list: add it there, or mend the source'
            )
    return encoded


def _code(values: pl.Series, hierarchy: Hierarchy) -> pl.Expr:
    if isinstance(hierarchy.encoder, BandEncoder):
        return hierarchy.encoder.expression(values.name).cast(pl.Int32)
    distinct = values.unique().to_list()
    return hierarchy.encoder.expression(values.name, distinct).cast(pl.Int32)
