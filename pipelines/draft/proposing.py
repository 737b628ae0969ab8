"""From evidence to a proposal for each column: its role, and why; what cannot be told is undecided.

What values are counts for more than what a column is called: one whose values hold identifiers is
never proposed as something that may leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import polars as pl

from pipelines.draft.findings import Finding
from pipelines.draft.hierarchies import AGE, TENURE, Proposed, of_labels, of_numbers
from pipelines.draft.looking import ADULT, MANY_WORDS, MOSTLY, NAMES, Evidence, number_of
from pipelines.draft.relations import Relations
from pipelines.draft.words import Topic, clause_of, is_of_documents, is_of_others, topic_of
from transforms.policy.roles import DAYS, Derivation, Forbidden, Identifies, Kind, Role


class Confidence(StrEnum):
    """How much speaks for a proposal."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


At = tuple[str, str]
"""Table and column."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column is proposed to be; hierarchy and meaning where it is to be published.

    published: offered for a table that leaves, and not only declared.
    """

    role: Role
    clause: int
    why: tuple[str, ...]
    confidence: Confidence
    category: Forbidden | None = None
    type: Kind | None = None
    form: str | None = None
    whose: str = "subject"
    identifies: Identifies | None = None
    derive: Derivation | None = None
    hierarchy: Proposed | None = None
    meaning: str | None = None
    topic: Topic | None = None
    published: bool = False


@dataclass(frozen=True)
class Column:
    """A column, and what its proposal may look at."""

    table: str
    name: str
    evidence: Evidence
    relations: Relations
    values: pl.Series
    people: pl.Series | None
    typed: bool

    @property
    def at(self) -> At:
        """Table and name."""
        return self.table, self.name

    @property
    def topic(self) -> Topic | None:
        """What its name says."""
        return topic_of(self.name)

    @property
    def is_persons(self) -> bool:
        """Say whether its table has one row a person."""
        person = self.relations.person
        return person is not None and person.table == self.table

    @property
    def of_others(self) -> bool:
        """Say whether its name, or its table's, speaks of people who are not customers."""
        return is_of_others(self.table) or is_of_others(self.name)

    @property
    def readable(self) -> Kind | None:
        """The type that a policy may give it: what is written as text in a database stays text."""
        evidence = self.evidence
        return evidence.kind if self.typed or evidence.reading is None else evidence.as_kind

    def proposed(self, role: Role, confidence: Confidence, *why: str) -> Proposal:
        """Return a proposal for this column."""
        return Proposal(role, clause_of(self.table, self.name), why, confidence, topic=self.topic)

    def undecided(self, *why: str) -> Proposal:
        """Return that nobody can tell."""
        return self.proposed(Role.UNDECIDED, Confidence.LOW, *why)


def propose(column: Column) -> Proposal:
    """Return what a column is proposed to be."""
    for rule in _RULES:
        proposal = rule(column)
        if proposal is not None:
            return _of_whom(column, proposal)
    return column.undecided("neither name nor values say what it is")


def _of_whom(column: Column, proposal: Proposal) -> Proposal:
    """Add whom an identifier names, and whether the officer can find somebody by it."""
    if proposal.role not in {Role.IDENTIFIER, Role.FORBIDDEN}:
        return proposal
    return replace(
        proposal,
        whose="others" if column.of_others else "subject",
        identifies=proposal.identifies if column.relations.has_owner(column.table) else None,
    )


# --------------------------------------------------------------- rules, the first that fits counts


def _by_relation(column: Column) -> Proposal | None:
    relations = column.relations
    if column.at in relations.unlike:
        return column.undecided(
            "called like the person's key, but its values are not among the keys"
        )
    if column.at in relations.others:
        return column.proposed(
            *(Role.IDENTIFIER, Confidence.MEDIUM),
            "refers to a person as well, who is not the one whose row it is",
        )
    if relations.subjects.get(column.table) == column.name:
        return _subject(column)
    if column.at in relations.links:
        return replace(
            column.proposed(
                *(Role.LINK, Confidence.HIGH),
                "a key that several tables have, with the same values",
            ),
            type=_key_type(column),
        )
    return None


def _subject(column: Column) -> Proposal:
    sure = column.evidence.surely
    if sure is not None and sure[1] >= MOSTLY:
        return column.undecided(
            f"the person's key, but its values are {sure[0]}: clause 16 lets no release read them; "
            "give the source a key of its own"
        )
    why = (
        "numbers the people: different in every row, and other tables refer to it"
        if column.is_persons
        else "its values are keys of the people"
    )
    return replace(column.proposed(Role.SUBJECT, Confidence.HIGH, why), type=_key_type(column))


def _key_type(column: Column) -> Kind:
    return Kind.INTEGER if column.readable is Kind.INTEGER else Kind.TEXT


def _of_document(column: Column) -> Proposal | None:
    if not is_of_documents(column.table):
        return None
    return replace(
        column.proposed(
            *(Role.FORBIDDEN, Confidence.HIGH),
            "its table holds identity documents, and clause 16 excludes all their details",
        ),
        category=Forbidden.IDENTITY_DOCUMENT,
    )


_IDENTIFYING = {
    Finding.EMAIL: Identifies.EMAIL,
    Finding.PHONE: Identifies.PHONE,
    Finding.IBAN: Identifies.IBAN,
    Finding.CARD: None,
    Finding.NETWORK: None,
}


def _by_values(column: Column) -> Proposal | None:
    """Propose by what most values are, whatever the column is called."""
    sure = column.evidence.surely
    if sure is None or sure[1] < MOSTLY or column.evidence.words >= MANY_WORDS:
        return None
    finding, _ = sure
    why = f"most values are {finding}"
    if finding is Finding.NATIONAL_NUMBER:
        note = column.topic is Topic.NOTE
        number = _number(column, Confidence.MEDIUM if note else Confidence.HIGH, why)
        # In a note it may be anybody's.
        return replace(number, identifies=None) if note else number
    return replace(
        column.proposed(Role.IDENTIFIER, Confidence.HIGH, why),
        identifies=_IDENTIFYING[finding],
    )


def _number(column: Column, confidence: Confidence, *why: str) -> Proposal:
    return replace(
        column.proposed(Role.FORBIDDEN, confidence, *why),
        category=Forbidden.NATIONAL_NUMBER,
        identifies=Identifies.PERSONAL_NUMBER,
    )


_NAMED = {
    Topic.EMAIL: Identifies.EMAIL,
    Topic.PHONE: Identifies.PHONE,
    Topic.IBAN: Identifies.IBAN,
    Topic.FULL_NAME: Identifies.FULL_NAME,
    Topic.FIRST_NAME: Identifies.FIRST_NAME,
    Topic.LAST_NAME: Identifies.LAST_NAME,
    Topic.SECRET: None,
    Topic.NETWORK: None,
    Topic.COMPANY: None,
}


def _by_identifying_name(column: Column) -> Proposal | None:
    """Propose what nothing but an identifier, or clause 16, is called like."""
    topic, evidence = column.topic, column.evidence
    why = f"called like {topic}"
    is_value = evidence.kind in {Kind.TEXT, Kind.INTEGER} and not evidence.is_day
    if topic is Topic.PERSONAL_NUMBER:
        checked = "" if evidence.surely else "; no check digits known to us are right"
        return _number(column, Confidence.MEDIUM, why + checked)
    if topic is Topic.DOCUMENT or (topic is Topic.RESIDENCE and not evidence.is_day):
        document = topic is Topic.DOCUMENT
        return replace(
            column.proposed(Role.FORBIDDEN, Confidence.MEDIUM, f"{why}, which clause 16 excludes"),
            category=Forbidden.IDENTITY_DOCUMENT if document else Forbidden.EXACT_RESIDENCE,
        )
    seen = evidence.found.get(Finding.NAME, 0) >= NAMES
    if is_value and (topic in _NAMED or (topic is Topic.NAME and seen)):
        sure = Confidence.HIGH if seen else Confidence.MEDIUM
        also = ("most values are names",) if seen else ()
        return replace(
            column.proposed(Role.IDENTIFIER, sure, why, *also),
            identifies=_NAMED.get(topic) if topic else None,
        )
    return None


def _free_text(column: Column) -> Proposal | None:
    evidence = column.evidence
    if not evidence.is_text:
        return None
    long = evidence.words >= MANY_WORDS and evidence.different > _FREE
    note = column.topic is Topic.NOTE and not evidence.few
    if not long and not (note and not evidence.suspicious):
        return None
    holds = ("some values hold identifiers",) if evidence.suspicious else ()
    why = "many words, and hardly two values alike" if long else "called like a free text"
    return column.proposed(Role.TEXT, Confidence.HIGH if long else Confidence.MEDIUM, why, *holds)


_FREE = 0.05


def _suspicious(column: Column) -> Proposal | None:
    """Whatever else a column may be: one that holds identifiers is nothing that may leave."""
    evidence = column.evidence
    if not evidence.suspicious:
        return None
    if evidence.found.get(Finding.NAME, 0) >= NAMES:
        return column.undecided("many values are names of people as well; is it a name?")
    what = evidence.surely[0] if evidence.surely else "identifiers"
    return column.undecided(f"some values are {what}, hidden under another name")


def _row_number(column: Column) -> Proposal | None:
    if column.at in column.relations.numbers:
        return column.proposed(
            Role.IDENTIFIER, Confidence.HIGH, "numbers the rows: different in every one"
        )
    return None


def _called_like_a_key(column: Column) -> Proposal | None:
    evidence = column.evidence
    if column.topic is Topic.KEY and evidence.different > _KEYLIKE and not evidence.few:
        return column.proposed(
            *(Role.IDENTIFIER, Confidence.LOW),
            "called like a key, but refers to no table that was found",
        )
    return None


_KEYLIKE = 0.02


def _birth(column: Column) -> Proposal | None:
    if column.topic is not Topic.BIRTH:
        return None
    if column.readable is not Kind.DATE:
        return column.undecided(
            "called like a date of birth, but not of type date: show it as one in a view"
        )
    if _unclear(column):
        return column.undecided(f"called like a date of birth, but {_UNCLEAR}")
    why = (
        "called like a date of birth",
        f"{_most(column.evidence.long_ago)} days lie more than {ADULT} years back",
    )
    if not column.is_persons:
        return _of_a_date(
            column.proposed(Role.IDENTIFIER, Confidence.HIGH, *why), column, Kind.DATE
        )
    return replace(
        _of_a_date(
            column.proposed(Role.QUASI_IDENTIFIER, Confidence.HIGH, *why), column, Kind.DATE
        ),
        derive=Derivation.YEARS,
        hierarchy=AGE,
        meaning="Age in completed years on the reference date",
        published=True,
    )


def _of_a_date(proposal: Proposal, column: Column, kind: Kind) -> Proposal:
    birth = column.topic is Topic.BIRTH
    identifies = Identifies.DATE_OF_BIRTH if birth else None
    return replace(_written(proposal, column, kind), identifies=identifies)


def of_a_time(proposal: Proposal, column: Column) -> Proposal:
    """Return a proposal that says how its days or times are to be read."""
    return _written(proposal, column, column.readable)


def _written(proposal: Proposal, column: Column, kind: Kind | None) -> Proposal:
    reading = column.evidence.reading
    form = None if reading is None or reading.form == _USUAL_DAY else reading.form
    return replace(proposal, type=kind, form=form)


_USUAL_DAY = "%Y-%m-%d"


_UNCLEAR = (
    "not all are written in one way, or whether day or month comes first cannot be told: mend "
    "them in the source, or do without"
)


def _unclear(column: Column) -> bool:
    reading = column.evidence.reading
    return reading is not None and (reading.ambiguous or not reading.all_read)


def _most(share: float) -> str:
    return "most" if share >= MOSTLY else "few"


_ENDS = {
    Topic.CLOSED: "the end of the relationship",
    Topic.ERASED: "a granted erasure",
    Topic.RESTRICTED: "a restriction",
}


def _day_of_event(column: Column) -> Proposal | None:
    evidence, topic = column.evidence, column.topic
    if not evidence.is_day or column.is_persons:
        return None
    known = topic in {Topic.OPENED, Topic.CLOSED, Topic.TIME}
    if evidence.long_ago >= MOSTLY and not known:
        return column.undecided(_LONG_AGO)
    return column.proposed(
        *(Role.EVENT_TIME, Confidence.HIGH if known else Confidence.LOW),
        "days or times of something that happened",
    )


_LONG_AGO = "days long ago: are they dates of birth?"


def _day_of_person(column: Column) -> Proposal | None:
    evidence, topic = column.evidence, column.topic
    if not evidence.is_day:
        return None
    if column.readable not in DAYS:
        return column.undecided("days that are written as text: show them as dates in a view")
    if _unclear(column):
        return column.undecided(f"days, but {_UNCLEAR}")
    if column.readable is Kind.DATE and topic in {*_ENDS, Topic.OPENED}:
        return _end(column) if topic in _ENDS else _beginning(column)
    if evidence.long_ago >= MOSTLY:
        return column.undecided(_LONG_AGO)
    return column.undecided("a day in the person's own record; which?")


def _end(column: Column) -> Proposal:
    why = f"called like {_ENDS[column.topic]}" if column.topic in _ENDS else ""
    proposal = column.proposed(Role.ELIGIBILITY, Confidence.MEDIUM, why)
    return _of_a_date(proposal, column, Kind.DATE)


def _beginning(column: Column) -> Proposal:
    proposal = column.proposed(
        Role.SENSITIVE, Confidence.MEDIUM, "called like the beginning of the relationship"
    )
    return replace(
        _of_a_date(proposal, column, Kind.DATE),
        derive=Derivation.YEARS,
        hierarchy=TENURE,
        meaning="Completed years as a customer on the reference date",
        published=True,
    )


def _truth(column: Column) -> Proposal | None:
    if column.evidence.kind is not Kind.BOOLEAN:
        return None
    if column.is_persons and column.topic in {Topic.CONSENT, Topic.ERASED, Topic.RESTRICTED}:
        return replace(
            column.proposed(Role.ELIGIBILITY, Confidence.MEDIUM, f"called like {column.topic}"),
            type=Kind.BOOLEAN,
        )
    if column.is_persons:
        return column.undecided("yes or no of a person; to what?")
    return column.proposed(Role.CATEGORY, Confidence.MEDIUM, "yes or no of an event")


def _number_of_person(column: Column) -> Proposal | None:
    if not column.is_persons or not column.evidence.is_number:
        return None
    if column.topic in {Topic.MONEY, Topic.INCOME}:
        if _unclear(column):
            return column.undecided(
                "amounts, of which some are no numbers: mend them, or do without"
            )
        if column.readable in {Kind.NUMBER, Kind.INTEGER}:
            return _amount_of_a_person(column)
    if column.topic in _GROUPS and column.evidence.kind is Kind.TEXT:
        return None
    return column.undecided("numbers in the person's own record; of what?")


def _number_of_event(column: Column) -> Proposal | None:
    evidence, topic = column.evidence, column.topic
    if not evidence.is_number or column.is_persons:
        return None
    if topic in {Topic.MONEY, Topic.INCOME}:
        return column.proposed(Role.MEASURE, Confidence.HIGH, f"numbers, called like {topic}")
    if evidence.decimals:
        return column.proposed(
            Role.MEASURE, Confidence.MEDIUM, "numbers with decimals: nobody's number has any"
        )
    if evidence.few and evidence.largest < _SMALL:
        return column.proposed(Role.MEASURE, Confidence.LOW, "few different small numbers")
    return column.undecided("whole numbers of nothing known: could they be somebody's?")


_SMALL = 1_000


def _amount_of_a_person(column: Column) -> Proposal:
    evidence = column.evidence
    numbers = (
        column.values.cast(pl.Float64, strict=False)
        if evidence.reading is None
        else number_of(column.values, evidence.reading)
    )
    income = column.topic is Topic.INCOME
    return replace(
        column.proposed(
            *(Role.SENSITIVE, Confidence.HIGH if income else Confidence.MEDIUM),
            f"numbers, called like {column.topic}: nobody shall learn one person's",
        ),
        type=Kind.NUMBER,
        hierarchy=of_numbers(numbers),
        meaning="Income, in the source's currency" if income else "Amount, in its currency",
        published=True,
    )


_GROUPS = {
    Topic.SEX: "Sex",
    Topic.CITIZENSHIP: "Citizenship or country",
    Topic.REGION: "Where the person lives, as a place or coarser",
    Topic.OCCUPATION: "Occupation, in groups",
    Topic.CIVIL_STATUS: "Civil status",
    Topic.EDUCATION: "Highest education completed",
}


def _group_of_people(column: Column) -> Proposal | None:
    """Propose a category of the person, with the labels that many share."""
    evidence, topic = column.evidence, column.topic
    texts = evidence.kind is Kind.TEXT and not evidence.is_day
    if not column.is_persons or column.people is None or not texts:
        return None
    if not evidence.few and topic not in _GROUPS:
        return None
    hierarchy = of_labels(column.values, column.people)
    if hierarchy is None:
        return column.undecided("too few people share a value to make categories of it")
    known = topic in _GROUPS
    role = Role.SENSITIVE if topic is Topic.EDUCATION else Role.QUASI_IDENTIFIER
    why = f"called like {topic}" if known else "a category that is not known by its name"
    return replace(
        column.proposed(
            role, Confidence.MEDIUM if known else Confidence.LOW, why, "many people share a value"
        ),
        type=Kind.TEXT,
        hierarchy=hierarchy,
        meaning=_GROUPS.get(topic, "To be written") if topic else "To be written",
        published=known,
    )


def _aside(column: Column) -> Proposal | None:
    """Propose not to need what is known by its name, and has no use in a person's record."""
    topic, evidence = column.topic, column.evidence
    aside = topic is Topic.EMPLOYER or (
        column.is_persons and topic in {Topic.CURRENCY, Topic.KIND} and evidence.few
    )
    if not aside or not (evidence.is_text or evidence.kind is Kind.BOOLEAN):
        return None
    return column.proposed(Role.UNUSED, Confidence.LOW, f"called like {topic}; not needed")


def _category(column: Column) -> Proposal | None:
    evidence = column.evidence
    if column.is_persons or not evidence.few:
        return None
    known = column.topic in {Topic.KIND, Topic.CURRENCY, *_GROUPS}
    return column.proposed(
        *(Role.CATEGORY, Confidence.MEDIUM if known else Confidence.LOW),
        "few categories of what happened",
    )


_RULES: tuple[Callable[[Column], Proposal | None], ...] = (
    _by_relation,
    _of_document,
    _by_values,
    _by_identifying_name,
    _free_text,
    _row_number,
    _suspicious,
    _birth,
    _called_like_a_key,
    _aside,
    _day_of_event,
    _day_of_person,
    _truth,
    _number_of_person,
    _number_of_event,
    _group_of_people,
    _category,
)


def propose_all(columns: Mapping[tuple[str, str], Column]) -> dict[tuple[str, str], Proposal]:
    """Return a proposal for each column; names that cannot find anybody together do not say so."""
    proposals = {at: propose(column) for at, column in columns.items()}
    for table in {table for table, _ in proposals}:
        for whose in ("subject", "others"):
            _drop_half_names(proposals, table, whose)
    return proposals


_NAME_PARTS = (
    *(Identifies.FIRST_NAME, Identifies.LAST_NAME, Identifies.FULL_NAME, Identifies.DATE_OF_BIRTH),
)
_WHOLE = ((1, 1, 0, 1), (0, 0, 1, 1))


def _drop_half_names(proposals: dict[tuple[str, str], Proposal], table: str, whose: str) -> None:
    """Take back what identifies where a name's parts and the birth are not there once each."""
    parts = {
        at: proposal.identifies
        for at, proposal in proposals.items()
        if at[0] == table and proposal.whose == whose and proposal.identifies in _NAME_PARTS
    }
    counts = tuple(list(parts.values()).count(part) for part in _NAME_PARTS)
    if counts not in _WHOLE:
        for at in parts:
            proposals[at] = replace(proposals[at], identifies=None)
