"""Releases on disk: written once into a private folder, verified, switched to in one rename.

    HOME/releases/<id>/statistics.duckdb   the tables, for analysts
                       certificate.json    what it is and what was proved
                       annex.json          exact figures, for the officer alone
    HOME/releases/current                  a link to the newest verified one

A DuckDB file keeps what was deleted from it, so each release is a fresh file that is written once
and never opened for writing again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from pipelines.boundary import disk_full, is_full
from pipelines.files import sync_folder
from pipelines.settings import Settings
from pipelines.sql import literal, quoted
from transforms.errors import AnotherRun, ReleaseError, UsageError

log = logging.getLogger("clause16")

DATABASE = "statistics.duckdb"
CERTIFICATE = "certificate.json"
ANNEX = "annex.json"
CURRENT = "current"
OLDEST_READER = "v1.4.0"
"""The storage version of the files: analysts' DuckDB is often older than ours."""

_RELEASE = re.compile(r"\d{8}T\d{6}Z[a-z]*")

FOR_ANALYSTS = 0o640
FOR_THE_OFFICER = 0o600


@contextmanager
def only_run(settings: Settings) -> Iterator[None]:
    """Hold the home's lock; raises AnotherRun where another run has it."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(settings.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        raise ReleaseError(
            f"the home {settings.home} cannot be written: check its owner and mode"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRun(
                f"another run is at work in {settings.home}: wait for it, or stop it first"
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_at_work(settings: Settings) -> bool:
    """Say whether a run holds the home's lock, without touching it (Linux; elsewhere never)."""
    try:
        inode = str(settings.lock.stat().st_ino)
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    # A line says who holds what: `FLOCK ADVISORY WRITE`, process, `major:minor:inode`, …
    return any(" FLOCK " in lock and f":{inode} " in lock for lock in locks)


def tidy(settings: Settings) -> None:
    """Remove what a killed run left: work folders, half a switch. The caller holds the lock.

    A release that was moved but never switched to has been verified; the next one retires it.
    """
    shutil.rmtree(settings.work, ignore_errors=True)
    settings.work.mkdir(mode=0o700, parents=True)
    settings.releases.mkdir(parents=True, exist_ok=True)
    (settings.releases / f".{CURRENT}").unlink(missing_ok=True)


def new_staging(settings: Settings, now: datetime) -> Path:
    """Make the private folder in which a release is prepared; its name is the release's id."""
    newest = max((folder.name for folder in release_folders(settings)), default="")
    name = now.strftime("%Y%m%dT%H%M%SZ")
    if name <= newest:
        # Two releases in a second, or a clock that went back: ids still ascend.
        name = f"{newest}a" if newest[-1] in "Zz" else f"{newest[:-1]}{chr(ord(newest[-1]) + 1)}"
    staging = settings.work / name
    staging.mkdir(mode=0o700, parents=True)
    return staging


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """What is written of a table: rows, comments, how often each row is written (times: once)."""

    comment: str
    rows: pl.DataFrame
    meanings: Mapping[str, str]
    times: pl.Series | None = None


def write_database(
    path: Path, tables: Mapping[str, WrittenTable], about: Mapping[str, WrittenTable]
) -> None:
    """Write a fresh database with the schemas main and about.

    A row is written as often as its table says, equal rows together, in the order given. Raises
    ReleaseError where the disk is full.
    """
    try:
        _write(path, tables, about)
    except duckdb.Error as error:
        if "No space left" in str(error) or is_full(path.parent):
            raise disk_full() from None
        raise


def _write(
    path: Path, tables: Mapping[str, WrittenTable], about: Mapping[str, WrittenTable]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH {literal(str(path))} AS release (STORAGE_VERSION '{OLDEST_READER}')"
        )
        connection.execute("CREATE SCHEMA release.about")
        for schema, contents in (("main", tables), ("about", about)):
            for name, table in contents.items():
                _write_table(connection, f"release.{schema}.{quoted(name)}", table)
        connection.execute("CHECKPOINT release")
        connection.execute("DETACH release")


def _write_table(connection: duckdb.DuckDBPyConnection, name: str, table: WrittenTable) -> None:
    columns = table.rows.columns
    rows = table.rows
    written = "FROM counted_rows"
    if table.times is not None:
        rows = rows.with_columns(table.times.alias(_TIMES))
        written = f"FROM (SELECT *, unnest(range({quoted(_TIMES)})) FROM counted_rows)"
    connection.register("counted_rows", rows.to_arrow())
    connection.execute(f"CREATE TABLE {name} AS SELECT {', '.join(map(quoted, columns))} {written}")
    connection.unregister("counted_rows")
    connection.execute(f"COMMENT ON TABLE {name} IS {literal(table.comment)}")
    for column in columns:
        meaning = literal(table.meanings[column])
        connection.execute(f"COMMENT ON COLUMN {name}.{quoted(column)} IS {meaning}")


_TIMES = "how often a row is written"


def publish(settings: Settings, staging: Path, *, keep_earlier: bool) -> Path:
    """Move a verified staging folder among the releases, switch to it, retire the earlier ones.

    Raises only before the switch: what fails after it is logged, for the release is published.
    """
    release = settings.releases / staging.name
    hand_over(staging, settings.analysts_group)
    staging.rename(release)
    link = settings.releases / f".{CURRENT}"
    link.symlink_to(release.name)
    link.replace(settings.releases / CURRENT)
    try:
        sync_folder(settings.releases)
        earlier = [] if keep_earlier else unretired(settings, release)
    except OSError:
        log.warning(
            "published, but the earlier releases could not be looked at: check owner and mode of "
            "%s; their microdata may still be readable",
            settings.releases,
        )
    else:
        for folder in earlier:
            _retire(folder)
    return release


def unretired(settings: Settings, release: Path) -> Sequence[Path]:
    """Return the folders of the releases before this one that still have their databases."""
    earlier = (folder for folder in release_folders(settings) if folder.name < release.name)
    return [folder for folder in earlier if _may_have_database(folder)]


def _may_have_database(folder: Path) -> bool:
    try:
        (folder / DATABASE).lstat()
    except FileNotFoundError:
        return False
    except OSError:
        # Whoever may not look does not know that it is gone.
        return True
    return True


def _retire(folder: Path) -> None:
    """Take a release away; the next one tries again where that fails."""
    try:
        # Readers that have it open keep it; the certificate stays as evidence.
        (folder / DATABASE).unlink(missing_ok=True)
    except OSError:
        log.warning(
            "published, but the release %s could not be retired: check owner and mode of %s; its "
            "microdata are still readable",
            folder.name,
            folder,
        )


def hand_over(folder: Path, analysts_group: str | None) -> None:
    """Give what a release's folder holds to its readers; it is on disk when this returns."""
    modes = {DATABASE: FOR_ANALYSTS, CERTIFICATE: FOR_ANALYSTS, ANNEX: FOR_THE_OFFICER}
    # A retired release has no database any more.
    there = {folder / name: mode for name, mode in modes.items() if (folder / name).exists()}
    for path, mode in there.items():
        path.chmod(mode)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    folder.chmod(0o750)
    if analysts_group is not None:
        readable = [path for path, mode in there.items() if mode == FOR_ANALYSTS]
        try:
            for path in (folder, *readable):
                shutil.chown(path, group=analysts_group)
        except (LookupError, PermissionError):
            raise ReleaseError(
                f"files cannot be given to the group {analysts_group}: correct "
                f"$CLAUSE16_ANALYSTS_GROUP, or let this user be a member of it"
            ) from None


def current_release(settings: Settings) -> Path | None:
    """Return the folder of the current release, None where there is none yet.

    Raises ReleaseError where `current` is no link: the home was copied by what its links point to.
    """
    link = settings.releases / CURRENT
    if link.is_symlink():
        return settings.releases / link.readlink()
    if link.exists():
        raise ReleaseError(
            f"{link} is no link (a copy followed it?): remove it, for each release is whole in a "
            f"folder of its own beside it, and the next one makes the link anew"
        )
    return None


def release_folders(settings: Settings) -> Sequence[Path]:
    """Return the folders that are releases by their name, in the order in which they were made."""
    if not settings.releases.is_dir():
        return []
    return sorted(
        folder
        for folder in settings.releases.iterdir()
        if _RELEASE.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    )


def find_release(settings: Settings, named: str) -> tuple[Path, Path]:
    """Return database and certificate of a release named by id, folder or file.

    Raises UsageError where there is no such release.
    """
    for folder in (settings.releases / named, Path(named)):
        if (folder / DATABASE).is_file():
            return folder / DATABASE, folder / CERTIFICATE
    file = Path(named)
    if file.is_file():
        return file, file.parent / CERTIFICATE
    raise UsageError(
        f"there is no release {named}: give the id, the folder or the file of one that still has "
        f"its database, or `current`"
    )
