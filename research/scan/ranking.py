"""One row of a scan, and the order of rows: what may be acted on first, then by what it is worth at the worst.

expectancy = p x reward / risk - (1 - p), in units of the risk, at the calibrated probability p; rows are ranked by the
expectancy at the lower end of p's interval. So a high claim that few outcomes stand behind does not lead.
"""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Side(StrEnum):
    """Where the score points; NONE where there is none."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"
    NONE = "none"


class Cast(NamedTuple):
    """A source's part of the score: vote in [-1, 1], its weight, and their product; weights of a row add up to 1."""

    timeframe: str | None
    source: str
    vote: float
    weight: float

    @property
    def share(self) -> float:
        """Vote x weight; all shares add up to the score."""
        return self.vote * self.weight


class Seen(NamedTuple):
    """A pattern known by a row's newest bar: its direction (1, 0, -1), confidence, and bars since it became known."""

    timeframe: str
    pattern: str
    direction: int
    confidence: float
    bars_ago: int


class Found(NamedTuple):
    """What the chain says of one instrument at one timeframe, at the close of its newest bar.

    `age_ns` is that of this bar. `stopped` names the rule that stopped it, None where it may be acted on; None
    elsewhere: not known. Prices are in the instrument's price unit. `files` are what it was made of, `context` the
    longer timeframes whose votes were joined with it. `probability` is of target before stop, calibrated; `claim` is
    the raw one.
    """

    symbol: str
    venue: str | None
    timeframe: str
    context: tuple[str, ...]
    time_ns: int
    age_ns: int
    stale_after_ns: int
    bars: int
    side: Side
    stopped: str | None
    score: float | None
    coverage: float
    agreement: float | None
    claim: float | None
    probability: float | None
    low: float | None
    high: float | None
    outcomes: int
    regime: str
    volatility: str
    volatility_rank: float | None
    price: float
    atr: float | None
    stop: float | None
    target: float | None
    reward_to_risk: float | None
    votes: tuple[Cast, ...]
    patterns: tuple[Seen, ...]
    files: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """Tell whether the newest bar is so old that its market has gone on, or its data have ended."""
        return self.age_ns > self.stale_after_ns

    @property
    def is_opportunity(self) -> bool:
        """Tell whether nothing stopped it and its newest bar is not old."""
        return self.stopped is None and not self.is_stale

    @property
    def expectancy_r(self) -> float | None:
        """Expectancy in units of the risk at the calibrated probability."""
        return expectancy(self.probability, self.reward_to_risk)

    @property
    def expectancy_low_r(self) -> float | None:
        """Expectancy in units of the risk at the lower end of the interval."""
        return expectancy(self.low, self.reward_to_risk)

    def reasons(self, *, agreeing: bool) -> tuple[Cast, ...]:
        """Return the votes with the score's sign, or those against it, the heaviest first; none without a sign."""
        sign = math.copysign(1.0, self.score) if self.score else 0.0
        chosen = [one for one in self.votes if (one.share * sign > 0.0 if agreeing else one.share * sign < 0.0)]
        return tuple(sorted(chosen, key=lambda one: -abs(one.share)))


def expectancy(probability: float | None, reward_to_risk: float | None) -> float | None:
    """Return p x reward / risk - (1 - p); None where either is not known."""
    if probability is None or reward_to_risk is None:
        return None
    return probability * reward_to_risk - (1.0 - probability)


def reward_to_risk(distance: float, spread: float) -> float | None:
    """Return what is won over what is lost where stop and target are equally far and the spread is paid once.

    (distance - spread) / (distance + spread); None where no such trade makes sense.
    """
    if not (math.isfinite(distance) and math.isfinite(spread) and 0.0 <= spread < distance):
        return None
    return (distance - spread) / (distance + spread)


def ranked(rows: Iterable[Found]) -> list[Found]:
    """Return rows in order: opportunities, those that only age stops, those with a side, the rest.

    Within each by the expectancy at the lower end, then by |score| x coverage, then by name: the order is total.
    """

    def key(row: Found) -> tuple[int, float, float, str, str, str]:
        worst = row.expectancy_low_r
        strength = abs(row.score or 0.0) * row.coverage
        place = 0 if row.is_opportunity else 1 if row.stopped is None else 2 if row.side in _POINTED else 3
        return (
            place, math.inf if worst is None else -worst, -strength, row.symbol, row.venue or "", row.timeframe,
        )  # fmt: skip

    return sorted(rows, key=key)


_POINTED = (Side.LONG, Side.SHORT)
