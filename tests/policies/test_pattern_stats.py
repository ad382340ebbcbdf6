"""Pattern statistics: of the window alone, of nothing known later, and of each regime apart."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import records
from policies.pattern_stats import (
    DAY_NS,
    RESULT,
    StatsRule,
    fold_results,
    learn_result,
    median_held_ns,
    open_patterns,
    stats_of,
)
from tests.properties import FEW

RULE = StatsRule(days=30, outcomes_max=50, outcomes_min=2)
PATTERNS, REGIMES = 2, 3


def results_of(count: int, seed: int = 3, hours: int = 12):
    """Return outcomes every few hours, some of them scratches, some without a stop."""
    rng = np.random.default_rng(seed)
    out = records(count, RESULT)
    out.known_ns = np.cumsum(rng.integers(1, 2 * hours, count)) * 3_600 * 10**9
    out.pattern, out.regime = rng.integers(0, PATTERNS, count), rng.integers(-1, REGIMES, count)
    out.net, out.held_ns = rng.integers(-3, 5, count), rng.integers(1, 100, count)
    out.r = np.where(rng.random(count) < 0.2, math.nan, out.net / 2.0)
    return out


def folded(results, rule: StatsRule = RULE):
    memory = open_patterns(PATTERNS, REGIMES, rule)
    assert fold_results(memory, results) == len(results)
    return memory


@FEW
@given(st.integers(0, 999), st.integers(0, 99), st.integers(-1, REGIMES - 1))
def test_statistics_are_those_of_the_window_by_definition(seed: int, asked: int, regime: int) -> None:
    results = results_of(100, seed)
    now_ns = int(results.known_ns[asked])
    found = stats_of(folded(results), 1, regime, now_ns, RULE)
    own = (results.pattern == 1) & ((regime < 0) | (results.regime == regime))
    kept = np.flatnonzero(own)[-50:]
    known = results.known_ns[kept]
    inside = results[kept[(known > now_ns - 30 * DAY_NS) & (known <= now_ns)]]
    counts = (len(inside), int((inside.net > 0).sum()), int((inside.net < 0).sum()), int(np.isfinite(inside.r).sum()))
    assert (found.outcomes, found.wins, found.losses, found.with_r) == counts
    if len(inside) < 2:
        assert all(math.isnan(found[name]) for name in ("win_rate", "expectancy", "average_r", "held_ns"))
        return
    assert found.win_rate == counts[1] / len(inside)
    assert found.expectancy == pytest.approx(inside.net.mean())
    assert found.held_ns == pytest.approx(inside.held_ns.mean())
    if counts[3]:
        assert found.average_r == pytest.approx(float(np.nanmean(inside.r)))


def test_what_is_known_later_does_not_change_what_was_asked_before() -> None:
    results = results_of(80)
    now_ns = int(results.known_ns[40])
    early = folded(results[results.known_ns <= now_ns])
    for pattern in range(PATTERNS):
        for regime in range(-1, REGIMES):
            whole = stats_of(folded(results), pattern, regime, now_ns, RULE)
            assert stats_of(early, pattern, regime, now_ns, RULE).tobytes() == whole.tobytes()


def test_an_outcome_leaves_when_the_window_has_passed() -> None:
    results = results_of(2)
    results.pattern[:], results.known_ns[:] = 0, [0, 5]
    memory = folded(results)
    assert stats_of(memory, 0, -1, 30 * DAY_NS - 1, RULE).outcomes == 2
    assert stats_of(memory, 0, -1, 30 * DAY_NS, RULE).outcomes == 1
    assert stats_of(memory, 0, -1, 4, RULE).outcomes == 1


def test_a_row_that_is_full_says_so() -> None:
    results = results_of(60, hours=1)
    results.pattern[:] = 0
    now_ns = int(results.known_ns[-1])
    memory = folded(results)
    assert (stats_of(memory, 0, -1, now_ns, RULE).outcomes, stats_of(memory, 0, -1, now_ns, RULE).full) == (50, 1)
    assert stats_of(folded(results[:40]), 0, -1, now_ns, RULE).full == 0


def test_trades_without_a_stop_have_no_average_r() -> None:
    results = results_of(10)
    results.pattern[:], results.r[:] = 0, math.nan
    found = stats_of(folded(results), 0, -1, int(results.known_ns[-1]), RULE)
    assert math.isnan(found.average_r)
    assert found.outcomes == 10
    assert math.isfinite(found.expectancy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pattern", -1), ("pattern", PATTERNS), ("regime", -2), ("regime", REGIMES), ("r", math.inf), ("held_ns", -1)],
)
def test_an_outcome_that_makes_no_sense_is_not_taken(name: str, value: float) -> None:
    memory, result = open_patterns(PATTERNS, REGIMES, RULE), results_of(1)[0]
    result[name] = value
    assert not learn_result(memory, result)
    assert memory.rows.count.tolist() == [0] * len(memory.rows)


def test_an_outcome_known_before_the_newest_is_not_taken() -> None:
    results = results_of(2)
    results.pattern[:] = 0
    memory = folded(results)
    assert not learn_result(memory, results[0])


def test_the_median_time_held_is_of_the_window() -> None:
    results = results_of(40)
    memory, now_ns = folded(results), int(results.known_ns[20])
    own = results[(results.pattern == 0) & (results.known_ns <= now_ns) & (results.known_ns > now_ns - 30 * DAY_NS)]
    assert median_held_ns(memory, 0, -1, now_ns, RULE) == float(np.median(own.held_ns))
    assert median_held_ns(memory, 0, -1, 0, RULE) is None


@pytest.mark.parametrize("rule", [StatsRule(days=29), StatsRule(days=91), StatsRule(30, 5, 6), StatsRule(30, 5, 0)])
def test_a_window_is_of_30_to_90_days(rule: StatsRule) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        open_patterns(1, 1, rule)
    with pytest.raises(ValueError, match="0 patterns"):
        open_patterns(0, 1, RULE)
