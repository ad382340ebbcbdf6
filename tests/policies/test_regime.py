"""Trend regimes: z, hysteresis, volatility terciles, and what each does with what is not known."""

import math
import statistics
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from market.records import records
from policies.regime import (
    REGIME,
    Regime,
    RegimeParams,
    Volatility,
    open_regimes,
    regimes_of,
    settle,
    update_regime,
    volatility_size,
    volatility_update,
)
from tests.market.bars import made_bars, real_bars
from tests.properties import FEW, PROPERTY

SMALL = RegimeParams(lookback=8, window=12)
REAL = ("fx/h1/EURUSD_H1_2015_2023_mt5", "fx/m1/EURUSD_M1_2018_2019_histdata", "crypto/binance/BTCUSDT_1h_2017_2024")


def walk(rows: int, seed: int) -> NDArray[np.float64]:
    return made_bars(rows, seed).close


def slow_z(close: list[float], n: int) -> list[float]:
    """Return z by its definition, NaN while it warms up and where nothing moved."""
    found = []
    for t in range(len(close)):
        changes = [math.log(close[i] / close[i - 1]) for i in range(max(t - n + 1, 1), t + 1)]
        spread = statistics.stdev(changes) if len(changes) == n else 0.0
        found.append(math.log(close[t] / close[t - n]) / (spread * math.sqrt(n)) if spread > 0.0 else math.nan)
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(2, 30))
@FEW
def test_z_equals_its_slow_twin(seed: int, n: int) -> None:
    close = walk(100, seed)
    rows = regimes_of(close, SMALL._replace(lookback=n))
    np.testing.assert_allclose(rows.z, slow_z(close.tolist(), n), rtol=1e-8, atol=1e-9)


@given(seed=st.integers(0, 10**6), skip=st.integers(0, 80))
@FEW
def test_z_and_deviation_depend_on_their_window_alone(seed: int, skip: int) -> None:
    close = walk(120, seed)
    whole, late = regimes_of(close, SMALL), regimes_of(close[skip:], SMALL)
    for name in ("z", "deviation"):
        assert whole[name][skip + SMALL.lookback :].tobytes() == late[name][SMALL.lookback :].tobytes()


@pytest.mark.parametrize("name", REAL)
def test_regimes_of_real_bars_are_known_at_their_close_and_the_same_live(name: str) -> None:
    close = real_bars(name).close[:2_000]
    whole = regimes_of(close, RegimeParams())
    for t in (0, 1, 20, 21, 260, 777, 1_999):
        assert regimes_of(close[:t], RegimeParams()).tobytes() == whole[:t].tobytes()
    regimes = open_regimes(3, RegimeParams())
    for t, price in enumerate(close[:600]):
        assert update_regime(regimes, 1, RegimeParams(), price) == whole[t].regime
        assert regimes.rows[1].tobytes() == whole[t].tobytes()
    assert set(whole.regime) == set(Regime)
    assert set(whole.volatility) == set(Volatility)


@pytest.mark.slow
def test_live_regimes_equal_batch_at_every_bar_of_a_hundred_thousand() -> None:
    close = real_bars(REAL[1]).close[:110_000]
    whole, regimes = regimes_of(close, RegimeParams()), open_regimes(1, RegimeParams())
    seen = records(len(close), REGIME)
    for t, price in enumerate(close):
        update_regime(regimes, 0, RegimeParams(), price)
        seen[t] = regimes.rows[0]
    assert seen.tobytes() == whole.tobytes()


@given(seed=st.integers(0, 10**6), dwell=st.integers(1, 9))
@FEW
def test_a_regime_holds_its_bars_at_least(seed: int, dwell: int) -> None:
    rows = regimes_of(walk(200, seed), SMALL._replace(dwell=dwell))
    lengths = [len(list(run)) for _, run in groupby(rows.regime)]
    assert all(length >= dwell for length in lengths[1:-1])


def regimes_by(z: list[float], dwell: int = 1) -> list[str]:
    row = records(1, REGIME)[0]
    return [Regime(settle(row, value, 1.0, 0.5, dwell)).name for value in z]


def test_a_regime_begins_on_the_outer_bound_and_ends_inside_the_inner_one() -> None:
    assert regimes_by([0.999, 1.0, 0.5, 0.499, -1.0, -0.5, -0.499]) == [
        "SIDEWAYS", "BULL", "BULL", "SIDEWAYS", "BEAR", "BEAR", "SIDEWAYS",
    ]  # fmt: skip


def test_a_z_between_the_bounds_starts_nothing_and_ends_nothing() -> None:
    assert regimes_by([0.7, -0.7, 1.2, 0.7, -0.7, 0.0, 0.7]) == [
        "SIDEWAYS", "SIDEWAYS", "BULL", "BULL", "BULL", "SIDEWAYS", "SIDEWAYS",
    ]  # fmt: skip


def test_the_opposite_regime_may_follow_at_once_but_not_before_the_first_has_held_its_bars() -> None:
    assert regimes_by([1.0, -1.0, -1.0, -1.0], dwell=2) == ["BULL", "BULL", "BEAR", "BEAR"]


def test_what_is_not_known_keeps_the_regime_and_counts_as_a_bar_of_it() -> None:
    nan = math.nan
    assert regimes_by([nan, 2.0, nan, nan, 0.0], dwell=3) == ["SIDEWAYS", "BULL", "BULL", "BULL", "SIDEWAYS"]


def test_a_single_move_among_still_bars_is_on_the_bound_however_its_floats_round() -> None:
    for price in (1.17663, 97.3, 1_234.5, 0.00071):
        close = np.array([price] * 9 + [price * 1.0001] * 12)
        rows = regimes_of(close, SMALL)
        np.testing.assert_allclose(rows.z[9:17], 1.0, rtol=1e-9)
        assert (rows.regime[9:17] == Regime.BULL).all()


def test_a_market_that_does_not_move_has_no_z_no_noise_and_no_new_regime() -> None:
    rising = np.exp(np.cumsum(np.tile([0.02, 0.01], 10)))
    rows = regimes_of(np.concatenate([rising, np.full(30, rising[-1])]), SMALL)
    assert np.isnan(rows.z[28:]).all()
    assert (rows.deviation[28:] == 0.0).all()
    assert (rows.regime[28:] == rows.regime[27]).all()


def test_a_market_that_grows_by_rounding_of_one_rate_has_no_z() -> None:
    rows = regimes_of(np.exp(0.01 * np.arange(40)), SMALL)
    assert np.isnan(rows.z).all()


@pytest.mark.parametrize("flaw", [math.nan, math.inf, -math.inf, 0.0, -5.0])
def test_a_close_without_a_logarithm_is_forgotten_with_its_window(flaw: float) -> None:
    close = walk(80, 3)
    flawed = close.copy()
    flawed[40] = flaw
    one, other = regimes_of(flawed, SMALL), regimes_of(close, SMALL)
    assert np.isnan(one.z[40 : 41 + SMALL.lookback]).all()
    assert (one.volatility[40 : 41 + SMALL.lookback] == Volatility.UNKNOWN).all()
    assert (one.regime[40 : 41 + SMALL.lookback] == one.regime[40]).all()
    assert one.z[41 + SMALL.lookback :].tobytes() == other.z[41 + SMALL.lookback :].tobytes()


def test_a_falling_market_is_the_mirror_of_a_rising_one() -> None:
    close = walk(300, 9)
    rows, mirrored = regimes_of(close, SMALL), regimes_of(1.0 / close, SMALL)
    assert (rows.regime == -mirrored.regime).all()
    assert (rows.volatility == mirrored.volatility).all()


VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.2, 0.3, 0.45, 0.7, 1.1, 0.0, math.nan]), max_size=60)


@given(values=VALUES, n=st.integers(2, 12), low=st.sampled_from([0.0, 0.25, 1 / 3, 0.5]))
@PROPERTY
def test_volatility_is_compared_with_numpy_quantiles_of_the_window_before_it(
    values: list[float], n: int, low: float
) -> None:
    state, before = np.zeros(volatility_size(n)), []
    for value in values:
        expected = Volatility.UNKNOWN
        if len(before) >= n and not math.isnan(value):
            bottom, top = np.quantile(before[-n:], [low, 1.0 - low])
            expected = Volatility.LOW if value < bottom else Volatility.HIGH if value > top else Volatility.MID
        assert volatility_update(state, value, n, low, 1.0 - low) == expected
        before += [] if math.isnan(value) else [value]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"lookback": 1}, "regime: lookback = 1; whole numbers from 2 to 10000 are allowed"),
        ({"window": 20_000}, "regime: window = 20000; whole numbers from 2 to 10000 are allowed"),
        ({"dwell": 0}, "regime: dwell = 0; whole numbers from 1 to 10000 are allowed"),
        ({"enter": 0.4}, "regime: exit = 0.5, enter = 0.4; 0 < exit <= enter is allowed"),
        ({"enter": math.nan}, "regime: exit = 0.5, enter = nan; 0 < exit <= enter is allowed"),
        ({"low": 0.9}, "regime: low = 0.9, high = 0.6666666666666666; 0 <= low <= high <= 1 is allowed"),
    ],
)
def test_parameters_out_of_bounds_are_refused_in_one_line(given_: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        regimes_of(walk(5, 1), RegimeParams()._replace(**given_))
    assert str(refusal.value) == message
