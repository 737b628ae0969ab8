"""A draft for a schema that nobody here wrote a policy for, up to a verified release."""

from __future__ import annotations

import csv
import re
import runpy
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from adbc_driver_postgresql import dbapi
from end_to_end.postgres import Cluster
from end_to_end.program import Here, Home, new_home
from end_to_end.rights import DRAFT, grant

from pipelines.settings import CHECKOUT

EXAMPLES = CHECKOUT / "docs" / "examples"
TABLES = 8


@pytest.fixture(scope="session")
def leasing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated leasing company of docs/newcomer.md, smaller."""
    folder = tmp_path_factory.mktemp("leasing") / "lizingas"
    runpy.run_path(str(EXAMPLES / "leasing.py"))["write"](folder, customers=8_000)
    return folder


@pytest.fixture
def company(tmp_path: Path, leasing: Path) -> Home:
    return new_home(tmp_path, f"csv://{leasing}", str(tmp_path / "lizingas.toml"))


EDITS = {
    'title = "To be written"': 'title = "A leasing company"',
    'undecided = ["erased", "restricted"]': "",
    "[hierarchies.age]": (
        '[eligibility.not-applicable]\nerased = "on the list"\nrestricted = "on the list"\n\n'
        "[hierarchies.age]"
    ),
    'vaiku_sk = { role = "undecided"': 'vaiku_sk = { role = "unused"',
    'registruotas_nuo = { role = "undecided"': 'registruotas_nuo = { role = "unused"',
    'marke = { role = "undecided"': 'marke = { role = "category"',
}


def _edit(policy: Path) -> None:
    text = policy.read_text(encoding="utf-8")
    for drafted, decided in EDITS.items():
        assert text.count(drafted) == 1, drafted
        text = text.replace(drafted, decided)
    policy.write_text(text, encoding="utf-8")


def _draft(home: Home, here: Here) -> Path:
    policy = Path(str(home.policy))
    done = here(home, "draft", "--output", str(policy), "--json")
    assert done.code == 0, done.err
    assert done.answer["draft"] == str(policy)
    return policy


def test_from_an_unknown_source_to_a_verified_release(company: Home, here: Here) -> None:
    policy = _draft(company, here)
    refused = here(company, "release", "--json")
    assert refused.code == 10
    assert "undecided" in refused.complaint
    checked = here(company, "check", "--json")
    assert checked.code == 10
    for undecided in ("erased", "restricted", "vaiku_sk", "registruotas_nuo", "marke"):
        assert undecided in str(checked.answer["problems"])
    assert company.current is None

    _edit(policy)
    assert here(company, "check").code == 0
    released = here(company, "release", "--json")
    assert released.code == 0, released.err
    verified = here(company, "verify", "current", "--json")
    assert (verified.code, verified.answer["verdict"]) == (0, "passed")
    with duckdb.connect(str(released.answer["database"]), read_only=True) as release:
        (smallest,) = release.sql(
            "SELECT min(n) FROM (SELECT *, count(*) AS n FROM klientai GROUP BY ALL)"
        ).fetchall()[0]
    assert smallest >= 11


def test_the_counts_that_a_draft_suggests_are_released_once_their_mark_is_gone(
    company: Home, here: Here
) -> None:
    policy = _draft(company, here)
    _edit(policy)
    text = policy.read_text(encoding="utf-8")
    policy.write_text(re.sub(r"(?m)^#(?! )", "", text), encoding="utf-8")
    assert here(company, "check").code == 0
    released = here(company, "release", "--json")
    assert released.code == 0, released.err
    with duckdb.connect(str(released.answer["database"]), read_only=True) as release:
        for name in ("imokos", "laiskai", "rinkodaros_sutikimai"):
            months, regions, rows = release.sql(
                f"SELECT count(DISTINCT period), count(DISTINCT region), count(*) "
                f"FROM {name}_by_month"
            ).fetchall()[0]
            assert months >= 12
            assert rows == months * regions > months


def test_nothing_of_a_person_stands_in_the_draft(company: Home, leasing: Path, here: Here) -> None:
    text = _draft(company, here).read_text(encoding="utf-8")
    told = (
        "pavardė",
        "asmens_kodas",
        "elPastas",
        "telefonas",
        "adresas",
        "pastoKodas",
        "klientoNr",
    )
    with (leasing / "klientai.csv").open(encoding="windows-1257", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            for column in (*told, "kodas_senas", "pastabos2", "gimimoData", "pajamos_men"):
                assert not row[column].strip() or row[column].strip() not in text
    with (leasing / "laiduotojai.csv").open(encoding="windows-1257", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            assert row["asmens_kodas"] not in text


def test_what_is_hidden_under_another_name_is_found(company: Home, here: Here) -> None:
    text = _draft(company, here).read_text(encoding="utf-8")
    for column in ("pastabos2", "kodas_senas"):
        assert f'{column} = {{ role = "forbidden", clause = 9, category = "national' in text
    assert 'subject = { through = "sutarciu_salys", on = "sutarties_nr" }' in text
    assert "who holds what together" in text
    assert 'asmens_kodas = { role = "forbidden", clause = 12' in text
    assert 'whose = "others"' in text


def test_the_edited_policy_of_the_page_fits_its_source(tmp_path: Path, leasing: Path) -> None:
    home = new_home(tmp_path, f"csv://{leasing}", str(EXAMPLES / "leasing.toml"))
    assert home.run("check").code == 0


def test_a_draft_overwrites_nothing(company: Home, here: Here) -> None:
    policy = Path(str(company.policy))
    policy.write_text("mine", encoding="utf-8")
    done = here(company, "draft", "--output", str(policy))
    assert done.code == 2
    assert policy.read_text(encoding="utf-8") == "mine"


def test_a_draft_writes_nothing_else(company: Home, here: Here) -> None:
    before = set(company.path.rglob("*"))
    policy = _draft(company, here)
    assert set(company.path.rglob("*")) == before
    assert {path.name for path in policy.parent.iterdir()} == {
        "home", "home.key", policy.name
    }  # fmt: skip


@pytest.mark.parametrize(
    "first",
    ["Kanarytė;1980-02-03;Vilnius", "Jonas;Rasa;Kazlauskas", "a;a@kanaryte.example;c", "a;;b"],
)
def test_a_file_without_a_line_of_names_is_refused_and_not_quoted(
    tmp_path: Path, here: Here, first: str
) -> None:
    source = tmp_path / "bank"
    source.mkdir()
    (source / "t.csv").write_text(first + "\nx;y;z\n" * 30, encoding="utf-8")
    home = Home(tmp_path / "home", f"csv://{source}")
    done = here(home, "draft", "--output", str(tmp_path / "draft.toml"))
    assert done.code == 11
    assert not any(cell in done.complaint for cell in first.split(";") if len(cell) > 1)
    assert not (tmp_path / "draft.toml").exists()


@pytest.mark.parametrize("suffix", ["duckdb", "parquet", "csv"])
def test_the_same_bank_is_drafted_from_every_kind_of_source(
    tmp_path: Path, here: Here, small_bank: Path, suffix: str
) -> None:
    source = f"duckdb://{small_bank}"
    if suffix != "duckdb":
        folder = tmp_path / "bank"
        folder.mkdir()
        with duckdb.connect(str(small_bank), read_only=True) as bank:
            for (table,) in bank.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                header = ", HEADER" if suffix == "csv" else ""
                bank.execute(
                    f"COPY {table} TO '{folder}/{table}.{suffix}' (FORMAT {suffix}{header})"
                )
        source = f"{suffix}://{folder}"
    home = Home(tmp_path / "home", source)
    done = here(home, "draft", "--output", str(tmp_path / "draft.toml"), "--json")
    assert done.code == 0, done.err
    assert done.answer["subject"] == {"source": "customers", "key": "customer_id"}
    checked = Home(home.path, source, str(tmp_path / "draft.toml")).run("check", "--json")
    problems = [str(problem) for problem in checked.answer["problems"]]  # type: ignore[attr-defined]
    assert problems
    assert all("undecided" in problem for problem in problems)


def test_a_database_is_drafted_under_a_role_for_that(
    tmp_path: Path, here: Here, cluster: Cluster, database: str, home: Home
) -> None:
    grant(cluster, database, home, here, "draft")
    elsewhere = "postgresql://nobody@localhost:1/none"
    uri = cluster.uri(database, DRAFT)
    named = {
        "given": ([*("--source", uri)], {"CLAUSE16_OFFICER_SOURCE": elsewhere}),
        "the officer's": ([], {"CLAUSE16_OFFICER_SOURCE": uri}),
    }
    for how, (options, environment) in named.items():
        home = Home(tmp_path / how, elsewhere, environment=environment)
        done = here(home, "draft", "--output", str(tmp_path / f"{how}.toml"), "--json", *options)
        assert done.code == 0, done.err
        assert done.answer["subject"] == {"source": "customers", "key": "customer_id"}
    with closing(dbapi.connect(uri)) as connection, connection.cursor() as cursor:
        with pytest.raises(Exception, match="read-only transaction"):
            cursor.execute("UPDATE customers SET kind = kind")
        connection.rollback()


def test_the_role_of_a_draft_goes_as_its_rights_say(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    printed = here(home, "grants", "--for", "draft", "--role", 'of "a" draft').out
    assert cluster.psql(database, "-f", "-", stdin=printed).returncode == 0
    drop = "\n".join(
        line.removeprefix("--   ") for line in printed.splitlines() if line.startswith("--   ")
    )
    left = """SELECT count(*) FROM pg_roles WHERE rolname = 'of "a" draft';"""
    for statements, roles in (("", "1"), (drop, "0")):
        done = cluster.psql(database, "-At", "-f", "-", stdin=f"{statements}\n{left}")
        assert (done.stderr, done.stdout.split()) == ("", [roles])


def test_a_role_that_may_not_read_is_told_what_it_needs(
    tmp_path: Path, here: Here, as_release: Home
) -> None:
    done = here(as_release, "draft", "--output", str(tmp_path / "draft.toml"))
    assert done.code == 11
    assert "may not read" in done.complaint
    assert "clause16 grants --for draft" in done.complaint
    assert "release" not in done.complaint
