"""The last gate: what looks like an identifier is seen, what is a category is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines.patterns import identifiers_in


@pytest.mark.parametrize(
    "text",
    [
        "ana@example.com",
        "XK051212012345678906",
        "xk05 1212 0123 4567 8906",
        "+383 44 123 456",
        "1234567890",
        "AB1234567",
        "192.168.10.24",
        "4111 1111 1111 1111",
        "paid by ana@example.com on Monday",
    ],
)
def test_an_identifier_is_seen(text: str) -> None:
    assert identifiers_in(["Prishtinë district", text])


@pytest.mark.parametrize(
    "text",
    ["under 18", "35-54", "65 and over", "1,000 to under 1,500", "20,000 and over", "Prizren", "*"],
)
def test_a_category_is_none(text: str) -> None:
    assert not identifiers_in([text])


def test_plain_categories_do_not_import_presidio() -> None:
    script = (
        "import sys; from pipelines.patterns import identifiers_in; "
        "assert not identifiers_in(['1,000 to under 1,500', 'Gjilan district']); "
        "sys.exit('presidio_analyzer' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
