"""Counting records as they come: packing, folding, and what no leaf lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import PolicyError
from transforms.hierarchy import lookup_hierarchy
from transforms.recoding import tally
from transforms.recoding.tally import LeafCodes, Radix, Tally, Texts

TOWNS = lookup_hierarchy("town", [("Peja", "*"), ("Gjilan", "*")])
JOBS = lookup_hierarchy("job", [("nurse", "*"), ("baker", "*"), ("welder", "*")])
HIERARCHIES = {"town": TOWNS, "job": JOBS}


def texts(*values: str | None) -> Texts:
    different = list(dict.fromkeys(value for value in values if value is not None))
    places = [-1 if value is None else different.index(value) for value in values]
    return Texts(different, np.array(places, dtype=np.int32))


def counted(*batches: Sequence[Texts]) -> dict[tuple[int, ...], int]:
    leaves, people = LeafCodes(("town", "job"), HIERARCHIES), Tally()
    for batch in batches:
        people.add(leaves.keys(batch))
    leaves.refuse_unlisted()
    found = people.histogram(("town", "job"), leaves.radix)
    return dict(zip(map(tuple, found.codes.tolist()), found.people.tolist(), strict=True))


def test_people_are_counted_by_leaf_whatever_the_case_and_the_batch() -> None:
    one = [texts("Peja", "Gjilan", None), texts("nurse", "baker", "nurse")]
    another = [texts(" PEJA "), texts("Nurse")]
    assert counted(one, another) == {(0, 0): 2, (1, 1): 1, (2, 0): 1}


def test_a_value_in_no_leaf_is_counted_and_never_said() -> None:
    with pytest.raises(PolicyError) as caught:
        counted([texts("Peja", "Secret"), texts("nurse", "nurse")])
    assert str(caught.value) == (
        "column town: fewer than 11 rows have a value that its hierarchy does not list: add it "
        "there, or mend the file"
    )


def test_no_record_makes_an_empty_histogram() -> None:
    assert counted() == {}


@given(
    st.lists(st.integers(1, 5_000), min_size=1, max_size=12).flatmap(
        lambda sizes: st.tuples(
            st.just(tuple(sizes)),
            st.lists(
                st.tuples(*(st.integers(0, size - 1) for size in sizes)), min_size=1, max_size=30
            ),
        )
    ),
    st.integers(1, 40),
)
def test_any_number_of_columns_is_packed_and_unpacked(
    drawn: tuple[tuple[int, ...], list[tuple[int, ...]]], rows_a_count: int
) -> None:
    sizes, rows = drawn
    radix, codes = Radix(sizes), np.array(rows, dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "ROWS_A_COUNT", rows_a_count)
        people = Tally()
        for row in codes:
            people.add(
                tuple(
                    np.array([int(np.ravel_multi_index(row[list(word)], [sizes[c] for c in word]))])
                    for word in radix.words
                )
            )
        found = people.histogram([str(column) for column in range(len(sizes))], radix)
    expected = Counter(rows)
    assert dict(zip(map(tuple, found.codes.tolist()), found.people.tolist(), strict=True)) == (
        expected
    )
    assert found.codes.tolist() == sorted(map(list, expected))
