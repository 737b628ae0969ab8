"""Ten million payments of a million people into a table of counts and sums, by clock and memory.

    python benchmarks/magnitude.py [--customers 1000000] [--rounds 3] [--large]

Generates a demo bank and draws from it in a process of its own, so that its peak memory is its own:
open policy and source, read the people, whose accounts are whose and the payments, tally, bound,
count, draw the noise, round, and commit rows and cost to a ledger. Three ways: two years of months
from DuckDB and from Parquet, and from Parquet again with all payments moved into one month. Prints
seconds of the clock, and of both cores together, as a busy machine does not show in them.

With --large: the demo policy's own table from a Parquet bank of ten copies, a hundred million
payments of ten million people, once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
from peak import peak_mebibytes
from scale import enlarge

from pipelines import memory
from pipelines.generate import generate
from pipelines.intake import Intake, open_intake
from pipelines.magnitude import drawing
from pipelines.magnitude.ledger import Ledger, create_ledger
from pipelines.objections.registry import Excluded, Registry, create_registry
from pipelines.settings import DEMO_POLICY, Settings, settings_from
from transforms.magnitude.count import Due, count_events
from transforms.magnitude.declared import Category, Magnitude
from transforms.magnitude.events import Counting
from transforms.steps.gather import Circumstances, People, gather_people

DAY = date(2026, 11, 10)
"""On which every period of the demo bank's payments is closed."""
PEOPLE_A_BANK = 1_000_000
ONE_MONTH = "2026-10"


@dataclass(frozen=True)
class Opened:
    """A bank with its people, ready to be counted."""

    intake: Intake
    people: People
    under: Circumstances
    excluded: Excluded
    settings: Settings

    def due(self, countings: tuple[Counting, ...]) -> Due:
        """Return what counting needs."""
        held = memory.limits(self.settings.memory)

        def read(table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
            for batch in self.intake.bank.read(table, columns):
                memory.refuse_when_full(held)
                yield batch

        chosen = drawing.choices(self.settings, self.intake.loaded.policy)
        return Due(countings, read, chosen)


def settings_of(home: Path, source: str) -> Settings:
    """Return the settings of a benchmark's home."""
    return settings_from({}, today=DAY, home=str(home), source=source, policy=str(DEMO_POLICY))


@contextmanager
def opened(settings: Settings, tables: Mapping[str, Magnitude]) -> Iterator[Opened]:
    """Open a bank under the demo's policy with these magnitude tables, and read its people."""
    excluded = Registry(settings.registry, settings.key_file).excluded(DAY)
    with open_intake(settings) as found:
        policy = found.loaded.policy.model_copy(update={"magnitude": dict(tables)})
        intake = replace(found, loaded=replace(found.loaded, policy=policy))
        under = Circumstances(policy, intake.loaded.hierarchies, excluded.people, DAY, DAY)
        home = policy.subject.source
        batches = intake.bank.read(home, policy.microdata_reads()[home])
        yield Opened(intake, gather_people(batches, under), under, excluded, settings)


def fine(first: str, attribute: str, level: int, payments: Magnitude) -> Magnitude:
    """Return a table of payments by municipality, purpose, direction and one attribute more."""
    by = {
        "municipality": Category(
            attribute="municipality", level=0, missing="not known", meaning="Home"
        ),
        "purpose": payments.by["purpose"],
        "direction": Category(column="direction", values=("in", "out"), meaning="In or out"),
        attribute: Category(attribute=attribute, level=level, missing="not known", meaning="Who"),
    }
    period = payments.period.model_copy(update={"first": first})
    return payments.model_copy(update={"by": by, "period": period})


def table_of(name: str, payments: Magnitude) -> Magnitude:
    """Return one of the tables that are drawn here, made from the demo's."""
    tables = {
        "demo": payments,
        "months": fine(payments.period.first, "age", 3, payments),
        "month": fine(ONE_MONTH, "occupation", 0, payments),
    }
    return tables[name]


def draw_once(settings: Settings, name: str) -> dict[str, float]:
    """Draw what is due of a table; return seconds, MiB and what was drawn."""
    started, worked = time.perf_counter(), time.process_time()
    payments = _declared(settings)
    with opened(settings, {"payments": table_of(name, payments)}) as bank:
        policy, hierarchies = bank.intake.loaded.policy, bank.intake.loaded.hierarchies
        ledger = Ledger(settings.ledger, settings.key_file)
        countings = drawing.countings(policy, hierarchies, ledger, DAY)
        exacts = count_events(bank.people, bank.under, bank.due(countings))
        counted = time.perf_counter()
        drawing.draw(
            ledger, countings, exacts, policy, lambda draw: f"state of {draw}", datetime.now(UTC)
        )
        (drawn,) = drawing.drawn(ledger, countings)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - worked,
        "counted": counted - started,
        "peak": peak_mebibytes(),
        "periods": len(drawn.draws),
        "cells": drawn.grid.cells,
        "events": sum(exact.clipped.events for exact in exacts),
    }


def _declared(settings: Settings) -> Magnitude:
    with open_intake(settings) as intake:
        return intake.loaded.policy.magnitude["payments"]


def draw_in_a_process(folder: Path, source: str, name: str) -> dict[str, float]:
    """Run `draw_once` in a fresh process and a fresh home."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        settings = settings_of(Path(home), source)
        create_registry(settings.registry, settings.key_file)
        create_ledger(settings.ledger, settings.key_file)
        command = [sys.executable, __file__, "--once", home, "--source", source, "--table", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def told(what: str, runs: list[dict[str, float]]) -> str:
    """Return a line about some runs of the same: medians, and the highest peak."""
    run = runs[0]
    seconds, cpu, counted = (
        statistics.median(each[part] for each in runs) for part in ("seconds", "cpu", "counted")
    )
    return (
        f"{what:<32} {run['cells']:>7,.0f} {run['periods']:>7.0f} "
        f"{run['cells'] * run['periods']:>9,.0f} {run['events']:>12,.0f} {seconds:>8.1f} "
        f"{counted:>8.1f} {cpu:>8.1f} {max(each['peak'] for each in runs):>9,.0f}"
    )


HEAD = f"{'':<32}   cells  months      rows       events  seconds  counted      cpu  peak MiB"


def as_parquet(bank: Path, folder: Path) -> None:
    """Write every table of a DuckDB bank as a Parquet file."""
    folder.mkdir()
    with duckdb.connect(str(bank), read_only=True) as connection:
        for (table,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall():
            connection.execute(f"COPY {table} TO '{folder / table}.parquet'")


def into_one_month(bank: Path, folder: Path) -> None:
    """Make a bank whose payments were all booked in one month; the rest is the other's."""
    folder.mkdir()
    for file in bank.glob("*.parquet"):
        if file.stem != "payments":
            (folder / file.name).symlink_to(file)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (DATE '{ONE_MONTH}-01' "
            f"+ to_seconds((hash(payment_id) % (31 * 86400))::BIGINT) AS booked_at) "
            f"FROM '{bank / 'payments.parquet'}') TO '{folder / 'payments.parquet'}'"
        )


def measure(customers: int, rounds: int, folder: Path) -> None:
    """Draw each table so many times and print the figures."""
    generate(
        f"duckdb://{folder}/bank.duckdb",
        customers=customers, payments_per_customer=10, seed=16, progress=say,
    )  # fmt: skip
    as_parquet(folder / "bank.duckdb", folder / "bank")
    into_one_month(folder / "bank", folder / "month")
    print(HEAD)
    for what, source, name in (
        ("DuckDB", f"duckdb://{folder}/bank.duckdb", "months"),
        ("Parquet", f"parquet://{folder}/bank", "months"),
        ("Parquet, all in one month", f"parquet://{folder}/month", "month"),
    ):
        runs = [draw_in_a_process(folder, source, name) for _ in range(rounds)]
        print(told(what, runs), flush=True)


def measure_large(customers: int, folder: Path) -> None:
    """Draw the demo's table from ten times the bank, and print the figures."""
    generate(
        f"parquet://{folder}/one",
        customers=customers, payments_per_customer=10, seed=16, progress=say,
    )  # fmt: skip
    enlarge(folder / "one", folder / "large", 10)
    print(HEAD)
    run = draw_in_a_process(folder, f"parquet://{folder}/large", "demo")
    print(told("Parquet, ten times the bank", [run]))


def say(line: str) -> None:
    """Say how far the generating is."""
    print(line, file=sys.stderr)


def main() -> None:
    """Run the benchmark, or one draw of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=PEOPLE_A_BANK)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="ten times the bank, once")
    parser.add_argument("--once", type=Path, metavar="HOME", help="one draw, figures as JSON")
    parser.add_argument("--source", metavar="URI", help="of that one draw")
    parser.add_argument("--table", default="demo", help="of that one draw")
    options = parser.parse_args()
    if options.once:
        print(json.dumps(draw_once(settings_of(options.once, options.source), options.table)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.large:
            measure_large(options.customers, folder)
        else:
            measure(options.customers, options.rounds, folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
