"""Phased volume in the path of every intent: an account earns its size, and loses it at once in a drawdown.

`policies.objectives.phase_of`, compiled, in whole money: of the phases all of whose conditions are met the last one
gives the size; a protective step that is reached caps it. Without phases sizes are whole.
"""

from typing import TYPE_CHECKING, Final

from market.compiled import compiled
from market.costs import PPM
from market.records import Record, Records, record_type

if TYPE_CHECKING:
    from policies.risk import Book

PHASE: Final = record_type("trades_min days_min profit_min volume_ppm")
"""Closed trades, days with an opening trade, and closed profit in money (the least integer: none is asked for)."""

PROTECT: Final = record_type("drawdown volume_ppm")
"""From which fall below the highest equity, in money, on the volume is at most what."""

DAY_NS: Final = 86_400 * 10**9


@compiled
def phase_ppm(book: "Book") -> int:
    """Return the size that the account has earned, in parts per million; nothing where no phase is met."""
    if len(book.phases) == 0:
        return PPM
    account, guard = book.ledger.account[0], book.guard[0]
    profit, fall = account.cash - guard.flow - account.initial, account.peak - min(account.equity, account.equity_low)
    volume = 0
    for k in range(len(book.phases)):
        phase = book.phases[k]
        if guard.trades >= phase.trades_min and guard.days >= phase.days_min and profit >= phase.profit_min:
            volume = phase.volume_ppm
    return capped(book.protects, volume, fall)


@compiled
def capped(protects: Records, volume: int, fall: int) -> int:
    """Return a volume cut to what a fall leaves."""
    for k in range(len(protects)):
        if fall >= protects[k].drawdown:
            volume = min(volume, protects[k].volume_ppm)
    return int(volume)


@compiled
def note_opening(guard: Record, time_ns: int) -> None:
    """Count the day of an opening fill, once."""
    day = time_ns // DAY_NS
    if day > guard.last_day:
        guard.days += 1
        guard.last_day = day
