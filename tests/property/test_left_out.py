"""Who and what is left out: found among many by any spelling, and gone without a trace."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from datetime import date

import polars as pl
from builders import (
    AS_OF,
    Fields,
    Person,
    Tables,
    bank,
    content,
    counted,
    plan_for,
    policy_fields,
    populations,
    released,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from transforms.policy.roles import Kind
from transforms.policy.whole import Policy
from transforms.steps.exclude import Exclusions
from transforms.steps.find import KeyList

seeds = st.integers(0, 2**32 - 1)

# ------------------------------------------------------------------------------ keys among many

written = st.text("0017+- aAéÉe\N{COMBINING ACUTE ACCENT}", max_size=4)
spelled = st.one_of(written, st.integers(-(2**63), 2**63 - 1).map(str), st.none())


def _meant(key: str | None, kind: Kind) -> int | str | None:
    """Return what a key is compared as, one by one and slowly."""
    if key is None:
        return None
    text = key.strip()
    if kind is Kind.TEXT:
        return unicodedata.normalize("NFC", text).lower()
    sign, digits = text[:1], text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isascii() or not digits.isdigit():
        return text
    return -int(digits) if sign == "-" else int(digits)


@given(st.lists(spelled), st.lists(spelled), st.sampled_from([Kind.INTEGER, Kind.TEXT]), seeds)
def test_a_key_is_found_where_one_that_means_the_same_is_listed(
    listed: list[str | None], sought: list[str | None], kind: Kind, seed: int
) -> None:
    rng = random.Random(seed)
    sought = [*sought, *rng.sample(listed, len(listed) // 2)]
    ranks = [rng.randrange(3) for _ in listed]
    keys = KeyList.of(pl.Series(listed, dtype=pl.String), pl.Series(ranks, dtype=pl.UInt8), kind)
    least: dict[int | str | None, int | None] = {}
    for rank, key in sorted(zip(ranks, listed, strict=True), key=lambda each: -each[0]):
        least[_meant(key, kind)] = rank
    least[None] = None
    places = keys.find(pl.Series(sought, dtype=pl.String)).to_list()
    found = [None if place is None else keys.ranks[place] for place in places]
    assert found == [least.get(_meant(key, kind)) for key in sought]
    assert len(keys) == len(least) - 1


@given(populations(), st.lists(st.integers(1, 400), max_size=9), seeds)
def test_by_which_right_somebody_is_left_out_changes_no_release(
    people: Sequence[Person], keys: list[int], seed: int
) -> None:
    rng = random.Random(seed)
    dealt: dict[str, list[str]] = {"objected": [], "erased": [], "restricted": []}
    for key in keys:
        for right in rng.sample(sorted(dealt), rng.randint(1, 3)):
            dealt[right].append(str(key))
    mixed = counted(bank(people), Exclusions.of(**dealt))
    plain = counted(bank(people), [str(key) for key in keys])
    plan = plan_for(plain)
    assert content(released(mixed, plan)) == content(released(plain, plan))
    said = mixed.left_out
    assert said.erased + said.restricted + said.objected == plain.left_out.objected
    assert said.not_found == plain.left_out.not_found


# ------------------------------------------------------------------------- values past their term


def _by_clause(months: int) -> Policy:
    """Return the small policy under which what clause 12 collected lapses before the person."""
    fields = policy_fields()
    fields["eligibility"]["retention"]["months"] = {"12": months}
    return Policy.model_validate(fields)


def _by_row() -> Policy:
    """Return the small policy under which accounts lapse row by row."""
    fields = policy_fields()
    columns: Fields = fields["sources"]["accounts"]["columns"]
    columns["arose"] = {"role": "eligibility", "clause": 10, "type": "date"}
    columns["balance"]["clause"] = 10
    fields["sources"]["accounts"]["kept"] = {"since": "arose", "months": 60}
    return Policy.model_validate(fields)


BY_CLAUSE, BY_ROW = _by_clause(24), _by_row()
LAPSED, CURRENT = date(2024, 3, 1), date(2024, 3, 2)
ROW_LAPSED, ROW_CURRENT = date(2021, 3, 1), date(2021, 3, 2)


def _ended(tables: Tables, keys: set[int], day: date) -> Tables:
    """Return the bank in which some people's relationships ended on a day."""
    ends = pl.when(pl.col("id").is_in(sorted(keys))).then(pl.lit(day)).otherwise("ended")
    return {**tables, "people": tables["people"].with_columns(ends.alias("ended"))}


def _with_other_values(tables: Tables, keys: set[int], seed: int) -> Tables:
    """Return the bank with other things said under clause 12 of some people."""
    rng = random.Random(seed)
    theirs = tables["holders"].filter(pl.col("id").is_in(sorted(keys))).get_column("account")
    healths = ["flu", "cold", "asthma", "diabetes", "a plague that is in no hierarchy", None]
    people = [
        row | {"health": rng.choice(healths)} if row["id"] in keys else row
        for row in tables["people"].iter_rows(named=True)
    ]
    accounts = [
        row | {"balance": rng.choice([None, 1e13, -5.0, 50_000.0])}
        if row["account"] in set(theirs)
        else row
        for row in tables["accounts"].iter_rows(named=True)
    ]
    return {
        "people": pl.DataFrame(people, schema=tables["people"].schema),
        "accounts": pl.DataFrame(accounts, schema=tables["accounts"].schema),
        "holders": tables["holders"],
    }


@settings(max_examples=40)
@given(populations(), st.sets(st.integers(1, 400), max_size=60), seeds)
def test_a_value_that_has_lapsed_changes_nothing_in_a_release(
    people: Sequence[Person], keys: set[int], seed: int
) -> None:
    tables = _ended(bank(people), keys, LAPSED)
    other = _with_other_values(tables, keys, seed)
    one, two = (counted(each, policy=BY_CLAUSE) for each in (tables, other))
    plan = plan_for(one, BY_CLAUSE)
    assert plan == plan_for(two, BY_CLAUSE)
    assert content(released(two, plan, BY_CLAUSE)) == content(released(one, plan, BY_CLAUSE))
    assert one.eligible == two.eligible == len(people)


@given(populations(), seeds)
def test_what_has_lapsed_is_as_what_was_never_collected(
    people: Sequence[Person], seed: int
) -> None:
    rng = random.Random(seed)
    keys = {key for key in range(1, len(people) + 1) if rng.random() < 0.3}
    tables = _ended(bank(people), keys, LAPSED)
    never = [
        Person(person.age, person.town, person.job, None, None) if key in keys else person
        for key, person in enumerate(people, 1)
    ]
    one, two = (counted(each, policy=BY_CLAUSE) for each in (tables, bank(never)))
    for here, there in zip(one.candidates, two.candidates, strict=True):
        assert here.leaves.content == there.leaves.content
    had = sum(1 for key in keys if people[key - 1].health or people[key - 1].savings is not None)
    assert one.left_out.lapsed_values == {12: had}


@given(populations(), st.integers(1, 400))
def test_a_value_that_has_not_lapsed_does_matter(people: Sequence[Person], key: int) -> None:
    # The laws above have power only if the same change shows a day before the term is over.
    assume(key <= len(people) and people[key - 1].health is not None)
    tables = _ended(bank(people), {key}, CURRENT)
    gone = pl.when(pl.col("id") != key).then("health").alias("health")
    other = {**tables, "people": tables["people"].with_columns(gone)}
    one, two = (counted(each, policy=BY_CLAUSE).candidates[0] for each in (tables, other))
    assert one.leaves.content != two.leaves.content


def _arose(tables: Tables, lapsed: set[int], day: date) -> Tables:
    """Return the bank whose accounts arose on the reference date, but for some of them."""
    day_of = pl.when(pl.col("account").is_in(sorted(lapsed))).then(pl.lit(day))
    arose = day_of.otherwise(pl.lit(AS_OF)).alias("arose")
    return {**tables, "accounts": tables["accounts"].with_columns(arose)}


@settings(max_examples=40)
@given(populations(), st.sets(st.integers(10, 4000), max_size=200))
def test_a_row_that_has_lapsed_might_as_well_not_be_there(
    people: Sequence[Person], accounts: set[int]
) -> None:
    tables = bank(people)
    old = accounts & set(tables["accounts"].get_column("account"))
    without = {
        **tables,
        **{
            name: tables[name].filter(~pl.col("account").is_in(sorted(old)))
            for name in ("accounts", "holders")
        },
    }
    there = counted(_arose(tables, old, ROW_LAPSED), policy=BY_ROW)
    gone = counted(_arose(without, set(), ROW_LAPSED), policy=BY_ROW)
    still = counted(_arose(tables, old, ROW_CURRENT), policy=BY_ROW)
    assert there.candidates[1].leaves.content == gone.candidates[1].leaves.content
    assert there.left_out.lapsed_rows == {10: len(old)}
    # And a day earlier they are as any other.
    assert still.candidates[1].leaves.content == counted(tables).candidates[1].leaves.content
