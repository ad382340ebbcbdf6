"""Quantiles and tails, held to scipy over the range in which they are used."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from policies.distributions import beta_cdf, beta_quantile, chi_square_tail, normal_density, normal_quantile
from tests.properties import PROPERTY

SHAPES = st.floats(0.2, 5_000.0)
CHANCES = st.floats(1e-6, 1.0 - 1e-6)


@given(CHANCES)
@PROPERTY
def test_the_normal_is_scipys(probability: float) -> None:
    z = normal_quantile(probability)
    assert z == pytest.approx(stats.norm.ppf(probability), rel=1e-12, abs=1e-12)
    assert normal_density(z) == pytest.approx(stats.norm.pdf(z), rel=1e-12)


@given(st.floats(0.0, 200.0))
@PROPERTY
def test_the_chi_square_tail_is_scipys(statistic: float) -> None:
    assert chi_square_tail(statistic) == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-10)


@given(st.floats(0.0, 1.0), SHAPES, SHAPES)
@PROPERTY
def test_the_incomplete_beta_is_scipys(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-8, abs=1e-12)


@given(CHANCES, SHAPES, SHAPES)
@PROPERTY
def test_the_beta_quantile_is_scipys(probability: float, a: float, b: float) -> None:
    assert beta_quantile(probability, a, b) == pytest.approx(stats.beta.ppf(probability, a, b), rel=1e-7, abs=1e-14)


def test_a_million_trades_still_have_a_quantile() -> None:
    assert beta_quantile(0.1, 600_001, 400_001) == pytest.approx(stats.beta.ppf(0.1, 600_001, 400_001), rel=1e-8)


def test_the_ends_of_the_incomplete_beta_are_exact() -> None:
    assert (beta_cdf(0.0, 2.0, 3.0), beta_cdf(1.0, 2.0, 3.0)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (normal_quantile, (0.0,)), (normal_quantile, (1.0,)), (normal_quantile, (math.nan,)),
        (chi_square_tail, (-1.0,)), (chi_square_tail, (math.nan,)), (beta_cdf, (1.5, 1.0, 1.0)),
        (beta_cdf, (math.nan, 1.0, 1.0)), (beta_cdf, (0.5, 0.0, 1.0)), (beta_quantile, (0.5, 1.0, math.inf)),
        (beta_quantile, (0.0, 1.0, 1.0)), (beta_cdf, (0.5, 1e12, 1e12)),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_refused_in_a_line(function, arguments) -> None:
    with pytest.raises(ValueError, match=r"allowed|too large") as refused:
        function(*arguments)
    assert "\n" not in str(refused.value)
