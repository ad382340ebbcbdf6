"""Clusters: what moves together, held to scipy's average linkage, and what a cluster may hold."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from market.quality import DataQualityError
from policies.clusters import Cluster, assumed, cluster_exposures, cluster_labels
from tests.builders import MONEY
from tests.properties import PROPERTY

LOADINGS = st.lists(st.floats(-0.99, 0.99), min_size=2, max_size=9)


def numbered(labels: list[int]) -> tuple[int, ...]:
    """Number labels by first appearance."""
    order = list(dict.fromkeys(labels))
    return tuple(order.index(label) for label in labels)


@given(LOADINGS, st.floats(-0.9, 0.95))
@PROPERTY
def test_clusters_are_scipys(loadings: list[float], threshold: float) -> None:
    matrix = np.outer(loadings, loadings)
    np.fill_diagonal(matrix, 1.0)
    distance = np.sqrt((1.0 - matrix) / 2.0)
    tree = linkage(squareform(distance, checks=False), "average")
    cut = math.sqrt((1.0 - threshold) / 2.0)
    if np.abs(tree[:, 2] - cut).min() > 1e-9 and len({round(value, 12) for value in tree[:, 2]}) == len(tree):
        assert cluster_labels(matrix, threshold) == numbered(fcluster(tree, cut, "distance").tolist())


def test_a_pair_at_the_threshold_is_one_cluster() -> None:
    assert [cluster_labels(np.array([[1, rho], [rho, 1]]), 0.7) for rho in (0.7, 0.6999)] == [(0, 0), (0, 1)]


def test_no_instruments_have_no_clusters() -> None:
    assert cluster_labels(np.zeros((0, 0)), 0.7) == ()


@pytest.mark.parametrize("matrix", [np.full((2, 2), math.nan), np.full((2, 2), 1.5), np.zeros((2, 3))])
def test_what_is_no_correlation_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(DataQualityError, match="from -1 to 1 is allowed"):
        cluster_labels(matrix, 0.7)


@pytest.mark.parametrize("threshold", [1.1, -1.1, math.nan])
def test_a_threshold_is_a_correlation(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        cluster_labels(np.eye(2), threshold)


def test_what_was_not_measured_is_one_within_a_class_and_nothing_across() -> None:
    matrix, counts = np.full((3, 3), math.nan), np.full((3, 3), 29)
    matrix[0, 1] = matrix[1, 0] = 0.2
    counts[0, 1] = counts[1, 0] = 30
    assert assumed(matrix, counts, (1, 1, 1), 30).tolist() == [[1, 0.2, 1], [0.2, 1, 1], [1, 1, 1]]
    assert assumed(matrix, counts, (1, 1, 2), 30).tolist() == [[1, 0.2, 0], [0.2, 1, 0], [0, 0, 1]]


def test_gross_counts_against_the_cap_and_exactly_the_cap_may_be_held() -> None:
    equity = 1_000 * MONEY
    found = cluster_exposures((0, 1, 0), (300 * MONEY, 401 * MONEY, -100 * MONEY), equity, Decimal("0.4"))
    assert found == [
        Cluster(members=(0, 2), gross=400 * MONEY, net=200 * MONEY, cap=400 * MONEY),
        Cluster(members=(1,), gross=401 * MONEY, net=401 * MONEY, cap=400 * MONEY),
    ]
    assert [cluster.breached for cluster in found] == [False, True]
    assert found[0].fraction_of(equity) == 0.4


def test_without_equity_nothing_may_be_held() -> None:
    (found,) = cluster_exposures((0,), (1,), -5, Decimal(1))
    assert (found.cap, found.breached, found.fraction_of(0)) == (0, True, None)


def test_labels_and_caps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 notionals do not fit 1 labels"):
        cluster_exposures((0,), (1, 2), 1, Decimal(1))
    with pytest.raises(ValueError, match="cluster cap -1"):
        cluster_exposures((0,), (1,), 1, Decimal(-1))
