"""The gate at the entrance: what stops a run, of whose records, and in which words."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from builders import AS_OF, HIERARCHIES, POLICY, Tables, bank, policy_fields
from builders import Person as Drawn
from leaks import CHECKED, NATIONAL, disguises

from pipelines.gate.belonging import Belonging
from pipelines.gate.kinds import Kind
from pipelines.gate.watching import Gate
from transforms.errors import SourceError
from transforms.policy.whole import Policy
from transforms.steps.exclude import NOBODY, Exclusions

EMAIL = "ana.krasniqi@example.com"
PEOPLE = [Drawn(2, "Peja", "nurse", "flu", 1)] * 30


def people(**changed: Mapping[int, object]) -> Tables:
    """Return a bank of thirty people, with other values at some places of the people's columns."""
    tables = bank(PEOPLE)
    rows = tables["people"]
    for column, values in changed.items():
        now = [values.get(i, old) for i, old in enumerate(rows.get_column(column))]
        rows = rows.with_columns(pl.Series(column, now, dtype=rows.schema[column], strict=False))
    return {**tables, "people": rows}


def gate(tables: Tables, policy: Policy, exclusions: Exclusions, cut: int) -> Gate:
    def read(table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        yield from tables[table].select(columns).iter_slices(cut)

    return Gate(policy, HIERARCHIES, Belonging(policy, exclusions, AS_OF, AS_OF, read))


def walk(
    tables: Tables, policy: Policy = POLICY, exclusions: Exclusions = NOBODY, cut: int = 7
) -> None:
    """Read every table as a release does."""
    watch = gate(tables, policy, exclusions, cut).watch
    for table, columns in policy.reads().items():
        rows = tables[table].select(columns)
        seen: Iterable[pl.DataFrame] = watch(table, rows.iter_slices(cut))
        assert pl.concat(seen).equals(rows)


def refusal(tables: Tables, policy: Policy = POLICY, exclusions: Exclusions = NOBODY) -> str:
    with pytest.raises(SourceError) as told:
        walk(tables, policy, exclusions)
    return str(told.value)


def test_a_clean_bank_passes() -> None:
    walk(people())


@pytest.mark.parametrize("column", ["town", "job", "health"])
def test_one_address_in_a_harmless_column_stops_the_run(column: str) -> None:
    message = refusal(people(**{column: {3: EMAIL}}))
    assert f"people.{column}: fewer than 11 records hold an e-mail address" in message
    assert "krasniqi" not in message


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.name)
def test_every_checked_kind_in_every_disguise_stops_the_run(kind: Kind) -> None:
    rng = random.Random(16)
    for disguise in disguises(kind):
        value = disguise.wear(CHECKED[kind](rng), rng)
        message = refusal(people(town={5: value}))
        assert (
            f"people.town: fewer than 11 records hold a{'n' * (kind.value[0] in 'eI')} " in message
        )
        assert kind.value in message
        assert value not in message


def test_a_message_says_how_often_in_tens() -> None:
    assert "people.town: about 20 records" in refusal(people(town=dict.fromkeys(range(21), EMAIL)))


def test_where_more_is_found_the_message_says_how_much_more() -> None:
    found = {column: {1: EMAIL, 2: "+383 44 123 456"} for column in ("town", "job")}
    assert "; and 1 more findings: mend the source" in refusal(people(**found))


def test_what_an_objector_s_record_holds_stops_nobody() -> None:
    tables = people(town={3: EMAIL})
    key = str(tables["people"].get_column("id")[3])
    for listed in (
        Exclusions.of(objected=[key]),
        Exclusions.of(erased=[key]),
        Exclusions.of(restricted=[key]),
    ):
        walk(tables, exclusions=listed)


def test_what_the_record_of_nobody_who_is_eligible_holds_stops_nobody() -> None:
    walk(people(town={3: EMAIL}, kind={3: "company"}))
    walk(people(town={3: EMAIL}, ended={3: date(2010, 1, 1)}))


def test_what_is_past_its_retention_stops_nobody() -> None:
    fields = policy_fields()
    fields["eligibility"]["retention"]["months"] = {12: 12}
    long_ago = {3: date(2024, 1, 1)}
    policy = Policy.model_validate(fields)
    walk(people(health={3: EMAIL}, ended=long_ago), policy)
    assert "people.health" in refusal(people(health={3: EMAIL}), policy)


# ------------------------------------------------------------------------ what looks like a code


def with_vocabulary(*more: str) -> Gate:
    """Return a gate whose towns are these as well."""
    leaves = (*HIERARCHIES["town"].leaves, *more)
    town = replace(HIERARCHIES["town"], leaves=leaves)
    empty = gate({}, POLICY, NOBODY, 7)
    return replace(empty, hierarchies={**HIERARCHIES, "town": town})


def watched(each: Gate, tables: Tables) -> None:
    list(each.watch("people", tables["people"].iter_slices(4)))


def test_a_document_s_number_of_one_person_stops_the_run() -> None:
    assert "hold a document number" in refusal(people(town={3: "AB1234567"}))


def test_a_code_that_many_share_does_not() -> None:
    walk(people(town=dict.fromkeys(range(12), "AB1234567")))


def test_a_code_that_the_policy_lists_does_not() -> None:
    watched(with_vocabulary("ab1234567"), people(town={3: "AB1234567"}))


@pytest.mark.parametrize(
    ("value", "kind"),
    [("Arben Krasniqi", "a name of a person"), ("Rr. Agim Ramadani 12", "a street address")],
)
def test_a_name_or_an_address_of_one_person_stops_the_run(value: str, kind: str) -> None:
    message = refusal(people(town={3: value}))
    assert f"people.town: fewer than 11 records hold {kind}" in message
    assert value not in message


def test_a_name_that_many_share_or_that_the_policy_lists_does_not() -> None:
    walk(people(town=dict.fromkeys(range(12), "Costa Rica")))
    watched(with_vocabulary("Costa Rica"), people(town={3: "COSTA RICA"}))


def test_a_column_of_names_stops_the_run_though_some_of_them_are_many_people_s() -> None:
    many = dict.fromkeys(range(12), "Arben Krasniqi")
    assert "name of a person" in refusal(
        people(town={**many, 13: "Ana Tamm", 14: "Milica Petrović"})
    )


def test_an_address_that_the_policy_lists_does_all_the_same() -> None:
    with pytest.raises(SourceError, match="e-mail"):
        watched(with_vocabulary(EMAIL), people(town={3: EMAIL}))


def test_a_postcode_does_not() -> None:
    walk(people(town={3: "10000", 4: "LV-1010"}))


# ------------------------------------------------------------------------------------- numbers


def numbered(numbers: Sequence[object], kind: str = "integer") -> tuple[Tables, Policy]:
    """Return a bank in which a number of each person is declared harmless, and its policy."""
    fields = policy_fields()
    fields["sources"]["people"]["columns"]["health"] |= {"type": kind, "hierarchy": "savings"}
    tables = people()
    given = [numbers[i] if i < len(numbers) else None for i in range(len(PEOPLE))]
    health = pl.Series("health", given, strict=False)
    rows = tables["people"].with_columns(health)
    return {**tables, "people": rows}, Policy.model_validate(fields)


@pytest.mark.parametrize("country", ["Kosovo", "Serbia", "Lithuania", "Romania", "Bulgaria"])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_column_of_personal_numbers_stops_the_run(country: str, kind: str) -> None:
    rng = random.Random(3)
    numbers: list[object] = [int(NATIONAL[country](rng)) for _ in range(20)]
    if kind == "number" and country in {"Serbia", "Romania"}:
        return  # a number of so many digits does not fit into one at all
    tables, policy = numbered(numbers, kind)
    message = refusal(tables, policy)
    assert "people.health: about 20 records hold a national number" in message


def test_they_do_where_they_are_kept_as_text_as_well() -> None:
    rng = random.Random(3)
    tables, policy = numbered([NATIONAL["Kosovo"](rng) for _ in range(20)])
    assert "about 20 records hold a national number" in refusal(tables, policy)


def test_one_of_thirteen_digits_among_amounts_stops_the_run() -> None:
    amounts: list[object] = [25_000_000, 12_345_678, int(NATIONAL["Serbia"](random.Random(1)))]
    tables, policy = numbered(amounts)
    assert "fewer than 11 records hold a national number" in refusal(tables, policy)


@pytest.mark.parametrize(("least", "most"), [(10**7, 10**8), (10**9, 10**10), (10**10, 10**11)])
def test_long_numbers_that_are_nobody_s_do_not(least: int, most: int) -> None:
    rng = random.Random(7)
    tables, policy = numbered([rng.randrange(least, most) for _ in range(30)])
    walk(tables, policy)


def test_times_as_numbers_do_not() -> None:
    walk(*numbered([1_700_000_000 + 86_400 * day for day in range(30)]))
    walk(*numbered([20240101 + day for day in range(30)]))


# ------------------------------------------------------------------- tables that are not people's


def with_accounts(balances: Mapping[int, object]) -> Tables:
    """Return a bank with other balances of some people, and each one's accounts."""
    tables = people()
    holders = tables["holders"].with_row_index("row")
    changed = {
        row: balances[key]
        for row, key in holders.select("row", "id").iter_rows()
        if key in balances
    }
    now = [changed.get(i, old) for i, old in enumerate(tables["accounts"].get_column("balance"))]
    accounts = tables["accounts"].with_columns(pl.Series("balance", now, dtype=pl.Float64))
    return {**tables, "accounts": accounts}


def kosovar(count: int) -> list[float]:
    rng = random.Random(4)
    return [float(NATIONAL["Kosovo"](rng)) for _ in range(count)]


def test_personal_numbers_in_another_table_stop_the_run() -> None:
    numbers = dict(enumerate(kosovar(15), start=1))
    message = refusal(with_accounts(numbers))
    assert "accounts.balance: about 30 records hold a national number" in message


def test_those_that_only_objectors_hold_do_not() -> None:
    numbers = dict(enumerate(kosovar(15), start=1))
    listed = Exclusions.of(objected=[str(key) for key in numbers])
    walk(with_accounts(numbers), exclusions=listed)


def test_those_of_who_is_not_eligible_do_not() -> None:
    tables = with_accounts(dict(enumerate(kosovar(15), start=1)))
    companies = people(kind=dict.fromkeys(range(15), "company"))
    walk({**tables, "people": companies["people"]})


def test_of_a_joint_account_they_do_where_one_holder_stays() -> None:
    tables = with_accounts(dict(enumerate(kosovar(15), start=1)))
    first = tables["holders"].filter(pl.col("id") <= 15).with_columns(id=pl.lit(30, pl.Int64))
    listed = Exclusions.of(objected=[str(key) for key in range(1, 16)])
    message = refusal(
        {**tables, "holders": pl.concat([tables["holders"], first])}, exclusions=listed
    )
    assert "accounts.balance" in message


# ----------------------------------------------------------------------------------- batches


def test_what_waits_is_put_together_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = people(town=dict.fromkeys(range(21), EMAIL))
    message = refusal(tables)
    monkeypatch.setattr("pipelines.gate.watching._PENDING_ROWS", 1)
    assert refusal(tables) == message


@pytest.mark.parametrize("cut", [1, 3, 30])
def test_how_batches_are_cut_does_not_matter(cut: int) -> None:
    tables = people(town={1: EMAIL, 4: "AB1234567", 5: "AB1234567"}, job={7: "+383 44 123 456"})
    with pytest.raises(SourceError) as told:
        walk(tables, cut=cut)
    assert str(told.value) == refusal(tables)
