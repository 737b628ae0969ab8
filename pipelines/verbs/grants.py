"""The verb that says which rights PostgreSQL roles need."""

from __future__ import annotations

import argparse

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer
from transforms.errors import UsageError


def add_verbs(verbs: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `grants`."""
    grants = verbs.add_parser(
        "grants", parents=[everywhere], help="SQL for the roles of a PostgreSQL source"
    )
    grants.add_argument(
        "--for",
        dest="role_for",
        required=True,
        choices=["release", "officer", "draft"],
        help="release: reads the permitted columns; officer: asks whose an identifier is; "
        "draft: reads every table, until there is a policy",
    )
    grants.add_argument("--policy", metavar="FILE", help="the policy (default: the demo bank's)")
    grants.add_argument(
        "--role", metavar="NAME", help="default: clause16_release, clause16_officer, clause16_draft"
    )
    grants.add_argument(
        "--schema", metavar="NAME", default="public", help="where the bank's tables are"
    )
    grants.set_defaults(run=_grants)


def _grants(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.grants import (
        DRAFT,
        NAME_BYTES,
        OFFICER,
        RELEASE,
        Place,
        draft_grants,
        officer_grants,
        release_grants,
    )
    from pipelines.policies import load_policy
    from pipelines.settings import DEMO_POLICY

    for name in (options.role, options.schema):
        if name is not None and (not name.strip() or not name.isprintable()):
            raise UsageError("a role and a schema have a name without control characters")
        if name is not None and len(name.encode()) > NAME_BYTES:
            raise UsageError(f"a role and a schema have a name of at most {NAME_BYTES} bytes")
    if options.role_for == "draft":
        sql = draft_grants(Place(options.role or DRAFT, options.schema))
    else:
        policy = load_policy(settings.policy or DEMO_POLICY).policy
        of_release = options.role_for == "release"
        place = Place(options.role or (RELEASE if of_release else OFFICER), options.schema)
        sql = (release_grants if of_release else officer_grants)(policy, place)
    answer(options, {"sql": sql}, sql.rstrip("\n"))
    return 0
