"""From what objectors gave to customers, in real sources: files, and a server by its functions."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from adbc_driver_postgresql import dbapi
from builders import policy_fields
from end_to_end.postgres import PASSWORD, Cluster
from end_to_end.program import change
from end_to_end.rights import OFFICER

from pipelines import names
from pipelines.grants import Place, officer_grants
from pipelines.lookups import LOOKUPS, SPELLINGS
from pipelines.objections.lookup import look_up
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.errors import PolicyError, SourceAway, SourceError
from transforms.identity import Outcome, Verdict, questions, spelling_of, verdicts
from transforms.objection import Identifiers
from transforms.policy.sources import Subject
from transforms.policy.whole import Policy

POLICY = load_policy(DEMO_POLICY).policy
REGION = POLICY.objections.region

PLANTED = {
    "mail": {"email": "Arta.Hoxha@example.org"},
    "phone": {"phone": "+383 44 987-654"},
    "marks": {"first_name": "Gëzim", "last_name": "Đorđević", "date_of_birth": "1961-02-03"},
    "ana": {"first_name": "Ana", "last_name": "Marić", "date_of_birth": "1990-05-06"},
    "other ana": {
        "first_name": "ANA",
        "last_name": "Maric",
        "date_of_birth": "1990-05-06",
        "email": "ana@example.org",
    },
    "private": {"personal_number": "1234567891", "email": "private@example.org"},
    "trade": {"personal_number": " 1 234 567 891", "email": "trade@example.org"},
    "dummy": {"personal_number": "9999999999", "email": "dummy@example.org"},
    "other dummy": {"personal_number": "9999999999"},
}
"""What some customers of the small bank are called and have, by what they are here for."""
IBAN, JOINT_IBAN, PAYEES_IBAN = (
    "XK051212012345678906",
    "XK051212012345678907",
    "XK051212012345678908",
)
RELATIVES_PHONE, LETTERS_MAIL = "+38349555666", "another@example.org"


class Bank:
    """The small bank's customers by what they are here for, and the statements that plant them."""

    def __init__(self, path: Path) -> None:
        with duckdb.connect(str(path), read_only=True) as bank:
            holders = bank.sql(
                "SELECT account_id, list(customer_id ORDER BY customer_id) FROM account_holders "
                "GROUP BY account_id ORDER BY account_id"
            ).fetchall()
            keys = bank.sql("SELECT customer_id FROM customers ORDER BY customer_id").fetchall()
            ((writer,),) = bank.sql("SELECT max(customer_id) FROM correspondence").fetchall()
        single = next(row for row in holders if len(row[1]) == 1)
        joint = next(row for row in holders if len(row[1]) == 2)
        taken = {single[1][0], *joint[1], writer}
        free = [key for (key,) in keys if key not in taken]
        self.keys = dict(zip(PLANTED, free, strict=False))
        self.holder, self.holders = str(single[1][0]), tuple(sorted(map(str, joint[1])))
        self.statements = (
            *(
                f"UPDATE customers SET {', '.join(f'{c} = {_sql(c, v)}' for c, v in said.items())} "
                f"WHERE customer_id = {self.keys[name]}"
                for name, said in PLANTED.items()
            ),
            f"UPDATE accounts SET iban = '{IBAN}' WHERE account_id = {single[0]}",
            f"UPDATE accounts SET iban = '{JOINT_IBAN}' WHERE account_id = {joint[0]}",
            f"UPDATE relatives SET phone = '{RELATIVES_PHONE}'",
            f"UPDATE payees SET iban = '{PAYEES_IBAN}'",
            f"UPDATE correspondence SET email = '{LETTERS_MAIL}' WHERE customer_id = {writer}",
        )
        self.writer = str(writer)

    def of(self, *people: str) -> tuple[str, ...]:
        """Return the keys of people."""
        return tuple(sorted(str(self.keys[name]) for name in people))


def _sql(column: str, value: str) -> str:
    return f"DATE '{value}'" if column == "date_of_birth" else f"'{value}'"


@pytest.fixture(scope="module")
def bank(small_bank: Path) -> Bank:
    return Bank(small_bank)


@pytest.fixture(scope="module")
def in_duckdb(tmp_path_factory: pytest.TempPathFactory, small_bank: Path, bank: Bank) -> str:
    path = tmp_path_factory.mktemp("asked") / "bank.duckdb"
    shutil.copy(small_bank, path)
    change(path, *bank.statements)
    return f"duckdb://{path}"


@pytest.fixture(scope="module")
def in_csv(tmp_path_factory: pytest.TempPathFactory, in_duckdb: str) -> str:
    folder = tmp_path_factory.mktemp("asked-csv")
    with duckdb.connect(in_duckdb.removeprefix("duckdb://"), read_only=True) as connection:
        for table in POLICY.sources:
            connection.execute(f"COPY {table} TO '{folder}/{table}.csv' (HEADER)")
    return f"csv://{folder}"


@pytest.fixture(scope="module")
def asked_database(cluster: Cluster, postgres_bank: str, bank: Bank) -> str:
    """The name of a database with the planted bank and the officer's functions."""
    name = cluster.new_database(template=postgres_bank)
    cluster.sql(name, *bank.statements)
    granted = cluster.psql(name, "-f", "-", stdin=officer_grants(POLICY, Place(OFFICER, "public")))
    assert granted.returncode == 0, granted.stderr
    cluster.sql(name, f"ALTER ROLE {OFFICER} PASSWORD '{PASSWORD}'")
    return name


@pytest.fixture(scope="module")
def in_postgres(cluster: Cluster, asked_database: str) -> str:
    return cluster.uri(asked_database, OFFICER)


@pytest.fixture(params=["in_duckdb", "in_csv", "in_postgres"])
def source(request: pytest.FixtureRequest) -> str:
    """A source of each kind, all with the same customers."""
    return str(request.getfixturevalue(request.param))


def verdict(source: str, **given: str | date) -> Verdict:
    """Return whom one objector means."""
    identifiers = Identifiers(**given)  # type: ignore[arg-type]  # texts, and dates where they belong
    asked = questions([(5, identifiers)], REGION)
    found = look_up(source, POLICY, asked)
    return verdicts(found, asked).get(5, Verdict(Outcome.NOBODY))


# ----------------------------------------------------------------------------------- who is it?


def test_everybody_is_found_by_what_they_gave_however_they_wrote_it(
    source: str, bank: Bank
) -> None:
    assert verdict(source, email=" arta.hoxha@EXAMPLE.org") == Verdict(Outcome.ONE, bank.of("mail"))
    assert verdict(source, iban="xk05 1212 0123 4567 8906") == Verdict(Outcome.ONE, (bank.holder,))
    assert verdict(source, phone="044 987 654") == Verdict(Outcome.ONE, bank.of("phone"))
    assert verdict(source, name="DJORDJEVIC, Gezim", born=date(1961, 2, 3)) == Verdict(
        Outcome.ONE, bank.of("marks")
    )
    assert verdict(source, customer_id=f" {bank.keys['mail']}\u00a0") == Verdict(
        Outcome.ONE, bank.of("mail")
    )


def test_a_person_with_two_records_is_found_with_both_by_either(source: str, bank: Bank) -> None:
    both = Verdict(Outcome.ONE, bank.of("private", "trade"))
    assert verdict(source, email="private@example.org") == both
    assert verdict(source, email="trade@example.org") == both
    assert verdict(source, personal_number="123-456-789-1") == both
    assert verdict(source, customer_id=str(bank.keys["trade"])) == both


def test_who_has_no_number_is_not_everybody_without_one(source: str, bank: Bank) -> None:
    """Nor are they who have the same that stands for none; the small bank's canaries are alike."""
    assert verdict(source, email="dummy@example.org") == Verdict(Outcome.ONE, bank.of("dummy"))
    assert verdict(source, personal_number="9999999999") == Verdict(Outcome.NOBODY)


def test_two_people_of_one_name_are_candidates_until_more_is_given(source: str, bank: Bank) -> None:
    named: dict[str, str | date] = {"name": "Marić Ana", "born": date(1990, 5, 6)}
    assert verdict(source, **named) == Verdict(Outcome.SEVERAL, bank.of("ana", "other ana"))
    assert verdict(source, **named, email="ana@example.org") == Verdict(
        Outcome.ONE, bank.of("other ana")
    )
    assert verdict(source, name="Marić Ana", born=date(1990, 5, 7)) == Verdict(Outcome.NOBODY)


def test_a_joint_account_is_all_its_holders(source: str, bank: Bank) -> None:
    assert verdict(source, iban=JOINT_IBAN) == Verdict(Outcome.SEVERAL, bank.holders)
    first = bank.holders[0]
    assert verdict(source, iban=JOINT_IBAN, customer_id=first) == Verdict(Outcome.ONE, (first,))


def test_an_address_on_a_letter_leads_to_who_wrote_it(source: str, bank: Bank) -> None:
    assert verdict(source, email=LETTERS_MAIL) == Verdict(Outcome.ONE, (bank.writer,))


def test_who_is_nobodys_customer_is_nobody(source: str) -> None:
    assert verdict(source, email="nobody@example.org") == Verdict(Outcome.NOBODY)
    for number in ("1", "x", "9999999999999999999", "-0"):
        assert verdict(source, customer_id=number) == Verdict(Outcome.NOBODY)


def test_a_relative_and_a_payee_are_no_customers(source: str, bank: Bank) -> None:
    others = Verdict(Outcome.NOBODY, known_to_others=True)
    assert verdict(source, phone="049 555 666") == others
    assert verdict(source, iban=PAYEES_IBAN) == others
    # A customer's address with somebody else's telephone: a human has to look.
    assert verdict(source, phone="049 555 666", email="ana@example.org") == Verdict(
        Outcome.SEVERAL, bank.of("other ana")
    )


def test_what_stands_in_a_text_is_a_candidate(source: str, bank: Bank) -> None:
    text = f"I am Arta, write to arta.hoxha@example.org or {IBAN}!"
    assert verdict(source, text=text) == Verdict(
        Outcome.SEVERAL, tuple(sorted((*bank.of("mail"), bank.holder)))
    )


def test_many_are_asked_at_once_and_each_is_answered(source: str, bank: Bank) -> None:
    given = [
        (1, Identifiers(email="private@example.org")),
        (2, Identifiers(email="private@example.org", phone="044 987 654")),
        (3, Identifiers(phone="049 555 666")),
        (4, Identifiers(name="Gezim Dordevic", born=date(1961, 2, 3), email="x@example.org")),
    ]
    asked = questions(given, REGION)
    assert verdicts(look_up(source, POLICY, asked), asked) == {
        1: Verdict(Outcome.ONE, bank.of("private", "trade")),
        2: Verdict(Outcome.SEVERAL, bank.of("private", "trade", "phone")),
        3: Verdict(Outcome.NOBODY, known_to_others=True),
        # What they said of themselves does not all fit: somebody has to look.
        4: Verdict(Outcome.SEVERAL, bank.of("marks")),
    }


def test_nothing_asked_is_nothing_found(source: str) -> None:
    assert look_up(source, POLICY, questions([], REGION)).is_empty()


def test_a_table_that_names_both_leads_to_its_customers_alone(tmp_path: Path) -> None:
    fields = policy_fields()
    columns = fields["sources"]["people"]["columns"]
    for column, whose in (("mail", "subject"), ("friend", "others")):
        columns[column] = {"role": "identifier", "clause": 9, "identifies": "email", "whose": whose}
    people = {"id": [1, 2], "mail": ["a@x.org", "b@x.org"], "friend": ["b@x.org", "c@x.org"]}
    pl.DataFrame(people).with_columns(number=pl.lit(None, dtype=pl.String)).write_parquet(
        tmp_path / "people.parquet"
    )
    given = [(n, Identifiers(email=f"{name}@x.org")) for n, name in enumerate("abc")]
    policy = Policy.model_validate(fields)
    asked = questions(given, REGION)
    found = look_up(f"parquet://{tmp_path}", policy, asked)
    assert verdicts(found, asked) == {
        0: Verdict(Outcome.ONE, ("1",)),
        1: Verdict(Outcome.ONE, ("2",)),
        2: Verdict(Outcome.NOBODY, known_to_others=True),
    }


# ------------------------------------------------------------------------------------- one truth


def test_the_server_spells_as_we_do(cluster: Cluster, asked_database: str) -> None:
    written = [
        *(f"{name} {other}" for name, other in zip(
            names.SERBIAN_SURNAMES, (*names.BOSNIAK_TURKISH_SURNAMES, *names.ALBANIAN_MEN),
            strict=False)),
        *("Djordjević", "DJJ", "Ђорђе Љубић", "Ќушевски", "ẞtraße", "Ærø Þór", "Ω mega", "Οδός"),
        *(" Arta.Hoxha@Example.org\u00a0", "ａ＠ｂ.org", "e\u0308\u200bx\u00adyz", "İIıi", ""),  # noqa: RUF001
        *("+383 (0)44 123 456", "0038344123456", "044/123-456", "44123456", "38344123456"),
        *("38312345", "+49 (0)30 123456", "０４４ １２３", "+383044123456", "(0)", "+", "00", "0"),  # noqa: RUF001
        *("0012345678", "I05101999J", "XK05 1212-0123", "\t\u3000x\u2009y\ufeff", "a'b’c‐d–e"),  # noqa: RUF001
    ]  # fmt: skip
    values = pl.DataFrame({"at": range(len(written)), "text": written})
    with closing(dbapi.connect(cluster.uri(asked_database))) as server, server.cursor() as cursor:
        cursor.adbc_ingest("written", values.to_arrow(), mode="create", temporary=True)
        for clue, function in SPELLINGS.items():
            cursor.execute(f"SELECT {LOOKUPS}.{function}(text) FROM pg_temp.written ORDER BY at")
            spelt = [row[0] for row in cursor.fetchall()]
            ours = spelling_of(clue, REGION)
            assert spelt == [ours.of(text) for text in written], clue


def test_a_key_that_is_a_number_is_found_by_its_index(
    cluster: Cluster, asked_database: str
) -> None:
    body = cluster.sql(
        asked_database, "SELECT prosrc FROM pg_proc WHERE proname = 'find_customer_id'"
    )
    explained = cluster.sql(
        asked_database,
        "SET enable_seqscan = off",
        f"EXPLAIN {body.replace('$1', 'ARRAY[1::text]')}",
    )
    assert "Index" in explained
    assert "Seq Scan" not in explained


# ------------------------------------------------------------------------------------- refusals


ANY = questions([(1, Identifiers(email="a@example.org"))], REGION)


def test_a_server_without_the_functions_says_how_to_make_them(
    cluster: Cluster, postgres_bank: str, asked_database: str
) -> None:
    assert asked_database
    bare = cluster.new_database(template=postgres_bank)
    with pytest.raises(SourceError, match="clause16 grants --for officer"):
        look_up(cluster.uri(bare, OFFICER), POLICY, ANY)


def test_another_role_is_told_so(cluster: Cluster, asked_database: str) -> None:
    cluster.sql(asked_database, f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    with pytest.raises(SourceError, match="clause16 grants --for officer"):
        look_up(cluster.uri(asked_database, "guest"), POLICY, ANY)
    cluster.sql(asked_database, "DROP ROLE guest")


def test_a_look_up_that_takes_too_long_is_ended(cluster: Cluster, asked_database: str) -> None:
    slow = cluster.new_database(template=asked_database)
    cluster.sql(
        slow,
        f"CREATE OR REPLACE FUNCTION {LOOKUPS}.find_email(text[]) RETURNS TABLE (asked text, "
        "key text) LANGUAGE sql AS 'SELECT pg_sleep(60)::text, NULL'",
    )
    hurried = f"{cluster.uri(slow, OFFICER)}?options=-c%20statement_timeout%3D300ms"
    with pytest.raises(SourceError, match="statement_timeout"):
        look_up(hurried, POLICY, ANY)


def test_a_server_that_is_away_may_be_asked_later(cluster: Cluster, asked_database: str) -> None:
    away = cluster.uri(asked_database, OFFICER).replace(f":{cluster.port}/", ":1/")
    with pytest.raises(SourceAway):
        look_up(away, POLICY, ANY)


def test_a_column_that_is_not_there_is_named(in_csv: str, tmp_path: Path) -> None:
    shutil.copytree(in_csv.removeprefix("csv://"), tmp_path / "bank")
    letters = tmp_path / "bank" / "correspondence.csv"
    pl.read_csv(letters, infer_schema=False).drop("email").write_csv(letters)
    with pytest.raises(SourceError, match=r"correspondence\.email"):
        look_up(f"csv://{tmp_path}/bank", POLICY, ANY)


def test_a_source_without_keys_has_nobody_to_leave_out(in_duckdb: str) -> None:
    rows = Subject(**{"source": "customers", "row-is-a-person": True})
    policy: Policy = POLICY.model_copy(update={"subject": rows})
    with pytest.raises(PolicyError, match=r"subject\.key"):
        look_up(in_duckdb, policy, ANY)
