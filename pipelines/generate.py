"""Where a demo bank goes: a URI → the target that writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.demo import BankTarget, CsvTarget, DuckDBTarget, ParquetTarget, write_bank
from pipelines.sources.opening import file_of, split_uri
from transforms.errors import SourceError


def generate(
    uri: str,
    *,
    customers: int,
    payments_per_customer: int,
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, int]:
    """Write a demo bank; return the rows of each table.

    Raises SourceError where something is there already: it is never overwritten, but for an
    earlier demo bank in a database.
    """
    return write_bank(
        _target(uri),
        customers=customers,
        payments_per_customer=payments_per_customer,
        seed=seed,
        progress=progress,
    )


def _target(uri: str) -> BankTarget:
    """Return what writes to the URI; raises SourceError where a file or folder is there."""
    path = file_of(uri)
    if path is None:
        # The driver is imported where a database is written.
        from pipelines.demo.postgres import PostgresTarget

        return PostgresTarget(uri)
    if path.exists():
        raise SourceError(f"{path} exists already: it is never overwritten; remove it first")
    path.parent.mkdir(parents=True, exist_ok=True)
    return _FILE_TARGETS[split_uri(uri).scheme](path)


_FILE_TARGETS: dict[str, Callable[[Path], BankTarget]] = {
    "duckdb": DuckDBTarget,
    "parquet": ParquetTarget,
    "csv": CsvTarget,
}
