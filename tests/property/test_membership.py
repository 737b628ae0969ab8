"""Attacks on magnitude tables: is somebody there, how much had the whale, who did what?

Each attacker knows everything but the one thing; each attack has its control, in which the guard
that stops it is off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest
from builders import AS_OF
from oracles.events import Event, Rules, World, count, counting_of, declared, tables_of
from scipy import optimize, stats

from pipelines.magnitude.noise import discrete_gaussian
from transforms.magnitude.accounting import Noise, Terms, terms_of
from transforms.magnitude.bound import Exact, Ints
from transforms.magnitude.events import Counting
from transforms.magnitude.publish import parts_of, perturbed, rows_of

Floats = npt.NDArray[np.float64]
ONE_IN_A_BILLION = 1e-9

# ------------------------------------------------------------------------------------ the sampler


def test_the_noise_is_a_discrete_gaussian_to_the_last_integer() -> None:
    """Chi-square against the theory (Canonne et al. 2020), at a scale of some integers."""
    draws, scale = 60_000, 1.7
    noise = discrete_gaussian(np.zeros(draws, np.int64), 1.0, 1 / (2 * scale**2))
    integers = np.arange(-40, 41)
    chances = np.exp(-(integers**2) / (2 * scale**2))
    chances /= chances.sum()
    # Both tails are taken together, so that no class is nearly empty.
    inner = np.abs(integers) <= 5
    expected = [*(chances[inner] * draws), chances[~inner].sum() * draws]
    seen = [int((noise == integer).sum()) for integer in integers[inner]]
    assert stats.chisquare([*seen, draws - sum(seen)], expected).pvalue > ONE_IN_A_BILLION
    # The control: a rounded Gaussian of a twentieth less is not taken for it.
    other = np.rint(np.random.default_rng(7).normal(0, scale * 0.95, draws)).astype(int)
    seen = [int((other == integer).sum()) for integer in integers[inner]]
    assert stats.chisquare([*seen, draws - sum(seen)], expected).pvalue < ONE_IN_A_BILLION


def test_the_noise_of_a_large_scale_has_its_deviation_and_no_drift() -> None:
    draws, scale = 20_000, 54_321.0
    noise = discrete_gaussian(np.zeros(draws, np.int64), scale, 0.5).astype(float)
    far = stats.norm.isf(ONE_IN_A_BILLION / 2)
    assert abs(noise.mean()) < far * scale / math.sqrt(draws)
    assert abs(noise.var() / scale**2 - 1) < far * math.sqrt(2 / draws)
    assert abs(stats.kurtosis(noise)) < far * math.sqrt(24 / draws)
    # Neighbours in the vector have nothing to do with each other.
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < far / math.sqrt(draws)
    assert len(np.unique(noise)) > draws / 4


def test_the_noise_is_added_to_each_number() -> None:
    numbers = np.array([0, 1, -5, 10**15, -(10**15), 3], np.int64)
    # So little of it that there is none.
    assert discrete_gaussian(numbers, 1.0, 1e5).tolist() == numbers.tolist()
    moved = discrete_gaussian(numbers, 1.0, 1e-4) - numbers
    assert 0 < np.abs(moved).max() < 100 * 71


def test_no_two_draws_are_alike() -> None:
    """There is no seed, hence nothing by which the noise could be had again."""
    draws = {tuple(discrete_gaussian(np.zeros(50, np.int64), 100.0, 0.5)) for _ in range(20)}
    assert len(draws) == 20


# ------------------------------------------------------------------------- is somebody in it?


def somebody() -> World:
    """Whoever changes everything by as much as may be, among some who have a little."""
    day = AS_OF - timedelta(days=60)
    little = tuple(Event(key, day, 0, "ab"[key % 2], 3.0, "EUR", 1) for key in range(2, 40))
    much = tuple(Event(1, day, 0, kind, 500.0, "EUR", 9) for kind in ("a", "b", "c") * 20)
    return World(
        towns=dict.fromkeys(range(1, 40), "Peja"),
        gone=frozenset(),
        companies=frozenset(),
        behind=frozenset(),
        holders=frozenset((key, key) for key in range(1, 40)),
        events=little + much,
    )


CLAIMED = Rules(cells=2, events=3, cap=20, caps=(), fee_cap=5)
RHO = 0.5
RUNS = 3_000


def of_a_period(world: World, counting: Counting) -> Exact:
    (exact,) = (e for e in count(tables_of(world), counting) if e.period.label == "2025-12")
    return exact


def released(exact: Exact, terms: Terms) -> Floats:
    """Release a period often, as if it could be: a row a run, all cells of all measures."""
    often = replace(exact, measures={m: np.tile(c, RUNS) for m, c in exact.measures.items()})
    noisy = perturbed(often, terms, discrete_gaussian)
    return np.hstack([cells.reshape(RUNS, -1) for cells in noisy.values()]).astype(float)


def suspicion(outcomes: Floats, there: Exact, gone: Exact, terms: Terms) -> Floats:
    """Return the likelihood ratio's logarithm: no test of presence is better (Neyman, Pearson).

    The attacker knows everybody's rows, the bounds, the key and the noise, but not whether the
    person is there.
    """
    total = np.zeros(len(outcomes))
    width = len(there.measures["people"])
    for place, measure in enumerate(there.measures):
        cells = outcomes[:, place * width : (place + 1) * width]
        far = (cells - gone.measures[measure]) ** 2 - (cells - there.measures[measure]) ** 2
        total += far.sum(axis=1) / (2 * (terms.noises[measure].sd * parts_of(measure)) ** 2)
    return total


def worst_excess(with_person: Floats, without: Floats, mu: float) -> float:
    """Return by how much the attacker's power exceeds the Gaussian trade-off curve, at worst.

    The curve G_mu (Dong, Roth and Su 2022): at a false-positive rate a, at most Phi(Phi^-1(a)+mu).
    """
    thresholds = np.sort(np.concatenate([with_person, without]))
    hits = 1 - np.searchsorted(np.sort(with_person), thresholds) / len(with_person)
    alarms = 1 - np.searchsorted(np.sort(without), thresholds) / len(without)
    margin = sampling_margin(len(without))
    allowed = stats.norm.cdf(stats.norm.ppf(np.minimum(alarms + margin, 1)) + mu)
    return float((hits - margin - allowed).max())


def sampling_margin(draws: int) -> float:
    """Return how far a sampled distribution is from its own, all but once in 10^9 (DKW)."""
    return math.sqrt(math.log(2 / (ONE_IN_A_BILLION / 2)) / (2 * draws))


def attacked(counted: Rules) -> tuple[Floats, Floats, float]:
    """Return the attacker's suspicions with and without the person, and the claimed mu."""
    claimed = counting_of(CLAIMED)
    budget = declared(CLAIMED, rho=12 * RHO).budget
    assert budget is not None
    terms = terms_of(claimed.table, budget, claimed.grid)
    assert math.isclose(terms.rho, RHO)
    counting = counting_of(counted)
    there, gone = (of_a_period(w, counting) for w in (somebody(), somebody().without(1)))
    return (
        suspicion(released(there, terms), there, gone, terms),
        suspicion(released(gone, terms), there, gone, terms),
        math.sqrt(2 * terms.rho),
    )


def test_whether_somebody_is_there_is_told_no_better_than_was_claimed() -> None:
    with_person, without, mu = attacked(CLAIMED)
    assert worst_excess(with_person, without, mu) <= 0
    # The attack has power, and the person is the worst there can be: it comes close to the curve.
    power = float((with_person > np.quantile(without, 0.9)).mean())
    curve = float(stats.norm.cdf(stats.norm.ppf(0.1) + mu))
    assert abs(power - curve) < 4 * sampling_margin(RUNS)
    assert worst_excess(with_person, without, mu / 4) > 0


@pytest.mark.parametrize(
    "off",
    [
        replace(CLAIMED, cells=20, events=1000, cap=10**6, fee_cap=1000),
        replace(CLAIMED, events=1000),
        replace(CLAIMED, cap=10**6),
    ],
    ids=["all bounds", "events", "cap"],
)
def test_with_bounds_off_it_is(off: Rules) -> None:
    """The control: the same noise, and whoever has much of something sticks out."""
    with_person, without, mu = attacked(off)
    assert worst_excess(with_person, without, mu) > 0.1


# ------------------------------------------------------------------------------------ the whale

WHALE = 1_000_000.0


def pond(whale: float, second: float = 5_000.0) -> World:
    """A cell in which one person has 99 % of the sum, and another most of the rest."""
    day = AS_OF - timedelta(days=60)
    small = [50.0] * 40
    amounts = [whale, second, *small]
    assert whale < second or whale / sum(amounts) > 0.99
    keys = range(1, len(amounts) + 1)
    return World(
        towns=dict.fromkeys(keys, "Peja"),
        gone=frozenset(),
        companies=frozenset(),
        behind=frozenset(),
        holders=frozenset((key, key) for key in keys),
        events=tuple(
            Event(key, day, 0, "a", amount, "EUR", 0)
            for key, amount in zip(keys, amounts, strict=True)
        ),
    )


CAPPED = Rules(cells=4, events=3, cap=300, caps=(), fee_cap=5)


def pond_terms() -> Terms:
    counting, policy = counting_of(CAPPED), declared(CAPPED, rho=0.26)
    assert policy.budget is not None
    return terms_of(counting.table, policy.budget, counting.grid)


def sum_of(world: World, rules: Rules) -> float:
    """Return the bounded sum of the cell of the whale."""
    amounts = of_a_period(world, counting_of(rules)).measures["amount"]
    assert np.count_nonzero(amounts) == 1
    return float(amounts.sum()) / 100


def test_what_a_whale_has_beyond_the_cap_changes_nothing_at_all() -> None:
    rich, richer = (
        of_a_period(pond(amount), counting_of(CAPPED)) for amount in (WHALE, 10 * WHALE)
    )
    for measure, cells in rich.measures.items():
        assert np.array_equal(cells, richer.measures[measure])


@pytest.mark.parametrize("who", ["anybody", "the second largest", "all others together"])
def test_a_whale_is_not_read_back_within_a_tenth(who: str) -> None:
    """The attacker takes off what he knows of the sum, and asks what is left."""
    world = pond(WHALE)
    known = {"anybody": 0.0, "the second largest": 5_000.0, "all others together": 7_000.0}[who]
    noise = pond_terms().noises["amount"]
    exact = round(sum_of(world, CAPPED) * 100)
    noisy = discrete_gaussian(np.full(2_000, exact), noise.sensitivity * 100, noise.rho) / 100
    assert not (np.abs(noisy - known - WHALE) < WHALE / 10).any()
    # The control: without caps and noise anybody reads it.
    uncapped = sum_of(world, replace(CAPPED, cap=10**7))
    assert abs(uncapped - known - WHALE) < WHALE / 10
    # … and with noise that does not go by the cap, too.
    little = discrete_gaussian(np.full(50, round(uncapped * 100)), 1e5, 0.5) / 100
    assert (np.abs(little - known - WHALE) < WHALE / 10).all()


def test_who_subtracts_himself_learns_nothing_more_than_others() -> None:
    """Of a whale below the cap: everybody's guess is as bad, for the noise goes by the cap."""
    whale, second = 299.0, 60.0
    noise = pond_terms().noises["amount"]
    exact = sum_of(pond(whale, 300.0), CAPPED)
    others = 300.0 + 40 * 50.0
    assert exact == whale + others
    drawn = np.random.default_rng(17).normal(0, noise.sd, 100_000)
    within = whale / 10
    hits = {
        "who knows all others": np.abs(exact + drawn - others - whale) < within,
        "who knows all but a second": np.abs(exact + drawn - (others - second) - whale) < within,
        "who guesses from the noise": np.abs(drawn) < within,
    }
    rates = {who: float(hit.mean()) for who, hit in hits.items()}
    chance = 2 * within / (noise.sd * math.sqrt(2 * math.pi))
    for rate in rates.values():
        assert rate < chance + 7 * math.sqrt(chance / 100_000)
    assert chance < 0.05


# ---------------------------------------------------------------------------------- who did what?
#
# Fifty people, of whom everybody knows where they live and of what age and trade they are. What
# they did is not known: whether each has such events, the same in each period. The tables count
# people with such events by every pair and triple of what is known, for six periods.

PEOPLE, PERIODS = 50, 6
Tables = Sequence[npt.NDArray[np.int64]]
"""Each a matrix of cells and people: who is in the cell, if they did it."""


def known_of_fifty() -> Tables:
    rng = np.random.default_rng(50)
    attributes = [rng.integers(0, size, PEOPLE) for size in (7, 6, 5)]
    tables = []
    for chosen in ((0, 1), (0, 2), (1, 2), (0, 1, 2)):
        place = np.zeros(PEOPLE, np.int64)
        for number in chosen:
            place = place * 10 + attributes[number]
        tables.append((np.unique(place)[:, None] == place[None, :]).astype(np.int64))
    return tables


def secret_of_fifty() -> Ints:
    return np.random.default_rng(51).integers(0, 2, PEOPLE, dtype=np.int64)


def seen_of_fifty(noise: Noise | None) -> list[Floats]:
    """Return what the tables say: a mean over the periods, for that is all an attacker can use."""
    rng, secret = np.random.default_rng(52), secret_of_fifty()
    seen = []
    for table in known_of_fifty():
        exact = (table @ secret).astype(float)
        drawn = [
            exact if noise is None else np.rint(exact + rng.normal(0, noise.sd, len(exact)))
            for _ in range(PERIODS)
        ]
        seen.append(np.mean(drawn, axis=0))
    return seen


def feasible(person: int, value: int, seen: Sequence[Floats], slack: float) -> bool:
    """Say whether a person may have a value, whatever all others did (an integer program)."""
    low, high = np.zeros(PEOPLE), np.ones(PEOPLE)
    low[person] = high[person] = value
    constraints = [
        optimize.LinearConstraint(table, cells - slack, cells + slack)
        for table, cells in zip(known_of_fifty(), seen, strict=True)
    ]
    found = optimize.milp(
        np.zeros(PEOPLE),
        constraints=constraints,
        integrality=np.ones(PEOPLE),
        bounds=optimize.Bounds(low, high),
    )
    return found.x is not None


def certain(seen: Sequence[Floats], slack: float) -> int:
    """Return of how many people the attacker is certain."""
    return sum(
        not (feasible(person, 0, seen, slack) and feasible(person, 1, seen, slack))
        for person in range(PEOPLE)
    )


def best_guess(seen: Sequence[Floats]) -> Ints:
    """Return the people that fit best: least distance over all cells, as an integer program."""
    rows = sum(len(cells) for cells in seen)
    people = np.vstack(known_of_fifty())
    goal = np.concatenate([np.zeros(PEOPLE), np.ones(rows)])
    values = np.concatenate(seen)
    found = optimize.milp(
        goal,
        constraints=[
            optimize.LinearConstraint(np.hstack([people, np.eye(rows)]), values, np.inf),
            optimize.LinearConstraint(np.hstack([people, -np.eye(rows)]), -np.inf, values),
        ],
        integrality=np.concatenate([np.ones(PEOPLE), np.zeros(rows)]),
        bounds=optimize.Bounds(0, np.concatenate([np.ones(PEOPLE), np.full(rows, np.inf)])),
        options={"time_limit": 20.0},
    )
    guess: Ints = np.rint(found.x[:PEOPLE]).astype(np.int64)
    return guess


def noise_of_fifty() -> Noise:
    """Return the noise of people in each of four tables that share a year's budget, by month."""
    counting = counting_of(Rules(cells=1))
    budget = declared(Rules(), rho=0.26).budget
    assert budget is not None
    table = counting.table.model_copy(update={"share": 0.25})
    return terms_of(table, budget, counting.grid).noises["people"]


def test_exact_tables_give_fifty_people_away() -> None:
    """The control: without noise an integer program finds nearly everybody's secret."""
    seen = seen_of_fifty(None)
    assert certain(seen, 0.01) >= 40
    assert (best_guess(seen) == secret_of_fifty()).sum() >= 40


def test_noisy_tables_give_nobody_away() -> None:
    """Nothing is withheld here: the threshold of publication is off, all cells are seen."""
    noise = noise_of_fifty()
    seen = seen_of_fifty(noise)
    # Four deviations of a mean over the periods: the truth is inside.
    slack = 4 * noise.sd / math.sqrt(PERIODS)
    assert all(
        (np.abs(table @ secret_of_fifty() - cells) <= slack).all()
        for table, cells in zip(known_of_fifty(), seen, strict=True)
    )
    assert certain(seen, slack) == 0
    # The control of the bounds: noise of a fiftieth would give many away.
    little = Noise(noise.sensitivity / 50, noise.rho)
    assert certain(seen_of_fifty(little), 4 * little.sd / math.sqrt(PERIODS)) > 5


def test_the_best_guess_of_fifty_people_is_hardly_better_than_the_toss_of_a_coin() -> None:
    noise = noise_of_fifty()
    right = int((best_guess(seen_of_fifty(noise)) == secret_of_fifty()).sum())
    # All tables and periods together are half a year's rho: at most that good at any one person.
    best = stats.norm.cdf(math.sqrt(2 * 0.13) / 2)
    assert right <= PEOPLE * best + 3 * math.sqrt(PEOPLE / 4)
    assert stats.binom.sf(right - 1, PEOPLE, best) > 1e-3


# --------------------------------------------------------------------------- what is then shown


def test_what_is_shown_goes_by_the_noise_alone() -> None:
    """Equal noisy numbers give equal rows, whatever was there."""
    counting = counting_of(CLAIMED)
    budget = declared(CLAIMED, rho=12 * RHO).budget
    assert budget is not None
    terms = terms_of(counting.table, budget, counting.grid)
    there, gone = of_a_period(somebody(), counting), of_a_period(somebody().without(1), counting)

    def to(target: Exact) -> list[tuple[object, ...]]:
        fixed = perturbed(target, terms, lambda cells, _d, _rho: np.arange(len(cells)) * 1000)
        return rows_of(target.period, fixed, terms, counting.grid).rows()

    assert to(there) == to(gone)
