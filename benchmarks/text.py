"""Free texts to categories, timed, and how often the category is right.

    python benchmarks/text.py [--texts 10000000] [--unique 3000000]

The texts are those of the demo bank: details of payments of as many customers as are needed, so
that what a payment was for is known. The demo has purposes that a vocabulary tells apart more
finely (a gift to a daughter is family support): ACCEPTED says which topics are right for which
purpose. Details that the demo calls "other" are right as other, but for those of MORE. Timed is a
process that does nothing else, over texts that are drawn from the different ones with repetition.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from peak import peak_mebibytes

from pipelines.demo.bank import write_bank
from pipelines.demo.schema import Part
from transforms.text.languages import languages
from transforms.text.lengths import length_bands
from transforms.text.topics import topics
from transforms.text.vocabulary import OTHER, Vocabulary

SHIPPED: Final = Path(__file__).parents[1] / "data" / "vocabularies"
ACCEPTED: Final = {
    "salary": {"salary", "pension"},
    "rent": {"rent"},
    "groceries": {"groceries", "card purchase"},
    "utilities": {"utilities"},
    "family support": {"family support", "gift", "remittance"},
    "loan repayment": {"loan repayment"},
    "invoice": {"invoice", "home"},
    "cash": {"cash"},
    "taxes": {"taxes and charges"},
    "tuition": {"education"},
    "healthcare": {"health"},
    "other": {OTHER},
}
"""The demo's purposes, and the topics that are right for texts of each."""
MORE: Final = {
    "borxhi i djeshëm": "loan repayment",
    "dug za": "loan repayment",
    "kafja dhe dreka": "eating out",
    "Blerje vetura": "car and transport",
    "Top-up": "account top-up",
    "Pagesë online": "groceries",
    "Online payment": "groceries",
}
"""How details begin that the demo calls "other" though they tell of more, and under what to count
them: purchases stand with groceries, as in the demo."""
_SEED: Final = 7
_CUSTOMERS_A_TIME: Final = 20_000


def shipped(name: str) -> Vocabulary:
    """Return a vocabulary of the repository."""
    with (SHIPPED / f"{name}.toml").open("rb") as file:
        return Vocabulary.model_validate(tomllib.load(file))


@dataclass(slots=True)
class Kept:
    """A target of the demo that keeps the details of payments with their purposes alone."""

    payments: list[pl.DataFrame]

    def write(self, parts: object) -> None:
        """Take what the demo makes, part by part."""
        for part in parts:  # type: ignore[attr-defined]  # an iterator of parts, as targets take
            assert isinstance(part, Part)  # noqa: S101 - narrows the type for mypy
            if part.table == "payments":
                rows = pl.DataFrame(part.rows)
                self.payments.append(rows.select("details", "purpose").drop_nulls())


def demo_details(unique: int) -> pl.DataFrame:
    """Return different details of the demo's payments (`details`) with their `purpose`."""
    kept, found, seed = Kept([]), pl.DataFrame(), _SEED
    while len(found) < unique:
        write_bank(kept, customers=_CUSTOMERS_A_TIME, payments_per_customer=50, seed=seed,
                   progress=lambda _: None)  # fmt: skip
        found = pl.concat([found, *kept.payments]).unique(
            "details", keep="first", maintain_order=True
        )
        kept.payments.clear()
        seed += 1
    return found.head(unique)


def timed(name: str, texts: pl.Series, category: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return the categories of the texts, and print what they cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = category(texts)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:<12} {wall:7.1f} s  {cpu:7.1f} s CPU  {len(texts) / wall / 1e6:5.2f} M texts/s")
    return found


def share(found: pl.Series) -> float:
    """Return how many of the categories are not `other`."""
    return int((found != OTHER).sum()) / len(found)


def accuracy(details: pl.DataFrame, found: pl.Series) -> pl.DataFrame:
    """Return for each purpose its texts, and precision and recall of the topics that are right.

    A text that the demo has under another purpose counts against the precision of what it is
    told to be.
    """
    begins = [pl.when(pl.col("details").str.starts_with(words)).then(pl.lit(topic))
              for words, topic in MORE.items()]  # fmt: skip
    more = pl.when(pl.col("purpose") == OTHER).then(pl.coalesce(begins))
    truth = pl.coalesce(more, "purpose")
    pairs = (
        details.select(truth=truth, topic=found.cast(pl.String)).group_by("truth", "topic").len()
    )
    rows = []
    for purpose, right in ({topic: {topic} for topic in MORE.values()} | ACCEPTED).items():
        of_it, said = pl.col("truth") == purpose, pl.col("topic").is_in(right)
        hits, texts, told = (
            int(pairs.filter(test)["len"].sum()) for test in (of_it & said, of_it, said)
        )
        rows.append((purpose, texts, hits / max(told, 1), hits / max(texts, 1)))
    return pl.DataFrame(rows, schema=["purpose", "texts", "precision", "recall"], orient="row")


def measure(folder: Path, texts: int) -> None:
    """Measure in this process, which holds the texts and nothing else."""
    details = pl.read_parquet(folder / "details.parquet")
    different = details["details"]
    rng = np.random.default_rng(_SEED)
    # Each at least once.
    more = rng.integers(0, len(different), max(texts - len(different), 0))
    every = pl.concat([different, different.gather(more)]).shuffle(seed=_SEED)
    print(f"{len(every):,} texts, {len(different):,} different; {peak_mebibytes():,.0f} MiB")
    purposes = shipped("payment_purposes")
    found = timed("topics", every, lambda column: topics(column, purposes))
    print(f"not other    {share(found):7.1%}     peak {peak_mebibytes():,.0f} MiB")
    spoken = timed("languages", every, lambda column: languages(column, purposes))
    print(f"not other    {share(spoken):7.1%}     peak {peak_mebibytes():,.0f} MiB")
    timed("lengths", every, length_bands)
    print(f"{'':<24}     peak {peak_mebibytes():,.0f} MiB")
    of_demo = accuracy(details, topics(different, purposes))
    print()
    print(f"{'purpose':<16}{'texts':>10}{'precision':>11}{'recall':>9}")
    for purpose, count, precision, recall in of_demo.iter_rows():
        print(f"{purpose:<16}{count:>10,}{precision:>11.1%}{recall:>9.1%}")
    right = np.average(of_demo["recall"].to_numpy(), weights=of_demo["texts"].to_numpy())
    print(f"{'all':<16}{len(details):>10,}{right:>11.1%}")


def main() -> None:
    """Make the texts, then measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=10_000_000)
    parser.add_argument("--unique", type=int, default=3_000_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder is not None:
        measure(asked.folder, asked.texts)
        return
    with tempfile.TemporaryDirectory() as folder:
        demo_details(asked.unique).write_parquet(Path(folder) / "details.parquet")
        command = [sys.executable, __file__, "--texts", str(asked.texts), "--folder", folder]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
