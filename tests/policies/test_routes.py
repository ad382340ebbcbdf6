"""Routes: a dislocation opens, convergence or patience closes, and only a change of state leaves the feed."""

import math
from itertools import pairwise

import numpy as np
import pytest

from market.quotes import QUOTE, update_quote
from market.records import Record, Records, records
from market.tape import FEED, Flaw, Role, Tape, merge_tapes
from policies.routes import CANDIDATE, ROUTE, Scan, Scanner, rearm, scan_route, scan_rows, write_candidate
from tests.builders import SECOND, an_instrument
from tests.market.floor import a_quote, a_table

TABLE = a_table(an_instrument("EURUSD", "x"), an_instrument("EURUSD", "y"))
A, B = 0, 1
T = 100 * SECOND


def a_route(**changes: int) -> Record:
    """Return a route that opens at 5 ticks, closes at a cost of 2, waits 60 s and then pauses 10 s."""
    route = records(1, ROUTE)[0]
    terms = {
        "instrument_a": A, "instrument_b": B, "view_number": -1, "enter_ticks": 5, "exit_ticks": 2,
        "hold_ns": 60 * SECOND, "quiet_ns": 10 * SECOND, "age_ns_max": 2 * SECOND,
    }  # fmt: skip
    for name, value in (terms | changes).items():
        route[name] = value
    route.basis_weight, route.variance_weight = 0.5, 0.25
    return route


def quoted(a: tuple[int, int], b: tuple[int, int], time_ns: int = T) -> Records:
    quotes = records(2, QUOTE)
    for number, (bid, ask) in enumerate((a, b)):
        update_quote(quotes, number, a_quote(time_ns, bid, ask, (10 + number, 20 + number)), 0)
    return quotes


def scanned(route: Record, a: tuple[int, int], b: tuple[int, int], time_ns: int = T) -> tuple[Scan, int]:
    return Scan(scan_route(route, quoted(a, b, time_ns), time_ns)), int(route.direction)


@pytest.mark.parametrize(
    ("a", "b", "seen"),
    [
        ((100, 102), (107, 109), (Scan.ENTER, 1)), ((100, 102), (106, 108), (Scan.NOTHING, 0)),
        ((107, 109), (100, 102), (Scan.ENTER, 2)), ((106, 108), (100, 102), (Scan.NOTHING, 0)),
    ],
)  # fmt: skip
def test_a_route_opens_when_the_bid_of_one_is_above_the_ask_of_the_other_by_enough(
    a: tuple[int, int], b: tuple[int, int], seen: tuple[Scan, int]
) -> None:
    route = a_route()
    assert scanned(route, a, b) == seen
    assert route.since_ns == (T if seen[1] else 0)


@pytest.mark.parametrize("direction", [1, 2])
@pytest.mark.parametrize(("cost", "seen"), [(2, Scan.EXIT), (3, Scan.NOTHING)])
def test_an_open_route_closes_when_closing_costs_no_more_than_it_may(direction: int, cost: int, seen: Scan) -> None:
    route = a_route(direction=direction, since_ns=T)
    a, b = (100, 101), (99, 100 + cost)
    if direction == 2:
        a, b = b, a
    assert scanned(route, a, b) == (seen, direction)


@pytest.mark.parametrize(("waited", "seen"), [(60 * SECOND, Scan.EXIT), (60 * SECOND - 1, Scan.NOTHING)])
def test_an_open_route_gives_up_after_its_longest_wait_even_on_old_quotes(waited: int, seen: Scan) -> None:
    route = a_route(direction=1, since_ns=T)
    quotes = quoted((100, 102), (150, 152))
    assert scan_route(route, quotes, T + waited) == seen


@pytest.mark.parametrize("late", [A, B])
def test_an_old_quote_of_either_venue_opens_nothing_and_converges_nothing(late: int) -> None:
    for direction, prices, seen in (
        (0, ((100, 102), (107, 109)), Scan.ENTER),
        (1, ((100, 102), (100, 102)), Scan.EXIT),
    ):
        for age, expected in ((2 * SECOND, seen), (2 * SECOND + 1, Scan.NOTHING)):
            route, quotes = a_route(direction=direction, since_ns=T), quoted(*prices)
            quotes[late].time_ns = T - age
            assert scan_route(route, quotes, T) == expected


@pytest.mark.parametrize("which", [A, B])
def test_a_flawed_or_missing_quote_is_not_looked_at(which: int) -> None:
    for name, value in (("flaws", Flaw.CROSSED), ("time_ns", 0)):
        for direction in (0, 1):
            route, quotes = a_route(direction=direction), quoted((100, 102), (107, 109))
            quotes[which][name] = value
            assert scan_route(route, quotes, T + 100 * SECOND) == Scan.NOTHING
            assert route.quotes == 0


def test_after_an_exit_a_route_is_quiet_for_a_while() -> None:
    route = a_route(direction=1)
    rearm(route, T)
    assert (route.direction, route.quiet_until_ns) == (0, T + 10 * SECOND)
    assert scanned(route, (100, 102), (107, 109), T + 10 * SECOND - 1) == (Scan.NOTHING, 0)
    assert scanned(route, (100, 102), (107, 109), T + 10 * SECOND) == (Scan.ENTER, 1)


def test_the_basis_and_the_variance_are_running_means() -> None:
    route = a_route()
    for second, (a, b) in enumerate([((100, 102), (103, 105)), ((104, 106), (103, 105)), ((104, 106), (103, 105))]):
        scanned(route, a, b, T + 2 * second * SECOND)
    assert (route.basis, route.quotes, route.last_mid, route.last_ns) == (0.0, 3, 104.5, T + 4 * SECOND)
    assert route.variance == 0.75 * (0.25 * 2.0**2 / 2)


def test_two_quotes_of_one_instant_have_no_pace() -> None:
    route = a_route()
    for a in ((100, 102), (104, 106)):
        scanned(route, a, (103, 105))
    assert (route.variance, route.basis) == (0.0, 1.0)


def test_a_candidate_holds_both_quotes_and_what_each_leg_may_take() -> None:
    route, quotes, out = a_route(direction=1), quoted((100, 102), (107, 109)), records(1, CANDIDATE)[0]
    route.basis, route.variance = 1.5, 9.0
    quotes[A].time_ns = T - 1
    for direction, lots in ((1, (20, 11)), (2, (10, 21))):
        route.direction = direction
        write_candidate(route, 3, TABLE, quotes, T, Scan.ENTER.value, out)
        assert out.tolist() == (
            T, 3, Scan.ENTER, direction, 100, 102, 107, 109, T - 1, T, *lots, 1, 1, 1.5, 3.0,
        )  # fmt: skip
    route.variance = -1e-30
    write_candidate(route, 3, TABLE, quotes, T, Scan.EXIT.value, out)
    assert math.copysign(1.0, out.sigma_1s) == 1.0
    assert out.sigma_1s == 0.0


def a_scanner(room: int = 16, **changes: int) -> Scanner:
    feeds, routes = records(3, FEED), records(1, ROUTE)
    feeds.instrument[:], feeds.route[:] = [A, B, A], [0, 0, -1]
    feeds.roles[:] = [Role.MATCH | Role.SCAN] * 2 + [Role.VIEW]
    routes[0] = a_route(**changes)
    return Scanner(feeds, TABLE, records(2, QUOTE), routes, records(room, CANDIDATE))


def a_dislocation(*times: int) -> Tape:
    """Return a tape on which the route opens at the first, converges at the second time, and so on."""
    rows = [a_quote(T, 100, 102), a_quote(T, 100, 102, feed=1)]
    for k, time in enumerate(times):
        bid = 120 if k % 2 == 0 else 100
        rows += [a_quote(T + time * SECOND, 100, 102), a_quote(T + time * SECOND, bid, bid + 2, feed=1)]
        rows += [a_quote(T + time * SECOND, 1, 2, feed=2)]
    return merge_tapes(rows)


def test_a_scan_of_rows_hands_on_each_change_of_state_once() -> None:
    scanner, tape = a_scanner(), a_dislocation(1, 2, 3, 13, 14)
    rows = len(tape.time_ns)
    assert scan_rows(scanner, tape, 0, rows) == (rows, 3)
    found = scanner.candidates[:3]
    assert [(int(c.time_ns - T) // SECOND, Scan(c.kind), int(c.direction)) for c in found] == [
        (1, Scan.ENTER, 1), (2, Scan.EXIT, 1), (14, Scan.ENTER, 1),
    ]  # fmt: skip
    assert scanner.quotes[A].bid == 100


def test_a_scan_in_pieces_finds_the_same() -> None:
    tape = a_dislocation(1, 2, 13, 14, 25)
    whole, pieces = a_scanner(), a_scanner()
    rows = len(tape.time_ns)
    _, count = scan_rows(whole, tape, 0, rows)
    found, edges = [], [0, *np.flatnonzero(np.diff(tape.time_ns)) + 1, rows]
    for begin, end in pairwise(edges):
        reached, seen = scan_rows(pieces, tape, begin, end)
        assert reached == end
        found += [row.tobytes() for row in pieces.candidates[:seen]]
    assert found == [row.tobytes() for row in whole.candidates[:count]]
    assert pieces.routes.tobytes() == whole.routes.tobytes()


def test_a_scan_stops_before_it_could_overfill_its_candidates() -> None:
    scanner, tape = a_scanner(room=3, quiet_ns=0), a_dislocation(1, 2, 3)  # three rows an instant, each may bring one
    row, count = scan_rows(scanner, tape, 0, len(tape.time_ns))
    assert (count, int(tape.time_ns[row])) == (1, T + 2 * SECOND)
    assert scan_rows(scanner, tape, row, len(tape.time_ns))[1] == 1
