"""The officer's commands on the installed program, and releases that objections overtake."""

from __future__ import annotations

import csv
import importlib
import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import Here, Home, change, release

from pipelines.objections.registry import Registry
from pipelines.settings import settings_from
from transforms.objection import Channel, Identifiers, Received

TODAY = datetime.now(UTC).date()
MAIL = "zoterimi@posta.example"
NUMBER = "4711471147"


def registry_of(home: Home) -> Registry:
    settings = settings_from({}, today=TODAY, home=str(home.path))
    return Registry(settings.registry, settings.key_file)


def asked(home: Home, query: str) -> list[str]:
    with duckdb.connect(home.source.removeprefix("duckdb://"), read_only=True) as connection:
        return [str(value) for (value,) in connection.execute(query).fetchall()]


def said(home: Home, here: Here, *arguments: str) -> dict[str, object]:
    done = here(home, "objections", *arguments, "--json")
    assert done.code == 0, done.err
    return done.answer


def listing(home: Home, here: Here) -> list[dict[str, object]]:
    listed = said(home, here, "list")["objections"]
    assert isinstance(listed, list)
    return listed


def contents(folder: Path) -> dict[str, str]:
    document = json.loads((folder / "certificate.json").read_text("utf-8"))
    return {name: table["content"] for name, table in document["tables"].items()}


def annex(folder: Path) -> dict[str, dict[str, object]]:
    return dict(json.loads((folder / "annex.json").read_text("utf-8")))


@pytest.fixture
def person(released_home: Home) -> str:
    """A customer in the release, with a mail address that nobody else has."""
    (key,) = asked(
        released_home,
        "SELECT customer_id FROM customers WHERE kind = 'natural person' AND closed_on IS NULL "
        "AND date_of_birth BETWEEN '1970-01-02' AND '2000-01-01' AND income IS NOT NULL "
        "ORDER BY customer_id LIMIT 1",
    )
    bank = Path(released_home.source.removeprefix("duckdb://"))
    change(bank, f"UPDATE customers SET email = '{MAIL}' WHERE customer_id = {key}")
    return key


# ------------------------------------------------------------------- while a release is under way

STEPS = [
    ("pipelines.flows", "open_intake", "before"),
    ("pipelines.officer", "find_before_a_release", "before"),
    ("pipelines.officer", "find_before_a_release", "after"),
    ("pipelines.build", "count", "before"),
    ("pipelines.build", "count", "after"),
    ("pipelines.build", "anonymise", "before"),
    ("pipelines.build", "write_database", "before"),
    ("pipelines.build", "write_database", "after"),
    ("pipelines.build", "verify", "before"),
    ("pipelines.build", "verify", "after"),
    ("pipelines.build", "publish", "before"),
]


def inject(
    monkeypatch: pytest.MonkeyPatch, step: tuple[str, str, str], objects: Callable[[], None]
) -> list[int]:
    """Let somebody object before or after the first call of a step; return how often it ran."""
    module, name, when = step
    calls: list[int] = []
    real = getattr(importlib.import_module(module), name)

    def overtaken(*given: object, **more: object) -> object:
        calls.append(1)
        if when == "before" and len(calls) == 1:
            objects()
        answer = real(*given, **more)
        if when == "after" and len(calls) == 1:
            objects()
        return answer

    monkeypatch.setattr(f"{module}.{name}", overtaken)
    return calls


# Whoever gives an e-mail address has to be looked for: the steps around the look and the reading.
BY_EMAIL = [step for step in STEPS if step[1] in {"find_before_a_release", "count", "publish"}]


@pytest.mark.parametrize(
    ("step", "by"),
    [*((step, "customer id") for step in STEPS), *((step, "email") for step in BY_EMAIL)],
    ids=str,
)
def test_an_objection_that_comes_during_a_release_is_never_in_what_is_published(
    released_home: Home,
    here: Here,
    person: str,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[str, str, str],
    by: str,
) -> None:
    home = released_home
    given = Identifiers(customer_id=person) if by == "customer id" else Identifiers(email=MAIL)

    def objects() -> None:
        now = datetime.now(UTC)
        registry_of(home).receive([Received(given, Channel.EMAIL, now)], now)

    with_person = contents(release(home, here))
    # Prefect reads the environment when it is imported, so not before `here` ran.
    with monkeypatch.context() as patch:
        calls = inject(patch, step, objects)
        published = release(home, here)
    assert calls
    assert annex(published)["left_out"]["objected (clause 16)"] == 1
    again = contents(release(home, here))
    assert contents(published) == again
    # The control: the person is seen where nobody objects.
    assert contents(published) != with_person
    assert home.leftovers == []


def test_who_objects_again_and_again_stops_a_release_and_the_one_before_stays(
    released_home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, before = released_home, released_home.current
    here(home, "status")
    from pipelines import build

    built = []

    def overtaken(staging: Path) -> object:
        built.append(staging)
        given = Received(Identifiers(customer_id=str(len(built))), Channel.APP, datetime.now(UTC))
        registry_of(home).receive([given], datetime.now(UTC))
        return verified(staging)

    verified = build.verify_staging
    monkeypatch.setattr(build, "verify_staging", overtaken)
    done = here(home, "release")
    assert done.code == 13
    assert "an objection was recorded while this release was made" in done.complaint
    assert len(built) == 3
    assert home.current == before
    assert home.leftovers == []


# --------------------------------------------------------------------------------- whose is it?


def test_whoever_is_found_is_left_out_of_the_next_release(
    released_home: Home, here: Here, person: str
) -> None:
    home, before = released_home, released_home.current
    recorded = said(home, here, "record", "--email", f" {MAIL.upper()} ", "--channel", "email")
    assert recorded["state"] == "identified"
    (listed,) = listing(home, here)
    assert (listed["state"], listed["first_release_without"]) == ("identified", None)
    where = said(home, here, "show", "--customer-id", person)
    assert where["in_current_release"] == "perhaps"
    after = release(home, here)
    assert after != before
    for identifier in (("--customer-id", person), ("--email", MAIL)):
        where = said(home, here, "show", *identifier)
        assert where["in_current_release"] == "no"
        assert where["first_release_without"] == after.name
    release(home, here)
    # Nor does a decision that lets nobody in or out change since when.
    said(home, here, "decide", "1", "--uphold", "--by", "Arta")
    where = said(home, here, "show", "--customer-id", person)
    assert (where["in_current_release"], where["first_release_without"]) == ("no", after.name)


def test_of_several_candidates_all_are_left_out_until_one_is_chosen(
    released_home: Home, here: Here, person: str
) -> None:
    home = released_home
    (other,) = asked(home, f"SELECT max(customer_id) FROM customers WHERE customer_id <> {person}")
    bank = Path(home.source.removeprefix("duckdb://"))
    change(bank, f"UPDATE customers SET email = '{MAIL}' WHERE customer_id = {other}")
    assert said(home, here, "record", "--email", MAIL)["state"] == "several candidates"
    assert set(registry_of(home).excluded(TODAY).people.objected) == {person, other}
    watched = here(home, "status")
    assert watched.code == 13
    assert "may be from several people" in watched.out
    unknown = here(home, "objections", "resolve", "1", "--customer-id", "5", "--by", "Arta")
    assert unknown.code == 12
    said(home, here, "resolve", "1", "--customer-id", person, "--by", "Arta")
    assert list(registry_of(home).excluded(TODAY).people.objected) == [person]
    assert "may be from several people" not in here(home, "status").out


def test_a_second_record_of_the_person_is_left_out_also_where_it_comes_later(
    released_home: Home, here: Here, person: str
) -> None:
    home, bank = released_home, Path(released_home.source.removeprefix("duckdb://"))
    (other,) = asked(home, f"SELECT max(customer_id) FROM customers WHERE customer_id <> {person}")
    change(bank, f"UPDATE customers SET personal_number = '{NUMBER}' WHERE customer_id = {person}")
    said(home, here, "record", "--customer-id", person)
    assert set(registry_of(home).excluded(TODAY).people.objected) == {person}
    written = f"{NUMBER[:4]} {NUMBER[4:]}"
    change(bank, f"UPDATE customers SET personal_number = '{written}' WHERE customer_id = {other}")
    assert said(home, here, "resolve", "--all")["another_record"] == [1]
    assert set(registry_of(home).excluded(TODAY).people.objected) == {person, other}


def test_a_release_looks_again_for_everybody_where_that_was_long_ago(
    released_home: Home, here: Here, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import intake, officer

    home, bank = released_home, Path(released_home.source.removeprefix("duckdb://"))
    (other,) = asked(home, f"SELECT max(customer_id) FROM customers WHERE customer_id <> {person}")
    change(bank, f"UPDATE customers SET personal_number = '{NUMBER}' WHERE customer_id = {person}")
    said(home, here, "record", "--customer-id", person)
    assert annex(release(home, here))["left_out"]["objected (clause 16)"] == 1
    change(bank, f"UPDATE customers SET personal_number = '{NUMBER}' WHERE customer_id = {other}")
    # The list covers one of two records: nobody is told that the person is out of everything.
    where = said(home, here, "show", "--customer-id", person)
    assert (where["in_current_release"], where["records_in_source"]) == ("perhaps", 2)
    monkeypatch.setattr(officer, "is_stale", lambda *_: True)
    assert annex(release(home, here))["left_out"]["objected (clause 16)"] == 2
    assert said(home, here, "show", "--customer-id", person)["in_current_release"] == "no"
    # Where nobody may look, nothing is released.
    monkeypatch.setattr(officer, "officer_source", lambda _: None)
    monkeypatch.setattr(intake, "is_stale", lambda *_: True)
    done = here(home, "release")
    assert done.code == 12
    assert "within 24 hours" in done.complaint


def test_nobody_is_let_in_by_the_id_of_somebody_else(
    released_home: Home, here: Here, person: str
) -> None:
    home = released_home
    (other,) = asked(home, f"SELECT max(customer_id) FROM customers WHERE customer_id <> {person}")
    said(home, here, "record", "--email", MAIL)
    slip = ("resolve", "1", "--customer-id", other, "--by", "Arta")
    done = here(home, "objections", *slip)
    assert done.code == 12
    assert "--no-candidate" in done.complaint
    said(home, here, *slip, "--no-candidate")
    assert list(registry_of(home).excluded(TODAY).people.objected) == [other]
    said(home, here, "decide", "1", "--uphold", "--by", "Arta")
    decided = here(home, "objections", "resolve", "1", "--customer-id", person, "--by", "Arta")
    assert decided.code == 12
    assert "decided of another person" in decided.complaint


def test_of_whom_nobody_is_found_waits_and_is_looked_for_by_each_run(
    released_home: Home, here: Here, person: str
) -> None:
    home, bank = released_home, Path(released_home.source.removeprefix("duckdb://"))
    received = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    recorded = said(home, here, "record", "--email", "later@posta.example",
                    "--received-at", received)  # fmt: skip
    assert recorded["state"] == "waiting"
    watched = here(home, "status")
    assert watched.code == 13
    assert "demands" not in watched.out
    assert "nobody was found" in watched.out
    before = release(home, here)
    assert annex(before)["objections"]["waiting"] == 1
    change(bank, f"UPDATE customers SET email = 'Later@Posta.example' WHERE customer_id = {person}")
    after = release(home, here)
    assert annex(after)["objections"]["waiting"] == 0
    assert annex(after)["left_out"]["objected (clause 16)"] == 1
    assert annex(after)["objections"]["days_to_effect"] == {"31": 1}
    (listed,) = listing(home, here)
    assert listed["first_release_without"] == after.name


def test_who_is_nobody_is_dismissed_with_a_reason_and_not_otherwise(
    released_home: Home, here: Here
) -> None:
    home = released_home
    said(home, here, "record", "--text", "I want no statistics. A customer", "--channel", "letter")
    bare = here(home, "objections", "decide", "1", "--dismiss", "not identifiable", "--by", "Arta")
    assert bare.code == 12
    done = here(home, "objections", "decide", "1", "--dismiss", "not identifiable", "--reason",
                "no answer to two letters", "--by", "Arta")  # fmt: skip
    assert done.code == 0, done.err
    shown = here(home, "objections", "show", "1")
    assert "dismissed by Arta" in shown.out
    assert "no answer to two letters" in shown.out


def test_a_joint_account_leaves_out_the_holder_and_not_the_other(
    released_home: Home, here: Here
) -> None:
    home = released_home
    account, iban, first, second = joint_account(home)
    said(home, here, "record", "--iban", f"{iban[:4]} {iban[4:]}".lower())
    assert set(registry_of(home).excluded(TODAY).people.objected) == {first, second}
    said(home, here, "resolve", "1", "--customer-id", first, "--by", "Arta")
    assert list(registry_of(home).excluded(TODAY).people.objected) == [first]
    assert annex(release(home, here))["left_out"]["objected (clause 16)"] == 1
    assert account


def joint_account(home: Home) -> tuple[str, str, str, str]:
    with duckdb.connect(home.source.removeprefix("duckdb://"), read_only=True) as connection:
        account, keys = connection.execute(
            "SELECT account_id, list(customer_id ORDER BY customer_id) FROM account_holders "
            "JOIN customers USING (customer_id) WHERE kind = 'natural person' "
            "GROUP BY 1 HAVING count(*) = 2 ORDER BY 1 LIMIT 1"
        ).fetchall()[0]
    iban = "XK051212012345678906"
    bank = Path(home.source.removeprefix("duckdb://"))
    change(bank, f"UPDATE accounts SET iban = '{iban}' WHERE account_id = {account}")
    return str(account), iban, str(keys[0]), str(keys[1])


# ------------------------------------------------------------------------------------- decisions

PROOF = ("--ground", "legal claims", "--evidence", "file 7/2026", "--by", "Arta")


def test_an_override_needs_its_whole_proof_and_stands_in_the_annex(
    released_home: Home, here: Here, person: str
) -> None:
    home = released_home
    said(home, here, "record", "--customer-id", person)
    review = (TODAY + timedelta(days=90)).isoformat()
    whole = ("decide", "1", "--override", *PROOF, "--review-on", review)
    for left_out in ("--ground", "--evidence", "--review-on"):
        place = whole.index(left_out)
        done = here(home, "objections", *whole[:place], *whole[place + 2 :])
        assert done.code == 12
        assert "the objection stands" in done.complaint
    assert annex(release(home, here))["left_out"]["objected (clause 16)"] == 1
    said(home, here, *whole)
    after = annex(release(home, here))
    assert after["left_out"]["objected (clause 16)"] == 0
    assert after["objections"]["overrides"] == [
        {
            "objection": 1,
            "ground": "legal claims",
            "reference": "file 7/2026",
            "by": "Arta",
            "review_on": review,
        }
    ]
    public = (home.current or Path()).joinpath("certificate.json").read_text("utf-8")
    assert "file 7" not in public
    assert json.loads(public)["objections"]["overridden"] == "fewer than 11"


def test_an_override_whose_review_is_due_does_not_pass_for_one_that_never_was(
    released_home: Home, here: Here, person: str
) -> None:
    from pipelines import officer

    home = released_home
    said(home, here, "record", "--customer-id", person)
    review = TODAY + timedelta(days=30)
    said(home, here, "decide", "1", "--override", *PROOF, "--review-on", review.isoformat())
    release(home, here)
    settings = settings_from({}, today=review, home=str(home.path), source=home.source)
    then = datetime(review.year, review.month, review.day, 12, tzinfo=UTC)
    place = officer.whereabouts(settings, registry_of(home), Identifiers(customer_id=person), then)
    ((case, since),) = place.cases
    assert case.state == "review due"
    # The current release was made while the override held: the person may be in it.
    assert not place.seen.current_is_without(since)


def test_a_restriction_is_lifted_only_after_the_person_was_told(
    released_home: Home, here: Here, person: str
) -> None:
    home = released_home
    said(home, here, "record", "--customer-id", person, "--right", "restriction")
    assert "tell the person before it is lifted" in here(home, "objections", "list").out
    assert annex(release(home, here))["left_out"]["restricted (clause 30.4)"] == 1
    assert here(home, "objections", "decide", "1", "--lift", "--by", "Arta").code == 12
    told = TODAY.isoformat()
    said(home, here, "decide", "1", "--lift", "--informed-on", told, "--by", "Arta")
    assert annex(release(home, here))["left_out"]["restricted (clause 30.4)"] == 0


def test_nobody_is_erased_from_the_list_whom_the_source_still_knows(
    released_home: Home, here: Here, person: str
) -> None:
    home, bank = released_home, Path(released_home.source.removeprefix("duckdb://"))
    said(home, here, "record", "--email", MAIL, "--right", "erasure")
    refused = here(home, "objections", "erase", "1", "--by", "Arta")
    assert refused.code == 12
    assert "the source still knows the person" in refused.complaint
    change(bank, f"DELETE FROM customers WHERE customer_id = {person}")
    assert said(home, here, "erase", "--gone", "--by", "Arta")["erased"] == [1]
    (listed,) = listing(home, here)
    assert listed["state"] == "erased"
    assert person not in here(home, "objections", "show", "1").out


def test_another_bank_erases_nobody(
    released_home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import officer

    home, bank = released_home, Path(released_home.source.removeprefix("duckdb://"))
    keys = asked(home, "SELECT customer_id FROM customers ORDER BY 1 LIMIT 3")
    for key in keys:
        said(home, here, "record", "--customer-id", key)
    monkeypatch.setattr(officer, "FEW_GONE", 1)
    change(bank, f"DELETE FROM customers WHERE customer_id IN ({', '.join(keys)})")
    for which in ("--gone", "1"):
        done = here(home, "objections", "erase", which, "--by", "Arta")
        assert done.code == 12
        assert "is this the bank?" in done.complaint
    assert len(registry_of(home).excluded(TODAY).people.objected) == 3
    assert said(home, here, "erase", "--gone", "--many", "--by", "Arta")["erased"] == [1, 2, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        ("record", "--customer-id", "=1+1"),
        ("record", "--customer-id", "5", "--received-at", "1400-01-01"),
        ("record", "--name", "A B", "--born", "2999-01-01"),
        ("record", "--name", "A B"),
        ("record", "--email", "a@b.example", "--channel", "pigeon"),
        ("erase", "1", "--by", "a\x1b[2J"),
        ("decide", "1", "--uphold", "--by", "Arta", "--evidence", "x"),
        ("decide", "1", "--override", "--by", "Arta", "--evidence", "=HYPERLINK()"),
        ("list", "--state", "asleep"),
    ],
)
def test_what_makes_no_sense_is_refused(
    released_home: Home, here: Here, arguments: tuple[str, ...]
) -> None:
    try:
        code = here(released_home, "objections", *arguments).code
    except SystemExit as refused:
        code = int(str(refused.code))
    assert code == 2
    assert len(registry_of(released_home)) == 0


def test_what_cannot_be_taken_back_is_told(released_home: Home, here: Here) -> None:
    home = released_home
    for arguments in (
        ("withdraw", "1", "--identity-verified", "--by", "Arta"),
        ("decide", "1", "--uphold", "--by", "Arta"),
        ("show", "1"),
        ("erase", "1", "--by", "Arta"),
        ("resolve", "1", "--customer-id", "5", "--by", "Arta"),
    ):
        done = here(home, "objections", *arguments)
        assert done.code == 12, arguments
        assert "there is no objection 1" in done.complaint
    said(home, here, "record", "--customer-id", "5")
    assert here(home, "objections", "withdraw", "1", "--by", "Arta").code == 12
    said(home, here, "withdraw", "1", "--identity-verified", "--by", "Arta")
    again = here(home, "objections", "withdraw", "1", "--identity-verified", "--by", "Arta")
    assert again.code == 12
    assert "in the state `withdrawn`" in again.complaint


def test_the_same_reference_is_taken_once(released_home: Home, here: Here) -> None:
    home = released_home
    first = said(home, here, "record", "--customer-id", "5", "--reference", "letter 12")
    again = said(home, here, "record", "--customer-id", "5", "--reference", "letter 12")
    assert (first["objection"], again["objection"]) == (1, None)


def test_an_identifier_is_read_from_standard_input_where_nobody_sees_it(
    released_home: Home, person: str
) -> None:
    import subprocess

    from end_to_end.program import PROGRAM

    done = subprocess.run(
        [PROGRAM, "objections", "record", "--email", "-", "--json"],
        input=f"{MAIL}\n", env=released_home.settings(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["state"] == "identified"
    assert list(registry_of(released_home).excluded(TODAY).people.objected) == [person]


# ----------------------------------------------------------------------------------------- files


def crm_file(path: Path, lines: int, bad: int, person: str) -> None:
    """Write a CRM's file of so many lines, the last ones of them bad; the first is a customer."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reference", "customer_id", "email", "received_at", "channel"])
        writer.writerow(["crm-0", person, "", "2026-11-02", "phone"])
        for n in range(1, lines - bad):
            writer.writerow([f"crm-{n}", "", f"nobody{n}@posta.example", "2026-11-02", "email"])
        for n in range(bad):
            writer.writerow([f"bad-{n}", "", f"b{n}@posta.example", "2026-13-02", "email"])


def test_a_file_is_taken_once_and_its_bad_lines_come_back_mended(
    released_home: Home, here: Here, person: str, tmp_path: Path
) -> None:
    home, file = released_home, tmp_path / "crm.csv"
    crm_file(file, 500, 7, person)
    first = said(home, here, "import", str(file))
    assert {name: first[name] for name in ("accepted", "known", "rejected")} == {
        "accepted": 493,
        "known": 0,
        "rejected": 7,
    }
    assert first["looked_up"]["found"] == [1]  # type: ignore[index]  # a dictionary
    rejected = Path(str(first["rejected_lines"]))
    assert rejected.stat().st_mode & 0o777 == 0o600
    rejected.write_text(rejected.read_text("utf-8-sig").replace("2026-13-02", "2026-11-03"))
    mended = said(home, here, "import", str(rejected))
    assert (mended["accepted"], mended["rejected"]) == (7, 0)
    rejected.unlink()
    again = said(home, here, "import", str(file))
    assert (again["accepted"], again["known"], again["rejected"]) == (0, 493, 7)
    assert list(registry_of(home).excluded(TODAY).people.objected) == [person]


def test_the_drop_folder_is_taken_by_a_flow_that_tells_of_it(
    released_home: Home,
    here: Here,
    person: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, drop = released_home, released_home.path / "drop"
    assert here(home, "objections", "update").code == 0
    crm_file(drop / "crm.csv", 20, 2, person)
    (drop / "broken.csv").write_bytes(b"\xff\xfe\x00\x00")
    long_ago = datetime.now(UTC).timestamp() - 60
    for file in drop.glob("*.csv"):
        os.utime(file, (long_ago, long_ago))
    from pipelines import telling
    from pipelines.flows import update_opt_outs

    told: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(
        telling, "emit_event", lambda event, _, payload: told.append((event, payload))
    )
    for name, value in home.settings().items():
        monkeypatch.setenv(name, value)
    assert update_opt_outs() == {"files": 2, "refused": 1}
    assert told == [
        (
            "clause16.objections.received",
            {"files": 2, "refused": 1, "objections": "about 20"},
        )
    ]
    assert [path.name for path in drop.glob("*.csv")] == []
    assert len(list((drop / "done").iterdir())) == 1
    assert len(list((drop / "rejected").glob("*broken.csv*"))) == 2
    assert "2 files of objections" in here(home, "status").out
    assert list(registry_of(home).excluded(TODAY).people.objected) == [person]
    # Nothing new: nobody is told.
    assert update_opt_outs() == {"files": 0, "refused": 0}
    assert len(told) == 1


# ------------------------------------------------------------------------------ no list, no release


def test_a_list_that_is_locked_for_too_long_stops_the_release(
    released_home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, before = released_home, released_home.current
    monkeypatch.setattr("pipelines.sqlite.WAITS", 0.2)
    with sqlite3.connect(home.path / "registry" / "objections.sqlite") as other:
        other.execute("BEGIN EXCLUSIVE")
        done = here(home, "release")
    assert done.code == 12
    assert "somebody else is writing it" in done.complaint
    assert home.current == before


def test_the_list_is_checked_against_every_release(released_home: Home, here: Here) -> None:
    home, registry = released_home, released_home.path / "registry" / "objections.sqlite"
    said(home, here, "record", "--customer-id", "5")
    older = registry.read_bytes()
    said(home, here, "record", "--customer-id", "6")
    release(home, here)
    verified = said(home, here, "list", "--verify")["verified"]
    assert isinstance(verified, dict)
    assert (verified["objections"], verified["releases"]) == (2, 2)
    registry.write_bytes(older)
    done = here(home, "objections", "list", "--verify")
    assert done.code == 12
    assert "never was in the state" in done.complaint


def test_whom_nobody_looked_for_stops_a_release_whose_source_only_the_officer_may_ask(
    released_home: Home, here: Here, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import officer

    home, before = released_home, released_home.current
    monkeypatch.setattr(officer, "officer_source", lambda _: None)
    recorded = here(home, "objections", "record", "--email", MAIL)
    assert recorded.code == 0
    assert "nothing is released before" in recorded.out
    done = here(home, "release")
    assert done.code == 12
    assert "$CLAUSE16_OFFICER_SOURCE" in done.complaint
    assert home.current == before
    monkeypatch.undo()
    assert annex(release(home, here))["left_out"]["objected (clause 16)"] == 1
    assert person
