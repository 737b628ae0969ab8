"""A home out of a backup: everything is checked before it appears under its name.

A whole home that is put back is consistent in itself, so an old one would pass for the newest and
the objections recorded since would be lost without a word. Whoever restores therefore shows the
certificate of the last release that was published, or says that there is nothing newer.

Nothing of an archive is trusted: its files are copied, never extracted, under names that the
manifest lists and that a home has; links, folders and devices are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pipelines.backup import MANIFEST, Manifest, Part
from pipelines.certified import Certified, guards, read_certified
from pipelines.files import file_digest, sync_folder
from pipelines.keys import Keys
from pipelines.magnitude.ledger import Ledger
from pipelines.objections.registry import Registry
from pipelines.releases import (
    CERTIFICATE,
    CURRENT,
    DATABASE,
    hand_over,
    release_folders,
)
from pipelines.settings import Settings
from transforms.errors import LedgerError, ObjectionError, ReleaseError, UsageError

LARGEST_MANIFEST = 1 << 26
"""Bytes; each release has three lines in it."""
PIECE = 1 << 20

_NAME = re.compile(
    r"registry/objections\.sqlite|ledger/ledger\.sqlite|plan\.json|approval\.json"
    r"|releases/\d{8}T\d{6}Z[a-z]*/(statistics\.duckdb|certificate\.json|annex\.json)"
)
_DAMAGED = (
    "{} is damaged, cut off, was edited, or belongs to another key: take another copy of the "
    "backup; nothing was restored"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that is back: when its backup was taken, and what is in it."""

    home: Path
    taken_at: str
    current: str | None
    objections: int


def restore(settings: Settings, file: Path, newest: Path | None) -> Restored:
    """Make the home that a backup holds.

    newest: the certificate of the last release that was published, None where somebody states
    that nothing was released or objected since. Raises ReleaseError where the home exists or the
    backup is damaged, ObjectionError where the opt-out list is older than that certificate.
    """
    _check_place(settings.home)
    last = None if newest is None else read_certified(newest)
    keys = Keys(settings.key_file)
    with _beside(settings.home) as folder:
        # Made inside a private folder, so that nobody sees it before it is whole.
        draft = replace(settings, home=folder / settings.home.name)
        manifest = _unpack(file, draft.home, keys)
        _link_current(draft, manifest)
        objections = _check(draft, manifest, file, last)
        _hand_over(draft)
        _appear(draft.home, settings.home)
    return Restored(settings.home, manifest.taken_at, manifest.current, objections)


def _check_place(home: Path) -> None:
    if os.path.lexists(home) and not (home.is_dir() and not any(home.iterdir())):
        raise ReleaseError(
            f"{home} exists and is not empty: a backup is restored into a home that is not there "
            f"yet; name another with --home, or move this one away"
        )


@contextmanager
def _beside(home: Path) -> Iterator[Path]:
    home.parent.mkdir(parents=True, exist_ok=True)
    # Named before it is made, so that a stop at any moment takes it away.
    folder = home.with_name(f".{home.name}.{secrets.token_hex(8)}")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(file: Path, home: Path, keys: Keys) -> Manifest:
    """Copy the files of a backup into a new folder; each is what the manifest says."""
    if not file.is_file():
        raise UsageError(f"there is no backup {file}: name the file that `clause16 backup` wrote")
    try:
        with tarfile.open(file, mode="r:") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members), keys)
            missing = dict(manifest.files)
            for member in members:
                part = missing.pop(member.name)
                _copy(_content(archive, member), home / member.name, part)
    except (tarfile.TarError, EOFError, StopIteration, KeyError, ValueError):
        raise ReleaseError(_DAMAGED.format(file)) from None
    if missing:
        raise ReleaseError(_DAMAGED.format(file))
    return manifest


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo, keys: Keys) -> Manifest:
    """Read the manifest; raises ValueError where it is none, or not of this key."""
    if member.name != MANIFEST or member.size > LARGEST_MANIFEST:
        raise ValueError(MANIFEST)
    manifest = Manifest.model_validate_json(_content(archive, member).read())
    if not hmac.compare_digest(manifest.keyed(keys).encode(), manifest.digest.encode()):
        raise ValueError(MANIFEST)
    if not all(_NAME.fullmatch(name) for name in manifest.files):
        raise ValueError(MANIFEST)
    return manifest


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise ValueError(member.name)
    return content


def _copy(content: IO[bytes], path: Path, part: Part) -> None:
    """Write a file; raises ValueError where it is not what the manifest says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (part.size, part.sha256):
        raise ValueError(path.name)


def _link_current(draft: Settings, manifest: Manifest) -> None:
    draft.releases.mkdir(exist_ok=True)
    if manifest.current is not None:
        (draft.releases / CURRENT).symlink_to(manifest.current)


def _check(draft: Settings, manifest: Manifest, file: Path, last: Certified | None) -> int:
    """Check list, databases and their bond; return how many objections there are."""
    for folder in release_folders(draft):
        if not _is_certified(folder):
            raise ReleaseError(_DAMAGED.format(file))
    registry = Registry(draft.registry, draft.key_file)
    for certified in guards(draft):
        if not registry.holds(certified.state):
            raise ObjectionError(
                f"the opt-out list in {file} is older than its release {certified.release}: take "
                f"another backup; nothing was restored"
            )
    if last is not None and not registry.holds(last.state):
        raise ObjectionError(
            f"release {last.release} respects objections that this backup of {manifest.taken_at} "
            f"does not have, or is of another home; which ones cannot be known: restore a newer "
            f"backup; nothing was restored"
        )
    _check_ledger(draft, manifest, file, last)
    return len(registry)


def _check_ledger(draft: Settings, manifest: Manifest, file: Path, last: Certified | None) -> None:
    """Raise LedgerError where noise would be drawn twice under this ledger."""
    certified = [each for each in (*guards(draft), last) if each is not None]
    for each in certified:
        if each.ledger is None:
            continue
        if not draft.ledger.exists():
            raise ReleaseError(_DAMAGED.format(file))
        if not Ledger(draft.ledger, draft.key_file).holds(each.release, each.ledger):
            raise LedgerError(
                f"release {each.release} has numbers whose noise this backup of "
                f"{manifest.taken_at} does not know, so it would be drawn twice: restore a newer "
                f"backup; nothing was restored"
            )


def _is_certified(folder: Path) -> bool:
    """Say whether a release's database, where it still has one, is the one certified."""
    database = folder / DATABASE
    if not database.exists():
        return True
    return read_certified(folder / CERTIFICATE).database == file_digest(database)


def _hand_over(draft: Settings) -> None:
    for private in (draft.registry.parent, draft.ledger.parent):
        if private.exists():
            private.chmod(0o700)
    for folder in release_folders(draft):
        hand_over(folder, draft.analysts_group)


def _appear(draft: Path, home: Path) -> None:
    for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
        sync_folder(folder)
    try:
        if home.exists():
            # An empty folder that waits for it, with the owner's wish of a mode.
            draft.chmod(home.stat().st_mode & 0o7777)
        draft.rename(home)
    except OSError:
        raise ReleaseError(
            f"{home} cannot be put in its place: name a home that does not exist yet"
        ) from None
    sync_folder(home.parent)
