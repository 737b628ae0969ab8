"""What a sample says of a column, in shares and kinds: the evidence that proposals rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.draft.findings import CHECKED, SURE, Finding, Found, find
from transforms.policy.roles import DAYS, Kind

DATES = (
    *("%Y-%m-%d", "%d.%m.%Y", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y"),
    *("%Y%m%d", "%m-%d-%Y"),
)
CLOCKS = (" %H:%M:%S%.f", "T%H:%M:%S%.f", " %H:%M")
ADULT = 18
MOSTLY = 0.5
NEARLY_ALL = 0.98
FEW_LABELS = 200
MANY_WORDS = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text column can be read: as what, in which form, and whether all values can.

    ambiguous: two forms read everything, and they read it differently.
    """

    kind: Kind
    form: str | None = None
    decimal: str = "."
    all_read: bool = True
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a sample says of one column.

    kind: the declared type, None where no policy can name it; rows: how many were sampled;
    missing: their share without a value; distinct: different values, and `different` their share;
    words: in a value, on average; decimals: numbers that are no whole ones; long_ago: share of
    dates when an adult was born; reading: how a text column can be read otherwise.
    """

    kind: Kind | None
    rows: int
    missing: float
    distinct: int
    different: float
    words: float
    length: int
    decimals: bool
    largest: float
    long_ago: float
    found: Found
    reading: Reading | None = None

    @property
    def unique(self) -> bool:
        """Say whether no two rows have the same value, and none is missing."""
        return self.rows > 1 and self.missing == 0 and self.distinct == self.rows

    @property
    def few(self) -> bool:
        """Say whether the column holds a few categories."""
        known = self.rows * (1 - self.missing)
        return 0 < self.distinct <= FEW_LABELS and self.distinct <= max(known / MANY_A_LABEL, 2)

    @property
    def surely(self) -> tuple[Finding, float] | None:
        """Return the identifier that most of its values hold, and their share."""
        kinds = [(round(share, 1), finding) for finding, share in self.found.items()]
        sure = [(share, -SURE.index(finding)) for share, finding in kinds if finding in SURE]
        if not sure:
            return None
        _, rank = max(sure)
        finding = SURE[-rank]
        share = self.found[finding]
        return finding, share

    @property
    def suspicious(self) -> bool:
        """Say whether any value looks like an identifier of a person, or most like names."""
        return self.surely is not None or self.found.get(Finding.NAME, 0) >= NAMES

    @property
    def is_day(self) -> bool:
        """Say whether it holds days or times, whatever its type."""
        return self.as_kind in DAYS

    @property
    def is_number(self) -> bool:
        """Say whether it holds numbers, whatever its type."""
        return self.as_kind in {Kind.INTEGER, Kind.NUMBER}

    @property
    def as_kind(self) -> Kind | None:
        """What it holds, where it is text: as what it can be read."""
        return self.kind if self.reading is None else self.reading.kind

    @property
    def is_text(self) -> bool:
        """Say whether it holds texts that are nothing else."""
        return self.kind is Kind.TEXT and self.reading is None


MANY_A_LABEL = 20
"""Rows a category has on average, at least."""
NAMES = 0.3
"""Share of values that are names of people from which on a column is taken for one of names."""


def look(values: pl.Series, kind: Kind | None, today: date) -> Evidence:
    """Return what the sampled values of a column say."""
    given = _given(values)
    known = given.drop_nulls()
    different = known.unique(maintain_order=True)
    texts = _texts(different)
    reading = _read(texts) if kind is Kind.TEXT else None
    numbers = _numbers(known, reading)
    return Evidence(
        kind=kind,
        rows=values.len(),
        missing=given.null_count() / max(values.len(), 1),
        distinct=different.len(),
        different=different.len() / max(known.len(), 1),
        words=_words(texts),
        length=int(str(texts.str.len_chars().max() or 0)) if texts.len() else 0,
        decimals=bool((numbers != numbers.round()).any()) if numbers.len() else False,
        largest=float(str(numbers.abs().max() or 0)) if numbers.len() else 0.0,
        long_ago=_long_ago(different, texts, reading, today),
        found={} if kind in {*DAYS, Kind.BOOLEAN} else find(texts),
        reading=reading,
    )


def _given(values: pl.Series) -> pl.Series:
    """Return the values, blanks as nothing."""
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if not isinstance(values.dtype, pl.String):
        return values
    stripped = values.str.strip_chars()
    return stripped.set(stripped == "", None)


def _texts(different: pl.Series) -> pl.Series:
    """Return the different values as texts, whole numbers without a fraction."""
    if isinstance(different.dtype, pl.String):
        return different
    if different.dtype.is_float() or isinstance(different.dtype, pl.Decimal):
        numbers = different.cast(pl.Float64)
        whole = numbers.filter((numbers == numbers.round()) & (numbers.abs() < _EXACT))
        # A personal number may stand in a column of floats; what has decimals is none.
        return whole.cast(pl.Int64).cast(pl.String)
    if different.dtype.is_nested() or isinstance(different.dtype, pl.Binary | pl.Object):
        return pl.Series(different.name, [str(value) for value in different.head(CHECKED)])
    return different.cast(pl.String)


_EXACT = 2.0**53


def _words(texts: pl.Series) -> float:
    looked_at = texts.head(CHECKED)
    return float(str(looked_at.str.count_matches(r"\S+").mean() or 0)) if looked_at.len() else 0.0


def _numbers(known: pl.Series, reading: Reading | None) -> pl.Series:
    if known.dtype.is_numeric():
        return known.cast(pl.Float64)
    if reading is None or reading.kind not in {Kind.INTEGER, Kind.NUMBER}:
        return pl.Series(dtype=pl.Float64)
    return number_of(known, reading).drop_nulls()


def number_of(texts: pl.Series, reading: Reading) -> pl.Series:
    """Return texts as numbers, missing where one is none."""
    plain = texts.str.replace(",", ".", literal=True) if reading.decimal == "," else texts
    return plain.cast(pl.Float64, strict=False)


def _read(texts: pl.Series) -> Reading | None:
    """Return as what texts can be read besides text."""
    looked_at = texts.head(CHECKED)
    if not looked_at.len():
        return None
    return _read_days(looked_at) or _read_numbers(looked_at)


def _read_days(texts: pl.Series) -> Reading | None:
    for kind, clocks in ((Kind.DATE, ("",)), (Kind.TIMESTAMP, CLOCKS)):
        shares = {day + clock: _share_read(texts, day + clock) for clock in clocks for day in DATES}
        best = max(shares, key=lambda form: shares[form])
        if shares[best] >= NEARLY_ALL:
            as_good = [form for form, share in shares.items() if share == shares[best]]
            return Reading(
                kind, best, all_read=shares[best] == 1, ambiguous=len(_apart(as_good)) > 1
            )
    return None


def _apart(forms: list[str]) -> set[str]:
    return {re.sub(r"%\.f|%[HMS]|[T :]", "", form) for form in forms}


_DIGITS = {"%Y": r"\d{4}", "%.f": r"(?:\.\d{1,9})?"} | dict.fromkeys(
    ("%m", "%d", "%H", "%M", "%S"), r"\d{2}"
)


def _share_read(texts: pl.Series, form: str) -> float:
    pieces = re.split(r"(%(?:\.f|.))", form)
    shape = "".join(_DIGITS.get(piece, re.escape(piece)) for piece in pieces)
    shaped = texts.filter(texts.str.contains(f"^{shape}$"))
    if shaped.len() < NEARLY_ALL * texts.len():
        return 0.0
    read = (
        shaped.str.to_datetime(form, strict=False, time_unit="us")
        if "%H" in form
        else shaped.str.to_date(form, strict=False)
    )
    return (shaped.len() - read.null_count()) / texts.len()


def _read_numbers(texts: pl.Series) -> Reading | None:
    forms = (
        (Kind.INTEGER, ".", r"^(?:0|[+-]?[1-9]\d{0,17})$"),
        (Kind.NUMBER, ".", r"^[+-]?\d+(?:\.\d+)?$"),
        (Kind.NUMBER, ",", r"^[+-]?\d+(?:,\d+)?$"),
    )
    for kind, decimal, pattern in forms:
        share = float(str(texts.str.contains(pattern).mean()))
        if share >= NEARLY_ALL and not _is_code(texts):
            return Reading(kind, decimal=decimal, all_read=share == 1)
    return None


def _is_code(texts: pl.Series) -> bool:
    """Say whether some begin with a nought: numbers never do."""
    return bool(texts.str.contains(r"^0\d").any())


def _long_ago(
    different: pl.Series, texts: pl.Series, reading: Reading | None, today: date
) -> float:
    if isinstance(different.dtype, pl.Date | pl.Datetime):
        years = different.dt.year()
    elif reading is not None and reading.kind in DAYS and reading.form is not None:
        day = reading.form.split(" ")[0].split("T")[0]
        width = 8 if day == "%Y%m%d" else 10
        years = texts.str.slice(0, width).str.to_date(day, strict=False).dt.year().drop_nulls()
    else:
        return 0.0
    return float(str((years < today.year - ADULT).mean() or 0)) if years.len() else 0.0


def look_all(
    rows: pl.DataFrame, kinds: Mapping[str, Kind | None], today: date
) -> dict[str, Evidence]:
    """Return what a sample says of each of its columns."""
    return {name: look(rows[name], kind, today) for name, kind in kinds.items()}
