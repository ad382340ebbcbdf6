"""Observations: every feature in its unit, standardised and clipped; nothing where something is undefined."""

import math

import numpy as np
import pytest

from market.feature_specs import SPECS, parse_feature
from market.records import records
from policies.intents import INTENT
from policies.observing import CLIP_DEFAULT, OWN, PAIR, UNITS, observe, observe_pair, observer_of, units_of, width_of
from policies.routes import CANDIDATE
from research.lookahead.ours import example_features
from tests.builders import SECOND

HOUR = 3_600 * SECOND
CLOSE, RANGE, VALUE = 110_000.0, 40.0, 110_060.0


def seen(text: str, value: float) -> float:
    """Return what one feature beside the range is measured as, before standardising has anything to do."""
    observer = np.array(observer_of(("atr:14", text), clip=1e9))
    out = np.zeros(8)
    assert observe(observer, np.array([RANGE, value]), CLOSE, 0, 0.0, 0, out)
    return float(out[1])


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("ema:8", VALUE, (CLOSE - VALUE) / RANGE),
        ("sma:15", VALUE, (CLOSE - VALUE) / RANGE),
        ("macd_hist:12:26:9", -18.0, -18.0 / RANGE),
        ("stddev:30", 18.0, 18.0 / RANGE),
        ("rsi:14", 70.0, 0.4),
        ("adx:14", 25.0, -0.5),
        ("stoch_k:14:3:3", 0.0, -1.0),
        ("mfi:14", 100.0, 1.0),
        ("willr:14", -20.0, 0.6),
        ("cci:14", 150.0, 1.5),
        ("return:5", 0.001, 0.001 * CLOSE / RANGE),
        ("volume", 9.0, math.log(10.0)),
    ],
)
def test_a_feature_is_measured_in_its_unit(text: str, value: float, expected: float) -> None:
    assert seen(text, value) == pytest.approx(expected, rel=1e-12)


def test_the_range_itself_is_seen_in_basis_points_of_the_price() -> None:
    out = np.zeros(8)
    assert observe(np.array(observer_of(("atr:14",))), np.array([RANGE]), CLOSE, 0, 0.0, 0, out)
    assert out[0] == pytest.approx(math.log(1e4 * RANGE / CLOSE), rel=1e-12)


def test_units_hold_for_any_tick() -> None:
    features = ("atr:14", "ema:8", "macd_hist:12:26:9", "return:1", "rsi:14")
    values, outs = np.array([RANGE, VALUE, -3.0, 2e-4, 55.0]), []
    for ticks in (1.0, 1_000.0):
        out = np.zeros(16)
        measured = values * np.array([ticks, ticks, ticks, 1.0, 1.0])
        assert observe(np.array(observer_of(features)), measured, CLOSE * ticks, 1, 0.5, 0, out)
        outs.append(out)
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-12)


def test_every_indicator_has_a_unit_or_is_refused_by_name() -> None:
    refused, words = set(), set()
    for text in example_features():
        try:
            assert len(units_of(("atr:14", text))) == 2
        except ValueError as error:
            refused.add((parse_feature(text).spec.op, str(error)))
            words.add(f"feature {text!r}: it has no bounded unit, so no model can observe it")
    assert {said for _, said in refused} == words
    assert UNITS.keys().isdisjoint(op for op, _ in refused)
    assert SPECS["obv"].op in {op for op, _ in refused}


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ((), r"features \(none\): the first one must be an atr:n"),
        (("rsi:14", "atr:14"), "features rsi:14, atr:14: the first one must be an atr:n"),
        (("atr:14", "obv"), "feature 'obv': it has no bounded unit, so no model can observe it"),
        (("atr:14", "oracle:3"), "oracle"),
    ],
)
def test_what_cannot_be_observed_is_refused(features: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        units_of(features)


def test_side_age_and_time_of_day_stand_behind_the_features() -> None:
    observer = np.array(observer_of(("atr:14", "rsi:14")))
    out = np.zeros(16)
    assert observe(observer, np.array([RANGE, 50.0]), CLOSE, -1, 0.25, 30 * HOUR, out)
    np.testing.assert_allclose(out[2 : 2 + OWN], [-1.0, 0.25, 1.0, 0.0], atol=1e-12)
    assert width_of(observer) == 2 + OWN
    assert width_of(np.array(observer_of(()))) == PAIR


def test_inputs_are_standardised_and_clipped() -> None:
    mean, scale = [1.0, 0.2, 0.0, 0.0, 0.0, 0.0], [2.0, 0.1, 1.0, 1.0, 1.0, 1.0]
    observer = np.array(observer_of(("atr:14", "rsi:14"), mean, scale))
    out = np.zeros(16)
    for rsi, expected in ((70.0, 2.0), (100.0, CLIP_DEFAULT), (0.0, -CLIP_DEFAULT)):
        assert observe(observer, np.array([RANGE, rsi]), CLOSE, 0, 0.0, 0, out)
        assert out[1] == pytest.approx(expected, rel=1e-12)
        assert out[0] == pytest.approx((math.log(1e4 * RANGE / CLOSE) - 1.0) / 2.0, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_undefined_shows_nothing(bad: float) -> None:
    observer, out = np.array(observer_of(("atr:14", "rsi:14"))), np.zeros(16)
    assert not observe(observer, np.array([RANGE, bad]), CLOSE, 0, 0.0, 0, out)
    assert not observe(observer, np.array([bad, 50.0]), CLOSE, 0, 0.0, 0, out)


@pytest.mark.parametrize(("scale", "close"), [(0.0, CLOSE), (-1.0, CLOSE), (RANGE, 0.0), (RANGE, math.nan)])
def test_a_market_that_does_not_move_or_has_no_price_shows_nothing(scale: float, close: float) -> None:
    assert not observe(np.array(observer_of(("atr:14",))), np.array([scale]), close, 0, 0.0, 0, np.zeros(8))


@pytest.mark.parametrize(
    ("mean", "scale", "clip", "said"),
    [
        ([0.0], [1.0] * 5, 5.0, "an observer of 5 inputs has 1 means and 5 scales"),
        ([0.0] * 5, [1.0] * 4, 5.0, "an observer of 5 inputs has 5 means and 4 scales"),
        ([0.0] * 5, [1.0] * 4 + [0.0], 5.0, "scales and clip above 0"),
        ([0.0] * 5, [1.0] * 4 + [math.nan], 5.0, "must be finite"),
        ([math.inf] * 5, [1.0] * 5, 5.0, "must be finite"),
        ([0.0] * 5, [1.0] * 5, 0.0, "scales and clip above 0"),
        ([0.0] * 5, [1.0] * 5, math.nan, "scales and clip above 0"),
    ],
)
def test_an_observer_that_cannot_be_is_refused(mean: list[float], scale: list[float], clip: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        observer_of(("atr:14",), mean, scale, clip)


def a_candidate(direction: int) -> tuple[object, object]:
    candidate, assessed = records(1, CANDIDATE)[0], records(1, INTENT)[0]
    candidate.direction, candidate.time_ns = direction, 10 * SECOND
    candidate.bid_a, candidate.ask_a, candidate.bid_b, candidate.ask_b = 99_990, 100_000, 100_030, 100_050
    candidate.time_a_ns, candidate.time_b_ns = 9 * SECOND, 8 * SECOND
    candidate.basis, candidate.sigma_1s = 12.0, 3.0
    assessed.gross, assessed.reward, assessed.risk_score = 3.0, 1.5, 40.0
    return candidate, assessed


def test_a_routes_candidate_is_seen_in_basis_points_of_the_price_paid() -> None:
    observer = np.array(observer_of((), clip=1e9))
    for direction, paid in ((1, 100_000.0), (-1, 100_050.0)):
        out = np.zeros(PAIR)
        observe_pair(observer, *a_candidate(direction), out)
        point = 1e4 / paid
        expected = [3.0, 1.5, 0.4, 3.0 * point, 1.0, 2.0, 10 * point, 20 * point, 12.0 * point, float(direction)]
        np.testing.assert_allclose(out, expected, rtol=1e-12)
