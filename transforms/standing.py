"""From the list's events to where each objection stands: one row an objection, all at once.

The events of a list are a frame of EVENTS columns in the order in which they were recorded; an
event's number is its position, from 1. A million of them take a second.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.errors import ObjectionError
from transforms.objection import EXCLUDING, TRANSITIONS, Event, State

LOOKED_UP = "looked up"
"""Not an event of one objection: everybody waiting was looked for in the source."""

EVENTS: dict[str, pl.DataType] = {
    "event": pl.String(),
    "objection": pl.Int64(),
    "objections": pl.List(pl.Int64()),
    "recorded_at": pl.String(),
    "received_at": pl.String(),
    "channel": pl.String(),
    "verified": pl.Boolean(),
    "keyed": pl.Boolean(),
    "fewer": pl.Boolean(),
    "right": pl.String(),
    "by": pl.String(),
    "ground": pl.String(),
    "review_on": pl.String(),
    "informed_on": pl.String(),
    "who": pl.Binary(),
    "said": pl.Binary(),
    "reference": pl.String(),
    "through": pl.Int64(),
    "whole": pl.Boolean(),
}
"""As they are written.

objections: of an event that happened to many at once, in place of `objection`; keyed: nothing but a
customer id was given; fewer: `who` names nobody new; who: the customer ids that the objection
stands for, said: what else there is to know of the person, both sealed under the person's key;
reference: keyed digest of the sender's; through: up to which event everybody waiting was looked up;
whole: further records of those found before were looked for too.
"""
SEALED = ("who", "said")

_FIRST = ("channel", "verified", "keyed", "received_at", "recorded_at")


def standings(events: pl.DataFrame, today: date) -> pl.DataFrame:
    """Return where each objection stands today, in the order of their numbers.

    Columns beside those of the first event: state; right; `who`, the last one; `since`, the number
    of the event from which everybody whom it stands for is left out without a break, missing where
    nobody is; review_on, the last one; `received` and `changed`, the numbers of the first and the
    last event, and `changed_at`. An override whose review is due leaves nobody in. Raises
    ObjectionError where an event follows that cannot.
    """
    numbered = events.select(
        "event", "objection", "objections", *_FIRST, "right", "fewer", "who", "review_on"
    ).with_row_index("number", offset=1)
    # Exploded without the list itself, which would stand beside each of its objections.
    at_once = (
        numbered.drop_nulls("objections").drop("objection").rename({"objections": "objection"})
    )
    steps = (
        pl.concat(
            [
                numbered.drop_nulls("objection").drop("objections"),
                at_once.explode("objection").select(
                    [name for name in numbered.columns if name != "objections"]
                ),
            ]
        )
        .sort("objection", "number")
        .with_columns(pl.col("number").cast(pl.Int64), state=_after())
        # The first event of each has a state and a right, so nothing is carried over from another.
        .with_columns(pl.col("state", "right").forward_fill())
        .with_columns(before=pl.col("state").shift(1), other=pl.col("objection").shift(1))
        .with_columns(before=pl.when(pl.col("other") == pl.col("objection")).then(pl.col("before")))
    )
    _check(steps)
    excluding = [str(state) for state in EXCLUDING]
    begins = pl.col("state").is_in(excluding) & ~pl.col("before").is_in(excluding).fill_null(
        value=False
    )
    number = pl.col("number")
    named = pl.col("who").is_not_null() & pl.col("fewer").is_null()
    numbers = steps.with_columns(
        excluded_from=pl.when(begins).then(number), named_from=pl.when(named).then(number)
    )
    standing = numbers.group_by("objection", maintain_order=True).agg(
        pl.col("state").last(),
        pl.col("right").last(),
        pl.col(_FIRST).first(),
        number.first().alias("received"),
        number.last().alias("changed"),
        pl.col("recorded_at").last().alias("changed_at"),
        # Whatever was said last of it.
        pl.col("excluded_from", "named_from", "who", "review_on").last(ignore_nulls=True),
    )
    overdue = (pl.col("state") == State.OVERRIDDEN) & (pl.col("review_on") <= today.isoformat())
    now = events.height + 1
    return standing.with_columns(
        state=pl.when(overdue).then(pl.lit(str(State.REVIEW_DUE))).otherwise(pl.col("state")),
        overdue=overdue,
        since=pl.when(overdue)
        .then(now)
        .when(pl.col("state").is_in(excluding) & pl.col("who").is_not_null())
        .then(pl.max_horizontal("excluded_from", "named_from")),
    ).drop("excluded_from", "named_from")


def _after() -> pl.Expr:
    """Return the state after each event, missing where it stays as it was."""
    after = {
        str(event): str(state) for (_, event), state in TRANSITIONS.items() if event is not _STAYS
    }
    return pl.col("event").replace_strict(after, default=None, return_dtype=pl.String)


_STAYS = Event.EXTENDED


def _check(steps: pl.DataFrame) -> None:
    """Raise ObjectionError where an event follows on a state on which it cannot."""
    allowed = pl.DataFrame(
        [(None if before is None else str(before), str(event)) for before, event in TRANSITIONS],
        schema={"before": pl.String, "event": pl.String},
        orient="row",
    )
    strange = (
        steps.select("before", "event")
        .unique()
        .join(allowed, on=["before", "event"], how="anti", nulls_equal=True)
    )
    if strange.height:
        raise ObjectionError("an event in the opt-out list cannot follow on the one before it")
