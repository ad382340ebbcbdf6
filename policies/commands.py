"""Commands: what a person may order of an account, and what the account makes of it at the instant it is told.

A latch is lifted only where its terms let a person lift it and what set it stands no longer; no reference that a loss
is counted from ever moves for it. A deposit or withdrawal moves balance, tops and floors alike: it is neither profit
nor loss. The same function obeys in the actor and in every replay, at the same instant, between the same rows.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from market.compiled import compiled
from market.paper import REPORT, Reason, ReportKind
from market.records import records
from policies.bookkeeping import book_report, breaches, close_instant, roll_account
from policies.breaking import lift_cost
from policies.floors import Clears, acknowledge_rule
from policies.guard import apply_flow
from policies.intents import Rule
from policies.pretrade import empty_window
from policies.risk import Book

MONEY_MAX: Final = 10**17
"""The most that an account may hold: everything that is multiplied with money stays within 64 bits."""


class Action(StrEnum):
    """What is ordered."""

    ACKNOWLEDGE = "ACKNOWLEDGE"  # lift a latched rule
    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    ENABLE = "ENABLE"  # end a breaker that only a person ends: of a desk, of an instrument
    ADJUST = "ADJUST"  # take over what was traded on the account past the engine


class Result(StrEnum):
    """What came of it."""

    DONE = "DONE"
    NOT_LATCHED = "NOT_LATCHED"
    REFUSED_FINAL = "REFUSED_FINAL"  # its profile lets nobody lift it
    REFUSED_PERIOD = "REFUSED_PERIOD"  # its period has not ended since it latched
    REFUSED_STANDS = "REFUSED_STANDS"  # what latched it still stands
    REFUSED_AMOUNT = "REFUSED_AMOUNT"  # the account has not got so much, or would hold more than it may

    @property
    def refused(self) -> bool:
        """Tell whether it was refused by authority."""
        return self.value.startswith("REFUSED")


LIFTABLE: Final = (Rule.SAFE_MODE, Rule.ACCOUNT_DAILY_LOSS, Rule.ACCOUNT_TOTAL_LOSS, Rule.TOTAL_DRAWDOWN)
"""Rules that latch until a person lifts them, where their profile lets anybody."""


class Trade(Struct, frozen=True, kw_only=True):
    """One trade that is taken over: signed lots at a price in ticks, the fee in quote money, and its rate."""

    lots: int
    price: int
    fee: int = 0
    rate_num: int = 1
    rate_den: int = 1


class Wish(Struct, frozen=True, kw_only=True):
    """A command as the book takes it: `rule` to acknowledge, signed `money`, number of the `desk` or `instrument`.

    `trades` of the instrument are taken over.
    """

    time_ns: int
    rule: int = 0
    money: int = 0
    desk: int = -1
    instrument: int = -1
    trades: tuple[Trade, ...] = ()


class Obeyed(Struct, frozen=True, kw_only=True):
    """What came of a wish: its result, the `Rule` bits that it lifted, and those that its instant has newly set."""

    result: Result
    lifted: int = 0
    latched: int = 0


def obey(book: Book, wish: Wish) -> Obeyed:
    """Do what is wished before anything else of its instant, then value the account; ValueError for an unknown wish.

    The day is the caller's to open first (`policies.bookkeeping.open_day`).
    """
    account = book.ledger.account[0]
    before = int(account.blocks)
    if book.guard[0].active != 0:
        account.blocks |= roll_account(book, wish.time_ns)
    result, lifted = _carried_out(book, wish)
    account.blocks &= ~lifted
    shut_instant(book, wish.time_ns)
    return Obeyed(result=result, lifted=lifted, latched=int(account.blocks) & ~(before & ~lifted))


def _carried_out(book: Book, wish: Wish) -> tuple[Result, int]:
    if wish.money != 0:
        return _flow(book, wish.money), 0
    if wish.rule == Rule.TOTAL_DRAWDOWN:
        return _lift_drawdown(book)
    if wish.rule in LIFTABLE:
        return _lift_floors(book, wish.rule)
    if wish.desk >= 0:
        return (Result.DONE if enable_desk(book, wish.desk) else Result.NOT_LATCHED), 0
    if wish.trades:
        take_over(book, wish.instrument, wish.trades, wish.time_ns)
        return Result.DONE, 0
    if wish.instrument >= 0:
        return (Result.DONE if lift_cost(book.breakers, wish.instrument) else Result.NOT_LATCHED), 0
    raise ValueError(f"a wish of nothing, or to lift rule {wish.rule}: {', '.join(str(r.name) for r in LIFTABLE)}")


@compiled
def shut_instant(book: Book, time_ns: int) -> int:
    """Value the account at an instant and set what is breached; return the newly set `Rule` bits."""
    return close_instant(book, time_ns)


def _flow(book: Book, money: int) -> Result:
    """Take a deposit or withdrawal, if the account can: what it holds and is worth stays positive and within bounds."""
    account = book.ledger.account[0]
    least = min(int(account.cash), int(account.equity), int(account.equity_low), int(account.cash + account.floating))
    if money < 0 and least + money <= 0:
        return Result.REFUSED_AMOUNT
    if int(account.peak) + money > MONEY_MAX or int(account.cash) + money > MONEY_MAX:
        return Result.REFUSED_AMOUNT
    move_money(book, money)
    return Result.DONE


@compiled
def move_money(book: Book, money: int) -> None:
    """Move everything that profit and loss are counted from by the same money: so neither changes."""
    account = book.ledger.account[0]
    account.cash += money
    account.initial += money
    account.peak += money
    account.anchor += money
    account.equity += money
    account.equity_low += money
    account.sample_low += money
    apply_flow(book.guard[0], money)


def take_over(book: Book, instrument: int, trades: Sequence[Trade], time_ns: int) -> None:
    """Book trades that no order of ours has made, as fills of an instant: position, cost, fee and cash are theirs."""
    row = records(1, REPORT)[0]
    row.time_ns, row.venue = time_ns, book.ledger.instruments[instrument].venue
    row.execution, row.number, row.instrument = -1, -1, instrument
    row.kind, row.reason = ReportKind.FILL, Reason.MANUAL
    for trade in trades:
        row.lots, row.price, row.fee = trade.lots, trade.price, trade.fee
        row.rate_num, row.rate_den = trade.rate_num, trade.rate_den
        book_report(book, row)


def _lift_drawdown(book: Book) -> tuple[Result, int]:
    account = book.ledger.account[0]
    if not account.blocks & Rule.TOTAL_DRAWDOWN:
        return Result.NOT_LATCHED, 0
    if standing_breaches(book) & Rule.TOTAL_DRAWDOWN:
        return Result.REFUSED_STANDS, 0
    return Result.DONE, Rule.TOTAL_DRAWDOWN.value


@compiled
def standing_breaches(book: Book) -> int:
    """Return the `Rule` bits of the limits that the account is beyond as it was valued last."""
    account = book.ledger.account[0]
    return breaches(book.limits[0], account, account.floating, account.equity, account.peak)


def _lift_floors(book: Book, rule: int) -> tuple[Result, int]:
    """Lift the latched floors of a rule: all of them, or none where one is final or its period has not ended."""
    latched = [row for row in book.floors if row.rule == rule and row.latched != 0]
    if not latched:
        return Result.NOT_LATCHED, 0
    if any(row.clears == Clears.NEVER for row in latched):
        return Result.REFUSED_FINAL, 0
    if any(row.pending == 0 for row in latched):
        return Result.REFUSED_PERIOD, 0
    return Result.DONE, int(acknowledge_rule(book.floors, rule))


def enable_desk(book: Book, desk: int) -> bool:
    """Let a desk execute again that was disabled for executing too often; its executions are counted anew."""
    if book.controls.disabled[desk] == 0:
        return False
    book.controls.disabled[desk] = 0
    empty_window(book.controls.executions[desk])
    return True
