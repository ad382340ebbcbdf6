"""The search: trees within their bounds, the same from the same seed, and from wherever it was taken up again."""

import random
import subprocess
import sys

import pytest

from policies.genome import DEPTH_MAX, NODES_MAX
from research.evolving.search import Breeding, Search
from research.evolving.trees import (
    FEATURES,
    GRIDS,
    SIDES,
    crossed,
    dice,
    drawn,
    fits,
    genome_of,
    mutated,
    names_of,
    tree_of,
)
from research.genome import checked, genome_hash, size_of
from research.genome_code import compile_genome
from tests.research.files import REPO

BREEDING = Breeding(seed=3, population=12, generations=4)


def some_trees(count=60, sides="both"):
    with dice("trees"):
        return [drawn(sides) for _ in range(count)]


def score(tried):
    """Like short genomes that read the RSI, by a rule of their text alone; every tenth is not valid."""
    found = []
    for one in tried:
        text = " ".join(one.names)
        invalid = int(one.sha256[:4], 16) % 10 == 0
        found.append(None if invalid else text.count("rsi") - 0.1 * len(one.names) + int(one.sha256[:2], 16) / 1e4)
    return found


def a_search(breeding=BREEDING, known=None, resumed=None):
    heard = []
    search = Search(breeding, lambda tried: heard.append(tuple(tried)) or score(tried), known)
    kept = [(generation, heard.pop() if heard else ()) for generation in search.generations(resumed)]
    return kept[-1][0], kept


@pytest.mark.parametrize("sides", SIDES)
def test_drawn_trees_are_genomes_that_compile(sides):
    sizes = []
    for tree in some_trees(sides=sides):
        genome = checked(genome_of(tree, "BULL"))
        compile_genome(genome)
        sizes.append(size_of(genome).nodes)
        assert ("short" in genome) == (sides == "both")
        assert names_of(tree_of(names_of(tree), sides)) == names_of(tree)
    assert len(set(sizes)) > 5
    assert max(sizes) <= NODES_MAX


def test_children_are_within_the_bounds_and_of_their_types():
    trees = some_trees()
    with dice("children"):
        for one, other in zip(trees[::2], trees[1::2], strict=True):
            for child in (*crossed(one, other), *(mutated(one, "both") for _ in range(20))):
                assert fits(child)
                assert size_of(checked(genome_of(child, "ANY"))).depth <= DEPTH_MAX


def test_crossing_exchanges_and_loses_nothing():
    one, other = some_trees(2)
    with dice("cross"):
        pairs = [crossed(one, other) for _ in range(30)]
    whole = sorted(names_of(one) + names_of(other))
    swapped = [pair for pair in pairs if pair[0] is not one and pair[1] is not other]
    assert swapped
    assert all(sorted(names_of(left) + names_of(right)) == whole for left, right in swapped)


def test_every_feature_and_constant_of_the_grid_is_allowed_in_a_genome():
    for texts in FEATURES.values():
        for text in texts:
            leaf = tree_of([text], "long")
            assert leaf.height == 0
    assert all(len(set(grid)) == len(grid) for grid in GRIDS.values())
    with pytest.raises(ValueError, match="node 'eval' is not one that evolution knows"):
        tree_of(["eval"], "long")


IDLE = [
    ["long", "gt.percent", "rsi:14", "rsi:14", "gt.level", "rsi:14", "level=5", "stop=2"],
    ["long", "not", "not", "gt.level", "rsi:14", "level=5", "gt.level", "rsi:14", "level=5", "stop=2"],
    [
        "long",
        "lt.ratio",
        "abs.ratio",
        "div.ratio",
        "trange",
        "atr:14",
        "factor=0",
        "gt.level",
        "rsi:14",
        "level=5",
        "stop=2",
    ],
]


@pytest.mark.parametrize("names", IDLE)
def test_a_tree_with_an_idle_node_does_not_fit(names):
    assert not fits(tree_of(names, "long"))
    busy = [{"factor=0": "factor=1"}.get(name, name) for name in names if name != "not"]
    if busy[1] == "gt.percent":
        busy[3] = "rsi:7"
    assert fits(tree_of(busy, "long"))


def test_dice_leave_the_chance_of_others_alone():
    random.seed(5)
    first = random.random()
    random.seed(5)
    with dice("x"):
        inside = random.random()
    assert random.random() == first
    with dice("x"):
        assert random.random() == inside


def test_the_same_seed_finds_the_same_and_another_does_not():
    one, other = a_search(), a_search()
    assert one == other
    assert a_search(BREEDING._replace(seed=4))[0] != one[0]


def test_a_search_in_another_process_finds_the_same():
    code = (
        "from tests.research.test_evolving_search import a_search\n"
        "print(*(one.sha256 for _, tried in a_search()[1] for one in tried))"
    )
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO,
                       env={"PYTHONHASHSEED": seed, "PATH": ""}).stdout.split()
        for seed in ("1", "2")
    ]  # fmt: skip
    assert done[0] == done[1] == [one.sha256 for _, tried in a_search()[1] for one in tried]


def test_a_search_that_goes_on_from_a_generation_comes_to_the_same():
    last, kept = a_search()
    for place in range(BREEDING.generations):
        known = {
            one.sha256: value for _, tried in kept[: place + 1] for one, value in zip(tried, score(tried), strict=True)
        }
        again, rest = a_search(known=known, resumed=kept[place][0])
        assert again == last
        assert rest == kept[place + 1 :]


def test_no_genome_is_evaluated_twice_and_parents_are_named():
    _, kept = a_search()
    hashes = [one.sha256 for _, tried in kept for one in tried]
    assert len(hashes) == len(set(hashes))
    first, *later = kept
    assert all(one.parents == () for one in first[1])
    known = set(hashes)
    for generation, tried in later:
        assert all(one.generation == generation.number and one.parents and set(one.parents) <= known for one in tried)
    assert all(genome_hash(one.genome) == one.sha256 for _, tried in kept for one in tried)


def test_it_gets_better_and_no_invalid_genome_outlives_a_valid_one():
    last, kept = a_search(BREEDING._replace(generations=8))
    values = {one.names: value for _, tried in kept for one, value in zip(tried, score(tried), strict=True)}
    found = [values[names] for names in last.population]
    assert None not in found
    assert max(found) > max(
        value for one, value in zip(kept[0][1], score(kept[0][1]), strict=True) if value is not None
    )
    assert len(last.population) == len(set(last.population)) == BREEDING.population
