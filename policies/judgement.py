"""Judgement: what happens to all intents of one instant before the governor rules on them, everywhere the same."""

from market.compiled import compiled, folded
from market.costs import PPM
from market.records import Record, Records
from policies.bookkeeping import reserve, roll_account
from policies.governor import rank
from policies.guard import volume_ppm
from policies.intents import Rule
from policies.phases import phase_ppm
from policies.remembered import note_sent, observe
from policies.risk import Book, judge, resolve_close
from policies.valuing import intent_risk


@folded
def judge_group(book: Book, group: Records, size: int) -> None:
    """Rank the first `size` intents in place and judge each against what those before it have reserved.

    One more record behind them is room to sort in. What is approved stays reserved until it is ruled on.
    """
    guard = book.guard[0]
    if guard.active != 0 and size > 0:
        open_judgement(book, group[0].time_ns)
    for k in range(size):
        resolve_close(book, group[k])
        if guard.active != 0:
            scale_lots(book, group[k])
    rank(book.desks, group, 0, size)
    for k in range(size):
        group[k].equity = book.ledger.account[0].equity
        if book.desks[group[k].desk].shadow != 0:
            group[k].rules = Rule.SHADOW.value  # unasked: an answer could use up what the others need
            continue
        group[k].rules = judge(book, group[k])
        if group[k].rules == 0:
            reserve(book, group[k], 1)
            if guard.active != 0 and group[k].reduce == 0:
                guard.pending += intent_risk(book, group[k])
            note_sent(book.controls, book.ledger.instruments, group[k])
        observe(book.controls, group[k])


@compiled
def open_judgement(book: Book, time_ns: int) -> None:
    """Take resets that are due: a flat account is not valued in between. No order of an earlier instant is pending."""
    book.ledger.account[0].blocks |= roll_account(book, time_ns)
    book.guard[0].pending = 0


@compiled
def scale_lots(book: Book, intent: Record) -> None:
    """Cut an opening intent to the size that the phase and the loss ladder leave, toward zero; both legs alike."""
    if intent.reduce != 0:
        return
    share = phase_ppm(book)
    if len(book.floors) > 0:
        share = share * volume_ppm(book.floors, book.guard[0], book.ledger.account[0].equity) // PPM
    if share < PPM:
        intent.lots0 = scaled(intent.lots0, share)
        intent.lots1 = scaled(intent.lots1, share)


@compiled
def scaled(lots: int, share_ppm: int) -> int:
    """Return a share of some lots, rounded toward zero: a size is never rounded up."""
    size = abs(lots) * share_ppm // PPM
    return int(size if lots > 0 else -size)
