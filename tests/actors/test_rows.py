"""The inbox for rows: a stretch is taken once, a gap not at all, and rows leave in one order."""

import numpy as np

from actors.messages import END, START
from actors.rows import Asking, RowInbox
from tests.actors.bench import at, rows, some_quotes


def times(tape):
    return ((tape.time_ns - at(0)) // 10**9).tolist()


def test_rows_are_released_once_every_source_has_passed_them():
    inbox = RowInbox(("one", "two"))
    assert inbox.accept(rows(some_quotes((1, 4, 9, 10), (3, 4, 9, 10)), at(3), source="one"))
    assert (inbox.ready_ns, inbox.next_ns()) == (START, at(1))
    assert inbox.accept(rows(some_quotes((2, 5, 9, 10)), at(2), source="two"))
    assert inbox.ready_ns == at(2)
    released = inbox.release(inbox.ready_ns)
    assert (times(released), released.feed.tolist()) == ([1, 2], [4, 5])
    assert inbox.next_ns() == at(3)
    assert inbox.accept(rows(some_quotes(), END, at(2), source="two"))
    assert times(inbox.release(inbox.ready_ns)) == [3]
    assert (inbox.next_ns(), len(inbox.release(END).time_ns)) == (END, 0)


def test_a_repeated_stretch_and_a_gap_are_not_taken():
    inbox = RowInbox(("one",))
    batch = rows(some_quotes((1, 4, 9, 10)), at(1), source="one")
    assert inbox.accept(batch)
    assert not inbox.accept(batch)
    assert not inbox.accept(rows(some_quotes((5, 4, 9, 10)), at(5), at(4), source="one"))
    assert inbox.positions == {"one": at(1)}
    assert times(inbox.release(END)) == [1]


def test_of_an_overlapping_stretch_only_what_is_new_is_taken():
    inbox = RowInbox(("one",))
    inbox.accept(rows(some_quotes((1, 4, 9, 10), (2, 4, 9, 10)), at(2), source="one"))
    assert inbox.accept(rows(some_quotes((2, 4, 9, 10), (3, 4, 9, 10)), at(3), at(1), source="one"))
    assert times(inbox.release(END)) == [1, 2, 3]


def test_rows_of_one_instant_leave_in_feed_order_however_they_came():
    for order in ((("one", 5), ("two", 4)), (("two", 4), ("one", 5))):
        inbox = RowInbox(("one", "two"))
        for source, feed in order:
            inbox.accept(rows(some_quotes((1, feed, 9, 10)), at(1), source=source))
        assert inbox.release(END).feed.tolist() == [4, 5]


def test_what_is_kept_does_not_change_with_the_senders_memory():
    inbox = RowInbox(("one",))
    tape = some_quotes((1, 4, 9, 10))
    tape.open.flags.writeable = False  # as it arrives from another process
    inbox.accept(rows(tape, at(1), source="one"))
    released = inbox.release(END)
    assert released.open.flags.writeable
    assert np.array_equal(released.open, [9])


def test_a_source_is_asked_once_half_of_what_may_be_under_way_has_been_taken():
    asking = Asking(ahead=4)
    assert [asking.is_due("one") for _ in range(5)] == [False, True, False, True, False]
    assert [asking.is_due("two", taken) for taken in (3, 1, 0, 1)] == [True, False, False, True]
    assert [Asking(ahead=1).is_due("one") for _ in range(2)] == [True, True]


def test_a_source_that_has_not_moved_from_tick_to_tick_is_silent():
    asking = Asking(ahead=4)
    assert [asking.is_silent("one", position) for position in (START, 5, 5, 7)] == [True, False, True, False]
    assert asking.is_silent("two", 7)
