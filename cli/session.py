"""A paper session on the command line, as `trifecta run` and `trifecta serve` have it: plan, wish to stop, progress."""

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

from cli.options import sample_data, time_of
from cli.outcome import say
from cli.seats import with_seats

if TYPE_CHECKING:
    from rich.table import Table

    from research.home import Home
    from research.paper import Progress
    from research.planning import Planned

INTERRUPTED: Final = 130
"""Exit code of a run that was stopped by a person: 128 + SIGINT."""


def plan_of(options: dict[str, Any], *, display_only: bool) -> "Planned":
    """Plan the session that the options ask for; its desks execute unless they are only to display."""
    from research.asking import Request, plan_for
    from research.backtest import executing
    from research.believing import believing
    from research.home import Home
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
        news=options["news"],
    )
    planned = with_seats(plan_for(request), options, request)
    if options.get("learn"):
        planned = believing(planned, Home(options["home"], options["journal"]).journal)
    for warning in planned.warnings:
        say(f"warning: {warning}")
    return planned if display_only else planned._replace(plan=executing(planned.plan))


def intention(planned: "Planned", display_only: bool) -> str:
    """Say whether the desks will trade; a challenger is a desk that only listens."""
    shadows = {model.desk for model in planned.plan.models if model.shadow}
    names = ", ".join(desk.name for k, desk in enumerate(planned.plan.desks) if k not in shadows)
    if display_only:
        return f"paper, display only: {names}"
    return f"paper: auto_execute is switched on for {names} (--display-only leaves it as configured)"


class Wish:
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

    def __enter__(self) -> "Wish":
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
        say(f"{shown}interrupted at once; what is in the journal stands, the next run goes on from there")
        os._exit(INTERRUPTED)


@contextmanager
def display(as_json: bool) -> Iterator[Any]:
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
            say(progress_line(progress))

    yield line


def _time(market_ns: int) -> str:
    return f"{datetime.fromtimestamp(market_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}" if market_ns > 0 else "-"


def progress_line(progress: "Progress") -> str:
    """Return where a run is, in one line."""
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
