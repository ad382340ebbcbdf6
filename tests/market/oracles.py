"""Slow twins of indicators, written from their definitions: a whole series in, a list out, None while warming up."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

Values = list[float | None]


def sma(x: Sequence[float], n: int) -> Values:
    """Return the exact mean of each n values, rounded once."""
    return [None if i < n - 1 else _mean(x[i - n + 1 : i + 1]) for i in range(len(x))]


def _mean(values: Sequence[float]) -> float:
    return float(sum(map(Fraction, values)) / len(values))


def stddev(x: Sequence[float], n: int) -> Values:
    """Return the exact population deviation of each n values, rounded at the root."""
    result: Values = [None] * min(n - 1, len(x))
    for i in range(n - 1, len(x)):
        window = [Fraction(value) for value in x[i - n + 1 : i + 1]]
        mean = sum(window) / n
        result.append(math.sqrt(sum((value - mean) ** 2 for value in window) / n))
    return result


def ema(x: Sequence[float], n: int) -> Values:
    """Return v + 2 / (n + 1) (x - v) from the mean of the first n values on."""
    result: Values = [None] * min(n - 1, len(x))
    if len(x) >= n:
        value = math.fsum(x[:n]) / n
        result.append(value)
        for price in x[n:]:
            value = value + 2.0 / (n + 1) * (price - value)
            result.append(value)
    return result


def wilder(x: Sequence[float], n: int) -> Values:
    """Return (v (n - 1) + x) / n from the mean of the first n values on."""
    result: Values = [None] * min(n - 1, len(x))
    if len(x) >= n:
        value = math.fsum(x[:n]) / n
        result.append(value)
        for price in x[n:]:
            value = (value * (n - 1) + price) / n
            result.append(value)
    return result


def rsi(x: Sequence[float], n: int) -> Values:
    """Return 100 g / (g + l) of Wilder averages of gains and losses; 0 where both are 0."""
    changes = [after - before for before, after in pairwise(x)]
    gains = wilder([max(change, 0.0) for change in changes], n)
    losses = wilder([max(-change, 0.0) for change in changes], n)
    values = [
        None if gain is None or loss is None else (100 * gain / (gain + loss) if gain + loss else 0.0)
        for gain, loss in zip(gains, losses, strict=True)
    ]
    return [None, *values][: len(x)]


def true_ranges(high: Sequence[float], low: Sequence[float], close: Sequence[float]) -> list[float]:
    """Return the true range of every bar but the first."""
    return [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(close))
    ]


def atr(high: Sequence[float], low: Sequence[float], close: Sequence[float], n: int) -> Values:
    """Return the Wilder average of true ranges."""
    return [None, *wilder(true_ranges(high, low, close), n)][: len(close)]


def adx(high: Sequence[float], low: Sequence[float], close: Sequence[float], n: int) -> Values:
    """Return the Wilder average of DX from Wilder sums of directional movement and true range."""
    plus, minus = [], []
    for i in range(1, len(close)):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        plus.append(rise if rise > max(fall, 0) else 0.0)
        minus.append(fall if fall > max(rise, 0) else 0.0)
    columns = [_wilder_sums(x, n) for x in (true_ranges(high, low, close), plus, minus)]
    result: Values = [None] * min(2 * n - 1, len(close))
    average = 0.0
    for k, (total, up, down) in enumerate(zip(*columns, strict=True)):
        moved = total > 0 and up + down > 0
        dx = 100 * abs(up - down) / (up + down) if moved else 0.0
        if k < n:
            average += dx / n
        elif moved:
            average = (average * (n - 1) + dx) / n
        if k >= n - 1:
            result.append(average)
    return result


def _wilder_sums(x: Sequence[float], n: int) -> list[float]:
    """Return s - s / n + x from the n-th value on, s beginning with the sum of the first n - 1."""
    total = math.fsum(x[: n - 1])
    sums = []
    for value in x[n - 1 :]:
        total = total - total / n + value
        sums.append(total)
    return sums


def willr(high: Sequence[float], low: Sequence[float], close: Sequence[float], n: int) -> Values:
    """Return -100 (highest - close) / (highest - lowest), 0 without a range."""
    result: Values = [None] * min(n - 1, len(close))
    for i in range(n - 1, len(close)):
        top, bottom = max(high[i - n + 1 : i + 1]), min(low[i - n + 1 : i + 1])
        result.append(-100 * (top - close[i]) / (top - bottom) if top > bottom else 0.0)
    return result


def vwap(price: Sequence[float], volume: Sequence[float], n: int) -> Values:
    """Return the volume-weighted mean price of n bars; None also where nothing was traded."""
    result: Values = [None] * min(n - 1, len(price))
    for i in range(n - 1, len(price)):
        volumes = [Fraction(value) for value in volume[i - n + 1 : i + 1]]
        total = sum(volumes)
        value = sum(Fraction(p) * v for p, v in zip(price[i - n + 1 : i + 1], volumes, strict=True))
        result.append(float(value / total) if total else None)
    return result
