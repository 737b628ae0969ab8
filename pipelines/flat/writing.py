"""A recoded table → a file, whole or not at all: a draft beside it that takes its place at the end.

The rows are those of distinct rows repeated, so nothing of the input's order can be in them.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from pipelines.files import sync_folder
from transforms.errors import ReleaseError, UsageError
from transforms.steps.layout import DistinctRows

ROWS_A_PIECE = 1 << 19
KINDS = (".csv", ".parquet")


def check_target(target: Path, sources: Sequence[Path]) -> None:
    """Raise where no file can be put in this place, or one of the sources has it by any name."""
    if target.suffix.lower() not in KINDS:
        raise UsageError(f"{target.name} is neither .csv nor .parquet: no other files are written")
    if not target.parent.is_dir():
        raise ReleaseError(f"there is no folder {target.parent}: make it")
    if target.exists() and not target.is_file():
        raise ReleaseError(f"{target} is no file that could be replaced: name another")
    for source in sources:
        if target.exists() and source.exists() and target.samefile(source):
            raise UsageError(
                f"the output would replace the file that is read: {source.name}: name another"
            )


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Give a new file to write; it becomes the target at the end, and is gone on any failure.

    target: no link, which would be replaced itself. Nobody else can read the draft; the file has
    the mode of any new file of the user.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft{target.suffix}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        draft.chmod(0o666 & ~_umask())
        _sync(draft)
        draft.replace(target)
        sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    """Return what new files of the user lack; it can only be asked for by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write(rows: DistinctRows, target: Path, separator: str) -> None:
    """Write distinct rows, each as often as its people are, as CSV or Parquet."""
    if target.suffix.lower() == ".csv":
        _write_csv(rows, target, separator)
    else:
        _write_parquet(rows, target)


def _pieces(rows: DistinctRows) -> Iterator[pl.DataFrame]:
    """Repeat each row, in pieces that fit into memory."""
    ends = np.cumsum(rows.people)
    for start in range(0, int(ends[-1]), ROWS_A_PIECE):
        places = np.arange(start, min(start + ROWS_A_PIECE, int(ends[-1])))
        yield rows.said[np.searchsorted(ends, places, side="right")]


def _write_csv(rows: DistinctRows, target: Path, separator: str) -> None:
    with target.open("wb") as file:
        file.write(_header(rows.said.columns, separator))
        for piece in _pieces(rows):
            # A line of one missing value would be an empty one, which readers skip.
            style: Literal["always", "necessary"] = "always" if piece.width == 1 else "necessary"
            piece.write_csv(file, include_header=False, separator=separator, quote_style=style)


def _header(names: list[str], separator: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def _write_parquet(rows: DistinctRows, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in rows.said.columns])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for piece in _pieces(rows):
            writer.write_table(piece.to_arrow().cast(schema))
