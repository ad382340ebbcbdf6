"""Average linkage, compiled and in place: the clusters of `policies.clusters.cluster_labels`."""

import math

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled


@compiled
def cluster_by_linkage(
    matrix: NDArray[np.float64], sizes: NDArray[np.int64], threshold: float, labels: NDArray[np.int64]
) -> None:
    """Write the cluster of each instrument to `labels` (n,), numbered by first appearance.

    `matrix[0]` (n, n) is a correlation, `matrix[1]` room for distances sqrt((1 - rho) / 2), `sizes` (at least n) room
    for the number of members. The nearest two clusters become one, the first of several, until none is nearer than the
    threshold. The distance between two is the mean over all their pairs.
    """
    count, distance = len(labels), matrix[1]
    for i in range(count):
        sizes[i], labels[i] = 1, i
        for j in range(count):
            distance[i, j] = math.sqrt(max((1.0 - matrix[0, i, j]) / 2.0, 0.0))
    cut = math.sqrt((1.0 - threshold) / 2.0)
    while True:
        nearest, one, other = math.inf, -1, -1
        for i in range(count):
            for j in range(i + 1, count):
                if sizes[i] > 0 and sizes[j] > 0 and distance[i, j] < nearest:
                    nearest, one, other = distance[i, j], i, j
        if one < 0 or nearest > cut:
            break
        _join(distance, sizes, labels, one, other)
    _number(sizes, labels)


@compiled
def _join(
    distance: NDArray[np.float64], sizes: NDArray[np.int64], labels: NDArray[np.int64], one: int, other: int
) -> None:
    """Make a cluster one with an earlier one."""
    whole = sizes[one] + sizes[other]
    for k in range(len(labels)):
        mean = (sizes[one] * distance[one, k] + sizes[other] * distance[other, k]) / whole
        distance[one, k] = distance[k, one] = mean
        if labels[k] == other:
            labels[k] = one
    sizes[one], sizes[other] = whole, 0


@compiled
def _number(sizes: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    """Number clusters from 0 by their first member: until now each has the number of that member."""
    following = 0
    for k in range(len(labels)):
        if labels[k] == k:
            sizes[k] = following
            following += 1
    for k in range(len(labels)):
        labels[k] = sizes[labels[k]]
