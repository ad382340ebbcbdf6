"""A scan for the terminal: the ranked table, why the first of it, liquidity, and what could not be judged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from research.catalogue import show_time
from research.scan.liquidity import Liquidity
from research.scan.ranking import Cast, Found, Seen, Side
from research.scan.scanning import Scan
from research.scan.series import Unjudged

HEADERS: Final = (
    "#", "instrument", "frame", "side", "p", "interval", "R:R", "exp.R", "score", "cover", "regime", "age",
)  # fmt: skip
WIDE_ONLY: Final = frozenset({"interval", "R:R", "cover", "regime"})
NARROW: Final = 110
"""Terminals below this get fewer columns."""

LIQUID: Final = ("spread bp", "imbalance", "micro bp", "VPIN")
EXPLAINED: Final = 5
"""Rows that get a line on why."""

COLOURS: Final = {Side.LONG: "green", Side.SHORT: "red"}
RIGHT: Final = frozenset({
    "#", "p", "R:R", "exp.R", "score", "cover", "age", "price", "spread bp", "imbalance", "micro bp", "VPIN", "levels",
    "top",
})  # fmt: skip
REASONS: Final = 3
"""Votes that are named for a row, and as many against it."""

UNITS: Final = (
    (365 * 86_400 * 10**9, "y"),
    (86_400 * 10**9, "d"),
    (3_600 * 10**9, "h"),
    (60 * 10**9, "m"),
    (10**9, "s"),
)


def view_of(found: Scan, top: int, width: int) -> RenderableType:
    """Return everything that a scan shows to people, for lines of a width."""
    shown = found.rows[:top]
    parts: list[RenderableType | None] = [
        Text(_headline(found), style="bold"), _ranked_table(shown, found.liquidity, narrow=width < NARROW), _why(shown),
    ]  # fmt: skip
    if len(found.rows) > top:
        parts.append(Text(f"{len(found.rows) - top:,} more are judged; --top shows more of them", style="dim"))
    parts += [_liquidity_table(found.liquidity), _unjudged_table(found.unjudged), Text(_pace_line(found))]
    return Group(*(part for part in parts if part is not None))


def _headline(found: Scan) -> str:
    request = found.request
    when = f"as of {show_time(request.at_ns)}" if request.at_ns is not None else "each as its data end"
    return (
        f"{found.instruments:,} instruments x {', '.join(request.timeframes)}, {when}: {len(found.rows):,} judged, "
        f"{len(found.opportunities):,} opportunities"
    )


def _pace_line(found: Scan) -> str:
    pace = found.pace
    rank = "not known" if pace.volatility_rank != pace.volatility_rank else f"{pace.volatility_rank:.0%}"
    return (
        f"next scan in {span(pace.interval_ns)} (volatility above {rank} of its past, {pace.found} found; heat "
        f"{pace.heat:.2f}, between 15m and 4h)"
    )


def _table(title: str, *headers: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for header in headers:
        folds = header in ("verdict", "reason", "absent")
        table.add_column(
            header, justify="right" if header in RIGHT else "left", overflow="fold" if folds else "ellipsis",
            no_wrap=not folds,
        )  # fmt: skip
    return table


def _ranked_table(rows: Sequence[Found], liquidity: Sequence[Liquidity], *, narrow: bool) -> Table:
    """Lay out rows; the columns of liquidity are there where any row has some."""
    by_name = {(one.symbol, one.venue): one for one in liquidity if one.book is not None or one.vpin is not None}
    deep = any(_beside(row, by_name) for row in rows)
    headers = [name for name in HEADERS if not narrow or name not in WIDE_ONLY]
    table = _table("", *headers, *(LIQUID if deep else ()), "verdict")
    for number, row in enumerate(rows, 1):
        cells = _cells(number, row)
        liquid = _liquidity_cells(_beside(row, by_name)) if deep else ()
        verdict = "[green]opportunity[/]" if row.is_opportunity else escape(row.stopped or "its newest bar is old")
        table.add_row(
            *(cells[name] for name in headers), *liquid, verdict, style=None if row.is_opportunity else "dim"
        )  # fmt: skip
    return table


def _beside(row: Found, by_name: Mapping[tuple[str, str | None], Liquidity]) -> Liquidity | None:
    """Return the liquidity of a row's instrument, where it is not of another time than the row."""
    one = by_name.get((row.symbol, row.venue))
    newest_ns = max(one.book_ns or 0, one.trades_ns or 0) if one is not None else 0
    return one if newest_ns >= row.time_ns - row.stale_after_ns else None


def _cells(number: int, row: Found) -> dict[str, str]:
    return {
        "#": str(number), "instrument": escape(name_of(row.symbol, row.venue)), "frame": row.timeframe,
        "side": _side(row), "p": _share_of(row.probability),
        "interval": "" if row.low is None or row.high is None else f"{row.low:.0%}-{row.high:.0%}",
        "R:R": _number(row.reward_to_risk), "exp.R": _number(row.expectancy_r, "+.2f"),
        "score": _number(row.score, "+.2f"), "cover": _share_of(row.coverage),
        "regime": f"{row.regime}, {row.volatility}", "age": span(row.age_ns),
    }  # fmt: skip


def _why(rows: Sequence[Found]) -> Text | None:
    """Return a line for each of the first rows: what speaks for it, what against, and the patterns seen."""
    lines = [
        f"{number:>2}  {name_of(row.symbol, row.venue)} {row.timeframe} {row.side}: {why_of(row)}"
        for number, row in enumerate(rows[:EXPLAINED], 1)
    ]
    return Text("\n".join(lines), style="dim") if lines else None


def _side(row: Found) -> str:
    colour = COLOURS.get(row.side)
    return f"[{colour}]{row.side}[/]" if colour else str(row.side)


def why_of(row: Found) -> str:
    """Return what speaks for a row and what against, each with its part of the score, and the patterns seen."""
    parts = []
    for agreeing, word in ((True, "for"), (False, "against")):
        named = [_named(one, row.timeframe) for one in row.reasons(agreeing=agreeing)[:REASONS]]
        if named:
            parts.append(f"{word} {', '.join(named)}")
    if row.patterns:
        parts.append("saw " + ", ".join(_pattern(one) for one in row.patterns[:REASONS]))
    return "; ".join(parts) or "no votes"


def _named(one: Cast, timeframe: str) -> str:
    frame = f"{one.timeframe} " if one.timeframe not in (None, timeframe) else ""
    return f"{frame}{one.source} {one.share:+.2f}"


def _pattern(one: Seen) -> str:
    when = f"{one.bars_ago} bars ago" if one.bars_ago != 1 else "1 bar ago"
    return f"{one.pattern.replace('_', ' ')} {one.confidence:.2f} {'now' if one.bars_ago == 0 else when}"


def _liquidity_cells(one: Liquidity | None) -> tuple[str, ...]:
    if one is None:
        return ("absent",) * 4
    return tuple(
        "absent" if value is None else f"{value:{form}}"
        for value, form in (
            (one.spread_bps, ".3g"), (one.imbalance, "+.2f"), (one.microprice_bps, "+.3f"), (one.vpin, ".2f"),
        )
    )  # fmt: skip


def _liquidity_table(liquidity: Sequence[Liquidity]) -> Table | Text | None:
    known = [one for one in liquidity if one.book is not None or one.vpin is not None]
    if not liquidity:
        return None
    without = f"{len(liquidity) - len(known):,} of {len(liquidity):,} instruments have no depth and no trades: absent"
    if not known:
        return Text(f"liquidity: {without}", style="dim")
    table = _table(
        f"Liquidity ({without})",
        "instrument", "book of", "levels", "spread bp", "top", "imbalance", "micro bp", "VPIN", "absent",
    )  # fmt: skip
    for one in known:
        spread, imbalance, microprice, toxicity = _liquidity_cells(one)
        table.add_row(
            name_of(one.symbol, one.venue), (show_time(one.book_ns, 0) or "absent"),
            "" if one.levels is None else str(one.levels), spread,
            "absent" if one.imbalance_top is None else f"{one.imbalance_top:+.2f}", imbalance, microprice, toxicity,
            escape("; ".join(one.absent)),
        )  # fmt: skip
    return table


def _unjudged_table(unjudged: Iterable[Unjudged]) -> Table | None:
    """Return a line per instrument that could not be judged at all timeframes, with the reason of each."""
    by_name: dict[str, list[str]] = {}
    for one in unjudged:
        frames = f"{', '.join(one.timeframes)}: " if one.timeframes else ""
        by_name.setdefault(name_of(one.symbol, one.venue), []).append(f"{frames}{one.reason}")
    if not by_name:
        return None
    table = _table("Not judged", "instrument", "reason")
    for name, reasons in by_name.items():
        table.add_row(escape(name), escape("; ".join(reasons)), style="dim")
    return table


def name_of(symbol: str, venue: str | None) -> str:
    """Return `EURUSD@oanda`, or the symbol alone where no venue is known."""
    return f"{symbol}@{venue}" if venue else symbol


def span(length_ns: int) -> str:
    """Return a length of time by its largest two units: 3d 4h, 15m; negative ones with a sign."""
    sign, rest = ("-" if length_ns < 0 else ""), abs(length_ns)
    words = []
    for unit_ns, letter in UNITS:
        count, rest = divmod(rest, unit_ns)
        if count:
            words.append(f"{count}{letter}")
    return sign + (" ".join(words[:2]) or "0s")


def _number(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else f"{value:{form}}"


def _share_of(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
