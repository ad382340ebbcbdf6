"""The view: features of the newest bar, and a hash in which every bit counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.compiled import compiled
from market.features import feature_programs
from market.tape import merge_tapes
from policies.view import HASH_START, Views, mix, open_views, update_view
from tests.market.bars import features_of, made_bars
from tests.market.floor import a_bar
from tests.properties import PROPERTY

LISTS = (["sma:3", "close"], ["ema:5", "atr:4", "high"])


@compiled
def seen(views, desk, view, tape, row):  # type: ignore[no-untyped-def]
    update_view(views, desk, view, tape, row)


def a_view() -> Views:
    program, spans, floats = feature_programs(LISTS)
    return open_views(program, spans, floats, 2, 3)


def test_a_view_that_has_seen_nothing_knows_nothing() -> None:
    views = a_view()
    assert np.isnan(views.features).all()
    assert (views.features.shape, views.views.bars.tolist(), views.state.any()) == ((2, 3), [0, 0], False)


def test_each_view_runs_the_features_of_its_desk() -> None:
    views, bars = a_view(), made_bars(30)
    prices = np.stack([bars.open, bars.high, bars.low, bars.close], axis=1).astype(np.int64)
    tape = merge_tapes([a_bar(int(bars.time_ns[k]), tuple(row)) for k, row in enumerate(prices.tolist())])
    for k in range(30):
        seen(views, 1, 0, tape, k)
        if k % 2 == 0:
            seen(views, 0, 1, tape, k)
    whole = features_of(bars, *LISTS[1])
    assert views.features[0].tobytes() == whole[-1].tobytes()
    halved = features_of(type(bars)(*(column[::2] for column in bars)), *LISTS[0])
    assert views.features[1, :2].tobytes() == halved[-1].tobytes()
    assert views.views.bars.tolist() == [30, 15]
    assert views.views.time_ns.tolist() == [int(bars.time_ns[29]), int(bars.time_ns[28])]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 63), st.integers(0, 2**64 - 1))
@PROPERTY
def test_one_bit_of_a_value_or_of_the_state_is_another_hash(value: int, bit: int, state: int) -> None:
    other = int(np.int64(np.uint64(value % 2**64) ^ np.uint64(1 << bit)))
    before = np.uint64(state)
    assert mix(before, np.int64(value)) != mix(before, np.int64(other))
    assert mix(before, np.int64(value)) != mix(before ^ np.uint64(1 << bit), np.int64(value))


def test_a_hash_is_that_of_its_definition() -> None:
    mixed = 14695981039346656037 ^ 5
    low, high = (mixed % 2**32) * 2654435761, (mixed >> 32) * 2246822519
    joined = low ^ ((high << 31) % 2**64 | high >> 33)
    assert int(mix(HASH_START, np.int64(5))) == joined ^ (joined >> 29)
