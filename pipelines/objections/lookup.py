"""The officer's look-up: from what objectors gave to customer ids, apart from any release.

By equality alone. A file is read in batches, of the columns that were asked for and no others; a
PostgreSQL server is asked through the officer's functions (`clause16 grants --for officer`), under
a role that reads no table.
"""

from __future__ import annotations

from contextlib import closing
from typing import Protocol

import polars as pl

from pipelines.boundary import sealed
from pipelines.objections.asking import Server
from pipelines.objections.scanning import Scan
from pipelines.sources.opening import SERVERS, open_bank, split_uri
from transforms.errors import PolicyError
from transforms.identity import ASKED, FOUND, persons
from transforms.policy.whole import Policy


class Finder(Protocol):
    """A source that can be asked."""

    def find(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return `kind`, `form`, `key` of all that bear what is asked (`kind`, `form`).

        No key is where it names somebody else: a customer's payee, relative or the like.
        """

    def same_persons(self, keys: pl.Series) -> pl.DataFrame:
        """Return `key`, `other`: each key with every other record of the same person."""

    def close(self) -> None:
        """Let go of the source."""


@sealed
def look_up(uri: str, policy: Policy, asked: pl.DataFrame) -> pl.DataFrame:
    """Return who bears what is asked (`identity.ASKED`), with all their records (`identity.FOUND`).

    Raises PolicyError where the source has no key by which anybody could be left out, and
    SourceError where it cannot be asked.
    """
    if policy.subject.key is None:
        raise PolicyError(
            "in this source each row is a person without a key: nobody can be found in it, and "
            "nobody left out; give the policy a subject.key"
        )
    asked = asked.select(pl.col(name).cast(dtype) for name, dtype in ASKED.items()).unique()
    if asked.is_empty():
        return pl.DataFrame(schema=FOUND)
    with closing(_finder(uri, policy)) as finder:
        found = finder.find(asked.select("kind", "form").unique())
        keys = found.get_column("key").drop_nulls().unique()
        same = finder.same_persons(keys) if len(keys) else pl.DataFrame()
    return _answers(asked, found, persons(keys.to_list(), same.iter_rows()))


def _finder(uri: str, policy: Policy) -> Finder:
    if split_uri(uri).scheme in SERVERS:
        return Server(uri)
    return Scan(open_bank(uri, policy), policy)


def _answers(asked: pl.DataFrame, found: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Give each question its answers, and each person that was met all their records."""
    met = asked.join(found, on=["kind", "form"])
    customers = (
        met.join(people, on="key")
        .select("row", "kind", "stated", "person")
        .unique()
        .join(people, on="person")
    )
    others = met.filter(pl.col("key").is_null()).with_columns(
        person=pl.lit(None, dtype=pl.UInt32())
    )
    return pl.concat([customers.select(*FOUND), others.select(*FOUND).unique()]).sort(*FOUND)
