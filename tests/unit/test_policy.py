"""The policy is strict: each thing that is wrong stops the run, and the message names it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import Fields, policy_fields
from pydantic import ValidationError

from transforms.policy.roles import READ_FOR_MICRODATA, Role
from transforms.policy.whole import Policy

BANK = Path(__file__).parents[2] / "data" / "policy" / "bank.toml"


def refused(fields: Fields) -> str:
    """Return what is said of a policy that must not pass."""
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(fields)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in caught.value.errors()
    )


def changed(change: Callable[[Fields], object]) -> Fields:
    """Return the small policy with one thing changed."""
    fields = policy_fields()
    change(fields)
    return fields


def with_column(column: str, table: str = "people", **said: object) -> Fields:
    """Return the small policy with something else said of one column."""
    fields = policy_fields()
    fields["sources"][table]["columns"].setdefault(column, {"clause": 9}).update(said)
    return fields


def without(column: str, *words: str, table: str = "people") -> Fields:
    """Return the small policy with less said of one column."""
    fields = policy_fields()
    for word in words:
        del fields["sources"][table]["columns"][column][word]
    return fields


def test_the_small_policy_and_the_demo_bank_are_right() -> None:
    Policy.model_validate(policy_fields())
    Policy.model_validate(tomllib.loads(BANK.read_text("utf-8")))


# ---------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("limit", lambda f: f.update(limit={})),
        ("limits.K", lambda f: f["limits"].update(K=5)),
        ("subject.keys", lambda f: f["subject"].update(keys="id")),
        ("eligibility.minor", lambda f: f["eligibility"].update(minor={})),
        ("minors.over", lambda f: f["eligibility"]["minors"].update(over=18)),
        ("sources.people.colums", lambda f: f["sources"]["people"].update(colums={})),
        ("town.hierachy", lambda f: f["sources"]["people"]["columns"]["town"].update(hierachy="")),
        ("quasi_identifiers", lambda f: f["microdata"]["people"].update(quasi_identifiers=())),
        ("microdata.people.where", lambda f: f["microdata"]["people"].update(where="age > 17")),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named(place: str, change: Callable[[Fields], object]) -> None:
    said = refused(changed(change))
    assert place in said
    assert "Extra inputs are not permitted" in said


def test_an_unknown_role_is_named() -> None:
    said = refused(with_column("note", role="sensitiv"))
    assert "sources.people.columns.note.role" in said
    assert "'quasi-identifier'" in said


@pytest.mark.parametrize("clause", [8, 16, 26, None])
def test_a_column_was_collected_under_a_clause_that_collects(clause: int | None) -> None:
    assert "columns.note.clause" in refused(with_column("note", clause=clause))


@pytest.mark.parametrize(
    "limits", [{"k": 1}, {"l": 1}, {"suppression": 1}, {"blanking": -0.1}, {"k": "many"}]
)
def test_a_limit_that_protects_nobody_is_refused(limits: Fields) -> None:
    assert f"limits.{next(iter(limits))}" in refused(changed(lambda f: f["limits"].update(limits)))


def test_a_margin_below_k_is_refused() -> None:
    fields = changed(lambda f: f["limits"].update({"k": 11, "calibration-k": 10}))
    assert "calibration-k is below k" in refused(fields)


# ----------------------------------------------------------------------------------- columns


@pytest.mark.parametrize("column", ["town", "health"])
def test_what_is_published_needs_a_hierarchy(column: str) -> None:
    assert "needs a hierarchy to be generalised by" in refused(without(column, "hierarchy"))


def test_what_is_published_needs_a_meaning() -> None:
    assert "needs a meaning" in refused(without("town", "meaning"))


def test_what_is_read_needs_a_type() -> None:
    assert "columns.kind: Value error, a eligibility column is read" in refused(
        without("kind", "type")
    )


@pytest.mark.parametrize("word", ["hierarchy", "attribute", "meaning", "derive"])
def test_what_is_never_published_says_nothing_of_publishing(word: str) -> None:
    said = {"derive": "total"}.get(word, "town")
    assert "say nothing on a identifier column" in refused(with_column("name", **{word: said}))


@pytest.mark.parametrize(
    ("column", "derive", "kind"),
    [("born", "completed years", "text"), ("born", "total", "date"), ("town", "total", "text")],
)
def test_what_is_derived_fits_its_type(column: str, derive: str, kind: str) -> None:
    said = refused(with_column(column, derive=derive, type=kind))
    assert f'derive = "{derive}" does not go with type "{kind}"' in said


def test_a_total_belongs_to_a_table_of_many_rows() -> None:
    said = refused(with_column("health", derive="total", type="number", hierarchy="savings"))
    assert 'sources.people.columns.health: derive = "total"' in said
    assert 'sources.accounts.columns.balance: derive = "total"' in refused(
        without("balance", "derive", table="accounts")
    )


@pytest.mark.parametrize(
    ("column", "hierarchy", "form"),
    [("town", "savings", "bands need numbers"), ("born", "town", "numbers need bands")],
)
def test_a_hierarchy_fits_its_column(column: str, hierarchy: str, form: str) -> None:
    said = refused(with_column(column, hierarchy=hierarchy))
    assert f'sources.people.columns.{column}: hierarchy "{hierarchy}" does not fit: {form}' in said


def test_a_missing_hierarchy_is_named() -> None:
    said = refused(with_column("town", hierarchy="village"))
    assert 'sources.people.columns.town: there is no hierarchy "village"' in said


def test_two_attributes_of_one_name_are_refused() -> None:
    assert 'a second attribute is called "job"' in refused(with_column("town", attribute="job"))


@pytest.mark.parametrize("name", ["people", "id"])
def test_an_attribute_whose_name_is_taken_is_refused(name: str) -> None:
    # `people` is the count of every table, `id` the key: two columns of one name cannot be.
    fields = with_column("town", attribute=name)
    for table in fields["microdata"].values():
        table["quasi-identifiers"] = [
            name if q == "town" else q for q in table["quasi-identifiers"]
        ]
    assert name in refused(fields)


# ------------------------------------------------------------------------------- clause 16


@pytest.mark.parametrize(
    ("column", "category"),
    [
        ("number", "national identification number"),
        ("passport", "identity documents and their details"),
        ("street", "exact residence"),
    ],
)
def test_somebody_answers_for_each_forbidden_category(column: str, category: str) -> None:
    fields = policy_fields()
    del fields["sources"]["people"]["columns"][column]
    assert f'clause 16 forbids "{category}", and no column answers for it' in refused(fields)
    fields["not-collected"] = [category]
    assert category in Policy.model_validate(fields).not_collected


def test_a_category_is_collected_or_not() -> None:
    fields = changed(lambda f: f.update({"not-collected": ["exact residence"]}))
    assert '"exact residence" is listed under not-collected, but a column holds it' in refused(
        fields
    )


@pytest.mark.parametrize("category", [None, "shoe size"])
def test_a_forbidden_column_names_its_category(category: str | None) -> None:
    said = refused(with_column("street", category=category))
    assert "a forbidden column names its category of clause 16" in said
    assert '"exact residence"' in said


# ------------------------------------------------------------------------------ eligibility


@pytest.mark.parametrize(
    ("rule", "word"),
    [("persons", "column"), ("minors", "birth"), ("minors", "consent"), ("retention", "ended")],
)
def test_a_rule_names_columns_that_there_are(rule: str, word: str) -> None:
    fields = changed(lambda f: f["eligibility"][rule].update({word: "nowhere"}))
    assert 'eligibility names "nowhere", which is not a column of people' in refused(fields)


@pytest.mark.parametrize("column", ["number", "name", "note"])
def test_a_rule_reads_no_column_that_is_never_read(column: str) -> None:
    fields = changed(lambda f: f["eligibility"]["persons"].update(column=column))
    assert f'eligibility needs "{column}", but role' in refused(fields)


@pytest.mark.parametrize("rule", ["erased", "restricted", "persons", "minors", "retention"])
def test_a_rule_stands_there_or_a_reason_does(rule: str) -> None:
    fields = policy_fields()
    fields["eligibility"].pop(rule, None)
    fields["eligibility"]["not-applicable"].pop(rule, None)
    assert f"give the rule {rule}, or say under not-applicable" in refused(fields)
    fields["eligibility"]["not-applicable"][rule] = "there are none"
    Policy.model_validate(fields)


def test_a_rule_and_a_reason_against_it_are_refused() -> None:
    fields = changed(lambda f: f["eligibility"]["not-applicable"].update(minors="none"))
    assert "give the rule minors" in refused(fields)


def test_nobody_under_14_is_anything_but_a_minor() -> None:
    fields = changed(lambda f: f["eligibility"]["minors"].update(under=13))
    assert "eligibility.minors.under" in refused(fields)


@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        ({"erased": {"column": "kind"}}, "text", "of type boolean or date or timestamp"),
        ({"restricted": {"column": "kind"}}, "integer", "of type boolean or date or timestamp"),
        ({"restricted": {"column": "kind", "until": "ended"}}, "boolean", "of type date or time"),
        ({"restricted": {"column": "ended", "until": "kind"}}, "boolean", "of type date or time"),
    ],
)
def test_a_mark_is_a_day_or_a_truth_and_has_an_end_only_where_it_has_a_day(
    rule: Fields, kind: str, said: str
) -> None:
    fields = with_column("kind", type=kind)
    fields["eligibility"] |= rule
    for name in ("persons", *rule):
        fields["eligibility"]["not-applicable"].pop(name, None)
    fields["eligibility"].pop("persons")
    fields["eligibility"]["not-applicable"]["persons"] = "there are only persons"
    assert f'eligibility needs "kind" to be {said}' in refused(fields)


def test_a_column_that_two_rules_read_fits_both() -> None:
    fields = changed(lambda f: f["eligibility"]["minors"].update(birth="kind"))
    assert 'eligibility needs "kind" to be of type date' in refused(fields)


# -------------------------------------------------------------------------------- retention


@pytest.mark.parametrize(("clause", "most"), [(9, 60), (11, 60), (12, 60), (14, 24), (15, 0)])
def test_no_clause_is_kept_for_longer_than_the_privacy_policy_says(clause: int, most: int) -> None:
    def fields(months: int) -> Fields:
        said = {"months": {str(clause): months}}
        return changed(lambda f: f["eligibility"]["retention"].update(said))

    assert f"clause {clause} lets data be kept for at most {most} months" in refused(
        fields(most + 1)
    )
    Policy.model_validate(fields(most))


@pytest.mark.parametrize("clause", [10, 13])
def test_what_counts_from_a_day_of_its_own_has_no_months_after_the_end(clause: int) -> None:
    said = {"months": {str(clause): 1}}
    fields = changed(lambda f: f["eligibility"]["retention"].update(said))
    assert f"clause {clause} does not count from the end of the relationship" in refused(fields)


@pytest.mark.parametrize("months", [{"8": 1}, {"16": 1}, {"12": -1}, {"12": "a while"}, {"x": 1}])
def test_months_are_of_a_clause_that_collects(months: Fields) -> None:
    fields = changed(lambda f: f["eligibility"]["retention"].update(months=months))
    assert "eligibility.retention.months" in refused(fields)


def with_kept(table: str = "accounts", clause: int = 10, **kept: object) -> Fields:
    """Return the small policy with rows of a table that lapse by a day of their own."""
    fields = policy_fields()
    columns = fields["sources"][table]["columns"]
    for name, kind in (("arose", "date"), ("court", "boolean"), ("paid", "timestamp")):
        columns[name] = {"role": "eligibility", "clause": clause, "type": kind}
    columns["old"] = {"role": "event time", "clause": clause, "type": "date"}
    fields["sources"][table]["kept"] = {"since": "arose", "months": 1, **kept}
    return fields


COURT: Fields = {"proceedings": "court", "settled": "paid", "settled-months": 24}


@pytest.mark.parametrize("clause", [10, 13])
def test_rows_may_be_kept_from_a_day_of_their_own(clause: int) -> None:
    Policy.model_validate(with_kept(clause=clause))
    Policy.model_validate(with_kept(clause=10, **COURT))


@pytest.mark.parametrize(
    ("kept", "clause", "said"),
    [
        ({"since": "nowhere"}, 10, 'names "nowhere", which is not a column of accounts'),
        ({"since": "old"}, 10, 'needs "old", but role event time is never read'),
        ({"since": "court"}, 10, 'needs "court" to be of type date or timestamp'),
        ({**COURT, "proceedings": "paid"}, 10, 'needs "paid" to be of type boolean'),
        ({**COURT, "settled": "court"}, 10, 'needs "court" to be of type date or timestamp'),
        ({"proceedings": "court"}, 10, "proceedings, settled and settled-months go together"),
        ({**COURT, "settled-months": 25}, 10, "kept.settled-months"),
        ({"months": 61}, 10, "kept.months"),
        ({"months": 2}, 13, "kept: clause 13 lets rows be kept for at most 1 months"),
        (COURT, 13, "kept: clause 13 knows no legal proceedings"),
        ({}, 12, "kept: what clause 12 collected counts from the end of the relationship"),
    ],
)
def test_rows_are_kept_by_what_can_be_read_and_for_as_long_as_their_clause_says(
    kept: Fields, clause: int, said: str
) -> None:
    assert said in refused(with_kept("accounts", clause, **kept))


def test_the_persons_own_records_lapse_with_the_person() -> None:
    said = refused(with_kept("people"))
    assert "sources.people.kept: the person's own records lapse by eligibility.retention" in said


@pytest.mark.parametrize("clause", [10, 13])
def test_what_counts_from_a_day_is_published_only_where_the_day_is_named(clause: int) -> None:
    fields = with_kept(clause=clause)
    fields["sources"]["accounts"]["columns"]["balance"]["clause"] = clause
    Policy.model_validate(fields)
    del fields["sources"]["accounts"]["kept"]
    said = refused(fields)
    assert (
        f"sources.accounts.columns.balance: clause {clause} counts from a day of each row" in said
    )
    own = with_column("health", clause=clause)
    assert f"sources.people.columns.health: clause {clause} counts from a day" in refused(own)


# ----------------------------------------------------------------------------- who and where


@pytest.mark.parametrize("subject", [{}, {"key": "id", "row-is-a-person": True}])
def test_a_person_is_a_key_or_a_row(subject: Fields) -> None:
    fields = changed(lambda f: f.update(subject={"source": "people", **subject}))
    assert "give either a key, or row-is-a-person = true" in refused(fields)


@pytest.mark.parametrize("key", ["nowhere", "kind"])
def test_the_key_is_a_column_of_role_subject(key: str) -> None:
    fields = changed(lambda f: f["subject"].update(key=key))
    assert f'subject.key "{key}" is not a column of people with role subject' in refused(fields)


def test_the_subject_is_in_a_source() -> None:
    fields = changed(lambda f: f["subject"].update(source="clients"))
    assert 'subject.source "clients" is not among the sources' in refused(fields)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ({"through": "nowhere", "on": "account"}, 'there is no source "nowhere"'),
        ({"through": "holders", "on": "iban"}, '"iban" must have role link in accounts'),
        (None, "sources.accounts: no column has role subject, and no subject is given"),
    ],
)
def test_the_link_to_a_person_is_there(subject: Fields | None, said: str) -> None:
    fields = changed(lambda f: f["sources"]["accounts"].update(subject=subject))
    assert said in refused(fields)


@pytest.mark.parametrize("role", sorted(set(Role) - READ_FOR_MICRODATA))
def test_no_column_that_is_never_read_links_a_table_to_a_person(role: Role) -> None:
    fields = policy_fields()
    for table in ("accounts", "holders"):
        fields["sources"][table]["columns"]["secret"] = {
            "role": role,
            "clause": 9,
            "category": "exact residence",
        }
    fields["sources"]["accounts"]["subject"]["on"] = "secret"
    assert "secret" in refused(fields)


# ---------------------------------------------------------------------------------- microdata


def test_every_table_cuts_people_as_the_first_does() -> None:
    fields = policy_fields()
    fields["microdata"]["people"]["quasi-identifiers"] = ["age", "job"]
    said = refused(fields)
    assert "microdata.wealth: quasi-identifiers must be among those of the first table" in said


def test_no_two_tables_show_the_same_sensitive_column() -> None:
    # The difference of the two would count the people whose value one of them hides; and one
    # level cannot be the best of two tables at once.
    fields = changed(lambda f: f["microdata"]["wealth"].update(sensitive="health"))
    assert "health" in refused(fields)


@pytest.mark.parametrize(
    ("quasi", "sensitive", "said"),
    [
        (["age", "health"], "savings", '"health" is not declared quasi-identifier'),
        (["age"], "town", '"town" is not declared sensitive'),
        (["age", "shoe"], "health", 'no source column gives the attribute "shoe"'),
        (["age", "age"], "health", "a quasi-identifier is named twice"),
    ],
)
def test_roles_are_kept_in_every_table(quasi: list[str], sensitive: str, said: str) -> None:
    fields = changed(
        lambda f: f["microdata"]["people"].update(
            {"quasi-identifiers": quasi, "sensitive": sensitive}
        )
    )
    assert f"microdata.people: {said}" in refused(fields)


@pytest.mark.parametrize("name", ["", "People", "1st", "drop table", 'x"y', "é"])
def test_a_table_has_a_plain_name(name: str) -> None:
    fields = policy_fields()
    fields["microdata"] = {name: fields["microdata"]["people"]}
    assert "microdata" in refused(fields)


# -------------------------------------------------------------------------------------- reads


def test_a_release_reads_what_it_needs_and_no_more() -> None:
    assert Policy.model_validate(policy_fields()).reads() == {
        "people": ("id", "kind", "consent", "ended", "born", "town", "job", "health"),
        "accounts": ("account", "balance"),
        "holders": ("account", "id"),
    }


def test_what_no_table_publishes_is_not_read() -> None:
    fields = policy_fields()
    del fields["microdata"]["wealth"]
    fields["microdata"]["people"]["quasi-identifiers"] = ["age", "town"]
    reads = Policy.model_validate(fields).reads()
    assert "job" not in reads["people"]
    assert "accounts" not in reads


def test_the_demo_bank_reads_nothing_that_clause_16_forbids() -> None:
    policy = Policy.model_validate(tomllib.loads(BANK.read_text("utf-8")))
    reads = policy.reads()
    assert set(policy.microdata_reads()) == {"customers", "accounts", "account_holders"}
    assert set(reads) - set(policy.microdata_reads()) == {
        "payments",
        "logins",
        "credit_applications",
        "correspondence",
    }
    counted = {Role.EVENT_TIME, Role.CATEGORY, Role.MEASURE, Role.TEXT}
    for table, columns in reads.items():
        for column in columns:
            assert policy.sources[table].columns[column].role in READ_FOR_MICRODATA | counted


# -------------------------------------------------------------------------------- how files look


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"date": "%d.%m.%y"}, "a format has %Y, %m and %d once each"),
        ({"date": "%d %b %Y"}, "a format has %Y, %m and %d once each"),
        ({"timestamp": "%Y-%m"}, "a format has %Y, %m and %d once each"),
        ({"date": "%Y-%m-%d %Z"}, "a format has %Y, %m and %d once each"),
        ({"decimal": ";"}, "decimal"),
        ({"decimal": ",", "thousands": ","}, "decimal and thousands are the same mark"),
        ({"separator": ";;"}, "separator"),
        ({"dates": "%Y-%m-%d"}, "csv.dates"),
    ],
)
def test_a_form_of_files_that_could_be_read_in_two_ways_is_refused(
    form: dict[str, str], said: str
) -> None:
    assert said in refused(changed(lambda fields: fields.update(csv=form)))
    tables = changed(lambda fields: fields["sources"]["people"].update(csv=form))
    assert said in refused(tables)


def test_a_format_is_for_dates_and_whose_for_identifiers() -> None:
    assert "format says how a date" in refused(with_column("town", format="%Y-%m-%d"))
    assert "whose says whom an identifier names" in refused(with_column("town", whose="others"))
    with_others = with_column("name", whose="others")
    assert Policy.model_validate(with_others).sources["people"].columns["name"].whose == "others"


def test_a_table_may_be_written_otherwise_than_the_rest() -> None:
    fields = policy_fields()
    fields["csv"] = {"separator": ";", "date": "%d.%m.%Y"}
    fields["sources"]["accounts"]["csv"] = {"separator": "|"}
    fields["sources"]["people"]["columns"]["ended"]["format"] = "%m/%d/%Y"
    policy = Policy.model_validate(fields)
    assert policy.csv_form("people", "born").date == "%d.%m.%Y"
    assert policy.csv_form("people", "ended").date == "%m/%d/%Y"
    assert (policy.csv_of("accounts").separator, policy.csv_of("accounts").date) == (
        "|",
        "%Y-%m-%d",
    )
