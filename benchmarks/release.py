"""A release against copying the customers table untouched, both in turn, in one run.

    python benchmarks/release.py [--customers 100000 1000000] [--rounds 3]

For each size: seconds of copying the bank's customers table into a new DuckDB file, of a release
(read, leave out, search a recoding, generalise, write, verify, publish; without the start of the
scheduler), of a later release under the stored plan, their ratio to three copies, and the peak
memory of the releasing process. The last line shows how time grows with the number of customers.
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
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from peak import peak_mebibytes

from pipelines import build, officer, releases
from pipelines.generate import generate
from pipelines.intake import open_intake
from pipelines.objections.registry import Registry, create_registry
from pipelines.settings import Settings, settings_from


def settings_of(home: Path, source: str | None = None) -> Settings:
    """Return the settings of a benchmark's home; without a source it is the home's demo bank."""
    return settings_from({}, today=datetime.now(UTC).date(), home=str(home), source=source)


def release_once(settings: Settings) -> dict[str, float]:
    """Make one release; return its seconds, by the clock and of processors, and the peak in MiB."""
    started, used = time.perf_counter(), time.process_time()
    with releases.only_run(settings):
        releases.tidy(settings)
        registry = Registry(settings.registry, settings.key_file)
        officer.find_before_a_release(settings, registry, datetime.now(UTC))
        staging = releases.new_staging(settings, datetime.now(UTC))
        with open_intake(settings) as intake:
            build.build(settings, intake, registry, staging)
        build.verify_staging(staging)
        build.publish(settings, registry, staging)
        releases.tidy(settings)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "peak": peak_mebibytes(),
    }


def release_in_a_process(home: Path, source: str | None = None) -> dict[str, float]:
    """Run `release_once` in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--once", str(home)]
    if source is not None:
        command += ["--source", source]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def copy_seconds(bank: Path, folder: Path) -> float:
    """Copy the customers table untouched into a new file; return the seconds."""
    copy = folder / "copy.duckdb"
    copy.unlink(missing_ok=True)
    started = time.perf_counter()
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"ATTACH '{bank}' AS bank (READ_ONLY)")
        connection.execute("CREATE TABLE customers AS FROM bank.customers")
    return time.perf_counter() - started


def measure(customers: int, rounds: int, folder: Path) -> float:
    """Print the figures of one size; return the median seconds of a first release."""
    home = folder / str(customers)
    settings = settings_of(home)
    create_registry(settings.registry, settings.key_file)
    generate(
        settings.demo_source, customers=customers, payments_per_customer=0, seed=16, progress=quiet
    )
    bank = Path(settings.demo_source.removeprefix("duckdb://"))
    copies, firsts, laters, peaks = [], [], [], []
    for _ in range(rounds):
        copies.append(copy_seconds(bank, folder))
        settings.plan.unlink(missing_ok=True)
        first = release_in_a_process(home)
        firsts.append(first["seconds"])
        peaks.append(first["peak"])
        copies.append(copy_seconds(bank, folder))
        laters.append(release_in_a_process(home)["seconds"])
    copy, first_release, later = map(statistics.median, (copies, firsts, laters))
    print(
        f"{customers:>10,}  {copy:>7.2f}  {first_release:>8.2f}  {later:>8.2f}  "
        f"{first_release / (3 * copy):>8.2f}  {later / (3 * copy):>8.2f}  {max(peaks):>9,.0f}"
    )
    shutil.rmtree(home)
    return first_release


def quiet(_: str) -> None:
    """Say nothing while a bank is generated."""


def main() -> None:
    """Run the benchmark, or one release of it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--once", type=Path, metavar="HOME", help="one release, figures as JSON")
    options.add_argument("--source", metavar="URI", help="of that one release")
    chosen = options.parse_args()
    if chosen.once:
        print(json.dumps(release_once(settings_of(chosen.once, chosen.source))))
        return
    print(" customers     copy   release     later   / 3 copies: first, later   peak MiB")
    with tempfile.TemporaryDirectory() as folder:
        seconds = [measure(size, chosen.rounds, Path(folder)) for size in chosen.customers]
    times = chosen.customers[-1] / chosen.customers[0]
    print(f"{times:g} times the customers took {seconds[-1] / seconds[0]:.1f} times as long")


if __name__ == "__main__":
    main()
