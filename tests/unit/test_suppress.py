"""Who is left out of a table, by hand: at the limit, and where two tables are compared."""

from __future__ import annotations

import pytest
from builders import (
    AS_OF,
    POLICY,
    UNHURRIED,
    Fields,
    Person,
    bank,
    counted,
    hierarchies_of,
    plan_at,
    policy_fields,
    policy_limits,
    under,
)
from pydantic import ValidationError

from transforms.anonymise import anonymise, choose_plan
from transforms.errors import Refused
from transforms.policy.whole import Policy


def group(count: int, age: int, town: str, job: str = "nurse") -> list[Person]:
    """Return people who are alike but for what is sensitive: half of each value."""
    return [
        Person(age, town, job, ("flu", "asthma")[number % 2], 3 * (number % 2))
        for number in range(count)
    ]


FINEST = plan_at({"age": 0, "town": 0, "job": 0, "health": 0, "savings": 0})


def test_a_class_below_k_is_left_out_and_the_smallest_other_hides_how_many() -> None:
    people = group(8, 1, "Peja") + group(9, 1, "Peja", "baker") + group(2, 1, "Peja", "welder")
    # Left out are two, who could be counted by the other table: the class of eight goes as well.
    tables = anonymise(counted(bank(people)), POLICY, hierarchies_of(POLICY), FINEST)
    assert [table.people for table in tables] == [9, 19]


def test_exactly_the_share_that_may_be_left_out_may_be() -> None:
    towns = ("Gjakova", "Prishtina", "Lipjan", "Gjilan", "Peja")
    alone = [person for town in towns for person in group(2, 4, town)] + group(1, 3, "Peja")
    people = group(209, 1, "Peja") + alone
    # 11 of 220 are exactly 5 %: at most 5 % may be left out, so this may be published.
    policy = under(POLICY, policy_limits(3, suppression=0.05))
    tables = anonymise(counted(bank(people), (), policy), policy, hierarchies_of(policy), FINEST)
    assert [table.people for table in tables] == [209, 209]


def test_one_more_than_may_be_left_out_is_refused() -> None:
    towns = ("Gjakova", "Prishtina", "Lipjan", "Gjilan", "Peja")
    alone = [person for town in towns for person in group(2, 4, town)] + group(2, 3, "Peja")
    policy = under(POLICY, policy_limits(3, suppression=0.05))
    population = counted(bank(group(209, 1, "Peja") + alone), (), policy)
    with pytest.raises(Refused, match=r"table people: the plan would leave out at most 5\.5 % of"):
        anonymise(population, policy, hierarchies_of(policy), FINEST)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_about_fewer_than_k_people_nothing_is_said(count: int) -> None:
    policy = under(POLICY, policy_limits(3))
    population = counted(bank(group(count, 1, "Peja")), (), policy)
    with pytest.raises(Refused, match="fewer than 3 people are eligible"):
        anonymise(population, policy, hierarchies_of(policy), FINEST)
    with pytest.raises(Refused, match="fewer than 3 people are eligible"):
        choose_plan(population, policy, "d", hierarchies_of(policy), AS_OF, UNHURRIED)


def test_two_tables_that_overlap_in_a_column_are_refused() -> None:
    """Both would count the people of a town, and their difference could be a single person."""
    fields: Fields = policy_fields()
    columns = fields["sources"]["people"]["columns"]
    columns["diet"] = {**columns["health"], "attribute": "diet", "hierarchy": "health"}
    fields["microdata"]["work"] = {
        "meaning": "What they eat",
        "quasi-identifiers": ["town", "job"],
        "sensitive": "diet",
    }
    with pytest.raises(ValidationError, match="overlap"):
        Policy.model_validate(fields)
