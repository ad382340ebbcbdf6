"""Masks: which actions are legal, and a choice among them. An illegal action is never sampled.

| action | legal when |
|---|---|
| HOLD | always |
| OPEN_LONG | flat, room below the cap, nothing bars |
| OPEN_SHORT | as OPEN_LONG, where shorts are allowed |
| ADD | in a position, room below the cap, nothing bars; to a short, where shorts are allowed |
| CLOSE | in a position, whatever bars |

Room is exposure < cap: at the cap there is none, and a number that is not one leaves none. A position is never turned
in one action: it is closed first. With nothing to choose from, or opinions that are no numbers, the choice is HOLD.
"""

import math
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled


class Action(IntEnum):
    """What an agent may do with one instrument, in the order of a network's outputs."""

    HOLD = 0
    OPEN_LONG = 1
    OPEN_SHORT = 2
    ADD = 3
    CLOSE = 4


class Barred(IntFlag):
    """What forbids to open or to add; none of it forbids to close."""

    SAFE_MODE = 1
    KILL = 2
    NEWS = 4
    STALE_DATA = 8


ACTIONS: Final = len(Action)


@compiled
def action_mask(
    position: float, exposure: float, cap: float, short_allowed: bool, barred: int, out: NDArray[np.bool_]
) -> None:
    """Write to out[5] which actions are legal.

    `position` is signed in any unit (0: flat), `exposure` and `cap` fractions of the equity, `barred` bits of `Barred`.
    """
    room = barred == 0 and exposure < cap
    out[Action.HOLD.value] = True
    out[Action.OPEN_LONG.value] = position == 0.0 and room
    out[Action.OPEN_SHORT.value] = position == 0.0 and room and short_allowed
    out[Action.ADD.value] = room and (position > 0.0 or (position < 0.0 and short_allowed))
    out[Action.CLOSE.value] = position != 0.0


@compiled
def masked_softmax(logits: NDArray[np.float64], mask: NDArray[np.bool_], out: NDArray[np.float64]) -> bool:
    """Write to `out` exp(logit) / sum over the allowed actions, 0 elsewhere; False where there is no choice: HOLD.

    There is none when all is masked, or an allowed logit is NaN or +inf; `out` is then all 0. -inf is never chosen.
    """
    best = _greatest(logits, mask)
    total = 0.0
    for k in range(len(logits)):
        out[k] = 0.0
        if best >= 0 and mask[k]:
            out[k] = math.exp(logits[k] - logits[best])
            total += out[k]
    for k in range(len(logits)):
        if best >= 0:
            out[k] /= total
    return best >= 0


@compiled
def masked_argmax(logits: NDArray[np.float64], mask: NDArray[np.bool_]) -> int:
    """Return the allowed action with the greatest logit, the first of equals; HOLD where there is no choice."""
    return max(_greatest(logits, mask), Action.HOLD.value)


@compiled
def _greatest(logits: NDArray[np.float64], mask: NDArray[np.bool_]) -> int:
    """Return the place of the greatest allowed logit, the first of equals; -1 where there is none that is a number."""
    best = -1
    for k in range(len(logits)):
        if mask[k]:
            if not logits[k] < math.inf:
                return -1
            if logits[k] > -math.inf and (best < 0 or logits[k] > logits[best]):
                best = k
    return best
