"""An episode as arrays: what one run through an environment saw, did and earned, step by step, for pictures of it."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.tape import Int64

Floats = NDArray[np.float64]


class Fills(NamedTuple):
    """What traded, in order of time: price, signed lots, and what was gained net of fees (NaN where it opened)."""

    time_ns: Int64
    price: Floats
    lots: Int64
    gain: Floats


class Episode(NamedTuple):
    """One episode of one instrument; arrays of (steps,) unless said otherwise.

    `environment`, `policy`, `instrument`, `data` and `seed` (None: no chance in it) say what it is. `action` holds
    numbers of `action_names`; `position` is the signed lots after the step; `equity` and `drawdown` (how far below its
    peak, positive) are of the whole account, in `currency`; `reward` is what the environment paid.
    """

    environment: str
    policy: str
    instrument: str
    data: str
    seed: int | None
    currency: str
    action_names: tuple[str, ...]
    time_ns: Int64
    close: Floats
    action: Int64
    position: Int64
    equity: Floats
    drawdown: Floats
    reward: Floats
    fills: Fills


class EpisodeError(ValueError):
    """An episode that cannot be shown; one line that names what, where and what is allowed."""


class EpisodeResult(NamedTuple):
    """An episode in numbers: money in its currency, `exposed` the share of steps with a position."""

    steps: int
    begin_equity: float
    end_equity: float
    drawdown_max: float
    reward_sum: float
    trades: int
    gained: int
    exposed: float

    @property
    def profit(self) -> float:
        """End less begin."""
        return self.end_equity - self.begin_equity


def require_episode(episode: Episode) -> Episode:
    """Return an episode whose arrays fit each other; EpisodeError names the first that does not."""
    steps = len(episode.time_ns)
    if steps < 2:
        raise EpisodeError(f"episode of {episode.environment}: {steps} steps; at least 2 are allowed")
    for name in ("close", "action", "position", "equity", "drawdown", "reward"):
        column = getattr(episode, name)
        if column.shape != (steps,):
            raise EpisodeError(f"episode: {name} has shape {column.shape}; ({steps},) as time_ns is allowed")
        if not np.isfinite(column).all():
            raise EpisodeError(f"episode: {name} is not finite at step {int(np.argmin(np.isfinite(column)))}")
    if (np.diff(episode.time_ns) < 0).any():
        raise EpisodeError(f"episode: time_ns goes back at step {int(np.argmax(np.diff(episode.time_ns) < 0)) + 1}")
    if not ((episode.action >= 0) & (episode.action < len(episode.action_names))).all():
        raise EpisodeError(f"episode: action from 0 to {len(episode.action_names) - 1} is allowed")
    if len({len(column) for column in episode.fills}) != 1:
        raise EpisodeError("episode: fills have columns of different lengths")
    return episode


def result_of_episode(episode: Episode) -> EpisodeResult:
    """Return an episode in numbers; a trade is a fill that closed something."""
    gains = episode.fills.gain[~np.isnan(episode.fills.gain)]
    return EpisodeResult(
        steps=len(episode.time_ns),
        begin_equity=float(episode.equity[0]),
        end_equity=float(episode.equity[-1]),
        drawdown_max=float(episode.drawdown.max()),
        reward_sum=math.fsum(episode.reward.tolist()),
        trades=len(gains),
        gained=int(np.count_nonzero(gains > 0.0)),
        exposed=float(np.count_nonzero(episode.position) / len(episode.time_ns)),
    )
