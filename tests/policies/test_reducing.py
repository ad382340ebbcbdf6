"""Reduce-only, from the decision to the fill: what is closed, however often, is closed once and never flipped."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from market.paper import ORDER, OrderKind, Reason, ReportKind
from market.records import Record, Records, copied, records
from policies.legs import claimed, follow_up, open_watch, order_of_leg, track, watch_order
from tests.builders import SECOND, an_instrument
from tests.market.floor import Floor, a_report
from tests.policies.books import NOW, an_intent
from tests.properties import PROPERTY, settings

FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind
LATENCY_NS = SECOND // 2


class Desk:
    """A venue with its governor: orders are numbered, watched and followed up; the position is the fold of reports."""

    def __init__(self) -> None:
        self.floor = Floor(an_instrument("EURUSD", "x", depth_lots=4))
        self.watch = open_watch(1)
        self.held = 0
        self.opened_ns = 0
        self.orders: dict[int, Record] = {}
        self.refused = 0

    def send(self, order: Record) -> None:
        self.orders[int(order.number)] = copied(order)[0]
        assert self.floor.order(
            int(order.lots), **{name: int(order[name]) for name in ORDER.names or () if name != "lots"}
        )

    def decide(self, time_ns: int, lots: int, **terms: Any) -> Record:
        """Execute an intent: open so many lots, or close what is held (`reduce`), as the governor does."""
        number = len(self.orders) + 1
        intent = an_intent(lots, time_ns=time_ns, **terms)
        track(self.watch, number, intent)
        order = records(1, ORDER)[0]
        order_of_leg(intent, 0, number, LATENCY_NS, order)
        if order.lots != 0:
            self.send(order)
        return intent

    def hear(self) -> None:
        """Book what the venue says, send what it calls for, and hold every reduction to what it may do."""
        for report in self.floor.reports():
            before = self.held
            self.refused += int(report.reason) == Reason.NO_POSITION
            if report.kind == FILL:
                self.held += int(report.lots)
                self._hold(report, before)
                if before == 0 or before * self.held < 0:
                    self.opened_ns = int(report.time_ns)
            order = records(1, ORDER)[0]
            if follow_up(self.watch, report, self.floor.table, order):
                order.number = len(self.orders) + 1
                watch_order(self.watch, order.number, order)
                self.send(order)
        assert self.held == self.floor.held()

    def _hold(self, report: Record, before: int) -> None:
        order = self.orders[int(report.number)]
        if report.reason in (Reason.STOP, Reason.TARGET, Reason.TIME):
            assert self.held == 0
        elif order.reduce:
            assert abs(self.held) < abs(before)
            assert self.held * before >= 0
            assert order.sent_ns >= self.opened_ns


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "close", "close", "wait"]),
        st.integers(-9, 9).filter(bool),
        st.integers(985, 1015),
        st.integers(1, 6),
        st.integers(1, 3 * SECOND),
    ),
    max_size=25,
)


@given(ACTIONS)
@settings(PROPERTY, max_examples=300)
def test_no_sequence_of_reductions_partial_fills_and_stops_flips_a_position(
    actions: list[tuple[str, int, int, int, int]],
) -> None:
    desk, now = Desk(), NOW
    desk.floor.table[0].stale_after_ns = 3600 * SECOND
    for what, lots, bid, size, pause_ns in actions:
        now += pause_ns
        desk.floor.wait(now - 1)
        desk.hear()
        desk.floor.quote(now, bid, bid + 2, lots=(size, size))
        desk.hear()
        if what == "open":
            stop = bid - 9 if lots > 0 else bid + 11
            desk.decide(now, lots, stop=stop, breakeven_at=4, trail_at=6, trail_by=5, hold_ns=5 * SECOND)
        elif what == "close" and desk.held != 0:
            intent = desk.decide(now, -desk.held, reduce=1)
            side = 1 if desk.held < 0 else -1
            assert abs(intent.lots0) + abs(intent.claimed0) == abs(desk.held)
            assert claimed(desk.watch, 0, side) >= abs(desk.held)
    while desk.floor.waiting or desk.watch.counts[0]:
        now += SECOND
        desk.floor.wait(now)
        desk.hear()
    assert desk.watch.counts[0] == 0


@given(st.integers(1, 20), st.lists(st.integers(0, 2 * SECOND), min_size=1, max_size=8))
@PROPERTY
def test_a_position_that_is_closed_again_and_again_is_closed_once(lots: int, pauses: list[int]) -> None:
    """Depth is scarce, so orders come back in part: what they sell of it in all is what was held, and none is vain."""
    desk, now = Desk(), NOW + LATENCY_NS
    desk.floor.table[0].stale_after_ns, desk.floor.table[0].depth_lots = 3600 * SECOND, lots
    desk.floor.quote(NOW, 1000, 1002)
    desk.decide(NOW, lots)
    desk.floor.wait(now)
    desk.hear()
    desk.floor.table[0].depth_lots = 3
    asked = 0
    for pause_ns in [*pauses, *[SECOND] * 10]:
        if desk.held:
            asked += abs(int(desk.decide(now, -desk.held, reduce=1).lots0))
        now += pause_ns
        desk.floor.wait(now)
        desk.hear()
    assert (desk.held, asked, int(desk.watch.counts[0]), desk.floor.waiting) == (0, lots, 0, 0)
    assert desk.refused == 0


def a_watch_of(*intents: Record) -> tuple[Any, list[tuple[int, int]]]:
    """Return a watch over the orders of intents, numbered by tens, and (lots, claimed) of each leg of the last."""
    watch = open_watch(2)
    for k, intent in enumerate(intents):
        track(watch, 10 * (k + 1), intent)
    last = intents[-1]
    return watch, [(int(last[f"lots{leg}"]), int(last[f"claimed{leg}"])) for leg in range(int(last.legs))]


def a_close(*lots: int, **terms: int) -> Record:
    return an_intent(*lots, reduce=1, **terms)


def test_what_one_order_closes_another_does_not() -> None:
    assert a_watch_of(a_close(-6), a_close(-10))[1] == [(-4, -6)]
    assert a_watch_of(a_close(-10), a_close(-10))[1] == [(0, -10)]
    assert a_watch_of(a_close(-6), a_close(-8), a_close(-10))[1] == [(-2, -8)]


def test_each_leg_of_a_pair_is_held_to_what_is_left_of_its_own_instrument() -> None:
    assert a_watch_of(a_close(-6), a_close(-10, 10))[1] == [(-4, -6), (10, 0)]
    assert a_watch_of(a_close(-10, 10), a_close(5, instrument0=1))[1] == [(0, 5)]


def test_only_reductions_of_the_same_side_claim() -> None:
    assert a_watch_of(an_intent(-6, 6), a_close(-10))[1] == [(-10, 0)]
    assert a_watch_of(a_close(6), a_close(-10))[1] == [(-10, 0)]
    assert a_watch_of(a_close(-6, instrument0=1), a_close(-10))[1] == [(-10, 0)]


def test_a_reduction_of_which_nothing_is_left_is_not_watched() -> None:
    watch, _ = a_watch_of(a_close(-10), a_close(-10))
    assert watch.counts[0] == 1


def test_a_claim_ends_with_the_order_and_with_the_position() -> None:
    table: Records = Floor().table
    for reports, left in (
        ([a_report(-4, 100, number=10)], (-4, -6)),
        ([a_report(-10, 100, number=10)], (-10, 0)),
        ([a_report(-10, 0, number=10, kind=REJECT, reason=Reason.NO_POSITION)], (-10, 0)),
        ([a_report(-10, 100, number=3, reason=Reason.STOP)], (-10, 0)),
        ([a_report(0, 990, number=3, kind=AMEND, reason=Reason.TRAIL)], (0, -10)),
    ):
        watch, order, again = open_watch(1), records(1, ORDER)[0], a_close(-10)
        track(watch, 10, a_close(-10))
        for report in reports:
            assert not follow_up(watch, report, table, order)
        track(watch, 20, again)
        assert (int(again.lots0), int(again.claimed0)) == left


def test_the_rest_that_is_sent_again_claims_as_well() -> None:
    watch, order, again = open_watch(1), records(1, ORDER)[0], a_close(-6)
    track(watch, 10, a_close(-10))
    follow_up(watch, a_report(-4, 100, number=10), Floor().table, order)
    assert follow_up(watch, a_report(-6, 0, number=10, kind=CANCEL, reason=Reason.UNFILLED), Floor().table, order)
    watch_order(watch, 11, order)
    track(watch, 20, again)
    assert (int(again.lots0), int(again.claimed0)) == (0, -6)
    assert order.kind == OrderKind.MARKET


def test_tracking_again_from_what_was_journaled_gives_the_same() -> None:
    """After a restart the decision says what was left to it and what was claimed; the watch comes out the same."""
    decided = a_close(-10)
    watch, _ = a_watch_of(a_close(-6), decided)
    again = a_close(int(decided.lots0), claimed0=int(decided.claimed0))
    restored, legs = a_watch_of(a_close(-6), again)
    assert legs == [(-4, -6)]
    assert restored.tracks.tobytes() == watch.tracks.tobytes()
