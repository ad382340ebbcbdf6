"""Continuity: each kind of flaw is found where it is, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.continuity import flag_rows, row_flaws
from market.tape import Flaw, Tape, merge_tapes, quote_tape, slice_tape
from tests.builders import BARS, a_tape
from tests.properties import FEW

SOUND = {"open_": 100, "high": 110, "low": 90, "close": 105, "ask_open": 102, "ask_high": 112, "ask_low": 92,
         "ask_close": 107}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "flaws"),
    [
        ({}, 0),
        ({"ask_open": 100, "ask_close": 105}, 0),
        ({"ask_open": 99}, Flaw.CROSSED),
        ({"ask_close": 104}, Flaw.CROSSED),
        ({"low": 0}, Flaw.ZERO),
        ({"low": -1}, Flaw.ZERO),
        ({"ask_low": 0}, Flaw.ZERO),
        ({"open_": 0}, Flaw.ZERO | Flaw.RANGE),
        ({"close": 0}, Flaw.ZERO | Flaw.RANGE),
        ({"high": 104}, Flaw.RANGE),
        ({"low": 101}, Flaw.RANGE),
        ({"open_": 111, "ask_open": 111}, Flaw.RANGE),
        ({"close": 89}, Flaw.RANGE),
        ({"ask_high": 106}, Flaw.RANGE),
        ({"ask_low": 103}, Flaw.RANGE),
        ({"ask_close": 113}, Flaw.RANGE),
        ({"ask_open": 113}, Flaw.RANGE),
        ({"high": 80, "low": 120}, Flaw.RANGE),
        ({"ask_high": 80, "ask_low": 120}, Flaw.RANGE),
    ],
)
def test_a_price_out_of_place_is_named(changes: dict[str, int], flaws: int) -> None:
    assert row_flaws(*(SOUND | changes).values()) == flaws


def stamps(*times: int, feed: int = 0) -> Tape:
    column = np.array(times, np.int64)
    return quote_tape(feed, column, np.full(len(times), 100), np.full(len(times), 102))


def flaws_of(tape: Tape, is_bar: bool) -> list[int]:
    flag_rows(tape, np.array([is_bar, is_bar]), np.full(2, -1), tape.flaws)
    return tape.flaws.tolist()


def test_a_bar_that_comes_twice_is_a_duplicate_but_a_second_quote_is_none() -> None:
    assert flaws_of(stamps(1, 2, 2, 3), is_bar=True) == [0, 0, Flaw.DUPLICATE, 0]
    assert flaws_of(stamps(1, 2, 2, 3), is_bar=False) == [0, 0, 0, 0]


def test_a_stamp_before_the_newest_is_out_of_order_until_time_has_caught_up() -> None:
    assert flaws_of(stamps(1, 5, 3, 4, 5, 6), is_bar=False) == [0, 0, Flaw.DISORDER, Flaw.DISORDER, 0, 0]


def test_feeds_have_clocks_of_their_own() -> None:
    tape = merge_tapes([stamps(1, 3), stamps(1, 2, feed=1)])
    assert flaws_of(tape, is_bar=True) == [0, 0, 0, 0]


def test_flaws_of_the_source_are_kept_and_counted_once() -> None:
    tape = stamps(1, 2, 3)
    tape.flaws[:] = [Flaw.NOT_FINITE, 0, Flaw.NOT_FINITE]
    tape.ask_close[2] = 99
    assert flag_rows(tape, np.array([False]), np.array([-1]), tape.flaws) == 2
    assert tape.flaws.tolist() == [Flaw.NOT_FINITE, 0, Flaw.NOT_FINITE | Flaw.CROSSED]


@given(st.lists(st.integers(0, 700), max_size=6))
@FEW
def test_a_tape_may_be_flagged_in_pieces(cuts: list[int]) -> None:
    tape = a_tape(minutes=10, ticks=300)
    whole, pieces = np.zeros_like(tape.flaws), np.zeros_like(tape.flaws)
    flawed = flag_rows(tape, BARS, np.full(len(BARS), -1), whole)
    last_ns, count = np.full(len(BARS), -1), 0
    edges = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    for begin, end in pairwise(edges):
        count += flag_rows(slice_tape(tape, begin, end), BARS, last_ns, pieces[begin:end])
    assert (pieces.tolist(), count) == (whole.tolist(), flawed)
    assert flawed == np.count_nonzero(whole)
