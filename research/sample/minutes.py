"""Minute bars made inside real hours: every hour's minutes aggregate exactly to the hour, tick volume included.

Model, pair by pair inside the hours of a real file:

- How busy a minute is: its volatility is exp(level + shared + own + bursts). The level follows the real ranges of the
  hours, interpolated, so that no step shows at the full hour. `shared` and `own` are AR(1) and make volatility cluster;
  bursts come at random and at the scheduled releases of these two weeks, and fade with a half-life of five minutes.
- How often it is quoted: the hour's real tick volume is dealt to its minutes by busyness and a gamma draw of shape
  2.5. Minutes that get none are absent, as in the files of brokers.
- Prices: a walk in 2-second slots through the hour, fitted to its four prices by `bridge.fit`. Its increments are
  correlated across pairs by a Cholesky factor of `CORRELATION`. A minute shows at most `SLOTS` of its slots.

The constants are set by eye and by the statistics of minute bars of the same pairs in early 2018 (range of a minute
0.117 of the hour's; autocorrelation of ranges 0.5; correlations as below), which may not be shipped themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from market.tape import Int64
from research.sample.bars import MINUTE_NS, Bars, Floats, aggregated
from research.sample.bridge import Ohlc, fit, volatility_shares
from research.sample.processes import decayed, half_life, wandering

MINUTES: Final = 60
SLOTS: Final = 30
CANDIDATES: Final = 128

PAIRS: Final = ("GBPUSD", "AUDUSD", "USDCAD", "USDJPY")
CORRELATION: Final = (
    (1.00, 0.58, -0.46, -0.24),
    (0.58, 1.00, -0.62, -0.22),
    (-0.46, -0.62, 1.00, 0.20),
    (-0.24, -0.22, 0.20, 1.00),
)
"""Of the increments, in the order of `PAIRS`. Minute returns show somewhat less; those of early 2018 have, row by row,
0.50, -0.42, -0.18; -0.61, -0.16; 0.10: the yen hardly follows the others, as in the real hours of these weeks."""

SHARED_PERSISTENCE: Final = 0.90
SHARED_DEVIATION: Final = 0.22
OWN_PERSISTENCE: Final = 0.50
OWN_DEVIATION: Final = 0.30
"""Of the two AR(1) processes of log volatility, per minute."""

BURSTS_PER_MINUTE: Final = 0.012
BURST_SIZE: Final = 0.8
BURST_HALF_LIFE_MINUTES: Final = 5.0
RELEASE_SIZE: Final = 1.5
RELEASES: Final = (
    "2022-02-10T13:30", "2022-02-11T07:00", "2022-02-15T13:30", "2022-02-16T07:00", "2022-02-16T13:30",
    "2022-02-16T19:00", "2022-02-17T00:30", "2022-02-17T13:30",
)  # fmt: skip
"""US consumer prices, UK output, US producer prices, UK prices, US retail sales with Canadian prices, minutes of the
Federal Reserve, Australian jobs, US claims."""

FULL_HOUR: Final = {0: 0.20, 1: 0.10, 30: 0.12}
"""What the clock adds to log volatility at these minutes of an hour."""

ARRIVALS_POWER: Final = 0.9
ARRIVALS_SHAPE: Final = 2.5
MOOD_POWER: Final = 0.8
"""A minute that is quoted more often than its volatility tells moves more, too."""

SLOT_SIGMA: Final = 0.6
"""Of the log variance of a slot: fat tails below the minute."""

FIRST_SLOT_SHARE: Final = 0.4
"""A minute opens near the close before it: the pause between two minutes is no longer than between two quotes."""


def minutes_inside(hours: Mapping[str, Bars], rng: Generator) -> dict[str, Bars]:
    """Return minute bars of all `PAIRS` inside hours that they share."""
    first = hours[PAIRS[0]]
    assert all(np.array_equal(hours[pair].open_ns, first.open_ns) for pair in PAIRS), "pairs must share their hours"
    shared = _shared_activity(first.open_ns, rng)
    factor = np.linalg.cholesky(np.array(CORRELATION))
    drawn: list[list[Floats]] = []  # per pair done, per hour: the increments that were taken
    out = {}
    for row, pair in enumerate(PAIRS):
        volatility = _volatility(hours[pair], shared, rng)
        taken: list[Floats] = []
        parts = []
        for hour in range(len(first.open_ns)):
            common = np.zeros(MINUTES * SLOTS)
            for other in range(row):
                common += factor[row, other] * drawn[other][hour]
            busy = volatility[hour * MINUTES : (hour + 1) * MINUTES]
            part, increments = _hour(hours[pair], hour, busy, (common, float(factor[row, row])), rng)
            taken.append(increments)
            parts.append(part)
        drawn.append(taken)
        out[pair] = _joined(parts)
    return out


def _hour(hours: Bars, hour: int, busy: Floats, shared: tuple[Floats, float], rng: Generator) -> tuple[Bars, Floats]:
    """Return the minutes of one hour and the standard increments behind them."""
    mood = rng.gamma(ARRIVALS_SHAPE, 1 / ARRIVALS_SHAPE, MINUTES)
    arrivals = busy**ARRIVALS_POWER * mood
    counts = rng.multinomial(int(hours.tick_volume[hour]), arrivals / arrivals.sum())
    slot_share = np.exp(SLOT_SIGMA * rng.standard_normal(MINUTES * SLOTS))
    slot_share[::SLOTS] *= FIRST_SLOT_SHARE
    variances = np.repeat(busy**2 * mood**MOOD_POWER, SLOTS) * slot_share
    seen = np.minimum(counts, SLOTS)
    ranks = np.argsort(np.argsort(rng.random((MINUTES, SLOTS)), axis=1), axis=1)
    nodes = np.flatnonzero((ranks < seen[:, None]).ravel())
    common, own = shared
    increments = common + own * rng.standard_normal((CANDIDATES, MINUTES * SLOTS))
    bar = Ohlc(*(int(column[hour]) for column in hours[1:5]))
    found = fit(bar, increments * np.sqrt(variances), variances, nodes, volatility_shares(rng, CANDIDATES))
    stamps = hours.open_ns[hour] + nodes // SLOTS * MINUTE_NS
    path = found.path
    prices = Bars(stamps, path, path, path, path, np.zeros(len(nodes), np.int64))
    return aggregated(prices, MINUTE_NS)._replace(tick_volume=counts[counts > 0]), increments[found.candidate]


def _shared_activity(hour_ns: Int64, rng: Generator) -> Floats:
    """Return the log volatility per minute that all pairs share."""
    minutes = len(hour_ns) * MINUTES
    stamps = (hour_ns[:, None] + np.arange(MINUTES) * MINUTE_NS).ravel()
    shocks = np.where(rng.random(minutes) < BURSTS_PER_MINUTE, rng.exponential(BURST_SIZE, minutes), 0.0)
    releases = np.array(RELEASES, "datetime64[ns]").astype(np.int64)
    shocks += RELEASE_SIZE * np.isin(stamps, releases)
    bursts = decayed(shocks, half_life(BURST_HALF_LIFE_MINUTES))
    clock = np.zeros(MINUTES)
    clock[list(FULL_HOUR)] = list(FULL_HOUR.values())
    return SHARED_DEVIATION * wandering(minutes, SHARED_PERSISTENCE, rng) + bursts + np.tile(clock, len(hour_ns))


def _volatility(hours: Bars, shared: Floats, rng: Generator) -> Floats:
    """Return how volatile every minute of a pair is, in no particular unit."""
    minutes = len(hours.open_ns) * MINUTES
    middle = np.arange(len(hours.open_ns)) * MINUTES + MINUTES / 2
    level = np.interp(np.arange(minutes), middle, np.log(np.maximum(hours.high - hours.low, 1)))
    return np.asarray(np.exp(level - level.mean() + shared + OWN_DEVIATION * wandering(minutes, OWN_PERSISTENCE, rng)))


def _joined(parts: Sequence[Bars]) -> Bars:
    return Bars(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
