"""The governor's rules: of the approved intents of one desk at one instant, which are executed, and why not the rest.

Order of the tests: is the trade good enough at all (eligible), is it among the best `top_n` of its instant, is it good
enough to trade without a person (auto), and is the desk switched on. So DISPLAY_ONLY always means: it would have been
executed. What reduces a position is never ranked.
"""

from market.compiled import compiled, folded
from market.money import MONEY_UNIT
from market.records import Record, Records
from policies.gates import (
    arbitrage_automatic,
    arbitrage_eligible,
    arbitrage_rank,
    binary_eligible,
    forex_automatic,
    forex_combined,
    forex_eligible,
)
from policies.intents import DeskKind, Ruling


@compiled
def score_of(desk: Record, intent: Record) -> float:
    """Return what intents of a desk are ranked by, higher first: see `policies.gates`; binary: expected value."""
    if intent.reduce != 0:
        return 0.0
    if desk.kind == DeskKind.FOREX:
        return forex_combined(desk, intent.confidence, intent.reward)
    if desk.kind == DeskKind.ARBITRAGE:
        return arbitrage_rank(float(intent.gain), intent.risk_score)
    return float(intent.reward)


@compiled
def eligible(desk: Record, intent: Record) -> bool:
    """Tell whether an intent meets what its desk demands of any trade."""
    if intent.reduce != 0:
        return True
    if desk.kind == DeskKind.FOREX:
        return forex_eligible(desk, intent.confidence, intent.reward)
    if desk.kind == DeskKind.ARBITRAGE:
        return arbitrage_eligible(desk, intent.reward, intent.risk_score)
    return binary_eligible(desk, intent.confidence, intent.gross, intent.hold_ns)


@compiled
def automatic(desk: Record, intent: Record) -> bool:
    """Tell whether an eligible intent may be executed without a person."""
    if intent.reduce != 0 or desk.kind == DeskKind.BINARY:
        return True
    if desk.kind == DeskKind.FOREX:
        return forex_automatic(desk, intent.confidence, intent.reward)
    return arbitrage_automatic(desk, intent.gross, float(intent.gain) / MONEY_UNIT, intent.risk_score)


@compiled
def outranks(one: Record, other: Record) -> bool:
    """Tell whether one intent goes before another of its desk and instant: reductions, score, then instrument."""
    if one.reduce != other.reduce:
        return bool(one.reduce > other.reduce)
    if one.score != other.score:
        return bool(one.score > other.score)
    return bool(one.instrument0 < other.instrument0)


@folded
def rank(desks: Records, intents: Records, begin: int, end: int) -> None:
    """Score intents [begin, end) and sort them in place: by desk, then best first."""
    for k in range(begin, end):
        intents[k].score = score_of(desks[intents[k].desk], intents[k])
    for k in range(begin + 1, end):
        spot = k
        while spot > begin and _before(intents[spot], intents[spot - 1]):
            swap(intents, spot, spot - 1)
            spot -= 1


@compiled
def _before(one: Record, other: Record) -> bool:
    return bool(one.desk < other.desk or (one.desk == other.desk and outranks(one, other)))


@compiled
def swap(intents: Records, i: int, j: int) -> None:
    """Exchange two records; a record read out of an array is a reference, so the copy goes through the last slot."""
    spare = len(intents) - 1
    intents[spare] = intents[i]
    intents[i] = intents[j]
    intents[j] = intents[spare]


@folded
def rule(desks: Records, intents: Records, begin: int, end: int) -> None:
    """Write the ruling of judged, ranked intents [begin, end) of one instant."""
    desk_number = -1
    places = 0
    for k in range(begin, end):
        intent = intents[k]
        if intent.desk != desk_number:
            desk_number, places = intent.desk, 0
        desk = desks[desk_number]
        if intent.rules != 0:
            intent.ruling = Ruling.REFUSED
        elif not eligible(desk, intent):
            intent.ruling = Ruling.NOT_ELIGIBLE
        else:
            if intent.reduce == 0:
                places += 1
            if places > desk.top_n and intent.reduce == 0:
                intent.ruling = Ruling.OUTRANKED
            elif not automatic(desk, intent):
                intent.ruling = Ruling.NOT_AUTO
            else:
                intent.ruling = Ruling.EXECUTE if desk.auto_execute != 0 else Ruling.DISPLAY_ONLY
