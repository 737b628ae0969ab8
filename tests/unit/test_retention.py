"""What is past its retention goes clause by clause: values of a person, rows of a table."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from builders import AS_OF, HIERARCHIES, Fields, Person, Tables, bank, counted, policy_fields

from transforms.anonymise import Population, count_population
from transforms.certificate import people_left_out
from transforms.errors import PolicyError, SourceError
from transforms.policy.whole import Policy
from transforms.steps.exclude import NOBODY
from transforms.steps.gather import Circumstances

ALIKE = Person(age=2, town="Peja", job="nurse", health="flu", savings=1)
YEAR_AGO, LONG_AGO = date(2025, 2, 28), date(2024, 3, 1)
"""Under 12 months, and exactly 24, before the reference date."""


def by_person(fields: Fields | None = None, **months: int) -> Policy:
    """Return the small policy under which a clause (`clause12`) is kept for so many months."""
    said = fields or policy_fields()
    said["eligibility"]["retention"]["months"] = {
        clause.removeprefix("clause"): most for clause, most in months.items()
    }
    return Policy.model_validate(said)


def by_row(table: str = "accounts", **kept: object) -> Policy:
    """Return the small policy under which rows of a table are kept from `arose` on."""
    fields = policy_fields()
    source = fields["sources"][table]
    source["columns"] |= {
        "arose": {"role": "eligibility", "clause": 10, "type": "date"},
        "court": {"role": "eligibility", "clause": 10, "type": "boolean"},
        "paid": {"role": "eligibility", "clause": 10, "type": "date"},
    }
    source["kept"] = {"since": "arose", "months": 60, **kept}
    return Policy.model_validate(fields)


COURT: Fields = {"proceedings": "court", "settled": "paid", "settled-months": 24}


def ended(*days: date | None) -> Tables:
    """Return a bank of people who are alike, and whose relationships ended on these days."""
    tables = bank([ALIKE] * len(days))
    ends = pl.Series("ended", days, dtype=pl.Date)
    return {**tables, "people": tables["people"].with_columns(ends)}


def debts(*arose: date | None, court: object = None, paid: date | None = None) -> Tables:
    """Return a bank in which each account of 500 is one person's, and arose on its day."""
    number = len(arose)
    keys = pl.Series("account", range(number), dtype=pl.Int64)
    return {
        "people": bank([ALIKE] * number)["people"],
        "accounts": pl.DataFrame(
            {
                "account": keys,
                "balance": [500.0] * number,
                "arose": pl.Series(arose, dtype=pl.Date),
                "court": pl.Series([court] * number, dtype=pl.Boolean),
                "paid": pl.Series([paid] * number, dtype=pl.Date),
            }
        ),
        "holders": pl.DataFrame({"account": keys, "id": keys + 1}),
    }


def known(population: Population, table: int) -> int:
    """Return of how many people a table knows the sensitive value."""
    leaves, hierarchy = population.candidates[table].own, population.candidates[table].sensitive
    missing = len(HIERARCHIES[hierarchy].leaves)
    return int(leaves.people[leaves.codes[:, -1] != missing].sum())


HEALTH, SAVINGS = 0, 1


# ---------------------------------------------------------------------------- values of a person


def test_who_lapsed_stays_without_the_values_of_that_clause() -> None:
    population = counted(ended(None, YEAR_AGO, LONG_AGO), policy=by_person(clause12=24))
    assert population.eligible == 3
    assert known(population, HEALTH) == known(population, SAVINGS) == 2
    assert population.left_out.lapsed_values == {12: 1}
    assert population.left_out.beyond_retention == 0


def test_a_value_that_is_not_there_any_more_is_not_reported() -> None:
    tables = ended(LONG_AGO, LONG_AGO, LONG_AGO)
    people = tables["people"].with_columns(
        pl.when(pl.col("id") == 1).then("health").alias("health")
    )
    told = {**tables, "people": people, "accounts": tables["accounts"].clear()}
    told["holders"] = tables["holders"].clear()
    population = counted(told, policy=by_person(clause12=24))
    assert population.left_out.lapsed_values == {12: 1}


def test_a_clause_that_nobody_shortens_lasts_as_long_as_its_person() -> None:
    population = counted(ended(LONG_AGO, date(2021, 3, 2)))
    assert known(population, HEALTH) == 2
    assert population.left_out.lapsed_values == {}


@pytest.mark.parametrize(("clause", "most"), [(14, 24), (15, 0)])
def test_no_clause_is_used_for_longer_than_the_privacy_policy_lets_it(
    clause: int, most: int
) -> None:
    fields = policy_fields()
    fields["sources"]["people"]["columns"]["health"]["clause"] = clause
    population = counted(ended(None, AS_OF, LONG_AGO), policy=Policy.model_validate(fields))
    assert known(population, HEALTH) == (2 if most else 1)
    assert known(population, SAVINGS) == 3
    assert population.left_out.lapsed_values == {clause: 1 if most else 2}


def test_a_quasi_identifier_lapses_as_well_and_nobody_becomes_a_minor_by_it() -> None:
    population = counted(ended(None, LONG_AGO), policy=by_person(clause9=24))
    assert population.eligible == 2
    assert population.left_out.minors == 0
    ages = population.candidates[0].own.codes[:, 0].tolist()
    assert len(set(ages)) == 2


@pytest.mark.parametrize("as_of", [date(2020, 1, 1), AS_OF, date(2040, 1, 1)])
def test_another_reference_date_keeps_no_value_longer(as_of: date) -> None:
    tables = {name: [table] for name, table in ended(LONG_AGO).items()}
    policy = by_person(clause12=24)
    born = tables["people"][0].with_columns(born=pl.lit(date(1950, 1, 1)))
    tables["people"] = [born.with_columns(ended=pl.lit(LONG_AGO))]
    population = count_population(tables, Circumstances(policy, HIERARCHIES, NOBODY, as_of, AS_OF))
    if population.eligible:
        assert known(population, HEALTH) == 0


def test_no_run_stops_because_of_a_value_that_has_lapsed() -> None:
    tables = {name: table.cast(pl.String) for name, table in ended(LONG_AGO, None).items()}
    theirs = tables["holders"].filter(pl.col("id") == "1").get_column("account").to_list()
    broken = {
        **tables,
        "people": tables["people"].with_columns(
            pl.when(pl.col("id") == "1").then(pl.lit("plague")).otherwise("health").alias("health")
        ),
        "accounts": tables["accounts"].with_columns(
            pl.when(pl.col("account").is_in(theirs))
            .then(pl.lit("?"))
            .otherwise("balance")
            .alias("balance")
        ),
    }
    assert counted(broken, policy=by_person(clause12=24)).eligible == 2
    with pytest.raises((SourceError, PolicyError)):
        counted(broken)
    with pytest.raises(SourceError, match=r"accounts\.balance"):
        counted({**broken, "people": tables["people"]})


def test_a_lapsed_date_that_is_none_stops_no_run_where_no_rule_reads_it() -> None:
    fields = policy_fields()
    del fields["eligibility"]["minors"]
    fields["eligibility"]["not-applicable"]["minors"] = "there are only adults"
    tables = {name: table.cast(pl.String) for name, table in ended(LONG_AGO, None).items()}
    born = pl.when(pl.col("id") == "1").then(pl.lit("yesterday")).otherwise("born").alias("born")
    broken = {**tables, "people": tables["people"].with_columns(born)}
    assert counted(broken, policy=by_person(fields, clause9=24)).eligible == 2
    with pytest.raises(SourceError, match=r"people\.born"):
        counted(broken, policy=by_person(fields, clause9=25))


def test_a_broken_amount_of_a_joint_account_stops_the_run_while_one_holder_may_have_it() -> None:
    tables = ended(LONG_AGO, None)
    shared = {
        **tables,
        "accounts": pl.DataFrame({"account": [1], "balance": [1e14]}),
        "holders": pl.DataFrame({"account": [1, 1], "id": [1, 2]}),
    }
    with pytest.raises(SourceError, match=r"accounts\.balance"):
        counted(shared, policy=by_person(clause12=24))
    alone = {**shared, "holders": pl.DataFrame({"account": [1], "id": [1]})}
    assert counted(alone, policy=by_person(clause12=24)).eligible == 2


def test_what_the_rules_read_has_to_be_right_though_it_lapsed() -> None:
    tables = {name: table.cast(pl.String) for name, table in ended(LONG_AGO).items()}
    people = tables["people"].with_columns(born=pl.lit("yesterday"), consent=pl.lit("true"))
    with pytest.raises(SourceError, match=r"people\.born"):
        counted({**tables, "people": people}, policy=by_person(clause9=24))


# -------------------------------------------------------------------------------- rows of a table


def test_a_row_lapses_on_its_day() -> None:
    population = counted(
        debts(date(2021, 2, 28), date(2021, 3, 1), date(2021, 3, 2)), policy=by_row()
    )
    assert known(population, SAVINGS) == 1
    assert population.eligible == 3
    assert population.left_out.lapsed_rows == {10: 2}


def test_a_row_without_a_day_has_lapsed() -> None:
    assert known(counted(debts(None, AS_OF), policy=by_row()), SAVINGS) == 1


@pytest.mark.parametrize(
    ("court", "paid", "rows"),
    [
        (True, None, 2),
        (True, date(2024, 3, 2), 2),
        (True, date(2024, 3, 1), 0),
        (False, date(2024, 3, 2), 1),
        (None, None, 1),
    ],
)
def test_with_legal_proceedings_a_row_is_kept_until_it_is_paid_and_a_while_after(
    court: object, paid: date | None, rows: int
) -> None:
    tables = debts(date(2015, 1, 1), AS_OF, court=court, paid=paid)
    assert known(counted(tables, policy=by_row(**COURT)), SAVINGS) == rows


def test_a_time_of_day_does_not_matter() -> None:
    fields = policy_fields()
    fields["sources"]["accounts"]["columns"] |= {
        "begun": {"role": "eligibility", "clause": 13, "type": "timestamp"}
    }
    fields["sources"]["accounts"]["kept"] = {"since": "begun", "months": 1}
    begun = pl.Series("begun", [datetime(2026, 2, 1, 23, 59), datetime(2026, 2, 2, 0, 0)])  # noqa: DTZ001 - as a bank writes it
    tables = debts(AS_OF, AS_OF)
    told = {**tables, "accounts": tables["accounts"].select("account", "balance", begun)}
    population = counted(told, policy=Policy.model_validate(fields))
    assert known(population, SAVINGS) == 1
    assert population.left_out.lapsed_rows == {13: 1}


def test_who_holds_what_has_lapsed_is_not_taken_for_a_stranger() -> None:
    tables = debts(date(2000, 1, 1))
    assert counted(tables, policy=by_row()).eligible == 1
    with pytest.raises(SourceError, match=r"holders\.account"):
        counted({**tables, "accounts": tables["accounts"].clear()}, policy=by_row())


def test_a_holding_that_has_lapsed_gives_nobody_anything() -> None:
    tables = debts(AS_OF, AS_OF)
    days = pl.Series("arose", [date(2000, 1, 1), AS_OF])
    told = {
        **tables,
        "accounts": tables["accounts"].select("account", "balance"),
        "holders": tables["holders"].with_columns(days, court=None, paid=None),
    }
    assert known(counted(told, policy=by_row("holders")), SAVINGS) == 1
    lost = {**told, "accounts": told["accounts"].with_columns(balance=pl.Series([1e14, 5.0]))}
    assert counted(lost, policy=by_row("holders")).eligible == 2


@pytest.mark.parametrize(("column", "stops"), [("balance", False), ("arose", True)])
def test_what_is_broken_in_a_lapsed_row_stops_nobody_but_for_its_day(
    column: str, *, stops: bool
) -> None:
    tables = {name: table.cast(pl.String) for name, table in debts(date(2000, 1, 1)).items()}
    told = {**tables, "accounts": tables["accounts"].with_columns(pl.lit("?").alias(column))}
    if stops:
        with pytest.raises(SourceError, match=r"accounts\.arose"):
            counted(told, policy=by_row())
    else:
        assert counted(told, policy=by_row()).eligible == 1


def test_rows_of_who_is_on_the_list_are_not_counted() -> None:
    tables = debts(date(2000, 1, 1), date(2000, 1, 1))
    own = {"account": "id", **{name: name for name in ("balance", "arose", "court", "paid")}}
    fields = policy_fields()
    policy = by_row()
    source = policy.sources["accounts"].model_dump(by_alias=True, exclude_none=True)
    source.pop("subject")
    source["columns"]["id"] = {"role": "subject", "clause": 10, "type": "integer"}
    source["columns"].pop("account")
    fields["sources"]["accounts"] = source
    owned = tables["accounts"].rename(own).with_columns(pl.col("id") + 1)
    told = {"people": tables["people"], "accounts": owned}
    of_all = counted(told, policy=Policy.model_validate(fields))
    of_one = counted(told, ["1"], Policy.model_validate(fields))
    assert (of_all.left_out.lapsed_rows, of_one.left_out.lapsed_rows) == ({10: 2}, {10: 1})


# --------------------------------------------------------------------------------- what is said


def test_the_certificate_says_clause_by_clause_what_was_left_out() -> None:
    policy = by_row()
    fields = policy.model_dump(by_alias=True, exclude_none=True)
    said = people_left_out(
        counted(
            {**debts(date(2000, 1, 1)), "people": ended(LONG_AGO)["people"]},
            policy=by_person(fields, clause12=24),
        )
    )
    assert said["values past their retention (clause 12)"] == 1
    assert said["rows past their retention (clause 10)"] == 1
    assert said["beyond retention"] == 0


def test_a_clause_that_may_lapse_is_named_though_nothing_has() -> None:
    said = people_left_out(counted(ended(None), policy=by_person(clause12=24)))
    assert said["values past their retention (clause 12)"] == 0


# --------------------------------------------------------------------------------- what is read


def test_the_columns_of_a_day_are_read_where_their_table_is_and_nowhere_else() -> None:
    policy = by_row(**COURT)
    assert policy.reads()["accounts"] == ("account", "balance", "arose", "court", "paid")
    assert by_row().reads()["accounts"] == ("account", "balance", "arose")
    fields = policy.model_dump(by_alias=True, exclude_none=True)
    del fields["microdata"]["wealth"]
    assert "accounts" not in Policy.model_validate(fields).reads()
