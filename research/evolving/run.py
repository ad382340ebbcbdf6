"""A run of evolution: search, choose from the front, look at the holdout once, say how much of it may be luck.

A run is named by the hash of all that its result follows from: plan, data, how it breeds and what it strives for. So
one that was ended goes on when it is asked for again, and one that is done is read, not run.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from policies.plan import canonical, plan_hash
from research.backtest import executing
from research.evolving.library import Library, Lineage, Metrics, Strategy
from research.evolving.objectives import Terms, nsga2_fronts, penalised_fitness
from research.evolving.records import Burnt, EvolveError, Folder, RunFolder, Trial, data_key
from research.evolving.scoring import Market, PartScore, gap_of, params_for, score_part, spans_of
from research.evolving.search import Breeding, Search, Tried
from research.evolving.workers import Alone, Score, Workers, score_genome
from research.home import FileLock, Home
from research.paper import revision
from research.params import DataFile
from research.planning import Planned
from research.validation import deflated_sharpe, moments_of, probabilistic_sharpe
from research.walkforward import bars_of

ID_DIGITS: Final = 12
CANDIDATES_MIN: Final = 12
"""Genomes that the winner is chosen from, at least: the best fronts of all that was tried."""
GATE: Final = 0.95
"""A deflated Sharpe ratio from here on is more than luck. Source: notes on validation."""

Watch = Callable[[int, int, int, float | None], None]
"""Hears (generation, generations, genomes tried so far, best fitness so far)."""


class Settings(NamedTuple):
    """How a run breeds, what it strives for, and the words that it was asked for with."""

    breeding: Breeding
    terms: Terms
    options: dict[str, Any]


class Candidate(NamedTuple):
    """A genome of one of the best fronts (0: the best), on the bars that it is chosen on; None: not valid there."""

    trial: Trial
    front: int
    choice: PartScore
    fitness: float | None


class Evolution(NamedTuple):
    """A run that is done. `tries` are all genomes ever evaluated on this data, `earlier` those of other runs.

    Without a winner nothing is kept. Without a holdout, `burnt` says who has looked at its bars before.
    """

    run: str
    planned: Planned
    settings: Settings
    market: Market
    trials: tuple[Trial, ...]
    candidates: tuple[Candidate, ...]
    winner: Candidate | None
    holdout: PartScore | None
    holdout_psr: float | None
    burnt: tuple[Burnt, ...]
    tries: int
    earlier: int
    deflated: float | None
    strategy: Strategy | None
    path: str | None
    seconds: float

    @property
    def valid(self) -> int:
        """How many of the run's genomes are valid."""
        return sum(trial.fitness is not None for trial in self.trials)


class Evolver:
    """Takes a run from its beginning, or from wherever it has come to, to its end."""

    def __init__(self, planned: Planned, settings: Settings, home: Home) -> None:
        self.planned = planned._replace(plan=executing(planned.plan))
        self.settings, self.home = settings, home
        bars = len(bars_of(planned.tape))
        try:
            spans = spans_of(bars, gap_of(planned.plan))
        except ValueError as error:
            raise EvolveError(f"{error}; more of them, or a smaller hold_bars, are allowed") from None
        self.market = Market(self.planned.plan, self.planned.tape, spans, settings.breeding.regime)
        self.key = data_key(planned.data)
        self.folder = Folder(home.path)
        request = {
            "breeding": settings.breeding._asdict(), "terms": settings.terms._asdict(), "data": self.key,
            "plan_hash": plan_hash(self.planned.plan), "first_ns": int(planned.tape.time_ns[0]), "bars": bars,
        }  # fmt: skip
        self.run: RunFolder = self.folder.run(hashlib.sha256(canonical(request)).hexdigest()[:ID_DIGITS])
        self._request = {**request, "options": settings.options}

    def evolve(
        self, watch: Watch | None = None, wished: Callable[[], bool] = lambda: False, workers: int | None = None,
        score: Score = score_genome,
    ) -> Evolution:  # fmt: skip
        """Return the finished run; KeyboardInterrupt once somebody wished to stop, and it can be taken up again.

        `workers` None: as many as there are cores; 0: none, but this process.
        """
        begin = time.perf_counter()
        self.run.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.run.path / "lock", f"evolution {self.run.name}", "--home")
        try:
            self.run.begin(self._request)
            self._search(watch, wished, workers, score)
            return self._judged(tuple(self.run.trials().values()), begin)
        finally:
            lock.close()

    def _search(self, watch: Watch | None, wished: Callable[[], bool], workers: int | None, score: Score) -> None:
        """Breed what is still to be bred."""
        breeding, done = self.settings.breeding, self.run.generation()
        if done is not None and done.number >= breeding.generations:
            return
        trials = self.run.trials()
        crew = Alone(self.market, score, wished) if workers == 0 else Workers(self.market, score, workers, wished)
        with crew as own:

            def evaluate(tried: Sequence[Tried]) -> list[float | None]:
                scores = own.score([one.genome for one in tried])
                found = [
                    Trial(tried=one, scored=scored, fitness=self._fitness(one.nodes, scored.test, scored.fit))
                    for one, scored in zip(tried, scores, strict=True)
                ]
                self.folder.note_evaluated(self.key, found, self.run.name)
                self.run.note(found)
                trials.update({one.tried.sha256: one for one in found})
                return [one.fitness for one in found]

            search = Search(breeding, evaluate, {sha256: trial.fitness for sha256, trial in trials.items()})
            for generation in search.generations(done):
                self.run.keep(generation)
                if watch is not None:
                    best = max((one.fitness for one in trials.values() if one.fitness is not None), default=None)
                    watch(generation.number, breeding.generations, len(trials), best)

    def _fitness(self, nodes: int, out: PartScore, within: PartScore) -> float | None:
        return penalised_fitness(out.sharpe, within.sharpe, nodes, out.trades, self.settings.terms)

    def _judged(self, trials: tuple[Trial, ...], begin: float) -> Evolution:
        candidates = self._candidates(trials)
        valid = [one for one in candidates if one.fitness is not None]
        winner = max(valid, key=lambda one: (one.fitness or 0.0, one.trial.tried.sha256), default=None)
        known = self.folder.evaluated(self.key)
        earlier = len(known.keys() - {one.tried.sha256 for one in trials})
        found = Evolution(
            self.run.name, self.planned, self.settings, self.market, trials, candidates, winner, None, None, (),
            len(known), earlier, None, None, None, 0.0,
        )  # fmt: skip
        if winner is not None:
            found = self._kept(self._looked(found._replace(deflated=self._deflated(winner, known)), winner), winner)
        return found._replace(seconds=time.perf_counter() - begin)

    def _candidates(self, trials: Sequence[Trial]) -> tuple[Candidate, ...]:
        """Return the best compromises of all that was tried, scored on the bars that they are chosen on.

        Front after front, until there are enough: one lucky genome must not leave nothing to choose from. Of genomes
        that do the same, the smallest stands for all.
        """
        valid = [trial for trial in trials if trial.fitness is not None]
        found: list[Candidate] = []
        for place, front in enumerate(
            nsga2_fronts([(trial.fitness or 0.0, trial.tried.nodes) for trial in valid]).fronts
        ):
            if len(found) >= CANDIDATES_MIN:
                break
            for trial in sorted((valid[number] for number in front), key=lambda one: one.tried.nodes):
                if any(one.trial.scored == trial.scored for one in found):
                    continue
                choice = score_part(self.market, trial.tried.genome, "choice")[0]
                fitness = self._fitness(trial.tried.nodes, choice, trial.scored.test)
                found.append(Candidate(trial, place, choice, fitness))
        return tuple(sorted(found, key=lambda one: (one.front, one.trial.tried.nodes, one.trial.tried.sha256)))

    def _deflated(self, winner: Candidate, known: dict[str, float]) -> float | None:
        """Return how sure it is that the winner's ratio on the test is more than the best of all tries on this data."""
        moments = moments_of(score_part(self.market, winner.trial.tried.genome, "test")[1].returns)
        if moments is None:
            return None
        spread = float(np.var(list(known.values()), ddof=1)) if len(known) > 1 else 0.0
        return deflated_sharpe(moments, len(known), spread).value

    def _looked(self, found: Evolution, winner: Candidate) -> Evolution:
        """Look at the holdout, unless somebody has: the look is recorded before it is taken."""
        times, span = bars_of(self.planned.tape), self.market.spans["holdout"]
        genome = winner.trial.tried
        look = Burnt(
            from_ns=int(times[span.begin]), until_ns=int(times[span.end - 1]) + 1, regime=self.market.regime,
            run=self.run.name, genome=genome.sha256,
        )  # fmt: skip
        burnt = self.folder.burnt(self.key, look.from_ns, look.until_ns, look.regime)
        others = tuple(one for one in burnt if one != look)
        if others:
            return found._replace(burnt=others)
        if not burnt:
            self.folder.burn(self.key, look)
        score, daily = score_part(self.market, genome.genome, "holdout")
        moments = moments_of(daily.returns)
        psr = None if moments is None else probabilistic_sharpe(moments).value
        return found._replace(holdout=score, holdout_psr=psr)

    def _kept(self, found: Evolution, winner: Candidate) -> Evolution:
        """Put the winner into the library."""
        tried, scored, tape = winner.trial.tried, winner.trial.scored, self.planned.tape
        assert winner.fitness is not None
        strategy = Strategy(
            sha256=tried.sha256,
            genome=tried.genome,
            params=params_for(tried.genome, dict(self.planned.plan.desks[0].params)),
            lineage=Lineage(
                parents=tried.parents, generation=tried.generation, run=self.run.name, seed=self.settings.breeding.seed
            ),
            symbols=tuple(instrument.key for instrument in self.planned.plan.instruments),
            bar_ns=self.planned.plan.feeds[0].bar_ns,
            first_ns=int(tape.time_ns[0]),
            last_ns=int(tape.time_ns[-1]),
            data=tuple(DataFile(*file) for file in self.planned.data),
            data_hash=self.key,
            plan_hash=plan_hash(self.planned.plan),
            engine=revision(),
            metrics=Metrics(
                fitness=winner.fitness, fit=scored.fit, test=scored.test, choice=winner.choice, holdout=found.holdout,
                tries=found.tries, deflated_sharpe=found.deflated,
            ),
        )  # fmt: skip
        return found._replace(strategy=strategy, path=str(Library(self.home.path).keep(strategy)))
