"""What the verbs of the opt-out list answer: fields for programs, words for the officer.

Nobody's identifiers are in it, but where `show N` is asked for one objection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipelines.effect import Effects
from pipelines.objections.importing import Imported
from pipelines.objections.registry import Case, Happened, Registry
from pipelines.officer import Looked, Recorded, Updated, Whereabouts
from transforms.errors import ObjectionError
from transforms.objection import Event, Right, State

Answer = tuple[dict[str, object], str]


def recorded_said(recorded: Recorded) -> str:
    """Say whom a recorded objection leaves out."""
    if recorded.trouble is not None:
        return (
            f"Nobody was looked for yet ({recorded.trouble}); after that `clause16 objections "
            f"resolve`: nothing is released before."
        )
    if recorded.state is State.IDENTIFIED:
        return f"It is from one person, with {_records(recorded.records)} in the source."
    if recorded.state is State.SEVERAL:
        return (
            f"It may be from any of {_records(recorded.records)} in the source: all are left out "
            f"until you decide, `clause16 objections resolve {recorded.number} --customer-id ID "
            f"--by NAME`."
        )
    if recorded.known_to_others:
        return (
            "The source knows them only as somebody's payee, relative or the like: nothing that "
            "names such people is ever read, so no release can reach them. `clause16 objections "
            f"decide {recorded.number} --dismiss 'not a customer'` closes it."
        )
    return (
        "The source knows nobody by what was given: it waits, each later run looks again, and "
        "`clause16 status` shows it."
    )


def looked_said(looked: Looked) -> Answer:
    """Say what a look into the source brought."""
    fields: dict[str, object] = {
        "found": list(looked.found),
        "several_candidates": list(looked.several),
        "another_record": list(looked.extended),
        "nobody": list(looked.nobody),
        "known_to_others_only": list(looked.others),
    }
    lines = [
        f"{len(numbers):>9,}  {what}{_which(numbers)}"
        for numbers, what in (
            (looked.found, "found: one person each"),
            (looked.several, "may be from several people, all left out until you decide"),
            (looked.extended, "have another record, left out too"),
            (looked.nobody, "of whom the source knows nobody"),
            (looked.others, "of those, known only as somebody's payee, relative or the like"),
        )
        if numbers
    ]
    return fields, "\n".join(lines) or "Nobody waits to be found."


FEW = 10


def _which(numbers: Sequence[int]) -> str:
    return f": {', '.join(map(str, numbers))}" if len(numbers) <= FEW else ""


def imported_said(
    imported: Imported, rejected: Path, looked: Looked, trouble: str | None
) -> Answer:
    """Say what became of a file's lines, and whom they are from."""
    found, found_words = looked_said(looked)
    fields: dict[str, object] = {
        "accepted": imported.accepted,
        "known": imported.known,
        "rejected": imported.rejected,
        "other_rights": imported.other_rights,
        "withdrawn": imported.withdrawn,
        "rejected_lines": str(rejected) if _keeps(imported) else None,
        "looked_up": found if trouble is None else None,
    }
    lines = [*_lines_said(imported)]
    if _keeps(imported):
        lines.append(f"Mend them in {rejected} and import that file.")
    if trouble is not None:
        lines.append(f"Nobody was looked for yet ({trouble}): then `clause16 objections resolve`.")
    else:
        lines.append(f"In the source:\n{found_words}")
    return fields, "\n".join(lines)


def _keeps(imported: Imported) -> bool:
    return bool(imported.rejected + imported.other_rights)


def _lines_said(imported: Imported) -> Iterator[str]:
    yield f"{imported.lines:>9,}  lines"
    for number, what in (
        (imported.accepted, "accepted: in force from now on"),
        (imported.withdrawn, "withdrawals"),
        (imported.known, "known already"),
        (imported.rejected, "rejected, kept for repair"),
        (imported.other_rights, "about other rights, which have lists of their own; not taken"),
    ):
        if number:
            yield f"{number:>9,}  {what}"
    if imported.ignored_columns:
        yield f"{imported.ignored_columns:>9,}  columns that nobody asked for were not read"


def updated_said(updated: Updated) -> Answer:
    """Say what an update brought."""
    found, found_words = looked_said(updated.looked)
    fields: dict[str, object] = {
        "files": [
            {"file": each.name, "refused": each.refused}
            | (
                {}
                if each.imported is None
                else {"accepted": each.imported.accepted, "rejected": each.imported.rejected}
            )
            for each in updated.dropped
        ],
        "accepted": updated.arrived,
        "reviews_due": updated.reviews,
        "looked_up": found if updated.trouble is None else None,
        "erased": updated.erased,
    }
    lines = [f"{len(updated.dropped)} files in the drop folder."]
    for each in updated.dropped:
        lines.append(f"{each.name}:{'' if each.refused is None else f' refused: {each.refused}'}")
        if each.imported is not None:
            lines += _lines_said(each.imported)
    if updated.reviews:
        lines.append(f"{updated.reviews:>9,}  overrides whose review is due: left out again")
    if updated.erased:
        lines.append(f"{updated.erased:>9,}  ended long ago, what identified the person is erased")
    lines.append(
        f"In the source:\n{found_words}"
        if updated.trouble is None
        else f"Nobody was looked for: {updated.trouble}"
    )
    return fields, "\n".join(lines)


def case_fields(case: Case, seen: Effects) -> dict[str, object]:
    """Return where an objection stands, without who it is from."""
    return {
        "objection": case.number,
        "received_at": _minute(case.received_at),
        "recorded_at": _minute(case.recorded_at),
        "right": str(case.right),
        "channel": str(case.channel),
        "identity_verified": case.identity_verified,
        "state": str(case.state),
        "left_out": case.excludes,
        "looked_up": case.looked_up,
        "first_release_without": seen.first_without(case.since),
        "review_on": None if case.review_on is None else case.review_on.isoformat(),
    }


def case_line(case: Case, seen: Effects) -> str:
    """Return the same as a line."""
    return (
        f"{case.number:>7}  {_minute(case.received_at)}  {case.channel:<8}  "
        f"{'verified' if case.identity_verified else 'unverified':<10}  {case.right:<11}  "
        f"{case.state:<18}  {_effect(case, seen)}{_duty(case)}"
    )


HEAD = (
    f"{'number':>7}  {'received':<22}  {'channel':<8}  {'identity':<10}  {'right':<11}  "
    f"{'state':<18}  first release without the person"
)


def _effect(case: Case, seen: Effects) -> str:
    if case.state is State.OVERRIDDEN:
        return f"may be in releases until {case.review_on}"
    if not case.excludes:
        return "-"
    if case.since is None or case.state is State.WAITING:
        return "nobody found" if case.looked_up else "not looked up yet"
    return seen.first_without(case.since) or "the next"


def _duty(case: Case) -> str:
    told = case.right is Right.RESTRICTION and case.excludes
    return "; tell the person before it is lifted" if told else ""


def checked_said(registry: Registry, seen: Effects) -> Answer:
    """Say against what the list was checked; raises ObjectionError where it lacks something."""
    if seen.unknown:
        raise ObjectionError(
            f"the opt-out list never was in the state that the release {seen.unknown[0]} respects: "
            f"it is older, or another one; put back the newest copy"
        )
    if seen.unreadable:
        raise ObjectionError(
            f"the certificate of the release {seen.unreadable[0]} cannot be read, so the list "
            f"could not be held against it: put the certificate back"
        )
    events, objections, releases = registry.events, len(registry), len(seen.releases)
    words = (
        f"Checked: {events:,} events of {objections:,} objections hang together, each under this "
        f"home's key; the list was once in the state that each of {releases:,} releases respects."
    )
    return {"events": events, "objections": objections, "releases": releases}, words


def history_said(case: Case, happened: Sequence[Happened], seen: Effects) -> Answer:
    """Show one objection whole: for the officer, who it is from included."""
    given, verified = case.identifiers, "verified" if case.identity_verified else "not verified"
    left_out = ", ".join(case.keys) or "nobody yet"
    who = {} if given is None else {name: str(getattr(given, name)) for name in given.given}
    fields = case_fields(case, seen) | {
        "given": who,
        "customer_ids": list(case.keys),
        "events": [
            {
                "event": str(each.event),
                "at": _minute(each.at),
                "by": each.by,
                **({} if each.keys is None else {"customer_ids": list(each.keys)}),
                **each.details,
            }
            for each in happened
        ],
    }
    lines = [
        f"Objection {case.number}: {case.state}",
        f"  right        {case.right}",
        f"  received     {_minute(case.received_at)} by {case.channel}, identity {verified}",
        *(f"  {name.replace('_', ' '):<12} {value}" for name, value in who.items()),
        *([] if given is not None else ["  who it is from was erased"]),
        f"  left out     {left_out if case.excludes else 'no'}",
        f"  without      {_effect(case, seen)}{_duty(case)}",
        *(f"  {_minute(each.at)}  {_happened(each)}" for each in happened),
    ]
    return fields, "\n".join(lines)


def _happened(each: Happened) -> str:
    told = {name: value for name, value in each.details.items() if name not in _SAID_ABOVE}
    details = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items())
    by = "" if each.by is None else f" by {each.by}"
    named = each.keys is not None and each.event is not Event.RECEIVED
    records = f" ({', '.join(each.keys or ())})" if named else ""
    return f"{each.event}{by}{records}{f': {details}' if details else ''}"


_SAID_ABOVE = {"right", "channel", "received_at"}


def whereabouts_said(place: Whereabouts) -> Answer:
    """Answer whether a person is in the current release, and since when not."""
    left_out = [(case, since) for case, since in place.cases if since is not None]
    out = [case for case, since in left_out if place.seen.current_is_without(since)]
    first = min(
        (str(place.seen.first_without(since)) for _, since in left_out
         if place.seen.first_without(since) is not None),
        default=None,
    )  # fmt: skip
    current = place.seen.current
    # A record that no objection stands for yet is found by the next look into the source.
    covered = all(key in place.covered for key in place.keys)
    verdict = "no" if current is None or (out and covered) else "perhaps"
    fields: dict[str, object] = {
        "in_current_release": verdict,
        "current_release": current,
        "first_release_without": first,
        "records_in_source": place.records,
        "objections": [case_fields(case, place.seen) for case, _ in place.cases],
    }
    lines = [_place_said(place, out if covered else [], left_out, first)]
    if place.records == 0:
        lines.append("The source knows nobody by that.")
    elif place.records is not None:
        lines.append(f"The source knows {_records(place.records)} by that.")
    if place.trouble is not None:
        lines.append(
            f"The source was not asked, so a second record would be missed: {place.trouble}"
        )
    lines += (
        [HEAD, *(case_line(case, place.seen) for case, _ in place.cases)] if place.cases else []
    )
    return fields, "\n".join(lines)


def _place_said(
    place: Whereabouts,
    out: Sequence[Case],
    left_out: Sequence[tuple[Case, int | None]],
    first: str | None,
) -> str:
    current = place.seen.current
    if current is None:
        return "No: there is no release yet."
    if out:
        return f"No: not in the current release {current}, nor in any since {first}."
    if left_out:
        return (
            f"Perhaps: the current release {current} was made before; the next one is without this "
            f"person (`clause16 release`)."
        )
    return (
        f"Perhaps: nothing on the list leaves this person out, so where the source has them and "
        f"no rule leaves them out they may be in the current release {current}."
    )


def _records(number: int) -> str:
    return f"{number} customer record{'' if number == 1 else 's'}"


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes")
