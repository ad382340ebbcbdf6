"""The volume profile on small books of bars that can be checked by hand, against numpy, and rolling."""

import numpy as np
import pytest

from market.indicators.profile import bin_of
from market.volume_profile import VolumeProfile, volume_profile
from tests.market.bars import features_of, made_bars


def profile_of(prices: list[float], volumes: list[float], bins: int, value_area: float = 0.7) -> VolumeProfile:
    column = np.array(prices)
    return volume_profile(column, column, column, np.array(volumes), bins, value_area)


def test_the_value_area_grows_to_the_larger_neighbour_and_up_on_a_tie() -> None:
    profile = profile_of([0.5, 1.5, 2.5, 3.5, 4.5, 0.0, 5.0], [1, 4, 10, 4, 6, 0, 0], 5, value_area=0.6)
    assert profile.bins.tolist() == [1, 4, 10, 4, 6]
    assert (profile.poc, profile.val, profile.vah) == (2.5, 2.0, 5.0)
    assert profile.value_area_volume_fraction == 20 / 25


def test_the_value_area_stops_at_the_edges_of_the_range() -> None:
    profile = profile_of([0.0, 1.0, 2.0], [5, 1, 1], 2, value_area=1.0)
    assert (profile.val, profile.vah, profile.value_area_volume_fraction) == (0.0, 2.0, 1.0)
    assert profile_of([0.0, 1.0, 2.0], [1, 1, 5], 2, value_area=1.0).val == 0.0


def test_the_lowest_of_equal_bins_is_the_point_of_control_and_the_last_edge_counts() -> None:
    profile = profile_of([0.0, 4.0], [3, 3], 4)
    assert (profile.bins.tolist(), profile.poc) == ([3, 0, 0, 3], 0.5)


def test_bars_without_a_range_make_one_bin() -> None:
    profile = profile_of([7.0, 7.0], [3, 4], 10)
    assert profile == VolumeProfile(profile.bins, 0.0, 7.0, 7.0, 7.0, 7.0, 7.0, 1.0)
    assert profile.bins.tolist() == [7.0]


def test_without_volume_there_is_no_point_of_control() -> None:
    profile = profile_of([1.0, 2.0], [0, 0], 3)
    assert (profile.poc, profile.val, profile.vah, profile.value_area_volume_fraction) == (None, None, None, None)


def test_no_bars_no_bins_or_an_impossible_area_are_refused() -> None:
    for prices, bins, area in (([], 3, 0.7), ([1.0], 0, 0.7), ([1.0], 3, 0.0), ([1.0], 3, 1.1)):
        with pytest.raises(ValueError, match="need bars"):
            profile_of(prices, [1.0] * len(prices), bins, area)


@pytest.mark.parametrize("seed", range(8))
def test_the_bins_are_those_of_numpy(seed: int) -> None:
    bars = made_bars(400, seed, tick=0.1 if seed % 2 else 1.0)
    found = volume_profile(bars.high, bars.low, bars.close, bars.volume, 7 + seed)
    low, high = bars.low.min(), bars.high.max()
    typical = np.clip((bars.high + bars.low + bars.close) / 3.0, low, high)
    expected, edges = np.histogram(typical, 7 + seed, (low, high), weights=bars.volume)
    np.testing.assert_array_equal(found.bins, expected)
    assert (found.low, found.high) == (low, high)
    assert min(abs(edges - found.val)) < 1e-9
    assert min(abs(edges - found.vah)) < 1e-9


def test_a_rolling_profile_is_that_of_its_window() -> None:
    bars = made_bars(120, 9, tick=0.01)
    values = features_of(bars, "profile_poc:30:9", "profile_val:30:9", "profile_vah:30:9")
    for i in range(29, 120):
        part = bars.part(i - 29, i + 1)
        profile = volume_profile(part.high, part.low, part.close, part.volume, 9)
        assert values[i].tolist() == [profile.poc, profile.val, profile.vah]


def test_a_rolling_profile_of_what_never_moves_is_that_price_and_of_no_volume_none() -> None:
    still = made_bars(40)
    still = still._replace(**dict.fromkeys(("high", "low", "close"), np.full(40, 7.0)), volume=np.ones(40))
    assert features_of(still, "profile_poc:10:5", "profile_vah:10:5")[-1].tolist() == [7.0, 7.0]
    silent = features_of(still._replace(volume=np.zeros(40)), "profile_poc:10:5", "profile_val:10:5")
    assert np.isnan(silent).all()


def test_columns_that_do_not_fit_or_are_not_finite_are_refused() -> None:
    column, short, bad = np.ones(4), np.ones(3), np.array([1.0, np.nan, 1.0, 1.0])
    for columns in ((column, short, column, column), (column, column, column, bad)):
        with pytest.raises(ValueError, match="columns of one length, 4, whose values are all finite"):
            volume_profile(*columns, 3)


@pytest.mark.parametrize("seed", range(20))
def test_a_price_on_an_edge_belongs_to_the_bin_above_and_one_just_below_it_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bottom, width, bins = rng.uniform(0.5, 2.0), rng.uniform(1e-5, 0.1), 60
    for k in range(1, bins):
        edge = bottom + k * width
        assert bin_of(edge, bottom, width, 1.0 / width, bins) == k
        assert bin_of(np.nextafter(edge, 0.0), bottom, width, 1.0 / width, bins) == k - 1
    assert bin_of(bottom + bins * width, bottom, width, 1.0 / width, bins) == bins - 1
    assert bin_of(bottom, bottom, 0.0, 0.0, bins) == 0
