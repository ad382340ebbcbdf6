"""A rollout: the engine over a whole tape, whatever its length; and its orders have the ids of their decisions."""

import numpy as np
import pytest

from actors.writing import ORDER_PREFIX
from envs.engine import CHUNK
from envs.rollout import LOG_ROWS, Rollout, open_engine, roll
from market.orders import client_order_id
from market.tape import Tape, empty_tape, select_feeds, slice_tape
from policies.commands import Wish
from research.digests import digests_of
from tests.builders import MONEY, START_NS, a_plan, a_result, a_tape
from tests.envs.engines import LOGS, compiled_only, run_whole
from tests.market.floor import a_bar, a_quote

CASH = 100_000 * MONEY


def rolled(tape: Tape) -> Rollout:
    return roll(open_engine(a_plan()), tape)


def counts(rollout: Rollout) -> dict[str, int]:
    return {name: len(getattr(rollout, name)) for name in LOGS}


def test_a_rollout_is_the_engine_run_over_the_whole_tape() -> None:
    tape = a_tape(minutes=120, ticks=1_000)
    run, rollout = run_whole(a_plan(), tape), rolled(tape)
    assert {name: getattr(rollout, name).tobytes() for name in (*LOGS, "account", "positions")} == run.bytes_of()


def test_a_tape_without_rows_leaves_a_fresh_account() -> None:
    rollout = rolled(empty_tape())
    assert counts(rollout) == dict.fromkeys(LOGS, 0)
    assert (rollout.account[0].cash, rollout.account[0].day, rollout.candidates.tolist()) == (CASH, -1, [0, 0, 0])


@pytest.mark.parametrize(
    ("row", "asked"),
    [(a_bar(START_NS, (100, 110, 90, 100)), [1, 0, 0]), (a_quote(START_NS, 100, 102, feed=4), [0, 0, 0])],
    ids=["bar", "quote"],
)
def test_a_tape_of_one_row_is_one_sample(row: Tape, asked: list[int]) -> None:
    rollout = rolled(row)
    assert counts(rollout) == dict.fromkeys(LOGS, 0) | {"samples": 1}
    sample = rollout.samples[0]
    assert (sample.time_ns, sample.equity, sample.low, sample.peak) == (START_NS, CASH, CASH, CASH)
    assert rollout.candidates.tolist() == asked


def test_one_flawed_row_is_not_asked_about() -> None:
    row = a_bar(START_NS, (100, 110, 90, 100))
    row.flaws[0] = 1
    assert rolled(row).candidates.tolist() == [0, 0, 0]


def test_candidates_are_the_sound_bars_of_a_desk_and_the_changes_of_its_routes() -> None:
    tape = a_tape(minutes=120, ticks=1_000)
    rollout, sound = rolled(tape), tape.flaws == 0
    heard = [np.count_nonzero(sound & np.isin(tape.feed, feeds)) for feeds in ([0, 1, 2, 3], [6])]
    assert [int(rollout.candidates[k]) for k in (0, 2)] == heard
    assert rollout.candidates[1] >= np.count_nonzero(rollout.decisions.desk == 1) > 0


@compiled_only
def test_a_tape_longer_than_the_logs_loses_nothing() -> None:
    tape = a_tape(minutes=1_000, ticks=60_000)
    plan = a_plan(sample_ns=10**9)
    rollout = roll(open_engine(plan), tape)
    assert len(rollout.samples) > LOG_ROWS > 6 * CHUNK
    assert (np.diff(rollout.samples.time_ns) > 0).all()
    for venue in range(3):
        numbers = rollout.reports.execution[rollout.reports.venue == venue]
        assert sorted(numbers.tolist()) == list(range(len(numbers)))


def test_the_same_plan_and_tape_give_the_same_digests_and_another_tape_others() -> None:
    one, again, other = (a_result(tape=a_tape(minutes=120, ticks=800, seed=seed)) for seed in (1, 1, 2))
    assert digests_of(one) == digests_of(again)
    assert digests_of(one).decisions != digests_of(other).decisions


def test_the_epoch_is_that_of_the_governor_that_opened_the_account() -> None:
    rollout = roll(open_engine(a_plan(), epoch=5), a_tape(minutes=120, ticks=100))
    assert set(rollout.decisions.epoch.tolist()) == {5}
    assert not (rollout.decisions.rules & 2).any()


def test_every_order_has_the_id_of_its_decision_and_leg_and_none_is_there_twice() -> None:
    result = a_result(tape=a_tape(minutes=120, ticks=1_000))
    legs = {number: (d.intent_id, leg) for d in result.decisions for leg, number in enumerate(d.orders)}
    ids = [order.order_id for order in result.orders]
    assert len(set(ids)) == len(ids) > 20
    found = {order.order_id: legs[order.number] for order in result.orders if order.number in legs}
    assert found
    for order_id, (intent_id, leg) in found.items():
        assert client_order_id(ORDER_PREFIX, intent_id, leg, 0) == order_id


def test_an_engine_goes_on_where_it_stood_when_it_is_given_more_tape() -> None:
    tape = select_feeds(a_tape(minutes=200, ticks=10), np.arange(7) < 4)
    half = int(np.searchsorted(tape.time_ns, tape.time_ns[len(tape.time_ns) // 2]))
    engine = open_engine(a_plan())
    parts = [
        roll(engine, slice_tape(tape, *span), settle_until_ns=-1) for span in ((0, half), (half, len(tape.time_ns)))
    ]

    def joined(name: str) -> list[bytes]:
        return [row.tobytes() for part in parts for row in getattr(part, name)]

    whole = rolled(tape)
    for name in ("decisions", "orders", "samples"):
        assert joined(name) == [row.tobytes() for row in getattr(whole, name)]


def test_wishes_are_obeyed_at_their_instants_before_all_else_of_them() -> None:
    tape, plan = a_tape(minutes=150, ticks=600), a_plan()
    middle = len(tape.time_ns) // 2
    at_ns = int(tape.time_ns[middle])
    still = roll(open_engine(plan), tape)
    moved = roll(
        open_engine(plan), tape, wishes=[Wish(time_ns=at_ns, money=5 * MONEY), Wish(time_ns=at_ns + 1, desk=0)]
    )
    before = [rollout.decisions[rollout.decisions.time_ns < at_ns].tobytes() for rollout in (still, moved)]
    assert before[0] == before[1]
    assert moved.account[0].initial == still.account[0].initial + 5 * MONEY
    later = moved.samples[moved.samples.time_ns >= at_ns]
    assert len(later) > 0
    assert len(moved.samples) == len(still.samples)
    assert later[0].cash == still.samples[still.samples.time_ns >= at_ns][0].cash + 5 * MONEY
