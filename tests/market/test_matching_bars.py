"""The simulated venue where bars move it: filled at the next open, protected inside the bar, cancelled at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper import GUARDED, OrderKind, Reason, ReportKind
from market.tape import Flaw
from tests.builders import MINUTE, an_instrument
from tests.market.floor import Floor, Said, a_bar
from tests.properties import PROPERTY

FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind
EURUSD = an_instrument("EURUSD", "x")
FLAT = (1000, 1000, 1000, 1000)
"""A bar that does not move; asks are 2 ticks above bids unless a test says otherwise."""


def a_floor(lots: int = 0, **terms: int) -> Floor:
    """Return a floor of minute bars that has seen one flat bar; with lots, the entry at the open of the second."""
    floor = Floor(EURUSD, bar_ns=MINUTE)
    floor.bar(MINUTE, FLAT)
    if lots:
        floor.order(lots, arrive_ns=MINUTE, **terms)
        floor.bar(2 * MINUTE, FLAT)
        assert floor.said() == [Said(1, FILL, Reason.ENTRY, lots, 1002 if lots > 0 else 1000)]
    return floor


def test_an_order_fills_at_the_open_of_the_first_bar_that_closes_after_its_arrival() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=MINUTE + 1)
    floor.order(-2, arrive_ns=2 * MINUTE + 1, number=2)
    floor.bar(2 * MINUTE, (1010, 1020, 1005, 1015))
    floor.bar(3 * MINUTE, (1030, 1040, 1025, 1035))
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, 5, 1012), Said(2, FILL, Reason.ENTRY, -2, 1030)]


def test_an_order_waits_over_missing_bars_and_flawed_ones() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=MINUTE + 1)
    flawed = a_bar(4 * MINUTE, (1, 1, 1, 1))
    flawed.flaws[0] = Flaw.RANGE
    floor.row(flawed)
    assert floor.said() == []
    floor.bar(5 * MINUTE, (1030, 1040, 1025, 1035))
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, 5, 1032)]


def test_bars_of_another_instrument_fill_nothing() -> None:
    floor = Floor(EURUSD, an_instrument("GBPUSD", "x"), bar_ns=MINUTE)
    floor.order(5, instrument=1, arrive_ns=0)
    floor.bar(MINUTE, FLAT)
    assert floor.said() == []
    floor.bar(MINUTE, FLAT, instrument=1)
    assert [said.kind for said in floor.said()] == [FILL]


def test_orders_of_one_bar_are_matched_in_the_order_of_their_numbers() -> None:
    floor = a_floor()
    for number in (3, 1, 2):
        floor.order(number, arrive_ns=MINUTE, number=number)
    floor.bar(2 * MINUTE, FLAT)
    assert [said.number for said in floor.said()] == [1, 2, 3]


@pytest.mark.parametrize(("limit", "kind"), [(1002, FILL), (1001, CANCEL)])
def test_an_ioc_meets_the_open_of_its_bar_and_no_other_price(limit: int, kind: ReportKind) -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=MINUTE, kind=OrderKind.IOC, limit=limit)
    floor.bar(2 * MINUTE, (1000, 1050, 900, 950))
    assert [said.kind for said in floor.said()] == [kind]


@pytest.mark.parametrize(
    ("lots", "stop", "bar", "price"),
    [
        (5, 990, (1000, 1005, 991, 995), None),
        (5, 990, (1000, 1005, 990, 995), 990),
        (5, 990, (985, 999, 980, 995), 985),
        (5, 990, (990, 999, 989, 995), 990),
        (-5, 1010, (1000, 1007, 995, 1000), None),
        (-5, 1010, (1000, 1008, 995, 1000), 1010),
        (-5, 1010, (1013, 1020, 1011, 1015), 1015),
    ],
)
def test_a_stop_fills_where_it_stands_and_a_gap_through_it_at_the_open(
    lots: int, stop: int, bar: tuple[int, int, int, int], price: int | None
) -> None:
    floor = a_floor(lots, stop=stop)
    floor.bar(3 * MINUTE, bar)
    assert floor.said() == ([] if price is None else [Said(1, FILL, Reason.STOP, -lots, price)])
    assert floor.held() == (lots if price is None else 0)


def test_a_stop_slips_against_the_holder() -> None:
    floor = a_floor()
    floor.table[0].slippage_ticks = 3
    floor.order(5, arrive_ns=MINUTE, stop=990)
    floor.bar(2 * MINUTE, FLAT)
    floor.bar(3 * MINUTE, (1000, 1000, 980, 980))
    floor.order(-5, arrive_ns=3 * MINUTE, number=2, stop=1010)
    floor.bar(4 * MINUTE, FLAT)
    floor.bar(5 * MINUTE, (1000, 1020, 1000, 1000))
    assert [said.price for said in floor.said()] == [1005, 987, 997, 1013]


@pytest.mark.parametrize(
    ("lots", "target", "bar", "filled"),
    [
        (5, 1010, (1000, 1009, 995, 1000), False), (5, 1010, (1000, 1010, 995, 1000), True),
        (5, 1010, (1020, 1030, 1015, 1025), True),
        (-5, 990, (1000, 1005, 989, 1000), False), (-5, 990, (1000, 1005, 988, 1000), True),
    ],
)  # fmt: skip
def test_a_target_fills_at_its_price_and_never_better(
    lots: int, target: int, bar: tuple[int, int, int, int], filled: bool
) -> None:
    floor = a_floor(lots, target=target)
    floor.bar(3 * MINUTE, bar)
    assert floor.said() == ([Said(1, FILL, Reason.TARGET, -lots, target)] if filled else [])


@pytest.mark.parametrize("lots", [5, -5])
def test_a_bar_that_reaches_both_tells_the_worse_story(lots: int) -> None:
    stop, target = (990, 1010) if lots > 0 else (1010, 990)
    floor = a_floor(lots, stop=stop, target=target)
    floor.bar(3 * MINUTE, (1000, 1020, 980, 1000))
    assert floor.said() == [Said(1, FILL, Reason.STOP, -lots, stop)]


def test_the_bar_of_the_entry_may_already_stop_it() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=MINUTE, stop=990)
    floor.bar(2 * MINUTE, (1000, 1000, 985, 995))
    assert [(said.reason, said.price) for said in floor.said()] == [(Reason.ENTRY, 1002), (Reason.STOP, 990)]


@pytest.mark.parametrize(("lots", "price"), [(5, 1003), (-5, 1005)])
def test_a_time_stop_closes_at_the_first_open_at_or_after_its_time(lots: int, price: int) -> None:
    floor = a_floor(lots, hold_ns=2 * MINUTE)
    floor.bar(4 * MINUTE, FLAT)
    assert floor.said() == []
    floor.bar(5 * MINUTE, (1003, 1050, 900, 1000))
    assert floor.said() == [Said(1, FILL, Reason.TIME, -lots, price)]


def test_a_time_stop_goes_before_the_stop_of_the_same_bar() -> None:
    floor = a_floor(5, hold_ns=MINUTE, stop=990)
    floor.bar(4 * MINUTE, (1000, 1000, 900, 950))
    assert [(said.reason, said.price) for said in floor.said()] == [(Reason.TIME, 1000)]


def test_a_time_stop_where_quotes_move_falls_due_at_its_time() -> None:
    floor = Floor(EURUSD)
    floor.quote(MINUTE, 1000, 1002)
    floor.order(-5, arrive_ns=MINUTE, hold_ns=MINUTE)
    floor.wait(2 * MINUTE - 1)
    assert [said.reason for said in floor.said()] == [Reason.ENTRY]
    floor.wait(2 * MINUTE)
    assert floor.said() == [Said(1, FILL, Reason.TIME, 5, 1002)]


def test_a_quote_beyond_the_stop_fills_at_the_quote() -> None:
    floor = Floor(EURUSD)
    floor.quote(MINUTE, 1000, 1002)
    floor.order(5, arrive_ns=MINUTE, stop=990, target=1020)
    floor.quote(MINUTE + 1, 985, 1040)
    assert floor.said()[1:] == [Said(1, FILL, Reason.STOP, -5, 985)]


def test_a_flawed_row_stops_nobody() -> None:
    floor = a_floor(5, stop=990)
    flawed = a_bar(3 * MINUTE, (1000, 1000, 1, 1000))
    flawed.flaws[0] = Flaw.RANGE
    floor.row(flawed)
    assert (floor.said(), floor.held()) == ([], 5)


def test_a_position_made_flat_has_no_protection_left() -> None:
    floor = a_floor(5, stop=990, target=1010)
    assert floor.venue.control[GUARDED] == 1
    floor.order(-5, arrive_ns=2 * MINUTE, number=2, reduce=1)
    floor.bar(3 * MINUTE, (1000, 1020, 980, 1000))
    assert [said.number for said in floor.said()] == [2]
    assert (floor.venue.control[GUARDED], floor.venue.busy[0]) == (0, 0)


def test_an_opening_fill_brings_its_protection_for_all_and_a_reducing_one_leaves_it() -> None:
    floor = a_floor(5, stop=990)
    floor.order(3, arrive_ns=2 * MINUTE, number=2, stop=995, target=1020)
    floor.order(-2, arrive_ns=2 * MINUTE, number=3, stop=1, target=2)
    floor.bar(3 * MINUTE, FLAT)
    holding = floor.venue.holdings[0]
    assert (holding.lots, holding.stop, holding.target, holding.number) == (6, 995, 1020, 2)


def test_what_waits_for_a_bar_when_the_data_has_ended_is_cancelled() -> None:
    floor = Floor(EURUSD, bar_ns=MINUTE, end_ns=2 * MINUTE)
    floor.bar(MINUTE, FLAT)
    floor.order(5, arrive_ns=MINUTE + 1)
    floor.order(7, arrive_ns=2 * MINUTE + 5, number=2)
    floor.bar(2 * MINUTE, FLAT)
    floor.wait(3 * MINUTE)
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, 5, 1002), Said(2, CANCEL, Reason.END, 7, 0)]
    assert floor.waiting == 0


BARS = st.lists(
    st.tuples(st.integers(950, 1050), st.integers(0, 40), st.integers(0, 40), st.integers(0, 100)),
    min_size=3,
    max_size=12,
)


@given(BARS, st.integers(-9, 9).filter(bool), st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
@PROPERTY
def test_mirrored_prices_give_the_mirrored_fills(
    bars: list[tuple[int, int, int, int]], lots: int, stop: int, target: int, hold: int
) -> None:
    """Buying in a market and selling in its mirror image (bid and ask trade places) are the same trade."""
    mirror = 2002  # bid 1000 / ask 1002 is its own mirror image

    def run(sign: int) -> list[Said]:
        floor = Floor(EURUSD, bar_ns=MINUTE)
        side = 1 if lots * sign > 0 else -1
        level = 1001 - side * stop, 1001 + side * target
        floor.bar(MINUTE, FLAT)
        floor.order(lots * sign, arrive_ns=MINUTE, stop=level[0], target=level[1], hold_ns=hold * MINUTE)
        for k, (open_, up, down, close) in enumerate(bars):
            high, low = open_ + up, open_ - down
            bid = (open_, high, low, low + (high - low) * close // 100)
            if sign < 0:
                bid = (mirror - bid[0] - 2, mirror - low - 2, mirror - high - 2, mirror - bid[3] - 2)
            floor.bar((k + 2) * MINUTE, bid)
        return floor.said()

    mirrored = [said._replace(lots=-said.lots, price=mirror - said.price) for said in run(-1)]
    assert run(1) == mirrored
