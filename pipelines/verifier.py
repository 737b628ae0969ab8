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

Connection = duckdb.DuckDBPyConnection
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
            return Verification(tuple(_checks(connection, document)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, duckdb.Error) as error:
        finding = f"the file or its certificate cannot be read ({type(error).__name__})"
        return Verification((Check("readable", passed=False, finding=finding),))


def _checks(connection: Connection, document: Document) -> Iterator[Check]:
    yield _release_is_named(connection, document)
    objects = _nothing_undeclared(connection, document)
    yield objects
    if not objects.passed:
        # The queries below name the declared tables and columns; without them they mean nothing.
        return
    yield _everything_commented(connection)
    for name, table in document["tables"].items():
        for check in _TABLE_CHECKS:
            yield check(connection, document, name, table)
    for name, content in document["about"].items():
        yield _content(connection, "about", name, content)
    yield _no_holes(connection, document)


def _release_is_named(connection: Connection, document: Document) -> Check:
    named = connection.execute("SELECT release FROM about.release").fetchall()
    return Check("release named", named == [(document["release"],)], "about.release names another")


def _nothing_undeclared(connection: Connection, document: Document) -> Check:
    """Tables and columns are those of the certificate; there is no other object of any kind."""
    found = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall()
    declared = [
        ("main", name, column["name"], "VARCHAR")
        for name, table in sorted(document["tables"].items())
        for column in table["columns"]
    ]
    about = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'about' ORDER BY 1"
    ).fetchall()
    others = connection.execute(_OTHER_OBJECTS).fetchall()
    passed = found == declared and about == [(n,) for n in sorted(document["about"])] and not others
    return Check(
        "no undeclared object", passed, "a table, column, view, macro, index or type is not declared"
    )


_OTHER_OBJECTS = """
SELECT 'view' FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
UNION ALL SELECT 'schema' FROM duckdb_schemas() WHERE database_name = current_database()
    AND NOT internal AND schema_name NOT IN ('main', 'about')
UNION ALL SELECT 'macro' FROM duckdb_functions() WHERE NOT internal
    AND database_name = current_database()
UNION ALL SELECT 'index' FROM duckdb_indexes() WHERE database_name = current_database()
UNION ALL SELECT 'sequence' FROM duckdb_sequences() WHERE database_name = current_database()
UNION ALL SELECT 'type' FROM duckdb_types() WHERE NOT internal AND database_name = current_database()
UNION ALL SELECT 'constraint' FROM duckdb_constraints() WHERE database_name = current_database()
"""


def _everything_commented(connection: Connection) -> Check:
    bare = connection.execute(
        "SELECT count(*) FROM (SELECT comment FROM duckdb_tables() "
        "WHERE database_name = current_database() UNION ALL SELECT comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal) WHERE coalesce(comment, '') = ''"
    ).fetchall()
    return Check("everything commented", bare == [(0,)], "a table or column has no comment")


def _whole_row_k(connection: Connection, document: Document, name: str, table: Document) -> Check:
    smallest = _one(connection, whole_row_k_query(name))
    passed = isinstance(smallest, int) and smallest >= int(document["k"])
    return Check(f"{name}: whole-row k", passed, f"a row stands for fewer than {document['k']} people")


def whole_row_k_query(table: str) -> str:
    """Return the query whose answer is the smallest number of people behind a row."""
    return f"SELECT min(n) FROM (SELECT *, count(*) AS n FROM {_quoted(table)} GROUP BY ALL)"  # noqa: S608 - quoted


def _l_diversity(connection: Connection, document: Document, name: str, table: Document) -> Check:
    query = l_diversity_query(name, table["quasi_identifiers"], table["sensitive"])
    fewest = _one(connection, query)
    passed = fewest is None or int(fewest) >= int(document["l"])
    return Check(f"{name}: l-diversity", passed, f"a class shows fewer than {document['l']} values")


def l_diversity_query(table: str, quasi_identifiers: Sequence[str], sensitive: str) -> str:
    """Return the query whose answer is the fewest values shown by a class that shows any."""
    value = _quoted(sensitive)
    group = ", ".join(map(_quoted, quasi_identifiers))
    return (
        f"SELECT min(l) FROM (SELECT count(DISTINCT {value}) "  # noqa: S608 - quoted
        f"+ max(({value} IS NULL)::INTEGER) AS l FROM {_quoted(table)} "
        f"GROUP BY {group} HAVING count({value}) > 0)"
    )


def _closed_domains(connection: Connection, document: Document, name: str, table: Document) -> Check:
    for column in table["columns"]:
        strangers = connection.execute(
            f"SELECT count(*) FROM {_quoted(name)} WHERE NOT CASE WHEN {_quoted(column['name'])} "  # noqa: S608 - quoted
            f"IS NULL THEN ? ELSE list_contains(?, {_quoted(column['name'])}) END",
            [column["may_be_missing"], column["domain"]],
        ).fetchall()
        if strangers != [(0,)]:
            return Check(
                f"{name}: closed domains", passed=False,
                finding=f"column {column['name']} holds something outside its domain",
            )
    return Check(f"{name}: closed domains", passed=True)


def _canonical_order(connection: Connection, document: Document, name: str, table: Document) -> Check:
    """Rows lie in the order of their values, missing ones last: their order says nothing."""
    # No label holds the largest code point, so it stands for "after all others".
    row = ", ".join(f"coalesce({_quoted(c['name'])}, chr(1114111))" for c in table["columns"])
    misplaced = _one(
        connection,
        f"SELECT count(*) FROM (SELECT row({row}) AS r, lag(row({row})) OVER (ORDER BY rowid) AS p "  # noqa: S608 - quoted
        f"FROM {_quoted(name)}) WHERE r < p",
    )
    return Check(f"{name}: canonical order", misplaced == 0, "rows are not sorted by their values")


def _no_identifier(connection: Connection, document: Document, name: str, table: Document) -> Check:
    strings: set[str] = set()
    for column in table["columns"]:
        query = f"SELECT DISTINCT {_quoted(column['name'])} FROM {_quoted(name)}"  # noqa: S608 - quoted
        strings |= {value for (value,) in connection.execute(query).fetchall() if value is not None}
    kinds = identifiers_in(strings)
    return Check(
        f"{name}: no identifier", not kinds, f"a value looks like: {', '.join(sorted(kinds))}"
    )


def _rows_and_content(connection: Connection, document: Document, name: str, table: Document) -> Check:
    return _content(connection, "main", name, table["content"])


TableCheck = Callable[[Connection, Document, str, Document], Check]
_TABLE_CHECKS: tuple[TableCheck, ...] = (
    _whole_row_k,
    _l_diversity,
    _closed_domains,
    _canonical_order,
    _no_identifier,
    _rows_and_content,
)


def _content(connection: Connection, schema: str, name: str, expected: str) -> Check:
    """Hash the table as its certificate says: names, then distinct rows with their number."""
    title = name if schema == "main" else f"{schema}.{name}"
    columns = [
        (column, data_type)
        for column, data_type in connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? "
            "AND table_name = ? AND database_name = current_database() ORDER BY column_index",
            [schema, name],
        ).fetchall()
    ]
    fields = ", ".join(
        f"coalesce(array_to_string({_quoted(c)}, chr(29)), chr(30))" if t == "VARCHAR[]"
        else f"coalesce({_quoted(c)}::VARCHAR, chr(30))"
        for c, t in columns
    )
    rows = connection.execute(
        f"SELECT {fields}, count(*)::VARCHAR FROM {schema}.{_quoted(name)} GROUP BY ALL"  # noqa: S608 - quoted
    ).fetchall()
    lines = ["\x1f".join([title, *(column for column, _ in columns)])]
    lines += sorted(("\x1f".join(row) for row in rows), key=lambda line: line.encode())
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return Check(
        f"{title}: content", digest == expected, "rows were changed, removed or added since it was made"
    )


def _no_holes(connection: Connection, document: Document) -> Check:
    """Where a coarser table counts a group, the finer one lacks none or at least k of it."""
    tables = document["tables"]
    for fine, finer in tables.items():
        for coarse, coarser in tables.items():
            shared = coarser["quasi_identifiers"]
            if set(shared) < set(finer["quasi_identifiers"]):
                query = _holes_query(fine, coarse, shared, int(document["k"]))
                if _one(connection, query) != 0:
                    finding = f"{coarse} minus {fine} singles out fewer than {document['k']} people"
                    return Check("no holes", passed=False, finding=finding)
    return Check("no holes", passed=True)


def _holes_query(fine: str, coarse: str, shared: Sequence[str], k: int) -> str:
    group = ", ".join(map(_quoted, shared))
    same = " AND ".join(f"f.{_quoted(c)} IS NOT DISTINCT FROM c.{_quoted(c)}" for c in shared)
    return (
        f"SELECT count(*) FROM (SELECT {group}, count(*) AS n FROM {_quoted(coarse)} GROUP BY ALL) c "  # noqa: S608 - quoted
        f"LEFT JOIN (SELECT {group}, count(*) AS n FROM {_quoted(fine)} GROUP BY ALL) f ON {same} "
        f"WHERE c.n <> coalesce(f.n, 0) AND c.n - coalesce(f.n, 0) < {k}"
    )


def _one(connection: Connection, query: str) -> Any:  # noqa: ANN401 - whatever SQL answers
    rows = connection.execute(query).fetchall()
    return rows[0][0] if rows else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
