"""Tables of counts and sums by the program: drawn once, whatever happens, and refused aloud."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import Here, Home, Run, change, new_home

from pipelines.magnitude.ledger import Ledger, State
from pipelines.objections.registry import Registry
from pipelines.settings import DEMO_POLICY
from pipelines.verifier import verify
from transforms.objection import Channel, Identifiers, Received

TABLES = """
[budget]
rho = 10

[magnitude.payments]
meaning = "Payments"
source = "payments"
share = 0.5
cells = 2
events = 2

[magnitude.payments.period]
column = "booked_at"
unit = "week"
first = "2026-W10"
closes-after = 5

[magnitude.payments.by]
direction = { column = "direction", values = ["in", "out"], meaning = "Which way" }

[magnitude.payments.sums.amount]
column = "amount"
unit = "EUR"
meaning = "How much"
cap = 300
currency = "currency"
rates = { CHF = 1.06, USD = 0.92, GBP = 1.17, ALL = 0.0101 }

[magnitude.logins]
meaning = "Logins"
source = "logins"
share = 0.5
cells = 1
events = 2

[magnitude.logins.period]
column = "logged_in_at"
unit = "month"
first = "2026-02"
closes-after = 5

[magnitude.logins.by]
channel = { column = "channel", values = ["mobile", "web"], others = "other", meaning = "How" }
"""
FIRST, LATER = date(2026, 9, 8), date(2026, 10, 1)
"""On the first day weeks 10 to 35 are closed, and August; on the later one weeks 36 to 38, too."""


def policy_text() -> str:
    own = DEMO_POLICY.read_text(encoding="utf-8").partition("\n[budget]")[0]
    return own.replace('"../', f'"{DEMO_POLICY.parents[1]}/') + TABLES


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, small_bank: Path) -> Home:
    """A home with a plan, and nothing released yet."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "policy.toml").write_text(policy_text(), "utf-8")
    shutil.copy(small_bank, folder / "bank.duckdb")
    # The customers were born and came some years earlier, so that the days of runs may be earlier.
    columns = ("date_of_birth", "opened_on")
    earlier = (f"{column} = ({column} - INTERVAL 3 YEAR)::DATE" for column in columns)
    change(folder / "bank.duckdb", f"UPDATE customers SET {', '.join(earlier)}")
    home = new_home(folder, f"duckdb://{folder / 'bank.duckdb'}", str(folder / "policy.toml"))
    done = home.run("plan", "--as-of", str(FIRST))
    assert done.code == 0, done.err
    return home


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, planned: Home) -> Home:
    """A home with one release."""
    home = copied(planned, tmp_path_factory.mktemp("once"))
    done = home.run("release", "--json", "--as-of", str(FIRST))
    assert done.code == 0, done.err
    return home


def copied(home: Home, to: Path) -> Home:
    """Return a home over a bank of its own, free to be broken."""
    shutil.copytree(home.path, to / "home", symlinks=True)
    shutil.copy(home.path.with_name("home.key"), to / "home.key")
    shutil.copy(str(home.policy), to / "policy.toml")
    shutil.copy(home.source.removeprefix("duckdb://"), to / "bank.duckdb")
    return Home(to / "home", f"duckdb://{to / 'bank.duckdb'}", str(to / "policy.toml"))


@pytest.fixture
def fresh(tmp_path: Path, planned: Home) -> Home:
    return copied(planned, tmp_path)


@pytest.fixture
def released_once(tmp_path: Path, once: Home) -> Home:
    return copied(once, tmp_path)


def bank_of(home: Home) -> Path:
    return Path(home.source.removeprefix("duckdb://"))


def ledger_of(home: Home) -> Ledger:
    return Ledger(ledger_file(home), home.path.with_name("home.key"))


def ledger_file(home: Home) -> Path:
    return home.path / "ledger" / "ledger.sqlite"


def release(home: Home, here: Here, day: date = LATER) -> Path:
    done = here(home, "release", "--json", "--as-of", str(day))
    assert done.code == 0, done.err
    return Path(str(done.answer["directory"]))


Cells = dict[tuple[str, str], list[tuple[object, ...]]]
"""By table and period, the rows in their order."""


def cells_of(release: Path) -> Cells:
    found: Cells = {}
    with duckdb.connect(str(release / "statistics.duckdb"), read_only=True) as connection:
        for table in ("payments", "logins"):
            for row in connection.execute(f"FROM {table}").fetchall():
                found.setdefault((table, str(row[0])), []).append(row)
    return found


def drawn(home: Home) -> Cells:
    """Return what the ledger holds."""
    ledger = ledger_of(home)
    return {
        (draw.table, draw.period): sorted(rows.rows())
        for draw, rows in zip(ledger.draws, ledger.rows(ledger.draws), strict=True)
    }


# ------------------------------------------------------------------------------ drawn once


def test_a_later_release_shows_the_same_cells_and_only_adds_periods(
    released_once: Home, here: Here
) -> None:
    home = released_once
    assert home.current is not None
    first = cells_of(home.current)
    logins = [period for table, period in first if table == "logins"]
    assert logins == [f"2026-0{month}" for month in range(2, 9)]
    assert any(row[2] is not None for rows in first.values() for row in rows)
    payments = [period for table, period in first if table == "payments"]
    assert payments == [f"2026-W{week}" for week in range(10, 36)]
    # Not even what is recorded later, or mended, changes what was published.
    change(bank_of(home), "UPDATE payments SET amount = 1", "DELETE FROM logins")
    again = cells_of(release(home, here, FIRST))
    assert again == first
    later = release(home, here)
    shown = cells_of(later)
    assert {key: rows for key, rows in shown.items() if key in first} == first
    added = shown.keys() - first.keys()
    assert added == {("payments", f"2026-W{week}") for week in (36, 37, 38)}
    assert verify(later / "statistics.duckdb", later / "certificate.json").passed
    assert {draw.state for draw in ledger_of(home).draws} == {State.PUBLISHED}
    # The day that was asked for may go back; what was drawn stays where it is.
    assert cells_of(release(home, here, FIRST)) == shown


def test_a_day_in_the_future_closes_no_period_before_its_time(fresh: Home, here: Here) -> None:
    today = datetime.now(UTC).date()
    shown = release(fresh, here, today + timedelta(days=40))
    periods = {period for _, period in cells_of(shown)}
    assert max(p for p in periods if "W" in p) < (today - timedelta(days=5)).strftime("%G-W%V")


def test_the_rows_of_a_release_are_as_they_were_drawn(once: Home) -> None:
    assert once.current is not None
    shown = cells_of(once.current)
    assert {key: sorted(rows) for key, rows in shown.items()} == drawn(once)
    certificate = json.loads((once.current / "certificate.json").read_text("utf-8"))
    spent = ledger_of(once).spent()
    assert certificate["budget"]["years"]["2026"]["rho"] == pytest.approx(spent[2026], rel=1e-5)
    assert spent[2026] == pytest.approx(26 * 10 * 0.5 / 53 + 7 * 10 * 0.5 / 12)


# --------------------------------------------------------------------- stopped at any moment

POINTS = [
    ("pipelines.build", "count", "before"),
    ("pipelines.build", "count", "after"),
    ("pipelines.magnitude.drawing", "perturbed", "before"),
    ("pipelines.magnitude.drawing", "perturbed", "after"),
    ("pipelines.magnitude.ledger.Ledger", "add", "before"),
    ("pipelines.magnitude.ledger.Ledger", "_append", "before"),
    ("pipelines.magnitude.ledger.Ledger", "_append", "after"),
    ("pipelines.magnitude.ledger.Ledger", "add", "after"),
    ("pipelines.magnitude.drawing", "drawn", "after"),
    ("pipelines.build", "write_database", "before"),
    ("pipelines.build", "write_database", "after"),
    ("pipelines.build", "verify", "before"),
    ("pipelines.build", "verify", "after"),
    ("pipelines.magnitude.ledger.Ledger", "publishing", "before"),
    ("pipelines.magnitude.ledger.Ledger", "publishing", "after"),
    ("pipelines.releases", "hand_over", "before"),
    ("pipelines.releases", "hand_over", "after"),
    ("pathlib.Path", "symlink_to", "before"),
    ("pathlib.Path", "symlink_to", "after"),
    ("pipelines.releases", "sync_folder", "before"),
    ("pipelines.magnitude.ledger.Ledger", "published", "before"),
    ("pipelines.magnitude.ledger.Ledger", "published", "after"),
]
"""Around drawing, ledger and publication, in the order in which a run comes by."""

# Forks a child for each line it is told, so that the imports are paid once; the child runs the
# program and is killed as it comes by the point, as by a lack of memory or a power cut.
PROGRAM_KILLED = """
import importlib, json, os, signal, sys
import pipelines.build, pipelines.cli, pipelines.flows, pipelines.patterns, pipelines.runner

def find(path):
    try:
        return importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)

def kill_at(place, name, when):
    owner = find(place)
    real = getattr(owner, name)
    def killed(*given, **more):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        return answer
    setattr(owner, name, killed)

for line in sys.stdin:
    point, arguments, said = json.loads(line)
    child = os.fork()
    if child == 0:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        if point is not None:
            kill_at(*point)
        os._exit(pipelines.cli.main(arguments))
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass(frozen=True)
class Runs:
    """Runs the program, to be killed at a point or not at all."""

    home: Home
    process: subprocess.Popen[str]
    said: Path

    def __call__(self, point: tuple[str, str, str] | None, day: date) -> int:
        arguments = ["release", "--json", "--as-of", str(day)]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([point, arguments, str(self.said)]), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        Run(code, "", self.said.read_text("utf-8"))
        return code


@contextmanager
def killed_program(home: Home, folder: Path) -> Iterator[Runs]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM_KILLED],
        env=home.settings(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Runs(home, process, folder / "said.txt")
        assert process.stdin is not None
        process.stdin.close()


def readable(home: Home) -> list[Cells]:
    """Return what each release shows that anybody could read."""
    return [cells_of(path.parent) for path in home.path.glob("releases/2*/statistics.duckdb")]


def test_killed_at_any_point_a_run_neither_loses_a_draw_nor_draws_again(
    fresh: Home, tmp_path: Path
) -> None:
    """Each run has a new week to draw, and is killed a little later than the one before."""
    home, first = fresh, dict[tuple[str, str], list[tuple[object, ...]]]()
    day = date(2026, 3, 15)
    with killed_program(home, tmp_path) as run:
        for point in POINTS:
            assert run(point, day) == -signal.SIGKILL, (point, run.said.read_text("utf-8"))
            for cells in (drawn(home), *readable(home)):
                for key, rows in cells.items():
                    assert first.setdefault(key, sorted(rows)) == sorted(rows), (point, key)
            # What was committed once is there for good.
            assert drawn(home) == first, point
            day += timedelta(days=7)
        assert len(first) > 15
        assert run(None, day) == 0
    assert home.current is not None
    last = {key: sorted(rows) for key, rows in cells_of(home.current).items()}
    assert {key: last[key] for key in first} == first
    assert last == drawn(home)
    assert {draw.state for draw in ledger_of(home).draws} == {State.PUBLISHED}
    assert verify(home.current / "statistics.duckdb", home.current / "certificate.json").passed


# ------------------------------------------------------------------- an objection in between


def eligible(home: Home, number: int) -> list[str]:
    with duckdb.connect(str(bank_of(home)), read_only=True) as connection:
        found = connection.execute(
            "SELECT customer_id FROM customers WHERE kind = 'natural person' AND closed_on IS NULL "
            "AND date_of_birth BETWEEN '1970-01-02' AND '2000-01-01' ORDER BY 1 LIMIT ?",
            [number],
        ).fetchall()
    return [str(key) for (key,) in found]


def eighteen_log_in(home: Home) -> list[str]:
    """Leave eighteen customers who log in in August: shown as 20, and without one as 15."""
    keys = eligible(home, 18)
    change(
        bank_of(home),
        f"CREATE TABLE kept AS SELECT DISTINCT ON (customer_id) * REPLACE "
        f"(TIMESTAMP '2026-08-20 12:00' AS logged_in_at, 'web' AS channel, k AS customer_id) "
        f"FROM logins, (SELECT unnest([{', '.join(keys)}]) AS k)",
        "DELETE FROM logins",
        "INSERT INTO logins SELECT * EXCLUDE (k) FROM kept",
        "DROP TABLE kept",
    )
    return keys


def web_logins(release: Path) -> tuple[object, ...]:
    (row,) = (row for row in cells_of(release)["logins", "2026-08"] if row[1] == "web")
    return row[2], row[4]


def object_now(home: Home, key: str) -> None:
    registry = Registry(
        home.path / "registry" / "objections.sqlite", home.path.with_name("home.key")
    )
    now = datetime.now(UTC)
    registry.receive([Received(Identifiers(customer_id=key), Channel.EMAIL, now)], now)


def without_noise(patch: pytest.MonkeyPatch) -> None:
    from pipelines.magnitude import drawing

    patch.setattr(drawing, "discrete_gaussian", lambda cells, _sensitivity, _rho: cells)


@contextmanager
def objecting(
    patch: pytest.MonkeyPatch, module: object, name: str, objects: Callable[[], None]
) -> Iterator[list[int]]:
    """Let somebody object before the first call of a function."""
    real, calls = getattr(module, name), list[int]()

    def overtaken(*given: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            objects()
        return real(*given, **more)

    with patch.context() as inner:
        inner.setattr(module, name, overtaken)
        yield calls


@pytest.mark.parametrize("point", ["count", "verify_staging", "publish"])
def test_whoever_objects_before_anybody_could_read_a_draw_is_not_in_it(
    fresh: Home, here: Here, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    home = fresh
    keys = eighteen_log_in(home)
    here(home, "status")
    from pipelines import build

    without_noise(monkeypatch)
    with objecting(monkeypatch, build, point, lambda: object_now(home, keys[0])) as calls:
        shown = release(home, here, FIRST)
    assert web_logins(shown) == (15, 15)
    drawn_then_voided = point != "count"
    assert len(calls) == 1 + (drawn_then_voided or len(calls) > 1)
    numbers = {draw.number for draw in ledger_of(home).draws}
    assert (min(numbers) > 1) is drawn_then_voided
    # The control: whoever objects afterwards was in it already, and it stays.
    object_now(home, keys[1])
    assert web_logins(release(home, here)) == (15, 15)


def test_the_person_is_seen_where_nobody_objects(
    fresh: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test before."""
    eighteen_log_in(fresh)
    here(fresh, "status")
    without_noise(monkeypatch)
    assert web_logins(release(fresh, here, FIRST)) == (20, 20)


def test_draws_of_a_run_that_was_stopped_are_voided_by_an_objection(
    fresh: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fresh
    keys = eighteen_log_in(home)
    here(home, "status")
    from pipelines import build

    without_noise(monkeypatch)

    def stopped(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(build, "verify_staging", stopped)
        assert here(home, "release", "--as-of", str(FIRST)).code != 0
    waiting = ledger_of(home).draws
    assert {draw.state for draw in waiting} == {State.DRAWN}
    object_now(home, keys[0])
    assert web_logins(release(home, here, FIRST)) == (15, 15)
    assert {draw.number for draw in waiting}.isdisjoint(d.number for d in ledger_of(home).draws)
    published = ledger_of(home).draws
    object_now(home, keys[1])
    release(home, here)
    assert ledger_of(home).draws[: len(published)] == published


@pytest.mark.parametrize("point", [POINTS[18], POINTS[19], POINTS[20]], ids=str)
def test_what_a_killed_run_made_readable_is_not_voided_by_an_objection(
    fresh: Home, here: Here, tmp_path: Path, point: tuple[str, str, str]
) -> None:
    home = fresh
    with killed_program(home, tmp_path) as run:
        assert run(point, FIRST) == -signal.SIGKILL
    (shown,) = readable(home)
    before = ledger_of(home).draws
    assert State.PUBLISHED not in {draw.state for draw in before}
    object_now(home, eligible(home, 1)[0])
    assert cells_of(release(home, here, FIRST)) == shown
    assert [draw.number for draw in ledger_of(home).draws] == [draw.number for draw in before]


# ------------------------------------------------------------------------------- bad input

SECRET = "8086420"  # noqa: S105 - a value that must not be said

BANK = {
    "a direction that nobody listed": (
        f"UPDATE payments SET direction = 'to {SECRET}'",
        10,
        "category direction does not list",
    ),
    "no direction": ("UPDATE payments SET direction = NULL", 10, "category direction"),
    "a currency without a rate": (
        f"UPDATE payments SET currency = '{SECRET}'",
        10,
        "no rate for",
    ),
    "an amount that is not there": (
        "UPDATE payments SET amount = NULL",
        11,
        "payments have no amount",
    ),
    "amounts that are no numbers": (
        "ALTER TABLE payments ALTER amount TYPE DOUBLE USING 'nan'::DOUBLE",
        11,
        "is no amount",
    ),
    "endless amounts": (
        "ALTER TABLE payments ALTER amount TYPE DOUBLE USING '-inf'::DOUBLE",
        11,
        "is no amount",
    ),
    "amounts of thirty digits": (
        f"ALTER TABLE payments ALTER amount TYPE DECIMAL(38, 2) USING {SECRET}{'7' * 23}.00",
        11,
        "is no amount",
    ),
    "amounts as text": ("ALTER TABLE payments ALTER amount TYPE VARCHAR", 11, "payments.amount"),
    "payments of no day": ("UPDATE payments SET booked_at = NULL", 11, "when they were"),
}


def is_refused(home: Home, here: Here, code: int, said: str) -> None:
    """Hold a refusal against what all have."""
    ledger, before = ledger_file(home), home.current
    content = ledger.read_bytes() if ledger.exists() else None
    done = here(home, "release", "--as-of", str(LATER))
    assert done.code == code, done.err
    assert said in done.complaint
    assert SECRET not in done.err + done.out
    assert (ledger.read_bytes() if ledger.exists() else None) == content
    assert home.current == before
    assert home.leftovers == []
    assert before is not None
    assert verify(before / "statistics.duckdb", before / "certificate.json").passed


@pytest.mark.parametrize("what", list(BANK))
def test_a_bank_of_payments_with(released_once: Home, here: Here, what: str) -> None:
    statement, code, said = BANK[what]
    change(bank_of(released_once), statement)
    is_refused(released_once, here, code, said)


POLICY = {
    "no cap": ("cap = 300\n", "", 10, "cap"),
    "a negative cap": ("cap = 300", f"cap = -{SECRET}", 10, "cap"),
    "other bounds than it was published under": ("cap = 300", "cap = 301", 10, "another name"),
    "a first period in the future": ('first = "2026-W10"', 'first = "2099-W01"', 10, "future"),
    "no budget": ("[budget]\nrho = 10\n", "", 10, "need a budget"),
    "a budget that is spent already": ("rho = 10", "rho = 1", 13, "spent already"),
}


@pytest.mark.parametrize("what", list(POLICY))
def test_a_policy_of_payments_with(released_once: Home, here: Here, what: str) -> None:
    old, new, code, said = POLICY[what]
    edit(released_once, old, new)
    is_refused(released_once, here, code, said)


def test_a_cap_below_every_amount(released_once: Home, here: Here) -> None:
    home = released_once
    for old, new in (
        ("[magnitude.payments]", "[magnitude.small]"),
        ("[magnitude.payments.period]", "[magnitude.small.period]"),
        ("[magnitude.payments.by]", "[magnitude.small.by]"),
        ("[magnitude.payments.sums.amount]", "[magnitude.small.sums.amount]"),
        ("cap = 300", "cap = 0.01"),
    ):
        edit(home, old, new)
    is_refused(home, here, 10, "raise the cap")


LEDGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing": (Path.unlink, "there is no ledger"),
    "an empty": (lambda ledger: ledger.write_bytes(b""), "is damaged"),
    "a truncated": (lambda ledger: os.truncate(ledger, 9_000), "is damaged"),
    "an edited": (
        lambda ledger: edited(ledger, "UPDATE entries SET entry = x'7b7d'"),
        "is damaged",
    ),
    "an older": (
        lambda ledger: edited(
            ledger, "DELETE FROM entries WHERE number > 2", "DELETE FROM cells WHERE draw > 2"
        ),
        "is older than the release",
    ),
}


def edited(ledger: Path, *statements: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("DROP TRIGGER entries_are_never_changed")
        connection.execute("DROP TRIGGER entries_are_never_deleted")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("what", list(LEDGERS))
def test_with_such_a_ledger_nothing_is_released(released_once: Home, here: Here, what: str) -> None:
    home = released_once
    spoil, said = LEDGERS[what]
    whole = ledger_file(home).read_bytes()
    spoil(ledger_file(home))
    is_refused(home, here, 13, said)
    # The way out that is said is one.
    ledger_file(home).write_bytes(whole)
    release(home, here)


def edit(home: Home, old: str, new: str) -> None:
    policy = Path(str(home.policy))
    text = policy.read_text("utf-8")
    assert old in text
    policy.write_text(text.replace(old, new, 1), "utf-8")
    # Another policy wants a plan of its own; that is not the matter here.
    (home.path / "plan.json").unlink(missing_ok=True)
