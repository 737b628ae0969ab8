"""What leaving out a million people adds to a release of ten million customers, in one run.

    python benchmarks/excluding.py [--customers 1000000] [--times 10] [--objections 1000000]

Generates a demo bank as Parquet, makes a bank so many times as large of it (benchmarks/scale.py)
and releases it under one stored plan from two homes in turn: one whose opt-out list is empty, one
whose list holds so many objections by customer id, every one of them looked up. Prints the seconds
of recording and of looking up, those of each release by the clock and of processors, and the ratios
round by round; the smaller population of the second home is in them, as it is in practice.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from release import release_in_a_process, settings_of
from scale import enlarge

from pipelines.generate import generate
from pipelines.objections.registry import Registry, create_registry
from pipelines.officer import find
from pipelines.settings import Settings
from transforms.objection import Channel, Identifiers, Received

AT_ONCE = 50_000
HOMES = ("nobody", "objectors")


def object_to(settings: Settings, keys: Sequence[str]) -> None:
    """Record an objection for each key, and look all of them up; print how long that takes."""
    registry, now = Registry(settings.registry, settings.key_file), datetime.now(UTC)
    started = time.perf_counter()
    for first in range(0, len(keys), AT_ONCE):
        part = keys[first : first + AT_ONCE]
        registry.receive([Received(Identifiers(key), Channel.CRM, now) for key in part], now)
    recorded = time.perf_counter()
    looked = find(settings, registry, now, everybody=True)
    found = time.perf_counter()
    print(
        f"{len(keys):,} objections recorded in {recorded - started:.1f} s, {len(looked.found):,} "
        f"people found in {found - recorded:.1f} s"
    )


def keys_of(bank: Path, number: int) -> list[str]:
    """Return so many customers' keys, from all over the bank."""
    keys = pl.scan_parquet(bank / "customers" / "*.parquet").select("customer_id").collect()
    step = max(keys.height // number, 1)
    return keys.gather_every(step).get_column("customer_id").cast(pl.String).to_list()[:number]


def main() -> None:
    """Generate, enlarge, object, release in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--objections", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(
            f"parquet://{folder}/bank", customers=options.customers, payments_per_customer=0,
            seed=16, progress=lambda line: print(line, file=sys.stderr),
        )  # fmt: skip
        enlarge(folder / "bank", folder / "large", options.times)
        source = f"parquet://{folder}/large"
        homes = {what: settings_of(folder / what, source) for what in HOMES}
        for settings in homes.values():
            create_registry(settings.registry, settings.key_file)
        # The first release chooses the plan for both.
        release_in_a_process(homes["nobody"].home, source)
        shutil.copy(homes["nobody"].plan, homes["objectors"].plan)
        object_to(homes["objectors"], keys_of(folder / "large", options.objections))
        rounds = []
        for _ in range(options.rounds):
            runs = {
                what: release_in_a_process(settings.home, source)
                for what, settings in homes.items()
            }
            rounds.append(runs)
            for what, run in runs.items():
                print(
                    f"{what:>10}: {run['seconds']:6.1f} s, {run['cpu']:6.1f} s of processors, peak "
                    f"{run['peak']:,.0f} MiB"
                )
        for measure in ("seconds", "cpu"):
            tell_ratio(measure, rounds)


def tell_ratio(measure: str, rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> None:
    """Print the ratio of the medians, and each round's."""
    with_list, without = ([each[what][measure] for each in rounds] for what in HOMES[::-1])
    each = ", ".join(f"{a / b:.3f}" for a, b in zip(with_list, without, strict=True))
    ratio = statistics.median(with_list) / statistics.median(without)
    print(f"{measure}: {ratio:.3f} (rounds {each})")


if __name__ == "__main__":
    main()
