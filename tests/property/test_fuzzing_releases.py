"""Spoilt input up to a release: it is refused, and nothing is published, or what is passes.

The same spoilt files as in test_fuzzing, one of the four at a time, go the whole way of a run but
for the scheduler. A few seconds of each here, long in `make soak`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from builders import LINES, policy_fields
from fuzzing import OBJECTIONS, QUICK, SOAK, Feed, as_toml, fuzz, looked_at

from pipelines import build, officer, releases
from pipelines.boundary import sealed
from pipelines.intake import open_intake
from pipelines.objections.importing import import_file
from pipelines.objections.registry import Registry, create_registry
from pipelines.settings import Settings, settings_from
from pipelines.sql import quoted
from transforms.errors import PrivacyError, Refused
from transforms.policy.opt_out import Import

K = 3

PEOPLE = "id,kind,consent,ended,name,note,number,passport,street,born,town,job,health\n" + "".join(
    f"{key},person,,,Ana {key},rent,1234,AB1,Main St {key},19{50 + key % 4}-0{1 + key % 9}-05,"
    f"{('Peja', 'Gjilan')[key % 2]},{('nurse', 'baker', '')[key % 3]},"
    f"{('flu', 'asthma', 'diabetes')[key % 5 % 3]}\n"
    for key in range(1, 400)
)
FILES = {
    "people.csv": PEOPLE,
    "policy.toml": as_toml(policy_fields()),
    "town.csv": "".join(";".join(line) + "\n" for line in LINES["town"]),
    "objections.csv": OBJECTIONS,
}
"""What is spoilt, by the file that holds it."""


class Institution:
    """A home with a bank of CSV files, its policy, a list, and a first release."""

    def __init__(self, folder: Path) -> None:
        self.policy, self.bank = folder / "policy.toml", folder / "bank"
        self.bank.mkdir()
        for name, lines in LINES.items():
            text = "".join(";".join(line) + "\n" for line in lines)
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        self.policy.write_text(FILES["policy.toml"], encoding="utf-8")
        (self.bank / "people.csv").write_text(PEOPLE, encoding="utf-8")
        self._write(
            "accounts.csv",
            "account,iban,balance",
            (f"{n},XK{n},{90 + n % 3 * 20_000}" for n in range(400)),
        )
        self._write("holders.csv", "account,id", (f"{n},{n}" for n in range(1, 400)))
        create_registry(self.settings.registry, self.settings.key_file)
        self.release()

    @property
    def settings(self) -> Settings:
        """The settings of this day: a release says when it was made, and none comes before it."""
        return settings_from(
            {},
            today=datetime.now(UTC).date(),
            home=str(self.policy.parent / "home"),
            policy=str(self.policy),
            source=f"csv://{self.bank}",
        )

    def _write(self, name: str, header: str, lines: Iterable[str]) -> None:
        (self.bank / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    def file(self, name: str) -> Path:
        """Return where a file is that is spoilt."""
        return (self.bank if name == "people.csv" else self.policy.parent) / name

    @sealed
    def release(self) -> None:
        """Make a release, as the flow does."""
        settings, now = self.settings, datetime.now(UTC)
        with releases.only_run(settings):
            releases.tidy(settings)
            registry = Registry(settings.registry, settings.key_file)
            officer.find_before_a_release(settings, registry, now)
            staging = releases.new_staging(settings, now)
            with open_intake(settings) as intake:
                build.build(settings, intake, registry, staging)
            build.verify_staging(staging)
            build.publish(settings, registry, staging)
            releases.tidy(settings)

    @sealed
    def take_in(self, path: Path) -> None:
        """Import a file of objections."""
        registry, now = Registry(self.settings.registry, self.settings.key_file), datetime.now(UTC)
        path.with_suffix(".rejected").unlink(missing_ok=True)
        import_file(registry, path, Import(), now, path.with_suffix(".rejected"), lambda _: None)

    @property
    def published(self) -> set[str]:
        """Return the names in the folder of releases."""
        return {path.name for path in self.settings.releases.iterdir()}

    @property
    def fewest(self) -> int:
        """Return of how few people a published row is."""
        current = releases.current_release(self.settings)
        assert current is not None
        with duckdb.connect(str(current / releases.DATABASE), read_only=True) as opened:
            tables = opened.sql("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
            rows = "SELECT *, count(*) FROM {} GROUP BY ALL"
            return min(
                min(int(count) for *_, count in opened.sql(rows.format(quoted(name))).fetchall())
                for (name,) in tables.fetchall()
            )


def fed(folder: Path, name: str) -> Feed:
    """Return what spoils a file, makes a release, and looks at what is published."""
    at = Institution(folder)
    whole = FILES[name].encode()

    def feed(written: bytes) -> None:
        before = at.published
        at.file(name).write_bytes(written)
        try:
            if name == "objections.csv":
                at.take_in(at.file(name))
            at.release()
        except PrivacyError:
            assert at.published == before
            raise
        finally:
            at.file(name).write_bytes(whole)
        assert at.fewest >= K

    return feed


@pytest.mark.parametrize("name", FILES)
def test_what_is_refused_publishes_nothing(tmp_path: Path, name: str) -> None:
    feed = fed(tmp_path, name)
    personal = name in {"people.csv", "objections.csv"}
    feed(FILES[name].encode())  # what is not spoilt is released
    assert list(fuzz(feed, FILES[name], QUICK, personal=personal)) == []


def test_a_release_that_is_refused_after_it_is_published_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, publish = fed(tmp_path, "people.csv"), build.publish

    def too_early(settings: Settings, registry: Registry, staging: Path) -> Path:
        publish(settings, registry, staging)
        raise Refused("too late")

    monkeypatch.setattr(build, "publish", too_early)
    found = looked_at(feed, PEOPLE.encode(), personal=True)
    assert found is not None
    assert found.startswith("AssertionError")


@pytest.mark.soak
@pytest.mark.parametrize("name", FILES)
def test_what_is_refused_publishes_nothing_for_long(tmp_path: Path, name: str) -> None:
    feed = fed(tmp_path, name)
    personal = name in {"people.csv", "objections.csv"}
    found = fuzz(feed, FILES[name], SOAK, personal=personal, first=1_000_000)
    assert list(found) == []
