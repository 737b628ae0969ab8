"""The drop folder: files that senders put there are imported, then moved out of the way.

    HOME/drop/            what waits; hidden files and half-written ones are left alone
    HOME/drop/done/       files that were taken, for some days
    HOME/drop/rejected/   files that were refused, each with a text that says why; rejected lines

A file is moved when its import is on disk. Where a run is killed in between, the next one finds all
of its lines known, and moves it then.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.boundary import sealed
from pipelines.files import sync_folder, write_private
from pipelines.objections.importing import Imported, List, import_file
from pipelines.objections.lines import FileError
from pipelines.objections.rejects import DRAFT
from transforms.errors import EngineError, ObjectionError, PrivacyError
from transforms.policy.opt_out import Objections

DONE, REJECTED, LOCK = "done", "rejected", ".lock"
WHY = ".why.txt"
SETTLES = 5.0
"""Seconds without a change after which a file counts as written."""
_HIDDEN = (".", "_")
_HALF_WRITTEN = (".part", ".tmp", ".filepart")
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = re.compile(r"(\d{8}T\d{6}Z)-")
_LONGEST_NAME = 200
"""Bytes: with a time before it and an ending after it a name still fits."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What became of one file: imported, or refused as a whole and why.

    name: the sender's, printable. It may name a person: it is for the terminal, not for a log.
    """

    name: str
    imported: Imported | None = None
    refused: str | None = None


def take_drops(
    registry: List, folder: Path, rules: Objections, now: datetime, say: Callable[[str], None]
) -> list[Drop]:
    """Import what waits in the folder, in the order of names; what is refused stops nothing else.

    Raises ObjectionError where the list or the folder is in trouble; what waits then still waits.
    """
    try:
        with _locked(folder):
            _forget(folder, rules.keep_files, now)
            waiting = [path for path in sorted(folder.iterdir()) if _waits(path, now)]
            taken = [_take(registry, path, rules, now, say) for path in waiting]
    except OSError:
        raise ObjectionError(
            f"the drop folder {folder} cannot be used: check owner and mode of it and of what is "
            f"in it, and whether its disk is full; what was taken is known, the rest still waits"
        ) from None
    return [drop for drop in taken if drop is not None]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folders where they are missing, and wait until nobody else takes files of them."""
    for each in (folder, folder / DONE, folder / REJECTED):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _forget(folder: Path, days: int, now: datetime) -> None:
    """Delete taken files after their time, and what killed runs wrote by half."""
    oldest = now - timedelta(days=days)
    for path in (folder / DONE).iterdir():
        stamp = _STAMPED.match(path.name)
        if stamp and datetime.strptime(stamp[1], _STAMP).replace(tzinfo=UTC) < oldest:
            path.unlink()
    for draft in (folder / REJECTED).glob(f".*{DRAFT}"):
        draft.unlink()


def _waits(path: Path, now: datetime) -> bool:
    """Say whether a file is to be taken, and is whole as far as anybody can see."""
    if path.name.startswith(_HIDDEN) or path.name.lower().endswith(_HALF_WRITTEN):
        return False
    if path.name in {DONE, REJECTED}:
        return False
    try:
        changed = path.lstat().st_mtime
    except FileNotFoundError:
        return False
    return abs(now.timestamp() - changed) >= SETTLES


def _take(
    registry: List, path: Path, rules: Objections, now: datetime, say: Callable[[str], None]
) -> Drop | None:
    """Import one file and move it; return nothing where it is still being written."""
    name, before = _printable(path.name), _state(path)
    done, rejected = path.parent / DONE, path.parent / REJECTED
    try:
        if path.is_symlink():
            raise FileError("it is a link, and might lead anywhere: put the file itself here")
        lines = _free(rejected, f"{_cut(path.stem)}.csv", now)
        imported = sealed(import_file)(registry, path, rules.imports, now, lines, say)
    except PrivacyError as error:
        if not _is_of_the_file(error):
            raise
        if _state(path) != before:
            return None
        moved = _move(path, rejected, now)
        write_private(moved.with_name(moved.name + WHY), f"{error}\n")
        return Drop(name, refused=str(error))
    if _state(path) != before:
        # More was written meanwhile: what was taken is known the next time.
        return None
    _move(path, done, now)
    return Drop(name, imported)


def _is_of_the_file(error: PrivacyError) -> bool:
    """Say whether a file is the trouble, and not the list or the disk; a defect is of its file."""
    return isinstance(error, FileError | EngineError) or type(error) is PrivacyError


def _state(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _move(path: Path, to: Path, now: datetime) -> Path:
    moved = _free(to, _cut(path.name), now)
    path.rename(moved)
    sync_folder(to)
    sync_folder(path.parent)
    return moved


def _free(folder: Path, name: str, now: datetime) -> Path:
    """Return a path with the time in front that nobody has; only the holder of the lock asks."""
    stamp, number = now.astimezone(UTC).strftime(_STAMP), 1
    path = folder / f"{stamp}-{name}"
    while os.path.lexists(path) or os.path.lexists(f"{path}{WHY}"):
        number += 1
        path = folder / f"{stamp}-{number}-{name}"
    return path


def _cut(name: str) -> str:
    """Return the end of a name, where all of it would be too long with a time before it."""
    return os.fsdecode(os.fsencode(name)[-_LONGEST_NAME:])


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name)
