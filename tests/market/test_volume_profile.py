"""The volume profile on small books of bars that can be checked by hand."""

import numpy as np
import pytest

from market.volume_profile import VolumeProfile, volume_profile


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
