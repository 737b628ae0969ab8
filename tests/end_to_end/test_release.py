"""From an operational bank to a verified release, by the installed program."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import Here, Home, Run, change, release

from pipelines import build
from pipelines.objections.registry import Registry
from pipelines.settings import Settings
from pipelines.verifier import Verification, verify

WHOLE_ROW = "SELECT min(n) FROM (SELECT *, count(*) AS n FROM {} GROUP BY ALL)"
TABLES = ["customers", "balances", "tenures", "education"]
OLDEST_READER = Path(sys.executable).parent.parent / "oldest-reader"


def ask(release: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release / "statistics.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def certificate(release: Path) -> dict[str, dict[str, dict[str, object]]]:
    return dict(json.loads((release / "certificate.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("table", TABLES)
def test_every_row_stands_for_eleven_people_and_a_planted_one_is_seen(
    released: tuple[Home, Path], table: str
) -> None:
    _, release = released
    assert int(str(ask(release, WHOLE_ROW.format(table))[0][0])) >= 11
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{release}/statistics.duckdb' AS r (READ_ONLY)")
        connection.execute(f"CREATE TABLE t AS FROM r.{table}")
        connection.execute("INSERT INTO t SELECT * REPLACE ('planted' AS age) FROM t LIMIT 1")
        assert connection.execute(WHOLE_ROW.format("t")).fetchall() == [(1,)]


def test_nearly_all_eligible_people_are_in_the_tables(released: tuple[Home, Path]) -> None:
    _, release = released
    annex = json.loads((release / "annex.json").read_text(encoding="utf-8"))
    for table in TABLES:
        people = int(str(ask(release, f"SELECT count(*) FROM {table}")[0][0]))
        assert people >= 0.95 * annex["eligible"]


def test_the_categories_say_something(released: tuple[Home, Path]) -> None:
    _, release = released
    columns = ("age", "municipality", "occupation", "income")
    for column in columns:
        categories = ask(release, f"SELECT count(DISTINCT {column}) FROM customers")
        assert int(str(categories[0][0])) >= 3, column


def test_tables_and_columns_are_described_in_the_file(released: tuple[Home, Path]) -> None:
    _, release = released
    named = ask(release, 'SELECT DISTINCT "table" FROM about.columns ORDER BY 1')
    microdata = {"balances", "customers", "education", "tenures"}
    counts = {"payments", "logins", "credit", "correspondence"}
    assert {name for (name,) in named} == microdata | counts
    measured = ask(release, 'SELECT DISTINCT "table" FROM about.measures')
    assert {name for (name,) in measured} == counts
    assert ask(release, "SELECT count(*) FROM about.release") == [(1,)]
    bare = "SELECT count(*) FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
    assert ask(release, bare) == [(0,)]
    for query, passes in ask(release, "SELECT query, passes FROM about.checks"):
        least = int(str(passes).removeprefix("at least "))
        assert int(str(ask(release, str(query))[0][0])) >= least


def test_an_older_duckdb_reads_the_release(released: tuple[Home, Path]) -> None:
    _, release = released
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print(duckdb.__version__, c.execute('SELECT count(*) FROM customers').fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(release / "statistics.duckdb")],
        env=os.environ | {"PYTHONPATH": str(OLDEST_READER)},
        capture_output=True,
        text=True,
        check=True,
    )
    version, rows = done.stdout.split()
    assert version == "1.4.0"
    assert ask(release, "SELECT count(*) FROM customers") == [(int(rows),)]


def test_analysts_may_read_the_file_and_only_the_owner_the_annex(
    released: tuple[Home, Path],
) -> None:
    _, release = released
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in release.iterdir()}
    assert modes == {"statistics.duckdb": 0o640, "certificate.json": 0o640, "annex.json": 0o600}


def test_the_certificate_says_what_was_never_read_and_bands_who_was_left_out(
    released: tuple[Home, Path],
) -> None:
    _, release = released
    document = json.loads((release / "certificate.json").read_text(encoding="utf-8"))
    categories = {entry["category"]: entry["columns"] for entry in document["never_read"]}
    assert "customers.personal_number" in categories["national identification number"]
    assert "customers.street" in categories["exact residence"]
    assert document["left_out"]["objected (clause 16)"] == "fewer than 11"
    assert all(check["passed"] for check in document["checks"])
    assert len(document["checks"]) > 10


@pytest.mark.parametrize("named", ["current", "id", "folder", "file"])
def test_a_release_is_verified_however_it_is_named(released: tuple[Home, Path], named: str) -> None:
    home, release = released
    name = {
        "current": "current",
        "id": release.name,
        "folder": str(release),
        "file": str(release / "statistics.duckdb"),
    }[named]
    done = home.run("verify", name, "--json")
    assert done.code == 0
    assert done.answer["verdict"] == "passed"


TAMPERED = {
    "a changed row": (
        "UPDATE customers SET income = (SELECT min(income) FROM customers) "
        "WHERE rowid = (SELECT max(rowid) FROM customers WHERE income IS NOT NULL)"
    ),
    "a removed row": "DELETE FROM customers WHERE rowid = 5",
    "a row that was there already": "INSERT INTO customers SELECT * FROM customers LIMIT 1",
    "a row of a person": (
        "INSERT INTO customers SELECT * REPLACE ('37' AS age) FROM customers LIMIT 1"
    ),
    "another table": "CREATE TABLE notes AS SELECT 1 AS n",
    "a view": "CREATE VIEW peek AS FROM customers",
    "another column": "ALTER TABLE balances ADD COLUMN customer_id VARCHAR",
    "a macro": "CREATE MACRO one() AS 1",
    "a table behind macros that hide it": (
        "CREATE TABLE raw AS SELECT 'Ana' AS name; COMMENT ON TABLE raw IS 'x'; "
        "COMMENT ON COLUMN raw.name IS 'x'; "
        "CREATE MACRO duckdb_columns() AS TABLE SELECT * FROM system.main.duckdb_columns() "
        "WHERE table_name <> 'raw'; "
        "CREATE MACRO duckdb_functions() AS TABLE SELECT * FROM system.main.duckdb_functions() "
        "WHERE internal"
    ),
    "a default": "ALTER TABLE customers ALTER age SET DEFAULT 'Ana 1234567890'",
    "a comment taken away": "COMMENT ON COLUMN customers.age IS NULL",
    "a changed description": "UPDATE about.columns SET meaning = 'something else'",
    "a changed order": (
        "CREATE TEMP TABLE t AS FROM customers; DELETE FROM customers; "
        "INSERT INTO customers SELECT * FROM t ORDER BY ALL DESC"
    ),
    "an identifier": (
        "UPDATE customers SET municipality = 'ana@example.com' WHERE municipality IS NOT NULL"
    ),
}


def certify_anew(copy: Path) -> None:
    """Write the digest of the file as it is now into its certificate, as a forger would."""
    document = json.loads((copy / "certificate.json").read_text(encoding="utf-8"))
    content = (copy / "statistics.duckdb").read_bytes()
    document["database"] = hashlib.sha256(content).hexdigest()
    (copy / "certificate.json").write_text(json.dumps(document), encoding="utf-8")


def verdict_of(release: Path) -> Verification:
    return verify(release / "statistics.duckdb", release / "certificate.json")


@pytest.mark.parametrize("what", list(TAMPERED))
def test_the_verifier_finds(released: tuple[Home, Path], tmp_path: Path, what: str) -> None:
    """Even where the digest of the file was forged as well."""
    copy = tmp_path / "copy"
    shutil.copytree(released[1], copy)
    certify_anew(copy)
    assert verdict_of(copy).passed
    change(copy / "statistics.duckdb", *TAMPERED[what].split("; "))
    assert "file unchanged" in {check.name for check in verdict_of(copy).failures}
    certify_anew(copy)
    failed = {check.name for check in verdict_of(copy).failures}
    assert failed
    assert "file unchanged" not in failed


def test_the_verifier_finds_what_no_query_shows(
    released: tuple[Home, Path], tmp_path: Path
) -> None:
    """A comment, a dropped table's bytes, bytes at the end, a journal beside the file."""
    hidden: dict[str, Callable[[Path], object]] = {
        "comment": lambda path: change(path, "COMMENT ON TABLE customers IS 'Ana 1234567890'"),
        "dropped": lambda path: change(path, "CREATE TABLE t AS SELECT 1 AS n", "DROP TABLE t"),
        "trailing": lambda path: path.write_bytes(path.read_bytes() + b"Ana"),
        "journal": lambda path: path.with_name("statistics.duckdb.wal").write_bytes(b"Ana"),
    }
    for name, hide in hidden.items():
        copy = tmp_path / name
        shutil.copytree(released[1], copy)
        hide(copy / "statistics.duckdb")
        assert not verdict_of(copy).passed, name


@pytest.mark.parametrize(
    "change_it", [{"k": 1}, {"l": 0}, {"k": True}, {"tables": []}, {"about": 5}]
)
def test_a_certificate_that_promises_nothing_fails(
    released: tuple[Home, Path], tmp_path: Path, change_it: dict[str, object]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(released[1], copy)
    document = json.loads((copy / "certificate.json").read_text(encoding="utf-8"))
    (copy / "certificate.json").write_text(json.dumps(document | change_it), encoding="utf-8")
    assert not verdict_of(copy).passed


def test_verify_says_what_failed_and_exits_with_13(
    released: tuple[Home, Path], tmp_path: Path
) -> None:
    home, release = released
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    change(copy / "statistics.duckdb", "DELETE FROM customers WHERE rowid = 5")
    done = home.run("verify", str(copy), "--json")
    assert done.code == 13
    assert done.answer["verdict"] == "failed"


def test_a_truncated_file_and_a_lost_certificate_fail_the_verification(
    released: tuple[Home, Path], tmp_path: Path
) -> None:
    home, release = released
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    database = copy / "statistics.duckdb"
    database.write_bytes(database.read_bytes()[:20_000])
    assert home.run("verify", str(copy)).code == 13
    shutil.copy(release / "statistics.duckdb", database)
    (copy / "certificate.json").unlink()
    assert home.run("verify", str(copy)).code == 13


def test_a_new_release_takes_the_place_of_the_old_one_and_open_readers_keep_theirs(
    home: Home,
) -> None:
    first = home.release()
    reader = duckdb.connect(
        str(home.path / "releases" / "current" / "statistics.duckdb"), read_only=True
    )
    before = reader.execute("SELECT count(*) FROM customers").fetchall()
    second = home.release()
    assert home.current == second
    assert reader.execute("SELECT count(*) FROM customers").fetchall() == before
    reader.close()
    assert not (first / "statistics.duckdb").exists()
    assert (first / "certificate.json").exists()
    assert home.leftovers == []


def test_the_plan_is_stored_and_applied_unchanged(home: Home, here: Here) -> None:
    planned = here(home, "plan", "--json")
    assert planned.code == 0, planned.err
    digest = planned.answer["digest"]
    for _ in range(2):
        document = json.loads(
            (release(home, here) / "certificate.json").read_text(encoding="utf-8")
        )
        assert document["plan"]["digest"] == digest


def test_an_objector_is_in_no_later_release_as_if_they_did_not_exist(
    home: Home, tmp_path: Path, here: Here
) -> None:
    release(home, here)
    ids = ask_bank(home, "SELECT customer_id FROM customers WHERE kind = 'natural person' LIMIT 40")
    for customer_id in ids:
        recorded = here(home, "objections", "record", "--customer-id", customer_id)
        assert recorded.code == 0, recorded.err
    with_objections = certificate(release(home, here))
    gone = ", ".join(ids)
    other = Home(tmp_path / "other", f"duckdb://{tmp_path}/without.duckdb")
    shutil.copy(home.source.removeprefix("duckdb://"), tmp_path / "without.duckdb")
    change(
        tmp_path / "without.duckdb",
        f"DELETE FROM account_holders WHERE customer_id IN ({gone})",
        f"DELETE FROM customers WHERE customer_id IN ({gone})",
    )
    assert here(other, "init").code == 0
    shutil.copy(home.path / "plan.json", other.path / "plan.json")
    without = certificate(release(other, here))
    for table in TABLES:
        assert with_objections["tables"][table]["content"] == without["tables"][table]["content"]
    annexed = json.loads((home.current or Path()).joinpath("annex.json").read_text("utf-8"))
    assert annexed["left_out"]["objected (clause 16)"] == 40


def ask_bank(home: Home, query: str) -> list[str]:
    with duckdb.connect(home.source.removeprefix("duckdb://"), read_only=True) as connection:
        return [str(value) for (value,) in connection.execute(query).fetchall()]


def test_objections_are_listed_without_the_people(home: Home) -> None:
    run: Run = home.run(
        "objections", "record", "--customer-id", "4711471147114711", "--channel", "letter"
    )
    assert run.code == 0, run.err
    listed = home.run("objections", "list")
    assert "letter" in listed.out
    assert "4711471147114711" not in listed.out
    registry = home.path / "registry" / "objections.sqlite"
    assert b"4711471147114711" not in registry.read_bytes()


def test_a_release_that_cannot_be_retired_is_told_and_retired_by_the_next_one(
    released_home: Home,
    here: Here,
) -> None:
    first = released_home.current
    assert first is not None
    first.chmod(0o500)
    done = released_home.run_powerless("release")
    assert done.code == 0, done.err
    assert f"the release {first.name} could not be retired" in done.err
    assert released_home.current != first
    assert (first / "statistics.duckdb").exists()
    assert released_home.leftovers == []
    assert not (released_home.path / "last-failure.json").exists()
    watched = here(released_home, "status")
    assert watched.code == 13
    assert f"the release {first.name} could not be retired" in watched.out
    first.chmod(0o750)
    release(released_home, here)
    assert not (first / "statistics.duckdb").exists()
    assert "could not be retired" not in here(released_home, "status").out


def spoil_the_work_folder(settings: Settings) -> None:
    """Leave something that no tidying removes."""
    shutil.rmtree(settings.work)
    settings.work.write_text("no folder")


def fill_the_disk(_settings: Settings) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("trouble", [spoil_the_work_folder, fill_the_disk])
def test_what_fails_after_the_switch_fails_no_release(
    released_home: Home,
    here: Here,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Settings], None],
) -> None:
    before, publish = released_home.current, build.publish

    def troubled(settings: Settings, registry: Registry, staging: Path) -> Path:
        published = publish(settings, registry, staging)
        trouble(settings)
        return published

    monkeypatch.setattr(build, "publish", troubled)
    done = here(released_home, "release")
    assert done.code == 0, done.err
    assert released_home.current != before
    assert "Released and verified" in done.out
    assert "nothing was published" not in done.err
    assert not (released_home.path / "last-failure.json").exists()
