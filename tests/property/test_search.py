"""The search is exact: nothing it leaves out could have been better."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from builders import (
    HIERARCHIES,
    LADDERS,
    Person,
    bank,
    counted,
    levels_of,
    populations,
    silent,
    wanted,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.plain import Bounds, best_companion, least_loss, loss_within

from transforms.errors import Refused
from transforms.policy import Limits
from transforms.recoding.loss import marginal_losses
from transforms.recoding.protect import protect
from transforms.recoding.search import Found, search
from transforms.risk.classes import count_cells

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


def found(people: Sequence[Person], limit: Limits) -> Found | None:
    """Return what the search finds, None where it finds that nothing can be published."""
    try:
        return search(counted(bank(people)).candidates, HIERARCHIES, limit, silent)
    except Refused:
        return None


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
        assert best.best.loss == pytest.approx(float(least))
        assert best.evaluated <= best.recodings


@settings(max_examples=30)
@given(populations(), limits)
def test_chosen_levels_keep_the_limits_at_both_k(people: Sequence[Person], limit: Limits) -> None:
    best = found(people, limit)
    if best is None:
        return
    levels, bounds = best.best.levels, bounds_of(limit)
    first, second = wanted(people)
    loss = loss_within(first, LADDERS, levels, bounds)
    assert loss is not None
    assert best.best.loss == pytest.approx(float(loss))
    companion = best_companion(second, LADDERS, levels, bounds)
    assert companion is not None
    assert levels[second.sensitive] == companion[1]
    assert best.best.tables["wealth"].loss == pytest.approx(float(companion[0]))


@given(populations(), limits, levels_of(HIERARCHIES))
def test_the_bound_never_exceeds_the_true_loss(
    people: Sequence[Person], limit: Limits, levels: dict[str, int]
) -> None:
    if not people:
        return
    for candidate in counted(bank(people)).candidates:
        losses = marginal_losses(candidate.leaves, HIERARCHIES)
        columns = candidate.leaves.columns
        bound = sum(losses[name][levels[name]] for name in columns) / len(columns)
        for k in (limit.k, limit.k_when_choosing):
            true = protect(candidate, HIERARCHIES, levels, k, limit.l).figures.loss
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
            for sizes in (
                count_cells(candidate.leaves, HIERARCHIES, levels).sizes
                for levels in (finer, coarser)
            )
        ]
        assert alone[0] >= alone[1]


@given(populations(), limits)
def test_what_is_found_is_within_the_limits(people: Sequence[Person], limit: Limits) -> None:
    best = found(people, limit)
    if best is not None:
        for figures in best.best.tables.values():
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
    assert max(best.best.levels.values()) > 0
    assert best.best.loss == pytest.approx(float(least))
