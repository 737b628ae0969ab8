"""Folders of files as a real bank exports them: declared in the policy, never guessed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest
from builders import policy_fields
from end_to_end.program import Here, Home

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sources.folders import CsvBank, ParquetBank
from transforms.errors import PolicyError, SourceError
from transforms.policy.whole import Policy
from transforms.steps.conform import broken_counts, conform

HIERARCHIES = DEMO_POLICY.parents[1] / "hierarchies"


def contents(home: Home) -> dict[str, str]:
    assert home.current is not None
    document = json.loads((home.current / "certificate.json").read_text(encoding="utf-8"))
    return {name: table["content"] for name, table in document["tables"].items()}


def bank_of(home: Home) -> str:
    return home.source.removeprefix("duckdb://")


def tables(bank: str) -> list[str]:
    with duckdb.connect(bank, read_only=True) as connection:
        return [
            name
            for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        ]


def policy_file(folder: Path, *, change: Callable[[str], str]) -> str:
    text = (
        DEMO_POLICY.read_text(encoding="utf-8")
        .replace("../hierarchies", str(HIERARCHIES))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies"))
    )
    (folder / "policy.toml").write_text(change(text), encoding="utf-8")
    return str(folder / "policy.toml")


def released_from(home: Home, source: str, policy: str, here: Here) -> dict[str, str]:
    other = Home(home.path, source, policy)
    for verb in ("plan", "release"):
        done = here(other, verb)
        assert done.code == 0, done.err
    return contents(other)


# ------------------------------------------------------------------------------------------- CSV


def test_a_folder_in_which_every_file_is_written_otherwise_gives_the_same_release(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    """Windows-1250 and UTF-8 with a mark, semicolons, tabs, decimal commas, three date formats."""
    expected = contents(released_home)
    folder = tmp_path / "csv"
    folder.mkdir()
    bank = bank_of(released_home)
    written = set(tables(bank)) - {"customers", "accounts"}
    with duckdb.connect(bank, read_only=True) as connection:
        for table in written:
            connection.execute(f"COPY {table} TO '{folder}/{table}.csv' (FORMAT CSV, HEADER)")
        customers = connection.sql("SELECT * FROM customers ORDER BY customer_id").pl()
        accounts = connection.sql("SELECT * FROM accounts").pl()
    write_as_windows_writes(customers, folder / "customers.csv")
    write_in_two_parts(accounts, folder / "accounts")

    def declared(text: str) -> str:
        text = text.replace(
            "[sources.customers.columns]",
            '[sources.customers.csv]\nseparator = ";"\nencoding = "windows-1250"\n'
            'decimal = ","\nthousands = "."\ndate = "%d.%m.%Y"\nnull-values = ["", "NULL"]\n\n'
            "[sources.customers.columns]",
        )
        text = text.replace(
            "[sources.customers.columns.opened_on]",
            '[sources.customers.columns.opened_on]\nformat = "%Y/%m/%d"',
        )
        return text.replace(
            "[sources.accounts.columns]",
            '[sources.accounts.csv]\nseparator = "\\t"\ndecimal = ","\ndate = "%m/%d/%Y"\n\n'
            "[sources.accounts.columns]",
        )

    policy = policy_file(tmp_path, change=declared)
    assert released_from(released_home, f"csv://{folder}", policy, here) == expected


def write_as_windows_writes(customers: pl.DataFrame, path: Path) -> None:
    number = pl.col("income").cast(pl.String).str.replace(".", ",", literal=True)
    grouped = number.str.replace(r"(\d)(\d{3},)", "${1}.${2}")
    other_dates = [
        name for name, dtype in customers.schema.items() if dtype == pl.Date and name != "opened_on"
    ]
    assert "date_of_birth" in other_dates
    text = customers.with_columns(
        grouped.alias("income"),
        pl.col("opened_on").dt.strftime("%Y/%m/%d"),
        # A street over two lines, as a form lets people write it.
        pl.concat_str(pl.col("street"), pl.lit('\n"c/o" neighbour; left')).alias("street"),
        *(pl.col(name).dt.strftime("%d.%m.%Y") for name in other_dates),
    ).write_csv(separator=";", null_value="NULL", line_terminator="\r\n")
    assert text.count('""c/o"" neighbour; left') > 1000
    path.write_bytes(text.encode("windows-1250", errors="replace"))
    assert "ë".encode("windows-1250") in path.read_bytes()


def write_in_two_parts(accounts: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    text = accounts.with_columns(
        pl.col("balance").cast(pl.String).str.replace(".", ",", literal=True),
        pl.col("opened_on", "closed_on").dt.strftime("%m/%d/%Y"),
    )
    half = text.height // 2
    for name, part in (("a", text[:half]), ("b", text[half:])):
        body = part.write_csv(separator="\t").encode("utf-8-sig")
        (folder / f"part-{name}.csv").write_bytes(body)


def small_csv(folder: Path, body: bytes) -> CsvBank:
    (folder / "customers.csv").write_bytes(body)
    return CsvBank(folder, load_policy(DEMO_POLICY).policy)


def test_a_broken_line_is_named_by_its_row_and_not_quoted(tmp_path: Path) -> None:
    bank = small_csv(tmp_path, b"customer_id,kind\n1,x\n2,y\n3,CANARY,more\n4,z\n")
    with pytest.raises(SourceError) as caught:
        list(bank.read("customers", ["customer_id"]))
    said = str(caught.value)
    assert "customers, line 4 of customers.csv: it has 3 fields where the header has 2" in said
    assert "CANARY" not in said
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("line", [b"3\n", b'3,"never closed\n'])
def test_a_line_that_is_too_short_or_never_ends_is_refused(tmp_path: Path, line: bytes) -> None:
    bank = small_csv(tmp_path, b"customer_id,kind\n1,x\n2,y\n" + line)
    with pytest.raises(SourceError):
        list(bank.read("customers", ["customer_id", "kind"]))


@pytest.mark.parametrize(
    "rows",
    [
        '1,x\n2,"half\n' + "3,y\n" * 20_000,
        '1,5" tube\n2,"half\n3,x\n4,y\n',
        '1,x\n2,"half\n3,"x"\n4,y\n',
        '1,"ok" tail\n2,"half\n3,x\n',
        '1,x\n2,"half\n' + "3,yyyyyyyy\n" * 20_000 + '4,"z\n',
    ],
)
def test_a_stray_quotation_mark_does_not_swallow_the_rows_after_it(
    tmp_path: Path, rows: str
) -> None:
    bank = small_csv(tmp_path, f"customer_id,kind\n{rows}".encode())
    with pytest.raises(SourceError, match="a quotation mark opens or closes no field there"):
        list(bank.read("customers", ["customer_id"]))


def test_an_inch_within_a_field_is_no_quotation(tmp_path: Path) -> None:
    (batch,) = small_csv(tmp_path, b'customer_id,kind\n1,5" tube\n2,x\n').read(
        "customers", ["kind"]
    )
    assert batch.get_column("kind").to_list() == ['5" tube', "x"]


def test_an_encoding_that_is_none_is_the_policys_matter(tmp_path: Path) -> None:
    policy = load_policy(DEMO_POLICY).policy
    for encoding in ("undefined", "utf\0", "klingon", "hex"):
        form = policy.csv.model_copy(update={"encoding": encoding})
        with pytest.raises(PolicyError, match="is no encoding of text"):
            CsvBank(tmp_path, policy.model_copy(update={"csv": form}))


# ------------------------------------------------------------------------------------- any folder


def parquet(path: Path, rows: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"a": range(rows)}).write_parquet(path)


def test_a_part_behind_a_link_is_read(tmp_path: Path) -> None:
    parquet(tmp_path / "bank" / "t" / "1.parquet", 2)
    parquet(tmp_path / "elsewhere" / "2.parquet", 3)
    (tmp_path / "bank" / "t" / "more").symlink_to(tmp_path / "elsewhere")
    assert sum(batch.height for batch in ParquetBank(tmp_path / "bank").read("t", ["a"])) == 5


def test_what_would_be_read_twice_or_not_at_all_is_refused(tmp_path: Path) -> None:
    twice, other, endless = (tmp_path / name for name in ("twice", "other", "endless"))
    parquet(twice / "t.parquet")
    parquet(twice / "t" / "1.parquet")
    parquet(other / "t" / "1.parquet")
    (other / "t" / "2.parquet.gz").touch()
    parquet(endless / "t" / "1.parquet")
    (endless / "t" / "again").symlink_to(endless / "t")
    for folder, said in (
        (twice, "would be read twice"),
        (other, "no .parquet file"),
        (endless, "lie too deep"),
    ):
        with pytest.raises(SourceError, match=said):
            ParquetBank(folder)


def test_a_files_name_is_not_told(released_home: Home, here: Here, tmp_path: Path) -> None:
    """It may say anything; a database's catalogue does not."""
    parquet(tmp_path / "bank" / "Arben Krasniqi 1980.parquet")
    done = here(Home(released_home.path, f"parquet://{tmp_path}/bank", str(DEMO_POLICY)), "check")
    assert done.code == 11
    assert "file or folder 1 of the source is in the source and not in the policy" in done.err
    assert "Krasniqi" not in done.err


def test_keys_of_two_kinds_of_whole_numbers_are_one(tmp_path: Path) -> None:
    inner = tmp_path / "t"
    inner.mkdir()
    pl.DataFrame({"a": pl.Series([1], dtype=pl.UInt64)}).write_parquet(inner / "1.parquet")
    pl.DataFrame({"a": pl.Series([2], dtype=pl.Int32)}).write_parquet(inner / "2.parquet")
    fields = policy_fields()
    fields["sources"]["people"]["columns"] = {
        **fields["sources"]["people"]["columns"],
        "a": {"role": "link", "clause": 9, "type": "integer"},
    }
    policy = Policy.model_validate(fields)
    keys = [
        conform(batch, "people", policy)["a"] for batch in ParquetBank(tmp_path).read("t", ["a"])
    ]
    assert pl.concat(keys).to_list() == [1, 2]
    huge = conform(pl.DataFrame({"a": pl.Series([2**63], dtype=pl.UInt64)}), "people", policy)
    assert broken_counts(huge) == {"a": 1}


def test_a_text_in_another_encoding_than_declared_is_refused(tmp_path: Path) -> None:
    bank = small_csv(tmp_path, "customer_id,kind\n1,Ferizaj Çarshi\n".encode("windows-1250"))
    with pytest.raises(SourceError, match="encoding"):
        list(bank.read("customers", ["kind"]))


def test_an_empty_table_is_one_empty_batch(tmp_path: Path) -> None:
    (batch,) = small_csv(tmp_path, b"customer_id,kind\n").read("customers", ["kind"])
    assert batch.shape == (0, 1)


def test_blanks_signs_and_line_ends_stay_what_they_are(tmp_path: Path) -> None:
    body = 'customer_id,kind\r\n1," a\r\nb ""c"", d"\r\n2,\r\n'.encode("utf-8-sig")
    (batch,) = small_csv(tmp_path, body).read("customers", ["kind", "customer_id"])
    assert batch.rows() == [(' a\r\nb "c", d', "1"), (None, "2")]


# --------------------------------------------------------------------------------------- Parquet


def test_a_table_in_many_files_and_partitions_gives_the_same_release(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    expected = contents(released_home)
    bank, folder = bank_of(released_home), tmp_path / "parquet"
    folder.mkdir()
    with duckdb.connect(bank, read_only=True) as connection:
        for table in tables(bank):
            written = f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT PARQUET)"
            if table == "customers":
                written = (
                    f"COPY (SELECT *, customer_id % 3 AS branch FROM customers) "
                    f"TO '{folder}/customers' (FORMAT PARQUET, PARTITION_BY (municipality, branch))"
                )
            connection.execute(written)
    (folder / "customers" / "_SUCCESS").touch()
    (folder / "customers" / ".part.parquet.crc").touch()
    (folder / "_delta_log").mkdir()
    assert len(list((folder / "customers").rglob("*.parquet"))) > 60
    policy = policy_file(
        tmp_path,
        change=lambda text: text.replace(
            "[sources.customers.columns]",
            '[sources.customers.columns]\nbranch = { role = "unused", clause = 9 }',
        ),
    )
    assert released_from(released_home, f"parquet://{folder}", policy, here) == expected


def test_files_of_a_table_that_differ_are_refused(tmp_path: Path) -> None:
    inner = tmp_path / "customers"
    inner.mkdir()
    pl.DataFrame({"a": [1]}).write_parquet(inner / "1.parquet")
    pl.DataFrame({"a": ["x"]}).write_parquet(inner / "2.parquet")
    with pytest.raises(SourceError, match="table customers: its files have different columns"):
        ParquetBank(tmp_path).schema()


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_the_data(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut_in_half, damage_the_data, empty])
def test_a_damaged_parquet_file_publishes_nothing_and_is_named(
    released_home: Home, here: Here, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "parquet"
    folder.mkdir()
    with duckdb.connect(bank_of(released_home), read_only=True) as connection:
        for table in tables(bank_of(released_home)):
            connection.execute(f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT PARQUET)")
    home, before = (
        Home(released_home.path, f"parquet://{folder}", str(DEMO_POLICY)),
        released_home.current,
    )
    damage(folder / "customers.parquet")
    done = here(home, "release")
    assert done.code == 11
    assert "table customers cannot be read" in done.complaint
    assert home.current == before
    assert home.leftovers == []


# ---------------------------------------------------------------------------------------- DuckDB


def test_a_duckdb_file_that_another_process_is_writing_is_told_as_such(
    released_home: Home, here: Here
) -> None:
    before = released_home.current
    writing = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writing, bank_of(released_home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        done = here(released_home, "release")
        writer.communicate("")
    assert done.code == 11
    assert "bank.duckdb is being written by another program" in done.complaint
    assert released_home.current == before
    assert here(released_home, "release").code == 0
