"""What a certificate says of the opt-out list: nothing to a reader, enough with the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end.program import Here, Home

from pipelines.registry import Registry, Seal


def sealed(release: Path) -> Seal:
    document = json.loads((release / "certificate.json").read_text("utf-8"))
    return Seal(document["release"], document["registry_seal"])


def opened(home: Home) -> Registry:
    registry = home.path / "registry" / "objections.sqlite"
    return Registry(registry, home.path.with_name("home.key"))


def test_a_reader_cannot_tell_whether_somebody_objected_between_two_releases(
    released_home: Home,
) -> None:
    home, before = released_home, released_home.current
    assert before is not None
    heads = {opened(home).excluded().head}
    same = home.release()
    assert home.run("objections", "record", "--customer-id", "4711").code == 0
    other = home.release()
    assert len({sealed(release).digest for release in (before, same, other)}) == 3
    registry = opened(home)
    heads.add(registry.excluded().head)
    assert len(heads) == 2
    public = [path.read_bytes() for release in (same, other) for path in release.iterdir()]
    assert not any(head.encode() in content for head in heads for content in public)
    # Whoever has the key can tell.
    assert [registry.objections(since=sealed(release)) != [] for release in (same, other)] == [
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
