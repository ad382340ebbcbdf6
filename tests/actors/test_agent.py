"""Agents: they propose under a mandate only, in stretches that risk can check, and know how to begin again."""

import numpy as np
import pytest

from actors.agent import Agent
from actors.feed import FeedShard
from actors.messages import END, START, Grant, Pull
from actors.settings import GOVERNOR, RISK
from market.records import unpacked
from policies.bookkeeping import DAY_NS
from policies.intents import INTENT
from tests.actors.bench import Recorder, settings_of
from tests.builders import MINUTE, MONEY, START_NS, a_tape

DAY = START_NS // DAY_NS
BUDGETS = (100_000 * MONEY,) * 3
TAPE = a_tape(180, 1500)  # the day rolls after two hours
ROLL_NS = (DAY + 1) * DAY_NS


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return settings_of(tmp_path_factory.mktemp("tapes"), TAPE, batch_rows=64)


class Desk:
    """An agent with its feed beside it: what it pulls it gets, what it tells risk is taken, unless told otherwise."""

    def __init__(self, settings, name="agent-forex"):
        self.recorder, self.fed = Recorder(), Recorder()
        self.agent = Agent(name, settings, self.recorder)
        self.feed = FeedShard("feed-0", settings, self.fed)
        self.heard = []

    def settle(self, *, risk=True):
        """Pass messages on until nobody has anything more to say."""
        while self.recorder.told:
            told, self.recorder.told = self.recorder.told, []
            for receiver, method, message in told:
                if receiver == "feed-0":
                    self.feed.on_pull(message)
                elif receiver == RISK:
                    self.heard.append(message)
                    if risk:
                        self.agent.on_pull(Pull(RISK, message.upto_ns))
                elif receiver == GOVERNOR:
                    self.heard.append((method, message))
            for batch in self.fed.take(self.agent.name):
                (self.agent.on_rows if hasattr(batch, "tape") else self.agent.on_candidates)(batch)

    def run(self, *, grants=(DAY, DAY + 1), epoch=2, risk=True):
        for day in grants:
            self.agent.on_grant(Grant(epoch, day, BUDGETS))
        self.agent.on_tick(0)
        self.settle(risk=risk)
        return self

    @property
    def intents(self):
        found = [unpacked(batch.intents, INTENT) for batch in self.heard if hasattr(batch, "intents")]
        return np.concatenate(found) if found else np.zeros(0, INTENT)

    @property
    def stretches(self):
        return [(batch.after_ns, batch.upto_ns) for batch in self.heard if hasattr(batch, "intents")]


@pytest.mark.parametrize("name", ["agent-forex", "agent-arbitrage", "agent-binary"])
def test_a_desk_proposes_and_its_stretches_follow_one_another_to_the_end(settings, name):
    desk = Desk(settings, name).run()
    assert len(desk.intents) > 5
    assert desk.stretches[0][0] == START
    assert desk.stretches[-1][1] == END
    assert all(one[1] == other[0] for one, other in zip(desk.stretches, desk.stretches[1:], strict=False))
    assert set(desk.intents["epoch"].tolist()) == {2}
    assert (np.diff(desk.intents["time_ns"]) >= 0).all()
    assert set(desk.intents["desk"].tolist()) == {settings.agents.index(name)}
    for batch in (told for told in desk.heard if hasattr(told, "intents")):
        found = unpacked(batch.intents, INTENT)
        assert all(batch.after_ns < row.time_ns <= batch.upto_ns for row in found)


def test_before_its_first_mandate_an_agent_proposes_nothing_and_asks_for_one(settings):
    desk = Desk(settings).run(grants=())
    assert len(desk.intents) == 0
    assert desk.agent.status()["done_ns"] < TAPE.time_ns[-1]
    desk.agent.on_tick(0)
    desk.settle()
    assert desk.heard[-1][1].receiver == "agent-forex"
    assert desk.run().intents.tobytes() == Desk(settings).run().intents.tobytes()


def test_a_mandate_reaches_to_the_end_of_its_day(settings):
    desk = Desk(settings).run(grants=(DAY,))
    first_row = int(TAPE.time_ns[TAPE.time_ns >= ROLL_NS][0])
    assert len(desk.intents) > 0
    assert int(desk.intents["time_ns"].max()) < ROLL_NS
    assert ROLL_NS - 1 <= desk.agent.status()["done_ns"] < first_row + MINUTE
    rest = desk.run(grants=(DAY + 1,))
    assert rest.intents.tobytes() == Desk(settings).run().intents.tobytes()


def test_the_mandate_of_an_older_epoch_is_left(settings):
    desk = Desk(settings)
    desk.agent.on_grant(Grant(5, DAY, BUDGETS))
    desk.agent.on_grant(Grant(4, DAY + 1, BUDGETS))
    desk.run(grants=())
    assert int(desk.intents["time_ns"].max()) < ROLL_NS
    assert set(desk.intents["epoch"].tolist()) == {5}


def test_a_new_governor_gets_what_was_not_taken_yet_under_its_epoch(settings):
    desk = Desk(settings).run(risk=False)
    before = desk.intents
    waiting = [batch for batch in desk.heard if hasattr(batch, "intents")]
    assert len(waiting) == settings.batches_ahead
    desk.heard = []
    desk.agent.on_grant(Grant(3, DAY, BUDGETS))
    desk.settle(risk=False)
    again = desk.intents
    assert [batch.epoch for batch in desk.heard] == [3] * settings.batches_ahead
    assert set(again["epoch"].tolist()) <= {3}
    again["epoch"] = 2
    assert again.tobytes() == before.tobytes()


def test_what_risk_has_not_got_is_told_again_and_what_it_has_taken_is_forgotten(settings):
    desk = Desk(settings).run(risk=False)
    first, second, *_ = [batch for batch in desk.heard if hasattr(batch, "intents")]
    desk.heard = []
    desk.agent.on_pull(Pull(RISK, first.upto_ns, again=True))
    desk.settle(risk=False)
    assert desk.stretches[0] == (second.after_ns, second.upto_ns)
    assert first.upto_ns not in [upto for _, upto in desk.stretches]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_risk_manager_that_went_back_is_told_from_there_and_hears_the_same(settings, share):
    desk = Desk(settings).run()
    whole = desk.intents
    back_ns = int(TAPE.time_ns[int(share * (len(TAPE.time_ns) - 1))])
    desk.heard = []
    desk.agent.on_pull(Pull(RISK, back_ns, again=True))
    desk.settle()
    assert desk.stretches[0][0] == back_ns
    assert desk.intents.tobytes() == whole[whole["time_ns"] > back_ns].tobytes()


def test_an_old_pull_that_comes_late_changes_nothing(settings):
    desk = Desk(settings).run()
    desk.heard = []
    desk.agent.on_pull(Pull(RISK, int(TAPE.time_ns[10])))
    desk.settle()
    assert desk.heard == []


def test_a_killed_agent_that_started_again_tells_what_it_would_have_told(settings):
    lived = Desk(settings).run()
    reborn = Desk(settings)
    taken_ns = lived.stretches[2][1]
    reborn.agent.on_pull(Pull(RISK, taken_ns))
    reborn.run()
    expected = lived.intents[lived.intents["time_ns"] > taken_ns]
    assert reborn.stretches[0][0] == taken_ns
    assert reborn.intents.tobytes() == expected.tobytes()


def test_repeated_rows_and_rows_after_a_gap_are_not_heard(settings):
    desk = Desk(settings)
    for day in (DAY, DAY + 1):
        desk.agent.on_grant(Grant(2, day, BUDGETS))
    desk.agent.on_tick(0)
    desk.recorder.take()
    desk.feed.on_pull(Pull("agent-forex", START))
    first, second, third, *_ = desk.fed.take("agent-forex")
    desk.agent.on_rows(third)
    assert desk.agent.status()["done_ns"] == START
    for batch in (first, first, third, second, second, third):
        desk.agent.on_rows(batch)
    assert desk.agent.status()["done_ns"] == third.upto_ns
    taken = [batch.tape for batch in (first, second, third)]
    assert desk.agent.status()["candidates"] == sum(
        int((np.isin(tape.feed, range(4)) & (tape.flaws == 0)).sum()) for tape in taken
    )


def test_an_agent_whose_proposals_nobody_takes_stops_hearing(settings):
    """The outbox has a bound; feeds are not pulled beyond it."""
    desk = Desk(settings).run(risk=False)
    assert len(desk.agent._outbox) == 2 * settings.batches_ahead
    assert desk.agent.status()["done_ns"] < TAPE.time_ns[-1]
    desk.agent.on_tick(0)
    assert [told for told in desk.recorder.told if told.receiver == "feed-0"] == []


@pytest.mark.parametrize("name", ["agent-forex", "agent-arbitrage"])
def test_an_agent_without_a_mandate_hears_no_more_than_a_bound_and_goes_on_with_one(tmp_path, name):
    few = settings_of(tmp_path, TAPE, batch_rows=4)
    desk = Desk(few, name).run(grants=())
    waiting = desk.agent._inbox.waiting("feed-0") + sum(map(len, desk.agent._candidates["feed-0"])) / few.batch_rows
    assert waiting <= few.batches_waiting_max + few.batches_ahead  # those that were under way
    assert desk.agent._inbox.positions["feed-0"] < TAPE.time_ns[-1]
    assert desk.run().stretches[-1][1] == END
