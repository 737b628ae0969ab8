"""Laws of a draft, over generated sources: no value of a person in it, always a policy, and never
an identifier among what could be released."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.lt import asmens

from pipelines.draft.drafting import make_draft
from pipelines.policies import load_policy
from pipelines.settings import Settings
from pipelines.sql import quoted
from transforms.errors import SourceError
from transforms.policy.roles import Role

HARMLESS = {
    *(Role.UNUSED, Role.CATEGORY, Role.MEASURE, Role.EVENT_TIME, Role.QUASI_IDENTIFIER),
    *(Role.SENSITIVE, Role.ELIGIBILITY),
}
TODAY = date(2026, 11, 25)
MANY = 60


def _code(number: int) -> str:
    """Return a valid Lithuanian personal code."""
    start = f"3{70 + number % 30:02}{1 + number % 12:02}{1 + number % 28:02}{number % 1000:03}"
    return next(start + digit for digit in "0123456789" if asmens.is_valid(start + digit))


CODES = [_code(number) for number in range(MANY)]
MAILS = [f"zygimante.canary{number}@pastas.example" for number in range(MANY)]
IBANS = ["LT121000011101001000", "DE89370400440532013000", "GB82WEST12345698765432"] * (MANY // 3)
CANARIES = [
    "Kanarytė Žaliukė",
    "Zzyzx-Quux",
    "aklas 77\nženklas",
    'q"uo;te',
    "\x07bell",
    "#kanarėlė",
]
"""What one person alone has: a rare label, hostile to a file of TOML."""

PEOPLE: dict[str, list[object]] = {
    "kliento_nr": [f"K-{n}" for n in range(MANY)],
    "vardas": ["Rasa", "Jonas"] * (MANY // 2),
    "gimimo_data": [date(1950 + n % 50, 1, 1 + n % 28) for n in range(MANY)],
    "lytis": ["M", "V"] * (MANY // 2),
}

hostile = st.one_of(
    st.sampled_from(
        [
            *("pavardė", "gimimo data", "klientas_id", "suma", "tipas", "pastabos", "x", "X"),
            *(
                'a"b',
                "a'b",
                "a]b",
                "a\nb = 1",
                '"""',
                "# c",
                "[t]",
                "a\\u0000",
                "\t",
                " ",
                "💥",
                "a.b",
            ),
            *("'; DROP TABLE klientai; --", "\x01", "\u202e", "\u2028", "true", "1e9", "=" * 120),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20),
)


@dataclass(frozen=True)
class Planted:
    """A table: its name, its columns by name, and which of them hold identifiers."""

    name: str
    columns: dict[str, list[object]]
    identifiers: frozenset[str]


@st.composite
def tables(draw: st.DrawFn) -> Planted:
    names = draw(st.lists(hostile, min_size=2, max_size=7, unique_by=lambda name: name.casefold()))
    # People are recognised by these, and only of people labels are written down.
    columns = dict(PEOPLE) if draw(st.booleans()) else {}
    identifiers = set()
    for name in names:
        if name.casefold() in PEOPLE:
            continue
        kind = draw(
            st.sampled_from(["code", "mail", "iban", "label", "number", "key", "note", "day"])
        )
        canary = draw(st.sampled_from(CANARIES))
        if kind in {"code", "mail", "iban"}:
            identifiers.add(name)
        values: dict[str, Sequence[object]] = {
            "code": list(CODES),
            "mail": list(MAILS),
            "iban": list(IBANS),
            "label": ["red", "blue"] * (MANY // 2 - 1) + [canary, "red"],
            "number": [float(n % 9) for n in range(MANY - 1)] + [918_273.64],
            "key": list(range(1, MANY + 1)),
            "note": [f"rašė kad {canary} nebegyvena čia nuo {n}" for n in range(MANY)],
            "day": [date(1980, 1, 1 + n % 28) for n in range(MANY)],
        }
        columns[name] = list(values[kind])
    return Planted(draw(hostile), columns, frozenset(identifiers))


def _write(path: Path, planted: Planted) -> None:
    with duckdb.connect(str(path)) as connection:
        # DuckDB takes names for the same that differ in case alone.
        frame = pl.DataFrame(planted.columns)
        connection.register("rows", frame.rename({n: f"c{i}" for i, n in enumerate(frame.columns)}))
        renamed = ", ".join(f"c{i} AS {quoted(n)}" for i, n in enumerate(frame.columns))
        connection.execute(f"CREATE TABLE {quoted(planted.name)} AS SELECT {renamed} FROM rows")


def _drafted(folder: Path, planted: Planted) -> str:
    _write(folder / "s.duckdb", planted)
    settings_ = Settings(
        *(folder / "home", folder / "key", None, f"duckdb://{folder / 's.duckdb'}", TODAY, TODAY),
        None,
    )
    make_draft(settings_, None, folder / "draft.toml")
    return (folder / "draft.toml").read_text(encoding="utf-8")


def _forms(value: object) -> set[str]:
    text = str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return {text, escaped, text.split("\n", maxsplit=1)[0]}


@settings(max_examples=25)
@given(tables())
def test_a_draft_says_no_value_of_a_person_and_is_a_policy(planted: Planted) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            text = _drafted(Path(folder), planted)
        except SourceError:
            return  # a name that no policy can say
        names = " ".join([planted.name, *planted.columns])
        said = "\n".join(line for line in text.splitlines() if not _is_name(line, planted))
        for value in {*CODES, *MAILS, *IBANS, *CANARIES, "918273", "canary"}:
            for form in _forms(value):
                assert form in names or form not in said, form
        policy = load_policy(Path(folder) / "draft.toml").policy
        assert set(policy.sources) == {planted.name}
        assert set(policy.sources[planted.name].columns) == set(planted.columns)
        assert tomllib.loads(text)["version"].endswith("draft")


def test_what_many_people_share_is_written_down_and_what_one_alone_has_is_not() -> None:
    shared: list[object] = [*(["raudona", "žalia"] * (MANY // 2 - 1)), "Kanarytė Žaliukė", "žalia"]
    columns: dict[str, list[object]] = PEOPLE | {
        "miestas": shared,
        "pajamos": [float(n) for n in range(MANY)],
    }
    with tempfile.TemporaryDirectory() as folder:
        text = _drafted(Path(folder), Planted("klientai", columns, frozenset()))
        policy = load_policy(Path(folder) / "draft.toml").policy
    assert '["žalia", "žalia"]' in text
    assert "Kanarytė" not in text
    assert policy.subject.key == "kliento_nr"
    assert set(policy.attributes) == {"age", "sex", "region", "income"}


def _is_name(line: str, planted: Planted) -> bool:
    return line.startswith("[sources.") and planted.name in line


@settings(max_examples=25)
@given(tables())
def test_a_column_that_holds_identifiers_is_never_proposed_as_harmless(planted: Planted) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            _drafted(Path(folder), planted)
        except SourceError:
            return
        policy = load_policy(Path(folder) / "draft.toml").policy
        columns = policy.sources[planted.name].columns
        for name in planted.identifiers:
            assert columns[name].role not in HARMLESS, columns[name].role
            assert columns[name].hierarchy is None


@settings(max_examples=10)
@given(st.integers(1, MANY), st.sampled_from([CODES, MAILS, IBANS]))
def test_a_few_identifiers_among_harmless_values_are_enough(many: int, kind: list[str]) -> None:
    values: list[object] = ["red", "blue", "green"] * MANY
    values[:many] = list[object](kind[:many])
    people: dict[str, list[object]] = {"klientas_id": list(range(len(values))), "x7": values}
    with tempfile.TemporaryDirectory() as folder:
        _drafted(Path(folder), Planted("įvykiai", people, frozenset({"x7"})))
        policy = load_policy(Path(folder) / "draft.toml").policy
        assert policy.sources["įvykiai"].columns["x7"].role not in HARMLESS


@pytest.mark.parametrize("many", [1_500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_thousands_of_hostile_columns_are_a_policy(many: int) -> None:
    columns: dict[str, list[object]] = {
        f'{n}"]\n[sources."x\x7f\u2028': [n, n + 1] for n in range(many)
    }
    with tempfile.TemporaryDirectory() as folder:
        _drafted(Path(folder), Planted('t"]\n#', columns, frozenset()))
        policy = load_policy(Path(folder) / "draft.toml").policy
        assert set(policy.sources['t"]\n#'].columns) == set(columns)
