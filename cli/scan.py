"""`trifecta scan`: what all instruments offer now, ranked, with reasons; once, or again and again as time goes on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.options import Words, data_option, home_option, json_option, open_console, sample_data, time_of
from cli.outcome import heed_wish_to_stop, print_json, say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from research.scan.scanning import Memory, Scan

TOP: Final = 20
HONEST: Final = (
    "Display only: nothing is sent. Of each row the probability is what claims like this one have been worth on this "
    "instrument's own past; rows are ranked by the expectancy at the lower end of its interval."
)


@click.command(cls=Words, epilog=HONEST)
@data_option
@home_option
@json_option
@click.option("--symbols", multiple=True, help="Only these: --symbols EURUSD BTCUSDT.  [default: all]")
@click.option("--timeframe", "timeframes", multiple=True,
              help="1m, 5m, 15m, 30m, 1h, 4h, 1d or 1w, commas between.  [default: 15m, 1h, 4h and 1d]")  # fmt: skip
@click.option(
    "--top", type=click.IntRange(min=1), default=None, help=f"Rows to show.  [default: {TOP}; with --json all]"
)
@click.option("--at", "at", default=None, help="As of this time (UTC).  [default: each instrument as its data end]")
@click.option("--watch", is_flag=True, help="Show the table and renew it, at the interval that the scan finds right.")
def scan(
    data: Path | None, home: Path, as_json: bool, symbols: tuple[str, ...], timeframes: tuple[str, ...],
    top: int | None, at: str | None, watch: bool,
) -> None:  # fmt: skip
    """Scan all instruments and timeframes of the catalogue for opportunities, and rank them."""
    from research.scan.document import document_of
    from research.scan.scanning import USUAL_TIMEFRAMES, timeframes_of
    from research.warming import ensure_warm

    if watch and (as_json or at is not None):
        raise click.UsageError(
            f"--watch renews a table as time goes on; {'--json' if as_json else '--at'} is not allowed"
        )
    root, at_ns = data or sample_data(), time_of(at, "--at")
    frames = timeframes_of([name for words in timeframes for name in words.split(",")] or USUAL_TIMEFRAMES)
    ensure_warm(say)
    once = _Scanning(root, home, symbols, frames, at_ns)
    if watch:
        _watch(once, top or TOP)
        return
    found = once()
    if as_json:
        print_json(document_of(found, str(root), top))
        return
    _show(found, top or TOP)


class _Scanning:
    """One scan after another over the same files and options, each by the clock as it is then."""

    def __init__(
        self, root: Path, home: Path, symbols: tuple[str, ...], timeframes: tuple[str, ...], at_ns: int | None
    ) -> None:
        self._root, self._home, self._at_ns = root, home, at_ns
        self._symbols, self._timeframes = symbols, timeframes
        self._memory: Memory | None = None

    def __call__(self) -> "Scan":
        import time

        from research.catalogue import build
        from research.scan.scanning import Memory, Request, scan

        now_ns = time.time_ns() if self._at_ns is None else self._at_ns
        request = Request(self._symbols, self._timeframes, self._at_ns, now_ns)
        first = self._memory is None
        self._memory = self._memory or Memory()
        with progress(shown=first and sys.stderr.isatty()) as tell:
            catalogue = build(self._root, self._home, tell("reading files"))
            return scan(self._root, catalogue, request, tell("judging instruments"), self._memory)


@contextmanager
def progress(*, shown: bool) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Show bars on stderr for people while the block runs: give a task's words, get what is told (done, all)."""
    if not shown:
        yield lambda _: lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:

        def tell(words: str) -> Callable[[int, int], None]:
            task = bars.add_task(words)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield tell


def _show(found: "Scan", top: int) -> None:
    from research.scan.tables import view_of

    console = open_console()
    console.print(view_of(found, top, console.width))


def _watch(once: "_Scanning", top: int) -> None:
    """Show a table that is renewed until somebody wishes it to end."""
    import threading

    from research.scan.tables import view_of

    heed_wish_to_stop()
    console = open_console()
    waiting = threading.Event()  # nobody sets it: a signal ends the wait
    found = once()
    with _renewed(console) as show:
        while True:
            show(view_of(found, top, console.width))
            waiting.wait(found.pace.interval_ns / 1e9)
            found = once()


@contextmanager
def _renewed(console: "Console") -> "Iterator[Callable[[RenderableType], None]]":
    """Give what shows a view in place of the one before; in a file or a pipe one follows the other."""
    if not console.is_terminal:

        def follow(view: "RenderableType") -> None:
            console.print(view)
            sys.stdout.flush()

        yield follow
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda view: live.update(view, refresh=True)
