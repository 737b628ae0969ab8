"""A stored plan, by either method, applied to whoever is there: not the people it was chosen on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise, product

import polars as pl
import pytest
from builders import (
    AS_OF,
    DIGEST,
    HIERARCHIES,
    LADDERS,
    LINES,
    UNHURRIED,
    Person,
    bank,
    content,
    counted,
    expand,
    plan_at,
    plan_for,
    plans,
    policy_fields,
    populations,
    released,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.criteria import DISTANCES, Scale, as_even_as, known, lift_cap, whole_of
from oracles.plain import ANY, Row, fewest_behind_a_row
from oracles.regions import Label, first_of

from transforms.anonymise import Table, anonymise, choose_plan, terms_of
from transforms.plan import Plan, RegionList
from transforms.policy.tables import Method
from transforms.policy.whole import Policy
from transforms.recoding.choosing import recoding_of
from transforms.recoding.protect import Candidate, Protected, protect, recode
from transforms.steps.blank import parent_groups

QUASI = {"people": ("age", "town", "job"), "wealth": ("age", "town")}
SENSITIVE = {"people": "health", "wealth": "savings"}
ADVERSE = {"people": "diabetes", "wealth": "under 0"}
LEADING = QUASI["people"]
OTHER, MISSING = "other", "(missing)"

seeds = st.integers(0, 2**32 - 1)


# --------------------------------------------------------------------------------------- policies

SPREADS: Sequence[Mapping[str, object]] = (
    {},
    {"entropy-l": 1.5},
    {"t": 0.3},
    {"t": 0.2, "t-distance": "ordered"},
    {"t": 0.3, "t-distance": "hierarchical"},
)
CAPS: Sequence[Mapping[str, object]] = (
    {},
    {"lift-factor": 1.0, "lift-plus": 0.05, "largest-share": 0.6},
    {"lift-factor": 1.5, "lift-plus": 0.0, "largest-share": 0.58},
)


def policy_of(
    method: Method, limits: Mapping[str, object], *, suppressed: str = "out", adverse: bool = True
) -> Policy:
    """Return the small policy under other limits, so wide that hardly anything is refused."""
    fields = policy_fields()
    loose = {"suppression": 0.999_999, "blanking": 0.999_999, "calibration-k": limits["k"]}
    fields["limits"] = {**loose, **limits}
    fields["recoding"] = {"method": method.value, "suppressed": suppressed}
    if adverse:
        fields["sources"]["people"]["columns"]["health"]["adverse"] = [ADVERSE["people"]]
        fields["sources"]["accounts"]["columns"]["balance"]["adverse"] = [ADVERSE["wealth"]]
    return Policy.model_validate(fields)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw how much is protected, and what becomes of those who are too few."""
    limits = {
        "k": draw(st.sampled_from([2, 3, 5])),
        "l": draw(st.sampled_from([2, 2, 3])),
        **draw(st.sampled_from(SPREADS)),
        **draw(st.sampled_from(CAPS)),
    }
    suppressed = draw(st.sampled_from(["out", "other"]))
    return policy_of(Method.FULL_DOMAIN, limits, suppressed=suppressed)


# ------------------------------------------------------------------------------------------ plans


def _node(name: str, rng: random.Random) -> str:
    ladder = LADDERS[name]
    level = rng.choice([0, 0, *range(ladder.top + 1)])
    label = ladder.up(rng.choice([*(line[0] for line in ladder.lines), None]), 0, level)
    return f"{level}" if label is None else f"{level}:{label}"


def _nodes(name: str, rng: random.Random) -> list[str]:
    level = rng.randrange(LADDERS[name].top)
    labels = dict.fromkeys(line[level] for line in LADDERS[name].lines)
    return [*(f"{level}:{label}" for label in labels), f"{level}"]


def plan_of(labels: Sequence[tuple[str, ...]], levels: Mapping[str, int]) -> Plan:
    """Return a stored plan of regions; levels: of the sensitive columns."""
    regions = RegionList(columns=LEADING, labels=tuple(labels))
    sensitive = {name: levels[name] for name in SENSITIVE.values()}
    changed = {"method": Method.MULTIDIMENSIONAL, "regions": regions}
    return plan_at(sensitive).model_copy(update=changed)


@st.composite
def regional(draw: st.DrawFn) -> Plan:
    """Draw regions in any order, whether or not anybody would choose them."""
    rng = random.Random(draw(seeds))
    labels = [tuple(_node(name, rng) for name in LEADING) for _ in range(rng.randint(1, 12))]
    if draw(st.booleans()):
        # A few of them before regions that part everybody.
        names = rng.sample(LEADING, rng.randint(1, 2))
        parted = [_nodes(name, rng) if name in names else ["2:*"] for name in LEADING]
        labels = [*rng.sample(labels, min(2, len(labels))), *product(*parted)]
    levels = {name: rng.randrange(LADDERS[name].top) for name in SENSITIVE.values()}
    return plan_of(labels, levels)


def mixed(seed: int, number: int) -> list[Person]:
    """Return people of any kind, all kinds as common."""
    rng = random.Random(seed)
    towns, jobs, healths = ([line[0] for line in LINES[name]] for name in ("town", "job", "health"))
    return [
        Person(
            rng.randrange(5),
            rng.choice(towns),
            rng.choice(jobs),
            rng.choice(healths),
            rng.choice([0, 1, 2, 3, None]),
        )
        for _ in range(number)
    ]


@cache
def chosen(seed: int, method: Method) -> Plan:
    """Return a plan that a search chose on some population."""
    people = mixed(seed, 150)
    policy = policy_of(method, {"k": 3, "blanking": 0.5, "suppression": 0.2})
    return plan_for(counted(bank(people), (), policy), policy)


searched = st.builds(chosen, st.integers(0, 3), st.sampled_from(list(Method)))
stored = st.one_of(regional(), regional(), plans(), searched)


def said(plan: Plan) -> list[Label]:
    """Return the regions as the second opinion takes them."""
    assert plan.regions is not None
    cut = [[node.partition(":") for node in label] for label in plan.regions.labels]
    return [tuple((int(level), name or None) for level, _, name in label) for label in cut]


@dataclass(frozen=True)
class Planned:
    """What a plan makes of people, by hand: it looks at nothing but their quasi-identifiers."""

    plan: Plan

    def node(self, person: Person) -> Label:
        """Return the node of each quasi-identifier of the leading table."""
        leaves = tuple(person.leaves[name] for name in LEADING)
        if self.plan.regions is None:
            levels = [self.plan.levels[name] for name in LEADING]
            return tuple(
                (level, LADDERS[name].up(leaf, 0, level))
                for name, leaf, level in zip(LEADING, leaves, levels, strict=True)
            )
        labels = said(self.plan)
        coarsest = tuple((LADDERS[name].top, ANY) for name in LEADING)
        place = first_of(leaves, labels, [LADDERS[name] for name in LEADING])
        return [*labels, coarsest][place]

    def published(self, person: Person, table: str) -> Row:
        """Return the cells of a person's class in a table."""
        nodes = dict(zip(LEADING, self.node(person), strict=True))
        if self.plan.regions is None:
            return tuple(nodes[name][1] for name in QUASI[table])
        return tuple(cell for name in QUASI[table] for cell in _levels(name, nodes[name]))

    def value(self, person: Person, table: str) -> str | None:
        """Return a person's sensitive value on the plan's level."""
        name = SENSITIVE[table]
        return LADDERS[name].up(person.leaves[name], 0, self.plan.levels[name])


def _levels(name: str, node: tuple[int, str | None]) -> Iterator[str | None]:
    """Return a column a level: nothing below the node's own, its ancestors above."""
    ladder, (level, label) = LADDERS[name], node
    for shown in range(ladder.top):
        above = ladder.up(label, level, shown) if shown >= level else None
        yield (MISSING if above is None else above) if shown >= level else None


# --------------------------------------------------------------------------------- what is written

Classes = dict[Row, dict[str | None, int]]


def classes_of(rows: pl.DataFrame) -> Classes:
    """Return the people of each value in each class of a table."""
    classes: Classes = {}
    for *of, value, number in rows.rows():
        classes.setdefault(tuple(of), {})[value] = number
    return classes


def showing(classes: Classes) -> list[dict[str | None, int]]:
    """Return the values of each class that shows any."""
    return [values for values in classes.values() if known(values)]


def sizes_of(classes: Classes) -> dict[Row, int]:
    """Return the people of each class."""
    return {of: sum(values.values()) for of, values in classes.items()}


def tables_of(people: Sequence[Person], plan: Plan, policy: Policy) -> dict[str, Table]:
    """Return what is published of these people."""
    population = counted(bank(people), (), policy)
    return {table.name: table for table in released(population, plan, policy)}


# --------------------------------------------------------------------------------------- people


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[Person, ...]:
    """Draw a few kinds of people, each with several values that are not rare: much is shown."""
    rng = random.Random(draw(seeds))
    kinds = {
        (
            rng.randrange(5),
            rng.choice([*(line[0] for line in LINES["town"]), None]),
            rng.choice([*(line[0] for line in LINES["job"]), None]),
        )
        for _ in range(rng.randint(2, 16))
    }
    values = rng.sample([*(line[0] for line in LINES["health"]), None], rng.randint(2, 4))
    savings = rng.sample([0, 1, 2, 3, None], rng.randint(2, 4))
    return tuple(
        Person(*kind, health, rng.choice(savings))
        for kind in sorted(kinds, key=repr)
        for health in values
        for _ in range(rng.choice([0, 3, 5, 6, 7, 9, 14]))
    )


crowds = st.one_of(populations(), mixtures(), mixtures())


# ------------------------------------------------------------------------------ a frozen function


@settings(max_examples=70)
@given(crowds, stored, policies())
def test_a_class_is_everybody_of_whom_the_plan_says_the_same_or_it_is_other(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    for name, table in tables_of(people, plan, policy).items():
        planned = Counter(Planned(plan).published(person, name) for person in people)
        sizes = sizes_of(classes_of(table.rows))
        width = len(next(iter(planned)))
        left = len(people) - sum(planned[of] for of in sizes)
        for of, number in sizes.items():
            if of == (OTHER,) * width:
                assert policy.recoding.suppressed == "other"
                assert number == left
            else:
                assert number == planned[of]
                assert number >= policy.limits.k
        assert left == 0 or left >= policy.limits.k
        assert ((OTHER,) * width in sizes) is (policy.recoding.suppressed == "other" and left > 0)


def _elsewhere(person: Person, plan: Plan, rng: random.Random) -> Person:
    """Return a person of other leaves, of whom the plan says the same."""
    other = replace(
        person,
        age=rng.randrange(5),
        **{
            name: rng.choice([*(line[0] for line in LINES[name]), None])
            for name in ("town", "job", "health")
        },
        savings=rng.choice([0, 1, 2, 3, None]),
    )
    planned = Planned(plan)
    moved = other if planned.node(other) == planned.node(person) else person
    same = [planned.value(other, name) == planned.value(person, name) for name in SENSITIVE]
    return replace(
        moved,
        health=other.health if same[0] else person.health,
        savings=other.savings if same[1] else person.savings,
    )


def _anywhere(person: Person, plan: Plan, rng: random.Random) -> Person:
    tries = (_elsewhere(person, plan, rng) for _ in range(6))
    return next((other for other in tries if other != person), person)


@settings(max_examples=40)
@given(crowds, stored, policies(), seeds)
def test_other_leaves_of_the_same_regions_change_nothing(
    people: Sequence[Person], plan: Plan, policy: Policy, seed: int
) -> None:
    rng = random.Random(seed)
    moved = [_anywhere(person, plan, rng) for person in people]
    one, other = (
        content(tuple(tables_of(each, plan, policy).values())) for each in (people, moved)
    )
    assert one == other


def test_people_do_move_within_their_regions_and_do_matter_outside() -> None:
    # Positive control of the law above.
    plan = plan_of([("1:under 30", "2:*", "0:nurse"), ("2:*", "1:west", "2:*")], _LEVELS)
    policy = policy_of(Method.MULTIDIMENSIONAL, {"k": 3}, adverse=False)
    people = [
        Person(age, town, job, health, 0)
        for age in range(5)
        for town in ("Peja", "Lipjan")
        for job in ("nurse", "baker")
        for health in ("flu", "cold", "asthma", "diabetes")
    ]
    rng = random.Random(1)
    moved = [_anywhere(person, plan, rng) for person in people]
    assert sum(one != other for one, other in zip(people, moved, strict=True)) > 20
    left = [replace(person, town="Gjilan") for person in people]
    one, other = (content(tuple(tables_of(each, plan, policy).values())) for each in (people, left))
    assert one != other


_LEVELS = {"health": 0, "savings": 0}


@settings(max_examples=40)
@given(crowds, stored, policies(), st.integers(0, 10**6))
def test_order_and_keys_say_nothing_and_twice_is_once(
    people: Sequence[Person], plan: Plan, policy: Policy, seed: int
) -> None:
    mixed = random.Random(seed).sample(people, len(people))
    again = Plan.from_stored(plan.stored())
    first = released(counted(bank(people), (), policy), plan, policy)
    other = bank(mixed, seed=seed, first_key=1 + seed)
    assert content(released(counted(other, (), policy), again, policy)) == content(first)
    assert content(released(counted(bank(people), (), policy), plan, policy)) == content(first)


@settings(max_examples=40)
@given(mixtures(), populations(groups=25), stored, policies())
def test_more_people_make_nobodys_label_finer(
    people: Sequence[Person], more: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    few, many = (tables_of(each, plan, policy) for each in (people, [*people, *more]))
    for name in few.keys() & many.keys():
        before, after = (sizes_of(classes_of(tables[name].rows)) for tables in (few, many))
        for person in people:
            label = Planned(plan).published(person, name)
            # Whoever is in both under a label of his own is there under the same.
            if label in before and label in after:
                assert after[label] >= before[label]


# ---------------------------------------------------------------------------------------- roll-ups


def splits(rows: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return which of the columns, the finest first, have a value with two coarser ones."""
    found = []
    for finer, coarser in pairwise(columns):
        for value, above in (
            rows.select(finer, coarser).unique().group_by(finer).agg(coarser).rows()
        ):
            if value is None:
                continue
            if len(above) != 1 or above[0] is None:
                found.append(finer)
    return found


@settings(max_examples=70)
@given(crowds, st.one_of(regional(), searched), policies())
def test_no_roll_up_of_regions_splits_a_class(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    if plan.regions is None:
        return
    for name, table in tables_of(people, plan, policy).items():
        for attribute in QUASI[name]:
            columns = [f"{attribute}_{level}" for level in range(LADDERS[attribute].top)]
            assert splits(table.rows, columns) == []
        assert table.rows.columns == [
            *(f"{name}_{level}" for name in QUASI[name] for level in range(LADDERS[name].top)),
            SENSITIVE[name],
            "people",
        ]


def test_a_split_would_be_found() -> None:
    def rows(*pairs: tuple[str | None, str | None]) -> pl.DataFrame:
        return pl.DataFrame(list(pairs), schema=["town_0", "town_1"], orient="row")

    columns = ["town_0", "town_1"]
    assert splits(rows(("Peja", "west"), ("Gjilan", "east"), (None, "east")), columns) == []
    assert splits(rows(("Peja", "west"), ("Peja", "east")), columns) == ["town_0"]
    assert splits(rows(("Peja", None)), columns) == ["town_0"]


# ------------------------------------------------------------------------------------ what is told


def broken(table: Table, plan: Plan, policy: Policy, people: Sequence[Person]) -> list[str]:
    """Return what a published table tells that it must not."""
    limits, name = policy.limits, table.name
    classes = classes_of(table.rows)
    shows = showing(classes)
    found = []
    fewest = fewest_behind_a_row(expand(table.rows))
    if fewest is not None and fewest < limits.k:
        found.append("k")
    if any(len(values) < limits.l for values in shows):
        found.append("l")
    if limits.entropy_l is not None:
        even = Fraction(limits.entropy_l)
        if not all(as_even_as(values.values(), even) for values in shows):
            found.append("entropy")
    if limits.t is not None:
        scale = Scale(LADDERS[SENSITIVE[name]], plan.levels[SENSITIVE[name]])
        apart, whole = DISTANCES[limits.t_distance.value], whole_of(shows)
        if any(apart(values, whole, scale) > _exactly(limits.t) for values in shows):
            found.append("t")
    caps = caps_of(name, plan, policy, people)
    shares = (
        (Fraction(values.get(label, 0), sum(values.values())), cap)
        for values in classes.values()
        for label, cap in caps.items()
    )
    if any(share > cap for share, cap in shares):
        found.append("cap")
    return found


def _exactly(limit: float) -> Fraction:
    return Fraction(str(limit))


def caps_of(
    name: str, plan: Plan, policy: Policy, people: Sequence[Person]
) -> dict[str | None, Fraction]:
    """Return the largest share of each adverse value, from everybody's own values."""
    if not policy.adverse(SENSITIVE[name]):
        return {}
    sensitive, limits = SENSITIVE[name], policy.limits
    adverse = LADDERS[sensitive].up(ADVERSE[name], 0, plan.levels[sensitive])
    assert adverse is not None
    whole = Counter(Planned(plan).value(person, name) for person in people)
    terms = (limits.lift_factor, limits.lift_plus, limits.largest_share)
    return {adverse: lift_cap(adverse, whole, *map(_exactly, terms))}


@settings(max_examples=120)
@given(crowds, stored, policies())
def test_no_published_table_tells_what_it_must_not(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    for name, table in tables_of(people, plan, policy).items():
        assert broken(table, plan, policy, people) == []
        wanted = caps_of(name, plan, policy, people)
        assert table.caps == {label: float(cap) for label, cap in wanted.items()}


@settings(max_examples=70)
@given(crowds, stored, policies())
def test_classes_that_show_a_value_are_diverse_in_the_source_too(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    for name, table in tables_of(people, plan, policy).items():
        source: dict[Row, Counter[str | None]] = {}
        kept = set(classes_of(table.rows))
        for person in people:
            of = Planned(plan).published(person, name)
            other = (OTHER,) * len(of)
            source.setdefault(of if of in kept else other, Counter())[
                Planned(plan).value(person, name)
            ] += 1
        for of, values in classes_of(table.rows).items():
            assert all(n <= source[of][value] for value, n in known(values).items())
            if known(values):
                assert len(known(source[of])) >= policy.limits.l


def _all_protected(classes: Classes, of: Table) -> Table:
    rows = [(*key, value, n) for key, values in classes.items() for value, n in values.items()]
    return replace(of, rows=pl.DataFrame(rows, schema=of.rows.schema, orient="row"))


PLANTED: Sequence[tuple[str, Callable[[Classes], Classes]]] = (
    ("k", lambda classes: {**classes, ("planted",) * _width(classes): {"flu": 2, None: 5}}),
    ("l", lambda classes: {**classes, ("planted",) * _width(classes): {"flu": 9}}),
    (
        "entropy",
        lambda classes: {**classes, ("planted",) * _width(classes): {"flu": 99, "cold": 3}},
    ),
    ("t", lambda classes: {**classes, ("planted",) * _width(classes): {"flu": 9, "asthma": 3}}),
    ("cap", lambda classes: {**classes, ("planted",) * _width(classes): {"diabetes": 9, "flu": 5}}),
)


def _width(classes: Classes) -> int:
    return len(next(iter(classes)))


@pytest.mark.parametrize(("law", "plant"), PLANTED)
@pytest.mark.parametrize("metric", sorted(DISTANCES))
@pytest.mark.parametrize("method", list(Method))
def test_a_planted_class_breaks_its_law(
    law: str, plant: Callable[[Classes], Classes], metric: str, method: Method
) -> None:
    people = [
        Person(age, "Peja", job, health, None)
        for age in range(5)
        for job in ("nurse", "baker")
        for health in ("flu", "cold", "asthma", "diabetes")
        for _ in range(4)
    ]
    limits = {"k": 3, "entropy-l": 1.5, "t": 0.3, "t-distance": metric, **CAPS[1]}
    policy = policy_of(method, limits)
    levels = {"age": 0, "town": 0, "job": 0, **_LEVELS}
    plan = plan_at(levels)
    if method is Method.MULTIDIMENSIONAL:
        plan = plan_of([(f"{0}:{age[0]}", "2:*", "2:*") for age in LADDERS["age"].lines], _LEVELS)
    table = tables_of(people, plan, policy)["people"]
    assert showing(classes_of(table.rows))
    assert broken(table, plan, policy, people) == []
    planted = _all_protected(plant(classes_of(table.rows)), table)
    assert law in broken(planted, plan, policy, people)


def test_without_its_cap_a_class_would_say_who_is_ill() -> None:
    # The same people with no adverse values declared: what the cap is for is really there.
    people = [
        Person(age, line[0], "nurse", health, 0)
        for age in range(2)
        for line in LINES["town"]
        for health, n in (("flu", 6), ("cold", 6), ("diabetes", 0 if age else 60))
        for _ in range(n if health != "diabetes" or line[0] == "Peja" else 0)
    ]
    limits = {"k": 3, **CAPS[1]}
    towns = [
        (f"0:{age[0]}", f"0:{town[0]}", "2:*")
        for age in LADDERS["age"].lines
        for town in LINES["town"]
    ]
    for method, plan in (
        (Method.FULL_DOMAIN, plan_at({"age": 0, "town": 0, "job": 0, **_LEVELS})),
        (Method.MULTIDIMENSIONAL, plan_of(towns, _LEVELS)),
    ):
        capped, open_ = (policy_of(method, limits, adverse=adverse) for adverse in (True, False))
        bare = tables_of(people, plan, open_)["people"]
        assert "cap" in broken(bare, plan, capped, people)
        kept = tables_of(people, plan, capped)["people"]
        assert broken(kept, plan, capped, people) == []
        # Blanked are the young of the west, not the others.
        assert len(showing(classes_of(kept.rows))) == 6


def test_a_lopsided_class_shows_nothing_where_values_have_to_be_even() -> None:
    people = [
        Person(age, "Peja", "nurse", health, 0)
        for age, few in ((0, 3), (2, 20), (3, 20), (4, 20))
        for health, n in (("flu", 40), ("cold", few))
        for _ in range(n)
    ]
    for method, plan in (
        (Method.FULL_DOMAIN, plan_at({"age": 0, "town": 2, "job": 2, **_LEVELS})),
        (
            Method.MULTIDIMENSIONAL,
            plan_of([(f"0:{age[0]}", "2:*", "2:*") for age in LADDERS["age"].lines], _LEVELS),
        ),
    ):
        free, bound = (
            policy_of(method, {"k": 3, **limits}, adverse=False)
            for limits in ({}, {"entropy-l": 1.5})
        )
        bare = tables_of(people, plan, free)["people"]
        assert broken(bare, plan, bound, people) == ["entropy"]
        # All four are one another's company: nothing is left to be published.
        assert "people" in tables_of(people, plan, free)
        assert "people" not in tables_of(people, plan, bound)


@pytest.mark.parametrize("method", list(Method))
def test_blanking_one_group_may_set_another_apart_from_what_is_left(method: Method) -> None:
    # Under 30 the nurses are far from everybody; without that group the nurses of 30 to 44 are far
    # from the others of their age, who were between both.
    counts = {
        (0, "nurse"): (6, 24),
        (0, "teacher"): (50, 50),
        (0, "welder"): (50, 50),
        (2, "nurse"): (18, 22),
        (2, "teacher"): (45, 15),
        (2, "welder"): (45, 15),
    }
    people = [Person(4, "Peja", "nurse", None, 0)] * 50
    for (age, job), numbers in counts.items():
        for health, number in zip(("flu", "cold"), numbers, strict=True):
            people += [Person(age, "Peja", job, health, 0)] * number
    plan = plan_at({"age": 0, "town": 0, "job": 0, **_LEVELS})
    if method is Method.MULTIDIMENSIONAL:
        plan = plan_of(
            [
                (f"0:{age[0]}", "2:*", f"0:{job[0]}")
                for age in LADDERS["age"].lines
                for job in _JOBS
            ],
            _LEVELS,
        )
    free, bound = (
        policy_of(method, {"k": 3, **limits}, adverse=False) for limits in ({}, {"t": 0.22})
    )
    assert len(showing(classes_of(tables_of(people, plan, free)["people"].rows))) == 6
    assert showing(classes_of(tables_of(people, plan, bound)["people"].rows)) == []


_JOBS = LINES["job"]


# ------------------------------------------------------------------------------------------ holes


def holes(tables: Mapping[str, Table], people: int, k: int) -> list[str]:
    """Return which differences between the tables, and everybody, are of 1 to k-1 people."""
    found = []
    sizes = {
        name: {of: n for of, n in sizes_of(classes_of(table.rows)).items() if set(of) != {OTHER}}
        for name, table in tables.items()
    }
    for name, mine in sizes.items():
        if 0 < people - sum(mine.values()) < k:
            found.append(f"everybody minus {name}")
    if len(sizes) < len(QUASI):
        return found
    wide = _width_of(tables["wealth"])
    fine: Counter[Row] = Counter()
    for of, number in sizes["people"].items():
        fine[of[:wide]] += number
    coarse = sizes["wealth"]
    if any(0 < abs(number - fine[of]) < k for of, number in coarse.items()):
        found.append("wealth minus people")
    beside = sum(number for of, number in fine.items() if of not in coarse)
    if 0 < people - sum(coarse.values()) - beside < k:
        found.append("everybody minus both")
    if len(others := _others(tables)) == len(QUASI) and 0 < abs(others[0] - others[1]) < k:
        found.append("other minus other")
    return found


def _others(tables: Mapping[str, Table]) -> list[int]:
    """Return how many people are called other, in each table that has such a class."""
    return [
        number
        for table in tables.values()
        for of, number in sizes_of(classes_of(table.rows)).items()
        if set(of) == {OTHER}
    ]


def _width_of(table: Table) -> int:
    return len(table.rows.columns) - 2


@settings(max_examples=120)
@given(crowds, stored, policies())
def test_no_table_taken_from_what_is_known_leaves_fewer_than_k_people(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    found = holes(tables_of(people, plan, policy), len(people), policy.limits.k)
    assert set(found) <= {"everybody minus both", "other minus other"}


@settings(max_examples=120)
@given(crowds, stored, policies())
def test_both_tables_together_leave_nobody_alone(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    assert holes(tables_of(people, plan, policy), len(people), policy.limits.k) == []


@pytest.mark.parametrize("suppressed", ["out", "other"])
@pytest.mark.parametrize("method", list(Method))
def test_a_class_that_one_table_leaves_out_for_company_is_not_found_in_the_other(
    method: Method, suppressed: str
) -> None:
    # Two young people are too few. The table without jobs leaves out four more with them, that
    # with jobs three others; the four are in it, so that two are missing from both.
    groups = ((0, "nurse", 2), (1, "nurse", 4), (2, "nurse", 3), (2, "baker", 10))
    people = [Person(age, "Peja", job, None, None) for age, job, n in groups for _ in range(n)]
    plan = plan_at({"age": 0, "town": 0, "job": 0, **_LEVELS})
    if method is Method.MULTIDIMENSIONAL:
        labels = [
            (f"0:{age[0]}", "0:Peja", f"0:{job[0]}")
            for age in LADDERS["age"].lines
            for job in LINES["job"]
        ]
        plan = plan_of(labels, _LEVELS)
    tables = tables_of(people, plan, policy_of(method, {"k": 3}, suppressed=suppressed))
    assert set(tables) == set(QUASI)
    assert holes(tables, len(people), 3) == []


def test_a_hole_would_be_found() -> None:
    people = [Person(age, "Peja", job, None, None) for age, job in ((1, "nurse"), (1, "baker"))] * 5
    policy = policy_of(Method.FULL_DOMAIN, {"k": 3})
    tables = tables_of(people, plan_at({"age": 0, "town": 0, "job": 0, **_LEVELS}), policy)
    assert holes(tables, 10, 3) == []
    assert holes(tables, 11, 3) == [
        "everybody minus people",
        "everybody minus wealth",
        "everybody minus both",
    ]
    one_less = tables["people"].rows.with_columns(people=pl.Series([5, 4]))
    fewer = {**tables, "people": replace(tables["people"], rows=one_less)}
    assert "wealth minus people" in holes(fewer, 10, 3)


# --------------------------------------------------------------------- what a value does not decide


def _other_values(people: Sequence[Person], seed: int) -> list[Person]:
    rng = random.Random(seed)
    few = rng.sample([*(line[0] for line in LINES["health"]), None], rng.randint(1, 5))
    return [
        replace(person, health=rng.choice(few), savings=rng.choice([0, 0, 3, None]))
        for person in people
    ]


def protected(candidate: Candidate, plan: Plan, policy: Policy) -> Protected:
    """Return what a plan makes of a table."""
    recoded = recode(candidate, HIERARCHIES, recoding_of(plan, HIERARCHIES))
    level = plan.levels[candidate.sensitive]
    return protect(recoded, HIERARCHIES, level, policy.limits.k, terms_of(policy))


def together(made: Protected) -> dict[Row, int]:
    """Return which classes stay, and which of them are blanked together."""
    group = parent_groups(made.cells, made.blanked.kept, HIERARCHIES)
    return {
        tuple(of): number
        for of, number, stays in zip(
            made.cells.classes.tolist(), group.tolist(), made.blanked.kept.tolist(), strict=True
        )
        if stays
    }


@settings(max_examples=50)
@given(crowds, stored, policies(), seeds)
def test_no_value_decides_who_is_left_out_or_who_is_blanked_with_whom(
    people: Sequence[Person], plan: Plan, policy: Policy, seed: int
) -> None:
    if not people:
        return
    one, other = (
        [
            together(protected(candidate, plan, policy))
            for candidate in counted(bank(each), (), policy).candidates
        ]
        for each in (people, _other_values(people, seed))
    )
    assert one == other
    for groups in one:
        companies = Counter(groups.values())
        assert all(number >= min(3, len(groups)) for number in companies.values())


@settings(max_examples=50)
@given(crowds, stored, policies())
def test_a_class_is_blanked_with_all_of_its_company_or_for_want_of_a_common_value(
    people: Sequence[Person], plan: Plan, policy: Policy
) -> None:
    k = policy.limits.k
    for candidate in counted(bank(people), (), policy).candidates if people else ():
        made = protected(candidate, plan, policy)
        shown, common = Counter[Row](), set[Row]()
        for of, value, number, seen in zip(
            made.cells.classes[made.cells.of].tolist(),
            made.cells.value.tolist(),
            made.cells.people.tolist(),
            made.blanked.shown.tolist(),
            strict=True,
        ):
            shown[tuple(of)] += seen
            if number >= k and value != made.cells.null:
                common.add(tuple(of))
        groups = together(made)
        blanked = {groups[of] for of in groups if not shown[of] and of in common}
        assert all(not shown[of] for of, group in groups.items() if group in blanked)


@settings(max_examples=40)
@given(crowds, stored, policies(), seeds)
def test_who_of_a_class_has_which_value_changes_nothing(
    people: Sequence[Person], plan: Plan, policy: Policy, seed: int
) -> None:
    rng, dealt = random.Random(seed), list(people)
    for name, table in (("health", "people"), ("savings", "wealth")):
        classes: dict[Row, list[int]] = {}
        for position, person in enumerate(people):
            classes.setdefault(Planned(plan).published(person, table), []).append(position)
        for members in classes.values():
            for member, giver in zip(members, rng.sample(members, len(members)), strict=True):
                value: object = getattr(people[giver], name)
                dealt[member] = replace(dealt[member], **{name: value})  # type: ignore[arg-type]  # chosen by name
    one, other = (
        content(tuple(tables_of(each, plan, policy).values())) for each in (people, dealt)
    )
    assert one == other


# ---------------------------------------------------------------------------------- at the borders


def test_a_plan_without_any_region_puts_everybody_into_one_class() -> None:
    people = [Person(1, "Peja", "nurse", health, 0) for health in ("flu", "cold")] * 4
    policy = policy_of(Method.MULTIDIMENSIONAL, {"k": 3}, adverse=False)
    plan = Plan.from_stored(plan_of([], _LEVELS).stored())
    table = tables_of(people, plan, policy)["people"]
    assert classes_of(table.rows) == {(None,) * 6: {"flu": 4, "cold": 4}}


def test_a_plan_chosen_where_no_group_is_like_everybody_can_be_applied() -> None:
    # Two people of a rare value are blanked wherever they are: no group is as near as 0.05.
    values = {"flu": 10, "cold": 10, "asthma": 2}
    people = [
        Person(1, "Peja", "nurse", health, 0) for health, n in values.items() for _ in range(n)
    ]
    policy = policy_of(Method.MULTIDIMENSIONAL, {"k": 3, "t": 0.05}, adverse=False)
    policy = policy.model_copy(update={"microdata": {"people": policy.microdata["people"]}})
    population = counted(bank(people), (), policy)
    plan = choose_plan(population, policy, DIGEST, HIERARCHIES, AS_OF, UNHURRIED)
    (table,) = anonymise(population, policy, HIERARCHIES, plan)
    assert table.figures == plan.tables["people"]
    assert broken(table, plan, policy, people) == []


def test_a_class_that_is_all_blank_is_no_trouble_for_an_ordered_distance() -> None:
    # The class of Gjilan shows nothing, and nobody else is blank.
    common = [Person(1, "Peja", "nurse", health, 0) for health in ("flu", "cold")] * 5
    rare = [Person(3, "Gjilan", "nurse", line[0], 0) for line in LINES["health"]]
    limits = {"k": 3, "t": 0.9, "t-distance": "ordered"}
    for method, plan in (
        (Method.FULL_DOMAIN, plan_at({"age": 0, "town": 0, "job": 0, **_LEVELS})),
        (Method.MULTIDIMENSIONAL, plan_of([("2:*", "0:Peja", "2:*")], _LEVELS)),
    ):
        policy = policy_of(method, limits, adverse=False)
        table = tables_of([*common, *rare], plan, policy)["people"]
        values = list(classes_of(table.rows).values())
        assert len(values) == 2
        assert {"flu": 5, "cold": 5} in values
        assert {None: 4} in values


def test_these_laws_are_not_about_empty_tables() -> None:
    # Positive control: chosen plans publish other people too, in regions of several levels.
    people = mixed(7, 300)
    for method in Method:
        plan = chosen(0, method)
        assert plan.method is method
        tables = tables_of(people, plan, policy_of(method, {"k": 3}, adverse=False))
        assert set(tables) == {"people", "wealth"}
        assert len(showing(classes_of(tables["people"].rows))) > 5
