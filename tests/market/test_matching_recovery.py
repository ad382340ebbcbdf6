"""The venue over a tape, and the venue restored: reports bring a copy to where they left the original."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.matching import adopt_report, run_venue, submit
from market.money import INT64_MAX
from market.paper import COUNT, HOLDING, ORDER, REPORTS, OrderKind, PaperVenue, Reason, ReportKind, paper_venue
from market.records import records
from market.tape import FEED, Tape, merge_tapes
from tests.builders import MINUTE, SECOND, an_instrument
from tests.market.floor import Floor, a_bar, a_contract, a_quote, a_table, an_order
from tests.properties import FEW

EURUSD = an_instrument("EURUSD", "x", depth_lots=6)
GBPUSD = an_instrument("GBPUSD", "y", depth_lots=6)
BARS, QUOTES, CONTRACT = range(3)
FEEDS = records(2, FEED)
FEEDS.instrument[:] = [BARS, QUOTES]


def a_venue() -> PaperVenue:
    """Return a venue of three instruments: one moved by bars, one by quotes, and contracts on the latter."""
    table = a_table(GBPUSD, EURUSD, a_contract(EURUSD))
    table[BARS].bar_ns = MINUTE
    return paper_venue(table, 2)


def a_tape(seed: int, rows: int = 60) -> Tape:
    rng = np.random.default_rng(seed)
    tapes = []
    for k in range(rows):
        bid, size = (int(value) for value in rng.integers((980, 0), (1020, 9)))
        tapes.append(a_quote((k + 1) * 7 * SECOND, bid, bid + 2, (size, size), feed=QUOTES))
        if k % 6 == 0:
            tapes.append(a_bar((k // 6 + 1) * MINUTE, (bid, bid + 9, bid - 9, bid + 1), feed=BARS))
    return merge_tapes(tapes)


def orders_for(venue: PaperVenue, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(count):
        instrument = int(rng.integers(0, 3))
        lots = int(rng.integers(1, 10)) * (1 if rng.random() < 0.5 else -1)
        terms = {"instrument": instrument, "number": number, "arrive_ns": int(rng.integers(SECOND, 5 * MINUTE))}
        if instrument == CONTRACT:
            terms["kind"] = OrderKind.BINARY
        else:
            terms |= {
                "reduce": int(rng.random() < 0.3),
                "stop": 1001 - (1 if lots > 0 else -1) * int(rng.integers(5, 40)),
            }
            terms |= {"hold_ns": int(rng.integers(0, 3)) * MINUTE, "sent_ns": terms["arrive_ns"] - SECOND}
            terms |= {name: int(rng.integers(0, 12)) for name in ("breakeven_at", "trail_at")}
            terms |= {"trail_by": int(rng.integers(1, 20))}
        assert submit(venue, an_order(lots, **terms))


def kept(venue: PaperVenue) -> dict[str, object]:
    """Return the state that must survive a restart; the place of an order does not matter, its number does."""
    names = [name for name in HOLDING.names or () if name != "number"]  # whose order it was is history once it is flat
    holdings = [tuple(int(row[name]) for name in names) for row in venue.holdings]
    orders = sorted(tuple(int(value) for value in row) for row in venue.orders[: venue.control[COUNT]])
    control = [int(value) for k, value in enumerate(venue.control) if k != REPORTS]
    return {
        "holdings": holdings, "orders": orders, "busy": venue.busy.tolist(), "control": control,
        "executions": venue.executions.tolist(),
    }  # fmt: skip


@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 70))
@FEW
def test_a_venue_that_adopts_its_reports_stands_where_the_original_stands(seed: int, count: int, rows: int) -> None:
    original, restored = a_venue(), a_venue()
    for venue in (original, restored):
        orders_for(venue, seed, count)
    tape = a_tape(seed)
    end = min(rows, len(tape.time_ns) - 1)
    run_venue(original, FEEDS, tape, 0, int(tape.time_ns[end]), 0)
    for report in original.reports[: original.control[REPORTS]]:
        adopt_report(restored, report)
    assert kept(restored) == kept(original)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 8 * MINUTE), max_size=8))
@FEW
def test_it_does_not_matter_in_which_pieces_time_passes(seed: int, stops: list[int]) -> None:
    whole, pieces = a_venue(), a_venue()
    for venue in (whole, pieces):
        orders_for(venue, seed, 12)
    tape = a_tape(seed)
    assert run_venue(whole, FEEDS, tape, 0, INT64_MAX - 1, 0) == len(tape.time_ns)
    row = 0
    for upto_ns in [*sorted(stops), INT64_MAX - 1]:
        row = run_venue(pieces, FEEDS, tape, row, upto_ns, 0)
    count = int(whole.control[REPORTS])
    assert pieces.control[REPORTS] == count
    assert pieces.reports[:count].tobytes() == whole.reports[:count].tobytes()


def test_a_venue_stops_between_instants_when_its_reports_need_room() -> None:
    floor = Floor(EURUSD)
    tape = merge_tapes([a_quote(k * SECOND, 100, 102) for k in range(1, 30)])
    floor.order(1, arrive_ns=0)
    room = len(floor.venue.reports)
    assert run_venue(floor.venue, FEEDS, tape, 0, INT64_MAX - 1, room) == 0
    assert [said.kind for said in floor.said()] == [ReportKind.REJECT]
    assert run_venue(floor.venue, FEEDS, tape, 0, INT64_MAX - 1, room) == 29
    assert run_venue(floor.venue, FEEDS, tape, 0, INT64_MAX - 1, room + 1) == 0


def test_an_order_that_arrives_with_a_row_meets_that_row() -> None:
    floor = Floor(EURUSD)
    floor.order(1, arrive_ns=2 * SECOND)
    run_venue(
        floor.venue, FEEDS, merge_tapes([a_quote(k * SECOND, 100 * k, 102 * k) for k in (1, 2, 3)]), 0, INT64_MAX - 1, 0
    )
    assert [said.price for said in floor.said()] == [204]


def test_a_cancel_of_an_adopted_order_forgets_it() -> None:
    floor = Floor(EURUSD)
    floor.order(5, arrive_ns=SECOND)
    other = Floor(EURUSD)
    other.order(5, arrive_ns=SECOND)
    floor.quote(SECOND, 100, 102, lots=(3, 3))
    for report in floor.reports():
        adopt_report(other.venue, report)
    assert (other.waiting, other.held(), other.venue.executions[0]) == (0, 3, 2)


def test_a_report_about_an_unknown_order_moves_only_the_execution_number() -> None:
    floor = Floor(EURUSD)
    report = records(1, floor.venue.reports.dtype)[0]
    report.kind, report.reason, report.lots, report.execution = ReportKind.FILL, Reason.ENTRY, 5, 41
    adopt_report(floor.venue, report)
    assert (floor.held(), floor.waiting, floor.venue.executions.tolist()) == (0, 0, [42, 0])
    assert not np.any(floor.venue.orders.view(np.ndarray) != np.zeros(1, ORDER))
