"""Claims and outcomes for tests: made ones from a seed, and real ones from the bars of the shared data."""

from functools import cache

import numpy as np

from policies.calibration import History
from tests.market.bars import MINUTE_NS, real_bars

EURUSD = "fx/m1/EURUSD_M1_2018_2019_histdata"


def made_history(count: int, seed: int = 5, *, sources: int = 2, bias: float = 0.15, digits: int = 3) -> History:
    """Return claims that say `bias` too much, each with an outcome known one to nine instants later."""
    rng = np.random.default_rng(seed)
    claim = np.round(rng.random(count), digits)
    hit = (rng.random(count) < np.clip(claim - bias, 0.0, 1.0)).astype(np.float64)
    time_ns = np.cumsum(rng.integers(0, 3, count))
    whose = rng.integers(0, sources, count)
    return History(whose, time_ns, time_ns + rng.integers(1, 10, count), claim, hit)


@cache
def real_history(count: int) -> History:
    """Return claims of a plain momentum vote at each real minute: it will go on for 15 minutes."""
    bars = real_bars(EURUSD).part(0, count + 45)
    before = np.log(bars.close[30:-15] / bars.close[:-45])
    ahead = np.log(bars.close[45:] / bars.close[30:-15])
    size = np.median(np.abs(before)) + 1e-9
    claim = 0.5 + 0.5 * np.tanh(np.abs(before) / (2.0 * size))
    hit = (np.sign(before) * ahead > 0.0).astype(np.float64)
    time_ns = bars.time_ns[30:-15]
    return History(np.zeros(count, np.int64), time_ns, np.maximum(bars.time_ns[45:], time_ns + MINUTE_NS), claim, hit)


def until(history: History, count: int) -> History:
    """Return the first `count` claims."""
    return History(*(column[:count] for column in history))
