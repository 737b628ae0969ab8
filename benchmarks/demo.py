"""Generating a demo bank against copying the finished one, in one run.

    python benchmarks/demo.py [--customers 1000000] [--payments-per-customer 10] [--postgres URI]

Prints the seconds of generating the bank into a DuckDB file, of copying that file's tables
untouched into another, their ratio, and the peak memory of the process. With --postgres, whose
database should be empty, it generates the bank there, and prints the rows a second.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.generate import generate


def quiet(_: str) -> None:
    """Say nothing while the bank is generated."""


@dataclass(frozen=True)
class Size:
    """How large the bank is."""

    customers: int
    payments_per_customer: int

    def generated(self, uri: str) -> tuple[dict[str, int], float]:
        """Generate the bank; return the rows of each table, and the seconds that it took."""
        started = time.perf_counter()
        rows = generate(
            uri,
            customers=self.customers,
            payments_per_customer=self.payments_per_customer,
            seed=16,
            progress=quiet,
        )
        return rows, time.perf_counter() - started


def copied(bank: Path, copy: Path, tables: list[str]) -> float:
    """Copy the tables of a DuckDB file into another; return the seconds that it took."""
    started = time.perf_counter()
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"ATTACH '{bank}' AS bank (READ_ONLY)")
        for table in tables:
            connection.execute(f"CREATE TABLE {table} AS FROM bank.{table}")
    return time.perf_counter() - started


def to_duckdb(size: Size) -> None:
    """Compare generating with copying."""
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "bank.duckdb"
        rows, generating = size.generated(f"duckdb://{bank}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        copying = copied(bank, Path(folder) / "copy.duckdb", list(rows))
    total = sum(rows.values())
    print(f"{rows['customers']:,} customers, {rows['payments']:,} payments, {total:,} rows in all")
    ratio = generating / copying
    print(f"generated in {generating:.1f} s, copied in {copying:.1f} s: {ratio:.1f} times")
    print(f"peak memory of generating: {peak:,.0f} MiB")


def to_postgres(size: Size, uri: str) -> None:
    """Time a database."""
    rows, generating = size.generated(uri)
    speed = sum(rows.values()) / generating
    print(f"into PostgreSQL with keys and indexes: {generating:.1f} s, {speed:,.0f} rows a second")


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--payments-per-customer", type=int, default=10)
    options.add_argument("--postgres", metavar="URI")
    chosen = options.parse_args()
    size = Size(chosen.customers, chosen.payments_per_customer)
    if chosen.postgres is None:
        to_duckdb(size)
    else:
        to_postgres(size, chosen.postgres)


if __name__ == "__main__":
    main()
