"""Flattening: when the account's rules call for it, the engine itself closes every holding, and nothing is opened.

`must_flatten` is asked whenever the account is valued. Once it is true that is latched (`Rule.FLATTEN`) until nothing
is held and nothing works any more; then the ladder and the room to the floors decide again. Until then every holding is
closed by a reducing intent of its own, which is ranked, judged, ruled and journaled as any other, before all others of
its desk. What an order that was under way still opens is closed as well; what did not come about is asked for again.
Contracts cannot be closed, they settle.

What may not be held over a weekend, or into the news, is closed in the same way, each holding by its own times
(`policies.timetable`); that is latched (`Rule.WEEKEND`, `Rule.NEWS`) until none of it is held or its time is over.
"""

from typing import TYPE_CHECKING, Final

from market.compiled import compiled
from market.instruments import Kind
from market.paper import OrderKind, Reason, ReportKind
from market.records import Record, Records
from policies.account_rules import must_flatten
from policies.intents import Reduce, Rule, no_evidence
from policies.timetable import TIMED, called_to_close, closes_at

if TYPE_CHECKING:
    from policies.risk import Book

RETRY_NS: Final = 60 * 10**9
"""A close that was not executed is asked for again after this time: what stopped it may have gone."""


@compiled
def may_coast(book: "Book") -> bool:
    """Tell whether rows may be passed quickly: not where prices teach, nor where what is held may have to be closed."""
    if book.estimator.terms[0].step_ns != 0:
        return False
    return bool(book.guard[0].flattens == 0 or book.ledger.account[0].open_positions == 0)


@compiled
def call_closes(book: "Book", time_ns: int) -> int:
    """Latch that everything must be closed, or that it is; note whether closes are to be proposed now.

    Returns the `Rule` bits that are or stay set. Asked after the account was valued.
    """
    guard, account = book.guard[0], book.ledger.account[0]
    guard.due_ns = 0
    timed = called_to_close(book, time_ns)
    account.blocks &= timed | ~TIMED
    latched = account.blocks & Rule.FLATTEN.value
    if account.open_positions == 0 and book.counts[0] == 0:
        if latched != 0:
            account.blocks &= ~Rule.FLATTEN.value
            for k in range(len(book.closing)):
                book.closing[k].lots = book.closing[k].retry_ns = 0
        return 0
    if latched == 0 and must_flatten(book):
        latched = Rule.FLATTEN.value
    if latched != 0 or timed != 0:
        for k in range(account.open_positions):
            if is_called(book, book.ledger.open_list[k], time_ns, latched):
                guard.due_ns = time_ns
    return timed | latched


@compiled
def is_called(book: "Book", instrument: int, time_ns: int, latched: int) -> bool:
    """Tell whether a holding is to be closed, all are (`latched` != 0) or it alone, and some of it is due."""
    wanted = latched != 0 or closes_at(book.timetable, instrument, time_ns) != 0
    return wanted and is_due(book, instrument, time_ns)


@compiled
def is_due(book: "Book", instrument: int, time_ns: int) -> bool:
    """Tell whether some of a holding is not being closed, and may be asked for now."""
    held, closing = book.ledger.positions[instrument].lots, book.closing[instrument]
    if held == 0 or book.ledger.instruments[instrument].kind == Kind.BINARY or time_ns < closing.retry_ns:
        return False
    return (held > 0) != (closing.lots > 0) or abs(held) > abs(closing.lots)


@compiled
def propose_closes(book: "Book", time_ns: int, out: Records, count: int) -> int:
    """Write an intent per holding that is to be closed from out[count] on, by instrument; return the new count."""
    latched = book.ledger.account[0].blocks & Rule.FLATTEN.value
    for instrument in range(len(book.closing)):
        if is_called(book, instrument, time_ns, latched):
            assert count + 1 < len(out)
            write_close(book, instrument, time_ns, out[count])
            book.closing[instrument].lots = book.ledger.positions[instrument].lots
            count += 1
    book.guard[0].due_ns = 0
    return count


@compiled
def write_close(book: "Book", instrument: int, time_ns: int, out: Record) -> None:
    """Write the intent that closes a holding at the market; what it is and when is all that it says."""
    row = book.ledger.instruments[instrument]
    quote = book.quotes[instrument]
    out.time_ns, out.desk, out.view_number, out.group = time_ns, max(row.desk, 0), -1, row.group
    out.legs, out.reduce, out.order_kind, out.hold_ns = 1, Reduce.GUARD, OrderKind.MARKET, 0
    out.epoch, out.view_hash, out.votes_count, out.features_count = book.ledger.account[0].epoch, 0, 0, 0
    out.instrument0, out.instrument1, out.lots0, out.lots1 = instrument, -1, 0, 0
    no_evidence(out)
    out.limit0, out.limit1, out.stop, out.target = 0, 0, 0, 0
    out.bid0, out.ask0, out.bid1, out.ask1 = quote.bid, quote.ask, 0, 0
    out.quote0_ns, out.quote1_ns = quote.time_ns, 0
    out.gain, out.rules, out.ruling, out.equity, out.first_order = 0, 0, 0, 0, -1
    out.breakeven_at, out.trail_at, out.trail_by, out.claimed0, out.claimed1 = 0, 0, 0, 0, 0
    out.strength, out.confidence, out.reward, out.gross = 0.0, 1.0, 0.0, 0.0
    out.risk_score, out.score = 0.0, 0.0
    for k in range(len(out.votes)):
        out.votes[k] = 0.0
    for k in range(len(out.features)):
        out.features[k] = 0.0


@compiled
def ask_again(book: "Book", intent: Record) -> None:
    """Take note that a close was not executed: it is proposed anew after a while."""
    closing = book.closing[intent.instrument0]
    closing.lots, closing.retry_ns = 0, intent.time_ns + RETRY_NS


@compiled
def withdraw_close(book: "Book", intent: Record) -> None:
    """Take a proposed close back as if it had not been proposed: its instant will be judged anew."""
    book.closing[intent.instrument0].lots = 0
    book.guard[0].due_ns = intent.time_ns


@compiled
def note_closing(book: "Book", report: Record) -> None:
    """Take what a report says of a close: what is left of it, or that it did not come about.

    What a venue could not fill in full is followed up on by `policies.legs`.
    """
    closing, held = book.closing[report.instrument], book.ledger.positions[report.instrument].lots
    if closing.lots == 0:
        return
    if held == 0 or (held > 0) != (closing.lots > 0):
        closing.lots = 0
    elif abs(held) < abs(closing.lots):
        closing.lots = held
    elif has_failed(report) and (report.lots < 0) == (closing.lots > 0):
        closing.lots = 0


@compiled
def has_failed(report: Record) -> bool:
    """Tell whether an order ended without a fill, and nobody follows up on it."""
    ended = report.kind == ReportKind.CANCEL or report.kind == ReportKind.REJECT
    return bool(ended and report.reason != Reason.UNFILLED)
