"""A small bank and its policy, and populations of it: what laws and examples are told about.

Quasi-identifiers are a numeric band (age) and two lookups that may be missing (town, job). Health
is sensitive and stands in the person's own row; savings is the total over the person's accounts.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st
from oracles.plain import Counts, Ladder, Row, Wanted

from transforms.anonymise import (
    Population,
    SearchTime,
    Table,
    anonymise,
    choose_plan,
    count_population,
)
from transforms.errors import Refused
from transforms.hierarchy import Hierarchy, band_hierarchy, lookup_hierarchy
from transforms.plan import Plan, Snapshot
from transforms.policy.labels import Bands, Lookup
from transforms.policy.limits import Limits
from transforms.policy.tables import Method
from transforms.policy.whole import Policy
from transforms.recoding.applying import Levels, nodes_of
from transforms.recoding.protect import Candidate, Protected, Terms, protect, recode
from transforms.risk.classes import Cells, count_cells
from transforms.steps.exclude import Exclusions
from transforms.steps.gather import Circumstances

AS_OF = date(2026, 3, 1)
DIGEST = "d" * 64

Fields = dict[str, Any]
Tables = dict[str, pl.DataFrame]

# Every lookup is written down as the lines of its file, leaf first.
LINES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "town": (
        ("Peja", "west", "*"),
        ("Gjakova", "west", "*"),
        ("Prishtina", "centre", "*"),
        ("Lipjan", "centre", "*"),
        ("Gjilan", "east", "*"),
    ),
    "job": (
        ("nurse", "care", "*"),
        ("teacher", "care", "*"),
        ("welder", "trade", "*"),
        ("baker", "trade", "*"),
    ),
    "health": (
        ("flu", "passing", "*"),
        ("cold", "passing", "*"),
        ("asthma", "lasting", "*"),
        ("diabetes", "lasting", "*"),
    ),
}

AGE_CUTS = ((18, 30, 45, 65), (30, 65))
SAVINGS_CUTS = ((0, 100, 1000), (100,))

# The same hierarchies as a second opinion knows them: lines by hand, bands too.
LADDERS: Mapping[str, Ladder] = {
    **{name: Ladder(lines) for name, lines in LINES.items()},
    "age": Ladder(
        (
            ("under 18", "under 30", "*"),
            ("18-29", "under 30", "*"),
            ("30-44", "30-64", "*"),
            ("45-64", "30-64", "*"),
            ("65 and over", "65 and over", "*"),
        )
    ),
    "savings": Ladder(
        (
            ("under 0", "under 100", "*"),
            ("0 to under 100", "under 100", "*"),
            ("100 to under 1,000", "100 and over", "*"),
            ("1,000 and over", "100 and over", "*"),
        )
    ),
}

# Ages and amounts that lie in each leaf, the edges of the bands among them.
AGES = ((14, 17), (18, 29), (30, 44), (45, 64), (65, 110))
AMOUNTS = ((-900, -1), (0, 99), (100, 999), (1000, 90_000))


def policy_fields() -> Fields:
    """Return the small policy as its file would say it, to be changed as a test likes."""
    return copy.deepcopy(_FIELDS)


def small_policy(limits: Mapping[str, float] | None = None) -> Policy:
    """Return the small policy, under other limits where they are given."""
    fields = policy_fields()
    fields["limits"] = {**fields["limits"], **(limits or {})}
    return Policy.model_validate(fields)


def policy_limits(k: int, l: int = 2, **more: float) -> Limits:  # noqa: E741 - the literature's name
    """Return limits so wide that hardly any population is refused."""
    loose = {"suppression": 0.9, "blanking": 0.99, "calibration-k": k}
    return Limits.model_validate({**loose, "k": k, "l": l, **more})


def under(policy: Policy, limits: Limits) -> Policy:
    """Return the policy under other limits."""
    return policy.model_copy(update={"limits": limits})


def hierarchies_of(policy: Policy) -> dict[str, Hierarchy]:
    """Return the hierarchy of each attribute."""
    built: dict[str, Hierarchy] = {}
    for name, attribute in policy.attributes.items():
        declared = policy.hierarchies[attribute.hierarchy]
        if isinstance(declared, Lookup):
            built[name] = lookup_hierarchy(attribute.hierarchy, LINES[attribute.hierarchy])
        elif isinstance(declared, Bands):
            built[name] = band_hierarchy(attribute.hierarchy, declared)
    return built


_FIELDS: Fields = {
    "version": "1",
    "title": "A small bank",
    "limits": {"k": 3, "l": 2, "suppression": 0.9, "blanking": 0.99, "calibration-k": 3},
    "subject": {"source": "people", "key": "id"},
    "eligibility": {
        "persons": {"column": "kind", "keep": ["person"]},
        "minors": {"birth": "born", "consent": "consent", "under": 14},
        "retention": {"ended": "ended", "years": 5},
        "not-applicable": {
            "erased": "the bank erases at once",
            "restricted": "the opt-out list says it",
        },
    },
    "hierarchies": {
        "age": {"least": 0, "most": 120, "whole-numbers": True, "cuts": AGE_CUTS},
        "savings": {"least": -1_000_000, "most": 1_000_000_000, "cuts": SAVINGS_CUTS},
        "town": {"file": "town.csv"},
        "job": {"file": "job.csv"},
        "health": {"file": "health.csv"},
    },
    "sources": {
        "people": {
            "columns": {
                "id": {"role": "subject", "clause": 9, "type": "integer"},
                "kind": {"role": "eligibility", "clause": 9, "type": "text"},
                "consent": {"role": "eligibility", "clause": 9, "type": "boolean"},
                "ended": {"role": "eligibility", "clause": 9, "type": "date"},
                "name": {"role": "identifier", "clause": 9},
                "note": {"role": "text", "clause": 9},
                "number": {
                    "role": "forbidden",
                    "clause": 9,
                    "category": "national identification number",
                },
                "passport": {
                    "role": "forbidden",
                    "clause": 9,
                    "category": "identity documents and their details",
                },
                "street": {"role": "forbidden", "clause": 9, "category": "exact residence"},
                "born": {
                    "role": "quasi-identifier",
                    "clause": 9,
                    "type": "date",
                    "attribute": "age",
                    "derive": "completed years",
                    "hierarchy": "age",
                    "meaning": "Age in completed years",
                },
                "town": {
                    "role": "quasi-identifier",
                    "clause": 9,
                    "type": "text",
                    "hierarchy": "town",
                    "meaning": "Where the person lives",
                },
                "job": {
                    "role": "quasi-identifier",
                    "clause": 9,
                    "type": "text",
                    "hierarchy": "job",
                    "meaning": "What the person does",
                },
                "health": {
                    "role": "sensitive",
                    "clause": 12,
                    "type": "text",
                    "hierarchy": "health",
                    "meaning": "What the person suffers from",
                },
            }
        },
        "accounts": {
            "subject": {"through": "holders", "on": "account"},
            "columns": {
                "account": {"role": "link", "clause": 9, "type": "integer"},
                "iban": {"role": "identifier", "clause": 9},
                "balance": {
                    "role": "sensitive",
                    "clause": 12,
                    "type": "number",
                    "attribute": "savings",
                    "derive": "total",
                    "hierarchy": "savings",
                    "meaning": "What the person has",
                },
            },
        },
        "holders": {
            "columns": {
                "account": {"role": "link", "clause": 9, "type": "integer"},
                "id": {"role": "subject", "clause": 9, "type": "integer"},
            }
        },
    },
    "microdata": {
        "people": {
            "meaning": "Who they are",
            "quasi-identifiers": ["age", "town", "job"],
            "sensitive": "health",
        },
        "wealth": {
            "meaning": "What they have",
            "quasi-identifiers": ["age", "town"],
            "sensitive": "savings",
        },
    },
}

POLICY = small_policy()
HIERARCHIES = hierarchies_of(POLICY)


@dataclass(frozen=True)
class Person:
    """One person by the leaf of each attribute; None is missing."""

    age: int
    town: str | None
    job: str | None
    health: str | None
    savings: int | None

    @property
    def leaves(self) -> dict[str, str | None]:
        """The label of each attribute's leaf, as the ladders call it."""
        return {
            "age": LADDERS["age"].lines[self.age][0],
            "town": self.town,
            "job": self.job,
            "health": self.health,
            "savings": None if self.savings is None else LADDERS["savings"].lines[self.savings][0],
        }


@st.composite
def populations(draw: st.DrawFn, *, groups: int = 40) -> tuple[Person, ...]:
    """Draw up to `groups` groups of people who are alike, mixed from a few values of each kind.

    Few values, so that classes fill up; small groups, since counts around k decide everything
    here. The mixing is left to a seed: drawn choice by choice, populations resemble each other.
    """
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(0, groups))
    ages = rng.sample(range(len(AGES)), rng.randint(1, 3))
    towns, jobs, healths = (
        rng.sample([*(line[0] for line in LINES[name]), None], rng.randint(2, 4))
        for name in ("town", "job", "health")
    )
    savings = rng.sample([0, 1, 2, 3, None], rng.randint(2, 4))
    return tuple(
        person
        for _ in range(number)
        for person in [
            Person(
                rng.choice(ages),
                rng.choice(towns),
                rng.choice(jobs),
                rng.choice(healths),
                rng.choice(savings),
            )
        ]
        * rng.choice([1, 1, 2, 2, 3, 4, 5, 6, 8, 13, 21])
    )


def bank(
    people: Sequence[Person], *, seed: int = 0, drop: Collection[int] = (), first_key: int = 1
) -> Tables:
    """Return a bank with these people, numbered from `first_key`, but those at `drop`.

    seed: picks each person's date of birth and amounts inside their leaves; people at the same
    position under the same seed get the same, whoever is dropped.
    """
    rng = np.random.default_rng(seed)
    dates, amounts, spread = (rng.random(len(people)) for _ in range(3))
    rows: list[dict[str, object]] = []
    accounts: list[dict[str, object]] = []
    for position, person in enumerate(people):
        if position in drop:
            continue
        key = first_key + position
        rows.append(
            {
                "id": key,
                "kind": "person",
                "consent": None,
                "ended": None,
                "born": _birthday(person.age, dates[position]),
                "town": person.town,
                "job": person.job,
                "health": person.health,
            }
        )
        if person.savings is not None:
            low, high = AMOUNTS[person.savings]
            total = round(low + (high - low) * amounts[position], 2)
            part = round(total * spread[position], 2)
            for number, balance in enumerate((part, round(total - part, 2))):
                accounts.append({"account": 10 * key + number, "id": key, "balance": balance})
    held = pl.DataFrame(accounts, schema=_ACCOUNTS)
    return {
        "people": pl.DataFrame(rows, schema=_PEOPLE),
        "accounts": held.select("account", "balance"),
        "holders": held.select("account", "id"),
    }


_PEOPLE = {
    "id": pl.Int64(),
    "kind": pl.String(),
    "consent": pl.Boolean(),
    "ended": pl.Date(),
    "born": pl.Date(),
    "town": pl.String(),
    "job": pl.String(),
    "health": pl.String(),
}
_ACCOUNTS = {"account": pl.Int64(), "id": pl.Int64(), "balance": pl.Float64()}


def _birthday(leaf: int, where: float) -> date:
    youngest, oldest = AGES[leaf]
    latest = AS_OF.replace(year=AS_OF.year - youngest)
    earliest = AS_OF.replace(year=AS_OF.year - oldest - 1) + timedelta(days=1)
    return earliest + timedelta(days=int(where * ((latest - earliest).days + 1)))


def counted(
    tables: Mapping[str, pl.DataFrame],
    objectors: Collection[str] | Exclusions = (),
    policy: Policy = POLICY,
) -> Population:
    """Count a bank's people on the reference date."""
    batches = {name: [table] for name, table in tables.items()}
    listed = objectors if isinstance(objectors, Exclusions) else Exclusions.of(objected=objectors)
    return count_population(batches, Circumstances(policy, HIERARCHIES, listed, AS_OF, AS_OF))


def silent(line: str) -> None:
    """Say nothing of the progress."""


UNHURRIED = SearchTime(silent, lambda: lambda: True)
"""A search that has all the time in the world."""


def plan_for(population: Population, policy: Policy = POLICY) -> Plan:
    """Choose a plan; where none keeps the limits, return the coarsest one there is."""
    try:
        return choose_plan(population, policy, DIGEST, HIERARCHIES, AS_OF, UNHURRIED)
    except Refused:
        return plan_at(
            {
                name: HIERARCHIES[name].top - (attribute.role == "sensitive")
                for name, attribute in policy.attributes.items()
            }
        )


def plan_at(levels: Mapping[str, int]) -> Plan:
    """Return a stored plan with these levels, whatever they cost."""
    return Plan(
        policy_digest=DIGEST,
        method=Method.FULL_DOMAIN,
        snapshot=Snapshot(as_of=AS_OF.isoformat(), people=0, combinations=0, content=""),
        calibration_k=3,
        levels=dict(levels),
        regions=None,
        tables={},
        outcomes={},
        alternatives=(),
    )


def protect_at(
    candidate: Candidate, levels: Mapping[str, int], limits: Limits, k: int | None = None
) -> Protected:
    """Return what full-domain levels make of a table."""
    terms = Terms(limits, "out", {})
    recoded = recode(candidate, HIERARCHIES, Levels(levels))
    return protect(recoded, HIERARCHIES, levels[candidate.sensitive], k or limits.k, terms)


def cells_at(candidate: Candidate, levels: Mapping[str, int]) -> Cells:
    """Return the classes and cells of a table at full-domain levels."""
    own, quasi = candidate.own, candidate.quasi_identifiers
    nodes = nodes_of(own.codes[:, :-1], quasi, Levels(levels), HIERARCHIES)
    sensitive = HIERARCHIES[candidate.sensitive]
    return count_cells(own, quasi, nodes, sensitive, levels[candidate.sensitive])


def plans() -> st.SearchStrategy[Plan]:
    """Draw a plan, whether or not a search would choose it."""
    return levels_of(HIERARCHIES).map(plan_at)


def levels_of(hierarchies: Mapping[str, Hierarchy]) -> st.SearchStrategy[dict[str, int]]:
    """Draw a level for each attribute; a sensitive one stays below `*`."""
    return st.fixed_dictionaries(
        {
            name: st.integers(0, hierarchy.top - (name in SENSITIVE))
            for name, hierarchy in hierarchies.items()
        }
    )


SENSITIVE = frozenset({"health", "savings"})


def released(population: Population, plan: Plan, policy: Policy = POLICY) -> tuple[Table, ...]:
    """Apply a plan to each table for itself; a refused one is not there, the other is."""
    tables: list[Table] = []
    for candidate in population.candidates:
        alone = replace(population, candidates=(candidate,))
        with suppress(Refused):
            tables += anonymise(alone, policy, HIERARCHIES, plan)
    return tuple(tables)


def content(tables: Sequence[Table]) -> list[tuple[object, ...]]:
    """Return all that there is to know of tables, to be compared."""
    return [(table.name, table.rows.columns, table.rows.rows(), table.figures) for table in tables]


def people_of(people: Sequence[Person], columns: Sequence[str]) -> Counts:
    """Count people by their leaves."""
    counts: Counter[Row] = Counter(
        tuple(person.leaves[name] for name in columns) for person in people
    )
    return dict(counts)


def wanted(people: Sequence[Person]) -> tuple[Wanted, Wanted]:
    """Return both tables; whoever has the second can sum up the first over job."""
    return (
        Wanted(
            ("age", "town", "job"),
            "health",
            people_of(people, ("age", "town", "job", "health")),
            (("age", "town"), ()),
        ),
        Wanted(("age", "town"), "savings", people_of(people, ("age", "town", "savings")), ((),)),
    )


def expand(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row a person; equal rows lie together, so their order says nothing."""
    position = pl.Series(np.repeat(np.arange(rows.height), rows.get_column("people").to_numpy()))
    return rows.drop("people")[position]
