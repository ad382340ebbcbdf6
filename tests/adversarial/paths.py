"""Adversarial paths: prices of two venues, what a reckless trader wants, and everything that goes wrong on the way.

Steps fall on the resets of the firms as well, a second before and after: spring and autumn change their hour. Prices
gap, spreads blow out, rows arrive flawed or not at all, the system is down for some steps, somebody trades by hand.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.calendars import SECOND_NS, resets_between

STEPS = 64
MINUTE_NS = 60 * SECOND_NS
STARTS = (1_743_163_200, 1_761_307_200, 1_748_865_600)
"""Friday before the clocks go forward in Prague, Friday before they go back, and an ordinary Monday; seconds of UTC."""
SPAN_NS = 80 * 3600 * SECOND_NS
PRICE = 110_000
NORMAL_SPREAD = 8


class Wish(NamedTuple):
    """What a trader wants: signed lots at a venue, a stop so many ticks away (0: none), and for how long."""

    venue: int
    lots: int
    stop_ticks: int
    hold_ns: int


class Path(NamedTuple):
    """One path; arrays are (steps,) or (venues, steps). `seen` rows arrive; `flawed` ones hold nothing sound."""

    time_ns: NDArray[np.int64]
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    seen: NDArray[np.bool_]
    flawed: NDArray[np.bool_]
    running: NDArray[np.bool_]
    wishes: tuple[tuple[Wish, ...], ...]
    by_hand: tuple[Wish | None, ...]


def a_path(seed: int) -> Path:
    """Return the path of a seed."""
    rng = np.random.default_rng(seed)
    time_ns = _times(rng)
    steps = len(time_ns)
    middle = _prices(rng, steps)
    spread = np.where(rng.random((2, steps)) < 0.03, rng.integers(60, 500, (2, steps)), NORMAL_SPREAD)
    bid = middle + rng.integers(-3, 4, (2, steps)) - spread // 2
    seen = rng.random((2, steps)) > 0.04
    _blackouts(rng, seen)
    running = np.ones(steps, np.bool_)
    worst = int(np.argmin(np.diff(middle, prepend=middle[0])))  # down just when it hurts most
    for begin in (worst, int(rng.integers(0, steps))):
        if rng.random() < 0.5:
            running[max(begin - int(rng.integers(0, 2)), 1) : begin + int(rng.integers(1, 6))] = False
    wishes = tuple(tuple(_wish(rng) for _ in range(rng.integers(0, 4))) for _ in range(steps))
    by_hand = tuple(_wish(rng) if rng.random() < 0.03 else None for _ in range(steps))
    return Path(time_ns, bid, bid + spread, seen, rng.random((2, steps)) < 0.04, running, wishes, by_hand)


def _times(rng: np.random.Generator) -> NDArray[np.int64]:
    start = int(rng.choice(STARTS)) * SECOND_NS
    drawn = start + rng.integers(1, SPAN_NS // SECOND_NS, STEPS - 12) * SECOND_NS
    resets = resets_between(start, start + SPAN_NS, "Europe/Prague", "00:00")[:-1]
    around = [instant + shift * SECOND_NS for instant in resets for shift in (-1, 0, 1)]
    return np.unique(np.concatenate([drawn, np.array(around, np.int64)]))


def _prices(rng: np.random.Generator, steps: int) -> NDArray[np.int64]:
    drift = np.repeat(rng.normal(0, 8, steps // 15 + 1), 15)[:steps]
    moves = rng.normal(0, 30, steps) + drift
    gaps = rng.random(steps) < 0.02
    sizes = np.minimum(100 * rng.pareto(2.5, steps) + 100, 4_000)  # one in three hundred beyond a percent
    moves += np.where(gaps, rng.choice([-1, 1], steps) * sizes, 0)
    return np.asarray(np.maximum(PRICE + np.cumsum(moves), PRICE // 2).round(), np.int64)


def _blackouts(rng: np.random.Generator, seen: NDArray[np.bool_]) -> None:
    for row in seen:
        if rng.random() < 0.3:
            begin = int(rng.integers(0, len(row)))
            row[begin : begin + int(rng.integers(2, 12))] = False


def _wish(rng: np.random.Generator) -> Wish:
    lots = int(rng.integers(1, 900)) * int(rng.choice([-1, 1]))
    stop = 0 if rng.random() < 0.15 else int(rng.integers(20, 500))
    return Wish(int(rng.integers(0, 2)), lots, stop, int(rng.integers(0, 48)) * 60 * MINUTE_NS)
