"""A genome: a strategy as numbers. Conditions in postfix, run by one small compiled interpreter.

`numbers` begins with five counts: the features that it reads, and the items of its conditions, in this order: open
long, close long, open short, close short. Then come the items, (opcode, operand) each. A condition without items never
holds, so a genome without a short side only buys.

An item puts its value on the stack, or takes one or two off it and puts one back; true is 1.0, false is 0.0. The stack
is never deeper than the tree was, and `research.genome` compiles no tree deeper than `DEPTH_MAX`.

What is not known decides nothing: a feature or an intermediate value that is not finite makes the action HOLD.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled

DEPTH_MAX: Final = 5
"""Levels of one condition, its leaves counted; also the floats of the stack."""
NODES_MAX: Final = 31
"""Nodes of all conditions together."""
HEAD: Final = 5
"""Numbers before the first item."""
ITEM: Final = 2
TINY: Final = 1e-12
"""A divisor closer to 0 makes a quotient 1."""

HOLD: Final = 0
OPEN_LONG: Final = 1
OPEN_SHORT: Final = 2
CLOSE: Final = 4


class Code(IntEnum):
    """What an item does: FEATURE and CONSTANT have an operand (slot, value); from LT on, codes take two values."""

    FEATURE = 1
    CONSTANT = 2
    NOT = 3
    ABS = 4
    LT = 5
    GT = 6
    AND = 7
    OR = 8
    ADD = 9
    SUB = 10
    MUL = 11
    DIV = 12
    MIN = 13
    MAX = 14


def flaw_of(numbers: Sequence[float], features: int) -> str:
    """Say what is wrong with the numbers of a genome that reads so many features; empty where nothing is.

    The interpreter checks nothing: what passes here stays within its stack, its features and its numbers.
    """
    if len(numbers) < HEAD or any(count != int(count) or count < 0 for count in numbers[:HEAD]):
        return "their head is not five counts"
    if numbers[0] != features:
        return f"they read {numbers[0]:g} features where there are {features}"
    counts = [int(count) for count in numbers[1:HEAD]]
    if len(numbers) != HEAD + ITEM * sum(counts) or sum(counts) > NODES_MAX:
        return f"their head says {sum(counts)} items, of at most {NODES_MAX}, and {len(numbers)} numbers follow it"
    at = HEAD
    for count in counts:
        flaw = _flaw_of_condition(numbers[at : at + ITEM * count], features) if count else ""
        if flaw:
            return flaw
        at += ITEM * count
    return ""


def _flaw_of_condition(items: Sequence[float], features: int) -> str:
    height = 0
    for code, operand in zip(items[::ITEM], items[1::ITEM], strict=True):
        if code not in set(Code):
            return f"code {code:g} is unknown"
        if code == Code.FEATURE and operand not in range(features):
            return f"feature {operand:g} is not one of {features}"
        taken = 0 if code <= Code.CONSTANT else 1 if code <= Code.ABS else 2
        if height < taken:
            return f"code {code:g} takes {taken} values where {height} are"
        height += 1 - taken
        if height > DEPTH_MAX:
            return f"they need a stack of more than {DEPTH_MAX}"
    return "" if height == 1 else f"a condition leaves {height} values"


@compiled
def genome_action(numbers: NDArray[np.float64], features: NDArray[np.float64], scratch: NDArray[np.float64],
                  side: int) -> int:  # fmt: skip
    """Return HOLD, OPEN_LONG, OPEN_SHORT or CLOSE, for an agent that stands on a side (-1 short, 0 flat, 1 long).

    `features` are those of the newest closed bar in the order of the genome's list; `scratch` holds `DEPTH_MAX` floats
    at least. Who would open both sides at once opens none; a side is turned by closing it first.
    """
    for k in range(int(numbers[0])):
        if not math.isfinite(features[k]):
            return HOLD
    if side == 0:
        buys, sells = holds(numbers, features, scratch, 0), holds(numbers, features, scratch, 2)
        if buys < 0 or sells < 0 or buys == sells:
            return HOLD
        return OPEN_LONG if buys == 1 else OPEN_SHORT
    return CLOSE if holds(numbers, features, scratch, 1 if side > 0 else 3) == 1 else HOLD


@compiled
def holds(
    numbers: NDArray[np.float64], features: NDArray[np.float64], scratch: NDArray[np.float64], condition: int
) -> int:
    """Return 1 where a condition (0 to 3) holds, 0 where it does not, -1 where its value is not known."""
    at = HEAD
    for k in range(condition):
        at += ITEM * int(numbers[1 + k])
    count = int(numbers[1 + condition])
    if count == 0:
        return 0
    top = 0
    for k in range(count):
        code, operand = int(numbers[at + ITEM * k]), numbers[at + ITEM * k + 1]
        if code <= Code.CONSTANT:
            scratch[top] = features[int(operand)] if code == Code.FEATURE else operand
            top += 1
        elif code <= Code.ABS:
            value = scratch[top - 1]
            scratch[top - 1] = 1.0 - value if code == Code.NOT else abs(value)
        else:
            top -= 1
            scratch[top - 1] = joined(code, scratch[top - 1], scratch[top])
        if not math.isfinite(scratch[top - 1]):
            return -1
    return 1 if scratch[0] > 0.5 else 0


@compiled
def joined(code: int, a: float, b: float) -> float:
    """Return what a code makes of two values; a quotient by less than `TINY` is 1, an unknown code is NaN."""
    if code == Code.LT:
        return 1.0 if a < b else 0.0
    if code == Code.GT:
        return 1.0 if a > b else 0.0
    if code == Code.AND:
        return min(a, b)
    if code == Code.OR:
        return max(a, b)
    if code == Code.ADD:
        return a + b
    if code == Code.SUB:
        return a - b
    if code == Code.MUL:
        return a * b
    if code == Code.DIV:
        return a / b if abs(b) >= TINY else 1.0
    if code == Code.MIN:
        return min(a, b)
    return max(a, b) if code == Code.MAX else math.nan
