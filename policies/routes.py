"""Routes: one instrument at two venues, watched quote by quote for a dislocation. This is the feed's scan, compiled.

Direction 1 buys at A and sells at B, direction 2 the other way round. A route is idle, or it has opened in a direction
and waits to converge. Only a change of that state leaves the feed, as a candidate: what crosses a process border is
actionable.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

from market.compiled import compiled
from market.quotes import rate_to_account, update_quote
from market.records import Record, Records, record_type
from market.tape import Role, Tape

ROUTE: Final = record_type(
    "instrument_a instrument_b desk view_number direction since_ns quiet_until_ns enter_ticks exit_ticks hold_ns "
    "quiet_ns age_ns_max quotes last_ns",
    floats="basis basis_weight variance variance_weight last_mid",
)
"""`enter_ticks` is the gross dislocation that opens a route, `exit_ticks` the most that closing may cost (negative:
closing must gain), `hold_ns` the longest wait, `quiet_ns` the pause after it, `age_ns_max` the oldest usable quote.
`basis` is the running mean of mid B - mid A, `variance` that of the mid's squared change per second, in ticks."""

CANDIDATE: Final = record_type(
    "time_ns route kind direction bid_a ask_a bid_b ask_b time_a_ns time_b_ns lots_a lots_b rate_num rate_den",
    floats="basis sigma_1s",
)
"""What a scan hands to the agent: both quotes as they stood; `lots_a`, `lots_b` are what the leg may take (0: unknown);
`sigma_1s` is the mid's standard deviation over one second, in ticks."""


class Scan(IntEnum):
    """What a scan saw."""

    NOTHING = 0
    ENTER = 1
    EXIT = 2


@compiled
def scan_route(route: Record, quotes: Records, time_ns: int) -> int:
    """Take the newest quotes of both venues into the route; return a `Scan`."""
    a, b = quotes[route.instrument_a], quotes[route.instrument_b]
    if a.flaws != 0 or b.flaws != 0 or a.time_ns == 0 or b.time_ns == 0:
        return Scan.NOTHING.value
    _learn(route, a, b, time_ns)
    fresh = time_ns - a.time_ns <= route.age_ns_max and time_ns - b.time_ns <= route.age_ns_max
    if route.direction == 0:
        if not fresh or time_ns < route.quiet_until_ns:
            return Scan.NOTHING.value
        if b.bid - a.ask >= route.enter_ticks:
            route.direction = 1
        elif a.bid - b.ask >= route.enter_ticks:
            route.direction = 2
        else:
            return Scan.NOTHING.value
        route.since_ns = time_ns
        return Scan.ENTER.value
    cost = b.ask - a.bid if route.direction == 1 else a.ask - b.bid
    if (fresh and cost <= route.exit_ticks) or time_ns - route.since_ns >= route.hold_ns:
        return Scan.EXIT.value
    return Scan.NOTHING.value


@compiled
def rearm(route: Record, time_ns: int) -> None:
    """Return a route to idle after its exit was handed on."""
    route.direction = 0
    route.quiet_until_ns = time_ns + route.quiet_ns


@compiled
def _learn(route: Record, a: Record, b: Record, time_ns: int) -> None:
    """Move the running basis and variance by one quote."""
    mid_a, mid_b = 0.5 * (a.bid + a.ask), 0.5 * (b.bid + b.ask)
    mid = 0.5 * (mid_a + mid_b)
    if route.quotes == 0:
        route.basis = mid_b - mid_a
    else:
        route.basis += route.basis_weight * (mid_b - mid_a - route.basis)
        elapsed = (time_ns - route.last_ns) * 1e-9
        if elapsed > 0.0:
            change = mid - route.last_mid
            rate = change * change / elapsed
            route.variance += route.variance_weight * (rate - route.variance)
    route.quotes += 1
    route.last_mid, route.last_ns = mid, time_ns


@compiled
def write_candidate(
    route: Record, number: int, instruments: Records, quotes: Records, time_ns: int, kind: int, out: Record
) -> None:
    """Write what the scan saw; call it before `rearm`."""
    a, b = quotes[route.instrument_a], quotes[route.instrument_b]
    out.time_ns, out.route, out.kind, out.direction = time_ns, number, kind, route.direction
    out.bid_a, out.ask_a, out.time_a_ns = a.bid, a.ask, a.time_ns
    out.bid_b, out.ask_b, out.time_b_ns = b.bid, b.ask, b.time_ns
    out.lots_a = a.ask_lots if route.direction == 1 else a.bid_lots
    out.lots_b = b.bid_lots if route.direction == 1 else b.ask_lots
    out.rate_num, out.rate_den = rate_to_account(instruments, quotes, route.instrument_a)
    out.basis = route.basis
    out.sigma_1s = math.sqrt(max(route.variance, 0.0))


class Scanner(NamedTuple):
    """What a feed needs to watch its routes: its own newest quotes, and where it puts what it sees."""

    feeds: Records
    instruments: Records
    quotes: Records
    routes: Records
    candidates: Records


@compiled
def scan_rows(scanner: Scanner, tape: Tape, begin: int, end: int) -> tuple[int, int]:
    """Watch all routes over whole instants of rows [begin, end); return (row it came to, candidates written).

    It stops before an instant that could overfill `candidates`: each of its rows may bring one.
    """
    row, count = begin, 0
    feeds, quotes, routes = scanner.feeds, scanner.quotes, scanner.routes
    while row < end:
        now = tape.time_ns[row]
        last = row
        while last < end and tape.time_ns[last] == now:
            last += 1
        if count + last - row > len(scanner.candidates):
            assert count > 0
            break
        last = row
        while last < end and tape.time_ns[last] == now:
            feed = feeds[tape.feed[last]]
            if feed.roles & Role.MATCH.value:
                update_quote(quotes, feed.instrument, tape, last)
            last += 1
        for j in range(row, last):
            number = feeds[tape.feed[j]].route
            if number < 0:
                continue
            seen = scan_route(routes[number], quotes, now)
            if seen != Scan.NOTHING:
                write_candidate(
                    routes[number], number, scanner.instruments, quotes, now, seen, scanner.candidates[count]
                )
                count += 1
                if seen == Scan.EXIT:
                    rearm(routes[number], now)
        row = last
    return row, count
