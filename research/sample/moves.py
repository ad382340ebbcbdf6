"""The price that all venues follow: the bid of the whole market, change by change, inside given minute bars.

Model: a minute has as many changes as its tick volume. They come in bursts: the pauses between them are gamma draws
of shape `BURSTINESS`, scaled to fill the minute, so that most are a few ms and some are seconds. The prices are a
bridge through the minute's open, high, low and close (`bridge.fit`), one step per change.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from market.tape import Int64
from research.sample.bars import MILLISECOND_NS, MINUTE_NS, Bars
from research.sample.bridge import Ohlc, fit, volatility_shares

BURSTINESS: Final = 0.4
"""1 would be a Poisson process; quotes of brokers have a median pause of a fifth of the mean or less."""

CHANGES_PER_COUNT: Final = 1.7
"""A broker's tick volume counts what it published, not every change of the market."""

PAUSE_POWER: Final = 0.5
"""The variance of a step grows with the pause before it to this power: within a burst most steps are a tick or none,
and a venue that lags by 100 ms is seldom far behind."""

TRAVEL_MS: Final = 20_000
CANDIDATES: Final = 24
MINUTE_MS: Final = MINUTE_NS // MILLISECOND_NS


class Moves(NamedTuple):
    """Changes of the market's bid in ticks, stamps in ms, never falling.

    `travel` is the way that the price went within the last `TRAVEL_MS`: all changes added, whatever their sign.
    """

    time_ms: Int64
    bid: Int64
    travel: Int64


def moves_inside(minutes: Bars, rng: Generator) -> Moves:
    """Return the changes of price inside minute bars."""
    times, bids = [], []
    for i, count in enumerate(minutes.tick_volume.tolist()):
        changes = round(count * CHANGES_PER_COUNT) if count > 1 else 1
        pauses = rng.gamma(BURSTINESS, size=changes + 1)
        clock = np.cumsum(pauses)
        times.append(minutes.open_ns[i] // MILLISECOND_NS + (clock[:-1] / clock[-1] * MINUTE_MS).astype(np.int64))
        bar = Ohlc(*(int(column[i]) for column in minutes[1:5]))
        variances = (pauses[:-1] / pauses.max()) ** PAUSE_POWER
        steps = rng.standard_normal((CANDIDATES, changes)) * np.sqrt(variances)
        shares = volatility_shares(rng, CANDIDATES)
        bids.append(fit(bar, steps, variances, np.arange(changes), shares).path)
    time_ms, bid = np.concatenate(times), np.concatenate(bids)
    way = np.cumsum(np.abs(np.diff(bid, prepend=bid[0])))
    before = np.searchsorted(time_ms, time_ms - TRAVEL_MS, side="right") - 1
    return Moves(time_ms, bid, way - np.where(before >= 0, way[before], 0))
