"""Files of objections: each line is counted once, nothing bad is taken, nothing is lost."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.objections import csv_lines, importing, lines, parquet_lines
from pipelines.objections.importing import Imported, import_file
from pipelines.objections.lines import COLUMNS, FileError
from pipelines.objections.registry import Case, Registry, Withdrawal, create_registry
from transforms.errors import ObjectionError, PolicyError
from transforms.objection import OTHER_RIGHTS, Channel, Identifiers, Received, Right, State
from transforms.policy.opt_out import ChannelWord, Import, RightWord

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Room:
    """A list, and a folder of files for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rejected = folder / "rejected.csv"
        create_registry(folder / "list" / "objections.sqlite", folder / "key")

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "list" / "objections.sqlite", self.folder / "key")

    @property
    def cases(self) -> list[Case]:
        return self.registry.cases(NOW.date(), named=True)

    def file(self, content: str | bytes, name: str = "objections.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(
        self, content: str | bytes, form: Import | None = None, name: str = "objections.csv"
    ) -> Imported:
        self.rejected.unlink(missing_ok=True)
        return self.take_file(self.file(content, name), form)

    def take_file(self, path: Path, form: Import | None = None) -> Imported:
        return import_file(
            self.registry, path, form or Import(), NOW, self.rejected, lambda _: None
        )

    def reasons(self) -> list[str]:
        return [row["rejected_because"] for row in self.rejected_rows()]

    def rejected_rows(self) -> list[dict[str, str]]:
        with self.rejected.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def form(**said: object) -> Import:
    return Import.model_validate(said)


def sheet(*rows: dict[str, str], separator: str = ",") -> str:
    """Return a CSV file with all of our columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)  # type: ignore[arg-type]  # the keys are our columns
    return text.getvalue()


GOOD = {"reference": "CRM-1", "customer_id": "4711", "received_at": "2026-11-01"}


def parquet(columns: Mapping[str, object], **options: object) -> bytes:
    to = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), to, **options)
    return to.getvalue()


# ------------------------------------------------------------------------------- what is taken


def test_a_line_says_who_objects_when_and_how(room: Room) -> None:
    person = {
        "customer_id": "4711", "personal_number": "1234567890", "email": "a@example.org",
        "phone": "+383 44 123 456", "iban": "XK051212012345678906", "name": "Arbër Çela",
        "born": "1980-02-29", "text": "I object.\nThank you",
    }  # fmt: skip
    line = person | {
        "channel": "Letter", "received_at": "2026-11-01T10:00:00+02:00",
        "identity_verified": "po", "right": "erasure",
    }  # fmt: skip
    assert room.take(sheet(line)) == Imported(accepted=1)
    (case,) = room.cases
    assert case.identifiers == Identifiers(**(person | {"born": date(1980, 2, 29)}))  # type: ignore[arg-type]
    assert (case.channel, case.right, case.identity_verified) == (
        Channel.LETTER,
        Right.ERASURE,
        True,
    )
    assert case.received_at == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert not room.rejected.exists()


def test_what_a_line_does_not_say_is_what_the_policy_says(room: Room) -> None:
    assert room.take(sheet(GOOD), form(channel="phone")).accepted == 1
    (case,) = room.cases
    assert (case.channel, case.right, case.identity_verified) == (
        Channel.PHONE,
        Right.OBJECTION,
        False,
    )


def test_columns_and_words_are_the_senders_where_the_policy_maps_them(room: Room) -> None:
    crm = form(
        columns={
            "customer_id": "Klienti", "received_at": "Data", "name": ["Emri", "Mbiemri"],
            "born": "Datëlindja", "channel": "Kanali", "right": "E drejta",
            "identity_verified": "Verifikuar", "event": "Lloji",
        },
        channels={"Zyrë": "counter"}, rights={"Fshirje": "erasure"},
        events={"Kërkesë": "objection"},
        yes=["X"], no=["-"], separator=";", date="%d.%m.%Y", timestamp="%d.%m.%Y %H:%M:%S",
    )  # fmt: skip
    content = (
        "KLIENTI ;Emri;Mbiemri;Datëlindja;Kanali;Data;Verifikuar;E drejta;Lloji;Shënim\n"
        "4711;Arben;Krasniqi;01.02.1980;zyrë;03.11.2026 09:30:00;x;FSHIRJE;kërkesë;anything\n"
        ";;Gashi;01.02.1980;app;2026-11-03;;;;\n"
    )
    assert room.take(content, crm) == Imported(accepted=2, ignored_columns=1)
    first, second = room.cases
    assert first.identifiers == Identifiers(
        customer_id="4711", name="Arben Krasniqi", born=date(1980, 2, 1)
    )
    assert (first.channel, first.right, first.identity_verified) == (
        Channel.COUNTER,
        Right.ERASURE,
        True,
    )
    # Nine in the morning in Prishtina is eight in UTC.
    assert first.received_at == datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
    assert second.identifiers == Identifiers(name="Gashi", born=date(1980, 2, 1))


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-01", "2026-10-31T23:00:00"),
        ("2026-07-01", "2026-06-30T22:00:00"),
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00"),
        ("2026-11-01 10:00", "2026-11-01T09:00:00"),
        ("2026-11-01T10:00Z", "2026-11-01T10:00:00"),
        ("2026-11-01T10:00:00.25+05:30", "2026-11-01T04:30:00"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00"),
    ],
)
def test_moments_are_read_in_the_policys_time_zone(room: Room, written: str, utc: str) -> None:
    assert room.take(sheet(GOOD | {"received_at": written})).accepted == 1
    assert room.cases[0].received_at.replace(tzinfo=None) == datetime.fromisoformat(utc)


def test_empty_lines_are_no_lines_and_blanks_around_a_value_are_none_of_it(room: Room) -> None:
    content = "\r\ncustomer_id,received_at\r\n\r\n  4711\u00a0, 2026-11-01 \r\n   \r\n\r\n"
    assert room.take(content) == Imported(accepted=1)
    assert room.cases[0].identifiers == Identifiers(customer_id="4711")


def test_a_header_alone_has_nothing_to_take(room: Room) -> None:
    assert room.take("customer_id,received_at\n") == Imported()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way_and_the_last_one_may_not(room: Room, end: str) -> None:
    content = end.join(["customer_id,received_at", "1,2026-11-01", "2,2026-11-01"])
    assert room.take(content).accepted == 2


def test_a_column_may_stand_anywhere_and_ours_is_found_beside_a_mapped_one(room: Room) -> None:
    mapped = form(columns={"customer_id": "Klienti"})
    assert room.take("received_at,x,customer_id\n2026-11-01,y,4711\n", mapped) == Imported(
        accepted=1, ignored_columns=1
    )


def test_our_words_are_those_of_the_list() -> None:
    assert set(get_args(ChannelWord)) == set(Channel)
    assert set(get_args(RightWord)) == {*Right, *OTHER_RIGHTS}


# -------------------------------------------------------------------------------- what is known


def test_the_same_file_again_is_known(room: Room) -> None:
    content = sheet(GOOD, {"email": "a@example.org", "received_at": "2026-11-01"})
    assert room.take(content).accepted == 2
    assert room.take(content) == Imported(known=2)
    assert len(room.cases) == 2


def test_a_line_without_a_reference_is_known_by_what_it_says(room: Room) -> None:
    line = {"email": "a@example.org", "received_at": "2026-11-01"}
    assert room.take(sheet(line, line, line | {"channel": "app"})) == Imported(accepted=2, known=1)
    # In another order of columns, with blanks and without the empty ones it says the same.
    assert room.take("received_at,email\n2026-11-01T00:00:00+01:00, a@example.org\n").known == 1


def test_two_people_under_one_reference_are_both_left_out(room: Room) -> None:
    content = sheet(GOOD, GOOD | {"customer_id": "4712"}, GOOD | {"channel": "app"})
    assert room.take(content) == Imported(accepted=2, known=1)
    assert [case.keys for case in room.cases] == [("4711",), ("4712",)]
    assert room.take(content) == Imported(known=3)


def test_two_people_under_one_reference_are_seen_over_chunks(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "LINES_A_CHUNK", 2)
    others = [GOOD | {"reference": f"R{n}", "customer_id": str(n)} for n in range(5)]
    assert room.take(sheet(GOOD, *others, GOOD | {"customer_id": "4712"})).accepted == 7


class Killed(BaseException):
    """What a test throws where a process would be killed."""


class KilledAfter:
    """A list whose process is killed at a chunk, before it is taken or right after."""

    def __init__(self, registry: Registry, chunks: int, *, after: bool) -> None:
        self._registry = registry
        self._chunks = chunks
        self._after = after

    def receive(self, arrived: Sequence[Received], now: datetime) -> list[int | None]:
        self._chunks -= 1
        if self._chunks < 0 and not self._after:
            raise Killed
        numbers = self._registry.receive(arrived, now)
        if self._chunks < 0:
            raise Killed
        return numbers

    def __getattr__(self, name: str) -> object:
        return getattr(self._registry, name)


@pytest.mark.parametrize("after", [False, True])
def test_an_import_that_is_killed_half_way_and_run_again_takes_each_line_once(
    room: Room, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    monkeypatch.setattr(csv_lines, "LINES_A_CHUNK", 10)
    rows = [GOOD | {"reference": f"R{n}", "customer_id": str(n)} for n in range(35)]
    rows[3]["customer_id"] = "=3"
    path = room.file(sheet(*rows))
    dying = KilledAfter(room.registry, 2, after=after)
    with pytest.raises(Killed):
        import_file(dying, path, Import(), NOW, room.rejected, lambda _: None)  # type: ignore[arg-type]
    assert not room.rejected.exists()
    taken = len(room.cases)
    assert taken == (29 if after else 19)
    again = room.take_file(path)
    assert again == Imported(accepted=34 - taken, known=taken, rejected=1)
    assert sorted(case.keys for case in room.cases) == sorted(
        (str(n),) for n in range(35) if n != 3
    )


def test_a_draft_that_a_killed_import_left_is_written_anew(room: Room) -> None:
    draft = room.folder / ".rejected.csv.draft"
    draft.write_text("half a li")
    room.take(sheet(GOOD | {"customer_id": "=1"}))
    assert len(room.rejected_rows()) == 1
    assert not draft.exists()


# ----------------------------------------------------------------------------- what is rejected

DEFECTS = {
    "received_at is missing": {"received_at": ""},
    "received_at is no date as the policy writes them": {"received_at": "01/11/2026"},
    "received_at lies in the future": {"received_at": "2026-11-25T12:00:01Z"},
    "received_at lies before 1900": {"received_at": "26-11-01"},
    "born is no date as the policy writes them": {"born": "1980-02-30"},
    "born lies in the future": {"born": "2026-11-26"},
    "born lies before 1900": {"born": "1899-12-31"},
    "channel is a word that nobody mapped": {"channel": "fax"},
    "right is a word that nobody mapped": {"right": "something"},
    "event is a word that nobody mapped": {"event": "update"},
    "identity_verified is neither yes nor no": {"identity_verified": "maybe"},
    "there is nothing to find a person by: a name alone needs the date of birth": {
        "customer_id": "",
        "name": "Arben Krasniqi",
    },
    "customer_id has control characters": {"customer_id": "47\n11"},
    "name has control characters": {"name": "Arben\x07"},
    "text has control characters": {"text": "I object\x1b[2J"},
    "customer_id begins like a formula": {"customer_id": "=4711"},
    "name begins like a formula": {"name": "@SUM(A1)"},
    "phone begins like a formula": {"phone": "+1+cmd|'/c calc'!A1"},
    "iban begins like a formula": {"iban": "-XK05"},
    "text begins like a formula": {"text": "\tI object"},
    "text is longer than 10,000 characters": {"text": "x" * 10_001},
    "email is longer than 320 characters": {"email": "x" * 321},
    "reference is longer than 320 characters": {"reference": "x" * 321},
    "name has characters that were lost before (U+FFFD)": {"name": "Arb\ufffdr"},
    "phone was rounded by a spreadsheet": {"phone": "3.83441E+11"},
    "a withdrawal needs the reference of the objection": {
        "event": "withdrawal",
        "reference": "",
        "identity_verified": "yes",
    },
    "a withdrawal is taken only from somebody whose identity was verified": {"event": "withdrawal"},
    "no objection that could be taken back has this reference": {
        "event": "withdrawal",
        "identity_verified": "yes",
    },
}


@pytest.mark.parametrize("because", DEFECTS)
def test_a_line_that_cannot_be_taken_says_why_and_its_neighbours_are(
    room: Room, because: str
) -> None:
    other = GOOD | {"reference": "CRM-2"}
    content = sheet(other, GOOD | DEFECTS[because], other | {"reference": "CRM-3"})
    assert room.take(content) == Imported(accepted=2, rejected=1)
    assert room.reasons() == [because]
    assert len(room.cases) == 2


def test_what_is_not_read_may_say_anything(room: Room) -> None:
    assert room.take('customer_id,received_at,note\n1,2026-11-01,"=1\x07"\n').accepted == 1


def test_nothing_in_it_is_no_objection(room: Room) -> None:
    assert room.take(sheet({}, GOOD)) == Imported(accepted=1, rejected=1)
    assert room.reasons() == ["there is nothing in it"]


def test_all_that_is_wrong_with_a_line_is_said_at_once(room: Room) -> None:
    room.take(sheet(GOOD | {"right": "fax", "customer_id": "=1", "born": "2030-01-01"}))
    assert "; ".join(room.reasons()) == (
        "customer_id begins like a formula; born lies in the future; right is a word that nobody "
        "mapped"
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"4712", "it has 1 fields where the header has 2"),
        (b"4712,2026-11-01,more", "it has 3 fields where the header has 2"),
        (b"47\xff12,2026-11-01", "it has bytes that are none of the encoding"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_as_it_is(
    room: Room, line: bytes, reason: str
) -> None:
    good = b"".join(b"%d,2026-11-01\n" % n for n in range(30))
    content = b"customer_id,received_at\n" + line + b"\n" + good
    assert room.take(content) == Imported(accepted=30, rejected=1)
    written = room.rejected.read_bytes().splitlines()
    assert written[0] == b'"rejected_line","rejected_because","customer_id","received_at"'
    assert written[1].startswith(b'"2","' + reason.encode())
    assert written[1].replace(b'"', b"").endswith(line)


@pytest.mark.parametrize(
    "field",
    {
        "phone": "+383 (0)44 123-456",
        "customer_id": "-4711",
        "name": "O'Neill",
        "text": "Më hiqni\r\n\tnga statistikat, ju lutem = faleminderit",
        "email": "q@p.example.org",
    }.items(),
)
def test_what_only_looks_odd_is_taken(room: Room, field: tuple[str, str]) -> None:
    assert room.take(sheet(GOOD | dict([field]))).accepted == 1


@pytest.mark.parametrize("right", OTHER_RIGHTS)
def test_another_right_is_kept_apart_and_not_taken(room: Room, right: str) -> None:
    content = sheet(GOOD, GOOD | {"reference": "CRM-2", "right": right, "born": "?"})
    assert room.take(content) == Imported(accepted=1, other_rights=1)
    assert room.reasons() == [OTHER_RIGHTS[right]]


def test_a_senders_word_for_marketing_is_kept_apart_too(room: Room) -> None:
    crm = form(rights={"Reklama": "marketing"})
    assert room.take(sheet(GOOD | {"right": "REKLAMA"}), crm) == Imported(other_rights=1)


def test_five_hundred_lines_with_seven_bad_ones(room: Room) -> None:
    rows = [
        GOOD | {"reference": f"CRM-{n}", "customer_id": str(n), "name": "Arbër"} for n in range(500)
    ]
    bad = {
        17: {"received_at": "yesterday"}, 99: {"channel": "pigeon"}, 100: {"customer_id": "=1"},
        250: {"received_at": "2027-01-01"}, 333: {"customer_id": "", "name": "Arbër"},
        400: {"right": "marketing"}, 499: {"phone": "\x00".replace("\x00", "\x01")},
    }  # fmt: skip
    content = sheet(*(row | bad.get(n, {}) for n, row in enumerate(rows)))
    assert room.take(content) == Imported(accepted=493, rejected=6, other_rights=1)
    assert [int(row["rejected_line"]) - 2 for row in room.rejected_rows()] == sorted(bad)
    assert {case.keys[0] for case in room.cases} == {str(n) for n in range(500) if n not in bad}


# ------------------------------------------------------------------------------------- repairs


def test_rejected_lines_are_their_owners_alone(room: Room) -> None:
    room.take(sheet(GOOD | {"channel": "fax"}))
    assert stat.S_IMODE(room.rejected.stat().st_mode) == 0o600


def test_a_spreadsheet_runs_nothing_of_the_rejected_lines(room: Room) -> None:
    room.take("=1+1,customer_id,received_at\n-2,'=3,2026-11-01\n+383 44 1,@4,2026-11-01\n")
    with room.rejected.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n"))]


def test_mended_lines_come_back_as_they_are(room: Room) -> None:
    bad = GOOD | {"reference": "CRM-2", "channel": "fax", "phone": "+383 44 123 456"}
    content = sheet(GOOD, bad, GOOD | {"reference": "CRM-3", "right": "marketing"})
    assert room.take(content) == Imported(accepted=1, rejected=1, other_rights=1)
    unmended = room.rejected.read_text()
    assert room.take(unmended) == Imported(rejected=1, other_rights=1)
    # What was added is neither kept nor added again.
    header, *_ = room.rejected.read_text().splitlines()
    assert header == unmended.splitlines()[0]
    assert room.take(unmended.replace("fax", "phone")) == Imported(accepted=1, other_rights=1)
    assert room.cases[1].identifiers == Identifiers(customer_id="4711", phone="+383 44 123 456")


def test_a_line_with_too_few_fields_comes_back_in_its_place(room: Room) -> None:
    room.take("customer_id,received_at,email\n4711,2026-11-01\n")
    mended = room.rejected.read_text().replace('"2026-11-01"', '"2026-11-01",""')
    assert room.take(mended) == Imported(accepted=1)


def test_mended_lines_are_written_as_the_file_was(room: Room) -> None:
    albanian = form(encoding="cp1250", separator=";")
    content = "customer_id;name;received_at\n=1;Arbër;2026-11-01\n".encode("cp1250")
    assert room.take(content, albanian).rejected == 1
    mended = room.rejected.read_bytes().replace(b"'=1", b"1")
    assert room.take(mended, albanian) == Imported(accepted=1)
    assert room.cases[0].identifiers == Identifiers(customer_id="1", name="Arbër")


def test_the_same_rejected_lines_again_are_no_trouble_and_others_never_overwritten(
    room: Room,
) -> None:
    bad = sheet(GOOD | {"channel": "fax"})
    room.take(bad)
    kept = room.rejected.read_bytes()
    assert room.take_file(room.file(bad)).rejected == 1
    with pytest.raises(ObjectionError, match="never overwritten"):
        room.take_file(room.file(sheet(GOOD | {"channel": "telex"})))
    assert room.rejected.read_bytes() == kept
    assert not list(room.folder.glob(".*"))


def test_a_folder_that_may_not_be_written_stops_the_import_aloud(room: Room) -> None:
    room.rejected = room.folder / "nowhere" / "rejected.csv"
    with pytest.raises(ObjectionError, match="rejected lines cannot be written"):
        room.take_file(room.file(sheet(GOOD | {"channel": "fax"})))


# --------------------------------------------------------------------------------- withdrawals


def test_a_withdrawal_takes_back_what_its_reference_stands_for(room: Room) -> None:
    back = {"reference": "CRM-1", "event": "withdrawal", "identity_verified": "yes",
            "received_at": "2026-11-02"}  # fmt: skip
    # Wherever it stands, and once.
    content = sheet(back, GOOD, GOOD | {"reference": "CRM-2"}, back)
    assert room.take(content) == Imported(accepted=2, withdrawn=1, known=1)
    assert [case.state for case in room.cases] == [State.WITHDRAWN, State.WAITING]


def test_a_file_of_withdrawals_alone_needs_no_identifiers(room: Room) -> None:
    room.take(sheet(GOOD))
    content = "reference,event,identity_verified,received_at\nCRM-1,withdrawal,yes,2026-11-02\n"
    assert room.take(content) == Imported(withdrawn=1)


def test_withdrawals_do_not_wait_for_the_end_of_a_long_file(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES_A_CHUNK", 1)
    monkeypatch.setattr(csv_lines, "LINES_A_CHUNK", 2)
    back = {"event": "withdrawal", "identity_verified": "yes", "received_at": "2026-11-02"}
    rows = [GOOD | {"reference": f"R{n}"} for n in range(4)]
    pairs = [line for row in rows for line in (row, back | {"reference": row["reference"]})]
    asked: list[int] = []
    real = Registry.withdraw_referred

    def counted(registry: Registry, words: Sequence[Withdrawal], now: datetime) -> object:
        asked.append(len(words))
        return real(registry, words, now)

    monkeypatch.setattr(Registry, "withdraw_referred", counted)
    assert room.take(sheet(*pairs)) == Imported(accepted=4, withdrawn=4)
    assert asked == [1, 1, 1, 1]


# ----------------------------------------------------------------------- what is refused whole


def refused(room: Room, path: Path, message: str, how: Import | None = None) -> None:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(FileError, match=message) as raised:
        room.take_file(path, how)
    assert raised.value.exit_code == 12
    assert not room.cases
    assert not room.rejected.exists()
    assert (path.read_bytes() if path.is_file() else None) == before


ROW = "4711,2026-11-01\n"
REFUSED = {
    "no header": ("\n\n", "has no header"),
    "a person where the header should be": ("4711,2026-11-01\n4712,2026-11-01\n", "no column rec"),
    "no moment": ("customer_id\n1\n", "no column received_at"),
    "nobody to be found": ("received_at,born,name_\n2026-11-01,,\n", "that a person is found by"),
    "a name without birth dates": ("received_at,name\n2026-11-01,x\n", "that a person is found by"),
    "one name twice": (f"customer_id,received_at, Customer_ID\n{ROW}", "the same name"),
    "two unread columns of one name": (f"customer_id,received_at,a,a\n{ROW}", "the same name"),
    "a mark that opens and never closes": (
        f'customer_id,received_at\n{ROW}"{ROW}{ROW}', "line 4: a quotation mark"
    ),
    "a mark within a field": (f'customer_id,received_at\n4"7"11,"x"y\n{ROW}', "line 2: a quot"),
    "whole lines within a field": (
        'text,received_at\n"no,2026-11-01\nplease,2026-11-01\nx",2026-11-01\n', "line 2: .* lost"
    ),
    "a zero byte": ("customer_id,received_at\n47\x0011,2026-11-01\n", "line 2: it has a zero byte"),
    "a line without an end": (f"customer_id,received_at\n{'1' * 2**20}", "longer than a line"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_trusted_is_refused_whole(room: Room, case: str) -> None:
    content, message = REFUSED[case]
    refused(room, room.file(content), message)


def test_a_column_that_the_policy_maps_and_the_file_lacks_refuses_it(room: Room) -> None:
    mapped = form(columns={"phone": "Telefoni"})
    refused(room, room.file(sheet(GOOD).replace("phone", "tel")), "no column for phone", mapped)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-16", "in UTF-16 or"), ("utf-32", "in UTF-16 or"), ("utf-16-le", "it has a zero byte")],
)
def test_a_file_of_wide_characters_is_refused(room: Room, encoding: str, message: str) -> None:
    refused(room, room.file(sheet(GOOD).encode(encoding)), message)


@pytest.mark.parametrize(
    ("encoding", "declared"), [("cp1250", "utf-8"), ("utf-8", "cp1250"), ("cp1250", "ascii")]
)
def test_another_encoding_than_declared_is_refused_and_says_how_to_declare_it(
    room: Room, encoding: str, declared: str
) -> None:
    rows = [GOOD | {"reference": f"R{n}", "name": "Arbër Çela"} for n in range(5)]
    file = room.file(sheet(*rows, GOOD).encode(encoding))
    message = r"encoding under \[objections.import\], or --encoding"
    refused(room, file, message, form(encoding=declared))
    assert room.take_file(file, form(encoding=encoding)).accepted == 6


def test_a_header_in_another_encoding_says_so(room: Room) -> None:
    file = room.file("customer_id,received_at,Shënim\n4711,2026-11-01,\n".encode("cp1250"))
    refused(room, file, "the header is not in utf-8: declare")


@pytest.mark.parametrize("declared", ["utf-8", "cp1250"])
def test_the_mark_of_utf_8_is_accepted_and_said_of_the_rejected_lines_too(
    room: Room, declared: str
) -> None:
    content = sheet(GOOD | {"name": "Arbër"}, GOOD | {"channel": "ë"}).encode("utf-8-sig")
    assert room.take(content, form(encoding=declared)) == Imported(accepted=1, rejected=1)
    assert room.cases[0].identifiers == Identifiers(customer_id="4711", name="Arbër")
    assert room.rejected.read_bytes().startswith(b"\xef\xbb\xbf")
    assert room.take(room.rejected.read_bytes(), form(encoding=declared)) == Imported(rejected=1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "rot13", "no such", "idna", "cp037"])
def test_an_encoding_that_no_line_can_be_found_in_is_none(room: Room, encoding: str) -> None:
    with pytest.raises(PolicyError, match="is no encoding that files of objections"):
        room.take(sheet(GOOD), form(encoding=encoding))


def test_an_unknown_time_zone_is_refused(room: Room) -> None:
    with pytest.raises(PolicyError, match="is no time zone"):
        room.take(sheet(GOOD), form(timezone="Europe/Prishtinna"))


def test_a_folder_an_empty_file_and_none_at_all_are_refused(room: Room) -> None:
    (room.folder / "folder.csv").mkdir()
    refused(room, room.folder / "folder.csv", "no file but a folder")
    refused(room, room.file(""), "the file is empty")
    refused(room, room.folder / "nowhere.csv", "no such file")
    refused(room, room.file(sheet(GOOD), "list.xlsx"), r"neither in \.csv")


def test_a_device_and_a_pipe_are_refused_before_anything_waits_on_them(room: Room) -> None:
    pipe = room.folder / "pipe.csv"
    os.mkfifo(pipe)
    refused(room, pipe, "a pipe or a device")
    refused(room, Path("/dev/zero"), "a pipe or a device")


def test_a_refusal_names_neither_the_file_nor_what_is_in_it(room: Room) -> None:
    file = room.file("Krasniqi,2026-11-01\nGashi,2026-11-01\n", "Arben.csv")
    with pytest.raises(FileError) as raised:
        room.take_file(file)
    assert not [word for word in ("Krasniqi", "Gashi", "Arben") if word in str(raised.value)]


# ------------------------------------------------------------------------------------- Parquet


def test_parquet_says_the_same_as_csv(room: Room) -> None:
    content = parquet(
        {
            "reference": pa.array(["A", "B", None]).dictionary_encode(),
            "customer_id": pa.array([4711, None, None], pa.int64()),
            "email": pa.array([None, "a@example.org", "=1"], pa.large_string()),
            "phone": pa.nulls(3),
            "born": pa.array([date(1980, 2, 29), None, None]),
            "received_at": pa.array([NOW - timedelta(days=2)] * 3, pa.timestamp("ns", "UTC")),
            "identity_verified": pa.array([True, False, None]),
            "secret": pa.array([[1], [2], [3]]),
        }
    )
    done = room.take(content, name="objections.parquet")
    assert done == Imported(accepted=2, rejected=1, ignored_columns=1)
    first, second = room.cases
    assert first.identifiers == Identifiers(customer_id="4711", born=date(1980, 2, 29))
    assert second.identifiers == Identifiers(email="a@example.org")
    assert [case.identity_verified for case in room.cases] == [True, False]
    assert first.received_at == NOW - timedelta(days=2)
    assert room.take(content, name="objections.parquet").known == 2
    # The rejected line comes back as CSV; what nobody asked for was never read.
    assert "secret" not in room.rejected.read_text(encoding="utf-8-sig")
    mended = room.rejected.read_bytes().replace(b"'=1", b"b@example.org")
    assert room.take(mended) == Imported(accepted=1)


def test_times_of_parquet_without_a_zone_are_in_the_policys(room: Room) -> None:
    at = pa.array([datetime(2026, 11, 1, 10), datetime(1, 1, 1)], pa.timestamp("ms"))  # noqa: DTZ001 - that is the point
    content = parquet({"customer_id": ["1", "2"], "received_at": at})
    assert room.take(content, name="a.parquet") == Imported(accepted=1, rejected=1)
    assert room.cases[0].received_at == datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("days", [2**31 - 1, -(2**31)])
def test_a_day_outside_of_any_calendar_is_no_date(room: Room, days: int) -> None:
    when = pa.array([days], pa.int32()).cast(pa.date32())
    room.take(parquet({"customer_id": ["1"], "received_at": when}), name="a.parquet")
    assert room.reasons() == ["received_at is no date as the policy writes them"]


@pytest.mark.parametrize("column", ["customer_id", "received_at"])
@pytest.mark.parametrize("kind", [pa.float64(), pa.binary(), pa.list_(pa.string())])
def test_a_parquet_column_of_another_type_refuses_the_file(
    room: Room, column: str, kind: pa.DataType
) -> None:
    columns = {"customer_id": ["1"], "received_at": ["2026-11-01"]}
    content = parquet({**columns, column: pa.nulls(1, kind)})
    refused(room, room.file(content, "a.parquet"), f"the column for {column} is of a type")


def test_what_is_no_parquet_file_is_refused(room: Room) -> None:
    whole = parquet({"customer_id": ["1"] * 99, "received_at": ["2026-11-01"] * 99})
    for content in (whole[:-20], sheet(GOOD).encode(), b"PAR1PAR1"):
        refused(room, room.file(content, "a.parquet"), "cannot be read as Parquet")
    refused(room, room.file(whole, "a.csv"), "no column")


def test_parquet_text_that_is_not_utf_8_is_refused(room: Room) -> None:
    broken = pa.array([b"Arb\xebr"], pa.binary()).view(pa.string())
    content = parquet({"customer_id": ["1"], "name": broken, "received_at": ["2026-11-01"]})
    refused(room, room.file(content, "a.parquet"), "is all of its text UTF-8")


def test_a_row_group_that_declares_too_much_is_refused_before_it_is_read(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"customer_id": [str(n) for n in range(9999)], "received_at": ["2026-11-01"] * 9999}
    file = room.file(parquet(columns), "a.parquet")
    monkeypatch.setattr(parquet_lines, "LARGEST_ROW_GROUP", 10_000)
    monkeypatch.setattr(parquet_lines.ParquetLines, "_batches", lambda _: pytest.fail("read"))
    refused(room, file, "a row group of the file unpacks to more")
    monkeypatch.setattr(parquet_lines, "LARGEST_ROW_GROUP", 10**9)
    monkeypatch.setattr(parquet_lines, "MOST_LINES", 9998)
    refused(room, file, "more than 9,998 lines")


def test_a_value_that_is_repeated_into_gigabytes_is_refused(room: Room) -> None:
    huge = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["x" * 2**21])
    content = parquet({"customer_id": huge, "received_at": ["2026-11-01"] * 50_000})
    assert len(content) < 2**19
    refused(room, room.file(content, "a.parquet"), "longer than an objection can be")


def test_a_batch_that_says_much_is_cut(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_lines, "LARGEST_CHUNK", 5_000)
    text = pa.array(["x" * 1_000] * 64).dictionary_encode()
    content = parquet({"text": text, "received_at": ["2026-11-01"] * 64})
    seen: list[int] = []
    real = lines.Chunk

    def counted(said: pl.DataFrame, **rest: object) -> lines.Chunk:
        seen.append(said.height)
        return real(said=said, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(parquet_lines, "Chunk", counted)
    done = room.take(content, name="a.parquet")
    assert (done.accepted, done.known) == (1, 63)
    assert max(seen) <= 5
    assert sum(seen) == 64


# -------------------------------------------------------------------------- size and progress


def test_a_chunk_is_bounded_by_characters_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "LARGEST_CHUNK", 300)
    rows = [GOOD | {"reference": f"R{n}", "text": "x" * 100} for n in range(20)]
    with lines.regular_file(room.file(sheet(*rows))) as file:
        chunks = list(csv_lines.CsvLines(file, Import()).chunks())
    assert [number for chunk in chunks for number in chunk.lines] == list(range(2, 22))
    assert max(chunk.said.height for chunk in chunks) <= 3


def test_progress_is_told_every_ten_seconds_and_says_nobody(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "LINES_A_CHUNK", 2)
    rows = [GOOD | {"reference": f"R{n}", "customer_id": str(n)} for n in range(12)]
    said: list[str] = []
    ticks: Iterator[float] = iter(range(0, 1000, 3))
    path = room.file(sheet(*rows))
    clock = lambda: next(ticks)  # noqa: E731 - a clock of three seconds a look
    import_file(room.registry, path, Import(), NOW, room.rejected, said.append, clock)
    assert said[0] == "8 lines read, 8 objections taken"
    assert len(said) == 1


def test_sums_are_sums() -> None:
    one = Imported(1, 2, 3, 4, 5, 6)
    assert one + replace(one, accepted=10) == Imported(11, 4, 6, 8, 10, 12)
    assert one.lines == 15
