"""The ledger: cost splits lose nothing, fees and results arrive once, groups end together, marks are pessimistic."""

import pytest

from market.ledger import (
    OUTCOMES,
    TRADES,
    TRADES_LOST,
    Ledger,
    apply_report,
    mark_moved,
    mark_position,
    open_ledger,
    value_account,
)
from market.paper import Reason, ReportKind
from market.quotes import QUOTE, update_quote
from market.records import Records, records
from tests.builders import MONEY, an_instrument
from tests.market.floor import a_bar, a_contract, a_quote, a_report, a_table, trades_of

EURUSD = an_instrument("EURUSD", "x")
USDJPY = an_instrument("USDJPY", "x", tick_size="0.001", lot_size="10")
"""Instrument 1: a tick on a lot is 0.01 JPY, 10,000 of the smallest unit, as one of EURUSD is 0.01 USD."""
CONTRACT = 2
CASH = 1_000 * MONEY
TICK = 10_000
YEN = {"instrument": 1, "rate_num": 2_000, "rate_den": 200_000}
"""A report in yen at 100.000 a dollar."""


def a_ledger(trades_max: int = 64) -> Ledger:
    return open_ledger(a_table(EURUSD, USDJPY, a_contract(EURUSD)), 3, CASH, trades_max)


def after(*reports: tuple[int, int], **terms: int) -> Ledger:
    """Return the ledger after fills of (lots, price)."""
    ledger = a_ledger()
    for lots, price in reports:
        apply_report(ledger, a_report(lots, price, **terms))
    return ledger


def position_of(ledger: Ledger, instrument: int = 0) -> tuple[int, int, int]:
    row = ledger.positions[instrument]
    return int(row.lots), int(row.cost), int(row.fees)


def cash_of(ledger: Ledger) -> int:
    """Return what the cash has changed by."""
    return int(ledger.account[0].cash) - CASH


def test_a_fresh_ledger_holds_its_cash_and_nothing_else() -> None:
    account = a_ledger().account[0]
    assert {int(account[name]) for name in ("initial", "cash", "equity", "equity_low", "peak", "anchor")} == {CASH}
    assert (account.day, account.open_positions, account.sample_low) == (-1, 0, CASH)
    assert [int(row.desk) for row in a_ledger().groups] == [0, 0, 0]


def test_opening_costs_ticks_times_lots_and_moves_no_cash() -> None:
    ledger = after((3, 100), (2, 110))
    assert (position_of(ledger), cash_of(ledger)) == ((5, 520, 0), 0)
    assert position_of(after((-3, 100), (-2, 110))) == (-5, -520, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_closing_a_part_takes_its_share_of_the_cost_half_to_even_and_leaves_the_rest(sign: int) -> None:
    ledger = after((sign * 1, 100), (sign * 1, 101), (-sign * 1, 105))
    assert position_of(ledger) == (sign, sign * 101, 0)  # half of 201 is 100.5: the even one is taken
    assert cash_of(ledger) == sign * 5 * TICK
    apply_report(ledger, a_report(-sign, 105))
    assert (position_of(ledger), cash_of(ledger)) == ((0, 0, 0), sign * 9 * TICK)


def test_a_closed_piece_is_a_trade_with_its_entry_exit_and_result() -> None:
    ledger = a_ledger()
    apply_report(ledger, a_report(4, 100, time_ns=10, fee=8_000))
    apply_report(ledger, a_report(-3, 103, time_ns=20, fee=3_000, reason=Reason.TARGET, number=7))
    assert trades_of(ledger) == [
        {
            "instrument": 0, "group": 0, "lots": 3, "entry_ns": 10, "exit_ns": 20, "cost": 300, "exit_price": 103,
            "pnl": 3 * 3 * TICK - 9_000, "fees": 9_000, "reason": Reason.TARGET, "number": 7,
        }
    ]  # fmt: skip
    assert position_of(ledger) == (1, 100, 2_000)


def test_a_fee_is_paid_at_once_and_counted() -> None:
    ledger = after((5, 100), fee=700)
    account = ledger.account[0]
    assert (cash_of(ledger), account.fees, account.realised, account.realised_today) == (-700, 700, -700, -700)
    assert position_of(ledger) == (5, 500, 700)


def test_a_flip_closes_all_and_opens_the_rest_and_the_fee_is_split_by_lots() -> None:
    ledger = after((4, 100))
    apply_report(ledger, a_report(-6, 110, fee=301, time_ns=9))
    trade = trades_of(ledger)[0]
    assert position_of(ledger) == (-2, -220, 100)  # 301 x 4 / 6 = 200.67: 201 close, 100 open
    assert (trade["lots"], trade["pnl"], trade["fees"]) == (4, 40 * TICK - 201, 201)
    assert (cash_of(ledger), int(ledger.positions[0].opened_ns)) == (40 * TICK - 301, 9)


def test_a_flip_charges_each_outcome_its_own_share_of_the_fee() -> None:
    ledger = after((4, 100))
    apply_report(ledger, a_report(-8, 100, fee=300))
    apply_report(ledger, a_report(4, 100))
    assert [int(row.pnl) for row in ledger.outcomes[: ledger.control[OUTCOMES]]] == [-150, -150]
    assert [trade["pnl"] for trade in trades_of(ledger)] == [-150, -150]
    assert cash_of(ledger) == -300


def test_profit_in_foreign_money_comes_at_the_rate_of_its_report_and_fees_are_rounded_up() -> None:
    ledger = after((10, 100_000), **YEN, fee=101)
    assert cash_of(ledger) == -2
    apply_report(ledger, a_report(-10, 100_033, **YEN | {"rate_den": 220_000}, fee=0))
    assert cash_of(ledger) == -2 + 30_000  # 33 ticks x 10 lots x 10,000 / 110
    apply_report(ledger, a_report(1, 100_000, **YEN))
    apply_report(ledger, a_report(-1, 99_999, **YEN | {"rate_den": 200_001}))
    assert cash_of(ledger) == 29_998 - 100


@pytest.mark.parametrize("kind", [ReportKind.CANCEL, ReportKind.REJECT])
def test_a_cancel_and_a_reject_move_no_money(kind: ReportKind) -> None:
    ledger = after((5, 100), kind=kind, fee=9, amount=9)
    assert (position_of(ledger), cash_of(ledger), int(ledger.account[0].fills)) == ((0, 0, 0), 0, 0)


def contract(lots: int, amount: int, kind: ReportKind = ReportKind.FILL, **terms: int) -> Records:
    return a_report(lots, 200, kind=kind, instrument=CONTRACT, amount=amount, **terms)


def test_a_stake_is_paid_at_once_and_comes_back_with_what_the_contract_pays() -> None:
    ledger = a_ledger()
    apply_report(ledger, contract(-5, -5 * MONEY, time_ns=1))
    assert (position_of(ledger, CONTRACT), cash_of(ledger)) == ((5, 5 * MONEY, 0), -5 * MONEY)
    apply_report(ledger, contract(5, 9 * MONEY, ReportKind.SETTLE, time_ns=2))
    assert (position_of(ledger, CONTRACT), cash_of(ledger)) == ((0, 0, 0), 4 * MONEY)
    trade = trades_of(ledger)[0]
    assert (trade["lots"], trade["cost"], trade["pnl"], trade["entry_ns"]) == (-5, 5 * MONEY, 4 * MONEY, 1)


def test_contracts_of_both_directions_add_up_and_settle_one_by_one() -> None:
    ledger = a_ledger()
    apply_report(ledger, contract(5, -5 * MONEY))
    apply_report(ledger, contract(-3, -3 * MONEY))
    assert position_of(ledger, CONTRACT) == (8, 8 * MONEY, 0)
    apply_report(ledger, contract(-5, 0, ReportKind.SETTLE))
    apply_report(ledger, contract(3, 3 * MONEY, ReportKind.SETTLE))
    assert [trade["pnl"] for trade in trades_of(ledger)] == [-5 * MONEY, 0]
    assert (position_of(ledger, CONTRACT), cash_of(ledger)) == ((0, 0, 0), -5 * MONEY)


def a_pair_ledger(**changes: int) -> Ledger:
    """Return a ledger in which instruments 0 and 1 are one group of desk 4."""
    table = a_table(EURUSD, an_instrument("EURUSD", "y"))
    table.group, table.desk = 0, 4
    return open_ledger(table, 1, CASH, **changes)


def test_a_group_has_one_outcome_when_its_last_position_closes() -> None:
    ledger = a_pair_ledger()
    apply_report(ledger, a_report(5, 100, fee=10, time_ns=1))
    apply_report(ledger, a_report(-5, 104, instrument=1, fee=20, time_ns=2))
    assert (ledger.account[0].open_groups, ledger.groups[0].positions, ledger.groups[0].opened_ns) == (1, 2, 1)
    apply_report(ledger, a_report(-5, 101, fee=30, time_ns=3))
    assert ledger.control[OUTCOMES] == 0
    apply_report(ledger, a_report(5, 103, instrument=1, fee=40, time_ns=4))
    assert ledger.outcomes[0].tolist() == (0, 4, 4, 10 * TICK - 100)
    assert (ledger.control[OUTCOMES], ledger.account[0].open_groups, ledger.groups[0].pnl) == (1, 0, 0)


def test_an_instrument_without_a_group_has_no_outcome() -> None:
    table = a_table(EURUSD)
    table.group = -1
    ledger = open_ledger(table, 0, CASH)
    for lots in (5, -5):
        apply_report(ledger, a_report(lots, 100, fee=1))
    assert (ledger.control[OUTCOMES], cash_of(ledger), ledger.account[0].open_groups) == (0, -2, 0)


def test_the_open_list_keeps_its_order_as_positions_close() -> None:
    ledger = a_ledger()
    for instrument in (1, 0):
        apply_report(ledger, a_report(5, 100, instrument=instrument))
    apply_report(ledger, contract(1, -MONEY))
    assert ledger.open_list.tolist() == [1, 0, 2]
    apply_report(ledger, a_report(-5, 100))
    assert ledger.open_list[: ledger.account[0].open_positions].tolist() == [1, 2]


def test_what_finds_no_room_is_counted_and_the_money_is_right_all_the_same() -> None:
    ledger = a_ledger(trades_max=1)
    for _ in range(2):
        apply_report(ledger, a_report(5, 100))
        apply_report(ledger, a_report(-5, 101))
    assert ledger.control.tolist() == [1, 1, 2]
    assert (ledger.control[TRADES], ledger.control[TRADES_LOST]) == (1, 2)
    assert cash_of(ledger) == 10 * TICK


def floating_of(ledger: Ledger) -> tuple[int, int]:
    """Return floating profit now and at the worst price of the instant that is being closed."""
    account = ledger.account[0]
    return int(account.floating), int(account.floating + account.dip)


@pytest.mark.parametrize(("lots", "now", "worst"), [(5, -5, -15), (-5, -10, -20)])
def test_a_long_is_valued_at_the_bid_and_a_short_at_the_ask_at_worst_at_the_bars_extreme(
    lots: int, now: int, worst: int
) -> None:
    ledger, quotes = after((lots, 1001)), records(3, QUOTE)
    bar = (1000, 1010, 998, 1000) if lots > 0 else (1000, 1003, 990, 1001)
    update_quote(quotes, 0, a_bar(60, bar, spread=2), 0)
    mark_position(ledger, quotes, 0, 60)
    assert floating_of(ledger) == (now * TICK, worst * TICK)
    value_account(ledger.account[0])
    mark_position(ledger, quotes, 0, 61)
    assert floating_of(ledger) == (now * TICK, now * TICK)


def test_lows_of_one_instant_add_up_and_those_of_another_do_not() -> None:
    ledger, quotes = a_ledger(), records(3, QUOTE)
    for instrument in (0, 1):
        apply_report(ledger, a_report(5, 1000, instrument=instrument))
    for instrument, time_ns, low in ((0, 60, 990), (1, 60, 980), (1, 120, 970)):
        update_quote(quotes, instrument, a_bar(time_ns, (1000, 1000, low, 1000)), 0)
    lows = []
    for now in (60, 120, 180):
        for instrument in (0, 1):
            quotes[1].bid_low, quotes[1].time_ns = (980, 60) if now == 60 else (970, 120)
            mark_position(ledger, quotes, instrument, now)
            mark_position(ledger, quotes, instrument, now)
        value_account(ledger.account[0])
        lows.append(int(ledger.account[0].floating_low))
    by_dollar, by_yen = 5 * TICK, int(ledger.positions[1].dip)
    assert lows[0] == -10 * by_dollar + lows[1] * 20 // 30
    assert (lows[1] < 0, lows[2], by_yen) == (True, 0, 0)


def test_marking_again_replaces_the_mark_and_a_flat_position_has_none() -> None:
    ledger, quotes = after((5, 1000)), records(3, QUOTE)
    for bid in (990, 1010):
        update_quote(quotes, 0, a_quote(bid, bid, bid + 2), 0)
        mark_position(ledger, quotes, 0, bid)
    assert floating_of(ledger) == (50 * TICK, 50 * TICK)
    apply_report(ledger, a_report(-5, 1010))
    mark_position(ledger, quotes, 0, 1010)
    assert floating_of(ledger) == (0, 0)


def test_an_open_contract_counts_as_lost() -> None:
    ledger, quotes = a_ledger(), records(3, QUOTE)
    apply_report(ledger, contract(5, -5 * MONEY))
    mark_position(ledger, quotes, CONTRACT, 1)
    value_account(ledger.account[0])
    assert (floating_of(ledger), ledger.account[0].equity) == ((0, 0), CASH - 5 * MONEY)


def test_a_new_rate_moves_the_value_of_every_position_whose_money_it_turns() -> None:
    euros = an_instrument("EURJPY", "x", tick_size="0.001", lot_size="10")
    ledger = open_ledger(a_table(EURUSD, USDJPY, euros), 3, CASH)
    quotes = records(3, QUOTE)
    apply_report(ledger, a_report(10, 120_000, instrument=2))
    update_quote(quotes, 2, a_quote(1, 120_100, 120_101), 0)
    for yen, expected in ((100_000, 100_000), (125_000, 80_000)):
        update_quote(quotes, 1, a_quote(yen, yen, yen), 0)
        mark_moved(ledger, quotes, 1, yen)
        assert floating_of(ledger) == (expected, expected)
    mark_moved(ledger, quotes, 0, 125_001)
    assert floating_of(ledger) == (80_000, 80_000)


def test_equity_remembers_its_highest_and_how_far_below_it_the_worst_price_was() -> None:
    account = a_ledger().account[0]
    for floating, low in ((50, 20), (10, -30), (60, 60), (-5, -5)):
        account.floating, account.dip = floating, low - floating
        value_account(account)
    seen = {name: int(account[name]) - CASH for name in ("equity", "equity_low", "peak", "sample_low")}
    assert seen == {"equity": -5, "equity_low": -5, "peak": 60, "sample_low": -30}
    assert account.drawdown_max == 80
