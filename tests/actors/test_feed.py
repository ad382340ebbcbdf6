"""Feeds: every row once, in whole instants, never far ahead of who takes them; what is lost is sent again."""

import numpy as np
import pytest

from actors.feed import FeedShard, desk_mask, feed_key, shard_mask
from actors.messages import END, START, Candidates, Pull, Rows
from actors.settings import RISK, SUPERVISOR
from market.tape import Tape, merge_tapes, select_feeds
from policies.assembly import feeds_of
from tests.actors.bench import Recorder, settings_of
from tests.builders import a_plan, a_tape


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tapes")


def a_shard(folder, name="feed-0", tape=None, **changes):
    recorder = Recorder()
    return FeedShard(name, settings_of(folder, tape, **changes), recorder), recorder


def drain(shard, recorder, receiver):
    """Pull until the end; return every batch, and the most that were under way at once."""
    batches, most, taken = [], 0, START
    shard.on_pull(Pull(receiver, START))
    while found := recorder.take(receiver):
        most = max(most, len(found))
        for batch in found:
            assert batch.after_ns == taken
            taken = batch.upto_ns
            shard.on_pull(Pull(receiver, taken))
        batches += found
    assert taken == END
    return batches, most


def same(one: Tape, other: Tape) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def joined(batches) -> Tape:
    return merge_tapes([batch.tape for batch in batches])


def test_risk_gets_every_row_once_and_in_order(folder):
    shard, recorder = a_shard(folder)
    batches, most = drain(shard, recorder, RISK)
    assert len(batches) > 10
    assert most <= 4  # `batches_ahead`
    assert same(joined(batches), a_tape(30, 200))


def test_an_agent_gets_its_views_and_the_prices_that_its_sizing_needs(folder):
    shard, recorder = a_shard(folder)
    plan = a_plan()
    for desk in (0, 2):
        batches, _ = drain(shard, recorder, f"agent-{plan.desks[desk].name}")
        assert same(joined(batches), select_feeds(a_tape(30, 200), desk_mask(plan, feeds_of(plan), desk)))


def test_the_arbitrage_agent_gets_candidates_only(folder):
    tape = a_tape(60, 2000)
    shard, recorder = a_shard(folder, tape=tape)
    batches, _ = drain(shard, recorder, "agent-arbitrage")
    assert {type(batch) for batch in batches} == {Candidates}
    assert sum(len(batch.candidates) for batch in batches) > 20


def test_an_instant_is_never_cut_in_two(folder):
    shard, recorder = a_shard(folder, batch_rows=3)
    batches, _ = drain(shard, recorder, RISK)
    ends = [int(batch.tape.time_ns[-1]) for batch in batches if len(batch.tape.time_ns)]
    begins = [int(batch.tape.time_ns[0]) for batch in batches if len(batch.tape.time_ns)]
    assert all(end < begin for end, begin in zip(ends, begins[1:], strict=False))


def test_it_is_never_more_than_its_batches_ahead(folder):
    shard, recorder = a_shard(folder, batches_ahead=2)
    shard.on_pull(Pull(RISK, START))
    first, second = recorder.take(RISK)
    shard.on_pull(Pull(RISK, START))
    assert recorder.take() == []
    shard.on_pull(Pull(RISK, first.upto_ns))
    assert [batch.after_ns for batch in recorder.take(RISK)] == [second.upto_ns]


def test_who_asks_again_gets_the_same_rows_again(folder):
    shard, recorder = a_shard(folder)
    shard.on_pull(Pull(RISK, START))
    lost = recorder.take(RISK)
    shard.on_pull(Pull(RISK, START, again=True))
    found = recorder.take(RISK)
    assert [(one.after_ns, one.upto_ns) for one in found] == [(one.after_ns, one.upto_ns) for one in lost]
    assert same(joined(found), joined(lost))


def test_priming_gives_the_newest_sound_row_of_every_feed_up_to_the_cut_and_then_the_rest(folder):
    tape = a_tape(30, 200)
    cut = int(tape.time_ns[150])
    shard, recorder = a_shard(folder, tape=tape)
    shard.on_pull(Pull(RISK, cut, again=True, prime=True))
    prime, *rest = recorder.take(RISK)
    assert isinstance(prime, Rows)
    assert (prime.primed, prime.after_ns, prime.upto_ns) == (True, cut, cut)
    for feed in range(6):
        mine = (tape.feed == feed) & (tape.time_ns <= cut) & (tape.flaws == 0)
        assert int(prime.tape.time_ns[prime.tape.feed == feed].max()) >= int(tape.time_ns[mine].max())
    assert rest[0].after_ns == cut
    assert (rest[0].tape.time_ns > cut).all()


def test_a_receiver_that_nobody_knows_gets_nothing(folder):
    shard, recorder = a_shard(folder)
    shard.on_pull(Pull("stranger", START))
    assert recorder.told == []


def test_shards_share_out_all_feeds_and_keep_the_two_ends_of_a_route_together():
    plan = a_plan()
    masks = [shard_mask(plan, 4, shard) for shard in range(4)]
    assert np.sum(masks, axis=0).tolist() == [1] * len(plan.feeds)
    assert all(mask[4] == mask[5] for mask in masks)
    assert max(mask.sum() for mask in masks) < len(plan.feeds)


def test_a_shard_reads_its_own_feeds_only_and_says_what_it_has_heard(folder):
    tape = a_tape(30, 200)
    told = {}
    for name in ("feed-0", "feed-1", "feed-2"):
        shard, recorder = a_shard(folder, name, tape, feed_shards=3)
        shard.on_tick(0)
        ((_, status),) = recorder.take(SUPERVISOR, "on_alive")
        assert not set(told) & set(status["feeds"])
        told |= status["feeds"]
    names = [feed_key(feed) for feed in a_plan().feeds]
    assert told == {
        key: {"rows": int((tape.feed == k).sum()), "flawed": int((tape.flaws[tape.feed == k] != 0).sum())}
        for k, key in enumerate(names)
    }
