"""Trees that evolution grows: typed by what numbers mean, so that a price is never held against an oscillator.

A genome of JSON knows bool and float. Here a float is a PRICE (ticks), a MOVE (ticks between prices), a PERCENT (an
oscillator of 0 to 100) or a RATIO, and constants come from the grid of their place. A tree is a root (`long`: entry,
exit, stop; `both`: those, and entry and exit of the short side) over DEAP's primitives; DEAP never compiles it.

Chance is the module `random`, which DEAP draws from: `dice` seeds it by name, so that what is drawn in a generation
depends on the seed and the generation alone.
"""

# ruff: noqa: S311 - chance here keeps no secrets

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from deap import gp

from policies.genome import DEPTH_MAX, NODES_MAX
from policies.intents import FEATURES_MAX
from research.genome import Node, conditions_of, feature_node, features_of, genome_hash, size_of

Tree = Any
"""A `gp.PrimitiveTree`."""


class STRATEGY: ...  # noqa: D101 - the types of nodes, for DEAP, which wants classes


class BOOL: ...  # noqa: D101


class PRICE: ...  # noqa: D101


class MOVE: ...  # noqa: D101


class PERCENT: ...  # noqa: D101


class RATIO: ...  # noqa: D101


class LEVEL: ...  # noqa: D101


class FACTOR: ...  # noqa: D101


class STOP: ...  # noqa: D101


SIDES: Final = ("long", "both")
PARTS: Final = {"long": ("entry", "exit"), "both": ("entry", "exit", "short.entry", "short.exit")}

FEATURES: Final = {
    PRICE: (
        "close", "open", "high", "low", "ema:8", "ema:21", "ema:55", "sma:20", "sma:50", "sma:100", "vwap:48",
        "bollinger_upper:20:2", "bollinger_lower:20:2",
    ),
    MOVE: ("atr:14", "atr:50", "trange", "stddev:20", "macd:12:26:9", "macd_signal:12:26:9", "macd_hist:12:26:9"),
    PERCENT: ("rsi:7", "rsi:14", "rsi:28", "stoch_k:14:3:3", "stoch_d:14:3:3", "adx:14", "plus_di:14", "minus_di:14"),
}  # fmt: skip
"""Terminals: features of the closed bar, each with a warm-up of its own."""
GRIDS: Final = {
    LEVEL: tuple(range(5, 100, 5)),
    FACTOR: (-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3),
    STOP: (1, 1.5, 2, 3, 4, 6, 8, 12),
}
"""Constants by the place that they stand in."""

_PRIMITIVES: Final = (
    ("and", (BOOL, BOOL), BOOL), ("or", (BOOL, BOOL), BOOL), ("not", (BOOL,), BOOL),
    ("lt.price", (PRICE, PRICE), BOOL), ("gt.price", (PRICE, PRICE), BOOL),
    ("lt.level", (PERCENT, LEVEL), BOOL), ("gt.level", (PERCENT, LEVEL), BOOL),
    ("lt.percent", (PERCENT, PERCENT), BOOL), ("gt.percent", (PERCENT, PERCENT), BOOL),
    ("lt.move", (MOVE, MOVE), BOOL), ("gt.move", (MOVE, MOVE), BOOL),
    ("lt.ratio", (RATIO, FACTOR), BOOL), ("gt.ratio", (RATIO, FACTOR), BOOL),
    ("add.price", (PRICE, MOVE), PRICE), ("sub.price", (PRICE, MOVE), PRICE), ("min.price", (PRICE, PRICE), PRICE),
    ("max.price", (PRICE, PRICE), PRICE), ("sub.move", (PRICE, PRICE), MOVE), ("abs.move", (MOVE,), MOVE),
    ("mul.move", (MOVE, FACTOR), MOVE), ("div.ratio", (MOVE, MOVE), RATIO), ("abs.ratio", (RATIO,), RATIO),
)  # fmt: skip
_LEAST: Final = {BOOL: 2, RATIO: 2, PRICE: 1, MOVE: 1, PERCENT: 1, LEVEL: 1, FACTOR: 1, STOP: 1}
"""Levels that a node of a type needs at least."""
LEAF_SHARE: Final = 0.4
"""How often a node that could be a leaf is one."""
TRIES_MAX: Final = 1000


@contextmanager
def dice(name: str) -> Iterator[None]:
    """Draw from a name for a while; whoever else draws from the module goes on as if nothing had been."""
    before = random.getstate()
    random.seed(name)
    try:
        yield
    finally:
        random.setstate(before)


def _unused(*_: Any) -> None:
    """Stand for what a primitive does: DEAP wants a function, and nothing ever calls it."""


@cache
def primitives(sides: str) -> Any:
    """Return DEAP's set of typed primitives and terminals, for strategies of these sides."""
    found = gp.PrimitiveSetTyped("genome", [], STRATEGY)
    found.addPrimitive(_unused, [*(BOOL for _ in PARTS[sides]), STOP], STRATEGY, name=sides)
    for name, takes, gives in _PRIMITIVES:
        found.addPrimitive(_unused, list(takes), gives, name=name)
    for kind, texts in FEATURES.items():
        for text in texts:
            found.addTerminal(text, kind, name=text)
    for kind, grid in GRIDS.items():
        for value in grid:
            found.addTerminal(value, kind, name=f"{kind.__name__.lower()}={value}")
    return found


def grown(sides: str, kind: type = STRATEGY, levels: int = DEPTH_MAX + 1) -> list[Any]:
    """Return a random subtree of a type, in prefix order, of so many levels at most."""
    own = primitives(sides)
    leaves = own.terminals[kind]
    inner = [one for one in own.primitives[kind] if 1 + max(_LEAST[taken] for taken in one.args) <= levels]
    if leaves and (not inner or random.random() < LEAF_SHARE):
        return [random.choice(leaves)]
    node = random.choice(inner)
    return [node, *(below for taken in node.args for below in grown(sides, taken, levels - 1))]


def drawn(sides: str) -> Tree:
    """Return a random tree within the bounds of a genome; most are small."""
    for _ in range(TRIES_MAX):
        tree = gp.PrimitiveTree(grown(sides, levels=random.randint(3, DEPTH_MAX + 1)))
        if fits(tree):
            return tree
    raise RuntimeError(f"no tree of {NODES_MAX} nodes in {TRIES_MAX} tries")


def names_of(tree: Tree) -> list[str]:
    """Return a tree as the names of its nodes, in prefix order."""
    return [str(node.name) for node in tree]


def tree_of(names: Sequence[str], sides: str) -> Tree:
    """Return the tree of such names; ValueError for one that is not of these primitives."""
    known = primitives(sides).mapping
    for name in names:
        if name not in known:
            raise ValueError(f"node {name!r} is not one that evolution knows")
    return gp.PrimitiveTree([known[name] for name in names])


def genome_of(tree: Tree, regime: str) -> dict[str, Any]:
    """Return the genome that a tree stands for."""
    nodes = iter(names_of(tree))
    sides = next(nodes)
    arities = {name: len(takes) for name, takes, _ in _PRIMITIVES}
    parts = {name: _node(nodes, arities) for name in PARTS[sides]}
    genome = {
        "v": 1, "regime": regime, "risk": {"atr_k": _node(nodes, arities)["const"]}, "entry": parts["entry"],
        "exit": parts["exit"],
    }  # fmt: skip
    if sides == "both":
        genome["short"] = {"entry": parts["short.entry"], "exit": parts["short.exit"]}
    return genome


def _node(nodes: Iterator[str], arities: dict[str, int]) -> dict[str, Any]:
    """Return the node that comes next, with everything below it."""
    name = next(nodes)
    if name in arities:
        return {"op": name.partition(".")[0], "args": [_node(nodes, arities) for _ in range(arities[name])]}
    kind, equals, value = name.partition("=")
    if equals:
        return {"const": float(value) if "." in value else int(value)}
    return feature_node(kind)


def fits(tree: Tree) -> bool:
    """Tell whether a tree is within the bounds of a genome (levels, nodes, features), and no node of it is idle."""
    genome = genome_of(tree, "ANY")
    size = size_of(genome)
    within = size.nodes <= NODES_MAX and size.depth <= DEPTH_MAX and len(features_of(genome)) <= FEATURES_MAX
    return within and not any(_idles(node) for _, node in conditions_of(genome))


def _idles(node: Node) -> bool:
    """Tell whether a node says nothing: equal arguments, what the node below has done, a size held against none."""
    args = node.get("args", ())
    same = len(args) == 2 and node["op"] != "add" and args[0] == args[1]
    again = node.get("op") in ("not", "abs") and args[0].get("op") == node["op"]
    sure = node.get("op") in ("lt", "gt") and args[0].get("op") == "abs" and args[1].get("const", 1) <= 0
    return same or again or sure or any(_idles(child) for child in args)


def name_of(tree: Tree) -> str:
    """Return the hash of a tree's genome, whatever its regime: equal trees are one."""
    return genome_hash(genome_of(tree, "ANY"))


def crossed(one: Tree, other: Tree) -> tuple[Tree, Tree]:
    """Return two trees with a subtree of one type exchanged; as they were where they would no longer fit.

    DEAP's own crossover chooses from a set of classes, whose order differs from process to process.
    """
    places = [_places(tree) for tree in (one, other)]
    shared = sorted(places[0].keys() & places[1].keys())
    kind = random.choice(shared)
    first, second = (
        tree.searchSubtree(random.choice(own[kind])) for tree, own in zip((one, other), places, strict=True)
    )
    left, right = gp.PrimitiveTree(one), gp.PrimitiveTree(other)
    left[first], right[second] = other[second], one[first]
    return left if fits(left) else one, right if fits(right) else other


def _places(tree: Tree) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, node in enumerate(tree[1:], 1):
        found.setdefault(node.ret.__name__, []).append(place)
    return found


def mutated(tree: Tree, sides: str) -> Tree:
    """Return a tree with a subtree grown anew, a node exchanged or a branch cut; as it was if that would not fit."""
    changed = gp.PrimitiveTree(tree)
    draw = random.random()
    if draw < 0.45:
        place = random.randrange(1, len(changed))
        part = changed.searchSubtree(place)
        changed[part] = grown(sides, changed[place].ret, random.randint(2, 4))
    elif draw < 0.85:
        (changed,) = gp.mutNodeReplacement(changed, primitives(sides))
    else:
        (changed,) = gp.mutShrink(changed)
    return changed if fits(changed) else tree
