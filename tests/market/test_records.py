"""Records cross process borders as bytes and come back as they were; a copy is nobody's reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import Records, copied, joined, packed, record_type, records, unpacked
from tests.properties import PROPERTY

KIND = record_type("number lots", floats="score", vectors={"votes": 3})


def a_table(rows: list[tuple[int, int, float]]) -> Records:
    table = records(len(rows), KIND)
    for row, (number, lots, score) in zip(table, rows, strict=True):
        row.number, row.lots, row.score, row.votes = number, lots, score, score
    return table


def test_records_begin_at_zero_and_their_fields_are_attributes() -> None:
    table = records(2, KIND)
    assert table.tobytes() == bytes(2 * KIND.itemsize)
    table[1].lots = -5
    assert (table.lots.tolist(), table[1].votes.tolist()) == ([0, -5], [0.0, 0.0, 0.0])


def test_a_field_that_would_hide_a_method_is_refused() -> None:
    with pytest.raises(AssertionError, match="'copy'"):
        record_type("number copy")


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9), st.floats()), max_size=5))
@PROPERTY
def test_what_is_packed_comes_back_as_it_was(rows: list[tuple[int, int, float]]) -> None:
    table = a_table(rows)
    back = unpacked(packed(table), KIND)
    assert packed(table).shape == (len(rows), KIND.itemsize)
    assert (back.tobytes(), type(back), back.dtype) == (table.tobytes(), type(table), KIND)


def test_unpacked_records_are_their_own() -> None:
    table = a_table([(1, 2, 3.0)])
    back = unpacked(packed(table), KIND)
    back[0].number = 9
    assert table[0].number == 1


def test_parts_are_joined_in_order() -> None:
    one, two = a_table([(1, 1, 1.0), (2, 2, 2.0)]), a_table([(3, 3, 3.0)])
    whole = joined([one, records(0, KIND), two], KIND)
    assert (whole.number.tolist(), whole[2].votes.tolist()) == ([1, 2, 3], [3.0, 3.0, 3.0])
    assert len(joined([], KIND)) == 0


def test_a_copied_record_no_longer_follows_its_table() -> None:
    table = a_table([(1, 2, 3.0)])
    copy = copied(table[0])
    table[0].number = 9
    assert (copy[0].number, len(copy), isinstance(copy, np.recarray)) == (1, 1, True)
