"""One figure of a benchmark, and how two things are timed side by side."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """What was measured, and its limit: `value` must be at least (or at most) `limit`; None states a figure alone."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the limit is kept."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def verdict(self) -> str:
        """Return the limit in words, and whether it is kept."""
        if self.limit is None:
            return ""
        bound = "at most" if self.at_most else "at least"
        return f"{bound} {shown(self.limit)}: {'ok' if self.met else 'MISSED'}"


def shown(value: float) -> str:
    """Return a number with about four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def interleaved(runs: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the best time of each run in seconds: in turn, round by round, so that a busy moment meets them all."""
    best = [float("inf")] * len(runs)
    for run in runs:
        run()  # loads kernels and fills caches
    for _ in range(rounds):
        for k, run in enumerate(runs):
            begin = time.perf_counter()
            run()
            best[k] = min(best[k], time.perf_counter() - begin)
    return best


def percentile(values: Sequence[float], fraction: float) -> float:
    """Return the value that a fraction of all lie at or below (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]
