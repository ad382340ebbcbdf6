"""The tables of a report: desks, latches, trades."""

from collections.abc import Sequence
from typing import Final

from market.instruments import Kind
from market.money import MONEY_UNIT
from research.report.events import events_of
from research.report.markup import amount, paragraph, percent, plural, scrolling, signed, table, utc
from research.result import RunResult, Trade
from research.run_metrics import RoundTrip, account_end, hit_rate, round_trips

TRADES_SHOWN: Final = 500
"""Trades listed from each end of a long run."""
LATCHES_SHOWN: Final = 50

DESK_HEADERS: Final = (
    "Desk", "Events", "Candidates", "Decisions", "Executed", "Withheld", "Refused", "Fills", "Trades", "Round trips",
    "Hit rate", "PnL",
)  # fmt: skip

TRADE_HEADERS: Final = (
    "#", "Desk", "Instrument", "Side", "Reason", "Entry (UTC)", "Exit (UTC)", "Held (s)", "Lots", "Entry price",
    "Exit price", "Fees", "PnL",
)  # fmt: skip
TRADE_WORDS: Final = 7


def desk_rows(result: RunResult) -> list[tuple[str, ...]]:
    """Return a row of text per desk, one for what is still open, and the total: it is the net profit."""
    trips, trades = round_trips(result), result.trades
    rows = []
    for name, desk in result.desks.items():
        counts = (
            desk.events, desk.candidates, desk.decisions, desk.executed, desk.withheld, desk.refused, desk.fills,
            sum(trade.desk == name for trade in trades),
        )  # fmt: skip
        own = [trip for trip in trips if trip.desk == name]
        rows.append((name, *(f"{count:,}" for count in counts), *_trips(own), signed(desk.pnl)))
    booked, profit = sum(desk.pnl for desk in result.desks.values()), account_end(result).profit / MONEY_UNIT
    blank = ("",) * 10
    if abs(profit - booked) >= 0.005:
        rows.append(("still open", *blank, signed(profit - booked)))
    names = ("events", "candidates", "decisions", "executed", "withheld", "refused", "fills")
    totals = [sum(getattr(desk, name) for desk in result.desks.values()) for name in names]
    rows.append(("all", *(f"{count:,}" for count in (*totals, len(trades))), *_trips(trips), signed(profit)))
    return rows


def _trips(trips: Sequence[RoundTrip]) -> tuple[str, str]:
    return f"{len(trips):,}", percent(hit_rate(trips), 1)


def desk_table(result: RunResult) -> str:
    """Return what each desk heard, proposed, decided and earned."""
    headers = (*DESK_HEADERS[:-1], f"PnL ({result.plan.currency})")
    note = paragraph(
        "Candidates are the times a policy was asked. A trade is one closed piece of a position; a round trip ends "
        "when every leg is flat again, and the hit rate is the share of round trips that gained. PnL is net of fees."
    )
    return scrolling(table(headers, desk_rows(result), class_="totals"), "Desks") + note + position_table(result)


def position_table(result: RunResult) -> str:
    """Return what is still open at the end; nothing where all is flat."""
    cells = []
    for key, position in result.positions.items():
        instrument = result.plan.instruments[result.plan.index_of(key)]
        mean = position["cost"] / position["lots"]
        if instrument.kind is Kind.BINARY:
            paid = f"stake {amount(position['cost'] / MONEY_UNIT)} {result.plan.currency}"
        else:
            paid = f"{instrument.price_of(mean):.10g} {instrument.quote}"
        cells.append((key, f"{position['lots']:+,}", paid))
    return table(("Open at the end", "Lots", "Mean entry"), cells) if cells else ""


def latch_table(result: RunResult) -> str:
    """Return when limits latched; nothing where none did."""
    cells = [(utc(latch.time_ns), ", ".join(latch.rules)) for latch in result.latches[:LATCHES_SHOWN]]
    more = len(result.latches) - len(cells)
    cut = paragraph(f"The first {LATCHES_SHOWN} of {len(result.latches):,}.") if more > 0 else ""
    return table(("Limit latched (UTC)", "Rules"), cells, left=2) + cut if cells else ""


def event_table(result: RunResult) -> str:
    """Return what the account told of itself and what people ordered of it; nothing where nothing was."""
    events = events_of(result)
    cells = [(utc(time_ns), what, text) for time_ns, what, text in events[:LATCHES_SHOWN]]
    cut = paragraph(f"The first {LATCHES_SHOWN} of {len(events):,}.") if len(events) > len(cells) else ""
    return table(("Event (UTC)", "Kind", "What"), cells, left=3) + cut if cells else ""


def trade_table(result: RunResult) -> str:
    """Return the trades, the first and last ones of a long run; a click on a header sorts them."""
    trades = result.trades
    if not trades:
        return paragraph("No trade was closed.")
    numbered = list(enumerate(trades, 1))
    note = f"All {plural(len(trades), 'closed trade')}."
    if len(trades) > 2 * TRADES_SHOWN:
        numbered = numbered[:TRADES_SHOWN] + numbered[-TRADES_SHOWN:]
        note = (
            f"The first and the last {TRADES_SHOWN} of {len(trades):,} closed trades; the "
            f"{len(trades) - len(numbered):,} between them are not listed. They count in every number above."
        )
    listed = table(
        TRADE_HEADERS, [_trade_row(number, trade) for number, trade in numbered], TRADE_WORDS, id="trade-list"
    )
    paper = paragraph("On paper: the first 40 rows as they are sorted.", "on-paper") if len(numbered) > 40 else ""
    words = f"{note} Fees and PnL, net of them, are in {result.plan.currency}. A header's button sorts."
    return paragraph(words) + paper + scrolling(listed, "Trades", "tall")


def _trade_row(number: int, trade: Trade) -> tuple[str, ...]:
    held = (trade.exit_ns - trade.entry_ns) / 1e9
    return (
        str(number), trade.desk, trade.instrument, trade.side, trade.reason,
        utc(trade.entry_at_ns), utc(trade.exit_at_ns),
        f"{held:,.3f}".rstrip("0").rstrip("."), f"{trade.lots:,}", f"{trade.entry_price:.10g}",
        f"{trade.exit_price:.10g}", amount(trade.fees), signed(trade.pnl),
    )  # fmt: skip
