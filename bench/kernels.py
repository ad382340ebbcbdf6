"""The kernel against a bare loop: one policy, a whole desk, many symbols, two-venue arbitrage."""

from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from bench.figure import Figure, interleaved
from bench.tapes import MONEY, bars_plan, bars_tape, route_plan, route_tape
from envs.rollout import open_engine, roll
from market.tape import Tape
from policies.plan import Plan

ROUNDS = 9
FAST, SLOW = 50, 200
TICK_VALUE = 10_000


def figures() -> Iterator[Figure]:
    """Yield the figures of the kernel."""
    yield from _policy()
    yield from _desks()
    yield from _route()


def bare_loop_body(
    open_: NDArray[np.int64], close: NDArray[np.int64], fast: int, slow: int, cash: int
) -> tuple[int, int]:  # fmt: skip
    """Two rolling sums, the cross, a fill at the next open, equity at every close with its peak: nothing else."""
    total_fast = total_slow = 0.0
    lots = pending = side = 0
    equity = peak = cash
    for i in range(len(close)):
        if pending != 0:
            cash -= pending * open_[i] * TICK_VALUE
            lots += pending
            pending = 0
        total_fast += close[i]
        total_slow += close[i]
        if i >= fast:
            total_fast -= close[i - fast]
        if i >= slow:
            total_slow -= close[i - slow]
        equity = cash + lots * close[i] * TICK_VALUE
        peak = max(peak, equity)
        if i >= slow - 1:
            one, other = total_fast / fast, total_slow / slow
            now = 1 if one > other else (-1 if one < other else side)
            if now != side and side != 0:
                pending = 1 if now > 0 else -lots
            side = now
    return equity, peak


def _policy() -> Iterator[Figure]:
    plan, tape = bars_plan(["EURUSD"], "sma_cross", {"fast": FAST, "slow": SLOW}, 0), bars_tape(1, 1_000_000, 7, 0)
    bare = numba.njit(error_model="numpy")(bare_loop_body)
    cash = 1_000_000 * MONEY
    account = roll(open_engine(plan), tape).account[0]
    same = (int(account.equity), int(account.peak)) == tuple(map(int, bare(tape.open, tape.close, FAST, SLOW, cash)))
    assert same, "the kernel and the bare loop must end with the same equity and peak"
    loop_s, kernel_s = interleaved(
        [lambda: bare(tape.open, tape.close, FAST, SLOW, cash), lambda: roll(open_engine(plan), tape)], ROUNDS
    )
    bars = len(tape.time_ns)
    yield Figure("bare numba loop, sma_cross", bars / loop_s, "bars/s", note=f"fast {FAST}, slow {SLOW}")
    yield Figure("kernel, sma_cross", bars / kernel_s, "bars/s", note="risk rules, matching, ledger, logs; same equity")
    yield Figure("kernel / bare loop", loop_s / kernel_s, "of it", 0.25)


def _rate(plan: Plan, tape: Tape) -> float:
    (seconds,) = interleaved([lambda: roll(open_engine(plan), tape)], 3)
    return len(tape.time_ns) / seconds


def _desks() -> Iterator[Figure]:
    params = {"risk_fraction": 0.002, "notional_fraction": 0.2}
    symbols = ["EURUSD", "GBPUSD", "AUDUSD", "NZDUSD"]
    few = _rate(bars_plan(symbols, "trend_reversion", params), bars_tape(4, 100_000))
    yield Figure("whole desk, 4 pairs x 100,000 bars", few, "bars/s", 2e6, note="features, policy, sizing, risk, venue")
    many = [f"{a}{b}{c}USD" for a in "ABCDE" for b in "FGHIJ" for c in "KL"]
    rate = _rate(bars_plan(many, "trend_reversion", params), bars_tape(50, 20_000))
    yield Figure("whole desk, 50 symbols x 20,000 bars", rate, "bars/s", 2e6)
    yield Figure(
        "50 symbols / 4 pairs, per bar", rate / few, "of it", note="the views of 50 no longer fit the first cache"
    )


def _route() -> Iterator[Figure]:
    plan, tape = route_plan(), route_tape(2_000_000)
    rate = _rate(plan, tape)
    trades = len(roll(open_engine(plan), tape).trades)
    yield Figure("two-venue arbitrage", rate, "quotes/s", 5e6, note=f"{trades} closed legs")
