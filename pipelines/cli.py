"""The command line: its frame, the options of several verbs, an error → its exit code.

The verbs stand in `pipelines/verbs`. What does their work is imported when one runs, so that
`clause16 --help` starts at once.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pipelines.boundary import sealed
from pipelines.settings import DEMO_HOME, Settings, settings_from
from pipelines.verbs import backup, draft, grants, objections, recode, release, setup, status
from pipelines.verbs.terminal import day
from transforms.errors import PrivacyError

EXIT_CODES = (
    "exit codes: 0 done; 1 a defect of ours; 2 usage; 10 policy, hierarchy or plan; 11 source; "
    "12 opt-out list; 13 refused (limits, too few people, verification), or something needs "
    "attention (status); 14 files; 15 engine"
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
    everywhere, reading = _everywhere(), _reading()
    setup.add_verbs(verbs, everywhere)
    draft.add_verbs(verbs, everywhere)
    release.add_verbs(verbs, everywhere, reading)
    objections.add_verbs(verbs, everywhere, reading)
    status.add_verbs(verbs, everywhere)
    backup.add_verbs(verbs, everywhere)
    grants.add_verbs(verbs, everywhere)
    recode.add_verbs(verbs)
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
        help="duckdb:///file, parquet:///folder, csv:///folder or postgresql://… "
        "($CLAUSE16_SOURCE, where a password belongs)",
    )
    options.add_argument(
        "--policy", metavar="FILE", help="the policy; the demo bank's where the source is the demo"
    )
    options.add_argument(
        "--as-of",
        type=day,
        metavar="DATE",
        help="reference date of ages and terms (default: today)",
    )
    return options
