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

LONG_NUMBER = "long number"
_LONG = r"(?:^|[^0-9.,])[0-9]{6,}(?:[^0-9.,]|$)"
"""An amount has marks between its thousands, or is short."""


def identifiers_in(strings: Iterable[str]) -> frozenset[str]:
    """Return the kinds of identifiers found in the strings, never the strings."""
    texts = pl.Series(list(strings), dtype=pl.String)
    # A postcode may be a place that is published, if enough people live there.
    kinds = frozenset(kind.value for kind in scan(texts) if kind is not Kind.POSTCODE)
    return kinds | ({LONG_NUMBER} if fold(texts).str.contains(_LONG).any() else set())
