"""The grid of a sweep: which values each parameter takes, and the sets of parameters that this makes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.catalogue import PolicySpec, params_of

SETS_MAX: Final = 100_000
VALUES_MAX: Final = 100_000


class GridError(ValueError):
    """A grid cannot be used; the message names the word and what is allowed."""


class Axis(NamedTuple):
    """One parameter and the values it takes, in the order in which they were given, none twice."""

    name: str
    values: tuple[float, ...]


class Sets(NamedTuple):
    """Sets of parameters: a row each, a column per parameter of the policy, in the kernel's order."""

    names: tuple[str, ...]
    rows: NDArray[np.float64]

    def named(self, row: int) -> dict[str, float]:
        """Return one set by names."""
        return dict(zip(self.names, map(float, self.rows[row]), strict=True))


def axis_of(word: str) -> Axis:
    """Read NAME=a,b,c or NAME=low:high:step, both ends included; GridError names the word."""
    name, separator, text = word.partition("=")
    try:
        if not separator or not name or not text:
            raise InvalidOperation
        values = _range(word, text) if ":" in text else tuple(Decimal(part) for part in text.split(","))
        if not all(value.is_finite() for value in values):
            raise InvalidOperation
    except InvalidOperation:
        raise GridError(f"--grid {word}: NAME=a,b,c or NAME=low:high:step with numbers is allowed") from None
    return Axis(name, tuple(dict.fromkeys(map(float, values))))


def _range(word: str, text: str) -> tuple[Decimal, ...]:
    """Return low, low + step, ... up to high, exactly: 0.1 + 0.2 is 0.3 here."""
    parts = [Decimal(part) for part in text.split(":")]
    if len(parts) != 3 or not all(part.is_finite() for part in parts):
        raise InvalidOperation
    low, high, step = parts
    if step <= 0 or high < low:
        raise GridError(f"--grid {word}: a step above 0 and a high not below the low are allowed")
    count = int((high - low) / step) + 1
    if count > VALUES_MAX:
        raise GridError(f"--grid {word}: {count:,} values; at most {VALUES_MAX:,} are allowed")
    return tuple(low + k * step for k in range(count))


def check_axes(spec: PolicySpec, axes: Sequence[Axis], fixed: Mapping[str, float]) -> None:
    """Hold every value against the policy's bounds; ValueError names what is unknown, twice, or out of range."""
    params_of(spec, fixed)
    seen: set[str] = set()
    for axis in axes:
        if axis.name in seen or axis.name in fixed:
            raise GridError(f"--grid {axis.name}: it is given twice; one --grid or one --param for it is allowed")
        seen.add(axis.name)
        for value in axis.values:
            params_of(spec, {axis.name: value})


class Grid(NamedTuple):
    """All sets that axes make over the other parameters; a set's place counts with the last axis turning fastest."""

    base: tuple[tuple[str, float], ...]
    axes: tuple[Axis, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def total(self) -> int:
        """How many sets there are."""
        return prod(self.sizes)

    def sets_at(self, places: Sequence[int] | NDArray[np.int64]) -> Sets:
        """Return the sets at some places, in the order of these."""
        left = np.array(places, np.int64)
        names = tuple(name for name, _ in self.base)
        rows = np.tile(np.array([value for _, value in self.base], np.float64), (len(left), 1))
        for axis, size in zip(reversed(self.axes), reversed(self.sizes), strict=True):
            rows[:, names.index(axis.name)] = np.array(axis.values, np.float64)[left % size]
            left = left // size
        return Sets(names, rows)

    def place_of(self, steps: Sequence[int]) -> int:
        """Return the place of the set that takes the value number `steps[k]` of axis k."""
        place = 0
        for step, size in zip(steps, self.sizes, strict=True):
            place = place * size + step
        return place

    def draw(self, count: int | None, seed: int) -> NDArray[np.int64]:
        """Return all places, or `count` of them by seed, none twice, rising; GridError when these are too many."""
        count = self.total if count is None else min(count, self.total)
        if count > SETS_MAX:
            raise GridError(
                f"--grid makes {self.total:,} sets; at most {SETS_MAX:,} are allowed: --random N draws some of them"
            )
        self.check_places()
        if count == self.total:
            return np.arange(self.total, dtype=np.int64)
        return np.sort(np.random.default_rng(seed).choice(self.total, count, replace=False)).astype(np.int64)

    def check_places(self) -> None:
        """Find out whether every set has a place that fits a number; else GridError."""
        if self.total > np.iinfo(np.int64).max:
            raise GridError(f"--grid makes {self.total:,} sets; coarser steps or fewer parameters are allowed")

    def check_rising(self, spec: PolicySpec) -> None:
        """Refuse a grid with a set whose one parameter must be less than its other, and is not."""
        values = {name: (value,) for name, value in self.base} | {axis.name: axis.values for axis in self.axes}
        for low, high in spec.rising:
            if max(values[low]) >= min(values[high]):
                raise GridError(
                    f"--grid: {low} up to {max(values[low]):g}, {high} from {min(values[high]):g}: policy {spec.name} "
                    f"allows {low} below {high} only, in every set"
                )


def sets_of(base: Sequence[tuple[str, float]], axes: Sequence[Axis], draw: int | None = None, seed: int = 0) -> Sets:
    """Return the grid laid over `base`, the last axis turning fastest; or `draw` sets of it, by seed, none twice.

    Drawn sets keep the grid's order, so that their numbers do not depend on the draw's.
    """
    grid = Grid(tuple(base), tuple(axes))
    return grid.sets_at(grid.draw(draw, seed))
