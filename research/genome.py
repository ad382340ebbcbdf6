"""A genome as people and files have it: JSON. Its canonical bytes, its hash, its size, and what is allowed in it.

    {"v": 1, "regime": "ANY", "risk": {"atr_k": 2.0}, "entry": CONDITION, "exit": CONDITION,
     "short": {"entry": CONDITION, "exit": CONDITION}}

`short` may be missing: then it only buys. A node is a feature of `market.feature_specs`, `{"ind": "rsi", "n": 14}`, a
number, `{"const": 30}`, or an operation, `{"op": "lt", "args": [...]}`. Nothing of it is ever evaluated as code.

The hash is that of the canonical bytes: keys sorted, no spaces, ASCII, floats by repr. Parents, seed, data and results
are kept beside a genome, not in it.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from market.feature_specs import SPECS, parse_feature
from policies.genome import DEPTH_MAX, NODES_MAX
from policies.intents import FEATURES_MAX
from policies.observing import units_of
from policies.regime import Regime

Node = Mapping[str, Any]
Genome = Mapping[str, Any]

VERSION: Final = 1
ANY: Final = "ANY"
REGIMES: Final = (*(regime.name for regime in Regime), ANY)
SIZE_FEATURE: Final = "atr:14"
"""The first feature of every genome: what its stop and its size are measured in."""
ATR_K_MAX: Final = 50.0
CONST_MAX: Final = 1e9
HASH_DIGITS: Final = 64


class GenomeError(ValueError):
    """A genome cannot be used; the message names the place in it, and what is allowed."""


class Operation(NamedTuple):
    """What an operation takes and gives: bool or float."""

    takes: tuple[type, ...]
    gives: type


_LOGIC, _TEST, _SUM = Operation((bool, bool), bool), Operation((float, float), bool), Operation((float, float), float)
OPERATIONS: Final[Mapping[str, Operation]] = {
    "and": _LOGIC, "or": _LOGIC, "not": Operation((bool,), bool), "lt": _TEST, "gt": _TEST,
    "add": _SUM, "sub": _SUM, "mul": _SUM, "div": _SUM, "min": _SUM, "max": _SUM, "abs": Operation((float,), float),
}  # fmt: skip


class Size(NamedTuple):
    """How large a genome is: nodes of all conditions, levels of the deepest."""

    nodes: int
    depth: int


def canonical(genome: Genome) -> str:
    """Return the one text that stands for a genome; GenomeError where a number is not finite."""
    try:
        return json.dumps(genome, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GenomeError(f"genome: {error}; finite numbers, texts, lists and objects are allowed") from None


def genome_hash(genome: Genome) -> str:
    """Return the SHA-256 of a genome's canonical text."""
    return hashlib.sha256(canonical(genome).encode("utf-8")).hexdigest()


def conditions_of(genome: Genome) -> Iterator[tuple[str, Node]]:
    """Yield the places and conditions of a genome: entry, exit, and those of its short side."""
    for name in ("entry", "exit"):
        if name in genome:
            yield name, genome[name]
    short = genome.get("short")
    if isinstance(short, Mapping):
        for name in ("entry", "exit"):
            if name in short:
                yield f"short.{name}", short[name]


def size_of(genome: Genome) -> Size:
    """Return the nodes of all conditions and the levels of the deepest, a leaf being one."""
    sizes = [_size(node) for _, node in conditions_of(genome)]
    return Size(sum(size.nodes for size in sizes), max((size.depth for size in sizes), default=0))


def _size(node: Node) -> Size:
    below = [_size(child) for child in node.get("args", ())]
    return Size(1 + sum(size.nodes for size in below), 1 + max((size.depth for size in below), default=0))


def feature_text(node: Node) -> str:
    """Return a feature node as features are written: `rsi:14`."""
    parameters = SPECS[node["ind"]].parameters
    return ":".join((str(node["ind"]), *(repr(node[name]).removesuffix(".0") for name in parameters)))


def feature_node(text: str) -> dict[str, Any]:
    """Return the node of a feature as it is written; ValueError where it is none."""
    parse_feature(text)
    name, *given = text.split(":")
    values = [float(value) if parameter == "width" else int(value) for parameter, value in _pairs(name, given)]
    return {"ind": name, **dict(zip(SPECS[name].parameters, values, strict=True))}


def _pairs(name: str, given: list[str]) -> list[tuple[str, str]]:
    return list(zip(SPECS[name].parameters, given, strict=True))


def features_of(genome: Genome) -> tuple[str, ...]:
    """Return the features of a genome as it is compiled: ATR first, then each by its first use."""
    found = {SIZE_FEATURE: None}
    for _, condition in conditions_of(genome):
        found.update(dict.fromkeys(_features(condition)))
    return tuple(found)


def _features(node: Node) -> Iterator[str]:
    if "ind" in node:
        yield feature_text(node)
    for child in node.get("args", ()):
        yield from _features(child)


def checked(genome: Any) -> dict[str, Any]:
    """Return a genome whose every part is known and within its bounds; GenomeError says in one line what is not."""
    _keys("genome", genome, ("v", "entry", "exit", "regime", "risk"), ("short",))
    if genome["v"] != VERSION or type(genome["v"]) is not int:
        raise GenomeError(f"genome.v: version {genome['v']!r} is unknown; {VERSION} is allowed")
    if genome["regime"] not in REGIMES:
        raise GenomeError(f"genome.regime: {genome['regime']!r} is unknown; {', '.join(REGIMES)} are allowed")
    _keys("genome.risk", genome["risk"], ("atr_k",))
    atr_k = genome["risk"]["atr_k"]
    if not _is_number(atr_k) or not 0.0 < atr_k <= ATR_K_MAX:
        raise GenomeError(f"genome.risk.atr_k: {atr_k!r}; a number above 0 up to {ATR_K_MAX:g} is allowed")
    if "short" in genome:
        _keys("genome.short", genome["short"], ("entry", "exit"))
    for place, condition in conditions_of(genome):
        _check(f"genome.{place}", condition, bool, 1)
    nodes = size_of(genome).nodes
    if nodes > NODES_MAX:
        raise GenomeError(f"genome: {nodes} nodes; at most {NODES_MAX} are allowed")
    features = features_of(genome)
    if len(features) > FEATURES_MAX:
        raise GenomeError(
            f"genome: {len(features)} features, {SIZE_FEATURE} among them; at most {FEATURES_MAX} are allowed"
        )
    return dict(genome)


def _check(place: str, node: Any, wanted: type, level: int) -> None:
    """Refuse a node that is unknown, of another type than its place wants, or too deep."""
    if level > DEPTH_MAX:
        raise GenomeError(f"{place}: it is {level} levels deep; at most {DEPTH_MAX} are allowed")
    kinds = [kind for kind in ("op", "ind", "const") if isinstance(node, Mapping) and kind in node]
    if len(kinds) != 1:
        raise GenomeError(f"{place}: a node with one of op, ind, const is allowed")
    if kinds[0] == "op":
        _check_operation(place, node, wanted, level)
        return
    if wanted is not float:
        raise GenomeError(f"{place}: {kinds[0]} is a float where a bool is wanted; and, or, not, lt, gt are allowed")
    if kinds[0] == "const":
        _keys(place, node, ("const",))
        if not _is_number(node["const"]) or abs(node["const"]) > CONST_MAX:
            raise GenomeError(f"{place}: const = {node['const']!r}; a number up to {CONST_MAX:g} is allowed")
    else:
        _check_feature(place, node)


def _check_operation(place: str, node: Node, wanted: type, level: int) -> None:
    _keys(place, node, ("op", "args"))
    operation = OPERATIONS.get(node["op"]) if isinstance(node["op"], str) else None
    if operation is None:
        raise GenomeError(f"{place}: op {node['op']!r} is unknown; {', '.join(OPERATIONS)} are allowed")
    if operation.gives is not wanted:
        raise GenomeError(f"{place}: {node['op']} gives {_name(operation.gives)} where {_name(wanted)} is wanted")
    args = node["args"]
    if not isinstance(args, list | tuple) or len(args) != len(operation.takes):
        raise GenomeError(f"{place}: {node['op']} takes a list of {len(operation.takes)} args")
    for k, (child, taken) in enumerate(zip(args, operation.takes, strict=True)):
        _check(f"{place}.args[{k}]", child, taken, level + 1)


def _check_feature(place: str, node: Node) -> None:
    if not isinstance(node["ind"], str) or node["ind"] not in SPECS:
        raise GenomeError(f"{place}: ind {node['ind']!r} is unknown; {', '.join(sorted(SPECS))} are allowed")
    parameters = SPECS[node["ind"]].parameters
    _keys(place, node, ("ind", *parameters))
    for name in parameters:
        whole = name != "width"
        if not _is_number(node[name]) or (whole and type(node[name]) is not int):
            raise GenomeError(f"{place}: {name} = {node[name]!r}; a {'whole ' if whole else ''}number is allowed")
    try:
        units_of((SIZE_FEATURE, feature_text(node)))  # what grows without bound depends on where data begins
    except ValueError as error:
        raise GenomeError(f"{place}: {error}") from None


def _keys(place: str, found: Any, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Refuse what is no object of these keys."""
    allowed = ", ".join((*needed, *optional))
    if not isinstance(found, Mapping):
        raise GenomeError(f"{place}: {type(found).__name__} found; an object of {allowed} is allowed")
    for key in found:
        if key not in needed and key not in optional:
            raise GenomeError(f"{place}: {key!r} is unknown; {allowed} are allowed")
    for key in needed:
        if key not in found:
            raise GenomeError(f"{place}: {key} is missing; {allowed} are allowed")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _name(kind: type) -> str:
    return kind.__name__
