"""The stance: what an agent takes for granted that it holds, as far as the bars tell."""

from typing import Any

import numpy as np
import pytest

from market.records import records
from market.tape import Tape, bar_tape
from policies.intents import INTENT
from policies.stance import age_of, follow_stance, leave_stance, take_stance
from policies.view import VIEW

SPREAD = 4


def a_view(**fields: int) -> Any:
    view = records(1, VIEW)[0]
    for name, value in fields.items():
        setattr(view, name, value)
    return view


def a_bar(low: int, high: int) -> Tape:
    """Return one bar between two bids, its asks a spread above."""
    bid = [np.array([price]) for price in (low, high, low, high)]
    return bar_tape(0, np.array([60]), bid, [price + SPREAD for price in bid])


def an_intent(strength: float, stop: int = 0, target: int = 0) -> Any:
    intent = records(1, INTENT)[0]
    intent.strength, intent.stop, intent.target = strength, stop, target
    return intent


def stands(view: Any) -> tuple[int, ...]:
    return tuple(int(view[name]) for name in ("last_side", "last_bar", "adds", "stop", "target"))


@pytest.mark.parametrize(
    ("side", "low", "high", "left"),
    [
        (1, 101, 119, False),
        (1, 100, 110, True),  # the bid was at the stop
        (1, 110, 120, True),  # the bid was at the target
        (-1, 81 - SPREAD, 99 - SPREAD, False),
        (-1, 90 - SPREAD, 100 - SPREAD, True),  # the ask was at the stop
        (-1, 80 - SPREAD, 90 - SPREAD, True),  # the ask was at the target
        (-1, 81 - SPREAD, 99 - SPREAD - 1, False),
    ],
)
def test_a_side_is_left_where_its_stop_or_target_was_traded_at(side: int, low: int, high: int, left: bool) -> None:
    view = a_view(bars=10)
    take_stance(view, an_intent(float(side), 100, 120 if side > 0 else 80), 0)
    view.bars = 11
    follow_stance(view, a_bar(low, high), 0)
    assert stands(view) == ((0, 11, 0, 0, 0) if left else (side, 10, 0, 100, 120 if side > 0 else 80))


def test_without_stop_target_and_life_a_side_is_kept() -> None:
    view = a_view(bars=3)
    take_stance(view, an_intent(1.0), 0)
    view.bars = 10_000
    follow_stance(view, a_bar(1, 10**9), 0)
    assert view.last_side == 1


@pytest.mark.parametrize(("bars", "side"), [(14, 1), (15, 0), (16, 0)])
def test_a_side_is_left_when_its_time_is_up(bars: int, side: int) -> None:
    view = a_view(bars=10)
    take_stance(view, an_intent(0.5), 5)
    view.bars = bars
    follow_stance(view, a_bar(100, 100), 0)
    assert view.last_side == side


def test_who_stands_nowhere_leaves_nothing() -> None:
    view = a_view(bars=10, last_bar=4, stop=100)
    follow_stance(view, a_bar(1, 1), 0)
    assert (view.last_side, view.last_bar) == (0, 4)


def test_the_same_side_again_is_an_addition_and_another_side_begins_anew() -> None:
    view = a_view(bars=10)
    for bar, strength, adds in ((10, 1.0, 0), (12, 1.0, 1), (13, 0.3, 2), (14, -1.0, 0)):
        view.bars = bar
        take_stance(view, an_intent(strength, 100 + bar, 200 + bar), 0)
        assert stands(view) == (1 if strength > 0 else -1, bar, adds, 100 + bar, 200 + bar)
    leave_stance(view)
    assert stands(view) == (0, 14, 0, 0, 0)


@pytest.mark.parametrize(
    ("side", "life", "bars", "age"), [(0, 5, 12, 0.0), (1, 0, 35, 0.25), (1, 0, 300, 1.0), (-1, 20, 15, 0.25)]
)
def test_age_is_the_share_of_the_holding_time_that_has_passed(side: int, life: int, bars: int, age: float) -> None:
    assert age_of(a_view(last_side=side, last_bar=10, life=life, bars=bars)) == age
