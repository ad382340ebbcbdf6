"""Was a value at risk right? Tests of its exceptions: their number (Kupiec), and whether they come in clusters.

0 ln 0 counts as 0, so no exceptions at all, or nothing but exceptions, are valid findings.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from policies.distributions import chi_square_tail


class LikelihoodRatio(Struct, frozen=True, kw_only=True):
    """A likelihood ratio and the chance of one as large if the VaR is right; None with a reason where undefined."""

    ratio: float | None = None
    p_value: float | None = None
    reason: str | None = None


class Transitions(Struct, frozen=True, kw_only=True):
    """How often an exception (1) or none (0) followed an exception or none, and the test of independence."""

    n00: int
    n01: int
    n10: int
    n11: int
    test: LikelihoodRatio


def kupiec(observations: int, exceptions: int, probability: float) -> LikelihoodRatio:
    """Test the number of exceptions: LR = -2 [ln L(p) - ln L(x / n)]; ValueError for counts that cannot be."""
    if not 0 <= exceptions <= observations:
        raise ValueError(f"exceptions {exceptions}: from 0 to the {observations} observations is allowed")
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability {probability}: more than 0 and less than 1 is allowed")
    if observations == 0:
        return LikelihoodRatio(reason="no_observations")
    seen = exceptions / observations
    return _ratio(
        _log_likelihood(observations - exceptions, exceptions, probability),
        _log_likelihood(observations - exceptions, exceptions, seen),
    )


def christoffersen(hits: Sequence[int]) -> Transitions:
    """Test whether an exception depends on the one before; ValueError for what is neither 0 nor 1."""
    wrong = next((hit for hit in hits if hit not in (0, 1)), None)
    if wrong is not None:
        raise ValueError(f"hit {wrong}: 0 and 1 are allowed")
    counts = [[0, 0], [0, 0]]
    for before, after in pairwise(hits):
        counts[int(before)][int(after)] += 1
    (n00, n01), (n10, n11) = counts
    total = n00 + n01 + n10 + n11
    if total == 0:
        test = LikelihoodRatio(reason="insufficient_data")
    else:
        free = sum(_log_likelihood(no, yes, yes / max(no + yes, 1)) for no, yes in counts)
        test = _ratio(_log_likelihood(n00 + n10, n01 + n11, (n01 + n11) / total), free)
    return Transitions(n00=n00, n01=n01, n10=n10, n11=n11, test=test)


def _ratio(restricted: float, free: float) -> LikelihoodRatio:
    ratio = max(-2.0 * (restricted - free), 0.0)
    return LikelihoodRatio(ratio=ratio, p_value=chi_square_tail(ratio))


def _log_likelihood(misses: int, hits: int, probability: float) -> float:
    return _times_log(misses, 1.0 - probability) + _times_log(hits, probability)


def _times_log(count: int, probability: float) -> float:
    return count * math.log(probability) if count else 0.0
