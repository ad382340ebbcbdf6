"""What a bar shows at its own close: shapes, breakouts, levels turned. Judged by what was there before the bar."""

from market.compiled import folded
from market.indicators.oscillators import RANGE_HIGH, RANGE_LOW
from market.records import Records
from policies.patterns.breakouts import line_at, line_broken, range_breakout
from policies.patterns.kinds import Pattern, PatternParams
from policies.patterns.levels import mark_bounds, turn_level, turned_role
from policies.patterns.pivots import HIGHS
from policies.patterns.shapes import engulfing_direction, is_doji, pin_direction
from policies.patterns.watch import Watch, report


@folded
def shapes(watch: Watch, view: int, open_: float, high: float, low: float, close: float, out: Records) -> int:
    """Report the shapes that end with this bar, as the first detections; return how many."""
    head = watch.head[view]
    bar, found = head.bars, 0
    if is_doji(open_, high, low, close):
        found = report(out, found, Pattern.DOJI.value, bar, bar, 0, close, high - low)
    pin = pin_direction(open_, high, low, close)
    if pin > 0:
        found = report(out, found, Pattern.PIN_BULL.value, bar, bar, 1, low, high - low)
    elif pin < 0:
        found = report(out, found, Pattern.PIN_BEAR.value, bar, bar, -1, high, high - low)
    engulfing = engulfing_direction(head.open, head.close, open_, close) if bar > 0 else 0
    if engulfing > 0:
        found = report(out, found, Pattern.ENGULF_BULL.value, bar, bar, 1, low, close - open_)
    elif engulfing < 0:
        found = report(out, found, Pattern.ENGULF_BEAR.value, bar, bar, -1, high, open_ - close)
    return found


@folded
def breakouts(watch: Watch, view: int, params: PatternParams, close: float, out: Records, found: int) -> int:
    """Report a close beyond the range or a watched trend line; return how many detections there are now."""
    head, extremes, turns = watch.head[view], watch.extremes[view], watch.turns[view]
    bar, distance = head.bars, params.buffer_atr * head.atr
    broken = range_breakout(extremes, close, distance) if head.ranged != 0 else 0
    if broken > 0:
        edge = extremes[RANGE_HIGH]
        found = report(out, found, Pattern.RANGE_UP.value, bar, bar, 1, edge, close - edge)
    elif broken < 0:
        edge = extremes[RANGE_LOW]
        found = report(out, found, Pattern.RANGE_DOWN.value, bar, bar, -1, edge, edge - close)
    for kind in range(2):
        turn, side = turns[kind], 1 if kind == HIGHS else -1
        if turn.armed != 0 and bar - turn.bar > params.separation_max:
            turn.armed = 0
        if line_broken(turn, side, bar, close, distance):
            pattern = Pattern.TREND_UP.value if kind == HIGHS else Pattern.TREND_DOWN.value
            price = line_at(turn, bar)
            found = report(out, found, pattern, bar, bar, side, price, abs(close - price))
            out[found - 1].first_bar, out[found - 1].first_price = turn.first_bar, turn.first_price
    return found


@folded
def turned_levels(watch: Watch, view: int, params: PatternParams, close: float, out: Records, found: int) -> int:
    """Turn the role of every level that the close is beyond; report those with touches enough; return how many."""
    head, levels, pivots = watch.head[view], watch.levels[view], watch.pivots[view]
    bar, distance = head.bars, params.flip_atr * head.atr
    if not (close > head.ceiling + distance or close < head.floor - distance):
        return found
    for i in range(head.levels):
        level = levels[i]
        role = turned_role(level, close, distance)
        if role != 0:
            turn_level(pivots, level, role)
            if level.touches >= params.touches_min:
                pattern = Pattern.TURNED_SUPPORT.value if role > 0 else Pattern.TURNED_RESISTANCE.value
                found = report(out, found, pattern, bar, bar, role, level.price, abs(close - level.price))
                out[found - 1].touches = level.touches
    mark_bounds(levels, head)
    return found
