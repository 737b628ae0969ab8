"""What every published table keeps, whoever the people are; judged by code of another make."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from builders import (
    HIERARCHIES,
    LADDERS,
    LINES,
    POLICY,
    Person,
    bank,
    cells_at,
    content,
    counted,
    expand,
    levels_of,
    people_of,
    plan_at,
    plan_for,
    plans,
    policy_limits,
    populations,
    protect_at,
    released,
    under,
    wanted,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.plain import (
    Counts,
    Plain,
    Row,
    class_sizes,
    class_sizes_in_sql,
    fewest_behind_a_row,
    kept_classes,
    made,
    recoded,
)
from oracles.plain import parent_groups as plain_parent_groups

from transforms.anonymise import Table
from transforms.histogram import histogram
from transforms.plan import Plan
from transforms.policy.whole import Policy
from transforms.recoding.applying import Levels, nodes_of
from transforms.recoding.protect import Candidate
from transforms.risk.classes import Cells
from transforms.steps.blank import parent_groups
from transforms.steps.encode import encode
from transforms.steps.layout import lay_out
from transforms.steps.tabulate import tabulate

protections = st.builds(policy_limits, st.sampled_from([2, 3, 5]), st.sampled_from([2, 3])).map(
    lambda limits: under(POLICY, limits)
)
stored = st.one_of(st.none(), plans())


def labels(cells: Cells) -> list[Row]:
    """Return each class as its labels."""
    return [
        tuple(
            HIERARCHIES[name].node_labels[node]
            for name, node in zip(cells.quasi_identifiers, nodes, strict=True)
        )
        for nodes in cells.classes.tolist()
    ]


def rows_of(table: Table) -> Counts:
    """Return a table's distinct rows and their people."""
    return {row[:-1]: row[-1] for row in table.rows.rows()}


def sizes_of(table: Table) -> Counter[Row]:
    """Return a table's classes and their people."""
    sizes: Counter[Row] = Counter()
    for row, number in rows_of(table).items():
        sizes[row[:-1]] += number
    return sizes


# -------------------------------------------------------------------------------- class sizes


@given(populations(), levels_of(HIERARCHIES))
def test_three_engines_agree_on_class_sizes(
    people: Sequence[Person], levels: dict[str, int]
) -> None:
    for candidate, table in zip(counted(bank(people)).candidates, wanted(people), strict=True):
        cells = cells_at(candidate, levels)
        ours = dict(zip(labels(cells), cells.sizes.tolist(), strict=True))
        columns = list(table.quasi)
        rows = [
            tuple(LADDERS[name].up(person.leaves[name], 0, levels[name]) for name in columns)
            for person in people
        ]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        assert ours == class_sizes(rows) == class_sizes_in_sql(frame, columns)


@given(populations())
def test_histogram_and_sql_agree_on_codes(people: Sequence[Person]) -> None:
    columns = ["town", "job", "health"]
    frame = pl.DataFrame(
        [(person.town, person.job, person.health) for person in people],
        schema=dict.fromkeys(columns, pl.String),
        orient="row",
    ).with_columns(pl.lit(None, pl.Int64).alias("age"), pl.lit(None, pl.Float64).alias("savings"))
    codes = encode(frame, HIERARCHIES, columns).select(columns)
    counts = histogram(codes, columns)
    ours = {
        tuple(row): number
        for row, number in zip(counts.codes.tolist(), counts.people.tolist(), strict=True)
    }
    assert ours == class_sizes_in_sql(codes, columns)
    assert counts.total == len(people)


@given(populations(), levels_of(HIERARCHIES), levels_of(HIERARCHIES))
def test_a_coarser_level_never_splits_a_class(
    people: Sequence[Person], one: dict[str, int], other: dict[str, int]
) -> None:
    finer = {name: min(one[name], other[name]) for name in one}
    coarser = {name: max(one[name], other[name]) for name in one}
    for candidate in counted(bank(people)).candidates:
        columns, leaves = candidate.leaves.columns, candidate.leaves.codes
        below = nodes_of(leaves, columns, Levels(finer), HIERARCHIES).tolist()
        above = nodes_of(leaves, columns, Levels(coarser), HIERARCHIES).tolist()
        parents: dict[tuple[int, ...], list[int]] = {}
        for fine, coarse in zip(below, above, strict=True):
            assert parents.setdefault(tuple(fine), coarse) == coarse


# ------------------------------------------------------------------------- the whole table, twice


@settings(max_examples=150)
@given(populations(), protections, levels_of(HIERARCHIES))
def test_a_table_is_what_a_second_opinion_makes_of_the_same_people(
    people: Sequence[Person], policy: Policy, levels: dict[str, int]
) -> None:
    k, l = policy.limits.k, policy.limits.l  # noqa: E741 - the literature's name
    if not people:
        return
    for candidate, table in zip(counted(bank(people)).candidates, wanted(people), strict=True):
        ours = protect_at(candidate, levels, policy.limits)
        rows, price = made(table, LADDERS, levels, k, l)
        columns = lay_out(candidate.quasi_identifiers, HIERARCHIES, levels)
        sensitive = HIERARCHIES[candidate.sensitive]
        told = tabulate(ours.cells, ours.blanked, columns, candidate.sensitive, sensitive)
        assert {row[:-1]: row[-1] for row in told.rows()} == rows
        assert ours.figures.loss == pytest.approx(float(price.loss))
        assert ours.figures.left_out == pytest.approx(float(price.left_out))
        assert ours.figures.blanked == pytest.approx(float(price.blanked))


@settings(max_examples=50)
@given(populations(), protections, stored)
def test_every_row_stands_for_at_least_k_people(
    people: Sequence[Person], policy: Policy, plan: Plan | None
) -> None:
    population = counted(bank(people), (), policy)
    for table in released(population, plan or plan_for(population, policy), policy):
        rows = expand(table.rows)
        fewest = fewest_behind_a_row(rows)
        assert rows.height == table.people
        assert fewest is not None
        assert fewest >= policy.limits.k
        assert table.figures.smallest_class >= policy.limits.k
        unique = pl.DataFrame([["planted"] * rows.width], schema=rows.schema, orient="row")
        assert fewest_behind_a_row(pl.concat([rows, unique])) == 1


@settings(max_examples=50)
@given(populations(), protections, stored)
def test_every_class_that_shows_a_value_shows_at_least_l(
    people: Sequence[Person], policy: Policy, plan: Plan | None
) -> None:
    population = counted(bank(people), (), policy)
    for table in released(population, plan or plan_for(population, policy), policy):
        values: dict[Row, set[str | None]] = {}
        for row in rows_of(table):
            values.setdefault(row[:-1], set()).add(row[-1])
        shows = [seen for seen in values.values() if seen != {None}]
        assert all(len(seen) >= policy.limits.l for seen in shows)


def test_these_laws_are_not_about_empty_tables() -> None:
    # Positive control: an ordinary population gets both tables, with values in them.
    people = [
        Person(age, town, job, health, savings)
        for age in (1, 2, 3)
        for town in ("Peja", "Gjilan", None)
        for job in ("nurse", "baker", None)
        for health in ("flu", "asthma", None)
        for savings in (0, 3, None)
    ]
    population = counted(bank(people))
    tables = released(population, plan_for(population))
    assert [table.name for table in tables] == ["people", "wealth"]
    assert all(table.rows.get_column(table.rows.columns[-2]).n_unique() >= 3 for table in tables)


# ----------------------------------------------------------------------------------------- holes


def holes(fine: Counts, coarse: Counts, positions: Sequence[int], k: int) -> list[Row]:
    """Return the coarse groups from which 1 to k-1 people are missing in the fine table."""
    sums: Counter[Row] = Counter()
    for row, number in fine.items():
        sums[tuple(row[i] for i in positions)] += number
    return [of for of, number in coarse.items() if 0 < abs(number - sums[of]) < k]


@settings(max_examples=120)
@given(populations(), protections, plans())
def test_no_difference_of_two_tables_singles_out_fewer_than_k(
    people: Sequence[Person], policy: Policy, plan: Plan
) -> None:
    tables = released(counted(bank(people), (), policy), plan, policy)
    sizes = {table.name: sizes_of(table) for table in tables}
    everybody: Counts = {(): len(people)}
    for of_table in sizes.values():
        assert holes(of_table, everybody, (), policy.limits.k) == []
    if len(sizes) == 2:
        assert holes(sizes["people"], sizes["wealth"], (0, 1), policy.limits.k) == []


def test_a_hole_would_be_found() -> None:
    fine: Counts = {("18-29", "Peja", "nurse"): 5, ("18-29", "Peja", "baker"): 4}
    assert holes(fine, {("18-29", "Peja"): 11}, (0, 1), 3) == [("18-29", "Peja")]


# ------------------------------------------------------------------- sensitive values decide little


def _other_values(people: Sequence[Person], seed: int) -> list[Person]:
    rng = random.Random(seed)
    values = [line[0] for line in LINES["health"]]
    few = rng.sample([*values, None], rng.randint(1, 4))
    return [
        replace(person, health=rng.choice(few), savings=rng.choice([0, 0, 3, None]))
        for person in people
    ]


def _kept_and_groups(
    candidate: Candidate, policy: Policy, levels: dict[str, int]
) -> tuple[list[Row], list[Row], list[int]]:
    protected = protect_at(candidate, levels, policy.limits)
    named = labels(protected.cells)
    kept = protected.blanked.kept
    group = parent_groups(protected.cells, kept, HIERARCHIES)
    staying = [of for of, stays in zip(named, kept.tolist(), strict=True) if stays]
    return named, staying, group.tolist()


@given(populations(), st.integers(0, 2**32), protections, levels_of(HIERARCHIES))
def test_no_sensitive_value_decides_who_is_left_out_or_which_classes_are_blanked_together(
    people: Sequence[Person], seed: int, policy: Policy, levels: dict[str, int]
) -> None:
    if people:
        before, after = (
            counted(bank(someone), (), policy).candidates
            for someone in (people, _other_values(people, seed))
        )
        for one, other in zip(before, after, strict=True):
            assert _kept_and_groups(one, policy, levels) == _kept_and_groups(other, policy, levels)


@given(populations(), protections, levels_of(HIERARCHIES))
def test_kept_classes_are_those_of_a_second_opinion(
    people: Sequence[Person], policy: Policy, levels: dict[str, int]
) -> None:
    if people:
        for candidate, table in zip(counted(bank(people)).candidates, wanted(people), strict=True):
            _, staying, _ = _kept_and_groups(candidate, policy, levels)
            columns = (*table.quasi, table.sensitive)
            rows = recoded(table.people, columns, LADDERS, levels)
            plain = Plain(table.quasi, table.sensitive, rows, LADDERS, levels)
            assert set(staying) == kept_classes(plain, policy.limits.k, table.known_sums)


@given(populations(), protections, levels_of(HIERARCHIES))
def test_a_class_that_fails_is_blanked_in_the_company_of_two_more(
    people: Sequence[Person], policy: Policy, levels: dict[str, int]
) -> None:
    k = policy.limits.k
    for candidate, table in zip(counted(bank(people)).candidates, wanted(people), strict=True):
        if not people:
            continue
        cells_of = protect_at(candidate, levels, policy.limits)
        shown = np.bincount(
            cells_of.cells.of, weights=cells_of.blanked.shown, minlength=len(cells_of.cells.sizes)
        )
        kept = cells_of.blanked.kept
        named = labels(cells_of.cells)
        blank = {of for of, n, stays in zip(named, shown, kept, strict=True) if stays and n == 0}
        rows = recoded(table.people, (*table.quasi, table.sensitive), LADDERS, levels)
        plain = Plain(table.quasi, table.sensitive, rows, LADDERS, levels)
        staying = {of for of, stays in zip(named, kept, strict=True) if stays}
        for group in plain_parent_groups(plain, staying):
            assert len(group) >= min(3, len(staying))
            if any(of in blank and _has_a_common_value(plain, of, k) for of in group):
                assert group <= blank


def _has_a_common_value(table: Plain, of: Row, k: int) -> bool:
    return any(n >= k for value, n in table.values(of).items() if value is not None)


# ------------------------------------------------------------------------------------- refusals


@given(populations(groups=3), plans())
def test_too_few_people_publish_nothing(people: Sequence[Person], plan: Plan) -> None:
    policy = under(POLICY, policy_limits(len(people) + 2))
    assert released(counted(bank(people), (), policy), plan, policy) == ()


@given(populations())
def test_everybody_is_counted_once(people: Sequence[Person]) -> None:
    population = counted(bank(people))
    assert population.eligible == len(people)
    for candidate, table in zip(population.candidates, wanted(people), strict=True):
        assert candidate.leaves.total == len(people)
        assert candidate.known_sums == table.known_sums
    assert people_of(people, ("age",)) == class_sizes((p.leaves["age"],) for p in people)


def test_the_same_people_and_plan_give_the_same_table() -> None:
    people = [Person(1, "Peja", "nurse", value, 0) for value in ("flu", "cold") for _ in range(5)]
    plan = plan_at(dict.fromkeys(HIERARCHIES, 0))
    population = counted(bank(people))
    assert content(released(population, plan)) == content(released(population, plan))
