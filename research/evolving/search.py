"""The search: NSGA-II over trees. What it tries follows from its seed alone, whoever evaluates it and however often.

Parents are drawn by DEAP's tournament of dominance and crowding, their children crossed and mutated; of parents and
children together the best fronts go on. A genome is evaluated once, however often it comes up. A generation is kept
when it is done: a search that was ended goes on from there, and comes to the same.
"""

# ruff: noqa: S311 - chance here keeps no secrets

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from deap import tools
from msgspec import Struct

from policies.genome import NODES_MAX
from research.evolving.objectives import Point, fitness_type
from research.evolving.trees import Tree, crossed, dice, drawn, genome_of, mutated, name_of, names_of, tree_of
from research.genome import genome_hash, size_of

MULTIPLE: Final = 4
"""A population is a multiple of it: the tournament takes four at a time."""
WORST: Final = -1e6
"""The score of a genome that is not valid; it counts as larger than any, so that every valid one dominates it."""


class Breeding(NamedTuple):
    """How a search breeds; `sides` are `long` or `both`, `regime` is the tag of its genomes."""

    seed: int
    population: int
    generations: int
    sides: str = "both"
    regime: str = "ANY"
    crossing: float = 0.7
    mutation: float = 0.4


class Tried(Struct, frozen=True, kw_only=True):
    """A genome to be evaluated: how it is called, which generation came to it first, and whose child it is."""

    sha256: str
    names: tuple[str, ...]
    genome: dict[str, Any]
    nodes: int
    generation: int
    parents: tuple[str, ...] = ()


class Generation(Struct, frozen=True, kw_only=True):
    """A generation that is done: its number, and its trees by the names of their nodes."""

    number: int
    population: tuple[tuple[str, ...], ...]


Evaluate = Callable[[Sequence[Tried]], Sequence[float | None]]
"""Return the fitness of genomes, None for one that is not valid."""


class Search:
    """One search; `known` are fitnesses by hash, of what an earlier part of it has evaluated."""

    def __init__(self, breeding: Breeding, evaluate: Evaluate, known: dict[str, float | None] | None = None) -> None:
        self.breeding = breeding
        self._evaluate = evaluate
        self._known: dict[str, float | None] = dict(known or {})
        self._kind = fitness_type()

    def generations(self, resumed: Generation | None = None) -> Iterator[Generation]:
        """Yield every generation when it is done, from the one after `resumed` on."""
        done = resumed
        parents: dict[str, tuple[str, ...]] = {}
        for number in range(0 if done is None else done.number + 1, self.breeding.generations + 1):
            with dice(f"{self.breeding.seed}:{number}"):
                if done is None:
                    pool = self._first()
                else:
                    before = [tree_of(names, self.breeding.sides) for names in done.population]
                    children, parents = self._bred(before)
                    pool = [*before, *children]
            self._try(pool, number, parents)
            chosen = pool if done is None else self._survivors(pool)
            done = Generation(number=number, population=tuple(tuple(names_of(tree)) for tree in chosen))
            yield done

    def _first(self) -> list[Tree]:
        """Return a population of different trees."""
        found: dict[str, Tree] = {}
        while len(found) < self.breeding.population:
            tree = drawn(self.breeding.sides)
            found.setdefault(name_of(tree), tree)
        return list(found.values())

    def _bred(self, trees: Sequence[Tree]) -> tuple[list[Tree], dict[str, tuple[str, ...]]]:
        """Return children that are not among the parents, and whose each is, by hash."""
        points = self._points(trees)
        for front in tools.sortNondominated(points, len(points)):
            tools.emo.assignCrowdingDist(front)
        chosen = [trees[point.number] for point in tools.selTournamentDCD(points, len(points))]
        known = {name_of(tree) for tree in trees}
        children: dict[str, Tree] = {}
        parents: dict[str, tuple[str, ...]] = {}
        for one, other in zip(chosen[::2], chosen[1::2], strict=True):
            crosses = random.random() < self.breeding.crossing
            pair = crossed(one, other) if crosses else (one, other)
            for child, parent in zip(pair, (one, other), strict=True):
                mutates = not crosses or random.random() < self.breeding.mutation
                changed = mutated(child, self.breeding.sides) if mutates else child
                name = name_of(changed)
                if name not in known and name not in children:
                    children[name] = changed
                    both = (one, other) if crosses else (parent,)
                    parents[name] = tuple(dict.fromkeys(self._hash(tree) for tree in both))
        return list(children.values()), parents

    def _try(self, pool: Iterable[Tree], number: int, parents: dict[str, tuple[str, ...]]) -> None:
        """Evaluate what nobody has evaluated."""
        tried = [
            self._tried(tree, number, parents.get(name_of(tree), ()))
            for tree in pool
            if self._hash(tree) not in self._known
        ]
        if tried:
            values = self._evaluate(tried)
            self._known.update({one.sha256: value for one, value in zip(tried, values, strict=True)})

    def _tried(self, tree: Tree, number: int, parents: tuple[str, ...]) -> Tried:
        genome = genome_of(tree, self.breeding.regime)
        return Tried(
            sha256=genome_hash(genome), names=tuple(names_of(tree)), genome=genome, nodes=size_of(genome).nodes,
            generation=number, parents=parents,
        )  # fmt: skip

    def _hash(self, tree: Tree) -> str:
        return genome_hash(genome_of(tree, self.breeding.regime))

    def _survivors(self, pool: Sequence[Tree]) -> list[Tree]:
        """Return the best fronts of a pool, cut to the population by crowding."""
        points = self._points(pool)
        return [pool[point.number] for point in tools.selNSGA2(points, self.breeding.population)]

    def _points(self, trees: Sequence[Tree]) -> list[Point]:
        return [Point(number, self._kind(self._objectives(tree))) for number, tree in enumerate(trees)]

    def _objectives(self, tree: Tree) -> tuple[float, float]:
        value, nodes = self._known[self._hash(tree)], size_of(genome_of(tree, self.breeding.regime)).nodes
        return (WORST, float(NODES_MAX + nodes)) if value is None else (value, float(nodes))
