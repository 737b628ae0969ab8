"""How true a table of counts and sums is, and what caps do to its sums, on the demo bank.

    python benchmarks/caps.py [--customers 1000000 50000] [--home HOME]

Draws the demo policy's monthly payments once, as a release would (the noise is real, so the errors
differ a little each time). Prints how much counts within the bounds, how many cells are shown, and
the median relative error of people, events and sums in them: against the clipped truth (counted
within the bounds, no noise), and against the raw truth, which DuckDB counts from the bank's own
tables by the policy's words, nothing of it by the code that is measured. Then, over the last six
months, what each cap of one person's amount in a cell does to the sum of the median cell: how much
of it is cut, the noise, and the root of both squares together.

With --home: of a demo bank that is there (`clause16 init` and `clause16 demo`), which is left as it
is. With --truth: write the raw truth of that bank's cells as Parquet, and measure nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
from magnitude import DAY, Opened, opened, say, settings_of

from pipelines.generate import generate
from pipelines.magnitude.drawing import countings
from pipelines.magnitude.noise import discrete_gaussian
from pipelines.objections.registry import create_registry
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY, Settings
from transforms.magnitude.accounting import Terms, terms_of
from transforms.magnitude.bound import Exact, Ints
from transforms.magnitude.count import count_events
from transforms.magnitude.declared import EVENTS, PEOPLE, Budget, Magnitude
from transforms.magnitude.events import Counting
from transforms.magnitude.publish import parts_of, perturbed, rows_of

CAPS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000)
AMOUNT = "amount"
SIX_MONTHS = "2026-05"
MUNICIPALITIES = DEMO_POLICY.parent.parent / "hierarchies" / "municipality.csv"

TRUTH = """
WITH persons AS (
    SELECT customer_id, coalesce(district, 'not known') AS district
    FROM bank.customers
    LEFT JOIN read_csv('{municipalities}', delim = ';', header = false,
        names = ['place', 'district', 'everywhere'])
        ON lower(place) = lower(regexp_replace(trim(municipality), ' +', ' ', 'g'))
    WHERE kind = 'natural person'
        AND (date_of_birth <= DATE '{day}' - INTERVAL 14 YEAR OR guardian_consent)
        AND (closed_on IS NULL OR closed_on + INTERVAL 5 YEAR > DATE '{day}')
), holders AS (
    SELECT DISTINCT account_id, customer_id FROM bank.account_holders
)
SELECT strftime(booked_at, '%Y-%m') AS period, district,
    CASE WHEN purpose IN ('groceries', 'cash', 'invoice', 'utilities', 'family support', 'salary',
        'healthcare', 'loan repayment', 'rent', 'taxes', 'tuition') THEN purpose ELSE 'other' END
        AS purpose,
    count(DISTINCT customer_id) AS people, count(*) AS events,
    sum(amount::DOUBLE * CASE currency WHEN 'EUR' THEN 1 WHEN 'CHF' THEN 1.06 WHEN 'USD' THEN 0.92
        WHEN 'GBP' THEN 1.17 WHEN 'ALL' THEN 0.0101 END) AS amount
FROM bank.payments JOIN holders USING (account_id) JOIN persons USING (customer_id)
GROUP BY ALL
"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """One table's cells: what is shown, what is clipped and what is so, by measure."""

    shown: Mapping[str, Floats]
    clipped: Mapping[str, Floats]
    raw: Mapping[str, Floats]

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Where a cell is shown."""
        return ~np.isnan(self.shown[PEOPLE])


def truth(bank: Path) -> pl.DataFrame:
    """Return what there is in each cell, by SQL alone."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{bank}' AS bank (READ_ONLY)")
        text = TRUTH.format(municipalities=MUNICIPALITIES, day=DAY)
        return pl.DataFrame(connection.sql(text).to_arrow_table())


def counted(bank: Opened, table: Magnitude) -> tuple[Counting, tuple[Exact, ...]]:
    """Return the bounded counts of every closed month, without noise."""
    loaded = bank.intake.loaded
    policy = loaded.policy.model_copy(update={"magnitude": {"payments": table}})
    under = replace(bank.under, policy=policy)
    (counting,) = countings(policy, loaded.hierarchies, None, DAY)
    return counting, count_events(bank.people, under, bank.due((counting,)))


def in_units(measures: Mapping[str, Ints]) -> dict[str, Floats]:
    """Return measures in their unit."""
    return {name: cells / parts_of(name) for name, cells in measures.items()}


def beside(counting: Counting, so: pl.DataFrame) -> pl.DataFrame:
    """Return what is so in every cell of the grid, month by month."""
    labels = counting.grid.labels()
    everything = pl.concat(
        labels.with_columns(pl.lit(period.label).alias("period")) for period in counting.due
    )
    keys = ["period", *labels.columns]
    return everything.join(so, on=keys, how="left", maintain_order="left").fill_null(0)


def numbers(rows: pl.DataFrame, name: str) -> Floats:
    """Return a column; NaN is what is not shown."""
    return rows.get_column(name).cast(pl.Float64).to_numpy()


def compared(
    counting: Counting, exacts: tuple[Exact, ...], terms: Terms, so: pl.DataFrame
) -> Counts:
    """Draw the noise of each month, and lay what is shown beside what is so."""
    rows = pl.concat(
        rows_of(exact.period, perturbed(exact, terms, discrete_gaussian), terms, counting.grid)
        for exact in exacts
    )
    raw, clipped = beside(counting, so), [in_units(exact.measures) for exact in exacts]
    measures = counting.table.measures
    return Counts(
        shown={name: numbers(rows, name) for name in measures},
        clipped={name: np.concatenate([each[name] for each in clipped]) for name in measures},
        raw={name: numbers(raw, name) for name in measures},
    )


def told_bounds(counting: Counting, exacts: tuple[Exact, ...], so: pl.DataFrame) -> Iterator[str]:
    """Say how much of people's cells and events counts, and of which purpose the least."""
    cells, cells_left = (sum(getattr(e.clipped, part) for e in exacts) for part in CELLS)
    counts = np.concatenate([exact.measures[EVENTS] for exact in exacts])
    by_purpose = (
        beside(counting, so)
        .with_columns(pl.Series("counts", counts))
        .group_by("purpose")
        .agg(share=pl.col("counts").sum() / pl.col(EVENTS).sum())
        .sort("share")
    )
    least, share = by_purpose.row(0)
    events = counts.sum() / so.get_column(EVENTS).sum()
    yield (
        f"  within the bounds: {cells_left / cells:.1%} of people's cells, {events:.1%} of events, "
        f"the least of {least} ({share:.1%})"
    )


CELLS = ("cells", "cells_left")


def error(shown: Floats, so: Floats, where: npt.NDArray[np.bool_]) -> str:
    """Return the median relative error, and that of the ninth cell of ten."""
    relative = np.abs(shown - so)[where] / so[where]
    return f"{np.median(relative):>7.2%} {np.quantile(relative, 0.9):>7.1%}"


def told_truth(counts: Counts, terms: Terms) -> Iterator[str]:
    """Say how much is shown, and how true it is."""
    seen, people = counts.seen, counts.raw[PEOPLE]
    yield (
        f"  shown: {seen.mean():.1%} of {len(seen):,} cells, from {terms.fewest_people:.0f} people "
        f"on; they hold {people[seen].sum() / people.sum():.1%} of the people"
    )
    yield "  median relative error, and of 9 cells in 10:   clipped truth       raw truth"
    for name in counts.shown:
        where = seen & (counts.clipped[name] > 0) & (counts.raw[name] > 0)
        yield (
            f"    {name:<8} sd {terms.noises[name].sd:>9,.1f}, median cell "
            f"{np.median(counts.raw[name][where]):>10,.0f}  "
            f"{error(counts.shown[name], counts.clipped[name], where)}  "
            f"{error(counts.shown[name], counts.raw[name], where)}"
        )


@dataclass(frozen=True)
class Capped:
    """What one cap does: by cell, of the raw sum, what is cut and the noise."""

    cap: float
    sd: float
    cut: Floats
    noise: Floats

    @property
    def off(self) -> Floats:
        """How far off a cell's sum is to be expected."""
        return np.hypot(self.cut, self.noise)


def swept(
    bank: Opened, table: Magnitude, budget: Budget, so: pl.DataFrame
) -> tuple[list[Capped], pl.Series]:
    """Try every cap on all cells that have a sum; the purposes of these cells come second."""
    one = table.sums[AMOUNT]
    sums = {f"up_to_{cap}": one.model_copy(update={"cap": float(cap), "caps": {}}) for cap in CAPS}
    period = table.period.model_copy(update={"first": SIX_MONTHS})
    # All in one walk, each as a sum of its own.
    every = table.model_copy(update={"sums": sums, "weights": {}, "period": period})
    counting, exacts = counted(bank, every)
    clipped = [in_units(exact.measures) for exact in exacts]
    rows = beside(counting, so)
    raw = numbers(rows, AMOUNT)
    there = raw > 0
    tried: list[Capped] = []
    for name, measure in sums.items():
        alone = table.model_copy(update={"sums": {AMOUNT: measure}})
        sd = terms_of(alone, budget, counting.grid).noises[AMOUNT].sd
        left = np.concatenate([each[name] for each in clipped])[there]
        tried.append(Capped(measure.cap, sd, 1 - left / raw[there], sd / raw[there]))
    return tried, rows.filter(pl.Series(there)).get_column("purpose")


def told_caps(tried: list[Capped], purposes: pl.Series) -> Iterator[str]:
    """Say what caps do to the median cell, and which is nearest to the truth."""
    yield "  cap of one person's amount in a cell, and of the median cell's raw sum:"
    yield "      cap         sd     cut   noise   off"
    best = min(tried, key=lambda each: float(np.median(each.off)))
    for each in tried:
        cut, noise, off = (float(np.median(part)) for part in (each.cut, each.noise, each.off))
        mark = "  the best" if each is best else ""
        yield f"    {each.cap:>5,.0f} {each.sd:>10,.0f} {cut:>7.1%} {noise:>7.1%} {off:>5.1%}{mark}"
    yield "  by purpose, were it the only one, the best cap, what it cuts, its noise:"
    for purpose in purposes.unique().sort():
        its = (purposes == purpose).to_numpy()
        near = min(tried, key=lambda each: float(np.median(each.off[its])))
        yield (
            f"    {purpose:<15} {near.cap:>5,.0f} {np.median(near.cut[its]):>7.1%} "
            f"{np.median(near.noise[its]):>7.1%}"
        )


def measure(settings: Settings, bank_file: Path) -> Iterator[str]:
    """Measure one bank."""
    policy = load_policy(DEMO_POLICY).policy
    table, budget = policy.magnitude["payments"], policy.budget
    if budget is None:
        message = "the demo policy has a budget"
        raise RuntimeError(message)
    so = truth(bank_file)
    with opened(settings, {"payments": table}) as bank:
        counting, exacts = counted(bank, table)
        terms = terms_of(table, budget, counting.grid)
        yield from told_bounds(counting, exacts, so)
        yield from told_truth(compared(counting, exacts, terms, so), terms)
        yield from told_caps(*swept(bank, table, budget, so))


def main() -> None:
    """Measure each size, or the bank of a home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000_000, 50_000])
    parser.add_argument("--home", type=Path, help="of a demo bank that is there")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="where to write that bank's")
    options = parser.parse_args()
    if options.truth:
        truth(options.home / "demo" / "bank.duckdb").write_parquet(options.truth)
        return
    with tempfile.TemporaryDirectory() as name:
        for customers in [0] if options.home else options.customers:
            bank = (
                options.home / "demo" / "bank.duckdb"
                if options.home
                else Path(name) / f"{customers}.duckdb"
            )
            if not options.home:
                generate(
                    f"duckdb://{bank}",
                    customers=customers, payments_per_customer=10, seed=16, progress=say,
                )  # fmt: skip
            # A home of its own: nobody objected, nothing is spent.
            settings = settings_of(Path(name) / f"home-{customers}", f"duckdb://{bank}")
            create_registry(settings.registry, settings.key_file)
            print(f"{bank if options.home else f'{customers:,} customers'}", flush=True)
            for line in measure(settings, bank):
                print(line, flush=True)


if __name__ == "__main__":
    main()
