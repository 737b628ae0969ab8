"""Files as a source that can be asked: batch by batch, the columns that were asked for alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.sources.bank import Bank
from transforms.errors import SourceError
from transforms.identity import Clue, Site, key_kind, sites
from transforms.policy.roles import Kind
from transforms.policy.whole import Policy
from transforms.spelling import A_NUMBER, NO_NUMBER, PERSONAL_NUMBER
from transforms.steps.conform import conform


@dataclass(frozen=True)
class Scan:
    """An opened bank of files."""

    bank: Bank
    policy: Policy

    def close(self) -> None:
        """Close the bank."""
        self.bank.close()

    def find(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return `kind`, `form`, `key` of all that bear what is asked, no key of others."""
        kinds = set(asked.get_column("kind"))
        forms = {
            Clue(kind): _forms(Clue(kind), asked.filter(kind=kind), self.policy) for kind in kinds
        }
        wanted = [site for site in sites(self.policy) if site.clue in forms]
        found = [
            self._in_table(table, [site for site in wanted if site.table == table], forms)
            for table in dict.fromkeys(site.table for site in wanted)
        ]
        return pl.concat([pl.DataFrame(schema=_FOUND), *found]).unique()

    def _in_table(
        self, table: str, wanted: Sequence[Site], forms: dict[Clue, pl.DataFrame]
    ) -> pl.DataFrame:
        """Walk a table once for all that is asked of it."""
        link = self._link(table, wanted)
        columns = dict.fromkeys(name for site in wanted for name in site.columns)
        met = [
            _met(batch, site, self.policy, link, forms[site.clue])
            for batch in self._read(table, (*columns, *([link] if link else ())))
            for site in wanted
        ]
        linked = pl.concat([pl.DataFrame(schema=_LINKED), *met]).unique()
        return self._with_owners(table, linked)

    def _link(self, table: str, wanted: Sequence[Site]) -> str | None:
        """Return the column that leads to the customer; nothing leads to others."""
        if all(site.others for site in wanted):
            return None
        owner = self.policy.owner(table)
        return owner.key if owner.on is None else owner.on

    def _with_owners(self, table: str, linked: pl.DataFrame) -> pl.DataFrame:
        """Turn what rows are linked by into their customers; a joint account has several."""
        others = linked.filter(pl.col("link").is_null()).rename({"link": "key"})
        linked = linked.drop_nulls("link")
        if linked.is_empty():
            return others
        owner = self.policy.owner(table)
        if owner.on is None:
            return pl.concat([others, linked.rename({"link": "key"})])
        owners = self._owners(owner.table, owner.on, owner.key, linked)
        return pl.concat([others, linked.join(owners, on="link").select(*_FOUND)])

    def _owners(self, table: str, on: str, key: str, linked: pl.DataFrame) -> pl.DataFrame:
        links = linked.select("link").unique()
        return pl.concat(
            batch.select(link=pl.col(on).cast(pl.String), key=pl.col(key).cast(pl.String))
            .drop_nulls()
            .join(links, on="link", how="semi")
            for batch in self._read(table, (on, key))
        ).unique()

    def same_persons(self, keys: pl.Series) -> pl.DataFrame:
        """Return `key`, `other` of records with an equal value in a column of one person's."""
        found = [self._same(column, keys) for column in self.policy.same_person]
        return pl.concat([pl.DataFrame(schema=_SAME), *found]).unique()

    def _same(self, column: str, keys: pl.Series) -> pl.DataFrame:
        met = pl.DataFrame({"key": keys})
        own = pl.concat(
            batch.join(met, on="key", how="semi") for batch in self._numbers(column)
        ).filter(pl.col("form").str.contains(A_NUMBER), ~pl.col("form").str.contains(NO_NUMBER))
        forms = own.select("form").unique()
        every = pl.concat(
            batch.join(forms, on="form", how="semi") for batch in self._numbers(column)
        )
        return own.join(every.rename({"key": "other"}), on="form").select("key", "other")

    def _numbers(self, column: str) -> Iterator[pl.DataFrame]:
        """Yield `key`, `form` of the customers' records, batch by batch."""
        home, key = self.policy.subject.source, str(self.policy.subject.key)
        for batch in self._read(home, (key, column)):
            yield batch.select(
                key=pl.col(key).cast(pl.String),
                form=PERSONAL_NUMBER.on(pl.col(column).cast(pl.String)),
            ).drop_nulls()

    def _read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield columns of a table, each of its declared type; raises SourceError."""
        there = self.bank.schema().get(table, {})
        for column in columns:
            if column not in there:
                raise SourceError(
                    f"column {table}.{column} is in the policy and not in the source: has it been "
                    f"renamed?"
                )
        for batch in self.bank.read(table, tuple(dict.fromkeys(columns))):
            yield conform(batch, table, self.policy)


_FOUND = {"kind": pl.String(), "form": pl.String(), "key": pl.String()}
_LINKED = {"kind": pl.String(), "form": pl.String(), "link": pl.String()}
_SAME = {"key": pl.String(), "other": pl.String()}


def _forms(clue: Clue, asked: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Return `form`, `spelt`: what is asked, and how it is compared."""
    spelt = pl.col("form")
    if clue is Clue.CUSTOMER_ID and key_kind(policy) is Kind.INTEGER:
        spelt = spelt.cast(pl.Int64, strict=False).cast(pl.String)
    return asked.select("form", spelt=spelt).drop_nulls()


def _met(
    batch: pl.DataFrame, site: Site, policy: Policy, link: str | None, forms: pl.DataFrame
) -> pl.DataFrame:
    """Return `kind`, `form`, `link` of the rows of a batch that bear what is asked."""
    nobody = site.others or link is None
    whose = pl.lit(None, dtype=pl.String()) if nobody else pl.col(str(link)).cast(pl.String)
    if site.clue is Clue.NAME_AND_BIRTH:
        born = forms.select(born=pl.col("spelt").str.slice(-10).str.to_date("%Y-%m-%d")).unique()
        # Folding names takes long: of all but those who were born on a day that is asked for.
        day = pl.col(site.columns[-1]).cast(pl.Date)
        batch = batch.join(born, left_on=day, right_on="born", how="semi")
    spelt = batch.select(spelt=site.form(policy), link=whose).join(forms, on="spelt")
    met = spelt.select(pl.lit(site.clue.value).alias("kind"), "form", "link")
    return met if nobody else met.drop_nulls("link")
