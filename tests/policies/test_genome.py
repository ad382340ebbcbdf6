"""The interpreter of genomes: what each code does, what is not known, and which action follows on which side."""

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.genome import (
    CLOSE,
    DEPTH_MAX,
    HEAD,
    HOLD,
    NODES_MAX,
    OPEN_LONG,
    OPEN_SHORT,
    Code,
    flaw_of,
    genome_action,
    holds,
    joined,
)
from research.genome import GenomeError, canonical, checked, conditions_of, feature_node, genome_hash, size_of
from research.genome_code import CONDITIONS, Compiled, compile_genome, decompile, lines_of, text_of

RSI, EMA = {"ind": "rsi", "n": 14}, {"ind": "ema", "n": 12}
SLOW = {"ind": "ema", "n": 26}


def op(name, *args):
    return {"op": name, "args": list(args)}


def const(value):
    return {"const": value}


def a_genome(**changes):
    genome = {
        "v": 1, "regime": "ANY", "risk": {"atr_k": 2.0}, "entry": op("lt", RSI, const(30)),
        "exit": op("gt", RSI, const(62.5)),
    }  # fmt: skip
    return genome | changes


def act(genome, side, **values):
    """Return the action with ATR 1 and the named features."""
    compiled = compile_genome(genome)
    features = np.array([values.get(text.partition(":")[0], 1.0) for text in compiled.features])
    return genome_action(np.array(compiled.numbers), features, np.zeros(DEPTH_MAX), side)


@pytest.mark.parametrize(
    ("side", "rsi", "action"),
    [
        (0, 29.0, OPEN_LONG), (0, 30.0, HOLD), (0, 70.0, HOLD), (1, 29.0, HOLD), (1, 62.5, HOLD), (1, 63.0, CLOSE),
        (-1, 63.0, HOLD), (0, math.nan, HOLD), (1, math.nan, HOLD), (0, math.inf, HOLD),
    ],
)  # fmt: skip
def test_a_genome_without_a_short_side_buys_and_closes(side, rsi, action):
    assert act(a_genome(), side, rsi=rsi) == action


@pytest.mark.parametrize(
    ("side", "rsi", "action"),
    [(0, 29.0, OPEN_LONG), (0, 80.0, OPEN_SHORT), (0, 50.0, HOLD), (-1, 40.0, CLOSE), (-1, 60.0, HOLD), (1, 80, CLOSE)],
)
def test_the_short_side_has_conditions_of_its_own(side, rsi, action):
    short = {"entry": op("gt", RSI, const(70)), "exit": op("lt", RSI, const(50))}
    assert act(a_genome(short=short), side, rsi=rsi) == action


def test_who_would_open_both_sides_opens_none():
    short = {"entry": op("lt", RSI, const(30)), "exit": op("lt", RSI, const(50))}
    assert act(a_genome(short=short), 0, rsi=20.0) == HOLD


def test_an_unknown_feature_of_any_condition_decides_nothing():
    genome = a_genome(exit=op("gt", EMA, const(5)))
    assert act(genome, 0, rsi=20.0, ema=math.nan) == HOLD
    assert act(genome, 0, rsi=20.0, ema=4.0) == OPEN_LONG


def test_a_value_that_overflows_on_the_way_decides_nothing():
    square = op("mul", EMA, EMA)
    genome = a_genome(entry=op("not", op("lt", op("sub", square, square), const(0))))
    assert act(genome, 0, ema=1e10) == OPEN_LONG
    assert act(genome, 0, ema=1e200) == HOLD


@pytest.mark.parametrize(
    ("code", "a", "b", "value"),
    [
        (Code.LT, 1, 2, 1), (Code.LT, 2, 2, 0), (Code.GT, 3, 2, 1), (Code.GT, 2, 2, 0), (Code.AND, 1, 0, 0),
        (Code.AND, 1, 1, 1), (Code.OR, 1, 0, 1), (Code.OR, 0, 0, 0), (Code.ADD, 2, 3, 5), (Code.SUB, 2, 3, -1),
        (Code.MUL, 2, 3, 6), (Code.DIV, 3, 2, 1.5), (Code.DIV, 3, 0, 1), (Code.DIV, 3, 1e-13, 1), (Code.MIN, 2, 3, 2),
        (Code.MAX, 2, 3, 3),
    ],
)  # fmt: skip
def test_codes_of_two_values(code, a, b, value):
    assert joined(code, float(a), float(b)) == value


def test_an_unknown_code_is_not_known():
    assert math.isnan(joined(99, 1.0, 1.0))
    numbers = np.array([0.0, 3.0, 0, 0, 0, Code.CONSTANT, 1, Code.CONSTANT, 1, 99, 0])
    assert holds(numbers, np.zeros(0), np.zeros(DEPTH_MAX), 0) == -1


def test_codes_of_one_value():
    assert act(a_genome(entry=op("not", op("lt", RSI, const(30)))), 0, rsi=30.0) == OPEN_LONG
    assert act(a_genome(entry=op("gt", op("abs", RSI), const(30))), 0, rsi=-31.0) == OPEN_LONG


FLOATS = st.recursive(
    st.sampled_from([RSI, EMA, SLOW, {"ind": "macd", "fast": 12, "slow": 26, "signal": 9}, {"ind": "close"},
                     {"ind": "bollinger_upper", "n": 20, "width": 2.0}, const(30), const(-1.25)]),
    lambda below: st.builds(op, st.sampled_from(["add", "sub", "mul", "div", "min", "max"]), below, below)
    | st.builds(op, st.just("abs"), below), max_leaves=4,
)  # fmt: skip
TESTS = st.builds(op, st.sampled_from(["lt", "gt"]), FLOATS, FLOATS)
BOOLS = st.recursive(
    TESTS, lambda below: st.builds(op, st.sampled_from(["and", "or"]), below, below) | st.builds(op, st.just("not"),
                                                                                                 below), max_leaves=3,
)  # fmt: skip
SHORTS = st.fixed_dictionaries({"entry": BOOLS, "exit": BOOLS})
GENOMES = st.builds(
    lambda entry, exit_, short: a_genome(entry=entry, exit=exit_, **({"short": short} if short else {})),
    BOOLS, BOOLS, st.none() | SHORTS,
)  # fmt: skip


def slow(node, values):
    """The oracle: the tree as plain Python; None where something is not finite."""
    if "const" in node:
        return float(node["const"])
    if "ind" in node:
        return values[json.dumps(node, sort_keys=True)]
    args = [slow(child, values) for child in node["args"]]
    if None in args:
        return None
    made = {
        "lt": lambda a, b: float(a < b), "gt": lambda a, b: float(a > b), "and": min, "or": max, "min": min, "max": max,
        "not": lambda a: 1.0 - a, "abs": abs, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b, "div": lambda a, b: a / b if abs(b) >= 1e-12 else 1.0,
    }[node["op"]](*args)  # fmt: skip
    return made if math.isfinite(made) else None


def fits(genome):
    size = size_of(genome)
    return size.nodes <= NODES_MAX and size.depth <= DEPTH_MAX


@given(GENOMES, st.lists(st.floats(-1e3, 1e3), min_size=17, max_size=17))
def test_the_compiled_program_holds_where_the_tree_does(genome, drawn):
    assume(fits(genome))
    compiled = compile_genome(genome)
    features = np.array(drawn[: len(compiled.features)])
    values = {json.dumps(feature_node(text), sort_keys=True): float(value)
              for text, value in zip(compiled.features, features, strict=True)}  # fmt: skip
    found = dict(conditions_of(genome))
    for number, name in enumerate(CONDITIONS):
        told = slow(found[name], values) if name in found else 0.0
        said = holds(np.array(compiled.numbers), features, np.zeros(DEPTH_MAX), number)
        assert said == (-1 if told is None else int(told))


@given(GENOMES)
def test_numbers_read_back_are_the_conditions(genome):
    assume(fits(genome))
    compiled = compile_genome(genome)
    assert {name: canonical(node) for name, node in decompile(compiled).items()} == {
        name: canonical(node) for name, node in conditions_of(genome)
    }


def test_a_genome_reads_atr_first_and_every_feature_once():
    genome = a_genome(entry=op("and", op("lt", RSI, const(30)), op("gt", EMA, SLOW)))
    compiled = compile_genome(genome)
    assert compiled.features == ("atr:14", "rsi:14", "ema:12", "ema:26")
    assert flaw_of(compiled.numbers, 4) == ""
    assert compiled.numbers[:HEAD] == (4.0, 7.0, 3.0, 0.0, 0.0)


def test_a_genome_is_written_for_people():
    genome = a_genome(entry=op("and", op("lt", RSI, const(30)), op("gt", op("sub", EMA, SLOW), const(0.5))))
    assert text_of(genome["entry"]) == "rsi(14) < 30 and (ema(12) - ema(26)) > 0.5"
    assert lines_of(genome) == (
        ("buy when", "rsi(14) < 30 and (ema(12) - ema(26)) > 0.5"), ("close when", "rsi(14) > 62.5"),
        ("stop at", "2 x atr(14)"), ("regime", "ANY"),
    )  # fmt: skip
    mixed = op("or", op("not", genome["entry"]), op("lt", op("max", EMA, const(1)), SLOW))
    assert text_of(mixed) == ("not(rsi(14) < 30 and (ema(12) - ema(26)) > 0.5) or (max(ema(12), 1) < ema(26))")


def deep(levels):
    node = op("lt", RSI, const(1))
    for _ in range(levels - 2):
        node = op("not", node)
    return node


BAD = [
    ([], "genome: list found; an object of v, entry, exit, regime, risk, short is allowed"),
    (a_genome(v=2), "genome.v: version 2 is unknown; 1 is allowed"),
    (a_genome(v=True), "genome.v: version True is unknown; 1 is allowed"),
    (a_genome(extra=1), "genome: 'extra' is unknown; v, entry, exit, regime, risk, short are allowed"),
    ({"v": 1}, "genome: entry is missing; v, entry, exit, regime, risk, short are allowed"),
    (a_genome(regime="CHOPPY"), "genome.regime: 'CHOPPY' is unknown; BEAR, SIDEWAYS, BULL, ANY are allowed"),
    (a_genome(risk={"atr_k": 0}), "genome.risk.atr_k: 0; a number above 0 up to 50 is allowed"),
    (a_genome(risk={"atr_k": math.nan}), "genome.risk.atr_k: nan; a number above 0 up to 50 is allowed"),
    (a_genome(entry=op("system", RSI, RSI)), "genome.entry: op 'system' is unknown; and, or, not, lt, gt, add, sub"),
    (a_genome(entry=op("add", RSI, RSI)), "genome.entry: add gives float where bool is wanted"),
    (a_genome(entry=op("lt", op("lt", RSI, RSI), RSI)), "genome.entry.args[0]: lt gives bool where float is wanted"),
    (a_genome(entry=RSI), "genome.entry: ind is a float where a bool is wanted; and, or, not, lt, gt are allowed"),
    (a_genome(entry=op("lt", RSI)), "genome.entry: lt takes a list of 2 args"),
    (a_genome(entry=op("lt", RSI, {"ind": "magic"})), "genome.entry.args[1]: ind 'magic' is unknown; adx, atr"),
    (a_genome(entry=op("lt", RSI, {"ind": "obv"})), "genome.entry.args[1]: feature 'obv': it has no bounded unit"),
    (a_genome(entry=op("lt", RSI, {"ind": "rsi", "n": 0})), "genome.entry.args[1]: feature 'rsi:0': n = '0'"),
    (a_genome(entry=op("lt", RSI, {"ind": "rsi", "n": "14"})), "genome.entry.args[1]: n = '14'; a whole number"),
    (a_genome(entry=op("lt", RSI, {"ind": "rsi"})), "genome.entry.args[1]: n is missing; ind, n are allowed"),
    (a_genome(entry=op("lt", RSI, const(True))), "genome.entry.args[1]: const = True; a number up to 1e+09"),
    (a_genome(entry=op("lt", RSI, const(math.inf))), "genome.entry.args[1]: const = inf; a number up to 1e+09"),
    (a_genome(entry=op("lt", RSI, {"ind": "rsi", "const": 1})), "genome.entry.args[1]: a node with one of op, ind"),
    (a_genome(entry=deep(6)), "levels deep; at most 5 are allowed"),
    (a_genome(short={"entry": deep(2)}), "genome.short: exit is missing; entry, exit are allowed"),
    (a_genome(entry=op("or", *[op("or", *[op("or", *[op("lt", RSI, const(1))] * 2)] * 2)] * 2)),
     "genome: 34 nodes; at most 31 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("genome", "said"), BAD)
def test_what_is_not_allowed_is_refused_in_one_line(genome, said):
    with pytest.raises(GenomeError) as caught:
        checked(genome)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_features_than_a_decision_shows_are_refused():
    tests = [op("lt", {"ind": "rsi", "n": 2 + 2 * k}, {"ind": "rsi", "n": 3 + 2 * k}) for k in range(8)]
    entry = op("and", op("and", op("and", tests[0], tests[1]), op("and", tests[2], tests[3])),
               op("and", op("and", tests[4], tests[5]), tests[6]))  # fmt: skip
    genome = a_genome(entry=entry, exit=tests[7])
    with pytest.raises(GenomeError, match=r"17 features, atr:14 among them; at most 16 are allowed"):
        checked(genome)


def test_the_hash_is_of_the_canonical_text():
    genome = a_genome()
    again = dict(reversed(genome.items()))
    assert canonical(genome) == canonical(again)
    assert genome_hash(genome) == genome_hash(again) != genome_hash(a_genome(regime="BULL"))
    assert size_of(genome) == (6, 2)
    with pytest.raises(GenomeError, match="finite numbers"):
        canonical(a_genome(risk={"atr_k": math.nan}))


BROKEN = [
    ((), 0, "their head is not five counts"),
    ((0.0, 1.5, 0.0, 0.0, 0.0), 0, "their head is not five counts"),
    ((0.0, -1.0, 0.0, 0.0, 0.0), 0, "their head is not five counts"),
    ((2.0, 0.0, 0.0, 0.0, 0.0), 1, "they read 2 features where there are 1"),
    ((0.0, 1.0, 0.0, 0.0, 0.0), 0, "their head says 1 items, of at most 31, and 5 numbers follow it"),
    ((0.0, 32.0, 0.0, 0.0, 0.0, *(2.0, 1.0) * 32), 0, "their head says 32 items, of at most 31"),
    ((0.0, 1.0, 0.0, 0.0, 0.0, 5.0, 0.0), 0, "code 5 takes 2 values where 0 are"),
    ((0.0, 1.0, 0.0, 0.0, 0.0, 77.0, 0.0), 0, "code 77 is unknown"),
    ((1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0), 1, "feature 1 is not one of 1"),
    ((1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5), 1, "feature 0.5 is not one of 1"),
    ((0.0, 2.0, 0.0, 0.0, 0.0, 2.0, 1.0, 2.0, 1.0), 0, "a condition leaves 2 values"),
    ((0.0, 6.0, 0.0, 0.0, 0.0, *(2.0, 1.0) * 6), 0, "they need a stack of more than 5"),
]


@pytest.mark.parametrize(("numbers", "features", "said"), BROKEN)
def test_numbers_that_are_of_no_genome_are_refused(numbers, features, said):
    assert said in flaw_of(numbers, features)
    with pytest.raises(GenomeError, match=f"numbers: {said}"):
        decompile(Compiled(("rsi:14",) * features, numbers))
