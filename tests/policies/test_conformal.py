"""Bands: an order statistic or no bound at all, cover what they should, and follow a market that changes."""

import math

import numpy as np
import pytest

from market.quality import DataQualityError
from policies.conformal import BandRule, band_width, learn_residual, open_bands, run_bands, split_conformal
from tests.market.bars import real_bars
from tests.policies.votes import EURUSD

RULE = BandRule(window=200)


def bands_of(residuals, rule: BandRule = RULE):
    bands, out = open_bands(1, rule), np.zeros(len(residuals))
    run_bands(bands, 0, np.asarray(residuals, np.float64), rule, out)
    return bands, out


def real_residuals(count: int):
    return 1e4 * np.diff(np.log(real_bars(EURUSD).close[: count + 1]))


def test_too_few_residuals_give_no_bound_and_not_the_largest_one() -> None:
    found = split_conformal(np.arange(1.0, 9.0), 0.1, 0.0)
    assert (found.rank, found.quantile, found.interval) == (9, None, None)
    assert split_conformal(np.arange(1.0, 10.0), 0.1, 0.5).interval == (-8.5, 9.5)


def test_a_rank_that_is_whole_on_paper_is_not_rounded_up() -> None:
    assert split_conformal(np.arange(1.0, 10.0), 0.7, 0.0).rank == 3


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_an_alpha_that_is_no_share_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        split_conformal([1.0], alpha, 0.0)
    with pytest.raises(ValueError, match="alpha"):
        open_bands(1, BandRule(alpha=alpha))


def test_rules_and_residuals_that_make_no_sense_are_refused() -> None:
    for rule in (BandRule(gain=1.0), BandRule(window=0)):
        with pytest.raises(ValueError, match="is allowed"):
            open_bands(1, rule)
    with pytest.raises(DataQualityError, match="finite"):
        split_conformal([1.0, math.nan], 0.1, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_residual_that_is_no_number_teaches_nothing(bad: float) -> None:
    bands, _ = bands_of(real_residuals(50))
    before = bands.sources[0].tobytes()
    assert not learn_residual(bands, 0, bad, 1.0, RULE)
    assert not learn_residual(bands, 0, 1.0, math.nan, RULE)
    assert bands.sources[0].tobytes() == before


def test_the_band_is_that_of_the_newest_residuals() -> None:
    residuals, rule = real_residuals(500), BandRule(window=100, gain=0.0)
    _, out = bands_of(residuals, rule)
    assert np.isinf(out[:9]).all()
    for i in (9, 57, 100, 333, 499):
        expected = split_conformal(np.abs(residuals[max(i - 100, 0) : i]), 0.1, 0.0).quantile
        assert out[i] == expected


@pytest.mark.parametrize("cut", [5, 180, 640])
def test_bands_of_the_past_do_not_know_what_came_later(cut: int) -> None:
    residuals = real_residuals(700)
    assert bands_of(residuals[:cut])[1].tobytes() == bands_of(residuals)[1][:cut].tobytes()


def test_bands_cover_what_they_should_also_when_the_market_becomes_wilder() -> None:
    rng = np.random.default_rng(4)
    residuals = rng.normal(0.0, np.where(np.arange(3000) < 1500, 1.0, 4.0))
    bands, out = bands_of(residuals)
    assert np.abs(residuals[1700:] <= out[1700:]).mean() > 0.85
    assert bands.sources[0].misses / 3000 == pytest.approx(0.1, abs=0.02)


def test_an_alpha_that_adapts_below_zero_comes_back() -> None:
    rule = BandRule(alpha=0.1, gain=0.5, window=50)
    bands, _ = bands_of(np.ones(30), rule)
    learn_residual(bands, 0, 9.0, band_width(bands, 0), rule)
    learn_residual(bands, 0, 9.0, 1.0, rule)
    assert bands.sources[0].alpha < 0.0
    assert math.isinf(band_width(bands, 0))
    for _ in range(30):
        learn_residual(bands, 0, 1.0, band_width(bands, 0), rule)
    assert bands.sources[0].alpha > 0.0
    assert not math.isinf(band_width(bands, 0))
