"""How long the officer's look-up takes: many objectors against very many customers.

    python benchmarks/lookup.py [--customers 10000000] [--objectors 100000] [--source both]

Makes a bank by SQL, in a DuckDB file and in a PostgreSQL of its own (its programs must be
installed) with the indexes that a bank has: customers, an account each, every tenth one a joint
one, and for every tenth customer a letter, a relative and more. Every objector gives one thing,
written otherwise than in the bank: a sixth each a customer id, a personal number, an e-mail
address, a phone number, an IBAN, a name with its date of birth. Prints the seconds from what was
given to whom it means, the identifiers a second and the peak memory of a process that does nothing
else, and stops where anybody is not found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
from peak import peak_mebibytes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from end_to_end.postgres import PASSWORD, Cluster, binaries, new_cluster

from pipelines.generate import generate
from pipelines.grants import OFFICER, Place, officer_grants
from pipelines.objections.lookup import look_up
from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.identity import questions, verdicts
from transforms.objection import Identifiers

FIRST = "Arta,Teuta,Gëzim,Blerta,Mërgim,Jelena,Dragan,Đorđe,Ayşe,Valon"
LAST = "Krasniqi,Gashi,Thaçi,Berisha,Çollaku,Jovanović,Hoxha,Şahin,Shala"
BORN, DAYS = date(1940, 1, 1), 25_000
KEYS, ACCOUNTS = 10**9, 2 * 10**9
KINDS = 6
JOINT = 10
"""Every so manieth account has a second holder, and every so manieth customer a letter."""


# ------------------------------------------------------------------------------------------- bank


def filling(customers: int) -> Iterator[str]:
    """Return SQL, for DuckDB and PostgreSQL alike, that fills the tables of a demo bank."""
    first, last = (
        f"split_part('{names}', ',', (g % {len(names.split(','))} + 1)::int)"
        for names in (FIRST, LAST)
    )
    phone = (
        "CASE g % 3 WHEN 0 THEN '+383 ' || substr(n, 1, 2) || ' ' || substr(n, 3) "
        "WHEN 1 THEN '0' || substr(n, 1, 2) || '/' || substr(n, 3) ELSE '00383' || n END"
    )
    born = f"date '{BORN}' + (g % {DAYS})::int"
    person = (
        f"SELECT g, {KEYS} + g AS id, {first} AS first, {last} AS last, {born} AS born, "
        f"'somebody.' || g || '@gmail.com' AS email, (40000000 + g)::text AS n "
        f"FROM generate_series(1, {customers}) AS t (g)"
    )
    yield (
        "INSERT INTO customers (customer_id, kind, first_name, last_name, personal_number, "
        "date_of_birth, citizenship, street, house_number, postcode, municipality, email, phone, "
        "occupation, employer, education, income, opened_on) SELECT id, 'natural person', first, "
        "last, (1000000000 + 7 * g)::text, born, 'XK', 'Rr. Adem Jashari', '12', '10000', "
        f"'Prishtina', email, {phone}, 'nurse', 'a hospital in the capital', 'secondary', 512.5, "
        f"date '2015-01-01' FROM ({person}) AS p"
    )
    yield (
        f"INSERT INTO accounts (account_id, iban, product, currency, balance) SELECT "
        f"{ACCOUNTS} + g, 'XK05' || lpad(g::text, 16, '0'), 'current', 'EUR', 10 "
        f"FROM generate_series(1, {customers}) AS t (g)"
    )
    for owner, every in (("g", 1), (f"(g % {customers} + 1)", JOINT)):
        yield (
            f"INSERT INTO account_holders SELECT {ACCOUNTS} + g, {KEYS} + {owner}, 'owner' "
            f"FROM generate_series({every}, {customers}, {every}) AS t (g)"
        )
    tenth = f"({person}) AS p WHERE g % {JOINT} = 0"
    yield (
        f"INSERT INTO correspondence (correspondence_id, customer_id, email, phone) "
        f"SELECT {KEYS} + g, id, email, {phone} FROM {tenth}"
    )
    yield (
        f"INSERT INTO contact_preferences (customer_id, channel, email, phone) "
        f"SELECT id, 'e-mail', email, {phone} FROM {tenth}"
    )
    yield (
        f"INSERT INTO relatives (relative_id, customer_id, first_name, last_name, "
        f"personal_number, date_of_birth, phone) SELECT {KEYS} + g, id, first, last, "
        f"(9000000000 + g)::text, born, '+355 69 ' || g FROM {tenth}"
    )


INDEXES = (
    "CREATE UNIQUE INDEX ON customers (personal_number)",
    "CREATE UNIQUE INDEX ON customers (email)",
    "CREATE UNIQUE INDEX ON accounts (iban)",
    "VACUUM ANALYZE",
)


def in_duckdb(folder: Path, customers: int) -> str:
    """Write the bank into a DuckDB file; return its URI."""
    uri = f"duckdb://{folder}/bank.duckdb"
    generate(uri, customers=100, payments_per_customer=0, seed=16, progress=silent)
    with duckdb.connect(f"{folder}/bank.duckdb") as connection:
        for statement in filling(customers):
            connection.execute(statement)
    return uri


def in_postgres(server: Cluster, customers: int) -> str:
    """Write the bank into PostgreSQL, with the officer's functions; return the officer's URI."""
    database = server.new_database()
    generate(server.uri(database), customers=100, payments_per_customer=0, seed=16, progress=silent)
    server.sql(database, *filling(customers), *INDEXES)
    sql = officer_grants(load_policy(DEMO_POLICY).policy, Place(OFFICER, "public"))
    granted = server.psql(database, "-f", "-", stdin=sql)
    if granted.returncode != 0:
        raise SystemExit(granted.stderr)
    server.sql(database, f"ALTER ROLE {OFFICER} PASSWORD '{PASSWORD}'")
    return server.uri(database, OFFICER)


def silent(line: str) -> None:
    """Say nothing of the progress."""


# -------------------------------------------------------------------------------------- objectors


def objectors(customers: int, number: int) -> list[tuple[int, Identifiers]]:
    """Return so many objectors, spread over the customers: the customer of each, what it gives."""
    step = customers // number
    chosen = range(step, step * number + 1, step)
    return [(who, _given(who, place % KINDS)) for place, who in enumerate(chosen)]


def _given(who: int, kind: int) -> Identifiers:
    national = str(40_000_000 + who)
    return (
        Identifiers(customer_id=f" {KEYS + who} "),
        Identifiers(personal_number=f"{1_000_000_000 + 7 * who:,}".replace(",", " ")),
        Identifiers(email=f"Somebody.{who}@GMail.com "),
        Identifiers(phone=f"0{national[:2]} {national[2:5]}-{national[5:]}"),
        Identifiers(iban=_in_fours(f"xk05{who:016}")),
        Identifiers(
            name=f"{_of(LAST, who).upper()}, {_of(FIRST, who)}",
            born=BORN + timedelta(days=who % DAYS),
        ),
    )[kind]


def _of(names: str, who: int) -> str:
    listed = names.split(",")
    return listed[who % len(listed)]


def _in_fours(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def once(uri: str, customers: int, number: int) -> dict[str, float]:
    """Ask for everybody in this process; return seconds, the peak in MiB, and who is missing."""
    policy = load_policy(DEMO_POLICY).policy
    given = objectors(customers, number)
    started = time.perf_counter()
    asked = questions(given, policy.objections.region)
    put = time.perf_counter()
    found = look_up(uri, policy, asked)
    answered = time.perf_counter()
    decided = verdicts(found, asked)
    ended = time.perf_counter()
    met = sum(1 for who, _ in given if who in decided and str(KEYS + who) in decided[who].keys)
    return {
        "asked": put - started,
        "look_up": answered - put,
        "seconds": ended - started,
        "peak": peak_mebibytes(),
        "missing": number - met,
    }


def in_a_process(uri: str, customers: int, number: int) -> dict[str, float]:
    """Run `once` in a fresh process."""
    command = [sys.executable, __file__, "--once", uri, *_sizes(customers, number)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _sizes(customers: int, number: int) -> Sequence[str]:
    return ("--customers", str(customers), "--objectors", str(number))


@contextmanager
def _server() -> Iterator[Cluster]:
    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    server = new_cluster(programs)
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(server.folder)


def report(name: str, uri: str, customers: int, number: int) -> None:
    """Ask a bank, and say how long it took."""
    run = in_a_process(uri, customers, number)
    print(
        f"{name:<10} {run['seconds']:6.1f} s (spelling {run['asked']:.1f}, look-up "
        f"{run['look_up']:.1f}), {number / run['seconds']:,.0f} identifiers a second, "
        f"peak {run['peak']:,.0f} MiB"
    )
    if run["missing"]:
        raise SystemExit(f"{name}: {run['missing']:,.0f} objectors were not found")


def main() -> None:
    """Make the banks, ask each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--objectors", type=int, default=100_000)
    parser.add_argument("--source", choices=["duckdb", "postgres", "both"], default="both")
    parser.add_argument("--once", metavar="URI")
    options = parser.parse_args()
    sizes = (options.customers, options.objectors)
    if options.once:
        print(json.dumps(once(options.once, *sizes)))
        return
    print(f"{options.objectors:,} objectors, {options.customers:,} customers")
    if options.source != "postgres":
        with tempfile.TemporaryDirectory() as name:
            report("DuckDB", in_duckdb(Path(name), options.customers), *sizes)
    if options.source != "duckdb":
        with _server() as server:
            report("PostgreSQL", in_postgres(server, options.customers), *sizes)


if __name__ == "__main__":
    main()
