"""Who is left out before anything is counted: objectors, companies, minors, closed records."""

from __future__ import annotations

import random
from datetime import date, datetime

import polars as pl
import pytest
from builders import (
    AS_OF,
    POLICY,
    Fields,
    Person,
    Tables,
    bank,
    counted,
    policy_fields,
)

from transforms.errors import SourceError
from transforms.policy.roles import Kind
from transforms.policy.whole import Policy
from transforms.steps.exclude import (
    Exclusions,
    LeftOut,
    ineligible,
    is_named,
)
from transforms.steps.find import KeyList

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
    listed = Exclusions.of(objected=objectors)
    named = {name: is_named(table, name, POLICY, listed) for name, table in tables.items()}
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
        erased=0,
        restricted=0,
        objected=1,
        not_found=1,
        not_natural_persons=0,
        minors=0,
        beyond_retention=0,
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


def test_who_used_several_rights_is_counted_by_the_first() -> None:
    exclusions = Exclusions.of(
        objected=["1", "2", "3", "01", "77"],
        restricted=["2", " 3", "78"],
        erased=["3", "003", "79"],
    )
    population = counted(people(), exclusions)
    assert population.eligible == 2
    assert population.left_out == LeftOut(
        erased=1,
        restricted=1,
        objected=1,
        not_found=3,
        not_natural_persons=0,
        minors=0,
        beyond_retention=0,
    )


def test_who_is_listed_and_stands_in_two_rows_is_counted_once_by_the_first_reason() -> None:
    tables, policy = marked({"erased": {"column": "gone"}}, gone=days(None, None, None))
    twice = tables["people"].head(1).with_columns(gone=pl.lit(AS_OF))
    told = {**tables, "people": pl.concat([tables["people"], twice])}
    said = counted(told, ["1", "2", "9"], policy).left_out
    assert (said.erased, said.objected, said.not_found) == (1, 1, 1)


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.TEXT])
def test_of_many_people_only_those_who_are_listed_are_found(kind: Kind) -> None:
    many = random.Random(16).sample(range(10**12), 20_000)
    listed = pl.Series(many[::4]).cast(pl.String)
    keys = KeyList.of(listed, pl.repeat(0, len(listed), dtype=pl.UInt8, eager=True), kind)
    sought = pl.Series(many)
    found = keys.find(sought if kind is Kind.INTEGER else sought.cast(pl.String))
    assert sought.filter(found.is_not_null()).to_list() == many[::4]


@pytest.mark.parametrize("right", ["erased", "restricted", "objected"])
def test_every_right_removes_a_person_from_every_table(right: str) -> None:
    tables, listed = people(), Exclusions.of(**{right: ["2"]})
    for table in ("people", "holders"):
        named = is_named(tables[table], table, POLICY, listed)
        assert set(tables[table].filter(named).get_column("id")) == {2}


def test_a_number_beyond_the_largest_is_compared_as_it_is_written() -> None:
    beyond = 2**64 - 1
    keys = pl.DataFrame({"id": pl.Series([beyond, 2], dtype=pl.UInt64)})
    listed = Exclusions.of(objected=[str(beyond)])
    assert is_named(keys, "people", POLICY, listed).to_list() == [True, False]


def test_text_keys_are_compared_in_one_case_and_one_unicode_form() -> None:
    fields = policy_fields()
    fields["sources"]["people"]["columns"]["id"]["type"] = "text"
    policy = Policy.model_validate(fields)
    keys = ["k-1", " K-2 ", "Çelik", "C\u0327elik", "007", "7", "", None]
    listed = Exclusions.of(objected=["K-1", "k-2", "çelik", "7"])
    named = is_named(pl.DataFrame({"id": keys}), "people", policy, listed)
    assert named.to_list() == [True, True, True, True, False, True, False, False]


def test_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pl.Series, "hash", lambda self: pl.repeat(5, len(self), dtype=pl.UInt64, eager=True)
    )
    listed = KeyList.of(pl.Series(["a", "b", "c"]), pl.Series([0, 1, 2], dtype=pl.UInt8), Kind.TEXT)
    places = listed.find(pl.Series(["c", "x", "a", None, "b"]))
    assert sorted(places.drop_nulls()) == [0, 1, 2]
    assert listed.ranks.gather(places.drop_nulls()).to_list() == [2, 0, 1]
    assert places.is_null().to_list() == [False, True, False, True, False]


# ------------------------------------------------------------------- erased, restricted: the source


def marked(policy_says: Fields, **columns: pl.Series) -> tuple[Tables, Policy]:
    """Return a bank whose people are marked so, in their order, and a policy that says it."""
    fields = policy_fields()
    for rule in policy_says:
        del fields["eligibility"]["not-applicable"][rule]
    fields["eligibility"] |= policy_says
    kinds = {pl.Date(): "date", pl.Boolean(): "boolean", pl.Datetime("us"): "timestamp"}
    for name, values in columns.items():
        fields["sources"]["people"]["columns"][name] = {
            "role": "eligibility",
            "clause": 9,
            "type": kinds[values.dtype],
        }
    tables = people(max(len(values) for values in columns.values()))
    said = [values.alias(name) for name, values in columns.items()]
    told = {**tables, "people": tables["people"].with_columns(said)}
    return told, Policy.model_validate(fields)


def days(*values: date | None) -> pl.Series:
    """Return days as a source holds them."""
    return pl.Series(values, dtype=pl.Date)


def test_who_was_erased_is_left_out_whatever_the_day() -> None:
    rule = {"erased": {"column": "gone"}}
    tables, policy = marked(rule, gone=days(None, date(1970, 1, 1), AS_OF, date(2999, 1, 1)))
    assert eligible(tables, policy) == [1]
    assert counted(tables, policy=policy).left_out.erased == 3


@pytest.mark.parametrize("rule", ["erased", "restricted"])
def test_a_mark_may_be_a_truth(rule: str) -> None:
    tables, policy = marked({rule: {"column": "gone"}}, gone=pl.Series([None, False, True]))
    assert eligible(tables, policy) == [1, 2]


def test_who_is_restricted_is_left_out_until_it_is_lifted() -> None:
    rule = {"restricted": {"column": "since", "until": "lifted"}}
    early, late = date(2020, 1, 1), date(2020, 5, 1)
    tables, policy = marked(
        rule,
        since=days(None, early, early, early, date(2030, 1, 1), late, None),
        lifted=days(None, None, AS_OF, AS_OF.replace(day=2), None, early, early),
    )
    assert eligible(tables, policy) == [1, 3, 7]
    assert counted(tables, policy=policy).left_out.restricted == 4
    # Neither of both days lifts a restriction before it is.
    assert eligible(tables, policy, as_of=date(2026, 4, 1), today=AS_OF) == [1, 3, 7]
    assert eligible(tables, policy, as_of=date(2026, 2, 1), today=AS_OF) == [1, 7]


def test_a_restriction_and_its_lifting_may_have_times() -> None:
    rule = {"restricted": {"column": "since", "until": "lifted"}}
    at = [datetime(2026, 2, 1, hour) for hour in (8, 9)]  # noqa: DTZ001 - as a bank writes it
    tables, policy = marked(
        rule,
        since=pl.Series([at[0], at[1]], dtype=pl.Datetime("us")),
        lifted=pl.Series([at[1], at[0]], dtype=pl.Datetime("us")),
    )
    assert eligible(tables, policy) == [1]


def test_who_is_on_the_list_and_marked_by_the_source_is_counted_once_by_the_first() -> None:
    rules: Fields = {"erased": {"column": "gone"}, "restricted": {"column": "since"}}
    tables, policy = marked(
        rules,
        gone=days(AS_OF, None, None, None, AS_OF),
        since=days(AS_OF, AS_OF, None, AS_OF, None),
    )
    tables = with_people(tables, kind=["company", "company", "company", "company", "company"])
    exclusions = Exclusions.of(objected=["1", "2", "3"], erased=["4"])
    assert counted(tables, exclusions, policy).left_out == LeftOut(
        erased=3,
        restricted=1,
        objected=1,
        not_found=0,
        not_natural_persons=0,
        minors=0,
        beyond_retention=0,
    )


def test_a_broken_mark_of_who_is_on_the_list_stops_nobody() -> None:
    tables, policy = marked({"erased": {"column": "gone"}}, gone=days(None, None))
    broken = tables["people"].cast(pl.String).with_columns(gone=pl.Series(["soon", None]))
    told = {**{name: table.cast(pl.String) for name, table in tables.items()}, "people": broken}
    with pytest.raises(SourceError, match=r"people\.gone"):
        counted(told, policy=policy)
    assert counted(told, ["1"], policy).left_out.objected == 1


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
        erased=0,
        restricted=0,
        objected=0,
        not_found=0,
        not_natural_persons=2,
        minors=2,
        beyond_retention=1,
    )
    population = counted(tables, ["1"])
    assert population.left_out == LeftOut(
        erased=0,
        restricted=0,
        objected=1,
        not_found=0,
        not_natural_persons=1,
        minors=2,
        beyond_retention=1,
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
