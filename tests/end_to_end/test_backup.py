"""A home in one file and back: whole, private, and never older than anybody knows."""

from __future__ import annotations

import fcntl
import io
import json
import resource
import shutil
import signal
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from end_to_end.program import PROGRAM, Here, Home, change, release

from pipelines.backup import Taken, take_backup
from pipelines.files import file_digest
from pipelines.objections.registry import Registry
from pipelines.restore import restore
from pipelines.settings import Settings, settings_from
from transforms.objection import Channel, Identifiers, Received

TODAY = datetime.now(UTC).date()


def settings_of(home: Path) -> Settings:
    return settings_from({}, today=date(2026, 11, 22), home=str(home))


def back_up(home: Home, here: Here, name: str = "backup.tar") -> Path:
    file = home.path.with_name(name)
    done = here(home, "backup", str(file), "--json")
    assert done.code == 0, done.err
    assert done.answer["backup"] == str(file)
    return file


def elsewhere(home: Home) -> Home:
    """Another place with the same key, where nothing is yet."""
    folder = home.path.with_name("elsewhere")
    folder.mkdir()
    shutil.copy(home.path.with_name("home.key"), folder / "home.key")
    return Home(folder / "home", home.source)


def contents(home: Home) -> dict[str, tuple[bytes, int]]:
    """Return what a backup holds of a home: bytes and mode of each file."""
    kept = ("registry/*", "plan.json", "approval.json", "releases/*/*")
    return {
        str(path.relative_to(home.path)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for pattern in kept
        for path in home.path.glob(pattern)
        if path.parent.name != "current"
    }


def nothing_is_left(home: Home) -> bool:
    return {path.name for path in home.path.parent.iterdir()} <= {"home.key"}


def object_to(home: Home, customer_id: str) -> None:
    done = home.run("objections", "record", "--customer-id", customer_id)
    assert done.code == 0, done.err


def test_a_restored_home_is_as_it_was_and_releases_go_on(released_home: Home, here: Here) -> None:
    home = released_home
    object_to(home, "17")
    assert here(home, "plan", "--approve", "--by", "Arta").code == 0
    second = release(home, here)
    object_to(home, "18")
    file = back_up(home, here)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = elsewhere(home)
    done = here(other, "restore", str(file), "--nothing-newer")
    assert done.code == 0, done.err
    assert "record them again" in done.out
    assert "2 objections" in done.out
    after, before = contents(other), contents(home)
    registry = "registry/objections.sqlite"
    assert {name: after[name] for name in after if name != registry} == {
        name: before[name] for name in before if name != registry
    }
    assert after[registry][1] == 0o600
    assert stat.S_IMODE((other.path / "registry").stat().st_mode) == 0o700
    assert other.current is not None
    assert other.current.name == second.name
    assert stat.S_IMODE(other.current.stat().st_mode) == 0o750
    ids = Registry(other.path / registry, other.path.with_name("home.key")).excluded(TODAY)
    assert set(ids.people.objected) == {"17", "18"}
    assert here(other, "verify", "current").code == 0
    assert here(other, "release").code == 0
    assert other.current.name > second.name
    approved = json.loads((other.current / "certificate.json").read_text("utf-8"))["approval"]
    assert approved["by"] == "Arta"


def test_a_backup_holds_no_key_and_no_identifier(released_home: Home, here: Here) -> None:
    object_to(released_home, "zqidentifierqz")
    archive = back_up(released_home, here).read_bytes()
    assert released_home.path.with_name("home.key").read_bytes() not in archive
    assert b"zqidentifierqz" not in archive
    assert b"objections.sqlite" in archive


def test_a_home_before_its_first_release_is_restored_into_an_empty_folder(
    home: Home, here: Here
) -> None:
    object_to(home, "17")
    other = elsewhere(home)
    other.path.mkdir(mode=0o710)
    assert here(other, "restore", str(back_up(home, here)), "--nothing-newer").code == 0
    assert stat.S_IMODE(other.path.stat().st_mode) == 0o710
    assert here(other, "release").code == 0


def test_an_old_backup_does_not_pass_where_the_newest_certificate_is_known(
    released_home: Home, here: Here
) -> None:
    home = released_home
    file = back_up(home, here)
    object_to(home, "17")
    newest = release(home, here) / "certificate.json"
    other = elsewhere(home)
    done = here(other, "restore", str(file), "--newest-certificate", str(newest))
    assert done.code == 12
    assert "which ones cannot be known" in done.complaint
    assert nothing_is_left(other)
    newer = back_up(home, here, "newer.tar")
    assert here(other, "restore", str(newer), "--newest-certificate", str(newest)).code == 0


def test_an_older_list_in_a_restored_home_stops_its_releases(
    released_home: Home, here: Here
) -> None:
    home = released_home
    registry = Path("registry") / "objections.sqlite"
    older = (home.path / registry).read_bytes()
    object_to(home, "17")
    release(home, here)
    other = elsewhere(home)
    assert here(other, "restore", str(back_up(home, here)), "--nothing-newer").code == 0
    (other.path / registry).write_bytes(older)
    done = here(other, "release")
    assert done.code == 12
    assert "older than the release" in done.complaint


def test_an_older_list_is_not_restored_though_current_was_lost(
    released_home: Home, here: Here
) -> None:
    registry = released_home.path / "registry" / "objections.sqlite"
    older = registry.read_bytes()
    object_to(released_home, "17")
    newest = release(released_home, here)
    (released_home.path / "releases" / "current").unlink()
    registry.write_bytes(older)
    other = elsewhere(released_home)
    done = here(other, "restore", str(back_up(released_home, here)), "--nothing-newer")
    assert done.code == 12
    assert f"older than its release {newest.name}" in done.complaint
    assert nothing_is_left(other)


def test_whoever_restores_says_what_is_newer(released_home: Home, here: Here) -> None:
    file = back_up(released_home, here)
    other = elsewhere(released_home)
    certificate = str(released_home.path / "releases" / "current" / "certificate.json")
    assert other.run("restore", str(file)).code == 2
    both = ("--nothing-newer", "--newest-certificate", certificate)
    assert other.run("restore", str(file), *both).code == 2
    assert nothing_is_left(other)


def test_a_home_that_is_there_is_never_overwritten(released_home: Home, here: Here) -> None:
    file = back_up(released_home, here)
    before = contents(released_home)
    assert here(released_home, "restore", str(file), "--nothing-newer").code == 14
    assert contents(released_home) == before
    assert here(released_home, "backup", str(file)).code == 14


Archive = list[tuple[tarfile.TarInfo, bytes]]


def read_archive(file: Path) -> Archive:
    with tarfile.open(file) as archive:
        return [(m, content.read() if (content := archive.extractfile(m)) else b"")
                for m in archive]  # fmt: skip


def write_archive(file: Path, members: Archive) -> None:
    with tarfile.open(file, "w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))


def member(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def link(name: str, target: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def at(archive: Archive, name: str) -> int:
    return next(i for i, (info, _) in enumerate(archive) if info.name == name)


def listed_too(archive: Archive, name: str) -> Archive:
    """Add a file, and list it in the manifest, as somebody without the key would."""
    manifest = json.loads(archive[0][1])
    manifest["files"][name] = dict(manifest["files"]["plan.json"])
    plan = archive[at(archive, "plan.json")][1]
    return [member("manifest.json", json.dumps(manifest).encode()), *archive[1:],
            member(name, plan)]  # fmt: skip


def replaced(archive: Archive, name: str, by: tuple[tarfile.TarInfo, bytes]) -> Archive:
    where = at(archive, name)
    return [*archive[:where], by, *archive[where + 1 :]]


EVIL: dict[str, Callable[[Archive], Archive]] = {
    "a file outside": lambda a: [*a, member("../outside")],
    "an absolute file": lambda a: [*a, member("/tmp/outside")],  # noqa: S108 - never written
    "a file that is not listed": lambda a: [*a, member("releases/notes.txt")],
    "a listed file outside": lambda a: listed_too(a, "../outside"),
    "a listed file of another kind": lambda a: listed_too(a, "lock"),
    "a symbolic link": lambda a: [*a, link("releases/current", "/", tarfile.SYMTYPE)],
    "a link in place of a file": lambda a: replaced(
        a, "plan.json", link("plan.json", "/etc/passwd", tarfile.SYMTYPE)
    ),
    "a hard link in place of a file": lambda a: replaced(
        a, "plan.json", link("plan.json", "registry/objections.sqlite", tarfile.LNKTYPE)
    ),
    "a device in place of a file": lambda a: replaced(
        a, "plan.json", link("plan.json", "", tarfile.CHRTYPE)
    ),
    "a folder where a file was": lambda a: replaced(
        a, "plan.json", link("plan.json", "", tarfile.DIRTYPE)
    ),
    "another plan": lambda a: replaced(a, "plan.json", member("plan.json", b"{}")),
    "a file twice": lambda a: [*a, a[-1]],
    "a file left out": lambda a: [m for m in a if m[0].name != "plan.json"],
    "no opt-out list": lambda a: [m for m in a if m[0].name != "registry/objections.sqlite"],
    "no manifest": lambda a: a[1:],
    "the manifest last": lambda a: [*a[1:], a[0]],
    "an edited manifest": lambda a: [
        member("manifest.json", a[0][1].replace(b'"taken_at":"2', b'"taken_at":"3')),
        *a[1:],
    ],
    "a manifest that is none": lambda a: [member("manifest.json", b"[]"), *a[1:]],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("what", list(EVIL))
def test_an_archive_with(released_home: Home, here: Here, what: str) -> None:
    file = back_up(released_home, here)
    archive = read_archive(file)
    archive[0] = member("manifest.json", json.dumps(json.loads(archive[0][1]),
                                                    separators=(",", ":")).encode())  # fmt: skip
    other = elsewhere(released_home)
    # The same archive written anew is a backup still, so what is refused is the evil in it.
    write_archive(file, archive)
    assert here(other, "restore", str(file), "--nothing-newer").code == 0
    shutil.rmtree(other.path)
    write_archive(file, EVIL[what](archive))
    done = here(other, "restore", str(file), "--nothing-newer")
    assert done.code == 14, done.err
    assert "nothing was restored" in done.complaint
    assert nothing_is_left(other)
    assert not (other.path.parent.parent / "outside").exists()


def test_an_archive_that_is_cut_off_or_damaged_anywhere_leaves_nothing(
    released_home: Home, here: Here
) -> None:
    file = back_up(released_home, here)
    whole = file.read_bytes()
    used = len(whole.rstrip(b"\0"))
    other = elsewhere(released_home)
    for end in (0, 1, 511, 512, 5_000, used // 2, used - 513, used - 1):
        file.write_bytes(whole[:end])
        assert here(other, "restore", str(file), "--nothing-newer").code == 14, end
        assert nothing_is_left(other)
    for place in range(600, used, used // 12):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        done = here(other, "restore", str(file), "--nothing-newer")
        # A bit of the padding between files is nobody's.
        assert done.code == 14 or whole[place] == 0, place
        if done.code == 14:
            assert nothing_is_left(other)
        else:
            shutil.rmtree(other.path)


def test_a_backup_needs_its_key(released_home: Home, here: Here, tmp_path: Path) -> None:
    file = back_up(released_home, here)
    stranger = Home(tmp_path / "stranger" / "home", released_home.source)
    assert here(stranger, "restore", str(file), "--nothing-newer").code == 12
    assert here(stranger, "init").code == 0
    shutil.rmtree(stranger.path)
    done = here(stranger, "restore", str(file), "--nothing-newer")
    assert done.code == 14
    assert "another key" in done.complaint
    assert nothing_is_left(stranger)


def test_a_home_whose_release_was_changed_is_not_backed_up_as_if_it_were_whole(
    released_home: Home, here: Here, tmp_path: Path
) -> None:
    current = released_home.current
    assert current is not None
    change(current / "statistics.duckdb", "DELETE FROM customers WHERE rowid = 5")
    done = here(released_home, "backup", str(tmp_path / "backup.tar"))
    assert done.code == 14
    assert "not the one that was certified" in done.complaint
    assert not list(tmp_path.glob("*backup.tar*"))


@pytest.mark.parametrize("file", ["/proc/nowhere/backup.tar", "/proc/backup.tar"])
def test_a_backup_that_cannot_be_written_is_a_matter_of_files(
    released_home: Home, here: Here, file: str
) -> None:
    done = here(released_home, "backup", file)
    assert done.code == 14
    assert done.complaint


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_where_the_space_ends_nothing_is_left(released_home: Home, verb: str, here: Here) -> None:
    file = back_up(released_home, here)
    other = elsewhere(released_home)
    settings = (released_home if verb == "backup" else other).settings()
    arguments = {
        "backup": ["backup", str(other.path.with_name("backup.tar"))],
        "restore": ["restore", str(file), "--nothing-newer"],
    }[verb]
    # The kernel ends a file at this size as it does at the end of a disk.
    done = subprocess.run(
        [PROGRAM, *arguments],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )
    assert done.returncode == 14, done.stderr
    assert done.stderr.startswith("clause16: ")
    assert nothing_is_left(other)


def test_objections_and_backups_do_not_wait_for_each_other_and_each_backup_is_whole(
    released_home: Home,
) -> None:
    home = settings_of(released_home.path)

    def record(number: int) -> None:
        received = datetime(2026, 11, 1, tzinfo=UTC)
        objection = Received(Identifiers(str(number)), Channel.EMAIL, received)
        Registry(home.registry, home.key_file).receive([objection], received)

    files = [released_home.path.with_name(f"{number}.tar") for number in range(6)]
    # A run that is at work holds this lock for minutes; neither needs it.
    with home.lock.open("w") as lock, ThreadPoolExecutor(1) as officer:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recorded = [officer.submit(record, number) for number in range(60)]
        taken = [take_backup(home, file, datetime.now(UTC)) for file in files]
        for waiting in recorded:
            waiting.result(timeout=30)
    counts = [backup.objections for backup in taken]
    assert counts == sorted(counts)
    other = elsewhere(released_home)
    for backup in taken:
        restored = restore(settings_of(other.path), backup.file, None)
        assert restored.objections == backup.objections
        shutil.rmtree(other.path)


def test_a_backup_while_releases_are_published_is_whole(released_home: Home) -> None:
    home = settings_of(released_home.path)
    with ThreadPoolExecutor(1) as worker:
        run = worker.submit(released_home.release)
        taken: list[Taken] = []
        while not run.done():
            file = released_home.path.with_name(f"{len(taken)}.tar")
            taken.append(take_backup(home, file, datetime.now(UTC)))
        newest = run.result()
    other = elsewhere(released_home)
    for backup in [*taken[:2], *taken[-8:]]:
        restored = restore(settings_of(other.path), backup.file, None)
        assert restored.current is not None
        assert (other.path / "releases" / restored.current / "statistics.duckdb").exists()
        shutil.rmtree(other.path)
    last = take_backup(home, released_home.path.with_name("last.tar"), datetime.now(UTC))
    assert last.current == newest.name


LARGE = 256 << 20


@pytest.fixture
def heavy_home(released_home: Home) -> Home:
    """A home with so large a release that copying it takes a while."""
    folder = released_home.path / "releases" / "20200101T000000Z"
    folder.mkdir()
    with (folder / "statistics.duckdb").open("wb") as file:
        file.truncate(LARGE)
    certificate = released_home.path / "releases" / "current" / "certificate.json"
    said = json.loads(certificate.read_text("utf-8"))
    said["database"] = file_digest(folder / "statistics.duckdb")
    (folder / "certificate.json").write_text(json.dumps(said), "utf-8")
    return released_home


def begun(home: Home, beside: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the program; return when it has begun to write beside its target."""
    process = subprocess.Popen(
        [PROGRAM, *arguments], env=home.settings(), stderr=subprocess.PIPE, text=True
    )
    while not list(beside.parent.glob(f".{beside.name}.*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_backup_or_restore_says_so_and_leaves_nothing(
    heavy_home: Home, number: signal.Signals, here: Here
) -> None:
    file, other = back_up(heavy_home, here), elsewhere(heavy_home)
    halves = {
        other.path.with_name("backup.tar"): (heavy_home, ["backup"]),
        other.path: (other, ["restore", str(file), "--nothing-newer"]),
    }
    for target, (home, arguments) in halves.items():
        named = [*arguments, str(target)] if arguments == ["backup"] else arguments
        process = begun(home, target, *named)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert err == "clause16: stopped; nothing was written\n"
        assert nothing_is_left(other)


def test_a_file_that_appears_while_a_backup_is_written_is_not_overwritten(
    heavy_home: Home,
) -> None:
    file = elsewhere(heavy_home).path.with_name("backup.tar")
    process = begun(heavy_home, file, "backup", str(file))
    file.write_text("somebody else's")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 14
    assert "never overwrites" in err
    assert file.read_text() == "somebody else's"
    assert {path.name for path in file.parent.iterdir()} == {"home.key", "backup.tar"}
