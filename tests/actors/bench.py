"""A bench for one actor: what it was started with, who it tells, and messages to give it. No World, no Ray."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actors.governor import Governor
from actors.messages import START, Finding, Intents, Orders, Reports, Rows
from actors.settings import GOVERNOR, RISK, Life, Settings
from actors.staging import MemoryOpener, open_session
from journal.store import MemoryJournal
from market.paper import ORDER, REPORT, OrderKind, Reason, ReportKind
from market.records import packed, records
from market.tape import Tape, empty_tape, quote_tape
from policies.intents import INTENT
from policies.plan import Plan
from tests.builders import SECOND, START_NS, a_plan, a_tape
from venues.replay import save_tape

NOON = START_NS - 10 * 3600 * SECOND  # 12:00 UTC of a day that the tape does not reach
MS = 10**6
PAIR, QUOTED_A, QUOTED_B, CONTRACT = 0, 4, 5, 6
"""Instruments of `a_plan`: EURUSD bars, EURUSD quotes at venues a and b, the contract at a."""


class Told(NamedTuple):
    """One message that an actor sent."""

    receiver: str
    method: str
    message: Any


class Recorder:
    """A resolver with the real face that keeps what is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.before: Callable[[], None] | None = None

    def __call__(self, name: str, /) -> Any:
        return _Handle(self, name)

    def take(self, receiver: str | None = None, method: str | None = None) -> list[Any]:
        """Return what was told since the last look, of one receiver or method; forget everything."""
        found = [
            told.message for told in self.told if receiver in (None, told.receiver) and method in (None, told.method)
        ]
        self.told.clear()
        return found


class _Handle:
    def __init__(self, recorder: Recorder, receiver: str) -> None:
        self._recorder, self._receiver = recorder, receiver

    def __getattr__(self, method: str) -> Any:
        return _Call(self._recorder, self._receiver, method)


class _Call(NamedTuple):
    recorder: Recorder
    receiver: str
    method: str

    def remote(self, *arguments: Any) -> None:
        if self.recorder.before is not None:
            self.recorder.before()
        self.recorder.told.append(Told(self.receiver, self.method, arguments[0] if len(arguments) == 1 else arguments))


def settings_of(folder: Path, tape: Tape | None = None, plan: Plan | None = None, **changes: Any) -> Settings:
    """Return settings over a tape (none: quotes of half an hour)."""
    tape = tape if tape is not None else a_tape(30, 200)
    return Settings(
        plan=plan or a_plan(),
        tape_folder=str(folder),
        tape_hash=save_tape(folder, tape),
        **({"batch_rows": 16} | changes),
    )


def a_journal(settings: Settings) -> MemoryJournal:
    """Return a journal in which a session has begun (epoch 1)."""
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    return journal


def a_governor(settings: Settings, journal: MemoryJournal, end: Callable[[], None] = lambda: None) -> Any:
    """Return a governor and its recorder."""
    recorder = Recorder()
    life = Life("bench", lambda: 77, end)
    return Governor(GOVERNOR, settings, recorder, MemoryOpener(journal), life), recorder


def some_quotes(*rows: tuple[int, int, int, int]) -> Tape:
    """Return a tape of quotes (seconds after noon, feed, bid, ask) of feeds 4 and 5."""
    if not rows:
        return empty_tape()
    columns = np.array(rows, np.int64).T
    tape = quote_tape(0, NOON + columns[0] * SECOND, columns[2].copy(), columns[3].copy())
    return tape._replace(feed=columns[1].copy())


def at(seconds: float) -> int:
    """Return a market time, in seconds after noon."""
    return NOON + round(seconds * SECOND)


def rows(tape: Tape, upto_ns: int, after_ns: int = START, source: str = "feed-0", *, primed: bool = False) -> Rows:
    return Rows(source, after_ns, upto_ns, tape, primed)


def an_intent(seconds: float, instrument: int = QUOTED_A, lots: int = 5, epoch: int = 2, **fields: Any) -> Any:
    """Return one intent, a buy of some lots at the market by the binary desk's rules unless told otherwise."""
    row = records(1, INTENT)
    row["time_ns"], row["desk"], row["legs"], row["epoch"] = at(seconds), 1, 1, epoch
    row["order_kind"], row["instrument0"], row["lots0"], row["first_order"] = OrderKind.MARKET, instrument, lots, -1
    row["instrument1"] = -1
    row["confidence"], row["reward"] = 1.0, 1.0
    for name, value in fields.items():
        row[name] = value
    return row


def intents_of(
    upto_ns: int, *found: Any, after_ns: int = START, epoch: int = 2, source: str = "agent-arbitrage"
) -> Intents:
    table = records(len(found), INTENT)
    for k, row in enumerate(found):
        table[k] = row[0]
    return Intents(source, epoch, after_ns, upto_ns, packed(table))


def a_group(seconds: float, *found: Any) -> Finding:
    table = records(len(found), INTENT)
    for k, row in enumerate(found):
        table[k] = row[0]
    return Finding(at(seconds), group=packed(table))


def an_order(number: int, arrive_s: float, instrument: int = QUOTED_A, lots: int = 5, **fields: Any) -> Any:
    row = records(1, ORDER)
    row["number"], row["instrument"], row["lots"], row["arrive_ns"] = number, instrument, lots, at(arrive_s)
    row["kind"], row["reason"], row["sent_ns"] = OrderKind.MARKET, Reason.ENTRY, at(arrive_s)
    for name, value in fields.items():
        row[name] = value
    return row


def orders_of(first: int, horizon_ns: int, *found: Any, epoch: int = 2) -> Orders:
    table = records(len(found), ORDER)
    for k, row in enumerate(found):
        table[k] = row[0]
    return Orders(epoch, first, packed(table), horizon_ns)


def a_fill(number: int, seconds: float, execution: int = 0, lots: int = 5, **fields: Any) -> Any:
    row = records(1, REPORT)
    row["time_ns"], row["venue"], row["execution"], row["number"] = at(seconds), 1, execution, number
    row["instrument"], row["kind"], row["reason"], row["lots"] = QUOTED_A, ReportKind.FILL, Reason.ENTRY, lots
    row["price"], row["rate_num"], row["rate_den"] = 110000, 1, 1
    for name, value in fields.items():
        row[name] = value
    return row


def reports_of(
    upto_ns: int, *found: Any, after_ns: int = START, epoch: int = 2, source: str = "gateway-a", **fields: Any
) -> Reports:
    table = records(len(found), REPORT)
    for k, row in enumerate(found):
        table[k] = row[0]
    return Reports(source, epoch, after_ns, upto_ns, packed(table), **fields)


__all__ = ["GOVERNOR", "RISK", "START"]
