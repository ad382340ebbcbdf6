"""Arbitrage arithmetic over order books: what two venues, or three pairs, pay after fees, and how much is at risk.

Books are (price, quantity) levels, best first; prices and quantities are floats here, because this finds and ranks:
the kernel sizes in ticks and lots. Executable sides only: one buys at asks and sells at bids, never at mids.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Final, NamedTuple

from market.compiled import compiled

Level = tuple[float, float]
PERCENT: Final = 100.0
BPS: Final = 1e4


class TwoLegTerms(NamedTuple):
    """What bounds a trade over two venues: fee fractions, balances (inf: none stated), cost of moving inventory back.

    `net_percent_min` is the least net profit in percent of the cost of the whole size, None where any profit will do.
    """

    fee_buy: float
    fee_sell: float
    quote_balance: float = math.inf
    base_balance: float = math.inf
    rebalance_bps: float = 0.0
    net_percent_min: float | None = None


class TwoLeg(NamedTuple):
    """The size worth trading and its money; ratios are None for no size."""

    quantity: float
    buy_notional: float
    sell_notional: float
    cost: float
    proceeds: float
    rebalance_cost: float

    @property
    def net_profit(self) -> float:
        """Proceeds less cost and rebalancing."""
        return self.proceeds - self.cost - self.rebalance_cost

    @property
    def net_percent(self) -> float | None:
        """Net profit in percent of the cost."""
        return PERCENT * self.net_profit / self.cost if self.quantity > 0 else None

    @property
    def buy_vwap(self) -> float | None:
        """Mean price paid."""
        return self.buy_notional / self.quantity if self.quantity > 0 else None

    @property
    def sell_vwap(self) -> float | None:
        """Mean price received."""
        return self.sell_notional / self.quantity if self.quantity > 0 else None

    @property
    def gross_percent(self) -> float | None:
        """Spread of the mean prices in percent of the price paid."""
        return PERCENT * (self.sell_notional - self.buy_notional) / self.buy_notional if self.quantity > 0 else None


NO_TRADE: Final = TwoLeg(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def two_leg(asks: Sequence[Level], bids: Sequence[Level], terms: TwoLegTerms) -> TwoLeg:
    """Buy at one venue's asks and sell at the other's bids, level by level, as long as a further unit pays.

    A unit pays while bid (1 - fee) > ask (1 + fee) + rebalancing. With `net_percent_min` the size ends where the
    profit of the whole would fall below it: the last profitable unit earns less than the average before it. Inventory
    lies at both venues, so no transfer is waited for. Optimal, since both books only get worse.
    """
    trade = NO_TRADE
    books = [list(level) for level in asks], [list(level) for level in bids]
    while books[0] and books[1]:
        (ask, asked), (bid, wanted) = books[0][0], books[1][0]
        unit = TwoLeg(
            1.0, ask, bid, ask * (1 + terms.fee_buy), bid * (1 - terms.fee_sell), ask * terms.rebalance_bps / BPS
        )
        if unit.net_profit <= 0.0:
            break
        available = min(asked, wanted)
        taken = min(available, _room(trade, unit, terms))
        trade = TwoLeg(*(total + taken * part for total, part in zip(trade, unit, strict=True)))
        if taken < available:
            break
        for book in books:
            book[0][1] -= taken
            if book[0][1] <= 0.0:
                book.pop(0)
    return trade if trade.quantity > 0.0 else NO_TRADE


def _room(trade: TwoLeg, unit: TwoLeg, terms: TwoLegTerms) -> float:
    """Return how many units the balances and the least net profit still allow."""
    room = min((terms.quote_balance - trade.cost) / unit.cost, terms.base_balance - trade.quantity)
    if terms.net_percent_min is not None:
        share = terms.net_percent_min / PERCENT
        shortfall = share * unit.cost - unit.net_profit
        if shortfall > 0.0:
            room = min(room, (trade.net_profit - share * trade.cost) / shortfall)
    return max(room, 0.0)


class TriangleLeg(NamedTuple):
    """One conversion: buying pays the ask, selling receives the bid."""

    buys: bool
    bid: float
    ask: float


class Triangle(NamedTuple):
    """What is held after each conversion, and what the round made of one unit."""

    steps: tuple[float, ...]
    product: float

    @property
    def profit_percent(self) -> float:
        """Gain of the round in percent."""
        return PERCENT * (self.product - 1.0)

    @property
    def profitable(self) -> bool:
        """Whether the round gains anything."""
        return self.product > 1.0


def triangular(legs: Sequence[TriangleLeg], fee: float, start: float) -> Triangle:
    """Convert `start` through every leg, each at its executable side and less the fee."""
    steps = []
    amount = start
    for leg in legs:
        amount = (amount / leg.ask if leg.buys else amount * leg.bid) * (1.0 - fee)
        steps.append(amount)
    return Triangle(tuple(steps), amount / start)


class RiskWeights(NamedTuple):
    """Weights of the six components of a risk score; they add up to 1. Chosen, not from a source."""

    depth: float = 0.20
    latency: float = 0.15
    volatility: float = 0.25
    staleness: float = 0.15
    venue: float = 0.10
    leg: float = 0.15


class RiskShares(NamedTuple):
    """The components of a risk score, each in [0, 1]."""

    depth: float
    latency: float
    volatility: float
    staleness: float
    venue: float
    leg: float


@compiled
def capped_share(part: float, whole: float) -> float:
    """Return part / whole within [0, 1]; 1 where there is no whole (no depth, no spread)."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0.0 else 1.0


@compiled
def volatility_share(sigma_1s: float, latency_s: float, spread: float) -> float:
    """Return how much of the spread the price moves, by one sigma, until both orders arrive: same unit for both."""
    return capped_share(sigma_1s * math.sqrt(latency_s), spread)


@compiled
def risk_score(shares: RiskShares, weights: RiskWeights) -> float:
    """Return the weighted sum of the components, 0 (none) to 100."""
    return 100.0 * (
        weights.depth * shares.depth
        + weights.latency * shares.latency
        + weights.volatility * shares.volatility
        + weights.staleness * shares.staleness
        + weights.venue * shares.venue
        + weights.leg * shares.leg
    )


class LegAction(IntEnum):
    """What to do about two legs that did not fill alike."""

    DONE = 0
    RETRY_SELL = 1
    RETRY_BUY = 2
    UNWIND_SELL_ANY_VENUE = 3
    UNWIND_BUY_ANY_VENUE = 4


class Legs(NamedTuple):
    """What the two legs of an arbitrage have filled, at which mean prices, at which fee fractions."""

    bought: Decimal
    sold: Decimal
    buy_price: Decimal
    sell_price: Decimal
    fee_buy: Decimal
    fee_sell: Decimal


class Legging(NamedTuple):
    """The naked quantity (positive: bought too much), the action, and the limit of a retry."""

    naked: Decimal
    action: LegAction
    limit_price: Decimal | None


def legging_decision(legs: Legs, age_ms: int, retry_ms: int) -> Legging:
    """Decide about the naked quantity: first the missing leg again at break-even, then out at the market, anywhere.

    The naked quantity is open risk at once. A retry sells at b (1 + fee_buy) / (1 - fee_sell) or better, or buys at
    s (1 - fee_sell) / (1 + fee_buy) or better.
    """
    naked = legs.bought - legs.sold
    if naked == 0:
        return Legging(naked, LegAction.DONE, None)
    if age_ms >= retry_ms:
        return Legging(naked, LegAction.UNWIND_SELL_ANY_VENUE if naked > 0 else LegAction.UNWIND_BUY_ANY_VENUE, None)
    if naked > 0:
        return Legging(naked, LegAction.RETRY_SELL, legs.buy_price * (1 + legs.fee_buy) / (1 - legs.fee_sell))
    return Legging(naked, LegAction.RETRY_BUY, legs.sell_price * (1 - legs.fee_sell) / (1 + legs.fee_buy))
