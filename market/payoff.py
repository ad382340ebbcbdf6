"""Binary contracts: what they settle to, what they are worth, and what share of equity they deserve.

A contract of stake s pays s x payout on a win and gives back s x rebate of a loss; a tie returns the stake, or counts
as lost where the venue says so. Money and prices are integers, probabilities and payouts fractions.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

from market.compiled import compiled
from market.costs import PPM

SIGNIFICANT: Final = 0.05


class Settlement(IntEnum):
    """How a contract ended."""

    LOSS = -1
    TIE = 0
    WIN = 1


@compiled
def settle(direction: int, strike: int, price: int, tie_loses: bool) -> int:
    """Return how a contract ends: strictly above the strike (direction 1), strictly below (-1), or a tie.

    `strike` and `price` share one unit.
    """
    if price == strike:
        return Settlement.LOSS.value if tie_loses else Settlement.TIE.value
    return Settlement.WIN.value if (price > strike) == (direction > 0) else Settlement.LOSS.value


@compiled
def settled_profit(settlement: int, stake: int, payout_ppm: int, rebate_ppm: int) -> int:
    """Return the profit on a stake, negative for a loss; what the venue pays is rounded down."""
    if settlement == Settlement.WIN:
        return stake * payout_ppm // PPM
    if settlement == Settlement.LOSS:
        return stake * rebate_ppm // PPM - stake
    return 0


@compiled
def breakeven_probability(payout: float, rebate: float, tie: float) -> float:
    """Return the win probability at which a contract pays nothing on average: (1 - t)(1 - r) / (1 + b - r)."""
    return (1.0 - tie) * (1.0 - rebate) / (1.0 + payout - rebate)


@compiled
def expected_value(win: float, payout: float, rebate: float, tie: float) -> float:
    """Return the expected profit per unit staked: p b - q (1 - r), q = 1 - p - t."""
    return win * payout - (1.0 - win - tie) * (1.0 - rebate)


@compiled
def kelly_fraction(win: float, payout: float, rebate: float, tie: float) -> float:
    """Return the share of equity that maximises p ln(1 + f b) + q ln(1 - f l), l = 1 - r: (p b - q l) / (b l (p + q)).

    At least 0 (no edge, no stake) and at most 1. Source: Kelly 1956; the derivative is linear in f, so it has one root.
    """
    lose, cost = 1.0 - win - tie, 1.0 - rebate
    edge = win * payout - lose * cost
    if edge <= 0.0 or payout <= 0.0:
        return 0.0
    spread = payout * cost * (win + lose)
    return min(edge / spread, 1.0) if spread > 0.0 else 1.0


@compiled
def stake_fraction(win: float, payout: float, rebate: float, tie: float, kelly_share: float, cap: float) -> float:
    """Return the share of equity to stake: a share of Kelly's, at most `cap`."""
    return min(kelly_share * kelly_fraction(win, payout, rebate, tie), cap)


@compiled
def stake_money(equity: int, fraction: float) -> int:
    """Return a fraction of equity as money, rounded down; nothing of an account without equity."""
    return math.floor(max(equity, 0) * fraction)


@compiled
def normal_cdf(x: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@compiled
def digital_d2(spot: float, strike: float, volatility: float, years: float, rate: float) -> float:
    """Return (ln(S / K) + (r - v^2 / 2) T) / (v sqrt(T)) of Black and Scholes; volatility and years above 0."""
    drift = (rate - 0.5 * volatility * volatility) * years
    return (math.log(spot / strike) + drift) / (volatility * math.sqrt(years))


@compiled
def digital_call_probability(spot: float, strike: float, volatility: float, years: float, rate: float) -> float:
    """Return the probability N(d2) that the price ends above the strike.

    Without volatility or time it is known: 1 where the forward lies strictly above the strike, else 0.
    """
    if volatility <= 0.0 or years <= 0.0:
        return 1.0 if spot * math.exp(rate * max(years, 0.0)) > strike else 0.0
    return normal_cdf(digital_d2(spot, strike, volatility, years, rate))


@compiled
def binomial_tail(n: int, wins: int, p: float) -> float:
    """Return P(X >= wins) of n independent trials with probability 0 < p < 1, exact up to rounding.

    The smaller side is summed, from its largest term outward.
    """
    if wins <= 0:
        return 1.0
    if wins > n:
        return 0.0
    upper = wins > n * p
    k = wins if upper else wins - 1
    term = math.exp(
        math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + k * math.log(p)
        + (n - k) * math.log1p(-p)
    )  # fmt: skip
    odds = p / (1.0 - p)
    total = 0.0
    while 0 <= k <= n and term > total * 1e-18:
        total += term
        if upper:
            term *= (n - k) / (k + 1.0) * odds
            k += 1
        else:
            term *= k / (n - k + 1.0) / odds
            k -= 1
    return min(total, 1.0) if upper else max(1.0 - total, 0.0)


class EdgeTest(NamedTuple):
    """Do the wins beat break-even? `wins_min` wins would be significant at 5 %; None: no number of them would."""

    breakeven: float
    hit_rate: float
    p_value: float
    wins_min: int | None


def edge_significance(trials: int, wins: int, payout: float) -> EdgeTest:
    """Test wins of a contract against its break-even (not against a half): exact, one-sided. Source: binomial test."""
    if not 0 <= wins <= trials or trials == 0 or payout <= 0.0:
        raise ValueError(f"need 0 <= wins <= trials, trials > 0, payout > 0; got {wins}, {trials}, {payout}")
    breakeven = breakeven_probability(payout, 0.0, 0.0)
    low, high = 0, trials + 1  # the tail at `high` is significant or `high` is beyond the trials
    while low < high:
        middle = (low + high) // 2
        if binomial_tail(trials, middle, breakeven) <= SIGNIFICANT:
            high = middle
        else:
            low = middle + 1
    return EdgeTest(
        breakeven, wins / trials, binomial_tail(trials, wins, breakeven), low if low <= trials else None
    )  # fmt: skip
