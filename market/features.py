"""Features: which indicators a policy reads, as a small program that a kernel runs once per closed bar and view.

A feature is written `name:parameter:parameter`, `ema:12` or `bollinger_upper:20:2`. `feature_program` turns a list of
them into a table; `update_features` runs the table over one bar. Slots of the feature vector follow the list.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators import EMA_SIZE, ema_update, sma_size, sma_update

SMA, EMA = 1, 2
_KINDS: Final = {"sma": SMA, "ema": EMA}
PROGRAM: Final = np.dtype([(name, np.int64) for name in ("kind", "n", "n2", "n3", "at")] + [("x", np.float64)])


def feature_program(features: Sequence[str]) -> tuple[NDArray[Any], int]:
    """Return (program, floats of state per view); ValueError names a feature that does not exist."""
    program = np.zeros(len(features), PROGRAM)
    size = 0
    for row, text in zip(program, features, strict=True):
        name, *parameters = text.split(":")
        if name not in _KINDS:
            raise ValueError(f"feature {text!r}: {name!r} is unknown; known are {', '.join(sorted(_KINDS))}")
        numbers = [int(parameter) for parameter in parameters]
        row["kind"], row["at"] = _KINDS[name], size
        row["n"] = numbers[0] if numbers else 0
        size += sma_size(int(row["n"])) if row["kind"] == SMA else EMA_SIZE
    return program, size


@compiled
def update_features(
    program: NDArray[Any], state: NDArray[Any], out: NDArray[Any],
    open_: float, high: float, low: float, close: float, volume: float, time_ns: int,
) -> None:  # fmt: skip
    """Run every feature of the program over one closed bar: reads and moves `state`, writes `out[k]`."""
    for k in range(len(program)):
        kind = program[k].kind
        if kind == SMA:
            out[k] = sma_update(state, program[k].at, close, program[k].n)
        elif kind == EMA:
            out[k] = ema_update(state, program[k].at, close, program[k].n)
