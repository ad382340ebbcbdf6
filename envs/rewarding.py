"""Rewards of a step, from what the account is worth: money that risk has let the agent make, all costs paid.

The formulas are those of `policies.rewards`; here is which one, and what it remembers from step to step.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.rewards import DRAWDOWN_MEMORY, SHARPE_MEMORY, differential_sharpe, drawdown_penalised, log_return


class Reward(IntEnum):
    """What an agent is paid; each is multiplied by a scale, which changes nothing but the size of gradients."""

    LOG_RETURN = 0
    DIFFERENTIAL_SHARPE = 1
    DRAWDOWN = 2


REWARD: Final = record_type("kind equity", floats="scale eta kappa last")
"""Which reward, the equity (money) after the step before, the scale, and the terms of the formula; `last` is what the
formula gave before it was scaled."""
RUIN: Final = -10.0
"""What the loss of everything is paid, whatever the formula: a finite number, so that learning goes on."""


def pay_of(
    kind: Reward, scale: float = 1.0, eta: float = 0.004, kappa: float = 1.0
) -> tuple[Records, Records, Records]:
    """Return the records of a reward; ValueError where a term makes no sense."""
    if not (np.isfinite([scale, eta, kappa]).all() and scale > 0.0 and 0.0 < eta < 1.0 and kappa >= 0.0):
        raise ValueError(f"reward: scale = {scale}, eta = {eta}, kappa = {kappa}; above 0, within 0 and 1, from 0 on")
    terms = records(1, REWARD)
    terms[0].kind, terms[0].scale, terms[0].eta, terms[0].kappa = kind, scale, eta, kappa
    return terms, records(1, SHARPE_MEMORY), records(1, DRAWDOWN_MEMORY)


@compiled
def begin_pay(terms: Record, sharpe: Record, drawdown: Record, equity: int) -> None:
    """Begin an episode with an equity, remembering nothing."""
    terms.equity, terms.last = equity, 0.0
    sharpe.first, sharpe.second = 0.0, 0.0
    drawdown.equity = drawdown.peak = float(equity)


@compiled
def pay(terms: Record, sharpe: Record, drawdown: Record, equity: int) -> float:
    """Return the reward of a step that ends with an equity."""
    before = terms.equity
    terms.equity = equity
    if before <= 0 or equity <= 0:
        terms.last = RUIN if before > 0 else 0.0
        return terms.scale * terms.last
    period_return = equity / before - 1.0
    if terms.kind == Reward.DIFFERENTIAL_SHARPE:
        terms.last = differential_sharpe(sharpe, period_return, terms.eta)
    elif terms.kind == Reward.DRAWDOWN:
        terms.last = drawdown_penalised(drawdown, float(equity), terms.kappa)
    else:
        terms.last = log_return(1.0, 1.0, period_return, 0.0)
    return float(terms.scale * terms.last)
