"""`trifecta data`: what lies in the data directory (`list`), whether it is fit for use (`check`), and `make`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.making import make

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from research.catalogue import Catalogue, Entry, Verdict

F = TypeVar("F", bound=Callable[..., None])
MINUTE_NS = 60 * 10**9
WIDE = 206
"""Characters of a line that goes to a file or a pipe: nothing is cut."""

HEADERS = (
    "file",
    "instrument",
    "venue",
    "kind",
    "frame",
    "first",
    "last",
    "clock",
    "rows",
    "missing",
    "longest",
    "flaws",
)
WIDE_ONLY = frozenset({"instrument", "venue", "clock", "longest"})
RIGHT = frozenset({"rows", "missing", "longest", "files", "instruments", "MB", "unreadable"})
FOLDING = frozenset({"file", "flaws", "reasons"})
NARROW = 150
"""Terminals below this get fewer columns: instrument and venue show in the file name, spans as dates."""


@click.group()
def data() -> None:
    """Show what market data there is, check it, or make some."""


data.add_command(make)


def _options(command: F) -> F:
    """Add the options that both commands share."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables."),
        click.option("--all", "show_all", is_flag=True, help="Show every file: each raw payload, each ok verdict."),
        click.option("--symbol", help="Only this instrument (EURUSD, eur/usd)."),
        click.option("--kind", help="Only this kind: bars, quotes, trades, depth, funding, calendar, raw, ..."),
        click.option(
            "--home", envvar="TRIFECTA_HOME", show_envvar=True, default="./.trifecta", show_default=True,
            type=click.Path(file_okay=False, path_type=Path), help="Where the catalogue is cached.",
        ),
        click.option(
            "--data", "root", envvar="TRIFECTA_DATA", show_envvar=True, required=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path), help="The directory with the data.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@data.command("list")
@_options
def list_(root: Path, home: Path, kind: str | None, symbol: str | None, show_all: bool, as_json: bool) -> None:
    """List every file with what it covers: instrument, kind, span, rows, gaps, flaws."""
    from research.catalogue.sessions import SILENCE_NS

    entries = _chosen(_catalogue(root, home), kind, symbol)
    if as_json:
        files, summary = [_file(entry) for entry in entries], _summary(entries)
        _print_json({
            "command": "data list", "data": str(root), "silence_threshold_ns": SILENCE_NS, "files": files,
            "summary": summary,
        })  # fmt: skip
        return
    console = _console()
    console.print(_list_table(entries, show_all=show_all, narrow=console.width < NARROW))
    console.print(_summary_table(_summary(entries)))
    console.print(
        "missing: bars absent inside sessions; of quotes, trades and depth: silences longer than "
        f"{SILENCE_NS // MINUTE_NS} min. Nights, weekends and holidays are no gaps. Stamps are UTC, but for those on "
        "a source clock, as written.",
        style="dim",
    )


@data.command("check")
@_options
def check(root: Path, home: Path, kind: str | None, symbol: str | None, show_all: bool, as_json: bool) -> None:
    """Judge every file: ok, warning or bad. Exit code 1 when any is bad."""
    from research.catalogue import Level, judge

    verdicts = [(entry, judge(entry)) for entry in _chosen(_catalogue(root, home), kind, symbol)]
    counts = {level: sum(verdict.level is level for _, verdict in verdicts) for level in Level}
    if as_json:
        files = [
            {"path": entry.path, "kind": entry.kind, "symbol": entry.symbol, "verdict": verdict.level,
             "reasons": verdict.reasons}
            for entry, verdict in verdicts
        ]  # fmt: skip
        _print_json({"command": "data check", "data": str(root), "counts": counts, "files": files})
    else:
        console = _console()
        console.print(_check_table(verdicts, show_all=show_all))
        console.print(
            f"{len(verdicts):,} files: {counts[Level.OK]:,} ok, {counts[Level.WARNING]:,} with warnings, "
            f"{counts[Level.BAD]:,} bad"
        )
    if counts[Level.BAD]:
        raise click.exceptions.Exit(1)


def _catalogue(root: Path, home: Path) -> Catalogue:
    """Build the catalogue, with a progress bar on stderr for people."""
    from research.catalogue import build

    if not sys.stderr.isatty():
        return build(root, home)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading files")
        return build(root, home, lambda done, total: progress.update(task, completed=done, total=total))


def _chosen(catalogue: Catalogue, kind: str | None, symbol: str | None) -> list[Entry]:
    """Filter; an unknown kind is wrong usage."""
    from research.catalogue import FileKind
    from research.catalogue.finding import plain_symbol

    kinds = [str(known) for known in FileKind]
    if kind is not None and kind not in kinds:
        raise click.BadParameter(f"{kind!r}; known are {', '.join(kinds)}", param_hint="--kind")
    return [
        entry
        for entry in catalogue.entries
        if kind in {None, str(entry.kind)} and (symbol is None or plain_symbol(entry.symbol) == plain_symbol(symbol))
    ]


def _file(entry: Entry) -> dict[str, Any]:
    """Return an entry for JSON: its fields, and its span also as ISO-8601 text."""
    import msgspec

    from research.catalogue import show_time

    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return fields | {"first": show_time(entry.first_ns), "last": show_time(entry.last_ns)}


def _summary(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Add up by kind, in the order of the kinds."""
    from research.catalogue import FileKind, show_time

    by_kind: dict[FileKind, list[Entry]] = {kind: [] for kind in FileKind}
    for entry in entries:
        by_kind[entry.kind].append(entry)
    return [
        {
            "kind": str(kind),
            "files": len(group),
            "rows": sum(entry.rows for entry in group),
            "symbols": len({entry.symbol for entry in group if entry.symbol}),
            "size_bytes": sum(entry.size_bytes for entry in group),
            "first": show_time(min((entry.first_ns for entry in group if entry.first_ns is not None), default=None)),
            "last": show_time(max((entry.last_ns for entry in group if entry.last_ns is not None), default=None)),
            "unreadable_files": sum(entry.problem is not None for entry in group),
        }
        for kind, group in by_kind.items()
        if group
    ]


def _print_json(document: Mapping[str, Any]) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def _list_table(entries: list[Entry], *, show_all: bool, narrow: bool) -> Table:
    """Lay files out by folder; raw payloads of a folder share a line unless all are shown."""
    from rich.markup import escape

    headers = [name for name in HEADERS if not narrow or name not in WIDE_ONLY]
    table = _table(*headers)
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(str(PurePosixPath(entry.path).parent), []).append(entry)
    for folder, inside in folders.items():
        raw = [entry for entry in inside if entry.kind == "raw" and entry.problem is None and not show_all]
        lines = [
            (_cells(entry), "red" if entry.problem else None) for entry in inside if len(raw) < 2 or entry not in raw
        ]
        if len(raw) > 1:
            lines.append((_raw_cells(raw), "dim"))
        table.add_row(f"[bold]{escape(folder)}/[/bold]")
        for cells, style in lines:
            if narrow:
                cells |= {"first": cells["first"][:10], "last": cells["last"][:10], "kind": cells["kind"].split(" ")[0]}
            table.add_row(*(escape(cells[name]) for name in headers), style=style)
    return table


def _cells(entry: Entry) -> dict[str, str]:
    """Return the texts of one file by header."""
    from research.catalogue.judging import show_duration

    gaps = entry.gaps
    read = entry.problem is None
    return {
        "file": "  " + PurePosixPath(entry.path).name,
        "instrument": entry.symbol or "",
        "venue": entry.venue or "",
        "kind": (f"{entry.kind} {entry.prices}" if entry.prices else str(entry.kind)) if read else "?",
        "frame": entry.timeframe or "",
        "first": _minute(entry.first_ns),
        "last": _minute(entry.last_ns),
        "clock": "" if entry.first_ns is None else "UTC" if entry.is_utc else "source",
        "rows": f"{entry.rows:,}" if read else "",
        "missing": "" if gaps is None else f"{gaps.holes if gaps.missing is None else gaps.missing:,}",
        "longest": show_duration(gaps.longest_ns) if gaps is not None and gaps.holes else "",
        "flaws": entry.problem or _flaws(entry),
    }


def _raw_cells(raw: list[Entry]) -> dict[str, str]:
    """Return the texts of the raw payloads of a folder together."""
    first = min((entry.first_ns for entry in raw if entry.first_ns is not None), default=None)
    last = max((entry.last_ns for entry in raw if entry.last_ns is not None), default=None)
    venues = sorted({entry.venue for entry in raw if entry.venue})
    return dict.fromkeys(HEADERS, "") | {
        "file": f"  {len(raw)} payloads",
        "venue": venues[0] if venues else "",
        "kind": "raw",
        "first": _minute(first),
        "last": _minute(last),
        "clock": "UTC" if first is not None else "",
        "rows": f"{sum(entry.rows for entry in raw):,}",
    }


def _flaws(entry: Entry) -> str:
    faults = entry.faults
    counted = {
        "crossed": faults.crossed, "zero": faults.zero, "NaN": faults.not_finite, "range": faults.range,
        "disorder": faults.disorder, "repeated": faults.duplicate if entry.kind == "bars" else 0,
        "unreadable": faults.unreadable,
    }  # fmt: skip
    return ", ".join(f"{count:,} {name}" for name, count in counted.items() if count)


def _minute(time_ns: int | None) -> str:
    from research.catalogue import show_time

    return (show_time(time_ns) or "")[:16].replace("T", " ")


def _summary_table(summary: list[dict[str, Any]]) -> Table:
    table = _table("kind", "files", "rows", "instruments", "MB", "first", "last", "unreadable")
    for line in summary:
        table.add_row(
            line["kind"], f"{line['files']:,}", f"{line['rows']:,}", f"{line['symbols']:,}",
            f"{line['size_bytes'] / 1e6:,.1f}", *((line[end] or "")[:10] for end in ("first", "last")),
            f"{line['unreadable_files']:,}" if line["unreadable_files"] else "",
        )  # fmt: skip
    return table


def _check_table(verdicts: list[tuple[Entry, Verdict]], *, show_all: bool) -> Table:
    """Lay out verdicts, the bad last, where the eye is; ok files only when all are shown."""
    from rich.markup import escape

    from research.catalogue import Level

    table = _table("verdict", "file", "reasons")
    colours = {Level.OK: "green", Level.WARNING: "yellow", Level.BAD: "red"}
    for level in Level if show_all else (Level.WARNING, Level.BAD):
        for entry, verdict in verdicts:
            if verdict.level is level:
                reasons = "\n".join(map(escape, verdict.reasons))
                table.add_row(f"[{colours[level]}]{level}[/]", escape(entry.path), reasons)
    return table


def _table(*headers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for header in headers:
        folds = header in FOLDING
        table.add_column(header, overflow="fold", no_wrap=not folds, justify="right" if header in RIGHT else "left")
    return table
