"""Made markets to step: a scenario's tape with the plan of a desk that trades it."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from envs.made_plans import arbitrage_plan, binary_plan, forex_plan
from envs.scenario_terms import ScenarioError
from envs.scenarios import SCENARIOS, make_market
from envs.vector import Market, asking_plan
from market.bars import derived_bars
from market.tape import Tape, merge_tapes, quote_tape
from policies.intents import DeskKind
from policies.plan import Plan

FEATURES: Final[Mapping[DeskKind, tuple[str, ...]]] = {
    DeskKind.FOREX: (
        "atr:14", "ema:8", "ema:34", "ema:144", "rsi:14", "adx:14", "stddev:30", "return:1", "return:5",
        "macd_hist:12:26:9",
    ),
    DeskKind.BINARY: ("atr:14", "ema:5", "ema:20", "sma:15", "rsi:14", "return:1", "return:3", "stoch_k:14:3:3"),
    DeskKind.ARBITRAGE: (),
}  # fmt: skip
"""What a desk's models see unless they are trained on something else."""

USUAL: Final[Mapping[DeskKind, str]] = {
    DeskKind.FOREX: "regimes", DeskKind.BINARY: "regimes", DeskKind.ARBITRAGE: "dislocations",
}  # fmt: skip
BARS_PER_CONTRACT: Final = 6
"""Quotes of a made market for contracts per bar of its views."""


def made_markets(
    kind: DeskKind, count: int = 1, seed: int = 0, *, scenario: str = "", features: Sequence[str] = (), **terms: object
) -> list[Market]:  # fmt: skip
    """Return seeded markets for a desk, each of its own; ScenarioError where the scenario is not one for it."""
    name = scenario or USUAL[kind]
    if (name == USUAL[DeskKind.ARBITRAGE]) != (kind is DeskKind.ARBITRAGE):
        fit = [one for one in SCENARIOS if (one == USUAL[DeskKind.ARBITRAGE]) == (kind is DeskKind.ARBITRAGE)]
        raise ScenarioError(f"scenario {name!r} for the {kind.name.lower()} desk: {', '.join(fit)} is allowed")
    return [
        _market(kind, make_market(name, np.random.default_rng([seed, k]), **terms).tape, features or FEATURES[kind])
        for k in range(count)
    ]


def _market(kind: DeskKind, tape: Tape, features: Sequence[str]) -> Market:
    """Return a made tape with the plan of its desk."""
    plan: Plan
    if kind is DeskKind.ARBITRAGE:
        plan = arbitrage_plan()
    elif kind is DeskKind.FOREX:
        plan = forex_plan(_step_of(tape))
    else:
        bar_ns = BARS_PER_CONTRACT * _step_of(tape)
        plan, tape = binary_plan(bar_ns), contract_tape(tape, bar_ns)
    return Market(asking_plan(plan, features), tape)


def _step_of(tape: Tape) -> int:
    return int(np.diff(tape.time_ns).min()) if len(tape.time_ns) > 1 else 1


def contract_tape(tape: Tape, bar_ns: int) -> Tape:
    """Return the closes of bars as quotes (feed 0), and the longer bars that they make (feed 1)."""
    quotes = quote_tape(0, tape.time_ns, tape.close, tape.ask_close)._replace(flaws=tape.flaws)
    bars = derived_bars(quotes, bar_ns)
    return merge_tapes([quotes, bars._replace(feed=np.ones(len(bars.time_ns), np.int64))])
