"""Where a demo bank goes: a URI → the target that writes it."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.demo import BankTarget, DuckDBTarget, ParquetTarget, write_bank
from pipelines.sources import split_uri
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

    Raises SourceError where something is there already: it is never overwritten.
    """
    kind, path = split_uri(uri)
    if kind not in {"duckdb", "parquet"}:
        raise SourceError("a demo bank is written to duckdb:///file or parquet:///folder")
    if path.exists():
        raise SourceError(f"{path} exists already: it is never overwritten; remove it first")
    path.parent.mkdir(parents=True, exist_ok=True)
    target: BankTarget = DuckDBTarget(path) if kind == "duckdb" else ParquetTarget(path)
    return write_bank(
        target,
        customers=customers,
        payments_per_customer=payments_per_customer,
        seed=seed,
        progress=progress,
    )
