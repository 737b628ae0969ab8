"""No personal value leaves the boundary: not in a file, a log, an error, or the scheduler."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from end_to_end.postgres import Cluster
from end_to_end.program import HOMES, SAID, Here, Home, Run, change
from end_to_end.watch import CANARY, canary, hidden_text_columns, leaks, seen

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sources.postgres import PostgresBank


@pytest.fixture
def watched(home: Home) -> tuple[Home, list[str]]:
    """A bank in which every hidden text is a canary, and a scheduler of the home's own."""
    columns = hidden_text_columns(Path(home.source.removeprefix("duckdb://")))
    own_scheduler = {
        "PREFECT_API_URL": "",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        # What is said reaches the scheduler while it is there; what remains does not wait for one.
        "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.1",
        "PREFECT_CLIENT_MAX_RETRIES": "1",
    }
    watched = Home(home.path, home.source, home.policy, own_scheduler)
    return watched, [canary(table, column) for table, column in columns]


def found_in(folder: Path, needles: list[str], *texts: str) -> set[str]:
    """Return the needles in any byte of any file below a folder, or in the texts."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    contents += [text.encode() for text in texts]
    return {needle for needle in needles for content in contents if needle.encode() in content}


def test_the_scan_sees_a_value_wherever_it_is_planted(home: Home) -> None:
    needles = ["zqplantedqz"]
    assert found_in(home.path, needles) == set()
    assert found_in(home.path, needles, "a log line with zqplantedqz in it") == set(needles)
    path = home.path / "work" / "live.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        # DuckDB compresses text away from a byte scan; a live control has to force it off.
        connection.execute("PRAGMA force_compression = 'uncompressed'")
        connection.execute("CREATE TABLE t AS SELECT 'zqplantedqz' AS v FROM range(1000)")
    assert found_in(home.path, needles) == set(needles)


def test_no_canary_is_in_any_byte_of_a_release_its_logs_or_the_scheduler(
    watched: tuple[Home, list[str]],
) -> None:
    home, canaries = watched
    done = home.run("release")
    assert done.code == 0, done.err
    assert (home.path / "prefect" / "prefect.db").exists()
    assert found_in(home.path, canaries, done.out, done.err) == set()
    database = str(home.path / "releases" / "current" / "statistics.duckdb")
    with duckdb.connect(database, read_only=True) as connection:
        names = "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        tables = [name for (name,) in connection.execute(names).fetchall()]
        assert len(tables) == 8 + 7
        text = "".join(str(connection.execute(f"FROM {name}").fetchall()) for name in tables)
    assert not any(needle in text for needle in canaries)


FAILURES = {
    "a value outside its hierarchy": (
        f"UPDATE customers SET municipality = '{CANARY}value' WHERE kind = 'natural person'",
        10,
    ),
    "a text where a number was": (
        f"ALTER TABLE customers ALTER income TYPE VARCHAR USING '{CANARY}value'",
        11,
    ),
    "a holder who is nobody": (
        f"ALTER TABLE account_holders ALTER customer_id TYPE VARCHAR USING '{CANARY}value'",
        11,
    ),
    "a kind that no rule keeps": (f"UPDATE customers SET kind = '{CANARY}value'", 13),
}


def test_failing_runs_tell_no_value_either(home: Home) -> None:
    """Nor does the scheduler of all tests hear one: the watch over every test looks there."""
    loud = Home(home.path, home.source, home.policy, {"PREFECT_LOGGING_LEVEL": "DEBUG"})
    bank = Path(home.source.removeprefix("duckdb://"))
    whole = bank.read_bytes()
    for what, (statement, code) in FAILURES.items():
        bank.write_bytes(whole)
        change(bank, statement)
        done = loud.run("release")
        assert done.code == code, what
        assert found_in(home.path, [CANARY], done.out, done.err) == set(), what
        assert home.leftovers == []


def test_a_source_that_forbids_reading_forbidden_columns_is_released(
    home: Home, here: Here
) -> None:
    """Every column that a release must not read raises where it is evaluated."""
    bank = Path(home.source.removeprefix("duckdb://"))
    policy = load_policy(DEMO_POLICY).policy
    reads = policy.reads()
    change(bank, "CREATE SCHEMA raw")
    for table, source in policy.sources.items():
        columns = ", ".join(
            name if name in reads.get(table, ()) else f"error('{name} was read') AS {name}"
            for name in source.columns
        )
        change(
            bank,
            f"CREATE TABLE raw.{table} AS FROM {table}",
            f"DROP TABLE {table}",
            f"CREATE VIEW {table} AS SELECT {columns} FROM raw.{table}",
        )
    # A view has no comment that says demo, so the policy is named.
    named = Home(home.path, home.source, str(DEMO_POLICY))
    assert here(named, "release").code == 0
    change(
        bank,
        "DROP VIEW customers",
        "CREATE VIEW customers AS SELECT *, 1 AS street FROM raw.customers",
    )
    assert here(named, "release").code in {10, 11}


def test_engine_errors_are_replaced_and_keep_no_context() -> None:
    from pipelines.boundary import sealed
    from transforms.errors import EngineError, PolicyError

    def engine() -> None:
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t (n INTEGER CHECK (n < 5))")
            connection.execute("INSERT INTO t SELECT 'zqvalueqz'")

    def ours() -> None:
        try:
            engine()
        except duckdb.Error:
            raise PolicyError("the policy is wrong") from None

    for step, kind in ((engine, EngineError), (ours, PolicyError)):
        with pytest.raises(kind) as caught:
            sealed(step)()
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
        assert "zqvalueqz" not in str(caught.value)


@pytest.mark.parametrize("kind", ["a hidden text", "a key", "an amount", "a date of birth"])
def test_the_watch_over_every_test_sees_a_value_wherever_it_is_planted(
    tmp_path: Path, small_bank: Path, cluster: Cluster, postgres: str, kind: str
) -> None:
    """The live control of `no_personal_value_gets_out`."""
    value = of_somebody(small_bank)[kind]
    server, home = tmp_path / "prefect", tmp_path / "home"
    for folder in (server, home / "work"):
        folder.mkdir(parents=True)
    HOMES.add(home)
    assert seen(server, cluster) == set()

    Run(11, "", f"clause16: {value} is not right")
    assert seen(server, cluster) == {"standard output or error"}
    SAID.clear()

    for path in (server / "prefect.db", home / "work" / "leftover.json"):
        path.write_text(f"… {value} …")
        assert seen(server, cluster) == {str(path)}
        path.unlink()

    with closing(PostgresBank(postgres)) as bank:
        bank.rows(f"SELECT '{value}'")
    assert seen(server, cluster) == {"the log of PostgreSQL"}
    assert seen(server, cluster) == set()


def of_somebody(bank: Path) -> dict[str, str]:
    """Return a value of each kind as the bank has it, the amount and the date as Python says it."""
    query = """
        SELECT c.first_name, a.customer_id, b.balance::DOUBLE, c.date_of_birth
        FROM customers c JOIN account_holders a USING (customer_id)
        JOIN accounts b USING (account_id)
        WHERE c.date_of_birth < DATE '1970-01-01' AND b.balance <> 0 LIMIT 1
    """
    with duckdb.connect(str(bank), read_only=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    kinds = ("a hidden text", "a key", "an amount", "a date of birth")
    return dict(zip(kinds, map(str, row), strict=True))


def test_the_watch_sees_every_key_and_amount_of_the_small_bank(small_bank: Path) -> None:
    columns = {
        "customers": ("customer_id", "income"),
        "accounts": ("account_id", "balance"),
        "account_holders": ("customer_id", "account_id"),
    }
    with duckdb.connect(str(small_bank), read_only=True) as connection:
        for table, names in columns.items():
            for name in names:
                query = f"SELECT {name} FROM {table} WHERE {name} <> 0"
                values = connection.sql(query).pl().to_series()
                assert values.len() > 2000
                assert all(leaks(str(value).encode()) for value in values)
                if name.endswith("_id"):
                    assert leaks(values.to_numpy().tobytes())
                else:
                    assert all(leaks(str(float(value)).encode()) for value in values)
