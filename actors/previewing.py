"""Previews: what would be decided on a proposal now. The same compiled `judge`, `rank` and `rule`, on copies.

A preview reserves nothing, numbers nothing, journals nothing and tells nobody; the book it was asked of is only read.
The proposal stands alone at its instant, so it is never outranked by others; and another moment may decide otherwise.
"""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from actors.messages import END, START
from actors.writing import rule_names
from market.costs import round_trip_cost_ticks
from market.paper import OrderKind
from market.payoff import expected_value
from market.records import Record, Records, records
from policies.assembly import desks_of
from policies.bookkeeping import reserve
from policies.forex import reward_to_risk
from policies.gates import position_cap
from policies.governor import rule
from policies.intents import INTENT, DeskKind, Rule, Ruling
from policies.judgement import judge_group
from policies.plan import Plan
from policies.risk import Book, leg_lots
from policies.switches import switched_off
from policies.valuing import notional_of


class Proposal(Struct, frozen=True, kw_only=True):
    """What somebody would like to trade, by numbers of the plan: signed lots, prices in ticks, money in 10**-6.

    `reward` means what it means to the desk (see `policies.intents.INTENT`); None lets it follow from stop and target
    (forex) or from the payout (binary). A reducing proposal has no lots: it closes what is held.
    """

    desk: int
    instruments: tuple[int, ...]
    lots: tuple[int, ...]
    limits: tuple[int, ...]
    reduce: bool = False
    stop: int = 0
    target: int = 0
    hold_ns: int = 0
    confidence: float = 1.0
    reward: float | None = None
    gross: float = 0.0
    gain: int = 0
    risk_score: float = 0.0


class LegOutlook(Struct, frozen=True, kw_only=True):
    """One leg: the quote it was judged by, what is held, and what would be if it filled.

    `after_lots` counts this leg alone, `worst_lots` every working order on its side as well; `worst_value` is what the
    position limit compares with `value_max`, in account money.
    """

    instrument: int
    lots: int
    bid: int
    ask: int
    quote_ns: int
    held_lots: int
    working_long: int
    working_short: int
    after_lots: int
    worst_lots: int
    worst_value: int


class Preview(Struct, frozen=True, kw_only=True):
    """What would be decided at `time_ns` (market time), under which epoch, and from what."""

    time_ns: int
    epoch: int
    rules: tuple[str, ...]
    ruling: str
    confidence: float
    reward: float
    score: float
    equity: int
    value_max: int
    legs: tuple[LegOutlook, ...]


def preview_on(
    book: Book, plan: Plan, proposal: Proposal, done_ns: int, postures: NDArray[np.int64] | None = None
) -> Preview:
    """Judge, rank and rule a proposal on a copy of the book, as of `done_ns` or the newest price before the end.

    `postures` is what the kill switches come to per instrument.
    """
    copy = copied_book(book)
    intents = records(2, INTENT)  # the second one is room to sort in
    intent = intents[0]
    _write(copy, plan, proposal, market_time(copy, done_ns), intent)
    judge_group(copy, intents, 1)
    if intent.rules == 0:
        reserve(copy, intent, -1)  # so that what it would come to is not counted twice
    if postures is not None and switched_off(postures, intent):
        intent.rules |= Rule.HALTED.value
    rule(desks_of(plan), intents, 0, 1)
    return Preview(
        time_ns=int(intent.time_ns),
        epoch=int(intent.epoch),
        rules=rule_names(int(intent.rules)),
        ruling=Ruling(int(intent.ruling)).name,
        confidence=float(intent.confidence),
        reward=float(intent.reward),
        score=float(intent.score),
        equity=int(intent.equity),
        value_max=int(position_cap(int(intent.equity), int(copy.limits[0].position_ppm_max))),
        legs=tuple(_outlook(copy, intent, leg) for leg in range(int(intent.legs))),
    )


def copied_book(book: Book) -> Book:
    """Return a book of its own with the same content."""
    return Book._make(_copy(part) for part in book)


def _copy(part: Any) -> Any:
    if isinstance(part, tuple):
        return type(part)(*map(_copy, part))
    return part if isinstance(part, int) else part.copy()  # terms are numbers, all else are arrays


def market_time(book: Book, done_ns: int) -> int:
    """Return how far the market has been taken: `done_ns`, or the newest price once a recording has ended."""
    if START < done_ns < END:
        return done_ns
    return max(int(book.quotes.time_ns.max(initial=0)), int(book.ledger.account[0].time_ns))


def _write(book: Book, plan: Plan, proposal: Proposal, time_ns: int, intent: Record) -> None:
    """Write a proposal as its desk's agent would have written the intent."""
    first = proposal.instruments[0]
    desk = plan.desks[proposal.desk]
    intent.time_ns, intent.desk, intent.view_number = time_ns, proposal.desk, -1
    intent.group = book.ledger.instruments[first].group
    intent.legs, intent.reduce = len(proposal.instruments), int(proposal.reduce)
    intent.order_kind = OrderKind.IOC if any(proposal.limits) else OrderKind.MARKET
    intent.epoch = book.ledger.account[0].epoch
    intent.instrument1, intent.first_order = -1, -1
    for leg, instrument in enumerate(proposal.instruments):
        quote = book.quotes[book.ledger.instruments[instrument].underlying]
        intent[f"instrument{leg}"] = instrument
        intent[f"lots{leg}"] = 0 if proposal.reduce else proposal.lots[leg]
        intent[f"limit{leg}"] = proposal.limits[leg]
        intent[f"bid{leg}"], intent[f"ask{leg}"], intent[f"quote{leg}_ns"] = quote.bid, quote.ask, quote.time_ns
    intent.stop, intent.target, intent.hold_ns = proposal.stop, proposal.target, proposal.hold_ns
    intent.confidence, intent.gross, intent.risk_score = proposal.confidence, proposal.gross, proposal.risk_score
    intent.gain = proposal.gain
    row = book.ledger.instruments[first]
    if desk.kind == DeskKind.BINARY:
        intent.order_kind = OrderKind.BINARY
        intent.gross = row.payout_ppm * 1e-6
        intent.hold_ns = proposal.hold_ns or row.expiry_ns
    intent.reward = _reward(book.ledger.instruments, desk.kind, intent) if proposal.reward is None else proposal.reward


def _reward(instruments: Records, kind: int, intent: Record) -> float:
    """Return what the desk's policy would have stated as its reward."""
    if intent.reduce != 0:
        return 0.0
    if kind == DeskKind.BINARY:
        return float(expected_value(float(intent.confidence), float(intent.gross), 0.0, 0.0))
    if kind == DeskKind.FOREX and intent.stop and intent.target:
        entry = float(intent.ask0 if intent.lots0 > 0 else intent.bid0)
        bid, ask = int(intent.bid0), int(intent.ask0)
        cost = float(round_trip_cost_ticks(instruments, int(intent.instrument0), bid, ask, 1))
        return float(reward_to_risk(entry, float(intent.stop), float(intent.target), cost))
    return 0.0


def _outlook(book: Book, intent: Record, leg: int) -> LegOutlook:
    """Say what a leg would leave; a contract's lots are stakes, which only add up."""
    instrument = int(intent.instrument0 if leg == 0 else intent.instrument1)
    lots = int(leg_lots(intent, leg))
    held = int(book.ledger.positions[instrument].lots)
    long, short = int(book.working_long[instrument]), int(book.working_short[instrument])
    if intent.order_kind == OrderKind.BINARY:
        after, worst = held + abs(lots), held + long + short + abs(lots)
    else:
        after = held + lots
        worst = after + long if lots > 0 else after - short
    if intent.reduce != 0:
        worst = after
    return LegOutlook(
        instrument=instrument,
        lots=lots,
        bid=int(intent[f"bid{leg}"]),
        ask=int(intent[f"ask{leg}"]),
        quote_ns=int(intent[f"quote{leg}_ns"]),
        held_lots=held,
        working_long=long,
        working_short=short,
        after_lots=after,
        worst_lots=worst,
        worst_value=int(notional_of(book, instrument, worst)),
    )
