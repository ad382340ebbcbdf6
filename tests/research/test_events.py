"""What an account told of itself and what people ordered of it, in summaries, reports and metrics."""

from decimal import Decimal
from io import StringIO

import msgspec
import numpy as np
import pytest
from rich.console import Console

from actors.obeying import Flow
from journal.records import Alert, Breaker, Command, Outcome, Sample
from policies.plan import NewsEvent, RulesPlan
from research.report import ReportFacts
from research.report.equity import drawdown_of, floors_of
from research.report.events import event_counts, events_of, traded_near_news
from research.report.tables import event_table
from research.run_metrics import EquityCurve, account_end, flows_at, metrics_of
from research.summary import summary_tables
from tests.builders import DAY, MONEY, SECOND, START_NS, a_result
from tests.policies.account_books import some_news

FACTS = ReportFacts(stage="PAPER", command="trifecta run", tape_hash="a" * 64, events=1000, wall_seconds=1.0)
ALERT = Alert(
    time_ns=START_NS + 5, floor="mine daily", percent=70, equity=96_500 * MONEY, line=95_000 * MONEY
)  # fmt: skip
MIDNIGHT = START_NS // DAY * DAY


@pytest.fixture(scope="module")
def quiet():
    return a_result()


def a_command(row, action, **changes):
    terms = {"time_ns": START_NS + row, "wall_ns": 1, "session": 1, "subject": "", "amount": 0, "who": ("ann",),
             "reason": "a test"}  # fmt: skip
    return Command(row=row, action=action, **terms | changes)


@pytest.fixture(scope="module")
def told(quiet):
    return msgspec.structs.replace(
        quiet,
        alerts=(
            Alert(time_ns=START_NS + 5, floor="mine daily", percent=70, equity=96_500 * MONEY, line=95_000 * MONEY),
        ),
        breakers=(Breaker(time_ns=START_NS, breaker="COST", scope="instrument:EURUSD@a", until_ns=0),),
        commands=(a_command(1, "DEPOSIT", amount=250 * MONEY), a_command(2, "ENABLE", subject="instrument:EURUSD@a")),
        outcomes=(Outcome(time_ns=START_NS + 1, row=1, result="DONE"),),
    )


def test_events_are_told_in_order_with_who_and_why(told):
    assert [words for _, _, words in events_of(told)] == [
        "instrument:EURUSD@a: fills cost more than the model says",
        "deposit 250.000000 by ann (a test): done",
        "enable instrument:EURUSD@a by ann (a test): not obeyed yet",
        "70 % of mine daily used: equity 96,500.00, floor 95,000.00",
    ]


def test_a_summary_counts_them_and_a_report_lists_them(told, quiet):
    assert event_counts(told) == [
        ("alert", "70 % of mine daily", "1"), ("breaker", "cost of instrument:EURUSD@a", "1"),
        ("order", "deposit: done", "1"), ("order", "enable: taken", "1"),
    ]  # fmt: skip
    console = Console(file=StringIO(), width=120)
    for table in summary_tables(told, FACTS):
        console.print(table)
    assert "70 % of mine daily" in console.file.getvalue()
    assert "96,500.00" in event_table(told)
    assert (event_counts(quiet), event_table(quiet)) == ([], "")


def test_what_traded_within_a_window_of_the_news_is_told_with_its_releases(quiet):
    fills = [report for report in quiet.reports if report.report in ("FILL", "SETTLE")]
    first, last = fills[0], fills[-1]
    release = NewsEvent(first.time_ns // SECOND + 100, first.time_ns // SECOND + 100, "USD", "payrolls")
    rules = RulesPlan(profiles=("p",), news=some_news(release, window_s=100))
    near = msgspec.structs.replace(quiet, plan=msgspec.structs.replace(quiet.plan, rules=rules), reports=(first, last))
    assert events_of(near) == [
        (first.time_ns, "news", f"{first.instrument}: {first.lots:+,} traded within the window of payrolls")
    ]
    assert event_counts(near) == [("news", f"{first.instrument} traded within a window", "1")]
    alone = msgspec.structs.replace(near, reports=quiet.reports)
    windowed = [report for report in fills if 0 <= report.time_ns // SECOND - first.time_ns // SECOND <= 200]
    assert [report for report, _ in traded_near_news(alone)] == windowed


def test_money_that_leaves_is_no_drawdown_and_lowers_the_floor(quiet):
    times = np.array([10, 20, 30], np.int64)
    run = msgspec.structs.replace(quiet, flows=(Flow(15, -40 * MONEY), Flow(20, 5 * MONEY)))
    flows = flows_at(run, times)
    assert flows.tolist() == [0.0, -35.0, -35.0]
    levels = np.array([100.0, 65.0, 64.0])
    curve = EquityCurve(times, levels, levels, levels, np.array([100.0, 65.0, 65.0]))
    assert drawdown_of(curve, flows).tolist() == [0.0, 0.0, 1.0]
    limits = msgspec.structs.replace(quiet.plan.limits, drawdown_basis=0, drawdown_max=10 * MONEY)
    assert floors_of(curve, limits, 100.0 + flows).total.tolist() == [90.0, 55.0, 55.0]


def test_a_deposit_is_neither_profit_nor_return(quiet):
    def sample(day, equity):
        return Sample(time_ns=MIDNIGHT + day * DAY, equity=equity, low=equity, cash=equity, peak=equity)

    samples = (sample(1, 100_000 * MONEY), sample(2, 151_000 * MONEY), sample(3, 151_000 * MONEY))
    run = msgspec.structs.replace(
        quiet, samples=samples, trades=(), account={"equity": 151_000 * MONEY, "cash": 151_000 * MONEY},
        flows=(Flow(MIDNIGHT + DAY + 5, 50_000 * MONEY),),
    )  # fmt: skip
    end = account_end(run)
    assert (end.profit, end.flow) == (1_000 * MONEY, 50_000 * MONEY)
    with_flow, without = metrics_of(run, 252.0), metrics_of(msgspec.structs.replace(run, flows=()), 252.0)
    assert with_flow["best"] == pytest.approx(0.01)
    assert without["best"] == pytest.approx(0.51)
    assert Decimal(end.profit) == 10**9
