"""What a bar confirms: pivots `wings` bars back, and what they make: levels held, divergences, trend lines to watch."""

from market.compiled import folded
from market.records import Record, Records
from policies.patterns.breakouts import apart, arm_line
from policies.patterns.kinds import Pattern, PatternParams, Role
from policies.patterns.levels import add_pivot, level_of, make_levels, mark_bounds, take_roles
from policies.patterns.pivots import HIGHS, LOWS, pivot_high, pivot_low
from policies.patterns.turns import divergence_of_highs, divergence_of_lows, take_pivot
from policies.patterns.watch import Watch, report


@folded
def confirm(
    watch: Watch, view: int, params: PatternParams, close: float, distance: float, out: Records, found: int
) -> int:
    """Take the pivots that this bar confirms and make its levels; return how many detections there are now.

    `distance` is how far a close must be beyond a trend line to break it.
    """
    head, recent, pivots = watch.head[view], watch.recent[view], watch.pivots[view]
    bar, wings = head.bars, params.wings
    newest = head.slot
    mid = newest - wings if newest >= wings else newest - wings + len(recent)
    high = bar >= 2 * wings and pivot_high(recent, newest, wings)
    low = bar >= 2 * wings and pivot_low(recent, newest, wings)
    if high:
        take_pivot(watch.turns[view, HIGHS], bar - wings, recent[mid].high, recent[mid].rsi)
        head.pivots = add_pivot(pivots, head.pivots, bar - wings, bar, Role.RESISTANCE.value, recent[mid].high)
    if low:
        take_pivot(watch.turns[view, LOWS], bar - wings, recent[mid].low, recent[mid].rsi)
        head.pivots = add_pivot(pivots, head.pivots, bar - wings, bar, Role.SUPPORT.value, recent[mid].low)
    if high or low or not head.same_from <= head.tolerance < head.same_below:
        make_levels(pivots, head.pivots, head, watch.levels[view])
        take_roles(pivots, watch.levels[view], head.levels, bar)
        mark_bounds(watch.levels[view], head)
    if high:
        found = _made(watch, view, params, HIGHS, close, distance, out, found)
    if low:
        found = _made(watch, view, params, LOWS, close, distance, out, found)
    return found


@folded
def _made(
    watch: Watch, view: int, params: PatternParams, kind: int, close: float, distance: float, out: Records, found: int
) -> int:
    """Report the newest pivot of a kind, the level that it is at and its divergence; watch its trend line."""
    turn, bar = watch.turns[view, kind], watch.head[view].bars
    pattern = Pattern.PIVOT_HIGH.value if kind == HIGHS else Pattern.PIVOT_LOW.value
    found = report(out, found, pattern, turn.bar, bar, 0, turn.price, abs(turn.price - close))
    found = _held(watch, view, params, kind, close, out, found)
    if apart(turn, params.separation_min, params.separation_max):
        arm_line(turn, 1 if kind == HIGHS else -1, bar, close, distance)
        found = _diverged(turn, bar, kind, out, found)
    return found


@folded
def _held(watch: Watch, view: int, params: PatternParams, kind: int, close: float, out: Records, found: int) -> int:
    """Report a level that turned the price: a high at a resistance, a low at a support."""
    head, turn, levels = watch.head[view], watch.turns[view, kind], watch.levels[view]
    at = level_of(watch.pivots[view], levels, head.levels, turn.price)
    role = Role.RESISTANCE.value if kind == HIGHS else Role.SUPPORT.value
    if at < 0 or levels[at].touches < params.touches_min or levels[at].role != role:
        return found
    pattern = Pattern.RESISTANCE_HELD.value if kind == HIGHS else Pattern.SUPPORT_HELD.value
    price = levels[at].price
    found = report(out, found, pattern, turn.bar, head.bars, role, price, abs(close - price))
    out[found - 1].touches = levels[at].touches
    return found


@folded
def _diverged(turn: Record, bar: int, kind: int, out: Records, found: int) -> int:
    pattern = divergence_of_highs(turn) if kind == HIGHS else divergence_of_lows(turn)
    if pattern == 0:
        return found
    side = -1 if kind == HIGHS else 1
    found = report(out, found, pattern, turn.bar, bar, side, turn.price, abs(turn.price - turn.first_price))
    row = out[found - 1]
    row.first_bar, row.first_price, row.rsi, row.first_rsi = turn.first_bar, turn.first_price, turn.rsi, turn.first_rsi
    return found
