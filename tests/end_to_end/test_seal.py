"""What a certificate says of the opt-out list: nothing to a reader, enough with the key."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from end_to_end.program import Here, Home, release

from pipelines.objections.registry import Registry, Seal

TODAY = datetime.now(UTC).date()


def sealed(release: Path) -> Seal:
    document = json.loads((release / "certificate.json").read_text("utf-8"))
    return Seal(document["release"], document["registry_seal"])


def opened(home: Home) -> Registry:
    registry = home.path / "registry" / "objections.sqlite"
    return Registry(registry, home.path.with_name("home.key"))


def test_a_reader_cannot_tell_whether_somebody_objected_between_two_releases(
    released_home: Home,
    here: Here,
) -> None:
    home, before = released_home, released_home.current
    assert before is not None
    heads = {opened(home).excluded(TODAY).head}
    same = release(home, here)
    assert home.run("objections", "record", "--customer-id", "4711").code == 0
    other = release(home, here)
    assert len({sealed(release).digest for release in (before, same, other)}) == 3
    registry = opened(home)
    heads.add(registry.excluded(TODAY).head)
    assert len(heads) == 2
    public = [path.read_bytes() for release in (same, other) for path in release.iterdir()]
    assert not any(head.encode() in content for head in heads for content in public)
    # Whoever has the key can tell.
    assert [registry.not_respected(sealed(release), TODAY) != [] for release in (same, other)] == [
        True,
        False,
    ]


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "nothing", '{"release": 1}'])
def test_without_the_last_certificate_nobody_knows_whether_the_list_is_the_newest(
    released_home: Home, here: Here, content: str | None
) -> None:
    home, before = released_home, released_home.current
    assert before is not None
    path = before / "certificate.json"
    whole = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    done = here(home, "release")
    assert done.code == 14
    assert "put the certificate back" in done.complaint
    assert home.current == before
    path.write_bytes(whole)
    assert here(home, "release").code == 0


def test_a_certificate_of_another_release_does_not_pass_for_the_last_one(
    released_home: Home, here: Here
) -> None:
    before = released_home.current
    assert before is not None
    path = before / "certificate.json"
    fields = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(fields | {"release": "20200101T000000Z"}))
    assert here(released_home, "release").code == 12


def older_list(home: Home, here: Here) -> tuple[bytes, bytes]:
    """Make a release that respects an objection; return the list without and with it."""
    path = home.path / "registry" / "objections.sqlite"
    older = path.read_bytes()
    assert home.run("objections", "record", "--customer-id", "17").code == 0
    release(home, here)
    return older, path.read_bytes()


def put(home: Home, content: bytes) -> None:
    (home.path / "registry" / "objections.sqlite").write_bytes(content)


def rewrite(certificate: Path, **fields: object) -> None:
    kept = json.loads(certificate.read_text("utf-8")) | fields
    said = {name: value for name, value in kept.items() if value is not None}
    certificate.write_text(json.dumps(said), "utf-8")


def test_an_older_list_does_not_pass_though_current_is_gone(
    released_home: Home, here: Here
) -> None:
    older, newer = older_list(released_home, here)
    (released_home.path / "releases" / "current").unlink()
    put(released_home, older)
    done = here(released_home, "release")
    assert done.code == 12
    assert "older than the release" in done.complaint
    assert released_home.current is None
    put(released_home, newer)
    assert here(released_home, "release").code == 0


def test_a_copy_that_made_a_folder_of_current_is_told_and_no_older_list_passes(
    released_home: Home, here: Here
) -> None:
    older, newer = older_list(released_home, here)
    copy = released_home.path.with_name("copy")
    subprocess.run(["/usr/bin/cp", "-rL", str(released_home.path), str(copy)], check=True)
    released_home.path.rename(copy.with_name("away"))
    copy.rename(released_home.path)
    put(released_home, older)
    for verb in (["release"], ["backup", str(copy.with_name("backup.tar"))]):
        done = here(released_home, *verb)
        assert done.code == 14
        assert "current is no link" in done.complaint
    assert "current is no link" in here(released_home, "status").out
    shutil.rmtree(released_home.path / "releases" / "current")
    assert here(released_home, "release").code == 12
    put(released_home, newer)
    assert here(released_home, "release").code == 0
    assert released_home.current is not None


def test_without_current_the_newest_certificate_has_to_be_there(
    released_home: Home, here: Here
) -> None:
    newest = released_home.current
    assert newest is not None
    (released_home.path / "releases" / "current").unlink()
    (newest / "certificate.json").unlink()
    done = here(released_home, "release")
    assert done.code == 14
    assert "put the certificate back" in done.complaint


def test_a_certificate_from_before_the_seals_guards_nothing_unless_it_is_current(
    released_home: Home, here: Here
) -> None:
    older, _ = older_list(released_home, here)
    first = released_home.current
    newest = release(released_home, here)
    rewrite(newest / "certificate.json", registry_seal=None)
    put(released_home, older)
    assert here(released_home, "release").code == 14
    (released_home.path / "releases" / "current").unlink()
    done = here(released_home, "release")
    assert done.code == 12
    assert first is not None
    assert f"older than the release {first.name}" in done.complaint


def test_the_way_out_of_a_clock_that_was_wrong_keeps_the_list_guarded(
    released_home: Home, here: Here
) -> None:
    older, newer = older_list(released_home, here)
    before, wrong = released_home.current, release(released_home, here)
    assert before is not None
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    rewrite(wrong / "certificate.json", created_at=tomorrow.isoformat(timespec="seconds"))
    done = here(released_home, "release")
    assert done.code == 14
    assert "the current release was made on" in done.complaint
    assert f"move {wrong} out of {wrong.parent} and remove the link `current`" in done.complaint
    (wrong.parent / "current").unlink()
    # The link alone is not the way out.
    assert "the newest release was made on" in here(released_home, "release").complaint
    wrong.rename(released_home.path.with_name("moved"))
    put(released_home, older)
    still = here(released_home, "release")
    assert still.code == 12
    assert f"older than the release {before.name}" in still.complaint
    put(released_home, newer)
    assert here(released_home, "release").code == 0
