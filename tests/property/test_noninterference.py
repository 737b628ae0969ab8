"""What must not matter does not: two banks that differ in it alone publish the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from builders import (
    AGES,
    AMOUNTS,
    AS_OF,
    HIERARCHIES,
    LADDERS,
    POLICY,
    Person,
    Tables,
    bank,
    content,
    counted,
    plan_for,
    plans,
    policy_fields,
    policy_limits,
    populations,
    released,
    under,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.anonymise import count_population
from transforms.plan import Plan
from transforms.policy.roles import READ_FOR_MICRODATA, Role
from transforms.policy.whole import Policy
from transforms.steps import gather
from transforms.steps.exclude import Exclusions
from transforms.steps.gather import Circumstances

QUASI = {"people": ("age", "town", "job"), "wealth": ("age", "town")}
SENSITIVE = {"people": "health", "wealth": "savings"}
NEVER_READ = sorted(set(Role) - READ_FOR_MICRODATA)
TABLES = ("people", "accounts", "holders")

seeds = st.integers(0, 2**32 - 1)
# Most laws hold under any stored plan, those that a search would never choose included.
stored = st.one_of(st.none(), plans())
protections = st.builds(policy_limits, st.sampled_from([2, 3, 5]), st.sampled_from([2, 3])).map(
    lambda limits: under(POLICY, limits)
)


def published(tables: Tables, policy: Policy, plan: Plan | None, *objectors: int) -> object:
    """Return all that a bank publishes, and its plan where the bank chooses one itself."""
    population = counted(tables, [str(key) for key in objectors], policy)
    chosen = plan or plan_for(population, policy)
    return chosen.levels, content(released(population, chosen, policy))


# ------------------------------------------------------------------------------ columns never read


@given(st.lists(st.sampled_from(NEVER_READ), min_size=3, max_size=3), st.sampled_from(TABLES))
def test_no_column_of_a_role_that_is_never_read_is_asked_of_the_source(
    roles: list[Role], table: str
) -> None:
    fields = policy_fields()
    extra = {
        f"extra{number}": {"role": role, "clause": 9, "category": "exact residence"}
        for number, role in enumerate(roles)
    }
    fields["sources"][table]["columns"] |= extra
    policy = Policy.model_validate(fields)
    for name, columns in policy.reads().items():
        for column in columns:
            assert policy.sources[name].columns[column].role in READ_FOR_MICRODATA


@settings(max_examples=25)
@given(populations(), st.lists(st.text(max_size=8), min_size=1, max_size=5), protections, stored)
def test_a_column_that_is_never_read_cannot_influence_a_release(
    people: Sequence[Person], texts: list[str], policy: Policy, plan: Plan | None
) -> None:
    tables = bank(people)
    rows = tables["people"].height
    secrets = [
        pl.Series(name, [texts[(row + shift) % len(texts)] for row in range(rows)], pl.String)
        for shift, name in enumerate(("number", "passport", "street", "name", "note"))
    ]
    told = {**tables, "people": tables["people"].with_columns(secrets)}
    assert published(told, policy, plan) == published(tables, policy, plan)


# ---------------------------------------------------------------------------------------- objectors


def _anything(rng: random.Random) -> dict[str, object]:
    """Return a person's row as no bank should have it; some fields may be right."""
    return {
        "kind": rng.choice(["person", "company", "", None]),
        "consent": rng.choice([True, False, None]),
        "ended": rng.choice([None, date(1999, 1, 1), date(2026, 1, 1)]),
        "born": rng.choice([None, date(1700, 1, 1), date(2026, 2, 28), date(1980, 5, 5)]),
        "town": rng.choice(["Atlantis", "Peja", "", None]),
        "job": rng.choice(["wizard", "nurse", "\x00", None]),
        "health": rng.choice(["plague", "flu", None]),
    }


def _with_other_data(tables: Tables, keys: Sequence[int], seed: int) -> Tables:
    """Return the bank with anything in the rows of some people, and in their accounts."""
    rng = random.Random(seed)
    rows = [
        row | _anything(rng) if row["id"] in keys else row
        for row in tables["people"].iter_rows(named=True)
    ]
    theirs = tables["holders"].filter(pl.col("id").is_in(keys)).get_column("account").to_list()
    accounts = [
        row | {"balance": rng.choice([None, 1e13, -1e13, 5.0])} if row["account"] in theirs else row
        for row in tables["accounts"].iter_rows(named=True)
    ]
    twice = [row for row in rows if row["id"] in keys and rng.random() < 0.3]
    return {
        "people": pl.DataFrame(rows + twice, schema=tables["people"].schema),
        "accounts": pl.DataFrame(accounts, schema=tables["accounts"].schema),
        "holders": tables["holders"],
    }


@settings(max_examples=25)
@given(populations(), st.sets(st.integers(0, 400)), seeds, protections, stored)
def test_an_objector_might_as_well_not_exist(
    people: Sequence[Person], picked: set[int], seed: int, policy: Policy, plan: Plan | None
) -> None:
    dropped = {position for position in picked if position < len(people)}
    keys = sorted(position + 1 for position in dropped)
    without = published(bank(people, drop=dropped), policy, plan)
    present = bank(people)
    assert published(present, policy, plan, *keys) == without
    assert published(_with_other_data(present, keys, seed), policy, plan, *keys) == without


@given(populations(), st.integers(0, 399), protections)
def test_an_objector_who_is_not_listed_does_matter(
    people: Sequence[Person], position: int, policy: Policy
) -> None:
    # The law above has power only if the same change of data shows where nobody objected.
    if position < len(people):
        counts = [
            sum(int(n) for n in counted(tables, (), policy).candidates[0].leaves.people)
            for tables in (bank(people), bank(people, drop={position}))
        ]
        assert counts[0] == counts[1] + 1


# ---------------------------------------------------------------------------------- order and keys


def _shuffled(tables: Tables, seed: int) -> Tables:
    return {
        name: table.sample(fraction=1, shuffle=True, seed=seed + number)
        for number, (name, table) in enumerate(tables.items())
    }


def _renamed(tables: Tables, column: str, seed: int) -> Tables:
    """Return the tables with other keys; equal keys stay equal and different ones different."""
    keys = sorted({key for table in tables.values() if column in table for key in table[column]})
    names = random.Random(seed).sample(range(10**6), len(keys))
    mapping: Mapping[int, int] = dict(zip(keys, names, strict=True))
    return {
        name: table.with_columns(pl.col(column).replace_strict(mapping, return_dtype=pl.Int64))
        if column in table and table.height
        else table
        for name, table in tables.items()
    }


@settings(max_examples=25)
@given(populations(), st.integers(0, 10**6), protections, stored)
def test_the_order_of_rows_and_the_names_of_keys_say_nothing(
    people: Sequence[Person], seed: int, policy: Policy, plan: Plan | None
) -> None:
    tables = bank(people, seed=seed)
    other = _renamed(_renamed(_shuffled(tables, seed), "id", seed), "account", seed + 1)
    assert published(other, policy, plan) == published(tables, policy, plan)


# -------------------------------------------------------------------------------- inside a bucket


def _elsewhere_in_its_bucket(person: Person, plan: Plan, rng: random.Random) -> Person:
    """Return a person whose every leaf lies in the same node on the plan's levels."""

    def other(name: str, leaf: str | None) -> str | None:
        ladder, level = LADDERS[name], plan.levels[name]
        node = ladder.up(leaf, 0, level)
        leaves = [line[0] for line in ladder.lines if line[level] == node]
        if leaf is None or level == ladder.top:
            leaves.append("")
        return rng.choice(leaves) or None

    def position(name: str, leaf: str | None) -> int:
        return [line[0] for line in LADDERS[name].lines].index(str(leaf))

    leaves = person.leaves
    age = other("age", leaves["age"])
    savings = other("savings", leaves["savings"])
    return Person(
        # Everybody has an age; where `*` would allow none, any other is as good.
        age=person.age if age is None else position("age", age),
        town=other("town", person.town),
        job=other("job", person.job),
        health=other("health", person.health),
        savings=None if savings is None else position("savings", savings),
    )


def _in_batches(table: pl.DataFrame, rng: random.Random) -> list[pl.DataFrame]:
    """Cut a table anywhere, into empty batches too."""
    cuts = sorted(rng.randint(0, table.height) for _ in range(rng.randint(0, 6)))
    edges = [0, *cuts, table.height]
    return [table[low:high] for low, high in pairwise(edges)]


@given(populations(), st.sets(st.integers(1, 400), max_size=5), seeds, st.integers(1, 8))
def test_how_a_source_cuts_its_tables_into_batches_does_not_matter(
    people: Sequence[Person], objectors: set[int], seed: int, pending: int
) -> None:
    tables, rng = bank(people), random.Random(seed)
    listed = [str(key) for key in objectors]
    whole = counted(tables, listed)
    cut = {name: _in_batches(table, rng) for name, table in tables.items()}
    with pytest.MonkeyPatch.context() as patch:
        # So that tallies are merged more than once.
        patch.setattr(gather, "PENDING_ROWS", pending)
        out = Exclusions.of(objected=listed)
        parts = count_population(cut, Circumstances(POLICY, HIERARCHIES, out, AS_OF, AS_OF))
    assert parts.left_out == whole.left_out
    assert parts.eligible == whole.eligible
    for one, other in zip(parts.candidates, whole.candidates, strict=True):
        assert one.leaves.codes.tolist() == other.leaves.codes.tolist()
        assert one.leaves.people.tolist() == other.leaves.people.tolist()


@settings(max_examples=25)
@given(populations(), seeds, protections, stored)
def test_a_fine_value_changed_inside_its_bucket_changes_nothing(
    people: Sequence[Person], seed: int, policy: Policy, plan: Plan | None
) -> None:
    population = counted(bank(people), (), policy)
    frozen = plan or plan_for(population, policy)
    rng = random.Random(seed)
    moved = [_elsewhere_in_its_bucket(person, frozen, rng) for person in people]
    after = counted(bank(moved, seed=seed % 1000), (), policy)
    assert content(released(after, frozen, policy)) == content(released(population, frozen, policy))


# -------------------------------------------------------------------------------- sensitive values


def _permuted(people: Sequence[Person], table: str, plan: Plan, rng: random.Random) -> list[Person]:
    """Return the people with the table's sensitive values dealt anew inside each class."""
    classes: dict[tuple[str | None, ...], list[int]] = {}
    for position, person in enumerate(people):
        of = tuple(
            LADDERS[name].up(person.leaves[name], 0, plan.levels[name]) for name in QUASI[table]
        )
        classes.setdefault(of, []).append(position)
    dealt = list(people)
    for members in classes.values():
        for member, giver in zip(members, rng.sample(members, len(members)), strict=True):
            name = SENSITIVE[table]
            value: object = getattr(people[giver], name)
            dealt[member] = replace(dealt[member], **{name: value})  # type: ignore[arg-type]  # chosen by name
    return dealt


@settings(max_examples=25)
@given(populations(), seeds, protections, stored)
def test_who_of_a_class_has_which_sensitive_value_changes_nothing(
    people: Sequence[Person], seed: int, policy: Policy, plan: Plan | None
) -> None:
    population = counted(bank(people), (), policy)
    frozen = plan or plan_for(population, policy)
    rng = random.Random(seed)
    dealt = people
    for table in QUASI:
        dealt = _permuted(dealt, table, frozen, rng)
    after = counted(bank(dealt), (), policy)
    assert content(released(after, frozen, policy)) == content(released(population, frozen, policy))


# ------------------------------------------------------------------------------- text or typed


def _as_text(tables: Tables) -> Tables:
    return {
        name: table.with_columns(pl.all().cast(pl.String).fill_null(""))
        for name, table in tables.items()
    }


@given(populations(), protections, plans())
def test_a_folder_of_text_publishes_what_the_typed_bank_does(
    people: Sequence[Person], policy: Policy, plan: Plan
) -> None:
    tables = bank(people)
    assert published(_as_text(tables), policy, plan) == published(tables, policy, plan)


def test_the_leaves_of_these_examples_are_where_the_examples_say() -> None:
    everybody = [
        Person(age, "Peja", "nurse", "flu", savings)
        for age in range(len(AGES))
        for savings in range(len(AMOUNTS))
    ]
    for seed in range(20):
        leaves = counted(bank(everybody, seed=seed)).candidates[1].own
        assert sorted(zip(leaves.codes[:, 0], leaves.codes[:, 2], strict=True)) == [
            (person.age, person.savings) for person in everybody
        ]
