"""The policy `confluence`: its timeframes, its parameters, and the share of the budget that it risks."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from market.timeframes import DAY_NS, MINUTE_NS
from policies import forex
from policies.assembly import chained_feeds, chains_of
from policies.catalogue import params_of, policy_named
from policies.signals.desk import PARAMS, frame_names, frames_of, risk_share, rule_of
from tests.research.forex import PAIRS, forex_plan

SPEC = policy_named("confluence")
DEFAULTS = np.array([value for _, value in params_of(SPEC, {})])


@pytest.mark.parametrize(
    ("bar_ns", "names"),
    [
        (MINUTE_NS, ("1m", "5m", "15m")), (5 * MINUTE_NS, ("5m", "15m", "1h")), (30 * MINUTE_NS, ("30m", "4h", "1d")),
        (60 * MINUTE_NS, ("1h", "4h", "1d")), (DAY_NS, ("1d", "1w", "-")), (10 * 10**9, ("10s", "1m", "5m")),
        (7 * MINUTE_NS, ("420s", "1w", "-")), (7 * DAY_NS, ("1w", "-", "-")),
    ],
)  # fmt: skip
def test_longer_timeframes_are_whole_multiples_at_least_three_times_as_long(bar_ns, names):
    assert frame_names(bar_ns) == names
    lengths = [length for length in frames_of(bar_ns) if length]
    assert all(longer % shorter == 0 and longer >= 3 * shorter for shorter, longer in pairwise(lengths))


def test_the_sizing_of_the_forex_desk_reads_its_parameters_at_their_places():
    assert PARAMS[forex.P_REARM :] == forex.PARAMS[forex.P_REARM :]
    assert len(PARAMS) == len(forex.PARAMS)


def test_parameters_become_the_rule_of_the_chain():
    given = {"horizon_bars": 8.0, "barrier_atr": 2.0, "enter": 0.3, "calibration_window": 50, "outcomes_min": 80}
    rule = rule_of([value for _, value in params_of(SPEC, given)])
    assert (rule.horizon, rule.barrier_atr, rule.confluence.enter) == (8, 2.0, 0.3)
    assert (rule.calibration.window, rule.calibration.isotonic_min, rule.outcomes_min) == (50, 50, 80)


def test_the_share_at_risk_follows_the_probability_and_is_nothing_below_the_least():
    least, full, most = DEFAULTS[9], DEFAULTS[8], DEFAULTS[forex.P_RISK]
    shares = [risk_share(DEFAULTS, p) for p in (least - 1e-9, least, (least + full) / 2.0, full, 1.0)]
    assert shares == pytest.approx([0.0, 0.25 * most, 0.625 * most, most, most])
    assert risk_share(DEFAULTS, float("nan")) == 0.0


def test_every_view_of_the_desk_has_a_chain_and_other_plans_have_none():
    plan = forex_plan("confluence")
    chains = chains_of(plan)
    assert chains.numbers.tolist() == list(range(PAIRS))
    assert len(chains.chain.signals) == len(chained_feeds(plan)) == PAIRS
    none = chains_of(forex_plan())
    assert none.numbers.tolist() == [-1] * PAIRS
    assert len(none.chain.signals) == 0


def test_two_desks_with_different_parameters_are_refused():
    plan = forex_plan("confluence")
    other = msgspec.structs.replace(plan.desks[0], name="second", params=params_of(SPEC, {"horizon_bars": 5.0}))
    feeds = (*plan.feeds[:-1], msgspec.structs.replace(plan.feeds[-1], desk=1))
    with pytest.raises(ValueError, match="must agree"):
        chains_of(msgspec.structs.replace(plan, desks=(plan.desks[0], other), feeds=feeds))
