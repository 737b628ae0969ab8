"""Tables of counts and sums: what may be declared, what it costs, what is refused and shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from builders import AS_OF, hierarchies_of, policy_fields
from cryptography.fernet import Fernet
from oracles.events import Event, Rules, Walk, World, count, counting_of, declared, tables_of
from pydantic import ValidationError

from pipelines.magnitude import drawing
from pipelines.magnitude.ledger import Ledger, create_ledger
from pipelines.magnitude.noise import discrete_gaussian, keyed_choice
from transforms.errors import EngineError, PolicyError, PrivacyError, SourceError
from transforms.magnitude.accounting import Noise, Terms, epsilon, sensitivities, terms_of
from transforms.magnitude.bound import Clipped, Exact
from transforms.magnitude.declared import Budget, Magnitude
from transforms.magnitude.events import Counting
from transforms.magnitude.grid import grid_of
from transforms.magnitude.outlook import outlooks
from transforms.magnitude.periods import Unit
from transforms.magnitude.publish import rows_of, schema_of
from transforms.magnitude.stated import budget_entry, clipped_figures
from transforms.policy.whole import Policy

DAY = AS_OF - timedelta(days=60)

# -------------------------------------------------------------------------------- what it costs


def table_of(**changed: object) -> Magnitude:
    said = declared(Rules()).magnitude["payments"].model_dump(by_alias=True)
    return Magnitude.model_validate({**said, **changed})


def test_the_noise_is_that_of_the_literature() -> None:
    """Bun and Steinke 2016, Proposition 6; OpenDP's own map agrees."""
    noise = Noise(sensitivity=math.sqrt(8), rho=0.0625)
    assert noise.sd == pytest.approx(8)
    assert epsilon(0.26, 1e-8) == pytest.approx(4.6, abs=0.05)
    assert epsilon(5 * 0.26, 1e-8) == pytest.approx(11, abs=0.2)


def test_a_week_of_a_small_share_has_the_noise_that_was_promised() -> None:
    kinds = {"column": "kind", "values": list("abcdefghij"), "meaning": "What it is"}
    table = table_of(cells=8, sums={}, share=1.0, by={"kind": kinds})
    table = table.model_copy(
        update={"period": table.period.model_copy(update={"unit": Unit.WEEK, "first": "2025-W45"})}
    )
    terms = terms_of(table, Budget(rho=53 * 0.005), grid_of("t", table, HIERARCHIES))
    assert terms.noises["people"].sd == pytest.approx(40)
    assert terms.fewest_people == pytest.approx(11 + 2 * 40)


def test_what_all_measures_of_all_periods_cost_is_the_share_of_the_year() -> None:
    for unit, first in (
        (Unit.WEEK, "2025-W45"),
        (Unit.MONTH, "2025-11"),
        (Unit.QUARTER, "2025-Q1"),
    ):
        table = table_of(share=0.4, weights={"people": 3.0, "fee": 0.5})
        period = table.period.model_copy(update={"unit": unit, "first": first})
        table = table.model_copy(update={"period": period})
        terms = terms_of(table, Budget(rho=0.26), grid_of("t", table, HIERARCHIES))
        assert terms.rho * unit.most_a_year == pytest.approx(0.4 * 0.26)
        assert terms.noises["people"].rho == pytest.approx(6 * terms.noises["fee"].rho)


def test_the_sensitivity_of_a_sum_is_that_of_the_largest_caps() -> None:
    table = table_of(cells=5)
    # A person lives in one region, and has three kinds there: one with a cap of 25, two of 10.
    claim = sensitivities(table, grid_of("t", table, HIERARCHIES))
    assert claim["amount"] == pytest.approx(math.sqrt(25**2 + 2 * 10**2))
    assert claim["people"] == math.sqrt(3)
    assert claim["events"] == 2 * math.sqrt(3)


def test_nobody_is_in_more_cells_than_there_are() -> None:
    table = table_of(cells=1000)
    claim = sensitivities(table, grid_of("t", table, HIERARCHIES))
    assert claim["people"] == math.sqrt(3)


def test_noise_that_would_cost_more_than_was_asked_for_is_not_drawn() -> None:
    import opendp.prelude as dp

    real = dp.m.make_gaussian

    def quieter(domain: object, metric: object, scale: float) -> object:
        return real(domain, metric, scale=scale / 1.01)  # type: ignore[arg-type]  # as they were

    with (
        mock.patch.object(dp.m, "make_gaussian", quieter),
        pytest.raises(EngineError, match="none was drawn"),
    ):
        discrete_gaussian(np.zeros(3, np.int64), 1.0, 0.1)


def test_before_anything_is_spent_it_is_said_what_the_budget_buys() -> None:
    policy = declared(Rules())
    two = policy.model_copy(
        update={
            "magnitude": {
                "payments": policy.magnitude["payments"].model_copy(update={"share": 0.5}),
                "others": policy.magnitude["payments"].model_copy(update={"share": 0.5}),
            }
        }
    )
    (payments, _) = outlooks(two, HIERARCHIES)
    by_what = {choice.what: choice for choice in payments.choices}
    assert set(by_what) == {
        "without the table others",
        "by quarter, with the same bounds",
        "without sums",
    }
    for choice, better in (
        ("without the table others", math.sqrt(2)),
        ("by quarter, with the same bounds", math.sqrt(3)),
        ("without sums", math.sqrt(2)),
    ):
        assert by_what[choice].sds["people"] == pytest.approx(payments.sds["people"] / better)
        assert by_what[choice].fewest_people < payments.fewest_people


def test_the_budget_says_what_was_spent_by_year_and_ever() -> None:
    entry = budget_entry(Budget(rho=0.26, delta=1e-8), {2025: 0.26, 2026: 0.1})
    assert entry.years["2025"].left == 0
    assert entry.years["2026"].left == pytest.approx(0.16)
    assert entry.rho_ever == pytest.approx(0.36)
    assert entry.epsilon_ever > entry.epsilon > entry.years["2026"].epsilon


# --------------------------------------------------------------------------- what may be declared

BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no cap": (lambda t: t["sums"]["fee"].pop("cap"), "cap"),
    "a negative cap": (lambda t: t["sums"]["fee"].update(cap=-5), "greater than 0"),
    "a cap of nothing": (lambda t: t["sums"]["fee"].update(cap=0), "greater than 0"),
    "an endless cap": (lambda t: t["sums"]["fee"].update(cap=math.inf), "cap"),
    "a cap that is no number": (lambda t: t["sums"]["fee"].update(cap=math.nan), "cap"),
    "a negative cap of a category": (
        lambda t: t["sums"]["fee"].update(caps={"kind": {"a": -1}}),
        "greater than 0",
    ),
    "caps by a category that is not there": (
        lambda t: t["sums"]["fee"].update(caps={"colour": {"a": 1}}),
        "no category of",
    ),
    "caps by two categories": (
        lambda t: t["sums"]["fee"].update(caps={"kind": {"a": 1}, "region": {"west": 1}}),
        "at most 1",
    ),
    "several currencies without rates": (
        lambda t: t["sums"]["amount"].pop("rates"),
        "amounts of several currencies are no sum",
    ),
    "a rate of nothing": (
        lambda t: t["sums"]["amount"].update(rates={"USD": 0}),
        "greater than 0",
    ),
    "a rate of its own unit": (
        lambda t: t["sums"]["amount"].update(rates={"EUR": 1.0}),
        "it has no rate",
    ),
    "a rate of no period": (
        lambda t: t["sums"]["amount"].update(rates={"USD": {"2025-W01": 1.0}}),
        "is no month",
    ),
    "cells of nobody": (lambda t: t.update(cells=0), "greater than or equal to 1"),
    "events of nobody": (lambda t: t.update(events=0), "greater than or equal to 1"),
    "more than the whole budget": (lambda t: t.update(share=1.5), "less than or equal to 1"),
    "a share of nothing": (lambda t: t.update(share=0), "greater than 0"),
    "a period that is none": (lambda t: t["period"].update(first="2025-13"), "is no month"),
    "a weight of what is not measured": (
        lambda t: t.update(weights={"tax": 2}),
        "does not measure",
    ),
    "a name twice": (lambda t: t["sums"].update(region=t["sums"]["fee"]), "the same name"),
    "a name that is taken": (lambda t: t["by"].update(people=t["by"]["kind"]), "the same name"),
    "a name that noise has": (lambda t: t["by"].update(fee_sd=t["by"]["kind"]), "the same name"),
    "a value twice": (lambda t: t["by"]["kind"].update(values=["a", "a"]), "named twice"),
    "no category": (lambda t: t.update(by={}), "at least 1"),
    "a word that is not known": (lambda t: t.update(noise=0), "noise"),
}


@pytest.mark.parametrize("what", list(BROKEN))
def test_a_table_is_not_declared_with(what: str) -> None:
    change, said = BROKEN[what]
    table = declared(Rules()).magnitude["payments"].model_dump(by_alias=True, exclude_defaults=True)
    Magnitude.model_validate(table)
    change(table)
    with pytest.raises(ValidationError, match=said):
        Magnitude.model_validate(table)


def fields() -> dict[str, Any]:
    """Return the small policy with payments, as its file would say it."""
    said = declared(Rules()).model_dump(by_alias=True, exclude_defaults=True, mode="json")
    return {**policy_fields(), **said}


UNFIT: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no budget": (lambda p: p.pop("budget"), "need a budget"),
    "shares of more than all": (
        lambda p: p["magnitude"].update(more=p["magnitude"]["payments"]),
        "more than all",
    ),
    "no such source": (lambda p: p["magnitude"]["payments"].update(source="x"), "no source"),
    "a column that is no measure": (
        lambda p: p["sources"]["payments"]["columns"]["amount"].update(
            role="category", type="text"
        ),
        "the role measure",
    ),
    "a column that is not there": (
        lambda p: p["sources"]["payments"]["columns"].pop("fee"),
        "not a column",
    ),
    "an attribute that is not published": (
        lambda p: p["magnitude"]["payments"]["by"]["region"].update(attribute="shoes"),
        "shoes",
    ),
    "companies of nobody": (
        lambda p: p["magnitude"]["payments"]["companies"].update(company="x"),
        "no subject of",
    ),
}


@pytest.mark.parametrize("what", list(UNFIT))
def test_a_policy_does_not_fit_with(what: str) -> None:
    change, said = UNFIT[what]
    policy = fields()
    Policy.model_validate(policy)
    change(policy)
    with pytest.raises(ValidationError, match=said):
        Policy.model_validate(policy)


HIERARCHIES = hierarchies_of(declared(Rules()))


def test_a_cap_of_a_value_that_is_not_there_is_refused() -> None:
    table = table_of()
    caps = table.sums["amount"].model_copy(update={"caps": {"kind": {"z": 5.0}}})
    with pytest.raises(PolicyError, match='"z", which is no value of kind'):
        grid_of("t", table.model_copy(update={"sums": {"amount": caps}}), HIERARCHIES)


def test_a_level_at_which_all_are_one_is_refused() -> None:
    table = table_of()
    top = table.by["region"].model_copy(update={"level": 2})
    with pytest.raises(PolicyError, match="levels 0 to 1"):
        grid_of("t", table.model_copy(update={"by": {"region": top}}), HIERARCHIES)


def test_a_grid_beyond_all_bounds_is_refused() -> None:
    table = table_of()
    many = table.by["kind"].model_copy(update={"values": tuple(map(str, range(300_000)))})
    with pytest.raises(PolicyError, match="cells are too many"):
        grid_of("t", table.model_copy(update={"by": {**table.by, "kind": many}}), HIERARCHIES)


# ---------------------------------------------------------------------------- what does not fit


def people(number: int, **event: Any) -> World:  # noqa: ANN401 - fields of an event, by name
    """Return so many people with one event each, and the first with another one that is given."""
    keys = range(1, number + 1)
    one = Event(1, DAY, 0, "a", 3.0, "EUR", 1)
    return World(
        towns=dict.fromkeys(keys, "Peja"),
        gone=frozenset(),
        companies=frozenset(),
        behind=frozenset(),
        holders=frozenset((key, key) for key in keys),
        events=(*(replace(one, account=key) for key in keys), replace(one, **event)),
    )


def strict(**changed: object) -> Counting:
    """Return the table with no label for what is not listed or missing, but as changed."""
    counting = counting_of(Rules(companies=False))
    table = counting.table
    kind = table.by["kind"].model_copy(update={"others": None})
    region = table.by["region"].model_copy(update={"missing": None})
    amount = table.sums["amount"].model_copy(update={"missing": "refused"})
    table = table.model_copy(
        update={
            "by": {"region": region, "kind": kind},
            "sums": {"amount": amount, "fee": table.sums["fee"]},
        }
        | changed
    )
    policy = counting.policy.model_copy(update={"magnitude": {"payments": table}})
    grid = grid_of("payments", table, counting.hierarchies)
    return replace(counting, table=table, grid=grid, policy=policy)


SECRET = 123_456_789.25

MISFITS: dict[str, tuple[dict[str, Any], type[PrivacyError], str]] = {
    "a kind that nobody listed": ({"kind": "secret"}, PolicyError, "category kind does not list"),
    "no kind": ({"kind": None}, PolicyError, "category kind does not list"),
    "a currency without a rate": ({"currency": "CHF"}, PolicyError, "no rate for"),
    "no currency": ({"currency": None}, PolicyError, "no rate for"),
    "no amount": ({"amount": None}, SourceError, "have no amount"),
    "an amount that is no number": ({"amount": math.nan}, SourceError, "is no amount"),
    "an endless amount": ({"amount": -math.inf}, SourceError, "is no amount"),
    "an amount beyond all accounts": ({"amount": 1e30}, SourceError, "is no amount"),
}


@pytest.mark.parametrize("what", list(MISFITS))
def test_an_event_stops_the_run_with(what: str) -> None:
    given, kind, said = MISFITS[what]
    world = people(20, **({"amount": SECRET} | given))
    assert count(tables_of(people(20, amount=SECRET)), strict())
    with pytest.raises(kind) as refusal:
        count(tables_of(world), strict(), walk=Walk(cuts=3))
    line = str(refusal.value)
    assert said in line
    assert "fewer than 11 events of payments" in line
    for value in ("secret", "CHF", "123", "456", "1e30", "nan"):
        assert value not in line


def test_a_day_that_nobody_knows_stops_the_run() -> None:
    tables = tables_of(people(20))
    booked = pl.Series("booked", [*[DAY] * 20, None], dtype=pl.Date)
    tables["payments"] = tables["payments"].with_columns(booked)
    with pytest.raises(SourceError, match="no booked that says when they were"):
        count(tables, strict())


def test_an_amount_of_thirty_digits_stops_the_run() -> None:
    tables = tables_of(people(20))
    long = pl.Series("amount", ["3.0"] * 20 + ["9" * 30])
    tables["payments"] = tables["payments"].with_columns(long)
    with pytest.raises(SourceError, match="is no amount") as refusal:
        count(tables, strict())
    assert "999" not in str(refusal.value)


def test_a_region_that_nobody_knows_stops_the_run_where_it_has_no_label() -> None:
    world = people(20)
    world = replace(world, towns={**world.towns, 1: None})
    with pytest.raises(PolicyError, match="category region does not list"):
        count(tables_of(world), strict())


@pytest.mark.parametrize("what", list(MISFITS))
def test_what_nobody_who_counts_has_stops_nobody(what: str) -> None:
    """An account that nobody holds, somebody who left long ago, a period that is not due."""
    given, _, _ = MISFITS[what]
    world = people(20)
    for misfit, gone in (
        (Event(999, DAY, 0, "a", 3.0, "EUR", 1), frozenset[int]()),
        (Event(1, DAY, 0, "a", 3.0, "EUR", 1), frozenset({1})),
        (Event(1, AS_OF, 0, "a", 3.0, "EUR", 1), frozenset[int]()),
        (Event(1, date(2020, 1, 1), 0, "a", 3.0, "EUR", 1), frozenset[int]()),
    ):
        broken = replace(world, events=(*world.events, replace(misfit, **given)), gone=gone)
        there = count(tables_of(broken), strict())
        without = count(tables_of(replace(world, gone=gone)), strict())
        for one, other in zip(there, without, strict=True):
            assert all(np.array_equal(one.measures[m], other.measures[m]) for m in one.measures)


def test_amounts_that_are_not_there_count_nothing_where_that_is_declared() -> None:
    counting = counting_of(Rules(companies=False))
    exact = count(tables_of(people(20, amount=None)), counting)[1]
    assert exact.measures["events"].sum() == 21
    assert exact.measures["amount"].sum() == 20 * 300


def test_a_cap_below_every_amount_is_refused() -> None:
    with pytest.raises(PolicyError, match="raise the cap") as refusal:
        count(tables_of(people(20)), counting_of(Rules(cap=1, caps=(), companies=False)))
    assert "amount" in str(refusal.value)
    # It is not, where somebody has less, or where there are hardly any people.
    low = counting_of(Rules(cap=1, caps=(), companies=False))
    assert count(tables_of(people(20, account=2, kind="b", amount=0.5)), low)
    assert count(tables_of(people(10)), low)


def test_a_rate_may_differ_by_period() -> None:
    counting = strict()
    labels = [period.label for period in counting.due]
    by_period = {label: 0.1 * (place + 1) for place, label in enumerate(labels)}
    amount = counting.table.sums["amount"].model_copy(update={"rates": {"USD": by_period}})
    sums = {"amount": amount, "fee": counting.table.sums["fee"]}
    world = people(12)
    dollars = tuple(
        replace(event, currency="USD", day=date.fromisoformat(f"{label}-15"))
        for event in world.events[:12]
        for label in labels
    )
    exacts = count(tables_of(replace(world, events=dollars)), strict(sums=sums))
    worth = [int(exact.measures["amount"].sum()) for exact in exacts]
    assert worth == [12 * 30, 12 * 60, 12 * 90]
    amount = amount.model_copy(update={"rates": {"USD": {labels[0]: 1.0}}})
    with pytest.raises(PolicyError, match="for every period that is due"):
        count(
            tables_of(replace(world, events=dollars)),
            strict(sums={"amount": amount, "fee": counting.table.sums["fee"]}),
        )


# ------------------------------------------------------------------------------- what is shown

TERMS = Terms(
    {"people": Noise(2.0, 0.5), "events": Noise(6.0, 0.5), "amount": Noise(50.0, 0.5)}
    | {"fee": Noise(4.0, 0.5)}
)


def shown(people_: int, amount_cents: int = 1249) -> Mapping[str, object]:
    counting = counting_of(Rules())
    cells = np.zeros(12, np.int64)
    noisy = {m: cells.copy() for m in counting.table.measures}
    noisy["people"][7], noisy["events"][7], noisy["amount"][7] = people_, 33, amount_cents
    rows = rows_of(counting.due[0], noisy, TERMS, counting.grid)
    assert rows.schema == schema_of(counting.table.measures, counting.grid)
    assert rows.height == 12
    return rows.row(7, named=True)


def test_a_cell_is_shown_from_its_fewest_people_on_and_whole_or_not_at_all() -> None:
    assert TERMS.fewest_people == 11 + 2 * 2
    assert shown(15)["people"] == 15
    row = shown(14)
    assert [row[m] for m in ("people", "events", "amount", "fee")] == [None] * 4
    assert row["people_sd"] == 2.0


@pytest.mark.parametrize(
    ("cents", "said"),
    [(1249, 10), (1251, 15), (-1251, -15), (0, 0), (-249, 0), (99_999_999, 10**6)],
)
def test_numbers_are_rounded_to_five_after_the_noise(cents: int, said: int) -> None:
    row = shown(17, cents)
    assert (row["people"], row["events"], row["amount"]) == (15, 35, said)


def test_what_was_clipped_is_said_to_three_digits() -> None:
    clipped = Clipped(
        12_345, 23_456, 20_000, 34_567, 30_000, {"amount": 1_234_567.0}, {"amount": 5.0}
    )
    figures = clipped_figures(clipped.plus(clipped))
    assert figures["people"] == 24_700
    assert figures["cells of people left out"] == 6_910
    assert figures["amount"] == 2_470_000
    assert figures["amount after caps"] == 10


# ------------------------------------------------------------------------------ choosing of cells


def test_the_choice_goes_by_key_person_and_cell_alone() -> None:
    persons, slots = pl.Series([1, 1, 2, 2] * 50), pl.Series([5, 6, 5, 6] * 50)
    drawn = keyed_choice(b"k" * 32)(persons, slots)
    assert drawn.n_unique() == 4
    assert drawn[:4].to_list() == drawn[-4:].to_list()
    assert keyed_choice(b"l" * 32)(persons, slots).to_list() != drawn.to_list()
    backwards = keyed_choice(b"k" * 32)(persons.reverse(), slots.reverse())
    assert backwards.reverse().to_list() == drawn.to_list()


def test_keys_that_are_texts_choose_as_well() -> None:
    persons, slots = pl.Series(["a", "b", "a"]), pl.Series([1, 1, 1])
    drawn = keyed_choice(b"k" * 32)(persons, slots).to_list()
    assert drawn[0] == drawn[2] != drawn[1]


# ----------------------------------------------------------------------------- published as what


def exact(counting: Counting) -> Exact:
    measures = {m: np.full(counting.grid.cells, 1000, np.int64) for m in counting.table.measures}
    sums = dict.fromkeys(counting.table.sums, 1.0)
    return Exact(counting.name, counting.due[0], measures, Clipped(9, 9, 9, 9, 9, sums, sums))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger in which the first period of the small table stands."""
    place = tmp_path / "ledger.sqlite", tmp_path / "key"
    place[1].write_bytes(Fernet.generate_key())
    create_ledger(*place)
    opened, counting = Ledger(*place), counting_of(Rules())
    now = datetime(2026, 3, 1, tzinfo=UTC)
    drawing.draw(opened, [counting], [exact(counting)], counting.policy, lambda _: "s", now)
    return opened


def again(ledger: Ledger, table: Magnitude) -> tuple[Counting, ...]:
    policy = declared(Rules()).model_copy(update={"magnitude": {"payments": table}})
    return drawing.countings(policy, HIERARCHIES, ledger, AS_OF)


def test_a_period_that_stands_is_not_due(ledger: Ledger) -> None:
    (counting,) = again(ledger, table_of())
    assert [period.label for period in counting.due] == ["2025-12", "2026-01"]
    (table,) = drawing.drawn(ledger, [counting])
    assert table.rows.height == 12
    assert table.rows.schema == schema_of(counting.table.measures, counting.grid)


@pytest.mark.parametrize(
    "changed", [{"meaning": "x"}, {"share": 0.2}, {"weights": {"people": 2.0}}]
)
def test_words_and_budget_may_change(ledger: Ledger, changed: dict[str, object]) -> None:
    (counting,) = again(ledger, table_of(**changed))
    assert len(counting.due) == 2


def test_rates_may_change(ledger: Ledger) -> None:
    table = table_of()
    amount = table.sums["amount"].model_copy(update={"rates": {"USD": 7.0}, "meaning": "x"})
    again(ledger, table.model_copy(update={"sums": {**table.sums, "amount": amount}}))


@pytest.mark.parametrize(
    "changed",
    [
        {"cells": 3},
        {"events": 3},
        {"companies": None},
        {"source": "holders"},
    ],
)
def test_what_a_published_table_is_may_not_change(
    ledger: Ledger, changed: dict[str, object]
) -> None:
    with pytest.raises(PolicyError, match="give the changed table another name"):
        again(ledger, table_of(**changed))


@pytest.mark.parametrize("part", ["values", "cap", "closes", "level"])
def test_nor_may_its_parts(ledger: Ledger, part: str) -> None:
    table = table_of()
    kind, region = table.by["kind"], table.by["region"]
    fee = table.sums["fee"]
    parts: dict[str, dict[str, Any]] = {
        "values": {"by": {"region": region, "kind": kind.model_copy(update={"values": ("a",)})}},
        "cap": {"sums": {**table.sums, "fee": fee.model_copy(update={"cap": 4.0})}},
        "closes": {"period": table.period.model_copy(update={"closes_after": 8})},
        "level": {"by": {"region": region.model_copy(update={"level": 0}), "kind": kind}},
    }
    with pytest.raises(PolicyError, match="give the changed table another name"):
        again(ledger, table.model_copy(update=parts[part]))


@pytest.mark.parametrize("part", ["by", "sums"])
def test_the_columns_of_a_published_table_may_come_in_another_order(
    ledger: Ledger, part: str
) -> None:
    table = table_of()
    turned = dict(reversed(list(getattr(table, part).items())))
    before = drawing.drawn(ledger, again(ledger, table))[0].rows
    counted = again(ledger, table.model_copy(update={part: turned}))
    (drawn,) = drawing.drawn(ledger, counted)
    assert drawn.rows.columns != before.columns
    assert drawn.rows.sort("region", "kind").select(before.columns).equals(before)
