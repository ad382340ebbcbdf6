"""The simulated venue where quotes move it: matched on arrival, by size, limit and age; contracts; final statuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper import END_NS, OrderKind, Reason, ReportKind
from market.tape import Flaw
from tests.builders import HOUR, MINUTE, SECOND, an_instrument
from tests.market.floor import Floor, Said, a_contract
from tests.properties import PROPERTY

FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind
EURUSD = an_instrument("EURUSD", "x", depth_lots=1000)
AT = 100 * SECOND
CONTRACT = 1
"""The instrument number of the contract on a floor with one."""


def a_floor(**terms: object) -> Floor:
    """Return a floor that has seen EURUSD 100 / 102 at AT."""
    floor = Floor(an_instrument("EURUSD", "x", **({"depth_lots": 1000} | terms)))
    floor.quote(AT, 100, 102)
    return floor


def test_an_order_is_matched_on_arrival_against_the_quote_that_stands_then() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT + 10)
    floor.order(-3, arrive_ns=AT + 30, number=2)
    floor.quote(AT + 20, 110, 113)
    floor.quote(AT + 40, 120, 125)
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, 5, 102), Said(2, FILL, Reason.ENTRY, -3, 110)]
    assert (floor.held(), floor.waiting) == (2, 0)


def test_an_order_that_arrives_with_a_quote_meets_that_quote() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT + 20)
    floor.quote(AT + 20, 110, 113)
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, 5, 113)]


def test_orders_of_one_instant_are_matched_in_the_order_of_their_numbers() -> None:
    floor = a_floor()
    for number in (3, 1, 2):
        floor.order(number, arrive_ns=AT + 1, number=number)
    floor.wait(AT + 1)
    assert [said.number for said in floor.said()] == [1, 2, 3]


def test_an_order_that_arrives_earlier_is_matched_earlier() -> None:
    floor = a_floor()
    floor.order(1, arrive_ns=AT + 2)
    floor.order(1, arrive_ns=AT + 1, number=2)
    floor.wait(AT + 5)
    assert [(int(row.number), int(row.time_ns)) for row in floor.reports()] == [(2, AT + 1), (1, AT + 2)]


def test_slippage_is_against_the_order_on_both_sides() -> None:
    floor = a_floor(slippage_ticks=4)
    floor.order(1, arrive_ns=AT)
    floor.order(-1, arrive_ns=AT, number=2)
    floor.wait(AT)
    assert [said.price for said in floor.said()] == [106, 96]


@pytest.mark.parametrize(
    ("lots", "limit", "filled"), [(5, 102, True), (5, 101, False), (-5, 100, True), (-5, 101, False)]
)
def test_an_ioc_gets_its_limit_or_better_now_or_never(lots: int, limit: int, filled: bool) -> None:
    floor = a_floor()
    floor.order(lots, kind=OrderKind.IOC, limit=limit, arrive_ns=AT)
    floor.quote(AT + 1, 100, 102)
    price = 102 if lots > 0 else 100
    rest = Said(1, CANCEL, Reason.UNFILLED, lots, 0)
    assert floor.said() == [Said(1, FILL, Reason.ENTRY, lots, price) if filled else rest]
    assert floor.waiting == 0


def test_slippage_counts_against_the_limit() -> None:
    floor = a_floor(slippage_ticks=1)
    floor.order(5, kind=OrderKind.IOC, limit=102, arrive_ns=AT)
    floor.wait(AT)
    assert floor.said() == [Said(1, CANCEL, Reason.UNFILLED, 5, 0)]


@pytest.mark.parametrize(("lots", "got"), [(5, 5), (9, 9), (12, 9), (-7, -7), (-12, -7)])
def test_a_quoted_size_fills_a_part_and_the_rest_is_cancelled(lots: int, got: int) -> None:
    floor = a_floor()
    floor.quote(AT, 100, 102, lots=(7, 9))
    floor.order(lots, arrive_ns=AT)
    floor.wait(AT)
    fill = Said(1, FILL, Reason.ENTRY, got, 102 if lots > 0 else 100)
    assert floor.said() == [fill] + [Said(1, CANCEL, Reason.UNFILLED, lots - got, 0)] * (lots != got)
    assert (floor.held(), floor.waiting) == (got, 0)


def test_without_a_quoted_size_the_stated_depth_counts() -> None:
    floor = a_floor(depth_lots=4)
    floor.order(5, arrive_ns=AT)
    floor.wait(AT)
    assert [(said.kind, said.lots) for said in floor.said()] == [(FILL, 4), (CANCEL, 1)]


@pytest.mark.parametrize("lots", [-5, -8])
def test_a_reducing_order_never_flips(lots: int) -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT)
    floor.order(lots, arrive_ns=AT + 1, number=2, reduce=1, reason=Reason.EXIT)
    floor.wait(AT + 1)
    beyond = [Said(2, CANCEL, Reason.NO_POSITION, lots + 5, 0)] if lots < -5 else []
    assert floor.said()[1:] == [*beyond, Said(2, FILL, Reason.EXIT, -5, 100)]
    assert floor.held() == 0


@pytest.mark.parametrize("held", [0, -5])
def test_a_reducing_order_without_a_position_on_the_other_side_is_rejected(held: int) -> None:
    floor = a_floor()
    if held:
        floor.order(held, arrive_ns=AT)
    floor.order(-2, arrive_ns=AT + 1, number=2, reduce=1)
    floor.wait(AT + 1)
    assert floor.said()[-1] == Said(2, REJECT, Reason.NO_POSITION, -2, 0)
    assert floor.held() == held


def test_an_order_without_the_flag_may_flip() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT, stop=90)
    floor.order(-8, arrive_ns=AT + 1, number=2, stop=120)
    floor.wait(AT + 1)
    assert floor.held() == -3
    assert (floor.venue.holdings[0].stop, floor.venue.holdings[0].number) == (120, 2)


@pytest.mark.parametrize(("age_ns", "rejected"), [(10 * SECOND, False), (10 * SECOND + 1, True)])
def test_an_order_meets_no_quote_older_than_its_venue_allows(age_ns: int, rejected: bool) -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT + age_ns)
    floor.wait(AT + age_ns)
    assert floor.said() == [
        Said(1, REJECT, Reason.STALE, 5, 0) if rejected else Said(1, FILL, Reason.ENTRY, 5, 102)
    ]  # fmt: skip


def test_an_order_before_any_quote_or_on_a_flawed_one_is_rejected() -> None:
    floor = Floor(EURUSD)
    floor.order(5, arrive_ns=0)
    floor.wait(0)
    floor.quote(AT, 100, 102)
    floor.quote(AT + 1, 103, 102, flaws=Flaw.CROSSED)
    floor.order(5, arrive_ns=AT + 1, number=2)
    floor.wait(AT + 1)
    floor.quote(AT + 2, 100, 102)
    floor.order(5, arrive_ns=AT + 2, number=3)
    floor.wait(AT + 2)
    assert [(said.number, said.kind, said.reason) for said in floor.said()] == [
        (1, REJECT, Reason.STALE), (2, REJECT, Reason.STALE), (3, FILL, Reason.ENTRY),
    ]  # fmt: skip


def test_what_only_reduces_waits_for_the_next_sound_quote() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT)
    floor.wait(AT)
    assert [said.kind for said in floor.said()] == [FILL]
    late = AT + 11 * SECOND
    floor.order(-5, arrive_ns=late, number=2, reduce=1, reason=Reason.EXIT)
    floor.wait(late + HOUR)
    assert (floor.said(), floor.waiting) == ([], 1)
    floor.quote(late + HOUR + 1, 105, 104, flaws=Flaw.CROSSED)
    floor.quote(late + HOUR + 2, 104, 106)
    assert floor.said() == [Said(2, FILL, Reason.EXIT, -5, 104)]
    assert (floor.held(), floor.waiting) == (0, 0)


def test_what_still_waits_after_the_last_quote_is_cancelled_then() -> None:
    floor = a_floor()
    floor.order(5, arrive_ns=AT)
    floor.wait(AT)
    floor.venue.control[END_NS] = AT
    floor.order(-5, arrive_ns=AT + 11 * SECOND, number=2, reduce=1, reason=Reason.EXIT)
    floor.wait(AT + HOUR)
    assert floor.said()[-1] == Said(2, CANCEL, Reason.END, -5, 0)
    assert floor.waiting == 0


def test_a_venue_without_room_says_so_and_takes_nothing() -> None:
    floor = a_floor()
    room = len(floor.venue.orders)
    assert all(floor.order(1, number=number, arrive_ns=AT + 1) for number in range(room))
    assert not floor.order(1, number=room, arrive_ns=AT + 1)
    assert floor.waiting == room


def a_contract_floor(direction: int, end: tuple[int, int], **terms: object) -> Floor:
    """Return a floor with a contract of 5 USD bought at 100 / 102, and the quote at its expiry."""
    floor = Floor(EURUSD, a_contract(EURUSD, **terms))
    floor.quote(AT, 100, 102)
    floor.order(5 * direction, instrument=CONTRACT, kind=OrderKind.BINARY, arrive_ns=AT)
    floor.quote(AT + MINUTE, *end)
    return floor


@pytest.mark.parametrize(
    ("direction", "end", "paid"),
    [
        (1, (100, 103), 9_000_000), (1, (100, 101), 0), (1, (101, 101), 5_000_000),
        (-1, (100, 101), 9_000_000), (-1, (100, 103), 0), (-1, (99, 103), 5_000_000),
    ],
)  # fmt: skip
def test_a_contract_wins_strictly_beyond_its_strike_and_a_tie_returns_the_stake(
    direction: int, end: tuple[int, int], paid: int
) -> None:
    floor = a_contract_floor(direction, end)
    bought, settled = floor.reports()
    assert (bought.kind, bought.lots, bought.price, bought.amount) == (FILL, 5 * direction, 202, -5_000_000)
    assert (settled.kind, settled.reason, settled.lots) == (SETTLE, Reason.EXPIRY, -5 * direction)
    assert (settled.price, settled.amount, settled.time_ns) == (sum(end), paid, AT + MINUTE)
    assert (floor.waiting, floor.held(CONTRACT), bought.fee, settled.fee) == (0, 0, 0, 0)


def test_a_tie_may_be_lost() -> None:
    assert a_contract_floor(1, (101, 101), tie_returns_stake=False).reports()[-1].amount == 0


def test_a_contract_settles_by_the_last_sound_quote_at_or_before_its_expiry() -> None:
    floor = Floor(EURUSD, a_contract(EURUSD))
    floor.quote(AT, 100, 102)
    floor.order(5, instrument=CONTRACT, kind=OrderKind.BINARY, arrive_ns=AT)
    floor.quote(AT + MINUTE - 2, 200, 202)
    floor.quote(AT + MINUTE - 1, 300, 1, flaws=Flaw.CROSSED)
    floor.quote(AT + MINUTE + 1, 1, 3)
    assert [(said.kind, said.price) for said in floor.said()] == [(FILL, 202), (SETTLE, 402)]


def test_a_contract_is_not_bought_on_a_stale_quote_of_its_underlying() -> None:
    floor = Floor(EURUSD, a_contract(EURUSD))
    floor.quote(AT, 100, 102)
    floor.order(5, instrument=CONTRACT, kind=OrderKind.BINARY, arrive_ns=AT + 11 * SECOND)
    floor.wait(AT + 2 * MINUTE)
    assert floor.said() == [Said(1, REJECT, Reason.STALE, 5, 0)]


def test_executions_are_numbered_per_venue_and_fills_carry_fee_and_rate() -> None:
    pairs = [an_instrument("EURUSD", "x", fee_per_lot="0.5"), an_instrument("USDJPY", "y", tick_size="0.001")]
    floor = Floor(*pairs)
    floor.quote(AT, 110_000, 110_002)
    floor.quote(AT, 100_000, 100_002, instrument=1)
    for number, instrument in enumerate((0, 1, 0)):
        floor.order(2, number=number, instrument=instrument, arrive_ns=AT)
    floor.wait(AT)
    reports = floor.reports()
    assert reports.venue.tolist() == [0, 1, 0]
    assert reports.execution.tolist() == [0, 0, 1]
    assert reports.fee.tolist() == [1_000_000, 0, 1_000_000]
    assert [(int(r.rate_num), int(r.rate_den)) for r in reports] == [(1, 1), (2_000, 200_002), (1, 1)]


ORDERS = st.lists(
    st.tuples(st.integers(-20, 20).filter(bool), st.integers(0, 30), st.booleans(), st.integers(95, 107) | st.none()),
    max_size=12,
)


@given(ORDERS, st.lists(st.tuples(st.integers(95, 105), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=10))
@PROPERTY
def test_every_order_ends_and_its_lots_are_filled_or_given_back(
    orders: list[tuple[int, int, bool, int | None]], quotes: list[tuple[int, int, int]]
) -> None:
    floor = Floor(EURUSD)
    for number, (lots, arrive, reduce, limit) in enumerate(orders):
        kind = OrderKind.MARKET if limit is None else OrderKind.IOC
        terms = {"kind": kind, "limit": limit or 0, "reduce": int(reduce), "arrive_ns": arrive}
        assert floor.order(lots, number=number, **terms)
    for k, (bid, spread, size) in enumerate(quotes):
        floor.quote(3 * k + 1, bid, bid + spread, lots=(size, size))
    floor.wait(31)
    said = floor.said()
    assert floor.waiting == 0
    for number, (lots, _, reduce, limit) in enumerate(orders):
        own = [report for report in said if report.number == number]
        assert sum(report.lots for report in own) == lots
        assert sum(report.kind != FILL for report in own) <= 1 + reduce  # beyond what was held, and without depth
        for fill in (report for report in own if report.kind == FILL and limit is not None):
            assert fill.price <= limit if lots > 0 else fill.price >= limit
    assert floor.held() == sum(report.lots for report in said if report.kind == FILL)
