"""Workers: batches of genomes, scored by tasks of a local Ray. The order of the answers is that of the questions.

A worker keeps its own copy of the bars for the next batch. The batch of one that dies is scored again by another: a
score follows from plan, bars and genome, so that does no harm.
"""

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final

from msgspec import Struct

from actors.local import STORE_BYTES, LocalRay
from market.tape import owned
from research.evolving.scoring import Market, PartScore, score_part
from research.genome import Genome
from research.paper import RunError

REPEATS_MAX: Final = 10
"""How often a batch is given to another worker; beyond it, the batch is what kills them."""
BATCHES_PER_WORKER: Final = 4
"""Batches of a generation per worker: few enough to cost nothing, enough to end at about the same time."""


class Scored(Struct, frozen=True, kw_only=True):
    """What a genome comes to on the parts that evolution uses."""

    fit: PartScore
    test: PartScore


Score = Callable[[Market, Genome], Scored]


def score_genome(market: Market, genome: Genome) -> Scored:
    """Roll a genome over both parts."""
    return Scored(fit=score_part(market, genome, "fit")[0], test=score_part(market, genome, "test")[0])


_own: dict[str, Market] = {}


def score_batch(name: str, market: Market, genomes: Sequence[Genome], score: Score) -> list[Scored]:
    """Score a batch in a worker; its bars arrive read-only and are copied once per search, by its name."""
    if name not in _own:
        _own.clear()
        _own[name] = market._replace(tape=owned(market.tape))
    return [score(_own[name], genome) for genome in genomes]


class Alone:
    """No worker but this process, with the face of `Workers`."""

    def __init__(self, market: Market, score: Score, wished: Callable[[], bool]) -> None:
        self._market, self._score, self._wished = market, score, wished

    def __enter__(self) -> "Alone":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def score(self, genomes: Sequence[Genome]) -> list[Scored]:
        """Return the scores of genomes in their order."""
        found = []
        for genome in genomes:
            if self._wished():
                raise KeyboardInterrupt
            found.append(self._score(self._market, genome))
        return found


class Workers:
    """A local Ray for the length of a `with` block."""

    def __init__(
        self, market: Market, score: Score = score_genome, count: int | None = None,
        wished: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.count = count or os.cpu_count() or 1
        self._market, self._score, self._wished = market, score, wished
        size = sum(column.nbytes for column in market.tape)
        self._ray = LocalRay(cpus=self.count, store_bytes=STORE_BYTES + 2 * size)
        self._name = str(self._ray.folder)
        self._shared: Any = None

    def __enter__(self) -> "Workers":
        try:
            self._ray.start()  # before `import ray`, which reads its environment once
            import ray

            self._shared = ray.put(self._market)
        except BaseException:
            self._ray.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shared = None
        self._ray.stop()

    def score(self, genomes: Sequence[Genome]) -> list[Scored]:
        """Return the scores of genomes in their order; RunError names the first genome of a batch that failed."""
        import ray

        task = ray.remote(max_retries=REPEATS_MAX, num_cpus=1)(score_batch)
        size = max(1, -(-len(genomes) // (self.count * BATCHES_PER_WORKER)))
        batches = [genomes[begin : begin + size] for begin in range(0, len(genomes), size)]
        asked = [task.remote(self._name, self._shared, batch, self._score) for batch in batches]
        waiting = list(asked)
        while waiting:
            _, waiting = ray.wait(waiting, num_returns=1, timeout=0.5)
            if self._wished():
                raise KeyboardInterrupt
        found: list[Scored] = []
        for ref, batch in zip(asked, batches, strict=True):
            try:
                answers: list[Scored] = ray.get(ref)
                found.extend(answers)
            except ray.exceptions.RayError as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
                raise RunError(f"a batch of {len(batch)} genomes failed: {reason}") from None
        return found
