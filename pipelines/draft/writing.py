"""A draft as the text of a policy file: before each column what speaks for its role.

Evidence is said in general terms: what it looks like, about how many differ. No value, no exact
count, nothing of fewer people than a category must have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.draft import toml
from pipelines.draft.assembling import Draft
from pipelines.draft.findings import Finding
from pipelines.draft.hierarchies import ALL_OTHERS, Cut, FromFile, K, Proposed
from pipelines.draft.looking import Evidence
from pipelines.draft.proposing import At, Column, Proposal
from pipelines.settings import CHECKOUT
from transforms.errors import band
from transforms.policy.roles import Role
from transforms.policy.sources import Csv

FEW, SOME, MANY = 0.05, 0.3, 0.7
NEARLY_EVERY = 0.95


@dataclass(frozen=True)
class Written:
    """How the files of a CSV source are written: all of them, and tables that differ."""

    usual: Csv
    own: Mapping[str, Csv]


def write(
    draft: Draft, columns: Mapping[At, Column], written: Written | None, output: Path, today: date
) -> str:
    """Return the text of the policy."""
    parts = [
        *_head(draft, today),
        *_subject(draft),
        *_eligibility(draft),
        *(_csv("csv", written.usual) if written else ()),
        *_hierarchies(draft, output),
        *_sources(draft, columns, written),
        *_microdata(draft),
        *_magnitude(draft, today),
    ]
    return "\n".join(parts) + "\n"


def _head(draft: Draft, today: date) -> Iterator[str]:
    yield from toml.comment(
        f"A draft, made on {today} from the schema of the source and a sample of its rows. It "
        "proposes; the privacy officer decides. Each column says what speaks for its role. A role "
        '"undecided" stops every release, and `clause16 check` says what is undecided still. '
        "docs/draft.md says how to go on, docs/policy.md what may stand here."
    )
    yield ""
    yield f"version = {toml.text(f'{today:%Y-%m} draft')}"
    yield 'title = "To be written"'
    if draft.undecided_categories:
        yield ""
        yield from toml.comment(
            "No column was recognised that holds what these categories of clause 16 exclude. Give "
            "such a column the role forbidden, or, where the source holds none, move the category "
            "to not-collected."
        )
        yield f"undecided = {toml.value([str(one) for one in draft.undecided_categories])}"
        yield "not-collected = []"
    yield ""


def _subject(draft: Draft) -> Iterator[str]:
    source, key = draft.subject
    person = draft.relations.person
    if person is None or key is None:
        yield from toml.comment(
            "No table was recognised whose rows are people, with a key that other tables refer to. "
            "Name it and its key, and take the words row-is-a-person and undecided out."
        )
        yield from ("[subject]", f"source = {toml.text(source)}")
        yield from ("row-is-a-person = true", "undecided = true", "")
        return
    yield from toml.comment(
        f"The table whose rows are people: it holds {_several(person.signs)} of what tells one "
        f"person from another (names, birth, numbers, addresses), its key is different in every "
        f"row, and {_several(person.referred_to)} columns of other tables hold values of that key."
    )
    yield from ("[subject]", f"source = {toml.text(source)}", f"key = {toml.text(key)}")
    if draft.same_person:
        yield from toml.comment("Equal values say that several records are of one person.")
        yield f"same-person = {toml.value(list(draft.same_person))}"
    yield ""


def _several(number: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
    return words[number] if number < len(words) else "many"


_RULES = {
    "erased": "Clause 30.3: whose erasure was granted.",
    "restricted": "Clause 30.4: whose data may not be processed for now.",
    "persons": "Which records are natural persons; companies are not data subjects.",
    "minors": "Clause 26: under 14 only with a guardian's consent.",
    "retention": "How long data are used after the end of the relationship, and what says when.",
}


def _eligibility(draft: Draft) -> Iterator[str]:
    yield "[eligibility]"
    for rule, fields in draft.rules.items():
        yield from toml.comment(_RULES[rule])
        yield f"{rule} = {toml.value(dict(fields))}"
    if draft.undecided_rules:
        yield from toml.comment(
            "Nobody can tell these from the source. For each give the rule, or a reason why there "
            "is none under [eligibility.not-applicable], and take it out here. "
            + " ".join(f"{rule}: {_RULES[rule]}" for rule in draft.undecided_rules)
        )
        yield f"undecided = {toml.value(list(draft.undecided_rules))}"
    yield ""


def _csv(where: str, form: Csv) -> Iterator[str]:
    yield from toml.comment(
        "How the files seem to be written; compare it with whoever writes them."
    )
    yield f"[{where}]"
    usual = Csv()
    for name in ("separator", "encoding", "decimal", "date", "timestamp"):
        said = getattr(form, name)
        if said != getattr(usual, name) or name in {"separator", "encoding"}:
            yield f"{name} = {toml.text(said)}"
    yield ""


# ------------------------------------------------------------------------------------ hierarchies


def _hierarchies(draft: Draft, output: Path) -> Iterator[str]:
    shown = [(name, draft.proposals[at].hierarchy) for at, name in draft.attributes.items()]
    if not shown:
        yield "[hierarchies]"
        yield ""
    for name, hierarchy in shown:
        if hierarchy is not None:
            yield from _hierarchy(name, hierarchy, output)
            yield ""


def _hierarchy(name: str, hierarchy: Proposed, output: Path) -> Iterator[str]:
    if isinstance(hierarchy, FromFile):
        others = " Values that are not in it become all others." if hierarchy.others else ""
        yield from toml.comment(f"Shipped: nearly all values are leaves of it.{others}")
        yield f"[hierarchies.{toml.key(name)}]"
        yield f"file = {toml.text(_path_from(output, hierarchy.path))}"
        if hierarchy.others:
            yield f"others = {toml.text(ALL_OTHERS)}"
        return
    if isinstance(hierarchy, Cut):
        yield from toml.comment(
            "Bands; of amounts the cut points are round numbers near quantiles."
        )
        yield f"[hierarchies.{toml.key(name)}]"
        yield f"least = {toml.value(hierarchy.least)}"
        yield f"most = {toml.value(hierarchy.most)}"
        if hierarchy.whole:
            yield "whole-numbers = true"
        yield "cuts = ["
        yield from (f"    {toml.value(list(cuts))}," for cuts in hierarchy.cuts)
        yield "]"
        return
    coarser = (
        "by themselves, and by what they begin with"
        if hierarchy.begun
        else "by themselves and, where they are not common, with all others"
    )
    yield from toml.comment(
        f"The values that at least {K} people of the sample share, {coarser}; every other value "
        "is one of all others."
    )
    yield f"[hierarchies.{toml.key(name)}]"
    yield "lines = ["
    yield from (f"    {toml.value(list(line))}," for line in hierarchy.lines)
    yield "]"
    yield f"others = {toml.text(ALL_OTHERS)}"


def _path_from(output: Path, file: Path) -> str:
    """Return a shipped file as a policy names it: relative within the checkout, else as it is."""
    folder = output.resolve().parent
    inside = folder.is_relative_to(CHECKOUT)
    return os.path.relpath(file, folder) if inside else str(file)


# ----------------------------------------------------------------------------------------- sources


def _sources(draft: Draft, columns: Mapping[At, Column], written: Written | None) -> Iterator[str]:
    by_table: dict[str, list[Column]] = {}
    for column in columns.values():
        by_table.setdefault(column.table, []).append(column)
    for table, own in by_table.items():
        name = f"sources.{toml.key(table)}"
        yield "# " + "-" * (WIDTH_OF_RULE - 2)
        yield from _owner(draft, table, name)
        if written and table in written.own:
            yield from _csv(f"{name}.csv", written.own[table])
        yield f"[{name}.columns]"
        for column in own:
            yield from _column(draft, column)
        yield ""


WIDTH_OF_RULE = toml.WIDTH


def _owner(draft: Draft, table: str, name: str) -> Iterator[str]:
    relations = draft.relations
    if table in relations.joint:
        yield from toml.comment(
            "Two keys, and neither alone is unique: who holds what together. Each holder counts."
        )
    if table in relations.through:
        holder, on = relations.through[table]
        yield from toml.comment("Whose a row is, another table says, by a key that both have.")
        yield f"[{name}]"
        yield f"subject = {toml.value({'through': holder, 'on': on})}"
        yield ""
    elif not relations.has_owner(table):
        yield from toml.comment(
            "No column was recognised that says whose a row is; nothing of this table can become "
            "an attribute of a person."
        )


def _column(draft: Draft, column: Column) -> Iterator[str]:
    at = column.at
    proposal = draft.proposals[at]
    said = "; ".join([*proposal.why, *_evidence(column.evidence)])
    yield from toml.comment(f"{said[0].upper()}{said[1:]}. Confidence: {proposal.confidence}.")
    if proposal.role is Role.UNDECIDED:
        yield "# To be decided: give it a role, `unused` where statistics do not need it."
    yield f"{toml.key(at[1])} = {toml.value(_fields(proposal, draft.attributes.get(at), at[1]))}"


def _fields(proposal: Proposal, attribute: str | None, name: str) -> dict[str, object]:
    said = {
        "role": proposal.role.value,
        "clause": proposal.clause,
        "category": proposal.category and proposal.category.value,
        "type": proposal.type and proposal.type.value,
        "format": proposal.form if proposal.type else None,
        "whose": "others" if proposal.whose == "others" else None,
        "identifies": proposal.identifies and proposal.identifies.value,
        "attribute": attribute if attribute != name else None,
        "derive": proposal.derive and proposal.derive.value,
        "hierarchy": attribute,
        "meaning": proposal.meaning,
    }
    return {key: value for key, value in said.items() if value is not None}


def _evidence(evidence: Evidence) -> Iterator[str]:
    """Say what the sample shows, in general terms."""
    reading = evidence.reading
    if evidence.kind is None:
        yield "of a type that no policy can name"
    elif reading is None:
        yield f"of type {evidence.kind}"
    else:
        yield f"text that reads as {reading.kind}"
        if not reading.all_read:
            yield "some of it does not, and would stop a run"
    if not evidence.distinct:
        yield "no value in the sample"
        return
    yield _difference(evidence)
    if evidence.missing:
        yield f"{_share(evidence.missing)} missing"
    for finding, share in evidence.found.items():
        if finding is not Finding.LONG_NUMBER:
            yield f"{_share(share)} of its different values: {finding}"


def _difference(evidence: Evidence) -> str:
    if evidence.different >= NEARLY_EVERY:
        return "nearly every value is another"
    if evidence.few:
        return f"{band(evidence.distinct)} different values"
    if evidence.different <= FEW:
        return "values come back often"
    return f"{_share(evidence.different)} of the values differ"


def _share(share: float) -> str:
    if share >= NEARLY_EVERY:
        return "nearly all"
    if share >= MANY:
        return "most"
    if share >= SOME:
        return "about half"
    return "some" if share >= FEW else "hardly any"


def _microdata(draft: Draft) -> Iterator[str]:
    if not draft.tables:
        yield from toml.comment(
            "No table is proposed: there is no quasi-identifier together with a sensitive column. "
            "Declare one under [microdata.NAME]: meaning, quasi-identifiers, sensitive."
        )
        return
    yield from toml.comment(
        "What may leave: one row a person. A later table takes some of the first one's "
        "quasi-identifiers; each has one sensitive column."
    )
    for table in draft.tables:
        yield f"[microdata.{toml.key(table.name)}]"
        yield f"meaning = {toml.text(table.meaning)}"
        yield f"quasi-identifiers = {toml.value(list(table.quasi_identifiers))}"
        yield f"sensitive = {toml.text(table.sensitive)}"
        yield ""


RHO = 0.26
"""Epsilon 4.6 at a delta of 1e-8 (docs/magnitude.md)."""


def _magnitude(draft: Draft, today: date) -> Iterator[str]:
    """Suggest tables of counts, as lines that stand behind a mark: nothing of them is in force."""
    if not draft.countable:
        return
    yield from toml.comment(
        "What people do may leave as counts and sums by period, bounded and with noise, within a "
        "yearly budget. These tables would be of this source: take the mark # before a line away "
        "where you want it, and see docs/magnitude.md for categories, sums and bounds. `clause16 "
        "plan` then says how much noise they get, before anything is spent."
    )
    share = round(0.9 / len(draft.countable), 2)
    yield from (f"#{line}" if line else "" for line in _suggested(draft, share, today))


def _suggested(draft: Draft, share: float, today: date) -> Iterator[str]:
    yield from ("[budget]", f"rho = {RHO}", "delta = 1e-8", "")
    for table in draft.countable:
        yield f"[magnitude.{toml.key(table.name)}]"
        yield 'meaning = "To be written"'
        yield f"source = {toml.text(table.source)}"
        yield f"share = {share}"
        yield "cells = 1   # by one attribute of the person, a month has one cell for each"
        yield "events = 3  # of a person and month; what is more does not count"
        yield f"[magnitude.{toml.key(table.name)}.period]"
        yield f"column = {toml.text(table.time)}"
        yield 'unit = "month"'
        # Of this year none is over in January.
        yield f'first = "{today.year - 1}-01"'
        yield f"[magnitude.{toml.key(table.name)}.by]"
        by = {"attribute": table.attribute, "level": table.level, "missing": "not known"}
        yield f"{toml.key(table.attribute)} = {toml.value(by | {'meaning': 'To be written'})}"
        yield ""
