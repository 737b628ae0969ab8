"""Each thing that can be wrong: its exit code, one clear line, and nothing half published."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from end_to_end.program import Here, Home, change

from pipelines.settings import DEMO_POLICY
from pipelines.verifier import Check, Verification, verify

BANK = {
    "a missing table": ("DROP TABLE accounts", 11, "table accounts"),
    "a missing column": ("ALTER TABLE customers DROP income", 11, "customers.income"),
    "a renamed column": ("ALTER TABLE customers RENAME income TO salary", 11, "customers.income"),
    "an undeclared column": ("ALTER TABLE customers ADD iban VARCHAR", 10, "customers.iban"),
    "an undeclared table": ("CREATE TABLE notes AS SELECT 1 AS n", 10, "table notes"),
    "a column whose type changed": (
        "ALTER TABLE customers ALTER income TYPE VARCHAR",
        11,
        "customers.income",
    ),
    "a customer without a key": (
        "UPDATE customers SET customer_id = NULL WHERE rowid = 7",
        11,
        "customers.customer_id: fewer than 11 rows have no key",
    ),
    "a customer twice": (
        "INSERT INTO customers FROM customers LIMIT 1",
        11,
        "customers.customer_id: fewer than 11 rows repeat",
    ),
    "an account of an unknown customer": (
        "INSERT INTO account_holders SELECT account_id, -5, 'owner' FROM accounts LIMIT 1",
        11,
        "account_holders.customer_id",
    ),
    "a holder of an unknown account": (
        "INSERT INTO account_holders SELECT -5, customer_id, 'owner' FROM customers LIMIT 1",
        11,
        "account_holders.account_id",
    ),
    "a value outside its hierarchy": (
        "UPDATE customers SET occupation = 'wizard' WHERE kind = 'natural person'",
        10,
        "customers.occupation",
    ),
    "an amount that is no number": (
        "ALTER TABLE customers ALTER income TYPE DOUBLE USING 'nan'::DOUBLE",
        11,
        "customers.income",
    ),
    "a date before all calendars": (
        "UPDATE customers SET closed_on = '290000-01-01 (BC)'::DATE WHERE rowid = 3",
        11,
        "customers.closed_on",
    ),
    "an empty table": ("DELETE FROM account_holders; DELETE FROM customers", 11, "is empty"),
    "fewer than k people": (
        "DELETE FROM account_holders; DELETE FROM customers WHERE rowid > 9",
        13,
        "fewer than",
    ),
}


@pytest.mark.parametrize("what", list(BANK))
def test_a_bank_with(released_home: Home, here: Here, what: str) -> None:
    home, before = released_home, released_home.current
    statements, code, said = BANK[what]
    change(Path(home.source.removeprefix("duckdb://")), *statements.split("; "))
    done = here(home, "release")
    assert done.code == code, done.err
    assert said in done.complaint
    assert before is not None
    assert home.current == before
    assert verify(before / "statistics.duckdb", before / "certificate.json").passed
    assert home.leftovers == []


POLICY: dict[str, tuple[str, str, str]] = {
    "a misspelt key": ("[limits]\n", "[limits]\nsupression = 0.1\n", "supression"),
    "a misspelt role": ('role = "sensitive"', 'role = "sensible"', "role"),
    "no hierarchy": ('hierarchy = "municipality"\n', "", "needs a hierarchy"),
    "a hierarchy that is not there": (
        "municipality.csv",
        "municipalities.csv",
        "municipalities.csv",
    ),
    "a forbidden category that nobody answers for": (
        'category = "national identification number"',
        'category = "exact residence"',
        "national identification number",
    ),
    "a clause that collects nothing": ("clause = 9", "clause = 17", "clause"),
    "no TOML": ("[limits]", "[limits", "TOML"),
}


@pytest.mark.parametrize("what", list(POLICY))
def test_a_policy_with(home: Home, here: Here, tmp_path: Path, what: str) -> None:
    old, new, said = POLICY[what]
    text = DEMO_POLICY.read_text(encoding="utf-8")
    assert old in text
    text = (
        text.replace(old, new)
        .replace("../hierarchies", str(DEMO_POLICY.parents[1] / "hierarchies"))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies"))
    )
    policy = tmp_path / "policy.toml"
    policy.write_text(text, encoding="utf-8")
    for verb in ("check", "release"):
        done = here(Home(home.path, home.source, str(policy)), verb)
        assert done.code == 10, done.err
        assert said in done.complaint
    assert home.current is None


def break_registry(home: Home) -> None:
    path = home.path / "registry" / "objections.sqlite"
    path.write_bytes(path.read_bytes()[:100])


def edit_registry(home: Home) -> None:
    import sqlite3

    assert home.run("objections", "record", "--customer-id", "1").code == 0
    with sqlite3.connect(home.path / "registry" / "objections.sqlite") as connection:
        connection.executescript(
            "DROP TRIGGER segments_are_never_changed; UPDATE segments SET events = CAST(replace("
            "CAST(events AS TEXT), 'other', 'email') AS BLOB)"
        )


REGISTRY: dict[str, Callable[[Home], object]] = {
    "missing": lambda home: (home.path / "registry" / "objections.sqlite").unlink(),
    "cut off": break_registry,
    "edited": edit_registry,
    "empty": lambda home: (home.path / "registry" / "objections.sqlite").write_bytes(b""),
    "without its key": lambda home: home.path.with_name("home.key").unlink(),
    "with another key": lambda home: (
        home.run("objections", "record", "--customer-id", "1"),
        home.path.with_name("home.key").write_text("A" * 43 + "="),
    ),
}


@pytest.mark.parametrize("what", list(REGISTRY))
def test_an_opt_out_list_that_is(home: Home, here: Here, what: str) -> None:
    REGISTRY[what](home)
    done = here(home, "release")
    assert done.code == 12, done.err
    assert done.complaint
    assert home.current is None


SOURCES = {
    "duckdb:///nowhere.duckdb": 11,
    "parquet:///nowhere": 11,
    "mysql://host/bank": 11,
    "not a uri": 11,
}


@pytest.mark.parametrize("uri", list(SOURCES))
def test_a_source_that_is_not_there(home: Home, here: Here, uri: str) -> None:
    done = here(Home(home.path, uri, str(DEMO_POLICY)), "release")
    assert done.code == SOURCES[uri]
    assert done.complaint


def test_a_file_that_is_no_bank(home: Home, tmp_path: Path, here: Here) -> None:
    junk = tmp_path / "junk.duckdb"
    junk.write_text("this is not a database" * 1000)
    done = here(Home(home.path, f"duckdb://{junk}", str(DEMO_POLICY)), "release")
    assert done.code == 11
    assert "junk.duckdb" in done.complaint


def test_a_source_that_is_not_the_demo_needs_its_policy_named(home: Home, here: Here) -> None:
    change(Path(home.source.removeprefix("duckdb://")), "COMMENT ON TABLE customers IS NULL")
    done = here(home, "release")
    assert done.code == 10
    assert "--policy" in done.complaint


def test_two_runs_at_the_same_time_are_kept_apart(home: Home, here: Here) -> None:
    with (home.path / "lock").open("w") as lock:
        # The weaker lock: a run has to want the home for itself alone.
        fcntl.flock(lock, fcntl.LOCK_SH)
        done = here(home, "release")
        assert done.code == 14
        assert "another run" in done.complaint
    assert here(home, "release").code == 0


def test_a_plan_of_another_policy_and_an_edited_plan_are_refused(
    released_home: Home, here: Here
) -> None:
    home = released_home
    plan = home.path / "plan.json"
    stored = json.loads(plan.read_text())
    plan.write_text(json.dumps(stored | {"levels": stored["levels"] | {"age": 0}}))
    assert here(home, "release").code == 10
    stored["policy_digest"] = "0" * 64
    plan.write_text(json.dumps(stored))
    assert here(home, "release").code == 10
    plan.write_text(json.dumps(stored)[:50])
    assert here(home, "release").code == 10
    assert here(home, "plan").code == 0
    assert here(home, "release").code == 0


def test_a_bank_that_outgrew_its_plan_is_refused_and_the_old_release_stays(
    released_home: Home, here: Here
) -> None:
    home, before = released_home, released_home.current
    change(
        Path(home.source.removeprefix("duckdb://")),
        "DELETE FROM account_holders WHERE customer_id % 8 <> 0",
        "DELETE FROM customers WHERE customer_id % 8 <> 0",
    )
    done = here(home, "release")
    assert done.code == 13
    assert "clause16 plan" in done.complaint
    assert home.current == before


def test_an_older_opt_out_list_is_not_taken_for_the_newest(released_home: Home, here: Here) -> None:
    home, registry = released_home, released_home.path / "registry" / "objections.sqlite"
    older = registry.read_bytes()
    assert home.run("objections", "record", "--customer-id", "4711").code == 0
    assert here(home, "release").code == 0
    registry.write_bytes(older)
    done = here(home, "release")
    assert done.code == 12
    assert "older" in done.complaint


def test_a_csv_without_a_header_is_refused_without_its_first_record(
    home: Home, here: Here, tmp_path: Path
) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "customers.csv").write_text("Ana Krasniqi,1234567890\nBen Berisha,1234567891\n")
    done = here(Home(home.path, f"csv://{folder}", str(DEMO_POLICY)), "check")
    assert done.code == 11
    assert "Krasniqi" not in done.err + done.out
    assert "column 1 of customers" in done.err


def test_init_and_demo_never_overwrite(home: Home, tmp_path: Path) -> None:
    assert home.run("init").code == 12
    bank = tmp_path / "bank.duckdb"
    content = bank.read_bytes()
    done = home.run("demo", "--customers", "5", "--to", f"duckdb://{bank}")
    assert done.code == 11
    assert bank.read_bytes() == content


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "--as-of", "yesterday"],
        ["demo", "--customers", "-3"],
        ["objections", "record"],
        ["objections", "record", "--customer-id", " "],
        ["objections", "record", "--customer-id", "1\n2"],
        ["objections", "record", "--customer-id", "1", "--received-at", "0001-01-01"],
        ["objections", "record", "--customer-id", "1", "--received-at", "2999-01-01"],
        ["verify", "nothing-of-the-kind"],
        ["frobnicate"],
    ],
)
def test_a_command_line_that_makes_no_sense(home: Home, arguments: list[str]) -> None:
    done = home.run(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_every_verb_explains_itself(home: Home) -> None:
    verbs = re.findall(r"^    (\w+)(?: |$)", home.run("--help").out, flags=re.MULTILINE)
    assert {"init", "demo", "release", "plan", "check", "verify", "objections"} <= set(verbs)
    for verb in verbs:
        assert "usage:" in home.run(verb, "--help").out


def test_help_imports_no_heavy_library() -> None:
    import subprocess
    import sys

    heavy = "{'polars', 'duckdb', 'prefect', 'numpy', 'pydantic', 'faker', 'presidio_analyzer'}"
    script = f"import pipelines.cli, sys; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_failing_verification_leaves_the_previous_release_current(
    released_home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import build

    home, before = released_home, released_home.current
    failed = Verification((Check("planted", passed=False, finding="as planted"),))
    monkeypatch.setattr(build, "verify", lambda *_: failed)
    assert here(home, "release").code == 13
    assert home.current == before
    assert home.leftovers == []


def test_an_objection_during_a_run_stops_its_publication(
    home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import build

    def overtaken(staging: Path) -> object:
        assert home.run("objections", "record", "--customer-id", "4711").code == 0
        return verified(staging)

    verified = build.verify_staging
    monkeypatch.setattr(build, "verify_staging", overtaken)
    assert here(home, "release").code == 13
    assert home.current is None
    monkeypatch.undo()
    assert here(home, "release").code == 0


def test_a_home_that_cannot_be_one_is_a_matter_of_files(home: Home, here: Here) -> None:
    shutil.rmtree(home.path / "registry")
    (home.path / "registry").write_text("a file where a folder was")
    assert here(home, "release").code == 12
    for server in ({}, {"PREFECT_API_URL": ""}):
        nowhere = Home(Path("/proc/nowhere"), home.source, environment=server)
        done = nowhere.run("release")
        assert done.code == 14
        assert done.complaint
    for place in ("/", "~nobodyhere/x"):
        assert home.run("check", "--home", place).code in {0, 2}
