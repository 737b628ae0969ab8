"""The ledger of noise: append-only, checked whole, and whatever is refused spends nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from builders import hierarchies_of
from cryptography.fernet import Fernet
from oracles.events import Rules, declared
from polars.testing import assert_frame_equal

from pipelines.magnitude import drawing
from pipelines.magnitude.ledger import Draw, Ledger, NewDraw, State, create_ledger
from pipelines.settings import Settings, settings_from
from transforms.errors import BudgetSpent, LedgerError, PolicyError
from transforms.magnitude.accounting import Noise, Terms

NOW = datetime(2026, 4, 20, 9, 30, tzinfo=UTC)
LIMIT = 1.0
MARK = 4_242_424_242_424_242
"""A number of a row that nothing else of a ledger's file is."""

Place = tuple[Path, Path]


def a_draw(period: str = "2026-03", table: str = "payments", rho: float = 0.1) -> NewDraw:
    return NewDraw(
        table=table,
        period=period,
        year=int(period[:4]),
        definition="d" * 64,
        terms=Terms({"people": Noise(2.0, rho / 2), "events": Noise(6.0, rho / 2)}),
        sealed="s" * 64,
        clipped={"people": 1230.0},
        rows=pl.DataFrame({"period": [period], "kind": ["a"], "people": [MARK], "sd": [0.5]}),
    )


def add(place: Place, *new: NewDraw, limit: float = LIMIT) -> Ledger:
    ledger = Ledger(*place)
    ledger.add(new or (a_draw(),), limit, NOW)
    return ledger


def number_bytes(place: Place) -> int:
    """Count where the marked number is in the file; rows are compressed only where that helps."""
    return place[0].read_bytes().count(MARK.to_bytes(8, "little"))


def change(place: Place, *statements: str) -> None:
    """Change the file as its owner can who knows SQLite, triggers or not."""
    with closing(sqlite3.connect(place[0])) as connection:
        for trigger in ("entries_are_never_changed", "entries_are_never_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def is_refused(act: Callable[[], object], said: str, kind: type[LedgerError] = LedgerError) -> None:
    """Hold a refusal against what all have: exit code 13, a way out, and nothing was spent."""
    with pytest.raises(kind) as refusal:
        act()
    line = str(refusal.value)
    assert refusal.value.exit_code == 13
    assert said in line
    assert "nothing was spent" in line
    assert "\n" not in line
    assert str(MARK) not in line


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A new ledger, to be copied: making one waits for the disk."""
    folder = tmp_path_factory.mktemp("empty")
    ledger, key = folder / "ledger" / "ledger.sqlite", folder / "home.key"
    key.write_bytes(Fernet.generate_key())
    create_ledger(ledger, key)
    return ledger, key


@pytest.fixture
def place(tmp_path: Path, empty: Place) -> Place:
    ledger, key = tmp_path / "ledger" / "ledger.sqlite", tmp_path / "home.key"
    shutil.copytree(empty[0].parent, ledger.parent)
    shutil.copy(empty[1], key)
    return ledger, key


# ------------------------------------------------------------------------------- what it keeps


def test_what_was_drawn_is_read_back_as_it_was(place: Place) -> None:
    add(place, a_draw("2026-02"), a_draw("2026-03"))
    ledger = Ledger(*place)
    assert [draw.name for draw in ledger.draws] == ["payments 2026-02", "payments 2026-03"]
    first = ledger.draws[0]
    assert (first.definition, first.sealed, first.year) == ("d" * 64, "s" * 64, 2026)
    assert first.terms == a_draw().terms
    assert first.state is State.DRAWN
    for rows, period in zip(ledger.rows(ledger.draws), ("2026-02", "2026-03"), strict=True):
        assert_frame_equal(rows, a_draw(period).rows)
    assert ledger.spent() == {2026: pytest.approx(0.2)}
    assert ledger.newest == NOW


def test_its_file_is_private_and_never_overwritten(empty: Place) -> None:
    assert stat.S_IMODE(empty[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(empty[0].parent.stat().st_mode) == 0o700
    with pytest.raises(LedgerError, match="never overwritten"):
        create_ledger(*empty)


def test_a_period_of_a_table_stands_once(place: Place) -> None:
    add(place)
    before = place[0].read_bytes()
    with pytest.raises(LedgerError, match="never drawn twice"):
        add(place, a_draw("2026-04"), a_draw("2026-03"))
    assert place[0].read_bytes() == before
    add(place, a_draw("2026-03", "logins"))


def test_a_period_that_is_drawn_twice_at_once_is_refused_as_well(place: Place) -> None:
    before = place[0].read_bytes()
    with pytest.raises(LedgerError):
        add(place, a_draw(), a_draw())
    assert place[0].read_bytes() == before


def test_a_year_costs_no_more_than_its_budget_and_a_refusal_spends_nothing(place: Place) -> None:
    add(place, a_draw("2026-01", rho=0.5), a_draw("2025-12", rho=0.9))
    before = place[0].read_bytes()
    over = a_draw("2026-02", rho=0.6)
    with pytest.raises(BudgetSpent) as refusal:
        add(place, a_draw("2026-03", rho=0.1), over)
    assert refusal.value.exit_code == 13
    for said in ("2026", "payments", "2026-02", "nothing was spent", "take the table out"):
        assert said in str(refusal.value)
    assert place[0].read_bytes() == before
    assert Ledger(*place).spent() == {2025: pytest.approx(0.9), 2026: pytest.approx(0.5)}
    add(place, a_draw("2026-02", rho=0.5), a_draw("2027-01", rho=1.0))


def test_a_budget_that_was_lowered_meanwhile_holds_at_once(place: Place) -> None:
    add(place, a_draw("2026-01", rho=0.5))
    with pytest.raises(BudgetSpent):
        add(place, a_draw("2026-02", rho=0.1), limit=0.55)
    add(place, a_draw("2027-02", rho=0.1), limit=0.55)


def test_the_shares_of_a_whole_year_fit_though_they_add_up_to_a_little_more(place: Place) -> None:
    add(place, *(a_draw(f"2026-{month:02}", rho=1 / 12) for month in range(1, 13)))
    with pytest.raises(BudgetSpent):
        add(place, a_draw("2026-12", "logins", rho=1e-6))


def test_what_was_published_is_never_voided_and_stays_so(place: Place) -> None:
    ledger = add(place, a_draw("2026-02"), a_draw("2026-03"))
    ledger.publishing(ledger.draws[:1], "R1", NOW)
    ledger.published(ledger.draws[:1], "R1", NOW)
    before = place[0].read_bytes()
    for opened in (ledger, Ledger(*place)):
        with pytest.raises(LedgerError, match="never drawn again"):
            opened.void(opened.draws, NOW)
    assert place[0].read_bytes() == before
    assert [draw.state for draw in Ledger(*place).draws] == [State.PUBLISHED, State.DRAWN]
    assert Ledger(*place).last_published == "R1"


def test_what_is_voided_costs_nothing_may_be_drawn_anew_and_is_gone_from_the_file(
    place: Place,
) -> None:
    ledger = add(place, a_draw("2026-03"))
    # The control: as long as it stands, its numbers are to be found.
    assert number_bytes(place) > 0
    ledger.void(ledger.draws, NOW)
    assert number_bytes(place) == 0
    assert list(place[0].parent.iterdir()) == [place[0]]
    again = Ledger(*place)
    assert (again.draws, again.spent()) == ((), {})
    add(place, a_draw("2026-03"))
    assert [draw.number for draw in Ledger(*place).draws] == [3]


def test_a_draw_that_was_about_to_be_published_may_be_voided(place: Place) -> None:
    ledger = add(place)
    ledger.publishing(ledger.draws, "R1", NOW)
    ledger.void(ledger.draws, NOW)
    assert Ledger(*place).draws == ()


# ---------------------------------------------------------------------------------- two writers


def test_of_two_who_draw_the_same_period_one_succeeds(place: Place) -> None:
    ledgers = [Ledger(*place) for _ in range(4)]

    def drawn(ledger: Ledger) -> bool:
        try:
            ledger.add([a_draw()], LIMIT, NOW)
        except LedgerError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(drawn, ledgers)) == [False, False, False, True]
    assert len(Ledger(*place).draws) == 1


def test_two_who_draw_different_periods_share_one_budget(place: Place) -> None:
    ledgers = [Ledger(*place) for _ in range(6)]

    def drawn(number: int) -> bool:
        try:
            ledgers[number].add([a_draw(f"2026-{number + 1:02}", rho=0.3)], LIMIT, NOW)
        except BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(drawn, range(6))) == 3
    assert Ledger(*place).spent() == {2026: pytest.approx(0.9)}


def test_a_ledger_that_is_being_written_is_waited_for_or_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(*place)
    monkeypatch.setattr("pipelines.sqlite.WAITS", 0.05)
    with closing(sqlite3.connect(place[0])) as other:
        other.execute("BEGIN IMMEDIATE")
        is_refused(lambda: ledger.add([a_draw()], LIMIT, NOW), "somebody else is writing it")
    ledger.add([a_draw()], LIMIT, NOW)


def test_what_fails_half_way_was_not_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(*place)
    before, append = place[0].read_bytes(), Ledger._append  # noqa: SLF001 - to fail in the middle

    def fails(self: Ledger, *given: object) -> None:
        append(self, *given)  # type: ignore[arg-type]  # as it was called
        if len(self.draws) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_append", fails)
        with pytest.raises(KeyboardInterrupt):
            ledger.add([a_draw("2026-01"), a_draw("2026-02"), a_draw("2026-03")], LIMIT, NOW)
    assert (ledger.draws, ledger.spent()) == ((), {})
    assert place[0].read_bytes() == before
    ledger.add([a_draw("2026-01")], LIMIT, NOW)
    assert [draw.period for draw in Ledger(*place).draws] == ["2026-01"]


# ---------------------------------------------------------------------------------- what breaks it


def test_a_missing_one_is_not_made_anew(place: Place) -> None:
    ledger = add(place)
    place[0].unlink()
    is_refused(lambda: Ledger(*place), "there is no ledger at")
    is_refused(lambda: ledger.add([a_draw("2026-04")], LIMIT, NOW), "put back the newest copy")
    assert not place[0].exists()


@pytest.mark.parametrize("length", [0, 10, 100, 5000])
def test_a_truncated_one(place: Place, length: int) -> None:
    ledger = add(place, *(a_draw(f"2026-{month:02}", rho=0.01) for month in range(1, 9)))
    whole = place[0].read_bytes()
    place[0].write_bytes(whole[:length])
    is_refused(lambda: Ledger(*place), "is damaged")
    is_refused(lambda: ledger.add([a_draw("2026-09")], LIMIT, NOW), "put back the newest copy")
    assert place[0].read_bytes() == whole[:length]


_REPLACED = (
    "UPDATE entries SET entry = CAST(replace(CAST(entry AS TEXT), '{}', '{}') AS BLOB) "
    "WHERE number = 1"
)
EDITS = {
    "a cheaper entry": _REPLACED.format("0.05", "0.01"),
    "another year": _REPLACED.format("2026", "2027"),
    "an entry that is no entry": "UPDATE entries SET entry = x'00' WHERE number = 1",
    "another digest": "UPDATE entries SET digest = zeroblob(32) WHERE number = 2",
    "an entry less in the middle": "DELETE FROM entries WHERE number = 1",
    "the first entry gone": "DELETE FROM entries WHERE number = 0",
    "no entries at all": "DELETE FROM entries",
    "an entry that was copied": "INSERT INTO entries SELECT 3, entry, digest FROM entries "
    "WHERE number = 2",
    "rows gone": "DELETE FROM cells WHERE draw = 1",
    "rows of nobody": "INSERT INTO cells SELECT 7, rows FROM cells WHERE draw = 1",
    "the last entry gone, its rows not": "DELETE FROM entries WHERE number = 2",
    "another form of file": "PRAGMA user_version = 2",
    "no table of rows": "DROP TABLE cells",
}


@pytest.mark.parametrize("edit", list(EDITS))
def test_an_edited_one(place: Place, edit: str) -> None:
    add(place, a_draw("2026-02"), a_draw("2026-03"))
    change(place, EDITS[edit])
    is_refused(lambda: Ledger(*place), "was tampered with")


def test_edited_under_an_open_one_it_is_refused_as_well(place: Place) -> None:
    ledger = add(place, a_draw("2026-02"), a_draw("2026-03"))
    change(place, "DELETE FROM entries WHERE number = 2", "DELETE FROM cells WHERE draw = 2")
    is_refused(lambda: ledger.add([a_draw("2026-03")], LIMIT, NOW), "was tampered with")


def test_edited_rows_are_seen_before_they_are_published(place: Place) -> None:
    add(place, a_draw("2026-02"), a_draw("2026-03"))
    change(place, "UPDATE cells SET rows = (SELECT rows FROM cells WHERE draw = 2) WHERE draw = 1")
    ledger = Ledger(*place)
    assert len(ledger.rows(ledger.draws[1:])) == 1
    is_refused(lambda: ledger.rows(ledger.draws), "was tampered with")


def test_one_of_another_key(place: Place) -> None:
    add(place)
    place[1].write_bytes(Fernet.generate_key())
    is_refused(lambda: Ledger(*place), "belongs to another key")


def test_entries_are_append_only_for_whoever_uses_sql(place: Place) -> None:
    add(place)
    with closing(sqlite3.connect(place[0])) as connection:
        for statement in ("UPDATE entries SET entry = x'00'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_a_copy_is_the_ledger_as_it_is(place: Place, tmp_path: Path) -> None:
    ledger = add(place)
    copied = tmp_path / "copy.sqlite"
    copied.write_bytes(ledger.copy())
    assert Ledger(copied, place[1]).draws == ledger.draws


# ------------------------------------------------------------------------------ beside the releases


POLICY = declared(Rules())


@pytest.fixture
def home(place: Place, tmp_path: Path) -> Settings:
    made = settings_from({}, today=NOW.date(), home=str(tmp_path / "home"))
    made.ledger.parent.mkdir(parents=True)
    shutil.copy(place[0], made.ledger)
    return replace(made, key_file=place[1])


def release(
    home: Settings, name: str, ledger: Ledger | None, shows: Sequence[Draw] | None = None
) -> None:
    """Put a release there as far as the ledger is concerned: a certificate with its seal.

    shows: the draws in it, all of them where it is not given.
    """
    draws = (ledger.draws if ledger else ()) if shows is None else shows
    folder = home.releases / name
    folder.mkdir(parents=True)
    said = {
        "release": name,
        "created_at": NOW.isoformat(),
        "policy_version": "1",
        "policy_digest": "p",
        "plan": {"digest": "q"},
        "database": "b",
        "checks": [{"check": "all", "passed": True}],
        "registry_seal": "s",
        "ledger_seal": None if ledger is None else ledger.seal(name),
        "budget": None,
        "magnitude": {
            table: {
                "periods": [
                    {"period": draw.period, "content": draw.rows}
                    for draw in draws
                    if draw.table == table
                ]
            }
            for table in {draw.table for draw in draws}
        },
    }
    (folder / "certificate.json").write_text(json.dumps(said), "utf-8")
    link = home.releases / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(name)


def open_it(home: Settings, now: datetime = NOW) -> Ledger:
    opened = drawing.open_ledger(home, POLICY, now)
    assert opened is not None
    return opened


def at_home(home: Settings) -> Place:
    return home.ledger, home.key_file


def test_a_ledger_holds_the_seal_of_every_state_that_it_had(home: Settings) -> None:
    ledger = open_it(home)
    seals = [ledger.seal("R")]
    for month in (1, 2, 3):
        ledger.add([a_draw(f"2026-0{month}")], LIMIT, NOW)
        seals.append(ledger.seal("R"))
    again = open_it(home)
    assert all(again.holds("R", seal) for seal in seals)
    assert len(set(seals)) == 4
    assert not again.holds("another", seals[0])
    assert not again.holds("R", "0" * 64)


def test_one_that_lost_its_last_entry_is_whole_and_older_than_the_release(home: Settings) -> None:
    ledger = open_it(home)
    ledger.add([a_draw("2026-02")], LIMIT, NOW)
    ledger.add([a_draw("2026-03")], LIMIT, NOW)
    release(home, "20260420T093000Z", ledger)
    open_it(home)
    change(
        at_home(home), "DELETE FROM entries WHERE number = 2", "DELETE FROM cells WHERE draw = 2"
    )
    # By itself nobody can tell: the chain is whole.
    assert len(Ledger(*at_home(home)).draws) == 1
    before = home.ledger.read_bytes()
    is_refused(lambda: open_it(home), "is older than the release 20260420T093000Z")
    assert home.ledger.read_bytes() == before


def test_an_older_copy_is_refused(home: Settings) -> None:
    before = home.ledger.read_bytes()
    ledger = open_it(home)
    ledger.add([a_draw("2026-02")], LIMIT, NOW)
    release(home, "20260420T093000Z", ledger)
    home.ledger.write_bytes(before)
    is_refused(lambda: open_it(home), "put back the newest copy")


def test_a_home_that_published_gets_no_new_ledger(home: Settings) -> None:
    ledger = open_it(home)
    ledger.add([a_draw("2026-02")], LIMIT, NOW)
    release(home, "20260420T093000Z", ledger)
    home.ledger.unlink()
    is_refused(lambda: drawing.begin_ledger(home), "put back the newest copy")
    is_refused(lambda: open_it(home), "there is no ledger")
    assert not home.ledger.exists()


def test_a_home_that_never_published_gets_one(home: Settings) -> None:
    home.ledger.unlink()
    release(home, "20260420T093000Z", None)
    drawing.begin_ledger(home)
    assert open_it(home).draws == ()


def test_a_policy_without_tables_of_counts_needs_none(home: Settings) -> None:
    home.ledger.unlink()
    without = POLICY.model_copy(update={"magnitude": {}, "budget": None})
    assert drawing.open_ledger(home, without, NOW) is None
    is_refused(lambda: drawing.open_ledger(home, POLICY, NOW), "clause16 init")


def test_a_clock_that_went_back_is_refused(home: Settings) -> None:
    open_it(home).add([a_draw()], LIMIT, NOW)
    before = home.ledger.read_bytes()
    is_refused(lambda: open_it(home, NOW - timedelta(days=1)), "set the clock")
    assert home.ledger.read_bytes() == before
    # Within a day clocks may differ: periods are closed by the day.
    open_it(home, NOW - timedelta(minutes=4))
    open_it(home, NOW + timedelta(days=1000))


def test_a_ledger_that_knows_of_a_newer_release_than_is_here_is_refused(home: Settings) -> None:
    ledger = open_it(home)
    ledger.add([a_draw()], LIMIT, NOW)
    release(home, "20260420T093000Z", ledger)
    ledger.published(ledger.draws, "20260421T093000Z", NOW)
    is_refused(lambda: open_it(home), "knows of the release 20260421T093000Z")
    release(home, "20260421T093000Z", ledger)
    open_it(home)


def test_what_a_stopped_run_published_is_settled_by_what_is_there(home: Settings) -> None:
    ledger = open_it(home)
    ledger.add([a_draw("2026-01"), a_draw("2026-02"), a_draw("2026-03")], LIMIT, NOW)
    one, other, _ = ledger.draws
    ledger.publishing([other], "20260421T093000Z", NOW)
    release(home, "20260420T093000Z", ledger, [one])
    drawing.settle(ledger, home, NOW)
    states = [draw.state for draw in open_it(home).draws]
    assert states == [State.PUBLISHED, State.PUBLISHING, State.DRAWN]
    drawing.void_overtaken(ledger, lambda _: False, NOW)
    assert [draw.period for draw in open_it(home).draws] == ["2026-01"]


def test_a_copy_from_before_a_release_was_noted_does_not_draw_anew_what_it_published(
    home: Settings,
) -> None:
    ledger = open_it(home)
    ledger.add([a_draw("2026-02")], LIMIT, NOW)
    copy = home.ledger.read_bytes()
    release(home, "20260420T093000Z", ledger)
    ledger.publishing(ledger.draws, "20260420T093000Z", NOW)
    ledger.published(ledger.draws, "20260420T093000Z", NOW)
    home.ledger.write_bytes(copy)
    # As a run does it, after somebody objected.
    with suppress(LedgerError):
        older = open_it(home)
        drawing.settle(older, home, NOW)
        drawing.void_overtaken(older, lambda _: False, NOW)
    assert [draw.period for draw in Ledger(*at_home(home)).draws] == ["2026-02"]


# ----------------------------------------------------------------------------------- what is due


@pytest.mark.parametrize("day", [date(2025, 10, 31), date(1999, 1, 1)])
def test_a_first_period_in_the_future_is_refused(day: date) -> None:
    with pytest.raises(PolicyError, match="is in the future: name one that has begun"):
        drawing.countings(POLICY, hierarchies_of(POLICY), None, day)
