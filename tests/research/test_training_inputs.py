"""What a training is given: a spec within its bounds, and the rows of its parts."""

import numpy as np
import pytest

from envs.made_markets import made_markets
from envs.vector import Markets, Terms
from market.tape import Tape
from policies.intents import DeskKind
from research.learning.parts import Part, Source, part_tape, parts_of
from research.learning.spec import SpecError, TrainSpec


def a_source(*, read_only: bool = False) -> Source:
    market = made_markets(DeskKind.FOREX, 1, 3, steps=200)[0]
    columns = [column.copy() for column in market.tape]
    for column in columns:
        column.flags.writeable = not read_only
    return Source("made", market.plan, Tape._make(columns))


def test_a_purge_below_zero_is_refused() -> None:
    """It would let the training part reach into what chooses."""
    with pytest.raises(SpecError, match=r"purge = -5: 0 to 1e\+07 is allowed"):
        TrainSpec(desk="forex", purge=-5)


def test_the_purge_lies_before_each_later_part() -> None:
    """No row of it is in any part."""
    parts = parts_of(a_source(), TrainSpec(desk="forex", purge=7))
    bare = parts_of(a_source(), TrainSpec(desk="forex", purge=0))
    assert [part.first for part in parts] == [0, bare.validation.first + 7, bare.test.first + 7]
    assert [part.last for part in parts] == [part.last for part in bare]


def test_rows_that_a_worker_may_not_write_are_owned_by_their_part() -> None:
    """Kernels are compiled for one kind of array: a read-only one would have them compiled once more."""
    source = a_source(read_only=True)
    part = part_tape(source, Part(10, 60))
    assert all(column.flags.writeable for column in part)
    assert np.array_equal(part.time_ns, source.tape.time_ns[10:60])


def test_an_episode_begins_elsewhere_where_nothing_is_to_be_decided() -> None:
    """Most stretches of so few rows hold no candidate of a route; the trainer's environment finds one that does."""
    pytest.importorskip("stable_baselines3")
    from research.learning.sb3_vec import MarketsVecEnv

    market = made_markets(DeskKind.ARBITRAGE, 1, 5, steps=600, episode_chance=0.02)[0]
    env = MarketsVecEnv(Markets([market], Terms(rows=60, random_start=True), 1))
    for _ in range(10):
        assert env.reset().shape == (1, env.markets.inputs)
