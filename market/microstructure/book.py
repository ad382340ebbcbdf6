"""One book at one instant: prices, imbalance, depth, slope, and what an order would pay to walk it."""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN
from market.quality import DataQualityError

Floats = NDArray[np.float64]

TIE: Final = 1e-9
"""Distances closer than this share to a bound are on it: equal decimals differ in the last bits as floats."""
BP: Final = 1e4


class BookFlaw(IntEnum):
    """Why a book has no measures."""

    NONE = 0
    EMPTY_SIDE = 1
    CROSSED_OR_LOCKED = 2
    MALFORMED = 3  # a price or size that is not finite or not above 0, or levels that do not lead away from the best


class Book(NamedTuple):
    """Levels of both sides, best first, as arrays."""

    bid_prices: Floats
    bid_sizes: Floats
    ask_prices: Floats
    ask_sizes: Floats


BOOK_MEASURES: Final = (
    "mid", "spread", "rel_spread_bps", "microprice", "imbalance_top", "imbalance", "bid_depth_bps", "ask_depth_bps",
    "bid_slope_origin", "ask_slope_origin",
)  # fmt: skip
"""What `measure_book` writes, in its order."""
(
    _MID, _SPREAD, _SPREAD_BPS, _MICROPRICE, _IMBALANCE_TOP, _IMBALANCE, _BID_DEPTH, _ASK_DEPTH, _BID_SLOPE, _ASK_SLOPE,
) = range(len(BOOK_MEASURES))  # fmt: skip


@compiled
def book_flaw(bid_prices: Floats, bid_sizes: Floats, ask_prices: Floats, ask_sizes: Floats) -> int:
    """Return the `BookFlaw` of a book."""
    if not _falls_away(bid_prices, bid_sizes, -1.0) or not _falls_away(ask_prices, ask_sizes, 1.0):
        return 3  # BookFlaw.MALFORMED
    if len(bid_prices) == 0 or len(ask_prices) == 0:
        return 1  # BookFlaw.EMPTY_SIDE
    return 2 if bid_prices[0] >= ask_prices[0] else 0


@compiled
def _falls_away(prices: Floats, sizes: Floats, away: float) -> bool:
    """Tell whether every level is sound and lies strictly farther from the middle than the one before."""
    for k in range(len(prices)):
        sound = 0.0 < prices[k] < math.inf and 0.0 < sizes[k] < math.inf
        if not sound or (k > 0 and away * (prices[k] - prices[k - 1]) <= 0.0):
            return False
    return True


@compiled
def measure_book(
    bid_prices: Floats, bid_sizes: Floats, ask_prices: Floats, ask_sizes: Floats,
    levels: int, depth_bps: float, out: Floats,
) -> int:  # fmt: skip
    """Write BOOK_MEASURES to `out` and return the book's flaw; with one, all of them are NaN.

    mid = (b + a) / 2; microprice = (b Qa + a Qb) / (Qa + Qb) of the best levels: a heavy bid pushes it up. imbalance =
    (Qb - Qa) / (Qb + Qa) of the first `levels` levels, as many as a side has. depth = size of levels within `depth_bps`
    of the mid, inclusive. slope = sum(x y) / sum(x^2) through the origin over the first `levels` levels of a side, with
    x = |price - mid| / mid and y = cumulative size. Source: quant notes 17.
    """
    flaw = book_flaw(bid_prices, bid_sizes, ask_prices, ask_sizes)
    if flaw != 0:
        out[:] = NAN
        return flaw
    bid, ask, bid_size, ask_size = bid_prices[0], ask_prices[0], bid_sizes[0], ask_sizes[0]
    mid = (bid + ask) / 2.0
    out[_MID], out[_SPREAD], out[_SPREAD_BPS] = mid, ask - bid, BP * (ask - bid) / mid
    out[_MICROPRICE] = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    out[_IMBALANCE_TOP] = (bid_size - ask_size) / (bid_size + ask_size)
    bids, asks = _first(bid_sizes, levels), _first(ask_sizes, levels)
    out[_IMBALANCE] = (bids - asks) / (bids + asks)
    out[_BID_DEPTH] = _within(bid_prices, bid_sizes, mid, depth_bps)
    out[_ASK_DEPTH] = _within(ask_prices, ask_sizes, mid, depth_bps)
    out[_BID_SLOPE] = _slope(bid_prices, bid_sizes, mid, levels)
    out[_ASK_SLOPE] = _slope(ask_prices, ask_sizes, mid, levels)
    return 0


@compiled
def _first(sizes: Floats, levels: int) -> float:
    total = 0.0
    for k in range(min(levels, len(sizes))):
        total += sizes[k]
    return total


@compiled
def _within(prices: Floats, sizes: Floats, mid: float, depth_bps: float) -> float:
    total = 0.0
    for k in range(len(prices)):
        if BP * abs(prices[k] - mid) / mid > depth_bps * (1.0 + TIE):
            break
        total += sizes[k]
    return total


@compiled
def _slope(prices: Floats, sizes: Floats, mid: float, levels: int) -> float:
    cumulative = products = squares = 0.0
    for k in range(min(levels, len(prices))):
        distance = abs(prices[k] - mid) / mid
        cumulative += sizes[k]
        products += distance * cumulative
        squares += distance * distance
    return products / squares


@compiled
def fill_from_depth(prices: Floats, sizes: Floats, wanted: float, out: Floats) -> None:
    """Write (filled, cost) of an order that walks one side, best level first; what is not there is not filled."""
    filled = cost = 0.0
    for k in range(len(prices)):
        take = min(sizes[k], wanted - filled)
        if take <= 0.0:
            break
        filled += take
        cost += take * prices[k]
    out[0], out[1] = filled, cost


class BookMeasures(NamedTuple):
    """The measures of a book; None throughout where `reason` names its flaw. See `measure_book`."""

    valid: bool
    reason: str | None
    mid: float | None
    spread: float | None
    rel_spread_bps: float | None
    microprice: float | None
    imbalance_top: float | None
    imbalance: float | None
    bid_depth_bps: float | None
    ask_depth_bps: float | None
    bid_slope_origin: float | None
    ask_slope_origin: float | None


class DepthFill(NamedTuple):
    """What an order would get: size, mean price, cost against the mid in basis points; complete or not."""

    filled: float
    vwap: float | None
    complete: bool
    slippage_vs_mid_bps: float | None


def book_of(bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]]) -> Book:
    """Return a book from (price, size) pairs, best first."""
    sides = [np.array(side, np.float64).reshape(-1, 2) for side in (bids, asks)]
    columns = [np.ascontiguousarray(side[:, k]) for side in sides for k in (0, 1)]
    return Book(*columns)


def book_measures(book: Book, levels: int, depth_bps: float) -> BookMeasures:
    """Return the measures of a book; ValueError unless levels >= 1 and depth_bps is finite and >= 0."""
    if levels < 1 or not 0.0 <= depth_bps < math.inf:
        raise ValueError(
            f"levels {levels}, depth_bps {depth_bps}: levels from 1 and finite depth_bps from 0 are allowed"
        )
    out = np.empty(len(BOOK_MEASURES), np.float64)
    flaw = measure_book(*book, levels, float(depth_bps), out)
    if flaw:
        return BookMeasures(False, BookFlaw(flaw).name, *[None] * len(BOOK_MEASURES))
    return BookMeasures(True, None, *out.tolist())


def depth_fill(book: Book, side: int, size: float) -> DepthFill:
    """Return what an order of a size would pay: side 1 buys from the asks, -1 sells to the bids.

    Where the book holds less, it is filled in part; the last level is never stretched. Nothing is filled from an empty
    side, and without both sides there is no mid to hold it against. DataQualityError for a locked, crossed or malformed
    book, ValueError for a side or size that is none.
    """
    if side not in (1, -1) or not 0.0 < size < math.inf:
        raise ValueError(f"side {side}, size {size}: side 1 or -1 and a finite size above 0 are allowed")
    flaw = book_flaw(*book)
    if flaw > BookFlaw.EMPTY_SIDE:
        raise DataQualityError(f"book: {BookFlaw(flaw).name}; sound levels with the bid below the ask are allowed")
    out = np.empty(2, np.float64)
    prices, sizes = (book.ask_prices, book.ask_sizes) if side > 0 else (book.bid_prices, book.bid_sizes)
    fill_from_depth(prices, sizes, float(size), out)
    filled, cost = out.tolist()
    if filled == 0.0:
        return DepthFill(0.0, None, False, None)
    vwap, complete = cost / filled, filled >= size * (1.0 - TIE)
    if flaw:
        return DepthFill(filled, vwap, complete, None)
    mid = float(book.bid_prices[0] + book.ask_prices[0]) / 2.0
    return DepthFill(filled, vwap, complete, side * (vwap - mid) / mid * BP)
