"""One flat table is recoded at the least loss there is, and keeps what is demanded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from builders import silent
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles.criteria import (
    DISTANCES,
    Scale,
    Values,
    goes_beyond,
    known,
    lift_cap,
    too_uneven,
    whole_of,
)
from oracles.plain import Counts, Ladder, Row

from transforms.errors import Refused
from transforms.hierarchy import Hierarchy, lookup_hierarchy
from transforms.histogram import Histogram
from transforms.policy.limits import Distance
from transforms.policy.tables import Method
from transforms.recoding import grouping
from transforms.recoding.flat import Demands, Recoded, recode_flat
from transforms.risk.criteria import (
    Closeness,
    Criterion,
    DistinctL,
    EntropyL,
    LargestShare,
    LiftCap,
)

SENSITIVE = "s"
Fails = Callable[[Values, Values], bool]
"""Whether a class breaks a criterion: its values, and those of the whole table."""


@dataclass(frozen=True)
class Case:
    """A table by its leaves, what is demanded of it, and the same as a second opinion says it."""

    columns: tuple[str, ...]
    people: Counts
    ladders: Mapping[str, Ladder]
    k: int
    suppression: Fraction
    criterion: Criterion | None
    fails: Fails
    weights: Mapping[str, float]

    @property
    def total(self) -> int:
        """Everybody."""
        return sum(self.people.values())

    @property
    def width(self) -> int:
        """How many quasi-identifiers there are."""
        return len([name for name in self.columns if name != SENSITIVE])

    def demands(self) -> Demands:
        """Return what is demanded as the search takes it."""
        criteria = () if self.criterion is None else (self.criterion,)
        return Demands(self.k, float(self.suppression), criteria, self.weights)

    def hierarchies(self) -> dict[str, Hierarchy]:
        """Return the hierarchies."""
        return {name: lookup_hierarchy(name, self.ladders[name].lines) for name in self.columns}

    def order(self, seed: int) -> list[Row]:
        """Return the rows in some order."""
        rows = sorted(self.people, key=repr)
        random.Random(seed).shuffle(rows)
        return rows

    def histogram(self, seed: int = 0) -> Histogram:
        """Return the people counted, the rows in some order."""
        rows = self.order(seed)
        leaves = [[*(line[0] for line in self.ladders[c].lines), None] for c in self.columns]
        codes = [
            [domain.index(leaf) for domain, leaf in zip(leaves, row, strict=True)] for row in rows
        ]
        return Histogram(
            self.columns,
            np.array(codes, dtype=np.int64).reshape(len(rows), len(self.columns)),
            np.array([self.people[row] for row in rows], dtype=np.int64),
        )

    def recoded(
        self,
        *,
        seed: int = 0,
        go_on: Callable[[], bool] = lambda: True,
        method: Method = Method.FULL_DOMAIN,
    ) -> Recoded | None:
        """Return what the search finds, None where it refuses."""
        sensitive = SENSITIVE if SENSITIVE in self.columns else None
        rows, hierarchies, demands = self.histogram(seed), self.hierarchies(), self.demands()
        try:
            return recode_flat(rows, sensitive, hierarchies, demands, method, silent, go_on)
        except Refused:
            return None


# ------------------------------------------------------------------------------ the second opinion


@dataclass(frozen=True)
class Plainly:
    """A recoding by hand: its levels, what it loses, and which rows stay."""

    levels: tuple[int, ...]
    loss: Fraction
    kept: frozenset[Row]


def by_hand(case: Case, levels: tuple[int, ...]) -> Plainly | None:
    """Recode with these levels; None where too many or all people are suppressed."""
    ladders = [case.ladders[name] for name in case.columns[: case.width]]
    classes: dict[Row, list[Row]] = {}
    for row in case.people:
        leaves = zip(ladders, row[: case.width], levels, strict=True)
        labels = tuple(ladder.up(leaf, 0, level) for ladder, leaf, level in leaves)
        classes.setdefault(labels, []).append(row)
    whole = values_of(case, case.people)
    kept: set[Row] = set()
    for rows in classes.values():
        stays = sum(case.people[row] for row in rows) >= case.k
        if stays and not case.fails(values_of(case, rows), whole):
            kept.update(rows)
    out = case.total - sum(case.people[row] for row in kept)
    if out > case.suppression * case.total or not kept:
        return None
    return Plainly(levels, loss_by_hand(case, levels, kept), frozenset(kept))


def values_of(case: Case, rows: Iterator[Row] | Sequence[Row] | Counts) -> Values:
    """Return the people of each sensitive value."""
    if SENSITIVE not in case.columns:
        return {}
    return whole_of([{row[-1]: case.people[row]} for row in rows])


def loss_by_hand(case: Case, levels: Sequence[int], kept: set[Row]) -> Fraction:
    """Return the weighted mean loss of everybody's cells, a suppressed one 1."""
    lost = weighed = Fraction()
    for place, name in enumerate(case.columns[: case.width]):
        ladder, level = case.ladders[name], levels[place]
        weight = Fraction(case.weights.get(name, 1))
        weighed += weight * case.total
        for row, number in case.people.items():
            label = ladder.up(row[place], 0, level)
            lost += weight * number * (ladder.loss(label, level) if row in kept else 1)
    return lost / weighed


def every(case: Case) -> Iterator[Plainly]:
    """Yield each recoding that keeps what is demanded."""
    tops = (case.ladders[name].top for name in case.columns[: case.width])
    for levels in product(*(range(top + 1) for top in tops)):
        tried = by_hand(case, levels)
        if tried is not None:
            yield tried


# ------------------------------------------------------------------------------------ what is tried


def _ladder(rng: random.Random, name: str) -> Ladder:
    """Return a hierarchy of 1 to 5 leaves, up to two levels between them and `*`."""
    columns = [[f"{name}{leaf}" for leaf in range(rng.randint(1, 5))]]
    for height in range(rng.choice([0, 1, 1, 2])):
        groups = {label: rng.randint(0, 1) for label in columns[-1]}
        columns.append([f"{name}{'gh'[height]}{groups[label]}" for label in columns[-1]])
    return Ladder(tuple(zip(*columns, ["*"] * len(columns[0]), strict=True)))


def _criterion(rng: random.Random, kind: str, ladder: Ladder) -> tuple[Criterion | None, Fails]:
    leaves = [line[0] for line in ladder.lines]
    adverse = tuple(rng.sample(leaves, rng.randint(0, min(2, len(leaves)))))
    share = Fraction(rng.randint(3, 10), 10)
    if kind == "distinct":
        l = rng.randint(1, 3)  # noqa: E741 - the literature's name
        return DistinctL(l), lambda values, _: len(known(values)) < l
    if kind == "entropy":
        even = rng.choice([Fraction(3, 2), Fraction(2), Fraction(5, 2)])
        return EntropyL(float(even)), lambda values, _: too_uneven(values, even)
    if kind in DISTANCES:
        t = Fraction(rng.randint(0, 6), 10)
        return Closeness(
            float(t), Distance(kind)
        ), lambda values, whole: DISTANCES[kind](values, whole, Scale(ladder, 0)) > t
    if kind == "share":
        caps = dict.fromkeys(adverse or leaves, share)
        return LargestShare(float(share), adverse), lambda values, _: goes_beyond(values, caps)
    if kind == "lift":
        factor, plus = rng.choice([Fraction(1), Fraction(3, 2), Fraction(4)]), Fraction(1, 20)
        return LiftCap(
            float(factor), float(plus), float(share), adverse
        ), lambda values, whole: goes_beyond(
            values,
            {v: lift_cap(v, whole, factor, plus, share) for v in adverse or leaves},
        )
    return None, lambda _, __: False


KINDS = ("none", "none with a value", "distinct", "entropy", *sorted(DISTANCES), "share", "lift")


@st.composite
def cases(draw: st.DrawFn, *, kinds: Sequence[str] = KINDS, most: int = 14) -> Case:
    """Draw a small table and a demand; mixed by a seed, so that tables differ much."""
    kind = draw(st.sampled_from(kinds))
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    names = [f"q{number}" for number in range(rng.choice([1, 2, 2, 3, 3, 4]))]
    columns = (*names, SENSITIVE) if kind != "none" else tuple(names)
    ladders = {name: _ladder(rng, name) for name in columns}
    domains = [
        [*(line[0] for line in ladders[name].lines), *rng.choice([(), (None,)])] for name in columns
    ]
    people: dict[Row, int] = {}
    for _ in range(rng.randint(1, most)):
        row = tuple(rng.choice(domain) for domain in domains)
        people[row] = rng.choice([1, 1, 2, 3, 5, 9])
    criterion, fails = _criterion(rng, kind, ladders[columns[-1]])
    weights = {name: rng.choice([0.5, 2.0, 7.0]) for name in names if rng.random() < 0.3}
    suppression = rng.choice([Fraction(0), Fraction(1, 20), Fraction(3, 10), Fraction(1)])
    return Case(columns, people, ladders, rng.randint(2, 5), suppression, criterion, fails, weights)


def one_class_fails(case: Case) -> bool:
    """Say whether everybody in one class breaks the demand."""
    whole = values_of(case, case.people)
    return case.total < case.k or case.fails(whole, whole)


def check(case: Case, found: Recoded, seed: int = 0) -> None:
    """Hold a recoding against what it says of itself, and against what is demanded."""
    assert found.levels is not None
    levels = tuple(found.levels[name] for name in case.columns[: case.width])
    truth = by_hand(case, levels)
    assert truth is not None
    rows = case.order(seed)
    stays = {row for row, kept in zip(rows, found.kept.tolist(), strict=True) if kept}
    assert stays == truth.kept
    assert found.loss == pytest.approx(float(truth.loss), abs=1e-12)
    hierarchies = case.hierarchies()
    for row, nodes in zip(rows, found.nodes.tolist(), strict=True):
        for name, leaf, node, level in zip(case.columns, row, nodes, levels, strict=False):
            assert hierarchies[name].node_levels[node] == level
            assert hierarchies[name].node_labels[node] == case.ladders[name].up(leaf, 0, level)


# ------------------------------------------------------------------------------------------- laws


@settings(max_examples=300)
@given(cases())
def test_nothing_that_keeps_the_demands_loses_less(case: Case) -> None:
    assume(not one_class_fails(case))
    found = case.recoded()
    least = min((tried.loss for tried in every(case)), default=None)
    assert (found is None) is (least is None)
    if found is not None and least is not None:
        check(case, found)
        assert found.loss == pytest.approx(float(least), abs=1e-12)
        assert found.bound == found.loss
        assert not found.interrupted
        assert 1 <= found.evaluated <= found.recodings


@settings(max_examples=150)
@given(cases())
def test_it_is_refused_where_and_only_where_nothing_keeps_the_demands(case: Case) -> None:
    assume(one_class_fails(case))
    assert (case.recoded() is None) is (next(every(case), None) is None)


@settings(max_examples=60)
@given(cases(), st.integers(1, 99))
def test_the_order_of_rows_does_not_matter(case: Case, seed: int) -> None:
    one, other = case.recoded(), case.recoded(seed=seed)
    assert (one is None) is (other is None)
    if one is not None and other is not None:
        assert (one.levels, one.loss, one.bound) == (other.levels, other.loss, other.bound)
        check(case, other, seed)


@settings(max_examples=100)
@given(cases(most=20), st.integers(0, 12))
def test_who_stops_the_search_gets_a_recoding_and_a_bound_that_hold(case: Case, steps: int) -> None:
    assume(not one_class_fails(case))
    turns = iter(range(steps))
    found = case.recoded(go_on=lambda: next(turns, None) is not None)
    assert found is not None
    check(case, found)
    least = min(tried.loss for tried in every(case))
    assert found.bound <= float(least) + 1e-12
    assert found.bound <= found.loss
    if not found.interrupted:
        assert found.loss == pytest.approx(float(least), abs=1e-12)


@settings(max_examples=100)
@given(cases())
def test_regions_keep_the_demands_and_say_what_they_lose(case: Case) -> None:
    found = case.recoded(method=Method.MULTIDIMENSIONAL)
    if found is None:
        assert one_class_fails(case)
        return
    classes: dict[tuple[int, ...], list[Row]] = {}
    rows, names = case.order(0), case.columns[: case.width]
    lost, everything = Fraction(), Fraction()
    for row, nodes, kept in zip(rows, found.nodes.tolist(), found.kept.tolist(), strict=True):
        if kept:
            classes.setdefault(tuple(nodes), []).append(row)
        for name, leaf, node in zip(names, row, nodes, strict=False):
            ladder, hierarchy = case.ladders[name], case.hierarchies()[name]
            level, label = int(hierarchy.node_levels[node]), hierarchy.node_labels[node]
            assert label == ladder.up(leaf, 0, level)
            weight = Fraction(case.weights.get(name, 1)) * case.people[row]
            everything += weight
            lost += weight * (ladder.loss(label, level) if kept else 1)
    whole = values_of(case, case.people)
    for members in classes.values():
        assert sum(case.people[row] for row in members) >= case.k
        assert not case.fails(values_of(case, members), whole)
    out = case.total - sum(case.people[row] for members in classes.values() for row in members)
    assert out <= case.suppression * case.total
    assert classes
    assert found.loss == pytest.approx(float(lost / everything), abs=1e-12)


@settings(max_examples=40)
@given(cases(kinds=("none", "entropy", "equal")))
def test_small_blocks_and_many_of_them_group_the_same(case: Case) -> None:
    whole = case.recoded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "BLOCK", 1)
        patch.setattr(grouping, "DIRECT", 0)
        apart = case.recoded()
    assert (whole is None) is (apart is None)
    if whole is not None and apart is not None:
        assert (whole.levels, whole.loss) == (apart.levels, apart.loss)


# --------------------------------------------------------------------------------------- examples


def _named(rows: Counts, ladders: Sequence[Ladder], k: int, suppression: str) -> Case:
    names = tuple(f"q{number}" for number in range(len(ladders)))
    return Case(
        names,
        rows,
        dict(zip(names, ladders, strict=True)),
        k,
        Fraction(suppression),
        None,
        lambda _, __: False,
        {},
    )


def test_more_combinations_than_64_bits_can_number() -> None:
    # Pairs that differ in the first column alone. The others have 64 values each: in 64 bits the
    # place of the first would be 64**11, which is none, and pairs would seem to be alike.
    ladder = Ladder(tuple((f"v{leaf}", "*") for leaf in range(300)))
    rng = random.Random(5)
    others = [rng.sample(range(300), 64) for _ in range(11)]
    rows: Counts = {
        (f"v{2 * kind + second}", *(f"v{values[kind]}" for values in others)): 1
        for kind in range(64)
        for second in range(2)
    }
    case = _named(rows, [ladder] * 12, 2, "0.05")
    sizes, of = grouping.Grouping(case.histogram(), case.hierarchies()).sizes((0,) * 12)
    assert sizes[of].tolist() == [1] * len(rows)
    found = case.recoded()
    assert found is not None
    assert found.levels == {f"q{column}": int(column == 0) for column in range(12)}
    assert found.loss == pytest.approx(1 / 12)
    assert found.kept.all()


def test_a_column_of_one_value_is_not_generalised() -> None:
    one, few = Ladder((("only", "*"),)), Ladder((("a", "g", "*"), ("b", "g", "*"), ("c", "h", "*")))
    rows: Counts = {("only", "a"): 1, ("only", "b"): 1, ("only", "c"): 2}
    found = _named(rows, [one, few], 2, "0").recoded()
    assert found is not None
    assert found.levels == {"q0": 0, "q1": 1}
    missing = _named({(None, "a"): 3}, [one, few], 2, "0").recoded()
    assert missing is not None
    assert missing.levels == {"q0": 0, "q1": 0}
    assert missing.loss == 0


def test_a_share_that_may_be_suppressed_is_met_exactly() -> None:
    ladder = Ladder(tuple((label, "*") for label in "abcd"))
    for hundredth in range(1, 50):
        rows: Counts = {("a",): 100 - hundredth, ("b",): hundredth}
        case = _named(rows, [ladder], 60 if hundredth <= 40 else 51, "0")
        exactly = _named(rows, [ladder], case.k, str(Fraction(hundredth, 100))).recoded()
        short = _named(rows, [ladder], case.k, str(Fraction(hundredth, 100) - Fraction(1, 1000)))
        assert exactly is not None
        assert exactly.levels == {"q0": 0}
        below = short.recoded()
        assert below is not None
        assert below.levels == {"q0": 1}


def test_suppressing_everybody_is_no_recoding() -> None:
    # Two kinds of people: only in one class of all of them are there two values.
    pair = Ladder((("a", "*"), ("b", "*")))
    case = Case(
        ("q0", SENSITIVE),
        {("a", "a"): 4, ("b", "b"): 4},
        {"q0": pair, SENSITIVE: pair},
        2,
        Fraction(1),
        DistinctL(2),
        lambda values, _: len(known(values)) < 2,
        {},
    )
    found = case.recoded()
    assert found is not None
    assert found.kept.all()


def test_a_table_of_one_row_is_published_as_it_is_or_not_at_all() -> None:
    ladder = Ladder((("a", "*"), ("b", "*")))
    whole = _named({("a",): 3}, [ladder], 3, "0").recoded()
    assert whole is not None
    assert (whole.levels, whole.loss, whole.kept.tolist()) == ({"q0": 0}, 0, [True])
    assert _named({("a",): 3}, [ladder], 4, "1").recoded() is None


def test_these_laws_are_not_about_trivial_tables() -> None:
    # Positive control: of what is drawn, many have a choice between recodings that differ in loss.
    rng, chosen = random.Random(1), 0
    for _ in range(40):
        ladders = [_ladder(rng, f"q{number}") for number in range(3)]
        rows: dict[Row, int] = {}
        for _ in range(12):
            leaves = tuple(rng.choice(ladder.lines)[0] for ladder in ladders)
            rows[leaves] = rng.choice([1, 2, 3])
        losses = {tried.loss for tried in every(_named(rows, ladders, 3, "0.3"))}
        chosen += len(losses) > 2
    assert chosen >= 25
