"""A desk that decides by a genome: what it decides is what its conditions say of the features beside the decision."""

import numpy as np

from envs.rollout import open_engine, roll
from policies.genome import DEPTH_MAX, holds
from research.backtest import executing
from research.evolving.scoring import with_genome
from tests.policies.test_genome import EMA, RSI, SLOW, a_genome, const, op
from tests.research.forex import forex_plan, tape

GENOME = a_genome(
    entry=op("and", op("lt", RSI, const(45)), op("lt", EMA, SLOW)), exit=op("gt", RSI, const(52)),
    short={"entry": op("gt", RSI, const(55)), "exit": op("lt", RSI, const(48))},
)  # fmt: skip
ENTRY, EXIT, SHORT_ENTRY, SHORT_EXIT = range(4)


def decided(**params):
    plan = executing(with_genome(forex_plan("genome", notional_fraction=0.08, **params), GENOME))
    rollout = roll(open_engine(plan), tape(600))
    return plan, [row for row in rollout.decisions if row.reduce in (0, 1)]


def test_every_decision_is_what_the_genome_says_of_what_it_saw():
    plan, decisions = decided()
    numbers, scratch = np.array(plan.models[0].numbers), np.zeros(DEPTH_MAX)
    count, kinds = len(plan.models[0].features), set()
    side: dict[int, int] = {}
    for row in decisions:
        features = np.array(row.features[:count])
        said = [holds(numbers, features, scratch, condition) for condition in range(4)]
        if row.strength > 0.0:
            assert (said[ENTRY], said[SHORT_ENTRY]) == (1, 0)
        elif row.strength < 0.0:
            assert (said[ENTRY], said[SHORT_ENTRY]) == (0, 1)
        else:
            assert said[EXIT if side[int(row.view_number)] > 0 else SHORT_EXIT] == 1
        side[int(row.view_number)] = int(np.sign(row.strength))
        kinds.add(int(np.sign(row.strength)))
    assert kinds == {-1, 0, 1}


def test_the_stop_is_the_genomes_multiple_of_the_range():
    plan, decisions = decided()
    assert dict(plan.desks[0].params)["stop_atr"] == GENOME["risk"]["atr_k"]
    opened = [row for row in decisions if row.strength != 0.0]
    assert opened
    for row in opened:
        entry = row.ask0 if row.strength > 0.0 else row.bid0
        assert abs(abs(entry - row.stop) - 2.0 * row.features[0]) <= 1.0


def test_a_side_that_was_left_is_taken_again_after_the_bars_that_the_desk_asks_for():
    _, often = decided()
    _, seldom = decided(rearm_bars=60.0)
    assert 0 < len(seldom) < len(often)
