"""What moves together is one bet: clusters of instruments by correlation, and what each may hold.

Distance d = sqrt((1 - rho) / 2), average linkage, cut where rho would be the threshold. The cap is on GROSS notional: a
long and a short of one cluster net in its net figure, but count in full against the cap: correlation breaks when it is
needed. Of two instruments whose correlation is not known nobody knows that they differ: within an asset class they
count as one.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.costs import PPM
from market.quality import DataQualityError
from policies.gates import position_cap
from policies.shrinkage import OBSERVATIONS_MIN, Measured

Floats = NDArray[np.float64]


class Cluster(Struct, frozen=True, kw_only=True):
    """One cluster: its members by number, gross and net notional (money), the cap, and whether gross is above it."""

    members: tuple[int, ...]
    gross: int
    net: int
    cap: int

    @property
    def breached(self) -> bool:
        """Tell whether it holds more than it may; exactly the cap may be held."""
        return self.gross > self.cap

    def fraction_of(self, equity: int) -> float | None:
        """Return gross notional as a fraction of equity; None without equity."""
        return self.gross / equity if equity > 0 else None


def cluster_labels(correlation: Floats, threshold: float) -> tuple[int, ...]:
    """Return the cluster of each instrument, numbered by first appearance. Shape (n, n), symmetric, within [-1, 1].

    ValueError for a threshold outside [-1, 1]; DataQualityError for a matrix that is no correlation.
    """
    if not -1.0 <= threshold <= 1.0:
        raise ValueError(f"threshold {threshold}: from -1 to 1 is allowed")
    count = len(correlation)
    if correlation.shape != (count, count) or not (np.abs(correlation) <= 1.0).all():
        raise DataQualityError(f"correlation of shape {correlation.shape}: a square of numbers from -1 to 1 is allowed")
    cut = math.sqrt((1.0 - threshold) / 2.0)
    distance = np.sqrt((1.0 - correlation) / 2.0)
    groups = [[i] for i in range(count)]
    while len(groups) > 1:
        nearest, one, other = min(
            (float(distance[np.ix_(groups[a], groups[b])].mean()), a, b)
            for a in range(len(groups)) for b in range(a + 1, len(groups))
        )  # fmt: skip
        if nearest > cut:
            break
        groups[one] += groups.pop(other)
    labels = [0] * count
    for label, group in enumerate(sorted(groups, key=min)):
        for i in group:
            labels[i] = label
    return tuple(labels)


def assumed(correlation: Floats, observations: NDArray[np.int64], classes: Sequence[int], least: int) -> Floats:
    """Return a whole matrix (n, n): of pairs with fewer than `least` common returns, 1 within a class and 0 across."""
    kinds = np.asarray(classes)
    same = kinds[:, None] == kinds[None, :]
    whole = np.where(observations >= least, correlation, np.where(same, 1.0, 0.0))
    np.fill_diagonal(whole, 1.0)
    return whole


def labels_of(
    measured: Measured, classes: Sequence[int], threshold: float, least: int = OBSERVATIONS_MIN
) -> tuple[int, ...]:  # fmt: skip
    """Return the cluster of each instrument by what was measured, and by its asset class where nothing was."""
    return cluster_labels(assumed(measured.correlation, measured.observations, classes, least), threshold)


def cluster_exposures(labels: Sequence[int], notionals: Sequence[int], equity: int, cap: Decimal) -> list[Cluster]:
    """Return the clusters with what they hold (signed notionals, money) and may hold: a fraction of equity."""
    if len(labels) != len(notionals):
        raise ValueError(f"{len(notionals)} notionals do not fit {len(labels)} labels")
    if not 0 <= cap <= 1000:
        raise ValueError(f"cluster cap {cap}: a fraction of equity from 0 to 1000 is allowed")
    most = position_cap(equity, int(cap * PPM))
    found = []
    for label in sorted(set(labels)):
        members = tuple(i for i, own in enumerate(labels) if own == label)
        own = [int(notionals[i]) for i in members]
        found.append(Cluster(members=members, gross=sum(map(abs, own)), net=sum(own), cap=most))
    return found
