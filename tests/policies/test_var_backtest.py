"""Backtests of VaR: exceptions counted and clustered, ends of the range, and what cannot be."""

import pytest
from scipy import stats

from policies.var_backtest import LikelihoodRatio, christoffersen, kupiec


def test_as_many_exceptions_as_expected_are_no_evidence() -> None:
    assert kupiec(100, 5, 0.05) == LikelihoodRatio(ratio=0.0, p_value=1.0)


@pytest.mark.parametrize("exceptions", [0, 10])
def test_none_and_nothing_but_exceptions_are_valid_findings(exceptions: int) -> None:
    found = kupiec(10, exceptions, 0.5)
    assert found.ratio is not None
    assert found.p_value == pytest.approx(stats.chi2.sf(found.ratio, 1))


def test_without_observations_there_is_no_finding() -> None:
    assert kupiec(0, 0, 0.05) == LikelihoodRatio(reason="no_observations")
    for hits in ([], [1]):
        assert christoffersen(hits).test == LikelihoodRatio(reason="insufficient_data")


def test_exceptions_that_come_together_are_found_and_scattered_ones_are_not() -> None:
    clustered = christoffersen([0] * 80 + [1] * 10 + [0] * 80).test.p_value
    scattered = christoffersen(([0] * 16 + [1]) * 10).test.p_value
    assert clustered is not None
    assert scattered is not None
    assert clustered < 1e-6 < 0.1 < scattered


@pytest.mark.parametrize("hits", [[0, 0, 0], [1, 1, 1]])
def test_what_never_changes_is_independent(hits: list[int]) -> None:
    assert christoffersen(hits).test == LikelihoodRatio(ratio=0.0, p_value=1.0)


@pytest.mark.parametrize("counts", [(10, 11, 0.05), (10, -1, 0.05), (-1, 0, 0.05), (10, 1, 0.0), (10, 1, 1.0)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        kupiec(*counts)


def test_a_hit_is_zero_or_one() -> None:
    with pytest.raises(ValueError, match="hit 2: 0 and 1 are allowed"):
        christoffersen([0, 2])
