"""The front as a picture: every valid genome by size and fitness, the best compromises joined, the winner named."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from research.drawing import Box, Drawing, Line, Shape, Words
from research.evolving.run import Evolution

WIDTH, HEIGHT = 1000, 620
LEFT, RIGHT, TOP, BOTTOM = 80.0, 960.0, 110.0, 540.0
DOT, PALE, FRONT, BEST, GREY, RULE = 5.0, "#b9c4d0", "#1f5fa8", "#b3411e", "#6b7075", "#e4e4e4"
LOW_SHARE: Final = 0.25
"""The share of the valid genomes whose fitness may lie below the picture: a ruinous one would flatten all others."""
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
TICKS: Final = 6


def picture_of(evolution: Evolution) -> Drawing:
    """Return the picture of a run's genomes; without a valid one it says so."""
    title = f"evolution {evolution.run}: {len(evolution.trials):,} genomes, {evolution.valid:,} valid"
    shapes: list[Shape] = [Words(LEFT, 40, title, 20, bold=True), Words(LEFT, 66, _what(evolution), 13, GREY)]
    points = [(trial.tried.nodes, trial.fitness) for trial in evolution.trials if trial.fitness is not None]
    if not points:
        shapes.append(Words(LEFT, 200, "no genome traded often enough to be valid", 14, GREY))
        return Drawing(title, WIDTH, HEIGHT, shapes)
    scale = _Scale(points)
    shapes += scale.axes()
    for nodes, fitness in points:
        if fitness >= scale.low:
            shapes.append(_dot(scale.x(nodes), scale.y(fitness), PALE, DOT))
    shapes += _front(evolution, scale)
    below = sum(fitness < scale.low for _, fitness in points)
    note = f"; {below:,} lie below the picture" if below else ""
    shapes.append(
        Words(LEFT, HEIGHT - 24, f"grey: every valid genome{note}; blue: the front; red: the winner", 13, GREY)
    )
    return Drawing(title, WIDTH, HEIGHT, shapes)


def _what(evolution: Evolution) -> str:
    breeding = evolution.settings.breeding
    symbols = ", ".join(instrument.symbol for instrument in evolution.planned.plan.instruments)
    return (
        f"{symbols}; seed {breeding.seed}, {breeding.generations} generations of {breeding.population}, "
        f"sides {breeding.sides}, regime {breeding.regime}"
    )


class _Scale:
    """Where a size and a fitness lie in the picture."""

    def __init__(self, points: list[tuple[int, float]]) -> None:
        values = sorted(fitness for _, fitness in points)
        low, high = values[int(len(values) * LOW_SHARE)], values[-1]
        self.step = _step_of(max(high - low, 0.1) / TICKS)
        self.low, self.high = math.floor(low / self.step) * self.step, math.ceil(high / self.step) * self.step
        self.high = self.high if self.high > self.low else self.low + self.step
        self.left, self.right = min(nodes for nodes, _ in points) - 1, max(nodes for nodes, _ in points) + 1

    def x(self, nodes: int) -> float:
        return LEFT + (nodes - self.left) / (self.right - self.left) * (RIGHT - LEFT)

    def y(self, fitness: float) -> float:
        return BOTTOM - (fitness - self.low) / (self.high - self.low) * (BOTTOM - TOP)

    def axes(self) -> Iterator[Shape]:
        """Yield rules and numbers of both axes."""
        for k in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + k * self.step
            yield Line(LEFT, self.y(value), RIGHT, self.y(value), RULE)
            yield Words(LEFT - 10, self.y(value) + 4, f"{value:g}", 12, GREY, "end")
        for nodes in range(self.left + 1, self.right):
            if (nodes - self.left - 1) % max((self.right - self.left) // 12, 1) == 0:
                yield Words(self.x(nodes), BOTTOM + 20, str(nodes), 12, GREY, "middle")
        yield Line(LEFT, BOTTOM, RIGHT, BOTTOM, GREY)
        yield Words(RIGHT, BOTTOM + 40, "nodes (fewer is better)", 13, GREY, "end")
        yield Words(LEFT, TOP - 16, "fitness, out of sample (more is better)", 13, GREY)


def _step_of(least: float) -> float:
    """Return a round step that is not below a number."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * 0.999)


def _front(evolution: Evolution, scale: _Scale) -> Iterator[Shape]:
    """Yield the front from small to large, joined by steps, the winner last and named."""
    points = [(one.trial.tried.nodes, one.trial.fitness or 0.0) for one in evolution.candidates if one.front == 0]
    for (nodes, fitness), (larger, better) in pairwise(points):
        if fitness >= scale.low:
            yield Line(scale.x(nodes), scale.y(fitness), scale.x(larger), scale.y(fitness), FRONT)
            yield Line(scale.x(larger), scale.y(fitness), scale.x(larger), scale.y(better), FRONT)
    for nodes, fitness in points:
        if fitness >= scale.low:
            yield _dot(scale.x(nodes), scale.y(fitness), FRONT, DOT + 2)
    if evolution.winner is not None:
        own = evolution.winner.trial
        x, y = scale.x(own.tried.nodes), scale.y(own.fitness or 0.0)
        yield _dot(x, y, BEST, DOT + 5)
        end = x > (LEFT + RIGHT) / 2
        yield Words(
            x - 12 if end else x + 12, y - 10, own.tried.sha256[:12], 13, BEST, "end" if end else "start", bold=True
        )


def _dot(x: float, y: float, ink: str, size: float) -> Box:
    return Box(x - size / 2, y - size / 2, size, size, ink)
