"""What goes wrong around a release: clocks, disks, rights, memory, paths, readers, other schemas.

Each: one clear line, its exit code, nothing lost, nothing half published, the next run clean. After
each, as after every test, no personal value is anywhere (see `watch`).
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from end_to_end.postgres import Cluster
from end_to_end.program import PROGRAM, Here, Home, Run, new_home

from pipelines.verifier import verify

MEBIBYTE = 1 << 20


def run_as(home: Home, *command: str, before: Callable[[], None] | None = None) -> Run:
    """Run the program under something else: another clock, fewer rights, less memory."""
    done = subprocess.run(
        command,
        env=home.settings(),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        preexec_fn=before,
        timeout=300,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def is_whole(home: Home) -> bool:
    current = home.current
    assert current is not None
    return verify(current / "statistics.duckdb", current / "certificate.json").passed


def refused(home: Home, done: Run, code: int, said: str, before: Path | None) -> None:
    assert done.code == code, done.err
    assert said in done.complaint
    assert home.current == before
    assert before is None or is_whole(home)
    assert home.leftovers == []


# ---------------------------------------------------------------------------------------- clocks


def contents(home: Home) -> dict[str, str]:
    assert home.current is not None
    document = json.loads((home.current / "certificate.json").read_text(encoding="utf-8"))
    return {name: table["content"] for name, table in document["tables"].items()}


def test_another_time_zone_changes_nothing(released_home: Home) -> None:
    said, expected = set(), contents(released_home)
    for zone in ("Pacific/Kiritimati", "America/Adak", "Europe/Belgrade"):
        moved = Home(released_home.path, released_home.source, None, {"TZ": zone})
        moved.release()
        assert contents(moved) == expected
        said.add(json.loads((moved.current / "certificate.json").read_text())["as_of"])  # type: ignore[operator]  # there is one
    assert len(said) == 1


@pytest.fixture
def clock() -> str:
    program = shutil.which("faketime")
    if program is None:
        pytest.skip("no clock can be set here (Debian: apt-get install faketime)")
    return program


def test_a_clock_that_goes_back_by_minutes_makes_a_later_release(
    released_home: Home, clock: str
) -> None:
    before = released_home.current
    assert before is not None
    done = run_as(released_home, clock, "-f", "-10m", str(PROGRAM), "release")
    assert done.code == 0, done.err
    assert released_home.current is not None
    assert released_home.current.name > before.name
    assert is_whole(released_home)


def test_a_clock_that_goes_back_by_days_is_refused(
    released_home: Home, clock: str, here: Here
) -> None:
    before = released_home.current
    done = run_as(released_home, clock, "-f", "-3d", str(PROGRAM), "release")
    refused(released_home, done, 14, "the current release was made on", before)
    assert here(released_home, "release").code == 0


# ----------------------------------------------------------------------------------------- disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 48 mebibytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("no file system may be mounted here, so no disk can be filled")
    yield disk
    subprocess.run(["/usr/bin/umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, free: int) -> Path:
    """Leave so many bytes free."""
    ballast = disk / "ballast"
    left = shutil.disk_usage(disk).free - free
    with ballast.open("wb") as file:
        while left > 0:
            written = min(left, MEBIBYTE)
            file.write(bytes(written))
            left -= written
    return ballast


def test_a_disk_that_is_full_at_any_moment_of_writing(
    small_disk: Path, small_bank: Path, here: Here
) -> None:
    """From no byte free to enough: each run stops at a later one of the files that it writes."""
    home = new_home(small_disk, f"duckdb://{small_bank}")
    assert here(home, "release").code == 0
    outcomes = []
    for free in (0, 4, 8, 16, 64, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288):
        ballast = fill(small_disk, free * 1024)
        before = home.current
        done = here(home, "release")
        outcomes.append(done.code)
        if done.code != 0:
            refused(home, done, 14, "the disk is full", before)
        ballast.unlink()
    assert set(outcomes) == {0, 14}
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes.count(14) > 3
    assert here(home, "release").code == 0
    assert is_whole(home)


def test_a_disk_that_is_full_when_the_first_plan_is_stored(
    small_disk: Path, small_bank: Path, here: Here
) -> None:
    home = new_home(small_disk, f"duckdb://{small_bank}")
    ballast = fill(small_disk, 0)
    refused(home, here(home, "release"), 14, "the disk is full", None)
    assert here(home, "plan").code == 14
    assert list(home.path.glob("plan*")) == []
    ballast.unlink()
    assert here(home, "release").code == 0


def test_an_objection_on_a_full_disk_is_told_as_not_recorded(
    small_disk: Path, small_bank: Path, here: Here
) -> None:
    home = new_home(small_disk, f"duckdb://{small_bank}")
    assert here(home, "objections", "record", "--customer-id", "5").code == 0
    ballast = fill(small_disk, 0)
    done = here(home, "objections", "record", "--customer-id", "6")
    assert done.code == 12
    assert "nothing is lost" in done.complaint
    ballast.unlink()
    listed = here(home, "objections", "list", "--json")
    assert len(listed.answer["objections"]) == 1  # type: ignore[arg-type]  # a list
    assert here(home, "objections", "record", "--customer-id", "6").code == 0


def test_a_full_disk_under_the_temporary_scheduler(
    small_disk: Path, small_bank: Path, here: Here
) -> None:
    home = new_home(small_disk, f"duckdb://{small_bank}")
    alone = Home(home.path, home.source, None, {"PREFECT_API_URL": ""})
    ballast = fill(small_disk, 64 * 1024)
    refused(alone, alone.run("release"), 14, "the disk is full", None)
    ballast.unlink()
    assert here(home, "release").code == 0


# ---------------------------------------------------------------------------------------- rights


@pytest.mark.parametrize(
    ("place", "mode", "code"),
    [
        ("releases", 0o500, 14),
        ("lock", 0o400, 14),
        ("releases/current/certificate.json", 0o000, 14),
        ("plan.json", 0o000, 10),
        ("registry", 0o000, 12),
        ("../home.key", 0o000, 12),
        ("../bank.duckdb", 0o000, 11),
    ],
)
def test_what_may_not_be_read_or_written(
    released_home: Home, here: Here, place: str, mode: int, code: int
) -> None:
    home, path = released_home, released_home.path / place
    before, allowed = home.current, path.stat().st_mode
    path.chmod(mode)
    done = home.run_powerless("release")
    path.chmod(allowed)
    refused(home, done, code, "", before)
    assert here(home, "release").code == 0


def test_a_file_system_that_became_read_only(
    small_disk: Path, small_bank: Path, here: Here
) -> None:
    home = new_home(small_disk, f"duckdb://{small_bank}")
    assert here(home, "release").code == 0
    before = home.current
    remounted = ["/usr/bin/mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remounted, check=True)
    refused(home, here(home, "release"), 14, "", before)
    subprocess.run(
        [word.replace("ro", "rw") if "," in word else word for word in remounted], check=True
    )
    assert here(home, "release").code == 0


# ---------------------------------------------------------------------------------------- memory


def test_memory_that_runs_out_while_the_bank_is_read(released_home: Home, here: Here) -> None:
    """A process holds more than these before its first batch, so the first one is the last."""
    before = released_home.current
    little = Home(released_home.path, released_home.source, None, {"CLAUSE16_MEMORY": "256M"})
    refused(little, little.run("release"), 15, "memory limit of 256 MiB is nearly reached", before)
    assert here(released_home, "release").code == 0


def test_a_limit_of_the_system_that_is_too_little_is_told_before_anything_starts(
    released_home: Home, here: Here
) -> None:
    before = released_home.current

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1024 * MEBIBYTE, 1024 * MEBIBYTE))

    done = run_as(released_home, str(PROGRAM), "release", before=limit)
    refused(released_home, done, 15, "is too little for any release", before)
    assert here(released_home, "release").code == 0


# ------------------------------------------------------------------------------------- readers


READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in sys.stdin:
    print(connection.execute("SELECT release, (SELECT count(*) FROM customers) FROM about.release")
          .fetchall(), flush=True)
"""


def test_who_reads_keeps_reading_through_ten_publications(released_home: Home, here: Here) -> None:
    home, current = released_home, released_home.path / "releases" / "current"
    database = str(current / "statistics.duckdb")
    python = str(PROGRAM.with_name("python"))
    with (
        subprocess.Popen(
            [python, "-c", READER, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as other,
        duckdb.connect(database, read_only=True) as own,
    ):
        assert other.stdin is not None
        assert other.stdout is not None

        def read() -> list[object]:
            print("again", file=other.stdin, flush=True)
            return [other.stdout.readline(), own.execute("FROM customers").fetchall()]  # type: ignore[union-attr]  # it is a pipe

        first, seen = read(), {newest(database)}
        for _ in range(10):
            done = here(home, "release")
            assert done.code == 0, done.err
            assert read() == first
            seen.add(newest(database))
        other.stdin.close()
    assert len(seen) == 11
    assert home.current is not None
    assert max(seen) == home.current.name


def newest(database: str) -> str:
    """Ask a new connection, as the next analyst would."""
    asked = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql("
    asked += "'SELECT release FROM about.release').fetchall()[0][0])"
    done = subprocess.run(
        [PROGRAM.with_name("python"), "-c", asked, database],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


# ------------------------------------------------------------------------------------- the path


def test_a_home_with_blanks_and_diacritics_in_its_path(
    tmp_path: Path, small_bank: Path, here: Here
) -> None:
    folder = tmp_path / "Të dhënat e bankës, 100 % (2026)"
    folder.mkdir()
    shutil.copy(small_bank, folder / "banka jonë.duckdb")
    home = new_home(folder, f"duckdb://{folder}/banka jonë.duckdb")
    alone = Home(home.path, home.source, None, {"PREFECT_API_URL": ""})
    assert alone.release().is_dir()
    assert (home.path / "prefect" / "prefect.db").exists()
    for arguments in (["verify", "current"], ["objections", "list"], ["check"]):
        assert here(home, *arguments).code == 0
    assert here(home, "status").code in {0, 13}
    backup = folder / "kopja e parë.tar"
    assert home.run("backup", str(backup)).code == 0
    certificate = str(home.path / "releases" / "current" / "certificate.json")
    restored = Home(folder / "rikthyer", home.source)
    shutil.copy(folder / "home.key", folder / "rikthyer.key")
    done = here(restored, "restore", str(backup), "--newest-certificate", certificate)
    assert done.code == 0, done.err
    assert here(restored, "release").code == 0


# --------------------------------------------------------------------------------- a second run


def test_a_second_run_from_another_process_waits_for_nobody_and_harms_nothing(
    released_home: Home,
) -> None:
    before = released_home.current
    first = subprocess.Popen(
        [PROGRAM, "release"], env=released_home.settings(), stderr=subprocess.PIPE, text=True
    )
    assert first.stderr is not None
    first.stderr.readline()
    second = released_home.run("release")
    refused_or_late = second.code == 0 or "another run is at work" in second.complaint
    first.communicate()
    assert refused_or_late
    assert first.returncode == 0
    assert released_home.current != before
    assert is_whole(released_home)


# -------------------------------------------------------------------------------- other schemas

TEN_WAYS = {
    "a table that is gone": ("DROP TABLE accounts CASCADE", "table accounts"),
    "a table that is new": ("CREATE TABLE vip (customer_id bigint)", "table vip is in the source"),
    "a table renamed": ("ALTER TABLE customers RENAME TO clients", "table customers"),
    "a column that is gone": ("ALTER TABLE customers DROP COLUMN income", "customers.income"),
    "a column that is new": ("ALTER TABLE customers ADD nickname text", "customers.nickname"),
    "a column renamed": (
        "ALTER TABLE customers RENAME municipality TO town",
        "customers.municipality is in the policy and not in the source",
    ),
    "a date that is text": (
        "ALTER TABLE customers ALTER date_of_birth TYPE text",
        "customers.date_of_birth is text in the source, and date in the policy",
    ),
    "a number that is text": (
        "ALTER TABLE accounts ALTER balance TYPE text",
        "accounts.balance is text in the source, and number in the policy",
    ),
    "a date that is a time": (
        "ALTER TABLE customers ALTER closed_on TYPE timestamp",
        "customers.closed_on is timestamp in the source, and date in the policy",
    ),
    "a key that is text": (
        "ALTER TABLE account_holders ALTER customer_id TYPE text",
        "account_holders.customer_id is text in the source, and integer in the policy",
    ),
    "a truth that is a number": (
        "ALTER TABLE customers ALTER guardian_consent TYPE integer USING guardian_consent::integer",
        "customers.guardian_consent is integer in the source, and boolean in the policy",
    ),
    "a type that no policy can name": (
        "ALTER TABLE customers ALTER income TYPE text[] USING ARRAY[income::text]",
        "customers.income is of an unknown type in the source",
    ),
    "a table without a row": ("TRUNCATE customers CASCADE", "table customers is empty"),
}


@pytest.mark.parametrize("way", TEN_WAYS)
def test_a_source_that_differs_from_the_policy(
    cluster: Cluster, postgres_bank: str, home: Home, here: Here, way: str
) -> None:
    change, said = TEN_WAYS[way]
    database = cluster.new_database(template=postgres_bank)
    cluster.sql(database, change)
    policy = str(Path(__file__).parents[2] / "data" / "policy" / "bank.toml")
    source = Home(home.path, cluster.uri(database), policy)
    done = here(source, "release")
    assert done.code in {10, 11}, done.err
    assert said in done.complaint
    if "empty" not in said:
        assert said in here(source, "check").err
    assert source.current is None
    assert source.leftovers == []
