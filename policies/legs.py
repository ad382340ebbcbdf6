"""Following up on orders: a pair is both legs or none, and what should close a position is asked for until it is done.

When both opening legs of a pair are settled and they do not cancel out, the leg that got more is unwound at the market
at once; until then the naked leg is open risk. Of a reducing order that a venue filled in part, the rest is sent again.

What reduces is reserved here: a position that orders under way will close already is not closed a second time, so that
two reductions together can never flip it. A stop, a target, a time stop or an emergency stop closes the whole position:
what is still under way then finds nothing to close, and reserves nothing any more.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded
from market.paper import OrderKind, Reason, ReportKind
from market.records import Record, Records, record_type, records
from policies.intents import Reduce

TRACK: Final = record_type("number legs reduce instrument0 instrument1 filled0 filled1 left0 left1 claims0 claims1")
"""Orders under watch: the number of the first, per leg the instrument, signed lots filled and lots still unreported.

`claims` is the side (1 buys, -1 sells) on which a leg reserves what it still has to reduce; 0 for what opens."""

RETRY_NS: Final = 10**9


class Watch(NamedTuple):
    """Orders whose reports may call for another order."""

    tracks: Records
    counts: NDArray[np.int64]


def open_watch(instruments: int) -> Watch:
    """Return a watch over nothing, with room for the orders of some instruments."""
    return Watch(records(64 + 8 * instruments, TRACK), np.zeros(1, np.int64))


@compiled
def watching(watch: Watch) -> bool:
    """Tell whether a report may still call for another order."""
    return bool(watch.counts[0] > 0)


@folded
def track(watch: Watch, number: int, intent: Record) -> None:
    """Watch the orders of an executed intent if it has two legs, or reduces.

    A reduction is held to what no other order is closing: that goes from `lots` to `claimed`. Doing it again from the
    same orders, as a restart does, gives the same.
    """
    if intent.reduce != 0:
        _claim(watch, intent)
    if (intent.legs == 1 and intent.reduce == 0) or (intent.lots0 == 0 and intent.lots1 == 0):
        return
    assert watch.counts[0] < len(watch.tracks)
    entry = watch.tracks[watch.counts[0]]
    entry.number, entry.legs, entry.reduce = number, intent.legs, intent.reduce
    entry.instrument0, entry.instrument1 = intent.instrument0, intent.instrument1
    entry.filled0, entry.filled1 = 0, 0
    entry.left0 = abs(intent.lots0)
    entry.left1 = abs(intent.lots1) if intent.legs > 1 else 0
    entry.claims0 = _side(intent.lots0) if intent.reduce != 0 else 0
    entry.claims1 = _side(intent.lots1) if intent.reduce != 0 and intent.legs > 1 else 0
    watch.counts[0] += 1


@compiled
def _side(lots: int) -> int:
    return 1 if lots > 0 else -1


@compiled
def _claim(watch: Watch, intent: Record) -> None:
    """Split what a reduction would close into what other orders close already and what is left to it."""
    whole0, whole1 = intent.lots0 + intent.claimed0, intent.lots1 + intent.claimed1
    intent.claimed0 = _side(whole0) * min(claimed(watch, intent.instrument0, _side(whole0)), abs(whole0))
    intent.lots0 = whole0 - intent.claimed0
    if intent.legs > 1:
        intent.claimed1 = _side(whole1) * min(claimed(watch, intent.instrument1, _side(whole1)), abs(whole1))
        intent.lots1 = whole1 - intent.claimed1


@compiled
def claimed(watch: Watch, instrument: int, side: int) -> int:
    """Return the lots that reducing orders under way will still buy (side 1) or sell (-1) of an instrument."""
    lots = 0
    for k in range(watch.counts[0]):
        entry = watch.tracks[k]
        if entry.instrument0 == instrument and entry.claims0 == side:
            lots += max(entry.left0, 0)
        if entry.instrument1 == instrument and entry.claims1 == side:
            lots += max(entry.left1, 0)
    return lots


@folded
def follow_up(watch: Watch, report: Record, instruments: Records, order: Record) -> bool:
    """Take a report; write the order it calls for to `order` (its number is the caller's) and return True.

    An order takes as long as it takes to the venue of its own instrument, which need not be the one that reported.
    """
    if report.kind == ReportKind.AMEND:
        return False
    if report.reason in (Reason.STOP, Reason.TARGET, Reason.TIME, Reason.EMERGENCY):
        _release(watch, report.instrument)
        return False
    for k in range(watch.counts[0]):
        entry = watch.tracks[k]
        leg = report.number - entry.number
        if leg < 0 or leg >= entry.legs:
            continue
        if entry.reduce != 0 and report.kind == ReportKind.CANCEL and report.reason == Reason.UNFILLED:
            wait_ns = max(RETRY_NS, instruments[report.instrument].latency_ns)
            _order(order, report, report.instrument, report.lots, wait_ns)
            order.reason = Reason.FLATTEN if entry.reduce > Reduce.POLICY else Reason.EXIT
            _replace(watch, k, leg)
            return True
        _count(entry, report, leg)
        if entry.left0 > 0 or entry.left1 > 0:
            return False
        naked = entry.filled0 + entry.filled1
        instrument = entry.instrument0 if abs(entry.filled0) > abs(entry.filled1) else entry.instrument1
        unwinds = entry.reduce == 0 and entry.legs > 1 and naked != 0
        _forget(watch, k)
        if unwinds:
            _order(order, report, instrument, -naked, instruments[instrument].latency_ns)
            order.reason = Reason.UNWIND
        return unwinds
    return False


@compiled
def watch_order(watch: Watch, number: int, order: Record) -> None:
    """Watch a follow-up order itself: it must be done in the end."""
    assert watch.counts[0] < len(watch.tracks)
    entry = watch.tracks[watch.counts[0]]
    entry.number, entry.legs = number, 1
    entry.reduce = Reduce.GUARD if order.reason == Reason.FLATTEN else Reduce.POLICY
    entry.instrument0, entry.instrument1, entry.filled0, entry.filled1 = order.instrument, -1, 0, 0
    entry.left0, entry.left1 = abs(order.lots), 0
    entry.claims0, entry.claims1 = _side(order.lots), 0
    watch.counts[0] += 1


@compiled
def _release(watch: Watch, instrument: int) -> None:
    """Forget what is reserved of a position that has been closed as a whole."""
    for k in range(watch.counts[0]):
        entry = watch.tracks[k]
        if entry.instrument0 == instrument:
            entry.claims0 = 0
        if entry.instrument1 == instrument:
            entry.claims1 = 0


@compiled
def _count(entry: Record, report: Record, leg: int) -> None:
    filled = report.lots if report.kind == ReportKind.FILL else 0
    if leg == 0:
        entry.left0 -= abs(report.lots)
        entry.filled0 += filled
    else:
        entry.left1 -= abs(report.lots)
        entry.filled1 += filled


@compiled
def _replace(watch: Watch, k: int, leg: int) -> None:
    """A leg goes on under a new order: this entry waits no longer for it."""
    entry = watch.tracks[k]
    if leg == 0:
        entry.left0 = 0
    else:
        entry.left1 = 0
    if entry.left0 <= 0 and entry.left1 <= 0:
        _forget(watch, k)


@compiled
def _forget(watch: Watch, k: int) -> None:
    """Drop an entry; the others keep their order."""
    for j in range(k, watch.counts[0] - 1):
        watch.tracks[j] = watch.tracks[j + 1]
    watch.counts[0] -= 1


@compiled
def _order(order: Record, report: Record, instrument: int, lots: int, wait_ns: int) -> None:
    """Write an order at the market that only reduces, sent on a report."""
    order.instrument, order.lots, order.kind, order.reduce = instrument, lots, OrderKind.MARKET, 1
    order.limit, order.stop, order.target, order.hold_ns = 0, 0, 0, 0
    order.breakeven_at, order.trail_at, order.trail_by = 0, 0, 0
    order.sent_ns, order.arrive_ns = report.time_ns, report.time_ns + wait_ns
    order.state, order.strike, order.due_ns = 0, 0, 0


@folded
def order_of_leg(intent: Record, leg: int, number: int, latency_ns: int, order: Record) -> None:
    """Write the order of one leg of an executed intent: it arrives one latency after the decision."""
    order.number = number
    order.instrument = intent.instrument0 if leg == 0 else intent.instrument1
    order.lots = intent.lots0 if leg == 0 else intent.lots1
    order.kind, order.reduce = intent.order_kind, 1 if intent.reduce != 0 else 0
    order.limit = intent.limit0 if leg == 0 else intent.limit1
    order.stop, order.target, order.hold_ns = intent.stop, intent.target, intent.hold_ns
    order.breakeven_at, order.trail_at, order.trail_by = intent.breakeven_at, intent.trail_at, intent.trail_by
    order.sent_ns, order.arrive_ns = intent.time_ns, intent.time_ns + latency_ns
    order.reason = Reason.EXIT if intent.reduce != 0 else Reason.ENTRY
    if intent.reduce > Reduce.POLICY:
        order.reason = Reason.FLATTEN
    order.state, order.strike, order.due_ns = 0, 0, 0
