"""All parts of the file, and what follows from them: attributes, owners, what is read."""

from __future__ import annotations

from typing import Literal

from transforms.fields import AttributeName, Name, Strict
from transforms.magnitude.declared import Budget, Magnitude
from transforms.policy.attributes import Attribute, attributes_of
from transforms.policy.eligibility import Eligibility
from transforms.policy.labels import Bands, Lookup, VocabularyFile
from transforms.policy.limits import Limits
from transforms.policy.opt_out import Objections
from transforms.policy.roles import Forbidden, Role
from transforms.policy.sources import Csv, Owner, Source, Subject, has_subject
from transforms.policy.tables import Microdata, Recoding, Series


class Declared(Strict):
    """The whole policy file, each part right by itself; a `Policy` is one whose parts agree."""

    version: str
    title: str
    approval: Literal["required", "not required"] = "not required"
    limits: Limits = Limits()
    recoding: Recoding = Recoding()
    subject: Subject
    eligibility: Eligibility
    not_collected: tuple[Forbidden, ...] = ()
    undecided: tuple[Forbidden, ...] = ()
    """Categories of clause 16 of which nobody has said yet whether the source holds them."""
    hierarchies: dict[Name, Bands | Lookup]
    vocabularies: dict[Name, VocabularyFile] = {}
    sources: dict[Name, Source]
    microdata: dict[AttributeName, Microdata] = {}
    budget: Budget | None = None
    magnitude: dict[AttributeName, Magnitude] = {}
    csv: Csv = Csv()
    series: Series = Series()
    objections: Objections = Objections()

    @property
    def attributes(self) -> dict[str, Attribute]:
        """What a table publishes of a person, by name, in the order of the sources."""
        published = {
            name
            for table in self.microdata.values()
            for name in (*table.quasi_identifiers, table.sensitive)
        }
        return {
            attribute.name: attribute
            for table, source in self.sources.items()
            for attribute in attributes_of(table, source)
            if attribute.name in published
        }

    def adverse(self, attribute: str) -> tuple[str, ...]:
        """Return the leaves of an attribute that nobody likes to be known for."""
        declared = self.attributes[attribute]
        return self.sources[declared.table].columns[declared.column].adverse

    def reads(self) -> dict[str, tuple[str, ...]]:
        """Return the only columns that a release asks the source for, table by table."""
        walks = [self.microdata_reads(), *map(self.magnitude_reads, self.magnitude)]
        wanted: dict[str, set[str]] = {}
        for walk in walks:
            for table, columns in walk.items():
                wanted.setdefault(table, set()).update(columns)
        return self._in_order(wanted)

    def microdata_reads(self) -> dict[str, tuple[str, ...]]:
        """Return what microdata tables need.

        A table is read where it holds the person, an attribute, or the link between both.
        """
        home = self.subject.source
        wanted: dict[str, set[str]] = {home: set(self.eligibility.columns)}
        if self.subject.key is not None:
            wanted[home].add(self.subject.key)
        for attribute in self.attributes.values():
            wanted.setdefault(attribute.table, set()).add(attribute.column)
            if attribute.table == home:
                continue
            owner = self.owner(attribute.table)
            wanted.setdefault(owner.table, set()).update(owner.columns)
            if owner.on is not None:
                wanted[attribute.table].add(owner.on)
        return self._in_order(wanted)

    def magnitude_reads(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return what a magnitude table needs besides the people: events, and whose they are."""
        table = self.magnitude[name]
        owner = self.owner(table.source)
        wanted = {table.source: set(table.columns)}
        wanted.setdefault(owner.table, set()).update(owner.columns)
        if owner.on is not None:
            wanted[table.source].add(owner.on)
        if table.companies is not None:
            behind = table.companies
            wanted.setdefault(behind.through, set()).update((behind.company, behind.person))
        return self._in_order(wanted)

    def magnitude_clauses(self, name: str) -> frozenset[int]:
        """Return the clauses under which what a magnitude table counts was collected."""
        table = self.magnitude[name]
        columns = self.sources[table.source].columns
        return frozenset(columns[column].clause for column in table.columns)

    def _in_order(self, wanted: dict[str, set[str]]) -> dict[str, tuple[str, ...]]:
        for table, columns in wanted.items():
            kept = self.sources[table].kept
            columns.update(() if kept is None else kept.columns)
        return {
            table: tuple(name for name in source.columns if name in wanted[table])
            for table, source in self.sources.items()
            if table in wanted
        }

    def csv_of(self, table: str) -> Csv:
        """Say how the CSV files of a table are written."""
        return self.sources[table].csv or self.csv

    def csv_form(self, table: str, column: str) -> Csv:
        """Say how a column is written in a CSV file, its own format of dates included."""
        form = self.csv_of(table)
        own = self.sources[table].columns[column].format
        return form if own is None else form.model_copy(update={"date": own, "timestamp": own})

    @property
    def same_person(self) -> tuple[str, ...]:
        """The columns of the subject's table that several records of one person have in common."""
        if self.subject.same_person is not None:
            return self.subject.same_person
        return tuple(
            name
            for name, column in self.sources[self.subject.source].columns.items()
            if column.category == Forbidden.NATIONAL_NUMBER and column.whose == "subject"
        )

    def has_owner(self, table: str) -> bool:
        """Say whether it is known whose the rows of a table are."""
        source = self.sources[table]
        return source.subject is not None or has_subject(source)

    def owner(self, table: str) -> Owner:
        """Say which table tells whose the rows of `table` are."""
        through = self.sources[table].subject
        holder = table if through is None else through.through
        key = next(
            name
            for name, column in self.sources[holder].columns.items()
            if column.role is Role.SUBJECT
        )
        return Owner(table=holder, key=key, on=None if through is None else through.on)
