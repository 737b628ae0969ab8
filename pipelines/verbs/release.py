"""Verbs around a release: choose the plan, hold the policy against the source, release, verify."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from pipelines.settings import Settings
from pipelines.stopping import leave, stoppable
from pipelines.verbs.terminal import Verbs, answer
from transforms.errors import UsageError

LONGEST_NAME = 100


def add_verbs(
    verbs: Verbs, everywhere: argparse.ArgumentParser, reading: argparse.ArgumentParser
) -> None:
    """Add `release`, `plan`, `check` and `verify`."""
    release = verbs.add_parser(
        "release", parents=[everywhere, reading], help="make, verify and publish a release"
    )
    release.set_defaults(run=_release)

    plan = verbs.add_parser(
        "plan",
        parents=[everywhere, reading],
        help="choose the recoding that later releases apply, and show what it costs",
    )
    plan.add_argument(
        "--approve",
        action="store_true",
        help="approve the stored plan as it is, instead of choosing one",
    )
    plan.add_argument(
        "--by", type=_name, metavar="NAME", help="who approves; stands in every certificate"
    )
    plan.add_argument(
        "--take",
        type=_number,
        default=0,
        metavar="N",
        help="store alternative N of those that are shown, instead of the best",
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


def _release(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.runner import run_release

    released = run_release(settings)
    width = max([20, *map(len, released.tables)])
    tables = "\n".join(
        f"  {name:<{width}} {rows:>12,} rows" for name, rows in released.tables.items()
    )
    answer(
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


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"must be a name of 1 to {LONGEST_NAME} printable characters"
        )
    return name


def _plan(options: argparse.Namespace, settings: Settings) -> int:
    if options.approve is not (options.by is not None):
        raise UsageError("--approve and --by go together: `clause16 plan --approve --by NAME`")
    return _approve(options, settings) if options.approve else _choose(options, settings)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError("must be the number of an alternative: 1, 2, …")
    return int(text)


def _choose(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.intake import make_plan
    from pipelines.verbs.planned import fields_of_outlooks, told, told_outlooks
    from transforms.magnitude.outlook import outlooks

    with stoppable(settings.plan, "nothing was chosen") as stop:
        plan, loaded = make_plan(settings, stop, options.take)
        if stop.signal is not None:
            answer(
                options, {"stopped": plan.model_dump(mode="json")}, f"Best so far:\n{told(plan)}"
            )
            leave(stop.signal, "nothing was stored")
    expected = outlooks(loaded.policy, loaded.hierarchies, loaded.vocabularies)
    answer(
        options,
        {"plan": str(settings.plan), "digest": plan.digest}
        | plan.model_dump(mode="json")
        | {"magnitude": fields_of_outlooks(expected)},
        f"{told(plan)}\n{told_outlooks(expected)}"
        f"Stored in {settings.plan}; the next releases apply it unchanged.",
    )
    return 0


def _approve(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.approvals import approve
    from pipelines.verbs.planned import told

    plan, approval = approve(settings, options.by, datetime.now(UTC))
    answer(
        options,
        {"digest": plan.digest, "plan": plan.model_dump(mode="json")}
        | {"approval": approval.model_dump(mode="json")},
        f"The plan {plan.digest}, chosen as of {plan.snapshot.as_of}.\n{told(plan)}\n"
        f"Approved by {approval.by} at {approval.at}; another plan needs an approval of its own.",
    )
    return 0


def _check(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.intake import inspected

    with inspected(settings) as (intake, problems):
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
    answer(
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
