"""Reliability: the parts of the Brier score add up, nothing undefined gets a number, claims that are none are named."""

import math

import numpy as np
import pytest

from market.quality import DataQualityError
from policies.calibration_report import reliability_of
from tests.policies.votes import made_history


def test_the_parts_of_the_brier_score_add_up_when_claims_are_few_values() -> None:
    rng = np.random.default_rng(2)
    claims = rng.choice([0.25, 0.55, 0.85], 400)
    hits = (rng.random(400) < claims - 0.1).astype(float)
    found = reliability_of(claims, hits, 10)
    parts = found.murphy_reliability - found.murphy_resolution + found.murphy_uncertainty
    assert found.brier == pytest.approx(parts, abs=1e-12)
    assert found.ece <= found.mce


def test_calibrated_claims_have_a_small_error_and_biased_ones_their_bias() -> None:
    sound, biased = made_history(4000, bias=0.0), made_history(4000, bias=0.15)
    assert reliability_of(sound.claim, sound.hit, 10).ece < 0.03
    assert reliability_of(biased.claim, biased.hit, 10).ece == pytest.approx(0.14, abs=0.02)


def test_without_two_kinds_of_outcome_there_is_no_skill() -> None:
    found = reliability_of([0.9, 0.8], [1, 1], 10)
    assert (found.hit_rate, found.brier_skill_vs_base_rate) == (1.0, None)
    assert [row.empirical for row in found.buckets if row.n == 0] == [None] * 8


def test_a_sure_claim_that_failed_has_a_finite_loss() -> None:
    assert reliability_of([1.0], [0], 10).log_loss == pytest.approx(-math.log(1e-15), rel=1e-3)


@pytest.mark.parametrize(
    ("claims", "hits", "message"),
    [
        ([0.5, 60.0], [1, 0], r"claim 1 is 60.0: from 0 to 1 is allowed"),
        ([math.nan], [1], r"claim 0 is nan"),
        ([0.5], [0.5], r"outcome 0 is 0.5: 0 or 1 is allowed"),
        ([0.5], [1, 0], r"as many of both"),
        ([], [], r"one at least"),
    ],
)
def test_claims_and_outcomes_that_are_none_are_named(claims, hits, message) -> None:
    with pytest.raises(DataQualityError, match=message):
        reliability_of(claims, hits, 10)


def test_a_report_needs_buckets_and_a_prior() -> None:
    with pytest.raises(ValueError, match="buckets 0"):
        reliability_of([0.5], [1], 0)
    with pytest.raises(ValueError, match="prior_strength 0"):
        reliability_of([0.5], [1], 10, 0.0)
