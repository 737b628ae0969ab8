"""The same bank from DuckDB, Parquet and CSV gives the same release; nothing else is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from end_to_end.program import Here, Home

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sources.duckdb_file import select
from pipelines.sources.folders import ParquetBank
from pipelines.sources.opening import open_bank
from transforms.errors import SourceError
from transforms.policy.roles import Role

HIERARCHIES = DEMO_POLICY.parents[1] / "hierarchies"


def contents(release: Path) -> dict[str, str]:
    document = json.loads((release / "certificate.json").read_text(encoding="utf-8"))
    return {name: table["content"] for name, table in document["tables"].items()}


def exported(bank: str, folder: Path, written: str) -> Path:
    folder.mkdir()
    with duckdb.connect(bank, read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            suffix = written.split()[1].strip("(),").lower()
            connection.execute(f"COPY {table} TO '{folder}/{table}.{suffix}' {written}")
    return folder


def csv_policy(folder: Path, csv: str) -> str:
    text = (
        DEMO_POLICY.read_text(encoding="utf-8")
        .replace("../hierarchies", str(HIERARCHIES))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies"))
    )
    (folder / "policy.toml").write_text(f"{text}\n[csv]\n{csv}\n", encoding="utf-8")
    return str(folder / "policy.toml")


def test_parquet_gives_the_same_release_as_duckdb(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    bank = released_home.source.removeprefix("duckdb://")
    folder = exported(bank, tmp_path / "parquet", "(FORMAT PARQUET)")
    inner = folder / "payments"
    inner.mkdir()
    (folder / "payments.parquet").rename(inner / "part-0.parquet")
    assert released_home.current is not None
    expected = contents(released_home.current)
    done = here(Home(released_home.path, f"parquet://{folder}", str(DEMO_POLICY)), "release")
    assert done.code == 0, done.err
    assert contents(released_home.current) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_csv_gives_the_same_release_as_duckdb(
    released_home: Home, here: Here, tmp_path: Path, encoding: str
) -> None:
    bank = released_home.source.removeprefix("duckdb://")
    folder = exported(bank, tmp_path / "csv", "(FORMAT CSV, DELIMITER ';', HEADER)")
    for path in folder.iterdir():
        path.write_text(path.read_text("utf-8"), encoding)
    policy = csv_policy(tmp_path, f'separator = ";"\nencoding = "{encoding}"')
    home = Home(released_home.path, f"csv://{folder}", policy)
    assert home.current is not None
    expected = contents(home.current)
    planned = here(home, "plan")
    assert planned.code == 0, planned.err
    done = here(home, "release")
    assert done.code == 0, done.err
    assert contents(home.current) == expected


def test_a_csv_in_another_form_than_declared_is_refused(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    bank = released_home.source.removeprefix("duckdb://")
    folder = exported(bank, tmp_path / "csv", "(FORMAT CSV, DELIMITER ';', HEADER)")
    for csv in ('separator = ","', 'separator = ";"\nencoding = "utf-32"'):
        home = Home(released_home.path, f"csv://{folder}", csv_policy(tmp_path, csv))
        done = here(home, "release")
        assert done.code in {10, 11}
        assert done.complaint
    (folder / "customers.csv").write_text("customer_id;kind\n1;natural person;extra;extra\n")
    home = Home(released_home.path, f"csv://{folder}", csv_policy(tmp_path, 'separator = ";"'))
    assert here(home, "release").code == 11


def test_no_query_names_a_hidden_column() -> None:
    policy = load_policy(DEMO_POLICY).policy
    hidden = {Role.FORBIDDEN, Role.IDENTIFIER, Role.UNUSED}
    for table, columns in policy.reads().items():
        query = select(table, columns)
        for name, column in policy.sources[table].columns.items():
            assert (f'"{name}"' in query) == (name in columns)
            assert column.role not in hidden or name not in columns


def test_parquet_reads_no_byte_of_a_hidden_column(released_home: Home, tmp_path: Path) -> None:
    """The hidden columns' chunks are overwritten: who read them would fail, or see noise."""
    bank = released_home.source.removeprefix("duckdb://")
    folder = exported(bank, tmp_path / "parquet", "(FORMAT PARQUET)")
    policy = load_policy(DEMO_POLICY).policy
    reads = policy.reads()["customers"]
    parquet = ParquetBank(folder)
    before = pl.concat(parquet.read("customers", reads))
    path = folder / "customers.parquet"
    blank_chunks(path, keep=set(reads))
    assert pl.concat(parquet.read("customers", reads)).equals(before)
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(path, columns=["first_name", "personal_number", "street"])


def blank_chunks(path: Path, keep: set[str]) -> None:
    content = bytearray(path.read_bytes())
    metadata = pq.read_metadata(path)
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(position)
            if chunk.path_in_schema not in keep:
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                content[start : start + chunk.total_compressed_size] = (
                    b"\xff" * chunk.total_compressed_size
                )
    path.write_bytes(content)


def test_a_source_uri_is_taken_apart_or_refused(tmp_path: Path) -> None:
    for uri in ("bank.duckdb", "duckdb://host/bank", "http:///bank", "csv://", ""):
        with pytest.raises(SourceError):
            open_bank(uri, load_policy(DEMO_POLICY).policy)
    (tmp_path / "a b.duckdb").touch()
    shutil.rmtree(tmp_path)
