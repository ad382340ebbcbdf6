"""World as proof: every seed is a run with its own faults, and holds every invariant of DESIGN section 5.

A failing seed is kept in `seeds.txt` and run for ever. `make sim SEEDS=1000`, or SIM_SEEDS, runs more of them.
"""

import os

import pytest

from tests.simulation.scenarios import SCENARIOS, TAPES, play, simulate
from tests.simulation.seeds import command_of, keep, kept, seeds_of

SEEDS = int(os.environ.get("SIM_SEEDS") or 200)
FAST = 30
"""So many seeds are played before every commit, the others in the whole suite."""


def runs():
    """Return the runs to play: those that have failed once, then new ones, each once."""
    found = dict.fromkeys([*kept(), *seeds_of(SEEDS)])
    first = {*kept(), *seeds_of(FAST)}
    return [run if run in first else pytest.param(*run, marks=pytest.mark.slow) for run in found]


@pytest.fixture(scope="session")
def tapes(tmp_path_factory):
    return tmp_path_factory.mktemp("tapes")


@pytest.mark.parametrize(("scenario", "seed"), runs())
def test_a_run_with_faults_holds_every_invariant_and_decides_what_the_kernel_decides(scenario, seed, tapes):
    try:
        simulate(scenario, seed, tapes)
    except Exception as error:
        keep(scenario, seed)
        error.add_note(f"kept in tests/simulation/seeds.txt; again: {command_of(scenario, seed)}")
        raise


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_writes_the_same_journal_bytes(scenario, tapes):
    faults = SCENARIOS[scenario].faults
    one, other = (play(scenario, 3, tapes, faults) for _ in range(2))
    assert one.kills > 0
    assert one.lines == other.lines


def test_another_seed_is_another_run_of_the_same_decisions(tapes):
    faults = SCENARIOS["kills"].faults
    one, other = (play("kills", seed, tapes, faults) for seed in (0, TAPES))
    assert one.lines != other.lines
    assert len(one.result.decisions) == len(other.result.decisions) > 20


@pytest.mark.slow
def test_the_faults_that_are_asked_for_do_happen(tapes):
    lives = 0
    for name, scenario in SCENARIOS.items():
        found = [play(name, seed, tapes, scenario.faults) for seed in (1, 2)]
        assert sum(run.kills for run in found) >= 2, name
        lives += sum(run.lives for run in found)
    assert lives > 2 * 2 * len(SCENARIOS)  # a run without a kill has two: who begins the session, and one governor
    limited = play("limits", 1, tapes, SCENARIOS["limits"].faults).result
    assert {rule for latch in limited.latches for rule in latch.rules} >= {"DAILY_LOSS"}
