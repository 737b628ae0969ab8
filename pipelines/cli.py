"""The command line: a verb → what does it; an error → its exit code.

The modules of a verb are imported when it runs, so that `clause16 --help` starts at once.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pipelines.boundary import sealed
from pipelines.settings import DEMO_HOME, Settings, settings_from
from transforms.errors import PrivacyError, UsageError

EXIT_CODES = (
    "exit codes: 0 done; 1 a defect of ours; 2 usage; 10 policy, hierarchy or plan; 11 source; "
    "12 opt-out list; 13 refused (limits, too few people, verification); 14 files; 15 engine"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, format="%(asctime)s  %(message)s", datefmt="%H:%M:%S", force=True
    )
    logging.getLogger("clause16").setLevel(logging.INFO)
    try:
        return sealed(_run)(options)
    except PrivacyError as error:
        return _say_failure(options, error)
    except KeyboardInterrupt:
        print("clause16: stopped; nothing was published", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    verb: Callable[[argparse.Namespace, Settings], int] = options.run
    return verb(options, _settings(options))


def entry() -> None:
    """Run as a program."""
    sys.exit(main())


def _say_failure(options: argparse.Namespace, error: PrivacyError) -> int:
    print(f"clause16: {error}", file=sys.stderr)
    if options.json:
        print(json.dumps({"error": str(error), "exit_code": error.exit_code}))
    return error.exit_code


def _settings(options: argparse.Namespace) -> Settings:
    return settings_from(
        os.environ,
        today=datetime.now(UTC).date(),
        home=options.home,
        policy=getattr(options, "policy", None),
        source=getattr(options, "source", None),
        as_of=getattr(options, "as_of", None),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clause16",
        description="Statistics that identify nobody: releases of an operational bank's data that "
        "keep clause 16 of its privacy policy.",
        epilog=EXIT_CODES,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    everywhere = _everywhere()
    reading = _reading()

    init = verbs.add_parser(
        "init", parents=[everywhere], help="make the opt-out list and its key for a new home"
    )
    init.set_defaults(run=_init)

    demo = verbs.add_parser("demo", parents=[everywhere], help="write a generated operational bank")
    demo.add_argument("--customers", type=_positive, required=True, metavar="N")
    demo.add_argument("--payments-per-customer", type=_natural, default=10, metavar="M")
    demo.add_argument("--seed", type=_natural, default=16, metavar="S", help="same seed, same bank")
    demo.add_argument(
        "--to", metavar="URI", help="duckdb:///file or parquet:///folder (default: in the home)"
    )
    demo.set_defaults(run=_demo)

    release = verbs.add_parser(
        "release", parents=[everywhere, reading], help="make, verify and publish a release"
    )
    release.set_defaults(run=_release)

    plan = verbs.add_parser(
        "plan",
        parents=[everywhere, reading],
        help="choose the recoding that later releases apply, and show what it costs",
    )
    plan.set_defaults(run=_plan)

    check = verbs.add_parser(
        "check", parents=[everywhere, reading], help="hold the policy against the source"
    )
    check.set_defaults(run=_check)

    verify = verbs.add_parser(
        "verify", parents=[everywhere], help="prove of a written release what it promises"
    )
    verify.add_argument("release", metavar="RELEASE", help="an id, `current`, a folder or a file")
    verify.set_defaults(run=_verify)

    objections = verbs.add_parser("objections", help="the opt-out list")
    _objection_verbs(objections, everywhere)
    return parser


def _everywhere() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--home",
        metavar="DIR",
        help=f"registry, plan, releases ($CLAUSE16_HOME; demo: {DEMO_HOME.name}/)",
    )
    options.add_argument(
        "--json",
        action="store_true",
        help="one JSON object on standard output, logs on standard error",
    )
    return options


def _reading() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--source",
        metavar="URI",
        help="duckdb:///file, parquet:///folder or csv:///folder ($CLAUSE16_SOURCE)",
    )
    options.add_argument(
        "--policy", metavar="FILE", help="the policy; the demo bank's where the source is the demo"
    )
    options.add_argument(
        "--as-of",
        type=_day,
        metavar="DATE",
        help="reference date of ages and terms (default: today)",
    )
    return options


def _objection_verbs(
    objections: argparse.ArgumentParser, everywhere: argparse.ArgumentParser
) -> None:
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
        "--received-at", type=_moment, metavar="TIME", help="ISO 8601 (default: now)"
    )
    record.add_argument("--identity-verified", action="store_true", help="honoured either way")
    record.set_defaults(run=_record)
    listing = verbs.add_parser("list", parents=[everywhere], help="list objections, without names")
    listing.set_defaults(run=_list)


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date like 2026-11-22") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a time like 2026-11-22T09:30") from None


def _init(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.registry import create_registry

    create_registry(settings.registry, settings.key_file)
    _answer(
        options,
        {
            "home": str(settings.home),
            "registry": str(settings.registry),
            "key_file": str(settings.key_file),
        },
        f"A new home: {settings.home}\n"
        f"The opt-out list's key: {settings.key_file}\n"
        f"Keep a copy of the key elsewhere: without it the list cannot be read.",
    )
    return 0


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.generate import generate

    uri = options.to or settings.demo_source
    rows = generate(
        uri,
        customers=options.customers,
        payments_per_customer=options.payments_per_customer,
        seed=options.seed,
        progress=logging.getLogger("clause16").info,
    )
    tables = "\n".join(f"  {table:<20} {count:>12,}" for table, count in rows.items())
    _answer(options, {"source": uri, "tables": rows}, f"A demo bank: {uri}\n{tables}")
    return 0


def _release(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.runner import run_release

    released = run_release(settings)
    tables = "\n".join(f"  {name:<20} {rows:>12,} rows" for name, rows in released.tables.items())
    _answer(
        options,
        {
            "release": released.release,
            "directory": str(released.directory),
            "database": str(released.database),
            "certificate": str(released.certificate),
            "tables": released.tables,
        },
        f"Released and verified: {released.release}\n{tables}\n"
        f"  database     {released.database}\n  certificate  {released.certificate}\n"
        f'Try:\n  .venv/bin/python -c "import duckdb; '
        f"print(duckdb.connect('{released.database}', read_only=True)"
        f".sql('{released.example}'))\"",
    )
    return 0


def _plan(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.intake import make_plan

    plan = make_plan(settings)
    levels = "\n".join(f"  {name:<20} level {level}" for name, level in plan.levels.items())
    costs = "\n".join(
        f"  {name:<20} loss {cost.loss:.3f}, {cost.left_out:.1%} left out, "
        f"{cost.blanked:.1%} blanked, {cost.classes:,} classes"
        for name, cost in plan.tables.items()
    )
    _answer(
        options,
        {"plan": str(settings.plan), "digest": plan.digest} | plan.model_dump(mode="json"),
        f"The best of {plan.recodings:,} recodings at k = {plan.calibration_k}, proven with "
        f"{plan.evaluated:,} evaluated:\n{levels}\nIts price:\n{costs}\n"
        f"Stored in {settings.plan}; the next releases apply it unchanged.",
    )
    return 0


def _check(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.intake import inspect

    intake, problems = inspect(settings)
    policy = intake.loaded.policy
    if options.json:
        print(
            json.dumps({"fits": not problems, "problems": [str(problem) for problem in problems]})
        )
    for problem in problems:
        print(f"clause16: {problem}", file=sys.stderr)
    if problems:
        return problems[0].exit_code
    if not options.json:
        reads = "\n".join(
            f"  {table}: {', '.join(names)}" for table, names in policy.reads().items()
        )
        print(f"The policy {intake.loaded.path.name} ({policy.version}) fits the source.")
        print(f"A release reads these columns and no others:\n{reads}")
    return 0


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.releases import find_release
    from pipelines.verifier import verify

    database, certificate = find_release(settings, options.release)
    verification = verify(database, certificate)
    verdict = "passed" if verification.passed else "failed"
    lines = "\n".join(
        f"  {'passed' if check.passed else 'FAILED'}  {check.name}"
        + ("" if check.passed else f": {check.finding}")
        for check in verification.checks
    )
    _answer(
        options,
        {
            "verdict": verdict,
            "checks": [
                {"check": check.name, "passed": check.passed}
                | ({} if check.passed else {"finding": check.finding})
                for check in verification.checks
            ],
        },
        f"{database}\n{lines}\nVerdict: {verdict}",
    )
    return 0 if verification.passed else 13


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
    _answer(
        options,
        {"objection": number, "received_at": received.isoformat()},
        f"Objection {number} is recorded: the person is in no release from now on. The current "
        f"one is replaced by the next: `clause16 release`.",
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
    _answer(options, {"objections": objections}, lines or "No objections yet.")
    return 0


def _answer(options: argparse.Namespace, content: dict[str, Any], words: str) -> None:
    print(json.dumps(content) if options.json else words)
