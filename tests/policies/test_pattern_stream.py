"""Patterns as a stream: live equals batch, nothing reads a later bar, a bar that cannot be changes nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.quality import DataQualityError
from market.records import Records, records, unwritten
from policies.patterns import (
    DETECTION,
    REFUSED,
    Pattern,
    PatternParams,
    Series,
    Watch,
    find_patterns,
    open_watch,
    pattern_confidence,
    room_of,
    update_patterns,
)
from tests.market.bars import made_bars, real_bars
from tests.properties import FEW, PROPERTY

SMALL = PatternParams(wings=2, atr=5, rsi=5, lookback=8, trend=6, volume=6, separation_min=3, pivots_max=12)
REAL = ("fx/h1/EURUSD_H1_2015_2023_mt5", "fx/m1/XAUUSD_M1_2018_2019_histdata", "crypto/binance/BTCUSDT_1h_2017_2024")


def real(name: str, begin: int, rows: int) -> Series:
    return Series(*real_bars(name).part(begin, begin + rows)[:5])


def cut(series: Series, end: int) -> Series:
    return Series(*(column[:end] for column in series))


def live(many: list[Series], params: PatternParams) -> list[Records]:
    """Take the bars of several feeds in turn, one by one; return what each was told, in the order of telling."""
    watch, room = open_watch(len(many), params), room_of(params)
    told: list[list[Records]] = [[] for _ in many]
    for t in range(max(len(series.close) for series in many)):
        for view, series in enumerate(many):
            if t < len(series.close):
                out = unwritten(room, DETECTION)
                found = update_patterns(watch, view, params, *(column[t] for column in series), out)
                told[view].append(out[:found])
    return [np.concatenate(parts) if parts else records(0, DETECTION) for parts in told]


def same(one: Records, other: Records, *fields: str) -> bool:
    return all(one[name].tobytes() == other[name].tobytes() for name in fields)


def memory(watch: Watch) -> list[bytes]:
    return [part.tobytes() for part in watch]


@given(seed=st.integers(0, 10**6), t=st.integers(0, 119))
@settings(FEW, max_examples=10)
def test_no_pattern_reads_a_later_bar(seed: int, t: int) -> None:
    bars = Series(*made_bars(120, seed)[:5])
    whole = find_patterns(bars, SMALL)[0]
    assert find_patterns(cut(bars, t), SMALL)[0].tobytes() == whole[whole.known_at < t].tobytes()


@pytest.mark.parametrize("name", REAL)
def test_no_pattern_of_real_bars_reads_a_later_one(name: str) -> None:
    bars = real(name, 1_000, 300)
    whole = find_patterns(bars, PatternParams())[0]
    assert len(set(whole.pattern)) > 10
    for t in (0, 29, 150, 233):
        assert find_patterns(cut(bars, t), PatternParams())[0].tobytes() == whole[whole.known_at < t].tobytes()


@pytest.mark.parametrize("name", REAL)
def test_live_equals_batch_on_real_bars(name: str) -> None:
    many = [real(name, begin, rows) for begin, rows in ((0, 150), (4_000, 120), (9_000, 90))]
    for told, series in zip(live(many, PatternParams()), many, strict=True):
        assert told.tobytes() == find_patterns(series, PatternParams())[0].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL[1:2])
def test_live_equals_batch_at_every_bar_of_a_hundred_thousand(name: str) -> None:
    bars = real(name, 0, 110_000)
    assert live([bars], PatternParams())[0].tobytes() == find_patterns(bars, PatternParams())[0].tobytes()


@pytest.mark.slow
def test_patterns_of_two_years_of_minutes_know_nothing_of_what_comes() -> None:
    bars = real(REAL[1], 0, 200_000)
    whole = find_patterns(bars, PatternParams())[0]
    assert len(set(whole.pattern)) == len(Pattern)
    for t in (*range(1, 3_000, 41), 8_192, 77_777, 150_001):
        assert find_patterns(cut(bars, t), PatternParams())[0].tobytes() == whole[whole.known_at < t].tobytes()


FLAWS = [
    *[(column, value) for column in range(4) for value in (math.nan, math.inf, -math.inf)],
    (4, -1.0), (4, math.inf), (0, 20_000.0), (3, 20_000.0), (1, 1.0), (2, 20_000.0),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value"), FLAWS)
def test_a_bar_that_cannot_be_is_refused_and_changes_nothing(column: int, value: float) -> None:
    bars = [list(row) for row in zip(*made_bars(60)[:5], strict=True)]
    watch, out = open_watch(1, SMALL), unwritten(room_of(SMALL), DETECTION)
    for row in bars[:40]:
        update_patterns(watch, 0, SMALL, *row, out)
    before = memory(watch)
    flawed = list(bars[40])
    flawed[column] = value
    assert update_patterns(watch, 0, SMALL, *flawed, out) == REFUSED
    assert memory(watch) == before


def test_a_series_with_a_bar_that_cannot_be_is_refused_by_its_place() -> None:
    bars = Series(*made_bars(50)[:5])
    bars.high[31] = bars.low[17] = math.nan
    with pytest.raises(DataQualityError, match=r"bar 17: open .*, low nan, close .*; no such bar can be"):
        find_patterns(bars, SMALL)


def test_columns_of_different_length_are_refused() -> None:
    bars = Series(*made_bars(50)[:5])
    with pytest.raises(ValueError, match="one length"):
        find_patterns(bars._replace(high=bars.high[:49]), SMALL)


@pytest.mark.parametrize("nothing", [0.0, math.nan])
def test_a_feed_without_volume_has_the_same_patterns_with_less_confidence(nothing: float) -> None:
    bars = Series(*made_bars(400)[:5])
    quiet = find_patterns(bars._replace(volume=np.full(400, nothing)), SMALL)[0]
    loud = find_patterns(bars._replace(volume=np.full(400, 5.0)), SMALL)[0]
    assert same(quiet, loud, *(name for name in DETECTION.names or () if name != "confidence"))
    late = loud.known_at > SMALL.volume
    np.testing.assert_allclose(loud.confidence[late] - quiet.confidence[late], 0.05)


def test_a_volume_that_is_missing_now_and_then_does_not_outlive_its_window() -> None:
    bars = Series(*made_bars(400)[:5])
    gaps, whole = bars.volume + 1.0, bars.volume + 1.0
    gaps[50:53] = math.nan
    one, other = (find_patterns(bars._replace(volume=volume), SMALL)[0] for volume in (gaps, whole))
    late = one.known_at > 53 + 2 * SMALL.volume
    np.testing.assert_allclose(one.confidence[late], other.confidence[late], rtol=1e-14)
    assert np.isfinite(one.confidence).all()


def test_a_weekend_between_two_bars_is_no_gap() -> None:
    friday, sunday = (10.0, 11.0, 9.0, 9.5), (9.4, 12.0, 9.3, 11.0)
    columns = [*np.array([friday, sunday]).T, np.zeros(2)]
    assert find_patterns(Series(*columns), SMALL)[0].known_at.max() == 1


def test_prices_at_or_below_zero_have_patterns_too() -> None:
    bars = made_bars(300)
    below = Series(*(column - 10_000.0 for column in bars[:4]), bars.volume)
    found, expected = find_patterns(below, SMALL)[0], find_patterns(Series(*bars[:5]), SMALL)[0]
    assert same(found, expected, "pattern", "bar", "known_at", "direction")
    assert ((found.confidence >= 0.0) & (found.confidence <= 1.0)).all()


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(size=NUMBERS, level=st.sampled_from([0.0, 1.0]), z=NUMBERS, way=st.integers(-1, 1), volume=NUMBERS)
@PROPERTY
def test_a_confidence_is_a_fraction_whatever_it_is_made_of(
    size: float, level: float, z: float, way: int, volume: float
) -> None:
    assert 0.0 <= pattern_confidence(size, level, z, way, volume) <= 1.0


def test_what_is_not_known_adds_nothing_to_a_confidence() -> None:
    nan = math.nan
    assert pattern_confidence(nan, 0.0, nan, 1, nan) == 0.0
    assert pattern_confidence(1.5, 0.0, nan, 1, nan) == pytest.approx(0.4)
    assert pattern_confidence(nan, 1.0, nan, 1, nan) == pytest.approx(0.3)
    assert pattern_confidence(nan, 0.0, 2.0, 1, nan) == pytest.approx(0.2)
    assert pattern_confidence(nan, 0.0, 2.0, -1, nan) == 0.0
    assert pattern_confidence(nan, 0.0, 2.0, 0, nan) == pytest.approx(0.1)
    assert pattern_confidence(nan, 0.0, nan, 1, 2.0) == pytest.approx(0.1)
