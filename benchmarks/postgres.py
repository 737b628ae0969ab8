"""How much the reading of a release costs over a bare ADBC read of the same columns.

    python benchmarks/postgres.py [--customers 1000000] [--rounds 3]

Starts a PostgreSQL of its own (its programs must be installed), writes a demo bank into it, and
reads the permitted columns of all tables in turn: bare (the driver's Arrow batches, thrown away)
and as a release does (one snapshot, casts, frames). Prints seconds, the ratio of the medians, and
the peak memory of a process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from adbc_driver_postgresql import dbapi
from peak import peak_mebibytes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from end_to_end.postgres import binaries, new_cluster

from pipelines.generate import generate
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sources.postgres import PostgresBank
from pipelines.sql import quoted


def bare(uri: str) -> int:
    """Read the columns through the driver alone; return the rows."""
    rows = 0
    with closing(dbapi.connect(uri)) as connection:
        for table, columns in load_policy(DEMO_POLICY).policy.reads().items():
            with connection.cursor() as cursor:
                names = ", ".join(map(quoted, columns))
                cursor.execute(f"SELECT {names} FROM {quoted(table)}")
                rows += sum(batch.num_rows for batch in cursor.fetch_record_batch())
    return rows


def released(uri: str) -> int:
    """Read the columns as a release does; return the rows."""
    with closing(PostgresBank(uri)) as bank:
        return sum(
            batch.height
            for table, columns in load_policy(DEMO_POLICY).policy.reads().items()
            for batch in bank.read(table, columns)
        )


READINGS = {"bare": bare, "release": released}


def once(reading: str, uri: str) -> dict[str, float]:
    """Read once in this process; return rows, seconds and the peak in MiB."""
    started = time.perf_counter()
    rows = READINGS[reading](uri)
    return {
        "rows": rows,
        "seconds": time.perf_counter() - started,
        "peak": peak_mebibytes(),
    }


def in_a_process(reading: str, uri: str) -> dict[str, float]:
    """Run `once` in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--once", reading, uri],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def compare(uri: str, rounds: int) -> None:
    """Read in turn and print the ratio."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in READINGS}
    for _ in range(rounds):
        for name, taken in runs.items():
            taken.append(in_a_process(name, uri))
    for name, taken in runs.items():
        seconds = ", ".join(f"{run['seconds']:.2f}" for run in taken)
        print(
            f"{name:<8} {seconds} s, {taken[0]['rows']:,.0f} rows, peak {taken[0]['peak']:.0f} MiB"
        )
    medians = {
        name: statistics.median(run["seconds"] for run in taken) for name, taken in runs.items()
    }
    print(f"release / bare: {medians['release'] / medians['bare']:.2f}")


def main() -> None:
    """Start a server, fill it, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", nargs=2, metavar=("READING", "URI"))
    options = parser.parse_args()
    if options.once:
        print(json.dumps(once(*options.once)))
        return
    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    server = new_cluster(programs)
    try:
        uri = server.uri(server.new_database())
        generate(
            uri,
            customers=options.customers,
            payments_per_customer=0,
            seed=16,
            progress=lambda line: print(line, file=sys.stderr),
        )
        compare(uri, options.rounds)
    finally:
        server.stop("immediate")
        shutil.rmtree(server.folder)


if __name__ == "__main__":
    main()
