"""The independent verifier: SQL on a written release and its certificate, nothing else.

It shares no code with what made the release (it imports nothing of `transforms`), so that a
mistake there is not repeated here. Each check can be run again by anybody with DuckDB; the
queries stand in the release itself, in `about.checks`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from typing import Any

import duckdb

from pipelines.patterns import identifiers_in

Document = Mapping[str, Any]

TINY = 1e-9
"""Sums of shares are not exact in floating point."""

LEAST_LIMIT = 2
"""Below it a limit limits nothing."""


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
    """Check a written release against its certificate; whatever the file holds, nothing raises.

    The file is attached to an empty database, so that no macro of its own can take the place of
    a function that a check calls.
    """
    try:
        document: Document = json.loads(certificate.read_text(encoding="utf-8"))
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH {_literal(str(database))} AS release (READ_ONLY)")
            opened = _Opened(connection, document, database)
            return Verification(tuple(_checks(opened)))
    except Exception as error:  # noqa: BLE001 - what cannot be checked is not verified
        if error.args == ("Query interrupted",):
            # DuckDB swallowed what a signal's handler raised: asked to stop, not unreadable.
            raise KeyboardInterrupt from None
        finding = f"the file or its certificate cannot be read ({type(error).__name__})"
        return Verification((Check("readable", passed=False, finding=finding),))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A release under verification: the file, and what its certificate says of it."""

    connection: duckdb.DuckDBPyConnection
    certificate: Document
    database: Path

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
    def magnitude(self) -> Mapping[str, Document]:
        tables: Mapping[str, Document] = self.certificate["magnitude"]
        return tables

    @property
    def k(self) -> int:
        return int(self.certificate["k"])


def _checks(opened: _Opened) -> Iterator[Check]:
    yield _file_is_the_one(opened)
    yield _limits_are_limits(opened)
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
    for name, table in opened.magnitude.items():
        for check in _MAGNITUDE_CHECKS:
            yield check(opened, name)
        yield _content(opened, "main", name, table["content"])
    for name, content in opened.certificate["about"].items():
        yield _content(opened, "about", name, content)
    yield _no_holes(opened)
    if opened.magnitude:
        yield _within_budget(opened)


def _file_is_the_one(opened: _Opened) -> Check:
    """Every byte is as it was written, unused blocks included, and no journal lies beside it."""
    with opened.database.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    beside = [
        path
        for path in opened.database.parent.glob(f"{opened.database.name}*")
        if path.name != opened.database.name
    ]
    passed = digest == opened.certificate["database"] and not beside
    return Check("file unchanged", passed, "the file is not the one that was certified")


def _limits_are_limits(opened: _Opened) -> Check:
    limits = (opened.certificate["k"], opened.certificate["l"])
    passed = all(type(limit) is int and limit >= LEAST_LIMIT for limit in limits)
    return Check("limits", passed, f"k and l of the certificate must be {LEAST_LIMIT} or more")


def _release_is_named(opened: _Opened) -> Check:
    named = opened.rows("SELECT release FROM release.about.release")
    passed = named == [(opened.certificate["release"],)]
    return Check("release named", passed, "about.release names another")


def _nothing_undeclared(opened: _Opened) -> Check:
    """Tables and columns are those of the certificate; there is no other object of any kind."""
    tables = opened.rows(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'release' "
        "ORDER BY schema_name, table_name"
    )
    declared_tables = [
        *(("about", name) for name in sorted(opened.certificate["about"])),
        *(("main", name) for name in sorted((*opened.tables, *opened.magnitude))),
    ]
    columns = opened.rows(
        "SELECT table_name, column_name, data_type, column_default FROM duckdb_columns() "
        "WHERE database_name = 'release' AND schema_name = 'main' AND NOT internal "
        "ORDER BY table_name, column_index"
    )
    declared = {name: _microdata_columns(table) for name, table in opened.tables.items()}
    declared |= {name: _magnitude_columns(table) for name, table in opened.magnitude.items()}
    declared_columns = [
        (name, *column) for name, columns in sorted(declared.items()) for column in columns
    ]
    passed = (tables, columns) == (declared_tables, declared_columns)
    passed = passed and not opened.rows(_OTHER_OBJECTS)
    finding = "a table, column, view, macro, index or type is not declared"
    return Check("no undeclared object", passed, finding)


Declared = list[tuple[str, str, None]]
"""Columns: name, type, default."""


def _microdata_columns(table: Document) -> Declared:
    return [(column["name"], "VARCHAR", None) for column in table["columns"]]


_OTHER_OBJECTS = """
SELECT view_name FROM duckdb_views() WHERE database_name = 'release' AND NOT internal
UNION ALL SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'release'
    AND NOT internal AND schema_name NOT IN ('main', 'about')
UNION ALL SELECT function_name FROM duckdb_functions() WHERE database_name = 'release'
    AND NOT internal
UNION ALL SELECT index_name FROM duckdb_indexes() WHERE database_name = 'release'
UNION ALL SELECT sequence_name FROM duckdb_sequences() WHERE database_name = 'release'
UNION ALL SELECT type_name FROM duckdb_types() WHERE database_name = 'release' AND NOT internal
UNION ALL SELECT table_name FROM duckdb_constraints() WHERE database_name = 'release'
"""


def _everything_commented(opened: _Opened) -> Check:
    bare = opened.one(
        "SELECT count(*) FROM (SELECT comment FROM duckdb_tables() "
        "WHERE database_name = 'release' UNION ALL SELECT comment FROM duckdb_columns() "
        "WHERE database_name = 'release' AND NOT internal) "
        "WHERE coalesce(comment, '') = ''"
    )
    return Check("everything commented", bare == 0, "a table or column has no comment")


def _whole_row_k(opened: _Opened, name: str) -> Check:
    smallest = opened.one(whole_row_k_query(_table(name)))
    passed = isinstance(smallest, int) and smallest >= opened.k
    return Check(f"{name}: whole-row k", passed, f"a row stands for fewer than {opened.k} people")


def whole_row_k_query(table: str) -> str:
    """Return the query whose answer is the smallest number of people behind a row.

    table: its name in SQL, quoted where it has to be.
    """
    return f"SELECT min(n) FROM (SELECT *, count(*) AS n FROM {table} GROUP BY ALL)"


def _l_diversity(opened: _Opened, name: str) -> Check:
    table, wanted = opened.tables[name], int(opened.certificate["l"])
    query = l_diversity_query(_table(name), table["quasi_identifiers"], table["sensitive"])
    fewest = opened.one(query)
    passed = fewest is None or int(fewest) >= wanted
    return Check(f"{name}: l-diversity", passed, f"a class shows fewer than {wanted} values")


def l_diversity_query(table: str, quasi_identifiers: Sequence[str], sensitive: str) -> str:
    """Return the query whose answer is the fewest values shown by a class that shows any."""
    value = _quoted(sensitive)
    group = ", ".join(map(_quoted, quasi_identifiers))
    return (
        f"SELECT min(l) FROM (SELECT count(DISTINCT {value}) "
        f"+ max(({value} IS NULL)::INTEGER) AS l FROM {table} "
        f"GROUP BY {group} HAVING count({value}) > 0)"
    )


def _spread(opened: _Opened, name: str) -> Check:
    """Values are spread as promised: evenly, as in the whole table, adverse ones below a cap."""
    table = opened.tables[name]
    promised, title = table["spread"], f"{name}: spread of values"
    classes = _values_by_class(opened, name)
    for label, cap in promised["caps"].items():
        if any(values.get(label, 0) > cap * sum(values.values()) + TINY for values in classes):
            return Check(title, passed=False, finding="an adverse value goes beyond its cap")
    if promised["entropy_l"] is not None:
        least = math.log(promised["entropy_l"])
        if any(_entropy(values) < least - TINY for values in classes):
            return Check(title, passed=False, finding="a class is less diverse than promised")
    if promised["t"] is not None:
        apart = _farthest(classes, promised, _domain(table, table["sensitive"]))
        if apart > promised["t"] + TINY:
            return Check(title, passed=False, finding="a class is too far from the whole table")
    return Check(title, passed=True)


Values = Mapping[str | None, int]


def _values_by_class(opened: _Opened, name: str) -> list[Values]:
    """Return the people of each value, NULL included, of each class that shows any."""
    table = opened.tables[name]
    value = _quoted(table["sensitive"])
    group = ", ".join(map(_quoted, table["quasi_identifiers"]))
    rows = opened.rows(
        f"SELECT list(v), list(n) FROM (SELECT {group}, {value} AS v, count(*) AS n "
        f"FROM {_table(name)} GROUP BY ALL) GROUP BY {group} HAVING count(v) > 0"
    )
    return [dict(zip(values, people, strict=True)) for values, people in rows]


def _domain(table: Document, column: str) -> list[str]:
    return next(list(each["domain"]) for each in table["columns"] if each["name"] == column)


def _entropy(values: Values) -> float:
    people = sum(values.values())
    return -sum(n / people * math.log(n / people) for n in values.values())


def _farthest(classes: Sequence[Values], promised: Document, domain: Sequence[str]) -> float:
    """Return the largest earth mover's distance of a class to all of them (Li et al. 2007)."""
    everybody: Counter[str | None] = Counter()
    for values in classes:
        everybody.update(values)
    order = [*domain, None] if everybody[None] else [*domain]
    people = sum(everybody.values())
    whole = [everybody[value] / people for value in order]
    apart = 0.0
    for values in classes:
        size = sum(values.values())
        extra = [values.get(v, 0) / size - w for v, w in zip(order, whole, strict=True)]
        apart = max(apart, _moved(extra, promised))
    return apart


def _moved(extra: Sequence[float], promised: Document) -> float:
    """Return how far what is too much has to go to where it is missing, value by value."""
    if promised["t_distance"] == "ordered":
        return sum(map(abs, accumulate(extra[:-1]))) / max(len(extra) - 1, 1)
    levels = promised["groups"] if promised["t_distance"] == "hierarchical" else []
    apart = sum(map(abs, extra)) / 2
    for groups in levels:
        above: dict[object, float] = {}
        # A missing value, the last where there is one, is a branch of its own.
        for group, more in zip([*groups, None], extra, strict=False):
            above[group] = above.get(group, 0.0) + more
        apart += sum(map(abs, above.values())) / 2
    return apart / (len(levels) + 1)


def _one_level_a_column(opened: _Opened, name: str) -> Check:
    """Look for a finer value with two coarser ones: no roll-up may split a class."""
    title = f"{name}: one level a column"
    shown: dict[str, list[str]] = {}
    for column in opened.tables[name]["columns"]:
        shown.setdefault(column["attribute"], []).append(column["name"])
    for columns in shown.values():
        for finer, coarser in pairwise(map(_quoted, columns)):
            split = opened.one(
                f"SELECT count(*) FROM (SELECT {finer} FROM {_table(name)} "
                f"WHERE {finer} IS NOT NULL GROUP BY {finer} "
                f"HAVING count(DISTINCT {coarser}) <> 1 OR bool_or({coarser} IS NULL))"
            )
            if split != 0:
                return Check(title, passed=False, finding="a value stands under two coarser ones")
    return Check(title, passed=True)


def _closed_domains(opened: _Opened, name: str) -> Check:
    for column in opened.tables[name]["columns"]:
        value = _quoted(column["name"])
        strangers = opened.rows(
            f"SELECT count(*) FROM {_table(name)} WHERE NOT "
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
        f"FROM {_table(name)}) WHERE r < p"
    )
    return Check(f"{name}: canonical order", misplaced == 0, "rows are not sorted by their values")


def _no_identifier(opened: _Opened, name: str) -> Check:
    columns = [_quoted(column["name"]) for column in opened.tables[name]["columns"]]
    strings = {
        value
        for column in columns
        for (value,) in opened.rows(f"SELECT DISTINCT {column} FROM {_table(name)}")
        if value is not None
    }
    kinds = ", ".join(sorted(identifiers_in(strings)))
    return Check(f"{name}: no identifier", not kinds, f"a value looks like: {kinds}")


_TABLE_CHECKS: tuple[Callable[[_Opened, str], Check], ...] = (
    _whole_row_k,
    _l_diversity,
    _spread,
    _one_level_a_column,
    _closed_domains,
    _canonical_order,
    _no_identifier,
)


# ------------------------------------------------------------------------------ magnitude tables


def _magnitude_columns(table: Document) -> Declared:
    keys = ["period", *(category["name"] for category in table["categories"])]
    columns: Declared = [(key, "VARCHAR", None) for key in keys]
    for measure in table["measures"]:
        columns += [(measure["name"], "BIGINT", None), (f"{measure['name']}_sd", "DOUBLE", None)]
    return columns


def _keys(table: Document) -> dict[str, list[str]]:
    """Return the columns that say what a row is about, each with all its values."""
    periods = [period["period"] for period in table["periods"]]
    return {"period": periods} | {c["name"]: c["domain"] for c in table["categories"]}


def _full_grid(opened: _Opened, name: str) -> Check:
    """Every combination of public values stands there once: that one is there says nothing."""
    keys = _keys(opened.magnitude[name])
    cells = math.prod(len(set(values)) for values in keys.values())
    group = ", ".join(map(_quoted, keys))
    inside = " AND ".join(f"coalesce(list_contains(?, {_quoted(key)}), false)" for key in keys)
    found = opened.rows(
        f"SELECT count(*), count(DISTINCT row({group})), count(*) FILTER (WHERE {inside}) "
        f"FROM {_table(name)}",
        list(keys.values()),
    )
    passed = found == [(cells, cells, cells)]
    finding = "a combination of categories is missing, double, or not declared"
    return Check(f"{name}: full grid", passed, finding)


def _noise_decides(opened: _Opened, name: str) -> Check:
    """Look for rows that show some measures only, too few noisy people, or something unrounded."""
    table, title = opened.magnitude[name], f"{name}: shown by noisy people"
    base = int(table["base"])
    measures = [_quoted(measure["name"]) for measure in table["measures"]]
    together = " OR ".join(f"({m} IS NULL) <> (people IS NULL)" for m in measures)
    uneven = " OR ".join(f"{m} % {base} <> 0" for m in measures)
    for period in table["periods"]:
        # Rounded down it may be a base's half below.
        least = float(period["fewest_people"]) - base / 2
        wrong = opened.rows(
            f"SELECT count(*) FROM {_table(name)} WHERE period = ? "
            f"AND coalesce(people < ? OR {together} OR {uneven}, {together})",
            [period["period"], least],
        )
        if wrong != [(0,)] or period["fewest_people"] < _fewest_people(period):
            finding = "a row shows what it must not, in part, or unrounded"
            return Check(title, passed=False, finding=finding)
    return Check(title, passed=True)


def fewest_people_query(table: str) -> str:
    """Return the query whose answer is the fewest noisy people of a row that is shown.

    table: its name in SQL, quoted where it has to be.
    """
    return f"SELECT coalesce(min(people), {_NOBODY}) FROM {table}"


_NOBODY = 1_000_000_000
"""For a table that shows no row: more than there are people."""
_FEWEST = 11


def _fewest_people(period: Document) -> float:
    return _FEWEST + 2 * float(period["noises"]["people"]["sd"]) * (1 - _SAID)


_SAID = 1e-5
"""Numbers of a certificate are said to six digits."""


def _noise_is_enough(opened: _Opened, name: str) -> Check:
    """Compute the noise anew, from a measure's bounds and its share of the budget."""
    table, title = opened.magnitude[name], f"{name}: noise"
    for period in table["periods"]:
        if set(period["noises"]) != {measure["name"] for measure in table["measures"]}:
            return Check(title, passed=False, finding="a measure has no noise")
        costs = math.fsum(noise["rho"] for noise in period["noises"].values())
        if not math.isclose(costs, period["rho"], rel_tol=_SAID):
            return Check(title, passed=False, finding="a period costs what nobody says")
        for measure in table["measures"]:
            noise = period["noises"][measure["name"]]
            sensitivity = _sensitivity(table, measure)
            enough = sensitivity / math.sqrt(2 * noise["rho"])
            if noise["sd"] < enough * (1 - _SAID) or noise["sensitivity"] < sensitivity - TINY:
                return Check(title, passed=False, finding="there is less noise than promised")
            column = _quoted(f"{measure['name']}_sd")
            others = opened.rows(
                f"SELECT count(*) FROM {_table(name)} "
                f"WHERE period = ? AND {column} IS DISTINCT FROM ?",
                [period["period"], noise["sd"]],
            )
            if others != [(0,)]:
                return Check(title, passed=False, finding="a row says another deviation")
    return Check(title, passed=True)


def _sensitivity(table: Document, measure: Document) -> float:
    """Return by how much one person changes a measure of a period (L2): its largest caps.

    A person is the same in all of their cells, so these differ in categories of the event alone.
    """
    most = int(table["cells_a_person"])
    events = [c for c in table["categories"] if not c["of_person"]]
    cells = math.prod(len(category["domain"]) for category in events)
    caps = [float(measure["cap"])] * cells
    for name, others in measure["caps"].items():
        category = next(c for c in table["categories"] if c["name"] == name)
        labels = [float(others.get(label, measure["cap"])) for label in category["domain"]]
        if category["of_person"]:
            caps = [max(labels)] * cells
        else:
            caps = [cap for cap in labels for _ in range(cells // len(labels))]
    return math.sqrt(math.fsum(cap**2 for cap in nlargest(most, caps)))


def _magnitude_order(opened: _Opened, name: str) -> Check:
    row = ", ".join(map(_quoted, _keys(opened.magnitude[name])))
    misplaced = opened.one(
        f"SELECT count(*) FROM (SELECT row({row}) AS r, lag(row({row})) OVER (ORDER BY rowid) AS p "
        f"FROM {_table(name)}) WHERE r < p"
    )
    return Check(f"{name}: canonical order", misplaced == 0, "rows are not sorted by their values")


def _magnitude_labels(opened: _Opened, name: str) -> Check:
    labels = {label for values in _keys(opened.magnitude[name]).values() for label in values}
    kinds = ", ".join(sorted(identifiers_in(labels)))
    return Check(f"{name}: no identifier", not kinds, f"a category looks like: {kinds}")


_MAGNITUDE_CHECKS: tuple[Callable[[_Opened, str], Check], ...] = (
    _full_grid,
    _noise_decides,
    _noise_is_enough,
    _magnitude_order,
    _magnitude_labels,
)


def _within_budget(opened: _Opened) -> Check:
    """No year of all tables together costs more than its budget."""
    budget = opened.certificate["budget"]
    spent: Counter[str] = Counter()
    for table in opened.magnitude.values():
        for period in table["periods"]:
            spent[str(period["year"])] += period["rho"]
    said = {year: entry["rho"] for year, entry in budget["years"].items()}
    passed = all(
        rho <= said.get(year, 0.0) * (1 + _SAID) and said[year] <= budget["rho"] * (1 + _SAID)
        for year, rho in spent.items()
    )
    ever = math.fsum(said.values())
    passed = passed and math.isclose(ever, budget["rho_ever"], rel_tol=_SAID, abs_tol=TINY)
    epsilon = ever + 2 * math.sqrt(ever * math.log(1 / budget["delta"]))
    passed = passed and epsilon <= budget["epsilon_ever"] * (1 + _SAID)
    return Check("privacy budget", passed, "a year reveals more than its budget, or says less")


def _content(opened: _Opened, schema: str, name: str, expected: str) -> Check:
    """Hash the table as its certificate says: names, then distinct rows with their number."""
    title = name if schema == "main" else f"{schema}.{name}"
    columns = [
        column
        for (column,) in opened.rows(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'release' "
            "AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [schema, name],
        )
    ]
    fields = ", ".join(map(_quoted, columns))
    rows = opened.rows(
        f"SELECT {fields}, count(*) FROM release.{schema}.{_quoted(name)} GROUP BY ALL"
    )
    lines = [_line([title, *columns]), *sorted(map(_line, rows), key=str.encode)]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    finding = "rows were changed, removed or added since it was made"
    return Check(f"{title}: content", digest == expected, finding)


def _line(fields: Sequence[object]) -> str:
    return json.dumps(list(fields), ensure_ascii=False, separators=(",", ":"))


def _no_holes(opened: _Opened) -> Check:
    """Where two tables count a group, they differ by nobody or by at least k people."""
    for fine, finer in opened.tables.items():
        for coarse, coarser in opened.tables.items():
            shared = coarser["quasi_identifiers"]
            if fine != coarse and set(shared) <= set(finer["quasi_identifiers"]):
                holes = opened.one(_holes_query(fine, coarse, shared, opened.k))
                if holes != 0:
                    finding = f"{coarse} minus {fine} singles out fewer than {opened.k} people"
                    return Check("no holes", passed=False, finding=finding)
    counts = [opened.one(f"SELECT count(*) FROM {_table(name)}") for name in opened.tables]
    if any(0 < abs(one - other) < opened.k for one, other in combinations(counts, 2)):
        finding = f"two tables are about numbers of people that differ by fewer than {opened.k}"
        return Check("no holes", passed=False, finding=finding)
    return Check("no holes", passed=True)


def _holes_query(fine: str, coarse: str, shared: Sequence[str], k: int) -> str:
    group = ", ".join(map(_quoted, shared))
    same = " AND ".join(f"f.{_quoted(c)} IS NOT DISTINCT FROM c.{_quoted(c)}" for c in shared)
    return (
        f"SELECT count(*) FROM "
        f"(SELECT {group}, count(*) AS n FROM {_table(coarse)} GROUP BY ALL) c FULL JOIN "
        f"(SELECT {group}, count(*) AS n FROM {_table(fine)} GROUP BY ALL) f ON {same} "
        f"WHERE abs(coalesce(c.n, 0) - coalesce(f.n, 0)) BETWEEN 1 AND {k - 1}"
    )


def _table(name: str) -> str:
    return f"release.main.{_quoted(name)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
