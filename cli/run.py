"""`trifecta run`: three desks on paper over recorded data, on Ray, journaled."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import (
    Words,
    check_out,
    config_option,
    data_option,
    home_option,
    json_option,
    open_console,
    sample_data,
    time_of,
)
from cli.outcome import print_json

if TYPE_CHECKING:
    from rich.table import Table

    from research.home import Home
    from research.paper import Finished, Progress
    from research.planning import Planned


INTERRUPTED: Final = 130
"""Exit code of a run that was stopped by a person: 128 + SIGINT."""


@click.command(cls=Words)
@data_option
@home_option
@config_option
@json_option
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Limits: trifecta, research, or the path of a file.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--display-only", is_flag=True, help="Leave auto_execute as configured: show, do not trade.")
@click.option("--dashboard", is_flag=True, help="Start the Ray dashboard.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the report goes.")
def run(as_json: bool, display_only: bool, dashboard: bool, out: Path | None, **options: Any) -> int:
    """Trade the desks on paper over a replay of recorded market data, then end.

    An interrupted run (Ctrl-C, a crash) goes on from its journal the next time, if data and settings are the same.
    """
    from research.backtest import executing
    from research.home import Home
    from research.paper import run_paper

    check_out(out or options["home"] / "reports" / "report.html")
    planned = _plan(options)
    if not display_only:
        planned = planned._replace(plan=executing(planned.plan))
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with Home(options["home"]) as home, _Wish(home) as stop, _display(as_json) as show:
        _say(_intention(planned, display_only))
        watch = stop.following(show)
        finished = run_paper(home, planned, watch, stop, dashboard=dashboard, starting=stop.starting)
        if not finished.complete:
            _say(f"interrupted; the journal is whole ({finished.records} records), the next run goes on from it")
            return INTERRUPTED
        report = _report(home.reports, planned, finished, started, out)
    if as_json:
        print_json(document(planned, finished, report))
    else:
        _show(planned, finished, report, started)
    return 0


def _intention(planned: "Planned", display_only: bool) -> str:
    names = ", ".join(desk.name for desk in planned.plan.desks)
    if display_only:
        return f"paper, display only: {names}"
    return f"paper: auto_execute is switched on for {names} (--display-only leaves it as configured)"


def _say(text: str) -> None:
    click.echo(text, err=True)


def _plan(options: dict[str, Any]) -> "Planned":
    from research.asking import Request, plan_for
    from research.planning import DESKS

    desks = tuple(options["desk"])
    request = Request(
        data=options["data"] or sample_data(),
        home=options["home"],
        config=options["config"],
        profile=options["profile"],
        cash=options["cash"],
        start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"),
        desks=DESKS if "all" in desks else desks,
    )
    planned = plan_for(request)
    for warning in planned.warnings:
        _say(f"warning: {warning}")
    return planned


class _Wish:
    """The wish to stop, by Ctrl-C or a polite kill.

    While the run is followed it is only remembered, so that the run ends in order. Before that, while Ray starts,
    nothing waits for it that could be asked: what was started is ended at once. The third wish is always meant so.
    """

    def __init__(self, home: "Home") -> None:
        self._home = home
        self._folder: Path | None = None
        self._count = 0
        self._patient = False
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Tell whether somebody wishes it."""
        return self._count > 0

    def __enter__(self) -> "_Wish":
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def starting(self, folder: Path) -> None:
        """Hear that Ray is about to start in a temporary folder."""
        self._folder = folder

    def following(self, show: Callable[["Progress"], None]) -> Callable[["Progress"], None]:
        """Return the watcher that shows progress; from its first call on, wishes are only remembered."""

        def watch(progress: "Progress") -> None:
            if not self._patient:
                self._patient = True
                self._listen()  # Ray has put a handler of its own in place
            show(progress)

        return watch

    def _listen(self) -> None:
        for number in self._before:
            signal.signal(number, self._wish)

    def _wish(self, number: int, _: FrameType | None) -> None:
        from research.paper import abandon

        self._count += 1
        if self._patient and self._count <= 2:
            return
        abandon(self._home, self._folder)
        shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # the cursor, which a live display hides
        _say(f"{shown}interrupted at once; what is in the journal stands, the next run goes on from there")
        os._exit(INTERRUPTED)


@contextmanager
def _display(as_json: bool) -> Iterator[Any]:
    """Show progress: a live table on a terminal, a line now and then elsewhere, nothing on stdout with --json."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if console.is_terminal and not as_json:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield lambda progress: live.update(_table(progress))
        return
    shown = [time.monotonic()]

    def line(progress: "Progress") -> None:
        if time.monotonic() - shown[0] >= 5.0:
            shown[0] = time.monotonic()
            _say(_line(progress))

    yield line


def _time(market_ns: int) -> str:
    return f"{datetime.fromtimestamp(market_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}" if market_ns > 0 else "-"


def _line(progress: "Progress") -> str:
    speed = progress.events / max(progress.wall_seconds, 1e-9)
    return (
        f"{_time(progress.market_ns)} UTC  {progress.events:,}/{progress.events_all:,} events  {speed:,.0f}/s  "
        f"{progress.decisions:,} decisions  {progress.fills:,} fills  equity {progress.equity / 1e6:,.2f}"
    )


def _table(progress: "Progress") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    share = progress.events / max(progress.events_all, 1)
    speed = progress.events / max(progress.wall_seconds, 1e-9)
    title = f"trifecta run  {share:.0%}"
    table = Table(title=title, title_justify="left", min_width=50, show_header=False, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in (
        ("market time (UTC)", _time(progress.market_ns)),
        ("events", f"{progress.events:,} of {progress.events_all:,}"),
        ("events per second", f"{speed:,.0f}"),
        ("decisions", f"{progress.decisions:,}"),
        ("executed", f"{progress.executed:,}"),
        ("fills", f"{progress.fills:,}"),
        ("equity", f"{progress.equity / 1e6:,.2f}"),
        *((f"  {desk}", f"{made / 1e6:+,.2f}") for desk, made in progress.desks.items()),
    ):
        table.add_row(name, value)
    return table


def document(planned: "Planned", finished: "Finished", report: Path) -> dict[str, Any]:
    """Return the JSON document of a run (docs/json/run.schema.json)."""
    from msgspec import to_builtins

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
        "currency": planned.plan.currency,
        "profile": planned.plan.limits.profile,
        "journal": {"path": finished.settings.journal_path, "records": finished.records, "head": finished.head},
        "data": [{"path": path, "sha256": sha256, "rows": rows} for path, sha256, rows in planned.data],
        "warnings": list(planned.warnings),
        "report": str(report.resolve()),
    }


def _facts(planned: "Planned", finished: "Finished", started: str) -> Any:
    from research.report import JournalFacts, ReportFacts

    return ReportFacts(
        stage=finished.settings.stage,
        command="trifecta run",
        tape_hash=finished.settings.tape_hash,
        data=planned.data,
        journal=JournalFacts(path=finished.settings.journal_path, records=finished.records, head=finished.head),
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
    from research.summary import summary_tables

    console = open_console()
    for table in summary_tables(finished.result, _facts(planned, finished, started), console.width):
        console.print(table)
    click.echo(f"journal: {finished.settings.journal_path}  ({finished.records:,} records, head {finished.head[:16]})")
    click.echo(f"report:  {report.resolve()}")
