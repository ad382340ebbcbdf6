"""Trading is held while the journal cannot be written: nothing is told, nothing is lost, nothing is written twice."""

import random
from itertools import chain, repeat

import pytest

from actors.messages import END, START, Pull
from actors.settings import RISK, SUPERVISOR
from actors.staging import open_session, run_world
from actors.world import Faults
from journal.order_records import Order, Report
from journal.records import Decision, Sample, Stop
from journal.store import Fenced
from journal.verify import verify_journal
from tests.actors.bench import a_fill, a_governor, a_group, an_intent, at, reports_of, settings_of
from tests.actors.test_governor import ROLL, SAMPLE, kept, kinds, numbers, pair, verdicts
from tests.builders import MINUTE, START_NS, a_tape
from tests.journal.failing import FAILS, LOST, WORKS, FailingJournal


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path)


def a_journal(settings, *moods):
    """Return a journal in which a session has begun, and whose next appends fare so."""
    journal = FailingJournal(iter([WORKS, *moods]))
    open_session(journal, settings, (), "")
    return journal


def told_but_alive(recorder):
    return [told for told in recorder.told if told.receiver != SUPERVISOR]


def gist(recorder):
    """Return what was told to whom, orders by their numbers."""
    return [
        (told.receiver, told.method, numbers(told.message) if told.method == "on_orders" else None)
        for told in recorder.told
    ]


NEWS = verdicts(1, ROLL, SAMPLE, a_group(2, pair(2)), horizon=at(3))


@pytest.mark.parametrize("moods", [(FAILS,), (LOST,), (FAILS, FAILS, LOST, FAILS, LOST)])
def test_what_could_not_be_written_is_written_once_and_told_when_the_journal_works_again(settings, moods):
    calm, heard = a_governor(settings, a_journal(settings))
    calm.on_verdicts(NEWS)
    expected, told = kept(calm._journal), gist(heard)

    governor, recorder = a_governor(settings, a_journal(settings, *moods))
    governor.on_verdicts(NEWS)
    for _ in moods[1:]:
        governor.on_tick(0)
        assert told_but_alive(recorder) == []
        assert governor.status()["held"].startswith("the journal cannot be written now")
    recorder.take()
    governor.on_tick(0)
    assert (kept(governor._journal), governor.status()["held"]) == (expected, "")
    assert gist(recorder)[: len(told)] == told
    governor.on_tick(0)
    assert kept(governor._journal) == expected
    assert verify_journal(governor._journal).ok


def test_whatever_comes_while_trading_is_held_waits_and_nobody_is_told_anything(settings):
    governor, recorder = a_governor(settings, a_journal(settings, *repeat(FAILS, 2)))
    governor.on_verdicts(NEWS)
    governor.on_verdicts(NEWS)
    for receiver in (RISK, *settings.agents, *settings.gateways):
        governor.on_pull(Pull(receiver, START, again=True))
    governor.on_verdicts(verdicts(4, a_group(4, an_intent(4)), horizon=at(5)))
    governor.on_reports(reports_of(at(2.12), a_fill(0, 2.1), calm_ns=END, orders=1))
    governor.on_tick(0)
    assert (told_but_alive(recorder), kept(governor._journal)) == ([], [])
    governor.on_tick(0)
    assert [number for told in recorder.told if told.method == "on_orders" for number in numbers(told.message)]
    assert kinds(governor._journal).count(Decision) == 2
    assert kinds(governor._journal).count(Report) == 1


def test_orders_of_what_is_held_leave_in_their_order_when_it_ends(settings):
    governor, recorder = a_governor(settings, a_journal(settings, FAILS))
    governor.on_verdicts(NEWS)
    governor.on_verdicts(verdicts(4, a_group(4, pair(4)), horizon=at(5)))
    governor.on_tick(0)
    orders = [record.number for record in kept(governor._journal) if isinstance(record, Order)]
    assert orders == [0, 1, 2, 3]
    batches = [told.message for told in recorder.told if told.receiver == "gateway-a" and told.method == "on_orders"]
    assert [numbers(batch) for batch in batches][:2] == [[0], [0, 2]]


def test_an_end_that_is_not_written_is_no_end(settings):
    governor, _ = a_governor(settings, a_journal(settings, FAILS, FAILS))
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE, horizon=END, complete=True))
    governor.on_stop("too late")
    assert (governor.stopped, governor.status()["complete"]) == (False, False)
    governor.on_tick(0)
    assert not governor.stopped
    governor.on_tick(0)
    assert (governor.stopped, governor.status()["complete"]) == (True, True)
    assert kept(governor._journal)[-1] == Stop(time_ns=END, number=1, complete=True, reason="end")
    assert kinds(governor._journal).count(Stop) == 1


def test_a_stop_that_is_wished_while_trading_is_held_comes_after_what_is_held(settings):
    governor, _ = a_governor(settings, a_journal(settings, FAILS))
    governor.on_verdicts(NEWS)
    governor.on_stop("interrupted")
    governor.on_tick(0)
    assert governor.stopped
    assert [type(record) for record in kept(governor._journal)][-3:] == [Order, Order, Stop]


@pytest.mark.parametrize("mood", [FAILS, LOST])
def test_whoever_is_replaced_while_trading_is_held_ends_and_tells_nothing(settings, mood):
    ended = []
    journal = a_journal(settings, mood)
    governor, recorder = a_governor(settings, journal, lambda: ended.append(True))
    governor.on_verdicts(NEWS)
    successor, _ = a_governor(settings, journal)
    with pytest.raises(Fenced):
        governor.on_tick(0)
    assert (ended, told_but_alive(recorder)) == ([True], [])
    assert successor.taken == (0 if mood == FAILS else 3)  # what was written counts, told or not


# --- a whole run


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tapes")
    return settings_of(folder, a_tape(60, 400, start_ns=START_NS + 60 * MINUTE), batch_rows=64, snapshot_groups=6)


def run(settings, moods, seed=0, faults=None):
    journal = FailingJournal(chain([WORKS], moods))
    open_session(journal, settings, (), "")
    run_world(settings, journal, seed, faults)
    return journal


def outcome(journal):
    """Return what was decided, ordered and reported, without the epoch, which says who did it."""
    found = [entry.record() for entry in journal.entries()]
    return [
        sorted(
            (tuple(getattr(record, name) for name in record.__struct_fields__ if name != "epoch") for record in found
             if isinstance(record, kind)),
            key=repr,
        )
        for kind in (Decision, Order, Report, Sample, Stop)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def calm(market):
    return outcome(run(market, ()))


def moods_of(seed, share):
    dice = random.Random(seed)
    return (dice.choice((FAILS, LOST)) if dice.random() < share else WORKS for _ in range(100_000))


@pytest.mark.parametrize("seed", range(4))
def test_a_run_over_a_journal_that_fails_now_and_then_comes_to_the_same_end(market, calm, seed):
    journal = run(market, moods_of(seed, 0.3), seed)
    assert min(journal.failures.values()) > 3
    assert outcome(journal) == calm
    assert verify_journal(journal).ok


@pytest.mark.parametrize("seed", range(4))
def test_so_does_one_whose_actors_are_killed_meanwhile(market, calm, seed):
    faults = Faults(repeat=0.05, loss=0.02, delay=0.1, kills_per_s=0.3, kills_max=12, torn=0.4, linger=0.3)
    journal = run(market, moods_of(seed, 0.3), seed, faults)
    assert min(journal.failures.values()) > 3
    assert outcome(journal) == calm
    assert verify_journal(journal).ok
