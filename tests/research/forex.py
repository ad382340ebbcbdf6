"""The forex desk alone: its plan under any of its policies, and four days of bars of four pairs."""

from functools import cache
from typing import Any

import msgspec

from market.tape import Tape
from policies.catalogue import params_of, policy_named
from policies.plan import Plan
from tests.builders import LIMITS, MINUTE, a_plan, a_tape

PAIRS = 4


@cache
def tape(minutes: int = 4 * 24 * 60) -> Tape:
    whole = a_tape(minutes=minutes, ticks=100)
    return Tape(*(column[whole.feed < PAIRS] for column in whole))


def forex_plan(policy: str = "trend_reversion", sample_ns: int = 15 * MINUTE, **params: float) -> Plan:
    plan = a_plan()
    own = dict(plan.desks[0].params) if policy == plan.desks[0].policy else {}
    changes: dict[str, Any] = {"policy": policy, "params": params_of(policy_named(policy), {**own, **params})}
    if policy == "sma_cross":  # a textbook policy states no confidence and no target
        changes |= {"confidence_min": 0.0, "reward_min": -1e9, "auto_confidence": -1.0, "auto_reward": -1e9}
    return msgspec.structs.replace(
        plan, instruments=plan.instruments[:PAIRS], feeds=plan.feeds[:PAIRS], venues=plan.venues[:1], routes=(),
        desks=(msgspec.structs.replace(plan.desks[0], **changes),),
        limits=msgspec.structs.replace(LIMITS, sample_ns=sample_ns),
    )  # fmt: skip
