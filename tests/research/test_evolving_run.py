"""Runs of evolution: the same however they are run, whole after a kill, honest about how much was tried."""

import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from msgspec import structs

from actors.local import leftovers
from envs.rollout import open_engine, roll
from market.tape import slice_tape
from research.evolving.library import EVOLVED, Library
from research.evolving.objectives import Terms, penalised_fitness
from research.evolving.picture import picture_of
from research.evolving.records import Burnt, EvolveError, Folder, append_lines, lines_of
from research.evolving.scoring import PARTS, score_part, spans_of, with_genome
from research.evolving.search import Generation
from research.evolving.workers import score_genome
from research.genome import genome_hash
from research.scores import score_plan
from research.validation import deflated_sharpe, moments_of
from tests.research.evolutions import BREEDING, a_planned, an_evolver, quick_score, score_with_deaths
from tests.research.files import REPO


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return a_planned(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def evolved(planned, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return home, an_evolver(planned, home).evolve(workers=0, score=quick_score)


def essence(found):
    """Return what a run came to, without how long it took and where it lies."""
    return found._replace(planned=None, market=None, seconds=0.0, path=None)


def test_a_run_keeps_its_winner_with_all_that_it_is_from(evolved, planned):
    home, found = evolved
    assert found.strategy is not None
    assert list(Library(home)) == [found.strategy]
    strategy, trial = found.strategy, found.winner.trial
    assert (strategy.sha256, strategy.origin) == (genome_hash(strategy.genome), EVOLVED)
    assert strategy.lineage.parents == trial.tried.parents
    assert (strategy.lineage.seed, strategy.lineage.run) == (BREEDING.seed, found.run)
    assert [file.sha256 for file in strategy.data] == [sha256 for _, sha256, _ in planned.data]
    assert strategy.metrics.tries == found.tries == len(found.trials)
    assert strategy.metrics.choice == score_part(found.market, strategy.genome, "choice")[0]
    assert strategy.metrics.holdout == score_part(found.market, strategy.genome, "holdout")[0] == found.holdout


def test_the_winner_is_the_fittest_of_the_front_where_it_is_chosen(evolved):
    _, found = evolved
    best = max(one.fitness for one in found.candidates if one.fitness is not None)
    assert found.winner.fitness == best
    for one in found.candidates:
        within = one.trial.scored.test.sharpe
        nodes, terms = one.trial.tried.nodes, found.settings.terms
        assert one.fitness == penalised_fitness(one.choice.sharpe, within, nodes, one.choice.trades, terms)
    nodes = [one.trial.tried.nodes for one in found.candidates if one.front == 0]
    fits = [one.trial.fitness for one in found.candidates if one.front == 0]
    assert nodes == sorted(nodes)
    assert fits == sorted(fits)  # larger ones are there because they are better


def test_the_winner_is_deflated_by_everything_that_was_tried(evolved):
    home, found = evolved
    known = Folder(home).evaluated(found.strategy.data_hash)
    assert set(known) == {one.tried.sha256 for one in found.trials}
    spread = sum((one - sum(known.values()) / len(known)) ** 2 for one in known.values()) / (len(known) - 1)
    moments = moments_of(score_part(found.market, found.strategy.genome, "test")[1].returns)
    assert found.deflated == pytest.approx(deflated_sharpe(moments, len(known), spread).value, rel=1e-12)


def test_a_run_that_is_done_is_read_and_its_own_holdout_stays_visible(evolved, planned):
    home, found = evolved

    def never(*_):
        raise AssertionError

    again = an_evolver(planned, home).evolve(workers=0, score=never)
    assert essence(again) == essence(found)
    assert [look.run for look in Folder(home).burnt(found.strategy.data_hash, 0, 2**62)] == [found.run]


def test_another_run_on_the_same_data_counts_what_was_tried_before_and_has_no_holdout(evolved, planned, tmp_path):
    home, found = evolved
    other = an_evolver(planned, home, BREEDING._replace(seed=6)).evolve(workers=0, score=quick_score)
    assert other.run != found.run
    assert other.tries == len({one.tried.sha256 for one in (*found.trials, *other.trials)})
    assert other.earlier == other.tries - len({one.tried.sha256 for one in other.trials}) > 0
    assert (other.holdout, other.holdout_psr) == (None, None)
    assert {look.run for look in other.burnt} == {found.run}
    alone = an_evolver(planned, tmp_path, BREEDING._replace(seed=6)).evolve(workers=0, score=quick_score)
    assert alone.trials == other.trials
    assert alone.holdout is not None


def test_a_look_at_the_days_of_one_regime_burns_no_other_but_all(tmp_path):
    folder = Folder(tmp_path)
    look = Burnt(from_ns=10, until_ns=20, regime="BULL", run="r", genome="g")
    folder.burn("k", look)
    found = {regime: folder.burnt("k", 19, 30, regime) for regime in ("BULL", "BEAR", "ANY")}
    assert found == {"BULL": [look], "BEAR": [], "ANY": [look]}
    assert folder.burnt("k", 20, 30, "BULL") == folder.burnt("k", 0, 10, "BULL") == folder.burnt("other", 0, 99) == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_run_that_was_ended_within_a_generation_comes_to_the_same(evolved, planned, tmp_path, place):
    _, found = evolved
    upto = sum(one.tried.generation <= place for one in found.trials) + 2
    asked = []

    def wished():
        asked.append(1)
        return len(asked) > upto

    with pytest.raises(KeyboardInterrupt):
        an_evolver(planned, tmp_path).evolve(wished=wished, workers=0, score=quick_score)
    again = an_evolver(planned, tmp_path).evolve(workers=0, score=quick_score)
    assert essence(again) == essence(found)


def test_without_a_valid_genome_nothing_is_kept_and_no_holdout_is_looked_at(planned, tmp_path):
    terms = Terms(trades_min=10**6)
    found = an_evolver(planned, tmp_path, terms=terms).evolve(workers=0, score=quick_score)
    assert (found.strategy, found.winner, found.candidates, found.valid) == (None, None, (), 0)
    assert Folder(tmp_path).burnt("", 0, 2**62) == []
    assert not (tmp_path / "strategies").exists()
    assert "no genome traded" in str(picture_of(found).shapes)


def test_a_real_score_is_that_of_a_backtest_of_the_part(planned, evolved):
    _, found = evolved
    genome = found.strategy.genome
    scored = score_genome(found.market, genome)
    span = found.market.spans["fit"]
    plan = with_genome(found.market.plan, genome)
    tape = slice_tape(found.market.tape, span.begin, span.end)
    alone = score_plan(plan, tape)
    assert scored.fit.sharpe == pytest.approx(alone.sharpe, rel=1e-9)
    assert scored.fit.trades == alone.trades > 0
    rollout = roll(open_engine(plan), tape)
    assert scored.fit.net_profit == sum(int(pnl) for pnl in rollout.trades["pnl"]) / 1e6


def test_parts_follow_each_other_with_a_gap_and_none_is_empty():
    spans = spans_of(900, 20)
    assert list(spans) == list(PARTS)
    ends = [0, *(span.end for span in spans.values())]
    assert [span.begin - end for span, end in zip(spans.values(), ends, strict=False)] == [0, 20, 20, 20]
    assert ends[-1] == 900
    with pytest.raises(ValueError, match="63 bars: too few for 4 parts with 20 bars between them"):
        spans_of(63, 20)


def test_too_few_bars_are_refused_before_anything_begins(planned, tmp_path):
    desk = planned.plan.desks[0]
    params = tuple((name, 300.0 if name == "hold_bars" else value) for name, value in desk.params)
    plan = structs.replace(planned.plan, desks=(structs.replace(desk, params=params),))
    with pytest.raises(EvolveError, match="900 bars: too few for 4 parts with 300 bars between them"):
        an_evolver(planned._replace(plan=plan), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_kill_has_cut_short_is_left_out_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / "x" / "lines.jsonl"
    one, other = Generation(number=1, population=()), Generation(number=2, population=())
    append_lines(path, [one])
    with path.open("ab") as file:
        file.write(b'{"number":7,"popul')
    append_lines(path, [other])
    assert list(lines_of(path, Generation)) == [one, other]


def test_a_run_is_found_by_its_name_and_the_newest_without_one(evolved):
    home, found = evolved
    folder = Folder(home)
    assert folder.named(found.run).name == found.run
    with pytest.raises(EvolveError, match=r"--resume zzz: one of the runs of this home is allowed: \w+"):
        folder.named("zzz")
    with pytest.raises(EvolveError, match="is allowed: none"):
        Folder(home / "nowhere").named(None)


def test_the_picture_shows_every_genome_and_the_winner(evolved):
    _, found = evolved
    drawing = picture_of(found)
    words = [shape.text for shape in drawing.shapes if hasattr(shape, "text")]
    assert found.strategy.sha256[:12] in words
    assert any(f"{len(found.trials)} genomes, {found.valid} valid" in word for word in words)


@pytest.mark.cluster
@pytest.mark.slow
def test_killed_workers_lose_no_genome_and_change_no_result(evolved, planned, tmp_path):
    _, found = evolved
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    score = partial(score_with_deaths, deaths)
    again = an_evolver(planned, tmp_path / "home").evolve(workers=2, score=score)
    assert len(list(deaths.iterdir())) >= 2
    assert essence(again) == essence(found)
    assert [left for left in leftovers() if left.owner == os.getpid()] == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.research.evolutions import a_planned, an_evolver, quick_score
root = Path(sys.argv[1])
def watch(generation, *_):
    if generation == 1:
        os.kill(os.getpid(), signal.SIGKILL)
an_evolver(a_planned(root), root / "home").evolve(watch, workers=0, score=quick_score)
"""


@pytest.mark.slow
def test_a_driver_that_was_killed_goes_on_where_it_was(evolved, tmp_path):
    _, found = evolved
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=REPO)
    assert done.returncode == -signal.SIGKILL
    run = tmp_path / "home" / "evolve" / "runs" / found.run
    assert json.loads((run / "generation.json").read_bytes())["number"] == 1
    before = len((run / "tried.jsonl").read_bytes().splitlines())
    scored = []

    def score(market, genome):
        scored.append(genome)
        return quick_score(market, genome)

    planned = a_planned(tmp_path)
    again = an_evolver(planned, tmp_path / "home").evolve(workers=0, score=score)
    assert essence(again) == essence(found)
    assert len(scored) == len(found.trials) - before
