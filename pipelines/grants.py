"""The rights of three PostgreSQL roles, as SQL for whoever owns the bank's tables.

A *release* reads exactly the columns that the policy permits; reading another one is refused by
the database itself. The *officer* reads no table at all: functions answer whose an identifier is,
by equality, so that an objector is found and nobody can leaf through the customers. Before there is
a policy, a *draft* of one reads every table of a schema; its role is dropped afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from pipelines.lookups import LOOKUPS, Function, functions, spelling_functions
from pipelines.sql import escaped, literal, quoted
from transforms.policy.whole import Policy

RELEASE, OFFICER, DRAFT = "clause16_release", "clause16_officer", "clause16_draft"
NAME_BYTES = 63
"""PostgreSQL cuts longer names, without an error."""


@dataclass(frozen=True, slots=True)
class Place:
    """The role that gets the rights, and the schema in which the bank's tables are."""

    role: str
    schema: str

    def table(self, name: str) -> str:
        """Return a table's name in SQL."""
        return f"{quoted(self.schema)}.{quoted(name)}"


def release_grants(policy: Policy, place: Place) -> str:
    """Return SQL that lets a role read what a release reads, and fails where it may do more."""
    role = quoted(place.role)
    reads = policy.reads()
    grants = "".join(
        f"GRANT SELECT ({', '.join(map(quoted, columns))}) ON {place.table(table)} TO {role};\n"
        for table, columns in reads.items()
    )
    permitted = ",\n      ".join(
        f"({escaped(place.schema)}, {escaped(table)}, {escaped(column)})"
        for table, columns in reads.items()
        for column in columns
    )
    return "".join(
        (
            _head(f"a release may read these columns and no others{_of(policy)}", place),
            f"ALTER ROLE {role} SET default_transaction_read_only = on;\n",
            f"ALTER ROLE {role} SET statement_timeout = '2h';\n",
            f"ALTER ROLE {role} SET lock_timeout = '1min';\n",
            _finds_the_tables(place),
            f"GRANT USAGE ON SCHEMA {quoted(place.schema)} TO {role};\n",
            grants,
            _PASSING_ROWS,
            _nothing_else(place, permitted, "false", "false"),
            "COMMIT;\n",
        )
    )


def officer_grants(policy: Policy, place: Place) -> str:
    """Return SQL that lets a role ask whose an identifier is, and read nothing."""
    lookups, role = f"n.nspname = {literal(LOOKUPS)}", quoted(place.role)
    return "".join(
        (
            _head(f"the officer may ask whose an identifier is{_of(policy)}", place),
            f"ALTER ROLE {role} SET statement_timeout = '10min';\n",
            f"ALTER ROLE {role} SET lock_timeout = '1min';\n",
            _keeps_a_list(place),
            f"DROP SCHEMA IF EXISTS {LOOKUPS} CASCADE;\nCREATE SCHEMA {LOOKUPS};\n",
            f"GRANT USAGE ON SCHEMA {LOOKUPS} TO {role};\n",
            *(_spelling(function) for function in spelling_functions(policy)),
            *(_lookup(function, place) for function in functions(policy, place.schema)),
            _nothing_else(place, "('', '', '')", lookups, "r.rolbypassrls"),
            "COMMIT;\n",
        )
    )


def draft_grants(place: Place) -> str:
    """Return SQL that lets a role read every table of a schema, and says how to take it away."""
    role, schema = quoted(place.role), quoted(place.schema)
    return "".join(
        (
            _head("a draft may read every table of the schema, until the policy is written", place),
            f"ALTER ROLE {role} SET default_transaction_read_only = on;\n",
            f"ALTER ROLE {role} SET lock_timeout = '1min';\n",
            _finds_the_tables(place),
            f"GRANT USAGE ON SCHEMA {schema} TO {role};\n",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};\n",
            _PASSING_ROWS.replace("a release", "a draft"),
            "COMMIT;\n",
            "-- Once the policy is written:\n",
            f"--   DROP OWNED BY {role};\n--   DROP ROLE {role};\n",
        )
    )


def _head(what: str, place: Place) -> str:
    role = escaped(place.role)
    make = f"""
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role}) THEN
    CREATE ROLE {quoted(place.role)} LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {role});
END
"""
    return f"""\
-- {what}.
-- Run it in the bank's database as the owner of the tables: psql -v ON_ERROR_STOP=1 -f FILE
-- Run it again whenever that changes. Then give the role a password: \\password
BEGIN;
-- Nobody's own functions or operators take the place of the server's.
SET LOCAL search_path = pg_catalog, pg_temp;
DO {_dollar_quoted(make)};
REVOKE ALL ON ALL TABLES IN SCHEMA {quoted(place.schema)} FROM {quoted(place.role)};
"""


def _of(policy: Policy) -> str:
    # A line break of any kind would end the comment.
    return f" (policy version {' '.join(policy.version.split())})"


def _finds_the_tables(place: Place) -> str:
    """Return SQL after which the role sees the tables of its schema without naming it."""
    search = "ALTER ROLE %I IN DATABASE %I SET search_path = %I"
    names = f"{escaped(place.role)}, current_database(), {escaped(place.schema)}"
    body = f"\nBEGIN\n  EXECUTE format({escaped(search)}, {names});\nEND\n"
    return f"DO {_dollar_quoted(body)};\n"


def _keeps_a_list(place: Place) -> str:
    """Return SQL that lets the role hand its questions over where no log shows them.

    What a temporary table is filled with is logged nowhere, what a query is given may well be.
    """
    body = f"""
BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), {escaped(place.role)});
END
"""
    return f"DO {_dollar_quoted(body)};\n"


_PASSING_ROWS = """\
-- A table with row-level security is refused to a release, which would be wrong if it saw some of
-- its rows. Let the role pass it (ALTER ROLE ... BYPASSRLS), or turn it off for that table. This is
-- left to you: it holds for every table of the server that the role may read.
"""


def _nothing_else(place: Place, permitted: str, callable_too: str, may_not_be: str) -> str:
    """Return a check that stops where the role may do more, and says what takes it away.

    permitted: (schema, table, column) that it may read. callable_too, may_not_be: conditions on the
    schema of a function and on the role. The rights come from the lists that the server keeps: has
    the role no other role, nothing of its own, and is it no superuser, then these are all.
    """
    check = f"""
DECLARE
  more text;
BEGIN
  WITH me AS (
    SELECT r.*, quote_ident(r.rolname) AS named, {may_not_be} AS passes_wrongly
    FROM pg_roles r WHERE r.rolname = {escaped(place.role)}
  ), space AS (
    SELECT n.*, quote_ident(n.nspname) AS named, {callable_too} AS callable
    FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ), relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relowner, c.relacl,
           format('%I.%I', n.nspname, c.relname) AS named,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END AS kind,
           -- What an extension shows to everybody (pg_stat_statements) is not the bank's.
           EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                   AND d.objid = c.oid AND d.deptype = 'e') AS extends
    FROM pg_class c JOIN space n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  ), held (privilege, columns, kind, named, shown, grantee) AS (
    SELECT a.privilege_type, '', r.kind, r.named, r.named, a.grantee
    FROM relation r, aclexplode(r.relacl) a
    WHERE NOT (r.extends AND a.privilege_type = 'SELECT')
    UNION ALL
    SELECT a.privilege_type, format(' (%I)', t.attname), r.kind, r.named,
           format('%s.%I', r.named, t.attname), a.grantee
    FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid, aclexplode(t.attacl) a
    WHERE NOT t.attisdropped AND NOT (a.privilege_type = 'SELECT' AND (
      r.extends OR (r.nspname::text, r.relname::text, t.attname::text) IN (
      {permitted}
    )))
    UNION ALL
    SELECT a.privilege_type, '', 'SCHEMA ', n.named, 'schema ' || n.named, a.grantee
    FROM space n, aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE'
    UNION ALL
    SELECT a.privilege_type, '', 'DATABASE ', quote_ident(d.datname), 'the database', a.grantee
    FROM pg_database d, aclexplode(d.datacl) a
    WHERE d.datname = current_database() AND a.privilege_type = 'CREATE'
    UNION ALL
    -- It runs with its owner's rights. Everybody may call it unless that is taken away, so what
    -- is in a schema that the role does not get into counts only where the role is named.
    SELECT a.privilege_type, '', 'ROUTINE ', f.named, f.named, a.grantee
    FROM (SELECT p.*, format('%s.%I(%s)', n.named, p.proname,
                             pg_get_function_identity_arguments(p.oid)) AS named,
                 has_schema_privilege(me.oid, n.oid, 'USAGE') AS reached
          FROM pg_proc p JOIN space n ON n.oid = p.pronamespace, me
          WHERE p.prosecdef AND NOT n.callable) f,
         aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
    WHERE f.reached OR a.grantee <> 0
    UNION ALL
    SELECT a.privilege_type, '', 'LARGE OBJECT ', l.oid::text, 'large object ' || l.oid, a.grantee
    FROM pg_largeobject_metadata l, aclexplode(l.lomacl) a
    UNION ALL
    SELECT a.privilege_type, '', 'FOREIGN SERVER ', quote_ident(s.srvname),
           'server ' || quote_ident(s.srvname), a.grantee
    FROM pg_foreign_server s, aclexplode(s.srvacl) a
  ), line (said) AS (
    SELECT format('%s on %s: REVOKE %s%s ON %s%s FROM %s', h.privilege, h.shown, h.privilege,
                  h.columns, h.kind, h.named, CASE h.grantee WHEN 0 THEN 'PUBLIC' ELSE me.named END)
    FROM held h JOIN me ON h.grantee IN (0, me.oid)
    UNION ALL
    -- Also one that is not inherited: SET ROLE takes it on.
    SELECT format('member of %I: REVOKE %I FROM %s', o.rolname, o.rolname, me.named)
    FROM pg_auth_members m JOIN me ON m.member = me.oid JOIN pg_roles o ON o.oid = m.roleid
    UNION ALL
    SELECT format('%s: ALTER ROLE %s NO%s', lower(a.attribute), me.named, a.attribute)
    FROM me, LATERAL (VALUES ('SUPERUSER', me.rolsuper), ('CREATEROLE', me.rolcreaterole),
                             ('CREATEDB', me.rolcreatedb), ('REPLICATION', me.rolreplication),
                             ('BYPASSRLS', me.passes_wrongly)) a (attribute, has)
    WHERE a.has
    UNION ALL
    SELECT format('owner of %s: ALTER %s %s OWNER TO CURRENT_USER', r.named,
                  CASE r.kind WHEN '' THEN 'TABLE' ELSE 'SEQUENCE' END, r.named)
    FROM relation r JOIN me ON r.relowner = me.oid
    UNION ALL
    SELECT format('owner of schema %s: ALTER SCHEMA %s OWNER TO CURRENT_USER', n.named, n.named)
    FROM space n JOIN me ON n.nspowner = me.oid
    UNION ALL
    SELECT format('owner of database %I: ALTER DATABASE %I OWNER TO CURRENT_USER', d.datname,
                  d.datname)
    FROM pg_database d JOIN me ON d.datdba = me.oid WHERE d.datname = current_database()
  )
  SELECT string_agg(said, E'\n' ORDER BY said) INTO more FROM line;
  IF more IS NOT NULL THEN
    RAISE EXCEPTION E'the role may do more than it should:\n%', more
      USING HINT = 'After each colon is what takes it away; first give it by name to those who '
                   'need it.';
  END IF;
END
"""
    return f"DO {_dollar_quoted(check)};\n"


def _dollar_quoted(body: str) -> str:
    """Return a body in dollar quotes that no name in it can end."""
    tag = next(tag for number in count() if (tag := f"$body{number}$") not in f"{body}$")
    return f"{tag}{body}{tag}"


def _spelling(function: Function) -> str:
    """Return SQL for a function that reads nothing; in a query its own body takes its place."""
    called = f"{LOOKUPS}.{function.name}({function.takes})"
    return f"""\
CREATE FUNCTION {called} RETURNS {function.returns} LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS {_dollar_quoted(function.body)};
REVOKE ALL ON FUNCTION {called} FROM PUBLIC;
"""


def _lookup(function: Function, place: Place) -> str:
    called = f"{LOOKUPS}.{function.name}({function.takes})"
    body = _dollar_quoted(f"\n{function.body}\n")
    return f"""\
CREATE FUNCTION {called} RETURNS TABLE ({function.returns})
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS {body};
REVOKE ALL ON FUNCTION {called} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {called} TO {quoted(place.role)};
"""
