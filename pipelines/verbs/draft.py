"""The verb that drafts a policy for an unknown source."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer


def add_verbs(verbs: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `draft`."""
    draft = verbs.add_parser(
        "draft", parents=[everywhere], help="write a draft of the policy of an unknown source"
    )
    draft.add_argument(
        "--source",
        metavar="URI",
        help="duckdb:///file, parquet:///folder, csv:///folder or postgresql://… "
        "(default: $CLAUSE16_OFFICER_SOURCE, then $CLAUSE16_SOURCE)",
    )
    draft.add_argument(
        "--output", required=True, metavar="FILE", help="the draft; nothing is overwritten"
    )
    draft.set_defaults(run=_draft)


def _draft(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.draft.drafting import make_draft

    drafted = make_draft(settings, options.source, Path(options.output).absolute())
    draft = drafted.draft
    source, key = draft.subject
    roles = dict(sorted(drafted.roles.items()))
    undecided = [f"{table}.{column}" for table, column in draft.undecided]
    listed = "\n".join(f"  {role:<18} {count:>6,}" for role, count in roles.items())
    person = f"A person is {source}.{key}" if key else "Who a person is, nobody can tell"
    answer(
        options,
        {
            "draft": str(drafted.output),
            "tables": drafted.tables,
            "columns": len(draft.proposals),
            "subject": {"source": source, "key": key},
            "roles": roles,
            "undecided": {
                "columns": undecided,
                "eligibility": list(draft.undecided_rules),
                "categories": [str(category) for category in draft.undecided_categories],
                "subject": key is None,
                "microdata": not draft.tables,
            },
        },
        f"A draft: {drafted.output}\n{person}; {drafted.tables:,} tables, "
        f"{len(draft.proposals):,} columns, by role:\n{listed}\n"
        f"Next: decide what is undecided, read the rest, then\n"
        f"  clause16 check --source … --policy {drafted.output}",
    )
    return 0
