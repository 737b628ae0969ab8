"""What each line of a sender's file says, and why it is not taken where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.objections.lines import COLUMNS
from transforms.errors import PolicyError
from transforms.objection import OTHER_RIGHTS, Channel, Right
from transforms.policy.opt_out import Import, ImportColumn

EARLIEST = date(1900, 1, 1)
LONGEST_TEXT = 10_000
LONGEST_FIELD = 320
"""Characters: as long as an e-mail address can be."""
OBJECTION, WITHDRAWAL = "objection", "withdrawal"

_NUMBERS: frozenset[ImportColumn] = frozenset({"customer_id", "personal_number", "phone", "iban"})
_IDENTIFIERS: tuple[ImportColumn, ...] = COLUMNS[1:9]
_FORMULA = r"^[=@\t\r]|^[+-]"
_PHONE_LIKE = r"^[+-][ (]?[0-9][0-9 ().\-/]{0,30}$"
_CONTROL = r"\p{Cc}"
_CONTROL_IN_TEXT = r"[\p{Cc}&&[^\n\r\t]]"
_ROUNDED = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]+$"
_NO_SECONDS = r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)($|Z$|[+-])"


def judge(said: pl.DataFrame, form: Import, now: datetime) -> pl.DataFrame:
    """Return what each line says, in COLUMNS; `other`: it is another list's business, and why.

    `because`: why it is not taken, all that has to be mended, missing where it is taken.
    received_at is in UTC; identity_verified, channel, right and event are never missing where a
    line is taken.
    """
    lines = said.with_columns(
        pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in said.columns
    )
    read = lines.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.when(pl.all() != "").then(pl.all())
    )
    meant = read.with_columns(
        _received(form).alias("received_on"),
        _day(pl.col("born"), form).alias("born_on"),
        _word("channel", form.channels, [*Channel], form.channel).alias("channel_meant"),
        _word("right", form.rights, [*Right, *OTHER_RIGHTS], Right.OBJECTION).alias("right_meant"),
        _word("event", form.events, [OBJECTION, WITHDRAWAL], OBJECTION).alias("event_meant"),
        _word(
            "identity_verified",
            dict.fromkeys(form.yes, "yes") | dict.fromkeys(form.no, "no"),
            ["yes", "no"],
            "no",
        ).alias("verified_meant"),
    )
    defects = [
        *_defects_of_fields(lines.get_columns()),
        *((meant.select(fails).to_series(), why) for fails, why in _defects(now)),
    ]
    found = [(fails, why) for fails, why in defects if fails.any()]
    return meant.select(
        *(name for name in COLUMNS if name not in _MEANT),
        pl.col("received_on").alias("received_at"),
        pl.col("born_on").alias("born"),
        (pl.col("verified_meant") == "yes").alias("identity_verified"),
        *(pl.col(f"{name}_meant").alias(name) for name in ("channel", "right", "event")),
        other=pl.col("right_meant").replace_strict(OTHER_RIGHTS, default=None),
        because=_reasons(found),
    )


_MEANT = {"received_at", "born", "identity_verified", "channel", "right", "event"}


def _word(column: str, senders: Mapping[str, str], ours: Sequence[str], unsaid: str) -> pl.Expr:
    """Return our word for a sender's, whatever its case; missing where it is unknown."""
    known = {word: word for word in map(str, ours)}
    known |= {word.strip().lower(): meant for word, meant in senders.items()}
    return (
        pl.when(pl.col(column).is_null())
        .then(pl.lit(str(unsaid)))
        .otherwise(
            pl.col(column)
            .str.to_lowercase()
            .replace_strict(known, default=None, return_dtype=pl.String)
        )
    )


def _day(said: pl.Expr, form: Import) -> pl.Expr:
    styles = dict.fromkeys(("%Y-%m-%d", form.date))
    return pl.coalesce(said.str.to_date(style, strict=False) for style in styles)


def _received(form: Import) -> pl.Expr:
    """Return when it was received, in UTC: a day is the moment at which it begins."""
    said = pl.col("received_at")
    iso = said.str.replace(_NO_SECONDS, "${1}:00${2}").str.replace(" ", "T", literal=True)
    local = pl.coalesce(
        _day(said, form).cast(pl.Datetime("us")),
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
        said.str.to_datetime(form.timestamp, strict=False, time_unit="us"),
    )
    return pl.coalesce(
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us"),
        local.dt.replace_time_zone(
            form.timezone, ambiguous="earliest", non_existent="null"
        ).dt.convert_time_zone("UTC"),
    )


def check_timezone(form: Import) -> None:
    """Raise PolicyError where nobody knows the time zone."""
    try:
        ZoneInfo(form.timezone)
        pl.select(pl.lit(EARLIEST).cast(pl.Datetime).dt.replace_time_zone(form.timezone))
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        raise PolicyError(
            f'objections.import.timezone "{form.timezone}" is no time zone: name one such as '
            f"Europe/Belgrade"
        ) from None


def _defects_of_fields(columns: Sequence[pl.Series]) -> Iterator[tuple[pl.Series, str]]:
    """Yield what no field may be, whatever it means."""
    for column in columns:
        if column.null_count() == len(column):
            continue
        name, text = column.name, column.name == "text"
        formula = column.str.contains(_FORMULA) & ~column.str.contains(_PHONE_LIKE)
        control = column.str.contains(_CONTROL_IN_TEXT if text else _CONTROL)
        most = LONGEST_TEXT if text else LONGEST_FIELD
        yield formula, f"{name} begins like a formula"
        yield control, f"{name} has control characters"
        yield column.str.len_chars() > most, f"{name} is longer than {most:,} characters"
        yield (
            column.str.contains("\ufffd", literal=True),
            f"{name} has characters that were lost before (U+FFFD)",
        )
        if name in _NUMBERS:
            yield column.str.contains(_ROUNDED), f"{name} was rounded by a spreadsheet"


def _defects(now: datetime) -> Iterator[tuple[pl.Expr, str]]:
    """Yield what a line may not say."""
    moment, today = now.astimezone(UTC), now.date()
    said, received, born = pl.col("received_at"), pl.col("received_on"), pl.col("born_on")
    objection = pl.col("event_meant") == OBJECTION
    withdrawal = pl.col("event_meant") == WITHDRAWAL
    nothing = pl.all_horizontal(pl.col(COLUMNS).is_null())
    yield nothing, "there is nothing in it"
    yield said.is_null() & ~nothing, "received_at is missing"
    yield said.is_not_null() & received.is_null(), f"received_at {_NO_DATE}"
    yield received > moment, "received_at lies in the future"
    yield received.dt.date() < EARLIEST, "received_at lies before 1900"
    yield pl.col("born").is_not_null() & born.is_null(), f"born {_NO_DATE}"
    yield born > today, "born lies in the future"
    yield born < EARLIEST, "born lies before 1900"
    yield pl.col("channel_meant").is_null(), "channel is a word that nobody mapped"
    yield pl.col("right_meant").is_null(), "right is a word that nobody mapped"
    yield pl.col("event_meant").is_null(), "event is a word that nobody mapped"
    yield pl.col("verified_meant").is_null(), "identity_verified is neither yes nor no"
    yield (
        objection & ~nothing & ~_suffices(),
        "there is nothing to find a person by: a name alone needs the date of birth",
    )
    yield (
        withdrawal & pl.col("reference").is_null(),
        "a withdrawal needs the reference of the objection",
    )
    yield (
        withdrawal & (pl.col("verified_meant") != "yes"),
        "a withdrawal is taken only from somebody whose identity was verified",
    )


_NO_DATE = "is no date as the policy writes them"


def _suffices() -> pl.Expr:
    """Say what `Identifiers.suffices` says."""
    alone = [name for name in _IDENTIFIERS if name not in {"name", "born"}]
    named = pl.col("name").is_not_null() & pl.col("born").is_not_null()
    return pl.any_horizontal(pl.col(alone).is_not_null()) | named


def _reasons(found: Sequence[tuple[pl.Series, str]]) -> pl.Expr:
    """Return all that is wrong with each line in one text, missing where nothing is."""
    if not found:
        return pl.lit(None, pl.String)
    said = pl.DataFrame([fails.alias(str(place)) for place, (fails, _) in enumerate(found)])
    texts = said.select(
        pl.when(pl.col(str(place))).then(pl.lit(why)).alias(str(place))
        for place, (_, why) in enumerate(found)
    )
    joined = texts.select(because=pl.concat_str(pl.all(), separator="; ", ignore_nulls=True))
    return pl.lit(joined.select(pl.when(pl.col("because") != "").then("because")).to_series())
