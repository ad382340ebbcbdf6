"""A desk that trades on a chain decides the same in the kernel, in World, after kills, and in a replay of the chain."""

from functools import cache

import msgspec
import pytest

from actors.restoring import newest_session
from actors.settings import Settings
from actors.staging import open_session, run_world
from actors.world import Faults
from envs.rollout import open_engine, roll
from journal.store import MemoryJournal
from market.tape import Tape
from research.digests import digests_of, first_difference
from research.result import result_of_rollout, result_of_session
from tests.builders import SECOND
from tests.research.forex import forex_plan, tape
from venues.replay import save_tape

MINUTES = 900
KILLS = Faults(repeat=0.05, loss=0.02, delay=0.1, kills_per_s=4.0, kills_max=8, torn=0.5, linger=0.4)


@cache
def plan():
    """A chain that proposes soon, and gates that let it: what is shown here is that all ways decide the same."""
    found = forex_plan(
        "confluence", horizon_bars=4, barrier_atr=1.0, outcomes_min=20, calibration_window=60, enter=0.05,
        probability_min=0.5, rearm_bars=10, risk_fraction=0.0005, notional_fraction=0.05,
    )  # fmt: skip
    gates = {"confidence_min": 0.0, "auto_confidence": -1.0, "reward_min": -1e9, "auto_reward": -1e9}
    desk = msgspec.structs.replace(found.desks[0], auto_execute=True, **gates)
    return msgspec.structs.replace(found, desks=(desk,))


@cache
def market():
    whole = tape()
    rows = int((whole.time_ns < whole.time_ns[0] + MINUTES * 60 * SECOND).sum())
    return Tape(*(column[:rows].copy() for column in whole))


@cache
def kernel():
    return result_of_rollout(plan(), market(), roll(open_engine(plan()), market()))


def in_world(folder, seed, faults=None):
    settings = Settings(plan=plan(), tape_folder=str(folder), tape_hash=save_tape(folder, market()))
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    run_world(settings, journal, seed, faults)
    return result_of_session(plan(), market(), newest_session(journal), [0])


def test_the_run_shows_something():
    found = kernel()
    assert len(found.decisions) > 20
    assert any(decision.orders for decision in found.decisions)
    assert all(decision.confluence is not None for decision in found.decisions)


def test_world_decides_what_the_kernel_decides(tmp_path):
    found = in_world(tmp_path, 3)
    assert first_difference(kernel(), found) is None
    assert digests_of(found).decisions == digests_of(kernel()).decisions
    assert found.demotions == kernel().demotions


@pytest.mark.parametrize("seed", [1, 2])
def test_actors_that_were_killed_decide_the_same(tmp_path, seed):
    found = in_world(tmp_path, seed, KILLS)
    assert first_difference(kernel(), found) is None
    assert found.demotions == kernel().demotions


def test_what_a_decision_stands_on_adds_up_to_its_strength():
    for decision in kernel().decisions:
        own = decision.confluence
        total = sum(weight * (vote or 0.0) for vote, weight in zip(own.votes, own.weights, strict=True))
        assert total == pytest.approx(decision.strength, abs=1e-12)
        assert own.low <= decision.confidence <= own.high
        assert len(own.sources) == len(own.votes) == len(own.weights)
