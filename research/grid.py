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


def sets_of(base: Sequence[tuple[str, float]], axes: Sequence[Axis], draw: int | None = None, seed: int = 0) -> Sets:
    """Return the grid laid over `base`, the last axis turning fastest; or `draw` sets of it, by seed, none twice.

    Drawn sets keep the grid's order, so that their numbers do not depend on the draw's.
    """
    sizes = [len(axis.values) for axis in axes]
    total = prod(sizes)
    count = total if draw is None else min(draw, total)
    if count > SETS_MAX:
        raise GridError(f"--grid makes {total:,} sets; at most {SETS_MAX:,} are allowed: --random N draws some of them")
    if total > np.iinfo(np.int64).max:
        raise GridError(f"--grid makes {total:,} sets; coarser steps or fewer parameters are allowed")
    if count == total:
        places = np.arange(total, dtype=np.int64)
    else:
        places = np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
    names = tuple(name for name, _ in base)
    rows = np.tile(np.array([value for _, value in base], np.float64), (count, 1))
    for axis, size in zip(reversed(axes), reversed(sizes), strict=True):
        rows[:, names.index(axis.name)] = np.array(axis.values, np.float64)[places % size]
        places = places // size
    return Sets(names, rows)
