"""Who is left out before anything is counted: objectors, companies, minors, closed records."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from builders import (
    AS_OF,
    POLICY,
    Person,
    Tables,
    bank,
    counted,
    policy_fields,
)

from transforms.errors import SourceError
from transforms.policy import Policy
from transforms.steps.exclude import (
    LeftOut,
    ineligible,
    names_objector,
)

ALIKE = Person(age=2, town="Peja", job="nurse", health="flu", savings=1)


def people(count: int = 5) -> Tables:
    """Return a bank with some people who are all alike, numbered from 1."""
    return bank([ALIKE] * count)


def with_people(tables: Tables, **columns: list[object]) -> Tables:
    """Return the bank with other things said of its people, in their order."""
    said = [
        pl.Series(name, values, dtype=tables["people"].schema[name])
        for name, values in columns.items()
    ]
    return {**tables, "people": tables["people"].with_columns(said)}


def eligible(
    tables: Tables, policy: Policy = POLICY, as_of: date = AS_OF, today: date | None = None
) -> list[int]:
    """Return the keys of the people who stay."""
    reasons = ineligible(tables["people"], policy.eligibility, as_of, today or as_of)
    return tables["people"].filter(reasons.is_null()).get_column("id").to_list()


def left_out(tables: Tables) -> LeftOut:
    """Return who was left out, by reason."""
    return counted(tables).left_out


def without(tables: Tables, objectors: list[str]) -> tuple[Tables, int]:
    """Return what is left without the objectors' rows, and how many people those were."""
    named = {name: names_objector(table, name, POLICY, objectors) for name, table in tables.items()}
    met = tables["people"].filter(named["people"]).get_column("id").n_unique()
    return {name: table.filter(~named[name]) for name, table in tables.items()}, met


# -------------------------------------------------------------------------------------- objectors


def test_an_objector_is_removed_wherever_a_table_names_a_person() -> None:
    left, met = without(people(), ["2", "4"])
    assert met == 2
    assert left["people"].get_column("id").to_list() == [1, 3, 5]
    assert left["holders"].get_column("id").unique(maintain_order=True).to_list() == [1, 3, 5]


@pytest.mark.parametrize("dtype", [pl.Int32, pl.UInt64, pl.Decimal(20, 0), pl.String])
def test_a_key_is_compared_as_text_whatever_its_type(dtype: pl.DataType) -> None:
    tables = {name: table.cast({"id": dtype}) if "id" in table else table
              for name, table in people().items()}  # fmt: skip
    left, met = without(tables, ["2"])
    assert met == 1
    assert left["people"].height == 4
    assert left["holders"].height == 8


@pytest.mark.parametrize("written", [" 2", "2 ", "\t2 "])
def test_blanks_around_a_key_of_the_source_do_not_matter(written: str) -> None:
    tables = {name: table.cast({"id": pl.String}) if "id" in table else table
              for name, table in people().items()}  # fmt: skip
    tables["people"] = tables["people"].with_columns(pl.col("id").replace("2", written))
    left, met = without(tables, ["2"])
    assert met == 1
    assert left["people"].height == 4


@pytest.mark.parametrize("written", [" 2", "2 "])
def test_blanks_around_a_listed_key_do_not_matter(written: str) -> None:
    left, met = without(people(), [written])
    assert met == 1
    assert left["people"].height == 4


@pytest.mark.parametrize("written", ["002", "+2"])
def test_a_number_written_otherwise_is_the_same_objector(written: str) -> None:
    # A CSV folder has text, the policy says integer: "002" becomes person 2, who objected.
    tables = {name: table.cast({"id": pl.String}) if "id" in table else table
              for name, table in people().items()}  # fmt: skip
    tables = {name: table.with_columns(pl.col("id").replace("2", written)) if "id" in table
              else table for name, table in tables.items()}  # fmt: skip
    assert counted(tables, ["2"]).eligible == 4


def test_an_objector_in_two_rows_is_one_person() -> None:
    tables = people()
    twice = {**tables, "people": pl.concat([tables["people"], tables["people"].head(2)])}
    left, met = without(twice, ["1"])
    assert met == 1
    assert left["people"].height == 5


def test_nobody_objects_where_nobody_is_listed_and_no_key_is_missing_by_it() -> None:
    tables = people()
    tables = with_people(tables, id=[None, 2, 3, 4, 5])
    left, met = without(tables, [])
    assert met == 0
    assert left["people"].height == 5


def test_who_is_listed_and_unknown_changes_nothing() -> None:
    left, met = without(people(), ["77", "", "Robert'); DROP TABLE people"])
    assert met == 0
    assert left["people"].height == 5


def test_who_objected_is_counted_once_and_who_is_unknown_apart() -> None:
    tables = people()
    assert counted(tables, ["2", " 2", "002", "77"]).left_out == LeftOut(
        objected=1, not_found=1, not_natural_persons=0, minors=0, beyond_retention=0
    )


def test_a_joint_account_still_counts_for_who_did_not_object() -> None:
    tables = people(2)
    shared = {
        **tables,
        "accounts": pl.DataFrame({"account": [1], "balance": [500.0]}),
        "holders": pl.DataFrame({"account": [1, 1], "id": [1, 2]}),
    }
    leaves = counted(shared, ["1"]).candidates[1].leaves
    assert leaves.total == 1
    assert leaves.codes[0, -1] == 2


def test_what_is_broken_in_an_objectors_account_stops_nobody() -> None:
    # An objector might as well not exist: rows that only lead to them are not read for types.
    tables = {name: table.cast(pl.String) for name, table in people().items()}
    theirs = tables["holders"].filter(pl.col("id") == "2").get_column("account").to_list()
    broken = pl.when(pl.col("account").is_in(theirs)).then(pl.lit("?")).otherwise(pl.col("balance"))
    tables["accounts"] = tables["accounts"].with_columns(broken.alias("balance"))
    with pytest.raises(SourceError):
        counted(tables)
    assert counted(tables, ["2"]).eligible == 4


# -------------------------------------------------------------------------------------- companies


def test_only_who_is_certainly_a_person_stays() -> None:
    tables = with_people(people(), kind=["person", "company", None, "Person", "person"])
    assert eligible(tables) == [1, 5]
    assert left_out(tables).not_natural_persons == 3


# ----------------------------------------------------------------------------------------- minors


def test_a_minor_stays_only_with_recorded_consent() -> None:
    young, grown = date(2012, 3, 2), date(2012, 3, 1)
    tables = with_people(
        people(),
        born=[young, young, young, grown, grown],
        consent=[True, False, None, False, None],
    )
    assert eligible(tables) == [1, 4, 5]
    assert left_out(tables).minors == 2


def test_an_unknown_date_of_birth_may_be_a_minors() -> None:
    tables = with_people(people(), born=[None] * 5, consent=[None, False, True, None, None])
    assert eligible(tables) == [3]
    assert left_out(tables).minors == 4


def test_without_a_column_of_consent_no_minor_stays() -> None:
    fields = policy_fields()
    del fields["eligibility"]["minors"]["consent"]
    tables = with_people(people(), born=[date(2020, 1, 1)] * 5, consent=[True] * 5)
    assert eligible(tables, Policy.model_validate(fields)) == []


def test_who_was_born_on_a_leap_day_is_fourteen_on_the_first_of_march() -> None:
    tables = with_people(people(1), born=[date(2012, 2, 29)])
    for as_of, stay in ((date(2026, 2, 28), 0), (date(2026, 3, 1), 1)):
        assert len(eligible(tables, as_of=as_of)) == stay


# -------------------------------------------------------------------------------------- retention


def test_retention_ends_on_its_day() -> None:
    tables = with_people(
        people(),
        ended=[date(2021, 2, 28), date(2021, 3, 1), date(2021, 3, 2), None, date(2030, 1, 1)],
    )
    assert eligible(tables) == [3, 4, 5]
    assert left_out(tables).beyond_retention == 2


def test_what_ended_on_a_leap_day_is_kept_no_longer_than_to_the_end_of_february() -> None:
    tables = with_people(people(1), ended=[date(2020, 2, 29)])
    for as_of, stay in ((date(2025, 2, 27), 1), (date(2025, 2, 28), 0)):
        assert len(eligible(tables, as_of=as_of)) == stay


def test_everybody_is_left_out_once() -> None:
    tables = with_people(
        people(),
        kind=["company", "company", "person", "person", "person"],
        born=[date(2020, 1, 1), date(1980, 1, 1), date(2020, 1, 1), date(1980, 1, 1), None],
        ended=[date(2000, 1, 1), date(2000, 1, 1), date(2000, 1, 1), date(2000, 1, 1), None],
    )
    assert left_out(tables) == LeftOut(
        objected=0, not_found=0, not_natural_persons=2, minors=2, beyond_retention=1
    )
    population = counted(tables, ["1"])
    assert population.left_out == LeftOut(
        objected=1, not_found=0, not_natural_persons=1, minors=2, beyond_retention=1
    )
    assert population.eligible == 0


def test_the_left_out_own_values_that_no_hierarchy_lists() -> None:
    tables = with_people(
        people(),
        kind=["company", "person", "person", "person", "person"],
        town=["Atlantis", "Peja", "Peja", "Peja", "Peja"],
    )
    assert counted(tables).eligible == 4


# ------------------------------------------------------------------------------------------- keys

CANARY = 9_876_543_210


def refused(tables: Tables, policy: Policy = POLICY) -> str:
    """Return what is said of keys that are wrong, having seen that no value is in it."""
    with pytest.raises(SourceError) as caught:
        counted(tables, policy=policy)
    said = str(caught.value)
    assert str(CANARY) not in said
    assert caught.value.__cause__ is None
    return said


def test_a_key_stands_once() -> None:
    tables = people(2)
    assert "people.id: fewer than 11 rows repeat another row's key" in refused(
        with_people(tables, id=[CANARY, CANARY])
    )


def test_no_key_is_missing() -> None:
    assert "people.id: fewer than 11 rows have no key" in refused(
        with_people(people(2), id=[CANARY, None])
    )


@pytest.mark.parametrize("stranger", [CANARY, None])
def test_an_account_is_somebodys(stranger: int | None) -> None:
    tables = people(2)
    extra = pl.DataFrame({"account": [10], "id": [stranger]}, schema=tables["holders"].schema)
    said = refused({**tables, "holders": pl.concat([tables["holders"], extra])})
    assert "holders.id: fewer than 11 rows point to nobody in people" in said


@pytest.mark.parametrize("account", [CANARY, None])
def test_a_holder_holds_an_account_that_there_is(account: int | None) -> None:
    tables = people(2)
    extra = pl.DataFrame({"account": [account], "id": [1]}, schema=tables["holders"].schema)
    said = refused({**tables, "holders": pl.concat([tables["holders"], extra])})
    assert "holders.account: fewer than 11 rows point to nobody in accounts" in said


@pytest.mark.parametrize("link", ["12a", "", None])
def test_a_row_whose_link_is_none_is_not_dropped_without_a_word(link: str | None) -> None:
    tables = {name: table.cast(pl.String) for name, table in people(2).items()}
    extra = pl.DataFrame({"account": [link], "balance": ["5"]}, schema=tables["accounts"].schema)
    said = refused({**tables, "accounts": pl.concat([tables["accounts"], extra])})
    assert "accounts.account: fewer than 11 rows have no link" in said


def test_keys_are_stored_alike() -> None:
    fields = policy_fields()
    fields["sources"]["holders"]["columns"]["id"]["type"] = "text"
    said = refused(people(2), Policy.model_validate(fields))
    assert "holders.id and people.id are of different types" in said


def test_a_table_that_is_right_passes() -> None:
    assert counted(people()).eligible == 5


# --------------------------------------------------------------------------------------- totals


def test_a_total_is_over_all_accounts_and_an_unknown_one_is_unknown() -> None:
    tables = people(3)
    told = {
        **tables,
        "accounts": pl.DataFrame(
            {"account": [1, 2, 3, 4], "balance": [60.0, 60.0, None, 5.0]},
        ),
        "holders": pl.DataFrame({"account": [1, 2, 3, 4, 4], "id": [1, 1, 2, 3, 3]}),
    }
    leaves = counted(told).candidates[1].leaves
    # 120 in all; nothing known; 5, though the holder stands there twice.
    assert sorted(leaves.codes[:, -1].tolist()) == [1, 2, 4]


def test_a_total_too_large_to_count_is_not_taken_for_a_small_one() -> None:
    tables = people(1)
    # In ten-thousandths of a euro these add up to 2**64, which is 0 to a 64-bit integer.
    many, each = 20, 92_233_720_368_547.75
    told = {
        **tables,
        "accounts": pl.DataFrame({"account": range(many), "balance": [each] * many}),
        "holders": pl.DataFrame({"account": range(many), "id": [1] * many}),
    }
    with pytest.raises(Exception, match=r"accounts\.balance"):
        counted(told)


def test_another_reference_date_lets_nobody_in() -> None:
    """A child does not grow up by `--as-of`, and nobody's retention starts anew by it."""
    tables = with_people(
        people(),
        born=[*[date(AS_OF.year - 10, 1, 1)] * 4, date(AS_OF.year - 40, 1, 1)],
        ended=[None, None, None, None, date(AS_OF.year - 6, 1, 1)],
        consent=[None, None, None, None, None],
    )
    for as_of in (date(AS_OF.year - 6, 1, 1), AS_OF, date(AS_OF.year + 20, 1, 1)):
        assert eligible(tables, as_of=as_of, today=AS_OF) == []
