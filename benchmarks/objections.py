"""A million objections in one file: how long it takes until all of them are on the opt-out list.

    python benchmarks/objections.py [--lines 1000000]

Writes a CSV file of objections with mixed identifiers, as a CRM would, and imports it into a new
list in a process of its own: seconds, lines a second and peak memory, encryption and the chain
included; then the same file once more, of which every line is known by then.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from peak import peak_mebibytes

from pipelines.objections.importing import import_file
from pipelines.objections.registry import Registry, create_registry
from transforms.policy.opt_out import Import

HEADER = (
    "reference,customer_id,personal_number,email,phone,iban,name,born,text,channel,received_at,"
    "identity_verified,right"
)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def write_objections(file: Path, lines: int, seed: int = 16) -> None:
    """Write so many objections, each with one of the identifiers or a name and a birth date."""
    with file.open("w", encoding="utf-8") as to:
        to.write(f"{HEADER}\n")
        to.writelines(f"{line}\n" for line in _objections(lines, random.Random(seed)))  # noqa: S311 - no secret


def _objections(lines: int, draws: random.Random) -> Iterator[str]:
    for number in range(lines):
        digits = f"{draws.randrange(10**9):09}"
        who = (
            f"{number},,,,,,,",
            f",1{digits},,,,,,",
            f",,person.{digits}@example.org,,,,,",
            f",,,+383 44 {digits[:3]} {digits[3:6]},,,,",
            f",,,,XK05{digits}{digits[:7]},,,",
            f",,,,,Shqipe Gashi-Krasniqi {digits},19{digits[:2]}-0{1 + number % 9}-1{number % 9},",
            f',,,,,,,"I object, customer {digits}, to statistics with my data."',
        )[number % 7]
        when = BEGIN + timedelta(seconds=30 * number)
        channel = ("email", "letter", "phone", "app")[number % 4]
        verified = "yes" if number % 3 else "no"
        right = "erasure" if number % 50 == 0 else ""
        yield f"CRM-{number},{who},{channel},{when.isoformat()},{verified},{right}"


def import_once(home: Path, file: Path) -> dict[str, float]:
    """Import a file; return the seconds, this process's peak memory, and what became of it."""
    started = time.perf_counter()
    imported = import_file(
        Registry(home / "objections.sqlite", home / "key"),
        file,
        Import(),
        datetime.now(UTC),
        home / "rejected.csv",
        lambda line: print(line, file=sys.stderr),
    )
    return {
        "seconds": time.perf_counter() - started,
        "peak": peak_mebibytes(),
        "accepted": imported.accepted,
        "known": imported.known,
    }


def in_a_process(*arguments: str) -> dict[str, float]:
    """Run one measure in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def measure_import(folder: Path, lines: int) -> None:
    """Print what importing so many objections takes, for the first time and again."""
    file = folder / "objections.csv"
    write_objections(file, lines)
    create_registry(folder / "objections.sqlite", folder / "key")
    for what in ("imported", "imported again"):
        run = in_a_process("--import", str(folder), str(file))
        print(
            f"{what:>15}: {run['accepted']:,.0f} accepted, {run['known']:,.0f} known in "
            f"{run['seconds']:.1f} s, {lines / run['seconds']:,.0f} lines/s, "
            f"peak {run['peak']:,.0f} MiB"
        )


def main() -> None:
    """Measure, or do one measure's work."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--import", type=Path, nargs=2, metavar=("HOME", "FILE"), dest="imports")
    options = parser.parse_args()
    if options.imports:
        print(json.dumps(import_once(*options.imports)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure_import(Path(folder), options.lines)


if __name__ == "__main__":
    main()
