"""The opt-out list: append-only, private, and broken aloud."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.keys import Keys, Purpose
from pipelines.registry import Registry, Seal, create_registry
from transforms.errors import ObjectionError
from transforms.objection import Channel, Objection


def objection(customer_id: str) -> Objection:
    return Objection(customer_id, Channel.EMAIL, datetime(2026, 11, 1, tzinfo=UTC), False)  # noqa: FBT003 - a field


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    registry, key = tmp_path / "registry" / "objections.sqlite", tmp_path / "home.key"
    create_registry(registry, key)
    return registry, key


def test_who_objected_is_excluded_from_then_on(place: tuple[Path, Path]) -> None:
    before = Registry(*place).excluded()
    assert before.customer_ids == frozenset()
    assert Registry(*place).record(objection("4711")) == 1
    after = Registry(*place).excluded()
    assert after.customer_ids == {"4711"}
    assert after.head != before.head


def test_list_and_key_are_their_owners_alone(place: tuple[Path, Path]) -> None:
    assert [stat.S_IMODE(path.stat().st_mode) for path in place] == [0o600, 0o600]
    assert stat.S_IMODE(place[0].parent.stat().st_mode) == 0o700


def test_two_writers_at_once_lose_nothing(place: tuple[Path, Path]) -> None:
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda n: Registry(*place).record(objection(str(n))), range(40)))
    assert Registry(*place).excluded().customer_ids == {str(n) for n in range(40)}


@pytest.mark.parametrize("statement", ["UPDATE events SET channel = 'app'", "DELETE FROM events"])
def test_events_can_only_be_added(place: tuple[Path, Path], statement: str) -> None:
    Registry(*place).record(objection("1"))
    with sqlite3.connect(place[0]) as connection, pytest.raises(sqlite3.Error):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE number = 1",
        "DELETE FROM events WHERE number = 2",
        "UPDATE events SET received_at = '2030-01-01T00:00:00+00:00' WHERE number = 2",
        "UPDATE events SET event = 'withdrawn' WHERE number = 1",
    ],
)
def test_an_event_that_was_changed_or_taken_out_breaks_the_chain(
    place: tuple[Path, Path], statement: str
) -> None:
    for customer_id in ("1", "2", "3"):
        Registry(*place).record(objection(customer_id))
    with sqlite3.connect(place[0]) as connection:
        connection.execute("DROP TRIGGER events_are_never_changed")
        connection.execute("DROP TRIGGER events_are_never_deleted")
        connection.execute(statement)
    with pytest.raises(ObjectionError, match="tampered"):
        Registry(*place).excluded()


def test_the_list_holds_no_identifier_in_clear(place: tuple[Path, Path]) -> None:
    Registry(*place).record(objection("zqidentifierqz"))
    assert b"zqidentifierqz" not in place[0].read_bytes()


def test_a_list_that_lost_its_newest_entries_is_refused(place: tuple[Path, Path]) -> None:
    registry = Registry(*place)
    empty = registry.seal("first", registry.excluded().head)
    registry.record(objection("1"))
    older = place[0].read_bytes()
    registry.record(objection("2"))
    newest = registry.seal("second", registry.excluded(must_hold=[empty]).head)
    assert registry.excluded(must_hold=[newest]).customer_ids == {"1", "2"}
    place[0].write_bytes(older)
    with pytest.raises(ObjectionError, match="older than the release second"):
        registry.excluded(must_hold=[newest])


def test_nobody_adds_to_a_list_that_stands_still(place: tuple[Path, Path]) -> None:
    registry = Registry(*place)
    with ThreadPoolExecutor(1) as writer:
        with registry.standing_still() as head:
            waiting = writer.submit(registry.record, objection("1"))
            assert not wait([waiting], timeout=0.3).done
            assert registry.excluded().head == head
        assert waiting.result() == 1
    assert registry.excluded().head != head


def test_an_empty_list_looks_like_any_other(place: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other" / "objections.sqlite", tmp_path / "other.key"
    create_registry(*other)
    assert Registry(*place).excluded().head != Registry(*other).excluded().head


def test_seals_of_one_state_differ_from_release_to_release(place: tuple[Path, Path]) -> None:
    registry = Registry(*place)
    head = registry.excluded().head
    first, second = registry.seal("first", head), registry.seal("second", head)
    assert first.digest != second.digest
    assert head not in {first.digest, second.digest}
    assert registry.seal("first", head) == first
    assert registry.holds(first)
    # Moved to another release it says nothing any more.
    assert not registry.holds(Seal("second", first.digest))


def test_only_the_key_opens_a_seal(place: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other" / "objections.sqlite", tmp_path / "other.key"
    create_registry(*other)
    registry = Registry(*place)
    sealed = registry.seal("first", registry.excluded().head)
    assert not Registry(*other).holds(sealed)


def test_objections_since_a_state_are_those_recorded_after_it(place: tuple[Path, Path]) -> None:
    registry = Registry(*place)
    states = [registry.seal("r", registry.excluded().head)]
    for customer_id in ("1", "2", "3"):
        registry.record(objection(customer_id))
        states.append(registry.seal("r", registry.excluded().head))
    for known, state in enumerate(states):
        since = [o.customer_id for o in registry.objections(since=state)]
        assert since == ["1", "2", "3"][known:]
    with pytest.raises(ObjectionError, match="older than the release"):
        registry.objections(since=Seal("r", "0" * 64))


def test_a_copy_of_the_list_is_a_list(place: tuple[Path, Path], tmp_path: Path) -> None:
    registry = Registry(*place)
    for customer_id in ("1", "2"):
        registry.record(objection(customer_id))
    content, objections = registry.copy()
    copied = tmp_path / "copy.sqlite"
    copied.write_bytes(content)
    assert objections == 2
    assert Registry(copied, place[1]).excluded() == registry.excluded()


def test_keys_of_two_purposes_are_two_keys(place: tuple[Path, Path]) -> None:
    keys = Keys(place[1])
    assert len({keys.derived(purpose) for purpose in Purpose}) == len(Purpose)
    assert keys.digest(Purpose.SEAL, "x") != keys.digest(Purpose.APPROVAL, "x")
