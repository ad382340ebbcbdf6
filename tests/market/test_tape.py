"""The tape: one order of (time, feed), columns that stay together, and a name for exactly these rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.tape import (
    Flaw,
    Tape,
    bar_tape,
    empty_tape,
    merge_tapes,
    newest_rows,
    owned,
    quote_tape,
    select_feeds,
    slice_tape,
    tape_hash,
)
from tests.properties import PROPERTY

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30)


def numbered(feed: int, *times: int) -> Tape:
    """Return quotes of a feed; each bid is the number of its row."""
    stamps = np.array(times, np.int64)
    bid = np.arange(len(times))
    return quote_tape(feed, stamps, bid, bid + 1)


def keys(tape: Tape) -> list[tuple[int, int, int]]:
    return [(int(t), int(f), int(b)) for t, f, b in zip(tape.time_ns, tape.feed, tape.close, strict=True)]


def test_rows_are_ordered_by_time_then_feed_and_a_feed_keeps_its_order() -> None:
    merged = merge_tapes([numbered(1, 1, 2, 2), numbered(0, 2, 2, 3)])
    assert keys(merged) == [(1, 1, 0), (2, 0, 0), (2, 0, 1), (2, 1, 1), (2, 1, 2), (3, 0, 2)]


@given(ROWS, ROWS)
@PROPERTY
def test_a_merge_loses_nothing_and_does_not_mind_the_order_of_its_tapes(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    tapes = [
        numbered(2 * feed + k, *sorted(time for time, at in rows if at == feed))
        for k, rows in enumerate((one, other)) for feed in range(4)
    ]  # fmt: skip
    merged = merge_tapes(tapes)
    assert keys(merged) == sorted(key for tape in tapes for key in keys(tape))
    assert tape_hash(merged) == tape_hash(merge_tapes(tapes[::-1])) == tape_hash(merge_tapes([merged]))


def test_no_tapes_and_empty_tapes_merge_to_an_empty_one() -> None:
    assert tape_hash(merge_tapes([])) == tape_hash(empty_tape()) == tape_hash(merge_tapes([empty_tape()] * 2))
    assert len(merge_tapes([numbered(0), numbered(1, 5)]).time_ns) == 1


def test_columns_stay_together_through_a_merge() -> None:
    prices = [np.array([value]) for value in (10, 14, 8, 12)]
    bar = bar_tape(0, np.array([9]), prices, [price + 2 for price in prices], np.array([3.5]))
    merged = merge_tapes([numbered(1, 10), bar])
    assert [column[0].item() for column in merged] == [9, 0, 10, 14, 8, 12, 12, 16, 10, 14, 0, 0, 3.5, 0]


def test_quotes_carry_their_sizes_and_none_are_zero() -> None:
    one = np.array([1])
    tape = quote_tape(0, one, one, one + 1, one + 6, one + 8)
    assert (tape.bid_lots.tolist(), tape.ask_lots.tolist()) == ([7], [9])
    assert (numbered(0, 1).bid_lots.tolist(), numbered(0, 1).ask_lots.tolist()) == ([0], [0])


def test_a_slice_is_a_window_on_the_same_memory() -> None:
    tape = numbered(0, 1, 2, 3)
    window = slice_tape(tape, 1, 3)
    tape.close[1] = 77
    assert keys(window) == [(2, 0, 77), (3, 0, 2)]


def test_the_rows_of_some_feeds_keep_their_order() -> None:
    tape = merge_tapes([numbered(feed, 1, 2) for feed in range(3)])
    assert keys(select_feeds(tape, np.array([True, False, True]))) == [(1, 0, 0), (1, 2, 0), (2, 0, 1), (2, 2, 1)]


def test_every_column_and_every_row_is_in_the_hash() -> None:
    tape = numbered(0, 1, 2)
    seen = {tape_hash(tape), tape_hash(slice_tape(tape, 0, 1)), tape_hash(empty_tape())}
    for name in Tape._fields:
        changed = owned(Tape(*(column.copy() for column in tape)))
        getattr(changed, name)[1] += 1
        seen.add(tape_hash(changed))
    assert len(seen) == 3 + len(Tape._fields)
    assert tape_hash(tape) == tape_hash(numbered(0, 1, 2))


def test_the_newest_rows_are_those_of_each_feeds_last_sound_instant_and_flawed_ones_after_it() -> None:
    tape = merge_tapes([numbered(0, 1, 4, 4, 5), numbered(1, 2, 3), numbered(2, 1, 6)])
    flaws = {(5, 0): Flaw.CROSSED, (1, 2): Flaw.ZERO, (6, 2): Flaw.ZERO}
    tape.flaws[:] = [flaws.get((int(t), int(f)), 0) for t, f in zip(tape.time_ns, tape.feed, strict=True)]
    rows = newest_rows(tape, len(tape.time_ns), 4)
    newest = [(int(tape.time_ns[row]), int(tape.feed[row])) for row in rows]
    assert newest == [(3, 1), (4, 0), (4, 0), (5, 0), (6, 2)]
    assert newest_rows(tape, 0, 4).tolist() == []
    assert newest_rows(tape, 1, 4).tolist() == [0]


def test_a_tape_that_may_be_written_is_left_alone_and_a_locked_or_strided_one_is_copied() -> None:
    tape = numbered(0, 1, 2, 3, 4)
    assert all(mine is theirs for mine, theirs in zip(owned(tape), tape, strict=True))
    locked = Tape(*(column.copy() for column in tape))
    for column in locked:
        column.flags.writeable = False
    strided = Tape(*(column[::2] for column in tape))
    for other in (locked, strided):
        plain = owned(other)
        assert tape_hash(plain) == tape_hash(other)
        assert all(column.flags.writeable and column.flags.c_contiguous for column in plain)
