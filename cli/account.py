"""`trifecta account`: what a person may order of an account, and how it stands."""

import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import home_option, journal_option, json_option, open_console
from cli.outcome import Exit, print_json
from cli.people import reason_of, who_of

if TYPE_CHECKING:
    from policies.commands import Action

SHOWN_MAX: Final = 10
"""The newest alerts and breakers that people are shown; `--json` has more."""

who_option = click.option("--who", default=None, help="Who orders it.  [default: the user of this session]")
reason_option = click.option("--reason", default=None, help="Why; it stands in the record for good.")


@click.group()
def account() -> None:
    """Order something of the account of a home, or show how it stands.

    An order is durable before it is acknowledged, with an engine and without one. The engine obeys it at its next
    instant; `trifecta account status` shows what became of it.
    """


@account.command()
@click.argument("rule")
@who_option
@reason_option
@home_option
@journal_option
@json_option
def acknowledge(rule: str, as_json: bool, **options: Any) -> int:
    """Lift a latched RULE: SAFE_MODE, TOTAL_DRAWDOWN, ACCOUNT_DAILY_LOSS or ACCOUNT_TOTAL_LOSS.

    Never what its profile calls final (exit 3), and only where what latched it stands no longer. No floor moves for it.
    """
    from actors.obeying import rule_of
    from policies.commands import Action
    from policies.intents import Rule

    return _give(Action.ACKNOWLEDGE, str(Rule(rule_of(rule)).name), 0, as_json, options)


@account.command()
@click.argument("amount")
@who_option
@reason_option
@home_option
@journal_option
@json_option
def deposit(amount: str, as_json: bool, **options: Any) -> int:
    """Put AMOUNT of account currency into the account: balance, tops and floors rise by it, profit does not."""
    from policies.commands import Action

    return _give(Action.DEPOSIT, "", _money(amount), as_json, options)


@account.command()
@click.argument("amount")
@who_option
@reason_option
@home_option
@journal_option
@json_option
def withdraw(amount: str, as_json: bool, **options: Any) -> int:
    """Take AMOUNT of account currency out of the account: balance, tops and floors fall by it, profit does not."""
    from policies.commands import Action

    return _give(Action.WITHDRAW, "", _money(amount), as_json, options)


def _money(amount: str) -> int:
    from market.money import money_of

    try:
        value = Decimal(amount)
        if not value.is_finite() or not 0 < value <= Decimal("1e11"):
            raise ValueError
        return money_of(value, "amount")
    except (ValueError, ArithmeticError):
        raise ValueError(
            f"amount {amount}: more than 0, at most 1e11, with at most 6 decimal places is allowed"
        ) from None


def _give(action: "Action", subject: str, amount: int, as_json: bool, options: dict[str, Any]) -> int:
    from market.money import decimal_of
    from research.emergency import engine_of
    from research.home import Home
    from research.ordering import Order, give

    home = Home(options["home"], options["journal"])
    order = Order(
        action=action, subject=subject, amount=amount, who=(who_of(options["who"]),),
        reason=reason_of(options["reason"], "it is ordered"), now_ns=time.time_ns(),
    )  # fmt: skip
    word = f"account {action.value.lower()}"
    made = give(home, order)
    engine = engine_of(home.path)
    if as_json:
        print_json({
            "command": word, "home": str(home.path), "row": made.row, "session": made.session, "subject": subject,
            "amount": amount, "who": list(made.who), "reason": made.reason, "engine": engine,
        })  # fmt: skip
        return int(Exit.DONE)
    what = subject or f"{decimal_of(amount):,f}"
    taker = f"engine {engine} obeys it" if engine is not None else "the next run obeys it"
    click.echo(f"{word} {what}: ordered as row {made.row} for session {made.session}; {taker} at its next instant")
    return int(Exit.DONE)


@account.command()
@home_option
@journal_option
@json_option
def status(home: Path, journal: str | None, as_json: bool) -> int:
    """Show floors, room, used shares, alerts, latches, breakers and orders; exit 1 where that cannot be said."""
    from msgspec import to_builtins

    from research.emergency import engine_of
    from research.home import Home
    from research.ordering import account_standing

    found, commands, problem = account_standing(Home(home, journal))
    document = {
        "command": "account status", "home": str(home), "engine": engine_of(home), "problem": problem,
        "account": to_builtins(found), "commands": commands,
    }  # fmt: skip
    if as_json:
        print_json(document)
    else:
        _show(document)
    return int(Exit.DONE if problem is None else Exit.CHECK_FAILED)


def _show(document: dict[str, Any]) -> None:
    found = document["account"]
    if document["problem"]:
        click.echo(f"{document['home']}: cannot be said: {document['problem']}")
    elif found is None:
        click.echo(f"{document['home']}: no session has begun here")
    else:
        _show_account(found)
    for row in document["commands"]:
        what = row["subject"] or _shown(row["amount"])
        click.echo(
            f"order {row['row']} for session {row['session']}: {row['action'].lower()} {what} by "
            f"{', '.join(row['who'])} ({row['reason']}): {row['state'].replace('_', ' ').lower()}"
        )


def _show_account(found: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    end = "complete" if found["complete"] else "not at its end"
    came = f", {_shown(found['flow'])} net put in" if found["flow"] else ""
    click.echo(
        f"session {found['session']} {end}, as of {_stamp(found['as_of_ns'])}: equity {_shown(found['equity'])}, "
        f"cash {_shown(found['cash'])} {found['currency']}{came}"
    )
    click.echo(f"latched: {', '.join(found['latched']) or 'nothing'}")
    if found["floors"]:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for header in ("floor", "lies at", "room", "used", "alert", "state"):
            table.add_column(header)
        for row in found["floors"]:
            told = f"{row['alert_percent']} %" if row["alert_percent"] else "-"
            table.add_row(
                row["name"], _shown(row["floor"]), _shown(row["room"]), f"{row['used_ppm'] / 10_000:.1f} %", told,
                _state(row),
            )  # fmt: skip
        open_console().print(table)
    for row in found["alerts"][-SHOWN_MAX:]:
        click.echo(
            f"alert {_stamp(row['time_ns'])}: {row['percent']} % of {row['floor']}, equity {_shown(row['equity'])}"
        )
    for row in found["breakers"][-SHOWN_MAX:]:
        state = "open" if row["open"] else "over"
        click.echo(f"breaker {_stamp(row['time_ns'])}: {row['breaker'].lower()} of {row['scope']}: {state}")


def _state(row: dict[str, Any]) -> str:
    if not row["latched"]:
        return "held"
    if row["final"]:
        return "breached, final"
    return "breached, waits for a person" if row["waits_for_a_person"] else "breached, waits for its period's end"


def _shown(money: int) -> str:
    return f"{money / 1e6:,.2f}"


def _stamp(time_ns: int | None) -> str:
    from datetime import UTC, datetime

    return "its beginning" if time_ns is None else f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
