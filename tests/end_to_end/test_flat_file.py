"""A flat file without a key, as the policy in docs/examples describes one: a row is a person."""

from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import Here, Home, new_home

from pipelines.sources.bank import DEMO_MARK

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "adult.toml"
COLUMNS = {
    "sex": ["Male", "Female"],
    "age": [str(age) for age in range(20, 60)],
    "race": ["White", "Black", "Other"],
    "marital-status": ["Divorced", "Never-married", "Widowed"],
    "education": ["Bachelors", "HS-grad", "11th"],
    "native-country": ["United-States", "Cuba", "France"],
    "workclass": ["Private", "State-gov"],
    "occupation": ["Sales", "Tech-support", "Farming-fishing"],
    "salary-class": ["<=50K", ">50K"],
}


@pytest.fixture
def flat_home(tmp_path: Path) -> Home:
    """A made-up census extract, its hierarchies, and the example's policy beside them."""
    draw = random.Random(16)
    people = [";".join(map(draw.choice, COLUMNS.values())) for _ in range(4000)]
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "adult.csv").write_text("\n".join([";".join(COLUMNS), *people, ""]))
    (tmp_path / "hierarchies").mkdir()
    for name, values in COLUMNS.items():
        groups = [f"{value};group {position // 2};*\n" for position, value in enumerate(values)]
        if len(values) == 2:
            groups = [f"{value};*\n" for value in values]
        path = tmp_path / "hierarchies" / f"adult_hierarchy_{name}.csv"
        path.write_text("".join(groups))
    policy = tmp_path / "adult.toml"
    policy.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return new_home(tmp_path, f"csv://{tmp_path}/bank", str(policy))


def test_a_flat_file_is_released_by_the_policy_in_the_docs(flat_home: Home, here: Here) -> None:
    done = here(flat_home, "release", "--json")
    assert done.code == 0, done.err
    database = Path(str(done.answer["database"]))
    with duckdb.connect(str(database), read_only=True) as connection:
        smallest = "SELECT min(n) FROM (SELECT *, count(*) AS n FROM adult GROUP BY ALL)"
        assert connection.execute(smallest).fetchall()[0][0] >= 11
        assert connection.execute("SELECT count(*) FROM adult").fetchall()[0][0] >= 3800
    document = json.loads(database.with_name("certificate.json").read_text(encoding="utf-8"))
    assert all(not entry["columns"] for entry in document["never_read"])


def test_objections_cannot_be_honoured_where_nobody_has_a_key(flat_home: Home, here: Here) -> None:
    assert flat_home.run("objections", "record", "--customer-id", "7").code == 0
    done = here(flat_home, "release")
    assert done.code == 12
    assert "no key of a person" in done.complaint


def test_the_demo_marks_its_banks(small_bank: Path) -> None:
    with duckdb.connect(str(small_bank), read_only=True) as connection:
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'customers'"
        assert connection.execute(comment).fetchall() == [(DEMO_MARK,)]
