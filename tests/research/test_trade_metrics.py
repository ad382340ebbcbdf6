"""Closed trades and position accounting: money is exact, and both methods agree when flat."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.trade_metrics import ClosedTrade, PositionFill, position_accounting, trade_metrics
from tests.properties import PROPERTY

MONEY = st.decimals("-50", "50", places=2)
PRICES = st.decimals("1", "200", places=2)
SIZES = st.integers(1, 8).map(lambda size: Decimal(size) / 4)
FILLS = st.builds(PositionFill, st.sampled_from([1, -1]), SIZES, PRICES, st.decimals("0", "2", places=2))


def a_trade(net: str, **terms: object) -> ClosedTrade:
    return ClosedTrade(side=1, quantity=Decimal(1), entry=Decimal(100), exit=Decimal(100) + Decimal(net), **terms)  # type: ignore[arg-type]


@given(st.lists(st.tuples(MONEY, MONEY, MONEY), max_size=20))
@PROPERTY
def test_the_sum_of_net_results_is_gross_less_cost_to_the_last_digit(rows: list[tuple[Decimal, ...]]) -> None:
    trades = [a_trade(str(net), fees=abs(fee), funding=swap, swap=-swap) for net, fee, swap in rows]
    metrics = trade_metrics(trades, Decimal(1000))
    assert metrics.net_pnl == metrics.gross_pnl - metrics.total_fees + metrics.total_funding + metrics.total_swap
    assert metrics.wins + metrics.losses + metrics.scratches == metrics.n == len(rows)
    assert {name for name in metrics.__struct_fields__ if getattr(metrics, name) is None} == set(metrics.reasons)


def test_a_scratch_neither_counts_for_nor_ends_a_run() -> None:
    metrics = trade_metrics([a_trade(net) for net in ("-1", "0", "-1", "2", "0", "3", "-1")], Decimal(1000))
    assert (metrics.max_consecutive_losses, metrics.max_consecutive_wins, metrics.scratches) == (2, 2, 2)


@pytest.mark.parametrize(
    ("nets", "name", "reason"),
    [
        ([], "win_rate", "no_trades"),
        (["0"], "win_rate_ex_scratch", "only_scratches"),
        (["1"], "profit_factor", "no_losses"),
        (["1"], "payoff_ratio", "no_losses"),
        (["-1"], "avg_win", "no_wins"),
        (["-1"], "payoff_ratio", "no_wins"),
        (["1"], "expectancy_r", "no_initial_stop"),
    ],
)
def test_an_undefined_ratio_says_why(nets: list[str], name: str, reason: str) -> None:
    metrics = trade_metrics([a_trade(net) for net in nets], Decimal(1000))
    assert getattr(metrics, name) is None
    assert metrics.reasons[name] == reason


def test_what_is_received_is_income_and_not_negative_cost() -> None:
    received, paid = (
        a_trade("1", fees=Decimal(2), funding=Decimal(3), swap=Decimal(4)),
        a_trade("1", fees=Decimal(2), funding=Decimal(-3), swap=Decimal(-4)),
    )
    assert (received.cost, paid.cost) == (2, 9)
    assert trade_metrics([received, paid], Decimal(1)).cost_per_trade == 5.5


def test_turnover_needs_equity_and_r_a_stop_away_from_the_entry() -> None:
    metrics = trade_metrics([a_trade("1", initial_stop=Decimal(100))], Decimal(0))
    assert (metrics.turnover, metrics.reasons["turnover"], metrics.r_multiples) == (None, "no_equity", (None,))


@given(st.lists(FILLS, max_size=15))
@PROPERTY
def test_both_methods_agree_on_everything_once_the_position_is_flat(fills: list[PositionFill]) -> None:
    held = sum((fill.side * fill.quantity for fill in fills), Decimal(0))
    if held:
        fills = [*fills, PositionFill(-1 if held > 0 else 1, abs(held), Decimal(77), Decimal(0))]
    average, fifo = position_accounting(fills, "AVG"), position_accounting(fills, "FIFO")
    assert [step.position for step in average] == [step.position for step in fifo]
    cash = sum((-fill.side * fill.quantity * fill.price - fill.fee for fill in fills), Decimal(0))
    if fills:
        assert average[-1].position == average[-1].average_price == 0
        assert fifo[-1].realised_net_total == cash
        assert average[-1].realised_net_total == pytest.approx(cash, abs=Decimal("1e-30"))


def test_another_method_is_refused() -> None:
    with pytest.raises(ValueError, match="AVG and FIFO are allowed"):
        position_accounting([], "LIFO")
