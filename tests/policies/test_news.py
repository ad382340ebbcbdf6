"""News: which releases concern what, and when: windows with both ends included."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instruments import Kind
from policies.news import (
    AGE_S_MAX,
    EVERYONE,
    FIRM,
    INTERNAL,
    STALE,
    NewsRule,
    concerns,
    currencies_of,
    objections,
    windows_of,
)
from policies.plan import NewsEvent
from tests.builders import an_instrument
from tests.properties import FEW

RELEASE = NewsEvent(10_000, 10_000, "USD", "payrolls")
events = st.lists(
    st.builds(
        lambda begin, width, currency: NewsEvent(begin, begin + width, currency, f"{currency} {begin}"),
        st.integers(0, 900), st.integers(0, 90), st.sampled_from(["USD", "EUR", EVERYONE]),
    ),
    max_size=8,
)  # fmt: skip


@pytest.mark.parametrize(
    ("now_s", "stopped"), [(9_879, False), (9_880, True), (10_000, True), (10_120, True), (10_121, False)]
)
def test_a_window_holds_both_of_its_ends(now_s, stopped) -> None:
    for opens in (True, False):
        found = objections(FIRM, [RELEASE], ("EUR", "USD"), now_s, opens=opens)
        assert found == (("payrolls",) if stopped else ())


def test_our_own_rule_lets_what_closes_pass_and_a_firm_s_does_not() -> None:
    assert objections(INTERNAL, [RELEASE], ("USD",), 10_000, opens=False) == ()
    assert objections(INTERNAL, [RELEASE], ("USD",), 11_800, opens=True) == ("payrolls",)
    assert objections(FIRM, [RELEASE], ("USD",), 10_000, opens=False) == ("payrolls",)


def test_a_release_of_other_currencies_concerns_nobody_and_one_of_all_everybody() -> None:
    assert objections(FIRM, [RELEASE], ("EUR", "GBP"), 10_000, opens=True) == ()
    assert concerns(NewsEvent(0, 0, EVERYONE, "x"), ("AUD",))


def test_a_calendar_that_is_too_old_stops_what_opens_alone() -> None:
    assert objections(FIRM, [], ("USD",), 0, opens=True, age_s=AGE_S_MAX) == ()
    assert objections(FIRM, [], ("USD",), 0, opens=True, age_s=AGE_S_MAX + 1) == (STALE,)
    assert objections(FIRM, [], ("USD",), 0, opens=False, age_s=AGE_S_MAX + 1) == ()


@FEW
@given(events, st.integers(0, 60), st.integers(0, 60), st.integers(-100, 1200))
def test_a_second_lies_in_a_window_exactly_where_a_release_objects(found, before, after, now_s) -> None:
    windows = windows_of(found, ("USD",), before, after)
    rule = NewsRule(before, after, closes=False)
    objects = bool(objections(rule, found, ("USD",), now_s, opens=True))
    assert any(begin <= now_s <= end for begin, end in windows) == objects
    assert list(windows) == sorted(windows)
    assert all(one[1] < other[0] for one, other in pairwise(windows))


@pytest.mark.parametrize(
    ("kind", "base", "quote", "expected"),
    [
        (Kind.FX, "EUR", "USD", ("EUR", "USD")), (Kind.METAL, "XAU", "USD", ("XAU", "USD")),
        (Kind.CRYPTO, "BTC", "USDT", ("BTC", "USD")), (Kind.EQUITY, "AAPL", "USD", ("USD",)),
        (Kind.INDEX, "NAS100", "USD", ("USD",)), (Kind.CRYPTO, "USDC", "USDT", ("USD",)),
    ],
)  # fmt: skip
def test_an_instrument_is_moved_by_its_currencies(kind, base, quote, expected) -> None:
    assert (
        currencies_of(msgspec.structs.replace(an_instrument("X", "v", kind=kind), base=base, quote=quote)) == expected
    )
