"""Slow twins of patterns, written from their definitions: a whole series in, what is known at each bar out.

Prices are whole numbers here, so that ratios are compared exactly.
"""

from itertools import pairwise
from typing import Any, NamedTuple

from policies.patterns import Pattern, PatternParams, Series
from tests.market import oracles


class Found(NamedTuple):
    """A pattern by name, where it is and when it is known."""

    known_at: int
    bar: int
    pattern: str


def shapes(series: Series) -> list[Found]:
    """Return doji, pin bars and engulfing of whole-number prices."""
    found = []
    rows = [tuple(map(int, row)) for row in zip(*series[:4], strict=True)]
    for t, (open_, high, low, close) in enumerate(rows):
        span, body = high - low, abs(close - open_)
        below, above = min(open_, close) - low, high - max(open_, close)
        slim = span > 0 and 10 * body <= 3 * span
        names = {
            "DOJI": span > 0 and 10 * body <= span,
            "PIN_BULL": slim and 10 * below >= 6 * span and 10 * above <= 2 * span,
            "PIN_BEAR": slim and 10 * above >= 6 * span and 10 * below <= 2 * span,
        }
        if t > 0:
            first, _, _, last = rows[t - 1]
            larger = body > abs(last - first)
            names["ENGULF_BULL"] = last < first and close > open_ and open_ <= last and close >= first and larger
            names["ENGULF_BEAR"] = last > first and close < open_ and open_ >= last and close <= first and larger
        found += [Found(t, t, name) for name, there in names.items() if there]
    return found


def pivots(series: Series, k: int) -> list[tuple[str, int]]:
    """Return (HIGH or LOW, bar) of every pivot, in the order of their bars."""
    found = []
    high, low = series.high.tolist(), series.low.tolist()
    for i in range(k, len(high) - k):
        if high[i] > max(high[i - k : i]) and high[i] >= max(high[i + 1 : i + k + 1]):
            found.append(("HIGH", i))
        if low[i] < min(low[i - k : i]) and low[i] <= min(low[i + 1 : i + k + 1]):
            found.append(("LOW", i))
    return found


def breakouts(series: Series, params: PatternParams) -> list[Found]:
    """Return closes beyond the range of the bars before by a share of the ATR before."""
    found = []
    n = params.lookback
    atr = oracles.atr(series.high, series.low, series.close, params.atr)
    for t in range(n, len(series.close)):
        before = atr[t - 1]
        if before is None:
            continue
        if series.close[t] > max(series.high[t - n : t]) + params.buffer_atr * before:
            found.append(Found(t, t, "RANGE_UP"))
        if series.close[t] < min(series.low[t - n : t]) - params.buffer_atr * before:
            found.append(Found(t, t, "RANGE_DOWN"))
    return found


def levels(series: Series, params: PatternParams) -> list[list[tuple[float, int]]]:
    """Return (price, touches) of the levels as of the close of every bar."""
    atr = oracles.atr(series.high, series.low, series.close, params.atr)
    found = pivots(series, params.wings)
    return [
        _levels(series, params, [one for one in found if one[1] + params.wings <= t], atr[t]) for t in range(len(atr))
    ]


def _levels(
    series: Series, params: PatternParams, known: list[tuple[str, int]], atr: float | None
) -> list[tuple[float, int]]:
    if atr is None:
        return []
    prices = sorted(series.high[i] if kind == "HIGH" else series.low[i] for kind, i in known[-params.pivots_max :])
    clusters: list[list[float]] = []
    for price in prices:
        for cluster in clusters:
            if abs(price - sum(cluster) / len(cluster)) <= params.tolerance_atr * atr:
                cluster.append(price)
                break
        else:
            clusters.append([price])
    return [(sum(c) / len(c), len(c)) for c in clusters if len(c) >= params.touches_min]


class Pivot:
    """A pivot with the role that it has now."""

    def __init__(self, kind: str, bar: int, price: float) -> None:
        self.kind, self.bar, self.price = kind, bar, price
        self.role = "RESISTANCE" if kind == "HIGH" else "SUPPORT"


def _gathered(known: list[Pivot], tolerance: float) -> list[list[Pivot]]:
    clusters: list[list[Pivot]] = []
    for pivot in sorted(known, key=lambda one: one.price):
        for cluster in clusters:
            if abs(pivot.price - sum(one.price for one in cluster) / len(cluster)) <= tolerance:
                cluster.append(pivot)
                break
        else:
            clusters.append([pivot])
    return clusters


def level_events(series: Series, params: PatternParams) -> list[Found]:
    """Return levels turned and levels held, by going through the bars with nothing kept but the pivots' roles."""
    atr = oracles.atr(series.high, series.low, series.close, params.atr)
    found, known, k = [], [], params.wings
    coming = [Pivot(kind, i, series.high[i] if kind == "HIGH" else series.low[i]) for kind, i in pivots(series, k)]
    for t in range(len(series.close)):
        before, now = atr[t - 1] if t else None, atr[t]
        for cluster in _gathered(known, params.tolerance_atr * before) if before is not None else ():
            oldest = min(cluster, key=lambda one: one.bar)
            beyond = series.close[t] - sum(one.price for one in cluster) / len(cluster)
            turned = {"RESISTANCE": beyond, "SUPPORT": -beyond}[oldest.role] > params.flip_atr * before
            if turned:
                role = "SUPPORT" if oldest.role == "RESISTANCE" else "RESISTANCE"
                for one in cluster:
                    one.role = role
                if len(cluster) >= params.touches_min:
                    found.append(Found(t, t, f"TURNED_{role}"))
        new = [one for one in coming if one.bar + k == t]
        known = (known + new)[-params.pivots_max :]
        clusters = _gathered(known, params.tolerance_atr * now) if now is not None else []
        for one in new:
            for cluster in clusters:
                if one in cluster:
                    oldest = min(cluster, key=lambda other: other.bar)
                    one.role = oldest.role
                    fits = one.role == ("RESISTANCE" if one.kind == "HIGH" else "SUPPORT")
                    if fits and len(cluster) >= params.touches_min:
                        found.append(Found(t, one.bar, f"{one.role}_HELD"))
    return sorted(found)


def divergences(series: Series, params: PatternParams) -> list[Found]:
    """Return divergences of consecutive pivots of a kind, with RSI at the pivots."""
    found = []
    rsi = oracles.rsi(series.close, params.rsi)
    for kind, side, column in (("HIGH", "BEAR", series.high), ("LOW", "BULL", series.low)):
        bars = [bar for name, bar in pivots(series, params.wings) if name == kind]
        for one, two in pairwise(bars):
            if not params.separation_min <= two - one <= params.separation_max:
                continue
            first, second = rsi[one], rsi[two]
            if first is None or second is None:
                continue
            sign = 1 if kind == "HIGH" else -1
            price, strength = sign * (column[two] - column[one]), sign * (second - first)
            if price > 0 and strength < -1e-9:
                found.append(Found(two + params.wings, two, f"REGULAR_{side}"))
            if price < 0 and strength > 1e-9:
                found.append(Found(two + params.wings, two, f"HIDDEN_{side}"))
    return sorted(found)


def trend_breaks(series: Series, params: PatternParams) -> list[Found]:
    """Return the first close beyond each line through consecutive pivots: of falling highs, of rising lows."""
    found = []
    atr = oracles.atr(series.high, series.low, series.close, params.atr)
    for kind, sign, column in (("HIGH", 1, series.high), ("LOW", -1, series.low)):
        bars = [bar for name, bar in pivots(series, params.wings) if name == kind]
        for k in range(1, len(bars)):
            one, two = bars[k - 1], bars[k]
            known = two + params.wings
            last = bars[k + 1] + params.wings if k + 1 < len(bars) else len(series.close)
            falling = sign * (column[two] - column[one]) < 0
            if not falling or not params.separation_min <= two - one <= params.separation_max:
                continue
            beyond = [
                sign * (series.close[t] - column[two] - (column[two] - column[one]) / (two - one) * (t - two))
                for t in range(len(series.close))
            ]
            before = atr[known - 1]
            if before is None or beyond[known] > params.buffer_atr * before:
                continue
            for t in range(known + 1, min(last + 1, len(series.close), two + params.separation_max + 1)):
                distance = atr[t - 1]
                assert distance is not None
                if beyond[t] > params.buffer_atr * distance:
                    found.append(Found(t, t, "TREND_UP" if sign > 0 else "TREND_DOWN"))
                    break
    return sorted(found)


def named(rows: Any, *names: str) -> list[Found]:
    """Return detections of the given patterns as the twins give them."""
    found = [Found(int(row.known_at), int(row.bar), Pattern(row.pattern).name) for row in rows]
    return [one for one in found if not names or one.pattern in names]
