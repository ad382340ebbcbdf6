"""The stance: on which side of a market a learnt model's agent stands, as far as the market tells.

An agent never sees the book, so that it may run ahead of it. What it asked for, it takes for granted until its stop or
its target was traded at, its time is up, or it asks for the close. Where risk has refused, the book is flat and the
stance is not: then nothing is held, and what closes nothing is refused as well.
"""

from market.compiled import compiled
from market.records import Record
from market.tape import Tape


@compiled
def follow_stance(view: Record, tape: Tape, row: int) -> None:
    """Take a closed bar to a view's stance: flat once its stop or target was reached, or its time has passed.

    Longs are closed at the bid and shorts at the ask, as the venue does it.
    """
    side = view.last_side
    if side == 0:
        return
    low = tape.low[row] if side > 0 else -tape.ask_high[row]
    high = tape.high[row] if side > 0 else -tape.ask_low[row]
    stopped = view.stop > 0 and low <= side * view.stop
    reached = view.target > 0 and high >= side * view.target
    if stopped or reached or (view.life > 0 and view.bars - view.last_bar >= view.life):
        leave_stance(view)


@compiled
def leave_stance(view: Record) -> None:
    """Stand on no side, from this bar on."""
    view.last_side, view.last_bar, view.adds, view.stop, view.target = 0, view.bars, 0, 0, 0


@compiled
def take_stance(view: Record, intent: Record, life_bars: int) -> None:
    """Stand where an opening intent stands, or add to it."""
    side = 1 if intent.strength > 0.0 else -1
    view.adds = view.adds + 1 if view.last_side == side else 0
    view.last_side, view.last_bar, view.life = side, view.bars, life_bars
    view.stop, view.target = intent.stop, intent.target


@compiled
def age_of(view: Record) -> float:
    """Return the share of its holding time that has passed; without one, of 100 bars, at most 1."""
    if view.last_side == 0:
        return 0.0
    return min((view.bars - view.last_bar) / (view.life if view.life > 0 else 100.0), 1.0)
