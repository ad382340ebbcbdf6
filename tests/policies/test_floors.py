"""Floors: where they lie, what moves their tops, what they tell once, and how a latch ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.ledger import ACCOUNT
from market.money import INT64_MAX
from market.records import Record, Records, records
from policies.floors import (
    Anchor,
    Clears,
    Mode,
    acknowledge,
    amount_of,
    bar_at,
    floor_at,
    open_floors,
    standing_floor,
    usage_ppm,
    watch_floor,
)
from policies.guard import (
    alerts_of,
    apply_flow,
    open_guard,
    quiet_floors,
    roll_floors,
    start_guard,
    trade_risk_max,
    volume_ppm,
    watch_floors,
)
from policies.intents import Rule
from tests.properties import FEW, PROPERTY

INITIAL = 100_000
RULE = int(Rule.ACCOUNT_DAILY_LOSS)


def a_floor(mode: Mode = Mode.STATIC, **terms: int) -> Record:
    return open_floors([{"mode": mode, "rule": RULE, "amount": 10_000, "share_ppm": 500_000} | terms], INITIAL)[0]


class Kept:
    """Floors of one calendar that resets at 10, 20 and 30, and their account."""

    def __init__(self, *terms: dict[str, int]) -> None:
        self.floors: Records = open_floors([{"rule": RULE, "share_ppm": 500_000} | own for own in terms], INITIAL)
        self.guard = open_guard({"active": 1, "halve_ppm": 600_000}, INITIAL)
        self.resets_ns = np.array([[10, 20, 30]], np.int64)
        start_guard(self.guard, self.floors, self.resets_ns)
        self.alerts = alerts_of(self.floors, self.resets_ns)
        self.account: Records = records(1, ACCOUNT)
        self.account[0].equity = self.account[0].cash = INITIAL

    def see(self, time_ns: int, balance: int, equity: int) -> int:
        known = self.account[0].equity
        rolled = int(roll_floors(self.floors, self.guard[0], self.resets_ns, known, time_ns, self.alerts))
        account = self.account[0]
        account.cash, account.equity, account.equity_low = balance, equity, equity
        return rolled | int(watch_floors(self.floors, self.guard[0], account, time_ns, self.alerts))


@pytest.mark.parametrize(("inclusive", "equity", "breached"), [(0, 90_000, 0), (0, 89_999, 1), (1, 90_000, 1)])
def test_the_floor_itself_is_a_breach_where_the_rule_says_so(inclusive: int, equity: int, breached: int) -> None:
    row = a_floor(inclusive=inclusive)
    assert watch_floor(row, 7, equity, equity, equity) == breached * RULE
    assert (row.latched, row.breached_ns) == (breached, 7 * breached)


@given(top=st.integers(1, 10**14), ppm=st.integers(1, 999_999), inclusive=st.integers(0, 1), near=st.integers(-2, 2))
@PROPERTY
def test_a_share_of_the_top_is_tested_exactly(top: int, ppm: int, inclusive: int, near: int) -> None:
    row = a_floor(Mode.PEAK, of_top=1, ppm=ppm, inclusive=inclusive)
    equity = top * (10**6 - ppm) // 10**6 + near
    exact = top * (10**6 - ppm)
    breached = equity * 10**6 <= exact if inclusive else equity * 10**6 < exact
    assert (equity <= bar_at(row, top)) == breached
    assert amount_of(row, top) * 10**6 <= top * ppm


def test_a_locked_floor_rises_to_its_lock_and_no_further() -> None:
    row = a_floor(Mode.CLOSING, lock=INITIAL)
    assert (floor_at(row, 105_000), floor_at(row, 200_000)) == (95_000, INITIAL)


@given(st.lists(st.tuples(st.integers(80_000, 130_000), st.integers(80_000, 130_000)), max_size=30))
@PROPERTY
def test_the_floor_of_a_trailing_mode_never_falls(path: list[tuple[int, int]]) -> None:
    kept = Kept({"mode": Mode.CLOSING, "amount": 10_000}, {"mode": Mode.PEAK, "of_top": 1, "ppm": 100_000})
    before = [0, 0]
    for k, (balance, equity) in enumerate(path):
        kept.see(k + 1, balance, equity)
        now = [int(row.floor) for row in kept.floors]
        assert all(one >= other for one, other in zip(now, before, strict=True))
        before = now


def test_a_loss_carried_over_a_reset_breaches_there_without_a_new_price() -> None:
    kept = Kept({"mode": Mode.DAILY, "amount": 5_000, "anchor": Anchor.BALANCE})
    assert kept.see(8, 104_000, 98_000) == 0
    assert kept.see(12, 104_000, 101_000) == RULE
    assert (kept.floors[0].floor, kept.floors[0].breached_ns) == (99_000, 10)


@pytest.mark.parametrize(
    ("anchor", "top"), [(Anchor.BALANCE, 104_000), (Anchor.EQUITY, 98_000), (Anchor.MAX_BALANCE_EQUITY, 104_000)]
)
def test_a_reset_takes_its_anchor(anchor: Anchor, top: int) -> None:
    kept = Kept({"mode": Mode.DAILY, "amount": 50_000, "anchor": anchor})
    kept.see(8, 104_000, 98_000)
    assert standing_floor(kept.floors[0], 98_000, 104_000) == max(top - 50_000, 50_000)
    kept.see(10, 104_000, 98_000)
    assert kept.floors[0].top == top


def test_resets_that_nobody_looked_at_are_taken_one_by_one() -> None:
    kept = Kept({"mode": Mode.DAILY, "amount": 5_000})
    kept.see(35, 104_000, 104_000)
    assert (kept.floors[0].next_reset, kept.guard[0].next_ns, kept.floors[0].top) == (3, INT64_MAX, INITIAL)
    assert kept.guard[0].until_ns == 30


def test_every_level_is_told_once_a_period_and_again_in_the_next() -> None:
    kept = Kept({"mode": Mode.DAILY, "amount": 10_000, "anchor": Anchor.BALANCE})
    told = []
    for time_ns, equity in ((1, 95_001), (2, 95_000), (3, 99_000), (4, 91_000), (5, 90_000), (11, 95_000)):
        kept.see(time_ns, INITIAL, equity)
        told.append(int(kept.floors[0].alerts))
    assert told == [0, 1, 1, 4, 5, 5]
    kept.see(12, INITIAL, 95_000)
    assert kept.floors[0].alerts == 5  # at the reset 10,000 of 10,000 were still used
    kept.see(21, INITIAL, 99_000)
    kept.see(31, INITIAL, 99_000)
    assert kept.floors[0].alerts == 0


def test_a_latch_ends_with_a_reset_and_a_word_in_this_order() -> None:
    safe = {"mode": Mode.PERIOD_PEAK, "of_top": 1, "ppm": 80_000, "inclusive": 1, "clears": Clears.ACKNOWLEDGED}
    kept = Kept(safe)
    assert kept.see(1, INITIAL, 92_000) == RULE
    assert acknowledge(kept.floors) == 0
    kept.see(11, INITIAL, 92_000)
    assert (kept.floors[0].latched, kept.floors[0].pending) == (1, 1)
    assert acknowledge(kept.floors) == RULE
    assert kept.floors[0].latched == 0


def test_a_bit_stays_while_another_floor_of_it_is_latched_and_a_new_breach_waits_anew() -> None:
    safe = {"mode": Mode.PERIOD_PEAK, "of_top": 1, "ppm": 80_000, "inclusive": 1, "clears": Clears.ACKNOWLEDGED}
    kept = Kept(safe, {"mode": Mode.STATIC, "amount": 8_000, "inclusive": 1})
    kept.see(1, INITIAL, 92_000)
    kept.see(11, INITIAL, 92_000)
    assert acknowledge(kept.floors) == 0  # the static one never clears
    kept.see(12, INITIAL, 84_000)
    assert (kept.floors[0].latched, kept.floors[0].pending) == (1, 0)


def test_money_that_comes_or_goes_is_neither_profit_nor_loss() -> None:
    kept = Kept({"mode": Mode.PEAK, "amount": 10_000})
    apply_flow(kept.guard[0], 50_000)
    assert kept.see(1, 150_000, 141_000) == 0
    assert (kept.floors[0].top, usage_ppm(kept.floors[0], 141_000 - 50_000)) == (INITIAL, 900_000)
    apply_flow(kept.guard[0], -50_000)
    assert kept.see(2, INITIAL, 90_000) == 0
    assert kept.see(3, INITIAL, 89_999) == RULE


@pytest.mark.parametrize(("equity", "used"), [(101_000, 0), (95_000, 500_000), (90_000, 10**6), (89_999, 1_000_100)])
def test_usage_is_the_used_share_of_the_amount(equity: int, used: int) -> None:
    assert usage_ppm(a_floor(), equity) == used
    assert usage_ppm(a_floor(amount=0), 99_999) == 10**9


def test_sizes_are_halved_and_a_trade_gets_a_share_of_the_room() -> None:
    kept = Kept({"mode": Mode.STATIC, "amount": 10_000})
    assert volume_ppm(kept.floors, kept.guard[0], 94_001) == 10**6
    assert volume_ppm(kept.floors, kept.guard[0], 94_000) == 500_000
    assert trade_risk_max(kept.floors, kept.guard[0], 94_001) == 2_000
    assert trade_risk_max(kept.floors, kept.guard[0], 80_000) == 0


EQUITIES = st.lists(st.integers(85_000, 110_000), min_size=1, max_size=12)


@given(EQUITIES, st.sampled_from(list(Mode)), st.integers(0, 1))
@FEW
def test_what_passes_quietly_tells_nothing_in_any_order(equities: list[int], mode: Mode, of_top: int) -> None:
    terms = {"mode": mode, "amount": 9_000, "of_top": of_top, "ppm": 90_000}
    kept, walked = Kept(terms), Kept(terms)
    quiet = quiet_floors(kept.floors, kept.guard[0], max(equities), min(equities), INITIAL)
    for equity in equities:
        walked.see(1, INITIAL, equity)
    if quiet:
        assert (walked.floors[0].alerts, walked.floors[0].latched) == (0, 0)
