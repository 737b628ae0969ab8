"""The generated bank: the same from the same numbers, as dirty and as connected as a real one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from demo_bank import (
    CUSTOMERS,
    PAYMENTS,
    SEED,
    Bank,
    read_csv,
    read_duckdb,
    read_parquet,
    write,
)
from polars.testing import assert_frame_equal
from stdnum import iban

from pipelines.demo import CsvTarget, DuckDBTarget, ParquetTarget, bank, leaves
from pipelines.demo.schema import KEYS, TABLES, Part
from transforms.errors import SourceError

ROOT = Path(__file__).parents[2]
HIERARCHIES = ROOT / "data" / "hierarchies"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bank in a DuckDB file."""
    target = tmp_path_factory.mktemp("demo") / "bank.duckdb"
    write(DuckDBTarget(target))
    return target


@pytest.fixture(scope="module")
def tables(path: Path) -> Bank:
    """Return that bank's tables."""
    return read_duckdb(path)


@pytest.fixture(scope="module")
def people(tables: Bank) -> pl.DataFrame:
    """Return its natural persons and sole traders with their age on the reference day."""
    persons = tables["customers"].filter(pl.col("kind") != "company")
    age = (
        2026
        - pl.col("date_of_birth").dt.year()
        - (pl.col("date_of_birth").dt.strftime("%m%d") > "1101")
    )
    return persons.with_columns(age=age)


def folded(column: str) -> pl.Expr:
    """Return values without stray blanks and cases."""
    return pl.col(column).str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()


def hierarchy(column: str) -> list[list[str]]:
    """Return the lines of a hierarchy file."""
    text = (HIERARCHIES / f"{column}.csv").read_text(encoding="utf-8")
    return [line.split(";") for line in text.splitlines()]


def share(mask: pl.Series) -> float:
    """Return how many of the values are true."""
    return float(mask.to_numpy().mean())


# The same and another.


def test_the_same_numbers_give_the_same_bank_whatever_the_target(
    tables: Bank, tmp_path: Path
) -> None:
    write(ParquetTarget(tmp_path / "bank"))
    for table, rows in read_parquet(tmp_path / "bank").items():
        assert_frame_equal(rows, tables[table])
    write(CsvTarget(tmp_path / "csv"))
    for table, rows in read_csv(tmp_path / "csv").items():
        assert_frame_equal(rows, tables[table])


def test_csv_files_can_be_read_by_anybody(tmp_path: Path) -> None:
    write(CsvTarget(tmp_path / "bank"))
    assert {path.stem for path in (tmp_path / "bank").iterdir()} == set(TABLES)
    lines = (tmp_path / "bank" / "payments.csv").read_text("utf-8").splitlines()
    assert lines[0] == ",".join(TABLES["payments"].names)
    assert re.search(r",20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6},\d+\.\d\d,EUR,", lines[1])
    letters = (tmp_path / "bank" / "correspondence.csv").read_text("utf-8")
    # Text of several lines stands between quotes.
    assert re.search(r',"[^",]+,?[^",]*\n\n', letters)


def test_another_seed_gives_another_bank(tables: Bank, tmp_path: Path) -> None:
    write(ParquetTarget(tmp_path / "bank"), seed=SEED + 1)
    other = read_parquet(tmp_path / "bank")
    for column in ("customer_id", "personal_number", "last_name", "date_of_birth", "income"):
        same = tables["customers"][column].eq_missing(other["customers"][column])
        assert share(same) < 0.1, column
    assert not tables["payments"]["amount"].equals(other["payments"]["amount"])


def test_the_bank_has_as_many_customers_and_payments_as_were_asked_for(
    tables: Bank, tmp_path: Path
) -> None:
    rows = write(DuckDBTarget(tmp_path / "again.duckdb"))
    assert rows == {table: len(frame) for table, frame in tables.items()}
    assert rows["customers"] == CUSTOMERS
    assert rows["payments"] == CUSTOMERS * PAYMENTS


@dataclass
class Memory:
    """A target that keeps the parts."""

    parts: list[Part] = field(default_factory=list)

    def write(self, parts: Iterable[Part]) -> None:
        """Keep all the parts."""
        self.parts.extend(parts)


@pytest.mark.parametrize("customers", [1, 2, 3])
def test_the_smallest_banks_can_be_made_from_any_seed(customers: int) -> None:
    for seed in range(20):
        memory = Memory()
        rows = write(memory, customers=customers, payments=3, seed=seed)
        assert rows["customers"] == customers
        assert rows["payments"] in (0, 3 * customers)
        holders = next(part.rows for part in memory.parts if part.table == "account_holders")
        pairs = pl.DataFrame(holders).select("account_id", "customer_id")
        assert not pairs.is_duplicated().any()


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"payments": -1}, {"seed": -1}])
def test_impossible_numbers_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        write(DuckDBTarget(tmp_path / "bank.duckdb"), **wrong)  # type: ignore[arg-type]  # ints
    assert not list(tmp_path.iterdir())


def test_chunks_share_no_identifier_and_progress_is_told_after_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank, "_CUSTOMERS_IN_CHUNK", 600)
    said: list[str] = []
    write(ParquetTarget(tmp_path / "bank"), progress=said.append)
    tables = read_parquet(tmp_path / "bank")
    for table, key in KEYS.items():
        assert not tables[table].select(key).is_duplicated().any(), table
    others = {"customers": ("personal_number", "business_number"), "accounts": ("iban",)}
    for table, columns in others.items():
        for column in columns:
            assert tables[table][column].drop_nulls().is_unique().all(), column
    assert len(said) == 4
    assert said[1] == "customers 1,200 of 2,000, payments 12,000"
    first, last = tables["customers"]["last_name"][:600], tables["customers"]["last_name"][600:1200]
    assert not first.equals(last)


# Whole or not at all, and marked.


@pytest.mark.parametrize("target", [DuckDBTarget, ParquetTarget, CsvTarget])
def test_a_run_killed_half_way_leaves_no_bank_and_does_not_hinder_the_next(
    target: type[DuckDBTarget | ParquetTarget | CsvTarget], tmp_path: Path
) -> None:
    place = tmp_path / "bank"
    killed = f"""
import os, signal
from pathlib import Path
from pipelines.demo import {target.__name__}, write_bank
write_bank({target.__name__}(Path({str(place)!r})), customers=300, payments_per_customer=2, seed=1,
           progress=lambda line: os.kill(os.getpid(), signal.SIGKILL))
"""
    done = subprocess.run([sys.executable, "-c", killed], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert not place.exists()
    assert list(tmp_path.iterdir()), "the run was killed before it wrote anything"
    write(target(place), customers=300)
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("target", [DuckDBTarget, ParquetTarget, CsvTarget])
def test_a_run_that_fails_leaves_nothing(
    target: type[DuckDBTarget | ParquetTarget | CsvTarget], tmp_path: Path
) -> None:
    def fail(line: str) -> None:
        raise OSError(line)

    with pytest.raises(OSError, match="customers"):
        write(target(tmp_path / "bank"), customers=300, progress=fail)
    assert not list(tmp_path.iterdir())


def test_each_bank_says_that_it_is_the_demo(path: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as connection:
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'customers'"
        assert connection.sql(comment).fetchall() == [("clause16 demo bank",)]
    write(ParquetTarget(tmp_path / "bank"), customers=10)
    metadata = pq.read_metadata(tmp_path / "bank" / "customers.parquet").metadata
    assert metadata[b"clause16"] == b"demo bank"


def test_columns_have_the_same_types_in_both_targets(path: Path, tmp_path: Path) -> None:
    write(ParquetTarget(tmp_path / "bank"), customers=10)
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in TABLES:
            described = connection.sql(f"DESCRIBE {table}").fetchall()
            file = tmp_path / "bank" / f"{table}.parquet"
            assert described == connection.sql(f"DESCRIBE FROM '{file}'").fetchall()
        columns = "SELECT column_name, data_type FROM duckdb_columns()"
        types = dict(connection.sql(columns).fetchall())
    assert types["customer_id"] == "BIGINT"
    assert types["income"] == "DECIMAL(12,2)"
    assert types["assets"] == types["balance"] == types["amount"] == "DECIMAL(14,2)"
    assert types["booked_at"] == "TIMESTAMP"
    assert types["years_of_experience"] == "INTEGER"
    assert types["guardian_consent"] == "BOOLEAN"
    assert types["date_of_birth"] == "DATE"


# Customers.


def test_kinds_and_missing_values_come_in_their_shares(tables: Bank, people: pl.DataFrame) -> None:
    kinds = tables["customers"]["kind"].value_counts(normalize=True)
    share = dict(kinds.iter_rows())
    assert share["natural person"] == pytest.approx(0.94, abs=0.02)
    assert share["sole trader"] == pytest.approx(0.04, abs=0.015)
    assert share["company"] == pytest.approx(0.02, abs=0.012)
    missing = {column: people[column].is_null().mean() for column in people.columns}
    for column, part in {"occupation": 0.03, "education": 0.03, "income": 0.04,
                         "citizenship": 0.003, "municipality": 0.005}.items():  # fmt: skip
        assert missing[column] == pytest.approx(part, rel=0.5, abs=0.004), column
    assert people["citizenship"].eq("XK").mean() == pytest.approx(0.93, abs=0.02)
    closed = tables["customers"]["closed_on"]
    assert closed.is_not_null().mean() == pytest.approx(0.12, abs=0.025)
    long_ago = closed.drop_nulls().dt.strftime("%Y%m%d") < "20211101"
    assert long_ago.mean() == pytest.approx(1 / 3, abs=0.1)


@pytest.mark.parametrize("column", ["municipality", "citizenship", "occupation", "education"])
def test_every_value_folds_onto_a_leaf_of_its_hierarchy(tables: Bank, column: str) -> None:
    values = tables["customers"].select(folded(column)).to_series().drop_nulls()
    assert set(values) <= {line[0].lower() for line in hierarchy(column)}


@pytest.mark.parametrize("column", ["municipality", "occupation", "education"])
def test_some_values_are_written_otherwise_than_their_leaf(tables: Bank, column: str) -> None:
    written = tables["customers"][column].drop_nulls()
    dirty = ~written.is_in([line[0] for line in hierarchy(column)])
    assert 0.005 < share(dirty) < 0.07


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("municipality", [place.name for place in leaves.MUNICIPALITIES]),
        ("citizenship", list(leaves.CITIZENSHIPS)),
        ("occupation", list(leaves.OCCUPATION_TITLES)),
        ("education", list(leaves.EDUCATION)),
    ],
)
def test_hierarchies_have_the_generated_leaves_and_are_strictly_nested(
    column: str, values: list[str]
) -> None:
    lines = hierarchy(column)
    assert sorted(line[0] for line in lines) == sorted(values)
    assert {line[-1] for line in lines} == {"*"}
    assert len({len(line) for line in lines}) == 1
    for level in range(len(lines[0]) - 1):
        parents: dict[str, set[str]] = {}
        for line in lines:
            parents.setdefault(line[level], set()).add(line[level + 1])
        assert all(len(above) == 1 for above in parents.values()), f"level {level}"


def test_minors_with_and_without_consent_exist_and_adults_were_not_asked(
    people: pl.DataFrame,
) -> None:
    young = people.filter(pl.col("age") < 14)
    assert {True, False} <= set(young["guardian_consent"])
    assert 0.005 < len(young) / len(people) < 0.03
    assert people.filter(pl.col("age") >= 14)["guardian_consent"].is_null().all()
    assert people["age"].min() == 8
    assert people["age"].max() <= 95  # type: ignore[operator]  # there is somebody


def test_life_shows_in_the_columns_together(people: pl.DataFrame) -> None:
    lived = people.with_columns(folded("occupation"), folded("education"))
    minors = lived.filter(pl.col("age") < 18)
    assert set(minors["occupation"].drop_nulls()) == {"student"}
    assert minors["income"].drop_nulls().eq(0).all()
    age = dict(lived.group_by("occupation").agg(pl.col("age").median()).iter_rows())
    assert age["student"] < 25
    assert age["retired"] > 60
    pay = dict(lived.group_by("education").agg(pl.col("income").cast(float).median()).iter_rows())
    assert pay["primary"] < pay["upper secondary"] < pay["bachelor"] < pay["master"]


def test_personal_numbers_have_ten_digits_and_their_check_digit(people: pl.DataFrame) -> None:
    numbers = people["personal_number"]
    assert numbers.str.contains(r"^\d{10}$").all()
    weights = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    for number in numbers:
        digits = [int(digit) for digit in number]
        assert sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11 == 0


def test_every_person_has_one_or_two_documents(tables: Bank, people: pl.DataFrame) -> None:
    count = tables["identity_documents"].group_by("customer_id").len()
    assert set(count["customer_id"]) == set(people["customer_id"])
    assert set(count["len"]) == {1, 2}


# Accounts.


def test_every_holder_is_a_customer_and_every_account_has_one_owner(tables: Bank) -> None:
    holders = tables["account_holders"]
    assert set(holders["customer_id"]) <= set(tables["customers"]["customer_id"])
    owners = holders.filter(pl.col("holder_role") == "owner")["account_id"]
    assert owners.is_unique().all()
    assert set(owners) == set(tables["accounts"]["account_id"])
    assert not holders.select("account_id", "customer_id").is_duplicated().any()


def test_one_account_in_ten_is_joint_and_one_customer_in_twenty_has_none(tables: Bank) -> None:
    holders = tables["account_holders"]
    joint = holders.group_by("account_id").len()["len"]
    assert (joint > 1).mean() == pytest.approx(0.1, abs=0.025)
    assert joint.max() == 3
    assert len(tables["accounts"]) / CUSTOMERS == pytest.approx(1.15, abs=0.05)
    assert 1 - holders["customer_id"].n_unique() / CUSTOMERS == pytest.approx(0.05, abs=0.02)


def test_ibans_are_valid(tables: Bank) -> None:
    own = tables["accounts"]["iban"]
    assert own.str.contains(r"^XK\d{18}$").all()
    for number in own.append(tables["payments"]["counterparty_iban"].drop_nulls().unique()):
        assert iban.is_valid(number)


def test_balances_have_a_heavy_tail_and_some_are_overdrawn(tables: Bank) -> None:
    balance = tables["accounts"]["balance"].cast(float)
    assert 0.01 < share(balance < 0) < 0.07
    assert balance.mean() > 2 * balance.median()  # type: ignore[operator]  # there are accounts


# Payments.


def test_payments_fall_within_two_years_and_the_life_of_their_account(tables: Bank) -> None:
    booked = tables["payments"].join(tables["accounts"], on="account_id", how="left")
    day = booked["booked_at"].dt.date()
    assert booked["opened_on"].is_not_null().all()
    assert (day >= booked["opened_on"]).all()
    assert (day <= booked["closed_on"]).fill_null(value=True).all()
    assert str(day.min()) >= "2024-11-01"
    assert str(day.max()) <= "2026-10-31"
    assert day.dt.strftime("%Y-%m").n_unique() == 24


def test_a_few_accounts_have_most_of_the_payments(tables: Bank) -> None:
    activity = tables["payments"].group_by("account_id").len()["len"].sort(descending=True)
    assert activity.head(len(activity) // 20).sum() > 0.3 * CUSTOMERS * PAYMENTS
    assert activity.median() < PAYMENTS  # type: ignore[operator]  # there are payments


def test_details_contain_personal_data(tables: Bank) -> None:
    payments = tables["payments"].drop_nulls("details")
    details = payments["details"]
    named = payments.filter(
        pl.col("purpose").is_in(["rent", "family support"]),
        pl.col("details").str.contains(pl.col("counterparty_name"), literal=True),
    )
    assert len(named) > 0.005 * len(payments)
    assert share(details.str.contains(r"(\+383|\b04\d) ?\d")) > 0.02
    assert share(details.str.contains(r"\b(XK|DE)\d{16}")) > 0.01
    assert share(details.str.contains(r"\b(Rr|Ul)\. ")) > 0.01
    people = tables["customers"].select(pl.concat_str("first_name", "last_name", separator=" "))
    owners = (
        payments.join(tables["account_holders"].filter(pl.col("holder_role") == "owner"),
                      on="account_id")
        .join(tables["customers"].with_columns(name=people.to_series()), on="customer_id")
        .filter(pl.col("details").str.contains(pl.col("name"), literal=True))
    )  # fmt: skip
    assert len(owners) > 0.05 * len(payments)
    # No slot is left empty.
    assert not details.str.contains(r"  |^ | $").any()
    # In three languages.
    for word in ("Qiraja", "Kirija", "Rent "):
        assert details.str.contains(word, literal=True).any()
