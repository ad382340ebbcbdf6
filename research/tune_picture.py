"""A search as a picture: every set and the best so far, in the order in which they were asked for, and by parameter."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research.drawing import Box, Drawing, Line, Shape, Words
from research.scores import METRICS
from research.trial_score import Floats
from research.tune_result import Tuned

WIDTH: Final = 1000
LEFT: Final = 70
RIGHT: Final = 30
TOP: Final = 116
TALL: Final = 260
LOW: Final = 200
GAP: Final = 76
HALF: Final = (WIDTH - LEFT - RIGHT - GAP) // 2
DOTS_MAX: Final = 4000
"""Sets that are drawn; of more, every k-th. The best is always there."""
TICKS: Final = 5
LABELS_MAX: Final = 8
INK, DOT, BEST, GREY, RULE = "#222222", "#5b9bd5", "#b3411e", "#6b7075", "#e4e4e4"
MIDDLE: Final = "#1c6fb0"


class Frame(NamedTuple):
    """A place to draw in, and the values at its bottom and top."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float

    def level(self, value: float) -> float:
        """Return where a value lies."""
        return self.y + self.height * (self.high - value) / (self.high - self.low)


def picture_of(found: Tuned) -> Drawing:
    """Return the picture of a search."""
    study = found.study
    mean_of = dict(zip(found.places.tolist(), found.means.tolist(), strict=True))
    order = np.array(found.searched.order, np.int64)
    means = np.array([mean_of[place] for place in order.tolist()], np.float64)
    known = ~np.isnan(means)
    span = _span(means[known])
    shapes: list[Shape] = list(_head(found, len(order), int(known.sum())))
    frame = Frame(LEFT, TOP, WIDTH - LEFT - RIGHT, TALL, *span)
    shapes += _frame(frame, "sets in the order in which they were asked for, and the best so far")
    if known.any():
        shapes += _course(frame, means, METRICS[study.metric])
    bottom = TOP + TALL + 30
    rows = study.grid.sets_at(order).rows
    for number, axis in enumerate(study.grid.axes):
        x = LEFT + (HALF + GAP) * (number % 2)
        y = bottom + 44 + (LOW + 86) * (number // 2)
        panel = Frame(x, y, HALF, LOW, *span)
        column = rows[:, [name for name, _ in study.grid.base].index(axis.name)]
        shapes += _frame(panel, f"by {axis.name}: every set, and the median of each value")
        shapes += _by_value(panel, axis.values, column, means)
    height = bottom + 20 + (LOW + 86) * -(-len(study.grid.axes) // 2)
    return Drawing(f"{study.planned.plan.desks[0].policy}: mean {study.metric} over folds", WIDTH, height, shapes)


def _span(values: Floats) -> tuple[float, float]:
    """Return the values at bottom and top: all of them fit, with some room."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _head(found: Tuned, sets: int, known: int) -> Iterator[Shape]:
    study = found.study
    symbols = ", ".join(instrument.symbol for instrument in study.planned.plan.instruments)
    policy, metric = study.planned.plan.desks[0].policy, study.metric.replace("_", " ")
    yield Words(LEFT, 34, f"{policy} on {symbols}: mean {metric} over {study.folds.searched} folds", 20, bold=True)
    yield Words(LEFT, 56, f"run {study.record.id}, {study.asked.kind}: {sets:,} sets, {known:,} with a mean", 13, GREY)
    if found.best is not None:
        best, held = found.best.mean, found.holdout.mean if found.holdout else None
        told = "undefined" if held is None else f"{held:,.4g}"
        yield Words(LEFT, 76, f"best {best:,.4g}; the same set on the holdout {told}", 13, BEST)


def _frame(frame: Frame, title: str) -> Iterator[Shape]:
    yield Words(frame.x, frame.y - 8, title, 12, GREY)
    for k in range(TICKS):
        value = frame.low + (frame.high - frame.low) * k / (TICKS - 1)
        y = frame.level(value)
        yield Line(frame.x, y, frame.x + frame.width, y, RULE)
        yield Words(frame.x - 6, y + 4, f"{value:,.3g}", 11, GREY, "end")
    if frame.low < 0.0 < frame.high:
        yield Line(frame.x, frame.level(0.0), frame.x + frame.width, frame.level(0.0), "#999999")


def _course(frame: Frame, means: Floats, sign: int) -> Iterator[Shape]:
    best = np.fmax.accumulate(sign * means) * sign
    step = frame.width / max(len(means), 1)
    for k in _drawn(len(means)):
        if not np.isnan(means[k]):
            yield _dot(frame.x + (k + 0.5) * step, frame.level(means[k]), DOT)
    before = np.nan
    begun = 0.0
    for k, value in enumerate(best.tolist()):
        if np.isnan(value) or value == before:
            continue
        x, y = frame.x + k * step, frame.level(value)
        if not np.isnan(before):
            yield Line(begun, frame.level(before), x, frame.level(before), BEST, 2)
            yield Line(x, frame.level(before), x, y, BEST, 2)
        before, begun = value, x
    yield Line(begun, frame.level(before), frame.x + frame.width, frame.level(before), BEST, 2)
    yield Words(frame.x, frame.y + frame.height + 16, "1", 11, GREY)
    yield Words(frame.x + frame.width, frame.y + frame.height + 16, f"{len(means):,}", 11, GREY, "end")


def _by_value(frame: Frame, values: tuple[float, ...], column: Floats, means: Floats) -> Iterator[Shape]:
    """Draw the values of an axis side by side, in rising order."""
    rising = sorted(values)
    step = frame.width / len(rising)
    spots = {value: frame.x + (k + 0.5) * step for k, value in enumerate(rising)}
    for k in _drawn(len(means)):
        if not np.isnan(means[k]):
            yield _dot(spots[float(column[k])], frame.level(means[k]), DOT)
    every = -(-len(rising) // LABELS_MAX)
    half = min(step * 0.4, 9.0)
    for k, value in enumerate(rising):
        own = means[(column == value) & ~np.isnan(means)]
        if len(own):
            y = frame.level(float(np.median(own)))
            yield Line(spots[value] - half, y, spots[value] + half, y, MIDDLE, 3)
        if k % every == 0:
            yield Words(spots[value], frame.y + frame.height + 16, f"{value:g}", 11, INK, "middle")


def _drawn(count: int) -> NDArray[np.int64]:
    return np.arange(0, count, -(-count // DOTS_MAX) if count else 1)


def _dot(x: float, y: float, ink: str) -> Shape:
    return Box(x - 2, y - 2, 4, 4, ink)
