"""A home in one file: a tar of plain files, the manifest first.

The manifest says what is in it, with the SHA-256 of each file, under a keyed digest of the home's
master key; the key itself is never in it. Taking a backup needs no lock and stops nobody: the files
of the releases are opened before opt-out list and ledger are copied, so neither is older than the
current release, and a database that is retired meanwhile stays readable to whoever has it open.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from pipelines.certified import read_certified
from pipelines.files import sync_folder
from pipelines.keys import Keys, Purpose
from pipelines.magnitude.ledger import Ledger
from pipelines.objections.registry import Registry
from pipelines.releases import (
    ANNEX,
    CERTIFICATE,
    DATABASE,
    current_release,
    release_folders,
)
from pipelines.settings import Settings
from transforms.errors import ReleaseError

MANIFEST = "manifest.json"
REGISTRY = "registry/objections.sqlite"
LEDGER = "ledger/ledger.sqlite"
ATTEMPTS = 5
"""A release that is published while the files are opened makes another look necessary."""

_THERE = "{} exists already: a backup never overwrites, name another file"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP}


class Part(BaseModel):
    """One file of a backup: size in bytes, SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: NonNegativeInt
    sha256: str


class Manifest(BaseModel):
    """What is in a backup. current: the release that `current` points to, None before the first.

    digest: keyed, over everything else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    taken_at: str
    current: str | None
    files: Mapping[str, Part]
    digest: str = ""

    def keyed(self, keys: Keys) -> str:
        """Return the digest that the manifest has to carry."""
        fields = self.model_dump(mode="json", exclude={"digest"})
        return keys.digest(Purpose.BACKUP, json.dumps(fields, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken: the file, how many objections and releases are in it."""

    file: Path
    objections: int
    releases: int
    current: str | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file of the home that is read, whatever becomes of its name."""

    name: str
    content: IO[bytes]
    part: Part


def take_backup(settings: Settings, file: Path, now: datetime) -> Taken:
    """Write a backup of the home; raises ReleaseError where it cannot, and leaves nothing then."""
    if os.path.lexists(file):
        raise ReleaseError(_THERE.format(file))
    if not file.parent.is_dir():
        raise ReleaseError(f"there is no folder {file.parent}: make it, or name another file")
    registry = Registry(settings.registry, settings.key_file)
    with ExitStack() as opened:
        current, releases = _releases(settings, opened)
        listed, objections = registry.copy()
        parts = [
            _part(REGISTRY, io.BytesIO(listed)),
            *_ledger(settings),
            *_small_files(settings),
            *releases,
        ]
        manifest = Manifest(
            taken_at=now.isoformat(timespec="seconds"),
            current=current,
            files={part.name: part.part for part in parts},
        )
        signed = manifest.model_copy(update={"digest": manifest.keyed(Keys(settings.key_file))})
        with _whole(file) as draft:
            _write(draft, signed, parts)
    certificates = sum(part.name.endswith(CERTIFICATE) for part in releases)
    return Taken(file, objections, certificates, current)


def _releases(settings: Settings, opened: ExitStack) -> tuple[str | None, Sequence[_Opened]]:
    """Open the files of all releases as they are at one moment; return `current` with them."""
    for _ in range(ATTEMPTS):
        current = current_release(settings)
        folders = release_folders(settings)
        # A file that was retired between listing and opening is not there: look again.
        with suppress(FileNotFoundError):
            parts = [part for folder in folders for part in _open_release(folder, opened)]
            if current_release(settings) == current and (current is None or current in folders):
                return (None if current is None else current.name), parts
    raise ReleaseError(
        f"the releases of {settings.home} change all the time, or `current` points nowhere: look "
        f"after {settings.releases}, then try again"
    )


def _open_release(folder: Path, opened: ExitStack) -> Iterator[_Opened]:
    for name in (CERTIFICATE, ANNEX):
        if (folder / name).exists():
            # Small and many, and descriptors are few.
            yield _part(f"releases/{folder.name}/{name}", io.BytesIO((folder / name).read_bytes()))
    if (folder / DATABASE).exists():
        content = opened.enter_context((folder / DATABASE).open("rb"))
        database = _part(f"releases/{folder.name}/{DATABASE}", content)
        if database.part.sha256 != read_certified(folder / CERTIFICATE).database:
            raise ReleaseError(
                f"the database of release {folder.name} is not the one that was certified, so it "
                f"could not be restored: make a new release first, which takes its place"
            )
        yield database


def _ledger(settings: Settings) -> Iterator[_Opened]:
    if settings.ledger.exists():
        copied = Ledger(settings.ledger, settings.key_file).copy()
        yield _part(LEDGER, io.BytesIO(copied))


def _small_files(settings: Settings) -> Iterator[_Opened]:
    for path in (settings.plan, settings.approval):
        if path.exists():
            yield _part(path.name, io.BytesIO(path.read_bytes()))


def _part(name: str, content: IO[bytes]) -> _Opened:
    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # any readable
    part = Part(size=content.seek(0, io.SEEK_END), sha256=digest)
    content.seek(0)
    return _Opened(name, content, part)


@contextmanager
def _whole(file: Path) -> Iterator[IO[bytes]]:
    """Yield a private draft beside the file; it gets its name when all of it is on disk."""
    # Named before it is made, so that a stop at any moment takes it away.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as content:
            yield content
            content.flush()
            os.fsync(content.fileno())
        _name(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)


def _name(draft: Path, file: Path) -> None:
    """Give a draft its name; unlike a rename, a link never takes another file's place."""
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        raise ReleaseError(_THERE.format(file)) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise ReleaseError(
            f"the file system of {file.parent} knows no hard links: write the backup to another "
            f"one, then copy it"
        ) from None


def _write(file: IO[bytes], manifest: Manifest, parts: Sequence[_Opened]) -> None:
    text = manifest.model_dump_json(indent=2).encode()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content, size in (
            (MANIFEST, io.BytesIO(text), len(text)),
            *((part.name, part.content, part.part.size) for part in parts),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = size, 0o600
            archive.addfile(member, content)
