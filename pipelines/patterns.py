"""What looks like an identifier of a person: the last gate of a written release.

Every published string is in a closed vocabulary already, and the verifier proves it; this finds a
vocabulary that was built from people. It is stricter than the gate at the entrance: no label of a
category needs six digits in a row, or a web address.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pipelines.gate.folding import fold
from pipelines.gate.kinds import Kind
from pipelines.gate.scan import scan

_MANY_PEOPLE_S = frozenset({Kind.POSTCODE, Kind.NAME})
"""A postcode or a place called after somebody may be published, if enough people live there."""
LONG_NUMBER = "long number"
_LONG = r"(?:^|[^0-9.,])[0-9]{6,}(?:[^0-9.,]|$)"
"""An amount has marks between its thousands, or is short."""


def identifiers_in(strings: Iterable[str]) -> frozenset[str]:
    """Return the kinds of identifiers found in the strings, never the strings."""
    texts = pl.Series(list(strings), dtype=pl.String)
    kinds = frozenset(kind.value for kind in scan(texts) if kind not in _MANY_PEOPLE_S)
    return kinds | ({LONG_NUMBER} if fold(texts).str.contains(_LONG).any() else set())
