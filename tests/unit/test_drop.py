"""The drop folder: each file is taken once, moved when it is on the list, and refused alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.objections import drop, importing
from pipelines.objections.drop import Drop, take_drops
from pipelines.objections.importing import Imported
from pipelines.objections.registry import Registry, create_registry
from transforms.errors import ObjectionError
from transforms.policy.opt_out import Objections

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


class Room:
    """A home with a list and a drop folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "drop"
        create_registry(home / "list.sqlite", home / "key")

    @property
    def registry(self) -> Registry:
        return Registry(self.home / "list.sqlite", self.home / "key")

    def put(self, name: str, *ids: str, at: datetime = LONG_AGO) -> Path:
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        path.write_text("\n".join(["customer_id,received_at", *(f"{n},2026-11-01" for n in ids)]))
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def take(self, now: datetime = NOW, days: int = 30) -> list[Drop]:
        rules = Objections.model_validate({"keep-files": days})
        return take_drops(self.registry, self.folder, rules, now, lambda _: None)

    def ids(self) -> list[str]:
        return [case.keys[0] for case in self.registry.cases(NOW.date(), named=True)]

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder / folder).iterdir())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_the_folders_are_made_private_and_nothing_waits(room: Room) -> None:
    assert room.take() == []
    for folder in (room.folder, room.folder / "done", room.folder / "rejected"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_files_are_taken_in_the_order_of_their_names_and_moved(room: Room) -> None:
    room.put("b.csv", "3")
    room.put("a.csv", "1", "2")
    assert room.take() == [
        Drop("a.csv", Imported(accepted=2)),
        Drop("b.csv", Imported(accepted=1)),
    ]
    assert room.ids() == ["1", "2", "3"]
    assert room.names("done") == ["20261125T120000Z-a.csv", "20261125T120000Z-b.csv"]
    assert room.names("rejected") == []
    assert room.take() == []


def test_a_file_of_the_same_name_takes_nobodys_place(room: Room) -> None:
    for number in "123":
        room.put("a.csv", number)
        room.take()
    assert len(room.names("done")) == 3
    assert {(room.folder / "done" / name).read_text()[-12:-11] for name in room.names("done")} == {
        "1", "2", "3",
    }  # fmt: skip


def test_a_refused_file_moves_aside_with_the_reason_and_stops_nothing(room: Room) -> None:
    (room.put("a.csv")).write_text("no header\n")
    os.utime(room.folder / "a.csv", (0, 0))
    room.put("b.csv", "1")
    refused, taken = room.take()
    assert refused.imported is None
    assert "no column received_at" in str(refused.refused)
    assert taken == Drop("b.csv", Imported(accepted=1))
    assert room.names("rejected") == ["20261125T120000Z-a.csv", "20261125T120000Z-a.csv.why.txt"]
    why = room.folder / "rejected" / "20261125T120000Z-a.csv.why.txt"
    assert why.read_text() == f"{refused.refused}\n"
    assert stat.S_IMODE(why.stat().st_mode) == 0o600


def test_rejected_lines_of_a_good_file_wait_to_be_mended(room: Room) -> None:
    room.put("a.csv", "1", "=2")
    assert room.take() == [Drop("a.csv", Imported(accepted=1, rejected=1))]
    assert room.names("rejected") == ["20261125T120000Z-a.csv"]
    kept = room.folder / "rejected" / "20261125T120000Z-a.csv"
    kept.write_text(kept.read_text().replace("'=2", "2"))
    os.utime(kept, (0, 0))
    kept.rename(room.folder / kept.name)
    assert room.take() == [Drop(kept.name, Imported(accepted=1))]
    assert room.ids() == ["1", "2"]


@pytest.mark.parametrize(
    "name", [".a.csv", "_a.csv", "a.csv.part", "a.tmp", "a.csv.filepart", "A.CSV.PART"]
)
def test_hidden_and_half_written_files_are_left_alone(room: Room, name: str) -> None:
    path = room.put(name, "1")
    assert room.take() == []
    assert path.exists()


@pytest.mark.parametrize("seconds", [0, 4, -4])
def test_a_file_that_was_just_written_waits_for_the_next_time(room: Room, seconds: int) -> None:
    room.put("a.csv", "1", at=NOW - timedelta(seconds=seconds))
    assert room.take() == []
    assert room.take(NOW + timedelta(seconds=10)) == [Drop("a.csv", Imported(accepted=1))]


def test_a_file_to_which_more_is_written_meanwhile_stays(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = room.put("a.csv", "1")

    def slow(*arguments: object) -> Imported:
        done = importing.import_file(*arguments)  # type: ignore[arg-type]
        with path.open("a") as file:
            file.write("\n2,2026-11-01")
        return done

    monkeypatch.setattr(drop, "import_file", slow)
    assert room.take() == []
    monkeypatch.undo()
    os.utime(path, (0, 0))
    assert room.take() == [Drop("a.csv", Imported(accepted=1, known=1))]


def test_a_link_is_refused_and_what_it_leads_to_untouched(room: Room) -> None:
    outside = room.home / "outside.csv"
    room.put("a.csv", "1").rename(outside)
    link = room.folder / "a.csv"
    link.symlink_to(outside)
    os.utime(link, (0, 0), follow_symlinks=False)
    (refused,) = room.take()
    assert "it is a link" in str(refused.refused)
    assert outside.exists()
    assert room.ids() == []


def test_folders_and_pipes_are_refused(room: Room) -> None:
    room.put("a.csv", "1")
    (room.folder / "folder.csv").mkdir()
    os.mkfifo(room.folder / "pipe.csv")
    for name in ("folder.csv", "pipe.csv"):
        os.utime(room.folder / name, (0, 0))
    _, folder, pipe = room.take()
    assert "a folder, a pipe or a device" in str(folder.refused)
    assert "a folder, a pipe or a device" in str(pipe.refused)


def test_a_name_of_any_kind_is_moved_and_said_in_print(room: Room) -> None:
    odd = ["\x1b[2J\n.csv", "x" * 251 + ".csv", "-rf.csv", "done.csv", "\udcff.csv"]
    for name in odd:
        room.put(name, name[:1].encode("utf-8", "replace").hex())
    taken = room.take()
    assert [each.imported for each in taken] == [Imported(accepted=1)] * 5
    assert all(each.name.isprintable() for each in taken)
    assert len(room.names("done")) == 5


class Killed(BaseException):
    """What a test throws where a process would be killed."""


def test_killed_between_import_and_move_a_file_is_moved_the_next_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = room.put("a.csv", "1", "=2")

    def killed(*_: object) -> Path:
        raise Killed

    monkeypatch.setattr(drop, "_move", killed)
    with pytest.raises(Killed):
        room.take()
    assert path.exists()
    monkeypatch.undo()
    later = NOW + timedelta(minutes=1)
    assert room.take(later) == [Drop("a.csv", Imported(known=1, rejected=1))]
    assert room.ids() == ["1"]
    assert room.names("done") == ["20261125T120100Z-a.csv"]


def test_what_a_killed_run_wrote_by_half_is_removed(room: Room) -> None:
    room.take()
    draft = room.folder / "rejected" / ".20261125T110000Z-a.csv.draft"
    draft.write_text("somebody")
    room.take()
    assert not draft.exists()


def test_two_at_once_take_each_file_once(room: Room) -> None:
    for number in range(12):
        room.put(f"{number:02}.csv", str(number))
    with ThreadPoolExecutor(4) as runs:
        taken = [each for run in runs.map(lambda _: room.take(), range(4)) for each in run]
    assert sorted(each.name for each in taken) == [f"{number:02}.csv" for number in range(12)]
    assert [each.imported for each in taken] == [Imported(accepted=1)] * 12
    assert len(room.ids()) == 12


PROGRAM = """
import sys
from datetime import datetime
from pathlib import Path
from pipelines.objections.drop import take_drops
from pipelines.objections.registry import Registry
from transforms.policy.opt_out import Objections
home = Path(sys.argv[1])
registry = Registry(home / "list.sqlite", home / "key")
now = datetime.fromisoformat(sys.argv[2])
print(len(take_drops(registry, home / "drop", Objections(), now, print)))
"""


def test_two_processes_at_once_take_each_file_once(room: Room) -> None:
    for number in range(6):
        room.put(f"{number}.csv", *(str(number * 1000 + n) for n in range(200)))
    command = [sys.executable, "-c", PROGRAM, str(room.home), NOW.isoformat()]
    root = Path(__file__).parents[2]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)
    ]
    said = [int(run.communicate()[0]) for run in runs]
    assert sum(said) == 6
    assert len(room.ids()) == len(set(room.ids())) == 1200


class Broken:
    """A list that is in trouble."""

    def receive(self, *_: object) -> list[int | None]:
        message = "the list is damaged"
        raise ObjectionError(message)

    withdraw_referred = receive


def test_where_the_list_is_in_trouble_everything_still_waits(room: Room) -> None:
    room.put("a.csv", "1")
    with pytest.raises(ObjectionError, match="the list is damaged"):
        take_drops(Broken(), room.folder, Objections(), NOW, lambda _: None)
    assert (room.folder / "a.csv").exists()
    assert room.names("rejected") == []


def test_a_file_at_which_an_engine_fails_stops_nothing_and_says_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.put("a.csv", "1")
    room.put("b.csv", "2")

    def failing(registry: Registry, path: Path, *rest: object) -> Imported:
        if path.name == "a.csv":
            message = "a person's name"
            raise RuntimeError(message)
        return importing.import_file(registry, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(drop, "import_file", failing)
    failed, taken = room.take()
    assert "RuntimeError" in str(failed.refused)
    assert "name" not in str(failed.refused)
    assert taken.imported == Imported(accepted=1)


def test_taken_files_are_deleted_after_their_days_and_others_never(room: Room) -> None:
    room.put("a.csv", "1")
    room.take()
    (room.folder / "done" / "mine.csv").write_text("")
    room.put("b.csv", "2")
    room.take(NOW + timedelta(days=29))
    assert len(room.names("done")) == 3
    room.take(NOW + timedelta(days=30, seconds=1))
    assert room.names("done") == ["20261224T120000Z-b.csv", "mine.csv"]
    room.take(NOW + timedelta(days=31), days=0)
    assert room.names("done") == ["mine.csv"]


def test_a_folder_that_cannot_be_used_is_said(room: Room) -> None:
    room.folder.write_text("")
    with pytest.raises(ObjectionError, match="cannot be used: check owner and mode"):
        room.take()
