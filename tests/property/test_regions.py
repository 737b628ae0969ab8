"""Regions: everybody is covered, by k people at least, at the least loss that was to be had."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
from builders import HIERARCHIES, LADDERS, silent
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles.plain import Counts, Ladder
from oracles.regions import (
    Label,
    cheapest,
    covers,
    first_of,
    loss,
    sizes,
    total_loss,
    ways_to_take_in,
)

from transforms.hierarchy import Codes, Hierarchy, lookup_hierarchy
from transforms.histogram import Histogram
from transforms.recoding.multidimensional import crowd, lattice, leftover
from transforms.recoding.multidimensional import regions as regions_module
from transforms.recoding.multidimensional.leftover import Accept, Flags
from transforms.recoding.multidimensional.regions import (
    STEP,
    Regions,
    cheapest_first,
    choose_regions,
    region_of,
)

COLUMNS = ("age", "town", "job")


@pytest.fixture(autouse=True, scope="module", params=["in one block", "a block a column"])
def _blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let every law hold both ways: these few columns would always make a single block."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "a block a column":
            patched.setattr(lattice, "MOST_LEVELS", 1)
        yield


def table(
    rows: Mapping[tuple[int, ...], int], columns: Sequence[str] = COLUMNS, shuffled: int = 0
) -> Histogram:
    """Return the histogram of these leaf codes, its rows in some order."""
    order = list(rows)
    random.Random(shuffled).shuffle(order)
    return Histogram(
        tuple(columns),
        np.array(order, dtype=np.int64).reshape(len(order), len(columns)),
        np.array([rows[row] for row in order], dtype=np.int64),
    )


@st.composite
def crowds(draw: st.DrawFn, *, most: int = 40) -> Histogram:
    """Draw a small table, missing values in it; some values much more common than others."""
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    rows: dict[tuple[int, ...], int] = {}
    for _ in range(draw(st.integers(0, most))):
        # The last leaves stand alone below their parent, or are missing: they lose nothing there.
        common = rng.choice([min, max])
        row = tuple(
            common(rng.randrange(len(HIERARCHIES[name].leaves) + 1) for _ in range(3))
            for name in COLUMNS
        )
        rows[row] = rng.choice([1, 1, 2, 3, 7])
    return table(rows, shuffled=rng.randrange(100))


ks = st.sampled_from([1, 2, 3, 5, 8])
weightings = st.fixed_dictionaries({name: st.sampled_from([1.0, 0.5, 3.0]) for name in COLUMNS})
EVEN = dict.fromkeys(COLUMNS, 1.0)


def chosen(
    people: Histogram,
    k: int,
    accept: Accept | None = None,
    hierarchies: Mapping[str, Hierarchy] = HIERARCHIES,
) -> Regions:
    """Choose regions where every column counts the same."""
    weights = dict.fromkeys(people.columns, 1.0)
    return choose_regions(people, hierarchies, k, weights, accept, silent, lambda: True)


def plain(people: Histogram) -> Counts:
    """Return the people as the second opinion takes them: by their leaves' names."""
    counts: Counts = {}
    for row, number in zip(people.codes.tolist(), people.people.tolist(), strict=True):
        names = [
            (*HIERARCHIES[name].leaves, None)[code]
            for name, code in zip(people.columns, row, strict=True)
        ]
        counts[tuple(names)] = number
    return counts


def named(labels: Codes) -> list[Label]:
    """Return labels as the second opinion takes them: levels and names."""
    return [
        tuple(
            (int(HIERARCHIES[name].node_levels[node]), HIERARCHIES[name].node_labels[node])
            for name, node in zip(COLUMNS, row, strict=True)
        )
        for row in labels.tolist()
    ]


ladders: list[Ladder] = [LADDERS[name] for name in COLUMNS]


@given(crowds(), ks)
def test_everybody_has_a_region_of_at_least_k_people(people: Histogram, k: int) -> None:
    labels = named(chosen(people, k).labels)
    if people.total < k:
        assert not labels
        return
    counted = sizes(plain(people), labels, ladders)
    assert all(number >= k for number in counted.values())
    assert len(labels) not in counted


@given(crowds(), crowds(), ks)
def test_a_row_has_the_first_region_that_covers_it_seen_or_not(
    people: Histogram, others: Histogram, k: int
) -> None:
    regions = chosen(people, k)
    labels = named(regions.labels)
    found = region_of(others.codes, regions, HIERARCHIES)
    wanted = [first_of(leaves, labels, ladders) for leaves in plain(others)]
    assert found.tolist() == wanted


@given(crowds(), ks, st.integers(1, 99), weightings)
def test_regions_do_not_depend_on_the_order_of_rows(
    people: Histogram, k: int, seed: int, weights: Mapping[str, float]
) -> None:
    order = np.random.default_rng(seed).permutation(len(people.people))
    mixed = Histogram(people.columns, people.codes[order], people.people[order])
    one, other = (
        choose_regions(each, HIERARCHIES, k, weights, None, silent, lambda: True)
        for each in (people, mixed)
    )
    assert one.labels.tolist() == other.labels.tolist()


@given(crowds(), ks)
def test_equal_combinations_have_equal_regions_wherever_they_stand(
    people: Histogram, k: int
) -> None:
    regions = chosen(people, k)
    once = region_of(people.codes, regions, HIERARCHIES)
    twice = region_of(np.repeat(people.codes[::-1], 2, axis=0), regions, HIERARCHIES)
    assert twice.tolist() == np.repeat(once[::-1], 2).tolist()


@given(crowds(most=30), ks)
def test_no_label_was_taken_while_a_cheaper_one_was_to_be_had(people: Histogram, k: int) -> None:
    labels = named(cheapest_first(people, HIERARCHIES, k, EVEN, None, silent, lambda: True).labels)
    still_open = plain(people)
    for label in labels:
        least = cheapest(still_open, k, ladders)
        assert least is not None
        assert float(loss(label, ladders)) <= float(least) + STEP + 1e-9
        still_open = {
            leaves: number
            for leaves, number in still_open.items()
            if not covers(label, leaves, ladders)
        }
    assert cheapest(still_open, k, ladders) is None


@settings(max_examples=60)
@given(crowds(most=25), ks)
def test_the_last_few_join_the_class_for_which_the_loss_rises_least(
    people: Histogram, k: int
) -> None:
    classes = cheapest_first(people, HIERARCHIES, k, EVEN, None, silent, lambda: True)
    assume(len(classes.left) and len(classes.labels))
    counts = plain(people)
    least = min(
        total_loss(counts, labels, ladders)
        for labels in ways_to_take_in(counts, named(classes.labels), ladders)
        if all(number >= k for number in sizes(counts, labels, ladders).values())
    )
    assert total_loss(counts, named(chosen(people, k).labels), ladders) == least


@given(crowds(), ks)
def test_the_last_class_takes_in_the_last_few_where_no_other_can(people: Histogram, k: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(leftover, "PROMISING", 0)
        regions = chosen(people, k)
    if people.total >= k:
        found = region_of(people.codes, regions, HIERARCHIES)
        assert (found < len(regions.labels)).all()


@given(crowds(), ks)
def test_groups_are_told_apart_where_all_hashes_fall_together(people: Histogram, k: int) -> None:
    apart = chosen(people, k)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(crowd, "PLACES", 0)
        patched.setattr(crowd, "FEWEST_PLACES", 1)
        together = chosen(people, k)
    assert together.labels.tolist() == apart.labels.tolist()


@given(crowds(), ks, st.integers(0, 2**32 - 1))
def test_only_accepted_groups_are_published(people: Histogram, k: int, seed: int) -> None:
    # Whoever has one of three marks; a group may be published if it has two of them.
    marks = np.random.default_rng(seed).integers(0, 3, len(people.people))

    def has_two(members: Codes, of: Codes) -> Flags:
        groups = int(of.max()) + 1
        assert (np.bincount(of, people.people[members], groups) >= k).all()
        pairs = np.unique(np.stack([of, marks[members]]), axis=1)
        two: Flags = np.bincount(pairs[0], minlength=groups) >= 2
        return two

    regions = chosen(people, k, has_two)
    found = region_of(people.codes, regions, HIERARCHIES)
    if people.total < k or len(set(marks.tolist())) < 2:
        assert not len(regions.labels)
        return
    assert (found < len(regions.labels)).all()
    for region in set(found.tolist()):
        assert len(set(marks[found == region].tolist())) >= 2
        assert people.people[found == region].sum() >= k


@given(crowds(), ks, st.integers(0, 2**32 - 1))
def test_whoever_no_group_is_accepted_with_stays_without_a_region(
    people: Histogram, k: int, seed: int
) -> None:
    # Not monotone: a group may be published if its marks have an even sum.
    marks = np.random.default_rng(seed).integers(0, 2, len(people.people))

    def even_sums(members: Codes, of: Codes) -> Flags:
        even: Flags = np.bincount(of, marks[members]) % 2 == 0
        return even

    regions = chosen(people, k, even_sums)
    found = region_of(people.codes, regions, HIERARCHIES)
    for region in set(found.tolist()) - {len(regions.labels)}:
        assert marks[found == region].sum() % 2 == 0
        assert people.people[found == region].sum() >= k


def test_nothing_accepted_is_nothing_published() -> None:
    people = table({(0, 0, 0): 30, (1, 1, 1): 30})
    regions = chosen(people, 3, lambda _, of: np.zeros(int(of.max()) + 1, dtype=np.bool_))
    assert regions.labels.shape == (0, 3)
    assert region_of(people.codes, regions, HIERARCHIES).tolist() == [0, 0]


@given(crowds(), ks, st.integers(0, 5))
def test_who_stops_the_choice_gets_regions_of_k_all_the_same(
    people: Histogram, k: int, steps: int
) -> None:
    left = iter(range(steps))
    regions = choose_regions(
        people, HIERARCHIES, k, EVEN, None, silent, lambda: next(left, None) is not None
    )
    counted = sizes(plain(people), named(regions.labels), ladders)
    if people.total >= k:
        assert all(number >= k for number in counted.values())
        assert len(regions.labels) not in counted


def test_a_column_that_counts_more_keeps_more() -> None:
    people = table({(age, town, 0): 1 for age in range(4) for town in range(4)})
    dear_age, dear_town = (
        choose_regions(
            people, HIERARCHIES, 4, EVEN | {name: 9.0}, None, silent, lambda: True
        ).labels
        for name in ("age", "town")
    )
    age_levels, town_levels = (
        HIERARCHIES[name].node_levels[labels[:, place]]
        for name, labels, place in (("age", dear_age, 0), ("town", dear_town, 1))
    )
    assert (age_levels == 0).all()
    assert (town_levels == 0).all()


def test_a_node_keeps_its_dearer_labels_until_their_turn() -> None:
    # Those whose job is missing lose nothing on any level of it, and are too scattered to be
    # taken: each node promises more than it can keep, and has its dear labels ready too early.
    scattered: dict[tuple[int, ...], int] = {
        (age, town, 4): 1 for age in range(5) for town in range(5)
    }
    nurses: dict[tuple[int, ...], int] = {(0, 0, 0): 2, (0, 1, 0): 2}
    trade: dict[tuple[int, ...], int] = {(3, 3, 2): 2, (3, 3, 3): 2}
    people = table({**scattered, **nurses, (0, 0, 1): 2, **trade})
    labels = named(cheapest_first(people, HIERARCHIES, 4, EVEN, None, silent, lambda: True).labels)
    assert labels[:2] == [
        ((0, "under 18"), (1, "west"), (0, "nurse")),
        ((0, "45-64"), (0, "Lipjan"), (1, "trade")),
    ]


def test_one_combination_is_one_region_at_its_leaves() -> None:
    people = table({(2, 5, 1): 4})
    assert named(chosen(people, 4).labels) == [((0, "30-44"), (0, None), (0, "teacher"))]
    assert len(chosen(people, 5).labels) == 0


def test_an_empty_table_has_no_regions() -> None:
    nobody = table({})
    regions = chosen(nobody, 2)
    assert regions.labels.shape == (0, 3)
    assert region_of(nobody.codes, regions, HIERARCHIES).shape == (0,)


def test_a_column_of_one_value_is_not_generalised() -> None:
    people = table({(age, 4, job): 1 for age in range(5) for job in range(4)})
    regions = chosen(people, 3)
    assert {label[1] for label in named(regions.labels)} == {(0, "Gjilan")}


def test_a_node_with_one_child_goes_by_the_number_of_its_child() -> None:
    # "east" is Gjilan alone: to say "east" would be to say less than is known, for nothing.
    people = table({(0, town, 0): 2 for town in range(5)})
    labels = named(chosen(people, 3).labels)
    assert all(label[1] != (1, "east") for label in labels)


def test_more_combinations_than_64_bits_can_number() -> None:
    names = tuple(f"c{number}" for number in range(12))
    lines = [(f"v{leaf}", f"g{leaf // 10}", "*") for leaf in range(60)]
    many = {name: lookup_hierarchy(name, lines) for name in names}
    rng = np.random.default_rng(3)
    # A few kinds of people who differ in two columns: labels below `*` have something to gather.
    kinds = rng.integers(0, 60, (4, 12))
    codes = kinds[rng.integers(0, 4, 150)]
    for place in (0, 5):
        codes[:, place] = rng.integers(0, 61, 150)
    codes = np.unique(codes, axis=0)
    people = Histogram(names, codes, np.ones(len(codes), dtype=np.int64))
    turns = iter(range(3_000))
    regions = choose_regions(
        people,
        many,
        5,
        dict.fromkeys(names, 1.0),
        None,
        silent,
        lambda: next(turns, None) is not None,
    )
    counted = np.bincount(region_of(codes, regions, many))
    assert len(counted) <= len(regions.labels)
    assert set(counted[counted > 0].tolist()) >= {int(counted.max())}
    assert counted[counted > 0].min() >= 5
    assert len(regions.labels) > 4


def test_the_work_is_bounded_and_what_is_left_is_brought_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = table(
        {(age, town, job): 1 for age in range(5) for town in range(5) for job in range(4)}
    )
    whole = chosen(people, 4)
    monkeypatch.setattr(regions_module, "WORK", 3 * regions_module.VISIT)
    short = chosen(people, 4)
    found = region_of(people.codes, short, HIERARCHIES)
    assert np.bincount(found, people.people).min() >= 4
    assert short.labels.tolist() != whole.labels.tolist()
    assert short.labels.tolist() == chosen(people, 4).labels.tolist()


def test_progress_is_told_in_parts_and_names_nobody() -> None:
    said: list[str] = []
    people = table(
        {(age, town, job): 1 for age in range(5) for town in range(5) for job in range(4)}
    )
    choose_regions(people, HIERARCHIES, 3, EVEN, None, said.append, lambda: True)
    assert 1 <= len(said) <= 10
    assert all(line.startswith("regions chosen for ") for line in said)
