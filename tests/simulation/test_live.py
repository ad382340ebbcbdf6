"""Runs on simulated venues: every order there once, whoever dies and whatever fails; without faults they are paper."""

from itertools import chain, repeat
from pathlib import Path

import msgspec
import pytest

from actors.messages import END
from actors.settings import GOVERNOR
from actors.staging import open_session, stage_world
from actors.tape_gateway import TapeGateway
from actors.world import Faults, World
from journal.order_records import OrderNews, Stated
from journal.store import MemoryJournal
from policies.floors import Mode as LossMode
from research.digests import first_difference
from research.result import result_of_session
from tests.builders import MONEY, a_plan, a_result
from tests.journal.failing import FAILS, WORKS, FailingJournal
from tests.policies.account_books import a_floor, some_rules
from tests.simulation import live
from tests.simulation.live import CALM, EVERYTHING, KILLS, plan_of, play, problems, settings_for
from venues.replay import load_tape
from venues.simulated.faults import Fault, FaultPlan

SEEDS = {fault: (0, 5) if fault in (Fault.NEWS_LOST, Fault.DELAY) else (0,) for fault in Fault}
"""Played before every commit; `python -m tests.simulation.live --seeds 200` plays more."""


@pytest.fixture(scope="module")
def tapes(tmp_path_factory):
    return tmp_path_factory.mktemp("tapes")


def tape_of(settings):
    return load_tape(Path(settings.tape_folder), settings.tape_hash)


def result_on(settings, outcome):
    return result_of_session(settings.plan, tape_of(settings), outcome.log, [0] * 3)


def test_without_a_fault_a_run_decides_and_fills_bit_for_bit_as_on_paper(tapes):
    settings = settings_for(tapes, minutes=75, ticks=500)
    outcome = play(settings, 1, CALM, plan_of(Fault.NONE))
    assert problems(outcome, Fault.NONE) == []
    assert first_difference(a_result(settings.plan, tape_of(settings)), result_on(settings, outcome)) is None
    assert sum(one.orders for one in outcome.audits) > 50


@pytest.mark.parametrize(("fault", "seed"), [(fault, seed) for fault, seeds in SEEDS.items() for seed in seeds])
def test_no_order_is_lost_doubled_or_orphaned_and_the_ledger_is_the_venues(fault, seed, tapes):
    settings = settings_for(tapes, turn=1 + seed % 4)
    outcome = play(settings, seed, (KILLS, EVERYTHING)[seed % 2], plan_of(fault))
    assert problems(outcome, fault) == []
    assert outcome.kills > 0
    assert outcome.log.complete


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_all_faults_together_leave_nothing_behind(seed, tapes):
    chances = {fault: chance / 4 for fault, chance in live.CHANCE.items() if fault is not Fault.MANUAL_TRADE}
    outcome = play(settings_for(tapes), seed, EVERYTHING, FaultPlan(chances=chances, latency_ns=0))
    assert problems(outcome, Fault.NONE) == []


def test_the_same_seed_writes_the_same_journal_bytes(tapes):
    settings, plan = settings_for(tapes), plan_of(Fault.DELAY)
    one, other = (play(settings, 3, KILLS, plan) for _ in range(2))
    assert one.kills > 0
    assert one.lines == other.lines


def test_what_somebody_else_trades_blocks_its_instrument_and_stands_as_a_break(tapes):
    outcome = play(settings_for(tapes), 2, CALM, plan_of(Fault.MANUAL_TRADE))
    broken = [one for one in outcome.audits if not one.is_reconciled]
    assert broken
    assert all(kind == "POSITION_BREAK" for one in broken for kind, *_ in one.breaks)
    assert any("blocked" in reason for reason in reasons_of(tapes, 2))


def reasons_of(tapes, seed):
    """Why orders were not sent, in the run above."""
    settings, journal = settings_for(tapes), MemoryJournal()
    open_session(journal, settings, (), "")
    world = World(seed, CALM)
    venues = live.open_venues(settings, plan_of(Fault.MANUAL_TRADE), seed)
    stage_world(world, settings, journal, live.on_simulated(world, venues))
    world.run(lambda: live.has_stopped(world), live.STEPS_MAX)
    records = [entry.record() for entry in journal.entries()]
    assert any(isinstance(record, Stated) for record in records)
    return {record.reason for record in records if isinstance(record, OrderNews)}


class Forgetful(TapeGateway):
    """A gateway that says nothing of a part of what it hears."""

    def _collect(self):
        for news in list(self.working.news):
            if getattr(news, "said", None) is not None and news.said.number == 3:
                self.working.news.remove(news)
        super()._collect()


def test_a_gateway_that_loses_an_execution_is_found(tapes, monkeypatch):
    monkeypatch.setattr("actors.staging.TapeGateway", Forgetful)
    monkeypatch.setattr(live, "STEPS_MAX", 4_000)
    with pytest.raises((AssertionError, RuntimeError)):
        play(settings_for(tapes), 1, CALM, plan_of(Fault.NONE))


def test_while_the_journal_cannot_be_written_news_waits_and_nothing_is_told(tapes):
    settings = settings_for(tapes)
    moods = chain(repeat(WORKS, 12), repeat(FAILS, 6), repeat(WORKS, 3), repeat(FAILS, 2), repeat(WORKS))
    journal = FailingJournal(moods)
    open_session(journal, settings, (), "")
    world = World(1, Faults())
    venues = live.open_venues(settings, plan_of(Fault.NONE), 1)
    stage_world(world, settings, journal, live.on_simulated(world, venues))
    world.run(lambda: live.has_stopped(world), 20_000)
    records = [entry.record() for entry in journal.entries()]
    audits = [live.audit(records, name, venue.exchange) for name, venue in venues.items()]
    assert all(one.is_reconciled for one in audits)
    calm = play(settings, 1, CALM, plan_of(Fault.NONE))
    kept = [msgspec.json.encode(decision) for decision in live.newest_session(journal).decisions]
    assert kept == [msgspec.json.encode(decision) for decision in calm.log.decisions]
    assert world.actor(GOVERNOR).horizon_ns == END


def test_under_rules_that_close_holdings_a_run_with_something_held_comes_to_its_end_as_on_paper(tapes):
    rules = some_rules(a_floor(LossMode.STATIC, amount=10**6 * MONEY), flattens=1)
    settings = settings_for(tapes, minutes=90, plan=a_plan(rules=rules))
    outcome = play(settings, 1, CALM, plan_of(Fault.NONE))
    assert problems(outcome, Fault.NONE) == []
    assert any(one.positions for one in outcome.audits)
    assert first_difference(a_result(settings.plan, tape_of(settings)), result_on(settings, outcome)) is None
