"""Judgement: what happens to all intents of one instant before the governor rules on them, everywhere the same."""

from market.compiled import folded
from market.records import Records
from policies.bookkeeping import reserve
from policies.governor import rank
from policies.remembered import note_sent, observe
from policies.risk import Book, judge, resolve_close


@folded
def judge_group(book: Book, group: Records, size: int) -> None:
    """Rank the first `size` intents in place and judge each against what those before it have reserved.

    One more record behind them is room to sort in. What is approved stays reserved until it is ruled on.
    """
    for k in range(size):
        resolve_close(book, group[k])
    rank(book.desks, group, 0, size)
    for k in range(size):
        group[k].equity = book.ledger.account[0].equity
        group[k].rules = judge(book, group[k])
        if group[k].rules == 0:
            reserve(book, group[k], 1)
            note_sent(book.controls, book.ledger.instruments, group[k])
        observe(book.controls, group[k])
