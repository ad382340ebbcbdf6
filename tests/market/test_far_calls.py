"""Far calls: a kernel over a state that its callers know by a handle."""

import gc
import weakref
from typing import NamedTuple

import numpy as np
import pytest

from envs.rollout import open_engine
from market.far_calls import far_call, fill_handle, handle_of, loaded, open_handle
from market.tape import Int64
from tests.research.forex import forex_plan


class Counts(NamedTuple):
    """A state: numbers, and a handle to itself."""

    far: Int64
    numbers: Int64


ADD, TWICE, FAIL = range(3)


def enter(address: Counts, asked: int, first: int, second: int, third: int) -> int:
    counts = loaded(address)
    if asked == FAIL:
        return 0
    if asked == TWICE:
        return 1 + far_call(counts.far, ADD, first, second, third) + far_call(counts.far, ADD, first, second, third)
    counts.numbers[first] += second * third
    return 1 + counts.numbers[first]


def opened() -> tuple[Int64, Counts]:
    handles = open_handle()
    counts = Counts(handles[1], np.zeros(3, np.int64))
    return fill_handle(handles, counts, enter), counts


def test_a_far_call_moves_the_state_behind_its_handle():
    handle, counts = opened()
    assert far_call(handle, ADD, 1, 2, 5) == 10
    assert far_call(handle, ADD, 1, 2, -5) == 0
    assert far_call(handle, ADD, 2, 3, 3) == 9
    assert counts.numbers.tolist() == [0, 0, 9]


def test_a_state_may_call_itself_by_its_inner_handle():
    handle, counts = opened()
    assert far_call(handle, TWICE, 0, 2, 5) == 30
    assert counts.numbers.tolist() == [20, 0, 0]


def test_two_states_of_one_type_are_two_states():
    (one, first), (other, second) = opened(), opened()
    far_call(one, ADD, 0, 1, 1)
    far_call(other, ADD, 0, 1, 2)
    assert (first.numbers[0], second.numbers[0]) == (1, 2)


def test_a_call_that_failed_is_never_taken_for_an_answer():
    handle, _ = opened()
    with pytest.raises(AssertionError):
        far_call(handle, FAIL, 0, 0, 0)


def test_a_handle_keeps_its_state_alive_and_no_longer():
    numbers = np.zeros(1, np.int64)
    gone = weakref.ref(numbers)
    handle = handle_of(Counts(np.zeros(2, np.int64), numbers), enter)
    del numbers
    gc.collect()
    assert gone() is not None
    assert far_call(handle, ADD, 0, 3, 4) == 12
    del handle
    assert gone() is None


def test_an_engine_is_forgotten_with_its_last_user():
    engine = open_engine(forex_plan("trend_reversion"))
    gone = weakref.ref(engine.intents)
    del engine
    assert gone() is None
