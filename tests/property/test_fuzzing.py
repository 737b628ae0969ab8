"""Spoilt policies, hierarchies, sources and files of objections: a line of ours, or taken as it is.

A few seconds of each here; `make soak` gives each half an hour ($FUZZ_SECONDS says otherwise).
What was found once stands below as an example of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import AS_OF, LINES, policy_fields
from fuzzing import OBJECTIONS, QUICK, SOAK, Feed, as_toml, fuzz

from pipelines.boundary import sealed
from pipelines.gate.belonging import Belonging
from pipelines.gate.watching import Gate
from pipelines.grants import Place, officer_grants, release_grants
from pipelines.objections.importing import import_file
from pipelines.objections.registry import Registry, create_registry
from pipelines.policies import load_policy, read_hierarchy, read_vocabulary
from pipelines.sources.fitting import check_source
from pipelines.sources.opening import open_bank
from transforms.anonymise import count_population
from transforms.errors import PolicyError
from transforms.policy.opt_out import Import
from transforms.steps.exclude import NOBODY
from transforms.steps.gather import Circumstances

CHECKOUT = Path(__file__).parents[2]
BANK = CHECKOUT / "data" / "policy" / "bank.toml"
HIERARCHY = CHECKOUT / "data" / "hierarchies" / "municipality.csv"
VOCABULARY = CHECKOUT / "data" / "vocabularies" / "debt_circumstances.toml"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def policies(folder: Path) -> tuple[Feed, str]:
    """Load a policy; where it holds, print the rights of both roles by it."""
    shutil.copytree(HIERARCHY.parent, folder / "hierarchies")
    shutil.copytree(VOCABULARY.parent, folder / "vocabularies")
    (folder / "policy").mkdir()
    path = folder / "policy" / "bank.toml"

    def feed(written: bytes) -> None:
        path.write_bytes(written)
        policy = load_policy(path).policy
        place = Place(role="reader", schema="public")
        release_grants(policy, place)
        officer_grants(policy, place)

    return feed, BANK.read_text(encoding="utf-8")


def hierarchies(folder: Path) -> tuple[Feed, str]:
    path = folder / "town.csv"

    def feed(written: bytes) -> None:
        path.write_bytes(written)
        read_hierarchy("town", path, ";")

    return feed, HIERARCHY.read_text(encoding="utf-8")


def vocabularies(folder: Path) -> tuple[Feed, str]:
    path = folder / "topics.toml"

    def feed(written: bytes) -> None:
        path.write_bytes(written)
        read_vocabulary("topics", path)

    return feed, VOCABULARY.read_text(encoding="utf-8")


PEOPLE = "id,kind,consent,ended,name,note,number,passport,street,born,town,job,health\n" + "".join(
    f'{key},person,,,"Ana, {key}",rent,1234,AB1,Main St {key},19{50 + key % 40}-0{1 + key % 9}-05,'
    f"{('Peja', 'Gjilan')[key % 2]},{('nurse', 'baker', '')[key % 3]},{('flu', '')[key % 2]}\n"
    for key in range(1, 60)
)


def sources(folder: Path) -> tuple[Feed, str]:
    """Read and count a bank of CSV files, one of them spoilt, behind the gate."""
    bank, policy = folder / "bank", folder / "policy.toml"
    bank.mkdir()
    policy.write_text(as_toml(policy_fields()), encoding="utf-8")
    for name, lines in LINES.items():
        text = "".join(";".join(line) + "\n" for line in lines)
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (bank / "accounts.csv").write_text("account,iban,balance\n1,XK05,10\n2,XK06,900.5\n")
    (bank / "holders.csv").write_text("account,id\n1,1\n1,2\n2,3\n")
    loaded = load_policy(policy)

    @sealed
    def feed(written: bytes) -> None:
        (bank / "people.csv").write_bytes(written)
        with closing(open_bank(f"csv://{bank}", loaded.policy)) as opened:
            for problem in check_source(opened, loaded.policy):
                raise problem
            belonging = Belonging(loaded.policy, NOBODY, AS_OF, AS_OF, opened.read)
            gate = Gate(loaded.policy, loaded.hierarchies, belonging)
            tables = {
                table: gate.watch(table, opened.read(table, columns))
                for table, columns in loaded.policy.microdata_reads().items()
            }
            under = Circumstances(loaded.policy, loaded.hierarchies, NOBODY, AS_OF, AS_OF)
            count_population(tables, under)

    return feed, PEOPLE


def objections(folder: Path) -> tuple[Feed, str]:
    """Import a file into a real list, and open the list again."""
    place = folder / "registry" / "objections.sqlite", folder / "home.key"
    create_registry(*place)
    path, rejected = folder / "crm.csv", folder / "rejected.csv"

    @sealed
    def feed(written: bytes) -> None:
        path.write_bytes(written)
        rejected.unlink(missing_ok=True)
        import_file(Registry(*place), path, Import(), NOW, rejected, lambda _: None)

    return feed, OBJECTIONS


PERSONAL = [sources, objections]
"""What a policy, a hierarchy or a vocabulary says is the officer's, and may be quoted to them."""
TARGETS = [policies, hierarchies, vocabularies, sources, objections]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_spoilt_input_ends_in_a_line_of_ours(
    tmp_path: Path, target: Callable[[Path], tuple[Feed, str]]
) -> None:
    feed, content = target(tmp_path)
    personal = target in PERSONAL
    feed(content.encode())  # what is not spoilt is taken
    assert list(fuzz(feed, content, QUICK, personal=personal)) == []


@pytest.mark.parametrize("signs", ["[", "{a=", "[[", "9"])
@pytest.mark.parametrize("target", [policies, vocabularies])
def test_a_file_that_goes_on_without_end_is_no_file_of_ours(
    tmp_path: Path, target: Callable[[Path], tuple[Feed, str]], signs: str
) -> None:
    feed, _ = target(tmp_path)
    with pytest.raises(PolicyError, match="TOML"):
        feed(("version = " + signs * 100_000).encode())


@pytest.mark.parametrize("named", ["municipality.csv", "letter_topics.toml"])
def test_a_file_of_a_name_that_no_file_has_cannot_be_read(tmp_path: Path, named: str) -> None:
    feed, content = policies(tmp_path)
    with pytest.raises(PolicyError, match="cannot be read"):
        feed(content.replace(named, f"\\u0000{named}", 1).encode())


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_spoilt_input_ends_in_a_line_of_ours_for_long(
    tmp_path: Path, target: Callable[[Path], tuple[Feed, str]]
) -> None:
    feed, content = target(tmp_path)
    findings = fuzz(feed, content, SOAK, personal=target in PERSONAL, first=1_000_000)
    assert list(findings) == []
