"""What nobody has decided yet loads, is listed, is never read, and stops a release."""

from __future__ import annotations

import pytest
from builders import policy_fields
from pydantic import ValidationError

from transforms.policy.whole import Policy


def test_a_policy_with_open_questions_loads_and_lists_them_with_the_way_out() -> None:
    fields = policy_fields()
    table = next(iter(fields["sources"]))
    fields["sources"][table]["columns"]["x7"] = {"role": "undecided", "clause": 9}
    fields["subject"]["undecided"] = True
    fields["eligibility"].pop("persons")
    fields["eligibility"]["undecided"] = ["persons"]
    questions = Policy.model_validate(fields).questions
    assert [question.split(" is undecided: ")[0] for question in questions] == [
        "subject", f"column {table}.x7", "eligibility.persons"
    ]  # fmt: skip
    assert all(": " in question for question in questions)


def test_an_undecided_column_is_never_read() -> None:
    fields = policy_fields()
    table = next(iter(fields["sources"]))
    fields["sources"][table]["columns"]["x7"] = {"role": "undecided", "clause": 9}
    assert "x7" not in Policy.model_validate(fields).reads()[table]


def test_a_category_of_clause_16_may_be_undecided_but_not_decided_as_well() -> None:
    fields = policy_fields()
    holder = fields["sources"]["people"]["columns"]
    category = "exact residence"
    for name in [name for name, one in holder.items() if one.get("category") == category]:
        holder[name] = {"role": "undecided", "clause": 9}
    fields["not-collected"] = [one for one in fields.get("not-collected", []) if one != category]
    fields["undecided"] = [category]
    assert any(category in question for question in Policy.model_validate(fields).questions)
    fields["not-collected"] = [category]
    with pytest.raises(ValidationError, match="is decided: take it out"):
        Policy.model_validate(fields)


def test_a_rule_is_not_given_and_undecided() -> None:
    fields = policy_fields()
    fields["eligibility"]["undecided"] = ["persons"]
    with pytest.raises(ValidationError, match="give the rule persons"):
        Policy.model_validate(fields)


def test_a_policy_without_a_table_to_release_is_an_open_question() -> None:
    fields = policy_fields()
    fields["microdata"] = {}
    assert "declare one" in Policy.model_validate(fields).questions[-1]


def test_a_decided_policy_has_no_open_question() -> None:
    assert Policy.model_validate(policy_fields()).questions == ()


def test_a_lookup_is_a_file_or_lines() -> None:
    fields = policy_fields()
    name = next(name for name, one in fields["hierarchies"].items() if "file" in one)
    fields["hierarchies"][name] = {"others": "all others"}
    with pytest.raises(ValidationError, match="either a file, or lines"):
        Policy.model_validate(fields)
