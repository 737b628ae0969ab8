"""The independent verifier: SQL on a written release and its certificate, nothing else.

It shares no code with what made the release (it imports nothing of `transforms`), so that a
mistake there is not repeated here. Each check can be run again by anybody with DuckDB; the
queries stand in the release itself, in `about.checks`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.patterns import identifiers_in

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One check on one table (or the whole file): passed or not, and why in general terms."""

    name: str
    passed: bool
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of a release; it may be published only where every one passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Say whether every check passed, and there was at least one."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)


def verify(database: Path, certificate: Path) -> Verification:
    """Check a written release against its certificate; never raises for what the file holds."""
    try:
        document: Document = json.loads(certificate.read_text(encoding="utf-8"))
        with duckdb.connect(str(database), read_only=True) as connection:
            return Verification(tuple(_checks(_Opened(connection, document))))
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        finding = f"the file or its certificate cannot be read ({type(error).__name__})"
        return Verification((Check("readable", passed=False, finding=finding),))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A release under verification: the file, and what its certificate says of it."""

    connection: duckdb.DuckDBPyConnection
    certificate: Document

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def one(self, query: str) -> Any:  # noqa: ANN401 - whatever SQL answers
        rows = self.rows(query)
        return rows[0][0] if rows else None

    @property
    def tables(self) -> Mapping[str, Document]:
        tables: Mapping[str, Document] = self.certificate["tables"]
        return tables

    @property
    def k(self) -> int:
        return int(self.certificate["k"])


def _checks(opened: _Opened) -> Iterator[Check]:
    yield _release_is_named(opened)
    objects = _nothing_undeclared(opened)
    yield objects
    if not objects.passed:
        # The queries below name the declared tables and columns; without them they mean nothing.
        return
    yield _everything_commented(opened)
    for name, table in opened.tables.items():
        for check in _TABLE_CHECKS:
            yield check(opened, name)
        yield _content(opened, "main", name, table["content"])
    for name, content in opened.certificate["about"].items():
        yield _content(opened, "about", name, content)
    yield _no_holes(opened)


def _release_is_named(opened: _Opened) -> Check:
    named = opened.rows("SELECT release FROM about.release")
    passed = named == [(opened.certificate["release"],)]
    return Check("release named", passed, "about.release names another")


def _nothing_undeclared(opened: _Opened) -> Check:
    """Tables and columns are those of the certificate; there is no other object of any kind."""
    found = opened.rows(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal "
        "ORDER BY table_name, column_index"
    )
    declared = [
        ("main", name, column["name"], "VARCHAR")
        for name, table in sorted(opened.tables.items())
        for column in table["columns"]
    ]
    about = opened.rows(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'about' ORDER BY 1"
    )
    described = [(name,) for name in sorted(opened.certificate["about"])]
    passed = found == declared and about == described and not opened.rows(_OTHER_OBJECTS)
    finding = "a table, column, view, macro, index or type is not declared"
    return Check("no undeclared object", passed, finding)


_OTHER_OBJECTS = """
SELECT 'view' FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
UNION ALL SELECT 'schema' FROM duckdb_schemas() WHERE database_name = current_database()
    AND NOT internal AND schema_name NOT IN ('main', 'about')
UNION ALL SELECT 'macro' FROM duckdb_functions() WHERE NOT internal
    AND database_name = current_database()
UNION ALL SELECT 'index' FROM duckdb_indexes() WHERE database_name = current_database()
UNION ALL SELECT 'sequence' FROM duckdb_sequences() WHERE database_name = current_database()
UNION ALL SELECT 'type' FROM duckdb_types() WHERE NOT internal
    AND database_name = current_database()
UNION ALL SELECT 'constraint' FROM duckdb_constraints() WHERE database_name = current_database()
"""


def _everything_commented(opened: _Opened) -> Check:
    bare = opened.one(
        "SELECT count(*) FROM (SELECT comment FROM duckdb_tables() "
        "WHERE database_name = current_database() UNION ALL SELECT comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal) "
        "WHERE coalesce(comment, '') = ''"
    )
    return Check("everything commented", bare == 0, "a table or column has no comment")


def _whole_row_k(opened: _Opened, name: str) -> Check:
    smallest = opened.one(whole_row_k_query(name))
    passed = isinstance(smallest, int) and smallest >= opened.k
    return Check(f"{name}: whole-row k", passed, f"a row stands for fewer than {opened.k} people")


def whole_row_k_query(table: str) -> str:
    """Return the query whose answer is the smallest number of people behind a row."""
    return f"SELECT min(n) FROM (SELECT *, count(*) AS n FROM {_quoted(table)} GROUP BY ALL)"


def _l_diversity(opened: _Opened, name: str) -> Check:
    table, wanted = opened.tables[name], int(opened.certificate["l"])
    fewest = opened.one(l_diversity_query(name, table["quasi_identifiers"], table["sensitive"]))
    passed = fewest is None or int(fewest) >= wanted
    return Check(f"{name}: l-diversity", passed, f"a class shows fewer than {wanted} values")


def l_diversity_query(table: str, quasi_identifiers: Sequence[str], sensitive: str) -> str:
    """Return the query whose answer is the fewest values shown by a class that shows any."""
    value = _quoted(sensitive)
    group = ", ".join(map(_quoted, quasi_identifiers))
    return (
        f"SELECT min(l) FROM (SELECT count(DISTINCT {value}) "
        f"+ max(({value} IS NULL)::INTEGER) AS l FROM {_quoted(table)} "
        f"GROUP BY {group} HAVING count({value}) > 0)"
    )


def _closed_domains(opened: _Opened, name: str) -> Check:
    for column in opened.tables[name]["columns"]:
        value = _quoted(column["name"])
        strangers = opened.rows(
            f"SELECT count(*) FROM {_quoted(name)} WHERE NOT "
            f"CASE WHEN {value} IS NULL THEN ? ELSE list_contains(?, {value}) END",
            [column["may_be_missing"], column["domain"]],
        )
        if strangers != [(0,)]:
            finding = f"column {column['name']} holds something outside its domain"
            return Check(f"{name}: closed domains", passed=False, finding=finding)
    return Check(f"{name}: closed domains", passed=True)


def _canonical_order(opened: _Opened, name: str) -> Check:
    """Rows lie in the order of their values, missing ones last: their order says nothing."""
    # No label holds the largest code point, so it stands for "after all others".
    columns = opened.tables[name]["columns"]
    row = ", ".join(f"coalesce({_quoted(column['name'])}, chr(1114111))" for column in columns)
    misplaced = opened.one(
        f"SELECT count(*) FROM (SELECT row({row}) AS r, lag(row({row})) OVER (ORDER BY rowid) AS p "
        f"FROM {_quoted(name)}) WHERE r < p"
    )
    return Check(f"{name}: canonical order", misplaced == 0, "rows are not sorted by their values")


def _no_identifier(opened: _Opened, name: str) -> Check:
    columns = [_quoted(column["name"]) for column in opened.tables[name]["columns"]]
    strings = {
        value
        for column in columns
        for (value,) in opened.rows(f"SELECT DISTINCT {column} FROM {_quoted(name)}")
        if value is not None
    }
    kinds = ", ".join(sorted(identifiers_in(strings)))
    return Check(f"{name}: no identifier", not kinds, f"a value looks like: {kinds}")


_TABLE_CHECKS: tuple[Callable[[_Opened, str], Check], ...] = (
    _whole_row_k,
    _l_diversity,
    _closed_domains,
    _canonical_order,
    _no_identifier,
)


def _content(opened: _Opened, schema: str, name: str, expected: str) -> Check:
    """Hash the table as its certificate says: names, then distinct rows with their number."""
    title = name if schema == "main" else f"{schema}.{name}"
    columns = opened.rows(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? "
        "AND table_name = ? AND database_name = current_database() ORDER BY column_index",
        [schema, name],
    )
    fields = ", ".join(
        f"coalesce(array_to_string({_quoted(column)}, chr(29)), chr(30))"
        if data_type == "VARCHAR[]"
        else f"coalesce({_quoted(column)}::VARCHAR, chr(30))"
        for column, data_type in columns
    )
    rows = opened.rows(
        f"SELECT {fields}, count(*)::VARCHAR FROM {schema}.{_quoted(name)} GROUP BY ALL"
    )
    lines = ["\x1f".join([title, *(column for column, _ in columns)])]
    lines += sorted(("\x1f".join(row) for row in rows), key=str.encode)
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    finding = "rows were changed, removed or added since it was made"
    return Check(f"{title}: content", digest == expected, finding)


def _no_holes(opened: _Opened) -> Check:
    """Where a coarser table counts a group, the finer one lacks none or at least k of it."""
    for fine, finer in opened.tables.items():
        for coarse, coarser in opened.tables.items():
            shared = coarser["quasi_identifiers"]
            if set(shared) < set(finer["quasi_identifiers"]):
                holes = opened.one(_holes_query(fine, coarse, shared, opened.k))
                if holes != 0:
                    finding = f"{coarse} minus {fine} singles out fewer than {opened.k} people"
                    return Check("no holes", passed=False, finding=finding)
    return Check("no holes", passed=True)


def _holes_query(fine: str, coarse: str, shared: Sequence[str], k: int) -> str:
    group = ", ".join(map(_quoted, shared))
    same = " AND ".join(f"f.{_quoted(c)} IS NOT DISTINCT FROM c.{_quoted(c)}" for c in shared)
    return (
        f"SELECT count(*) FROM "
        f"(SELECT {group}, count(*) AS n FROM {_quoted(coarse)} GROUP BY ALL) c LEFT JOIN "
        f"(SELECT {group}, count(*) AS n FROM {_quoted(fine)} GROUP BY ALL) f ON {same} "
        f"WHERE c.n <> coalesce(f.n, 0) AND c.n - coalesce(f.n, 0) < {k}"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
