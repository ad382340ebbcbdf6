"""Small seeded markets for the corpus: one symbol with tables beside it, and several of which some come and go."""

from functools import cache

import numpy as np
import pandas as pd

from research.lookahead.frames import Frames, index_of

HALF_HOUR_NS = 30 * 60 * 10**9
HOUR_NS = 2 * HALF_HOUR_NS
DAY_NS = 24 * HOUR_NS
MONDAY_NS = 1_704_672_000 * 10**9
"""2024-01-08, a Monday."""

BARS = 300
"""Six days and a bit: five weekdays, a weekend without bars, and what follows."""


def half_hours(count: int) -> np.ndarray:
    """Return closes of bars from Monday on, none on Saturday or Sunday."""
    closes = MONDAY_NS + (np.arange(count * 2) + 1) * HALF_HOUR_NS
    weekday = (closes - 1 - MONDAY_NS) // DAY_NS % 7
    return closes[weekday < 5][:count]


def walk(rng: np.random.Generator, count: int, price: float) -> np.ndarray:
    """Return bars [bar, column] of a random walk whose drift changes."""
    drift = np.repeat(rng.normal(0, 0.0006, count // 15 + 1), 15)[:count]
    closes = price * np.exp(np.cumsum(rng.normal(0, 0.002, count) + drift))
    opens = np.concatenate([[price], closes[:-1]]) * np.exp(rng.normal(0, 0.0004, count))
    wicks = np.abs(rng.normal(0, 0.001, (2, count))) * price
    highs, lows = np.maximum(opens, closes) + wicks[0], np.minimum(opens, closes) - wicks[1]
    return np.column_stack([opens, highs, lows, closes, rng.integers(50, 500, count).astype(float)])


@cache
def one_symbol() -> Frames:
    """Return bars of one symbol and tables: calendar, prints (with revisions), news, daily."""
    rng = np.random.default_rng(11)
    times = half_hours(BARS)
    return Frames(times, walk(rng, BARS, 1.1), None, tables(rng, times), HALF_HOUR_NS)


def tables(rng: np.random.Generator, times: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the tables, each with the instant at which a row of it was known."""
    events = np.sort(rng.choice(times[2:-2], 40, replace=False)) - 7 * 60 * 10**9
    calendar = pd.DataFrame({
        "known_at": index_of(events), "event_time": index_of(events), "actual": rng.normal(0, 1, 40),
        "forecast": rng.normal(0, 1, 40), "currency": rng.choice(["USD", "EUR"], 40),
    })  # fmt: skip
    first = times[0] + np.arange(12) * 10 * HOUR_NS
    prints = pd.DataFrame({
        "period": index_of(np.tile(first, 2)), "known_at": index_of(np.concatenate([first, first + DAY_NS])),
        "value": rng.normal(2, 0.5, 24), "revision": np.repeat([0, 1], 12),
    }).sort_values("known_at", ignore_index=True)  # fmt: skip
    days = MONDAY_NS + np.repeat(np.arange(9), 3) * DAY_NS
    told = days + rng.integers(1, 24, 27) * HOUR_NS
    news = pd.DataFrame({"date": index_of(days), "known_at": index_of(told), "score": rng.normal(0, 1, 27)})
    dates = MONDAY_NS + np.arange(9) * DAY_NS
    daily = pd.DataFrame({
        "date": index_of(dates), "known_at": index_of(dates + DAY_NS), "close": 1.1 + rng.normal(0, 0.01, 9),
    })  # fmt: skip
    return {
        "calendar": calendar, "prints": prints, "news": news.sort_values("known_at", ignore_index=True), "daily": daily,
    }  # fmt: skip


@cache
def several_symbols() -> Frames:
    """Return bars of four symbols, sorted by (time, symbol): BBB is listed late, CCC delisted early."""
    rng = np.random.default_rng(12)
    times = half_hours(BARS)[:110]
    parts = []
    for symbol, begin, end in (("AAA", 0, 110), ("BBB", 30, 110), ("CCC", 0, 70), ("DDD", 0, 110)):
        parts.append((times[begin:end], walk(rng, end - begin, 50.0), np.full(end - begin, symbol)))
    stamps, values, symbols = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((symbols, stamps))
    return Frames(stamps[order], values[order], symbols[order], {}, HALF_HOUR_NS)
