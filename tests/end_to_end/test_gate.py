"""The gate in the installed program: an identifier in a harmless column, nothing published."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import Here, Home, change, release
from leaks import CHECKED, DISGUISES, NATIONAL

from pipelines.gate.kinds import Kind
from pipelines.verifier import verify

STAYS = "kind = 'natural person' AND closed_on IS NULL AND date_of_birth < DATE '1990-01-01'"
HARMLESS = "Prizren"


def bank_of(home: Home) -> Path:
    return Path(home.source.removeprefix("duckdb://"))


def somebody(home: Home) -> int:
    """Return the key of somebody who is counted."""
    with duckdb.connect(str(bank_of(home)), read_only=True) as connection:
        query = f"SELECT min(customer_id) FROM customers WHERE {STAYS}"
        ((customer,),) = connection.sql(query).fetchall()
    return int(customer)


def put(home: Home, column: str, value: str, customer: int) -> None:
    with duckdb.connect(str(bank_of(home))) as connection:
        connection.execute(
            f"UPDATE customers SET {column} = ? WHERE customer_id = ?", [value, customer]
        )


def leak(kind: Kind, disguise: str) -> str:
    rng = random.Random(f"{kind}{disguise}")
    wear = next(each.wear for each in DISGUISES if each.name == disguise)
    draw = NATIONAL["Serbia"] if kind is Kind.NATIONAL_NUMBER else CHECKED[kind]
    return wear(draw(rng), rng)


def check_refused(home: Home, here: Here, said: str, hidden: str) -> None:
    before = home.current
    assert before is not None
    done = here(home, "release")
    assert done.code == 11, done.err
    assert said in done.complaint
    assert hidden not in done.err + done.out
    assert home.current == before
    assert verify(before / "statistics.duckdb", before / "certificate.json").passed
    assert home.leftovers == []
    assert [each for each in (home.path / "releases").iterdir() if not each.is_symlink()] == [
        before
    ]


@pytest.mark.parametrize(
    ("kind", "disguise"),
    [
        (Kind.EMAIL, "full width"),
        (Kind.IBAN, "dots"),
        (Kind.NATIONAL_NUMBER, "small, wide, grouped, unseen"),
    ],
)
def test_one_identifier_stops_the_release_and_the_one_before_stays(
    released_home: Home, here: Here, kind: Kind, disguise: str
) -> None:
    value = leak(kind, disguise)
    put(released_home, "municipality", value, somebody(released_home))
    said = f"customers.municipality: fewer than 11 records hold a{'n' * (kind.value[0] in 'eI')} "
    check_refused(released_home, here, said + kind.value, value)


def test_so_does_one_that_the_vocabulary_was_built_from(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    # The hierarchy takes every value, so that nothing else would stop it.
    from pipelines.settings import DEMO_POLICY

    address = leak(Kind.EMAIL, "capitals")
    hierarchies = tmp_path / "hierarchies"
    hierarchies.mkdir()
    for file in (DEMO_POLICY.parents[1] / "hierarchies").glob("*.csv"):
        text = file.read_text("utf-8")
        if file.name == "municipality.csv":
            line = next(line for line in text.splitlines() if line.startswith(HARMLESS))
            text += address + line.removeprefix(HARMLESS) + "\n"
        (hierarchies / file.name).write_text(text, "utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(
        DEMO_POLICY.read_text("utf-8")
        .replace("../hierarchies", str(hierarchies))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies")),
        "utf-8",
    )
    put(released_home, "municipality", address, somebody(released_home))
    done = here(Home(released_home.path, released_home.source, str(policy)), "plan")
    assert done.code == 11, done.err
    assert "customers.municipality: fewer than 11 records hold an e-mail address" in done.complaint
    assert address not in done.err


def test_what_an_objector_s_record_holds_changes_nothing(home: Home, here: Here) -> None:
    customer = somebody(home)
    assert here(home, "objections", "record", "--customer-id", str(customer)).code == 0
    assert here(home, "objections", "resolve", "--all").code == 0
    first = release(home, here) / "statistics.duckdb"
    content = contents(first)
    put(home, "municipality", leak(Kind.EMAIL, "as it is"), customer)
    assert contents(release(home, here) / "statistics.duckdb") == content


def contents(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("FROM customers ORDER BY ALL").fetchall()


def test_an_address_in_an_event_stops_the_release(home: Home, here: Here) -> None:
    those = f"customer_id IN (SELECT customer_id FROM customers WHERE {STAYS})"
    first = f"SELECT min(login_id) FROM logins WHERE {those}"
    change(
        bank_of(home),
        f"UPDATE logins SET channel = 'ana@example.com' WHERE login_id = ({first})",
    )
    done = here(home, "release")
    assert done.code == 11, done.err
    assert "logins.channel: fewer than 11 records hold an e-mail address" in done.complaint
    assert home.current is None
    assert home.leftovers == []
