"""The ledger against a slow exact twin, and the laws that money obeys whatever is filled in whatever order."""

from fractions import Fraction
from math import ceil
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from market.ledger import OUTCOMES, Ledger, apply_report, open_ledger, value_account
from market.paper import ReportKind
from market.records import Record, records
from tests.builders import MONEY, an_instrument
from tests.market.floor import a_contract, a_report, a_table, trades_of
from tests.properties import PROPERTY

CASH = 10_000 * MONEY
EURUSD = an_instrument("EURUSD", "x")
GBPUSD = an_instrument("GBPUSD", "x", lot_size="7")
USDJPY = an_instrument("USDJPY", "x", tick_size="0.001", lot_size="10")
TABLE = a_table(EURUSD, GBPUSD, USDJPY, a_contract(EURUSD))
YEN, CONTRACT = 2, 3


class Fill(NamedTuple):
    """One fill: which instrument, how much at which price and fee, and what a unit of its money is worth."""

    instrument: int
    lots: int
    price: int
    fee: int
    rate: tuple[int, int]

    @property
    def report(self) -> Record:
        terms = {"instrument": self.instrument, "fee": self.fee, "rate_num": self.rate[0], "rate_den": self.rate[1]}
        return a_report(self.lots, self.price, **terms)


LOTS = st.integers(-1000, 1000).filter(bool)
PRICES = st.integers(90_000, 110_000)
DOLLARS = st.builds(Fill, st.integers(0, 1), LOTS, PRICES, st.integers(0, 10_000), st.just((1, 1)))
YENS = st.builds(
    Fill, st.just(YEN), LOTS, PRICES, st.integers(0, 10_000), st.tuples(st.just(2_000), st.integers(180_000, 220_000))
)
FILLS = st.lists(st.one_of(DOLLARS, YENS), max_size=20)


class Twin:
    """The ledger in words: exact fractions, rounded where the ledger says that it rounds."""

    def __init__(self) -> None:
        self.cash = CASH
        self.held = [[0, 0, 0] for _ in TABLE]

    def apply(self, fill: Fill) -> None:
        rate = Fraction(*fill.rate)
        fee = ceil(fill.fee * rate)
        self.cash -= fee
        lots, cost, fees = self.held[fill.instrument]
        closing = min(abs(fill.lots), abs(lots)) if lots * fill.lots < 0 else 0
        fee_closing = round(Fraction(fee * closing, abs(fill.lots)))
        if closing:
            sign = 1 if lots > 0 else -1
            share, fee_share = round(Fraction(cost * closing, abs(lots))), round(Fraction(fees * closing, abs(lots)))
            gain = (sign * closing * fill.price - share) * int(TABLE[fill.instrument].tick_value)
            self.cash += round(gain * rate)
            lots, cost, fees = lots - sign * closing, cost - share, fees - fee_share
        opening = (abs(fill.lots) - closing) * (1 if fill.lots > 0 else -1)
        if opening:
            lots, cost, fees = lots + opening, cost + opening * fill.price, fees + fee - fee_closing
        self.held[fill.instrument] = [lots, cost, fees]


def booked(fills: list[Fill]) -> Ledger:
    ledger = open_ledger(TABLE, len(TABLE), CASH)
    for fill in fills:
        apply_report(ledger, fill.report)
    return ledger


def cash_of(ledger: Ledger) -> int:
    return int(ledger.account[0].cash)


def flattened(fills: list[Fill], price: int) -> list[Fill]:
    """Return the fills and those that close what they leave."""
    left = [sum(fill.lots for fill in fills if fill.instrument == k) for k in range(len(TABLE))]
    closing = [Fill(k, -lots, price, 0, (1, 1)) for k, lots in enumerate(left) if lots]
    return fills + closing


@given(FILLS)
@PROPERTY
def test_the_ledger_is_its_exact_twin_after_every_fill(fills: list[Fill]) -> None:
    ledger, twin = open_ledger(TABLE, len(TABLE), CASH), Twin()
    for fill in fills:
        apply_report(ledger, fill.report)
        twin.apply(fill)
        assert cash_of(ledger) == twin.cash
        assert [[int(row.lots), int(row.cost), int(row.fees)] for row in ledger.positions] == twin.held


@given(st.lists(DOLLARS, max_size=20))
@PROPERTY
def test_cash_is_what_was_paid_and_received_and_what_is_still_held_at_cost(fills: list[Fill]) -> None:
    ledger = booked(fills)
    paid = sum(fill.lots * fill.price * int(TABLE[fill.instrument].tick_value) + fill.fee for fill in fills)
    held = sum(int(row.cost) * int(TABLE[k].tick_value) for k, row in enumerate(ledger.positions))
    assert cash_of(ledger) == CASH - paid + held


@given(FILLS)
@PROPERTY
def test_every_result_is_counted_once(fills: list[Fill]) -> None:
    ledger = booked(fills)
    account = ledger.account[0]
    outcomes = sum(int(row.pnl) for row in ledger.outcomes[: ledger.control[OUTCOMES]])
    assert account.realised == account.cash - CASH == account.realised_today
    assert account.realised == outcomes + sum(int(row.pnl) for row in ledger.groups)
    trades = sum(trade["pnl"] for trade in trades_of(ledger))
    assert account.realised == trades - sum(int(row.fees) for row in ledger.positions)
    assert account.open_positions == sum(row.lots != 0 for row in ledger.positions) == account.open_groups


@given(LOTS, PRICES, PRICES, st.lists(st.integers(1, 1000), max_size=8), st.integers(0, 9_999))
@PROPERTY
def test_however_a_position_is_closed_the_total_is_the_same(
    lots: int, entry: int, leaving: int, pieces: list[int], fee: int
) -> None:
    opening = [Fill(1, lots, entry, fee, (1, 1)), Fill(1, lots, entry + 1, fee, (1, 1))]
    left, closing = 2 * lots, []
    for piece in [*pieces, 2 * abs(lots)]:
        size = min(piece, abs(left))
        if size:
            closing.append(Fill(1, -size if left > 0 else size, leaving, 0, (1, 1)))
            left += closing[-1].lots
    pieces_ledger = booked(opening + closing)
    whole = booked([*opening, Fill(1, -2 * lots, leaving, 0, (1, 1))])
    assert cash_of(pieces_ledger) == cash_of(whole)
    assert pieces_ledger.positions.tobytes() == whole.positions.tobytes()
    for name in ("pnl", "fees", "cost", "lots"):
        assert sum(t[name] for t in trades_of(pieces_ledger)) == trades_of(whole)[0][name]


@given(st.lists(DOLLARS, max_size=12), PRICES)
@PROPERTY
def test_selling_in_a_mirrored_market_earns_what_buying_earns(fills: list[Fill], price: int) -> None:
    mirrored = [fill._replace(lots=-fill.lots, price=200_000 - fill.price) for fill in flattened(fills, price)]
    assert cash_of(booked(mirrored)) == cash_of(booked(flattened(fills, price)))


@given(st.lists(DOLLARS, max_size=12), PRICES, st.integers(2, 50))
@PROPERTY
def test_k_times_the_lots_and_fees_are_k_times_the_result(fills: list[Fill], price: int, k: int) -> None:
    scaled = [fill._replace(lots=k * fill.lots, fee=k * fill.fee) for fill in flattened(fills, price)]
    assert cash_of(booked(scaled)) - CASH == k * (cash_of(booked(flattened(fills, price))) - CASH)


STAKES = st.lists(
    st.tuples(st.integers(1, 50), st.booleans(), st.sampled_from([0, 1_000_000, 1_800_000])), min_size=1, max_size=8
)


@given(STAKES)
@PROPERTY
def test_contracts_leave_the_sum_of_what_their_reports_paid(stakes: list[tuple[int, bool, int]]) -> None:
    ledger = open_ledger(TABLE, len(TABLE), CASH)
    amounts = []
    for kind in (ReportKind.FILL, ReportKind.SETTLE):
        for size, up, pays in stakes:
            sign = (1 if up else -1) * (1 if kind == ReportKind.FILL else -1)
            amounts.append(-size * MONEY if kind == ReportKind.FILL else size * pays)
            apply_report(ledger, a_report(sign * size, 200, kind=kind, instrument=CONTRACT, amount=amounts[-1]))
    assert cash_of(ledger) == CASH + sum(amounts)
    assert [trade["pnl"] for trade in trades_of(ledger)] == [size * (pays - MONEY) for size, _, pays in stakes]
    assert ledger.positions[CONTRACT].tolist()[:2] == (0, 0)


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**9)), max_size=30))
@PROPERTY
def test_the_peak_and_the_largest_drawdown_only_grow(marks: list[tuple[int, int]]) -> None:
    account = records(1, open_ledger(TABLE, len(TABLE), CASH).account.dtype)[0]
    account.cash = account.peak = account.sample_low = CASH
    highest, deepest = CASH, 0
    for floating, below in marks:
        account.floating, account.dip = floating, -below
        value_account(account)
        highest = max(highest, CASH + floating)
        deepest = max(deepest, highest - (CASH + floating - below))
        assert (account.peak, account.drawdown_max) == (highest, deepest)
