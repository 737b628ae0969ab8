"""One recoding of one flat file, timed; or the whole suite of figures beside other programs'.

    python benchmarks/recoding.py --input CSV --hierarchies DIR --quasi-identifiers a,b,… --k K
        --suppression S --method full-domain|multidimensional --output OUT.csv [--json]
    python benchmarks/recoding.py --suite DIR [--work DIR] [--json FILE]

The first writes the recoded table in the input's row order, for measuring alone: no release and
not `clause16 recode` ever keep that order. Suppressed rows have `*` in each quasi-identifier. The
second runs the first in fresh processes; see suite.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from peak import peak_mebibytes
from suite import run_suite

from pipelines.flat.reading import Loaded, load, read_hierarchies, texts_of
from pipelines.flat.tables import Table, open_table
from pipelines.verbs.recode import add_demands, demands_from, names
from transforms.hierarchy import ANY, Codes
from transforms.policy.tables import Method
from transforms.recoding.flat import Recoded, recode_flat
from transforms.recoding.tally import LeafCodes


@dataclass(frozen=True)
class Moment:
    """Seconds so far, of the clock and of all cores."""

    wall: float
    cpu: float


def now() -> Moment:
    """Look at both clocks."""
    return Moment(time.perf_counter(), time.process_time())


def lap(start: Moment, end: Moment) -> dict[str, float]:
    """Return the seconds between two moments."""
    return {"wall": end.wall - start.wall, "cpu": end.cpu - start.cpu}


@dataclass(frozen=True)
class InOrder:
    """Writes the rows of the input in their order, every other column as it is."""

    table: Table
    loaded: Loaded
    recoded: Recoded
    quasi_identifiers: tuple[str, ...]

    def write(self, output: Path, separator: str) -> None:
        """Read the input again and write it recoded."""
        with output.open("wb") as file:
            header = pl.DataFrame(schema=self.table.columns())
            header.write_csv(file, separator=separator)
            for frame in self._frames():
                frame.write_csv(file, separator=separator, include_header=False)

    def _frames(self) -> Iterator[pl.DataFrame]:
        columns = self.loaded.records.columns
        leaves = LeafCodes(columns, self.loaded.hierarchies)
        combinations = self._keys(leaves)
        labels = self._labels()
        names = self.table.columns()
        for batch in self.table.batches(names):
            key = leaves.keys(texts_of(batch.select(list(columns))))[0]
            rows = pl.Series(np.searchsorted(combinations, key))
            said = pl.DataFrame(batch).with_columns(labels[rows])
            yield said.select(names)

    def _keys(self, leaves: LeafCodes) -> Codes:
        """Return the key of each combination; they ascend."""
        if len(leaves.radix.words) > 1:
            raise SystemExit("too many columns to write in the input's order")
        key = np.zeros(len(self.loaded.records.people), dtype=np.int64)
        for column, size in enumerate(leaves.radix.sizes):
            key = key * size + self.loaded.records.codes[:, column]
        return key

    def _labels(self) -> pl.DataFrame:
        """Return what each combination becomes."""
        return pl.DataFrame(
            [
                pl.Series(name, self.loaded.hierarchies[name].node_labels, dtype=pl.String)[
                    pl.Series(self.recoded.nodes[:, position])
                ]
                for position, name in enumerate(self.quasi_identifiers)
            ]
        ).with_columns(pl.when(pl.Series(self.recoded.kept)).then(pl.all()).otherwise(pl.lit(ANY)))


def run(options: argparse.Namespace) -> dict[str, object]:
    """Load, search and write; return the figures."""
    quasi = tuple(options.quasi_identifiers)
    columns = (*quasi, *(() if options.sensitive is None else (options.sensitive,)))
    started = now()
    table = open_table(options.input, options.separator)
    hierarchies = read_hierarchies(options.hierarchies, columns, options.sensitive, table, ";")
    loaded = load(table, hierarchies, options.sensitive, ())
    loading = now()
    until = time.monotonic() + options.seconds
    recoded = recode_flat(
        loaded.records,
        options.sensitive,
        loaded.hierarchies,
        demands_from(options),
        Method(options.method),
        lambda line: print(line, file=sys.stderr),
        lambda: time.monotonic() < until,
    )
    searching, peak = now(), peak_mebibytes()
    InOrder(table, loaded, recoded, quasi).write(options.output, options.separator)
    return {
        "method": options.method,
        "k": options.k,
        "rows": loaded.records.total,
        "combinations": len(loaded.records.people),
        "suppressed": int(loaded.records.people[~recoded.kept].sum()),
        "loss": recoded.loss,
        "bound": recoded.bound,
        "proven": recoded.loss <= recoded.bound,
        "interrupted": recoded.interrupted,
        "evaluated": recoded.evaluated,
        "recodings": recoded.recodings,
        "levels": recoded.levels,
        "load": lap(started, loading),
        "search": lap(loading, searching),
        "write": lap(searching, now()),
        "peak_mib_searched": peak,
        "peak_mib": peak_mebibytes(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, metavar="CSV")
    parser.add_argument("--hierarchies", type=Path, metavar="DIR")
    parser.add_argument("--quasi-identifiers", type=names, metavar="A,B,…", default=())
    parser.add_argument("--output", type=Path, metavar="OUT.csv")
    parser.add_argument("--separator", default=";")
    add_demands(parser)
    parser.add_argument("--suite", type=Path, metavar="DIR", help="adult.csv, hierarchies/, …")
    parser.add_argument("--work", type=Path, metavar="DIR", help="generated tables, kept")
    parser.add_argument(
        "--referee-rows", type=int, default=10_000_000, help="of the suite: larger ones unrefereed"
    )
    parser.add_argument("--only", default="", help="of the suite: runs whose name holds this")
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="the figures as JSON (suite: to FILE)"
    )
    return parser


def main() -> None:
    """Run one recoding, or the suite."""
    parser = _parser()
    options = parser.parse_args()
    if options.suite is not None:
        run_suite(options)
        return
    if None in {options.input, options.hierarchies, options.output} or not (
        options.quasi_identifiers
    ):
        parser.error("--input, --hierarchies, --quasi-identifiers and --output are needed")
    figures = run(options)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:<18} {figure}")


if __name__ == "__main__":
    main()
