"""How long a draft takes: 50 tables and 10 million rows in all, by default, in a DuckDB file.

    python benchmarks/draft.py [--tables N] [--rows N] [--json]

The source is generated first: a table of people with names, numbers and addresses, and tables of
what they did, of which every fifth says who holds something together. Printed are seconds and peak
memory of `clause16 draft` in a process of its own, and what it proposed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import duckdb

PROGRAM = Path(sys.executable).parent / "clause16"

PEOPLE = """
CREATE TABLE klientet AS SELECT
  i AS klient_id, 'Emri' || (hash(i) % 400) AS emri, 'Mbiemri' || (hash(i + 1) % 900) AS mbiemri,
  (1000000000 + hash(i + 2) % 9000000000)::VARCHAR AS numri_personal,
  DATE '1940-01-01' + (hash(i + 3) % 24000)::INTEGER AS datelindja,
  ['Pejë', 'Prizren', 'Gjilan', 'Ferizaj'][1 + (hash(i + 4) % 4)::INTEGER] AS komuna,
  'k' || i || '@posta.example' AS email,
  '+38344' || lpad((hash(i) % 1000000)::VARCHAR, 6, '0') AS tel,
  round(200 + (hash(i + 5) % 300000) / 100.0, 2) AS te_ardhurat,
  DATE '2015-01-01' + (hash(i + 6) % 4000)::INTEGER AS hapur_me,
  CASE WHEN i % 9 = 0 THEN DATE '2024-01-01' END AS mbyllur_me
FROM range({rows}) AS t(i)
"""
EVENTS = """
CREATE TABLE ngjarje_{number} AS SELECT
  i AS ngjarje_id, (hash(i) % {people})::BIGINT AS klient_id,
  TIMESTAMP '2024-01-01' + to_seconds((hash(i + 1) % 60000000)::BIGINT) AS koha,
  round((hash(i + 2) % 9000000) / 100.0, 2) AS shuma,
  ['ATM', 'POS', 'web'][1 + (hash(i + 3) % 3)::INTEGER] AS kanali,
  'faturë për muajin ' || (hash(i + 4) % 12) || ' nga zyra e ' || (hash(i + 5) % 100000) AS shenim,
  'XK05' || lpad((hash(i + 6) % 10000000000000)::VARCHAR, 16, '0') AS llogaria,
  (hash(i + 7) % 1000000)::INTEGER AS x1
FROM range({rows}) AS t(i)
"""
HOLDERS = """
CREATE TABLE mbajtesit_{number} AS SELECT
  (hash(i) % {things})::BIGINT AS kontrate_{number}_id,
  (hash(i + 9) % {people})::BIGINT AS klient_id,
  ['bartës', 'bashkëbartës'][1 + (i % 2)::INTEGER] AS roli
FROM range({rows}) AS t(i)
"""


def generate(path: Path, tables: int, rows: int) -> None:
    """Write the source: a tenth of the rows are people."""
    people, each = rows // 10, (rows - rows // 10) // max(tables - 1, 1)
    with duckdb.connect(str(path)) as connection:
        connection.execute(PEOPLE.format(rows=people))
        for number in range(tables - 1):
            shape = EVENTS if number % 5 else HOLDERS
            connection.execute(
                shape.format(number=number, rows=each, people=people, things=each * 3 // 4)
            )


def measure(path: Path, output: Path) -> dict[str, object]:
    """Draft in a process of its own; return seconds, memory and what was proposed."""
    command = [
        str(PROGRAM),
        "draft",
        "--source",
        f"duckdb://{path}",
        "--output",
        str(output),
        "--json",
    ]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        said = running.stdout.read() if running.stdout else b""
        _, _, used = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - begun
    answer = json.loads(said)
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": used.ru_maxrss >> 10,
        "tables": answer["tables"],
        "columns": answer["columns"],
        "subject": answer["subject"],
        "roles": answer["roles"],
    }


def main() -> None:
    """Generate, draft, print."""
    parser = argparse.ArgumentParser(description="Measure clause16 draft.")
    parser.add_argument("--tables", type=int, default=50)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.duckdb"
        # Apart, so that what is measured is forked from a small process.
        work = get_context("spawn").Process(
            target=generate, args=(source, options.tables, options.rows)
        )
        work.start()
        work.join()
        measured = measure(source, Path(folder) / "draft.toml")
    if options.json:
        print(json.dumps(measured))
    else:
        print("\n".join(f"{name:<12} {said}" for name, said in measured.items()))


if __name__ == "__main__":
    main()
