"""Verbs that make something to begin with: a home, a demo bank."""

from __future__ import annotations

import argparse
import logging

from pipelines.settings import Settings
from pipelines.verbs.terminal import Verbs, answer, natural, positive


def add_verbs(verbs: Verbs, everywhere: argparse.ArgumentParser) -> None:
    """Add `init` and `demo`."""
    init = verbs.add_parser(
        "init", parents=[everywhere], help="make opt-out list, ledger and their key for a new home"
    )
    init.set_defaults(run=_init)

    demo = verbs.add_parser("demo", parents=[everywhere], help="write a generated operational bank")
    demo.add_argument("--customers", type=positive, required=True, metavar="N")
    demo.add_argument("--payments-per-customer", type=natural, default=10, metavar="M")
    demo.add_argument("--seed", type=natural, default=16, metavar="S", help="same seed, same bank")
    demo.add_argument(
        "--to",
        metavar="URI",
        help="duckdb:///file, parquet:///folder, csv:///folder or "
        "postgresql://user@host:port/database (default: in the home)",
    )
    demo.set_defaults(run=_demo)


def _init(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.magnitude.drawing import begin_ledger
    from pipelines.magnitude.ledger import create_ledger
    from pipelines.objections.registry import create_registry

    if settings.registry.exists() and settings.key_file.exists() and not settings.ledger.exists():
        begin_ledger(settings)
        said = f"The home {settings.home} has a ledger for tables of counts and sums now."
        answer(options, {"home": str(settings.home), "ledger": str(settings.ledger)}, said)
        return 0
    create_registry(settings.registry, settings.key_file)
    create_ledger(settings.ledger, settings.key_file)
    answer(
        options,
        {
            "home": str(settings.home),
            "registry": str(settings.registry),
            "ledger": str(settings.ledger),
            "key_file": str(settings.key_file),
        },
        f"A new home: {settings.home}\n"
        f"The opt-out list's key: {settings.key_file}\n"
        f"Keep a copy of the key elsewhere: without it the list cannot be read.",
    )
    return 0


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from pipelines.generate import generate
    from pipelines.sources.opening import told

    uri = options.to or settings.demo_source
    rows = generate(
        uri,
        customers=options.customers,
        payments_per_customer=options.payments_per_customer,
        seed=options.seed,
        progress=logging.getLogger("clause16").info,
    )
    tables = "\n".join(f"  {table:<20} {count:>12,}" for table, count in rows.items())
    answer(options, {"source": told(uri), "tables": rows}, f"A demo bank: {told(uri)}\n{tables}")
    return 0
