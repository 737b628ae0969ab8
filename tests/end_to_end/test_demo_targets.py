"""A generated bank in a real PostgreSQL: the same one, whole or not at all, and over no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi
from demo_bank import Bank, read_duckdb, write
from end_to_end.postgres import PASSWORD, Cluster
from end_to_end.program import Home
from polars.testing import assert_frame_equal

from pipelines.demo import DuckDBTarget
from pipelines.demo.postgres import PostgresTarget
from pipelines.demo.schema import KEYS, TABLES
from pipelines.sources.opening import is_demo_bank
from transforms.errors import SourceAway, SourceError

CUSTOMERS = 500


def read_postgres(uri: str) -> Bank:
    """Return all tables of a bank in PostgreSQL."""
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        tables = {}
        for table, schema in TABLES.items():
            # The driver has no decimals for numeric, but text of it.
            columns = ", ".join(
                f'"{column.name}"{"::text" if pa.types.is_decimal(column.type) else ""}'
                for column in schema
            )
            cursor.execute(f"SELECT {columns} FROM {table}")
            rows = pl.DataFrame(cursor.fetch_arrow_table())
            tables[table] = rows.cast(pl.DataFrame(schema.empty_table()).schema)
        return tables


def tables_in(cluster: Cluster, uri: str) -> set[str]:
    name = urlsplit(uri).path[1:]
    said = cluster.sql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return set(said.split())


def count(cluster: Cluster, uri: str, table: str) -> int:
    return int(cluster.sql(urlsplit(uri).path[1:], f"SELECT count(*) FROM {table}"))


def fail(line: str) -> None:
    raise OSError(line)


def test_the_bank_in_postgresql_is_the_one_in_duckdb(postgres: str, tmp_path: Path) -> None:
    rows = write(PostgresTarget(postgres), customers=CUSTOMERS)
    write(DuckDBTarget(tmp_path / "bank.duckdb"), customers=CUSTOMERS)
    expected = read_duckdb(tmp_path / "bank.duckdb")
    assert rows == {table: len(frame) for table, frame in expected.items()}
    for table, found in read_postgres(postgres).items():
        key = list(KEYS[table])
        assert_frame_equal(found.sort(key), expected[table].sort(key))


def test_types_keys_and_indexes_are_those_of_a_real_bank(postgres: str, cluster: Cluster) -> None:
    write(PostgresTarget(postgres), customers=50)
    name = urlsplit(postgres).path[1:]
    types = cluster.sql(
        name,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'loans'::regclass AND attnum > 0",
    )
    for line in ("loan_id|bigint", "principal|numeric(14,2)", "interest_rate|numeric(5,2)",
                 "granted_on|date", "state|text", "term_months|integer"):  # fmt: skip
        assert line in types.splitlines()
    keys = (
        "SELECT tablename FROM pg_indexes WHERE indexname LIKE '%_pkey' AND schemaname = 'public'"
    )
    assert set(cluster.sql(name, keys).split()) == set(TABLES)
    indexes = cluster.sql(name, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    assert "ON public.payments USING btree (account_id)" in indexes
    assert "ON public.debts USING btree (customer_id)" in indexes


def test_it_says_that_it_is_the_demo_and_another_demo_takes_its_place(
    postgres: str, cluster: Cluster
) -> None:
    write(PostgresTarget(postgres), customers=50)
    cluster.sql(urlsplit(postgres).path[1:], "CREATE TABLE of_somebody_else (x int)")
    write(PostgresTarget(postgres), customers=60)
    assert is_demo_bank(postgres)
    assert count(cluster, postgres, "customers") == 60
    assert tables_in(cluster, postgres) == {*TABLES, "of_somebody_else"}


def test_tables_that_no_demo_made_are_not_overwritten(postgres: str, cluster: Cluster) -> None:
    name = urlsplit(postgres).path[1:]
    cluster.sql(name, "CREATE TABLE debts (x int)", "INSERT INTO debts VALUES (1)")
    with pytest.raises(SourceError, match=r"tables already .*\(debts\)"):
        write(PostgresTarget(postgres), customers=50)
    assert tables_in(cluster, postgres) == {"debts"}
    assert count(cluster, postgres, "debts") == 1


def test_a_table_beside_an_earlier_demo_is_not_overwritten_either(
    postgres: str, cluster: Cluster
) -> None:
    write(PostgresTarget(postgres), customers=50)
    name = urlsplit(postgres).path[1:]
    cluster.sql(name, "DROP TABLE logins", "CREATE TABLE logins (x int)")
    with pytest.raises(SourceError, match=r"\(logins\)"):
        write(PostgresTarget(postgres), customers=60)
    assert count(cluster, postgres, "customers") == 50


def test_a_view_on_an_earlier_demo_keeps_it(postgres: str, cluster: Cluster) -> None:
    write(PostgresTarget(postgres), customers=50)
    name = urlsplit(postgres).path[1:]
    cluster.sql(name, "CREATE VIEW seen AS SELECT customer_id FROM customers")
    with pytest.raises(SourceError, match="nothing was written: check rights"):
        write(PostgresTarget(postgres), customers=60)
    assert count(cluster, postgres, "seen") == 50


def test_a_run_that_fails_half_way_leaves_nothing(postgres: str, cluster: Cluster) -> None:
    with pytest.raises(OSError, match="customers"):
        write(PostgresTarget(postgres), customers=50, progress=fail)
    assert tables_in(cluster, postgres) == set()


def test_a_run_that_fails_half_way_leaves_the_earlier_demo(postgres: str, cluster: Cluster) -> None:
    write(PostgresTarget(postgres), customers=50)
    with pytest.raises(OSError, match="customers"):
        write(PostgresTarget(postgres), customers=60, progress=fail)
    assert count(cluster, postgres, "customers") == 50


def test_a_run_that_is_killed_half_way_leaves_nothing(postgres: str, cluster: Cluster) -> None:
    killed = f"""
import os, signal
from pipelines.demo import write_bank
from pipelines.demo.postgres import PostgresTarget
write_bank(PostgresTarget({postgres!r}), customers=50, payments_per_customer=2, seed=1,
           progress=lambda line: os.kill(os.getpid(), signal.SIGKILL))
"""
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert done.returncode == -9
    assert tables_in(cluster, postgres) == set()


def test_an_unreachable_server_and_a_wrong_password_are_told_without_the_uri(
    postgres: str,
) -> None:
    port = urlsplit(postgres).port
    away = postgres.replace(f":{port}/", ":1/")
    with pytest.raises(SourceAway, match="cannot be reached") as unreachable:
        write(PostgresTarget(away), customers=50)
    assert PASSWORD not in str(unreachable.value)
    wrong = postgres.replace(PASSWORD, "another-secret")
    with pytest.raises(SourceError, match="refuses user or password") as told:
        write(PostgresTarget(wrong), customers=50)
    assert "secret" not in str(told.value)
    assert "secret" not in repr(PostgresTarget(wrong))
    # Nor does the cause quote what the driver said.
    assert told.value.__suppress_context__


def test_the_command_writes_to_postgresql_and_csv_and_its_policy_fits(
    postgres: str, home: Home
) -> None:
    csv = home.path.with_name("csv")
    for uri in (postgres, f"csv://{csv}"):
        done = home.run("demo", "--customers", "200", "--to", uri)
        assert done.code == 0, done.err
    assert {path.stem for path in csv.iterdir()} == set(TABLES)
    checked = Home(home.path, postgres).run("check")
    assert checked.code == 0, checked.err
    again = home.run("demo", "--customers", "5", "--to", f"csv://{csv}")
    assert again.code == 11
    assert "never overwritten" in again.complaint
