"""An episode as one picture: price with entries and exits, what was held, equity, drawdown, rewards, and actions.

Steps are evenly spaced, so closed markets take no room; dates below say when a step was.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.episode import Episode, Floats, require_episode, result_of_episode
from research.drawing import Box, Drawing, Line, Shape, Words
from research.report.markup import amount, percent, plural, signed, utc

WIDTH: Final = 1200
LEFT: Final = 88
RIGHT: Final = 1168
INK, GREY, RULE = "#1b1f24", "#57606a", "#e7ebef"
PRICE, EQUITY, GAIN, LOSS = "#6e7781", "#0067a3", "#0067a3", "#c2410c"
LONG_TINT, SHORT_TINT, FALL_TINT = "#e0edf6", "#fbe9df", "#f7d9c9"
FILLS_MAX: Final = 400
"""Markers drawn at most; the header counts all trades."""
DATES: Final = 7
DATA_LETTERS: Final = 100
LOW_PANEL: Final = 100
"""A panel lower than this has few lines across it."""
MINUTE_LETTERS: Final = len("2024-01-08 07:30")


class Panel(NamedTuple):
    """A stretch of the picture with its own scale: `top` shows `high`, `bottom` shows `low`."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """Return where a value lies."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


def picture_of_episode(episode: Episode) -> Drawing:
    """Return the picture of an episode; EpisodeError for one whose arrays do not fit each other."""
    require_episode(episode)
    panels = (
        _panel(130, 420, episode.close, 0.05), _panel(452, 500, np.append(episode.position, 0).astype(float), 0.08),
        _panel(540, 680, episode.equity, 0.08), _panel(712, 772, np.append(-episode.drawdown, 0.0), 0.0),
        _panel(812, 892, np.append(_summed(episode.reward), 0.0), 0.08),
    )  # fmt: skip
    shapes: list[Shape] = [
        *_head(episode),
        *_price(episode, panels[0]),
        *_position(episode, panels[1]),
        *_curve(episode.equity, panels[2], f"equity of the account ({episode.currency})", EQUITY),
        *_drawdown(episode, panels[3]),
        *_curve(_summed(episode.reward), panels[4], "sum of rewards", INK),
        *_dates(episode.time_ns, panels[4].bottom),
        *_actions(episode, 946.0),
    ]
    height = 968 + 24 * len(episode.action_names)
    return Drawing(f"{episode.environment}, {episode.policy}: episode of {episode.instrument}", WIDTH, height, shapes)


def headline_of(episode: Episode) -> str:
    """Say what came of an episode in one line."""
    found = result_of_episode(episode)
    share = found.profit / found.begin_equity if found.begin_equity > 0.0 else None
    return (
        f"account {signed(found.profit)} {episode.currency} ({percent(share)}), drawdown at most "
        f"{amount(found.drawdown_max)}, rewards {found.reward_sum:+.4g}; {plural(found.trades, 'closed trade')} here, "
        f"{found.gained} gained; in a position {percent(found.exposed, 1)} of {found.steps:,} steps"
    )


def _head(episode: Episode) -> Iterator[Shape]:
    yield Words(24, 38, f"{episode.instrument}: {episode.policy}, {episode.environment}", 22, INK, bold=True)
    begin, end = (utc(int(episode.time_ns[k]))[:MINUTE_LETTERS] for k in (0, -1))
    yield Words(24, 64, f"{begin} to {end} UTC   {seed_words(episode)}   {_data_words(episode.data)}", 13, GREY)
    yield Words(24, 88, headline_of(episode), 14, INK)


def seed_words(episode: Episode) -> str:
    """Name the seed of all chance, or say that there is none."""
    return "no seed" if episode.seed is None else f"seed {episode.seed}"


def _data_words(data: str) -> str:
    """Name the first source of data and say how many more there are, where all would not fit."""
    sources = data.split(", ")
    return data if len(data) <= DATA_LETTERS else f"{sources[0][:DATA_LETTERS]} and {len(sources) - 1} more"


def _panel(top: float, bottom: float, values: Floats, room: float) -> Panel:
    low, high = float(values.min()), float(values.max())
    spare = (high - low) * room or abs(high) * 0.001 * (room > 0.0) or 1e-9
    return Panel(top, bottom, low - spare, high + spare)


def _x(step: float, steps: int) -> float:
    return LEFT + (RIGHT - LEFT) * step / max(steps - 1, 1)


def _summed(reward: Floats) -> Floats:
    return np.cumsum(reward)


def _levels(low: float, high: float, count: int) -> list[float]:
    """Return round numbers within a range, at most about `count` of them."""
    raw = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * k for k in (1.0, 2.0, 5.0, 10.0) if unit * k >= raw)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _grid(panel: Panel, title: str) -> Iterator[Shape]:
    """Lines at round numbers with what they are, and the panel's name above it."""
    levels = _levels(panel.low, panel.high, 3 if panel.bottom - panel.top < LOW_PANEL else 7)
    digits = max(0, -math.floor(math.log10(levels[1] - levels[0]) + 1e-9)) if len(levels) > 1 else 2
    for level in levels:
        y = panel.y(level)
        yield Line(LEFT, y, RIGHT, y, RULE)
        yield Words(LEFT - 8, y + 4, f"{level + 0.0:,.{digits}f}", 11, GREY, "end")
    yield Words(LEFT, panel.top - 8, title, 12, GREY, bold=True)


def _price(episode: Episode, panel: Panel) -> Iterator[Shape]:
    steps = len(episode.close)
    for begin, end, sign in runs_of(np.sign(episode.position)):
        if sign:
            left, right = _x(max(begin - 0.5, 0), steps), _x(min(end - 0.5, steps - 1), steps)
            tint = LONG_TINT if sign > 0 else SHORT_TINT
            yield Box(left, panel.top, max(right - left, 1.0), panel.bottom - panel.top, tint)
    yield from _grid(panel, "price, and where it was long (blue ground) or short (orange ground)")
    yield from _stroke(episode.close, panel, PRICE)
    yield from _markers(episode, panel)
    yield from _legend(panel.top - 8)


def _legend(y: float) -> Iterator[Shape]:
    yield from _triangle(RIGHT - 330, y - 4, 1, INK)
    yield Words(RIGHT - 320, y, "buy", 12, GREY)
    yield from _triangle(RIGHT - 280, y - 4, -1, INK)
    yield Words(RIGHT - 270, y, "sell", 12, GREY)
    yield Box(RIGHT - 224, y - 8, 8, 8, GAIN)
    yield Words(RIGHT - 211, y, "closed with a gain", 12, GREY)
    yield from _frame(RIGHT - 90, y - 4, LOSS)
    yield Words(RIGHT - 80, y, "without one", 12, GREY)


def runs_of(values: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return the stretches of equal values as (begin, end, value), end excluded."""
    edges = np.flatnonzero(np.diff(values)) + 1
    begins, ends = [0, *edges.tolist()], [*edges.tolist(), len(values)]
    return [(begin, end, int(values[begin])) for begin, end in zip(begins, ends, strict=True)]


def _stroke(values: Floats, panel: Panel, ink: str) -> Iterator[Shape]:
    """Draw a line; where several steps share a place, the stroke from their lowest to their highest value."""
    steps = len(values)
    width = max(-(-steps // (RIGHT - LEFT)), 1)
    last: tuple[float, float] | None = None
    for begin in range(0, steps, width):
        part = values[begin : begin + width]
        x, first = _x(begin + 0.5 * (len(part) - 1), steps), panel.y(float(part[0]))
        if last is not None:
            yield Line(*last, x, first, ink, 1.3)
        if width > 1:
            yield Line(x, panel.y(float(part.min())), x, panel.y(float(part.max())), ink, 1.3)
        last = x, panel.y(float(part[-1]))


def _markers(episode: Episode, panel: Panel) -> Iterator[Shape]:
    """A triangle where something was opened, a square where it was closed: filled for a gain."""
    fills, steps = episode.fills, len(episode.time_ns)
    count = len(fills.lots)
    for k in np.unique(np.linspace(0, count - 1, min(count, FILLS_MAX)).astype(int)) if count else ():
        step = min(int(np.searchsorted(episode.time_ns, fills.time_ns[k])), steps - 1)
        x, y, gain = _x(step, steps), panel.y(float(np.clip(fills.price[k], panel.low, panel.high))), fills.gain[k]
        if math.isnan(gain):
            yield from _triangle(x, y, int(np.sign(fills.lots[k])), INK)
        elif gain > 0.0:
            yield Box(x - 4, y - 4, 8, 8, GAIN)
        else:
            yield from _frame(x, y, LOSS)


def _triangle(x: float, y: float, sign: int, ink: str) -> Iterator[Shape]:
    for k in range(16):
        half = 0.5 + 5.0 * k / 15.0
        yield Box(x - half, y + sign * (k * 0.6 - 4.8), 2 * half, 1.0, ink)


def _frame(x: float, y: float, ink: str) -> Iterator[Shape]:
    yield Box(x - 4, y - 4, 8, 8, ink)
    yield Box(x - 2, y - 2, 4, 4, "#ffffff")


def _position(episode: Episode, panel: Panel) -> Iterator[Shape]:
    steps, zero = len(episode.position), panel.y(0.0)
    yield Line(LEFT, zero, RIGHT, zero, "#c9d1d9")
    for begin, end, lots in runs_of(episode.position):
        if lots:
            y = panel.y(float(lots))
            left, right = _x(max(begin - 0.5, 0), steps), _x(min(end - 0.5, steps - 1), steps)
            yield Box(left, min(y, zero), max(right - left, 1.0), abs(y - zero), GAIN if lots > 0 else LOSS)
    for level in {int(episode.position.max()), int(episode.position.min())} - {0}:
        yield Words(LEFT - 8, panel.y(level) + 4, f"{level:+,}", 11, GREY, "end")
    yield Words(LEFT, panel.top - 8, "position (lots)", 12, GREY, bold=True)


def _curve(values: Floats, panel: Panel, title: str, ink: str) -> Iterator[Shape]:
    yield from _grid(panel, title)
    yield from _stroke(values, panel, ink)


def _drawdown(episode: Episode, panel: Panel) -> Iterator[Shape]:
    """A band from the peak down, one stroke per place with the deepest value in it."""
    yield from _grid(panel, f"below its peak ({episode.currency})")
    steps = len(episode.drawdown)
    width = max(-(-steps // (RIGHT - LEFT)), 1)
    for begin in range(0, steps, width):
        deepest = float(episode.drawdown[begin : begin + width].max())
        left, right = _x(begin, steps), _x(min(begin + width, steps - 1), steps)
        y = panel.y(-deepest)
        yield Box(left, panel.top, max(right - left, 0.6), y - panel.top, FALL_TINT)
        yield Box(left, y - 0.6, max(right - left, 0.6), 1.2, LOSS)


def _dates(time_ns: NDArray[np.int64], bottom: float) -> Iterator[Shape]:
    steps = len(time_ns)
    short = int(time_ns[-1]) - int(time_ns[0]) < 86_400 * 10**9
    for k in range(DATES):
        step = round(k * (steps - 1) / (DATES - 1))
        said = utc(int(time_ns[step]))
        anchor = "start" if k == 0 else "end" if k == DATES - 1 else "middle"
        yield Line(_x(step, steps), bottom, _x(step, steps), bottom + 4, GREY)
        words = said[len("2024-01-08 ") :].split(".")[0] if short else said[:MINUTE_LETTERS]
        yield Words(_x(step, steps), bottom + 18, words, 11, GREY, anchor)


def _actions(episode: Episode, top: float) -> Iterator[Shape]:
    """A bar for every action: its share of the steps, on a scale of square roots, for most steps hold."""
    counts = np.bincount(episode.action, minlength=len(episode.action_names))
    yield Words(LEFT, top - 8, "actions (length: square root of the share of steps)", 12, GREY, bold=True)
    for k, name in enumerate(episode.action_names):
        share = counts[k] / len(episode.action)
        y = top + 24 * k
        yield Words(LEFT - 8, y + 14, name, 12, INK, "end")
        yield Box(LEFT, y + 2, max(math.sqrt(share) * 760, 1.0), 15, action_ink(episode.action_names, k))
        yield Words(LEFT + math.sqrt(share) * 760 + 8, y + 14, f"{counts[k]:,} ({percent(share, 1)})", 12, GREY)


def action_ink(names: Sequence[str], k: int) -> str:
    """Return the colour of an action: those of buying and selling where its name says so."""
    word = names[k].lower()
    return GAIN if word.startswith(("buy", "long")) else LOSS if word.startswith(("sell", "short")) else PRICE
