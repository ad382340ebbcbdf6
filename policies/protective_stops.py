"""Protective stops in decimals: where one begins, how it follows, and where the venue would end the position first.

A stop is rounded toward the market, so that the loss at it is never more than was sized for, and only ever moves toward
the market. Within a bar the stop that EXISTED is tested against low and high first, and moves from the closed bar
after: a stop moved first would know the bar's high before its low. `side` is 1 for a long, -1 for a short.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Final, NamedTuple

from msgspec import Struct

from market.rounding import PriceKind, round_price

LONG, SHORT = 1, -1
LIQUIDATION_BUFFER: Final = Decimal("0.2")
"""Share of the way from entry to liquidation that a stop keeps from the latter."""


class TrailingTerms(Struct, frozen=True, kw_only=True):
    """How a stop follows: at which gains, in units of the initial risk R, it goes to break-even and begins to trail.

    It trails the best price by `trail_atr` average true ranges. `cost` is what a unit costs both ways.
    """

    cost: Decimal
    tick: Decimal
    breakeven_at_r: Decimal
    trail_at_r: Decimal
    trail_atr: Decimal


class PriceBar(NamedTuple):
    """A closed bar and the average true range that was known at its close."""

    high: Decimal
    low: Decimal
    close: Decimal
    atr: Decimal


class StopStep(NamedTuple):
    """The stop after a bar (the one that was hit, if `exit`)."""

    stop: Decimal
    exit: bool


def protective(level: Decimal, side: int, tick: Decimal) -> Decimal:
    """Round a stop to tick toward the market: up under a long, down above a short."""
    return round_price(level, tick, -_side(side), PriceKind.PROTECTIVE_STOP)


def atr_stop(side: int, entry: Decimal, atr: Decimal, k: Decimal, tick: Decimal) -> tuple[Decimal, Decimal]:
    """Return (raw, rounded) initial stop, entry -/+ k ATR; ValueError for a distance or tick that is not positive."""
    for name, value in (("entry", entry), ("atr", atr), ("k", k), ("tick", tick)):
        if not (value.is_finite() and value > 0):
            raise ValueError(f"{name} {value}: finite and more than 0 is allowed")
    raw = entry - _side(side) * k * atr
    return raw, protective(raw, side, tick)


def follow(
    side: int, entry: Decimal, initial: Decimal, terms: TrailingTerms, bars: Iterable[PriceBar]
) -> Iterator[StopStep]:
    """Yield the stop after each bar since entry, up to and with the bar that hits it.

    ValueError when the initial stop is not on the loss side of the entry, or a bar is not finite.
    """
    risk = _side(side) * (entry - initial)
    if not (risk.is_finite() and risk > 0):
        raise ValueError(f"initial stop {initial}: below the entry {entry} of a long, above that of a short is allowed")
    stop, best = initial, entry
    for bar in bars:
        if not all(value.is_finite() for value in bar):
            raise ValueError(f"bar {tuple(map(str, bar))}: finite prices are allowed")
        if (bar.low <= stop) if side == LONG else (bar.high >= stop):
            yield StopStep(stop, True)
            return
        best = max(best, bar.high) if side == LONG else min(best, bar.low)
        stop = _tightest(side, stop, _proposals(side, entry, best, risk, bar.atr, terms))
        yield StopStep(stop, False)


def _proposals(
    side: int, entry: Decimal, best: Decimal, risk: Decimal, atr: Decimal, terms: TrailingTerms
) -> Iterator[Decimal]:
    gain = side * (best - entry)
    if gain >= terms.breakeven_at_r * risk:
        yield protective(entry + side * terms.cost, side, terms.tick)
    if gain >= terms.trail_at_r * risk:
        yield protective(best - side * terms.trail_atr * atr, side, terms.tick)


def _tightest(side: int, stop: Decimal, proposals: Iterator[Decimal]) -> Decimal:
    tightest = max if side == LONG else min
    return tightest(chain((stop,), proposals))


def liquidation_price(side: int, entry: Decimal, leverage: Decimal, maintenance: Decimal) -> Decimal:
    """Return the price at which an isolated linear position is liquidated: E (1 - s / L) / (1 - s m).

    Wallet balance = notional / leverage; tiers and fees are left out. ValueError for terms that cannot be.
    """
    if not (entry.is_finite() and entry > 0 and leverage.is_finite() and leverage > 0):
        raise ValueError(f"entry {entry}, leverage {leverage}: finite and more than 0 is allowed")
    if not (maintenance.is_finite() and 0 <= maintenance < 1):
        raise ValueError(f"maintenance margin rate {maintenance}: from 0 to less than 1 is allowed")
    sign = _side(side)
    price = Fraction(entry) * (1 - sign / Fraction(leverage)) / (1 - sign * Fraction(maintenance))
    return max(Decimal(price.numerator) / Decimal(price.denominator), Decimal(0))


def stops_before_liquidation(
    side: int, entry: Decimal, stop: Decimal, liquidation: Decimal, buffer: Decimal = LIQUIDATION_BUFFER
) -> bool:
    """Tell whether a stop lies between entry and liquidation, at least `buffer` of that way from the latter."""
    sign = _side(side)
    reach = sign * (entry - liquidation)
    return sign * (entry - stop) > 0 and sign * (stop - liquidation) >= buffer * reach > 0


def _side(side: int) -> int:
    if side not in (LONG, SHORT):
        raise ValueError(f"side {side}: 1 for a long and -1 for a short are allowed")
    return side
