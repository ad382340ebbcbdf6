"""Patterns against slow twins of their definitions, and what each promises at its edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.patterns import DIRECTION, Pattern, PatternParams, Series, find_patterns, levels_now
from policies.patterns.shapes import engulfing_direction, is_doji, pin_direction
from tests.market.bars import flat_bars, made_bars
from tests.policies import pattern_oracles as oracles
from tests.properties import FEW as MANY

FEW = settings(MANY, max_examples=10)
SMALL = PatternParams(wings=2, atr=5, rsi=5, lookback=8, trend=6, volume=6, separation_min=3, separation_max=30)
SHAPES = ("DOJI", "PIN_BULL", "PIN_BEAR", "ENGULF_BULL", "ENGULF_BEAR")
DIVERGENCES = ("REGULAR_BULL", "REGULAR_BEAR", "HIDDEN_BULL", "HIDDEN_BEAR")
OPPOSITE = {"UP": "DOWN", "DOWN": "UP", "BULL": "BEAR", "BEAR": "BULL", "HIGH": "LOW", "LOW": "HIGH"}


def series(rows: int, seed: int) -> Series:
    return Series(*made_bars(rows, seed)[:5])


def of_closes(*close: float, wick: float = 0.0) -> Series:
    """Return bars that open where the one before closed."""
    closes = np.array(close, np.float64)
    opens = np.concatenate([closes[:1], closes[:-1]])
    high, low = np.maximum(opens, closes) + wick, np.minimum(opens, closes) - wick
    return Series(opens, high, low, closes, np.zeros(len(closes)))


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 120))
@FEW
def test_shapes_equal_their_slow_twins(seed: int, rows: int) -> None:
    bars = series(rows, seed)
    assert oracles.named(find_patterns(bars, SMALL)[0], *SHAPES) == oracles.shapes(bars)


@pytest.mark.parametrize("tick", [0.1, 0.00001, 0.007])
def test_shapes_do_not_depend_on_how_prices_round(tick: float) -> None:
    whole = made_bars(400, 3)
    scaled = Series(*(np.round(column * tick, 9) for column in whole[:4]), whole.volume)
    found = find_patterns(scaled, SMALL)[0]
    assert oracles.named(found, *SHAPES) == oracles.shapes(Series(*whole[:5]))


@given(seed=st.integers(0, 10**6), wings=st.integers(1, 6))
@FEW
def test_pivots_equal_their_slow_twins_and_are_known_when_their_wings_have_closed(seed: int, wings: int) -> None:
    bars = series(120, seed)
    found = find_patterns(bars, SMALL._replace(wings=wings))[0]
    assert [
        (one.pattern.removeprefix("PIVOT_"), one.bar) for one in oracles.named(found, "PIVOT_HIGH", "PIVOT_LOW")
    ] == (oracles.pivots(bars, wings))
    late = found[found.known_at != found.bar]
    assert (late.known_at == late.bar + wings).all()


@given(seed=st.integers(0, 10**6), lookback=st.integers(1, 20), buffer=st.sampled_from([0.0, 0.1, 0.25, 1.0]))
@FEW
def test_range_breakouts_equal_their_slow_twins(seed: int, lookback: int, buffer: float) -> None:
    bars, params = series(120, seed), SMALL._replace(lookback=lookback, buffer_atr=buffer)
    found = find_patterns(bars, params)[0]
    assert oracles.named(found, "RANGE_UP", "RANGE_DOWN") == oracles.breakouts(bars, params)


@given(seed=st.integers(0, 10**6), buffer=st.sampled_from([0.0, 0.1, 0.5]), most=st.integers(8, 40))
@FEW
def test_trend_breakouts_equal_their_slow_twins(seed: int, buffer: float, most: int) -> None:
    bars, params = series(150, seed), SMALL._replace(buffer_atr=buffer, separation_max=most)
    found = sorted(oracles.named(find_patterns(bars, params)[0], "TREND_UP", "TREND_DOWN"))
    assert found == oracles.trend_breaks(bars, params)


@pytest.mark.slow
def test_trend_breakouts_and_divergences_equal_their_slow_twins_on_many_paths() -> None:
    for seed in range(400):
        bars, params = series(200, seed), SMALL._replace(buffer_atr=(0.0, 0.1, 0.5)[seed % 3])
        found = find_patterns(bars, params)[0]
        assert sorted(oracles.named(found, "TREND_UP", "TREND_DOWN")) == oracles.trend_breaks(bars, params), seed
        assert sorted(oracles.named(found, *DIVERGENCES)) == oracles.divergences(bars, params), seed


@given(seed=st.integers(0, 10**6), least=st.integers(1, 10), most=st.integers(10, 40))
@FEW
def test_divergences_equal_their_slow_twins(seed: int, least: int, most: int) -> None:
    bars, params = series(150, seed), SMALL._replace(separation_min=least, separation_max=most)
    assert sorted(oracles.named(find_patterns(bars, params)[0], *DIVERGENCES)) == oracles.divergences(bars, params)


def test_every_pattern_is_found_and_points_where_its_name_says() -> None:
    found = find_patterns(series(1_000, 1), SMALL)[0]
    assert {one.pattern for one in oracles.named(found)} == {pattern.name for pattern in Pattern}
    assert {int(row.pattern): int(row.direction) for row in found} == {
        int(kind): way for kind, way in DIRECTION.items()
    }


@given(seed=st.integers(0, 10**6))
@FEW
def test_mirrored_prices_give_mirrored_patterns(seed: int) -> None:
    bars = series(120, seed)
    mirrored = Series(*(20_000.0 - column for column in (bars.open, bars.low, bars.high, bars.close)), bars.volume)
    levels = {"TURNED_SUPPORT", "TURNED_RESISTANCE", "SUPPORT_HELD", "RESISTANCE_HELD"}  # they gather from below
    kinds = [pattern.name for pattern in Pattern if pattern.name not in levels]
    one = sorted(oracles.named(find_patterns(bars, SMALL)[0], *kinds))
    other = oracles.named(find_patterns(mirrored, SMALL)[0], *kinds)
    assert one == sorted(found._replace(pattern=turned(found.pattern)) for found in other)


def turned(name: str) -> str:
    head, _, tail = name.rpartition("_")
    return f"{head}_{OPPOSITE[tail]}" if tail in OPPOSITE else name


@pytest.mark.parametrize(
    ("bar", "doji", "pin"),
    [
        ((10.0, 11.0, 10.0, 10.1), True, -1),
        ((10.0, 11.0, 10.0, 10.11), False, -1),
        ((10.8, 11.0, 10.0, 11.0), False, 1),
        ((10.7, 11.0, 10.0, 11.0), False, 1),
        ((10.69, 11.0, 10.0, 11.0), False, 0),
        ((10.6, 11.0, 10.0, 10.8), False, 1),
        ((10.59, 11.0, 10.0, 10.8), False, 0),
        ((10.0, 10.0, 10.0, 10.0), False, 0),
    ],
)  # fmt: skip
def test_shares_of_the_range_are_inclusive(bar: tuple[float, ...], doji: bool, pin: int) -> None:
    assert (is_doji(*bar), pin_direction(*bar)) == (doji, pin)


@pytest.mark.parametrize(
    ("before", "bar", "direction"),
    [
        ((10.3, 10.1), (10.1, 10.4), 1),
        ((10.3, 10.1), (10.0, 10.3), 1),
        ((10.3, 10.1), (10.1, 10.3), 0),
        ((10.3, 10.1), (10.2, 10.5), 0),
        ((10.1, 10.1), (10.0, 10.3), 0),
        ((10.1, 10.3), (10.3, 10.0), -1),
        ((10.1, 10.3), (10.4, 10.1), -1),
        ((10.1, 10.3), (10.3, 10.1), 0),
    ],
)  # fmt: skip
def test_a_body_engulfs_where_edges_meet_but_not_where_bodies_are_equal(
    before: tuple[float, float], bar: tuple[float, float], direction: int
) -> None:
    assert engulfing_direction(*before, *bar) == direction


def test_the_first_bar_has_shapes_but_nothing_to_engulf_and_no_size_before_there_is_an_atr() -> None:
    found = find_patterns(Series(*np.array([[10.0, 11.0, 9.0, 10.0, 0.0]]).T), SMALL)[0]
    assert oracles.named(found) == [oracles.Found(0, 0, "DOJI")]
    assert math.isnan(found[0].size_atr)


def test_a_market_that_never_moves_has_no_patterns() -> None:
    assert len(find_patterns(Series(*flat_bars(200, 1.17663)[:5]), SMALL)[0]) == 0


def test_a_breakout_is_measured_by_the_bars_before_it_alone() -> None:
    calm = [10.0, 11.0] * 15
    found = find_patterns(of_closes(*calm, 30.0), SMALL)[0]
    up = found[found.pattern == Pattern.RANGE_UP]
    assert [(row.bar, row.price, row.size_atr) for row in up] == [(30, 11.0, pytest.approx(19.0))]


def test_a_strength_that_closes_standing_still_have_kept_is_no_divergence() -> None:
    bars = series(200, 21)
    stands = [one for one in oracles.named(find_patterns(bars, SMALL)[0], "REGULAR_BULL") if one.bar == 150]
    assert bars.low[150] < bars.low[147]
    assert len(set(bars.close[147:151])) == 1
    assert stands == []


def test_a_trend_line_breaks_once_and_is_forgotten_when_it_is_old() -> None:
    falling = [30, 16, 14, 13, 20, 15, 10, 9, 8, 14, 10, 7, 6, 6, 6]
    bars = of_closes(*map(float, falling), *[25.0] * 4)
    params = SMALL._replace(atr=2, separation_min=1)
    up = oracles.named(find_patterns(bars, params)[0], "TREND_UP")
    assert [one.bar for one in up] == [15]
    young = params._replace(separation_max=5)
    assert oracles.named(find_patterns(bars, young)[0], "TREND_UP") == []


@pytest.mark.parametrize("name", ["wings", "atr", "rsi", "lookback", "volume", "separation_min", "pivots_max"])
def test_a_period_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"patterns: {name} = 0; whole numbers from 1 to \d+ are allowed"):
        find_patterns(series(5, 1), PatternParams(**{name: 0}))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"trend": 1}, "patterns: trend = 1; whole numbers from 2 to 10000 are allowed"),
        ({"wings": 2.0}, "patterns: wings = 2.0; whole numbers from 1 to 100 are allowed"),
        ({"buffer_atr": 1}, "patterns: buffer_atr = 1; floats from 0 to 100 are allowed"),
        ({"buffer_atr": -0.1}, "patterns: buffer_atr = -0.1; floats from 0 to 100 are allowed"),
        ({"tolerance_atr": math.nan}, "patterns: tolerance_atr = nan; floats from 0 to 100 are allowed"),
        ({"separation_min": 9, "separation_max": 8}, "patterns: separation_min = 9 is above separation_max = 8"),
    ],
)
def test_parameters_out_of_bounds_are_refused_in_one_line(given_: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        find_patterns(series(5, 1), PatternParams()._replace(**given_))
    assert str(refusal.value) == message


def test_a_series_without_bars_has_no_patterns() -> None:
    found, watch = find_patterns(Series(*np.zeros((5, 0))), SMALL)
    assert (len(found), levels_now(watch, 0, SMALL)) == (0, [])
