"""The order of rows: what may be acted on first, then by what it is worth at the worst; total, whatever came first."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.scan.ranking import Cast, Found, Side, expectancy, ranked, reward_to_risk

NUMBERS = st.none() | st.floats(0.0, 1.0)


def a_row(**changes):
    fields = {
        "symbol": "EURUSD", "venue": None, "timeframe": "1h", "context": ("4h", "1d"), "time_ns": 0, "age_ns": 0,
        "stale_after_ns": 100, "bars": 500, "side": Side.LONG, "stopped": None, "score": 0.5, "coverage": 1.0,
        "agreement": 0.8, "claim": 0.75, "probability": 0.6, "low": 0.5, "high": 0.7, "outcomes": 100,
        "regime": "bull", "volatility": "mid", "volatility_rank": 0.5, "price": 1.2, "atr": 0.01, "stop": 1.1,
        "target": 1.3, "reward_to_risk": 1.0, "votes": (), "patterns": (), "files": ("a.parquet",),
    }  # fmt: skip
    return Found(**(fields | changes))


ROWS = st.lists(
    st.builds(
        a_row,
        symbol=st.sampled_from(("AUDUSD", "EURUSD", "GBPUSD")),
        low=NUMBERS,
        stopped=st.sampled_from((None, "flat")),
        age_ns=st.integers(0, 200),
        side=st.sampled_from(Side),
        score=st.none() | st.floats(-1.0, 1.0),
    ),
    max_size=8,
    unique_by=lambda row: row.symbol,
)


def names(*rows):
    return [row.symbol for row in ranked(rows)]


def test_the_better_worst_case_leads_not_the_higher_probability():
    proven, lucky = a_row(symbol="A", probability=0.55, low=0.52), a_row(symbol="B", probability=0.8, low=0.4)
    assert names(lucky, proven) == ["A", "B"]


def test_a_better_reward_makes_up_for_a_lower_probability():
    assert names(a_row(symbol="A"), a_row(symbol="B", low=0.45, reward_to_risk=2.0)) == ["B", "A"]


def test_opportunities_come_first_then_old_ones_then_stopped_ones_with_a_side_then_the_rest():
    rows = [
        a_row(symbol="D", side=Side.FLAT, stopped="flat", low=0.9), a_row(symbol="C", stopped="unlikely", low=0.8),
        a_row(symbol="B", age_ns=101, low=0.7), a_row(symbol="A", low=0.1),
    ]  # fmt: skip
    assert names(*rows) == ["A", "B", "C", "D"]


def test_without_an_interval_the_stronger_score_leads():
    weak, strong = a_row(symbol="A", low=None, score=-0.3), a_row(symbol="B", low=None, score=0.9, coverage=0.5)
    assert names(weak, strong) == ["B", "A"]


@given(ROWS, st.randoms())
def test_the_order_does_not_depend_on_where_rows_stood(rows, chance):
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert ranked(shuffled) == ranked(rows)


def test_only_a_row_that_nothing_stopped_and_that_is_not_old_is_an_opportunity():
    assert a_row(age_ns=100).is_opportunity
    assert not a_row(age_ns=101).is_opportunity
    assert not a_row(stopped="flat").is_opportunity


def test_expectancy_is_what_is_won_less_what_is_lost():
    assert math.isclose(expectancy(0.6, 1.5), 0.5)
    assert (expectancy(None, 1.0), expectancy(0.6, None)) == (None, None)


def test_the_spread_makes_the_reward_smaller_and_the_risk_larger():
    assert reward_to_risk(10.0, 0.0) == 1.0
    assert reward_to_risk(10.0, 2.0) == 8.0 / 12.0


@pytest.mark.parametrize(
    ("distance", "spread"), [(1.0, 1.0), (1.0, -0.1), (math.nan, 0.0), (1.0, math.nan), (0.0, 0.0)]
)
def test_a_trade_that_makes_no_sense_has_no_reward_to_risk(distance, spread):
    assert reward_to_risk(distance, spread) is None


def test_a_score_of_zero_has_no_reasons():
    row = a_row(score=0.0, votes=(Cast("1h", "rsi", 0.5, 0.5), Cast("1h", "macd", -0.5, 0.5)))
    assert row.reasons(agreeing=True) == row.reasons(agreeing=False) == ()
