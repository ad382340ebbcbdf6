"""`trifecta check`: does a policy, a feature or a function of one's own know the future, and where its data begins."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import (
    Words,
    config_option,
    data_option,
    home_option,
    json_option,
    open_console,
    params_given,
    sample_data,
    time_of,
)
from cli.outcome import Exit, print_json, say

if TYPE_CHECKING:
    from research.lookahead import Examination, Leak, Study, Warmth
    from research.lookahead.asking import Asked

F = TypeVar("F", bound=Callable[..., Any])
CUTS = 200
CHARACTERS = 24
"""Of a value in a table; JSON has it whole."""

WHAT = (
    "WHAT is a policy (see trifecta policies), a feature (ema:20), or a function signal(bars) of your own: FILE.py or "
    "FILE.py:FUNCTION, see docs/lookahead.md. Without WHAT, every policy and every feature of the catalogue."
)


@click.group()
def check() -> None:
    """Look for knowledge of the future, and for values that depend on where data begins."""


def _options(command: F) -> F:
    """Add what both checks share."""
    for option in (
        click.option("--trust", multiple=True, metavar="FILE", help="A file of numbers that yours may read by itself."),
        click.option("--table", multiple=True, metavar="NAME=FILE", help="A table with a column known_at, for yours."),
        click.option("--param", multiple=True, metavar="NAME=NUMBER", help="A parameter of the policy."),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every sample."),
        click.option(
            "--bars", type=click.IntRange(min=10), default=2000, show_default=True, help="The newest N instants."
        ),
        click.option("--end", default=None, help="Up to, not including, this date or time (UTC)."),
        click.option("--start", default=None, help="From this date or time on (UTC)."),
        click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]"),
        click.option("--symbols", multiple=True, help="Bars of these symbols.  [default: the file with most bars]"),
        json_option, config_option, home_option, data_option,
        click.argument("what", nargs=-1),
    ):  # fmt: skip
        command = option(command)
    return command


@check.command(cls=Words, epilog=WHAT)
@_options
@click.option("--cuts", default=str(CUTS), show_default=True, help="Where to cut: a number, borders kept, or all.")
@click.option("--tolerance", type=click.FloatRange(0.0, 0.1), default=1e-9, show_default=True, help="Relative.")
def lookahead(as_json: bool, cuts: str, tolerance: float, seed: int, **options: Any) -> int:
    """Compute every value on data that ends at a bar, and on data that goes on otherwise. Exit 1 when one differs."""
    from research.lookahead import cut_times, examine
    from research.lookahead.asking import studies_of
    from research.lookahead.watching import native_words_to_stderr

    most = _cuts(cuts)
    found: list[Examination] = []
    notes: dict[str, None] = {}
    with native_words_to_stderr():
        for study in studies_of(_asked(options)):
            say(f"looking at {study.name}")
            notes |= dict.fromkeys(study.notes)
            chosen = cut_times(study.times, most, seed, study.bar_ns)
            found.append(examine(study, chosen, seed=seed, tolerance=tolerance))
    leaks = sum(len(one.leaks) for one in found)
    if as_json:
        print_json({
            "command": "check lookahead", "ok": not leaks, "leaks": leaks, "seed": seed, "tolerance": tolerance,
            "notes": list(notes), "studies": [_examination(one) for one in found],
        })  # fmt: skip
    else:
        _show_leaks(found, list(notes))
    return int(Exit.CHECK_FAILED if leaks else Exit.DONE)


@check.command(cls=Words, epilog=WHAT)
@_options
@click.option("--warmup", type=click.IntRange(min=0), default=None, help="Bars to hold every column to.")
@click.option("--starts", type=click.IntRange(1, 1000), default=24, show_default=True, help="Beginnings to try.")
@click.option("--tolerance", type=click.FloatRange(0.0, 0.1), default=1e-6, show_default=True, help="Relative.")
def warmup(
    as_json: bool, warmup: int | None, starts: int, tolerance: float, seed: int, **options: Any
) -> int:  # fmt: skip
    """Let data begin later, and find how many bars a value needs to be what it would have been. Exit 1 when more than
    is declared: by WARMUP in a file, by the catalogue, else by the first value.
    """  # noqa: D205 - click shows the first paragraph whole
    from research.lookahead import settle
    from research.lookahead.asking import studies_of
    from research.lookahead.watching import native_words_to_stderr

    found: list[tuple[Study, tuple[Warmth, ...]]] = []
    with native_words_to_stderr():
        for study in studies_of(_asked(options)._replace(runs=False)):
            say(f"looking at {study.name}")
            held = study if warmup is None else study._replace(warmup=warmup, longest={})
            found.append((study, settle(held, seed=seed, tolerance=tolerance, starts=starts)))
    ok = all(one.sound for _, columns in found for one in columns)
    if as_json:
        notes = dict.fromkeys(note for study, _ in found for note in study.notes)
        print_json({
            "command": "check warmup", "ok": ok, "seed": seed, "tolerance": tolerance, "notes": list(notes),
            "studies": [_settled(study, columns) for study, columns in found],
        })  # fmt: skip
    else:
        _show_warmth(found)
    return int(Exit.DONE if ok else Exit.CHECK_FAILED)


def _cuts(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 2:
        raise ValueError(f"--cuts {text}: a whole number from 2, or all, is allowed")
    return int(text)


def _asked(options: dict[str, Any]) -> "Asked":
    from research.asking import Request
    from research.lookahead.asking import Asked

    request = Request(
        data=options["data"] or sample_data(), home=options["home"], config=options["config"],
        symbols=tuple(options["symbols"]), timeframe=options["timeframe"],
        start_ns=time_of(options["start"], "--start"), end_ns=time_of(options["end"], "--end"),
        params=params_given(options["param"]),
    )  # fmt: skip
    return Asked(options["what"], request, options["bars"], options["table"], options["trust"])


def _examination(found: "Examination") -> dict[str, Any]:
    from msgspec import to_builtins

    from research.catalogue import show_time

    fields: dict[str, Any] = to_builtins(found)
    times = {"first": show_time(found.first_ns), "last": show_time(found.last_ns)}
    return fields | times | {"leaks": [_leak(one) for one in found.leaks]}


def _leak(leak: "Leak") -> dict[str, Any]:
    from msgspec import to_builtins

    from research.catalogue import show_time
    from research.lookahead.remedies import REMEDIES

    fields: dict[str, Any] = to_builtins(leak)
    times = {"time": show_time(leak.time_ns or None), "cut": show_time(leak.cut_ns or None)}
    return fields | times | {"remedy": REMEDIES[leak.kind]}


def _settled(study: "Study", columns: "tuple[Warmth, ...]") -> dict[str, Any]:
    from msgspec import to_builtins

    from research.catalogue import show_time

    rows = [to_builtins(one) | {"time": show_time(one.time_ns)} for one in columns]
    return {"name": study.name, "rows": len(study.times), "columns": rows}


def _show_leaks(found: "list[Examination]", notes: list[str]) -> None:
    from rich.table import Table

    from research.catalogue import show_time
    from research.lookahead.remedies import REMEDIES

    console = open_console()
    table = Table("study", "column", "kind", "first bar", "known then", "on the whole", "found by", "bars")
    for one in found:
        for leak in one.leaks:
            values = [_short(leak.then), _short(leak.whole)]
            time = show_time(leak.time_ns or None) or ""
            table.add_row(one.name, leak.column, str(leak.kind or "?"), time, *values, leak.by, f"{leak.rows:,}")
    if table.row_count:
        console.print(table)
    for note in notes:
        click.echo(note)
    for one in found:
        cuts = "every bar" if one.every_cut else f"{one.cuts:,} cuts"
        told = f"{len(one.leaks)} found" if one.leaks else "nothing found"
        click.echo(f"{one.name}: {len(one.columns)} columns, {one.rows:,} rows, {cuts}, {told}")
        for leak in one.leaks:
            click.echo(f"  {leak.column}: {leak.text} -> {REMEDIES[leak.kind]}")
        if one.empty:
            click.echo(f"  without any value, so nothing is known of: {', '.join(one.empty)}")
        for refusal in one.refused:
            click.echo(f"  a future it would not take, {refusal}")


def _show_warmth(found: "list[tuple[Study, tuple[Warmth, ...]]]") -> None:
    from rich.table import Table

    console = open_console()
    table = Table("study", "column", "first value", "declared", "needed", "")
    for study, columns in found:
        for one in columns:
            needed = f"{one.needed:,}" if one.settled else f"{one.needed:,} and more"
            declared = "depends on it for ever" if one.declared is None else f"{one.declared:,}"
            first = "none" if one.first is None else f"{one.first:,}"
            table.add_row(study.name, one.column, first, declared, needed, _judgement(one))
    for note in dict.fromkeys(note for study, _ in found for note in study.notes):
        click.echo(note)
    console.print(table)


def _judgement(one: "Warmth") -> str:
    if one.sound:
        return ""
    too_few = one.declared is not None and one.declared >= one.room
    return f"only {one.room:,} bars to look at: ask for more --bars" if too_few else "TOO LITTLE"


def _short(value: float | str | None) -> str:
    text = "nothing" if value is None else f"{value:.8g}" if isinstance(value, float) else value
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
