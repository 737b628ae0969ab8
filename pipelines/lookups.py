"""The officer's functions in PostgreSQL: whose an identifier is, by equality, and nothing else.

One a kind, each for a whole list at once. They spell what is asked and what stands in the tables as
`transforms.spelling` does, need no extension, and run as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.sql import escaped, quoted
from transforms.identity import Clue, Site, key_kind, sites, spelling_of
from transforms.policy.roles import Kind
from transforms.policy.sources import Owner
from transforms.policy.whole import Policy
from transforms.spelling import (
    A_NUMBER,
    NO_NUMBER,
    SEVERAL,
    SINGLE,
    Spelling,
)

LOOKUPS = "clause16_lookup"
"""The schema of the officer's functions."""
FUNCTIONS = {
    Clue.CUSTOMER_ID: "find_customer_id",
    Clue.PERSONAL_NUMBER: "find_personal_number",
    Clue.EMAIL: "find_email",
    Clue.PHONE: "find_phone",
    Clue.IBAN: "find_iban",
    Clue.NAME_AND_BIRTH: "find_name_and_birth",
}
SAME_PERSON = "same_person"


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its name, what it takes and returns, and its query."""

    name: str
    takes: str
    returns: str
    body: str


# ----------------------------------------------------------------------------------- spellings

SPELLINGS = {clue: f"spelt_{name.removeprefix('find_')}" for clue, name in FUNCTIONS.items()}
"""The functions that spell; PostgreSQL takes them apart into the queries that name them."""


def spelling_functions(policy: Policy) -> tuple[Function, ...]:
    """Return a function for each spelling, and the one that folds letters."""
    region = policy.objections.region
    return (
        Function("plain", "text", "text", f"SELECT {_folded('$1')}"),
        *(
            Function(name, "text", "text", f"SELECT {_swapped(spelling_of(clue, region))}")
            for clue, name in SPELLINGS.items()
        ),
    )


def _swapped(spelling: Spelling) -> str:
    sql = f"{LOOKUPS}.plain($1)"
    for swap in spelling.swaps:
        sql = f"regexp_replace({sql},\n  {escaped(swap.pattern)}, {escaped(swap.by)}, 'g')"
    return f"nullif({sql}, '')"


def _folded(value: str) -> str:
    """Return SQL for `fold`; in an encoding of single bytes nothing is taken apart."""
    apart = f'lower(normalize({value}, NFKD) COLLATE "C")'
    letters, plain = "".join(SINGLE), "".join(SINGLE.values())
    sql = f"translate({apart},\n  {escaped(letters)},\n  {escaped(plain)})"
    for letter, several in SEVERAL.items():
        sql = f"replace({sql}, {escaped(letter)}, {escaped(several)})"
    small = f'lower({value} COLLATE "C")'
    return f"CASE WHEN octet_length({value}) = length({value}) THEN {small} ELSE\n  {sql} END"


def _spelt(clue: Clue, value: str) -> str:
    return f"{LOOKUPS}.{SPELLINGS[clue]}({value})"


# ----------------------------------------------------------------------------------- functions


@dataclass(frozen=True, slots=True)
class Tables:
    """The policy, and the schema in which the bank's tables are."""

    policy: Policy
    schema: str

    def named(self, table: str) -> str:
        """Return a table's name in SQL."""
        return f"{quoted(self.schema)}.{quoted(table)}"


def functions(policy: Policy, schema: str) -> tuple[Function, ...]:
    """Return the officer's functions over the tables of a schema; always the same names."""
    tables = Tables(policy, schema)
    known = sites(policy)
    of_kind = {clue: [site for site in known if site.clue is clue] for clue in Clue}
    return (
        *(
            Function(name, *_signature(clue), _finding(tables, of_kind[clue]) or _nobody(clue))
            for clue, name in FUNCTIONS.items()
        ),
        Function(SAME_PERSON, "text[]", "key text, other text", _same_person(tables)),
    )


def _signature(clue: Clue) -> tuple[str, str]:
    if clue is Clue.NAME_AND_BIRTH:
        return "text[], date[]", "asked text, born date, key text"
    return "text[]", "asked text, key text"


def _nobody(clue: Clue) -> str:
    """Return a query that finds nobody, where the policy names no place of a kind."""
    born = "NULL::date, " if clue is Clue.NAME_AND_BIRTH else ""
    return f"  SELECT NULL::text, {born}NULL::text WHERE false"


def _finding(tables: Tables, known: Iterable[Site]) -> str:
    """Return a query for all places of a kind; UNION takes each answer once."""
    queries = [_query(tables, site) for site in known]
    return "\n  UNION\n".join(queries)


def _query(tables: Tables, site: Site) -> str:
    if site.clue is Clue.NAME_AND_BIRTH:
        return _naming_query(tables, site)
    if site.clue is Clue.CUSTOMER_ID:
        return _key_query(tables, site)
    rows, key = _rows(tables, site)
    there = _spelt(site.clue, _text_of("t", site.columns[0]))
    return f"""\
  SELECT a.asked, {key}
  FROM (SELECT u.x AS asked, {_spelt(site.clue, "u.x")} AS form FROM unnest($1) u (x)) a
  JOIN {rows} ON a.form = {there}"""


def _naming_query(tables: Tables, site: Site) -> str:
    rows, key = _rows(tables, site)
    *names, born = site.columns
    name = f"concat({', '.join(_text_of('t', column) for column in names)})"
    return f"""\
  SELECT a.asked, a.born, {key}
  FROM (SELECT u.x AS asked, u.born, {_spelt(site.clue, "u.x")} AS form
        FROM unnest($1, $2) u (x, born)) a
  JOIN {rows} ON a.born = t.{quoted(born)}::date
    AND a.form = {_spelt(site.clue, name)}
  WHERE t.{quoted(born)}::date IN (SELECT unnest($2))"""


def _key_query(tables: Tables, site: Site) -> str:
    """Return a query that uses the index of a key that is a number."""
    (key,) = site.columns
    where = _is_key(tables.policy, f"t.{quoted(key)}", "u.x")
    return f"""\
  SELECT u.x, t.{quoted(key)}::text
  FROM unnest($1) u (x)
  JOIN {tables.named(site.table)} t ON {where}"""


def _is_key(policy: Policy, key: str, asked: str) -> str:
    form = _spelt(Clue.CUSTOMER_ID, asked)
    if key_kind(policy) is not Kind.INTEGER:
        return f"{_spelt(Clue.CUSTOMER_ID, f'{key}::text')} = {form}"
    # What is no number, or too large for one, is nobody's: CASE looks before it casts.
    return f"""{key} =
    CASE WHEN {form} ~ '^[+-]?[0-9]{{1,19}}$'
      THEN CASE WHEN abs({form}::numeric) <= {LARGEST_KEY}
        THEN {form}::bigint END END"""


LARGEST_KEY = 2**63 - 1


def _rows(tables: Tables, site: Site) -> tuple[str, str]:
    """Return the rows of a place, as t, and the customer of each: none where it names others."""
    table = f"{tables.named(site.table)} t"
    if site.others:
        return table, "NULL"
    owner = tables.policy.owner(site.table)
    if owner.on is None:
        return table, f"t.{quoted(owner.key)}::text"
    return _with_holders(tables, table, owner), f"o.{quoted(owner.key)}::text"


def _with_holders(tables: Tables, table: str, owner: Owner) -> str:
    return f"({table} JOIN {tables.named(owner.table)} o USING ({quoted(owner.on or '')}))"


def _text_of(table: str, column: str) -> str:
    return f"{table}.{quoted(column)}::text"


def _same_person(tables: Tables) -> str:
    key, columns = tables.policy.subject.key, tables.policy.same_person
    if key is None or not columns:
        return "  SELECT NULL::text, NULL::text WHERE false"
    return "\n  UNION\n".join(_same(tables, quoted(key), column) for column in columns)


def _same(tables: Tables, key: str, column: str) -> str:
    policy = tables.policy
    home = tables.named(policy.subject.source)
    own, other = (_spelt(Clue.PERSONAL_NUMBER, _text_of(table, column)) for table in "to")
    return f"""\
  SELECT a.key, o.{key}::text
  FROM (SELECT t.{key}::text AS key, {own} AS form
        FROM unnest($1) u (x)
        JOIN {home} t ON {_is_key(policy, f"t.{key}", "u.x")}) a
  JOIN {home} o ON a.form = {other}
  WHERE a.form ~ {escaped(A_NUMBER)} AND a.form !~ {escaped(NO_NUMBER)}"""
