"""Checks of a table's numbers: flawed rows, order of stamps, the price step, the widest jump.

A row's flaws come from the same compiled function that a live feed and a backtest call (`market.continuity.row_flaws`),
here on prices as the file has them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.continuity import row_flaws
from market.tape import Flaw, Int64
from research.catalogue.columns import ASK, BID, PRICES
from research.catalogue.entry import PRICED, Faults, FileKind
from research.catalogue.tables import Floats, Table

DIGITS_MAX: Final = 10
STEP_TOLERANCE: Final = 1e-6
"""A price is a multiple of a step when it is this near to one, in steps, beyond the rounding of its own type."""

USUAL_SHARE: Final = 0.95

STEP_SAMPLE: Final = 1000
UNORDERED: Final = frozenset({FileKind.CALENDAR, FileKind.RATES, FileKind.REFERENCE, FileKind.RAW})
"""Kinds of which many rows share a stamp, or whose order means nothing."""


class Steps(NamedTuple):
    """The smallest decimal steps: of all prices and of nearly all; None past 10 digits."""

    exact: Decimal | None
    usual: Decimal | None


class Order(NamedTuple):
    """Row by row: a stamp before the newest so far, or equal to it."""

    disorder: NDArray[np.bool_]
    duplicate: NDArray[np.bool_]


def sides_of(table: Table) -> tuple[list[Floats], list[Floats]]:
    """Return (open, high, low, close) of bid and of ask; one-sided rows and trades have the same on both."""
    values = table.values
    if table.kind is FileKind.BARS:
        bid = [values[name] for name in (BID if BID[0] in values else PRICES) if name in values]
        ask = [values[name] for name in ASK if name in values]
        return bid or ask, ask or bid
    if "bid" in values:
        return [values["bid"]] * 4, [values["ask"]] * 4
    return [values["price"]] * 4, [values["price"]] * 4


def flaws_of(bid: Sequence[Floats], ask: Sequence[Floats]) -> NDArray[np.uint8]:
    """Return the `Flaw` bits of rows of float prices; a row that is not finite has NOT_FINITE and nothing else."""
    out = np.zeros(len(bid[0]), np.uint8)
    _flag_floats(np.stack(bid).astype(np.float64), np.stack(ask).astype(np.float64), out)
    return out


@compiled
def _flag_floats(bid: NDArray[np.float64], ask: NDArray[np.float64], out: NDArray[np.uint8]) -> None:
    for i in range(len(out)):
        finite = True
        for k in range(4):
            finite = finite and np.isfinite(bid[k, i]) and np.isfinite(ask[k, i])
        if finite:
            out[i] = row_flaws(
                bid[0, i], bid[1, i], bid[2, i], bid[3, i], ask[0, i], ask[1, i], ask[2, i], ask[3, i]
            )  # fmt: skip
        else:
            out[i] = Flaw.NOT_FINITE.value


def order_of(time_ns: Int64) -> Order:
    """Compare every stamp with the newest before it, as `flag_rows` does."""
    disorder = np.zeros(len(time_ns), np.bool_)
    duplicate = np.zeros(len(time_ns), np.bool_)
    if len(time_ns) > 1 and not np.all(time_ns[1:] > time_ns[:-1]):
        newest = np.maximum.accumulate(time_ns)[:-1]
        disorder[1:] = time_ns[1:] < newest
        duplicate[1:] = time_ns[1:] == newest
    return Order(disorder, duplicate)


def faults_of(table: Table, order: Order) -> Faults:
    """Count the faults that this kind of table can show."""
    unreadable = 0 if table.kind is FileKind.RAW else table.rows - int(np.count_nonzero(table.stamps.readable))
    counts: dict[str, int | None] = {}
    if table.kind not in UNORDERED:
        counts["disorder"] = int(np.count_nonzero(order.disorder))
        counts["duplicate"] = int(np.count_nonzero(order.duplicate))
    if table.kind not in PRICED:
        bad = np.zeros(len(table.stamps.time_ns), np.bool_)
        for column in table.values.values():
            bad |= ~np.isfinite(column)
        if table.values:
            counts["not_finite"] = int(np.count_nonzero(bad))
        return Faults(**counts, first_row=_first(bad), unreadable=unreadable)
    bid, ask = sides_of(table)
    flaws = flaws_of(bid, ask)
    counts["not_finite"] = int(np.count_nonzero(flaws & Flaw.NOT_FINITE))
    counts["zero"] = int(np.count_nonzero(flaws & Flaw.ZERO))
    if bid[0] is not ask[0]:
        counts["crossed"] = int(np.count_nonzero(flaws & Flaw.CROSSED))
    if table.kind is FileKind.BARS:
        counts["range"] = int(np.count_nonzero(flaws & Flaw.RANGE))
    return Faults(**counts, first_row=_first(flaws != 0), unreadable=unreadable)


def steps_of(prices: Sequence[Floats]) -> Steps:
    """Find the decimal steps (1, 0.1, 0.01, ...) of prices; not finite ones are left out.

    They are measured, so they may be coarser than the venue's where no price used the last digit.
    """
    known = [column[np.isfinite(column)] for column in prices]
    known = [column for column in known if len(column)]
    usual = None
    for digits in range(DIGITS_MAX + 1 if known else 0):
        if min(_share(column[:STEP_SAMPLE], digits) for column in known) < 0.5:
            continue  # most steps are ruled out by the first prices
        share = min(_share(column, digits) for column in known)
        if usual is None and share >= USUAL_SHARE:
            usual = Decimal(1).scaleb(-digits)
        if share == 1:
            return Steps(Decimal(1).scaleb(-digits), usual)
    return Steps(None, usual)


def jump_of(close: Floats) -> float | None:
    """Return the largest close-to-close change as a fraction, flawed rows left out; None without two closes."""
    good = close[np.isfinite(close) & (close > 0)].astype(np.float64)
    if len(good) < 2:
        return None
    return round(float(np.max(np.abs(np.diff(good) / good[:-1]))), 6)


def _share(column: Floats, digits: int) -> float:
    """Return the share of prices that are multiples of 10**-digits, as exactly as their type can tell."""
    eps = float(np.finfo(column.dtype).eps)
    quotient = column.astype(np.float64) * 10**digits
    slack = STEP_TOLERANCE + 4 * eps * np.abs(quotient)
    return float(np.mean((np.abs(quotient - np.rint(quotient)) <= slack) & (slack < 0.25)))


def _first(rows: NDArray[np.bool_]) -> int | None:
    found = np.flatnonzero(rows)
    return int(found[0]) if len(found) else None
