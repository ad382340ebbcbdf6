"""Dislocations: stretches in which one venue's bid lies above the other's ask; how they are planned and measured.

Model: in each episode one venue (mostly b) is off the common price by as much as it takes for a gross of `gross`
ticks, and quotes quickly while it lasts. Onsets are drawn among the market's changes, so busy minutes have more.

- flash (55 %): gone after 0.2-0.3 s; nobody gets there in time.
- lasting (29 %): 0.6 to 9 s, of at least a pip, shrinking to half of it; long enough to trade.
- trap (16 %): a flash that turns: after 0.3-0.6 s the venue stands as far on the other side as it can without crossing
  again, for 1-3 s. Who has one leg by then is on the wrong side.

Gross is lognormal around 1.1 pips, between 0.5 and 8 (two brokers' EURUSD of 2014 cross by up to 20).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from market.tape import Int64
from research.sample.bars import Floats, Quotes
from research.sample.moves import Moves
from research.sample.venues import Draft

KINDS: Final = ("flash", "lasting", "trap")
KIND_SHARES: Final = (0.55, 0.29, 0.16)
EPISODES: Final = 50
VENUE_B_SHARE: Final = 0.7
APART_MS: Final = 45_000
"""Least time between two onsets."""

ATTEMPTS_MAX: Final = 100 * EPISODES

GROSS_MEDIAN: Final = 11.0
GROSS_SIGMA: Final = 0.75
GROSS_LIMITS: Final = (6.0, 80.0)
LASTING_GROSS_MIN: Final = 10.0
LASTING_END_SHARE: Final = 0.5
TURN_SHARE: Final = (0.5, 0.9)
"""Where a trap ends up: this share of the way from the common price to a crossing on the other side."""

REQUOTE_MS: Final = (40, 120)

MEASURED_GROSS_MIN: Final = 5
STALE_MS: Final = 2_000
MERGED_MS: Final = 250


class Episode(NamedTuple):
    """A planned dislocation. `side` is +1 where the venue's bid rises above the other's ask; stamps in ms."""

    kind: str
    venue: int
    side: int
    gross: int
    onset_ms: int
    turn_ms: int
    end_ms: int


class Dislocation(NamedTuple):
    """A measured one: `buy` is the venue with the low ask (0 or 1), `gross` the widest bid minus ask in ticks."""

    onset_ms: int
    duration_ms: int
    gross: int
    buy: int


def planned(moves: Moves, closed: Sequence[tuple[int, int]], rng: Generator) -> list[Episode]:
    """Draw the episodes in order of time; none within `APART_MS` of a `closed` window, in ms."""
    taken = [time_ms for window in closed for time_ms in window]
    episodes: list[Episode] = []
    for _ in range(ATTEMPTS_MAX):
        if len(episodes) == EPISODES:
            break
        onset_ms = int(moves.time_ms[rng.integers(len(moves.time_ms))]) + int(rng.integers(1, 400))
        episode = _episode(onset_ms, rng)
        if all(abs(onset_ms - other) > APART_MS for other in taken) and not _inside(onset_ms, closed):
            episodes.append(episode)
            taken.append(onset_ms)
    assert len(episodes) == EPISODES, f"no room for {EPISODES} episodes {APART_MS} ms apart"
    return sorted(episodes, key=lambda episode: episode.onset_ms)


def quoting_times(episodes: Sequence[Episode], venue: int, rng: Generator) -> Int64:
    """Return when a venue is made to quote: at onset, turn and end of its episodes and every 40-120 ms between."""
    times: list[int] = []
    for episode in episodes:
        if episode.venue == venue:
            time_ms = episode.onset_ms
            while time_ms < episode.end_ms:
                times.append(time_ms)
                time_ms += int(rng.integers(*REQUOTE_MS))
            times += [episode.turn_ms, episode.end_ms]
    return np.unique(np.array(times, np.int64))


def displaced(drafts: tuple[Draft, Draft], episodes: Sequence[Episode], rng: Generator) -> tuple[Draft, Draft]:
    """Return the drafts with every episode put on its venue's mid."""
    mids = [draft.mid.copy() for draft in drafts]
    for episode in episodes:
        draft = drafts[episode.venue]
        to_cross = _distance(drafts, episode, episode.side)
        push = episode.side * (to_cross + episode.gross)
        begin, turn, end = np.searchsorted(draft.time_ms, [episode.onset_ms, episode.turn_ms, episode.end_ms])
        mids[episode.venue][begin:turn] += push
        if episode.kind == "lasting":
            faded = episode.side * episode.gross * (1 - LASTING_END_SHARE)
            mids[episode.venue][begin:turn] -= faded * _progress(draft.time_ms[begin:turn], episode)
        if episode.kind == "trap":
            back = rng.uniform(*TURN_SHARE) * _distance(drafts, episode, -episode.side)
            mids[episode.venue][turn:end] -= episode.side * max(back, 0.0)
    first, second = (draft._replace(mid=mid) for draft, mid in zip(drafts, mids, strict=True))
    return first, second


def measured(first: Quotes, second: Quotes, stale_ms: int = STALE_MS) -> list[Dislocation]:
    """Find the dislocations of at least half a pip between quotes of two venues, bad quotes left out before.

    A venue counts while its newest quote is no older than `stale_ms`; pauses of up to `MERGED_MS` do not end one.
    """
    times = np.unique(np.concatenate((first.time_ms, second.time_ms)))
    rows = [np.searchsorted(quotes.time_ms, times, side="right") - 1 for quotes in (first, second)]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    times, rows = times[known], [row[known] for row in rows]
    fresh = np.ones(len(times), np.bool_)
    for quotes, row in zip((first, second), rows, strict=True):
        fresh &= times - quotes.time_ms[row] <= stale_ms
    out: list[Dislocation] = []
    for buy, (low, high) in enumerate(((first, second), (second, first))):
        gross = high.bid[rows[1 - buy]] - low.ask[rows[buy]]
        out += _runs(times, np.where(fresh, gross, -1), buy)
    return sorted(out)


def _episode(onset_ms: int, rng: Generator) -> Episode:
    kind = KINDS[rng.choice(len(KINDS), p=KIND_SHARES)]
    gross = float(np.clip(GROSS_MEDIAN * np.exp(GROSS_SIGMA * rng.standard_normal()), *GROSS_LIMITS))
    first_ms = int(rng.integers(200, 300))
    second_ms = 0
    if kind == "lasting":
        gross = max(gross, LASTING_GROSS_MIN)
        first_ms = int(np.clip(2000 * np.exp(0.8 * rng.standard_normal()), 600, 9000))
    if kind == "trap":
        first_ms, second_ms = int(rng.integers(300, 600)), int(rng.integers(1000, 3000))
    venue = int(rng.random() < VENUE_B_SHARE)
    side = 1 if rng.random() < 0.5 else -1
    turn_ms = onset_ms + first_ms
    return Episode(kind, venue, side, round(gross), onset_ms, turn_ms, turn_ms + second_ms)


def _inside(time_ms: int, windows: Sequence[tuple[int, int]]) -> bool:
    return any(begin <= time_ms <= end for begin, end in windows)


def _distance(drafts: tuple[Draft, Draft], episode: Episode, side: int) -> float:
    """Return how far the venue's mid may go to `side` (+1 up) at the onset before it crosses the other venue."""
    own, other = drafts[episode.venue], drafts[1 - episode.venue]
    i = int(np.searchsorted(own.time_ms, episode.onset_ms))
    j = int(np.searchsorted(other.time_ms, episode.onset_ms, side="right")) - 1
    return float(side * (other.mid[j] - own.mid[i]) + (other.spread[j] + own.spread[i]) / 2)


def _progress(time_ms: Int64, episode: Episode) -> Floats:
    return (time_ms - episode.onset_ms) / (episode.turn_ms - episode.onset_ms)


def _runs(times: Int64, gross: Int64, buy: int) -> list[Dislocation]:
    """Return the stretches in which `gross` is wide enough; each ends with the first time at which it is not."""
    wide = gross >= MEASURED_GROSS_MIN
    edges = np.flatnonzero(np.diff(wide.astype(np.int8), prepend=0, append=0))
    begins, ends = edges[::2], edges[1::2]
    out: list[Dislocation] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        onset_ms, over_ms = int(times[begin]), int(times[min(end, len(times) - 1)])
        peak = int(gross[begin:end].max())
        last = out[-1] if out else None
        if last is not None and onset_ms - (last.onset_ms + last.duration_ms) <= MERGED_MS:
            out[-1] = Dislocation(last.onset_ms, over_ms - last.onset_ms, max(last.gross, peak), buy)
        else:
            out.append(Dislocation(onset_ms, over_ms - onset_ms, peak, buy))
    return out
