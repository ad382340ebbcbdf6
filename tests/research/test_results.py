"""A run's result is the same whichever way it ran; digests and differences say where two runs part."""

import msgspec
import pytest

from actors.restoring import newest_session, sessions
from journal.order_records import Report
from market.instruments import Kind
from research.digests import digests_of, first_difference, parts_of
from research.result import equity_curve, fold_trades, result_of_session
from research.run_metrics import account_end, closed_trades
from tests.builders import MONEY, a_plan, a_result, a_tape
from tests.research.journals import a_session


@pytest.fixture(scope="module")
def plan():
    return a_plan()


@pytest.fixture(scope="module")
def tape():
    return a_tape(minutes=100, ticks=2000)


@pytest.fixture(scope="module")
def rolled(plan, tape):
    return a_result(plan, tape)


@pytest.fixture(scope="module")
def journaled(plan, tape, tmp_path_factory):
    _, journal = a_session(tmp_path_factory.mktemp("tapes"), plan, tape)
    return journal


def test_a_session_on_actors_has_the_result_of_the_rollout(plan, tape, rolled, journaled):
    heard = [desk.candidates for desk in rolled.desks.values()]
    result = result_of_session(plan, tape, newest_session(journaled), heard)
    assert first_difference(rolled, result) is None
    assert digests_of(result) == digests_of(rolled)
    assert result.trades == rolled.trades
    assert result.desks == rolled.desks
    assert result.positions == rolled.positions
    assert result.latches == rolled.latches
    assert account_end(result) == account_end(rolled)
    assert [curve.tolist() for curve in equity_curve(result)] == [curve.tolist() for curve in equity_curve(rolled)]


def test_every_order_belongs_to_its_decision(rolled):
    executed = {number: decision for decision in rolled.decisions for number in decision.orders}
    assert {decision.ruling for decision in executed.values()} == {"EXECUTE"}
    for order in rolled.orders:
        decision = executed.get(order.number)
        if decision is not None:
            leg = decision.legs[decision.orders.index(order.number)]
            assert (order.instrument, order.time_ns) == (leg.instrument, decision.time_ns)
        assert order.arrive_ns > order.time_ns
    assert len({order.order_id for order in rolled.orders}) == len(rolled.orders)


def test_fills_of_the_trades_add_up(plan, rolled):
    for instrument in plan.instruments:
        fills = [one for one in rolled.reports if one.instrument == instrument.key and one.report == "FILL"]
        held = rolled.positions.get(instrument.key, {"lots": 0})["lots"]
        if instrument.kind is not Kind.BINARY:
            assert sum(fill.lots for fill in fills) == held


def test_money_adds_up_from_the_first_fill_to_the_last_cent(plan, rolled):
    booked = sum(round(trade.pnl * MONEY) for trade in rolled.trades)
    assert sum(round(desk.pnl * MONEY) for desk in rolled.desks.values()) == booked
    assert [round(trade.net * MONEY) for trade in closed_trades(rolled)] == [
        round(trade.pnl * MONEY) for trade in rolled.trades
    ]
    assert rolled.account["cash"] == plan.cash + booked + open_cash(rolled)


def open_cash(result):
    """Cash that open positions have moved: fees of their entries, and the stakes of contracts that still run."""
    entries = sum(round(report.fee) for report in result.reports if report.report == "FILL")
    assert entries == 0  # the builders' instruments charge none
    contracts = {one.key for one in result.plan.instruments if one.kind is Kind.BINARY}
    return -sum(position["cost"] for key, position in result.positions.items() if key in contracts)


def test_contracts_are_entered_at_their_strike_and_leave_at_the_settlement_price(plan, rolled):
    contract = next(one for one in plan.instruments if one.kind is Kind.BINARY)
    underlying = plan.instruments[plan.index_of(contract.underlying)]
    bought = {
        report.time_ns: underlying.price_of(report.price / 2)
        for report in rolled.reports
        if report.instrument == contract.key and report.report == "FILL"
    }
    trades = [trade for trade in rolled.trades if trade.instrument == contract.key]
    assert len(trades) > 5
    for trade in trades:
        assert trade.entry_price == bought[trade.entry_ns]
        moved = (trade.exit_price - trade.entry_price) * (1 if trade.side == "LONG" else -1)
        assert (moved > 0) == (trade.pnl > 0) or moved == 0


def test_trades_fold_from_reports_in_any_order_of_the_venues(plan, rolled):
    forward = fold_trades(plan, rolled.reports)
    shuffled = sorted(rolled.reports, key=lambda report: (report.venue, report.execution))
    assert forward.tobytes() == fold_trades(plan, shuffled).tobytes()
    assert len(forward) == len(rolled.trades)


def test_the_epoch_and_the_order_of_venues_mean_nothing(rolled):
    again = msgspec.structs.replace(
        rolled,
        decisions=tuple(msgspec.structs.replace(one, epoch=7) for one in rolled.decisions),
        orders=tuple(msgspec.structs.replace(one, epoch=7, time_ns=0) for one in reversed(rolled.orders)),
        reports=tuple(sorted(rolled.reports, key=lambda report: report.venue)),
    )
    assert digests_of(again) == digests_of(rolled)


def changed(entries, index, **fields):
    return (*entries[:index], msgspec.structs.replace(entries[index], **fields), *entries[index + 1 :])


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("decisions", lambda run: {"decisions": changed(run.decisions, 3, confidence=0.111)}),
        ("orders", lambda run: {"orders": changed(run.orders, 3, lots=99)}),
        ("fills", lambda run: {"reports": changed(run.reports, 3, price=1)}),
        ("samples", lambda run: {"samples": changed(run.samples, 3, equity=1)}),
        ("ledger", lambda run: {"account": run.account | {"cash": 1}}),
        ("ledger", lambda run: {"positions": run.positions | {"EURUSD@fx": {"lots": 1, "cost": 1}}}),
    ],
)
def test_the_first_difference_is_found_in_its_part(rolled, part, change):
    other = msgspec.structs.replace(rolled, **change(rolled))
    difference = first_difference(rolled, other)
    assert difference.part == part
    assert difference.left != difference.right
    ours, theirs = digests_of(rolled), digests_of(other)
    assert [name for name in parts_of(rolled) if getattr(ours, name) != getattr(theirs, name)] == [part]


def test_a_missing_entry_is_a_difference(rolled):
    short = msgspec.structs.replace(rolled, decisions=rolled.decisions[:-1])
    difference = first_difference(rolled, short)
    assert (difference.part, difference.index, difference.right) == ("decisions", len(rolled.decisions) - 1, None)
    assert first_difference(short, rolled).left is None


def test_a_session_cut_before_its_first_snapshot_has_a_result(plan, tape, journaled):
    log = newest_session(journaled)
    cut = msgspec.structs.replace(log, snapshots=[], reports=log.reports[:3], samples=log.samples[:1])
    result = result_of_session(plan, tape, cut, [0, 0, 0])
    assert result.account == {}
    assert account_end(result).equity == log.samples[0].equity


def test_sessions_of_a_journal_are_told_apart(journaled):
    (log,) = sessions(journaled)
    assert log.complete
    assert log.session.number == 1


def test_a_report_of_an_unknown_instrument_is_an_error(plan, rolled):
    alien = Report(**(msgspec.structs.asdict(rolled.reports[0]) | {"instrument": "GOLD@nowhere"}))
    with pytest.raises(KeyError, match="GOLD@nowhere"):
        fold_trades(plan, [alien])
