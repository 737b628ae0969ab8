"""How a release's tables are generalised: what the policy may ask for, and the owner choose."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import PROGRAM, Here, Home, release

from pipelines.settings import DEMO_POLICY
from pipelines.verifier import verify
from transforms.plan import Plan

HIERARCHIES = DEMO_POLICY.parents[1] / "hierarchies"


def under(home: Home, *changes: tuple[str, str]) -> Home:
    """Return the home under the demo's policy with some of its text changed."""
    text = (
        DEMO_POLICY.read_text(encoding="utf-8")
        .replace("../hierarchies", str(HIERARCHIES))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies"))
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    policy = home.path.with_name("policy.toml")
    policy.write_text(text, encoding="utf-8")
    return Home(home.path, home.source, str(policy))


REGIONS = ('method = "full-domain"', 'method = "multidimensional"')
OTHER = ('suppressed = "out"', 'suppressed = "other"')


def stored(home: Home) -> Plan:
    return Plan.from_stored((home.path / "plan.json").read_text("utf-8"))


def certificate(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "certificate.json").read_text("utf-8")))


def asked(folder: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "statistics.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_regions_are_published_a_column_a_level(home: Home, here: Here) -> None:
    regions = under(home, REGIONS)
    made = release(regions, here)
    assert verify(made / "statistics.duckdb", made / "certificate.json").passed
    plan = certificate(made)["plan"]
    assert isinstance(plan, dict)
    assert plan["method"] == "multidimensional"
    assert set(plan["losses"]) == {"full-domain", "multidimensional"}
    assert plan["losses"]["multidimensional"] < plan["losses"]["full-domain"]
    assert [name for (name,) in asked(made, "SELECT column_name FROM (DESCRIBE customers)")] == [
        *(f"age_{level}" for level in range(4)),
        *(f"municipality_{level}" for level in range(2)),
        *(f"citizenship_{level}" for level in range(3)),
        *(f"occupation_{level}" for level in range(3)),
        "income",
    ]
    # A level below the released one is NULL, and so is every finer one; coarser ones follow.
    assert asked(
        made, "SELECT count(*) FROM customers WHERE age_0 IS NOT NULL AND age_1 IS NULL"
    ) == [(0,)]
    assert asked(
        made, "SELECT count(*) > 1 FROM (SELECT DISTINCT age_0 IS NULL FROM customers)"
    ) == [(True,)]
    again = release(regions, here)
    assert certificate(again)["plan"] == plan
    assert [table["content"] for table in certificate(again)["tables"].values()] == [  # type: ignore[attr-defined]
        table["content"]
        for table in certificate(made)["tables"].values()  # type: ignore[attr-defined]
    ]


def test_who_is_too_few_may_be_put_into_one_class(home: Home, here: Here) -> None:
    made = release(under(home, OTHER), here)
    assert verify(made / "statistics.duckdb", made / "certificate.json").passed
    everybody, others = asked(
        made,
        "SELECT count(*), count(*) FILTER (age = 'other' AND occupation = 'other') FROM customers",
    )[0]
    assert isinstance(others, int)
    assert others >= 11
    assert asked(
        made, "SELECT count(*) FROM customers WHERE (age = 'other') <> (occupation = 'other')"
    ) == [(0,)]
    # Nobody is missing: the balances are of the same people.
    assert asked(made, "SELECT count(*) FROM balances") == [(everybody,)]


def test_an_owner_takes_another_recoding(home: Home, here: Here) -> None:
    shown = here(home, "plan")
    assert shown.code == 0
    assert "proven" in shown.out
    best = stored(home)
    assert best.outcome.gap == 0
    assert here(home, "plan", "--take", "1").code == 0
    other = stored(home)
    assert other.levels == best.alternatives[0].levels
    assert other.digest != best.digest
    made = release(home, here)
    assert certificate(made)["plan"]["digest"] == other.digest  # type: ignore[index]
    refused = here(home, "plan", "--take", "99")
    assert refused.code == 10
    assert "no number 99" in refused.complaint
    assert stored(home) == other


def test_what_an_owner_weighs_more_loses_less(home: Home, here: Here) -> None:
    assert here(home, "plan").code == 0
    plain = next(iter(stored(home).tables.values()))
    weighed = under(home, ("seconds = 60", "seconds = 60\nweights = { age = 50 }"))
    assert here(weighed, "plan").code == 0
    assert next(iter(stored(home).tables.values())).columns["age"] < plain.columns["age"]


def test_a_limit_that_nothing_keeps_is_named_with_the_nearest(home: Home, here: Here) -> None:
    done = here(under(home, ("l = 2 ", "l = 9 ")), "plan")
    assert done.code == 13
    assert (
        "table customers (income): l = 9 different values, where the table has 8" in done.complaint
    )
    assert not (home.path / "plan.json").exists()


def test_a_search_whose_time_is_up_takes_its_best(home: Home, here: Here) -> None:
    hurried = under(home, ("seconds = 60", "seconds = 0.000001"))
    done = here(hurried, "plan", "--json")
    if done.code == 0:
        plan = stored(home)
        assert not plan.outcome.finished
        assert plan.outcome.gap is not None
        assert plan.outcome.gap > 0
    else:
        # The coarsest recoding was all there was time for, and it blanks too much.
        assert done.code == 13


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_tells_the_best_so_far(home: Home, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [PROGRAM, "plan"],
        env=home.settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "regions with" in line:
            process.send_signal(number)
            break
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == "clause16: stopped; nothing was stored"
    assert out.startswith("Best so far:")
    assert "loss 0." in out
    assert not (home.path / "plan.json").exists()


def test_an_adverse_value_has_a_cap_in_the_certificate(home: Home, here: Here) -> None:
    tables = certificate(release(home, here))["tables"]
    assert isinstance(tables, dict)
    (cap,) = tables["balances"]["spread"]["caps"].values()
    assert 0.05 <= cap <= 0.8
    assert tables["customers"]["spread"]["caps"] == {}


@pytest.mark.parametrize("method", [(), (REGIONS,)])
@pytest.mark.parametrize("distance", ["equal", "ordered", "hierarchical"])
def test_tables_are_as_near_to_the_whole_as_the_policy_asks(
    home: Home, here: Here, distance: str, method: tuple[tuple[str, str], ...]
) -> None:
    near = f't = 0.4\nt-distance = "{distance}"\nentropy-l = 1.5\nblanking = 0.5'
    made = release(under(home, ("blanking = 0.10", near), *method), here)
    assert verify(made / "statistics.duckdb", made / "certificate.json").passed
    tables = certificate(made)["tables"]
    assert isinstance(tables, dict)
    assert tables["customers"]["spread"]["t_distance"] == distance


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("seconds = 60", "seconds = 60\nweights = { shoe = 2 }"), 'recoding.weights names "shoe"'),
        (("seconds = 60", "seconds = 0"), "recoding.seconds"),
        (('adverse = ["under 0"]', 'adverse = ["poor"]'), 'its hierarchy has no leaf "poor"'),
        (('method = "full-domain"', 'method = "mondrian"'), "recoding.method"),
    ],
)
def test_a_policy_that_asks_for_what_there_is_not(
    home: Home, here: Here, change: tuple[str, str], complaint: str
) -> None:
    done = here(under(home, change), "plan")
    assert done.code == 10
    assert complaint in done.complaint


def test_a_policy_that_was_changed_voids_the_plan_of_regions(home: Home, here: Here) -> None:
    regions = under(home, REGIONS)
    assert here(regions, "plan").code == 0
    done = here(under(home, REGIONS, ("k = 11 ", "k = 12 ")), "release")
    assert done.code == 10
    assert "under another policy" in done.complaint
