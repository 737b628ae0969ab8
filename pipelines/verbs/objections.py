"""Verbs of the opt-out list: what the data protection officer does with it."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer, choices, day, moment, positive, word_of
from transforms.errors import UsageError
from transforms.objection import EXCLUDING, Channel, Dismissal, Ground, Identifiers, Right, State

SOURCE_TROUBLE = 11
EARLIEST = date(1900, 1, 1)
LONGEST = 320
LONGEST_TEXT = 10_000
"""Characters of an identifier, and of a letter."""


def add_verbs(
    groups: Verbs, everywhere: argparse.ArgumentParser, reading: argparse.ArgumentParser
) -> None:
    """Add `objections` and its verbs."""
    objections = groups.add_parser(
        "objections", parents=[], help="the opt-out list: who objected, and what becomes of it"
    )
    verbs = objections.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_taking(verbs, everywhere, reading)
    _add_looking(verbs, everywhere, reading)
    _add_deciding(verbs, everywhere, reading)


def _add_taking(
    verbs: Verbs, everywhere: argparse.ArgumentParser, reading: argparse.ArgumentParser
) -> None:
    record = verbs.add_parser(
        "record", parents=[everywhere, reading], help="leave a person out of everything from now on"
    )
    _add_identifiers(record)
    record.add_argument(
        "--right",
        type=word_of(Right),
        metavar=choices(Right),
        default=Right.OBJECTION,
        help="by which right; an erasure or restriction leaves the person out too",
    )
    record.add_argument(
        "--channel",
        type=word_of(Channel),
        metavar=choices(Channel),
        default=Channel.OTHER,
        help="how the objection arrived; the form does not matter",
    )
    record.add_argument(
        "--received-at", type=moment, metavar="TIME", help="ISO 8601 (default: now)"
    )
    record.add_argument("--identity-verified", action="store_true", help="honoured either way")
    record.add_argument(
        "--reference", metavar="TEXT", help="the sender's own; the same one is taken once"
    )
    record.set_defaults(run=_record)
    taking = verbs.add_parser(
        "import",
        parents=[everywhere, reading],
        help="take in a CSV or Parquet file of objections; the same file twice changes nothing",
    )
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument(
        "--rejected",
        type=Path,
        metavar="FILE",
        help="where rejected lines are kept for repair (default: FILE.rejected.csv)",
    )
    taking.set_defaults(run=_import)
    update = verbs.add_parser(
        "update",
        parents=[everywhere, reading],
        help="take in the drop folder, look for everybody again, erase what is kept too long",
    )
    update.set_defaults(run=_update)


def _add_looking(
    verbs: Verbs, everywhere: argparse.ArgumentParser, reading: argparse.ArgumentParser
) -> None:
    listing = verbs.add_parser("list", parents=[everywhere], help="list objections, without names")
    listing.add_argument(
        "--state", type=word_of(State), metavar=choices(State), help="only those in it"
    )
    listing.add_argument(
        "--verify", action="store_true", help="say that the list was checked, and against what"
    )
    listing.set_defaults(run=_list)
    show = verbs.add_parser(
        "show",
        parents=[everywhere, reading],
        help="show an objection; or: is this person in the current release, and since when not?",
    )
    show.add_argument("objection", type=positive, nargs="?", metavar="N")
    _add_identifiers(show)
    show.set_defaults(run=_show)


def _add_deciding(
    verbs: Verbs, everywhere: argparse.ArgumentParser, reading: argparse.ArgumentParser
) -> None:
    resolve = verbs.add_parser(
        "resolve",
        parents=[everywhere, reading],
        help="look in the source for everybody who waits; with N: decide who it is",
    )
    resolve.add_argument("objection", type=positive, nargs="?", metavar="N")
    resolve.add_argument(
        "--customer-id", action="append", metavar="ID", help="of the person, once for each record"
    )
    resolve.add_argument("--all", action="store_true", help="look again for those found before too")
    resolve.add_argument(
        "--no-candidate",
        action="store_true",
        help="it is from nobody of those who are left out for it now; they are let in",
    )
    resolve.add_argument("--by", metavar="NAME", help="who decides")
    resolve.set_defaults(run=_resolve)
    decide = verbs.add_parser("decide", parents=[everywhere, reading], help="decide an objection")
    decide.add_argument("objection", type=positive, metavar="N")
    what = decide.add_mutually_exclusive_group(required=True)
    what.add_argument("--uphold", action="store_true", help="the person stays left out")
    what.add_argument(
        "--override", action="store_true", help="the institution proves that it may go on"
    )
    what.add_argument(
        "--dismiss",
        type=word_of(Dismissal),
        metavar=choices(Dismissal),
        help="nobody is left out, and why",
    )
    what.add_argument(
        "--keep-by-law",
        action="store_true",
        help="refuse an erasure because the law demands keeping; it counts as an objection",
    )
    what.add_argument(
        "--lift", action="store_true", help="end a restriction, once the person was told"
    )
    decide.add_argument(
        "--ground",
        type=word_of(Ground),
        metavar=choices(Ground),
        help="of an override: nothing else is one (clause 16)",
    )
    decide.add_argument("--evidence", metavar="REFERENCE", help="where the proof is filed")
    decide.add_argument("--review-on", type=day, metavar="DATE", help="of an override")
    decide.add_argument("--reason", metavar="TEXT", help="of a dismissal")
    decide.add_argument(
        "--informed-on", type=day, metavar="DATE", help="when the person was told (--lift)"
    )
    decide.add_argument("--by", required=True, metavar="NAME", help="who decides")
    decide.set_defaults(run=_decide)
    withdraw = verbs.add_parser(
        "withdraw", parents=[everywhere], help="the person takes the objection back"
    )
    withdraw.add_argument("objection", type=positive, metavar="N")
    withdraw.add_argument("--identity-verified", action="store_true", help="nothing else will do")
    withdraw.add_argument("--by", required=True, metavar="NAME", help="who took it in")
    withdraw.set_defaults(run=_withdraw)
    erase = verbs.add_parser(
        "erase",
        parents=[everywhere, reading],
        help="destroy the key of what identifies a person, once the bank has nothing of them",
    )
    erase.add_argument("objection", type=positive, nargs="?", metavar="N")
    erase.add_argument("--gone", action="store_true", help="all whom the source no longer knows")
    erase.add_argument(
        "--many", action="store_true", help="even where the source knows few of those on the list"
    )
    erase.add_argument("--by", required=True, metavar="NAME", help="who decides")
    erase.set_defaults(run=_erase)


def _add_identifiers(verb: argparse.ArgumentParser) -> None:
    given = verb.add_argument_group(
        "who it is", "any of these; `-` reads it from standard input, where nobody else sees it"
    )
    given.add_argument("--customer-id", metavar="ID")
    given.add_argument("--personal-number", metavar="NUMBER")
    given.add_argument("--email", metavar="ADDRESS")
    given.add_argument("--phone", metavar="NUMBER")
    given.add_argument("--iban", metavar="IBAN")
    given.add_argument("--name", metavar="NAME", help="with --born")
    given.add_argument("--born", type=day, metavar="DATE")
    given.add_argument("--text", metavar="TEXT", help="what was said or written")


def _identifiers(options: argparse.Namespace) -> Identifiers:
    said: dict[str, str | None] = {
        name: getattr(options, name)
        for name in ("customer_id", "personal_number", "email", "phone", "iban", "name", "text")
    }
    asked = [name for name, value in said.items() if value == "-"]
    if len(asked) > 1:
        raise UsageError("standard input holds one thing: give `-` once")
    for name in asked:
        said[name] = sys.stdin.read(LONGEST_TEXT + 1)
    for name, value in said.items():
        if value is not None:
            said[name] = _checked(name.replace("_", "-"), value)
    _day_of_theirs("born", options.born, _now().date())
    given = Identifiers(born=options.born, **said)
    if not given.suffices:
        raise UsageError(
            "give something by which the person can be found: --customer-id, --personal-number, "
            "--email, --phone, --iban, --name with --born, or --text"
        )
    return given


def _checked(name: str, value: str) -> str:
    text = value.strip()
    longest = LONGEST_TEXT if name == "text" else LONGEST
    lines = text.split() if name == "text" else [text]
    if not text or len(text) > longest or not all(line.isprintable() for line in lines):
        raise UsageError(
            f"--{name} is empty, has control characters or more than {longest:,} characters"
        )
    # A list that is opened in a spreadsheet runs nothing.
    if name != "text" and _FORMULA.match(text):
        raise UsageError(f"--{name} begins like a formula of a spreadsheet: write it without")
    return text


_FORMULA = re.compile(r"[=@]|[+-](?![0-9 ()/.-]+$)")


def _optional(name: str, value: str | None) -> str | None:
    return None if value is None else _checked(name, value)


def _day_of_theirs(name: str, value: date | None, today: date) -> None:
    if value is not None and not EARLIEST <= value <= today:
        raise UsageError(f"--{name} lies in the future, or before {EARLIEST.year}: correct it")


def _now() -> datetime:
    return datetime.now(UTC)


def _record(options: argparse.Namespace, settings: Settings) -> int:
    identifiers = _identifiers(options)
    now = _now()
    received = options.received_at or now
    if received > now:
        raise UsageError("--received-at lies in the future: give the time at which it was received")
    _day_of_theirs("received-at", received.date(), now.date() + timedelta(days=1))
    from pipelines.officer import opened, record
    from pipelines.verbs.cases import recorded_said
    from transforms.objection import Received

    arrived = Received(
        identifiers=identifiers,
        channel=options.channel,
        received_at=received,
        identity_verified=options.identity_verified,
        right=options.right,
        reference=_optional("reference", options.reference),
    )
    recorded = record(settings, opened(settings), arrived, now)
    fields: dict[str, object] = {
        "objection": recorded.number,
        "received_at": received.isoformat(),
        "state": None if recorded.state is None else str(recorded.state),
    }
    if recorded.number is None:
        words = "An objection under this reference is on the list already: nothing was added."
    else:
        words = (
            f"Objection {recorded.number} is recorded, and in force from now on: whoever it is "
            f"from is in no later release.\n{recorded_said(recorded)}"
        )
    answer(options, fields, words)
    return 0


def _import(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import import_objections, opened
    from pipelines.verbs.cases import imported_said

    kept = options.rejected or options.file.with_name(f"{options.file.name}.rejected.csv")
    outcome = import_objections(settings, opened(settings), options.file, kept, _now())
    imported, looked, trouble = outcome
    fields, words = imported_said(imported, kept, looked, trouble)
    answer(options, fields, words)
    return 0


def _update(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import opened, update
    from pipelines.verbs.cases import updated_said

    updated = update(settings, opened(settings), _now())
    fields, words = updated_said(updated)
    answer(options, fields, words)
    return 0 if updated.trouble is None else SOURCE_TROUBLE


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.effect import effects
    from pipelines.officer import opened
    from pipelines.verbs.cases import HEAD, case_fields, case_line, checked_said

    registry = opened(settings)
    seen = effects(settings, registry)
    cases = [
        case
        for case in registry.cases(_now().date())
        if options.state is None or case.state is options.state
    ]
    fields: dict[str, object] = {"objections": [case_fields(case, seen) for case in cases]}
    table = [HEAD, *(case_line(case, seen) for case in cases)]
    lines = "\n".join(table) if cases else "No objections."
    if options.verify:
        verified, said = checked_said(registry, seen)
        fields, lines = fields | {"verified": verified}, f"{lines}\n{said}"
    answer(options, fields, lines)
    return 0


def _show(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.effect import effects
    from pipelines.officer import opened, whereabouts
    from pipelines.verbs.cases import history_said, whereabouts_said

    registry = opened(settings)
    if options.objection is not None:
        case, happened = registry.case(options.objection, _now().date())
        fields, words = history_said(case, happened, effects(settings, registry))
    else:
        fields, words = whereabouts_said(
            whereabouts(settings, registry, _identifiers(options), _now())
        )
    answer(options, fields, words)
    return 0


def _resolve(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import find, opened, resolve
    from pipelines.verbs.cases import looked_said

    registry = opened(settings)
    if options.objection is None:
        if options.customer_id or options.by:
            raise UsageError("name the objection that is decided: `resolve N --customer-id ID`")
        fields, words = looked_said(find(settings, registry, _now(), everybody=options.all))
        answer(options, fields, words)
        return 0
    if not options.customer_id or options.by is None:
        raise UsageError("say who it is, and who decides: `resolve N --customer-id ID --by NAME`")
    keys = tuple(_checked("customer-id", key) for key in options.customer_id)
    by = _checked("by", options.by)
    all_keys = resolve(
        settings, registry, options.objection, keys, by, _now(), no_candidate=options.no_candidate
    )
    answer(
        options,
        {"objection": options.objection, "records": len(all_keys)},
        f"Objection {options.objection} is from one person with {len(all_keys)} customer "
        f"record{'s' if len(all_keys) > 1 else ''}, and nobody else is left out for it.",
    )
    return 0


def _decide(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import Decision, decide, opened

    _refuse_idle(options)
    decision = Decision(
        uphold=options.uphold,
        override=options.override,
        dismiss=options.dismiss,
        keep_by_law=options.keep_by_law,
        lift=options.lift,
        ground=options.ground,
        evidence=_optional("evidence", options.evidence),
        review_on=options.review_on,
        reason=_optional("reason", options.reason),
        informed_on=options.informed_on,
        by=_checked("by", options.by),
    )
    case = decide(settings, opened(settings), options.objection, decision, _now())
    _answer_state(options, case.number, case.state, case.review_on)
    return 0


def _refuse_idle(options: argparse.Namespace) -> None:
    """Raise UsageError where something is given that the decision would not keep."""
    needs = {
        "ground": options.override,
        "evidence": options.override or options.keep_by_law,
        "review_on": options.override,
        "reason": options.dismiss is not None,
        "informed_on": options.lift,
    }
    for name, needed in needs.items():
        if getattr(options, name) is not None and not needed:
            raise UsageError(f"--{name.replace('_', '-')} says nothing about this decision")


def _withdraw(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import opened
    from transforms.objection import withdrawn

    step = withdrawn(_checked("by", options.by), identity_verified=options.identity_verified)
    registry = opened(settings)
    registry.decide([(options.objection, step)], _now())
    _answer_state(options, options.objection, State.WITHDRAWN, None)
    return 0


def _erase(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.officer import erase, opened

    if (options.objection is None) is not options.gone:
        raise UsageError("name the objection, or --gone for all whom the source no longer knows")
    by = _checked("by", options.by)
    registry = opened(settings)
    numbers = erase(settings, registry, options.objection, by, _now(), many=options.many)
    answer(
        options,
        {"erased": numbers},
        f"Erased: what identified the person of {len(numbers):,} objections; nobody can read it "
        f"any more. Backups that were taken before still hold it.",
    )
    return 0


def _answer_state(
    options: argparse.Namespace, number: int, state: State, review_on: object
) -> None:
    if state is State.OVERRIDDEN:
        effect = f"may be in releases until {review_on}, and not after"
    else:
        effect = "is left out" if state in EXCLUDING else "is not left out for it any more"
    answer(
        options,
        {"objection": number, "state": str(state)},
        f"Objection {number}: {state}; the person {effect}.",
    )
