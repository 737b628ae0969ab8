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
_INCOME = pa.decimal128(12, 2)
_KEY = pa.int64()
_NUMBER = pa.int32()
_TIME = pa.timestamp("us")
_YES = pa.bool_()

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
            ("income", _INCOME),
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
    "logins": pa.schema([
        ("login_id", _KEY), ("customer_id", _KEY), ("logged_in_at", _TIME), ("channel", _TEXT),
        ("ip_address", _TEXT), ("device", _TEXT), ("device_id", _TEXT), ("succeeded", _YES),
    ]),
    "identifications": pa.schema([
        ("identification_id", _KEY), ("customer_id", _KEY), ("identified_at", _TIME),
        ("method", _TEXT), ("live_video_reference", _TEXT), ("source_of_funds", _TEXT),
        ("risk_class", _TEXT), ("sanctions_match", _YES),
    ]),
    "payees": pa.schema([
        ("payee_id", _KEY), ("customer_id", _KEY), ("name", _TEXT), ("nickname", _TEXT),
        ("iban", _TEXT), ("phone", _TEXT), ("saved_on", _DAY),
    ]),
    "company_managers": pa.schema([
        ("manager_id", _KEY), ("customer_id", _KEY), ("function", _TEXT), ("first_name", _TEXT),
        ("last_name", _TEXT), ("personal_number", _TEXT), ("date_of_birth", _DAY),
        ("citizenship", _TEXT), ("document_number", _TEXT), ("street", _TEXT),
        ("house_number", _TEXT), ("phone", _TEXT), ("email", _TEXT), ("since", _DAY),
    ]),
    "credit_applications": pa.schema([
        ("application_id", _KEY), ("customer_id", _KEY), ("applied_at", _TIME),
        ("product", _TEXT), ("amount_requested", _MONEY), ("term_months", _NUMBER),
        ("first_name", _TEXT), ("last_name", _TEXT), ("date_of_birth", _DAY), ("street", _TEXT),
        ("house_number", _TEXT), ("postcode", _TEXT), ("email", _TEXT), ("phone", _TEXT),
        ("iban", _TEXT), ("ip_address", _TEXT), ("statement_reference", _TEXT),
        ("income_stated", _MONEY), ("obligations", _MONEY), ("assets", _MONEY),
        ("education", _TEXT), ("employer", _TEXT), ("position", _TEXT),
        ("years_of_experience", _NUMBER), ("dependants", _NUMBER), ("remarks", _TEXT),
        ("score", _NUMBER), ("automated_decision", _TEXT), ("decision", _TEXT),
        ("decided_at", _TIME), ("contested_on", _DAY), ("contest", _TEXT),
        ("contest_result", _TEXT),
    ]),
    "relatives": pa.schema([
        ("relative_id", _KEY), ("customer_id", _KEY), ("relation", _TEXT), ("first_name", _TEXT),
        ("last_name", _TEXT), ("personal_number", _TEXT), ("date_of_birth", _DAY),
        ("phone", _TEXT), ("employer", _TEXT), ("income", _INCOME), ("is_dependant", _YES),
    ]),
    "loans": pa.schema([
        ("loan_id", _KEY), ("application_id", _KEY), ("customer_id", _KEY), ("account_id", _KEY),
        ("product", _TEXT), ("principal", _MONEY), ("interest_rate", pa.decimal128(5, 2)),
        ("term_months", _NUMBER), ("granted_on", _DAY), ("ends_on", _DAY), ("repaid_on", _DAY),
        ("outstanding", _MONEY), ("state", _TEXT),
    ]),
    "loan_instalments": pa.schema([
        ("loan_id", _KEY), ("number", _NUMBER), ("due_on", _DAY), ("principal_due", _MONEY),
        ("interest_due", _MONEY), ("amount_due", _MONEY), ("amount_paid", _MONEY),
        ("paid_on", _DAY), ("days_late", _NUMBER),
    ]),
    "loan_parties": pa.schema([
        ("party_id", _KEY), ("loan_id", _KEY), ("party_role", _TEXT), ("first_name", _TEXT),
        ("last_name", _TEXT), ("personal_number", _TEXT), ("date_of_birth", _DAY),
        ("street", _TEXT), ("house_number", _TEXT), ("phone", _TEXT), ("email", _TEXT),
        ("employer", _TEXT), ("income", _INCOME),
    ]),
    "debts": pa.schema([
        ("debt_id", _KEY), ("customer_id", _KEY), ("loan_id", _KEY), ("arose_on", _DAY),
        ("amount", _MONEY), ("outstanding", _MONEY), ("collection_state", _TEXT),
        ("legal_proceedings", _YES), ("court_case", _TEXT), ("paid_on", _DAY),
        ("first_name", _TEXT), ("last_name", _TEXT), ("personal_number", _TEXT),
        ("date_of_birth", _DAY), ("document_number", _TEXT), ("street", _TEXT),
        ("house_number", _TEXT), ("postcode", _TEXT), ("email", _TEXT), ("phone", _TEXT),
        ("iban", _TEXT), ("ip_address", _TEXT), ("statement_reference", _TEXT),
        ("circumstances", _TEXT),
    ]),
    "correspondence": pa.schema([
        ("correspondence_id", _KEY), ("customer_id", _KEY), ("sent_at", _TIME),
        ("channel", _TEXT), ("direction", _TEXT), ("first_name", _TEXT), ("last_name", _TEXT),
        ("email", _TEXT), ("phone", _TEXT), ("street", _TEXT), ("house_number", _TEXT),
        ("postcode", _TEXT), ("ip_address", _TEXT), ("subject", _TEXT), ("body", _TEXT),
        ("statement_reference", _TEXT),
    ]),
    "call_recordings": pa.schema([
        ("recording_id", _KEY), ("customer_id", _KEY), ("begun_at", _TIME), ("seconds", _NUMBER),
        ("direction", _TEXT), ("phone", _TEXT), ("date_of_birth", _DAY),
        ("recording_reference", _TEXT), ("summary", _TEXT),
    ]),
    "video_recordings": pa.schema([
        ("recording_id", _KEY), ("customer_id", _KEY), ("premises", _TEXT), ("camera", _TEXT),
        ("begun_at", _TIME), ("seconds", _NUMBER), ("recording_reference", _TEXT),
    ]),
    "contact_preferences": pa.schema([
        ("customer_id", _KEY), ("channel", _TEXT), ("email", _TEXT), ("phone", _TEXT),
        ("wanted", _YES), ("changed_at", _TIME),
    ]),
    "marketing_consents": pa.schema([
        ("consent_id", _KEY), ("customer_id", _KEY), ("channel", _TEXT), ("first_name", _TEXT),
        ("last_name", _TEXT), ("email", _TEXT), ("phone", _TEXT), ("given_on", _DAY),
        ("withdrawn_on", _DAY),
    ]),
}  # fmt: skip

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "customers": ("customer_id",),
    "identity_documents": ("document_id",),
    "accounts": ("account_id",),
    "account_holders": ("account_id", "customer_id"),
    "payments": ("payment_id",),
    "logins": ("login_id",),
    "identifications": ("identification_id",),
    "payees": ("payee_id",),
    "company_managers": ("manager_id",),
    "credit_applications": ("application_id",),
    "relatives": ("relative_id",),
    "loans": ("loan_id",),
    "loan_instalments": ("loan_id", "number"),
    "loan_parties": ("party_id",),
    "debts": ("debt_id",),
    "correspondence": ("correspondence_id",),
    "call_recordings": ("recording_id",),
    "video_recordings": ("recording_id",),
    "contact_preferences": ("customer_id", "channel"),
    "marketing_consents": ("consent_id",),
}
"""What no two rows of a table have in common."""


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
