"""Plans and seeded tapes for benchmarks: the same on every machine, whatever data lies about."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from market.compiled import ROOT
from market.instruments import Instrument, Kind, VenueSpec
from market.tape import Role, Tape, bar_tape, merge_tapes, quote_tape
from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import DeskPlan, FeedPlan, LimitsPlan, Plan, RoutePlan
from research.asking import Request, plan_for
from research.backtest import executing

SECOND = 10**9
MINUTE = 60 * SECOND
MONEY = 10**6
START_NS = 1_600_041_600 * SECOND  # Monday 2020-09-14 00:00 UTC
PRICE = 110_000

LIMITS = LimitsPlan(
    profile="bench", trades_per_day_max=10**9, daily_loss_max=10**15, daily_loss_basis=0, drawdown_max=10**15,
    drawdown_basis=0, loss_streak_max=10**9, position_ppm_max=250_000, cooldowns_ns=(0,), sample_ns=60 * MINUTE,
)  # fmt: skip


def an_instrument(symbol: str, venue: str, spread_ticks: int = 0) -> Instrument:
    """Return a currency pair quoted in dollars, 1000 units a lot."""
    return Instrument(
        symbol=symbol, venue=venue, kind=Kind.FX, base=symbol[:3], quote="USD", tick_size="0.00001", lot_size="1000",
        lots_max=10**6, depth_lots=10**6, spread_ticks=spread_ticks,
    )  # fmt: skip


def bars_plan(symbols: Sequence[str], policy: str, params: dict[str, float], spread_ticks: int = 8) -> Plan:
    """Return a plan of one desk over one-minute bars; gates open, so that every proposal meets every risk rule."""
    instruments = tuple(an_instrument(symbol, "v", spread_ticks) for symbol in symbols)
    roles = int(Role.MATCH | Role.VIEW)
    desk = DeskPlan(
        name="forex", kind=DeskKind.FOREX, policy=policy, params=params_of(policy_named(policy), params),
        auto_execute=True, top_n=len(symbols), budget_fraction=0.5,
    )  # fmt: skip
    return Plan(
        currency="USD",
        cash=1_000_000 * MONEY,
        venues=(VenueSpec(name="v", latency_ns=80_000_000, stale_after_ns=10 * MINUTE),),
        instruments=instruments,
        feeds=tuple(FeedPlan(instrument=one.key, roles=roles, desk=0, bar_ns=MINUTE) for one in instruments),
        routes=(),
        desks=(desk,),
        limits=LIMITS,
    )


def bars_tape(feeds: int, bars: int, seed: int = 7, spread_ticks: int = 8) -> Tape:
    """Return one-minute bars of random walks, each feed its own, all on the same minutes."""
    rng = np.random.default_rng(seed)
    return merge_tapes([_walk_bars(rng, feed, bars, spread_ticks) for feed in range(feeds)])


def _walk_bars(rng: np.random.Generator, feed: int, bars: int, spread_ticks: int) -> Tape:
    closes = _walk(rng, bars, 6.0)
    opens = np.concatenate([[PRICE], closes[:-1]])
    high = np.maximum(opens, closes) + rng.integers(0, 5, bars)
    low = np.minimum(opens, closes) - rng.integers(0, 5, bars)
    bid = [opens, high, low, closes]
    close_ns = START_NS + (np.arange(bars) + 1) * MINUTE
    return bar_tape(feed, close_ns, bid, [side + spread_ticks for side in bid] if spread_ticks else bid)


def _walk(rng: np.random.Generator, steps: int, sigma: float) -> NDArray[np.int64]:
    """Return a walk that is pulled back to its start, so that prices stay prices."""
    shocks = rng.normal(0.0, sigma, steps)
    level, out = 0.0, np.empty(steps)
    pull = 1.0 - 1.0 / 20_000
    for i in range(steps):
        level = level * pull + shocks[i]
        out[i] = level
    return np.asarray((PRICE + out).round(), np.int64)


def route_plan() -> Plan:
    """Return a plan of one arbitrage desk on a pair that two venues quote."""
    a, b = an_instrument("EURUSD", "a"), an_instrument("EURUSD", "b")
    roles = int(Role.MATCH | Role.SCAN)
    desk = DeskPlan(
        name="arbitrage", kind=DeskKind.ARBITRAGE, policy="convergence",
        params=params_of(policy_named("convergence"), {"notional_fraction": 0.25}), auto_execute=True, top_n=3,
    )  # fmt: skip
    return Plan(
        currency="USD",
        cash=1_000_000 * MONEY,
        venues=tuple(VenueSpec(name=name, latency_ns=80_000_000, stale_after_ns=MINUTE) for name in "ab"),
        instruments=(a, b),
        feeds=tuple(FeedPlan(instrument=one.key, roles=roles, desk=0) for one in (a, b)),
        routes=(
            RoutePlan(
                instrument_a=a.key, instrument_b=b.key, desk=0, enter_ticks=3, exit_ticks=8, hold_ns=120 * SECOND,
                quiet_ns=2 * SECOND, age_ns_max=3 * SECOND,
            ),
        ),
        desks=(desk,),
        limits=LIMITS,
    )  # fmt: skip


def route_tape(quotes: int, seed: int = 11) -> Tape:
    """Return quotes of two venues around one walk; now and then a venue lags and the two cross."""
    rng = np.random.default_rng(seed)
    each = quotes // 2
    middle = _walk(rng, each, 1.5)
    tapes = []
    for feed in range(2):
        time_ns = START_NS + (np.arange(each) * 2 + feed) * 150_000_000
        lag = np.where(rng.random(each) < 0.002, rng.integers(-14, 15, each), 0)
        bid = middle + lag + rng.integers(-1, 2, each)
        tapes.append(quote_tape(feed, time_ns, bid, bid + rng.integers(5, 9, each)))
    return merge_tapes(tapes)


def packaged_run() -> tuple[Plan, Tape]:
    """Return what `trifecta run` trades: three desks as configured over the packaged data, executing."""
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as home:
        planned = plan_for(Request(data=ROOT / "data", home=Path(home)))
    return executing(planned.plan), planned.tape
