"""Indicators against TA-Lib, against slow twins, and against what they promise of the past and of chunks."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from market.feature_specs import SPECS
from market.features import feature_program, run_bars, update_features, warmup_of
from tests.market import oracles
from tests.market.bars import Bars, features_of, flat_bars, made_bars, real_bars
from tests.properties import FEW, PROPERTY

MINUTES = (
    "fx/m1/EURUSD_M1_2018_2019_histdata",
    "fx/m1/XAUUSD_M1_2018_2019_histdata",
    "fx/m1/USDJPY_M1_bidask_2013_fxcm",
)
EVERY = (
    "open", "high", "low", "close", "volume", "return:3", "sma:20", "ema:12", "macd:12:26:9", "macd_signal:12:26:9",
    "macd_hist:12:26:9", "bollinger_upper:20:2", "bollinger_mid:20:2", "bollinger_lower:20:2.5", "stddev:20", "trange",
    "atr:14", "natr:14", "rsi:14", "stoch_k:14:3:3", "stoch_d:14:3:3", "stochf_k:14:3", "stochf_d:14:3", "willr:14",
    "cci:20", "plus_di:14", "minus_di:14", "adx:14", "mfi:14", "obv", "vwap:20", "vwap_cumulative", "vwap_session",
    "profile_poc:20:8", "profile_val:20:8", "profile_vah:20:8",
)  # fmt: skip
"""One feature of every name."""


def talib_values(bars: Bars) -> dict[str, NDArray[Any]]:
    """Return what TA-Lib says over a whole series."""
    high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
    macd, band = talib.MACD(close, 12, 26, 9), talib.BBANDS(close, 20, 2.0, 2.0)
    stoch, stochf = talib.STOCH(high, low, close, 14, 3, 0, 3, 0), talib.STOCHF(high, low, close, 14, 3, 0)
    return {
        "sma:20": talib.SMA(close, 20), "ema:12": talib.EMA(close, 12), "ema:26": talib.EMA(close, 26),
        "rsi:14": talib.RSI(close, 14), "rsi:7": talib.RSI(close, 7),
        "macd:12:26:9": macd[0], "macd_signal:12:26:9": macd[1], "macd_hist:12:26:9": macd[2],
        "bollinger_upper:20:2": band[0], "bollinger_mid:20:2": band[1], "bollinger_lower:20:2": band[2],
        "stddev:20": talib.STDDEV(close, 20), "trange": talib.TRANGE(high, low, close),
        "atr:14": talib.ATR(high, low, close, 14), "natr:14": talib.NATR(high, low, close, 14),
        "stoch_k:14:3:3": stoch[0], "stoch_d:14:3:3": stoch[1], "stochf_k:14:3": stochf[0], "stochf_d:14:3": stochf[1],
        "willr:14": talib.WILLR(high, low, close, 14), "cci:20": talib.CCI(high, low, close, 20),
        "plus_di:14": talib.PLUS_DI(high, low, close, 14), "minus_di:14": talib.MINUS_DI(high, low, close, 14),
        "adx:14": talib.ADX(high, low, close, 14), "mfi:14": talib.MFI(high, low, close, volume, 14),
        "obv": talib.OBV(close, volume),
    }  # fmt: skip


NEAR_ZERO = {"stoch_k": 1e-9, "stoch_d": 1e-9, "stochf_k": 1e-9, "stochf_d": 1e-9, "mfi": 1e-9, "cci": 1e-6}
"""Percent scales: TA-Lib's own running sums leave this much where the true value is 0 (CCI divides by the spread)."""


def as_floats(values: Sequence[float | None]) -> NDArray[Any]:
    return np.array([math.nan if value is None else value for value in values], np.float64)


@pytest.mark.parametrize("name", MINUTES)
def test_every_indicator_equals_talib_on_two_years_of_minutes(name: str) -> None:
    bars = real_bars(name)
    expected = talib_values(bars)
    values = features_of(bars, *expected)
    assert len(bars.close) > 100_000
    for k, (feature, reference) in enumerate(expected.items()):
        atol = NEAR_ZERO.get(feature.split(":")[0], 1e-12)
        np.testing.assert_allclose(values[:, k], reference, rtol=1e-8, atol=atol, err_msg=feature)


@pytest.mark.parametrize("feature", EVERY)
def test_the_first_value_comes_exactly_when_warmup_of_says(feature: str) -> None:
    bars = made_bars(200)
    bars = bars._replace(volume=bars.volume + 1)
    values = features_of(bars, feature)[:, 0]
    first = warmup_of([feature])
    assert np.isnan(values[:first]).all()
    assert np.isfinite(values[first:]).all()


def test_one_of_every_feature_name_is_tested() -> None:
    assert {feature.split(":")[0] for feature in EVERY} == set(SPECS)


def test_warmup_of_several_features_is_the_longest() -> None:
    assert warmup_of(["ema:12", "adx:14", "macd_hist:12:26:9"]) == 33
    assert warmup_of([]) == 0


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(1, 60), max_size=8))
@FEW
def test_one_by_one_and_in_chunks_equals_the_whole_series_bit_for_bit(seed: int, cuts: list[int]) -> None:
    bars = made_bars(160, seed, tick=0.1)
    whole = features_of(bars, *EVERY)
    program, size = feature_program(EVERY)
    chunked, single = np.empty_like(whole), np.empty_like(whole)
    edges = sorted({0, len(bars.close), *(cut * 2 for cut in cuts)})
    state = np.zeros(size)
    for begin, end in pairwise(edges):
        state = state.copy()
        run_bars(program, state, chunked[begin:end], *bars.part(begin, end))
    live = np.zeros(size).tobytes()
    for i in range(len(bars.close)):
        state = np.frombuffer(live).copy()
        open_, high, low, close, volume, time_ns = (column[i] for column in bars)
        update_features(program, state, single[i], open_, high, low, close, volume, time_ns)
        live = state.tobytes()
    assert chunked.tobytes() == whole.tobytes()
    assert single.tobytes() == whole.tobytes()


@given(seed=st.integers(0, 10**6), t=st.integers(1, 299))
@FEW
def test_no_feature_reads_a_later_bar(seed: int, t: int) -> None:
    bars = made_bars(300, seed, tick=0.01)
    assert features_of(bars.part(0, t), *EVERY).tobytes() == features_of(bars, *EVERY)[:t].tobytes()


def test_features_that_share_a_state_equal_features_that_stand_alone() -> None:
    bars = made_bars(300)
    together = features_of(bars, *EVERY)
    alone = np.hstack([features_of(bars, feature) for feature in EVERY])
    assert together.tobytes() == alone.tobytes()


def test_lines_of_one_indicator_share_one_state_when_their_parameters_agree() -> None:
    assert feature_program(["macd:12:26:9", "macd_hist:12:26:9"])[1] == feature_program(["macd:12:26:9"])[1]
    assert feature_program(["stddev:20", "bollinger_upper:20:2"])[1] == feature_program(["stddev:20"])[1]
    assert feature_program(["adx:14", "plus_di:7"])[1] == 2 * feature_program(["adx:14"])[1]


TWINS: dict[str, Callable[[Bars], list[float | None]]] = {
    "sma:5": lambda bars: oracles.sma(bars.close, 5),
    "ema:7": lambda bars: oracles.ema(bars.close, 7),
    "stddev:6": lambda bars: oracles.stddev(bars.close, 6),
    "rsi:6": lambda bars: oracles.rsi(bars.close, 6),
    "atr:5": lambda bars: oracles.atr(bars.high, bars.low, bars.close, 5),
    "adx:4": lambda bars: oracles.adx(bars.high, bars.low, bars.close, 4),
    "willr:6": lambda bars: oracles.willr(bars.high, bars.low, bars.close, 6),
    "vwap:5": lambda bars: oracles.vwap((bars.high + bars.low + bars.close) / 3, bars.volume, 5),
}


@pytest.mark.parametrize("feature", TWINS)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 80))
@PROPERTY
def test_indicators_equal_their_slow_twins(feature: str, seed: int, rows: int) -> None:
    bars = made_bars(rows, seed, tick=0.01)
    expected = as_floats(TWINS[feature](bars))
    np.testing.assert_allclose(features_of(bars, feature)[:, 0], expected, rtol=1e-11, atol=1e-11)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200), st.integers(1, 30))
@PROPERTY
def test_averages_of_whole_ticks_are_exact(ticks: list[int], n: int) -> None:
    close = np.array(ticks, np.float64)
    bars = flat_bars(len(ticks), 1.0)._replace(close=close)
    assert features_of(bars, f"sma:{n}")[:, 0].tobytes() == as_floats(oracles.sma(close, n)).tobytes()


def test_rolling_sums_do_not_drift_over_a_million_minutes() -> None:
    parts = [real_bars(f"fx/m1/{pair}_M1_2018_2019_histdata") for pair in ("XAUUSD", "EURUSD")]
    bars = Bars(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    assert len(bars.close) > 1_000_000
    values = features_of(bars, "sma:20", "stddev:20")
    tail = bars.close[-2019:]
    np.testing.assert_allclose(values[-2000:, 0], oracles.sma(tail, 20)[19:], rtol=1e-14)
    np.testing.assert_allclose(values[-2000:, 1], oracles.stddev(tail, 20)[19:], rtol=1e-8)


def test_a_deviation_is_exactly_zero_once_the_window_is_flat_again() -> None:
    close = np.array([1.17663] * 10 + [1.31] + [1.17663] * 30)
    values = features_of(flat_bars(len(close), 1.0)._replace(close=close), "stddev:7", "bollinger_upper:7:2")
    assert (values[17:, 0] == 0.0).all()
    assert (values[17:, 1] == 1.17663).all()


FLAT = {"rsi:14": 0.0, "atr:14": 0.0, "cci:20": 0.0, "stoch_k:14:3:3": 0.0, "willr:14": 0.0, "adx:14": 0.0,
        "mfi:14": 0.0, "bollinger_upper:20:2": 1.17663, "bollinger_lower:20:2": 1.17663, "natr:14": 0.0}  # fmt: skip


def test_a_market_that_never_moves_gives_the_neutral_values_of_talib() -> None:
    values = features_of(flat_bars(60, 1.17663), *FLAT)
    assert dict(zip(FLAT, values[-1], strict=True)) == FLAT


def test_a_market_that_only_rises_is_at_the_top_of_every_scale() -> None:
    close = np.arange(1.0, 61.0)
    bars = Bars(close, close + 0.5, close - 0.5, close, np.full(60, 1000.0), np.arange(60, dtype=np.int64))
    values = features_of(bars, "rsi:14", "mfi:14", "adx:14", "obv", "plus_di:14", "minus_di:14")[-1]
    assert values.tolist() == [100.0, 100.0, 100.0, 60_000.0, pytest.approx(200 / 3), 0.0]


def test_a_market_without_volume_has_no_vwap_and_no_money_flow() -> None:
    bars = made_bars(60)._replace(volume=np.zeros(60))
    values = features_of(bars, "vwap:20", "vwap_cumulative", "vwap_session", "mfi:14", "obv")
    assert np.isnan(values[:, :3]).all()
    assert (values[14:, 3] == 0.0).all()
    assert (values[:, 4] == 0.0).all()


def test_a_window_that_lost_its_volume_has_no_vwap_however_the_sums_round() -> None:
    bars = made_bars(40)._replace(volume=np.array([0.1, 0.7, 1e9, 0.3] + [0.0] * 36))
    assert np.isnan(features_of(bars, "vwap:5")[8:, 0]).all()


def test_a_money_flow_forgets_what_left_its_window_however_the_sums_round() -> None:
    close = np.array([100.1, 100.2, 100.3, 100.2, 100.1, *([100.1] * 20)])
    bars = flat_bars(25, 1.0, 0.1)._replace(high=close, low=close, close=close)
    values = features_of(bars, "mfi:3")[:, 0]
    assert values[4] == pytest.approx(100 * 100.3 / (100.3 + 100.2 + 100.1))
    assert values[6] == 0.0
    assert (values[7:] == 0.0).all()


@given(st.integers(0, 10**6), st.integers(2, 9))
@PROPERTY
def test_a_money_flow_of_one_direction_is_exactly_0_or_100(seed: int, n: int) -> None:
    bars = made_bars(80, seed, tick=0.01)
    bars = bars._replace(volume=bars.volume * 0.1)
    price = bars.high + bars.low + bars.close
    flow = np.sign(np.round(np.diff(price, prepend=price[0]), 6)) * bars.volume
    values = features_of(bars, f"mfi:{n}")[:, 0]
    for i in range(n, 80):
        window = flow[i - n + 1 : i + 1]
        if not (window > 0).any():
            assert values[i] == 0.0
        elif not (window < 0).any():
            assert values[i] == 100.0


def test_an_average_forgets_the_rounding_of_what_left_it_within_two_windows() -> None:
    close = np.array([1e15, 3e14, *([0.1] * 30)])
    values = features_of(flat_bars(len(close), 1.0)._replace(close=close), "sma:5")[:, 0]
    assert values[8] != values[-1]
    np.testing.assert_allclose(values[10:], 0.1, rtol=1e-15)


def test_a_direction_that_was_lost_to_underflow_leaves_its_index_as_it_was() -> None:
    close = np.concatenate([np.arange(1.0, 9.0), np.full(1200, 8.0)])
    bars = Bars(close, close, close, close, close, np.arange(1, 1209, dtype=np.int64))
    values = features_of(bars, "adx:2", "plus_di:2", "minus_di:2", "rsi:2", "atr:2")[4:]
    assert (values[:, 0] == 100.0).all()
    assert ((values >= 0.0) & (values <= 100.0)).all()


def test_a_session_begins_with_the_first_bar_that_closes_after_midnight() -> None:
    day_ns, price = 86_400 * 10**9, np.array([10.0, 20.0, 30.0, 50.0])
    stamps = np.array([day_ns - 60, day_ns, day_ns + 60, day_ns + 120], np.int64)
    bars = Bars(price, price, price, price, np.ones(4), stamps)
    assert features_of(bars, "vwap_session")[:, 0].tolist() == [10.0, 15.0, 30.0, 40.0]


def test_a_return_over_a_price_of_zero_is_undefined() -> None:
    bars = flat_bars(4, 1.0)._replace(close=np.array([0.0, 2.0, 3.0, 1.5]))
    np.testing.assert_array_equal(features_of(bars, "return:1")[:, 0], [math.nan, math.nan, 0.5, -0.5])
