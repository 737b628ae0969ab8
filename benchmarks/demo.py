"""Generating a demo bank against copying the finished one, in one run.

    python benchmarks/demo.py [--customers 1000000] [--payments-per-customer 10]

Prints the seconds of generating the bank into a DuckDB file, of copying that file's tables
untouched into another, their ratio, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from pipelines.generate import generate


def quiet(_: str) -> None:
    """Say nothing while the bank is generated."""


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--payments-per-customer", type=int, default=10)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "bank.duckdb"
        started = time.perf_counter()
        rows = generate(
            f"duckdb://{bank}",
            customers=chosen.customers,
            payments_per_customer=chosen.payments_per_customer,
            seed=16,
            progress=quiet,
        )
        generated = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.perf_counter()
        with duckdb.connect(str(Path(folder) / "copy.duckdb")) as connection:
            connection.execute(f"ATTACH '{bank}' AS bank (READ_ONLY)")
            for table in rows:
                connection.execute(f"CREATE TABLE {table} AS FROM bank.{table}")
        copied = time.perf_counter() - started
    print(f"{rows['customers']:,} customers, {rows['payments']:,} payments")
    print(
        f"generated in {generated:.1f} s, copied in {copied:.1f} s: {generated / copied:.1f} times"
    )
    print(f"peak memory of generating: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
