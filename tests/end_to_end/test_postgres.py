"""A production PostgreSQL as the source: rights, one state, timeouts, TLS, and how it fails."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from adbc_driver_postgresql import dbapi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from end_to_end.postgres import PASSWORD, Cluster
from end_to_end.program import SMALL, Here, Home, generate, new_home
from end_to_end.rights import OFFICER, RELEASE, grant

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sources.bank import DEMO_MARK
from pipelines.sources.postgres import PostgresBank
from transforms.errors import SourceAway, SourceError
from transforms.policy.roles import Role

POLICY = load_policy(DEMO_POLICY).policy


def contents(home: Home) -> dict[str, str]:
    assert home.current is not None
    document = json.loads((home.current / "certificate.json").read_text(encoding="utf-8"))
    return {name: table["content"] for name, table in document["tables"].items()}


def logged(cluster: Cluster, since: int = 0) -> str:
    """Return what the server logged after so many bytes."""
    return cluster.log.read_bytes()[since:].decode(errors="replace")


# ------------------------------------------------------------------------------------- the release


def test_the_role_of_a_release_makes_the_same_release_as_a_file(
    released_home: Home, cluster: Cluster, database: str, here: Here
) -> None:
    expected = contents(released_home)
    grant(cluster, database, released_home, here, "release")
    done = here(Home(released_home.path, cluster.uri(database, RELEASE)), "release")
    assert done.code == 0, done.err
    assert contents(released_home) == expected


# --------------------------------------------------------------------------- one state, one stream


def test_all_tables_of_a_run_are_read_in_one_state(cluster: Cluster, database: str) -> None:
    with closing(PostgresBank(cluster.uri(database))) as bank:
        before = sum(batch.height for batch in bank.read("customers", ["customer_id"]))
        cluster.sql(database, "DELETE FROM account_holders", "UPDATE accounts SET balance = 0")
        holders = sum(batch.height for batch in bank.read("account_holders", ["customer_id"]))
        money = sum(
            float(batch.get_column("balance").abs().sum())
            for batch in bank.read("accounts", ["balance"])
        )
    assert min(before, holders, money) > 0


def test_the_transaction_is_read_only_and_has_an_end(cluster: Cluster, database: str) -> None:
    settings = {
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
        "statement_timeout": "2h",
        "lock_timeout": "1min",
    }
    with closing(PostgresBank(cluster.uri(database))) as bank:
        for name, value in settings.items():
            assert bank.rows(f"SELECT current_setting('{name}')") == [(value,)]
    patient = cluster.uri(database) + "?options=-c%20statement_timeout%3D5min"
    with closing(PostgresBank(patient)) as bank:
        assert bank.rows("SELECT current_setting('statement_timeout')") == [("5min",)]


def test_a_table_is_streamed_in_batches(cluster: Cluster, database: str) -> None:
    cluster.sql(
        database,
        "CREATE TABLE wide AS SELECT i AS a, repeat('x', 100) AS b "
        "FROM generate_series(1, 300000) i",
    )
    with closing(PostgresBank(cluster.uri(database))) as bank:
        heights = [batch.height for batch in bank.read("wide", ["a", "b"])]
    assert sum(heights) == 300_000
    assert len(heights) > 2
    assert max(heights) < 150_000


def test_types_are_read_as_what_they_mean(cluster: Cluster, postgres: str) -> None:
    database = postgres.rpartition("/")[2]
    cluster.sql(
        database,
        "CREATE TYPE mood AS ENUM ('fine', 'bad')",
        "CREATE DOMAIN town AS varchar(20)",
        "CREATE TABLE things (a numeric(20, 0), b numeric(12, 2), c char(5), d uuid, e mood, "
        "f town, g timestamptz, h numeric, i jsonb)",
        "INSERT INTO things VALUES (12345678901234567890, 1.25, 'ab', "
        "'00000000-0000-0000-0000-000000000001', 'bad', 'Peja', '2026-01-01 00:30+02', 'NaN', "
        "'{}')",
        "CREATE TABLE parts (a int) PARTITION BY RANGE (a)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
    )
    with closing(PostgresBank(postgres)) as bank:
        schema = bank.schema()
        (row,) = next(bank.read("things", list("abcdefgh"))).rows()
    assert set(schema) == {"things", "parts"}
    assert [str(kind) for kind in schema["things"].values()] == [
        *("integer", "number", "text", "text", "text", "text", "timestamp", "number", "None"),
    ]
    assert row[:6] == (
        *("12345678901234567890", 1.25, "ab", "00000000-0000-0000-0000-000000000001"),
        *("bad", "Peja"),
    )
    assert row[6] == datetime(2025, 12, 31, 22, 30)  # noqa: DTZ001 - a time of UTC without its zone


@pytest.mark.parametrize("encoding", ["UTF8", "WIN1250", "SQL_ASCII"])
def test_text_is_read_whatever_the_encoding_of_the_database(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Else a key in another encoding would be bytes that no frame can compare."""
    database = cluster.new_database(f"template0 ENCODING '{encoding}' LOCALE 'C'")
    cluster.sql(
        database,
        "CREATE TABLE t (a text)",
        "SET client_encoding = 'UTF8'",
        "INSERT INTO t VALUES ('Prishtinë')",
    )
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with closing(PostgresBank(cluster.uri(database))) as bank:
        assert next(bank.read("t", ["a"])).get_column("a").to_list() == ["Prishtinë"]


def test_bytes_that_are_no_text_are_refused(cluster: Cluster) -> None:
    database = cluster.new_database("template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    cluster.sql(
        database, "CREATE TABLE t AS SELECT convert_from('\\xeb41'::bytea, 'SQL_ASCII') AS a"
    )
    with (
        closing(PostgresBank(cluster.uri(database))) as bank,
        pytest.raises(SourceError, match="table t cannot be read"),
    ):
        list(bank.read("t", ["a"]))


def test_a_table_that_shows_the_role_some_of_its_rows_is_refused_not_cut(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    cluster.sql(
        database,
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY half ON customers USING (customer_id % 2 = 0)",
    )
    said = refused(as_release, here)
    assert "table customers cannot be read: the role may not read it, or not all its rows" in said


def test_a_reading_that_rests_is_not_ended(cluster: Cluster, database: str) -> None:
    cluster.sql(database, f"ALTER DATABASE {database} SET idle_in_transaction_session_timeout = 50")
    with closing(PostgresBank(cluster.uri(database))) as bank:
        list(bank.read("customers", ["customer_id"]))
        time.sleep(0.3)
        assert list(bank.read("accounts", ["balance"]))


def test_a_domain_over_a_domain_is_what_it_is_made_of(cluster: Cluster, postgres: str) -> None:
    database = postgres.rpartition("/")[2]
    cluster.sql(
        database,
        "CREATE DOMAIN amount AS numeric(12, 2)",
        "CREATE DOMAIN income AS amount CHECK (VALUE >= 0)",
        "CREATE DOMAIN number AS numeric(9, 0)",
        "CREATE TABLE t (a income, b number)",
    )
    with closing(PostgresBank(postgres)) as bank:
        assert [str(kind) for kind in bank.schema()["t"].values()] == ["number", "integer"]


# ------------------------------------------------------------------------------------------- TLS


def test_tls_is_used_where_the_server_has_it(
    cluster: Cluster, as_release: Home, here: Here
) -> None:
    with encrypted(cluster) as authority:
        done = here(as_release, "release")
        assert done.code == 0, done.err
        log = logged(cluster)
        assert "application_name=clause16 SSL enabled (protocol=TLSv1.3" in log
        demanded = Home(
            as_release.path, f"{as_release.source}?sslmode=verify-full&sslrootcert={authority}"
        )
        assert here(demanded, "check").code == 0
        strangers = Home(
            as_release.path, f"{as_release.source}?sslmode=verify-full&sslrootcert={PATH_OF_NOBODY}"
        )
        refused = here(strangers, "check")
        assert refused.code == 11
        assert "do not agree on TLS" in refused.complaint


PATH_OF_NOBODY = "/nonexistent/root.crt"


@contextmanager
def encrypted(cluster: Cluster) -> Iterator[Path]:
    """Let the server speak TLS; yield the certificate that its clients may trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    cluster.put("server.key", private, mode=0o600)
    authority = cluster.put(
        "server.crt", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644
    )
    cluster.sql("postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
    spoken = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    deadline = time.monotonic() + 60
    while cluster.sql("postgres", spoken).strip() != "t":
        assert time.monotonic() < deadline, "the server does not speak TLS"
        time.sleep(0.05)
    trusted = cluster.folder / "trusted.crt"
    trusted.write_bytes(authority.read_bytes())
    try:
        yield trusted
    finally:
        cluster.sql("postgres", "ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")


# --------------------------------------------------------------------------- every way it can fail


def refused(home: Home, here: Here) -> str:
    """Run a release that fails; return its line, having seen that nothing was published."""
    before = home.current
    done = here(home, "release")
    assert done.code == 11, done.err
    assert PASSWORD not in done.err + done.out
    assert home.current == before
    assert home.leftovers == []
    return done.complaint


def test_a_host_that_cannot_be_reached(as_release: Home, here: Here) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    port = as_release.source.rpartition(":")[2].partition("/")[0]
    for source in (
        as_release.source.replace(f":{port}/", f":{nobody}/"),
        as_release.source.replace("127.0.0.1", "bank.invalid"),
    ):
        assert "cannot be reached" in refused(Home(as_release.path, source), here)


def test_a_server_that_answers_nothing(as_release: Home, here: Here) -> None:
    """It takes the connection and is silent: the wait has an end."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/bank?connect_timeout=2"
        assert "cannot be reached" in refused(Home(as_release.path, address), here)


def test_a_wrong_password_user_or_database(
    cluster: Cluster, as_release: Home, here: Here, database: str
) -> None:
    for wrong in (
        cluster.uri(database, RELEASE, "WRONG-SECRET"),
        cluster.uri(database, "nobody"),
        cluster.uri("no_such_bank", RELEASE),
        "postgresql://%zz",
    ):
        said = refused(Home(as_release.path, wrong), here)
        assert "WRONG-SECRET" not in said
        assert "127.0.0.1" not in said
    with pytest.raises(SourceError) as caught:
        PostgresBank(cluster.uri(database, RELEASE, "wrong"))
    assert not caught.value.retry_helps


def test_a_name_in_an_uri_is_taken_for_nothing_else(
    cluster: Cluster, as_release: Home, here: Here
) -> None:
    """A role may be called recovery; its wrong password is not tried again for that."""
    cluster.sql("postgres", "CREATE ROLE recovery LOGIN PASSWORD 'right'")
    uri = cluster.uri("too%20many%20clients", "recovery", "wrong")
    assert "refuses user or password" in refused(Home(as_release.path, uri), here)
    uri = cluster.uri("too%20many%20clients", "recovery", "right")
    assert "has no such database" in refused(Home(as_release.path, uri), here)
    cluster.sql("postgres", "DROP ROLE recovery")


def test_an_uri_reaches_the_driver_as_it_was_written(cluster: Cluster, database: str) -> None:
    cluster.sql("postgres", "CREATE ROLE plus LOGIN PASSWORD 'a+b c'")
    port = cluster.port
    for uri in (
        f"postgresql://plus@127.0.0.1:{port}/{database}?password=a+b%20c",
        f"postgresql:///{database}?host=127.0.0.1&port={port}&user=plus&password=a+b%20c",
    ):
        with closing(PostgresBank(uri)) as bank:
            assert bank.rows("SELECT current_setting('application_name')") == [("clause16",)]
    with pytest.raises(SourceAway):
        PostgresBank(f"postgresql:///{database}?host=/nonexistent&user=plus")
    cluster.sql("postgres", "DROP ROLE plus")


def test_a_role_that_may_not_read(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    cluster.sql(database, f"REVOKE SELECT (balance) ON accounts FROM {RELEASE}")
    said = refused(as_release, here)
    assert "table accounts cannot be read: the role may not read it" in said
    assert "clause16 grants" in said


def test_a_table_that_a_migration_holds(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    cluster.sql(database, f"ALTER ROLE {RELEASE} SET lock_timeout = '300ms'")
    with closing(dbapi.connect(cluster.uri(database))) as migration:
        with migration.cursor() as cursor:
            cursor.execute("ALTER TABLE customers ADD COLUMN notes text")
        said = refused(as_release, here)
        migration.rollback()
    assert "table customers cannot be read: somebody holds a lock on it" in said
    assert here(as_release, "release").code == 0


def test_a_statement_that_takes_too_long(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    cluster.sql(
        database,
        *slowly("customers", 0.001),
        f"GRANT SELECT ON customers TO {RELEASE}",
        f"ALTER ROLE {RELEASE} SET statement_timeout = '1s'",
    )
    said = refused(as_release, here)
    assert "table customers cannot be read: it takes longer than the statement_timeout" in said


def slowly(table: str, seconds: float) -> list[str]:
    """Put a view in a table's place that takes so long for every row."""
    waiting = f"pg_sleep({seconds}) IS NOT NULL"
    return [
        "CREATE SCHEMA stored",
        f"ALTER TABLE {table} SET SCHEMA stored",
        f"CREATE VIEW {table} AS SELECT * FROM stored.{table} WHERE {waiting}",
        f"COMMENT ON VIEW {table} IS '{DEMO_MARK}'",
    ]


def test_a_column_renamed_between_two_runs(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    assert here(as_release, "release").code == 0
    cluster.sql(database, "ALTER TABLE customers RENAME COLUMN income TO monthly_income")
    said = refused(as_release, here)
    assert "customers.income is in the policy and not in the source" in said
    cluster.sql(database, "ALTER TABLE customers RENAME COLUMN monthly_income TO income")
    assert here(as_release, "release").code == 0


def dying(uri: str, stop: Callable[[], None]) -> SourceError:
    """Read a table whose server goes away after the first batch; return what is said."""
    with closing(PostgresBank(uri)) as bank:
        batches = bank.read("long", ["a", "b"])
        next(batches)
        stop()
        with pytest.raises(SourceError) as caught:
            for _ in batches:
                pass
    assert caught.value.__cause__ is None
    return caught.value


LONG = (
    "CREATE TABLE long AS SELECT i AS a, repeat('CANARY', 20) AS b "
    "FROM generate_series(1, 600000) i"
)


def test_a_server_that_dies_in_mid_read(own_cluster: Cluster) -> None:
    """The machine that the server runs on loses its power; then it comes back."""
    database = own_cluster.new_database()
    own_cluster.sql(database, LONG)
    said = dying(own_cluster.uri(database), own_cluster.kill)
    assert isinstance(said, SourceAway)
    assert "table long cannot be read: the connection to the server broke" in str(said)
    assert "CANARY" not in str(said)
    own_cluster.start()
    with closing(PostgresBank(own_cluster.uri(database))) as bank:
        assert sum(batch.height for batch in bank.read("long", ["a"])) == 600_000


def test_an_administrator_who_ends_the_connection(cluster: Cluster, postgres: str) -> None:
    database = postgres.rpartition("/")[2]
    cluster.sql(database, LONG)

    def end() -> None:
        cluster.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND application_name = 'clause16'",
        )

    assert isinstance(dying(postgres, end), SourceAway)


def test_a_release_whose_server_is_killed_publishes_nothing_and_the_next_is_clean(
    own_cluster: Cluster, tmp_path: Path, here: Here
) -> None:
    database = own_cluster.new_database()
    generate(own_cluster.uri(database), SMALL)
    home = new_home(tmp_path, own_cluster.uri(database))
    assert here(home, "release").code == 0
    own_cluster.sql(database, *slowly("accounts", 0.002))
    # The reading of accounts takes some seconds now; the power goes while it is under way.
    killer = threading.Thread(target=kill_while_it_reads, args=(own_cluster, "accounts"))
    killer.start()
    said = refused(home, here)
    killer.join()
    assert "the connection to the server broke" in said
    own_cluster.start()
    assert here(home, "release").code == 0


def kill_while_it_reads(cluster: Cluster, table: str) -> None:
    reading = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clause16' "
        f"AND state = 'active' AND query LIKE 'COPY%FROM%{table}%'"
    )
    deadline = time.monotonic() + 60
    while cluster.sql("postgres", reading).strip() == "0":
        assert time.monotonic() < deadline, f"{table} is not read"
        time.sleep(0.1)
    cluster.kill()


# ------------------------------------------------------------------------------------ its own log


def test_the_servers_own_log_names_columns_and_no_person(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    """Objectors are left out on our side, and asked for in no query's text."""
    home = with_officer(cluster, database, as_release, here)
    key = cluster.sql(database, "SELECT max(customer_id) FROM customers").strip()
    before = cluster.log.stat().st_size
    assert here(home, "objections", "record", "--customer-id", key).code == 0
    assert here(home, "release").code == 0
    ours = logged(cluster, before)
    # A live control: every statement is in the log.
    assert 'COPY (SELECT "customer_id"' in ours
    for forbidden in (PASSWORD, key, "personal_number", "first_name"):
        assert forbidden not in ours


def with_officer(cluster: Cluster, database: str, home: Home, here: Here) -> Home:
    """Return the home with the officer's role beside that of the release."""
    grant(cluster, database, home, here, "officer")
    asks = {"CLAUSE16_OFFICER_SOURCE": cluster.uri(database, OFFICER)}
    return Home(home.path, home.source, home.policy, home.environment | asks)


def test_the_officer_finds_whom_the_release_leaves_out(
    cluster: Cluster, database: str, as_release: Home, here: Here
) -> None:
    key = cluster.sql(
        database, "SELECT max(customer_id) FROM customers WHERE kind = 'natural person'"
    ).strip()
    cluster.sql(
        database, f"UPDATE customers SET email = 'a.b@posta.example' WHERE customer_id = {key}"
    )
    recorded = here(as_release, "objections", "record", "--email", "A.B@posta.example")
    assert "$CLAUSE16_OFFICER_SOURCE" in recorded.out
    assert here(as_release, "release").code == 12
    home = with_officer(cluster, database, as_release, here)
    assert here(home, "release").code == 0
    assert home.current is not None
    annex = json.loads((home.current / "annex.json").read_text("utf-8"))
    assert annex["left_out"]["objected (clause 16)"] == 1
    # Who was found is found also where only the release's role is at hand.
    assert here(as_release, "release").code == 0


def test_no_query_reads_a_hidden_column(cluster: Cluster, database: str) -> None:
    hidden = {Role.FORBIDDEN, Role.IDENTIFIER, Role.UNUSED}
    before = cluster.log.stat().st_size
    with closing(PostgresBank(cluster.uri(database))) as bank:
        for table, columns in POLICY.reads().items():
            assert not any(POLICY.sources[table].columns[name].role in hidden for name in columns)
            for _ in bank.read(table, columns):
                pass
    queries = logged(cluster, before)
    read = {name for columns in POLICY.reads().values() for name in columns}
    for source in POLICY.sources.values():
        for name in source.columns.keys() - read:
            assert f'"{name}"' not in queries
