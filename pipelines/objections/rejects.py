"""The lines of a file that were not taken, kept for whoever mends them.

One CSV file for the officer alone, written as the sender's was, so that it can be imported again
when its lines are mended. It gets its name when all of it is on disk, and never takes another's
place.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from pipelines.files import file_digest, sync_folder
from pipelines.objections.lines import ADDED, Rejected, guarded
from transforms.errors import ObjectionError


class Rejects:
    """Where rejected lines go; there is no file where there are none. Raises ObjectionError."""

    def __init__(self, path: Path, header: Sequence[str], encoding: str, separator: str) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}{DRAFT}")
        self._header = header
        self._encoding = encoding
        self._separator = separator
        self._file: TextIO | None = None

    def finish(self) -> None:
        """Give the file its name, once all of it is on disk.

        Raises ObjectionError where it exists already; the same lines again are no trouble.
        """
        if self._file is None:
            return
        try:
            with self._file as file:
                file.flush()
                os.fsync(file.fileno())
            self._path.hardlink_to(self._draft)
            sync_folder(self._path.parent)
        except FileExistsError:
            if not _same(self._path, self._draft):
                raise ObjectionError(_EXISTS) from None
        except OSError:
            raise ObjectionError(_UNWRITABLE) from None

    def close(self) -> None:
        """Leave no draft behind."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._draft.unlink(missing_ok=True)

    def add(self, lines: Sequence[Rejected]) -> None:
        """Write lines in the order of their numbers."""
        if not lines:
            return
        try:
            file = self._file = self._file or self._opened()
            writer = csv.writer(file, delimiter=self._separator, quoting=csv.QUOTE_ALL)
            for rejected in sorted(lines, key=lambda line: line.line):
                fields = (_written(field) for field in rejected.fields)
                writer.writerow([str(rejected.line), rejected.because, *fields])
        except OSError:
            raise ObjectionError(_UNWRITABLE) from None

    def _opened(self) -> TextIO:
        # What a killed import left under this name is half of what is written now.
        self._draft.unlink(missing_ok=True)
        descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # A byte that did not decode goes out as it came in.
        file = os.fdopen(
            descriptor, "w", encoding=self._encoding, errors="surrogateescape", newline=""
        )
        writer = csv.writer(file, delimiter=self._separator, quoting=csv.QUOTE_ALL)
        writer.writerow([*ADDED, *map(_written, self._header)])
        return file


DRAFT = ".draft"


def _written(field: str) -> str:
    # With a zero byte in it the file would not be read again.
    return guarded(field.replace("\0", "\ufffd"))


def _same(path: Path, draft: Path) -> bool:
    return path.is_file() and file_digest(path) == file_digest(draft)


_EXISTS = (
    "the file for the rejected lines exists already, with other lines in it, and is never "
    "overwritten: move it away and import again, what was taken is known then"
)
_UNWRITABLE = (
    "the rejected lines cannot be written: the disk is full, or the folder may not be written; "
    "mend it and import again, what was taken is known then"
)
