"""The policy: what each source column is, under which clause it was collected, what may leave.

It is read from a file of the privacy officer's (TOML) and is strict: what it does not name does
not exist, and what it misspells stops the run. Clause numbers are those of the privacy policy
(9 to 15: what is collected; 16: statistics; 26: minors).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from transforms.fields import AttributeName, Name, Strict
from transforms.magnitude.declared import Budget, Magnitude
from transforms.text.category import TextCategory


class Method(StrEnum):
    """How quasi-identifiers are generalised."""

    FULL_DOMAIN = "full-domain"
    """One level a column: the same categories in the whole table."""
    MULTIDIMENSIONAL = "multidimensional"
    """A region a combination: far finer where there are many people, a column a level."""


class Distance(StrEnum):
    """How far one value is from another: all alike, by position, by the common ancestor."""

    EQUAL = "equal"
    ORDERED = "ordered"
    HIERARCHICAL = "hierarchical"


class Role(StrEnum):
    """What a source column is to a release."""

    SUBJECT = "subject"
    """The person's key: counted by, never published."""
    LINK = "link"
    """Joins tables of the source, never published."""
    FORBIDDEN = "forbidden"
    """Clause 16 excludes it: never read."""
    IDENTIFIER = "identifier"
    """Names a person directly; a release never reads it, the officer may look one up."""
    QUASI_IDENTIFIER = "quasi-identifier"
    """Somebody could know it: generalised."""
    SENSITIVE = "sensitive"
    """What nobody shall learn about one person: generalised and diverse."""
    ELIGIBILITY = "eligibility"
    """Decides whether a person, or a row of theirs, is in at all; never published."""
    MEASURE = "measure"
    """An amount of an event: leaves only in magnitude tables."""
    EVENT_TIME = "event time"
    """When an event happened: leaves only as a period."""
    CATEGORY = "category"
    """A class of events: leaves only in magnitude tables."""
    TEXT = "text"
    """Free text: never leaves, nor is it read for microdata."""
    UNUSED = "unused"
    """Declared and not needed: never read."""
    UNDECIDED = "undecided"
    """Nobody has said yet what it is: never read, and nothing is released until somebody does."""


READ_FOR_MICRODATA = frozenset(
    {Role.SUBJECT, Role.LINK, Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.ELIGIBILITY}
)


class Forbidden(StrEnum):
    """What clause 16 takes out of statistics, in its own words."""

    NATIONAL_NUMBER = "national identification number"
    IDENTITY_DOCUMENT = "identity documents and their details"
    EXACT_RESIDENCE = "exact residence"


class Kind(StrEnum):
    """The type a column has in the source."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


DAYS = frozenset({Kind.DATE, Kind.TIMESTAMP})
TRUTH = frozenset({Kind.BOOLEAN})


class Derivation(StrEnum):
    """How an attribute of a person is made from a source column."""

    YEARS = "completed years"
    """Whole years from the date to the release's reference date."""
    TOTAL = "total"
    """Sum over the person's rows of another table."""
    TOPIC = "topic"
    """What a free text is about, by a vocabulary."""
    LANGUAGE = "language"
    """The language of a free text."""
    LENGTH = "length"
    """How long a free text is, in bands."""


FROM_TEXT = frozenset({Derivation.TOPIC, Derivation.LANGUAGE, Derivation.LENGTH})
"""What is made of free text: of the text itself nothing is kept."""


class Identifies(StrEnum):
    """What of a person a column holds, so that an objector is found by it, by equality."""

    PERSONAL_NUMBER = "personal number"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    FULL_NAME = "full name"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    DATE_OF_BIRTH = "date of birth"


_BIRTHS = frozenset({Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.ELIGIBILITY, Role.UNUSED})
"""What a date of birth may be besides an identifier."""

Clause = Annotated[int, Field(ge=9, le=15)]


def _time_format(text: str) -> str:
    """Check a format of dates: year, month and day once each, as digits, nothing guessed."""
    parts = re.findall(r"%(?:\.f|.)", text)
    date_parts, clock = [part for part in parts if part in _DATE], [*parts]
    for part in date_parts:
        clock.remove(part)
    if sorted(date_parts) != sorted(_DATE) or not set(clock) <= _CLOCK:
        message = "a format has %Y, %m and %d once each, and %H, %M, %S, %.f for a time"
        raise ValueError(message)
    return text


_DATE = ("%Y", "%m", "%d")
_CLOCK = {"%H", "%M", "%S", "%.f"}
TimeFormat = Annotated[str, AfterValidator(_time_format)]


class Column(Strict):
    """One source column.

    adverse: leaves of a sensitive column's hierarchy that nobody likes to be known for: their
    share in a class is capped. format: how a CSV file writes its dates, where not as `csv` says.
    whose: whom an identifier names; others are people who are not the row's customer: payees,
    relatives (clauses 7, 12). identifies: what of a person it holds; the officer finds objectors
    by it, a release never reads it for that.
    """

    role: Role
    clause: Clause
    category: str | None = None
    type: Kind | None = None
    format: TimeFormat | None = None
    whose: Literal["subject", "others"] = "subject"
    identifies: Identifies | None = None
    attribute: AttributeName | None = None
    derive: Derivation | None = None
    vocabulary: Name | None = None
    hierarchy: str | None = None
    meaning: str | None = None
    adverse: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        published = self.role in {Role.QUASI_IDENTIFIER, Role.SENSITIVE}
        if self.role is Role.FORBIDDEN and self.category not in set(Forbidden):
            named = ", ".join(f'"{category}"' for category in Forbidden)
            message = f"a forbidden column names its category of clause 16: one of {named}"
            raise ValueError(message)
        if published and self.hierarchy is None:
            message = f"a {self.role} needs a hierarchy to be generalised by"
            raise ValueError(message)
        if published and self.meaning is None:
            message = f"a {self.role} needs a meaning, in words for analysts"
            raise ValueError(message)
        if not published and (self.hierarchy or self.derive or self.attribute or self.meaning):
            message = (
                f"hierarchy, derive, attribute and meaning say nothing on a {self.role} column"
            )
            raise ValueError(message)
        if self.role in READ_FOR_MICRODATA and self.type is None:
            message = f"a {self.role} column is read, so its type must be declared"
            raise ValueError(message)
        if self.role in {Role.SUBJECT, Role.LINK} and self.type not in {Kind.INTEGER, Kind.TEXT}:
            message = f"a {self.role} is compared as it is written: its type is integer or text"
            raise ValueError(message)
        wants = {
            Derivation.YEARS: {Kind.DATE},
            Derivation.TOTAL: {Kind.NUMBER, Kind.INTEGER},
            **{derived: {Kind.TEXT} for derived in FROM_TEXT},
        }
        if (self.derive is Derivation.TOPIC) is not (self.vocabulary is not None):
            message = "a topic is one of a vocabulary, and nothing else needs one"
            raise ValueError(message)
        if self.derive is not None and self.type not in wants[self.derive]:
            message = f'derive = "{self.derive}" does not go with type "{self.type}"'
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _says_only_what_it_can(self) -> Self:
        if self.adverse and self.role is not Role.SENSITIVE:
            message = "adverse names values of a sensitive column"
            raise ValueError(message)
        if self.whose == "others" and self.role not in {Role.IDENTIFIER, Role.FORBIDDEN}:
            message = "whose says whom an identifier names, or a forbidden column"
            raise ValueError(message)
        if self.format is not None and self.type not in {Kind.DATE, Kind.TIMESTAMP}:
            message = "format says how a date or a timestamp is written"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _identifies_what_it_can(self) -> Self:
        birth = self.identifies is Identifies.DATE_OF_BIRTH
        number = self.role is Role.FORBIDDEN and self.category == Forbidden.NATIONAL_NUMBER
        named = self.role is Role.IDENTIFIER or number
        if birth and self.type is not Kind.DATE:
            message = 'a date of birth is compared as a date: its type is "date"'
            raise ValueError(message)
        if self.identifies is not None and not named and not (birth and self.role in _BIRTHS):
            message = (
                "identifies goes with an identifier or a national identification number, and with "
                "a date of birth"
            )
            raise ValueError(message)
        return self


class Through(Strict):
    """The table that says whose a row is, and the column that both tables have."""

    through: Name
    on: Name


class Csv(Strict):
    """How CSV files are written; never guessed.

    decimal, thousands: the marks in numbers; date, timestamp: strptime formats.
    """

    separator: str = Field(default=",", pattern=r"^[ -~\t]$")
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'", "\N{NO-BREAK SPACE}"] = ""
    date: TimeFormat = "%Y-%m-%d"
    timestamp: TimeFormat = "%Y-%m-%d %H:%M:%S%.f"

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal == self.thousands:
            message = "decimal and thousands are the same mark, so numbers could not be read"
            raise ValueError(message)
        return self


class Kept(Strict):
    """How long rows are kept that lapse by a day of their own (clauses 10, 13), not by a person's.

    A row lapses so many months after `since`; with legal proceedings, so many months after it was
    settled, and not before.
    """

    since: Name
    months: int = Field(ge=0, le=60)
    proceedings: Name | None = None
    settled: Name | None = None
    settled_months: int | None = Field(default=None, ge=0, le=24)

    @model_validator(mode="after")
    def _proceedings_end(self) -> Self:
        said = {self.proceedings is None, self.settled is None, self.settled_months is None}
        if len(said) > 1:
            message = "proceedings, settled and settled-months go together"
            raise ValueError(message)
        return self

    @property
    def needs(self) -> tuple[tuple[str, frozenset[Kind]], ...]:
        """The columns that it reads, and the types that each may have."""
        named = ((self.since, DAYS), (self.proceedings, TRUTH), (self.settled, DAYS))
        return tuple((name, kinds) for name, kinds in named if name is not None)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(name for name, _ in self.needs)


class Source(Strict):
    """One table of the operational bank; csv: how its files are written, where otherwise.

    kept: how long its rows are, where that is counted from a day of their own.
    """

    columns: dict[Name, Column]
    subject: Through | None = None
    csv: Csv | None = None
    kept: Kept | None = None


class Subject(Strict):
    """Who a person is: a key, or (a flat file without one) each row.

    same_person: columns of the source whose equal values mean one person with several records;
    where it is not given, the person's own national identification numbers. undecided: nobody has
    said yet that this is the person.
    """

    source: Name
    undecided: bool = False
    key: Name | None = None
    row_is_a_person: bool = False
    same_person: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key is None) == (not self.row_is_a_person):
            message = "give either a key, or row-is-a-person = true"
            raise ValueError(message)
        return self


class Erased(Strict):
    """Clause 30.3: whose erasure was granted. Any day, or true, leaves the person out."""

    column: Name


class Restricted(Strict):
    """Clause 30.4: left out from the day on which processing was restricted until it is lifted.

    column: any day, or true; until: the day of the lifting.
    """

    column: Name
    until: Name | None = None


class Persons(Strict):
    """Which records stand for a natural person; companies are not data subjects."""

    column: Name
    keep: tuple[str, ...] = Field(min_length=1)


class Minors(Strict):
    """Clause 26: under the age only with a guardian's written consent."""

    birth: Name
    consent: Name | None = None
    under: int = Field(default=14, ge=14, le=21)


MOST_MONTHS = {9: 60, 11: 60, 12: 60, 14: 24, 15: 0}
"""How long after the end of the relationship the privacy policy lets data be kept, by clause."""
BY_ROW = {10: (60, 24), 13: (1, 0)}
"""Clauses that count from a day of a row's own: the most months, and those after a settlement."""


class Retention(Strict):
    """How long after the end of the relationship data may be kept.

    years: the person, with all that is known of them (clause 9). months: what a clause collected,
    where that is less; one that is not named has as much as the privacy policy gives it.
    """

    ended: Name
    years: int = Field(ge=0, le=5)
    months: dict[Clause, Annotated[int, Field(ge=0)]] = {}

    @model_validator(mode="after")
    def _within_the_privacy_policy(self) -> Self:
        for clause, months in self.months.items():
            if clause in BY_ROW:
                message = (
                    f"clause {clause} does not count from the end of the relationship: say under "
                    f"kept of the table how long its rows are"
                )
                raise ValueError(message)
            if months > MOST_MONTHS[clause]:
                message = (
                    f"clause {clause} lets data be kept for at most {MOST_MONTHS[clause]} months "
                    f"after the end of the relationship"
                )
                raise ValueError(message)
        return self

    def months_of(self, clause: int) -> int:
        """Return how many months after the end what a clause collected may be used."""
        person = 12 * self.years
        return min(person, self.months.get(clause, MOST_MONTHS.get(clause, person)))


RULES = ("erased", "restricted", "persons", "minors", "retention")


class Eligibility(Strict):
    """Who is left out by rule, whatever the opt-out list says.

    undecided: rules of which nobody has said yet whether they apply.
    """

    erased: Erased | None = None
    restricted: Restricted | None = None
    persons: Persons | None = None
    minors: Minors | None = None
    retention: Retention | None = None
    not_applicable: dict[
        Literal["erased", "restricted", "persons", "minors", "retention"], str
    ] = {}
    undecided: tuple[Literal["erased", "restricted", "persons", "minors", "retention"], ...] = ()

    @model_validator(mode="after")
    def _each_rule_or_a_reason(self) -> Self:
        for rule in RULES:
            said = (
                getattr(self, rule) is not None,
                rule in self.not_applicable,
                rule in self.undecided,
            )
            if sum(said) != 1:
                message = f"give the rule {rule}, or say under not-applicable why there is none"
                raise ValueError(message)
        return self

    @property
    def needs(self) -> tuple[tuple[str, frozenset[Kind]], ...]:
        """The columns of the subject's table that the rules read, and the types each may have."""
        since = DAYS if self.restricted and self.restricted.until else DAYS | TRUTH
        rules = (
            (self.erased and self.erased.column, DAYS | TRUTH),
            (self.restricted and self.restricted.column, since),
            (self.restricted and self.restricted.until, DAYS),
            (self.persons and self.persons.column, frozenset({Kind.TEXT})),
            (self.minors and self.minors.birth, frozenset({Kind.DATE})),
            (self.minors and self.minors.consent, TRUTH),
            (self.retention and self.retention.ended, frozenset({Kind.DATE})),
        )
        return tuple((name, kinds) for name, kinds in rules if name)

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the subject's table that the rules read."""
        return frozenset(name for name, _ in self.needs)


class Limits(Strict):
    """How much protection, and how much may be lost for it.

    k: people behind every published row (El Emam 2013: 11 inside an institution).
    l: different sensitive values in every class that shows any (Machanavajjhala 2007).
    suppression: largest share of eligible people left out of a table.
    blanking: largest share of published people whose known sensitive value is hidden.
    calibration_k: the k under which a recoding is chosen, above k so that it holds next week too.
    entropy_l: values as evenly spread as so many equally frequent ones (Machanavajjhala 2007).
    t: how far a class's values may be from the table's (earth mover's distance, Li 2007).
    largest_share, lift_factor, lift_plus: an adverse value that a share p of all people have may
    be at most min(largest_share, lift_factor p + lift_plus) of a class's known values.
    """

    k: int = Field(default=11, ge=2)
    l: int = Field(default=2, ge=2)  # noqa: E741 - the literature's name
    suppression: float = Field(default=0.05, ge=0, lt=1)
    blanking: float = Field(default=0.10, ge=0, lt=1)
    calibration_k: int | None = None
    entropy_l: float | None = Field(default=None, ge=1)
    t: float | None = Field(default=None, gt=0, le=1)
    t_distance: Distance = Distance.EQUAL
    largest_share: float = Field(default=0.8, gt=0, le=1)
    lift_factor: float = Field(default=4.0, ge=1)
    lift_plus: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _margin(self) -> Self:
        if self.calibration_k is not None and self.calibration_k < self.k:
            message = "calibration-k is below k"
            raise ValueError(message)
        return self

    @property
    def k_when_choosing(self) -> int:
        """The k under which a recoding is chosen: twice k unless the policy says otherwise."""
        return 2 * self.k if self.calibration_k is None else self.calibration_k


class Bands(Strict):
    """A numeric hierarchy: for each level its cut points, the finest first."""

    least: float
    most: float
    cuts: tuple[Annotated[tuple[float, ...], Field(min_length=1)], ...] = Field(min_length=1)
    whole_numbers: bool = False
    unit: str = ""


Label = Annotated[str, Field(min_length=1, max_length=256)]


class Lookup(Strict):
    """A hierarchy of labels: a line a leaf, `leaf;level 1;…;*`, in a file or as `lines`.

    others: the leaf of every value that has no line; without it such a value stops a run.
    """

    file: Name | None = None
    separator: str = Field(default=";", pattern=r"^[ -~\t]$")
    lines: tuple[tuple[Label, ...], ...] = ()
    others: Label | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.file is None) == (not self.lines):
            message = "give either a file, or lines"
            raise ValueError(message)
        return self


class VocabularyFile(Strict):
    """A vocabulary in a file: the topics that free text may be about (docs/text.md)."""

    file: Name


class Recoding(Strict):
    """How quasi-identifiers are generalised, and how long the best way is looked for.

    suppressed: who is too few to be published is left out, or put into one class called "other";
    weights: what a loss in an attribute counts, 1 where it is not named; seconds: after which the
    search takes the best it has, and says how far that may be from the best there is.
    """

    method: Method = Method.FULL_DOMAIN
    suppressed: Literal["out", "other"] = "out"
    weights: dict[AttributeName, Annotated[float, Field(gt=0, le=1000)]] = {}
    seconds: float = Field(default=60, gt=0, le=86_400)


class Microdata(Strict):
    """A table with one row a person."""

    meaning: str
    quasi_identifiers: tuple[AttributeName, ...] = Field(min_length=1)
    sensitive: AttributeName


class Series(Strict):
    """What becomes of earlier releases."""

    keep_earlier_because: str | None = Field(default=None, min_length=1)


ImportColumn = Literal[
    "reference",
    "customer_id",
    "personal_number",
    "email",
    "phone",
    "iban",
    "name",
    "born",
    "text",
    "channel",
    "received_at",
    "identity_verified",
    "right",
    "event",
]
ChannelWord = Literal["email", "letter", "phone", "counter", "app", "crm", "other"]
RightWord = Literal["objection", "erasure", "restriction", "marketing", "automated decision"]
EventWord = Literal["objection", "withdrawal"]


class Import(Strict):
    """How a sender's files of objections are written; nothing is guessed.

    columns: our name of a column → the sender's, or several that are joined by a blank; channels,
    rights, events: the sender's word → ours, which is known too; yes, no: the words of
    identity_verified; channel: of a line that names none; encoding, separator: of CSV files; date,
    timestamp: strptime formats beside ISO 8601, which is always read; timezone: of times that do
    not say theirs.
    """

    columns: dict[ImportColumn, Name | Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    channels: dict[str, ChannelWord] = {}
    rights: dict[str, RightWord] = {}
    events: dict[str, EventWord] = {}
    yes: tuple[str, ...] = ("yes", "true", "1", "po", "da")
    no: tuple[str, ...] = ("no", "false", "0", "jo", "ne")
    channel: ChannelWord = "crm"
    encoding: str = "utf-8"
    separator: str = Field(default=",", pattern=r"^[ -~\t]$")
    date: TimeFormat = "%Y-%m-%d"
    timestamp: TimeFormat = "%Y-%m-%d %H:%M:%S%.f"
    timezone: str = Field(default="Europe/Belgrade", pattern=r"^[A-Za-z0-9_+/-]{1,64}$")

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        if {word.lower() for word in self.yes} & {word.lower() for word in self.no}:
            message = "a word of identity_verified means yes and no"
            raise ValueError(message)
        return self

    def senders(self, column: ImportColumn) -> tuple[str, ...]:
        """Return what the sender calls a column: our name where nothing is said."""
        named = self.columns.get(column, column)
        return (named,) if isinstance(named, str) else named


class Objections(Strict):
    """How the opt-out list is kept.

    region: of phone numbers without a country code (ISO 3166); decide_within: days until an
    objection of whom nobody is found demands a decision; review_within: months after which an
    override is reviewed at the latest; keep_ended: months after which what identifies the person
    of an ended one is erased; keep_files: days that a file which was taken in is kept;
    look_again_within: hours after which everybody on the list is looked for in the source again,
    before anything is released.
    """

    region: str = Field(default="XK", pattern=r"^[A-Z]{2}$")
    decide_within: int = Field(default=30, ge=1, le=365)
    review_within: int = Field(default=12, ge=1, le=36)
    keep_ended: int = Field(default=12, ge=0, le=120)
    keep_files: int = Field(default=30, ge=0, le=365)
    look_again_within: int = Field(default=24, ge=1, le=168)
    imports: Import = Field(default=Import(), alias="import")


class Policy(Strict):
    """The whole policy file."""

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

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def questions(self) -> tuple[str, ...]:
        """What nobody has decided yet, each with the way out; nothing is released until all are."""
        return tuple(_questions(self))

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
            for attribute in _attributes(table, source)
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
        return source.subject is not None or _has_subject(source)

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


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing known of a person: `name`, made from `table`.`column` by `derive`."""

    name: str
    table: str
    column: str
    role: Role
    clause: int
    derive: Derivation | None
    hierarchy: str
    meaning: str
    vocabulary: str | None = None

    @property
    def text(self) -> TextCategory | None:
        """What is made of a free text, None where it is none."""
        return TextCategory(self.derive.value) if self.derive in FROM_TEXT else None


@dataclass(frozen=True, slots=True)
class Owner:
    """`table`.`key` is the person of a row, found by the shared column `on` (None: same table)."""

    table: str
    key: str
    on: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be read of the owner's table."""
        return (self.key,) if self.on is None else (self.key, self.on)


def _attributes(table: str, source: Source) -> Iterator[Attribute]:
    for name, column in source.columns.items():
        if column.hierarchy is not None and column.meaning is not None:
            yield Attribute(
                name=column.attribute or name,
                table=table,
                column=name,
                role=column.role,
                clause=column.clause,
                derive=column.derive,
                hierarchy=column.hierarchy,
                meaning=column.meaning,
                vocabulary=column.vocabulary,
            )


def _problems(policy: Policy) -> Iterator[str]:
    """Say what the file's parts, each right by itself, get wrong together."""
    yield from _subject_problems(policy)
    yield from _identifying_problems(policy)
    yield from _forbidden_problems(policy)
    yield from _attribute_problems(policy)
    yield from _link_problems(policy)
    yield from _kept_problems(policy)
    yield from _unkept_problems(policy)
    yield from _microdata_problems(policy)
    yield from _recoding_problems(policy)
    yield from _magnitude_problems(policy)


def _questions(policy: Policy) -> Iterator[str]:
    if policy.subject.undecided:
        yield "subject is undecided: say which table and key a person is, and take the word out"
    for table, source in policy.sources.items():
        for name, column in source.columns.items():
            if column.role is Role.UNDECIDED:
                yield f"column {table}.{name} is undecided: give it a role"
    for rule in policy.eligibility.undecided:
        yield (
            f"eligibility.{rule} is undecided: give the rule, or say under not-applicable why "
            f"there is none"
        )
    for category in policy.undecided:
        yield (
            f'"{category}" is undecided: give the columns that hold it the role forbidden, or list '
            f"it under not-collected"
        )
    if not policy.microdata:
        yield "no table is declared that could be released: declare one under microdata"


def _recoding_problems(policy: Policy) -> Iterator[str]:
    for name in sorted(set(policy.recoding.weights) - set(policy.attributes)):
        yield f'recoding.weights names "{name}", which no table publishes'


def _subject_problems(policy: Policy) -> Iterator[str]:
    home = policy.sources.get(policy.subject.source)
    if home is None:
        yield f'subject.source "{policy.subject.source}" is not among the sources'
        return
    key = policy.subject.key
    if key is not None and (key not in home.columns or home.columns[key].role is not Role.SUBJECT):
        yield f'subject.key "{key}" is not a column of {policy.subject.source} with role subject'
    yield from _need_problems("eligibility", policy.eligibility.needs, policy.subject.source, home)


def _identifying_problems(policy: Policy) -> Iterator[str]:
    """Say what cannot lead to a person: a row that is nobody's, a name without its birth."""
    home = policy.sources.get(policy.subject.source)
    for name in policy.subject.same_person or ():
        if home is not None and name not in home.columns:
            yield f'subject.same-person names "{name}", which is not in {policy.subject.source}'
    for table, source in policy.sources.items():
        said = [column for column in source.columns.values() if column.identifies is not None]
        if any(column.whose == "subject" for column in said) and not policy.has_owner(table):
            yield f"sources.{table}: a column identifies somebody, and no subject is given"
        for whose in ("subject", "others"):
            parts = Counter(column.identifies for column in said if column.whose == whose)
            yield from _naming_problems(f"sources.{table}", parts)


_NAMES = (Identifies.FIRST_NAME, Identifies.LAST_NAME, Identifies.FULL_NAME)
_NAMINGS = ((0, 0, 0, 0), (1, 1, 0, 1), (0, 0, 1, 1))
"""How often first, last and full name and date of birth stand in a table together."""


def _naming_problems(where: str, parts: Mapping[Identifies | None, int]) -> Iterator[str]:
    if tuple(parts[part] for part in (*_NAMES, Identifies.DATE_OF_BIRTH)) not in _NAMINGS:
        yield (
            f"{where}: identifies names a person by first and last name, or by full name, and "
            f"by date of birth, each once: a name alone, or a date alone, is too many people's"
        )


def _need_problems(
    who: str, needs: Iterable[tuple[str, frozenset[Kind]]], table: str, source: Source
) -> Iterator[str]:
    """Say which columns that a rule reads are not there, never read, or of another type."""
    for name, kinds in needs:
        column = source.columns.get(name)
        if column is None:
            yield f'{who} names "{name}", which is not a column of {table}'
        elif column.role not in READ_FOR_MICRODATA:
            yield f'{who} needs "{name}", but role {column.role} is never read'
        elif column.type not in kinds:
            yield f'{who} needs "{name}" to be of type {" or ".join(sorted(kinds))}'


def _kept_problems(policy: Policy) -> Iterator[str]:
    for table, source in policy.sources.items():
        if source.kept is None:
            continue
        who = f"sources.{table}.kept"
        yield from _need_problems(who, source.kept.needs, table, source)
        if table == policy.subject.source:
            yield f"{who}: the person's own records lapse by eligibility.retention"
        elif source.kept.since in source.columns:
            yield from _too_long(who, source.kept, source.columns[source.kept.since].clause)


def _too_long(who: str, kept: Kept, clause: int) -> Iterator[str]:
    if clause not in BY_ROW:
        yield (
            f"{who}: what clause {clause} collected counts from the end of the relationship: "
            f"eligibility.retention says how long it is kept"
        )
        return
    most, settled = BY_ROW[clause]
    if kept.months > most:
        yield f"{who}: clause {clause} lets rows be kept for at most {most} months"
    if kept.proceedings is not None and not settled:
        yield f"{who}: clause {clause} knows no legal proceedings"


def _unkept_problems(policy: Policy) -> Iterator[str]:
    """Say what is published of a clause whose rows lapse by a day that the policy does not name."""
    if policy.eligibility.retention is None:
        return
    for attribute in policy.attributes.values():
        source = policy.sources[attribute.table]
        since = None if source.kept is None else source.columns.get(source.kept.since)
        if attribute.clause in BY_ROW and (since is None or since.clause != attribute.clause):
            yield (
                f"sources.{attribute.table}.columns.{attribute.column}: clause {attribute.clause} "
                f"counts from a day of each row: name it under sources.{attribute.table}.kept"
            )


def _forbidden_problems(policy: Policy) -> Iterator[str]:
    answered = {
        column.category
        for source in policy.sources.values()
        for column in source.columns.values()
        if column.role is Role.FORBIDDEN and column.whose == "subject"
    }
    for category in Forbidden:
        if category not in {*answered, *policy.not_collected, *policy.undecided}:
            yield (
                f'clause 16 forbids "{category}", and no column answers for it: give the column '
                f"the role forbidden, or list the category under not-collected"
            )
        if category in answered and category in policy.not_collected:
            yield f'"{category}" is listed under not-collected, but a column holds it'
        if category in policy.undecided and category in {*answered, *policy.not_collected}:
            yield f'"{category}" is listed as undecided, but is decided: take it out there'


def _attribute_problems(policy: Policy) -> Iterator[str]:
    seen: set[str] = set()
    for table, source in policy.sources.items():
        for attribute in _attributes(table, source):
            where = f"sources.{table}.columns.{attribute.column}"
            if attribute.name in seen:
                yield f'{where}: a second attribute is called "{attribute.name}"'
            seen.add(attribute.name)
            if attribute.name in {*TAKEN, policy.subject.key}:
                yield f'{where}: the name "{attribute.name}" is taken; give attribute another one'
            if not _ATTRIBUTE.fullmatch(attribute.name):
                yield f'{where}: "{attribute.name}" is no attribute name; use a-z, 0-9 and _'
            if attribute.hierarchy not in policy.hierarchies:
                yield f'{where}: there is no hierarchy "{attribute.hierarchy}"'
                continue
            total = attribute.derive is Derivation.TOTAL
            if (table != policy.subject.source) is not total:
                yield (f'{where}: derive = "total" goes with tables of many rows a person')
            bands = isinstance(policy.hierarchies[attribute.hierarchy], Bands)
            if attribute.vocabulary is not None and attribute.vocabulary not in policy.vocabularies:
                yield f'{where}: there is no vocabulary "{attribute.vocabulary}"'
            numeric = attribute.derive in {Derivation.YEARS, Derivation.TOTAL} or source.columns[
                attribute.column
            ].type in {
                Kind.NUMBER,
                Kind.INTEGER,
            }
            if bands is not numeric:
                form = "numbers need bands" if numeric else "bands need numbers"
                yield f'{where}: hierarchy "{attribute.hierarchy}" does not fit: {form}'


def _link_problems(policy: Policy) -> Iterator[str]:
    for table, source in policy.sources.items():
        if source.subject is not None:
            through, on = source.subject.through, source.subject.on
            holder = policy.sources.get(through)
            if holder is None:
                yield f'sources.{table}.subject: there is no source "{through}"'
            elif not _is_link(source, on) or not _is_link(holder, on):
                yield (
                    f'sources.{table}.subject: "{on}" must have role link in {table} and {through}'
                )
            elif not _has_subject(holder):
                yield f"sources.{table}.subject: {through} has no column with role subject"
        elif (
            table != policy.subject.source
            and any(_attributes(table, source))
            and not _has_subject(source)
        ):
            yield f"sources.{table}: no column has role subject, and no subject is given"


def _is_link(source: Source, column: str) -> bool:
    return column in source.columns and source.columns[column].role is Role.LINK


def _has_subject(source: Source) -> bool:
    return any(column.role is Role.SUBJECT for column in source.columns.values())


def _microdata_problems(policy: Policy) -> Iterator[str]:
    attributes = {
        attribute.name: attribute
        for table, source in policy.sources.items()
        for attribute in _attributes(table, source)
    }
    first = next(iter(policy.microdata.values()), None)
    yield from _overlaps(policy)
    for name, table in policy.microdata.items():
        wanted = [(q, Role.QUASI_IDENTIFIER) for q in table.quasi_identifiers]
        for attribute, role in [*wanted, (table.sensitive, Role.SENSITIVE)]:
            if attribute not in attributes:
                yield f'microdata.{name}: no source column gives the attribute "{attribute}"'
            elif attributes[attribute].role is not role:
                yield f'microdata.{name}: "{attribute}" is not declared {role}'
        if len(set(table.quasi_identifiers)) < len(table.quasi_identifiers):
            yield f"microdata.{name}: a quasi-identifier is named twice"
        if first and not set(table.quasi_identifiers) <= set(first.quasi_identifiers):
            yield (
                f"microdata.{name}: quasi-identifiers must be among those of the first table, so "
                f"that no two tables cut the same people differently"
            )


def _overlaps(policy: Policy) -> Iterator[str]:
    """Two tables must not give, by their difference, what neither shows."""
    for (name, table), (other, another) in combinations(policy.microdata.items(), 2):
        one, two = set(table.quasi_identifiers), set(another.quasi_identifiers)
        if not (one <= two or two <= one):
            yield (
                f"microdata.{other}: its quasi-identifiers and those of {name} overlap; one table "
                f"must have all those of the other"
            )
        if table.sensitive == another.sensitive:
            yield f'microdata.{other}: "{table.sensitive}" is published by {name} already'


def _magnitude_problems(policy: Policy) -> Iterator[str]:
    if policy.magnitude and policy.budget is None:
        yield "magnitude tables need a budget: say under [budget] what a year may reveal"
    if policy.magnitude and policy.subject.key is None:
        yield "magnitude tables need the key of a person: whose events would they count?"
    shares = math.fsum(table.share for table in policy.magnitude.values())
    if shares > 1 + 1e-9:
        yield f"the magnitude tables' shares of the budget are {shares:g} together, more than all"
    for name, table in policy.magnitude.items():
        where = f"magnitude.{name}"
        if name in policy.microdata:
            yield f"{where}: a microdata table is called so already"
        if table.source not in policy.sources:
            yield f'{where}: there is no source "{table.source}"'
        elif not policy.has_owner(table.source):
            yield f"{where}: nothing says whose the rows of {table.source} are"
        else:
            yield from _event_problems(where, table, policy)
        yield from _person_problems(where, table, policy)


_EVENT_KINDS = {
    Role.EVENT_TIME: DAYS,
    Role.CATEGORY: frozenset({Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN}),
    Role.TEXT: frozenset({Kind.TEXT}),
    Role.MEASURE: frozenset({Kind.NUMBER, Kind.INTEGER}),
}
"""The types that a column of events may have, by its role."""


def _event_problems(where: str, table: Magnitude, policy: Policy) -> Iterator[str]:
    """Say which columns of the events are not there, or are not what they are used as."""
    used = [(column, Role.EVENT_TIME) for column in table.period.columns]
    used += [
        (each.column, Role.CATEGORY if each.text is None else Role.TEXT)
        for each in table.by.values()
        if each.column is not None
    ]
    for measure in table.sums.values():
        used.append((measure.column, Role.MEASURE))
        if measure.currency is not None:
            used.append((measure.currency, Role.CATEGORY))
    source = policy.sources[table.source]
    for name, role in used:
        column = source.columns.get(name)
        if column is None:
            yield f'{where} names "{name}", which is not a column of {table.source}'
        elif column.role is not role:
            yield f'{where} needs "{name}" to have the role {role}'
        elif column.type not in _EVENT_KINDS[role]:
            kinds = " or ".join(sorted(_EVENT_KINDS[role]))
            yield f'{where} reads "{name}", so its type must be declared: {kinds}'
    clauses = {source.columns[name].clause for name, _ in used if name in source.columns}
    if policy.eligibility.retention is not None and clauses & set(BY_ROW) and source.kept is None:
        yield (
            f"{where}: clause {min(clauses & set(BY_ROW))} counts from a day of each row: name it "
            f"under sources.{table.source}.kept"
        )


def _person_problems(where: str, table: Magnitude, policy: Policy) -> Iterator[str]:
    """Say which attributes, and which persons behind companies, are not there."""
    for name, category in table.by.items():
        if category.vocabulary is not None and category.vocabulary not in policy.vocabularies:
            yield f'{where}: category {name} names no vocabulary: "{category.vocabulary}"'
    own = {a.name for a in policy.attributes.values() if a.table == policy.subject.source}
    for name, category in table.by.items():
        if category.attribute is not None and category.attribute not in own:
            yield (
                f'{where}: category {name} names the attribute "{category.attribute}", which no '
                f"microdata table publishes of the person's own record"
            )
    behind = table.companies
    if behind is None:
        return
    if policy.eligibility.persons is None:
        yield f"{where}: companies need the rule persons, which says who is none"
    columns = policy.sources[behind.through].columns if behind.through in policy.sources else {}
    for column in (behind.company, behind.person):
        if column not in columns or columns[column].role is not Role.SUBJECT:
            yield f'{where}: companies names "{column}", which is no subject of {behind.through}'


TAKEN = frozenset({"people", "n"})
"""What counts people until a table is written, and in the query that anybody checks it with."""

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,62}")
