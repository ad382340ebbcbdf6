"""What a governor's rulings do to the book: what is executed is placed, what is not is given back."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from policies.bookkeeping import place, reserve
from policies.breaking import note_leg, take_back_probe
from policies.flattening import ask_again, withdraw_close
from policies.intents import Reduce, Ruling
from policies.remembered import take_back
from policies.risk import Book, leg_lots


def apply_rulings(book: Book, group: NDArray[Any], rulings: Sequence[int], first_orders: Sequence[int]) -> None:
    """Carry out the rulings on a judged group, in its order."""
    for k, intent in enumerate(group):
        if rulings[k] == Ruling.EXECUTE:
            place_legs(book, intent, first_orders[k])
        elif intent.rules == 0:
            give_back(book, intent)
        if intent.reduce == Reduce.GUARD and rulings[k] != Ruling.EXECUTE:
            ask_again(book, intent)


def withdraw_group(book: Book, group: NDArray[Any]) -> None:
    """Take back a judged group that was not ruled on."""
    for intent in group:
        if intent.rules == 0:
            give_back(book, intent)
        if intent.reduce == Reduce.GUARD:
            withdraw_close(book, intent)


def place_legs(book: Book, intent: Any, first_order: int) -> None:
    """Note the orders of an opening intent; a leg of nothing has none, and nothing would ever end it."""
    if intent.reduce == 0:
        for leg in range(int(intent.legs)):
            instrument = int(intent.instrument0 if leg == 0 else intent.instrument1)
            lots = leg_lots(intent, leg)
            if lots != 0:
                place(book, first_order + leg, instrument, lots, int(intent.stop))
                note_leg(book.breakers, first_order + leg, intent, leg)


def give_back(book: Book, intent: Any) -> None:
    """Take back what an approved intent has reserved and been counted as: it does not leave."""
    reserve(book, intent, -1)
    take_back_probe(book.breakers, book.ledger.instruments, intent)
    take_back(book.controls, book.ledger.instruments, intent)
