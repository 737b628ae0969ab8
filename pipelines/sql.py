"""Names in SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    """Return a text as a string of PostgreSQL, whatever its standard_conforming_strings says."""
    return "E" + literal(text.replace("\\", "\\\\"))
