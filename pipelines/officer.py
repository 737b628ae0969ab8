"""What the data protection officer does with the opt-out list, apart from any release.

Recording never depends on the source: what arrived is on the list first, and looked up then. Only
the officer asks the source whose an identifier is, by equality, under a role of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from pipelines.boundary import sealed
from pipelines.effect import Effects, effects
from pipelines.intake import is_stale, policy_for, source_of
from pipelines.objections.drop import Drop, take_drops
from pipelines.objections.importing import Imported, import_file
from pipelines.objections.lookup import look_up
from pipelines.objections.registry import Case, Happened, Registry
from pipelines.policies import load_policy
from pipelines.settings import Settings
from pipelines.sources.opening import file_of
from transforms.errors import ObjectionError, PrivacyError, SourceError, band
from transforms.identity import ASKED, Clue, Outcome, Verdict, questions, verdicts
from transforms.objection import (
    ENDED,
    EXCLUDING,
    TRANSITIONS,
    Dismissal,
    Event,
    Ground,
    Identifiers,
    Received,
    State,
    Step,
    dismissed,
    kept_by_law,
    lifted,
    override,
)
from transforms.policy.opt_out import Objections
from transforms.policy.whole import Policy
from transforms.spelling import KEY

log = logging.getLogger("clause16")


def opened(settings: Settings) -> Registry:
    """Open the home's list; raises ObjectionError where it is missing or broken."""
    return Registry(settings.registry, settings.key_file)


# ---------------------------------------------------------------------------------- who is it?


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look into the source brought: numbers of objections.

    others: of `nobody`, those whom the source knows only as somebody's payee, relative or the like.
    """

    found: tuple[int, ...] = ()
    several: tuple[int, ...] = ()
    extended: tuple[int, ...] = ()
    nobody: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


def officer_source(settings: Settings) -> str | None:
    """Return the URI that the officer asks, None where there is none for them.

    Whoever may read a file may look into it; a server knows the officer by a role of their own.
    """
    if settings.officer is not None:
        return settings.officer
    try:
        uri = source_of(settings)
        return None if file_of(uri) is None else uri
    except SourceError:
        return None


def find(
    settings: Settings, registry: Registry, now: datetime, *, everybody: bool = False
) -> Looked:
    """Look in the source for everybody who waits, and put on the list who was found.

    everybody: also for further records of those who were found before. Raises SourceError where
    there is no source to look in.
    """
    uri = _asked_source(settings)
    return _find(uri, policy_for(settings, uri).policy, registry, now, everybody=everybody)


def _asked_source(settings: Settings) -> str:
    uri = officer_source(settings)
    if uri is None:
        raise SourceError(
            "the officer has no source to look in: name it in $CLAUSE16_OFFICER_SOURCE (a "
            "PostgreSQL server knows the officer by a role of their own, see `clause16 grants "
            "--for officer`)"
        )
    return uri


def find_before_a_release(settings: Settings, registry: Registry, now: datetime) -> None:
    """Put on the list which reviews are due, and who can be found now of those who wait.

    Everybody is looked for where that was longer ago than the policy lets it be.
    """
    if due := registry.note_reviews(now):
        log.info("reviews of overrides that are due: %s", band(due))
    uri, pending = officer_source(settings), registry.pending(now.date())
    if uri is None or not pending.in_force:
        return
    policy = policy_for(settings, uri).policy
    everybody = is_stale(pending.looked_at, policy, now)
    if policy.subject.key is None or not (everybody or pending.waiting):
        # In a source without a key nobody can be found; the release says so.
        return
    log.info("looking in the source for those on the opt-out list")
    looked = _find(uri, policy, registry, now, everybody=everybody)
    if looked.nobody:
        log.info("objections of whom nobody is found: %s", band(len(looked.nobody)))


def _find(
    uri: str, policy: Policy, registry: Registry, now: datetime, *, everybody: bool
) -> Looked:
    states = {State.WAITING, State.SEVERAL} if everybody else {State.WAITING}
    cases = registry.cases(now.date(), states=states, named=True)
    known = registry.named(now.date(), FOUND_STATES if everybody else ())
    # What came after this was read is looked for the next time.
    seen = registry.events
    given = [(case.number, case.identifiers) for case in cases if case.identifiers is not None]
    asked = questions(given, policy.objections.region)
    again = _asked_again(known)
    answers = look_up(uri, policy, pl.concat([asked, again]))
    found = verdicts(answers.join(asked.select("row").unique(), on="row", how="semi"), asked)
    judged = [(case, _step(case, found.get(case.number, _NOBODY))) for case in cases]
    extended = _extended(known, answers)
    steps = {case.number: step for case, step in judged if step is not None} | extended
    registry.found(steps, now, seen=seen, whole=everybody)
    return _looked(judged, found, tuple(extended))


FOUND_STATES = (State.IDENTIFIED, State.UPHELD, State.OVERRIDDEN, State.REVIEW_DUE)
_NOBODY = Verdict(Outcome.NOBODY)


def _asked_again(known: pl.DataFrame) -> pl.DataFrame:
    """Return the questions for further records of those who were found: who has their numbers."""
    return known.select(
        row=pl.col("objection").cast(ASKED["row"]),
        kind=pl.lit(Clue.CUSTOMER_ID.value),
        form=KEY.on(pl.col("key")),
        stated=pl.lit(value=True),
    ).drop_nulls("form")


def _extended(known: pl.DataFrame, answers: pl.DataFrame) -> dict[int, Step]:
    """Return a step for each objection whose person has records that it does not stand for yet."""
    rows = known.with_columns(row=pl.col("objection").cast(ASKED["row"]))
    more = (
        answers.join(rows.select("row").unique(), on="row", how="semi")
        .drop_nulls("key")
        .select("row", "key")
        .unique()
        .join(rows, on=["row", "key"], how="anti")
    )
    whole = (
        pl.concat([rows.select("row", "key"), more])
        .join(more.select("row").unique(), on="row", how="semi")
        .group_by("row")
        .agg(pl.col("key").unique().sort())
        .join(rows.select("row", "state").unique(), on="row")
    )
    return {
        row: Step(
            Event.IDENTIFIED if state == State.IDENTIFIED else Event.EXTENDED, keys=tuple(keys)
        )
        for row, keys, state in whole.select("row", "key", "state").iter_rows()
    }


def _step(case: Case, verdict: Verdict) -> Step | None:
    """Return what a verdict makes of an undecided objection, None where it stays as it is."""
    if verdict.outcome is Outcome.NOBODY:
        return None
    keys = tuple(sorted({*case.keys, *verdict.keys}))
    more = None if set(keys) == set(case.keys) else keys
    if verdict.outcome is Outcome.ONE and case.state is State.WAITING:
        return Step(Event.IDENTIFIED, keys=more)
    if case.state is State.WAITING or more is not None:
        return Step(Event.MATCHED, keys=more)
    return None


def _looked(
    judged: Sequence[tuple[Case, Step | None]],
    found: Mapping[int, Verdict],
    extended: tuple[int, ...],
) -> Looked:
    numbers: dict[Event | None, list[int]] = {event: [] for event in (None, *Event)}
    for case, step in judged:
        if step is not None or case.state is State.WAITING:
            numbers[None if step is None else step.event].append(case.number)
    nobody = tuple(numbers[None])
    return Looked(
        found=tuple(numbers[Event.IDENTIFIED]),
        several=tuple(numbers[Event.MATCHED]),
        extended=extended,
        nobody=nobody,
        others=tuple(n for n in nobody if n in found and found[n].known_to_others),
    )


def resolve(
    settings: Settings,
    registry: Registry,
    number: int,
    keys: Sequence[str],
    by: str,
    now: datetime,
    *,
    no_candidate: bool = False,
) -> tuple[str, ...]:
    """Decide who an objection is from; return all customer ids of that person.

    no_candidate: it is from nobody of those who are left out for it now, who are let in then.
    Raises ObjectionError where the source does not know one of the ids.
    """
    case, _ = registry.case(number, now.date())
    uri = _asked_source(settings)
    found = _known(uri, policy_for(settings, uri).policy, keys)
    if not all(found):
        raise ObjectionError(
            "the source knows no customer of one of these ids: correct it; the objection stays as "
            "it is"
        )
    whole = tuple(sorted({key for one in found for key in one}))
    _check_person(case, set(whole), no_candidate=no_candidate)
    decided = case.state not in {State.WAITING, State.SEVERAL, State.IDENTIFIED}
    event = Event.EXTENDED if decided else Event.IDENTIFIED
    step = Step(event, by=by, keys=whole, fewer=set(whole) <= set(case.keys))
    registry.decide([(number, step)], now, seen=case.changed)
    return whole


def _check_person(case: Case, whole: set[str], *, no_candidate: bool) -> None:
    """Raise ObjectionError where somebody would be let in by a slip of the pen."""
    candidates = set(case.keys)
    if case.state not in {State.WAITING, State.SEVERAL, State.IDENTIFIED}:
        if not candidates <= whole:
            raise ObjectionError(
                f"what was decided of objection {case.number} was decided of another person: "
                f"uphold it, withdraw it, or record one for this person"
            )
    elif candidates and not candidates & whole and not no_candidate:
        raise ObjectionError(
            f"this person is none of those who are left out for objection {case.number}, and they "
            f"would all be let in: give the id of one of them (`clause16 objections show "
            f"{case.number}`), or say --no-candidate"
        )


def _known(uri: str, policy: Policy, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each customer id all those of the same person, none where there is no such."""
    given = [(place, Identifiers(customer_id=key)) for place, key in enumerate(keys)]
    asked = questions(given, policy.objections.region)
    found = verdicts(look_up(uri, policy, asked), asked)
    return [found.get(place, _NOBODY).keys for place in range(len(keys))]


# ------------------------------------------------------------------------------------- taking in


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one objection: None for one that is known.

    records: customer records that are left out for it; trouble: why nobody was looked for.
    """

    number: int | None
    state: State | None = None
    records: int = 0
    known_to_others: bool = False
    trouble: str | None = None


def record(settings: Settings, registry: Registry, arrived: Received, now: datetime) -> Recorded:
    """Put an objection on the list, then look for the person; the first never waits for that."""
    (number,) = registry.receive([arrived], now)
    if number is None:
        return Recorded(None)
    looked, trouble = _tried(settings, registry, now)
    case, _ = registry.case(number, now.date())
    return Recorded(number, case.state, len(case.keys), number in looked.others, trouble)


def import_objections(
    settings: Settings, registry: Registry, file: Path, rejected: Path, now: datetime
) -> tuple[Imported, Looked, str | None]:
    """Take in a file, then look for everybody who waits; say also why nobody was looked for."""
    imported = import_file(registry, file, rules(settings).imports, now, rejected, log.info)
    looked, trouble = _tried(settings, registry, now)
    return imported, looked, trouble


def _tried(
    settings: Settings, registry: Registry, now: datetime, *, everybody: bool = False
) -> tuple[Looked, str | None]:
    try:
        return sealed(find)(settings, registry, now, everybody=everybody), None
    except PrivacyError as error:
        return Looked(), str(error)


def rules(settings: Settings) -> Objections:
    """Return how the list is kept: as the policy says, or the defaults where none is named."""
    return (
        Objections() if settings.policy is None else load_policy(settings.policy).policy.objections
    )


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update brought. erased: objections that ended long ago; trouble: as in `Recorded`."""

    dropped: tuple[Drop, ...]
    reviews: int
    looked: Looked
    erased: int
    trouble: str | None

    @property
    def arrived(self) -> int:
        """How many objections came."""
        return sum(each.imported.accepted for each in self.dropped if each.imported is not None)


def update(settings: Settings, registry: Registry, now: datetime) -> Updated:
    """Take in the drop folder, note reviews, look for everybody, erase what ended long ago."""
    rule = rules(settings)
    dropped = take_drops(registry, settings.drop, rule, now, log.info)
    reviews = registry.note_reviews(now)
    looked, trouble = _tried(settings, registry, now, everybody=True)
    ended = registry.ended_before(_months_before(now.date(), rule.keep_ended))
    registry.decide([(number, Step(Event.ERASED, by=BY_TERM)) for number in ended], now)
    return Updated(tuple(dropped), reviews, looked, len(ended), trouble)


BY_TERM = "keep-ended of the policy"


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28))


# -------------------------------------------------------------------------------------- deciding


@dataclass(frozen=True, slots=True)
class Decision:
    """What an officer decides: one of the first five, with what it has to be proved by."""

    by: str
    uphold: bool = False
    override: bool = False
    dismiss: Dismissal | None = None
    keep_by_law: bool = False
    lift: bool = False
    ground: Ground | None = None
    evidence: str | None = None
    review_on: date | None = None
    reason: str | None = None
    informed_on: date | None = None

    def step(self, today: date, latest_review: date) -> Step:
        """Return the step; raises ObjectionError where the proof is incomplete."""
        if self.override:
            return override(
                self.ground, self.evidence, self.by, self.review_on, latest_review, today
            )
        if self.keep_by_law:
            return kept_by_law(self.evidence, self.by)
        if self.lift:
            return lifted(self.informed_on, self.by, today)
        if self.uphold:
            return Step(Event.UPHELD, by=self.by)
        return dismissed(self.dismiss, self.reason, self.by)


def decide(
    settings: Settings, registry: Registry, number: int, decision: Decision, now: datetime
) -> Case:
    """Put a decision on the list; return where the objection stands then."""
    today = now.date()
    latest = _months_before(today, -rules(settings).review_within)
    case, _ = registry.case(number, today)
    if decision.dismiss is not None and not case.looked_up:
        raise ObjectionError(
            f"nobody has looked for the person of objection {number} in the source yet: `clause16 "
            f"objections resolve`, then decide"
        )
    registry.decide([(number, decision.step(today, latest))], now, seen=case.changed)
    return registry.case(number, today)[0]


def erase(
    settings: Settings,
    registry: Registry,
    number: int | None,
    by: str,
    now: datetime,
    *,
    many: bool = False,
) -> list[int]:
    """Destroy the keys of one objection, or of all whose person the source no longer knows.

    many: they may be many. Raises ObjectionError where the source still knows the person of an
    objection in force: they would be in the next release.
    """
    if number is None:
        gone = sorted(_gone(settings, registry, now, many=many))
    else:
        case, _ = registry.case(number, now.date())
        if case.state not in ENDED and number not in _gone(settings, registry, now, many=many):
            raise ObjectionError(
                f"the source still knows the person of objection {number}, who would be in the "
                f"next release: erase it once the bank has erased the person; what the law makes "
                f"it keep stays left out (`decide --keep-by-law`)"
            )
        gone = [number]
    registry.decide([(each, Step(Event.ERASED, by=by)) for each in gone], now)
    return gone


def _gone(settings: Settings, registry: Registry, now: datetime, *, many: bool) -> set[int]:
    """Return the objections of whom nothing that was given or found leads to anybody any more.

    many: they may be many. Else raises ObjectionError where they are: then it is not this bank.
    """
    uri = _asked_source(settings)
    policy = policy_for(settings, uri).policy
    cases = registry.cases(now.date(), states=FOUND_STATES, named=True)
    given = [
        (case.number, identifiers)
        for case in cases
        for identifiers in (
            *([case.identifiers] if case.identifiers else []),
            *(Identifiers(customer_id=key) for key in case.keys),
        )
    ]
    met = set(look_up(uri, policy, questions(given, policy.objections.region)).get_column("row"))
    gone = {case.number for case in cases} - met
    if not many and len(gone) > max(FEW_GONE, len(cases) // 10):
        raise ObjectionError(
            f"the source knows nothing of {band(len(gone))} people on the list: is this the bank? "
            f"Nothing was erased; where it is, say so with --many"
        )
    return gone


FEW_GONE = 20
"""So many people may have left the source since the last time."""


# ------------------------------------------------------------------ is this person in the release?


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the list says of a person: the objections that leave them out, and since when.

    records: customer records found for what was asked, None where the source was not asked; keys:
    their ids, covered: those for which an objection leaves somebody out; cases:
    each with the number of the event from which this very person is left out for it, None where
    they are not.
    """

    records: int | None
    keys: frozenset[str]
    covered: frozenset[str]
    cases: tuple[tuple[Case, int | None], ...]
    seen: Effects
    trouble: str | None


def whereabouts(
    settings: Settings, registry: Registry, identifiers: Identifiers, now: datetime
) -> Whereabouts:
    """Say whether a person is left out, and since which release; raises nothing for the source."""
    keys, records, trouble = set(), None, None
    if identifiers.customer_id is not None:
        keys.add(_comparable(identifiers.customer_id))
    uri = officer_source(settings)
    if uri is None:
        trouble = "the source was not asked: name it in $CLAUSE16_OFFICER_SOURCE"
    else:
        try:
            found = sealed(_keys_of)(settings, uri, identifiers)
            keys, records = keys | {_comparable(key) for key in found}, len(found)
        except PrivacyError as error:
            trouble = str(error)
    today = now.date()
    cases, covered = [], set[str]()
    live = [state for state in State if state is not State.ERASED]
    for case in registry.cases(today, states=live, named=True):
        if keys & {_comparable(key) for key in case.keys} or _says_the_same(case, identifiers):
            whole, happened = registry.case(case.number, today)
            cases.append((whole, _since(whole, happened, keys)))
            covered |= {_comparable(key) for key in case.keys} if case.excludes else set()
    seen = effects(settings, registry)
    return Whereabouts(records, frozenset(keys), frozenset(covered), tuple(cases), seen, trouble)


def _keys_of(settings: Settings, uri: str, identifiers: Identifiers) -> tuple[str, ...]:
    policy = policy_for(settings, uri).policy
    asked = questions([(0, identifiers)], policy.objections.region)
    return verdicts(look_up(uri, policy, asked), asked).get(0, _NOBODY).keys


def _says_the_same(case: Case, identifiers: Identifiers) -> bool:
    """Say whether an objection gave the very same things: of whom nobody is found as well."""
    return case.identifiers is not None and case.identifiers == identifiers


def _since(case: Case, happened: Sequence[Happened], keys: set[str]) -> int | None:
    """Return from which event on these customer ids are left out for an objection."""
    if case.since is None or not keys & {_comparable(key) for key in case.keys}:
        return None
    since, excluded_from = None, 0
    state: State | None = None
    for each in happened:
        after = TRANSITIONS[state, each.event]
        if after in EXCLUDING and state not in EXCLUDING:
            excluded_from = each.number
        state = after
        if each.keys is not None:
            theirs = keys & {_comparable(key) for key in each.keys}
            since = (since or each.number) if theirs else None
    if state is State.OVERRIDDEN:
        # Its review is due today, and nobody noted it yet.
        return case.since
    return None if since is None else max(since, excluded_from)


def _comparable(key: str) -> str:
    spelt = KEY.of(key) or key
    return str(int(spelt)) if spelt.isascii() and spelt.isdigit() else spelt
