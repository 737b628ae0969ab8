"""Calendar periods: their names, when they close, and where a late event counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.events import label_of, last_day_of

from transforms.errors import PolicyError
from transforms.magnitude.periods import (
    Period,
    Unit,
    closed_periods,
    counted_in,
    number_of,
    period_named,
    period_of,
)

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
units = st.sampled_from(list(Unit))
delays = st.sampled_from([0, 1, 6, 7, 30, 366])


@given(days, units)
def test_a_period_is_named_as_the_calendar_names_it_and_found_by_its_name(
    day: date, unit: Unit
) -> None:
    period = period_of(day, unit)
    assert period.label == label_of(day, unit)
    assert period_named(period.label, unit) == period
    assert period.first_day <= day <= period.last_day == last_day_of(day, unit)
    assert period.year == period.last_day.year


@given(days, units)
def test_periods_follow_each_other_without_gap(day: date, unit: Unit) -> None:
    period = period_of(day, unit)
    after = period_of(period.last_day + timedelta(days=1), unit)
    assert after == Period(period.number + 1, unit)
    assert after.first_day == period.last_day + timedelta(days=1)
    assert period < after
    assert period.label < after.label


@pytest.mark.parametrize(
    ("day", "label", "year"),
    [
        (date(2020, 12, 28), "2020-W53", 2021),
        (date(2021, 1, 3), "2020-W53", 2021),
        (date(2021, 1, 4), "2021-W01", 2021),
        (date(2024, 12, 30), "2025-W01", 2025),
        (date(2026, 12, 31), "2026-W53", 2027),
        (date(2027, 1, 3), "2026-W53", 2027),
    ],
)
def test_a_week_over_the_end_of_a_year_has_one_name_and_one_budget(
    day: date, label: str, year: int
) -> None:
    week = period_of(day, Unit.WEEK)
    assert (week.label, week.year) == (label, year)
    assert period_named(label, Unit.WEEK) == week


@pytest.mark.parametrize("unit", list(Unit))
def test_no_year_has_more_periods_that_end_in_it_than_its_budget_is_divided_by(unit: Unit) -> None:
    ends = [
        Period(number, unit).year
        for number in range(
            period_of(date(1990, 1, 1), unit).number, period_of(date(2110, 1, 1), unit).number
        )
    ]
    most = max(ends.count(year) for year in range(1991, 2109))
    assert most == unit.most_a_year


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("2026-W54", Unit.WEEK),
        ("2025-W53", Unit.WEEK),
        ("2026-W00", Unit.WEEK),
        ("2026-13", Unit.MONTH),
        ("2026-00", Unit.MONTH),
        ("2026-3", Unit.MONTH),
        ("2026-Q5", Unit.QUARTER),
        ("2026-Q1 ", Unit.QUARTER),
        ("0000-01", Unit.MONTH),
        ("2026-03", Unit.WEEK),
        ("", Unit.MONTH),
    ],
)
def test_what_is_no_period_is_refused_with_an_example(label: str, unit: Unit) -> None:
    with pytest.raises(PolicyError, match="it is written like"):
        period_named(label, unit)


# ------------------------------------------------------------------------------------- closing


@given(days, units, delays, st.integers(0, 400))
def test_closed_are_the_periods_whose_days_of_grace_are_over(
    first: date, unit: Unit, delay: int, later: int
) -> None:
    today = first + timedelta(days=later)
    closed = closed_periods(period_of(first, unit), delay, today)
    by_hand = {
        label_of(first + timedelta(days=n), unit)
        for n in range(later + 1)
        if last_day_of(first + timedelta(days=n), unit) + timedelta(days=delay) < today
    }
    assert [period.label for period in closed] == sorted(by_hand)


def test_a_period_closes_after_its_days_of_grace_and_not_on_the_last_of_them() -> None:
    month = period_named("2026-03", Unit.MONTH)
    assert closed_periods(month, 7, date(2026, 4, 7)) == ()
    assert closed_periods(month, 7, date(2026, 4, 8)) == (month,)
    assert closed_periods(month, 0, date(2026, 3, 31)) == ()
    assert closed_periods(month, 0, date(2026, 4, 1)) == (month,)


@given(days, units, delays, st.integers(0, 100), st.integers(0, 400))
def test_what_is_closed_stays_closed(
    first: date, unit: Unit, delay: int, some: int, more: int
) -> None:
    period, today = period_of(first, unit), first + timedelta(days=some)
    before = closed_periods(period, delay, today)
    after = closed_periods(period, delay, today + timedelta(days=more))
    assert after[: len(before)] == before


# ---------------------------------------------------------------------------------- late events


def counted(event: date, recorded: date | None, delay: int, unit: Unit) -> int | None:
    row = pl.DataFrame(
        {"event": [event], "recorded": [recorded]}, schema={"event": pl.Date, "recorded": pl.Date}
    )
    said = row.select(counted_in(pl.col("event"), pl.col("recorded"), delay, unit)).item()
    return None if said is None else int(said)


@given(days, units, delays, st.integers(-5, 500))
def test_an_event_counts_in_the_first_period_that_was_open_when_it_was_recorded(
    event: date, unit: Unit, delay: int, late: int
) -> None:
    recorded = event + timedelta(days=late)
    period = period_of(event, unit)
    while period.last_day + timedelta(days=delay) < recorded:
        period = Period(period.number + 1, unit)
    assert counted(event, recorded, delay, unit) == period.number


@given(days, units, delays, st.integers(0, 500), st.integers(0, 60))
def test_no_event_comes_into_a_period_that_is_closed_already(
    event: date, unit: Unit, delay: int, late: int, since: int
) -> None:
    """Whenever a run happens, what was recorded after it is in no period that it computed."""
    recorded = event + timedelta(days=late)
    run = recorded - timedelta(days=since)
    closed = {period.number for period in closed_periods(Period(0, unit), delay, run)}
    assert counted(event, recorded, delay, unit) not in closed


@given(days, units, delays, st.integers(0, 500))
def test_no_event_is_lost_and_none_counts_twice(
    event: date, unit: Unit, delay: int, late: int
) -> None:
    """Each run counts what was recorded until then: together they count each event once."""
    recorded = event + timedelta(days=late)
    place, first = counted(event, recorded, delay, unit), period_of(event, unit)
    met: list[int] = []
    done: set[Period] = set()
    for run in range(0, 1200, 45):
        today = event + timedelta(days=run)
        due = [p for p in closed_periods(first, delay, today) if p not in done]
        done.update(due)
        met += [p.number for p in due if today >= recorded and p.number == place]
    assert met == [place]


@given(days, units, delays)
def test_an_event_of_which_nobody_says_when_it_was_recorded_counts_when_it_was(
    event: date, unit: Unit, delay: int
) -> None:
    assert counted(event, None, delay, unit) == period_of(event, unit).number


def test_an_event_that_nobody_dates_counts_nowhere() -> None:
    rows = pl.DataFrame(
        {"event": [None], "recorded": [date(2026, 3, 1)]},
        schema={"event": pl.Date, "recorded": pl.Date},
    )
    assert rows.select(counted_in(pl.col("event"), pl.col("recorded"), 7, Unit.WEEK)).item() is None


# ------------------------------------------------------------------------ expression and Python


@given(st.lists(days, min_size=1, max_size=50), units)
def test_the_expression_says_of_days_and_times_what_python_says(
    listed: list[date], unit: Unit
) -> None:
    numbers = [period_of(day, unit).number for day in listed]
    dates = pl.DataFrame({"day": listed})
    assert dates.select(number_of(pl.col("day"), unit)).to_series().to_list() == numbers
    for clock in ((0, 0, 0), (23, 59, 59)):
        times = pl.DataFrame({"day": [datetime(d.year, d.month, d.day, *clock) for d in listed]})  # noqa: DTZ001 - a source's local times
        assert times.select(number_of(pl.col("day"), unit)).to_series().to_list() == numbers


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("zone", ["UTC", "Europe/Tirane"])
def test_a_time_with_a_zone_counts_on_the_day_that_its_clock_says(unit: Unit, zone: str) -> None:
    moment = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)
    rows = pl.DataFrame({"at": [moment, moment + timedelta(hours=1, seconds=1)]}).with_columns(
        pl.col("at").dt.convert_time_zone(zone)
    )
    local = [at.date() for at in rows.get_column("at").to_list()]
    said = rows.select(number_of(pl.col("at"), unit)).to_series().to_list()
    assert said == [period_of(day, unit).number for day in local]
