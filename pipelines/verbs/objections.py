"""Verbs of the opt-out list."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer, moment
from transforms.errors import UsageError


def add_verbs(groups: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `objections` and its verbs."""
    objections = groups.add_parser("objections", parents=[], help="the opt-out list")
    verbs = objections.add_subparsers(title="verbs", metavar="VERB", required=True)
    record = verbs.add_parser(
        "record", parents=[everywhere], help="leave a person out of everything from now on"
    )
    record.add_argument("--customer-id", required=True, metavar="ID")
    record.add_argument(
        "--channel",
        default="other",
        choices=["email", "letter", "phone", "counter", "app", "other"],
        help="how the objection arrived; the form does not matter",
    )
    record.add_argument(
        "--received-at", type=moment, metavar="TIME", help="ISO 8601 (default: now)"
    )
    record.add_argument("--identity-verified", action="store_true", help="honoured either way")
    record.set_defaults(run=_record)
    listing = verbs.add_parser("list", parents=[everywhere], help="list objections, without names")
    listing.set_defaults(run=_list)


def _record(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.registry import Registry
    from transforms.objection import Channel, Objection

    now = datetime.now(UTC)
    received = options.received_at or now
    if not options.customer_id.strip() or not options.customer_id.isprintable():
        raise UsageError(
            "--customer-id is empty or has control characters: give the id under which the source "
            "knows the person"
        )
    if received > now:
        raise UsageError("--received-at lies in the future: give the time at which it was received")
    objection = Objection(
        customer_id=options.customer_id.strip(),
        channel=Channel(options.channel),
        received_at=received,
        identity_verified=options.identity_verified,
    )
    number = Registry(settings.registry, settings.key_file).record(objection)
    answer(
        options,
        {"objection": number, "received_at": received.isoformat()},
        f"Objection {number} is recorded: whoever the source knows under this id is in no release "
        f"from now on. The current one is replaced by the next: `clause16 release`.",
    )
    return 0


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.registry import Registry

    objections = [
        {
            "objection": objection.number,
            "received_at": objection.received_at.isoformat(timespec="minutes"),
            "channel": objection.channel.value,
            "identity_verified": objection.identity_verified,
        }
        for objection in Registry(settings.registry, settings.key_file).objections()
    ]
    lines = "\n".join(
        f"  {o['objection']:>6}  {o['received_at']}  {o['channel']:<8} "
        f"identity {'verified' if o['identity_verified'] else 'not verified'}"
        for o in objections
    )
    answer(options, {"objections": objections}, lines or "No objections yet.")
    return 0
