"""Prove that a row is one person, then let go of the key."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.errors import SourceError
from transforms.histogram import Histogram, histogram


def unlink(people: pl.DataFrame, key: str | None, columns: Sequence[str]) -> Histogram:
    """Count people by combination; after this nothing points to a person any more.

    key: None where the policy says that a row is a person. Raises SourceError where a person
    stands in more than one row: one customer with eleven rows is still alone.
    """
    if key is not None and people.get_column(key).n_unique() != people.height:
        raise SourceError(
            f"after joining, some people stand in more than one row of {key}: a linked table "
            f"repeats them; mend the source"
        )
    return histogram(people.select(columns), columns)
