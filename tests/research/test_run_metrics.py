"""What a run came to: daily returns, trades in exact money, round trips, and tables that fit their line."""

from decimal import Decimal
from io import StringIO
from itertools import pairwise

import msgspec
import pytest
from rich.console import Console

from journal.records import Sample
from market.instruments import Kind
from research.performance import return_metrics
from research.report import ReportFacts
from research.report.tables import DESK_HEADERS, desk_rows
from research.run_metrics import (
    RoundTrip,
    account_end,
    closed_samples,
    closed_trades,
    curve_of,
    daily_closes,
    days_per_year,
    hit_rate,
    metrics_of,
    round_trips,
)
from research.summary import fitting, summary_tables
from research.trade_metrics import trade_metrics
from tests.builders import DAY, MONEY, a_plan, a_result

FACTS = ReportFacts(stage="BACKTEST", command="trifecta backtest", tape_hash="a" * 64, events=1000, wall_seconds=1.0)


@pytest.fixture(scope="module")
def result():
    return a_result()


def samples(*stamps_and_equity):
    return tuple(
        Sample(time_ns=int(days * DAY), equity=equity * MONEY, low=equity * MONEY, cash=equity * MONEY, peak=0)
        for days, equity in stamps_and_equity
    )


def test_the_last_sample_of_a_day_is_its_close_and_midnight_ends_the_day():
    # day 4 is Monday 1970-01-05
    found = daily_closes(samples((4.1, 1), (4.9, 2), (5.0, 3), (5.5, 4), (6.0, 5)), weekends=False)
    assert [sample.equity // MONEY for sample in found] == [3, 5]


def test_sunday_evening_belongs_to_monday_and_saturday_counts_where_it_trades():
    week = samples((8.5, 1), (9.5, 2), (10.9, 3), (11.5, 4))  # Friday, Saturday, Sunday, Monday
    assert [sample.equity // MONEY for sample in daily_closes(week, weekends=False)] == [1, 4]
    assert [sample.equity // MONEY for sample in daily_closes(week, weekends=True)] == [1, 2, 3, 4]


def test_an_unfinished_weekend_still_counts():
    assert [one.equity // MONEY for one in daily_closes(samples((8.5, 1), (10.9, 3)), weekends=False)] == [1, 3]


def test_returns_are_between_daily_closes_from_the_initial_capital_on(result):
    run = msgspec.structs.replace(
        result, samples=samples((4.5, 101_000), (5.5, 100_000), (6.5, 102_000)), account={"equity": 102_000 * MONEY}
    )
    metrics = metrics_of(run)
    expected = return_metrics([0.01, 100_000 / 101_000 - 1, 0.02], 260)
    assert (metrics["n"], metrics["sampled"], metrics["periods_per_year"]) == (3, "day", 260)
    for name in ("sharpe", "cagr", "max_drawdown", "total_return", "ann_vol", "sortino", "calmar"):
        assert metrics[name] == pytest.approx(getattr(expected, name), rel=1e-12), name


def test_every_undefined_metric_has_a_reason_and_no_other(result):
    for run in (result, msgspec.structs.replace(result, samples=(), trades=(), account={})):
        metrics = metrics_of(run)
        assert {name for name, value in metrics.items() if value is None} == set(metrics["reasons"])


def test_trade_metrics_are_those_of_the_reference_over_the_run_s_trades(result):
    metrics, trades = metrics_of(result), closed_trades(result)
    equity = [sample.equity for sample in closed_samples(result)]
    expected = trade_metrics(trades, Decimal(sum(equity) // len(equity)) / MONEY)
    assert metrics["trades"] == expected.n
    for name in ("net_pnl", "win_rate", "profit_factor", "turnover", "expectancy_r", "max_consecutive_losses"):
        assert metrics[name] == getattr(expected, name)
    assert float(metrics["net_pnl"]) == pytest.approx(sum(trade.pnl for trade in result.trades), abs=1e-9)


def test_a_trade_s_money_is_its_prices_times_its_size(result):
    """The booked result is the price difference at the exit's rate, but for what rounding a unit of money moves."""
    for trade, closed in zip(result.trades, closed_trades(result), strict=True):
        if not trade.instrument.startswith("EURUSD.60s"):
            moved = closed.side * (closed.exit - closed.entry) * closed.quantity * closed.rate
            assert float(closed.gross) == pytest.approx(float(moved), rel=2e-3, abs=0.02)


def test_stops_of_entry_orders_give_multiples_of_the_risk(result):
    with_stop = [trade for trade in closed_trades(result) if trade.initial_stop is not None]
    assert with_stop
    assert metrics_of(result)["expectancy_r"] is not None


def test_both_legs_of_a_route_are_one_round_trip(result):
    trips = round_trips(result)
    pairs = [trip for trip in trips if trip.desk == "arbitrage"]
    legs = [trade for trade in result.trades if trade.desk == "arbitrage"]
    assert 0 < len(pairs) < len(legs)  # a leg that found no other half is a trip of its own
    assert sum(trip.pnl for trip in trips) == pytest.approx(sum(trade.pnl for trade in result.trades), abs=1e-6)
    for desk in result.desks:
        own = [trip for trip in trips if trip.desk == desk]
        assert all(one.exit_ns <= two.exit_ns for one, two in pairwise(own))


def test_the_hit_rate_is_the_share_that_gained():
    trips = [RoundTrip("forex", 0, 1, pnl) for pnl in (5.0, -1.0, 0.0, 2.0)]
    assert (hit_rate(trips), hit_rate([])) == (0.5, None)


def test_the_curve_ends_where_the_account_does(result):
    cut = msgspec.structs.replace(result, samples=result.samples[:3])
    curve = curve_of(cut)
    assert curve.equity[-1] == pytest.approx(account_end(result).equity / MONEY)
    assert len(curve.time_ns) == 4
    assert (curve.low <= curve.equity).all()


def test_the_year_has_the_days_of_what_is_traded():
    plan = a_plan()
    assert days_per_year(plan) == 260
    shares, coins = (
        msgspec.structs.replace(
            plan, instruments=tuple(msgspec.structs.replace(one, kind=kind) for one in plan.instruments)
        )
        for kind in (Kind.EQUITY, Kind.CRYPTO)
    )
    assert (days_per_year(shares), days_per_year(coins)) == (252, 365)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_table_has_the_columns_that_fit(result, width):
    rows = desk_rows(result)
    shown = fitting(DESK_HEADERS, rows, width)
    assert {0, len(DESK_HEADERS) - 1} <= set(shown)
    needed = sum(max(len(line[k]) for line in (DESK_HEADERS, *rows)) + 2 for k in shown)
    assert needed <= max(width, 50)
    if width == 200:
        assert shown == list(range(len(DESK_HEADERS)))


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_is_printed_whole(result, width):
    console = Console(width=width, record=True, file=StringIO())
    for table in summary_tables(result, FACTS, width):
        console.print(table)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for words in ("forex", "arbitrage", "binary", "Final equity", "Sharpe", "Why decisions were stopped"):
        assert words in text


def test_nothing_in_a_table_is_read_as_markup(result):
    desks = {"[red]forex[/red]": result.desks["forex"]}
    odd = msgspec.structs.replace(result, desks=desks, trades=())
    console = Console(width=120, record=True, file=StringIO())
    for table in summary_tables(odd, FACTS, 120):
        console.print(table)
    assert "[red]forex[/red]" in console.export_text()


def test_every_sample_is_a_period_where_a_year_of_them_is_given(result):
    metrics = metrics_of(result, periods_per_year=252 * 24)
    assert (metrics["sampled"], metrics["periods_per_year"]) == ("bar", 6048)
    assert metrics["n"] == len(closed_samples(result))
