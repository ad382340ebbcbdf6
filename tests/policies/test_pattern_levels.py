"""Support and resistance: which levels there are at every bar, and when they turn from one into the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import Records, unwritten
from policies.patterns import (
    DETECTION,
    Pattern,
    PatternParams,
    Role,
    Series,
    find_patterns,
    levels_now,
    open_watch,
    room_of,
    update_patterns,
)
from tests.market.bars import made_bars
from tests.policies import pattern_oracles as oracles
from tests.properties import FEW

PARAMS = PatternParams(
    wings=1, atr=2, rsi=2, lookback=50, trend=6, volume=6, separation_min=3, tolerance_atr=0.5, flip_atr=0.25
)  # fmt: skip
LEVELS = (Pattern.TURNED_SUPPORT, Pattern.TURNED_RESISTANCE, Pattern.SUPPORT_HELD, Pattern.RESISTANCE_HELD)


def at_every_bar(bars: Series, params: PatternParams) -> list[list[tuple[float, int]]]:
    """Return (price, touches) of the levels at the close of every bar, as a live view has them."""
    watch, out = open_watch(1, params), unwritten(room_of(params), DETECTION)
    seen = []
    for row in zip(*bars, strict=True):
        update_patterns(watch, 0, params, *row, out)
        seen.append([(float(level.price), int(level.touches)) for level in levels_now(watch, 0, params)])
    return seen


@given(
    seed=st.integers(0, 10**6), tolerance=st.sampled_from([0.0, 0.3, 0.5, 2.0]), pivots_max=st.sampled_from([4, 12, 40])
)  # fmt: skip
@FEW
def test_levels_at_every_bar_are_those_of_the_bars_up_to_it(seed: int, tolerance: float, pivots_max: int) -> None:
    bars = Series(*made_bars(90, seed)[:5])
    params = PatternParams(wings=2, atr=5, tolerance_atr=tolerance, pivots_max=pivots_max)
    for levels, expected in zip(at_every_bar(bars, params), oracles.levels(bars, params), strict=True):
        assert [touches for _, touches in levels] == [touches for _, touches in expected]
        assert [price for price, _ in levels] == pytest.approx([price for price, _ in expected])


@given(seed=st.integers(0, 10**6), tolerance=st.sampled_from([0.3, 0.8]), pivots_max=st.sampled_from([3, 6, 40]))
@FEW
def test_levels_turn_and_hold_as_their_slow_twin_says(seed: int, tolerance: float, pivots_max: int) -> None:
    bars = Series(*made_bars(150, seed)[:5])
    params = PatternParams(wings=1, atr=5, tolerance_atr=tolerance, pivots_max=pivots_max)
    found = oracles.named(find_patterns(bars, params)[0], *(kind.name for kind in LEVELS))
    assert sorted(found) == oracles.level_events(bars, params)


@pytest.mark.slow
def test_levels_turn_and_hold_as_their_slow_twin_says_on_many_paths() -> None:
    for seed in range(200):
        bars = Series(*made_bars(150, seed)[:5])
        params = PatternParams(wings=1 + seed % 3, atr=5, pivots_max=(2, 5, 40)[seed % 3])
        found = oracles.named(find_patterns(bars, params)[0], *(kind.name for kind in LEVELS))
        assert sorted(found) == oracles.level_events(bars, params), seed


def path(*close: float) -> Series:
    """Return bars from close to close, with a range of 4 so that the ATR stays about as large."""
    closes = np.array(close, np.float64)
    opens = np.concatenate([closes[:1], closes[:-1]])
    middle = (opens + closes) / 2
    half = np.maximum(np.abs(closes - opens) / 2, 2.0)
    return Series(opens, middle + half, middle - half, closes, np.zeros(len(closes)))


def of_levels(found: Records, *kinds: Pattern) -> list[tuple[int, str]]:
    return [(int(row.known_at), Pattern(row.pattern).name) for row in found if row.pattern in (kinds or LEVELS)]


TWO_TOPS = (100.0, 104.0, 108.0, 104.0, 100.0, 104.0, 108.0, 104.0, 100.0)


def test_a_resistance_holds_at_its_second_touch_and_not_at_its_first() -> None:
    found, watch = find_patterns(path(*TWO_TOPS), PARAMS)
    assert of_levels(found, Pattern.RESISTANCE_HELD) == [(7, "RESISTANCE_HELD")]
    tops = [level for level in levels_now(watch, 0, PARAMS) if level.price > 105.0]
    assert [(level.touches, level.role, level.known_at) for level in tops] == [(2, Role.RESISTANCE, 7)]


def test_a_resistance_turns_into_a_support_on_a_close_beyond_it_and_back() -> None:
    broken = (*TWO_TOPS, 104.0, 108.0, 112.0, 116.0)
    found, watch = find_patterns(path(*broken), PARAMS)
    assert of_levels(found, Pattern.TURNED_SUPPORT) == [(11, "TURNED_SUPPORT")]
    assert [level.role for level in levels_now(watch, 0, PARAMS) if level.price > 105.0] == [Role.SUPPORT]
    lost = (*broken, 112.0, 108.0, 104.0, 100.0)
    turns = of_levels(find_patterns(path(*lost), PARAMS)[0], Pattern.TURNED_SUPPORT, Pattern.TURNED_RESISTANCE)
    assert turns == [(11, "TURNED_SUPPORT"), (15, "TURNED_RESISTANCE")]


def test_a_close_beyond_by_less_than_the_distance_turns_nothing() -> None:
    level = 108.0
    beyond = level + 0.2 * 4.0
    found = find_patterns(path(*TWO_TOPS, 104.0, beyond), PARAMS)[0]
    assert of_levels(found, Pattern.TURNED_SUPPORT) == []
    found = find_patterns(path(*TWO_TOPS, 104.0, beyond), PARAMS._replace(flip_atr=0.15))[0]
    assert of_levels(found, Pattern.TURNED_SUPPORT) == [(10, "TURNED_SUPPORT")]


def test_what_was_resistance_holds_from_above_once_it_has_turned() -> None:
    pulled_back = (*TWO_TOPS, 104.0, 108.0, 112.0, 116.0, 112.0, 108.0, 112.0, 116.0)
    found, watch = find_patterns(path(*pulled_back), PARAMS)
    assert of_levels(found)[-1] == (15, "SUPPORT_HELD")
    held = found[found.pattern == Pattern.SUPPORT_HELD][-1]
    assert (held.bar, held.touches, held.direction) == (14, 3, 1)
    assert [(level.touches, level.role) for level in levels_now(watch, 0, PARAMS) if 105.0 < level.price < 110.0] == [
        (3, Role.SUPPORT)
    ]


def test_only_the_newest_pivots_make_levels() -> None:
    bars = Series(*made_bars(400, 5)[:5])
    for most in (1, 2, 7):
        params = PatternParams(wings=2, atr=5, pivots_max=most, touches_min=2, tolerance_atr=100.0)
        touches = [sum(count for _, count in levels) for levels in at_every_bar(bars, params)]
        assert max(touches) == (most if most > 1 else 0)


def test_levels_turned_together_are_all_reported() -> None:
    bars = Series(*made_bars(200, 8)[:5])
    crash = Series(*(np.append(column, value) for column, value in zip(bars, (9_000, 9_000, 1, 1, 0), strict=True)))
    params = PatternParams(wings=1, atr=5, tolerance_atr=0.1, pivots_max=100)
    supports = [level for level in at_levels(bars, params) if level.role == Role.SUPPORT]
    found = find_patterns(crash, params)[0]
    assert len(supports) > 1
    assert of_levels(found[found.bar == 200], Pattern.TURNED_RESISTANCE) == [(200, "TURNED_RESISTANCE")] * len(supports)


def at_levels(bars: Series, params: PatternParams) -> list[Records]:
    watch = find_patterns(bars, params)[1]
    return levels_now(watch, 0, params)
