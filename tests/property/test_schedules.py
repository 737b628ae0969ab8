"""Releases in any order, stopped anywhere, under any policy: noise is drawn once, and lasts.

A house runs its releases as the product does, on a real ledger; only the bank is made up, and is
another one whenever it is counted, so that what is drawn twice is never the same.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from builders import hierarchies_of
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.events import Rules, declared, last_day_of

from pipelines.magnitude import drawing
from pipelines.magnitude.ledger import Draw, Ledger, State, create_ledger
from pipelines.settings import settings_from
from transforms.errors import BudgetSpent, PolicyError, Refused
from transforms.magnitude.bound import Clipped, Exact, Ints
from transforms.magnitude.declared import Magnitude
from transforms.magnitude.events import Counting
from transforms.magnitude.periods import Unit, period_named
from transforms.policy.whole import Policy

START = date(2025, 12, 20)
RHO = 0.5
SMALL = declared(Rules(unit="month", first="2025-11", companies=False), rho=RHO)
HIERARCHIES = hierarchies_of(SMALL)


class Stop(StrEnum):
    """Where a run may be stopped."""

    NEVER = "never"
    COUNTED = "counted, nothing drawn"
    HALF_DRAWN = "some of the draws are written, and not committed"
    DRAWN = "drawn and committed"
    PUBLISHING = "about to be published"
    MOVED = "among the releases, not switched to"
    SWITCHED = "published, and not noted so"


class Stopped(BaseException):
    """A run that ends there and then."""


@dataclass(frozen=True)
class Release:
    """A run so many days later. objection: one comes between drawing and publishing."""

    later: int
    stop: Stop
    objection: bool


@dataclass(frozen=True)
class Change:
    """What becomes of the policy."""

    what: str
    amount: float


Step = Release | Change


class House:
    """A home with a ledger, and what anybody ever saw of its releases."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.settings = replace(
            settings_from({}, today=START, home=str(folder / "home")), key_file=folder / "key"
        )
        self.settings.key_file.write_bytes(Fernet.generate_key())
        create_ledger(self.settings.ledger, self.settings.key_file)
        self.settings.releases.mkdir()
        self.policy = SMALL.model_copy(update={"magnitude": {"t0": at(SMALL, share=0.5)}})
        self.day, self.rng = START, np.random.default_rng(seed)
        self.objections = self.runs = self.names = 0
        self.seen: dict[tuple[str, str], pl.DataFrame] = {}
        self.paid: dict[tuple[str, str], float] = {}

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger, self.settings.key_file)

    # ------------------------------------------------------------------------------ what happens

    def do(self, step: Step) -> None:
        if isinstance(step, Change):
            self.change(step)
            return
        self.day += timedelta(days=step.later)
        with suppress(Stopped, Refused, PolicyError):
            self.release(step)
        self.check()

    def release(self, step: Release) -> None:
        self.runs += 1
        # A second a run: two on one day have their order.
        now = datetime.combine(self.day, time(9), UTC) + timedelta(seconds=self.runs)
        ledger = drawing.open_ledger(self.settings, self.policy, now)
        assert ledger is not None
        drawing.settle(ledger, self.settings, now)
        drawing.void_overtaken(ledger, self.still_right, now)
        counted = drawing.countings(self.policy, HIERARCHIES, ledger, self.day)
        exacts = [self.made_up(c, label.number) for c in counted for label in c.due]
        stop_at(step, Stop.COUNTED)
        self.draw(ledger, counted, exacts, now, step)
        stop_at(step, Stop.DRAWN)
        tables = drawing.drawn(ledger, counted)
        seal, name = ledger.seal(self.name), self.name
        self.objections += step.objection
        if not all(map(self.still_right, drawing.pending(ledger))):
            raise Refused
        self.publish(ledger, tables, name, seal, step, now)

    def draw(
        self,
        ledger: Ledger,
        counted: Sequence[Counting],
        exacts: Sequence[Exact],
        now: datetime,
        step: Release,
    ) -> None:
        before, standing = self.settings.ledger.read_bytes(), ledger.draws
        try:
            with (
                stopped_half_way(step),
                mock.patch.object(drawing, "discrete_gaussian", self.noise),
            ):
                drawing.draw(ledger, counted, exacts, self.policy, self.sealed, now)
        except (Stopped, BudgetSpent):
            assert self.settings.ledger.read_bytes() == before
            assert ledger.draws == self.ledger.draws == standing
            raise
        for counting in counted:
            for period in counting.due:
                share = RHO * counting.table.share / MOST[counting.table.period.unit]
                self.paid[counting.name, period.label] = share

    def publish(
        self,
        ledger: Ledger,
        tables: Sequence[drawing.Drawn],
        name: str,
        seal: str,
        step: Release,
        now: datetime,
    ) -> None:
        mine = {table.name for table in tables}
        new = [draw for draw in drawing.pending(ledger) if draw.table in mine]
        ledger.publishing(new, name, now)
        stop_at(step, Stop.PUBLISHING)
        self.move(name, seal, tables)
        self.see(tables)
        stop_at(step, Stop.MOVED)
        link = self.settings.releases / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        stop_at(step, Stop.SWITCHED)
        ledger.published(new, name, now)

    def change(self, step: Change) -> None:
        tables = dict(self.policy.magnitude)
        name = max(tables)
        if step.what == "a share":
            tables[name] = tables[name].model_copy(update={"share": step.amount})
        elif step.what == "another table":
            self.names += 1
            tables[f"t{self.names}"] = at(self.policy, share=step.amount, unit="week")
        elif step.what == "another name":
            self.names += 1
            tables[f"t{self.names}"] = tables.pop(name)
        elif step.what == "other bounds":
            tables[name] = tables[name].model_copy(update={"events": self.names + 2})
        elif step.what == "a table less" and len(tables) > 1:
            del tables[name]
        elif step.what == "a clock that goes back":
            self.day -= timedelta(days=int(100 * step.amount))
        self.policy = self.policy.model_copy(update={"magnitude": tables})

    # ----------------------------------------------------------------------------- what is made up

    def made_up(self, counting: Counting, number: int) -> Exact:
        cells = counting.grid.cells
        (period,) = (each for each in counting.due if each.number == number)
        measures = {m: self.rng.integers(0, 10**6, cells) for m in counting.table.measures}
        clipped = Clipped(
            9, 9, 9, 9, 9, dict.fromkeys(counting.table.sums, 1.0), {"amount": 1.0, "fee": 1.0}
        )
        return Exact(counting.name, period, measures, clipped)

    def noise(self, cells: Ints, sensitivity: float, rho: float) -> Ints:
        drawn = self.rng.normal(0, sensitivity / (2 * rho) ** 0.5, len(cells))
        noisy: Ints = cells + np.rint(drawn).astype(np.int64)
        return noisy

    def sealed(self, _name: str) -> str:
        return str(self.objections)

    def still_right(self, draw: Draw) -> bool:
        return draw.sealed == str(self.objections)

    @property
    def name(self) -> str:
        return f"20260101T{self.runs:06}Z"

    def move(self, name: str, seal: str, tables: Sequence[drawing.Drawn]) -> None:
        folder = self.settings.releases / name
        folder.mkdir()
        said = {
            "release": name,
            "created_at": "2026-01-01T00:00:00+00:00",
            "policy_version": "1",
            "policy_digest": "p",
            "plan": {"digest": "q"},
            "database": "b",
            "checks": [{"check": "all", "passed": True}],
            "registry_seal": "s",
            "ledger_seal": seal,
            "magnitude": {
                table.name: {
                    "periods": [{"period": d.period, "content": d.rows} for d in table.draws]
                }
                for table in tables
            },
        }
        (folder / "certificate.json").write_text(json.dumps(said), "utf-8")

    # --------------------------------------------------------------------------- what has to hold

    def see(self, tables: Sequence[drawing.Drawn]) -> None:
        """Read what is readable now: of a period that was readable before it is the same."""
        for table in tables:
            assert table.rows.height == table.grid.cells * len(table.draws)
            for draw in table.draws:
                rows = table.rows.filter(pl.col("period") == draw.period)
                known = self.seen.setdefault((table.name, draw.period), rows)
                assert known.equals(rows)

    def check(self) -> None:
        ledger = self.ledger
        standing = [(draw.table, draw.period) for draw in ledger.draws]
        assert len(set(standing)) == len(standing)
        # Whatever was ever readable stands.
        assert self.seen.keys() <= set(standing)
        for draw, rows in zip(ledger.draws, ledger.rows(ledger.draws), strict=True):
            known = self.seen.get((draw.table, draw.period))
            assert known is None or known.equals(
                rows.sort(pl.all().exclude("^.*(_sd|e.*s|amount)$"))
            )
            assert (draw.state is not State.PUBLISHED) or known is not None
        spent: dict[int, float] = {}
        for table, period in standing:
            year = ends_in(period)
            spent[year] = spent.get(year, 0.0) + self.paid[table, period]
        assert all(rho <= RHO * (1 + 1e-9) for rho in spent.values())
        said = ledger.spent()
        assert spent.keys() == said.keys()
        assert all(abs(spent[year] - said[year]) < 1e-9 for year in spent)


MOST = {Unit.WEEK: 53, Unit.MONTH: 12, Unit.QUARTER: 4}


def ends_in(label: str) -> int:
    """Return the year in which a week or a month ends."""
    unit = Unit.WEEK if "W" in label else Unit.MONTH
    return last_day_of(period_named(label, unit).first_day, str(unit)).year


def at(policy: Policy, share: float, unit: str = "month") -> Magnitude:
    """Return the small table with this share, by this unit."""
    table = next(iter(policy.magnitude.values()))
    first = {"month": "2025-11", "week": "2025-W48"}[unit]
    period = table.period.model_copy(update={"unit": Unit(unit), "first": first})
    return table.model_copy(update={"share": share, "period": period})


def stop_at(step: Release, stop: Stop) -> None:
    if step.stop is stop:
        raise Stopped


@contextmanager
def stopped_half_way(step: Release) -> Iterator[None]:
    """Stop between the rows of a draw and its commit, where the step says so."""
    if step.stop is not Stop.HALF_DRAWN:
        yield
        return
    append = Ledger._append  # noqa: SLF001 - to be stopped in the middle

    def stopped(self: Ledger, *given: object) -> None:
        append(self, *given)  # type: ignore[arg-type]  # as it was called
        raise Stopped

    with mock.patch.object(Ledger, "_append", stopped):
        yield


releases = st.builds(
    Release,
    st.sampled_from([0, 1, 6, 20, 31, 60, 200]),
    st.sampled_from([*Stop, Stop.NEVER, Stop.NEVER]),
    st.booleans(),
)
policy_changes = st.builds(
    Change,
    st.sampled_from(
        [
            "a share",
            "another table",
            "another name",
            "other bounds",
            "a table less",
            "a clock that goes back",
        ]
    ),
    st.sampled_from([0.1, 0.3, 0.5, 0.9]),
)


@settings(max_examples=30)
@given(
    st.lists(st.one_of(releases, releases, policy_changes), min_size=3, max_size=14),
    st.integers(0, 2**32 - 1),
)
def test_no_year_is_overspent_and_no_period_is_drawn_twice(steps: list[Step], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), seed)
        for step in steps:
            house.do(step)


def run(house: House, *steps: Step) -> None:
    for step in steps:
        house.do(step)


NOW = Release(31, Stop.NEVER, objection=False)


@contextmanager
def a_house() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        yield House(Path(folder), 16)


def test_a_schedule_publishes_and_is_refused_where_the_year_is_spent() -> None:
    """The control: things happen in these houses."""
    with a_house() as house:
        run(house, *[NOW] * 6)
        assert len(house.seen) == 7
        run(
            house,
            Change("a share", 0.9),
            Change("another table", 0.9),
            Release(200, Stop.NEVER, objection=False),
        )
        before = house.ledger.spent()
        assert before[2026] < RHO
        with mock.patch.object(drawing, "draw", mock.Mock(wraps=drawing.draw)) as asked:
            run(house, NOW)
        assert asked.call_count == 1
        assert house.ledger.spent() == before
        run(house, Change("a table less", 0.1), Change("a share", 0.1), NOW)
        assert house.ledger.spent()[2026] > before[2026]


def test_an_objection_sends_back_what_nobody_read_and_nothing_else() -> None:
    with a_house() as house:
        run(house, NOW)
        published = house.ledger.draws
        run(house, Release(31, Stop.NEVER, objection=True))
        (waiting,) = drawing.pending(house.ledger)
        run(house, Release(0, Stop.NEVER, objection=False))
        assert house.ledger.draws[: len(published)] == published
        assert waiting not in house.ledger.draws
        assert drawing.pending(house.ledger) == ()
        assert len(house.seen) == len(published) + 1


def test_what_was_moved_before_a_run_was_stopped_is_never_drawn_again() -> None:
    with a_house() as house:
        run(house, Release(31, Stop.MOVED, objection=False), Release(0, Stop.NEVER, objection=True))
        assert {draw.state for draw in house.ledger.draws} == {State.PUBLISHED}
        run(house, NOW)
        assert {draw.state for draw in house.ledger.draws} == {State.PUBLISHED}


def test_the_laws_see_a_house_that_draws_again() -> None:
    """The control: without the memory of what is published an objection makes rows change."""
    with a_house() as house, mock.patch.object(drawing, "settle"):
        run(house, Release(31, Stop.SWITCHED, objection=False))
        house.objections += 1
        with pytest.raises(AssertionError):
            run(house, Release(0, Stop.NEVER, objection=False))


def test_the_laws_see_a_house_that_overspends() -> None:
    """The control: without the ledger's refusal the year is overspent."""
    with a_house() as house, mock.patch.object(Ledger, "refuse_beyond"):
        run(house, Change("a share", 0.9), Change("another table", 0.9))
        with pytest.raises(AssertionError):
            run(house, Release(300, Stop.NEVER, objection=False))


def test_a_refusal_is_of_the_budget() -> None:
    with a_house() as house:
        run(house, Change("a share", 1.5), Release(31, Stop.NEVER, objection=False))
        house.day += timedelta(days=300)
        with pytest.raises(BudgetSpent) as refusal:
            house.release(NOW)
        assert refusal.value.exit_code == 13
