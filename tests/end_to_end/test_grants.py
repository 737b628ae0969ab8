"""The rights of two roles on a real server: what a release reads, and what the officer asks."""

from __future__ import annotations

import tomllib
import uuid
from contextlib import closing
from urllib.parse import quote

import pytest
from adbc_driver_postgresql import dbapi
from end_to_end.postgres import PASSWORD, Cluster
from end_to_end.program import Here, Home
from end_to_end.rights import OFFICER, RELEASE, grant

from pipelines.grants import Place, officer_grants
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from pipelines.sql import quoted
from transforms.policy.whole import Policy

POLICY = load_policy(DEMO_POLICY).policy


# ------------------------------------------------------------------------------------- the release


def test_the_database_itself_refuses_the_release_a_column_that_is_not_permitted(
    as_release: Home,
) -> None:
    reads = POLICY.reads()
    with closing(dbapi.connect(as_release.source)) as connection:
        for table, source in POLICY.sources.items():
            for column in source.columns:
                with connection.cursor() as cursor:
                    query = f'SELECT "{column}" FROM "{table}" LIMIT 1'
                    if column in reads.get(table, ()):
                        cursor.execute(query)
                        assert cursor.fetchall()
                        continue
                    with pytest.raises(Exception, match="permission denied"):
                        cursor.execute(query)
                connection.rollback()


def test_the_role_of_a_release_writes_nothing(as_release: Home) -> None:
    with closing(dbapi.connect(as_release.source)) as connection, connection.cursor() as cursor:
        for statement in ("UPDATE customers SET kind = kind", "CREATE TABLE mine (a int)"):
            with pytest.raises(Exception, match=r"read-only transaction|permission denied"):
                cursor.execute(statement)
            connection.rollback()


def told(cluster: Cluster, database: str, home: Home, here: Here, role_for: str) -> str:
    """Run the SQL of a role, which has to stop; return what it says to its owner."""
    printed = here(home, "grants", "--for", role_for)
    done = cluster.psql(database, "-f", "-", stdin=printed.out)
    assert done.returncode != 0
    assert "may do more than it should" in done.stderr
    return done.stderr


MORE = {
    "a column that anybody may read": (
        "GRANT SELECT (personal_number) ON customers TO PUBLIC",
        "SELECT on public.customers.personal_number",
        "REVOKE SELECT (personal_number) ON public.customers FROM PUBLIC",
    ),
    "a table that anybody may read, later columns included": (
        "GRANT SELECT ON accounts TO PUBLIC",
        "SELECT on public.accounts",
        "REVOKE SELECT ON public.accounts FROM PUBLIC",
    ),
    "a table that anybody may add to": (
        "GRANT INSERT ON customers TO PUBLIC",
        "INSERT on public.customers",
        "REVOKE INSERT ON public.customers FROM PUBLIC",
    ),
    "a column that anybody may change": (
        "GRANT UPDATE (kind) ON customers TO PUBLIC",
        "UPDATE on public.customers.kind",
        "REVOKE UPDATE (kind) ON public.customers FROM PUBLIC",
    ),
    "a table that anybody may empty": (
        "GRANT DELETE, TRUNCATE ON loans TO PUBLIC",
        "TRUNCATE on public.loans",
        "REVOKE DELETE ON public.loans FROM PUBLIC",
    ),
    "a trigger and a key that anybody may add": (
        "GRANT TRIGGER, REFERENCES ON loans TO PUBLIC",
        "TRIGGER on public.loans",
        "REVOKE REFERENCES ON public.loans FROM PUBLIC",
    ),
    "a copy in another schema": (
        (
            'CREATE SCHEMA "Old"; CREATE TABLE "Old".customers (LIKE customers); '
            'GRANT SELECT ON "Old".customers TO PUBLIC'
        ),
        'SELECT on "Old".customers',
        'REVOKE SELECT ON "Old".customers FROM PUBLIC',
    ),
    "a schema that anybody may fill, as public was before PostgreSQL 15": (
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "CREATE on schema public",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    "a function with its owner's rights": (
        "CREATE FUNCTION leaf(a int, OUT b text) SECURITY DEFINER LANGUAGE sql AS 'SELECT NULL'",
        "EXECUTE on public.leaf(a integer, OUT b text)",
        "REVOKE EXECUTE ON ROUTINE public.leaf(a integer, OUT b text) FROM PUBLIC",
    ),
    "a scan that anybody may see": (
        "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
        "SELECT on large object 4711",
        "REVOKE SELECT ON LARGE OBJECT 4711 FROM PUBLIC",
    ),
}


@pytest.mark.parametrize("role_for", ["release", "officer"])
@pytest.mark.parametrize("more", MORE)
def test_grants_fail_where_everybody_has_a_right_that_gives_the_role_more(
    cluster: Cluster, database: str, home: Home, here: Here, role_for: str, more: str
) -> None:
    statement, what, way_out = MORE[more]
    cluster.sql(database, statement)
    said = told(cluster, database, home, here, role_for)
    assert f"{what}: " in said
    assert f": {way_out}\n" in said
    for line in said.split("should:\n")[1].split("HINT")[0].splitlines():
        cluster.sql(database, line.split(": ", maxsplit=1)[1])
    grant(cluster, database, home, here, role_for)


ROLES = {
    "a role taken on by SET ROLE": (
        (
            "CREATE ROLE clerk; GRANT SELECT ON customers TO clerk; GRANT clerk TO {role}; "
            "ALTER ROLE {role} NOINHERIT"
        ),
        "member of clerk: REVOKE clerk FROM {role}",
    ),
    "a role of the server's own": (
        "GRANT pg_read_all_data TO {role}",
        "member of pg_read_all_data: REVOKE pg_read_all_data FROM {role}",
    ),
    "another maker of roles": ("ALTER ROLE {role} CREATEROLE", "ALTER ROLE {role} NOCREATEROLE"),
    "a maker of databases": ("ALTER ROLE {role} CREATEDB", "ALTER ROLE {role} NOCREATEDB"),
    "a copier of the whole server": (
        "ALTER ROLE {role} REPLICATION",
        "ALTER ROLE {role} NOREPLICATION",
    ),
    "a superuser": ("ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} NOSUPERUSER"),
    "an owner of a table": (
        "ALTER TABLE loans OWNER TO {role}",
        "owner of public.loans: ALTER TABLE public.loans OWNER TO CURRENT_USER",
    ),
    "an owner of the database": (
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO {role}', current_database()); END$$",
        "owner of database ",
    ),
    "an owner of a schema": (
        "CREATE SCHEMA own AUTHORIZATION {role}",
        "owner of schema own: ALTER SCHEMA own OWNER TO CURRENT_USER",
    ),
}


@pytest.mark.parametrize("role_for", ["release", "officer"])
@pytest.mark.parametrize("more", ROLES)
def test_grants_fail_where_the_role_itself_is_more(
    cluster: Cluster, database: str, home: Home, here: Here, role_for: str, more: str
) -> None:
    role = f"more_{uuid.uuid4().hex[:8]}"
    statement, way_out = (text.format(role=role) for text in ROLES[more])
    cluster.sql(database, f"CREATE ROLE {role}", statement)
    printed = here(home, "grants", "--for", role_for, "--role", role).out
    done = cluster.psql(database, "-f", "-", stdin=printed)
    cluster.sql(
        database,
        *(f"REASSIGN OWNED BY {role} TO owner", f"DROP OWNED BY {role}", f"DROP ROLE {role}"),
        "DROP ROLE IF EXISTS clerk" if "clerk" not in statement else "DROP OWNED BY clerk",
        "DROP ROLE IF EXISTS clerk",
    )
    assert done.returncode != 0
    assert way_out in done.stderr


def test_only_a_release_may_pass_row_level_security(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    """Cut silently, a release would be wrong; the officer's functions run as their owner."""
    cluster.sql(database, "CREATE ROLE passing BYPASSRLS")
    for role_for, code in (("release", 0), ("officer", 3)):
        printed = here(home, "grants", "--for", role_for, "--role", "passing").out
        done = cluster.psql(database, "-f", "-", stdin=printed)
        assert done.returncode == code, done.stderr
    assert "ALTER ROLE passing NOBYPASSRLS" in done.stderr
    cluster.sql(database, "DROP OWNED BY passing", "DROP ROLE passing")


def test_a_release_may_not_ask_whose_an_identifier_is(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    grant(cluster, database, home, here, "officer")
    grant(cluster, database, home, here, "release")
    function = "clause16_lookup.find_iban(text[])"
    cluster.sql(database, f"GRANT EXECUTE ON FUNCTION {function} TO {RELEASE}")
    said = told(cluster, database, home, here, "release")
    assert f"REVOKE EXECUTE ON ROUTINE {function} FROM {RELEASE}" in said


def test_functions_in_a_schema_that_the_role_does_not_get_into_are_no_obstacle(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    cluster.sql(
        database,
        "CREATE SCHEMA inner_part",
        "CREATE FUNCTION inner_part.f() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
    )
    for role_for in ("release", "officer"):
        grant(cluster, database, home, here, role_for)


def test_an_owner_who_is_no_superuser_runs_the_grants(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    cluster.sql(
        database,
        f"CREATE ROLE keeper LOGIN CREATEROLE PASSWORD '{PASSWORD}'",
        f"ALTER DATABASE {database} OWNER TO keeper",
        *(f"ALTER TABLE {table} OWNER TO keeper" for table in POLICY.sources),
    )
    for role_for in ("release", "officer"):
        named = ("--role", f"kept_{role_for}")
        printed = here(home, "grants", "--for", role_for, *named).out
        done = cluster.psql(database, "-f", "-", stdin=printed, user="keeper")
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr


def test_an_extension_that_shows_its_views_to_everybody_is_no_obstacle(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    cluster.sql(database, "CREATE EXTENSION pg_stat_statements")
    for role_for in ("release", "officer"):
        grant(cluster, database, home, here, role_for)


AWKWARD = (
    'Bank "X"',
    "a$$b",
    "$lookup$",
    "back\\slash's",
    "n" * 62,
)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_bank_in_a_schema_of_any_name_is_released_by_a_role_of_any_name(
    released_home: Home, cluster: Cluster, database: str, here: Here, name: str
) -> None:
    role = f"r{name}"
    quoted_role = quoted(role)
    cluster.sql(database, f"ALTER SCHEMA public RENAME TO {quoted(name)}")
    named = ("--role", role, "--schema", name)
    for role_for in ("release", "officer"):
        printed = here(released_home, "grants", "--for", role_for, *named).out
        done = cluster.psql(database, "-f", "-", stdin=printed)
        assert done.returncode == 0, done.stderr
        if role_for == "release":
            cluster.sql(database, f"ALTER ROLE {quoted_role} PASSWORD '{PASSWORD}'")
            source = cluster.uri(database, quote(role, safe=""))
            done_here = here(Home(released_home.path, source), "release")
            assert done_here.code == 0, done_here.err
            cluster.sql(database, f"DROP OWNED BY {quoted_role}")
    cluster.sql(database, f"DROP OWNED BY {quoted_role}", f"DROP ROLE {quoted_role}")


@pytest.mark.parametrize("option", ["--role", "--schema"])
def test_a_name_that_postgresql_would_cut_is_refused(home: Home, here: Here, option: str) -> None:
    done = here(home, "grants", "--for", "release", option, "ë" * 32)
    assert done.code == 2
    assert "63 bytes" in done.complaint


def test_grants_follow_the_policy_when_it_permits_less(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    cluster.sql(database, "CREATE ROLE former", "GRANT SELECT ON customers TO former")
    printed = here(home, "grants", "--for", "release", "--role", "former").out
    done = cluster.psql(database, "-f", "-", stdin=printed)
    assert done.returncode == 0, done.stderr
    told = "SELECT has_column_privilege('former', 'customers', 'personal_number', 'SELECT')"
    assert cluster.sql(database, told).strip() == "f"


# ------------------------------------------------------------------------------------- the officer


def test_the_officer_finds_a_customer_by_an_identifier_and_reads_no_table(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    grant(cluster, database, home, here, "officer")
    queries = {
        "find_customer_id": "SELECT customer_id, customer_id FROM customers LIMIT 1",
        "find_personal_number": "SELECT customer_id, personal_number FROM customers "
        "WHERE personal_number IS NOT NULL LIMIT 1",
        "find_email": "SELECT customer_id, email FROM customers WHERE email IS NOT NULL LIMIT 1",
        "find_iban": "SELECT customer_id, iban FROM accounts JOIN account_holders "
        "USING (account_id) LIMIT 1",
    }
    for function, query in queries.items():
        key, identifier = cluster.sql(database, query).strip().split("|")
        assert key in asked(cluster, database, function, f"ARRAY['{identifier}']").split()
        # No pattern, no list of nothing: nobody leafs through.
        for nobody in ("ARRAY['%']", "ARRAY['_', '.*', '', NULL]", "ARRAY[]::text[]", "NULL"):
            assert asked(cluster, database, function, nobody) == ""
    for table in POLICY.sources:
        refused = cluster.psql(database, "-c", f"SELECT count(*) FROM {table}", user=OFFICER)
        assert "permission denied" in refused.stderr


def asked(cluster: Cluster, database: str, function: str, *lists: str) -> str:
    """Ask by hand, as the officer; return the keys."""
    query = f"SELECT key FROM clause16_lookup.{function}({', '.join(lists)})"
    return cluster.sql(database, query, user=OFFICER).strip()


def test_the_officer_finds_a_customer_by_name_and_date_of_birth(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    key, *twins = cluster.sql(
        database, "SELECT customer_id FROM customers ORDER BY customer_id LIMIT 2"
    ).split()
    for person, name in ((key, "Gëzim"), *((twin, "Agim") for twin in twins)):
        cluster.sql(
            database,
            f"UPDATE customers SET first_name = '{name}', last_name = 'Đorđević', "
            f"date_of_birth = '1961-02-03' WHERE customer_id = {person}",
        )
    grant(cluster, database, home, here, "officer")
    names = "ARRAY['Gezim Djordjevic', 'Gezim Djordjevic']"
    found = asked(
        cluster, database, "find_name_and_birth", names, "ARRAY['1961-02-03', '1961-02-04']::date[]"
    )
    assert found == key


def test_whose_number_a_third_person_has_is_not_answered_with_a_customer(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    """A relative who objects is not the customer to whom they are related."""
    for table in ("relatives", "payees", "company_managers", "loan_parties"):
        cluster.sql(database, f"UPDATE {table} SET phone = '+383 49 555 666'")
    grant(cluster, database, home, here, "officer")
    query = "SELECT * FROM clause16_lookup.find_phone(ARRAY['049555666'])"
    assert cluster.sql(database, query, user=OFFICER).strip() == "049555666|"


def test_the_officer_is_told_which_records_are_one_persons(
    cluster: Cluster, database: str, home: Home, here: Here
) -> None:
    first, second, *unknown = cluster.sql(
        database, "SELECT customer_id FROM customers ORDER BY customer_id LIMIT 4"
    ).split()
    numbers = {first: "1234567891", second: "1 234 567 891"} | dict.fromkeys(unknown, "9999999999")
    for key, number in numbers.items():
        cluster.sql(
            database, f"UPDATE customers SET personal_number = '{number}' WHERE customer_id = {key}"
        )
    grant(cluster, database, home, here, "officer")
    query = (
        f"SELECT key, other FROM clause16_lookup.same_person(ARRAY['{first}', '{unknown[0]}', 'x'])"
    )
    found = set(cluster.sql(database, query, user=OFFICER).split())
    assert found == {f"{first}|{first}", f"{first}|{second}"}


def test_a_policy_that_names_nothing_to_find_people_by_still_makes_every_function(
    cluster: Cluster, database: str
) -> None:
    fields = tomllib.loads(DEMO_POLICY.read_text("utf-8"))
    for source in fields["sources"].values():
        for column in source["columns"].values():
            column.pop("identifies", None)
    fields["subject"]["same-person"] = []
    policy = Policy.model_validate(fields)
    done = cluster.psql(database, "-f", "-", stdin=officer_grants(policy, Place(OFFICER, "public")))
    assert done.returncode == 0, done.stderr
    cluster.sql(database, f"ALTER ROLE {OFFICER} PASSWORD '{PASSWORD}'")
    for function in ("find_email", "find_phone", "find_iban", "find_personal_number"):
        assert asked(cluster, database, function, "ARRAY['a']") == ""
    assert asked(cluster, database, "find_name_and_birth", "ARRAY['a']", "ARRAY[now()::date]") == ""
    query = "SELECT key FROM clause16_lookup.same_person(ARRAY['1'])"
    assert cluster.sql(database, query, user=OFFICER).strip() == ""
