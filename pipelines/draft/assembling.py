"""From proposals to a whole policy: who a person is, who is left out, what could be released."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from pipelines.draft.events import Countable, countable
from pipelines.draft.hierarchies import Proposed, of_numbers, shared_labels
from pipelines.draft.looking import number_of
from pipelines.draft.proposing import At, Column, Confidence, Proposal, of_a_time
from pipelines.draft.relations import Relations
from pipelines.draft.words import Topic, plain_name, words_of
from transforms.policy.attributes import TAKEN
from transforms.policy.eligibility import BY_ROW, RULES
from transforms.policy.roles import Derivation, Forbidden, Identifies, Kind, Role
from transforms.spelling import fold


@dataclass(frozen=True)
class Table:
    """A table to be released: its quasi-identifiers, its sensitive attribute, in words."""

    name: str
    quasi_identifiers: tuple[str, ...]
    sensitive: str
    meaning: str


@dataclass(frozen=True)
class Draft:
    """All that a drafted policy says.

    subject: table and key, the key None where none was recognised; rules: eligibility's, each as
    its fields; undecided_rules, undecided_categories: what nobody can tell; attributes: the name of
    what each published column gives; countable: tables of events, which are only suggested.
    """

    subject: tuple[str, str | None]
    relations: Relations
    proposals: Mapping[At, Proposal]
    rules: Mapping[str, Mapping[str, object]]
    undecided_rules: tuple[str, ...]
    undecided_categories: tuple[Forbidden, ...]
    attributes: Mapping[At, str]
    tables: tuple[Table, ...]
    countable: tuple[Countable, ...]

    @property
    def same_person(self) -> tuple[str, ...]:
        """The columns that say which records are one person; no note, which may be of others."""
        return tuple(
            column
            for (table, column), proposal in self.proposals.items()
            if table == self.subject[0]
            and proposal.identifies is Identifies.PERSONAL_NUMBER
            and proposal.topic is Topic.PERSONAL_NUMBER
            and proposal.whose == "subject"
        )

    @property
    def undecided(self) -> list[At]:
        """The columns that nobody can tell the role of."""
        return [at for at, proposal in self.proposals.items() if proposal.role is Role.UNDECIDED]


def assemble(
    columns: Mapping[At, Column], proposals: Mapping[At, Proposal], relations: Relations
) -> Draft:
    """Return the draft that proposals make together."""
    found = dict(proposals)
    rules = dict(_rules(columns, found, relations))
    _add_total(columns, found, relations)
    attributes = _names(found, relations)
    first = next(iter(columns))[0]
    person = relations.person
    tables = tuple(_tables(found, attributes, person.table if person else first))
    # What no table publishes is no attribute that anything could be counted by.
    offered = _offered(found, attributes)[:MOST_QUASI_IDENTIFIERS] if tables else []
    events = tuple(countable(columns, found, relations, offered))
    found |= {at: of_a_time(found[at], columns[at]) for at in map(_when, events)}
    return Draft(
        subject=(first, None) if person is None else (person.table, person.key),
        relations=relations,
        proposals=found,
        rules=rules,
        undecided_rules=tuple(rule for rule in RULES if rule not in rules),
        undecided_categories=tuple(
            category
            for category in Forbidden
            if not any(p.category is category and p.whose == "subject" for p in found.values())
        ),
        attributes=attributes,
        tables=tables,
        countable=events,
    )


def _when(events: Countable) -> At:
    return events.source, events.time


# ----------------------------------------------------------------------------- who is left out


def _rules(
    columns: Mapping[At, Column], found: dict[At, Proposal], relations: Relations
) -> Iterator[tuple[str, Mapping[str, object]]]:
    if relations.person is None:
        return
    table = relations.person.table
    own = {at: proposal for at, proposal in found.items() if at[0] == table}
    for rule, topic in (("erased", Topic.ERASED), ("restricted", Topic.RESTRICTED)):
        column = _only(own, topic)
        if column is not None:
            yield rule, {"column": column}
    kind = _kind_of_person(columns, table)
    if kind is not None:
        at, keep = kind
        found[at] = replace(
            columns[at].proposed(
                *(Role.ELIGIBILITY, Confidence.MEDIUM),
                "says which records are natural persons, by a label that many have",
            ),
            type=Kind.TEXT,
        )
        yield "persons", {"column": at[1], "keep": keep}
    birth = next((at[1] for at, p in own.items() if p.derive and p.topic is Topic.BIRTH), None)
    if birth is not None:
        consent = _only(own, Topic.CONSENT)
        yield "minors", {"birth": birth} | ({"consent": consent} if consent else {}) | {"under": 14}
    ended = _only(own, Topic.CLOSED)
    if ended is not None:
        yield "retention", {"ended": ended, "years": 5}


def _only(own: Mapping[At, Proposal], topic: Topic) -> str | None:
    fitting = [
        column for (_, column), p in own.items() if p.role is Role.ELIGIBILITY and p.topic is topic
    ]
    return fitting[0] if len(fitting) == 1 else None


_NATURAL = re.compile(
    r"fizi[ncks]|fizicko|natural|privat|individ|eraisik|fuus|fyys|\bperson(?:al|as)?$|\bfa\b|\bpf\b"
)
_LEGAL = re.compile(r"jurid|pravn|legal|compan|firm|imon|biznes|business")
_KINDS = 12


def _kind_of_person(columns: Mapping[At, Column], table: str) -> tuple[At, list[str]] | None:
    """Return the column that tells people from companies, and the labels of people."""
    for at, column in columns.items():
        if at[0] != table or column.people is None or not column.evidence.few:
            continue
        if column.evidence.kind is not Kind.TEXT or column.evidence.distinct > _KINDS:
            continue
        labels = shared_labels(column.values, column.people)["label"].to_list()
        natural = [label for label in labels if _is_natural(label)]
        if natural and len(natural) < max(len(labels), 2):
            return at, natural
    return None


def _is_natural(label: str) -> bool:
    plain = " ".join(words_of(label)) or fold(label)
    return bool(_NATURAL.search(plain)) and not _LEGAL.search(plain)


# ------------------------------------------------------------------------- what could be released


def _add_total(
    columns: Mapping[At, Column], found: dict[At, Proposal], relations: Relations
) -> None:
    """Where a person's own record says nothing sensitive, take a sum over another table."""
    if relations.person is None or any(
        p.role is Role.SENSITIVE and p.published for p in found.values()
    ):
        return
    for at, proposal in found.items():
        column = columns[at]
        if (
            proposal.role is Role.MEASURE
            and proposal.topic in {Topic.MONEY, Topic.INCOME}
            and relations.has_owner(at[0])
            and proposal.clause not in BY_ROW
            and column.readable in {Kind.NUMBER, Kind.INTEGER}
        ):
            reading = column.evidence.reading
            numbers = (
                column.values.cast(pl.Float64, strict=False)
                if reading is None
                else number_of(column.values, reading)
            )
            found[at] = replace(
                proposal,
                role=Role.SENSITIVE,
                type=Kind.NUMBER,
                derive=Derivation.TOTAL,
                hierarchy=of_numbers(numbers),
                meaning="Total of a person's amounts; of a joint one each holder has all",
                published=True,
                why=(*proposal.why, "summed for each person, for want of another sensitive column"),
            )
            return


_ENGLISH = {
    Topic.BIRTH: "age",
    Topic.OPENED: "tenure",
    Topic.SEX: "sex",
    Topic.CITIZENSHIP: "citizenship",
    Topic.REGION: "region",
    Topic.OCCUPATION: "occupation",
    Topic.CIVIL_STATUS: "civil_status",
    Topic.EDUCATION: "education",
    Topic.INCOME: "income",
}


def _names(found: Mapping[At, Proposal], relations: Relations) -> dict[At, str]:
    """Return a name of its own for the attribute of each column that has a hierarchy."""
    key = {relations.person.key} if relations.person else set()
    taken = {*TAKEN, *key, "period", "events"}
    names: dict[At, str] = {}
    for at, proposal in found.items():
        if proposal.hierarchy is None:
            continue
        wanted = _ENGLISH.get(proposal.topic) if proposal.topic else None
        stem = wanted or plain_name(at[1], "attribute")
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        names[at] = name
    return names


_LEADING = ("age", "region", "citizenship", "occupation", "sex", "civil_status")
MOST_QUASI_IDENTIFIERS = 4
MOST_TABLES = 4


def _offered(
    found: Mapping[At, Proposal], attributes: Mapping[At, str]
) -> list[tuple[str, Proposed]]:
    """Return the quasi-identifiers with their hierarchies, those that tell most first."""
    quasi = [
        (attributes[at], p.hierarchy)
        for at, p in found.items()
        if p.published and p.hierarchy is not None and p.role is Role.QUASI_IDENTIFIER
    ]
    last = len(_LEADING)
    return sorted(
        quasi, key=lambda one: (_LEADING.index(one[0]) if one[0] in _LEADING else last, one[0])
    )


def _tables(
    found: Mapping[At, Proposal], attributes: Mapping[At, str], person: str
) -> Iterator[Table]:
    offered = {attributes[at]: p for at, p in found.items() if p.published and at in attributes}
    quasi = [name for name, _ in _offered(found, attributes)][:MOST_QUASI_IDENTIFIERS]
    sensitive = sorted(
        (name for name, p in offered.items() if p.role is Role.SENSITIVE),
        key=lambda name: (name != "income", name == "tenure", name),
    )[:MOST_TABLES]
    if not quasi:
        return
    stem = plain_name(person, "persons")
    for number, name in enumerate(sensitive):
        yield Table(
            name=f"{stem}_by_{name}" if number else stem,
            quasi_identifiers=tuple(quasi if not number else quasi[:2]),
            sensitive=name,
            meaning="One row a person: to be written",
        )
