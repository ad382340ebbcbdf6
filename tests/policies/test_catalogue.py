"""The catalogue of policies: parameters in kernel order, bounds that are said, features under their parameters."""

import math

import pytest

from market.feature_specs import parse_feature
from policies.catalogue import POLICIES, PolicySpec, features_of, params_of, policy_named

SMA = POLICIES["sma_cross"]


def test_a_policy_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert policy_named("sma_cross") is SMA
    with pytest.raises(ValueError, match=r"policy 'martingale' is unknown; known are confluence, .*, trend_reversion"):
        policy_named("martingale")


def test_defaults_fill_what_is_not_given_in_the_order_of_the_kernel() -> None:
    assert params_of(SMA, {}) == (("fast", 10.0), ("slow", 30.0), ("lots", 1.0))
    assert params_of(SMA, {"lots": 7, "fast": 3}) == (("fast", 3.0), ("slow", 30.0), ("lots", 7.0))


def test_an_unknown_parameter_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="policy sma_cross: parameter 'slwo' is unknown; known are fast, slow, lots"):
        params_of(SMA, {"slwo": 3})


@pytest.mark.parametrize("value", [0, 2001, 2.5, math.nan, math.inf, -1])
def test_a_period_out_of_range_or_between_whole_numbers_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"policy sma_cross: fast = .*; allowed is a whole number from 1 to 2000"):
        params_of(SMA, {"fast": value})


@pytest.mark.parametrize("value", [0.4999, 1.0001, math.nan])
def test_a_fraction_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(
        ValueError, match=r"policy trend_reversion: candidate_min = .*; allowed is a number from 0.5 to"
    ):
        params_of(POLICIES["trend_reversion"], {"candidate_min": value})


@pytest.mark.parametrize("name", list(POLICIES))
def test_bounds_hold_their_default_and_are_allowed_themselves(name: str) -> None:
    spec = POLICIES[name]
    for bound in spec.params:
        assert bound.low <= bound.default <= bound.high
        for value in (bound.low, bound.high):
            others = _out_of_the_way(spec, bound.name)
            assert dict(params_of(spec, {**others, bound.name: value}))[bound.name] == value


def _out_of_the_way(spec: PolicySpec, name: str) -> dict[str, float]:
    """Return extremes for the parameters that must lie above or below one."""
    bounds = {bound.name: bound for bound in spec.params}
    above = {high: bounds[high].high for low, high in spec.rising if low == name}
    return above | {low: bounds[low].low for low, high in spec.rising if high == name}


@pytest.mark.parametrize(("low", "high"), [(25.0, 25.0), (40.0, 35.0)])
def test_parameters_that_rise_are_held_to_it(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=f"adx_low = {low:g} must be less than adx_high = {high:g}"):
        params_of(POLICIES["trend_reversion"], {"adx_low": low, "adx_high": high})


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_features_of_a_policy_are_ones_that_there_are(name: str) -> None:
    spec = POLICIES[name]
    features = features_of(spec, dict(params_of(spec, {})))
    assert len(features) == len(spec.features)
    for feature in features:
        parse_feature(feature)


def test_features_take_their_periods_from_the_parameters() -> None:
    assert features_of(SMA, {"fast": 5.0, "slow": 9.0, "lots": 1.0}) == ("sma:5", "sma:9")
