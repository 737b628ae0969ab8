"""Verbs that write a home into one file, and make a home out of it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from pipelines.settings import Settings
from pipelines.stopping import stoppable
from pipelines.verbs.terminal import Verbs, answer


def add_verbs(verbs: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `backup` and `restore`."""
    backup = verbs.add_parser(
        "backup", parents=[everywhere], help="write the home, without its key, into one file"
    )
    backup.add_argument("file", metavar="FILE", help="a new tar file")
    backup.set_defaults(run=_backup)

    restore = verbs.add_parser(
        "restore", parents=[everywhere], help="make a home out of a backup, with the key beside it"
    )
    restore.add_argument("file", metavar="FILE", help="what `clause16 backup` wrote")
    newer = restore.add_mutually_exclusive_group(required=True)
    newer.add_argument(
        "--newest-certificate",
        metavar="FILE",
        help="the certificate of the last release that was published: the opt-out list of the "
        "backup has to know the objections that it respects",
    )
    newer.add_argument(
        "--nothing-newer",
        action="store_true",
        help="state that nothing was released or objected since the backup was taken",
    )
    restore.set_defaults(run=_restore)


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.backup import take_backup

    file = Path(options.file).absolute()
    with stoppable(file, "nothing was written"):
        taken = take_backup(settings, file, datetime.now(UTC))
    answer(
        options,
        {
            "backup": str(taken.file),
            "current": taken.current,
            "releases": taken.releases,
            "objections": taken.objections,
        },
        f"A backup of {settings.home}: {taken.file}\n"
        f"  {taken.objections:,} objections, {taken.releases:,} releases, current: "
        f"{taken.current or 'none yet'}\n"
        f"The key is not in it: keep a copy of {settings.key_file} apart.",
    )
    return 0


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.restore import restore

    newest = options.newest_certificate
    with stoppable(settings.home, "nothing was written"):
        restored = restore(settings, Path(options.file), None if newest is None else Path(newest))
    answer(
        options,
        {
            "home": str(restored.home),
            "taken_at": restored.taken_at,
            "current": restored.current,
            "objections": restored.objections,
        },
        f"A home as it was at {restored.taken_at}: {restored.home}\n"
        f"  {restored.objections:,} objections, current release: {restored.current or 'none yet'}\n"
        f"Objections received since then are not in its list: record them again before the next "
        f"release.",
    )
    return 0
