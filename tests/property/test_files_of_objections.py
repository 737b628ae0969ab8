"""Whatever a file of objections holds: each line is counted once, and no message quotes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipelines.objections.importing import Imported, import_file
from pipelines.objections.judging import judge
from pipelines.objections.lines import ADDED, COLUMNS, guarded, unguarded
from pipelines.objections.registry import Withdrawal
from transforms.errors import PrivacyError
from transforms.objection import Identifiers, Received
from transforms.policy.opt_out import Import

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HEADER = ",".join(COLUMNS)
FORMS = [Import(), Import(encoding="cp1250"), Import(separator=";", date="%d.%m.%Y")]
forms = st.sampled_from(FORMS)


class Remembered:
    """A list that only remembers what it was given."""

    def __init__(self) -> None:
        self.taken: dict[str, Received] = {}

    def receive(self, arrived: Sequence[Received], now: datetime) -> list[int | None]:
        assert now == NOW
        return [self._number(each) for each in arrived]

    def _number(self, each: Received) -> int | None:
        assert each.reference is not None
        assert each.identifiers.suffices
        assert each.received_at <= NOW
        known = each.reference in self.taken
        self.taken.setdefault(each.reference, each)
        return None if known else len(self.taken)

    def withdraw_referred(
        self, withdrawals: Sequence[Withdrawal], now: datetime
    ) -> list[int | None]:
        assert now == NOW
        assert all(each.identity_verified for each in withdrawals)
        return [1 if each.reference in self.taken else None for each in withdrawals]


def take(
    content: bytes, form: Import, registry: Remembered, name: str = "a.csv"
) -> tuple[Imported, bytes]:
    """Import a file; return what became of it, and its rejected lines."""
    with TemporaryDirectory() as folder:
        path, rejected = Path(folder) / name, Path(folder) / "rejected.csv"
        path.write_bytes(content)
        done = import_file(registry, path, form, NOW, rejected, lambda _: None)
        assert {path.name for path in Path(folder).iterdir()} <= {name, "rejected.csv"}
        return done, rejected.read_bytes() if rejected.exists() else b""


def refusal(content: bytes, form: Import, name: str = "a.csv") -> PrivacyError | None:
    """Import a file; return what is said where it is refused. Nothing but ours is raised."""
    try:
        take(content, form, Remembered(), name)
    except PrivacyError as error:
        return error
    return None


# Bytes that mean something to a reader of CSV, and those that mean nothing to anybody.
pieces = st.sampled_from(
    [HEADER.encode(), b"customer_id,received_at", b"customer_id;received_at", b"\n", b"\r\n", b"\r",
     b'"', b'""', b",", b";", b"'", b"=", b"+", b"4711", b"2026-11-01", b"01.11.2026", b"\xeb",
     "ë".encode(), b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"marketing", b"withdrawal", b" ", b"\t"]
)  # fmt: skip
files = st.lists(pieces | st.binary(max_size=8), max_size=60).map(b"".join)
headed = files.map(lambda rest: b"customer_id,received_at,text\n" + rest)


@settings(max_examples=400)
@given(files | headed, forms)
@example(b"customer_id,received_at,text\n1,2026-11-01,\xed\xa0\x80\n", FORMS[0])
def test_any_bytes_are_taken_or_refused_in_our_words(content: bytes, form: Import) -> None:
    refused = refusal(content, form)
    if refused is not None:
        assert refused.exit_code == 12
        assert refused.__context__ is None or refused.__suppress_context__


cells = st.one_of(
    st.sampled_from(["", " ", "4711", "2026-11-01", "=1", "'=1", "marketing", "withdrawal", "yes"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
)
rows = st.lists(st.lists(cells, min_size=1, max_size=len(COLUMNS) + 1), max_size=12)


def written(table: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *table])
    return text.getvalue().encode()


def counted(table: Sequence[Sequence[str]]) -> int:
    return sum(len(row) > 1 or bool(row[0].strip()) for row in table)


@given(rows)
def test_each_line_is_counted_exactly_once(table: list[list[str]]) -> None:
    registry = Remembered()
    try:
        done, rejected = take(written(table), Import(), registry)
    except PrivacyError as error:
        assume("line" not in str(error))
        raise
    assert done.lines == counted(table)
    assert done.accepted == len(registry.taken)
    lines = list(csv.reader(io.StringIO(rejected.decode(), newline="")))
    assert len(lines[1:]) == done.rejected + done.other_rights
    # Whatever was not taken is kept as it was, under the columns it had.
    if lines:
        assert lines[0] == [*ADDED, *COLUMNS]
    assert [[unguarded(cell) for cell in line[2:]] for line in lines[1:]] == [
        [unguarded(cell) for cell in table[place]]
        for place in _places(lines[1:], table)
    ]  # fmt: skip


def _places(lines: list[list[str]], table: list[list[str]]) -> list[int]:
    """Return which rows of a table the rejected lines are, by the numbers of their first lines."""
    number, places = 2, {}
    for place, row in enumerate(table):
        places[number] = place
        text = written([row], [""]).decode().split("\r\n", 1)[1]
        number += len(io.StringIO(text, newline="").readlines())
    return [places[int(line[0])] for line in lines]


@given(rows)
def test_a_file_again_adds_nothing_and_its_rejected_lines_are_rejected_again(
    table: list[list[str]],
) -> None:
    registry = Remembered()
    try:
        first, rejected = take(written(table), Import(), registry)
        second, _ = take(written(table), Import(), registry)
        third, again = take(rejected, Import(), registry) if rejected else (Imported(), b"")
    except PrivacyError as error:
        assume("line" not in str(error))
        raise
    assert second.accepted == 0
    assert second.known + second.withdrawn == first.accepted + first.known + first.withdrawn
    assert (third.rejected, third.other_rights) == (first.rejected, first.other_rights)
    assert [line[1:] for line in csv.reader(io.StringIO(again.decode(), newline=""))] == [
        line[1:] for line in csv.reader(io.StringIO(rejected.decode(), newline=""))
    ]


secrets = st.text("QWXZqwxz", min_size=6, max_size=12)


@given(secrets, files, st.integers(0, 3), forms)
def test_no_message_has_anything_of_the_file_or_its_name_in_it(
    secret: str, noise: bytes, where: int, form: Import
) -> None:
    parts = [noise, b"customer_id,received_at\n", noise, b"\n"]
    parts.insert(where, secret.encode())
    refused = refusal(b"".join(parts), form, f"{secret}.csv")
    assert secret not in str(refused)


@given(st.text(max_size=8))
def test_an_apostrophe_is_put_before_formulas_and_taken_off_again(cell: str) -> None:
    assert not guarded(cell).startswith(tuple("=+-@\t\r\n"))
    assert unguarded(guarded(cell)) == cell or cell.startswith("'")
    assert unguarded(guarded(unguarded(cell))) == unguarded(cell)


given_fields = st.fixed_dictionaries(
    {name: st.sampled_from(["", "x1"]) for name in COLUMNS[1:9] if name != "born"}
    | {"born": st.sampled_from(["", "1980-01-01"])}
)


@given(given_fields)
def test_a_line_is_enough_where_its_identifiers_are(fields: dict[str, str]) -> None:
    born = date(1980, 1, 1) if fields["born"] else None
    said = {name: value or None for name, value in fields.items()}
    identifiers = Identifiers(**said | {"born": born})  # type: ignore[arg-type]
    line = pl.DataFrame([fields | {"received_at": "2026-11-01"}])
    assert (judge(line, Import(), NOW)["because"][0] is None) is identifiers.suffices


@pytest.fixture(scope="module")
def parquet() -> bytes:
    to = io.BytesIO()
    columns = {"customer_id": [str(n) for n in range(50)], "received_at": ["2026-11-01"] * 50}
    pq.write_table(pa.table(columns), to)
    return to.getvalue()


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_parquet_file_is_read_or_refused_in_our_words(
    parquet: bytes, data: st.DataObject
) -> None:
    content = bytearray(parquet)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    refused = refusal(bytes(content), Import(), "a.parquet")
    assert refused is None or refused.exit_code == 12
