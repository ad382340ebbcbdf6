"""What a person has taken over of what was traded past a run: one position and cash, at one instant of the stream."""

from pathlib import Path

import pytest

from actors.folding import check_snapshots
from actors.messages import END
from actors.restoring import newest_session, restore_book
from actors.settings import GOVERNOR, RISK
from actors.staging import has_stopped, on_simulated, open_session, stage_world
from actors.world import Faults, World
from journal.order_records import Adjustment, Report, Stated
from journal.records import Command, Outcome
from journal.store import MemoryJournal
from market.quotes import to_account, to_account_up
from research.accounts import audit
from research.reconcile import ReconcileError, accept, standings
from research.replay import replay_session
from tests.simulation import live
from tests.simulation.live import CALM, plan_of, settings_for
from venues.simulated.faults import Fault

AFTER = Faults(repeat=0.05, delay=0.1, kills_per_s=4.0, kills_max=12, torn=0.6, linger=0.4)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory):
    return tmp_path_factory.mktemp("tapes")


class Run:
    """A session at simulated venues on whose accounts somebody else trades."""

    def __init__(self, folder, seed=2, faults=CALM, **changes):
        self.settings = settings_for(folder, **changes)
        self.journal = MemoryJournal()
        open_session(self.journal, self.settings, (), "")
        self.venues = live.open_venues(self.settings, plan_of(Fault.NONE), seed)
        self.world = World(seed, faults)
        stage_world(self.world, self.settings, self.journal, on_simulated(self.world, self.venues))

    def until(self, condition):
        self.world.run(lambda: condition() or has_stopped(self.world), live.STEPS_MAX)
        assert not has_stopped(self.world), "the run was over before"

    def end(self):
        self.world.run(lambda: has_stopped(self.world), live.STEPS_MAX)
        return newest_session(self.journal)

    def of(self, kind):
        return [record for record in (entry.record() for entry in self.journal.entries()) if isinstance(record, kind)]

    def trade_by_hand(self, instrument, lots):
        """Trade at an instant that nobody counts on, as the market of the venue stands."""
        venue = self.venues[instrument.partition("@")[2]]
        venue.exchange.trade_by_hand(instrument, lots, venue.exchange.now_ns)

    def standing(self):
        return [item for one in standings(self.journal) for item in one.breaks if item.kind == "POSITION_BREAK"]

    def taken_over(self):
        """Take over whatever stands."""
        return [
            accept(self.journal, item.instrument, who="ann", reason="closed a hedge", now_ns=7)
            for item in self.standing()
        ]  # fmt: skip

    def audits(self):
        records = [entry.record() for entry in self.journal.entries()]
        return [audit(records, name, venue.exchange) for name, venue in self.venues.items()]


def met(run):
    """Somebody has traded, the break stands, and risk has gone some way beyond."""
    run.until(lambda: any(report.report == "FILL" for report in run.of(Report)))
    name = run.of(Report)[-1].instrument
    run.trade_by_hand(name if "." not in name else "EURUSD@a", 7)
    run.until(run.standing)


def cash_of(settings, log):
    """What the trades of a session come to in cash and lots, by its reports and adjustments alone."""
    return restore_book(settings.plan, log, END).ledger


def test_what_was_taken_over_is_in_the_position_and_the_cash_that_risk_judges_on(tapes):
    run = Run(tapes)
    met(run)
    (accepted,) = run.taken_over()
    log = run.end()
    (command,), (outcome,) = run.of(Command), run.of(Outcome)
    assert (command.action, command.subject, command.amount, command.who) == (
        "ADJUST", accepted.instrument, 7, ("ann",),
    )  # fmt: skip
    assert (command.row, outcome.row, outcome.result) == (-1, -1, "DONE")
    assert command.time_ns == outcome.time_ns
    risk = run.world.actor(RISK)._book.ledger
    number = run.settings.plan.index_of(accepted.instrument)
    booked = sum(one.lots for one in log.reports if one.instrument == accepted.instrument and one.report == "FILL")
    assert int(risk.positions[number].lots) == booked + 7
    there = run.venues[accepted.venue].exchange.positions
    assert int(risk.positions[number].lots) == there[accepted.instrument]
    assert all(one.is_reconciled for one in run.audits())
    assert check_snapshots(run.journal).problem is None


def test_the_trades_of_somebody_else_stand_in_the_journal_with_their_price_and_fee(tapes):
    run = Run(tapes)
    met(run)
    (said,) = [one for one in run.of(Stated) if one.number == -1]
    (accepted,) = run.taken_over()
    assert accepted.trades == ((said.lots, said.price, said.fee, said.rate_num, said.rate_den),)
    there = run.venues[accepted.venue].exchange.executions[said.venue_number - 1]
    assert (there.lots, there.price, there.fee) == (said.lots, said.price, said.fee)


def test_a_hedge_that_was_taken_over_and_closed_has_moved_the_cash_by_its_own_result(tapes):
    """Bought and sold by hand: nothing is held of it in the end, and the cash is what the venue says it cost."""
    run, calm = Run(tapes), Run(tapes)
    run.until(lambda: run.venues["a"].exchange.trades("EURUSD@a"))
    run.trade_by_hand("EURUSD@a", 5)
    run.until(run.standing)
    first = run.taken_over()
    run.until(lambda: run.of(Outcome))
    run.trade_by_hand("EURUSD@a", -5)
    run.until(run.standing)
    second = run.taken_over()
    log = run.end()
    assert [one.lots for one in [*first, *second]] == [5, -5]
    assert all(one.is_reconciled for one in run.audits())
    calm.end()
    plan = run.settings.plan
    (buy,), (sell,) = first[0].trades, second[0].trades
    tick = int(run.world.actor(RISK)._book.ledger.instruments[plan.index_of("EURUSD@a")].tick_value)
    gain = to_account(5 * (sell[1] - buy[1]) * tick, *sell[3:])
    fees = sum(to_account_up(trade[2], *trade[3:]) for trade in (buy, sell))
    ours = restore_book(plan, log, END).ledger.account[0].cash
    without = log.__class__(session=log.session, reports=log.reports, orders=log.orders)
    assert int(ours) - int(restore_book(plan, without, END).ledger.account[0].cash) == gain - fees


@pytest.mark.parametrize("seed", range(4))
def test_whoever_dies_it_is_booked_once_and_every_life_says_the_same(seed, tapes):
    run = Run(tapes, seed, CALM)
    met(run)
    run.taken_over()
    run.world._faults = AFTER
    log = run.end()
    assert run.world.kills
    assert [one.result for one in run.of(Outcome)] == ["DONE"]
    assert all(one.is_reconciled for one in run.audits())
    assert check_snapshots(run.journal).problem is None
    told = restore_book(run.settings.plan, log, END).ledger
    lived = run.world.actor(RISK)._book.ledger
    assert told.positions.lots.tolist() == lived.positions.lots.tolist()
    assert int(told.account[0].cash) == int(lived.account[0].cash)


def test_the_instant_comes_after_all_that_was_decided_and_reported_before(tapes):
    run = Run(tapes)
    met(run)
    run.taken_over()
    before = newest_session(run.journal).newest_ns
    for name in (GOVERNOR, RISK):
        run.world.kill(name)
    run.end()
    (command,) = run.of(Command)
    assert command.time_ns > before


def test_it_is_decided_again_as_it_was_decided(tapes):
    run = Run(tapes)
    met(run)
    run.taken_over()
    log = run.end()
    found = replay_session(Path("x"), log, tapes, None)
    assert found.first_difference is None
    assert found.decisions > 0


def test_a_difference_that_no_trade_explains_needs_a_price(tapes):
    run = Run(tapes)
    run.until(lambda: any(report.instrument == "EURUSD@a" for report in run.of(Report)))
    venue = run.venues["a"].exchange
    venue.positions["EURUSD@a"] = venue.positions.get("EURUSD@a", 0) + 4  # a correction without a word
    run.until(run.standing)
    with pytest.raises(ReconcileError, match="--price PRICE says at which price"):
        run.taken_over()
    for price in ("1.1000001", "-1", "much", "NaN"):
        with pytest.raises(ReconcileError, match=r"steps of 0\.00001"):
            accept(run.journal, "EURUSD@a", who="ann", reason="x", now_ns=7, price=price)
    accept(run.journal, "EURUSD@a", who="ann", reason="x", now_ns=7, price="1.10000")
    run.end()
    (accepted,) = run.of(Adjustment)
    assert accepted.trades[0][:3] == (4, 110_000, 0)
    assert [one.result for one in run.of(Outcome)] == ["DONE"]
