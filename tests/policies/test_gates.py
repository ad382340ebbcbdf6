"""Gates: every bound on both of its sides, money to the last unit, and the same code on tuples and on table rows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.compiled import compiled
from market.records import records
from policies.gates import (
    ArbitrageGate,
    BinaryGate,
    Candidate,
    Day,
    DayLimits,
    DayRisk,
    ForexGate,
    InvalidConfidenceError,
    RiskLevel,
    arbitrage_automatic,
    arbitrage_eligible,
    arbitrage_rank,
    assess_day,
    binary_eligible,
    choose,
    cooldown_left_ns,
    forex_automatic,
    forex_combined,
    forex_eligible,
    is_probability,
    level_of,
    next_streak,
    position_allowed,
    position_cap,
    require_probability,
    share_used,
    shrinks,
    size_multiplier_ppm,
)
from policies.intents import Rule
from policies.risk import DESK
from tests.properties import PROPERTY

LIMITS = DayLimits(50, 100_000_000, 5, 0.5, 0.75)
COOLDOWNS_NS = np.array([0, 0, 300, 900, 1800], np.int64)
FOREX = ForexGate(0.6, 1.5, 0.7, 2.0, 0.6, 3.0, 2)
ARBITRAGE = ArbitrageGate(50.0, 75.0, 50.0, 50_000_000.0, 30.0, 3)
BINARY = BinaryGate(0.75, 0.02, 60, 1)


def a_day(trades: int = 0, loss: int = 0, streak: int = 0, since_loss_ns: int = 0, *, halted: bool = False) -> Day:
    return Day(trades, loss, streak, since_loss_ns, halted)


def risk_of(day: Day) -> DayRisk:
    return assess_day(day, LIMITS, COOLDOWNS_NS)


@pytest.mark.parametrize(
    ("day", "level", "rules"),
    [
        (a_day(trades=49), RiskLevel.HIGH, 0),
        (a_day(trades=50), RiskLevel.BLOCKED, Rule.TRADES_PER_DAY),
        (a_day(loss=99_999_999), RiskLevel.HIGH, 0),
        (a_day(loss=100_000_000), RiskLevel.BLOCKED, Rule.DAILY_LOSS),
        (a_day(loss=-5), RiskLevel.LOW, 0),
        (a_day(streak=4, since_loss_ns=1800), RiskLevel.HIGH, 0),
        (a_day(streak=4, since_loss_ns=1799), RiskLevel.BLOCKED, Rule.COOLDOWN),
        (a_day(streak=5, since_loss_ns=1), RiskLevel.BLOCKED, Rule.LOSS_STREAK),
        (a_day(halted=True), RiskLevel.BLOCKED, Rule.HALTED),
        (a_day(50, 10**9, 2), RiskLevel.BLOCKED, Rule.TRADES_PER_DAY | Rule.DAILY_LOSS | Rule.COOLDOWN),
    ],
)
def test_a_day_is_blocked_by_what_is_reached_and_by_nothing_else(day: Day, level: RiskLevel, rules: int) -> None:
    risk = risk_of(day)
    assert (risk.level, risk.rules) == (level, rules)


def test_a_pause_counts_down_and_a_streak_that_blocks_has_no_end() -> None:
    assert [risk_of(a_day(streak=2, since_loss_ns=t)).cooldown_left_ns for t in (0, 299, 300, 400)] == [300, 1, 0, 0]
    assert risk_of(a_day(streak=5)).cooldown_left_ns is None


@given(st.integers(-3, 20), st.integers(0, 4000))
@PROPERTY
def test_pauses_never_shrink_with_the_streak_nor_grow_with_time(streak: int, since_ns: int) -> None:
    left = cooldown_left_ns(COOLDOWNS_NS, streak, since_ns)
    assert 0 <= left <= 1800
    assert cooldown_left_ns(COOLDOWNS_NS, streak + 1, since_ns) >= left
    assert cooldown_left_ns(COOLDOWNS_NS, streak, since_ns + 1) in (left, left - 1)


def test_a_limit_of_zero_is_used_up_from_the_start() -> None:
    assert share_used(0, 0) == 1.0
    assert assess_day(a_day(), LIMITS._replace(trades_per_day_max=0), COOLDOWNS_NS).rules == Rule.TRADES_PER_DAY


@pytest.mark.parametrize(
    ("share", "level"),
    [(0.4999, RiskLevel.LOW), (0.5, RiskLevel.MEDIUM), (0.75, RiskLevel.HIGH), (1.0, RiskLevel.BLOCKED)],
)
def test_levels_begin_at_their_bounds(share: float, level: RiskLevel) -> None:
    assert level_of(share, False, 0.5, 0.75) == level
    assert level_of(share, True, 0.5, 0.75) == RiskLevel.BLOCKED


def test_only_a_win_ends_a_streak() -> None:
    assert [next_streak(3, net) for net in (-1, 0, 1)] == [4, 3, 0]


@given(st.integers(0, 10**17), st.integers(0, 10**6))
@PROPERTY
def test_a_cap_is_its_share_of_equity_rounded_down_however_large_the_account(equity: int, ppm: int) -> None:
    assert position_cap(equity, ppm) == equity * ppm // 10**6
    assert position_cap(-equity, ppm) == 0


@given(st.integers(-50, 50), st.integers(-100, 100), st.integers(1, 10**6), st.integers(0, 10**8))
@PROPERTY
def test_a_position_is_allowed_within_its_cap_or_when_it_only_shrinks(
    held: int, order: int, value: int, cap: int
) -> None:
    after = held + order
    smaller = order != 0 and abs(after) < abs(held) and after * held >= 0
    assert shrinks(held, order) == smaller
    assert position_allowed(held, order, value, cap) == (smaller or abs(after) * value <= cap)
    assert position_allowed(-held, -order, value, cap) == position_allowed(held, order, value, cap)


def test_the_arbitrage_gate_is_inclusive_to_show_and_strict_to_trade() -> None:
    assert arbitrage_eligible(ARBITRAGE, 50.0, 75.0)
    assert not arbitrage_eligible(ARBITRAGE, 49.999, 75.0)
    assert not arbitrage_eligible(ARBITRAGE, 50.0, 75.001)
    assert arbitrage_automatic(ARBITRAGE, 50.001, 50_000_001, 29.999)
    assert not arbitrage_automatic(ARBITRAGE, 50.0, 50_000_001, 29.999)
    assert not arbitrage_automatic(ARBITRAGE, 50.001, 50_000_000, 29.999)
    assert not arbitrage_automatic(ARBITRAGE, 50.001, 50_000_001, 30.0)
    assert arbitrage_rank(200.0, 25.0) == 150.0


def test_the_forex_gate_is_inclusive_to_show_and_strict_to_trade() -> None:
    assert forex_eligible(FOREX, 0.6, 1.5)
    assert not forex_eligible(FOREX, 0.5999, 1.5)
    assert not forex_eligible(FOREX, 0.6, 1.4999)
    assert forex_automatic(FOREX, 0.7001, 2.0001)
    assert not forex_automatic(FOREX, 0.7, 2.0001)
    assert not forex_automatic(FOREX, 0.7001, 2.0)
    assert forex_combined(FOREX, 0.5, 3.0) == forex_combined(FOREX, 0.5, 30.0) == 0.7


@pytest.mark.parametrize(
    ("combined", "ppm"), [(0.8, 10**6), (0.7999, 750_000), (0.65, 750_000), (0.1, 500_000), (-1.0, 0)]
)
def test_a_size_is_that_of_the_first_score_reached(combined: float, ppm: int) -> None:
    table = np.array([[0.8, 1.0], [0.65, 0.75], [0.0, 0.5]])
    assert size_multiplier_ppm(table, combined) == ppm


def test_the_binary_gate_wants_probability_edge_and_the_one_expiry() -> None:
    assert binary_eligible(BINARY, 0.75, 0.8, 60)
    assert not binary_eligible(BINARY, 0.7499, 0.8, 60)
    assert not binary_eligible(BINARY, 0.76, 0.3, 60)
    assert not binary_eligible(BINARY, 0.9, 0.8, 61)
    assert not binary_eligible(BINARY._replace(confidence_min=0.0, reward_min=0.0), 0.5, 1.0, 60)


@compiled
def asked_from_a_kernel(desk, confidence, reward):  # type: ignore[no-untyped-def]
    return forex_eligible(desk, confidence, reward), forex_combined(desk, confidence, reward)


def test_a_gate_may_be_a_row_of_the_desks_table_inside_a_kernel() -> None:
    desk = records(1, DESK)
    for name in ("confidence_min", "reward_min", "confidence_weight", "reward_cap"):
        desk[0][name] = getattr(FOREX, name)
    assert asked_from_a_kernel(desk[0], 0.6, 1.5) == (True, forex_combined(FOREX, 0.6, 1.5))


@pytest.mark.parametrize("value", [72.0, -0.01, 1.0001, math.nan, math.inf])
def test_a_confidence_that_is_no_fraction_is_an_error_and_never_clamped(value: float) -> None:
    assert not is_probability(value)
    with pytest.raises(InvalidConfidenceError, match=r"EURUSD = .*: a fraction from 0 to 1 is allowed"):
        require_probability(value, "EURUSD")


def test_a_fraction_is_a_confidence() -> None:
    assert [require_probability(value, "x") for value in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]


def test_the_best_are_chosen_in_order_of_rank_then_name_and_only_they_may_trade() -> None:
    candidates = [
        Candidate("d", True, True, (1.0, 0.0)),
        Candidate("c", True, True, (1.0, 5.0)),
        Candidate("b", True, True, (1.0, 5.0)),
        Candidate("a", False, True, (9.0, 0.0)),
        Candidate("e", True, False, (2.0, 0.0)),
    ]
    assert choose(candidates, 3) == (("e", "b", "c"), ("b", "c"))
    assert choose([], 3) == ((), ())
