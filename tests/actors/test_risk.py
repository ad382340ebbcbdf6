"""The risk manager: nothing moves before every source has passed it, and nothing is judged twice."""

import pytest

from actors.messages import END, START, Finding, Grant, Pull, Rulings
from actors.restoring import snapshot_of
from actors.risk import RiskManager
from actors.settings import GOVERNOR
from actors.staging import MemoryOpener
from journal.records import Snapshot
from market.records import unpacked
from policies.intents import INTENT, Ruling
from policies.risk import LIVE_COUNT
from tests.actors.bench import (
    QUOTED_A,
    Recorder,
    a_fill,
    a_journal,
    an_intent,
    at,
    intents_of,
    reports_of,
    rows,
    settings_of,
    some_quotes,
)

QUOTES = some_quotes(*((second, feed, 110000, 110008) for second in range(20) for feed in (4, 5)))


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path, QUOTES, snapshot_groups=2)


class Desk:
    """A risk manager with its recorder; everything has been told up to a second but the arbitrage desk's intents."""

    def __init__(self, settings, journal=None, epoch=2):
        self.settings, self.recorder, self.epoch = settings, Recorder(), epoch
        self.risk = RiskManager("risk", settings, self.recorder, MemoryOpener(journal or a_journal(settings)))

    def granted(self):
        self.risk.on_grant(Grant(self.epoch, -1, ()))
        self.recorder.take()
        return self

    def known_to(self, upto_ns):
        self.risk.on_rows(rows(QUOTES, upto_ns))
        self.risk.on_reports(reports_of(upto_ns, source=GOVERNOR, epoch=self.epoch))
        for agent in ("agent-forex", "agent-binary"):
            self.risk.on_intents(intents_of(upto_ns, source=agent, epoch=self.epoch))
        return self

    def findings(self):
        """Return (number of the first, findings, horizon) of what was told since the last look."""
        batches = self.recorder.take(GOVERNOR, "on_verdicts")
        found = [finding for batch in batches for finding in batch.findings]
        return (batches[0].first if batches else None), found, batches[-1].horizon_ns if batches else None

    @property
    def book(self):
        return self.risk._book

    def working(self):
        return self.book.working_long.tolist(), self.book.working_short.tolist()


def groups(found):
    return [unpacked(finding.group, INTENT) for finding in found if finding.group is not None]


NOTHING = [0] * 7
FIVE = [0, 0, 0, 0, 5, 0, 0]


def judged(settings, *intents):
    """Return a risk manager that has judged what came at second 3 and waits for the rulings."""
    desk = Desk(settings).granted().known_to(at(10))
    desk.risk.on_intents(intents_of(at(10), *(intents or [an_intent(3)])))
    return desk


def test_before_a_governor_is_known_nothing_moves_and_it_is_asked_for(settings):
    desk = Desk(settings).known_to(at(10))
    desk.risk.on_intents(intents_of(at(10), an_intent(3)))
    assert desk.risk.status()["done_ns"] == START
    desk.recorder.take()
    desk.risk.on_tick(0)
    assert desk.recorder.take(GOVERNOR) == [Pull("risk", START, again=True)]


def test_the_book_moves_only_as_far_as_every_source_has_passed(settings):
    desk = Desk(settings).granted()
    desk.risk.on_rows(rows(QUOTES, at(10)))
    desk.risk.on_reports(reports_of(at(7), source=GOVERNOR))
    desk.risk.on_intents(intents_of(at(9), source="agent-forex"))
    desk.risk.on_intents(intents_of(at(8), source="agent-binary"))
    assert desk.risk.status()["done_ns"] == START
    desk.risk.on_intents(intents_of(at(5)))
    assert desk.risk.status()["done_ns"] == at(5)
    desk.risk.on_intents(intents_of(at(6), after_ns=at(5)))
    desk.risk.on_intents(intents_of(END, after_ns=at(6)))
    assert desk.risk.status()["done_ns"] == at(7)


def test_the_first_instant_of_a_day_is_a_roll_with_the_desks_budgets(settings):
    desk = judged(settings)
    first, found, horizon = desk.findings()
    assert first == 1
    assert found[0] == Finding(at(0) // (86_400 * 10**9) * 86_400 * 10**9, budgets=(100_000_000_000,) * 3)
    assert found[1].sample == (100_000_000_000,) * 4
    assert horizon == at(10)  # agents know what comes next without the rulings, and so may venues


def test_up_to_a_group_behind_which_a_snapshot_is_due_and_no_further_may_venues_go(settings):
    """A report of later than the cut would be in the journal before it."""
    desk = judged(settings, an_intent(3), an_intent(4))
    assert desk.findings()[2] == at(4) - 1
    for second, upto in ((3, 4), (4, 10)):
        desk.risk.on_rulings(Rulings(2, at(second), (int(Ruling.NOT_AUTO),), (-1,)))
        assert desk.findings()[2] == at(upto)


def test_a_group_is_judged_reserved_and_told_once(settings):
    desk = judged(settings, an_intent(3), an_intent(3, lots=3000))
    _, found, _ = desk.findings()
    (group,) = groups(found)
    assert [(int(row.lots0), int(row.rules) != 0) for row in group] in (
        [(5, False), (3000, True)],
        [(3000, True), (5, False)],
    )
    assert desk.working() == (FIVE, NOTHING)
    assert desk.risk.status()["done_ns"] == at(3)
    desk.risk.on_intents(intents_of(at(10), an_intent(3)))
    desk.known_to(at(10))
    assert (desk.findings()[1], desk.working()) == ([], (FIVE, NOTHING))


def test_nothing_moves_while_a_group_waits_for_its_rulings(settings):
    desk = judged(settings, an_intent(3), an_intent(4))
    assert (desk.risk.status()["done_ns"], len(groups(desk.findings()[1]))) == (at(3), 1)
    desk.risk.on_rulings(Rulings(2, at(3), (int(Ruling.EXECUTE),), (0,)))
    assert (desk.risk.status()["done_ns"], len(groups(desk.findings()[1]))) == (at(4), 1)


@pytest.mark.parametrize(("ruling", "left"), [(Ruling.EXECUTE, FIVE), (Ruling.NOT_AUTO, NOTHING)])
def test_a_reservation_stays_with_an_executed_intent_and_goes_with_a_withheld_one(settings, ruling, left):
    desk = judged(settings)
    trades = int(desk.book.ledger.account[0].trades_today)
    desk.risk.on_rulings(Rulings(2, at(3), (int(ruling),), (0 if ruling == Ruling.EXECUTE else -1,)))
    assert desk.working() == (left, NOTHING)
    assert (trades, int(desk.book.ledger.account[0].trades_today)) == (1, int(ruling == Ruling.EXECUTE))
    assert desk.risk.status()["done_ns"] == at(10)


@pytest.mark.parametrize(("epoch", "second"), [(1, 3), (3, 3), (2, 2), (2, 4)])
def test_rulings_of_another_epoch_or_instant_are_left(settings, epoch, second):
    desk = judged(settings)
    desk.risk.on_rulings(Rulings(epoch, at(second), (int(Ruling.EXECUTE),), (0,)))
    assert (desk.working(), desk.risk.status()["done_ns"]) == ((FIVE, NOTHING), at(3))


def test_rulings_that_come_twice_count_once(settings):
    desk = judged(settings, an_intent(3), an_intent(4))
    answer = Rulings(2, at(3), (int(Ruling.EXECUTE),), (0,))
    for _ in range(2):
        desk.risk.on_rulings(answer)
    assert int(desk.book.counts[LIVE_COUNT]) == 1
    assert desk.working() == ([0, 0, 0, 0, 10, 0, 0], NOTHING)  # placed: 5, judged and waiting: 5


def test_rulings_that_bring_reports_are_rulings_and_then_reports(settings):
    apart, together = judged(settings), judged(settings)
    answer = Rulings(2, at(3), (int(Ruling.EXECUTE),), (0,))
    filled = reports_of(at(12), a_fill(0, 11), after_ns=at(10), source=GOVERNOR)
    apart.risk.on_rulings(answer)
    apart.risk.on_reports(filled)
    together.risk.on_rulings(answer, filled)
    for desk in (apart, together):
        desk.risk.on_rows(rows(QUOTES, END))
        for agent in desk.settings.agents:
            desk.risk.on_intents(intents_of(END, after_ns=at(10), source=agent))
    assert apart.risk.status() == together.risk.status()
    assert set(together.risk.status()["positions"].values()) == {5}
    assert together.working() == (NOTHING, NOTHING)


def test_a_fill_turns_the_reservation_into_a_position(settings):
    desk = judged(settings)
    desk.risk.on_rulings(Rulings(2, at(3), (int(Ruling.EXECUTE),), (0,)))
    for _ in range(2):
        desk.risk.on_reports(reports_of(at(12), a_fill(0, 11), after_ns=at(10), source=GOVERNOR))
    desk.risk.on_rows(rows(QUOTES, END))
    for agent in desk.settings.agents:
        desk.risk.on_intents(intents_of(END, after_ns=at(10), source=agent))
    assert desk.risk.status()["positions"] == {"EURUSD@a": 5}
    assert desk.working() == (NOTHING, NOTHING)
    assert int(desk.book.ledger.account[0].fills) == 1


def test_reports_of_another_epoch_and_reports_after_a_gap_are_not_taken(settings):
    desk = judged(settings)
    desk.risk.on_rulings(Rulings(2, at(3), (int(Ruling.EXECUTE),), (0,)))
    for batch in (
        reports_of(at(12), a_fill(0, 11), after_ns=at(10), source=GOVERNOR, epoch=1),
        reports_of(at(12), a_fill(0, 11.5), after_ns=at(11), source=GOVERNOR),
    ):
        desk.risk.on_reports(batch)
    assert (len(desk.risk._reports), desk.risk._reported_ns) == (0, at(10))


def test_intents_of_another_epoch_are_not_judged(settings):
    desk = Desk(settings).granted().known_to(at(10))
    for epoch in (1, 3):
        desk.risk.on_intents(intents_of(at(10), an_intent(3), epoch=epoch))
    assert (groups(desk.findings()[1]), desk.working()) == ([], (NOTHING, NOTHING))


def test_a_new_governor_makes_risk_take_back_what_was_not_ruled_on_and_judge_it_anew(settings):
    desk = judged(settings)
    first, found, _ = desk.findings()
    number = first + len(found) - 1
    desk.risk.on_grant(Grant(3, -1, ()))
    assert desk.working() == (NOTHING, NOTHING)
    assert int(desk.book.ledger.account[0].trades_today) == 0
    pulls = [told for told in desk.recorder.told if told.receiver.startswith("agent")]
    assert {told.message.after_ns for told in pulls} == {at(3) - 1}
    desk.recorder.take()
    desk.risk.on_grant(Grant(2, -1, ()))  # an old one that comes late
    for agent in ("agent-forex", "agent-binary"):
        desk.risk.on_intents(intents_of(at(10), after_ns=at(3) - 1, epoch=3, source=agent))
    desk.risk.on_intents(intents_of(at(10), an_intent(3, epoch=3), after_ns=at(3) - 1, epoch=3))
    first, found, _ = desk.findings()
    assert (first, [int(row.epoch) for row in groups(found)[0]]) == (number, [3])
    assert desk.working() == (FIVE, NOTHING)


def test_what_is_not_durable_yet_is_told_again_on_every_tick(settings):
    desk = judged(settings)
    first, found, _ = desk.findings()
    assert (first, len(found)) == (1, 3)
    desk.risk.on_tick(0)
    assert [finding.time_ns for finding in desk.findings()[1]] == [finding.time_ns for finding in found]
    desk.risk.on_reports(reports_of(at(10), after_ns=at(9), source=GOVERNOR, findings=2))
    desk.risk.on_tick(0)
    first, found, _ = desk.findings()
    assert (first, len(found)) == (3, 1)
    desk.risk.on_reports(reports_of(at(10), after_ns=at(9), source=GOVERNOR, findings=3))
    desk.risk.on_tick(0)
    assert len(groups(desk.findings()[1])) == 1  # durable, but its rulings have not come: it is told again
    desk.risk.on_rulings(Rulings(2, at(3), (int(Ruling.NOT_AUTO),), (-1,)))
    desk.risk.on_reports(reports_of(at(10), after_ns=at(9), source=GOVERNOR, findings=3))
    desk.risk.on_tick(0)
    assert desk.findings()[1] == []


def test_a_snapshot_follows_every_second_group(settings):
    desk = judged(settings, an_intent(3), an_intent(4), an_intent(5), an_intent(6))
    for second in (3, 4, 5, 6):
        desk.risk.on_rulings(Rulings(2, at(second), (int(Ruling.NOT_AUTO),), (-1,)))
    _, found, _ = desk.findings()
    snapshots = [finding for finding in found if finding.snapshot is not None]
    assert [finding.time_ns for finding in snapshots] == [at(4), at(6)]
    numbers = [number for number, finding in enumerate(found, 1) if finding.snapshot is not None]
    assert [finding.snapshot["findings"] for finding in snapshots] == numbers


def test_the_last_snapshot_ends_the_run_and_is_told_as_complete(settings):
    desk = Desk(settings).granted().known_to(END)
    desk.risk.on_intents(intents_of(END))
    last = desk.recorder.take(GOVERNOR, "on_verdicts")[-1]
    assert (last.complete, last.horizon_ns, last.findings[-1].time_ns) == (True, END, at(19))
    assert last.findings[-1].snapshot["findings"] == last.first + len(last.findings) - 1
    desk.risk.on_tick(0)
    again = desk.recorder.take(GOVERNOR, "on_verdicts")[-1]
    assert (again.complete, len(again.findings)) == (True, last.first + len(last.findings) - 1)


def test_prices_of_a_restored_book_come_from_every_shard_before_anything_moves(tmp_path):
    settings = settings_of(tmp_path, QUOTES, feed_shards=2, snapshot_groups=1)
    journal = a_journal(settings)
    epoch = journal.claim("governor", 0)
    lived = Desk(settings)
    journal.append(epoch, [Snapshot(time_ns=at(3), **snapshot_of(lived.risk._book, settings.plan, 1))])
    desk = Desk(settings, journal)
    desk.risk.on_grant(Grant(2, -1, ()))
    pulls = {told.receiver: told.message for told in desk.recorder.told if told.receiver.startswith("feed")}
    assert {name: (pull.after_ns, pull.prime) for name, pull in pulls.items()} == {
        "feed-0": (at(3), True), "feed-1": (at(3), True),
    }  # fmt: skip
    desk.risk.on_reports(reports_of(at(10), after_ns=at(3), source=GOVERNOR))
    for agent in settings.agents:
        desk.risk.on_intents(intents_of(at(10), after_ns=at(3), source=agent))
    for name, quotes in (
        ("feed-0", some_quotes((3, 4, 110001, 110009))),
        ("feed-1", some_quotes((2, 5, 110002, 110009))),
    ):
        assert desk.risk.status()["done_ns"] == at(3)
        desk.risk.on_rows(rows(some_quotes(), at(10), at(3), source=name))
        assert desk.risk.status()["done_ns"] == at(3)
        desk.risk.on_rows(rows(quotes, at(3), at(3), source=name, primed=True))
    assert desk.risk.status()["done_ns"] == at(10)
    assert (int(desk.book.quotes[QUOTED_A].bid), int(desk.book.quotes[QUOTED_A + 1].bid)) == (110001, 110002)


def restored(settings, seconds):
    """Return a risk manager that goes on from a cut, under a governor that it knows."""
    journal = a_journal(settings)
    epoch = journal.claim("governor", 0)
    cut = snapshot_of(Desk(settings).book, settings.plan, 1)
    journal.append(epoch, [Snapshot(time_ns=at(seconds), **cut)])
    desk = Desk(settings, journal)
    desk.risk.on_grant(Grant(2, -1, ()))
    return desk


def test_quotes_that_were_lost_are_asked_for_as_of_the_cut_although_later_rows_have_come(settings):
    desk = restored(settings, 3)
    desk.risk.on_rows(rows(some_quotes((4, 4, 110004, 110009)), at(5), at(3)))
    desk.recorder.take()
    desk.risk.on_tick(0)
    assert desk.recorder.take("feed-0") == [Pull("risk", at(3), again=True, prime=True)]
    desk.risk.on_rows(rows(some_quotes((4, 4, 110004, 110009)), at(5), at(5), primed=True))  # as of another time
    assert int(desk.book.quotes[QUOTED_A].bid) == 0
    desk.risk.on_rows(rows(some_quotes((2, 4, 110002, 110009)), at(3), at(3), primed=True))
    assert int(desk.book.quotes[QUOTED_A].bid) == 110002


def test_the_last_snapshot_is_never_older_than_one_before_it(settings):
    """An account that nothing moves for a while keeps its own time; a cut must not go back to it."""
    desk = judged(settings, an_intent(3), an_intent(4))
    for second in (3, 4):
        desk.risk.on_rulings(Rulings(2, at(second), (int(Ruling.NOT_AUTO),), (-1,)))
    desk.risk.on_rows(rows(QUOTES, END))
    desk.risk.on_reports(reports_of(END, after_ns=at(10), source=GOVERNOR))
    for agent in settings.agents:
        desk.risk.on_intents(intents_of(END, after_ns=at(10), source=agent))
    times = [finding.time_ns for finding in desk.findings()[1] if finding.snapshot is not None]
    assert times == [at(4), at(19)]


def test_rows_that_cannot_be_taken_yet_are_not_pulled_beyond_a_bound(settings):
    desk = Desk(settings).granted()
    pulls = []
    for second in range(12):
        desk.risk.on_rows(
            rows(some_quotes((second, 4, 110000, 110008)), at(second), at(second - 1) if second else START)
        )
        pulls.append(len(desk.recorder.take("feed-0")))
    assert (
        pulls == [0, 1] * 3 + [0] * 6
    )  # every second batch is said to be taken; eight batches wait: `batches_waiting_max`
    desk.risk.on_tick(0)
    assert desk.recorder.take("feed-0") == []
    desk.risk.on_reports(reports_of(at(5), source=GOVERNOR))
    for agent in settings.agents:
        desk.risk.on_intents(intents_of(at(5), source=agent))
    assert desk.risk.status()["done_ns"] == at(5)
    assert desk.recorder.take("feed-0") == [Pull("risk", at(11))]
