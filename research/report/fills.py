"""Fills over price: where every instrument was entered and left, and what each trade made of it."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journal.order_records import Report
from market.instruments import Instrument, Kind
from market.money import MONEY_UNIT
from policies.plan import Plan
from research.report.facts import PriceSeries
from research.report.figures import (
    Figure,
    Trace,
    View,
    axis,
    gap_lines,
    in_pairs,
    label,
    layout,
    packed,
    packed_times,
    padded,
    time_axis,
    time_range,
)
from research.report.markup import amount, plural, signed, span_text, utc
from research.report.thinning import POINTS_MAX, extremes, gaps_of
from research.result import RunResult, Trade

PRICES_MAX: Final = 28_000
"""Points of all price lines together; an instrument has at most POINTS_MAX of them."""
FILLS_MAX: Final = 5000
"""Fills drawn of all instruments together; the counts in text and tables are those of all fills."""
FEWEST: Final = 100
"""Fills and points that an instrument has in any case."""

SYMBOLS: Final = {
    "EXIT": "square", "STOP": "x", "TARGET": "star", "TIME": "hourglass", "EXPIRY": "diamond", "UNWIND": "pentagon",
    "END": "hexagon", "EMERGENCY": "octagon",
}  # fmt: skip


class Fill(NamedTuple):
    """One fill or settlement, with the trade that it closed, if it closed one."""

    report: Report
    price: float
    trade: Trade | None


class Timeline(NamedTuple):
    """The fills and trades of one instrument that are drawn, how many there were, and what its prices are of.

    `moves` are the reports of protective stops that moved.
    """

    instrument: Instrument
    quoted: Instrument
    fills: list[Fill]
    trades: list[Trade]
    fills_count: int
    trades_count: int
    moves: list[Report]

    @property
    def digits(self) -> int:
        """Decimal places of its prices; a mean entry price and a strike lie between ticks."""
        return self.quoted.price_digits + 1


def fill_figures(result: RunResult, prices: Mapping[str, PriceSeries]) -> dict[str, tuple[str, Figure]]:
    """Return, per traded instrument in the plan's order, what to call it and its timeline."""
    filled: dict[str, list[Report]] = {}
    moved: dict[str, list[Report]] = {}
    for report in result.reports:
        if report.report == "AMEND":
            moved.setdefault(report.instrument, []).append(report)
        if report.report in ("FILL", "SETTLE"):
            filled.setdefault(report.instrument, []).append(report)
    traded = [instrument for instrument in result.plan.instruments if instrument.key in filled]
    total = sum(map(len, filled.values()))
    points_max = max(min(POINTS_MAX, PRICES_MAX // max(len(traded), 1)), FEWEST)
    found = {}
    for instrument in traded:
        reports = filled[instrument.key]
        trades = [trade for trade in result.trades if trade.instrument == instrument.key]
        fills_max = max(FILLS_MAX * len(reports) // total, FEWEST)
        timeline = timeline_of(result.plan, instrument, reports, trades, fills_max)
        moves = moved.get(instrument.key, [])
        timeline = timeline._replace(moves=moves[:: max(len(moves) // fills_max, 1)])
        source = (instrument.underlying or "") if instrument.kind is Kind.BINARY else instrument.key
        earned = signed(sum(trade.pnl for trade in trades))
        name = f"{instrument.key}: {plural(len(reports), 'fill')}, {earned} {result.plan.currency}"
        found[instrument.key] = name, _figure(timeline, prices.get(source), points_max, result.plan.currency)
    return found


def timeline_of(
    plan: Plan, instrument: Instrument, reports: Sequence[Report], trades: Sequence[Trade], fills_max: int
) -> Timeline:
    """Join fills with the trades they closed; of too many, keep those of trades spread evenly over the run."""
    quoted, half = instrument, 1.0
    if instrument.kind is Kind.BINARY and instrument.underlying is not None:
        quoted, half = plan.instruments[plan.index_of(instrument.underlying)], 0.5  # strikes are kept in half ticks
    closes: dict[int, deque[Trade]] = {}
    for trade in trades:
        closes.setdefault(trade.exit_ns, deque()).append(trade)
    fills = []
    for report in reports:
        waiting = closes.get(report.time_ns) if report.reason != "ENTRY" else None
        fills.append(Fill(report, quoted.price_of(report.price * half), waiting.popleft() if waiting else None))
    kept = list(trades)
    if len(fills) > fills_max and trades:
        kept = [trades[k] for k in np.unique(np.linspace(0, len(trades) - 1, fills_max // 2).astype(np.int64))]
        instants = {time_ns for trade in kept for time_ns in (trade.entry_ns, trade.exit_ns)}
        fills = [fill for fill in fills if fill.report.time_ns in instants]
    return Timeline(instrument, quoted, fills, kept, len(reports), len(trades), [])


def _figure(timeline: Timeline, prices: PriceSeries | None, points_max: int, currency: str) -> Figure:
    fill_ns = np.array(sorted(fill.report.time_ns for fill in timeline.fills), np.int64)
    times = fill_ns
    data: list[Trace] = []
    if prices is not None and len(prices.time_ns):
        times = np.insert(prices.time_ns, np.searchsorted(prices.time_ns, fill_ns), fill_ns)
        data += _price_lines(prices, points_max, timeline.digits)
    gaps = gaps_of(times)
    data += _segments(timeline) + _moves(timeline) + _entries(timeline) + _exits(timeline)
    contract = timeline.instrument.kind is Kind.BINARY
    title = f"Price of {timeline.instrument.underlying}" if contract else f"Price ({timeline.instrument.quote})"
    figure_layout = layout(
        560,
        hovermode="closest",
        shapes=gap_lines(gaps),
        xaxis=time_axis(gaps),
        yaxis=axis(label(title), tickformat="~f"),
    )
    views = _views(timeline, prices, times)
    return Figure(_summary(timeline, prices, points_max, currency), data, figure_layout, views)


def _views(timeline: Timeline, prices: PriceSeries | None, times: NDArray[np.int64]) -> tuple[View, ...]:
    """The stretch of time in which there were fills, and all of it."""
    fill_ns = [fill.report.time_ns for fill in timeline.fills]
    found = []
    for name, begin, end in (
        ("Around the fills", min(fill_ns), max(fill_ns)), ("Whole market span", int(times[0]), int(times[-1])),
    ):  # fmt: skip
        room = (end - begin) // 50
        levels = [fill.price for fill in timeline.fills]
        if prices is not None:
            inside = slice(*np.searchsorted(prices.time_ns, (begin - room, end + room)))
            levels += [float(side.min()) for side in (prices.bid[inside],) if len(side)]
            levels += [float(side.max()) for side in (prices.ask[inside],) if len(side)]
        ranges = {"xaxis.range": time_range(begin, end), "yaxis.range": padded(min(levels), max(levels))}
        found.append(View(name, ranges))
    return tuple(found)


def _price_lines(prices: PriceSeries, points_max: int, digits: int) -> list[Trace]:
    """Bid and ask as the edges of a band: seen from afar it is a line."""
    keep = extremes([-prices.bid, prices.ask], points_max)
    bid, ask = prices.bid[keep], prices.ask[keep]
    shared = {
        "type": "scatter", "mode": "lines", "x": packed_times(prices.time_ns[keep]), "hoverinfo": "skip",
        "line": {"color": "var(--price)", "width": 1}, "legendgroup": "price",
    }  # fmt: skip
    return [
        {**shared, "y": packed(bid, digits), "name": "Bid", "showlegend": False},
        {**shared, "y": packed(ask, digits), "name": "Bid to ask", "fill": "tonexty", "fillcolor": "var(--price-band)"},
    ]


def _segments(timeline: Timeline) -> list[Trace]:
    """Lines from entry to exit: solid for a gain, dashed for a loss."""
    found = []
    for name, color, dash, chosen in (
        ("Trade that gained", "win", "solid", [trade for trade in timeline.trades if trade.pnl > 0]),
        ("Trade that did not", "loss", "dash", [trade for trade in timeline.trades if trade.pnl <= 0]),
    ):
        if chosen:
            times = np.array([(trade.entry_ns, trade.exit_ns) for trade in chosen], np.int64).ravel()
            levels = np.array([(trade.entry_price, trade.exit_price) for trade in chosen]).ravel()
            found.append({
                "type": "scatter", "mode": "lines", "name": name, "hoverinfo": "skip",
                "x": in_pairs(packed_times(times)), "y": in_pairs(packed(levels, timeline.digits)),
                "line": {"color": f"var(--{color})", "width": 1.6, "dash": dash},
            })  # fmt: skip
    return found


def _moves(timeline: Timeline) -> list[Trace]:
    """A stroke from where a stop stood to where it went, for each of its moves."""
    if not timeline.moves:
        return []
    times = np.repeat(np.array([report.time_ns for report in timeline.moves], np.int64), 2)
    price_of = timeline.quoted.price_of
    levels = [price_of(ticks) for report in timeline.moves for ticks in (report.stop_before, report.price)]
    return [{
        "type": "scatter", "mode": "lines", "name": "Stop moved", "hoverinfo": "skip",
        "x": in_pairs(packed_times(times)), "y": in_pairs(packed(levels, timeline.digits)),
        "line": {"color": "var(--floor)", "width": 2},
    }]  # fmt: skip


def _entries(timeline: Timeline) -> list[Trace]:
    found = []
    for name, symbol, sign in (("Entry, buy", "triangle-up", 1), ("Entry, sell", "triangle-down", -1)):
        fills = [fill for fill in timeline.fills if fill.report.reason == "ENTRY" and fill.report.lots * sign > 0]
        if fills:
            rows = [_fields(fill) for fill in fills]
            hover = _hover(name, ("lots %{customdata[0]:,}, fee %{customdata[1]}", ORDER_HOVER))
            found.append(_markers(name, symbol, "entry", hover) | _places(fills, rows, timeline.digits))
    return found


ORDER_HOVER: Final = "order %{customdata[2]}, execution %{customdata[3]}"


def _exits(timeline: Timeline) -> list[Trace]:
    """One set of markers per reason and result: filled for a gain, open for none."""
    lines = (
        "lots %{customdata[0]:,}, fees of the trade %{customdata[1]}", ORDER_HOVER,
        "entered %{customdata[4]} at %{customdata[5]}", "held %{customdata[6]}", "<b>PnL %{customdata[7]}</b>",
    )  # fmt: skip
    exits = [fill for fill in timeline.fills if fill.report.reason != "ENTRY"]
    found = []
    for reason in dict.fromkeys([*SYMBOLS, *(fill.report.reason for fill in exits)]):
        for gained in (True, False):
            fills = [
                fill for fill in exits
                if fill.report.reason == reason and (fill.trade is not None and fill.trade.pnl > 0) == gained
            ]  # fmt: skip
            if fills:
                name = f"{reason}, {'gain' if gained else 'no gain'}"
                symbol = SYMBOLS.get(reason, "circle") + ("" if gained else "-open")
                rows = [_fields(fill) + _outcome(fill) for fill in fills]
                markers = _markers(name, symbol, "win" if gained else "loss", _hover(name, lines))
                found.append(markers | _places(fills, rows, timeline.digits))
    return found


def _fields(fill: Fill) -> list[Any]:
    report = fill.report
    fee = fill.trade.fees if fill.trade else report.fee * report.rate_num / max(report.rate_den, 1) / MONEY_UNIT
    return [report.lots, amount(fee), report.number, report.execution]


def _outcome(fill: Fill) -> list[Any]:
    trade = fill.trade
    if trade is None:
        return ["unknown", "unknown", "unknown", "unknown"]
    return [utc(trade.entry_at_ns), trade.entry_price, span_text(trade.exit_ns - trade.entry_ns), signed(trade.pnl)]


def _hover(name: str, lines: Sequence[str]) -> str:
    return "<br>".join((f"<b>{name}</b>", "%{x|%Y-%m-%d %H:%M:%S.%L} UTC at %{y}", *lines)) + "<extra></extra>"


def _markers(name: str, symbol: str, color: str, hover: str) -> Trace:
    ring = {"width": 2} if symbol.endswith("-open") else {"color": "var(--paper)", "width": 1}
    return {
        "type": "scatter", "mode": "markers", "name": label(name), "hovertemplate": hover,
        "marker": {"symbol": symbol, "size": 10, "color": f"var(--{color})", "line": ring},
    }  # fmt: skip


def _places(fills: Sequence[Fill], rows: list[list[Any]], digits: int) -> Trace:
    return {
        "x": packed_times(np.array([fill.report.time_ns for fill in fills], np.int64)),
        "y": packed([fill.price for fill in fills], digits),
        "customdata": rows,
    }


def _summary(timeline: Timeline, prices: PriceSeries | None, points_max: int, currency: str) -> str:
    """Say what the plot shows, and what of it is left out."""
    key, count = timeline.instrument.key, timeline.trades_count
    words = f"Fills of {key} over its price: {plural(timeline.fills_count, 'fill')}, {plural(count, 'closed trade')}"
    gained = sum(trade.pnl > 0 for trade in timeline.trades)
    if len(timeline.trades) == count:
        total = signed(sum(trade.pnl for trade in timeline.trades))
        words += f", {gained} of which gained, {total} {currency} in all"
    else:
        words += f". Drawn are {len(timeline.trades):,} trades, spread evenly over the run"
    if prices is None or not len(prices.time_ns):
        return words + ". No price series was given."
    rows = len(prices.time_ns)
    if rows > points_max:
        return f"{words}. Price line: highs and lows of {rows:,} rows in at most {points_max:,} points."
    return f"{words}. Price line: all {rows:,} rows."
