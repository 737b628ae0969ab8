"""What the generated bank knows beside accounts and payments: complete, connected, dirty."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from demo_bank import Bank, read_duckdb, write
from polars.testing import assert_frame_equal

from pipelines.demo import DuckDBTarget
from pipelines.demo.schema import TABLES
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.policy.roles import Role

CUSTOMERS = 6_000
TODAY = pl.date(2026, 11, 1)

# By clause: each category of personal data, and where the bank has it.
CATEGORIES = {
    9: {
        "first name": "customers.first_name",
        "last name": "customers.last_name",
        "national identification number": "customers.personal_number",
        "address": "customers.street",
        "date of birth": "customers.date_of_birth",
        "photo of the face": "customers.photo_reference",
        "citizenship": "customers.citizenship",
        "data from an identity document": "identity_documents.document_number",
        "copy of an identity document": "identity_documents.scan_reference",
        "live video": "identifications.live_video_reference",
        "e-mail address": "customers.email",
        "phone number": "customers.phone",
        "current account number": "accounts.iban",
        "IP address": "logins.ip_address",
        "occupation": "customers.occupation",
        "public function": "customers.public_function",
        "other data that AML law requires": "identifications.source_of_funds",
        "recipients who are not customers": "payees.name",
        "managers of companies": "company_managers.last_name",
    },
    10: {
        "first name": "debts.first_name",
        "last name": "debts.last_name",
        "national identification number": "debts.personal_number",
        "address": "debts.street",
        "date of birth": "debts.date_of_birth",
        "data from an identity document": "debts.document_number",
        "e-mail": "debts.email",
        "phone": "debts.phone",
        "account number": "debts.iban",
        "IP address": "debts.ip_address",
        "account statements": "debts.statement_reference",
        "circumstances in which the debt arose": "debts.circumstances",
        "when the debt arose": "debts.arose_on",
        "legal proceedings": "debts.legal_proceedings",
    },
    11: {
        "first name": "correspondence.first_name",
        "last name": "correspondence.last_name",
        "address": "correspondence.street",
        "date of birth": "call_recordings.date_of_birth",
        "e-mail": "correspondence.email",
        "phone": "correspondence.phone",
        "IP address": "correspondence.ip_address",
        "account statements": "correspondence.statement_reference",
        "recordings of phone calls": "call_recordings.recording_reference",
        "correspondence": "correspondence.body",
    },
    12: {
        "first name": "credit_applications.first_name",
        "last name": "credit_applications.last_name",
        "address": "credit_applications.street",
        "date of birth": "credit_applications.date_of_birth",
        "e-mail": "credit_applications.email",
        "phone": "credit_applications.phone",
        "payment account number": "credit_applications.iban",
        "IP address": "credit_applications.ip_address",
        "account statements": "credit_applications.statement_reference",
        "account balance": "accounts.balance",
        "financial obligations": "credit_applications.obligations",
        "credit history": "loans.state",
        "payment history": "loan_instalments.days_late",
        "income": "credit_applications.income_stated",
        "education": "credit_applications.education",
        "place of work": "credit_applications.employer",
        "current job position": "credit_applications.position",
        "work experience": "credit_applications.years_of_experience",
        "available assets": "credit_applications.assets",
        "data on relatives": "relatives.first_name",
        "co-debtors and guarantors": "loan_parties.last_name",
        "other information": "credit_applications.remarks",
        "automated decisions": "credit_applications.automated_decision",
        "contested decisions": "credit_applications.contest",
    },
    13: {"video recordings on managed premises": "video_recordings.recording_reference"},
    14: {"e-mail": "contact_preferences.email", "phone": "contact_preferences.phone"},
    15: {
        "first name": "marketing_consents.first_name",
        "last name": "marketing_consents.last_name",
        "e-mail": "marketing_consents.email",
        "phone": "marketing_consents.phone",
    },
}  # fmt: skip
PLACES = [
    (clause, category, *place.split("."))
    for clause, categories in CATEGORIES.items()
    for category, place in categories.items()
]
OF_OTHER_PEOPLE = ("payees", "company_managers", "relatives", "loan_parties")
TEXTS = (
    ("correspondence", "subject"), ("correspondence", "body"), ("call_recordings", "summary"),
    ("debts", "circumstances"), ("credit_applications", "remarks"),
    ("credit_applications", "contest"),
)  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Return a bank large enough to have the rare things."""
    path = tmp_path_factory.mktemp("demo") / "bank.duckdb"
    write(DuckDBTarget(path), customers=CUSTOMERS, payments=1)
    return read_duckdb(path)


@pytest.fixture(scope="module")
def instalments(tables: Bank) -> pl.DataFrame:
    """Return the instalments with their loans' columns."""
    return tables["loan_instalments"].join(tables["loans"], on="loan_id", how="left")


def of_customers(tables: Bank, table: str) -> pl.DataFrame:
    """Return a table's rows with the beginning and the end of their customer's relationship."""
    customers = tables["customers"].select(
        "customer_id",
        pl.col("kind").alias("_kind"),
        pl.col("opened_on").alias("_opened"),
        pl.col("closed_on").fill_null(TODAY).alias("_closed"),
        pl.col("date_of_birth").alias("_born"),
    )
    return tables[table].join(customers, on="customer_id", how="left", maintain_order="left")


# Everything that the privacy policy speaks of.


@pytest.mark.parametrize(("clause", "category", "table", "column"), PLACES)
def test_each_category_of_clauses_9_to_15_is_declared_and_present(
    tables: Bank, clause: int, category: str, table: str, column: str
) -> None:
    declared = load_policy(DEMO_POLICY).policy.sources[table].columns[column]
    assert declared.clause == clause, category
    known = tables[table][column].drop_nulls()
    assert len(known), category


def test_the_policy_declares_the_bank_and_nothing_else() -> None:
    sources = load_policy(DEMO_POLICY).policy.sources
    assert {table: set(schema.names) for table, schema in TABLES.items()} == {
        table: set(source.columns) for table, source in sources.items()
    }


@pytest.mark.parametrize("table", OF_OTHER_PEOPLE)
def test_nothing_of_other_people_can_become_a_row_a_key_or_a_category(table: str) -> None:
    never = {Role.IDENTIFIER, Role.FORBIDDEN, Role.UNUSED}
    columns = load_policy(DEMO_POLICY).policy.sources[table].columns
    of_people = {name: column.role for name, column in columns.items()
                 if name not in {"customer_id", "loan_id"}}  # fmt: skip
    assert set(of_people.values()) <= never


def test_other_people_are_no_customers(tables: Bank) -> None:
    # No customer's number begins with a nought, and all of theirs do.
    assert not tables["customers"]["personal_number"].str.starts_with("0").any()
    for table in ("company_managers", "relatives", "loan_parties"):
        assert tables[table]["personal_number"].drop_nulls().str.starts_with("0").all()
    ibans = set(tables["accounts"]["iban"])
    assert ibans.isdisjoint(tables["payees"]["iban"])


def test_some_of_everything_is_missing_or_untidy(tables: Bank) -> None:
    for table, column in (("relatives", "date_of_birth"), ("debts", "circumstances"),
                          ("credit_applications", "income_stated"), ("logins", "ip_address"),
                          ("video_recordings", "customer_id"),
                          ("marketing_consents", "phone")):  # fmt: skip
        assert 0 < tables[table][column].null_count() < len(tables[table]), (table, column)
    for table in ("credit_applications", "debts", "relatives", "marketing_consents"):
        names = tables[table]["last_name"].drop_nulls()
        assert (names != names.str.strip_chars()).any()
        assert (names == names.str.to_uppercase()).any()


# The same from the same numbers, and keys that fit.


def test_the_further_tables_are_the_same_from_the_same_seed(tables: Bank, tmp_path: Path) -> None:
    write(DuckDBTarget(tmp_path / "bank.duckdb"), customers=CUSTOMERS, payments=1)
    for table, rows in read_duckdb(tmp_path / "bank.duckdb").items():
        assert_frame_equal(rows, tables[table])


def test_another_seed_changes_each_further_table(tables: Bank, tmp_path: Path) -> None:
    write(DuckDBTarget(tmp_path / "bank.duckdb"), customers=CUSTOMERS, payments=1, seed=17)
    for table, rows in read_duckdb(tmp_path / "bank.duckdb").items():
        assert not rows.equals(tables[table]), table


def test_every_customer_account_application_and_loan_that_is_named_exists(tables: Bank) -> None:
    homes = {"customer_id": "customers", "account_id": "accounts", "loan_id": "loans",
             "application_id": "credit_applications"}  # fmt: skip
    for key, home in homes.items():
        known = set(tables[home][key])
        for table, rows in tables.items():
            if key in rows.columns:
                assert set(rows[key].drop_nulls()) <= known, (table, key)


def test_sizes_are_realistic(tables: Bank) -> None:
    per_customer = {table: len(rows) / CUSTOMERS for table, rows in tables.items()}
    assert 2 < per_customer["logins"] < 4
    assert 0.2 < per_customer["credit_applications"] < 0.5
    assert 0.1 < per_customer["loans"] < 0.25
    assert 12 <= per_customer["loan_instalments"] / per_customer["loans"] <= 24
    assert 0.015 < per_customer["debts"] < 0.05
    assert 0.4 < per_customer["correspondence"] < 0.7


@pytest.mark.parametrize(
    ("table", "moment"),
    [
        ("logins", "logged_in_at"), ("identifications", "identified_at"), ("payees", "saved_on"),
        ("credit_applications", "applied_at"), ("credit_applications", "decided_at"),
        ("credit_applications", "contested_on"), ("loans", "granted_on"),
        ("loans", "repaid_on"), ("debts", "arose_on"), ("debts", "paid_on"),
        ("correspondence", "sent_at"), ("call_recordings", "begun_at"),
        ("video_recordings", "begun_at"), ("contact_preferences", "changed_at"),
        ("marketing_consents", "given_on"), ("marketing_consents", "withdrawn_on"),
    ],
)  # fmt: skip
def test_what_happened_fell_into_the_relationship(tables: Bank, table: str, moment: str) -> None:
    rows = of_customers(tables, table).drop_nulls([moment, "customer_id"])
    assert len(rows)
    day = rows[moment].cast(pl.Date)
    assert (day >= rows["_opened"]).all()
    assert (day <= rows["_closed"]).all()
    assert (day < pl.Series([20758]).cast(pl.Int32).cast(pl.Date)).all()


# Credit.


def test_every_loan_comes_of_an_approved_application_of_the_same_customer(tables: Bank) -> None:
    loans = tables["loans"].join(tables["credit_applications"], on="application_id",
                                 how="left", suffix="_stated")  # fmt: skip
    assert (loans["decision"] == "approved").all()
    assert (loans["customer_id"] == loans["customer_id_stated"]).all()
    assert (loans["principal"] == loans["amount_requested"]).all()
    assert (loans["granted_on"] >= loans["decided_at"].dt.date()).all()
    assert tables["loans"]["application_id"].is_unique().all()


def test_only_grown_people_apply_and_pay_from_an_account_of_theirs(tables: Bank) -> None:
    applied = of_customers(tables, "credit_applications")
    assert not (applied["_kind"] == "company").any()
    born = applied.drop_nulls("_born")
    grown = born["_born"].dt.offset_by("18y")
    assert (born["applied_at"].dt.date() >= grown).all()
    pairs = tables["loans"].select("account_id", "customer_id")
    held = tables["account_holders"].select("account_id", "customer_id")
    assert len(pairs.join(held, on=["account_id", "customer_id"], how="anti")) == 0


def test_instalments_sum_up_to_the_loan(instalments: pl.DataFrame) -> None:
    sums = instalments.group_by("loan_id").agg(
        pl.col("principal_due").sum().alias("repaid"),
        pl.col("principal_due").filter(pl.col("paid_on").is_null()).sum().alias("open"),
        pl.len().alias("count"),
        pl.col("number").max().alias("last"),
        pl.col("principal", "outstanding", "term_months").first(),
    )
    assert (sums["repaid"] == sums["principal"]).all()
    assert (sums["open"] == sums["outstanding"]).all()
    assert (sums["count"] == sums["term_months"]).all()
    assert (sums["last"] == sums["term_months"]).all()
    amounts = instalments.select(pl.col("principal_due") + pl.col("interest_due"), "amount_due")
    assert (amounts["principal_due"] == amounts["amount_due"]).all()
    assert (instalments["principal_due"] > 0).all()


def test_instalments_say_how_late_they_were_paid(instalments: pl.DataFrame) -> None:
    assert (instalments["due_on"] > instalments["granted_on"]).all()
    paid = instalments.filter(pl.col("paid_on").is_not_null())
    assert (paid["amount_paid"] == paid["amount_due"]).all()
    late = (paid["paid_on"] - paid["due_on"]).dt.total_days().clip(lower_bound=0)
    assert (paid["days_late"] == late).all()
    assert 0.02 < (late > 0).mean() < 0.2  # type: ignore[operator]  # there are instalments
    unpaid = instalments.filter(pl.col("paid_on").is_null())
    assert (unpaid["amount_paid"] == 0).all()
    assert unpaid.filter(pl.col("due_on") >= TODAY)["days_late"].is_null().all()


def test_debts_come_of_loans_that_were_ninety_days_late(
    tables: Bank, instalments: pl.DataFrame
) -> None:
    unpaid = instalments.filter(pl.col("paid_on").is_null()).group_by("loan_id").agg(
        pl.col("due_on").min(), pl.col("days_late").max(), pl.col("customer_id").first()
    )  # fmt: skip
    debts = tables["debts"].join(unpaid, on="loan_id", how="left", suffix="_of_loan")
    assert ((debts["arose_on"] - debts["due_on"]).dt.total_days() == 90).all()
    assert (debts["customer_id"] == debts["customer_id_of_loan"]).all()
    assert (debts["outstanding"] <= debts["amount"]).all()
    assert ((debts["collection_state"] == "paid") == debts["paid_on"].is_not_null()).all()
    assert ((debts["collection_state"] != "paid") | (debts["outstanding"] == 0)).all()
    assert (debts["legal_proceedings"] == debts["court_case"].is_not_null()).all()
    assert debts["legal_proceedings"].any()


def test_only_refusals_by_a_program_are_contested_and_some_are_changed(tables: Bank) -> None:
    applied = tables["credit_applications"]
    contested = applied.filter(pl.col("contested_on").is_not_null())
    assert (contested["automated_decision"] == "refused").all()
    results = dict(contested["contest_result"].value_counts().iter_rows())
    assert results["changed"]
    assert results["confirmed"] > results["changed"]
    changed = applied.filter(pl.col("contest_result") == "changed")
    assert (changed["decision"] == "approved").all()
    others = applied.filter(~pl.col("contest_result").eq_missing("changed"))
    assert (others["automated_decision"] == others["decision"]).all()


def test_relatives_are_told_of_by_who_applied_for_credit(tables: Bank) -> None:
    relatives = of_customers(tables, "relatives")
    assert set(relatives["customer_id"]) <= set(tables["credit_applications"]["customer_id"])
    born = relatives.drop_nulls(["date_of_birth", "_born"])
    children = born.filter(pl.col("relation") == "child")
    assert ((children["date_of_birth"] - children["_born"]).dt.total_days() > 17 * 365).all()
    assert (children["date_of_birth"] < pl.Series([20758]).cast(pl.Int32).cast(pl.Date)).all()
    spouses = relatives.filter(pl.col("relation") == "spouse")
    assert spouses["customer_id"].is_unique().all()


def test_companies_have_managers_and_nobody_else_has(tables: Bank) -> None:
    companies = tables["customers"].filter(pl.col("kind") == "company")["customer_id"]
    assert set(tables["company_managers"]["customer_id"]) == set(companies)


# Recordings, consents, texts.


def test_most_videos_are_younger_than_a_month_and_some_were_forgotten(tables: Bank) -> None:
    begun = tables["video_recordings"]["begun_at"].dt.date()
    stale = begun < pl.Series([20758 - 30]).cast(pl.Int32).cast(pl.Date)
    assert 0.03 < stale.mean() < 0.2  # type: ignore[operator]  # there are videos


def test_consents_end_after_they_began(tables: Bank) -> None:
    consents = tables["marketing_consents"].drop_nulls("withdrawn_on")
    assert len(consents)
    assert (consents["withdrawn_on"] > consents["given_on"]).all()


@pytest.mark.parametrize(("table", "column"), TEXTS)
def test_texts_are_tidy_and_in_three_languages(tables: Bank, table: str, column: str) -> None:
    texts = tables[table][column].drop_nulls()
    assert not texts.str.contains(r"  |^ | $|[{}]").any()
    assert texts.n_unique() > len(texts) / 40
    if column == "body":
        for word in ("llogari", "račun", "account"):
            assert texts.str.contains(word).any()


@pytest.mark.parametrize(("table", "column"), [t for t in TEXTS if t[1] != "subject"])
def test_texts_name_customers_and_the_people_whom_they_know(
    tables: Bank, table: str, column: str
) -> None:
    rows = tables[table].drop_nulls(column).select("customer_id", text=column)
    assert rows["text"].str.contains(r"(\+383|\b04\d) ?\d").any()
    others = pl.concat(
        [tables["payees"].select("customer_id", "name"),
         tables["relatives"].select("customer_id",
                                    name=pl.concat_str("first_name", "last_name", separator=" "))]
    )  # fmt: skip
    named = rows.join(others, on="customer_id").filter(
        pl.col("text").str.contains(pl.col("name"), literal=True)
    )
    assert len(named) > 0.02 * len(rows)
    if column in {"body", "summary", "contest"}:
        return
    assert rows["text"].str.contains(r"\bXK\d{18}\b|\bDE\d{20}\b").any()
