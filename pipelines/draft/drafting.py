"""From a source's URI to a draft of its policy, in a file."""

from __future__ import annotations

import logging
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from pipelines.draft.assembling import Draft, assemble
from pipelines.draft.findings import Finding, find, named_by_identifier
from pipelines.draft.looking import MOSTLY, Evidence, look_all
from pipelines.draft.proposing import At, Column, propose_all
from pipelines.draft.relations import Relations, relate
from pipelines.draft.sampling import Sample, Sampler, open_sampler, rows_for
from pipelines.draft.words import topic_of
from pipelines.draft.writing import Written, write
from pipelines.settings import Settings
from pipelines.sources.bank import Schema
from transforms.errors import PrivacyError, SourceError, UsageError
from transforms.policy.sources import Csv
from transforms.policy.whole import Policy

log = logging.getLogger("clause16")

LONGEST_NAME = 128
MOST_KEYS = 3_000_000
"""Keys of a table that are read to see what refers to it."""


@dataclass(frozen=True)
class Drafted:
    """A draft, and where it is."""

    output: Path
    draft: Draft
    tables: int

    @property
    def roles(self) -> Mapping[str, int]:
        """How many columns were given each role."""
        return Counter(str(proposal.role) for proposal in self.draft.proposals.values())


def make_draft(settings: Settings, named: str | None, output: Path) -> Drafted:
    """Read schema and sample of a source, as the officer, and write a draft of its policy.

    named: the source, None for the one that the settings name, the officer's before a release's.
    Raises UsageError where the file is there already, SourceError where the source cannot be read
    or its names cannot stand in a policy. Nothing else is written.
    """
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output} is there already, and a draft overwrites nothing")
    with closing(open_sampler(_named(named, settings))) as bank:
        schema = bank.schema()
        _refuse_names(schema, bank)
        samples = _samples(bank, schema)
        log.info("looking at what the columns hold")
        evidence = {
            table: look_all(sample.rows, schema[table], settings.today)
            for table, sample in samples.items()
        }
        log.info("looking for keys, and for what refers to them")
        relations = relate(evidence, _Keys(bank, samples))
    columns = _columns(samples, evidence, relations, bank)
    draft = assemble(columns, propose_all(columns), relations)
    written = _written(bank, evidence)
    text = write(draft, columns, written, output, settings.today)
    _check(text)
    _store(output, text)
    return Drafted(output, draft, len(schema))


def _named(named: str | None, settings: Settings) -> str:
    """Return the source that is drafted; raises SourceError where there is none."""
    source = named or settings.officer or settings.source
    if source is None:
        raise SourceError("no source is named: give --source (or $CLAUSE16_SOURCE)")
    return source


# ------------------------------------------------------------------------------------------- names


def _refuse_names(schema: Schema, bank: Sampler) -> None:
    """Raise SourceError where a name cannot stand in a policy, or is itself a value of somebody."""
    if not schema:
        raise SourceError("the source holds no table: is this the bank?")
    for number, (table, columns) in enumerate(sorted(schema.items()), start=1):
        telling = named_by_identifier([table, *columns])
        where = f"table {number} of the source (in the order of their names)"
        _refuse_name(table, where, telling)
        if not columns:
            raise SourceError(f"{where} has no column: is its file empty?")
        for position, column in enumerate(columns, start=1):
            _refuse_name(column, f"column {position} of {where}", telling)
        if not bank.typed:
            _refuse_headless(list(columns), number)


def _refuse_name(name: str, where: str, telling: frozenset[str]) -> None:
    if not 0 < len(name) <= LONGEST_NAME:
        raise SourceError(
            f"{where} has no name, or one of more than {LONGEST_NAME} characters, which no policy "
            f"can say: rename it, or show it under another name in a view"
        )
    if name in telling:
        raise SourceError(
            f"the name of {where} holds what looks like an identifier of a person: rename it, or "
            f"show it under another name in a view; is the first line of a file a record?"
        )


def _refuse_headless(columns: list[str], number: int) -> None:
    """Raise SourceError where the first line of a CSV file looks like a record."""
    cells = pl.Series(columns, dtype=pl.String)
    figures = cells.str.contains(r"^[\d\s.,:/+-]+$").any()
    if figures or _mostly_names(cells):
        raise SourceError(
            f"the first line of table {number} of the source looks like a record, not like the "
            f"names of its columns: write a first line with names into the file"
        )


def _mostly_names(cells: pl.Series) -> bool:
    unknown = cells.filter(pl.Series([topic_of(cell) is None for cell in cells.to_list()]))
    share = find(unknown).get(Finding.NAME, 0) * unknown.len()
    return bool(cells.len()) and share / cells.len() >= _NAMES_IN_A_HEADER


_NAMES_IN_A_HEADER = 0.3

# ---------------------------------------------------------------------------------------- sampling


def _samples(bank: Sampler, schema: Schema) -> dict[str, Sample]:
    samples = {}
    for number, (table, columns) in enumerate(schema.items(), start=1):
        log.info("sampling table %d of %d (%d columns)", number, len(schema), len(columns))
        readable = [name for name, kind in columns.items() if kind is not None]
        sample = (
            _sampled(bank, table, readable) if readable else Sample(pl.DataFrame(), whole=False)
        )
        missing = [pl.lit(None).alias(name) for name in columns if name not in readable]
        samples[table] = Sample(
            sample.rows.with_columns(missing).select(list(columns)), sample.whole
        )
    return samples


def _sampled(bank: Sampler, table: str, columns: list[str]) -> Sample:
    """Return the sample of a table; raises SourceError that says what a role needs to draft."""
    try:
        return bank.sample(table, columns, rows_for(len(columns)))
    except SourceError as error:
        if "may not read" not in str(error):
            raise
    raise SourceError(
        f"table {table} cannot be sampled: the role may not read all its columns and rows; no "
        f"policy says yet what it may: draft under one that may read the whole source, which "
        f"`clause16 grants --for draft` makes"
    )


class _Keys:
    """The different values of a column as texts: of a key all, as far as they may be read."""

    def __init__(self, bank: Sampler, samples: Mapping[str, Sample]) -> None:
        self._bank, self._samples = bank, samples
        self._sampled: dict[At, pl.Series] = {}
        self._whole: dict[At, pl.Series] = {}

    def sampled(self, at: At) -> pl.Series:
        """Return those that were sampled."""
        if at not in self._sampled:
            table, column = at
            self._sampled[at] = _spelt(self._samples[table].rows[column])
        return self._sampled[at]

    def whole(self, at: At) -> pl.Series:
        """Return all there are, or as many as may be read."""
        if at not in self._whole:
            self._whole[at] = self.sampled(at) if self._samples[at[0]].whole else self._read(at)
        return self._whole[at]

    def _read(self, at: At) -> pl.Series:
        table, column = at
        parts, rows = [self.sampled(at)], 0
        for batch in self._bank.read(table, [column]):
            parts.append(_spelt(batch[column]))
            rows += batch.height
            if rows >= MOST_KEYS:
                break
        return pl.concat(parts).unique()


def _spelt(values: pl.Series) -> pl.Series:
    return values.drop_nulls().cast(pl.String).str.strip_chars().unique().alias("key")


# ----------------------------------------------------------------------------------------- columns


def _columns(
    samples: Mapping[str, Sample],
    evidence: Mapping[str, Mapping[str, Evidence]],
    relations: Relations,
    bank: Sampler,
) -> dict[At, Column]:
    people = _people(samples, evidence, relations)
    return {
        (table, name): Column(
            table=table,
            name=name,
            evidence=found,
            relations=relations,
            values=_values(samples[table].rows[name]),
            people=people if relations.person and table == relations.person.table else None,
            typed=bank.typed,
        )
        for table, columns in evidence.items()
        for name, found in columns.items()
    }


def _values(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if not isinstance(values.dtype, pl.String):
        return values
    stripped = values.str.strip_chars()
    return stripped.set(stripped == "", None)


def _people(
    samples: Mapping[str, Sample],
    evidence: Mapping[str, Mapping[str, Evidence]],
    relations: Relations,
) -> pl.Series | None:
    """Return who each row of the people's table is: of several records of one person, the same."""
    person = relations.person
    if person is None:
        return None
    rows = samples[person.table].rows
    key = rows[person.key].cast(pl.String)
    for name, found in evidence[person.table].items():
        if found.found.get(Finding.NATIONAL_NUMBER, 0) >= MOSTLY:
            number = rows[name].cast(pl.String).str.strip_chars()
            return pl.select(pl.coalesce(number, key)).to_series()
    return key


# -------------------------------------------------------------------------------- how it is written


def _written(bank: Sampler, evidence: Mapping[str, Mapping[str, Evidence]]) -> Written | None:
    """Return how CSV files are written, the usual form and each table's that has another."""
    if bank.typed:
        return None
    marks = {table: _decimals(columns) for table, columns in evidence.items()}
    usual_mark = _commonest(mark for mark in marks.values() if mark) or "."
    forms = {
        table: (bank.written(table) or Csv()).model_copy(
            update={"decimal": marks[table] or usual_mark}
        )
        for table in evidence
    }
    usual = Counter(forms.values()).most_common(1)[0][0]
    return Written(usual, {table: form for table, form in forms.items() if form != usual})


def _decimals(columns: Mapping[str, Evidence]) -> str | None:
    """Return the decimal mark of most columns with fractions, None where there are none."""
    return _commonest(
        found.reading.decimal
        for found in columns.values()
        if found.reading is not None and found.decimals
    )


def _commonest(marks: Iterable[str]) -> str | None:
    counted = Counter(marks).most_common(1)
    return counted[0][0] if counted else None


# ----------------------------------------------------------------------------------------- the file


def _check(text: str) -> None:
    """Raise where the draft is no policy: a defect of ours, and nothing of it is shown."""
    try:
        Policy.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError):
        raise PrivacyError(
            "a defect of ours, please report it: the draft would be no valid policy"
        ) from None


def _store(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{output} is there already, and a draft overwrites nothing") from None
    except OSError:
        output.unlink(missing_ok=True)
        raise
