"""Obeying: how commands get from their file to the book, and what a journal says of them.

The governor watches the file (`CommandWatch`) and gives every command an instant of market time that nobody can have
passed: later than anything risk was ever told to go on to. It is durable before anybody hears of it, and it reaches
risk with the stretch of reports that it lies in: a stretch is complete, so risk cannot pass the instant without it,
whoever was killed in between. Risk obeys there, before anything else of the instant, and what came of it is one of its
findings.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from actors.messages import END, START
from actors.settings import Settings
from journal.commands import CommandFile, CommandsError, meant_for
from journal.order_records import Adjustment
from journal.records import Command
from market.instruments import Kind
from policies.commands import LIFTABLE, Action, Result, Trade, Wish
from policies.intents import Rule
from policies.plan import Plan
from policies.switches import Scope, switch_of

if TYPE_CHECKING:
    from actors.restoring import SessionLog


class Flow(Struct, frozen=True):
    """Money that came into the account (positive) or left it, at an instant before anything else of it."""

    time_ns: int
    money: int


def wish_of(plan: Plan, command: Command) -> Wish:
    """Return a command as the book takes it; ValueError where its subject is nothing of this plan."""
    when = command.time_ns
    match Action(command.action):
        case Action.DEPOSIT:
            return Wish(time_ns=when, money=command.amount)
        case Action.WITHDRAW:
            return Wish(time_ns=when, money=-command.amount)
        case Action.ACKNOWLEDGE:
            return Wish(time_ns=when, rule=rule_of(command.subject))
        case Action.ADJUST:
            return _taken_over(plan, command)
        case Action.ENABLE:
            scope, key = switch_of(command.subject)
            if scope is Scope.DESK:
                return Wish(time_ns=when, desk=[desk.name for desk in plan.desks].index(key))
            if scope is Scope.INSTRUMENT:
                return Wish(time_ns=when, instrument=plan.index_of(key))
    raise ValueError(f"{command.action} {command.subject}: a breaker of a desk or an instrument is allowed")


def _taken_over(plan: Plan, command: Command) -> Wish:
    number = plan.index_of(command.subject)
    if command.row >= 0:
        raise ValueError(
            f"{command.action} {command.subject}: it comes of an adjustment, `trifecta reconcile --accept`"
        )
    if plan.instruments[number].kind is Kind.BINARY:
        raise ValueError(f"{command.subject}: a contract settles; an instrument that is held is allowed")
    trades = tuple(
        Trade(lots=lots, price=price, fee=fee, rate_num=rate_num, rate_den=rate_den)
        for lots, price, fee, rate_num, rate_den in command.trades
    )
    if not trades or sum(trade.lots for trade in trades) != command.amount:
        raise ValueError(f"{command.subject}: {command.amount} lots, and its trades come to something else")
    return Wish(time_ns=command.time_ns, instrument=number, trades=trades)


def rule_of(name: str) -> int:
    """Return the rule that a person may be able to lift; ValueError names those there are."""
    word = name.strip().upper().replace("-", "_")
    for rule in LIFTABLE:
        if rule.name == word:
            return rule.value
    known = ", ".join(str(rule.name) for rule in LIFTABLE)
    own = " (it ends by itself with the UTC day)" if word == Rule.DAILY_LOSS.name else ""
    raise ValueError(f"{name}{own}: {known} is allowed")


def flows_of(log: "SessionLog") -> list[Flow]:
    """Return the deposits and withdrawals of a session that were carried out, in order."""
    done = {outcome.row for outcome in log.outcomes if outcome.result == Result.DONE}
    signs = {Action.DEPOSIT.value: 1, Action.WITHDRAW.value: -1}
    return [
        Flow(command.time_ns, signs[command.action] * command.amount)
        for command in log.commands
        if command.row in done and command.action in signs
    ]


def flow_at(log: "SessionLog", time_ns: int) -> int:
    """Return what had come in, less what had left, by the end of an instant."""
    return sum(flow.money for flow in flows_of(log) if flow.time_ns <= time_ns)


def takeovers_of(plan: Plan, log: "SessionLog") -> list[Wish]:
    """Return what was taken over in a session of what was traded past it, in order."""
    done = {outcome.row for outcome in log.outcomes if outcome.result == Result.DONE}
    return [wish_of(plan, command) for command in log.commands if command.row in done and command.trades]


def desks_enabled(plan: Plan, log: "SessionLog") -> list[tuple[int, int]]:
    """Return when which desk of a session was enabled again, in order."""
    done = {outcome.row for outcome in log.outcomes if outcome.result == Result.DONE}
    wishes = [wish_of(plan, command) for command in log.commands if command.row in done and command.action == "ENABLE"]
    return [(wish.time_ns, wish.desk) for wish in wishes if wish.desk >= 0]


class CommandWatch:
    """What a governor knows of the commands of its session: those it has journaled, and where the next may stand.

    What a person has accepted of a venue's truth (Adjustment) has no instant yet: it becomes a command here.
    """

    def __init__(self, settings: Settings, log: "SessionLog") -> None:
        self._path, self._session, self._plan = settings.commands_path, settings.session, settings.plan
        self._file: CommandFile | None = None
        self._taken = list(log.commands)
        known = {command.row for command in self._taken}
        made = [self._command(-1 - k, adjustment) for k, adjustment in enumerate(log.adjustments)]
        self._accepted = [command for command in made if command.row not in known]
        self._told_ns = log.newest_ns
        self._heard_ns: int | None = None  # what it had been told under earlier epochs, or more
        self.problem = ""

    def heard(self, reported_ns: int) -> None:
        """Note up to where risk says, under this epoch, that it may go on."""
        self._heard_ns = max(reported_ns, START if self._heard_ns is None else self._heard_ns)

    def told(self, upto_ns: int) -> None:
        """Note up to where risk was told that it may go on."""
        self._told_ns = max(self._told_ns, upto_ns)

    def poll(self) -> list[Command]:
        """Return the commands that have come, to be journaled as of their instant; they count from now on.

        None comes before risk has gone anywhere, and none once everything was told. A file that cannot be read brings
        none: what it holds is kept, and the `problem` is shown.
        """
        if self._heard_ns is None:
            return []
        bound_ns = max(self._heard_ns, self._told_ns)
        if not 0 < bound_ns < END - 1:
            return []
        accepted = [row for row in self._accepted if self._is_of_plan(row)]
        rows = [*accepted, *(self._fresh() if self._path else [])]
        fresh = [msgspec.structs.replace(row, time_ns=bound_ns + 1) for row in rows]
        self._accepted = []
        self._taken += fresh
        return fresh

    def between(self, after_ns: int, upto_ns: int) -> tuple[Command, ...]:
        """Return the commands of a stretch of market time."""
        return tuple(command for command in self._taken if after_ns < command.time_ns <= upto_ns)

    def _command(self, row: int, accepted: Adjustment) -> Command:
        return Command(
            time_ns=accepted.time_ns, row=row, session=self._session, action=Action.ADJUST.value,
            subject=accepted.instrument, amount=accepted.lots, who=(accepted.who,), reason=accepted.reason,
            wall_ns=accepted.time_ns, trades=accepted.trades,
        )  # fmt: skip

    def _fresh(self) -> list[Command]:
        seen = max((command.row for command in self._taken), default=0)
        try:
            if self._file is None:
                self._file = CommandFile(Path(self._path), create=False)
            rows = self._file.rows()
            if len(rows) < seen:
                raise CommandsError(f"{self._path}: {len(rows)} rows, and the journal knows of {seen}")
        except CommandsError as error:
            self.problem = str(error)
            return []
        self.problem = ""
        return [row for row in meant_for(rows, self._session, seen) if self._is_of_plan(row)]

    def _is_of_plan(self, row: Command) -> bool:
        """Tell whether the account can make anything of it; a row that nobody here has written may say anything."""
        try:
            wish_of(self._plan, row)
        except ValueError as error:
            self.problem = f"{self._path if row.row > 0 else 'adjustments'}: row {row.row} is left: {error}"
            return False
        return True
