"""The policy `confluence`: its timeframes, its parameters, and the share of the budget that it risks."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from market.bars import BAR
from market.records import records
from market.timeframes import DAY_NS, MINUTE_NS, MONDAY_NS, TIMEFRAMES
from policies import forex
from policies.assembly import chained_feeds, chains_of
from policies.catalogue import params_of, policy_named
from policies.signals.desk import PARAMS, frame_names, frames_of, open_chains, risk_share, rule_of
from policies.signals.listening import take_bars
from policies.signals.rule import ChainRule
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
    assert len(chains.listener.signals) == len(chained_feeds(plan)) == PAIRS
    none = chains_of(forex_plan())
    assert none.numbers.tolist() == [-1] * PAIRS
    assert len(none.listener.signals) == 0


def test_two_desks_with_different_parameters_are_refused():
    plan = forex_plan("confluence")
    other = msgspec.structs.replace(plan.desks[0], name="second", params=params_of(SPEC, {"horizon_bars": 5.0}))
    feeds = (*plan.feeds[:-1], msgspec.structs.replace(plan.feeds[-1], desk=1))
    with pytest.raises(ValueError, match="must agree"):
        chains_of(msgspec.structs.replace(plan, desks=(plan.desks[0], other), feeds=feeds))


def test_weeks_of_a_chain_begin_on_monday():
    listener = open_chains([frames_of(TIMEFRAMES["1d"])], ChainRule())
    days = records(7 * 20, BAR)
    days.inputs, days.whole, days.volume = 1, 1, 1.0
    middle = 1_000 + np.arange(len(days)) ** 2 % 97
    for name, away in (("open", 0), ("high", 5), ("low", -5), ("close", 1)):
        days[name], days[f"ask_{name}"] = middle + away, middle + away + 8
    days.open_ns[:] = MONDAY_NS + np.arange(len(days)) * DAY_NS
    days.close_ns[:] = days.open_ns + DAY_NS
    moved, before = [], listener.features[0, 1].copy()
    for day in range(len(days)):
        take_bars(listener, 0, days[day : day + 1])
        if not np.array_equal(listener.features[0, 1], before, equal_nan=True):
            moved.append(day)
            before = listener.features[0, 1].copy()
    assert len(moved) > 5
    assert all(day % 7 == 6 for day in moved)
