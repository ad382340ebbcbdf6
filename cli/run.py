"""`trifecta run`: three desks on paper over recorded data, on Ray, journaled."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import (
    Words,
    check_out,
    config_option,
    data_option,
    home_option,
    journal_option,
    json_option,
    news_option,
    open_console,
)
from cli.outcome import Exit, print_json, say
from cli.seats import model_options
from cli.session import INTERRUPTED, Wish, display, intention, plan_of

if TYPE_CHECKING:
    from research.accounts import Audit
    from research.paper import Finished
    from research.planning import Planned


@click.command(cls=Words)
@data_option
@home_option
@journal_option
@config_option
@news_option
@json_option
@model_options
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--learn", is_flag=True, help="Believe claims by what came of such in the finished sessions before.")
@click.option("--display-only", is_flag=True, help="Leave auto_execute as configured: show, do not trade.")
@click.option(
    "--venue",
    default="paper",
    metavar="VENUE",
    show_default=True,
    help="paper, or simulated[:FAULTS]: none, mild, wild, meddled, or a TOML file.",
)
@click.option("--dashboard", is_flag=True, help="Start the Ray dashboard.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the report goes.")
def run(as_json: bool, display_only: bool, venue: str, dashboard: bool, out: Path | None, **options: Any) -> int:
    """Trade the desks on paper over a replay of recorded market data, then end.

    With --venue simulated orders take the way of a live venue, to exchanges that fail as a plan says; exit 1 when the
    ledger and their books differ at the end.

    An interrupted run (Ctrl-C, a crash) goes on from its journal the next time, if data and settings are the same.
    """
    from research.fault_plans import venue_choice
    from research.home import Home
    from research.paper import run_paper
    from research.warming import ensure_warm

    choice = venue_choice(venue)
    check_out(out or options["home"] / "reports" / "report.html")
    planned = plan_of(options, display_only=display_only)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with Home(options["home"], options["journal"]) as home, Wish(home) as stop, display(as_json) as show:
        ensure_warm(say)
        say(intention(planned, display_only))
        watch = stop.following(show)
        finished = run_paper(
            home, planned, watch, stop, venue=choice, dashboard=dashboard, starting=stop.starting
        )  # fmt: skip
        if not finished.complete:
            say(f"interrupted; the journal is whole ({finished.records} records), the next run goes on from it")
            return INTERRUPTED
        report = _report(home.reports, planned, finished, started, out)
    if as_json:
        print_json(document(planned, finished, report))
    else:
        _show(planned, finished, report, started)
    return int(Exit.DONE if finished.is_reconciled else Exit.CHECK_FAILED)


def document(planned: "Planned", finished: "Finished", report: Path) -> dict[str, Any]:
    """Return the JSON document of a run (docs/json/run.schema.json)."""
    from msgspec import to_builtins

    from journal.store import shown
    from market.money import decimal_of
    from research.run_metrics import account_end

    result = finished.result
    return {
        "command": "run",
        "stage": finished.settings.stage,
        "resumed": finished.resumed,
        "events": finished.events,
        "events_per_second": finished.events_per_second,
        "wall_seconds": finished.wall_seconds,
        "desks": to_builtins(result.desks),
        "orders": len(result.orders),
        "fills": sum(1 for found in result.reports if found.report == "FILL"),
        "final_equity": float(result.final_equity),
        "max_drawdown": float(result.max_drawdown),
        "flow": float(decimal_of(account_end(result).flow)),
        "alerts": len(result.alerts),
        "breakers": len(result.breakers),
        "currency": planned.plan.currency,
        "profile": planned.plan.limits.profile,
        "journal": {"path": shown(finished.settings.journal_path), "records": finished.records, "head": finished.head},
        "data": [{"path": path, "sha256": sha256, "rows": rows} for path, sha256, rows in planned.data],
        "warnings": list(planned.warnings),
        "report": str(report.resolve()),
        "venue": finished.settings.venue,
        "reconciled": finished.is_reconciled,
        "accounts": [accounts_document(one) for one in finished.audits],
        "switches": [
            {
                "switch": f"{one.scope}:{one.key}",
                "mode": one.mode,
                "hard": one.hard,
                "who": list(one.who),
                "reason": one.reason,
                "time_ns": one.time_ns,
            }
            for one in finished.switches
        ],
    }


def accounts_document(one: "Audit") -> dict[str, Any]:
    """Return how the account at one venue stands."""
    from msgspec import to_builtins

    return {
        "venue": one.venue, "orders": one.orders, "statement": one.statement, "positions": one.positions,
        "reconciled": one.is_reconciled, "breaks": [list(item) for item in one.breaks],
        "differences": to_builtins(one.differences), "closed_past": one.closed_past,
    }  # fmt: skip


def _facts(planned: "Planned", finished: "Finished", started: str) -> Any:
    from journal.store import shown
    from research.report import JournalFacts, ReportFacts

    return ReportFacts(
        stage=finished.settings.stage,
        command="trifecta run",
        tape_hash=finished.settings.tape_hash,
        data=planned.data,
        journal=JournalFacts(path=shown(finished.settings.journal_path), records=finished.records, head=finished.head),
        events=finished.events,
        events_per_second=finished.events_per_second,
        wall_seconds=finished.wall_seconds,
        started_utc=started,
    )


def _report(folder: Path, planned: "Planned", finished: "Finished", started: str, out: Path | None) -> Path:
    from research.report import price_series, write_report

    path = out or folder / f"run-{finished.settings.session:04d}.html"
    prices = price_series(planned.plan, planned.tape)
    return write_report(finished.result, prices, _facts(planned, finished, started), path)


def _show(planned: "Planned", finished: "Finished", report: Path, started: str) -> None:
    from journal.store import shown
    from research.summary import summary_tables

    console = open_console()
    for table in summary_tables(finished.result, _facts(planned, finished, started), console.width):
        console.print(table)
    journal = shown(finished.settings.journal_path)
    click.echo(f"journal: {journal}  ({finished.records:,} records, head {finished.head[:16]})")
    click.echo(f"report:  {report.resolve()}")
    for switch in finished.switches:
        how = f"{switch.mode}{' hard' if switch.hard else ''}"
        click.echo(f"switch {switch.scope}:{switch.key}: {how}, by {', '.join(switch.who)}: {switch.reason}")
    for one in finished.audits:
        held = ", ".join(f"{lots:+,} {name}" for name, lots in one.positions.items()) or "nothing held"
        state = "reconciled" if one.is_reconciled else f"{len(one.breaks)} breaks, {len(one.differences)} differences"
        click.echo(f"venue {one.venue}: {one.orders:,} orders, {one.statement:,} items stated, {held}: {state}")
        for name, lots in one.closed_past.items():
            click.echo(f"  an emergency stop traded {lots:+,} {name} there to close what was held")
        for item in one.differences[:5]:
            click.echo(f"  {item.kind}: {item.words}")
