"""The rights of two PostgreSQL roles, as SQL for whoever owns the bank's tables.

A *release* reads exactly the columns that the policy permits; reading another one is refused by
the database itself. The *officer* reads no table at all: functions answer whose an identifier is,
by equality, so that an objector is found and nobody can leaf through the customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.sql import literal, quoted
from transforms.policy import Column, Forbidden, Owner, Policy, Role

LOOKUPS = "clause16_lookup"
"""The schema of the officer's functions."""
RELEASE, OFFICER = "clause16_release", "clause16_officer"


@dataclass(frozen=True, slots=True)
class Place:
    """The role that gets the rights, and the schema in which the bank's tables are."""

    role: str
    schema: str

    def table(self, name: str) -> str:
        """Return a table's name in SQL."""
        return f"{quoted(self.schema)}.{quoted(name)}"


def release_grants(policy: Policy, place: Place) -> str:
    """Return SQL that lets a role read what a release reads, and fails where it may read more."""
    reads = policy.reads()
    grants = "".join(
        f"GRANT SELECT ({', '.join(map(quoted, columns))}) ON {place.table(table)} "
        f"TO {quoted(place.role)};\n"
        for table, columns in reads.items()
    )
    permitted = ",\n      ".join(
        f"({literal(table)}, {literal(column)})"
        for table, columns in reads.items()
        for column in columns
    )
    return "".join(
        (
            _head("a release may read these columns and no others", policy, place),
            f"ALTER ROLE {quoted(place.role)} SET default_transaction_read_only = on;\n",
            f"ALTER ROLE {quoted(place.role)} SET statement_timeout = '2h';\n",
            f"ALTER ROLE {quoted(place.role)} SET lock_timeout = '1min';\n",
            f"GRANT USAGE ON SCHEMA {quoted(place.schema)} TO {quoted(place.role)};\n",
            grants,
            _nothing_else(place, permitted),
            "COMMIT;\n",
        )
    )


def officer_grants(policy: Policy, place: Place) -> str:
    """Return SQL that lets a role ask whose an identifier is, and read nothing."""
    return "".join(
        (
            _head("the officer may ask whose an identifier is", policy, place),
            f"DROP SCHEMA IF EXISTS {LOOKUPS} CASCADE;\nCREATE SCHEMA {LOOKUPS};\n",
            f"GRANT USAGE ON SCHEMA {LOOKUPS} TO {quoted(place.role)};\n",
            *_lookups(policy, place),
            _nothing_else(place, "('', '')"),
            "COMMIT;\n",
        )
    )


def _head(what: str, policy: Policy, place: Place) -> str:
    name, version = literal(place.role), policy.version.replace("\n", " ")
    return f"""\
-- {what} (policy version {version}).
-- Run it in the bank's database as the owner of the tables: psql -v ON_ERROR_STOP=1 -f FILE
-- Run it again whenever the policy changes. Then give the role a password: \\password
BEGIN;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN
    CREATE ROLE {quoted(place.role)} LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {name});
END
$$;
REVOKE ALL ON ALL TABLES IN SCHEMA {quoted(place.schema)} FROM {quoted(place.role)};
"""


def _nothing_else(place: Place, permitted: str) -> str:
    """Return a check that stops where another right (PUBLIC, a membership) gives more."""
    return f"""\
DO $$
DECLARE
  more text;
BEGIN
  SELECT string_agg(c.relname || '.' || a.attname, ', ' ORDER BY c.relname, a.attnum) INTO more
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE c.relnamespace = {literal(quoted(place.schema))}::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege({literal(place.role)}, c.oid, a.attnum, 'SELECT')
    AND (c.relname::text, a.attname::text) NOT IN (
      {permitted}
    );
  IF more IS NOT NULL THEN
    RAISE EXCEPTION 'the role may read more than it should: %', more
      USING HINT = 'Take away what PUBLIC, a membership or being a superuser gives it.';
  END IF;
END
$$;
"""


def _lookups(policy: Policy, place: Place) -> Iterator[str]:
    for table, source in policy.sources.items():
        if not policy.has_owner(table):
            continue
        for name, column in source.columns.items():
            if _is_asked_by(column) or (table, name) == (policy.subject.source, policy.subject.key):
                yield _lookup(policy.owner(table), table, name, place)


def _is_asked_by(column: Column) -> bool:
    """Say whether a customer who objects may name it; a relative is not the customer."""
    if column.whose == "others":
        return False
    number = column.category == Forbidden.NATIONAL_NUMBER
    return column.role is Role.IDENTIFIER or number


def _lookup(owner: Owner, table: str, column: str, place: Place) -> str:
    function = f"{LOOKUPS}.{quoted(f'{table}_by_{column}')}"
    if owner.on is None:
        rows = f"{place.table(table)} t"
        key = f"t.{quoted(owner.key)}"
    else:
        rows = (
            f"{place.table(table)} t JOIN {place.table(owner.table)} o USING ({quoted(owner.on)})"
        )
        key = f"o.{quoted(owner.key)}"
    return f"""\
CREATE FUNCTION {function}(text) RETURNS SETOF text
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $lookup$SELECT DISTINCT {key}::text FROM {rows} WHERE t.{quoted(column)}::text = $1$lookup$;
REVOKE ALL ON FUNCTION {function}(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {function}(text) TO {quoted(place.role)};
"""
