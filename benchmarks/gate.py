"""What the gate at the entrance finds, what it takes for something else, and what it costs.

    python benchmarks/gate.py [--leaks 20000] [--texts 50000] [--customers 1000000] [--seed 16]

Leaks are sentences in eight languages around an identifier that is nobody's, in a disguise: all
national numbers, IBANs, e-mail addresses, phone and card numbers have to be found; names, addresses
and documents' numbers are measured. Clean texts are labels, amounts, days and sentences in which
nobody is named. Both together are looked at the quick way and by Presidio's engine, text by text:
the findings have to be the same. Then a release of a demo bank is made, and the gate's part of its
seconds measured (seconds of all cores: other work on the machine does not show in them).

Stops where an identifier is missed, a finding differs, or a goal is not reached.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import ParamSpec, TypeVar

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from leaks import (
    CHECKED,
    CLEAN,
    SENTENCES,
    address,
    disguises,
    document,
    leak,
    name,
)
from release import release_once, settings_of

from pipelines.cli import main as run_program
from pipelines.gate.belonging import Belonging
from pipelines.gate.folding import fold
from pipelines.gate.kinds import Kind
from pipelines.gate.routes import routes
from pipelines.gate.scan import FOUND, VALUE, findings
from pipelines.gate.verdict import CERTAIN, JUDGED
from pipelines.gate.watching import Gate
from pipelines.generate import generate

LEAST_A_SECOND = 20_000
"""Different texts a second of one core."""
LARGEST_PART = 0.10
"""Of a release's seconds."""
HIERARCHIES = Path(__file__).parents[1] / "data" / "hierarchies"
P = ParamSpec("P")
R = TypeVar("R")

# ------------------------------------------------------------------------------------------ texts


def leaks(rng: random.Random, count: int) -> pl.DataFrame:
    """Return texts with what is in each (`kind`), how it hides, and the language."""
    others = {Kind.NAME: name, Kind.ADDRESS: address, Kind.DOCUMENT: document}
    kinds = [*CHECKED, *others]
    rows = []
    for number in range(count):
        kind, language = kinds[number % len(kinds)], rng.choice(list(SENTENCES))
        if kind in CHECKED:
            disguise = rng.choice(disguises(kind))
            value, worn = disguise.wear(CHECKED[kind](rng), rng), disguise.name
        else:
            value, worn = others[kind](rng), "as it is"
        rows.append((leak(rng, language, value), str(kind), worn, language))
    return pl.DataFrame(rows, schema=["text", "kind", "disguise", "language"], orient="row")


def clean(rng: random.Random, count: int) -> list[str]:
    """Return different texts in which nobody is named."""
    labels = {
        cell
        for file in HIERARCHIES.glob("*.csv")
        for line in file.read_text("utf-8").splitlines()
        for cell in line.split(";")
    }
    texts = labels | set(CLEAN)
    while len(texts) < count:
        texts.add(leak(rng, rng.choice(list(SENTENCES)), rng.choice(_HARMLESS)(rng)))
    return sorted(texts)[:count]


def _amount(rng: random.Random) -> str:
    amount = rng.choice([rng.randrange(10_000), 100 * rng.randrange(1_000_000)])
    whole, cents = f"{amount:,}", f"{rng.randrange(100):02}"
    form = rng.choice(["{w}.{c} EUR", "{w} €", "EUR {w}", "{d},{c}", "{b},{c} ден.", "{p}.{c}"])
    return form.format(
        w=whole, c=cents, d=whole.replace(",", "."), b=whole.replace(",", " "), p=amount
    )


def _day(rng: random.Random) -> str:
    year, month, day = rng.randrange(1950, 2030), rng.randrange(1, 13), rng.randrange(1, 29)
    forms = ("{d:02}.{m:02}.{y}", "{y}-{m:02}-{d:02}", "{d}/{m}/{y}", "{y}-{m:02}-{d:02} 10:15:30")
    return rng.choice(forms).format(d=day, m=month, y=year)


def _range(rng: random.Random) -> str:
    least = 500 * rng.randrange(2, 400)
    most = least + 500 * rng.randrange(1, 200)
    form = rng.choice(["{}-{}", "{} - {}", "{} to {}"])
    return rng.choice([form.format(least, most), form.format(f"{least:,}", f"{most:,}")])


def _reference(rng: random.Random) -> str:
    form = rng.choice(["{}/{}", "no. {}-{}", "{}.{}", "art. {} par. {}", "{} x {}"])
    return form.format(rng.randrange(1, 999), rng.randrange(1, 2030))


_HARMLESS = (_amount, _day, _range, _reference)

# ---------------------------------------------------------------------------------------- figures


def found_in(texts: pl.Series) -> Mapping[str, list[str]]:
    """Return the kinds found in each text that has any."""
    return dict(findings(texts).select(VALUE, FOUND).iter_rows())


def print_found(told: pl.DataFrame) -> int:
    """Print what was found of each kind and disguise; return how many checked ones were missed."""
    found = found_in(told.get_column("text"))
    all_of, hit, stops = Counter[str](), Counter[str](), Counter[str]()
    by_disguise = Counter[tuple[str, str]]()
    by_language, hit_language = Counter[str](), Counter[str]()
    stopping = {kind.value for kind in CERTAIN | JUDGED}
    for text, kind, disguise, language in told.iter_rows():
        kinds = found.get(text, [])
        named = kind in kinds
        all_of[kind] += 1
        hit[kind] += named
        stops[kind] += bool(stopping & set(kinds))
        if Kind(kind) in CHECKED:
            by_language[language] += 1
            hit_language[language] += named
            by_disguise[kind, disguise] += not named
    print(f"{'kind':18} {'leaks':>7} {'found as it':>12} {'found as any':>13}")
    for kind, count in all_of.items():
        print(f"{kind:18} {count:>7,} {hit[kind] / count:>12.2%} {stops[kind] / count:>13.2%}")
    print("by language:", end="")
    for language, count in sorted(by_language.items()):
        print(f"  {language} {hit_language[language] / count:.2%}", end="")
    print()
    for (kind, disguise), missed in by_disguise.items():
        if missed:
            print(f"missed: {missed} of kind {kind}, {disguise}")
    return sum(by_disguise.values())


def print_false_alarms(texts: list[str]) -> None:
    """Print of how many clean texts something was found in."""
    found = found_in(pl.Series(texts))
    kinds = Counter(kind for those in found.values() for kind in those)
    certain = {kind.value for kind in CERTAIN}
    alarms = sum(bool(certain & set(those)) for those in found.values())
    print(f"\n{len(texts):,} clean texts: {alarms} false alarms of kinds that stop at one value")
    for kind, count in kinds.most_common():
        print(f"  {kind:18} {count:>6,}  {count / len(texts):.3%}")


def print_speed(texts: list[str]) -> bool:
    """Print texts a second by both ways; return whether they find the same."""
    from pipelines.gate import analysis

    unique = pl.Series(texts).unique()
    analysis.engine()
    findings(unique.head(100))
    started = time.process_time()
    quick = found_in(unique)
    quick_seconds = time.process_time() - started
    folded = fold(unique)
    started = time.process_time()
    engine = [analysis.analysed(text) for text in folded]
    engine_seconds = time.process_time() - started
    on = folded.to_frame("t").select(
        route.alias(kind.name) for kind, route in routes(pl.col("t")).items()
    )
    differ = 0
    for value, text, whole, marks in zip(unique, folded, engine, on.iter_rows(), strict=True):
        kinds = [Kind[column] for column, mark in zip(on.columns, marks, strict=True) if mark]
        same = analysis.routed(text, kinds) == whole
        told = quick.get(value, []) == [kind.value for kind in analysis.meant(whole)]
        differ += not (same and told)
    rate = len(unique) / quick_seconds
    print(f"\n{len(unique):,} different texts, in {sum(map(bool, engine)):,} of them a finding")
    print(f"  the quick way      {rate:>8,.0f} texts a second of one core")
    print(f"  Presidio's engine  {len(unique) / engine_seconds:>8,.0f}")
    print(f"  texts in which their findings differ: {differ}")
    return differ == 0 and rate >= LEAST_A_SECOND


# ---------------------------------------------------------------------------------------- release


class Clock:
    """Seconds of all cores, and of the wall, spent within what it watches."""

    def __init__(self) -> None:
        self.cores = self.wall = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens within."""
        cores, wall = time.process_time(), time.perf_counter()
        yield
        self.cores += time.process_time() - cores
        self.wall += time.perf_counter() - wall

    def watching(self, step: Callable[P, R]) -> Callable[P, R]:
        """Return a step whose seconds are counted."""

        @wraps(step)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.running():
                return step(*args, **kwargs)

        return timed


def print_release(customers: int, folder: Path) -> bool:
    """Print the gate's part of a release; return whether it is small enough."""
    settings = settings_of(folder / "home")
    with redirect_stdout(StringIO()):
        run_program(["init", "--home", str(folder / "home")])
    logging.getLogger("clause16").setLevel(logging.WARNING)
    generate(
        settings.demo_source,
        customers=customers,
        payments_per_customer=1,
        seed=16,
        progress=lambda _: None,
    )
    gate, run = Clock(), Clock()
    for owner, step in ((Gate, "_sights"), (Gate, "_refuse"), (Belonging, "staying")):
        setattr(owner, step, gate.watching(getattr(owner, step)))
    print(
        f"\nreleases of a demo bank of {customers:,} customers: seconds of all cores (the wall's)"
    )
    parts = []
    for what in ("the first, with its search", "a later one"):
        gate.cores = gate.wall = run.cores = run.wall = 0.0
        with run.running():
            release_once(settings)
        rest = run.cores - gate.cores
        parts.append(gate.cores / rest)
        print(
            f"  {what:27} {run.cores:>7.2f} ({run.wall:.2f}), of which the gate {gate.cores:.2f} "
            f"({gate.wall:.2f}): {parts[-1]:.1%} more than without"
        )
    print(f"  Presidio was {'' if 'presidio_analyzer' in sys.modules else 'not '}imported\n")
    return max(parts) < LARGEST_PART


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--leaks", type=int, default=20_000)
    options.add_argument("--texts", type=int, default=50_000)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=16)
    chosen = options.parse_args()
    rng = random.Random(chosen.seed)  # noqa: S311 - a benchmark draws from a seed
    told = leaks(rng, chosen.leaks)
    harmless = clean(rng, max(chosen.texts - chosen.leaks, 1000))
    good = True
    if chosen.customers:
        # First, so that it shows whether a release imports Presidio.
        with tempfile.TemporaryDirectory() as folder:
            good = print_release(chosen.customers, Path(folder))
    missed = print_found(told)
    print_false_alarms(harmless)
    good &= print_speed([*told.get_column("text"), *harmless])
    if missed or not good:
        sys.exit("a goal was not reached")


if __name__ == "__main__":
    main()
