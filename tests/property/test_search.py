"""The search is exact: nothing it leaves out could have been better."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import pytest
from builders import (
    HIERARCHIES,
    LADDERS,
    Person,
    bank,
    cells_at,
    counted,
    levels_of,
    populations,
    protect_at,
    silent,
    wanted,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.plain import Bounds, best_companion, least_loss, loss_within

from transforms.errors import Refused
from transforms.policy.limits import Limits
from transforms.recoding.choosing import refuse_too_few
from transforms.recoding.protect import Terms
from transforms.recoding.search import Search, search
from transforms.recoding.weighing import Figures, LeadingTable, Weighing

# No share of a few hundred people is exactly one of these: rounding decides nothing here.
limits = st.builds(
    lambda k, more, diversity, suppression, blanking: Limits.model_validate(
        {
            "k": k,
            "calibration-k": k + more,
            "l": diversity,
            "suppression": suppression,
            "blanking": blanking,
        }
    ),
    st.sampled_from([2, 3, 5]),
    st.integers(0, 3),
    st.sampled_from([2, 3]),
    st.sampled_from([0.05371, 0.20371, 0.60371]),
    st.sampled_from([0.10371, 0.40371, 0.80371]),
)


def bounds_of(limit: Limits) -> Bounds:
    """Return the limits as the second opinion takes them."""
    return Bounds(
        k=limit.k,
        calibration_k=limit.k_when_choosing,
        l=limit.l,
        suppression=Fraction(limit.suppression),
        blanking=Fraction(limit.blanking),
    )


def weighing_of(people: Sequence[Person], limit: Limits) -> Weighing:
    """Return what the search asks about these people."""
    return Weighing(counted(bank(people)).candidates, HIERARCHIES, Terms(limit, "out", {}))


def found(people: Sequence[Person], limit: Limits) -> Search[Figures] | None:
    """Return what the search finds, None where it finds that nothing can be published."""
    weighing = weighing_of(people, limit)
    try:
        refuse_too_few(weighing)
    except Refused:
        return None
    seen = search(LeadingTable(weighing), silent, lambda: True)
    return seen if seen.best else None


def levels_found(seen: Search[Figures]) -> dict[str, int]:
    """Return the level of each attribute."""
    best = seen.best[0]
    names = ("age", "town", "job", "health")
    return {**dict(zip(names, best.node, strict=True)), **best.figures.sensitive_levels}


@settings(max_examples=25)
@given(populations(groups=20), limits)
def test_the_search_finds_what_trying_everything_finds(
    people: Sequence[Person], limit: Limits
) -> None:
    best = found(people, limit)
    if len(people) < limit.k_when_choosing:
        assert best is None
        return
    least = least_loss(wanted(people), LADDERS, bounds_of(limit))
    assert (best is None) is (least is None)
    if best is not None and least is not None:
        assert best.best[0].loss == pytest.approx(float(least))
        assert best.evaluated <= best.recodings


@settings(max_examples=30)
@given(populations(), limits)
def test_chosen_levels_keep_the_limits_at_both_k(people: Sequence[Person], limit: Limits) -> None:
    best = found(people, limit)
    if best is None:
        return
    levels, bounds = levels_found(best), bounds_of(limit)
    first, second = wanted(people)
    loss = loss_within(first, LADDERS, levels, bounds)
    assert loss is not None
    assert best.best[0].loss == pytest.approx(float(loss))
    companion = best_companion(second, LADDERS, levels, bounds)
    assert companion is not None
    assert levels[second.sensitive] == companion[1]
    assert best.best[0].figures.tables["wealth"].loss == pytest.approx(float(companion[0]))


@given(populations(), limits, levels_of(HIERARCHIES))
def test_the_bound_never_exceeds_the_true_loss(
    people: Sequence[Person], limit: Limits, levels: dict[str, int]
) -> None:
    if not people:
        return
    weighing = weighing_of(people, limit)
    lead = LeadingTable(weighing)
    top = lead.tops[-1]
    node = (levels["age"], levels["town"], levels["job"], min(levels["health"], top))
    true = protect_at(weighing.candidates[0], levels, limit).figures.loss
    for above in product(
        *(range(level, most + 1) for level, most in zip(node, lead.tops, strict=True))
    ):
        floors = lead.glance(above)
        if floors is None:
            assert lead.weigh(node) is None
        else:
            bound = sum(floor[level] for floor, level in zip(floors, node, strict=True))
            assert bound <= true + 1e-12


@given(populations(), st.integers(2, 12), levels_of(HIERARCHIES), levels_of(HIERARCHIES))
def test_fewer_people_are_in_small_classes_the_coarser_the_recoding(
    people: Sequence[Person], k: int, one: dict[str, int], other: dict[str, int]
) -> None:
    finer = {name: min(one[name], other[name]) for name in one}
    coarser = {name: max(one[name], other[name]) for name in one}
    for candidate in counted(bank(people)).candidates:
        alone = [
            int(sizes[sizes < k].sum())
            for sizes in (cells_at(candidate, levels).sizes for levels in (finer, coarser))
        ]
        assert alone[0] >= alone[1]


@given(populations(), limits)
def test_what_is_found_is_within_the_limits(people: Sequence[Person], limit: Limits) -> None:
    best = found(people, limit)
    if best is not None:
        for figures in best.best[0].figures.tables.values():
            assert 0 <= figures.left_out <= limit.suppression
            assert 0 <= figures.blanked <= limit.blanking
            assert 0 <= figures.loss <= 1


def test_the_search_weighs_more_than_its_first_guess() -> None:
    # The finest recoding has the least bound and is within these limits, but keeps one class of
    # all: a search that stopped at the first recoding within its limits would take it.
    crowd = [Person(2, "Peja", "nurse", health, 0) for health in ("flu", "asthma")] * 6
    spread = [
        Person(age, town, job, health, None)
        for age in (2, 3)
        for town in ("Gjakova", "Prishtina", "Lipjan", "Gjilan")
        for job in ("nurse", "teacher", "welder", "baker")
        for health in ("flu", "asthma")
    ]
    people = crowd + spread
    wide = Limits.model_validate(
        {"k": 3, "calibration-k": 3, "suppression": 0.99371, "blanking": 0.99371}
    )
    best = found(people, wide)
    least = least_loss(wanted(people), LADDERS, bounds_of(wide))
    assert best is not None
    assert least is not None
    assert best.evaluated > 1
    assert max(levels_found(best).values()) > 0
    assert best.best[0].loss == pytest.approx(float(least))
