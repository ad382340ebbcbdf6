"""World itself: what it keeps in order, what it does to messages, and that a seed is one run."""

import pytest

from actors.settings import GOVERNOR
from actors.world import Faults, World, WorldStuckError
from journal.store import Fenced


class Player:
    """An actor that remembers what it heard, and passes numbers on to others."""

    def __init__(self, world, name, script=()):
        self.name, self.world, self.resolve = name, world, world.resolver(name)
        self.script = list(script)
        self.heard, self.ticks = [], 0
        self.epoch = world.steps
        self.taken = self.horizon_ns = 0

    def on_tick(self, now_ns):
        self.ticks += 1
        for receiver, numbers in self.script:
            for number in numbers:
                self.resolve(receiver).on_number.remote(self.name, number)
        self.script = []

    def on_number(self, sender, number):
        self.heard.append((sender, number, self.world.now_s))

    def on_verdicts(self, verdicts):
        raise Fenced


def a_world(seed=0, faults=None, scripts=None, names=("a", "b", "c")):
    world = World(seed, faults)
    lives = {name: [] for name in names}

    def maker(name):
        def make():
            script = (scripts or {}).get(name, ()) if not lives[name] else ()
            lives[name].append(Player(world, name, script))
            return lives[name][-1]

        return make

    for name in names:
        world.add(name, maker(name))
    return world, lives


def run(world, seconds):
    world.run(lambda: world.now_s >= seconds)


HUNDRED = {"a": [("c", range(100))], "b": [("c", range(100))]}


def heard(lives, name, sender):
    return [number for life in lives[name] for who, number, _ in life.heard if who == sender]


def test_messages_of_one_sender_to_one_receiver_keep_their_order_and_others_overtake():
    world, lives = a_world(1, Faults(delay=0.5), HUNDRED)
    run(world, 1.5)
    assert heard(lives, "c", "a") == heard(lives, "c", "b") == list(range(100))
    assert [who for who, *_ in lives["c"][0].heard] != ["a"] * 100 + ["b"] * 100


def test_a_message_takes_its_time_and_time_does_not_run_back():
    world, lives = a_world(1, None, HUNDRED)
    run(world, 0.5)
    times = [time for *_, time in lives["c"][0].heard]
    assert times == sorted(times)
    assert 0.0005 <= times[0] < 0.002


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_repetition_happen_as_often_as_asked_for(seed):
    thousand = {"a": [("b", range(1000))]}
    world, lives = a_world(seed, Faults(loss=0.2), thousand)
    run(world, 1.5)
    lost = heard(lives, "b", "a")
    assert lost == sorted(lost)
    assert 740 < len(lost) < 860
    world, lives = a_world(seed, Faults(repeat=0.2), thousand)
    run(world, 3.0)
    repeated = heard(lives, "b", "a")
    assert set(repeated) == set(range(1000))
    assert 1140 < len(repeated) < 1260


def test_everybody_is_ticked_once_a_second():
    world, lives = a_world()
    run(world, 3.5)
    assert [lives[name][0].ticks for name in "abc"] == [4, 4, 4]  # the first when they start


def test_a_killed_actor_hears_nothing_comes_back_with_nothing_and_is_ticked_at_once():
    world, lives = a_world()
    run(world, 1.0)
    begin = world.now_s
    world.kill("c", back_after_s=0.5)
    assert world.actor("c") is None
    lives["a"][0].resolve("c").on_number.remote("a", 1)
    world.run(lambda: world.actor("c") is not None)
    assert world.now_s == begin + 0.5
    lives["a"][0].resolve("c").on_number.remote("a", 2)
    run(world, begin + 0.51)
    assert (len(lives["c"]), heard(lives, "c", "a"), lives["c"][1].ticks) == (2, [2], 1)
    assert world.kills == [(begin, "c")]


def test_kills_strike_everybody_and_no_more_often_than_allowed():
    world, lives = a_world(3, Faults(kills_per_s=20, kills_max=30))
    run(world, 20.0)
    assert len(world.kills) == 30
    assert {name for _, name in world.kills} == {"a", "b", "c"}
    assert sum(map(len, lives.values())) == 3 + 30


def test_a_torn_kill_strikes_in_the_middle_of_what_an_actor_tells():
    """Of a hundred numbers in one message the first few were told and the rest never."""
    told = set()
    for seed in range(40):
        world, lives = a_world(seed, Faults(kills_per_s=9, kills_max=1, torn=1.0), names=("a", "c"))
        world.run(lambda world=world: world._doomed or world.kills)
        if "a" in world._doomed:
            world.actor("a").script = [("c", range(100))]
        run(world, 3.0)
        told.add(len(heard(lives, "c", "a")))
    assert told > {0}
    assert max(told) < 16


def test_a_fenced_actor_is_ended_and_comes_back():
    world, lives = a_world(names=(GOVERNOR, "b"))
    lives["b"][0].resolve(GOVERNOR).on_verdicts.remote(None)
    run(world, 1.0)
    assert len(lives[GOVERNOR]) == 2
    assert [name for _, name in world.kills] == [GOVERNOR]


def test_a_killed_governor_may_live_on_and_get_what_is_meant_for_its_successor():
    shares = []
    for seed in range(20):
        world, lives = a_world(seed, Faults(kills_per_s=30, kills_max=3, linger=0.5), names=(GOVERNOR, "b"))
        run(world, 3.0)
        alive = world.actor("b")
        for number in range(50):
            alive.resolve(GOVERNOR).on_number.remote("b", number)
        run(world, 3.9)
        counts = [len(life.heard) for life in lives[GOVERNOR]]
        assert sum(counts) == 50
        shares.append(counts[-1] / 50)
    assert min(shares) < 0.8
    assert max(shares) == 1.0


def test_a_seed_is_one_run():
    faults = Faults(repeat=0.2, loss=0.1, delay=0.3, kills_per_s=5, kills_max=8, torn=0.5, linger=0.5)

    def history(seed):
        world, lives = a_world(seed, faults, HUNDRED)
        run(world, 5.0)
        return world.kills, world.steps, [life.heard for name in "abc" for life in lives[name]]

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_a_world_without_end_says_so():
    world, _ = a_world()
    with pytest.raises(WorldStuckError, match="no end after 50 messages"):
        world.run(lambda: False, steps_max=50)
