"""From a source URI to an opened bank."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from pipelines.sources.bank import Bank
from transforms.errors import SourceError
from transforms.policy.whole import Policy

FILES = ("duckdb", "parquet", "csv")
SERVERS = ("postgresql", "postgres")


def open_bank(uri: str, policy: Policy) -> Bank:
    """Open a source: `duckdb:///file`, `parquet:///folder`, `csv:///folder` or `postgresql://…`.

    Raises SourceError where the URI is of another form or nothing is there.
    """
    parts = split_uri(uri)
    return _csv(_folder(parts), policy) if parts.scheme == "csv" else _typed(parts, uri)


def is_demo_bank(uri: str) -> bool:
    """Say whether a source is a bank that `clause16 demo` wrote."""
    parts = split_uri(uri)
    if parts.scheme == "csv":
        return False
    bank = _typed(parts, uri)
    try:
        return bank.is_demo()
    finally:
        bank.close()


def file_of(uri: str) -> Path | None:
    """Return the file or folder that a source URI names, None of a server; raises SourceError."""
    parts = split_uri(uri)
    return Path(unquote(parts.path)) if parts.scheme in FILES else None


def told(uri: str) -> str:
    """Return a source URI as it may be shown: of a server, where a password may stand, its kind."""
    scheme = split_uri(uri).scheme
    return f"{scheme}://…" if scheme in SERVERS else uri


def split_uri(uri: str) -> SplitResult:
    """Take a source URI apart; raises SourceError where it is of another form."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme in SERVERS:
        return parts
    if parts.scheme not in FILES or parts.netloc or not parts.path:
        raise SourceError(
            f"{parts.scheme or 'this'} is no source that can be read: give duckdb:///path/to/file, "
            f"parquet:///path/to/folder, csv:///path/to/folder or "
            f"postgresql://user@host:port/database"
        )
    return parts


def _typed(parts: SplitResult, uri: str) -> Bank:
    if parts.scheme in SERVERS:
        from pipelines.sources.postgres import PostgresBank

        return PostgresBank(uri)
    if parts.scheme == "parquet":
        from pipelines.sources.folders import ParquetBank

        return ParquetBank(_folder(parts))
    from pipelines.sources.duckdb_file import DuckDBBank

    return DuckDBBank(_file(parts))


def _csv(folder: Path, policy: Policy) -> Bank:
    from pipelines.sources.folders import CsvBank

    return CsvBank(folder, policy)


def _there(parts: SplitResult) -> Path:
    path = Path(unquote(parts.path))
    try:
        there = path.exists()
    except OSError:
        raise SourceError(
            f"{path} may not be looked at: check its folders' owner and mode"
        ) from None
    if not there:
        raise SourceError(f"there is nothing at {path}: correct --source (or $CLAUSE16_SOURCE)")
    return path


def _file(parts: SplitResult) -> Path:
    path = _there(parts)
    if not path.is_file():
        raise SourceError(f"{path} is no file: name a DuckDB file")
    return path


def _folder(parts: SplitResult) -> Path:
    path = _there(parts)
    if not path.is_dir():
        raise SourceError(f"{path} is not a folder: name the one that holds a file for each table")
    return path
