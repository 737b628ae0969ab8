"""Sources whose names, values or files mean harm: read as they are, or refused in our words."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import policy_fields
from fuzzing import looked_at

from pipelines.draft.drafting import make_draft
from pipelines.draft.sampling import open_sampler
from pipelines.policies import load_policy, read_hierarchy, read_vocabulary
from pipelines.settings import settings_from
from pipelines.sources.bank import Bank
from pipelines.sources.fitting import check_source
from pipelines.sources.opening import open_bank
from pipelines.sql import quoted
from transforms.errors import PolicyError, PrivacyError, SourceError
from transforms.policy.whole import Policy

NAMES = (
    '"; DROP TABLE people; --',
    "'; DROP TABLE people; --",
    "x\nclause16: all is well",
    "x\x1b[2J",
    "\u202egnp.eman",
    "\u200bname",
    "=1+1",
    "../../etc/passwd",
    "%s{0}",
    "é" * 500,
)


def people(*columns: str) -> dict[str, Any]:
    """Return a policy in which the people's table has these columns besides its own."""
    fields = policy_fields()
    declared = fields["sources"]["people"]["columns"]
    declared |= {column: {"role": "unused", "clause": 9} for column in columns}
    return fields


def database(folder: Path, *columns: str) -> Path:
    """Make a bank whose people have these columns besides a key; return its file."""
    path = folder / "bank.duckdb"
    with duckdb.connect(str(path)) as connection:
        named = "".join(f", 'Ana' AS {quoted(column)}" for column in columns)
        connection.execute(f"CREATE TABLE people AS SELECT 1::BIGINT AS id{named}")
    return path


def problems(bank: Bank, policy: Policy) -> list[str]:
    return [str(problem) for problem in check_source(bank, policy)]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_told_by_a_name_that_does_nothing(tmp_path: Path, name: str) -> None:
    path = database(tmp_path, name)
    with closing(open_bank(f"duckdb://{path}", Policy.model_validate(people()))) as bank:
        said = next(line for line in problems(bank, bank_policy()) if "not in the policy" in line)
    assert said.isprintable()
    assert len(said) < 400


def bank_policy() -> Policy:
    return Policy.model_validate(people())


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) <= 128])
@pytest.mark.parametrize("kind", ["duckdb", "parquet"])
def test_a_column_is_read_by_whatever_name_it_has(tmp_path: Path, kind: str, name: str) -> None:
    policy = Policy.model_validate(people(name))
    if kind == "duckdb":
        uri = f"duckdb://{database(tmp_path, name)}"
    else:
        pl.DataFrame({"id": [1], name: ["Ana"]}).write_parquet(tmp_path / "people.parquet")
        uri = f"parquet://{tmp_path}"
    with closing(open_bank(uri, policy)) as bank:
        (batch,) = bank.read("people", ["id", name])
    assert batch.rows() == [(1, "Ana")]


def test_a_table_of_ten_thousand_columns_is_looked_at(tmp_path: Path) -> None:
    columns = [f"c{number}" for number in range(10_000)]
    with closing(open_bank(f"duckdb://{database(tmp_path, *columns)}", bank_policy())) as bank:
        said = problems(bank, bank_policy())
    assert sum("is in the source and not in the policy" in line for line in said) == 10_000


@pytest.mark.parametrize("name", ["..", ".hidden", "a/../b", "x\n.parquet", "people.parquet.bak"])
def test_a_file_of_a_name_that_leads_elsewhere_is_no_table(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bank"
    folder.mkdir()
    pl.DataFrame({"id": [1]}).write_parquet(folder / "people.parquet")
    pl.DataFrame({"id": [2]}).write_parquet(tmp_path / "outside.parquet")
    place = folder / name.replace("/", "_")
    if not place.exists():
        place.symlink_to(tmp_path / "outside.parquet")
    with (
        closing(open_bank(f"parquet://{folder}", bank_policy())) as bank,
        suppress(PrivacyError),
    ):
        assert set(bank.schema()) <= {"people", "x\n"}


def test_a_few_kilobytes_that_stand_for_terabytes_are_refused(tmp_path: Path) -> None:
    long = pa.array(["x" * 1_000_000])
    rows = 200_000
    bomb = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), long)
    table = pa.table(
        {"id": pa.array(range(rows)), "town": bomb.cast(pa.dictionary(pa.int32(), pa.string()))}
    )
    path = tmp_path / "people.parquet"
    pq.write_table(table, path)
    assert path.stat().st_size < 5_000_000
    with (
        closing(open_bank(f"parquet://{tmp_path}", bank_policy())) as bank,
        pytest.raises(SourceError, match="column town holds texts so long"),
    ):
        list(bank.read("people", ["id", "town"]))


def test_texts_that_repeat_are_read_as_they_are(tmp_path: Path) -> None:
    towns = pl.Series("town", ["Peja", None, "Gjilan", "Peja"] * 50_000)
    table = pl.DataFrame({"id": range(200_000), "town": towns})
    table.write_parquet(tmp_path / "people.parquet")
    with closing(open_bank(f"parquet://{tmp_path}", bank_policy())) as bank:
        read = pl.concat(bank.read("people", ["id", "town"]))
    assert read.equals(table)
    assert read.schema["town"] == pl.String


def test_a_value_of_a_megabyte_is_a_value(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": [1, 2], "town": ["x" * 1_000_000, "a\0b"]})
    table.write_parquet(tmp_path / "people.parquet")
    with closing(open_bank(f"parquet://{tmp_path}", bank_policy())) as bank:
        (batch,) = bank.read("people", ["id", "town"])
    assert batch.equals(table)
    shutil.rmtree(tmp_path)


# ------------------------------------------------------------------------- files that are none


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path)


NO_FILE = "a pipe, a device or a link that leads nowhere"
ENDLESS = [pipe, device, circle]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("make", ENDLESS)
def test_a_folder_holds_files_and_nothing_that_never_ends(
    tmp_path: Path, make: Callable[[Path], None], kind: str
) -> None:
    (tmp_path / "part").mkdir()
    for place in (tmp_path / f"people.{kind}", tmp_path / "part" / f"a.{kind}"):
        make(place)

        def opened(_: bytes) -> None:
            with pytest.raises(SourceError, match=NO_FILE):
                open_bank(f"{kind}://{tmp_path}", bank_policy())

        assert looked_at(opened, b"", personal=True) is None
        place.unlink()


@pytest.mark.parametrize("make", ENDLESS)
def test_a_draft_is_of_files_and_of_nothing_that_never_ends(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "people.csv")

    def drafted(_: bytes) -> None:
        with pytest.raises(SourceError, match=NO_FILE):
            open_sampler(f"csv://{tmp_path}")

    assert looked_at(drafted, b"", personal=True) is None


def test_a_database_is_a_file(tmp_path: Path) -> None:
    pipe(tmp_path / "bank.duckdb")
    for place in (tmp_path, tmp_path / "bank.duckdb", Path("/dev/zero")):

        def opened(_: bytes, place: Path = place) -> None:
            with pytest.raises(SourceError, match="is no file"):
                open_bank(f"duckdb://{place}", bank_policy())

        assert looked_at(opened, b"", personal=True) is None


@pytest.mark.parametrize(
    ("named", "make"),
    [
        *(("policy", make) for make in (device, circle)),
        *((named, make) for named in ("hierarchy", "vocabulary") for make in ENDLESS),
    ],
)
def test_what_a_policy_says_stands_in_files(
    tmp_path: Path, make: Callable[[Path], None], named: str
) -> None:
    make(tmp_path / "endless")
    path = tmp_path / "endless"
    read: dict[str, Callable[[], object]] = {
        "policy": lambda: load_policy(path),
        "hierarchy": lambda: read_hierarchy("town", path, ";"),
        "vocabulary": lambda: read_vocabulary("topics", path),
    }

    def loaded(_: bytes) -> None:
        with pytest.raises(PolicyError, match=r"can(not)? be read"):
            read[named]()

    assert looked_at(loaded, b"", personal=True) is None


def drafted_from(folder: Path, written: bytes) -> str:
    (folder / "people.csv").write_bytes(written)
    output = folder / "draft.toml"
    settings = settings_from({}, today=date(2026, 11, 25), home=str(folder / "home"))
    try:
        make_draft(settings, f"csv://{folder}", output)
    except SourceError as error:
        assert not output.exists()
        return str(error)
    return output.read_text(encoding="utf-8")


def test_a_draft_says_what_a_csv_file_is_that_is_none(tmp_path: Path) -> None:
    assert "has no column: is its file empty?" in drafted_from(tmp_path, b"")
    assert "is no text: is it compressed" in drafted_from(tmp_path, gzip.compress(b"id,name\n1,A"))


def test_a_draft_reads_files_of_two_bytes_a_letter_beside_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_bytes(b"kind,town\nx,y\n")
    assert 'encoding = "utf-16"' in drafted_from(tmp_path, "id;name\n1;Zoë\n".encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1257", "utf-16"])
def test_a_row_that_is_too_long_ends_a_draft_with_a_line_and_its_code(
    tmp_path: Path, encoding: str
) -> None:
    rows = "id,name\n" + "1,Žemė\n" * 50_000 + "2,B,C\n" * 9
    (tmp_path / "people.csv").write_bytes(rows.encode(encoding))
    command = [
        *(sys.executable, "-c", "import sys; from pipelines.cli import main; sys.exit(main())"),
        *("draft", "--source", f"csv://{tmp_path}", "--output", str(tmp_path / "d.toml")),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 11, done.stderr
    assert "line 50002 of people.csv: it has 3 fields where the header has 2" in done.stderr
