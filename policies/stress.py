"""Named catastrophes: what a portfolio would lose if one of them came again tomorrow, at the shocked prices.

A shock is an instantaneous return of an instrument; stops give no protection, they fill at the price after the gap. A
result below zero equity is possible and is shown. What is held at a venue that fails is lost apart from the market. An
instrument that a scenario does not name is moved by its betas to those that it names, else not at all, and is listed as
unlisted. Shocks are exact decimals and money is whole units: profits and losses are rounded down.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

Betas = Mapping[str, Mapping[str, Decimal]]
"""Per symbol, its beta to other symbols."""


class Scenario(Struct, frozen=True, kw_only=True):
    """One scenario: shocks by symbol and lost share of balances by venue, as fractions, and where they come from."""

    name: str
    date: str
    shocks: dict[str, Decimal]
    venue_default: dict[str, Decimal]
    provenance: str


class StressLoss(Struct, frozen=True, kw_only=True):
    """What a scenario does: money by position (signed), lost at venues (positive), in all (signed), equity after it.

    `unlisted` are the positions that it does not move.
    """

    scenario: str
    pnl: dict[str, int]
    venue_loss: int
    total: int
    equity_after: int
    unlisted: tuple[str, ...]

    def fraction_of(self, equity: int) -> float | None:
        """Return the result as a fraction of equity; None without equity."""
        return self.total / equity if equity > 0 else None


def stress(
    scenario: Scenario,
    notionals: Mapping[str, int],
    equity: int,
    balances: Mapping[str, int] | None = None,
    betas: Betas | None = None,
) -> StressLoss:
    """Return what a scenario does to signed notionals and balances at venues, all in account money."""
    shocks = {symbol: shock_of(scenario, symbol, betas or {}) for symbol in notionals}
    pnl = {symbol: math.floor(notional * (shocks[symbol] or 0)) for symbol, notional in notionals.items()}
    lost = sum(
        math.ceil(max(balance, 0) * Fraction(scenario.venue_default.get(venue, Decimal(0))))
        for venue, balance in (balances or {}).items()
    )
    total = sum(pnl.values()) - lost
    return StressLoss(
        scenario=scenario.name,
        pnl=pnl,
        venue_loss=lost,
        total=total,
        equity_after=equity + total,
        unlisted=tuple(symbol for symbol, shock in shocks.items() if shock is None),
    )


def shock_of(scenario: Scenario, symbol: str, betas: Betas) -> Fraction | None:
    """Return the return of a symbol in a scenario; None where nothing is said of it.

    Its own shock counts before its betas; betas add up, and only those to symbols that the scenario names.
    """
    if symbol in scenario.shocks:
        return Fraction(scenario.shocks[symbol])
    named = {other: beta for other, beta in betas.get(symbol, {}).items() if other in scenario.shocks}
    if not named:
        return None
    return sum((Fraction(beta) * Fraction(scenario.shocks[other]) for other, beta in named.items()), Fraction(0))
