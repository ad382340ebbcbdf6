"""A genome compiled into the numbers that `policies.genome` runs, read back from them, and written for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policies.genome import DEPTH_MAX, HEAD, ITEM, Code
from research.genome import Genome, GenomeError, Node, checked, conditions_of, feature_node, feature_text, features_of

CONDITIONS: Final = ("entry", "exit", "short.entry", "short.exit")
"""Conditions in the order of the numbers."""

CODES: Final[Mapping[str, Code]] = {
    "not": Code.NOT, "abs": Code.ABS, "lt": Code.LT, "gt": Code.GT, "and": Code.AND, "or": Code.OR, "add": Code.ADD,
    "sub": Code.SUB, "mul": Code.MUL, "div": Code.DIV, "min": Code.MIN, "max": Code.MAX,
}  # fmt: skip
_NAMES: Final = {code: name for name, code in CODES.items()}
_SIGNS: Final = {"lt": "<", "gt": ">", "and": "and", "or": "or", "add": "+", "sub": "-", "mul": "*", "div": "/"}


class Compiled(NamedTuple):
    """A genome for the kernel: the features it reads, and its numbers."""

    features: tuple[str, ...]
    numbers: tuple[float, ...]


def compile_genome(genome: Genome) -> Compiled:
    """Return the numbers of a genome; GenomeError where it is not what `research.genome.checked` allows."""
    checked(genome)
    features = features_of(genome)
    slots = {text: slot for slot, text in enumerate(features)}
    found = dict(conditions_of(genome))
    programs = [list(_items(found[name], slots)) if name in found else [] for name in CONDITIONS]
    head = [float(len(features)), *(float(len(program)) for program in programs)]
    return Compiled(features, (*head, *(number for program in programs for item in program for number in item)))


def _items(node: Node, slots: Mapping[str, int]) -> Iterator[tuple[float, float]]:
    """Yield the items of a node, its arguments first."""
    for child in node.get("args", ()):
        yield from _items(child, slots)
    if "op" in node:
        yield float(CODES[node["op"]]), 0.0
    elif "ind" in node:
        yield float(Code.FEATURE), float(slots[feature_text(node)])
    else:
        yield float(Code.CONSTANT), float(node["const"])


def decompile(compiled: Compiled) -> dict[str, Node]:
    """Return the conditions that numbers stand for, by name; GenomeError where they are not of a genome.

    Whole constants come back as whole numbers: 30 and 30.0 are one to the kernel.
    """
    numbers = compiled.numbers
    if len(numbers) < HEAD or numbers[0] != len(compiled.features):
        raise GenomeError(f"numbers: they are not of a genome with {len(compiled.features)} features")
    counts = [int(count) for count in numbers[1:HEAD]]
    if len(numbers) != HEAD + ITEM * sum(counts):
        raise GenomeError(f"numbers: there are {len(numbers)}, their head says {HEAD + ITEM * sum(counts)}")
    found, at = {}, HEAD
    for name, count in zip(CONDITIONS, counts, strict=True):
        if count:
            found[name] = _tree(compiled.features, numbers[at : at + ITEM * count])
        at += ITEM * count
    return found


def _tree(features: tuple[str, ...], items: tuple[float, ...]) -> Node:
    stack: list[Node] = []
    for code, operand in zip(items[::ITEM], items[1::ITEM], strict=True):
        if code == Code.FEATURE:
            stack.append(feature_node(features[int(operand)]))
        elif code == Code.CONSTANT:
            stack.append({"const": int(operand) if operand == int(operand) else operand})
        else:
            name = _NAMES.get(Code(int(code)) if code in Code._value2member_map_ else Code.FEATURE)
            taken = 1 if code <= Code.ABS else 2
            if name is None or len(stack) < taken:
                raise GenomeError(f"numbers: code {code:g} is not allowed where {len(stack)} values are")
            stack[-taken:] = [{"op": name, "args": stack[-taken:]}]
        if len(stack) > DEPTH_MAX:
            raise GenomeError(f"numbers: they need a stack of {len(stack)}; at most {DEPTH_MAX} is allowed")
    if len(stack) != 1:
        raise GenomeError(f"numbers: a condition leaves {len(stack)} values; one is allowed")
    return stack[0]


def text_of(node: Node) -> str:
    """Return a condition as people write it: `rsi(14) < 30 and ema(12) > ema(26)`."""
    return _text(node, outer=True)


def _text(node: Node, *, outer: bool = False) -> str:
    if "const" in node:
        return f"{node['const']:g}"
    if "ind" in node:
        name, *given = feature_text(node).split(":")
        return f"{name}({', '.join(given)})" if given else name
    name, args = node["op"], node["args"]
    if name not in _SIGNS:
        return f"{name}({', '.join(_text(child, outer=True) for child in args)})"
    tests = name in ("and", "or") and all(child.get("op") in ("lt", "gt") for child in args)
    found = f" {_SIGNS[name]} ".join(_text(child, outer=tests) for child in args)
    return found if outer else f"({found})"


def lines_of(genome: Genome) -> tuple[tuple[str, str], ...]:
    """Return a genome as lines of (what is done, when)."""
    words = {"entry": "buy when", "exit": "close when", "short.entry": "sell when", "short.exit": "cover when"}
    risk: Any = genome["risk"]
    rules = tuple((words[name], text_of(node)) for name, node in conditions_of(genome))
    return (*rules, ("stop at", f"{risk['atr_k']:g} x atr(14)"), ("regime", str(genome["regime"])))
