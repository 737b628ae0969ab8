"""A release of ten million customers against one of a million, from Parquet, in one run.

    python benchmarks/scale.py [--customers 1000000] [--times 10]

Generates a demo bank as Parquet and makes a bank so many times as large of it: each table that a
release reads is a folder of copies whose keys do not meet, of other people. For both banks: seconds
and peak memory of a release in a process of its own (read, leave out, choose a plan, write, verify,
publish), and how the seconds grow.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from release import release_in_a_process

from pipelines.generate import generate
from pipelines.objections.registry import create_registry
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY, settings_from

KEYS = ("customer_id", "account_id")
PERSON = "personal_number"
"""Under one of them two customers would be one person."""


def enlarge(bank: Path, large: Path, times: int) -> None:
    """Write a bank of so many copies of another; tables that no release reads stay as they are."""
    reads = load_policy(DEMO_POLICY).policy.reads()
    large.mkdir()
    for file in bank.glob("*.parquet"):
        if file.stem not in reads:
            (large / file.name).symlink_to(file)
            continue
        folder = large / file.stem
        folder.mkdir()
        # The first file carries the mark of a demo bank.
        shutil.copy(file, folder / "00.parquet")
        for copy in range(1, times):
            _copy_with_other_keys(file, folder / f"{copy:02}.parquet", copy)


def _copy_with_other_keys(file: Path, to: Path, number: int) -> None:
    with duckdb.connect() as connection:
        columns = [name for name, *_ in connection.sql(f"DESCRIBE FROM '{file}'").fetchall()]
        shifted = ", ".join(
            f"({key} + {number * 10**9})::BIGINT AS {key}" for key in KEYS if key in columns
        )
        if PERSON in columns:
            shifted += f", ('{number}' || {PERSON}) AS {PERSON}"
        connection.execute(
            f"COPY (SELECT * REPLACE ({shifted}) FROM '{file}') TO '{to}' (FORMAT PARQUET)"
        )


def measure(home: Path, source: str) -> dict[str, float]:
    """Make a release of a source in a new home."""
    settings = settings_from({}, today=datetime.now(UTC).date(), home=str(home))
    create_registry(settings.registry, settings.key_file)
    return release_in_a_process(home, source)


def main() -> None:
    """Generate, enlarge, release both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(
            f"parquet://{folder}/bank",
            customers=options.customers,
            payments_per_customer=0,
            seed=16,
            progress=lambda line: print(line, file=sys.stderr),
        )
        enlarge(folder / "bank", folder / "large", options.times)
        runs = {
            customers: measure(folder / f"home-{place}", f"parquet://{folder / place}")
            for customers, place in (
                (options.customers, "bank"),
                (options.customers * options.times, "large"),
            )
        }
    for customers, run in runs.items():
        print(f"{customers:>12,} customers: {run['seconds']:6.1f} s, peak {run['peak']:,.0f} MiB")
    one, many = runs.values()
    longer = many["seconds"] / one["seconds"]
    print(f"{options.times} times the customers took {longer:.1f} times as long")


if __name__ == "__main__":
    main()
