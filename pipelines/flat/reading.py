"""A flat file and a folder of hierarchies → people by combination of leaves."""

from __future__ import annotations

import glob
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipelines.flat.tables import Table
from pipelines.memory import Limit, refuse_when_full
from pipelines.policies import read_hierarchy
from transforms.errors import PolicyError, SourceError
from transforms.hierarchy import Hierarchy, fold, lookup_hierarchy
from transforms.histogram import Histogram
from transforms.recoding.tally import LeafCodes, Tally, Texts

MOST_VALUES = 1_000
"""Of a sensitive column without a hierarchy; more look like a number or a key."""


@dataclass(frozen=True)
class Loaded:
    """What a search has to know of a file. records: the sensitive column, if any, comes last."""

    records: Histogram
    hierarchies: Mapping[str, Hierarchy]
    sensitive: str | None


def load(
    table: Table,
    hierarchies: Mapping[str, Hierarchy],
    sensitive: str | None,
    held: tuple[Limit, ...],
) -> Loaded:
    """Count the people of each combination; raises PolicyError at a value without a leaf.

    held: the limits of memory.
    """
    columns = tuple(hierarchies)
    leaves, tally = LeafCodes(columns, hierarchies), Tally()
    with closing(table.batches(columns)) as batches, closing(_ahead(batches)) as coming:
        for batch in coming:
            tally.add(leaves.keys(texts_of(batch)))
            refuse_when_full(held)
    leaves.refuse_unlisted()
    return Loaded(tally.histogram(columns, leaves.radix), hierarchies, sensitive)


def _ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    """Read the next batch in another thread while one is counted."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def texts_of(batch: pa.RecordBatch) -> list[Texts]:
    """Return the columns of a batch of dictionaries."""
    return [
        Texts(column.dictionary.to_pylist(), column.indices.fill_null(-1).to_numpy())
        for column in batch.columns
    ]


def check_columns(table: Table, wanted: Sequence[str]) -> list[str]:
    """Return the columns that nobody named; raises SourceError where a wanted one is missing.

    A missing one is named, those of the file are not: a file without a header has a record there.
    """
    names = table.columns()
    for name in wanted:
        if name not in names:
            raise SourceError(
                f"{table.path.name} has no column {name}: correct the name, or name the --separator"
            )
    return [name for name in names if name not in wanted]


def read_hierarchies(
    folder: Path, columns: Sequence[str], sensitive: str | None, table: Table, separator: str
) -> dict[str, Hierarchy]:
    """Return the hierarchy of each column; a sensitive one without any has its values as leaves."""
    files, found = hierarchy_files(folder, columns), {}
    for name in columns:
        if name in files:
            found[name] = read_hierarchy(name, files[name], separator)
        elif name == sensitive:
            found[name] = _of_values(name, table)
        else:
            raise PolicyError(
                f"column {name} has no hierarchy: put {name}.csv or …_{name}.csv into {folder}"
            )
    return found


def hierarchy_files(folder: Path, columns: Sequence[str]) -> dict[str, Path]:
    """Return the file of each column that has one; raises PolicyError where it has two."""
    if not folder.is_dir():
        raise PolicyError(f"there is no folder {folder}: name that of the hierarchies")
    paths = {name: _hierarchy_file(folder, name) for name in columns}
    return {name: path for name, path in paths.items() if path is not None}


def _hierarchy_file(folder: Path, column: str) -> Path | None:
    """Return `column.csv`, or else the one file that ends in `_column.csv`."""
    exact = folder / f"{column}.csv"
    if exact.is_file():
        return exact
    candidates = sorted(folder.glob(f"*_{glob.escape(column)}.csv"))
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise PolicyError(
            f"column {column} has more than one hierarchy: {names}: rename one to {column}.csv"
        )
    return candidates[0] if candidates else None


def _of_values(column: str, table: Table) -> Hierarchy:
    """Return a hierarchy whose leaves are a column's own values, spelled as the first of a fold."""
    leaves: dict[str, str] = {}
    for text in sorted(_values(column, table)):
        leaves.setdefault(fold(text), text)
        if len(leaves) > MOST_VALUES:
            raise PolicyError(
                f"the sensitive column {column} has more than {MOST_VALUES:,} values: give it a "
                f"hierarchy"
            )
    if not leaves or not all(text.strip() and text.isprintable() for text in leaves.values()):
        raise PolicyError(
            f"the sensitive column {column} has no values, or one that is blank or has a control "
            f"character: give it a hierarchy, or mend the file"
        )
    return lookup_hierarchy(column, [(text,) for text in leaves.values()])


def _values(column: str, table: Table) -> set[str]:
    known: set[str] = set()
    with closing(table.batches([column])) as batches:
        for batch in batches:
            texts = batch.column(0).dictionary.to_pylist()
            known.update(text for text in texts if text is not None)
    return known
