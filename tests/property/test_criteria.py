"""What no class may tell, against the definitions of the papers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.criteria import (
    DISTANCES,
    Scale,
    equal_distances_in_sql,
    goes_beyond,
    hierarchical_distance,
    known,
    lift_cap,
    ordered_distance,
    too_uneven,
    whole_of,
)
from oracles.plain import Ladder

from transforms.hierarchy import lookup_hierarchy
from transforms.policy.limits import Distance
from transforms.risk import criteria
from transforms.risk.criteria import (
    Closeness,
    Criterion,
    DistinctL,
    EntropyL,
    LargestShare,
    LiftCap,
    Values,
    distances,
    entropies,
    shares_of_values,
)

Counts = Mapping[str | None, int]


@dataclass(frozen=True)
class Spread:
    """Classes of sensitive values at a level of a hierarchy."""

    ladder: Ladder
    level: int
    classes: Sequence[Counts]

    @property
    def whole(self) -> Counts:
        """Everybody."""
        return whole_of(self.classes)

    @property
    def scale(self) -> Scale:
        """Where the values stand."""
        return Scale(self.ladder, self.level)

    @property
    def labels(self) -> list[str]:
        """The level's values, in order."""
        return list(dict.fromkeys(line[self.level] for line in self.ladder.lines))

    @property
    def leaves(self) -> list[str]:
        """The finest values, in order."""
        return [line[0] for line in self.ladder.lines]

    def values(self, *, shuffled: int = 0) -> Values:
        """Return the classes as criteria take them, their cells in some order."""
        hierarchy = lookup_hierarchy("h", self.ladder.lines)
        place: dict[str | None, int] = {label: at for at, label in enumerate(self.labels)}
        null = len(place)
        place[None] = null
        cells = [
            (of, place[value], n)
            for of, values in enumerate(self.classes)
            for value, n in values.items()
        ]
        random.Random(shuffled).shuffle(cells)
        of, value, people = np.array(cells, dtype=np.int64).reshape(-1, 3).T
        everybody = shares_of_values(value, people, hierarchy, self.level)
        return Values(of, value, people, len(self.classes), hierarchy, self.level, everybody, null)

    def failing(self, criterion: Criterion) -> list[bool]:
        """Return which classes break a criterion."""
        return [bool(fails) for fails in criterion.failing(self.values())]


def _ladder(rng: random.Random) -> Ladder:
    """Return a hierarchy of 1 to 8 leaves and up to two levels between them and `*`."""
    leaves = rng.randint(1, 8)
    columns = [[f"v{leaf}" for leaf in range(leaves)]]
    for height in range(rng.randint(0, 2)):
        groups = {label: rng.randint(0, 2) for label in columns[-1]}
        columns.append([f"{'gh'[height]}{groups[label]}" for label in columns[-1]])
    return Ladder(tuple(zip(*columns, ["*"] * leaves, strict=True)))


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    """Draw up to six classes; few values of many, much skew, values missing in all or in some."""
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    ladder = _ladder(rng)
    level = rng.randrange(ladder.top)
    labels = list(dict.fromkeys(line[level] for line in ladder.lines))
    domain: list[str | None] = rng.sample(labels, rng.randint(1, len(labels)))
    if rng.random() < 0.5:
        domain.append(None)
    classes = [
        {
            value: rng.choice([1, 1, 1, 2, 2, 3, 4, 10, 50])
            for value in rng.sample(domain, rng.randint(1, len(domain)))
        }
        for _ in range(rng.randint(1, 6))
    ]
    return Spread(ladder, level, classes)


FLAT = Ladder(tuple((label, "*") for label in "abcd"))
"""Four values that have nothing in common."""

hundredths = st.integers(0, 100).map(lambda part: Fraction(part, 100))
metrics = st.sampled_from(sorted(DISTANCES))


# -------------------------------------------------------------------------------------- diversity


@given(spreads(), st.integers(1, 6))
def test_distinct_l_counts_known_values(spread: Spread, l: int) -> None:  # noqa: E741 - its name
    few = [len(known(values)) < l for values in spread.classes]
    assert spread.failing(DistinctL(l)) == few


@settings(max_examples=150)
@given(spreads(), st.sampled_from(["1", "3/2", "2", "5/2", "3", "4"]).map(Fraction))
def test_entropy_l_is_that_of_equally_frequent_values(
    spread: Spread,
    l: Fraction,  # noqa: E741 - the literature's name
) -> None:
    uneven = [too_uneven(values, l) for values in spread.classes]
    assert spread.failing(EntropyL(float(l))) == uneven


@pytest.mark.parametrize("l", range(1, 9))
@pytest.mark.parametrize("people", [1, 3, 7, 1001])
def test_equally_frequent_values_meet_their_l_exactly(l: int, people: int) -> None:  # noqa: E741
    ladder = Ladder(tuple((f"v{leaf}", "*") for leaf in range(8)))
    even = Spread(ladder, 0, [{f"v{leaf}": people for leaf in range(l)} | {None: 5}])
    assert even.failing(DistinctL(l)) == [False]
    assert even.failing(EntropyL(l)) == [False]
    assert even.failing(DistinctL(l + 1)) == [True]
    assert even.failing(EntropyL(l + 1e-6)) == [True]


@given(spreads())
def test_a_class_of_few_known_values_breaks_what_a_criterion_hands_down(spread: Spread) -> None:
    # What is handed down has to be weaker: a class that breaks it breaks the criterion.
    for l in (1.5, 2.0, 2.5, 3.0):  # noqa: E741 - the literature's name
        criterion = EntropyL(l)
        inherited = criterion.inherited
        assert inherited is not None
        for fails, below in zip(spread.failing(criterion), spread.failing(inherited), strict=True):
            assert fails or not below


# -------------------------------------------------------------------------------------- distances


@settings(max_examples=250)
@given(spreads(), metrics)
def test_distances_are_those_of_the_paper(spread: Spread, metric: str) -> None:
    apart = distances(spread.values(), Distance(metric))
    truth = [DISTANCES[metric](each, spread.whole, spread.scale) for each in spread.classes]
    assert apart.tolist() == pytest.approx([float(each) for each in truth], abs=1e-12)


@settings(max_examples=25)
@given(spreads())
def test_the_equal_distance_is_that_of_sql(spread: Spread) -> None:
    apart = distances(spread.values(), Distance.EQUAL).tolist()
    assert apart == pytest.approx(equal_distances_in_sql(spread.classes), abs=1e-12)


@given(spreads(), metrics, st.integers(0, 5))
def test_a_distance_that_is_met_exactly_is_met(spread: Spread, metric: str, picked: int) -> None:
    values = spread.classes[picked % len(spread.classes)]
    limit = DISTANCES[metric](values, spread.whole, spread.scale)
    beyond = [
        DISTANCES[metric](each, spread.whole, spread.scale) > limit for each in spread.classes
    ]
    assert spread.failing(Closeness(float(limit), Distance(metric))) == beyond
    if limit:
        closer = Closeness(float(limit) - 1e-6, Distance(metric))
        assert spread.failing(closer)[picked % len(spread.classes)]


@given(spreads(), metrics, st.integers(1, 99))
def test_the_order_of_cells_does_not_matter(spread: Spread, metric: str, seed: int) -> None:
    values, mixed = spread.values(), spread.values(shuffled=seed)
    one, other = (distances(each, Distance(metric)) for each in (values, mixed))
    assert one.tolist() == pytest.approx(other.tolist(), abs=1e-15)
    assert entropies(values).tolist() == pytest.approx(entropies(mixed).tolist(), abs=1e-15)


@given(spreads(), st.integers(1, 9))
def test_the_ordered_distance_is_the_same_in_small_pieces(spread: Spread, chunk: int) -> None:
    whole = distances(spread.values(), Distance.ORDERED).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(criteria, "CHUNK", chunk)
        assert distances(spread.values(), Distance.ORDERED).tolist() == whole


def _once_each(*labels: str | None) -> Counts:
    return dict.fromkeys(labels, 1)


def test_the_ordered_distance_of_the_papers_example() -> None:
    # Salaries 3k to 11k once each; the low three are 0.375 apart, 6k, 8k and 11k 0.167.
    ladder = Ladder(tuple((f"{salary}k", "*") for salary in range(3, 12)))
    whole, low, spread, rest = (
        _once_each(*(f"{salary}k" for salary in salaries))
        for salaries in (range(3, 12), (3, 4, 5), (6, 8, 11), (7, 9, 10))
    )
    assert ordered_distance(low, whole, Scale(ladder, 0)) == Fraction(3, 8)
    assert ordered_distance(spread, whole, Scale(ladder, 0)) == Fraction(1, 6)
    apart = distances(Spread(ladder, 0, [low, spread, rest]).values(), Distance.ORDERED)
    assert apart[:2].tolist() == pytest.approx([3 / 8, 1 / 6])


def test_leaves_of_one_parent_are_nearer_than_leaves_of_two() -> None:
    ladder = Ladder((("a", "x", "*"), ("b", "x", "*"), ("c", "y", "*"), ("d", "y", "*")))
    near, far = _once_each("a", "b"), _once_each("a", "c")
    classes = [_once_each(label) for label in "abc"]
    assert hierarchical_distance(classes[0], near, Scale(ladder, 0)) == Fraction(1, 4)
    assert hierarchical_distance(classes[0], far, Scale(ladder, 0)) == Fraction(1, 2)
    for pair, apart in ((classes[:2], 1 / 4), (classes[::2], 1 / 2)):
        found = distances(Spread(ladder, 0, pair).values(), Distance.HIERARCHICAL)
        assert found.tolist() == pytest.approx([apart, apart])


@pytest.mark.parametrize("metric", list(Distance))
def test_one_person_one_class_one_value_is_no_distance_at_all(metric: Distance) -> None:
    ladder = Ladder((("only", "*"),))
    for values in (_once_each("only"), _once_each(None), _once_each("only", None)):
        assert distances(Spread(ladder, 0, [values]).values(), metric).tolist() == [0]


@pytest.mark.parametrize("metric", list(Distance))
def test_a_blank_beside_the_classes_that_are_compared_is_no_trouble(metric: Distance) -> None:
    # A class that shows nothing is not compared with; it may be the only one with a blank.
    values = Spread(FLAT, 0, [{"a": 3, "b": 3}, {None: 4}]).values()
    shown = np.array([0.5, 0.5, 0, 0, 0])
    beside = Values(
        values.of,
        values.value,
        values.people,
        values.classes,
        values.hierarchy,
        values.level,
        shown,
        -1,
    )
    assert distances(beside, metric)[0] == 0


# ----------------------------------------------------------------------------------------- shares


@given(spreads(), hundredths, st.integers(0, 7))
def test_the_largest_share_is_of_known_values(spread: Spread, most: Fraction, named: int) -> None:
    for adverse in ((), tuple(spread.leaves[named : named + 2])):
        lines = [line for line in spread.ladder.lines if not adverse or line[0] in adverse]
        caps = dict.fromkeys((line[spread.level] for line in lines), most)
        beyond = [goes_beyond(values, caps) for values in spread.classes]
        if named < len(spread.leaves):
            assert spread.failing(LargestShare(float(most), adverse)) == beyond


@settings(max_examples=150)
@given(
    spreads(),
    st.sampled_from(["1", "3/2", "2", "4"]).map(Fraction),
    hundredths,
    hundredths,
    st.integers(0, 7),
)
def test_a_lift_cap_is_of_the_share_among_known_values(
    spread: Spread, factor: Fraction, plus: Fraction, most: Fraction, named: int
) -> None:
    for adverse in ((), (spread.leaves[named % len(spread.leaves)],)):
        lines = [line for line in spread.ladder.lines if not adverse or line[0] in adverse]
        caps = {
            line[spread.level]: lift_cap(line[spread.level], spread.whole, factor, plus, most)
            for line in lines
        }
        beyond = [goes_beyond(values, caps) for values in spread.classes]
        cap = LiftCap(float(factor), float(plus), float(most), adverse)
        assert spread.failing(cap) == beyond
        told = cap.caps(spread.values())
        for label, wanted in caps.items():
            assert told[spread.labels.index(label)] == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize("hundredth", range(1, 101))
def test_a_share_that_is_met_exactly_is_met(hundredth: int) -> None:
    values: dict[str | None, int] = {"a": hundredth, "b": 100 - hundredth, None: 30}
    spread = Spread(FLAT, 0, [{label: n for label, n in values.items() if n}, {"c": 9, "a": 1}])
    most = hundredth / 100
    assert not spread.failing(LargestShare(most, ("a",)))[0]
    assert not spread.failing(LiftCap(100, 0, most, ("a",)))[0]
    assert spread.failing(LargestShare(most - 1e-6, ("a",)))[0]


# ---------------------------------------------------------------------------------- what is said


NEAREST = st.sampled_from(
    [
        DistinctL(9),
        EntropyL(8.5),
        Closeness(0.0),
        LargestShare(0.0),
        LargestShare(0.005, ("v0",)),
        LiftCap(most=0.005),
    ]
)


@given(spreads(), NEAREST)
def test_what_could_be_kept_instead_is_said_without_a_value(
    spread: Spread, criterion: Criterion
) -> None:
    whole = Spread(spread.ladder, spread.level, [spread.whole])
    said = criterion.nearest(whole.values())
    assert not any(f'"{label}"' in said or f" {label} " in said for label in spread.labels)


@given(spreads())
def test_the_entropy_and_share_that_are_said_can_be_kept(spread: Spread) -> None:
    whole = Spread(spread.ladder, spread.level, [spread.whole])
    if not known(spread.whole):
        return
    even = float(EntropyL(99).nearest(whole.values()).split("table has ")[1].split(":")[0])
    share = float(LargestShare(0).nearest(whole.values()).split("table has ")[1])
    assert whole.failing(EntropyL(even)) == [False]
    assert whole.failing(LargestShare(share)) == [False]
