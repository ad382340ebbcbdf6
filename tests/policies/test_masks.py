"""Masks: what is legal in every state of affairs, and a choice that never leaves it."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.masks import ACTIONS, Action, Barred, action_mask, masked_argmax, masked_softmax
from tests.properties import PROPERTY

HOLD, LONG, SHORT, ADD, CLOSE = Action


def legal(position: float, exposure: float, *, shorts: bool = True, barred: int = 0, cap: float = 0.2) -> set[Action]:
    out = np.zeros(ACTIONS, np.bool_)
    action_mask(position, exposure, cap, shorts, barred, out)
    return {action for action in Action if out[action]}


@pytest.mark.parametrize(("position", "shorts", "barred"), list(product((-1.0, 0.0, 1.0), (True, False), range(16))))
def test_what_bars_forbids_all_but_holding_and_closing(position: float, shorts: bool, barred: int) -> None:
    found = legal(position, 0.1, shorts=shorts, barred=barred)
    if barred:
        assert found == ({HOLD, CLOSE} if position else {HOLD})
    elif position:
        assert found == ({HOLD, ADD, CLOSE} if position > 0 or shorts else {HOLD, CLOSE})
    else:
        assert found == ({HOLD, LONG, SHORT} if shorts else {HOLD, LONG})


@pytest.mark.parametrize("exposure", [0.2, 0.3, math.nan, math.inf])
def test_without_room_nothing_is_opened_or_added(exposure: float) -> None:
    assert legal(0.0, exposure) == {HOLD}
    assert legal(2.0, exposure) == {HOLD, CLOSE}


def test_a_cap_that_is_not_a_number_leaves_no_room() -> None:
    assert legal(1.0, 0.0, cap=math.nan) == {HOLD, CLOSE}


def test_the_bits_of_what_bars_are_four() -> None:
    assert sum(Barred) == 15


def probabilities(logits: list[float], mask: list[bool]) -> tuple[bool, NDArray[np.float64]]:
    out = np.full(len(logits), 7.0)
    return masked_softmax(np.array(logits), np.array(mask, np.bool_), out), out


NUMBERS = st.lists(st.floats(-800.0, 800.0), min_size=ACTIONS, max_size=ACTIONS)
MASKS = st.lists(st.booleans(), min_size=ACTIONS, max_size=ACTIONS)


@given(NUMBERS, MASKS)
@PROPERTY
def test_only_the_allowed_have_a_chance_and_chances_sum_to_one(logits: list[float], mask: list[bool]) -> None:
    chosen, found = probabilities(logits, mask)
    assert chosen == any(mask)
    assert found.sum() == pytest.approx(1.0 if chosen else 0.0)
    assert not found[~np.array(mask)].any()
    best = masked_argmax(np.array(logits), np.array(mask, np.bool_))
    assert best == HOLD if not chosen else found[best] == found.max()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_opinion_that_is_no_number_is_a_hold(bad: float) -> None:
    logits, mask = [1.0, bad, 3.0], [True, True, True]
    assert masked_argmax(np.array(logits), np.array(mask)) == HOLD
    chosen, found = probabilities(logits, mask)
    assert not chosen
    assert not found.any()


def test_a_masked_opinion_may_be_anything() -> None:
    chosen, found = probabilities([1.0, math.nan, 1.0], [True, False, True])
    assert chosen
    assert found.tolist() == [0.5, 0.0, 0.5]


def test_minus_infinity_is_never_chosen() -> None:
    assert probabilities([-math.inf, 0.0], [True, True])[1].tolist() == [0.0, 1.0]
    assert not probabilities([-math.inf, -math.inf], [True, True])[0]


def test_the_first_of_equals_is_chosen() -> None:
    assert masked_argmax(np.array([0.0, 2.0, 2.0]), np.array([True, True, True])) == 1
