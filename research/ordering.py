"""Ordering: commands of people to the account of a home, and how that account stands, read from its journal.

A command is meant for one account, that is for one session: the newest if it has not come to its end, else the one
that the next run begins. It is durable in the home's file of commands before it is acknowledged; whatever engine goes
on with that session obeys it at its next instant.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct, to_builtins

from actors.messages import START
from actors.obeying import flow_at, rule_of
from actors.restoring import RestoreError, SessionLog, restore_book
from actors.standing import standing
from actors.writing import rule_names
from journal.commands import CommandFile, CommandsError
from journal.records import Breaker, Command
from market.money import decimal_of
from policies.commands import MONEY_MAX, Action, Result
from policies.floors import Clears
from policies.intents import Rule
from policies.plan import Plan
from policies.risk import Book
from policies.switches import Mode, Rearm, Trip, rearmed
from policies.switches import Result as Rearmed
from research.cleanliness import UNREADABLE, log_of, plan_of
from research.home import Home

ALERTS_SHOWN: Final = 50


class Order(Struct, frozen=True, kw_only=True):
    """What a person orders: of which rule or breaker, how much money, by whom, why, when by the wall clock."""

    action: Action
    subject: str = ""
    amount: int = 0
    who: tuple[str, ...]
    reason: str
    now_ns: int


class FinalError(RuntimeError):
    """The profile of the account lets nobody lift a latch; the message names it and the floor."""


def give(home: Home, order: Order) -> Command:
    """Make an order durable; FinalError, ValueError or CommandsError where it is not one that could ever be obeyed."""
    if order.action in (Action.DEPOSIT, Action.WITHDRAW) and not 0 < order.amount <= MONEY_MAX:
        most = decimal_of(MONEY_MAX)
        raise ValueError(f"amount {decimal_of(order.amount)}: more than 0 and at most {most:f} is allowed")
    log = log_of(home.journal)
    if order.action is Action.ACKNOWLEDGE and log is not None and not log.complete:
        _refuse_final(plan_of(log), rule_of(order.subject))
    file = CommandFile(home.commands)
    try:
        return file.add(
            Command(
                time_ns=order.now_ns, wall_ns=order.now_ns, row=0, session=session_of(log), action=order.action.value,
                subject=order.subject, amount=order.amount, who=order.who, reason=order.reason,
            )
        )  # fmt: skip
    finally:
        file.close()


def session_of(log: SessionLog | None) -> int:
    """Return the number of the session whose account a command is meant for."""
    if log is None or log.session is None:
        return 1
    return log.session.number + (1 if log.complete else 0)


def _refuse_final(plan: Plan, rule: int) -> None:
    final = [floor for floor in plan.rules.floors if floor.rule == rule and floor.clears == Clears.NEVER]
    if final:
        raise FinalError(
            f"{Rule(rule).name} is final: floor {final[0].name} lets nobody lift it; a new account is allowed"
        )


def enable(home: Home, wish: Rearm, now_ns: int) -> Rearmed:
    """Order that a breaker which waits for a person be ended, by the rules that lift a kill switch of its scope."""
    scope = f"{wish.scope}:{wish.key}"
    result = rearmed([Trip(wish.scope, wish.key, Mode.BLOCK_NEW)] if scope in breakers_at(home) else [], wish)
    if result is Rearmed.REARMED:
        give(
            home,
            Order(action=Action.ENABLE, subject=scope, who=wish.approvers, reason=wish.reason.strip(), now_ns=now_ns),
        )  # fmt: skip
    return result


def breakers_at(home: Home) -> list[str]:
    """Return the scopes that a breaker has stopped in the session of a home, until a person ends it.

    A journal that cannot be read has none: what is wrong with it stands among what is not clean.
    """
    try:
        log = log_of(home.journal)
    except UNREADABLE:
        return []
    return [] if log is None or log.complete else waiting_breakers(log)


def waiting_breakers(log: SessionLog) -> list[str]:
    """Return the scopes of breakers that wait for a person, as `desk:forex`."""
    found: dict[str, int] = {}
    for breaker in log.breakers:
        if breaker.until_ns == 0:
            found[breaker.scope] = breaker.time_ns
    done = {outcome.row: outcome.time_ns for outcome in log.outcomes if outcome.result == Result.DONE}
    for command in log.commands:
        if command.action == Action.ENABLE and done.get(command.row, START) > found.get(command.subject, START):
            found.pop(command.subject, None)
    return sorted(found)


class Account(Struct, frozen=True, kw_only=True):
    """How an account stands: as of its newest snapshot, latches and alerts as of the journal's end; integer money."""

    session: int
    complete: bool
    currency: str
    as_of_ns: int | None
    equity: int
    cash: int
    flow: int
    latched: tuple[str, ...]
    floors: tuple[dict[str, Any], ...]
    alerts: tuple[dict[str, Any], ...]
    breakers: tuple[dict[str, Any], ...]


def account_of(log: SessionLog) -> Account:
    """Return how the account of a session stands; RestoreError where its journal is not what its snapshots say."""
    assert log.session is not None
    plan, cut = plan_of(log), log.cut_ns
    book = restore_book(plan, log, cut)
    known = standing(book, plan)
    newest = log.samples[-1] if log.samples and log.samples[-1].time_ns > cut else None
    waiting = waiting_breakers(log)
    return Account(
        session=log.session.number, complete=log.complete, currency=plan.currency,
        as_of_ns=newest.time_ns if newest else cut if cut > START else None,
        equity=newest.equity if newest else known["equity"], cash=newest.cash if newest else known["cash"],
        flow=flow_at(log, 2**62), latched=rule_names(_latched(book, log, cut)),
        floors=tuple(
            {"name": floor.name, "rule": Rule(floor.rule).name, "final": floor.clears == Clears.NEVER}
            | known["floors"][floor.name]
            for floor in plan.rules.floors
        ),
        alerts=tuple(_plain(alert) for alert in log.alerts[-ALERTS_SHOWN:]),
        breakers=tuple(
            _plain(breaker) | {"open": _is_open(breaker, waiting, newest.time_ns if newest else cut)}
            for breaker in log.breakers[-ALERTS_SHOWN:]
        ),
    )  # fmt: skip


def _plain(record: Struct) -> dict[str, Any]:
    found: dict[str, Any] = to_builtins(record)
    found.pop("kind")
    return found


def _is_open(breaker: Breaker, waiting: Sequence[str], now_ns: int) -> bool:
    return breaker.scope in waiting if breaker.until_ns == 0 else breaker.until_ns > now_ns


def _latched(book: Book, log: SessionLog, cut_ns: int) -> int:
    """Return the `Rule` bits that are latched at the journal's end: the snapshot's, then what came after it."""
    bits = int(book.ledger.account[0].blocks)
    steps = [(latch.time_ns, 1, latch.rules) for latch in log.latches if latch.time_ns > cut_ns]
    steps += [(outcome.time_ns, 0, outcome.lifted) for outcome in log.outcomes if outcome.time_ns > cut_ns]
    steps += [(roll.time_ns, 0, (str(Rule.DAILY_LOSS.name),)) for roll in log.mandates if roll.time_ns > cut_ns]
    for _, sets, names in sorted(steps, key=lambda step: step[:2]):
        of_step = sum(Rule[name].value for name in names)
        bits = bits | of_step if sets else bits & ~of_step
    return bits


def commands_of(home: Home, log: SessionLog | None) -> list[dict[str, Any]]:
    """Return every command with what became of it; CommandsError where the file cannot be read."""
    if not home.commands.exists():
        return []
    file = CommandFile(home.commands, create=False)
    try:
        rows = file.rows()
    finally:
        file.close()
    taken = {command.row: command.time_ns for command in log.commands} if log else {}
    results = {outcome.row: outcome.result for outcome in log.outcomes} if log else {}
    current = session_of(log)
    found = []
    for row in rows:
        state = "waiting" if row.session >= current else "over"
        if row.row in taken:
            state = results.get(row.row, "taken")
        said = _plain(row)
        said.pop("trades")  # what is taken over stands in no file
        found.append({**said, "time_ns": taken.get(row.row), "state": state})
    return found


def account_standing(home: Home) -> tuple[Account | None, list[dict[str, Any]], str | None]:
    """Return the account of a home, its commands, and why one of them cannot be said."""
    try:
        log = log_of(home.journal)
        account = account_of(log) if log is not None else None
        return account, commands_of(home, log), None
    except (*UNREADABLE, RestoreError, CommandsError) as error:
        return None, [], str(error)
