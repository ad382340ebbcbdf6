"""`trifecta kill`, `trifecta resume`, `trifecta status`: the kill switches, with and without a running engine."""

import time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import home_option, journal_option, json_option, open_console
from cli.outcome import Exit, print_json, say
from cli.people import reason_of, who_of

if TYPE_CHECKING:
    from journal.records import Switch
    from policies.switches import Scope, Trip
    from research.emergency import Stopped
    from research.home import Home

MODES: Final = ("reduce-only", "block-new", "cancel-and-block", "flatten-and-block")

SCOPE: Final = "global, or desk:NAME, account:NAME, venue:NAME, strategy:NAME, instrument:NAME."


@click.command()
@click.option("--scope", default=None, help=f"What is stopped: {SCOPE}")
@click.option(
    "--mode", type=click.Choice(MODES), default="block-new", show_default=True,
    help="How far: what reduces passes in all but the last, which leaves that to the flattener.",
)  # fmt: skip
@click.option("--hard", is_flag=True, help="Nothing but cancels may leave, not even what reduces.")
@click.option("--reason", default=None, help="Why; it stands in the record for good.")
@click.option("--who", default=None, help="Who does it.  [default: the user of this session]")
@click.option(
    "--emergency", is_flag=True,
    help="Stop everything hard, then kill the engine of this home and all it started, hanging or not.",
)  # fmt: skip
@click.option("--flatten", is_flag=True, help="With --emergency: close what is held at the venues, past the engine.")
@click.option("--leave-engine", is_flag=True, help="With --emergency: kill nothing; whenever it goes on it is stopped.")
@home_option
@journal_option
@json_option
def kill(home: Path, journal: str | None, as_json: bool, emergency: bool, **options: Any) -> int:
    """Trip a kill switch: durable before this returns, latched until somebody resumes it.

    Tripping again may make it stricter and never weakens it. It works while the engine hangs, and without one.
    """
    from actors.switching import Act
    from research.home import Home

    act = Act(who=(who_of(options["who"]),), reason=_reason(options["reason"], emergency), now_ns=time.time_ns())
    if emergency:
        if options["scope"] not in (None, "global"):
            raise ValueError(f"--scope {options['scope']}: with --emergency only global is allowed")
        return _emergency(Home(home), act, options, as_json)
    for name in ("flatten", "leave_engine"):
        if options[name]:
            raise ValueError(f"--{name.replace('_', '-')}: it is allowed with --emergency only")
    return _trip(Home(home, journal), options, act, as_json)


def _trip(home: "Home", options: dict[str, Any], act: Any, as_json: bool) -> int:
    from actors.switching import trip
    from journal.switchboard import Switchboard
    from policies.switches import Mode, Trip, switch_of
    from research.emergency import engine_of

    if options["scope"] is None:
        raise ValueError(f"--scope is missing: {SCOPE.rstrip('.')} is allowed")
    scope, key = switch_of(options["scope"])
    board = Switchboard(home.switches)
    try:
        wish = Trip(scope, key, Mode[options["mode"].replace("-", "_").upper()], options["hard"])
        result, after = trip(board, wish, act)
    finally:
        board.close()
    warnings = _unknown(home, scope, key)
    for warning in warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json({
            "command": "kill", "home": str(home.path), "result": result.value, "switch": _switch(after),
            "who": act.who[0], "reason": act.reason, "engine": engine_of(home.path), "warnings": warnings,
        })  # fmt: skip
    else:
        click.echo(f"{after.name}: {result.value.replace('_', ' ').lower()}, {_mode(after)}")
    return int(Exit.DONE)


def _emergency(home: "Home", act: Any, options: dict[str, Any], as_json: bool) -> int:
    from research.emergency import emergency_stop
    from research.simulated_run import venue_sessions

    how = {"flatten": options["flatten"], "leave": options["leave_engine"]}
    found = emergency_stop(home, act, venue_sessions(home), **how)
    if as_json:
        print_json(_emergency_document(home, act, found))
    else:
        for line in _emergency_lines(found):
            click.echo(line)
    return int(Exit.DONE if found.done else Exit.CHECK_FAILED)


def _emergency_document(home: "Home", act: Any, found: "Stopped") -> dict[str, Any]:
    from msgspec import to_builtins

    return {
        "command": "kill", "home": str(home.path), "emergency": True, "done": found.done,
        "result": found.trip.value if found.trip else None, "problem": found.problem, "who": act.who[0],
        "reason": act.reason, "engine": found.engine, "killed": list(found.killed), "alive": list(found.alive),
        "left": found.left, "canceled": to_builtins(found.canceled),
    }  # fmt: skip


def _emergency_lines(found: "Stopped") -> list[str]:
    lines = [
        f"global: {found.trip.value.replace('_', ' ').lower()}, hard" if found.trip else f"NOT TRIPPED: {found.problem}"
    ]
    if found.engine is None:
        lines.append("no engine runs in this home")
    elif found.left:
        lines.append(f"engine {found.engine} left as it is; nothing but cancels may leave it")
    elif found.alive:
        lines.append(f"STILL ALIVE: {', '.join(str(pid) if pid else 'a process of unknown id' for pid in found.alive)}")
    else:
        lines.append(f"engine {found.engine} killed, {len(found.killed)} processes in all")
    for one in found.canceled:
        closed = "".join(f", {lots:+,} {name} traded to close" for name, lots in one.closed.items())
        failed = f"; NOT ALL: {one.problem}" if one.problem else ""
        lines.append(f"{one.venue}: {one.orders} orders asked to cancel{closed}{failed}")
    return lines


@click.command()
@click.option("--scope", required=True, help=f"What is lifted: {SCOPE}")
@click.option("--reason", required=True, help="Why it may go on; it stands in the record for good.")
@click.option("--who", multiple=True, help="Who approves; two different people for global and for a desk.")
@home_option
@journal_option
@json_option
def resume(
    scope: str, reason: str, who: tuple[str, ...], home: Path, journal: str | None, as_json: bool
) -> int:  # fmt: skip
    """Lift one kill switch, or a breaker that waits for a person: of a desk that executed too often, of costs.

    It takes a reason, people, and a home whose books are clean; others stay tripped. Exit 3 when it is refused.
    """
    from actors.switching import lift
    from journal.switchboard import Switchboard
    from policies.switches import PEOPLE_OF, Rearm, Result, switch_of
    from research.cleanliness import unclean
    from research.emergency import engine_of
    from research.home import Home
    from research.ordering import enable

    place = Home(home, journal)
    at, key = switch_of(scope)
    approvers = who or (who_of(None),)
    problems = unclean(place.journal, running=engine_of(home) is not None)
    wish = Rearm(at, key, approvers, reason, not problems)
    board = Switchboard(place.switches)
    try:
        result = lift(board, wish, time.time_ns())
    finally:
        board.close()
    ended = Result.NOT_TRIPPED if result.refused else enable(place, wish, time.time_ns())
    result = ended if result is Result.NOT_TRIPPED else result
    why = {
        Result.REFUSED_APPROVALS: f"{PEOPLE_OF.get(at, 1)} different people must approve (--who, once for each)",
        Result.REFUSED_REASON: "--reason is empty; why it may go on is allowed",
        Result.REFUSED_NOT_RECONCILED: "; ".join(problems),
        Result.NOT_TRIPPED: "it is not tripped; `trifecta status` shows what is",
    }.get(result)
    if as_json:
        print_json({
            "command": "resume", "home": str(home), "result": result.value, "scope": at.value, "key": key,
            "who": list(approvers), "reason": reason, "why": why, "unclean": problems,
            "breaker": ended is Result.REARMED,
        })  # fmt: skip
    elif result is Result.REARMED:
        click.echo(f"{at}:{key}: lifted by {', '.join(approvers)}")
    if result is Result.REARMED:
        return int(Exit.DONE)
    say(f"trifecta: {at}:{key}: {why}")
    return int(Exit.REFUSED if result.refused else Exit.CHECK_FAILED)


@click.command()
@home_option
@journal_option
@json_option
def status(home: Path, journal: str | None, as_json: bool) -> int:
    """Show what is switched off, whether an engine runs here, and whether its books are clean.

    Exit 1 when the switches cannot be read: then everything is blocked.
    """
    from research.cleanliness import unclean
    from research.emergency import engine_of
    from research.home import Home
    from research.ordering import breakers_at

    place = Home(home, journal)
    rows, problem = _rows(place)
    engine = engine_of(home)
    document = {
        "command": "status",
        "home": str(home),
        "readable": problem is None,
        "problem": problem,
        "engine": engine,
        "switches": [_row(row) for row in rows],
        "unclean": unclean(place.journal, running=engine is not None),
        "breakers": breakers_at(place),
        "session": _session(place),
    }
    if as_json:
        print_json(document)
    else:
        _show(document)
    return int(Exit.DONE if problem is None else Exit.CHECK_FAILED)


def _rows(home: "Home") -> tuple[tuple["Switch", ...], str | None]:
    """Return what is tripped, or why that cannot be said; a home without a switchboard has never had a trip."""
    from journal.switchboard import Switchboard, SwitchboardError

    if not home.switches.exists():
        return (), None
    try:
        board = Switchboard(home.switches, create=False)
        try:
            return board.current(), None
        finally:
            board.close()
    except SwitchboardError as error:
        return (), str(error)


def _session(home: "Home") -> dict[str, Any] | None:
    from research.cleanliness import UNREADABLE, log_of

    try:
        log = log_of(home.journal)
    except UNREADABLE:
        return None  # what is wrong with it stands among what is not clean
    if log is None or log.session is None:
        return None
    return {
        "number": log.session.number,
        "complete": log.complete,
        "decisions": len(log.decisions),
        "orders": len(log.orders),
        "equity": log.samples[-1].equity if log.samples else None,
    }


def _row(row: "Switch") -> dict[str, Any]:
    from actors.switching import trip_of

    return {**_switch(trip_of(row)), "who": list(row.who), "reason": row.reason, "since_ns": row.wall_ns}


def _switch(found: "Trip") -> dict[str, Any]:
    from policies.intents import TradingState
    from policies.switches import state_of

    state = TradingState(state_of(found.mode.value, int(found.hard))).name
    return {"scope": found.scope.value, "key": found.key, "mode": found.mode.name, "hard": found.hard, "state": state}


def _mode(found: "Trip") -> str:
    return f"{found.mode.name}{' hard' if found.hard else ''}"


def _show(document: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    engine, session = document["engine"], document["session"]
    click.echo(f"{document['home']}: {f'engine {engine} runs' if engine is not None else 'no engine runs'}")
    if document["problem"]:
        click.echo(f"everything is blocked: {document['problem']}")
    elif not document["switches"]:
        click.echo("no switch is tripped")
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for header in ("switch", "state", "mode", "since (UTC)", "who", "reason"):
            table.add_column(header)
        for row in document["switches"]:
            since = datetime.fromtimestamp(row["since_ns"] // 10**9, UTC)
            table.add_row(
                f"{row['scope']}:{row['key']}", row["state"], f"{row['mode']}{' hard' if row['hard'] else ''}",
                f"{since:%Y-%m-%d %H:%M:%S}", ", ".join(row["who"]), row["reason"],
            )  # fmt: skip
        open_console().print(table)
    for scope in document["breakers"]:
        click.echo(f"{scope}: a breaker stopped it, `trifecta resume --scope {scope}` ends it")
    if session:
        end = "complete" if session["complete"] else "not at its end"
        equity = "-" if session["equity"] is None else f"{session['equity'] / 1e6:,.2f}"
        click.echo(
            f"session {session['number']} {end}: {session['decisions']:,} decisions, {session['orders']:,} orders, "
            f"equity {equity}"
        )
    for problem in document["unclean"]:
        click.echo(f"not clean: {problem}")


def _reason(words: str | None, emergency: bool) -> str:
    if words is None and emergency:
        return "emergency"
    return reason_of(words, "it is stopped")


def _unknown(home: "Home", scope: "Scope", key: str) -> list[str]:
    """Warn of a switch that nothing in the newest session answers to: it is tripped, and may be a slip of the pen."""
    from research.cleanliness import UNREADABLE, log_of, plan_of

    try:
        log = log_of(home.journal)
    except UNREADABLE:
        return []  # a journal that cannot be read keeps nobody from tripping; `trifecta status` says what is wrong
    if log is None or scope.value == "global":
        return []
    from actors.switching import scopes_of

    known = sorted({name for scopes in scopes_of(plan_of(log)) for name in scopes.get(scope, ())})
    if key in known:
        return []
    near = get_close_matches(key, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return [f"{scope}:{key}: nothing in the newest session is called so{hint} (there: {', '.join(known)})"]
