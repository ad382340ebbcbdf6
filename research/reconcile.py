"""Breaks between a venue's account and ours, as the journal tells them: what stands, and how each is resolved."""

from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from actors.order_fold import OrderFold
from actors.settings import decode_plan
from journal.order_records import Adjustment, Breaks, OrderNews, Report, Stated, Trade
from journal.records import Session
from journal.store import Journal
from market.orders import TERMINAL

REMEDIES: Final = {
    "POSITION_BREAK": "somebody traded past us, or the venue corrected a trade: hold it against the venue's statement, "
    "then undo it there, or take it over with --accept",
    "MISSING_AT_VENUE": "the order works here and not there: it is asked for again; cancel it if it stays",
    "FILL_GAP": "an execution is missing: it is fetched again; if it stays, hold it against the venue's statement",
    "QTY_MISMATCH": "the quantity differs: the order is asked for again; cancel it if it stays",
    "ORPHAN_AT_VENUE": "an order with our prefix that the journal does not know: cancel it at the venue, and find out "
    "what else uses this prefix",
    "FOREIGN_ORDER": "somebody else's order works on this account: cancel it there, or give us an account of our own",
    "LEDGER_BREAK": "our position is not the sum of our fills: stop, and run `trifecta journal verify` and `replay`",
}
"""Per kind of break, in words, how it is resolved."""


class ReconcileError(ValueError):
    """What is to be accepted is not a break that stands; the message says which do."""


class StandingBreak(Struct, frozen=True, kw_only=True):
    """One break: `ours` and `theirs` are lots where there is a pair."""

    venue: str
    kind: str
    key: str
    instrument: str
    ours: int | None
    theirs: int | None
    remedy: str


class VenueStanding(Struct, frozen=True, kw_only=True):
    """One venue: orders, how many of them are not final or UNKNOWN, net lots, adjustments, breaks."""

    venue: str
    orders: int
    unsettled: int
    unknown: int
    positions: dict[str, int]
    adjustments: dict[str, int]
    breaks: tuple[StandingBreak, ...]


def standings(journal: Journal) -> list[VenueStanding]:
    """Return how every live venue of a journal stands."""
    folds: dict[str, OrderFold] = {}
    records = [entry.record() for entry in journal.entries()]
    for record in records:
        if isinstance(record, OrderNews | Breaks | Adjustment):
            folds.setdefault(record.venue, OrderFold(venue=record.venue, fresh_ns=0))
    for record in records:
        for fold in folds.values():
            fold.take(record)
    return [_standing(fold) for _, fold in sorted(folds.items())]


def _standing(fold: OrderFold) -> VenueStanding:
    states = [order.state.status for order in fold.orders.values()]
    breaks = tuple(
        StandingBreak(
            venue=fold.venue, kind=kind, key=key, instrument=instrument, ours=ours, theirs=theirs,
            remedy=REMEDIES[kind],
        )
        for kind, key, instrument, ours, theirs in fold.breaks
    )  # fmt: skip
    return VenueStanding(
        venue=fold.venue, orders=len(states), unsettled=sum(status not in TERMINAL for status in states),
        unknown=sum(status.name == "UNKNOWN" for status in states), positions=fold.positions(),
        adjustments={name: lots for name, lots in sorted(fold.adjustments.items()) if lots}, breaks=breaks,
    )  # fmt: skip


def accept(
    journal: Journal, instrument: str, *, who: str, reason: str, now_ns: int, price: str | None = None
) -> Adjustment:
    """Take over the difference of a POSITION_BREAK that stands; it is in the journal when this returns.

    Its trades are those of somebody else in the venue's statement. Where they do not come to the difference, `price`
    says at which one it is booked, without a fee.
    """
    standing = [item for one in standings(journal) for item in one.breaks if item.kind == "POSITION_BREAK"]
    found = next((item for item in standing if item.instrument == instrument), None)
    if found is None or found.ours is None or found.theirs is None:
        names = ", ".join(item.instrument for item in standing) or "none stands"
        raise ReconcileError(f"--accept {instrument}: there is no POSITION_BREAK of that instrument ({names})")
    if not who.strip() or not reason.strip():
        raise ReconcileError("--accept: --who and --reason are needed, a name and some words each")
    lots = found.theirs - found.ours
    record = Adjustment(
        time_ns=now_ns, venue=found.venue, instrument=instrument, lots=lots, who=who.strip(), reason=reason.strip(),
        trades=_trades(journal, found, lots, price),
    )  # fmt: skip
    rest = tuple(
        (item.kind, item.key, item.instrument, item.ours, item.theirs)
        for one in standings(journal) if one.venue == found.venue
        for item in one.breaks if item != found
    )  # fmt: skip
    life, seq = _last_word(journal, found.venue)
    resolved = Breaks(time_ns=now_ns, venue=found.venue, life=life, seq=seq, breaks=rest)
    journal.append(journal.claim(f"reconcile by {who.strip()}", now_ns), [record, resolved])
    return record


def _trades(journal: Journal, found: StandingBreak, lots: int, price: str | None) -> tuple[Trade, ...]:
    """Return the trades that a difference came about by; ReconcileError where nobody knows them."""
    fold, rate = OrderFold(venue=found.venue, fresh_ns=0), None
    session: Session | None = None
    for entry in journal.entries():
        record = entry.record()
        fold.take(record)
        if isinstance(record, Session):
            session, rate = record, None
        if isinstance(record, Report | Stated) and record.instrument == found.instrument and record.price:
            rate = (record.rate_num, record.rate_den)
    known = fold.foreign.get(found.instrument, ())
    if sum(trade[0] for trade in known) == lots:
        return known
    which = f"--accept {found.instrument}: the venue's statement does not say by which trades {lots:+,} lots came about"
    if price is None:
        raise ReconcileError(f"{which}; --price PRICE says at which price to book them")
    if session is None or rate is None:
        raise ReconcileError(f"{which}, nor the journal at which rate to book them: undo them at the venue")
    return ((lots, _ticks(session, found.instrument, price), 0, *rate),)


def _ticks(session: Session, instrument: str, price: str) -> int:
    plan = decode_plan(session.plan)
    tick = Decimal(plan.instruments[plan.index_of(instrument)].tick_size)
    try:
        ticks = Decimal(price) / tick
    except InvalidOperation:
        ticks = Decimal(0)
    if not ticks.is_finite() or ticks <= 0 or ticks != int(ticks):
        raise ReconcileError(f"--price {price}: a price above zero in steps of {tick} is allowed")
    return int(ticks)


def _last_word(journal: Journal, venue: str) -> tuple[int, int]:
    """Return the newest life of a venue's gateway and how much of its news is in the journal."""
    fold = OrderFold(venue=venue, fresh_ns=0)
    for entry in journal.entries():
        fold.take(entry.record())
    life = max(fold.heard, default=0)
    return life, fold.heard.get(life, 0)
