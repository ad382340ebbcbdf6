"""A genome compiled into the numbers that `policies.genome` runs, read back from them, and written for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policies.genome import HEAD, ITEM, Code, flaw_of
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
    flaw = flaw_of(numbers, len(compiled.features))
    if flaw:
        raise GenomeError(f"numbers: {flaw}")
    found, at = {}, HEAD
    for name, count in zip(CONDITIONS, numbers[1:HEAD], strict=True):
        end = at + ITEM * int(count)
        if end > at:
            found[name] = _tree(compiled.features, numbers[at:end])
        at = end
    return found


def _tree(features: tuple[str, ...], items: tuple[float, ...]) -> Node:
    stack: list[Node] = []
    for code, operand in zip(items[::ITEM], items[1::ITEM], strict=True):
        if code == Code.FEATURE:
            stack.append(feature_node(features[int(operand)]))
        elif code == Code.CONSTANT:
            stack.append({"const": int(operand) if operand == int(operand) else operand})
        else:
            taken = 1 if code <= Code.ABS else 2
            stack[-taken:] = [{"op": _NAMES[Code(int(code))], "args": stack[-taken:]}]
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
