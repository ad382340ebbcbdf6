"""The folds of a search: stretches of bars on which sets are scored, and the last ones that no search may see.

All are equally long and each is traded by a rollout of its own. Between any two lie `purge` + `embargo` bars that
belong to neither: nothing that was held, and no label, reaches from one into the next (Lopez de Prado 2018, chapter 7).
Before the first lies a lead, so that the longest indicators of the grid are warm when it begins.
"""

from typing import Final, NamedTuple

from msgspec import Struct

from market.features import warmup_of
from policies.catalogue import PolicySpec, features_of
from research.grid import Grid
from research.validation import Window

FOLD_BARS_MIN: Final = 2


class FoldsError(ValueError):
    """The bars do not hold the folds that are asked for; the message names the options and what is needed."""


class Shape(Struct, frozen=True):
    """How many folds to search on, how many to hold out, and the bars left out between them."""

    folds: int
    holdout: int
    purge: int
    embargo: int


class Folds(NamedTuple):
    """The windows in time order: those of the search first, then the holdout. A window's train is what lies before."""

    windows: tuple[Window, ...]
    holdout: int

    @property
    def searched(self) -> int:
        """How many windows a search may score on."""
        return len(self.windows) - self.holdout


def folds_of(bars: int, lead: int, shape: Shape) -> Folds:
    """Return the folds of some bars, the last one ending with the last bar; FoldsError where they do not fit.

    A window's train reaches from bar 0 to where its purge begins: what a choice for this fold may know.
    """
    count, gap = shape.folds + shape.holdout, shape.purge + shape.embargo
    length = (bars - lead - (count - 1) * gap) // count
    if length < FOLD_BARS_MIN:
        needed = lead + (count - 1) * gap + count * FOLD_BARS_MIN
        raise FoldsError(
            f"--folds {shape.folds} --holdout {shape.holdout} --purge {shape.purge} --embargo {shape.embargo}: "
            f"{needed:,} bars are needed, {lead:,} of them to warm up, there are {bars:,}; fewer or shorter are allowed"
        )
    windows = []
    for back in range(count - 1, -1, -1):
        end = bars - back * (length + gap)
        begin = end - length
        windows.append(Window(0, max(begin - shape.purge, 0), begin, end))
    return Folds(tuple(windows), shape.holdout)


def lead_of(spec: PolicySpec, grid: Grid) -> int:
    """Return the bars that the longest indicators of a grid take to warm up."""
    most = dict(grid.base) | {axis.name: max(axis.values) for axis in grid.axes}
    return warmup_of(features_of(spec, most))


def longest_hold(grid: Grid) -> int:
    """Return the most bars that any set may hold a position, where the policy says so; else 0."""
    most = dict(grid.base) | {axis.name: max(axis.values) for axis in grid.axes}
    return int(most.get("hold_bars", 0))
