"""Tests of one order by itself, and windows that count orders in time: every bound from both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.costs import PPM
from policies.intents import Rule
from policies.pretrade import (
    OrderLimits,
    OrderTerms,
    open_windows,
    order_value_twice,
    order_violations,
    window_allows,
    window_forget,
    window_note,
)

SECOND = 10**9
LIMITS = OrderLimits(collar_ppm=20_000, value_max=1_000_000, lots_max=100, reference_age_ns=2 * SECOND)


def violations(limits=LIMITS, **changes):
    terms = {
        "buys": 1, "lots": 10, "limit": 10_000, "reference_twice": 20_000, "reference_age_ns": 0, "lot_value": 1,
        "seen": 0,
    } | changes  # fmt: skip
    lot_value = terms.pop("lot_value")
    terms["value_twice"] = order_value_twice(terms["lots"], terms["limit"], terms["reference_twice"], lot_value)
    return Rule(order_violations(OrderTerms(**terms), limits))


def test_an_ordinary_order_passes():
    assert violations() == Rule(0)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"limit": 10_200}, Rule(0)),
        ({"limit": 10_201}, Rule.PRICE_COLLAR),
        ({"limit": 9_800}, Rule(0)),
        ({"limit": 9_799}, Rule.PRICE_COLLAR_PASSIVE),
        ({"buys": 0, "limit": 9_799}, Rule.PRICE_COLLAR),
        ({"buys": 0, "limit": 10_201}, Rule.PRICE_COLLAR_PASSIVE),
        ({"limit": 0}, Rule(0)),
        ({"lots": 100}, Rule(0)),
        ({"lots": 101}, Rule.MAX_ORDER_VOLUME | Rule.MAX_ORDER_VALUE),
        ({"lots": 100, "limit": 10_001}, Rule.MAX_ORDER_VALUE),
        ({"lots": 100, "limit": 0, "reference_twice": 20_001}, Rule.MAX_ORDER_VALUE),
        ({"lots": 50, "lot_value": 2}, Rule(0)),
        ({"lots": 50, "lot_value": 3}, Rule.MAX_ORDER_VALUE),
        ({"lots": 100, "lot_value": 2**60}, Rule.MAX_ORDER_VALUE),
        ({"reference_age_ns": 2 * SECOND}, Rule(0)),
        ({"reference_age_ns": 2 * SECOND + 1}, Rule.NO_VALID_REFERENCE),
        ({"reference_age_ns": -1}, Rule.NO_VALID_REFERENCE),
        ({"reference_twice": 0}, Rule.NO_VALID_REFERENCE),
        ({"reference_twice": -2}, Rule.NO_VALID_REFERENCE),
        ({"lots": 0, "seen": 1}, Rule.INVALID_QTY),
        ({"lots": -1}, Rule.INVALID_QTY),
        ({"seen": 1}, Rule.DUPLICATE_INTENT),
    ],
)
def test_a_bound_passes_and_one_step_beyond_it_is_refused(changes, found):
    assert violations(**changes) == found


@given(st.integers(1, 10**9), st.integers(1, 2 * 10**9), st.integers(1, PPM), st.booleans())
def test_no_order_leaves_whose_limit_is_beyond_the_collar(limit, reference_twice, collar_ppm, buys):
    limits = LIMITS._replace(collar_ppm=collar_ppm)
    found = violations(limits, buys=int(buys), limit=limit, reference_twice=reference_twice)
    beyond = abs(2 * limit - reference_twice) * PPM > collar_ppm * reference_twice
    assert bool(found & (Rule.PRICE_COLLAR | Rule.PRICE_COLLAR_PASSIVE)) == beyond


@given(st.integers(1, 200), st.integers(0, 20_000), st.integers(1, 5), st.booleans())
def test_tighter_limits_never_let_more_pass(lots, limit, lot_value, buys):
    terms = {"lots": lots, "limit": limit, "lot_value": lot_value, "buys": int(buys)}
    tight = OrderLimits(LIMITS.collar_ppm // 2, LIMITS.value_max // 2, LIMITS.lots_max // 2, 0)
    assert violations(**terms) == 0 or violations(tight, **terms) != 0


def passed(times, span, limit):
    window, found = open_windows(1, limit)[0], []
    for time in times:
        found.append(bool(window_allows(window, time, span, limit)))
        if found[-1]:
            window_note(window, time)
    return found


@given(st.lists(st.integers(0, 400), max_size=40).map(sorted), st.integers(1, 100), st.integers(1, 8))
def test_a_window_never_holds_more_than_its_limit(times, span, limit):
    """The plain twin: count what passed and is younger than the span."""
    said, kept, expected = passed(times, span, limit), [], []
    for time in times:
        expected.append(sum(time - old < span for old in kept) < limit)
        if expected[-1]:
            kept.append(time)
    assert said == expected


def test_a_limit_of_zero_lets_nothing_pass():
    assert passed([1, 2], 10, 0) == [False, False]


def test_what_is_taken_back_leaves_no_trace():
    window = open_windows(1, 2)[0]
    for time in (0, 10):
        window_note(window, time)
    assert not window_allows(window, 50, 100, 2)
    window_note(window, 60)
    window_forget(window)
    assert not window_allows(window, 99, 100, 2)
    assert window_allows(window, 100, 100, 2)
