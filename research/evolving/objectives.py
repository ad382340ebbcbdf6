"""What evolution strives for: a score that pays for size and for fitting, and the fronts of the best compromises."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Terms(NamedTuple):
    """What fitness takes off a score: `lam` per node, `gap` per unit by which in-sample was better; trades needed."""

    lam: float = 0.01
    gap: float = 0.5
    trades_min: int = 30


class Fronts(NamedTuple):
    """Points by front, the best first, and each one's crowding distance within its front."""

    fronts: tuple[tuple[int, ...], ...]
    crowding: tuple[float, ...]


def penalised_fitness(
    oos: float | None, in_sample: float | None, nodes: int, trades: int, terms: Terms
) -> float | None:
    """Return OOS - lam x nodes - gap x max(0, IS - OOS); None below `trades_min`, or where a score is undefined.

    Source: notes on genetic evolution.
    """
    if trades < terms.trades_min or oos is None or in_sample is None:
        return None
    if not (math.isfinite(oos) and math.isfinite(in_sample)):
        return None
    return oos - terms.lam * nodes - terms.gap * max(0.0, in_sample - oos)


def fitness_type() -> Any:
    """Return the class of fitness: (score, nodes), more is better, less is better."""
    from deap import base

    return type("ScoreAndNodes", (base.Fitness,), {"weights": (1.0, -1.0)})


class Point:
    """What DEAP sorts: something with a fitness, and who it is."""

    def __init__(self, number: int, fitness: Any) -> None:
        self.number = number
        self.fitness = fitness


def nsga2_fronts(points: Sequence[tuple[float, float]]) -> Fronts:
    """Return the non-dominated fronts of (score, complexity) and the crowding distances. Source: DEAP."""
    from deap import tools
    from deap.tools.emo import assignCrowdingDist

    kind = fitness_type()
    own = [Point(number, kind(point)) for number, point in enumerate(points)]
    fronts = tools.sortNondominated(own, len(own)) if own else []
    for front in fronts:
        assignCrowdingDist(front)  # among equals it depends on the order of the front: that of DEAP
    return Fronts(
        tuple(tuple(sorted(point.number for point in front)) for front in fronts),
        tuple(float(point.fitness.crowding_dist) for point in own),
    )
