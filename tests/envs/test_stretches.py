"""Shortcuts change nothing: a feed that speaks alone is taken in stretches, the same feed among others row by row."""

import msgspec
import numpy as np
import pytest

from market.continuity import flag_rows
from market.tape import Role, Tape, bar_tape, merge_tapes, quote_tape
from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from policies.plan import DeskPlan, FeedPlan, Plan
from research.digests import first_difference
from research.result import RunResult, result_of_rollout
from tests.builders import DAY, HOUR, MINUTE, MONEY, START_NS, a_plan, an_instrument, roll_whole

SMA = {"policy": "sma_cross", "params": {"fast": 5, "slow": 20, "lots": 3}}
TREND = {
    "policy": "trend_reversion",
    "params": {
        "candidate_min": 0.6,
        "rearm_bars": 5,
        "stop_atr": 3,
        "target_atr": 8,
        "hold_bars": 60,
        "notional_fraction": 0.2,
    },
}
BARS = 6000


def a_lone_plan(symbol: str, policy: str, params: dict[str, float], **limits: object) -> Plan:
    base = a_plan(**limits)
    desk = DeskPlan(
        name="forex", kind=DeskKind.FOREX, policy=policy, params=params_of(policy_named(policy), params),
        auto_execute=True, top_n=2, confidence_min=0.0, reward_min=-1e9,
    )  # fmt: skip
    pair = an_instrument(symbol, "fx", tick_size="0.001" if symbol.endswith("JPY") else "0.00001")
    feed = FeedPlan(instrument=pair.key, roles=int(Role.MATCH | Role.VIEW), desk=0, bar_ns=MINUTE)
    return msgspec.structs.replace(
        base, instruments=(pair,), feeds=(feed,), routes=(), desks=(desk,), venues=base.venues[:1]
    )


def with_a_witness(plan: Plan, tape: Tape) -> tuple[Plan, Tape]:
    """Add a feed nobody trades, which speaks right after every bar but the last: no row has a neighbour of its feed."""
    witness = an_instrument("NZDUSD", "fx")
    feed = FeedPlan(instrument=witness.key, roles=int(Role.MATCH), desk=0)
    times = tape.time_ns[:-1] + 1
    prices = np.full(len(times), 60_000)
    quotes = quote_tape(1, times, prices, prices + 8)
    plan = msgspec.structs.replace(plan, instruments=(*plan.instruments, witness), feeds=(*plan.feeds, feed))
    return plan, merge_tapes([tape, quotes])


def a_walk(first: int, seed: int, flaws: bool = True) -> Tape:
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0, 2, BARS // 50 + 1), 50)[:BARS]
    closes = (first + np.cumsum(rng.normal(0, 6, BARS) + drift)).round().astype(np.int64)
    opens = np.concatenate([[first], closes[:-1]])
    high = np.maximum(opens, closes) + rng.integers(0, 5, BARS)
    low = np.minimum(opens, closes) - rng.integers(0, 5, BARS)
    bid = [opens, high, low, closes]
    close_ns = START_NS + (np.arange(BARS) + 1) * MINUTE
    close_ns[BARS // 2 :] += 2 * DAY + 3 * HOUR
    ask = [side + 8 for side in bid]
    if flaws:
        ask[3] = np.where(rng.random(BARS) < 0.01, closes - 4, ask[3])
        ask[2] = np.minimum(ask[2], ask[3])
    keep = rng.random(BARS) > 0.02
    tape = bar_tape(0, close_ns[keep], [side[keep] for side in bid], [side[keep] for side in ask])
    flag_rows(tape, np.array([True]), np.array([-1]), tape.flaws)
    return tape


def the_run(plan: Plan, tape: Tape) -> RunResult:
    return result_of_rollout(plan, tape, roll_whole(plan, tape))


CASES = {
    "sma_cross": ("EURUSD", SMA, {}),
    "sma_cross, account money by its own rate": ("USDJPY", SMA, {}),
    "trend_reversion": ("EURUSD", TREND, {}),
    "daily loss latches": ("EURUSD", SMA, {"daily_loss_max": 2 * MONEY}),
    "daily loss by equity latches": ("EURUSD", SMA, {"daily_loss_max": 2 * MONEY, "daily_loss_basis": 1}),
    "drawdown latches": ("EURUSD", SMA, {"drawdown_max": MONEY}),
    "drawdown from the peak latches": ("EURUSD", SMA, {"drawdown_max": 5 * MONEY, "drawdown_basis": 1}),
    "sampled rarely": ("EURUSD", SMA, {"sample_ns": 7 * HOUR}),
    "sampled at every bar": ("EURUSD", SMA, {"sample_ns": MINUTE}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("flaws", [False, True], ids=["sound", "flawed"])
def test_a_feed_alone_and_among_others_decides_the_same(name: str, flaws: bool) -> None:
    symbol, policy, limits = CASES[name]
    plan = a_lone_plan(symbol, **policy, **limits)  # type: ignore[arg-type]
    tape = a_walk(110_000, seed=5, flaws=flaws)
    alone = the_run(plan, tape)
    among = the_run(*with_a_witness(plan, tape))
    assert len(alone.decisions) > 50
    assert len(alone.trades) > 5 or limits
    assert bool(alone.latches) == ("latches" in name)
    assert (alone.latches, alone.trades) == (among.latches, among.trades)
    assert first_difference(alone, among) is None
