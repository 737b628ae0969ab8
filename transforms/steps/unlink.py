"""Prove that a row is one person, then let go of the key."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.errors import SourceError
from transforms.histogram import Histogram, histogram


def unlink(people: pl.DataFrame, key: str, columns: Sequence[str]) -> Histogram:
    """Count people by combination; after this nothing points to a person any more.

    Raises SourceError where a person stands in more than one row: one customer with eleven rows
    is still alone.
    """
    if people.get_column(key).n_unique() != people.height:
        raise SourceError(
            f"after joining, some people stand in more than one row of {key}: a linked table "
            f"repeats them; mend the source"
        )
    return histogram(people.drop(key), columns)
