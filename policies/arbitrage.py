"""The arbitrage desk's policy: is a dislocation between two venues worth both legs, after all costs.

Both legs are opened at once and closed at once when the venues agree again. The gross spread is what the two entry
prices lock in. From it go the cost of closing (half of both spreads, shifted by the venues' usual difference), the
fees of four fills and their slippage. What is left, per unit of price, is the net profit in basis points.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.costs import fee_of
from market.records import Record, Records
from policies.opportunity import BPS, RiskShares, RiskWeights, capped_share, risk_score, volatility_share

PARAMS: Final = (
    "limit_slack_ticks",
    "notional_fraction",
    "fill_probability",
    "staleness_ms",
    "latency_ms_full",
    "venue_health",
)
P_SLACK, P_NOTIONAL, P_FILL, P_STALENESS, P_LATENCY, P_HEALTH = range(6)


@compiled
def entry_prices(candidate: Record) -> tuple[int, int]:
    """Return (price paid, price received) in ticks of the two entry legs."""
    if candidate.direction == 1:
        return candidate.ask_a, candidate.bid_b
    return candidate.ask_b, candidate.bid_a


@compiled
def closing_cost_ticks(candidate: Record) -> float:
    """Return what closing both legs is expected to cost once the venues differ by their usual basis, in ticks."""
    half_spreads = 0.5 * (candidate.ask_a - candidate.bid_a + candidate.ask_b - candidate.bid_b)
    return half_spreads + candidate.basis if candidate.direction == 1 else half_spreads - candidate.basis


@compiled
def fixed_cost_ticks(instruments: Records, a: int, b: int, candidate: Record, lots: int) -> float:
    """Return fees and slippage of the four fills of a round trip, in ticks per lot."""
    fees_a = fee_of(instruments, a, lots, candidate.ask_a) + fee_of(instruments, a, lots, candidate.bid_a)
    fees_b = fee_of(instruments, b, lots, candidate.ask_b) + fee_of(instruments, b, lots, candidate.bid_b)
    fees = fees_a / instruments[a].tick_value + fees_b / instruments[b].tick_value
    return 2.0 * (instruments[a].slippage_ticks + instruments[b].slippage_ticks) + fees / lots


@compiled
def assess(
    instruments: Records, a: int, b: int, candidate: Record, lots: int, params: NDArray[np.float64],
    fill: float, health: float, out: Record,
) -> None:  # fmt: skip
    """Write gross and net basis points (`reward`), risk score, strength and confidence of an entry to `out`.

    `fill` is the chance that both legs fill, `health` that of the venues to take orders: as claimed, or as known since.
    """
    paid, received = entry_prices(candidate)
    gross = float(received - paid)
    net = gross - closing_cost_ticks(candidate) - fixed_cost_ticks(instruments, a, b, candidate, lots)
    latency_ms = 1e-6 * max(instruments[a].latency_ns, instruments[b].latency_ns)
    age_ms = 1e-6 * (candidate.time_ns - min(candidate.time_a_ns, candidate.time_b_ns))
    depth_a = candidate.lots_a if candidate.lots_a > 0 else instruments[a].depth_lots
    depth_b = candidate.lots_b if candidate.lots_b > 0 else instruments[b].depth_lots
    out.gross = BPS * gross / paid
    out.reward = BPS * net / paid
    shares = RiskShares(
        capped_share(lots, min(depth_a, depth_b)),
        capped_share(latency_ms, params[P_LATENCY]),
        volatility_share(candidate.sigma_1s, latency_ms * 1e-3, gross),
        capped_share(age_ms, params[P_STALENESS]),
        1.0 - health,
        1.0 - fill,
    )
    out.risk_score = risk_score(shares, RiskWeights(0.20, 0.15, 0.25, 0.15, 0.10, 0.15))
    out.strength = 1.0 if candidate.direction == 1 else -1.0
    out.confidence = 1.0 - 0.01 * out.risk_score
