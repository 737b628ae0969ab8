"""The opt-out list: append-only, private, and broken aloud."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipelines.keys import Keys, Purpose
from pipelines.objections.chain import Chain
from pipelines.objections.registry import (
    Excluded,
    Registry,
    Seal,
    Withdrawal,
    create_registry,
)
from transforms.errors import ObjectionError
from transforms.objection import (
    Channel,
    Event,
    Ground,
    Identifiers,
    Received,
    Right,
    State,
    Step,
    override,
    withdrawn,
)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
REVIEW = date(2027, 5, 1)

Place = tuple[Path, Path]


def from_customer(key: str, **more: object) -> Received:
    given = Received(Identifiers(customer_id=key), Channel.EMAIL, datetime(2026, 11, 1, tzinfo=UTC))
    return replace(given, **more)  # type: ignore[arg-type]  # fields by name


def from_email(address: str, **more: object) -> Received:
    return from_customer("", identifiers=Identifiers(email=address), **more)


def proof(review_on: date = REVIEW) -> Step:
    return override(Ground.LEGAL_CLAIMS, "file 7", "the DPO", review_on, date(2027, 11, 1), TODAY)


def record(place: Place, *keys: str) -> Registry:
    registry = Registry(*place)
    registry.receive([from_customer(key) for key in keys], NOW)
    return registry


def erase(registry: Registry, number: int) -> None:
    registry.decide([(number, Step(Event.IDENTIFIED))], NOW)
    registry.decide([(number, Step(Event.ERASED, by="the DPO"))], NOW)


def excluded(place: Place, today: date = TODAY) -> Excluded:
    return Registry(*place).excluded(today)


def keys_of(found: Excluded) -> set[str]:
    people = found.people
    return {*people.objected, *people.erased, *people.restricted}


def state(place: Place, number: int, today: date = TODAY) -> State:
    return Registry(*place).case(number, today)[0].state


@pytest.fixture
def place(tmp_path: Path) -> Place:
    registry, key = tmp_path / "registry" / "objections.sqlite", tmp_path / "home.key"
    create_registry(registry, key)
    return registry, key


# ---------------------------------------------------------------------------- who is left out


def test_who_objected_is_excluded_from_then_on(place: Place) -> None:
    before = excluded(place)
    assert keys_of(before) == set()
    assert Registry(*place).receive([from_customer("4711")], NOW) == [1]
    after = excluded(place)
    assert keys_of(after) == {"4711"}
    assert after.head != before.head


def test_whoever_is_found_later_is_excluded_from_then_on(place: Place) -> None:
    registry = Registry(*place)
    registry.receive([from_email("a@b.example")], NOW)
    assert keys_of(excluded(place)) == set()
    assert excluded(place).figures.waiting == 1
    registry.found({1: Step(Event.IDENTIFIED, keys=("7", "8"))}, NOW, seen=1)
    assert keys_of(excluded(place)) == {"7", "8"}
    assert excluded(place).figures.waiting == 0


def test_of_several_candidates_all_are_excluded_until_one_is_named(place: Place) -> None:
    registry = Registry(*place)
    registry.receive([from_email("a@b.example")], NOW)
    registry.decide([(1, Step(Event.MATCHED, keys=("7", "8")))], NOW)
    assert keys_of(excluded(place)) == {"7", "8"}
    registry.decide([(1, Step(Event.IDENTIFIED, keys=("8",), by="the DPO"))], NOW)
    assert keys_of(excluded(place)) == {"8"}


def test_an_override_lets_in_until_its_review_and_no_day_longer(place: Place) -> None:
    registry = record(place, "7")
    registry.decide([(1, Step(Event.IDENTIFIED))], NOW)
    registry.decide([(1, proof())], NOW)
    assert keys_of(excluded(place)) == set()
    (one,) = excluded(place).figures.overrides
    assert (one.objection, one.reference, one.by) == (1, "file 7", "the DPO")
    assert keys_of(excluded(place, REVIEW.replace(day=1, month=4))) == set()
    assert keys_of(excluded(place, REVIEW)) == {"7"}
    assert state(place, 1, REVIEW) is State.REVIEW_DUE
    assert excluded(place, REVIEW).figures.overrides == ()


def test_a_review_that_is_due_is_recorded_once(place: Place) -> None:
    registry = record(place, "7")
    registry.decide([(1, Step(Event.IDENTIFIED))], NOW)
    registry.decide([(1, proof())], NOW)
    due = datetime(2027, 5, 1, 3, tzinfo=UTC)
    assert registry.note_reviews(NOW) == 0
    assert registry.note_reviews(due) == 1
    assert registry.note_reviews(due) == 0
    assert [h.event for h in registry.case(1, TODAY)[1]][-1] is Event.REVIEW_DUE


def test_each_right_leaves_out_and_is_told_apart(place: Place) -> None:
    Registry(*place).receive(
        [from_customer(str(n), right=right) for n, right in enumerate(Right, 1)], NOW
    )
    people = excluded(place).people
    assert [list(keys) for keys in (people.objected, people.erased, people.restricted)] == [
        ["1"],
        ["2"],
        ["3"],
    ]


def test_whom_a_withdrawal_lets_in_again_is_nobody_else(place: Place) -> None:
    registry = record(place, "7", "8")
    registry.decide([(1, withdrawn("the DPO", identity_verified=True))], NOW)
    assert keys_of(excluded(place)) == {"8"}


# ------------------------------------------------------------------------------------ senders


def test_the_same_reference_is_taken_once(place: Place) -> None:
    registry = Registry(*place)
    first = [from_customer(key, reference=f"crm {key}") for key in ("1", "2", "1")]
    assert registry.receive(first, NOW) == [1, 2, None]
    assert Registry(*place).receive([*first, from_customer("3")], NOW) == [None, None, None, 3]
    assert keys_of(excluded(place)) == {"1", "2", "3"}


def test_a_reference_that_two_senders_use_loses_nobody_and_lets_nobody_in(place: Place) -> None:
    registry = Registry(*place)
    assert registry.receive([from_customer("1", reference="17")], NOW) == [1]
    assert registry.receive([from_customer("2", reference="17")], NOW) == [2]
    assert registry.receive([from_customer("2", reference="17")], NOW) == [None]
    back = Withdrawal("17", "crm", identity_verified=True)
    assert registry.withdraw_referred([back], NOW) == [None]
    assert keys_of(excluded(place)) == {"1", "2"}


def test_who_objects_anew_after_taking_it_back_is_left_out_again(place: Place) -> None:
    registry = Registry(*place)
    first = from_customer("1", reference="a")
    registry.receive([first], NOW)
    registry.decide([(1, withdrawn("x", identity_verified=True))], NOW)
    assert registry.receive([first], NOW) == [None]
    assert keys_of(excluded(place)) == set()
    anew = replace(first, received_at=NOW + timedelta(days=1))
    assert registry.receive([anew], NOW + timedelta(days=2)) == [2]
    assert keys_of(excluded(place)) == {"1"}
    back = Withdrawal("a", "crm", identity_verified=True)
    assert registry.withdraw_referred([back], NOW) == [2]
    assert keys_of(excluded(place)) == set()


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        ({"identifiers": Identifiers(customer_id="1")}, [1]),
        ({"identifiers": Identifiers(customer_id="2")}, [None]),
        ({"at": datetime(2026, 11, 1, tzinfo=UTC)}, [1]),
        ({"at": datetime(2026, 10, 1, tzinfo=UTC)}, [None]),
    ],
)
def test_a_withdrawal_of_another_persons_or_a_later_objection_lets_nobody_in(
    place: Place, more: dict[str, object], taken: list[int | None]
) -> None:
    registry = Registry(*place)
    registry.receive([from_customer("1", reference="a")], NOW)
    back = Withdrawal("a", "crm", identity_verified=True, **more)  # type: ignore[arg-type]  # fields by name
    assert registry.withdraw_referred([back], NOW) == taken


def test_what_was_seen_of_an_objection_that_changed_since_changes_nothing(place: Place) -> None:
    """A slow look into the source, while the officer decides who it is."""
    registry = Registry(*place)
    registry.receive([from_email("a@b.example"), from_email("c@d.example")], NOW)
    registry.excluded(TODAY)
    seen = registry.events
    Registry(*place).decide([(1, Step(Event.IDENTIFIED, keys=("8",), by="the DPO"))], NOW)
    stale = {n: Step(Event.IDENTIFIED, keys=("7",)) for n in (1, 2)}
    registry.found(stale, NOW, seen=seen)
    assert keys_of(excluded(place)) == {"8", "7"}
    assert registry.case(1, TODAY)[0].keys == ("8",)
    with pytest.raises(ObjectionError, match="changed meanwhile"):
        registry.decide([(1, Step(Event.IDENTIFIED, keys=("7",)))], NOW, seen=seen)


def test_what_could_not_be_read_again_is_not_written(place: Place) -> None:
    registry = record(place, "1")
    with pytest.raises((ObjectionError, UnicodeError)):
        registry.decide([(1, withdrawn("\udcff", identity_verified=True))], NOW)
    assert keys_of(excluded(place)) == {"1"}


def test_a_token_goes_with_the_key(place: Place) -> None:
    registry = Registry(*place)
    registry.receive([from_customer("1", reference="a"), from_customer("2", reference="b")], NOW)
    erase(registry, 1)
    with sqlite3.connect(place[0]) as connection:
        assert connection.execute("SELECT objection FROM tokens").fetchall() == [(2,)]


def test_a_reference_is_not_kept_in_clear(place: Place) -> None:
    Registry(*place).receive([from_customer("1", reference="zqreferenceqz")], NOW)
    assert b"zqreferenceqz" not in place[0].read_bytes()


def test_a_sender_takes_back_only_what_it_sent_and_that_is_in_force(place: Place) -> None:
    registry = Registry(*place)
    registry.receive([from_customer("1", reference="a"), from_customer("2", reference="b")], NOW)
    back = [Withdrawal(reference, "crm", identity_verified=True) for reference in ("b", "c", "b")]
    assert registry.withdraw_referred(back, NOW) == [2, None, 2]
    # The same file again changes nothing.
    assert registry.withdraw_referred(back, NOW) == [2, None, 2]
    assert [h.event for h in registry.case(2, TODAY)[1]] == [Event.RECEIVED, Event.WITHDRAWN]
    assert keys_of(excluded(place)) == {"1"}
    erase(registry, 1)
    erased = Withdrawal("a", "crm", identity_verified=True)
    assert registry.withdraw_referred([erased], NOW) == [None]


# ------------------------------------------------------------------------------ kept and private


def test_list_and_key_are_their_owners_alone(place: Place) -> None:
    assert [stat.S_IMODE(path.stat().st_mode) for path in place] == [0o600, 0o600]
    assert stat.S_IMODE(place[0].parent.stat().st_mode) == 0o700


def test_two_writers_at_once_lose_nothing(place: Place) -> None:
    with ThreadPoolExecutor(8) as writers:
        numbers = list(
            writers.map(lambda n: Registry(*place).receive([from_customer(str(n))], NOW), range(40))
        )
    assert sorted(number for (number,) in numbers if number) == list(range(1, 41))
    assert keys_of(excluded(place)) == {str(n) for n in range(40)}


def test_two_that_opened_the_list_before_both_write_to_it(place: Place) -> None:
    one, other = Registry(*place), Registry(*place)
    assert one.receive([from_customer("1", reference="a")], NOW) == [1]
    assert other.receive([from_customer("1", reference="a"), from_customer("2")], NOW) == [None, 2]
    assert one.receive([from_customer("3")], NOW) == [3]
    assert keys_of(other.excluded(TODAY)) == {"1", "2", "3"}


@pytest.mark.parametrize("statement", ["UPDATE segments SET events = x''", "DELETE FROM segments"])
def test_events_can_only_be_added(place: Place, statement: str) -> None:
    record(place, "1")
    with sqlite3.connect(place[0]) as connection, pytest.raises(sqlite3.Error):
        connection.execute(statement)


BREAKS = {
    "an event taken out": "DELETE FROM segments WHERE number = 1",
    "the newest taken out and its key left": "DELETE FROM segments WHERE number = 3",
    "the beginning taken out": "DELETE FROM segments WHERE number = 0",
    "a field changed": "UPDATE segments SET events = "
    "CAST(replace(CAST(events AS TEXT), 'received', 'withdrawn') AS BLOB) WHERE number = 2",
    "a digest changed": "UPDATE segments SET digest = zeroblob(32) WHERE number = 2",
    "two exchanged": "UPDATE segments SET number = CASE number WHEN 1 THEN -1 ELSE number END; "
    "UPDATE segments SET number = 1 WHERE number = 2; UPDATE segments SET number = 2 "
    "WHERE number = -1",
    "an event added": "INSERT INTO segments SELECT 4, events, digest FROM segments "
    "WHERE number = 3",
    "a page taken out": "DELETE FROM people",
    "a page changed": "UPDATE people SET sealed = zeroblob(length(sealed))",
    "a page cut off": "UPDATE people SET sealed = substr(sealed, 1, length(sealed) - 1)",
    "a page emptied": "UPDATE people SET sealed = x''",
    "a page moved": "UPDATE people SET page = 1",
    "a page doubled": "INSERT INTO people SELECT 1, sealed FROM people",
    "another format": "PRAGMA user_version = 9",
}


@pytest.mark.parametrize("statement", BREAKS.values(), ids=BREAKS.keys())
def test_a_list_that_was_changed_is_broken(place: Place, statement: str) -> None:
    for key in ("1", "2", "3"):
        record(place, key)
    with sqlite3.connect(place[0]) as connection:
        connection.execute("DROP TRIGGER segments_are_never_changed")
        connection.execute("DROP TRIGGER segments_are_never_deleted")
        connection.executescript(statement)
    with pytest.raises(ObjectionError, match="tampered"):
        Registry(*place).excluded(TODAY)


def test_a_key_that_was_put_back_after_erasing_breaks_the_list(place: Place) -> None:
    registry = record(place, "1")
    with sqlite3.connect(place[0]) as connection:
        (before,) = connection.execute("SELECT sealed FROM people").fetchone()
    erase(registry, 1)
    assert keys_of(excluded(place)) == set()
    with sqlite3.connect(place[0]) as connection:
        connection.execute("UPDATE people SET sealed = ?", (before,))
    with pytest.raises(ObjectionError, match="tampered"):
        Registry(*place).excluded(TODAY)


def test_an_event_that_cannot_follow_breaks_the_list_though_the_chain_holds(place: Place) -> None:
    record(place, "1")
    chain = Chain(place[0], Keys(place[1]).derived(Purpose.CHAIN))
    with chain.opened(writing=True) as connection:
        chain.follow(connection)
        chain.append(connection, [{"event": "review due", "objection": 1, "recorded_at": "x"}])
        connection.commit()
    with pytest.raises(ObjectionError, match="cannot follow"):
        excluded(place)


def page_of(place: Place) -> bytes:
    with sqlite3.connect(place[0]) as connection:
        return bytes(connection.execute("SELECT sealed FROM people").fetchone()[0])


def put_back(place: Place, page: bytes) -> None:
    with sqlite3.connect(place[0]) as connection:
        connection.execute("UPDATE people SET sealed = ?", (page,))


SINCE: dict[str, Callable[[Registry], object]] = {
    "another record was found": lambda r: r.decide(
        [(1, Step(Event.IDENTIFIED, keys=("1", "5")))], NOW
    ),
    "it became clear who it is": lambda r: r.decide(
        [(2, Step(Event.IDENTIFIED, keys=("8",), by="x"))], NOW
    ),
    "the same was found anew": lambda r: r.decide([(1, Step(Event.IDENTIFIED, keys=("1",)))], NOW),
    "somebody was found": lambda r: r.decide([(3, Step(Event.IDENTIFIED, keys=("9",)))], NOW),
    "another objected": lambda r: r.receive([from_customer("6")], NOW),
    "one was erased": lambda r: erase(r, 1),
}
LOOKS: dict[str, Callable[[Place], object]] = {
    "a release": excluded,
    "the look-up": lambda place: Registry(*place).named(TODAY, list(State)),
    "the officer": lambda place: Registry(*place).cases(TODAY),
    "who records": lambda place: Registry(*place).note_reviews(NOW),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("happened", SINCE.values(), ids=SINCE.keys())
def test_a_page_put_back_from_an_older_copy_leaves_nobody_in(
    place: Place, happened: Callable[[Registry], object], look: Callable[[Place], object]
) -> None:
    registry = Registry(*place)
    registry.receive([from_customer("1"), from_email("a@b"), from_email("c@d")], NOW)
    registry.decide([(2, Step(Event.MATCHED, keys=("7", "8")))], NOW)
    older = page_of(place)
    happened(registry)
    newest = page_of(place)
    put_back(place, older)
    with pytest.raises(ObjectionError, match="tampered"):
        look(place)
    # The control: what is noticed is the page, not that somebody wrote.
    put_back(place, newest)
    look(place)


def test_the_key_of_somebody_who_was_never_found_stays_destroyed_too(place: Place) -> None:
    registry = Registry(*place)
    registry.receive([from_email("a@b")], NOW)
    registry.decide([(1, withdrawn("x", identity_verified=True))], NOW)
    older = page_of(place)
    registry.decide([(1, Step(Event.ERASED, by="x"))], NOW)
    put_back(place, older)
    with pytest.raises(ObjectionError, match="tampered"):
        excluded(place)


def test_a_page_from_another_course_of_events_leaves_nobody_in(
    place: Place, tmp_path: Path
) -> None:
    """A list that was restored and went on: as many objections and events, other people."""
    record(place, "1")
    other = tmp_path / "other.sqlite", place[1]
    other[0].write_bytes(place[0].read_bytes())
    record(place, "2")
    record(other, "3")
    assert [keys_of(excluded(each)) for each in (place, other)] == [{"1", "2"}, {"1", "3"}]
    put_back(place, page_of(other))
    with pytest.raises(ObjectionError, match="tampered"):
        excluded(place)


def test_whoever_has_the_list_open_goes_on_with_what_was_checked(place: Place) -> None:
    registry = record(place, "1")
    older = page_of(place)
    registry.decide([(1, Step(Event.IDENTIFIED, keys=("1", "5")))], NOW)
    assert keys_of(registry.excluded(TODAY)) == {"1", "5"}
    put_back(place, older)
    assert keys_of(registry.excluded(TODAY)) == {"1", "5"}
    with pytest.raises(ObjectionError, match="tampered"):
        Registry(*place).excluded(TODAY)


def test_a_write_that_fails_changes_nothing_for_who_tried_it(place: Place) -> None:
    registry = record(place, "1")
    before = place[0].read_bytes()
    unreadable = Step(Event.IDENTIFIED, keys=("7",), by="\udcff")
    with pytest.raises((ObjectionError, UnicodeError)):
        registry.decide([(1, unreadable)], NOW)
    assert place[0].read_bytes() == before
    assert keys_of(registry.excluded(TODAY)) == {"1"}
    registry.receive([from_customer("2")], NOW)
    assert keys_of(registry.excluded(TODAY)) == {"1", "2"} == keys_of(excluded(place))


def test_ids_are_those_that_were_found_whatever_they_are(place: Place) -> None:
    """Also none, an empty one, and letters of any script, over the border of a page."""
    registry = record(place, *map(str, range(1030)))
    found = [("",), ("ë\x1e,\x00", "żó\r"), ("客户 🙂",), ("1", "2", "3"), ("",)]
    numbers = (1, 2, 1024, 1025, 1030)
    steps = [
        (number, Step(Event.IDENTIFIED, keys=keys))
        for number, keys in zip(numbers, found, strict=True)
    ]
    registry.decide(steps, NOW)
    people = excluded(place).people.objected.to_list()
    expected = {number: (str(number - 1),) for number in range(1, 1031)} | dict(
        zip(numbers, found, strict=True)
    )
    assert people == [key for keys in expected.values() for key in keys]


def test_nothing_is_recorded_on_a_list_that_lost_keys(place: Place) -> None:
    record(place, "1")
    with sqlite3.connect(place[0]) as connection:
        older = connection.execute("SELECT sealed FROM people").fetchone()
    record(place, "2")
    with sqlite3.connect(place[0]) as connection:
        connection.execute("UPDATE people SET sealed = ?", older)
    before = place[0].read_bytes()
    with pytest.raises(ObjectionError, match="tampered"):
        record(place, "3")
    assert place[0].read_bytes() == before


@pytest.mark.parametrize("left", [0, 100, 4096, 9000])
def test_a_list_that_was_cut_off_is_broken(place: Place, left: int) -> None:
    record(place, *map(str, range(50)))
    content = place[0].read_bytes()
    assert len(content) > left
    place[0].write_bytes(content[:left])
    with pytest.raises(ObjectionError, match=r"tampered|cannot be used now"):
        Registry(*place).excluded(TODAY)


def test_an_empty_list_belongs_to_its_key_too(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other" / "objections.sqlite", tmp_path / "other.key"
    create_registry(*other)
    with pytest.raises(ObjectionError, match="another key"):
        Registry(place[0], other[1])


def test_a_list_of_an_earlier_version_says_so(place: Place) -> None:
    place[0].unlink()
    with sqlite3.connect(place[0]) as connection:
        connection.execute("CREATE TABLE events (number INTEGER)")
    with pytest.raises(ObjectionError, match="earlier version"):
        Registry(*place)


def test_a_list_of_the_version_before_says_so(place: Place) -> None:
    with sqlite3.connect(place[0]) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(ObjectionError, match="earlier version"):
        Registry(*place)


def test_many_at_once_are_the_same_as_one_after_the_other(place: Place, tmp_path: Path) -> None:
    """Many are written as a Parquet file, few as lines; both are read, and both are checked."""
    one_by_one = tmp_path / "other.sqlite", place[1]
    one_by_one[0].write_bytes(place[0].read_bytes())
    arrived = [
        from_customer("", identifiers=Identifiers(email=f"{n}@b"))
        if n % 3 == 0
        else from_customer(str(n), reference=f"r{n}", identity_verified=n % 2 == 0)
        for n in range(600)
    ]
    Registry(*place).receive(arrived, NOW)
    for first in range(0, len(arrived), 100):
        Registry(*one_by_one).receive(arrived[first : first + 100], NOW)
    beginnings = [
        {bytes(row[0][:4]) for row in sqlite3.connect(each[0]).execute(
            "SELECT events FROM segments WHERE number > 0"
        )}
        for each in (place, one_by_one)
    ]  # fmt: skip
    assert beginnings == [{b"PAR1"}, {b'{"ev'}]
    cases = [Registry(*each).cases(TODAY, named=True) for each in (place, one_by_one)]
    assert cases[0] == cases[1]
    assert keys_of(excluded(place)) == keys_of(excluded(one_by_one))
    assert len(Registry(*place)) == 600 == Registry(*place).events


def test_few_and_many_in_turn_are_read_in_the_order_in_which_they_came(place: Place) -> None:
    for keys in (["a"], [str(n) for n in range(600)], ["b"], ["c"]):
        record(place, *keys)
    cases = Registry(*place).cases(TODAY, named=True)
    assert [case.keys for case in cases] == [
        ("a",),
        *((str(n),) for n in range(600)),
        ("b",),
        ("c",),
    ]
    assert [case.since for case in cases] == [*range(1, 604)]


def test_many_at_once_that_were_changed_are_broken(place: Place) -> None:
    record(place, *map(str, range(600)))
    with sqlite3.connect(place[0]) as connection:
        connection.execute("DROP TRIGGER segments_are_never_changed")
        (content,) = connection.execute("SELECT events FROM segments WHERE number = 1").fetchone()
        assert content.count(b"email") == 1
        connection.execute(
            "UPDATE segments SET events = ? WHERE number = 1",
            (content.replace(b"email", b"phone"),),
        )
    with pytest.raises(ObjectionError, match="tampered"):
        Registry(*place)


def test_a_list_that_somebody_writes_for_too_long_is_not_taken_for_an_empty_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.sqlite.WAITS", 0.1)
    registry = record(place, "1")
    with sqlite3.connect(place[0]) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ObjectionError, match="nothing is lost"):
            registry.excluded(TODAY)
        with pytest.raises(ObjectionError, match="nothing is lost"):
            registry.receive([from_customer("2")], NOW)


def test_the_list_holds_no_identifier_in_clear(place: Place) -> None:
    # Long enough that no ciphertext holds it by chance.
    marks = [f"zq-unmistakable-{letter}" for letter in "abcdefgh"]
    one, two, three, four, five, six, seven, _ = marks
    given = Identifiers(one, two, three, four, five, six, date(1961, 2, 3), seven)
    registry = Registry(*place)
    registry.receive([from_customer("", identifiers=given)], NOW)
    registry.decide([(1, Step(Event.IDENTIFIED, keys=(marks[7],), note="zq-unmistakable-i"))], NOW)
    assert b"zq-unmistakable" not in place[0].read_bytes()
    assert b"1961-02-03" not in place[0].read_bytes()
    case, happened = registry.case(1, TODAY)
    assert case.identifiers == given
    assert happened[-1].details["note"] == "zq-unmistakable-i"


def test_erasing_destroys_what_identifies_and_leaves_what_happened(place: Place) -> None:
    registry = record(place, "1", "2")
    erase(registry, 1)
    case, happened = Registry(*place).case(1, TODAY)
    assert (case.keys, case.identifiers) == ((), None)
    assert [h.event for h in happened] == [Event.RECEIVED, Event.IDENTIFIED, Event.ERASED]
    assert happened[0].keys is None
    assert Registry(*place).case(2, TODAY)[0].keys == ("2",)
    assert keys_of(excluded(place)) == {"2"}


def test_an_erased_key_is_in_no_byte_of_the_file_and_is_there_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the sealed page with the key is found before, and is gone after."""
    keys: list[bytes] = []
    monkeypatch.setattr("os.urandom", _remembering(keys))
    registry = record(place, *map(str, range(2000)))
    page = max(keys, key=len)
    with sqlite3.connect(place[0]) as connection:
        sealed = [bytes(row[0]) for row in connection.execute("SELECT sealed FROM people")]
    assert len(page) == 2000 * 32
    samples = [content[start : start + 64] for content in sealed for start in (12, 4096, 20000)]
    before = place[0].read_bytes()
    assert all(sample in before for sample in samples)
    erase(registry, 5)
    after = place[0].read_bytes()
    changed, kept = samples[:3], samples[3:]
    assert not any(sample in after for sample in changed)
    assert all(sample in after for sample in kept)
    assert [path.name for path in place[0].parent.iterdir()] == [place[0].name]


def test_erasing_leaves_no_customer_id_and_its_neighbours_theirs(place: Place) -> None:
    """The control: with the home's key the id is found in the page before, and a live one after."""
    registry = record(place, "zq-erased", "zq-kept")
    registry.decide([(1, Step(Event.IDENTIFIED, keys=("zq-erased", "zq-erased-2")))], NOW)
    assert opened(place).count(b"zq-erased") == 2
    assert b"zq-" not in place[0].read_bytes()
    older = page_of(place)
    assert older[100:164] in place[0].read_bytes()
    erase(registry, 1)
    assert b"zq-erased" not in opened(place)
    assert opened(place).count(b"zq-kept") == 1
    after = place[0].read_bytes()
    assert not any(older[at : at + 16] in after for at in range(0, len(older) - 16, 16))
    assert page_of(place)[100:164] in after
    assert Registry(*place).named(TODAY, list(State)).rows() == [(2, "waiting", "zq-kept")]


def opened(place: Place) -> bytes:
    cipher = AESGCM(Keys(place[1]).derived(Purpose.VAULT))
    page = page_of(place)
    return cipher.decrypt(page[:12], page[12:], b"keys 0")


def _remembering(drawn: list[bytes]) -> Callable[[int], bytes]:
    import secrets

    def draw(number: int) -> bytes:
        drawn.append(secrets.token_bytes(number) if number > 32 else b"")
        return drawn[-1] or secrets.token_bytes(number)

    return draw


# --------------------------------------------------------------------------- states and releases


def test_a_list_that_lost_its_newest_entries_is_refused(place: Place) -> None:
    registry = Registry(*place)
    empty = registry.seal("first", registry.excluded(TODAY).head)
    record(place, "1")
    older = place[0].read_bytes()
    record(place, "2")
    newest = registry.seal("second", registry.excluded(TODAY, must_hold=[empty]).head)
    assert keys_of(registry.excluded(TODAY, must_hold=[newest])) == {"1", "2"}
    place[0].write_bytes(older)
    with pytest.raises(ObjectionError, match="older than the release second"):
        Registry(*place).excluded(TODAY, must_hold=[newest])
    # Nor does who has it open go on as if nothing had happened.
    with pytest.raises(ObjectionError, match="tampered"):
        registry.excluded(TODAY)


def test_nobody_adds_to_a_list_that_stands_still(place: Place) -> None:
    registry = Registry(*place)
    state = registry.seal("r", registry.excluded(TODAY).head)
    with ThreadPoolExecutor(1) as writer:
        with registry.standing_still(state, lambda: TODAY) as nobody_more:
            assert nobody_more
            waiting = writer.submit(record, place, "1")
            assert not wait([waiting], timeout=0.3).done
        waiting.result()
    with registry.standing_still(state, lambda: TODAY) as nobody_more:
        assert not nobody_more


MEANWHILE: dict[str, tuple[bool, Callable[[Registry], object]]] = {
    "another objects": (True, lambda r: r.receive([from_customer("9")], NOW)),
    "another objects and was not found yet": (True, lambda r: r.receive([from_email("x@y")], NOW)),
    "somebody is found": (
        True,
        lambda r: r.decide([(2, Step(Event.IDENTIFIED, keys=("5",)))], NOW),
    ),
    "another record is found": (
        True,
        lambda r: r.decide([(1, Step(Event.IDENTIFIED, keys=("1", "5")))], NOW),
    ),
    "an override falls": (True, lambda r: r.decide([(3, Step(Event.UPHELD, by="x"))], NOW)),
    "nobody is found": (False, lambda r: r.found({}, NOW, seen=9)),
    "one is taken back": (
        False,
        lambda r: r.decide([(1, withdrawn("x", identity_verified=True))], NOW),
    ),
}


@pytest.mark.parametrize(("matters", "happens"), MEANWHILE.values(), ids=MEANWHILE.keys())
def test_what_comes_meanwhile_matters_where_it_leaves_somebody_out(
    place: Place, *, matters: bool, happens: Callable[[Registry], object]
) -> None:
    registry = Registry(*place)
    registry.receive([from_customer("1"), from_email("a@b"), from_customer("3")], NOW)
    registry.found({3: Step(Event.IDENTIFIED), 1: Step(Event.IDENTIFIED)}, NOW, seen=3)
    registry.decide([(3, proof())], NOW)
    state = registry.seal("r", registry.excluded(TODAY).head)
    happens(Registry(*place))
    with registry.standing_still(state, lambda: TODAY) as nobody_more:
        assert nobody_more is not matters
    assert bool(registry.not_respected(state, TODAY)) is matters


def test_a_review_that_falls_due_meanwhile_leaves_somebody_out(place: Place) -> None:
    registry = record(place, "1")
    registry.decide([(1, Step(Event.IDENTIFIED))], NOW)
    registry.decide([(1, proof())], NOW)
    state = registry.seal("r", registry.excluded(TODAY).head)
    with registry.standing_still(state, lambda: REVIEW) as nobody_more:
        assert not nobody_more


def test_an_empty_list_looks_like_any_other(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other" / "objections.sqlite", tmp_path / "other.key"
    create_registry(*other)
    assert excluded(place).head != excluded(other).head


def test_seals_of_one_state_differ_from_release_to_release(place: Place) -> None:
    registry = Registry(*place)
    head = registry.excluded(TODAY).head
    first, second = registry.seal("first", head), registry.seal("second", head)
    assert first.digest != second.digest
    assert head not in {first.digest, second.digest}
    assert registry.seal("first", head) == first
    assert registry.holds(first)
    # Moved to another release it says nothing any more.
    assert not registry.holds(Seal("second", first.digest))


def test_only_the_key_opens_a_seal(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other" / "objections.sqlite", tmp_path / "other.key"
    create_registry(*other)
    registry = Registry(*place)
    sealed = registry.seal("first", registry.excluded(TODAY).head)
    assert not Registry(*other).holds(sealed)


def test_a_release_does_not_respect_what_was_recorded_after_it(place: Place) -> None:
    registry = Registry(*place)
    states = [registry.seal("r", registry.excluded(TODAY).head)]
    for key in ("1", "2", "3"):
        registry.receive([from_customer(key)], NOW)
        states.append(registry.seal("r", registry.excluded(TODAY).head))
    for known, sealed in enumerate(states):
        assert len(registry.not_respected(sealed, TODAY)) == 3 - known
        assert registry.position(sealed) == known
    with pytest.raises(ObjectionError, match="older than the release"):
        registry.not_respected(Seal("r", "0" * 64), TODAY)


def test_days_to_effect_are_those_of_whom_no_release_respected_before(place: Place) -> None:
    registry = Registry(*place)
    received = [datetime(2026, 11, day, 23, tzinfo=UTC) for day in (1, 19, 20)]
    registry.receive([from_customer("1", received_at=received[0])], NOW)
    before = registry.seal("r", registry.excluded(TODAY).head)
    registry.receive(
        [from_customer(str(n), received_at=at) for n, at in enumerate(received, 2)], NOW
    )
    taken = registry.excluded(TODAY, before=before).figures.days_to_effect
    assert taken == {0: 1, 1: 1, 19: 1}


def test_a_copy_of_the_list_is_a_list(place: Place, tmp_path: Path) -> None:
    registry = record(place, "1", "2")
    content, objections = registry.copy()
    copied = tmp_path / "copy.sqlite"
    copied.write_bytes(content)
    assert objections == 2
    assert keys_of(excluded((copied, place[1]))) == {"1", "2"}


def test_what_was_broken_since_it_was_opened_is_not_copied(place: Place) -> None:
    registry = record(place, "1")
    assert registry.copy()[1] == 1
    put_back(place, b"")
    with pytest.raises(ObjectionError, match="tampered"):
        registry.copy()


def test_keys_of_two_purposes_are_two_keys(place: Place) -> None:
    keys = Keys(place[1])
    assert len({keys.derived(purpose) for purpose in Purpose}) == len(Purpose)
    assert keys.digest(Purpose.SEAL, "x") != keys.digest(Purpose.APPROVAL, "x")
