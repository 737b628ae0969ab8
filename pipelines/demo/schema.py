"""The tables of the generated bank, their columns and types, and how frames become rows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

# How a reader can tell the demo bank from a real one.
MARK_KEY: Final = "clause16"
MARK_VALUE: Final = "demo bank"

_TEXT = pa.string()
_DAY = pa.date32()
_MONEY = pa.decimal128(14, 2)

TABLES: Final[dict[str, pa.Schema]] = {
    "customers": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("kind", _TEXT),
            ("first_name", _TEXT),
            ("last_name", _TEXT),
            ("company_name", _TEXT),
            ("personal_number", _TEXT),
            ("business_number", _TEXT),
            ("date_of_birth", _DAY),
            ("citizenship", _TEXT),
            ("street", _TEXT),
            ("house_number", _TEXT),
            ("flat", _TEXT),
            ("postcode", _TEXT),
            ("municipality", _TEXT),
            ("email", _TEXT),
            ("phone", _TEXT),
            ("occupation", _TEXT),
            ("employer", _TEXT),
            ("position", _TEXT),
            ("years_of_experience", pa.int32()),
            ("education", _TEXT),
            ("income", pa.decimal128(12, 2)),
            ("assets", _MONEY),
            ("public_function", _TEXT),
            ("photo_reference", _TEXT),
            ("guardian_consent", pa.bool_()),
            ("opened_on", _DAY),
            ("closed_on", _DAY),
        ]
    ),
    "identity_documents": pa.schema(
        [
            ("document_id", pa.int64()),
            ("customer_id", pa.int64()),
            ("document_type", _TEXT),
            ("document_number", _TEXT),
            ("issuer", _TEXT),
            ("issued_on", _DAY),
            ("expires_on", _DAY),
            ("scan_reference", _TEXT),
        ]
    ),
    "accounts": pa.schema(
        [
            ("account_id", pa.int64()),
            ("iban", _TEXT),
            ("product", _TEXT),
            ("currency", _TEXT),
            ("balance", _MONEY),
            ("opened_on", _DAY),
            ("closed_on", _DAY),
        ]
    ),
    "account_holders": pa.schema(
        [("account_id", pa.int64()), ("customer_id", pa.int64()), ("holder_role", _TEXT)]
    ),
    "payments": pa.schema(
        [
            ("payment_id", pa.int64()),
            ("account_id", pa.int64()),
            ("booked_at", pa.timestamp("us")),
            ("amount", _MONEY),
            ("currency", _TEXT),
            ("direction", _TEXT),
            ("channel", _TEXT),
            ("purpose", _TEXT),
            ("details", _TEXT),
            ("counterparty_name", _TEXT),
            ("counterparty_iban", _TEXT),
            ("ip_address", _TEXT),
        ]
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one table."""

    table: str
    rows: pa.Table


def part(table: str, records: pl.DataFrame) -> Part:
    """Return the records as rows of the table; amounts of money come in whole cents."""
    arrow = records.to_arrow(compat_level=pl.CompatLevel.oldest())
    columns = [_column(arrow.column(field.name), field) for field in TABLES[table]]
    return Part(table, pa.Table.from_arrays(columns, schema=TABLES[table]))


def _column(values: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    """Return the values in the field's type."""
    if pa.types.is_decimal(field.type):
        return _decimals(values.combine_chunks(), field.type)
    return values.cast(field.type)


def _decimals(cents: pa.Array, target: pa.DataType) -> pa.Array:
    """Return whole cents as decimals with two places, by reading the same integers anew."""
    low = cents.fill_null(0).to_numpy(zero_copy_only=False)
    # A 128-bit integer is the 64-bit one with its sign repeated above it.
    words = np.column_stack([low, low >> 63])
    validity = pa.array(cents.is_valid()).buffers()[1] if cents.null_count else None
    return pa.Array.from_buffers(target, len(cents), [validity, pa.py_buffer(words)])
