"""Stress: shocks and betas exact, losses never understated, balances of a failed venue lost apart from the market."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from policies.stress import Scenario, shock_of, stress
from tests.builders import MONEY
from tests.properties import PROPERTY

CRASH = Scenario(
    name="CRASH", date="2020-01-01", shocks={"AAA": Decimal("-0.3"), "BBB": Decimal("0.1")},
    venue_default={"broken": Decimal("0.5")}, provenance="of this test",
)  # fmt: skip


def test_longs_lose_what_shorts_gain_and_equity_may_end_below_zero() -> None:
    found = stress(CRASH, {"AAA": 1_000 * MONEY, "BBB": -100 * MONEY}, 200 * MONEY)
    assert found.pnl == {"AAA": -300 * MONEY, "BBB": -10 * MONEY}
    assert (found.total, found.equity_after, found.unlisted) == (-310 * MONEY, -110 * MONEY, ())
    assert found.fraction_of(200 * MONEY) == -1.55
    assert found.fraction_of(0) is None


def test_what_is_held_at_a_venue_that_fails_is_lost_apart() -> None:
    found = stress(CRASH, {}, 10 * MONEY, {"broken": 3, "sound": 5, "BROKEN": 7})
    assert (found.venue_loss, found.total) == (2, -2)
    assert stress(CRASH, {}, 0, {"broken": -3}).venue_loss == 0


def test_an_unnamed_symbol_moves_by_its_betas_or_not_at_all_and_is_listed() -> None:
    betas = {"CCC": {"AAA": Decimal("1.5"), "BBB": Decimal(2), "ZZZ": Decimal(9)}, "AAA": {"BBB": Decimal(5)}}
    found = stress(CRASH, {"CCC": 100, "DDD": 100, "AAA": 100}, 1, betas=betas)
    assert found.pnl == {"CCC": -25, "DDD": 0, "AAA": -30}
    assert found.unlisted == ("DDD",)
    assert shock_of(CRASH, "CCC", betas) == Fraction(-1, 4)
    assert shock_of(CRASH, "EEE", {"EEE": {"ZZZ": Decimal(1)}}) is None


@given(st.integers(-(10**15), 10**15), st.decimals(-1, 5, places=6))
@PROPERTY
def test_no_result_is_more_than_the_exact_one(notional: int, shock: Decimal) -> None:
    scenario = Scenario(
        name="S", date="2020-01-01", shocks={"A": shock}, venue_default={"v": abs(shock)}, provenance=""
    )
    found = stress(scenario, {"A": notional}, 0, {"v": notional})
    exact = notional * Fraction(shock)
    assert exact - 1 < found.pnl["A"] <= exact
    lost = max(notional, 0) * Fraction(abs(shock))
    assert lost <= found.venue_loss < lost + 1
    assert found.equity_after == found.pnl["A"] - found.venue_loss
