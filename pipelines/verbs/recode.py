"""The verb that recodes one flat file; it needs no home, key or list."""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from pipelines.stopping import stoppable
from pipelines.verbs.terminal import Verbs, answer, positive
from transforms.errors import UsageError

if TYPE_CHECKING:
    # Their modules take a second, which `clause16 --help` does not have.
    from pipelines.flat.measuring import Diversity
    from pipelines.flat.recoding import Order, Outcome
    from transforms.recoding.flat import Demands, Recoded
    from transforms.risk.criteria import Criterion

LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1_000.0
DIGITS = 9
"""Of a loss: more are those of the floating point."""
LIFT = {"factor": 4.0, "plus": 0.05, "most": 0.8}


def add_verbs(verbs: Verbs) -> None:
    """Add `recode`."""
    recode = verbs.add_parser(
        "recode",
        parents=[],
        help="generalise one flat file with hierarchies, a row a person, and say its risk",
    )
    recode.add_argument(
        "file", metavar="FILE", help="CSV or Parquet; each of its rows is one person"
    )
    recode.add_argument(
        "--hierarchies",
        metavar="DIR",
        required=True,
        help="a file a column, NAME.csv or …_NAME.csv: a line a leaf, `leaf;level 1;…;*`",
    )
    recode.add_argument(
        "--quasi-identifiers",
        metavar="A,B,…",
        type=names,
        required=True,
        help="columns to generalise; no other but the sensitive one is read or written",
    )
    recode.add_argument(
        "--output", metavar="OUT", required=True, help="a .csv or .parquet file to write"
    )
    add_demands(recode)
    _add_form(recode)
    recode.set_defaults(run=_recode, home=None)


def add_demands(recode: argparse.ArgumentParser) -> None:
    """Add the options that say what a recoding has to keep."""
    recode.add_argument("--sensitive", metavar="NAME", help="the column that nobody shall infer")
    recode.add_argument("--k", type=_crowd, default=11, help="fewest people of a class (11)")
    recode.add_argument(
        "--suppression", type=_share, default=0.05, help="share of people left out at most (0.05)"
    )
    recode.add_argument("--l", type=positive, help="different sensitive values of a class")
    recode.add_argument(
        "--entropy-l", type=_at_least_one, metavar="X", help="e to the power of their entropy"
    )
    recode.add_argument("--t", type=_share, metavar="X", help="t-closeness")
    recode.add_argument(
        "--distance",
        choices=["equal", "ordered", "hierarchical"],
        help="between sensitive values, for --t (equal)",
    )
    recode.add_argument(
        "--largest-share", type=_share, metavar="X", help="of one sensitive value in a class"
    )
    recode.add_argument(
        "--lift",
        action="store_true",
        help=f"a value's share in a class is at most {LIFT['factor']:g} times its share in the "
        f"file plus {LIFT['plus']:g}, and at most {LIFT['most']:g}",
    )
    recode.add_argument(
        "--adverse",
        metavar="V,W,…",
        type=names,
        default=(),
        help="sensitive values that --largest-share and --lift are about (default: all)",
    )
    recode.add_argument(
        "--weights", metavar="A=2,…", type=_weights, default={}, help="of losses (1 each)"
    )
    recode.add_argument(
        "--method",
        choices=["full-domain", "multidimensional"],
        default="full-domain",
        help="full-domain: one level a column; multidimensional: a level a row",
    )
    recode.add_argument(
        "--seconds", type=_number, default=60.0, help="that the search may take (60)"
    )


def _add_form(recode: argparse.ArgumentParser) -> None:
    recode.add_argument(
        "--suppressed",
        choices=["out", "other"],
        default="out",
        help="people whom no class hides: left out, or `other` where they are enough",
    )
    recode.add_argument(
        "--separator", type=_sign, default=";", help="of CSV files read and written (;)"
    )
    recode.add_argument(
        "--hierarchy-separator", type=_sign, default=";", help="of the hierarchies (;)"
    )
    recode.add_argument(
        "--json",
        action="store_true",
        help="one JSON object on standard output, logs on standard error",
    )


def names(text: str) -> tuple[str, ...]:
    """Read names as a line of CSV: one that holds a comma stands in quotation marks."""
    try:
        (names,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise argparse.ArgumentTypeError("must be names with commas between them") from None
    if not all(names):
        raise argparse.ArgumentTypeError("must be names with commas between them, none empty")
    return tuple(names)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in names(text):
        name, _, weight = part.rpartition("=")
        if not name:
            raise argparse.ArgumentTypeError("must be columns with their weights, such as A=2,B=3")
        if name in weights:
            raise argparse.ArgumentTypeError(f"has two weights for {name}: give it one")
        weights[name] = _weight(weight)
    return weights


def _weight(text: str) -> float:
    weight = _number(text)
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise argparse.ArgumentTypeError(
            f"must have weights between {LEAST_WEIGHT:g} and {MOST_WEIGHT:g}"
        )
    return weight


def _crowd(text: str) -> int:
    k = positive(text)
    if k == 1:
        raise argparse.ArgumentTypeError("must be at least 2: nobody hides in a class of one")
    return k


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise argparse.ArgumentTypeError("must be a number of at least 0")
    return number


def _at_least_one(text: str) -> float:
    number = _number(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be a number of at least 1")
    return number


def _share(text: str) -> float:
    share = _number(text)
    if share > 1:
        raise argparse.ArgumentTypeError("must be a share between 0 and 1")
    return share


def _sign(text: str) -> str:
    sign = "\t" if text == "\\t" else text
    if len(sign) != 1 or not sign.isascii() or sign in '"\r\n':
        raise argparse.ArgumentTypeError("must be one sign, such as ; or , or \\t")
    return sign


def _recode(options: argparse.Namespace, settings: Settings) -> int:
    with stoppable(_place(options), "nothing was written") as stop:
        from pipelines.flat.recoding import Watch, recode_file
        from pipelines.memory import limits

        watch = Watch(
            clock=time.monotonic,
            patience=options.seconds,
            stop=stop,
            held=limits(settings.memory),
            stopped=lambda recoded: _say_best(options, recoded),
        )
        outcome = recode_file(_order(options), watch)
    if outcome.left_behind:
        print(f"left behind: {', '.join(map(_said, outcome.left_behind))}", file=sys.stderr)
    answer(options, _fields(options, outcome), "\n".join(_lines(options, outcome)))
    return 0


def _said(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _place(options: argparse.Namespace) -> Path:
    """Return where the output is written: what a link leads to is replaced, not the link."""
    return Path(os.path.realpath(options.output))


def _order(options: argparse.Namespace) -> Order:
    from pipelines.flat.recoding import Order, Suppressed
    from transforms.policy.tables import Method

    return Order(
        file=Path(options.file),
        separator=options.separator,
        hierarchies=Path(options.hierarchies),
        hierarchy_separator=options.hierarchy_separator,
        quasi_identifiers=options.quasi_identifiers,
        sensitive=options.sensitive,
        demands=demands_from(options),
        method=Method(options.method),
        output=_place(options),
        suppressed=Suppressed(options.suppressed),
    )


def demands_from(options: argparse.Namespace) -> Demands:
    """Return what the options demand; raises UsageError where they contradict each other."""
    from transforms.recoding.flat import Demands

    criteria = tuple(_criteria(options))
    if criteria and options.sensitive is None:
        raise UsageError("--l, --entropy-l, --t, --largest-share and --lift need --sensitive NAME")
    if options.distance is not None and options.t is None:
        raise UsageError("--distance says how --t measures: give --t too")
    if options.adverse and not options.lift and options.largest_share is None:
        raise UsageError("--adverse names values for --largest-share or --lift: give one of them")
    unknown = sorted(set(options.weights) - set(options.quasi_identifiers))
    if unknown:
        raise UsageError(f"--weights names {unknown[0]}, which is no quasi-identifier")
    return Demands(options.k, options.suppression, criteria, options.weights)


def _criteria(options: argparse.Namespace) -> Iterator[Criterion]:
    from transforms.policy.limits import Distance
    from transforms.risk.criteria import Closeness, DistinctL, EntropyL, LargestShare, LiftCap

    if options.l is not None:
        yield DistinctL(options.l)
    if options.entropy_l is not None:
        yield EntropyL(options.entropy_l)
    if options.t is not None:
        yield Closeness(options.t, Distance(options.distance or "equal"))
    if options.largest_share is not None:
        yield LargestShare(options.largest_share, options.adverse)
    if options.lift:
        yield LiftCap(**LIFT, adverse=options.adverse)


def _say_best(options: argparse.Namespace, best: Recoded) -> None:
    """Say what was best when the search was stopped; the exit follows."""
    words = f"stopped with a loss of {best.loss:.6f}, {_proof(best)}"
    if best.levels is not None:
        words += ": " + ", ".join(f"{name} level {level}" for name, level in best.levels.items())
    fields = {"loss": round(best.loss, DIGITS), **_proven(best), "levels": best.levels}
    answer(options, {"stopped": fields}, words)


def _proven(recoded: Recoded) -> dict[str, float | None]:
    """Return what is known of the least loss: that it is at least 0 is nothing."""
    if not recoded.bound and recoded.loss > 0:
        return {"bound": None, "gap": None}
    gap = max(recoded.loss - recoded.bound, 0.0)
    return {"bound": round(recoded.bound, DIGITS), "gap": round(gap, DIGITS)}


def _fields(options: argparse.Namespace, outcome: Outcome) -> dict[str, object]:
    recoded, risk = outcome.recoded, outcome.risk
    return {
        "output": options.output,
        "method": options.method,
        "levels": None if recoded.levels is None else dict(recoded.levels),
        "people": outcome.people,
        "rows": risk.rows,
        "suppressed": risk.suppressed,
        "suppressed_as": "other" if outcome.others else "out",
        "classes": risk.classes,
        "smallest_class": risk.smallest,
        "whole_row_k": risk.whole_row,
        "prosecutor_risk": {"highest": risk.highest, "average": risk.average},
        "diversity": None if risk.diversity is None else _diversity(risk.diversity),
        "loss": round(risk.loss(options.weights), DIGITS),
        "losses": {name: round(loss, DIGITS) for name, loss in risk.losses.items()},
        **_proven(recoded),
        "proven": recoded.loss <= recoded.bound,
        "interrupted": recoded.interrupted,
        "recodings": recoded.recodings,
        "evaluated": recoded.evaluated,
        "combinations": outcome.combinations,
        "left_behind": list(outcome.left_behind),
        "seconds": {
            "load": outcome.seconds.load,
            "search": outcome.seconds.search,
            "write": outcome.seconds.write,
            "measure": outcome.seconds.measure,
        },
    }


def _diversity(diversity: Diversity) -> dict[str, object]:
    return {
        "distinct_l": diversity.distinct,
        "entropy_l": diversity.entropy,
        "t": {distance.value: far for distance, far in diversity.closeness.items()},
        "largest_share": diversity.largest,
    }


def _lines(options: argparse.Namespace, outcome: Outcome) -> Iterator[str]:
    from transforms.policy.limits import Distance

    recoded, risk, seconds = outcome.recoded, outcome.risk, outcome.seconds
    yield f"{options.output}: {risk.rows:,} rows in {risk.classes:,} classes"
    yield f"  smallest class   {risk.smallest:,}; whole rows {risk.whole_row:,}"
    yield f"  prosecutor risk  highest {risk.highest:.3g}, average {risk.average:.3g}"
    if risk.diversity is not None:
        said, distance = risk.diversity, Distance(options.distance or "equal")
        yield (
            f"  worst class      {said.distinct} sensitive values, entropy l {said.entropy:.3f}, "
            f"t {said.closeness[distance]:.4f} ({distance.value}), largest share {said.largest:.3f}"
        )
    kind = "as `other`" if outcome.others else "left out"
    yield f"  suppressed       {risk.suppressed:,} of {outcome.people:,} rows, {kind}"
    yield f"  loss             {risk.loss(options.weights):.6f}, {_proof(recoded)}"
    for name, loss in risk.losses.items():
        level = "" if recoded.levels is None else f"level {recoded.levels[name]}, "
        yield f"    {_said(name):<20} {level}loss {loss:.4f}"
    yield (
        f"  seconds          load {seconds.load:.2f}, search {seconds.search:.2f}, "
        f"write {seconds.write:.2f}, measure {seconds.measure:.2f}; "
        f"evaluated {recoded.evaluated:,}"
        + (f" of {recoded.recodings:,}" if recoded.levels else "")
    )


def _proof(recoded: Recoded) -> str:
    gap = recoded.loss - recoded.bound
    if gap <= 0:
        return "proven least"
    ended = "the search ran out of time" if recoded.interrupted else "not proven"
    return f"at most {gap:.6f} above the least ({ended})" if recoded.bound else ended
