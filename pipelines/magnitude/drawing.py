"""Draw what is due, once: decide which periods, add the noise, commit rows and cost together."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from pipelines.certified import guards, shown_periods
from pipelines.keys import Keys, Purpose
from pipelines.magnitude.ledger import Draw, Ledger, NewDraw, State, create_ledger
from pipelines.magnitude.noise import discrete_gaussian, keyed_choice
from pipelines.releases import CERTIFICATE, release_folders
from pipelines.settings import Settings
from transforms.errors import LedgerError, PolicyError
from transforms.hierarchy import Hierarchy
from transforms.magnitude.accounting import terms_of
from transforms.magnitude.bound import Choose, Exact
from transforms.magnitude.declared import Magnitude
from transforms.magnitude.events import Counting
from transforms.magnitude.grid import NO_VOCABULARIES, Grid, Vocabularies, grid_of
from transforms.magnitude.periods import Period, closed_periods
from transforms.magnitude.publish import perturbed, rows_of, schema_of
from transforms.magnitude.stated import clipped_figures
from transforms.policy.whole import Policy

log = logging.getLogger("clause16")


@dataclass(frozen=True)
class Drawn:
    """A magnitude table as it is published. draws: of its periods, in their order."""

    name: str
    table: Magnitude
    grid: Grid
    draws: tuple[Draw, ...]
    rows: pl.DataFrame


def countings(
    policy: Policy,
    hierarchies: Mapping[str, Hierarchy],
    ledger: Ledger | None,
    day: date,
    vocabularies: Vocabularies = NO_VOCABULARIES,
) -> tuple[Counting, ...]:
    """Return each magnitude table with the periods that are closed on a day and not drawn yet.

    Raises PolicyError where the table was published as something else before.
    """
    grids = {
        name: grid_of(name, table, hierarchies, vocabularies)
        for name, table in policy.magnitude.items()
    }
    return tuple(
        Counting(
            name=name,
            table=table,
            grid=grids[name],
            due=_due(name, table, grids[name], ledger, day),
            policy=policy,
            hierarchies=hierarchies,
        )
        for name, table in policy.magnitude.items()
    )


def _due(
    name: str, table: Magnitude, grid: Grid, ledger: Ledger | None, day: date
) -> tuple[Period, ...]:
    first = table.period.first_period
    if first.first_day > day:
        raise PolicyError(
            f"magnitude.{name}: its first {first.unit}, {first.label}, is in the future: name one "
            f"that has begun"
        )
    standing = [] if ledger is None else [d for d in ledger.draws if d.table == name]
    known = definition_of(table, grid)
    if any(draw.definition != known for draw in standing):
        raise PolicyError(
            f"magnitude.{name}: it was published as something else before (its events, periods, "
            f"categories, bounds or sums), and published periods are never restated: give the "
            f"changed table another name"
        )
    drawn = {draw.period for draw in standing}
    closed = closed_periods(first, table.period.closes_after, day)
    return tuple(period for period in closed if period.label not in drawn)


def definition_of(table: Magnitude, grid: Grid) -> str:
    """Return the digest of what a table is: all but words, budget and rates of exchange."""
    said = table.model_dump(mode="json", exclude={"meaning", "share", "weights"})
    for part in (*said["by"].values(), *said["sums"].values()):
        part.pop("meaning")
        part.pop("rates", None)
    said["labels"] = {axis.name: axis.labels for axis in grid.axes}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def choices(settings: Settings, policy: Policy) -> dict[str, Choose]:
    """Return for each table the keyed function that chooses a person's cells."""
    key = Keys(settings.key_file).derived(Purpose.CELLS)
    return {
        name: keyed_choice(hmac.digest(key, name.encode(), "sha256")) for name in policy.magnitude
    }


def draw(
    ledger: Ledger,
    counted: Sequence[Counting],
    exacts: Iterable[Exact],
    policy: Policy,
    sealed: Callable[[str], str],
    now: datetime,
) -> None:
    """Draw the noise of what was counted, and commit it; nothing is drawn where nothing is due.

    sealed: what the opt-out list says of its state, by the name of a draw. Raises BudgetSpent or
    LedgerError, and nothing was spent then.
    """
    by_name = {counting.name: counting for counting in counted}
    new: list[NewDraw] = []
    for exact in exacts:
        counting = by_name[exact.table]
        if policy.budget is None:
            raise LedgerError("there is no budget, so nothing can be drawn")
        terms = terms_of(counting.table, policy.budget, counting.grid)
        noisy = perturbed(exact, terms, discrete_gaussian)
        new.append(
            NewDraw(
                table=exact.table,
                period=exact.period.label,
                year=exact.period.year,
                definition=definition_of(counting.table, counting.grid),
                terms=terms,
                sealed=sealed(f"{exact.table} {exact.period.label}"),
                clipped=clipped_figures(exact.clipped),
                rows=rows_of(exact.period, noisy, terms, counting.grid),
            )
        )
    if policy.budget is not None:
        ledger.refuse_beyond(new, policy.budget.rho)
    if new and policy.budget is not None:
        log.info("drawing the noise of %d periods, once", len(new))
        ledger.add(new, policy.budget.rho, now)


def drawn(ledger: Ledger | None, counted: Sequence[Counting]) -> tuple[Drawn, ...]:
    """Return each table with all its periods, rows in their order."""
    return tuple(_drawn(ledger, counting) for counting in counted)


def _drawn(ledger: Ledger | None, counting: Counting) -> Drawn:
    draws = [] if ledger is None else [d for d in ledger.draws if d.table == counting.name]
    draws.sort(key=lambda draw: draw.period)
    schema = schema_of(counting.table.measures, counting.grid)
    frames = [] if ledger is None else ledger.rows(draws)
    # A policy may name its categories in another order than when they were drawn.
    rows = pl.concat([pl.DataFrame(schema=schema), *(each.select(*schema) for each in frames)])
    keys = ["period", *(axis.name for axis in counting.grid.axes)]
    return Drawn(
        name=counting.name,
        table=counting.table,
        grid=counting.grid,
        draws=tuple(draws),
        rows=rows.sort(keys),
    )


# ------------------------------------------------------------------------------ what became of it


def open_ledger(settings: Settings, policy: Policy, now: datetime) -> Ledger | None:
    """Open the ledger, None where there is none and the policy asks for none.

    Raises LedgerError where it cannot be, where it is older or newer than the releases, or was
    written tomorrow.
    """
    guarding = [each for each in guards(settings) if each.ledger is not None]
    if not policy.magnitude and not guarding and not settings.ledger.exists():
        return None
    ledger = Ledger(settings.ledger, settings.key_file)
    for each in guarding:
        if not ledger.holds(each.release, str(each.ledger)):
            raise LedgerError(older(settings.ledger, each.release))
    if ledger.newest is not None and ledger.newest.date() > now.date():
        raise LedgerError(
            f"the clock says {now:%Y-%m-%d %H:%M}, and the ledger was written later, on "
            f"{ledger.newest:%Y-%m-%d %H:%M}: set the clock; nothing was spent"
        )
    folders = [folder.name for folder in release_folders(settings)]
    last = ledger.last_published
    if last is not None and last > max(folders, default=""):
        raise LedgerError(
            f"the ledger knows of the release {last}, which is newer than any that is here: put "
            f"the newest copy of {settings.releases} back; nothing was spent"
        )
    return ledger


def older(ledger: Path, release: str) -> str:
    """Return what is said where a ledger lacks what a release of it had."""
    return (
        f"the ledger at {ledger} is older than the release {release}: put back the newest copy, or "
        f"noise would be drawn twice; nothing was spent"
    )


def begin_ledger(settings: Settings) -> None:
    """Make the ledger of a home that never had one; raises LedgerError where it had."""
    for each in guards(settings):
        if each.ledger is not None:
            raise LedgerError(older(settings.ledger, each.release))
    create_ledger(settings.ledger, settings.key_file)


def settle(ledger: Ledger, settings: Settings, now: datetime) -> None:
    """Note of draws that the ledger does not know to be published whether a release shows them.

    A run may have been stopped between its release and its note, or a copy of the ledger from
    before the note was put back. Raises LedgerError where a release shows another draw.
    """
    for folder in release_folders(settings) if pending(ledger) else ():
        shown = shown_periods(folder / CERTIFICATE)
        done = [draw for draw in pending(ledger) if (draw.table, draw.period) in shown]
        if any(shown[draw.table, draw.period] != draw.rows for draw in done):
            raise LedgerError(older(settings.ledger, folder.name))
        ledger.published(done, folder.name, now)


def pending(ledger: Ledger) -> tuple[Draw, ...]:
    """Return the draws that nobody could read yet, as far as the ledger knows."""
    return tuple(draw for draw in ledger.draws if draw.state is not State.PUBLISHED)


def void_overtaken(
    ledger: Ledger, still_right: Callable[[Draw], bool], now: datetime
) -> Collection[Draw]:
    """Take back draws that nobody could read yet and that hold somebody who objected since."""
    overtaken = [draw for draw in pending(ledger) if not still_right(draw)]
    if overtaken:
        log.info("drawing %d periods anew, without whoever objected meanwhile", len(overtaken))
        ledger.void(overtaken, now)
    return overtaken
