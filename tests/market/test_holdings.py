"""A holding's life: protected from its first fill, its stop moved by closed rows and never back, its size followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.matching import adopt_report, submit
from market.paper import GUARDED, HOLDING, STOP_RULES, Reason, ReportKind
from tests.builders import MINUTE, an_instrument
from tests.market.floor import Floor, an_order
from tests.properties import FEW, PROPERTY

FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind
EURUSD = an_instrument("EURUSD", "x", depth_lots=1000)
FLAT = (1000, 1000, 1000, 1000)
"""A bar that does not move; asks are 2 ticks above bids. Who buys pays 1002, who sells gets 1000."""

Bar = tuple[int, int, int, int]


def a_floor(lots: int = 5, bar_ns: int = MINUTE, **terms: int) -> Floor:
    """Return a floor on which an order of some lots was filled at the open of a flat bar."""
    floor = Floor(EURUSD, bar_ns=bar_ns)
    if bar_ns:
        floor.bar(MINUTE, FLAT)
        floor.order(lots, arrive_ns=MINUTE, **terms)
        floor.bar(2 * MINUTE, FLAT)
    else:
        floor.quote(MINUTE, 1000, 1002)
        floor.order(lots, arrive_ns=MINUTE, **terms)
        floor.wait(2 * MINUTE)
    floor.reports()
    return floor


def moved(floor: Floor) -> list[tuple[Reason, int, int]]:
    """Return (reason, old stop, new stop) of the amendments since the last call; nothing else may have been said."""
    reports = floor.reports()
    assert all(row.kind == AMEND and row.lots == 0 and row.fee == 0 and row.number == 1 for row in reports)
    return [(Reason(int(row.reason)), int(row.stop_before), int(row.price)) for row in reports]


def bars(floor: Floor, *found: Bar) -> None:
    """Show bars a minute apart."""
    for bar in found:
        floor.bar(int(floor.venue.quotes[0].time_ns) + MINUTE, bar)


def test_a_stop_goes_to_break_even_once_its_gain_is_earned_and_not_before() -> None:
    floor = a_floor(stop=990, breakeven_at=12)
    bars(floor, (1000, 1013, 1000, 1012))
    assert moved(floor) == []
    bars(floor, (1000, 1014, 1000, 1012))
    assert moved(floor) == [(Reason.BREAK_EVEN, 990, 1002)]
    bars(floor, (1012, 1030, 1010, 1020))
    assert moved(floor) == []


def test_break_even_counts_the_fees_of_both_fills_and_the_slippage_of_the_second() -> None:
    floor = Floor(an_instrument("EURUSD", "x", fee_per_lot="0.014", slippage_ticks=1), bar_ns=MINUTE)
    floor.bar(MINUTE, FLAT)
    floor.order(5, arrive_ns=MINUTE, stop=990, breakeven_at=12)
    floor.bar(2 * MINUTE, FLAT)
    floor.bar(3 * MINUTE, (1010, 1015, 1010, 1012))
    # Bought at 1003; a tick of a lot is worth 0.01, so fees of 0.028 a lot are 2.8 ticks, and closing slips 1: 1006.8.
    assert int(floor.venue.holdings[0].stop) == 1007
    floor.bar(4 * MINUTE, (1008, 1008, 1000, 1000))
    reports = floor.reports()
    gain = int(reports[-1].price - reports[0].price) * 5 * 10_000
    assert gain >= int(reports[0].fee + reports[-1].fee)


def test_a_stop_trails_the_best_price_of_every_closed_bar_and_never_goes_back() -> None:
    floor = a_floor(stop=990, trail_at=18, trail_by=15)
    bars(floor, (1000, 1019, 1000, 1018))
    assert moved(floor) == []
    bars(floor, (1018, 1020, 1016, 1018))
    assert moved(floor) == [(Reason.TRAIL, 990, 1005)]
    bars(floor, (1018, 1018, 1010, 1012), (1012, 1026, 1012, 1020), (1020, 1025, 1016, 1020))
    assert moved(floor) == [(Reason.TRAIL, 1005, 1011)]
    bars(floor, (1020, 1022, 1011, 1020))
    assert [(said.reason, said.lots, said.price) for said in floor.said()] == [(Reason.STOP, -5, 1011)]


def test_a_short_stop_trails_the_best_ask() -> None:
    floor = a_floor(lots=-5, stop=1012, breakeven_at=10, trail_at=15, trail_by=11)
    bars(floor, (1000, 1000, 988, 990))
    assert moved(floor) == [(Reason.BREAK_EVEN, 1012, 1000)]
    bars(floor, (990, 990, 980, 985))
    assert moved(floor) == [(Reason.TRAIL, 1000, 993)]


def test_the_stop_that_stands_is_tested_before_the_bar_moves_it() -> None:
    """A bar that falls through the old stop after a new high is stopped at the old one: which came first is unknown."""
    floor = a_floor(stop=990, trail_at=18, trail_by=15)
    bars(floor, (1000, 1050, 989, 1040))
    assert [(said.reason, said.price) for said in floor.said()] == [(Reason.STOP, 990)]


def test_a_bar_that_reaches_the_target_moves_no_stop() -> None:
    floor = a_floor(stop=990, target=1030, breakeven_at=5)
    bars(floor, (1000, 1030, 1000, 1020))
    assert [(said.kind, said.reason) for said in floor.said()] == [(FILL, Reason.TARGET)]


def test_a_stop_keeps_a_tick_to_the_mark_and_catches_up_when_there_is_room() -> None:
    floor = a_floor(stop=990, trail_at=18, trail_by=15)
    bars(floor, (1000, 1030, 1000, 1010))  # it belongs at 1015, the mark is 1010
    assert moved(floor) == [(Reason.TRAIL, 990, 1009)]
    assert int(floor.venue.holdings[0].stop_goal) == 1015
    bars(floor, (1010, 1020, 1010, 1014))
    assert moved(floor) == [(Reason.TRAIL, 1009, 1013)]
    bars(floor, (1014, 1025, 1014, 1020))
    assert moved(floor) == [(Reason.TRAIL, 1013, 1015)]


def test_a_goal_without_any_room_is_remembered() -> None:
    floor = a_floor(stop=990, breakeven_at=12)
    bars(floor, (1000, 1020, 991, 991))
    assert moved(floor) == [(Reason.BREAK_EVEN, 990, 990)]
    bars(floor, (991, 1010, 991, 1005))
    assert moved(floor) == [(Reason.BREAK_EVEN, 990, 1002)]


def test_the_bar_of_the_entry_moves_the_stop_too() -> None:
    floor = Floor(EURUSD, bar_ns=MINUTE)
    floor.bar(MINUTE, FLAT)
    floor.order(5, arrive_ns=MINUTE, stop=990, breakeven_at=12)
    floor.bar(2 * MINUTE, (1000, 1020, 1000, 1015))
    assert [said.kind for said in floor.said()] == [FILL, AMEND]


def test_nothing_moves_a_stop_whose_order_does_not_say_so() -> None:
    floor = a_floor(stop=990)
    bars(floor, (1000, 1090, 1000, 1080))
    assert moved(floor) == []


def test_without_a_stop_there_is_nothing_to_move() -> None:
    floor = a_floor(target=2000, breakeven_at=1, trail_at=1, trail_by=1)
    bars(floor, (1000, 1090, 1000, 1080))
    assert moved(floor) == []


def test_where_quotes_move_it_a_stop_trails_in_steps() -> None:
    floor = a_floor(bar_ns=0, stop=900, trail_at=50, trail_by=100)
    for k, bid in enumerate((1051, 1052, 1061, 1062, 1071, 1072)):
        floor.quote(3 * MINUTE + k, bid, bid + 2)
    assert moved(floor) == [(Reason.TRAIL, 900, 952), (Reason.TRAIL, 952, 962), (Reason.TRAIL, 962, 972)]


def test_an_addition_never_widens_the_stop_and_counts_from_the_mean_entry() -> None:
    floor = a_floor(stop=990, breakeven_at=10)
    floor.order(5, number=2, arrive_ns=2 * MINUTE, stop=980, breakeven_at=20, target=1100)
    bars(floor, (1010, 1010, 1010, 1010))
    holding = floor.venue.holdings[0]
    assert (int(holding.lots), int(holding.stop), int(holding.target)) == (10, 990, 1100)
    assert (int(holding.cost), int(holding.breakeven_at), int(holding.number)) == (5 * 1002 + 5 * 1012, 20, 2)
    floor.reports()
    bars(floor, (1010, 1026, 1010, 1020))
    assert floor.said() == []
    bars(floor, (1010, 1027, 1010, 1020))
    assert [(said.number, said.reason, said.price) for said in floor.said()] == [(2, Reason.BREAK_EVEN, 1007)]


def test_an_addition_without_a_stop_leaves_the_one_there_is() -> None:
    floor = a_floor(stop=990, breakeven_at=10)
    floor.order(5, number=2, arrive_ns=2 * MINUTE)
    bars(floor, FLAT)
    holding = floor.venue.holdings[0]
    assert (int(holding.stop), int(holding.breakeven_at), int(floor.venue.control[GUARDED])) == (990, 10, 1)


def test_a_stop_covers_what_a_partial_fill_got_and_what_a_reduction_left() -> None:
    floor = Floor(EURUSD)
    floor.quote(MINUTE, 1000, 1002, lots=(7, 7))
    floor.order(12, arrive_ns=MINUTE, stop=990)
    floor.order(-3, number=2, arrive_ns=MINUTE + 1, reduce=1)
    floor.wait(MINUTE + 1)
    assert (floor.held(), int(floor.venue.holdings[0].cost)) == (4, 4 * 1002)
    floor.quote(2 * MINUTE, 980, 982)
    assert [(said.reason, said.lots) for said in floor.said()][-1] == (Reason.STOP, -4)
    assert not any(int(floor.venue.holdings[0][name]) for name in HOLDING.names or () if name != "number")


def test_a_flip_begins_anew_with_the_stop_of_its_own_order() -> None:
    floor = a_floor(stop=995, breakeven_at=1, trail_at=2, trail_by=3)
    floor.order(-8, number=2, arrive_ns=2 * MINUTE, stop=1030)
    bars(floor, FLAT)
    holding = floor.venue.holdings[0]
    assert (int(holding.lots), int(holding.cost), int(holding.stop), int(holding.stop_goal)) == (-3, -3000, 1030, 1030)
    assert (int(holding.breakeven_at), int(holding.trail_at), int(holding.opened_ns)) == (0, 0, 3 * MINUTE)


WALKS = st.lists(
    st.tuples(st.integers(-15, 15), st.integers(0, 20), st.integers(0, 20), st.integers(0, 100)), max_size=15
)
DISTANCES = st.tuples(st.integers(1, 40), st.integers(0, 30), st.integers(0, 30), st.integers(1, 40))


def run(lots: int, distances: tuple[int, int, int, int], walk: list[tuple[int, int, int, int]]) -> Floor:
    """Open a position, with a stop and what moves it, and show it a walk of bars (open, up, down, close)."""
    risk, breakeven_at, trail_at, trail_by = distances
    sign = 1 if lots > 0 else -1
    floor = Floor(EURUSD, bar_ns=MINUTE)
    floor.bar(MINUTE, FLAT)
    stop = 1001 - sign * (risk + 1)
    floor.order(lots, arrive_ns=MINUTE, stop=stop, breakeven_at=breakeven_at, trail_at=trail_at, trail_by=trail_by)
    price = 1000
    for k, (step, up, down, close) in enumerate(walk):
        price += step
        high, low = price + up, price - down
        bid = (price, high, low, low + (high - low) * close // 100)
        if sign < 0:  # the mirror image: 1001 is the middle of the first quote
            bid = (2000 - price, 2000 - low, 2000 - high, 2000 - bid[3])
        floor.bar((k + 2) * MINUTE, bid)
        price = price - down + (up + down) * close // 100
    return floor


@given(st.integers(-9, 9).filter(bool), DISTANCES, WALKS)
@PROPERTY
def test_every_amendment_goes_toward_the_market_joins_the_one_before_and_leaves_room(
    lots: int, distances: tuple[int, int, int, int], walk: list[tuple[int, int, int, int]]
) -> None:
    floor = run(lots, distances, walk)
    sign = 1 if lots > 0 else -1
    standing = 1001 - sign * (distances[0] + 1)
    for row in floor.reports():
        if row.kind == AMEND:
            assert row.stop_before == standing
            assert (row.price - standing) * sign >= 0
            assert (row.stop_goal - row.price) * sign >= 0
            standing = int(row.price)
        elif row.reason == Reason.STOP:
            assert (standing - row.price) * sign >= 0  # at the stop, or worse where it was gapped through


@given(st.integers(1, 9), DISTANCES, WALKS)
@PROPERTY
def test_a_mirrored_market_moves_the_mirrored_stop(
    lots: int, distances: tuple[int, int, int, int], walk: list[tuple[int, int, int, int]]
) -> None:
    long, short = (run(sign * lots, distances, walk).reports() for sign in (1, -1))
    assert long.kind.tolist() == short.kind.tolist()
    assert long.reason.tolist() == short.reason.tolist()
    assert long.price.tolist() == [2002 - int(price) if price else 0 for price in short.price]


@given(st.integers(-9, 9).filter(bool), DISTANCES, WALKS)
@FEW
def test_a_restored_holding_is_protected_as_the_one_that_lived(
    lots: int, distances: tuple[int, int, int, int], walk: list[tuple[int, int, int, int]]
) -> None:
    lived, restored = run(lots, distances, walk), Floor(EURUSD, bar_ns=MINUTE)
    risk, breakeven_at, trail_at, trail_by = distances
    stop = 1001 - (1 if lots > 0 else -1) * (risk + 1)
    moves = {"breakeven_at": breakeven_at, "trail_at": trail_at, "trail_by": trail_by}
    assert submit(restored.venue, an_order(lots, arrive_ns=MINUTE, stop=stop, **moves))
    for row in lived.reports():
        adopt_report(restored.venue, row)
    names = [name for name in HOLDING.names or () if name != "number"]
    one, other = ([int(floor.venue.holdings[0][name]) for name in names] for floor in (lived, restored))
    assert one == other
    assert lived.venue.control[GUARDED] == restored.venue.control[GUARDED]


@pytest.mark.parametrize("lots", [5, -5])
def test_what_was_sent_before_a_position_was_opened_does_not_close_it(lots: int) -> None:
    """A reduction that is late meets another position than the one it was meant for."""
    floor = a_floor(lots=lots)
    floor.order(-lots, number=2, arrive_ns=2 * MINUTE + 1, sent_ns=MINUTE, reduce=1)
    floor.order(-lots, number=3, arrive_ns=2 * MINUTE + 1, sent_ns=2 * MINUTE, reduce=1)
    floor.bar(4 * MINUTE, FLAT)
    assert [(said.number, said.kind) for said in floor.said()] == [(2, REJECT), (3, FILL)]


def strict(floor: Floor) -> Floor:
    """Let stops be moved only to where they are sound ones: two ticks and two spreads from the mark."""
    floor.venue.control[STOP_RULES] = 1
    return floor


def test_a_stop_that_would_stand_too_near_is_not_moved_and_that_is_told_once() -> None:
    floor = strict(a_floor(stop=990, breakeven_at=8))
    bars(floor, (1000, 1011, 1000, 1005))
    assert moved(floor) == [(Reason.STOP_REFUSED, 990, 990)]
    assert (int(floor.venue.holdings[0].stop), int(floor.venue.holdings[0].stop_goal)) == (990, 1002)
    bars(floor, (1005, 1005, 1004, 1005))
    assert moved(floor) == []
    bars(floor, (1005, 1006, 1005, 1006))
    assert moved(floor) == [(Reason.BREAK_EVEN, 990, 1002)]


def test_without_the_rule_a_stop_goes_as_near_as_a_tick() -> None:
    floor = a_floor(stop=990, breakeven_at=8)
    bars(floor, (1000, 1011, 1000, 1003))
    assert moved(floor) == [(Reason.BREAK_EVEN, 990, 1002)]


def test_a_refused_move_of_a_short_position_is_the_mirror_image() -> None:
    floor = strict(a_floor(-5, stop=1012, breakeven_at=8))
    bars(floor, (1000, 1000, 988, 995))
    assert moved(floor) == [(Reason.STOP_REFUSED, 1012, 1012)]
    bars(floor, (995, 995, 994, 994))
    assert moved(floor) == [(Reason.BREAK_EVEN, 1012, 1000)]


def test_a_restored_venue_knows_what_was_refused() -> None:
    floor, other = strict(a_floor(stop=990, breakeven_at=8)), strict(a_floor(stop=990, breakeven_at=8))
    floor.bar(3 * MINUTE, (1000, 1011, 1000, 1005))
    (said,) = floor.reports()
    adopt_report(other.venue, said)
    assert other.venue.holdings.tobytes() == floor.venue.holdings.tobytes()
