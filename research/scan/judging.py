"""Judging: what the chain says of an instrument at one timeframe, from the bars of its series up to a time.

It is the chain of the forex desk's policy `confluence` at its defaults, over the same timeframes: the one that is
judged, and the longer ones as its context. It starts from nothing and learns on the way: the probability of the newest
bar is by outcomes known before it. Stop and target are where its claims are decided, so the probability is of exactly
this trade.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from market.bars import Heard, bars_of_tape, open_builder
from market.records import Records
from market.timeframes import DAY_NS, TIMEFRAMES, grid_of
from policies.catalogue import params_of, policy_named
from policies.confluence import Direction
from policies.patterns import Pattern, Series, find_patterns
from policies.regime import Regime, Volatility, regimes_of
from policies.scan_pace import deviation_rank
from policies.signals.desk import frame_names, frames_of, open_chains, rule_of
from policies.signals.listening import Listener, show_interval, take_bars
from policies.signals.record import STOPPED_WORDS, Stopped
from policies.signals.rule import ChainRule
from policies.signals.sources import SLOTS, SOURCES
from research.scan.ranking import Cast, Found, Seen, Side, reward_to_risk
from research.scan.rows import Rows

BARS_MIN: Final = 60
"""Bars from which on anything can be said at all: the slowest indicator needs 48."""

BARS_MAX: Final = 6_000
"""Bars of the judged timeframe that the chain learns from: older ones say little about now."""

NO_FRAME: Final = "-"

RECENT_BARS: Final = 10
"""How old a pattern may be to be named: of its vote a tenth is left."""

STALE_BARS: Final = 3
CLOSURE_NS: Final = 4 * DAY_NS
"""How long a market with closing hours may rest at a time: a weekend with a holiday."""

SIDES: Final = {Direction.LONG: Side.LONG, Direction.SHORT: Side.SHORT, Direction.FLAT: Side.FLAT}


class Origin(NamedTuple):
    """Whose bars are judged, and of what: `always_open` for a market without closing hours."""

    symbol: str
    venue: str | None
    files: tuple[str, ...]
    always_open: bool


def bars_of(rows: Rows, timeframes: Sequence[str]) -> dict[str, Records] | str:
    """Return the newest closed bars of each timeframe, or the reason why there are none at all."""
    builder = open_builder(grid_of(timeframes))
    bars = bars_of_tape(builder, rows.tape, rows.step_ns, until_ns=rows.heard_ns)
    if not len(bars):
        counts = builder.counts[0]
        refused = [f"{int(counts[k])} {Heard(k).name.lower()}" for k in range(1, len(Heard)) if counts[k]]
        return f"no closed bar of {len(rows.tape.time_ns):,} rows" + (f" ({', '.join(refused)})" if refused else "")
    return {name: bars[bars.timeframe == k][-BARS_MAX:] for k, name in enumerate(timeframes)}


def judged(origin: Origin, timeframe: str, bars: Records, tick: float, rule: ChainRule) -> Found | str:
    """Return what the chain says at the close of the newest bar, or why it can say nothing; `age_ns` is 0 as yet."""
    if len(bars) < BARS_MIN:
        return f"fewer than {BARS_MIN} bars"
    frames = frame_names(TIMEFRAMES[timeframe])
    listener = open_chains([frames_of(TIMEFRAMES[timeframe])], rule)
    take_bars(listener, 0, bars)
    show_interval(listener, 0)
    signal, newest = listener.signals[0], bars[-1]
    stopped = Stopped(int(signal.stopped))
    side = SIDES.get(Direction(int(signal.direction)), Side.NONE)
    trade = _trade(side, newest, rule.barrier_atr * float(signal.atr), tick)
    stale_ns = STALE_BARS * TIMEFRAMES[timeframe] + (0 if origin.always_open else CLOSURE_NS)
    return Found(
        symbol=origin.symbol, venue=origin.venue, files=origin.files,
        timeframe=timeframe, context=context_of(timeframe),
        time_ns=int(newest.close_ns), age_ns=0, stale_after_ns=stale_ns, bars=len(bars), side=side,
        stopped=None if stopped is Stopped.NONE else STOPPED_WORDS[stopped], score=known(signal.score),
        coverage=float(signal.coverage), agreement=known(signal.agreement), claim=known(signal.claim),
        probability=known(signal.probability), low=known(signal.low), high=known(signal.high),
        outcomes=int(signal.outcomes), regime=Regime(int(signal.regime)).name.lower(),
        volatility=Volatility(int(signal.volatility)).name.lower(), volatility_rank=_rank(bars, rule),
        price=float(newest.close) * tick, atr=known(float(signal.atr) * tick), stop=trade.stop, target=trade.target,
        reward_to_risk=trade.reward_to_risk, votes=_votes(listener, frames), patterns=_patterns(timeframe, bars, rule),
    )  # fmt: skip


def context_of(timeframe: str) -> tuple[str, ...]:
    """Return the longer timeframes whose votes are joined with those of one, shortest first."""
    return tuple(name for name in frame_names(TIMEFRAMES[timeframe])[1:] if name != NO_FRAME)


def usual_rule() -> ChainRule:
    """Return the rule of the policy `confluence` at its defaults."""
    return rule_of([*dict(params_of(policy_named("confluence"), {})).values()])


def known(value: float) -> float | None:
    """Return a number, None for NaN."""
    return None if math.isnan(value) else float(value)


class Trade(NamedTuple):
    """Where a trade on a claim would end, in price; None without a side or distance."""

    stop: float | None = None
    target: float | None = None
    reward_to_risk: float | None = None


def _trade(side: Side, bar: Records, distance: float, tick: float) -> Trade:
    """Return stop and target of a claim in bid prices, and what it wins over what it loses after the spread."""
    if side not in (Side.LONG, Side.SHORT) or not 0.0 < distance < math.inf:
        return Trade()
    away = distance if side is Side.LONG else -distance
    close = float(bar.close)
    return Trade((close - away) * tick, (close + away) * tick, reward_to_risk(distance, float(bar.ask_close) - close))


def _rank(bars: Records, rule: ChainRule) -> float | None:
    """Return the rank of the newest volatility among those of the window before it."""
    window = rule.regime.lookback + rule.regime.window + 1
    closes = np.ascontiguousarray(bars.close[-window:], np.float64)
    return known(float(deviation_rank(np.ascontiguousarray(regimes_of(closes, rule.regime).deviation))))


def _votes(listener: Listener, frames: Sequence[str]) -> tuple[Cast, ...]:
    """Return the votes that there were, with what each weighed."""
    names: list[tuple[str | None, str]] = [(frame, source) for frame in frames for source in SOURCES]
    names += [(None, slot) for slot in SLOTS]
    rows = zip(names, listener.votes[0].tolist(), listener.weights[0].tolist(), strict=True)
    return tuple(Cast(*name, vote, weight) for name, vote, weight in rows if not math.isnan(vote))


def _patterns(timeframe: str, bars: Records, rule: ChainRule) -> tuple[Seen, ...]:
    """Return the patterns with a direction that became known at the newest bars, the newest first."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    found, _ = find_patterns(Series(*(np.ascontiguousarray(one, np.float64) for one in columns)), rule.patterns)
    last = len(bars) - 1
    recent = found[(found.known_at > last - RECENT_BARS) & (found.direction != 0)]
    seen = [
        Seen(timeframe, Pattern(int(row.pattern)).name.lower(), int(row.direction), float(row.confidence),
             last - int(row.known_at))
        for row in recent
    ]  # fmt: skip
    return tuple(sorted(seen, key=lambda one: (one.bars_ago, -one.confidence, one.pattern)))
