"""From a source's columns to the declared types; what does not fit is refused, unquoted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from builders import POLICY, policy_fields

from transforms.errors import SourceError
from transforms.policy.roles import Kind
from transforms.policy.whole import Policy
from transforms.steps.conform import broken_counts, conform, fits, kind_of, refuse_broken

CANARY = "2001-13-77 EUR Agim"


def conformed(column: str, values: list[object], table: str = "people") -> list[object]:
    """Return what a column becomes."""
    frame = pl.DataFrame({column: values}, strict=False)
    read = conform(frame, table, POLICY)
    refuse_broken(table, broken_counts(read), POLICY)
    return read.get_column(column).to_list()


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("id", "17", 17),
        ("id", " 17 ", 17),
        ("id", "-1", -1),
        ("born", "1980-02-29", date(1980, 2, 29)),
        ("born", " 1980-02-29", date(1980, 2, 29)),
        ("consent", "true", True),
        ("consent", "FALSE", False),
        ("consent", "1", True),
        ("consent", "0", False),
        ("town", "Peja", "Peja"),
        ("town", "  ", None),
        *((column, "", None) for column in ("id", "born", "consent", "town")),
    ],
)
def test_text_becomes_what_the_policy_declares(column: str, text: str, value: object) -> None:
    assert conformed(column, [text]) == [value]


@pytest.mark.parametrize(
    ("text", "value"), [("12.50", 12.5), ("-3", -3.0), ("1e3", 1000.0), ("", None), (" 7 ", 7.0)]
)
def test_text_becomes_a_number(text: str, value: float | None) -> None:
    assert conformed("balance", [text], "accounts") == [value]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("id", CANARY),
        ("id", "1.5"),
        ("id", "99999999999999999999"),
        ("born", CANARY),
        ("born", "1980-02-30"),
        ("born", "29.02.1980"),
        ("consent", "maybe"),
        ("consent", CANARY),
        ("ended", "yesterday"),
    ],
)
def test_broken_text_is_counted_and_not_quoted(column: str, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        conformed(column, [text, None, ""])
    said = str(caught.value)
    assert f"people.{column}: fewer than 11 rows hold something that is not of type" in said
    assert text not in said
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["12,5", "nan", "inf", "-inf", "1e400", "1e14", "-1e14", CANARY])
def test_what_is_no_number_or_too_large_is_counted_and_not_quoted(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        conformed("balance", [text], "accounts")
    said = str(caught.value)
    assert "accounts.balance: fewer than 11 rows" in said
    assert text not in said


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e14])
def test_a_stored_number_is_no_better_than_its_text(number: float) -> None:
    with pytest.raises(SourceError, match=r"accounts\.balance"):
        conformed("balance", [number, 1.0], "accounts")


def test_how_many_are_broken_is_banded() -> None:
    with pytest.raises(SourceError, match="about 120 rows"):
        conformed("id", [CANARY] * 123)


def test_what_has_its_type_already_stays_as_it_is() -> None:
    assert conformed("id", [1, None]) == [1, None]
    assert conformed("born", [date(1980, 1, 1), None]) == [date(1980, 1, 1), None]
    assert conformed("balance", [Decimal("1.25"), None], "accounts") == [1.25, None]
    assert conformed("balance", [3], "accounts") == [3.0]


def test_a_column_without_a_declared_type_is_left_alone() -> None:
    assert conformed("note", [CANARY, ""]) == [CANARY, ""]


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (pl.Int8(), Kind.INTEGER),
        (pl.UInt64(), Kind.INTEGER),
        (pl.Decimal(10, 0), Kind.INTEGER),
        (pl.Decimal(10, 2), Kind.NUMBER),
        (pl.Float32(), Kind.NUMBER),
        (pl.String(), Kind.TEXT),
        (pl.Categorical(), Kind.TEXT),
        (pl.Enum(["a"]), Kind.TEXT),
        (pl.Date(), Kind.DATE),
        (pl.Datetime("us"), Kind.TIMESTAMP),
        (pl.Boolean(), Kind.BOOLEAN),
        (pl.Binary(), None),
        (pl.List(pl.Int8()), None),
        (pl.Struct({"a": pl.Int8()}), None),
        (pl.Time(), None),
    ],
)
def test_a_type_is_of_a_kind_or_of_none(dtype: pl.DataType, kind: Kind | None) -> None:
    assert kind_of(dtype) is kind


def test_whole_numbers_are_numbers_and_nothing_else_is_another() -> None:
    for found in [*Kind, None]:
        for declared in Kind:
            whole = found is Kind.INTEGER and declared is Kind.NUMBER
            assert fits(found, declared) is (found is declared or whole)


# ------------------------------------------------------------------- how a CSV file is written


def written(column: str, values: list[object], table: str = "people", **csv: str) -> list[object]:
    """Return what a column of text becomes under a policy that says how it is written."""
    fields = policy_fields()
    fields["csv"] = {name: form for name, form in csv.items() if name != "format"}
    if "format" in csv:
        fields["sources"][table]["columns"][column]["format"] = csv["format"]
    policy = Policy.model_validate(fields)
    read = conform(pl.DataFrame({column: values}), table, policy)
    refuse_broken(table, broken_counts(read), policy)
    return read.get_column(column).to_list()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "29.02.1980"),
        ("%m/%d/%Y", "02/29/1980"),
        ("%Y%m%d", "19800229"),
        ("%d.%m.%Y %H:%M", "29.02.1980 00:00"),
    ],
)
def test_a_date_is_read_in_the_form_that_is_declared_and_in_no_other(form: str, text: str) -> None:
    for declared in ({"date": form}, {"format": form}, {"date": "%Y-%m-%d", "format": form}):
        assert written("born", [text, None, " "], **declared) == [date(1980, 2, 29), None, None]
        with pytest.raises(SourceError, match=r"people\.born: fewer than 11 rows"):
            written("born", ["1980-02-29"], **declared)


def test_a_day_taken_for_a_month_is_refused_where_it_can_be_seen() -> None:
    with pytest.raises(SourceError):
        written("born", ["12/31/1980"], date="%d/%m/%Y")


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "value"),
    [
        (",", "", "12,50", 12.5),
        (",", ".", "1.234.567,89", 1234567.89),
        (",", ".", "1234,5", 1234.5),
        (",", " ", "-1 234,5", -1234.5),
        (".", ",", "1,234.5", 1234.5),
        (".", "'", "1'234", 1234.0),
        (",", "", "7", 7.0),
    ],
)
def test_a_number_is_read_with_its_declared_marks(
    decimal: str, thousands: str, text: str, value: float
) -> None:
    assert written("balance", [text], "accounts", decimal=decimal, thousands=thousands) == [value]


@pytest.mark.parametrize(
    ("decimal", "thousands", "text"),
    [
        (",", "", "12.50"),
        (",", "", "1.234,50"),
        (".", "", "12,50"),
        (".", "", "1,234"),
        (",", ".", "12.50"),
        (",", ".", "1.23.456"),
        (",", ".", "1,234.50"),
        (",", ".", "1,2,3"),
    ],
)
def test_a_number_with_another_mark_is_refused_and_not_taken_for_another_number(
    decimal: str, thousands: str, text: str
) -> None:
    with pytest.raises(SourceError, match=r"accounts\.balance"):
        written("balance", [text], "accounts", decimal=decimal, thousands=thousands)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y-%m-%d", "24-01-15"),
        ("%d.%m.%Y", "15.01.20"),
        ("%Y%m%d", "2024115"),
        ("%Y-%m-%d", "02024-01-15"),
        ("%Y-%m-%d", "1753-01-01"),
    ],
)
def test_a_year_is_four_digits_and_somebodys(form: str, text: str) -> None:
    """The parser would take 24 for a year, and a child of 2020 for one who is two thousand."""
    with pytest.raises(SourceError, match=r"people\.born"):
        written("born", [text], date=form)
