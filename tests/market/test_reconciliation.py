"""Reconciliation: each way of disagreeing, and what it blocks."""

from hypothesis import given
from hypothesis import strategies as st

from market.reconciliation import Break, BreakKind, Snapshot, WorkingOrder, blocked_instruments, reconcile
from tests.properties import PROPERTY


def an_order(client_id: str = "tri-a", lots: int = 5, cum: int = 0) -> WorkingOrder:
    return WorkingOrder(client_id, "EURUSD", lots, cum)


def breaks_of(local: WorkingOrder | None, venue: WorkingOrder | None) -> tuple[Break, ...]:
    sides = [Snapshot({}, [] if order is None else [order]) for order in (local, venue)]
    return reconcile(*sides, {}, "tri")


def test_equal_sides_have_no_break_and_a_flat_position_needs_no_entry() -> None:
    local = Snapshot({"EURUSD": 3, "GBPUSD": 0}, [an_order()])
    assert reconcile(local, Snapshot({"EURUSD": 3}, [an_order()]), {"EURUSD": 3}, "tri") == ()


def test_a_position_that_differs_names_both_sides() -> None:
    found = reconcile(Snapshot({"EURUSD": 3}, []), Snapshot({"EURUSD": 5}, []), {"EURUSD": 3}, "tri")
    assert found == (Break(BreakKind.POSITION_BREAK, "EURUSD", "EURUSD", 3, 5),)
    assert found[0].diff == 2


def test_a_position_that_is_not_the_sum_of_its_fills_is_a_break_of_our_own_ledger() -> None:
    found = reconcile(Snapshot({"EURUSD": 3}, []), Snapshot({"EURUSD": 3}, []), {"EURUSD": 4}, "tri")
    assert found == (Break(BreakKind.LEDGER_BREAK, "EURUSD", "EURUSD", 3, 4),)


def test_an_order_may_differ_in_fills_and_in_quantity_at_once() -> None:
    found = breaks_of(an_order(lots=5, cum=1), an_order(lots=7, cum=3))
    assert [(item.kind, item.local, item.venue) for item in found] == [
        (BreakKind.FILL_GAP, 1, 3),
        (BreakKind.QTY_MISMATCH, 5, 7),
    ]


def test_an_order_on_one_side_only_is_missing_orphaned_or_foreign() -> None:
    assert [item.kind for item in breaks_of(an_order(), None)] == [BreakKind.MISSING_AT_VENUE]
    assert [item.kind for item in breaks_of(None, an_order())] == [BreakKind.ORPHAN_AT_VENUE]
    foreign = breaks_of(None, an_order("triweb-1"))
    assert [item.kind for item in foreign] == [BreakKind.FOREIGN_ORDER]
    assert foreign[0].diff is None


def test_every_break_blocks_its_instrument() -> None:
    found = reconcile(Snapshot({"GBPUSD": 1}, [an_order()]), Snapshot({}, []), {"GBPUSD": 1}, "tri")
    assert blocked_instruments(found) == {"EURUSD", "GBPUSD"}


POSITIONS = st.dictionaries(st.sampled_from("abcd"), st.integers(-5, 5))


@given(POSITIONS, POSITIONS)
@PROPERTY
def test_positions_break_exactly_where_they_differ(local: dict[str, int], venue: dict[str, int]) -> None:
    found = reconcile(Snapshot(local, []), Snapshot(venue, []), local, "tri")
    assert {item.key for item in found} == {key for key in "abcd" if local.get(key, 0) != venue.get(key, 0)}
    assert sum(item.diff or 0 for item in found) == sum(venue.values()) - sum(local.values())
