"""The verb of whoever keeps a home running, and of monitoring."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer, positive
from transforms.errors import PolicyError

if TYPE_CHECKING:
    # Its module imports the engines, and `clause16 --help` has no time for them.
    from pipelines.status import Current, Seen, Spending, Status

NEEDS_ATTENTION = 13


def add_verbs(verbs: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `status`."""
    status = verbs.add_parser(
        "status",
        parents=[everywhere],
        help="say how the home is; exit code 13 where something needs attention",
    )
    status.add_argument("--policy", metavar="FILE", help="hold plan and approval against it too")
    status.add_argument(
        "--max-age",
        type=positive,
        default=8,
        metavar="DAYS",
        help="an older current release needs attention (default: %(default)s)",
    )
    status.add_argument(
        "--objections-within",
        type=positive,
        default=24,
        metavar="HOURS",
        help="an objection that waits longer for a release without the person needs attention "
        "(default: %(default)s)",
    )
    status.set_defaults(run=_status)


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.status import Limits, look

    limits = Limits(
        age=timedelta(days=options.max_age),
        waiting=timedelta(hours=options.objections_within),
        undecided=timedelta(days=_decide_within(settings)),
    )
    server = os.environ.get("PREFECT_API_URL") or None
    status = look(settings, limits, server, datetime.now(UTC))
    answer(options, _fields(status), "\n".join(_lines(status)))
    return NEEDS_ATTENTION if status.troubles else 0


def _decide_within(settings: Settings) -> int:
    from transforms.policy.opt_out import Objections

    if settings.policy is None:
        return Objections().decide_within
    from pipelines.policies import load_policy

    try:
        return load_policy(settings.policy).policy.objections.decide_within
    except PolicyError:
        # Said where the policy is looked at.
        return Objections().decide_within


def _fields(status: Status) -> dict[str, object]:
    seen = status.seen
    waiting, schedule, failure, approval = seen.waiting, seen.schedule, seen.failure, seen.approval
    return {
        "home": str(status.home),
        "verdict": "attention" if status.troubles else "fine",
        "attention": [{"what": trouble.what, "do": trouble.todo} for trouble in status.troubles],
        "at": seen.at.isoformat(timespec="seconds"),
        "at_work": seen.at_work,
        "release": None if seen.current is None else _release(seen.current, seen.at),
        "waiting_objections": None
        if waiting is None
        else {"number": waiting.number, "since": _iso(waiting.since)},
        "undecided_objections": None
        if seen.pending is None
        else {
            "nobody_found": seen.pending.waiting,
            "nobody_found_since": _iso(seen.pending.waits_since),
            "not_looked_up": seen.pending.not_looked_up,
            "looked_for_at": _iso(seen.pending.looked_at),
            "several_candidates": seen.pending.several,
            "reviews_due": seen.pending.reviews_due,
        },
        "rejected_files": seen.rejected,
        "last_failure": None
        if failure is None
        else {
            "at": _iso(failure.at),
            "exit_code": failure.exit_code,
            "kind": failure.kind,
            "message": failure.message,
        },
        "approval": None if approval is None else approval.model_dump(mode="json"),
        "budget": None if seen.spending is None else _budget(seen.spending),
        "schedule": None
        if schedule is None
        else {"state": schedule.state.value, "next": _iso(schedule.next)},
        "free_bytes": seen.free,
    }


def _budget(spending: Spending) -> dict[str, object]:
    return {
        "year": spending.year,
        "rho": spending.yearly,
        "rho_spent": round(spending.this_year, 6),
        "rho_left": round(spending.left, 6),
        "delta": spending.delta,
        "epsilon": round(spending.epsilon(spending.this_year), 3),
        "rho_ever": round(spending.ever, 6),
        "epsilon_ever": round(spending.epsilon(spending.ever), 3),
        "unpublished_periods": spending.unpublished,
    }


def _release_lines(current: Current, now: datetime) -> Iterator[str]:
    from pipelines.status import said

    certified = current.certified
    yield f"  release      {certified.release}, {said(now - certified.created_at)} old"
    yield f"  verdict      {'passed' if current.passed else 'FAILED'}"
    yield f"  policy       {certified.policy_version}, plan {certified.plan[:12]}"


def _budget_line(spending: Spending) -> str:
    return (
        f"  budget       {spending.year}: {spending.this_year / spending.yearly:.0%} spent, "
        f"epsilon {spending.epsilon(spending.this_year):.1f}; of all years together "
        f"{spending.epsilon(spending.ever):.1f} (delta {spending.delta:g})"
    )


def _release(current: Current, now: datetime) -> dict[str, object]:
    certified = current.certified
    age = now - certified.created_at
    return {
        "release": certified.release,
        "created_at": _iso(certified.created_at),
        "age_days": round(age / timedelta(days=1), 2),
        "verdict": "passed" if current.passed else "failed",
        "policy_version": certified.policy_version,
        "policy_digest": certified.policy_digest,
        "plan": certified.plan,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _lines(status: Status) -> Iterator[str]:
    seen = status.seen
    yield f"{status.home}{': a run is at work' if seen.at_work else ''}"
    if seen.current is not None:
        yield from _release_lines(seen.current, seen.at)
    if seen.approval is not None:
        yield f"  approved     by {seen.approval.by}, {seen.approval.at}"
    yield from _objection_lines(seen)
    if seen.spending is not None:
        yield _budget_line(seen.spending)
    if seen.schedule is not None:
        yield f"  next run     {_iso(seen.schedule.next) or seen.schedule.state.value}"
    if seen.free is not None:
        yield f"  disk         {seen.free >> 20:,} MiB free"
    for trouble in status.troubles:
        yield f"attention: {trouble.what} → {trouble.todo}"
    if not status.troubles:
        yield "Nothing needs attention."


def _objection_lines(seen: Seen) -> Iterator[str]:
    from pipelines.status import said

    if seen.waiting is not None:
        since = "" if seen.waiting.since is None else f", since {_iso(seen.waiting.since)}"
        yield f"  objections   {seen.waiting.number:,} wait for the next release{since}"
    if seen.pending is not None and seen.pending.waiting + seen.pending.several:
        yield (
            f"  undecided    {seen.pending.waiting:,} of whom nobody was found, "
            f"{seen.pending.several:,} with several candidates"
        )
    if seen.pending is not None and seen.pending.in_force:
        looked_at = seen.pending.looked_at
        ago = "never" if looked_at is None else f"{said(seen.at - looked_at)} ago"
        yield f"  looked for   {seen.pending.in_force:,} in force, all of them {ago}"
