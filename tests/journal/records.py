"""Records for journals in tests: one of each kind, and strategies that make any of them."""

from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from journal.records import KINDS, Sample, Session

WORDS = st.text(max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLANS = st.dictionaries(WORDS, st.integers(0, 9), max_size=3).map(
    lambda plan: Raw(msgspec.json.encode(plan, order="sorted"))
)
PLAIN = {str: WORDS, int: INTEGERS, float: FLOATS, bool: st.booleans(), Raw: PLANS}


def a_sample(time_ns: int = 0, **changes: int) -> Sample:
    return Sample(**({"time_ns": time_ns, "equity": 7, "low": 6, "cash": 5, "peak": 8} | changes))


def some_samples(count: int, first: int = 0) -> list[Sample]:
    return [a_sample(time_ns) for time_ns in range(first, first + count)]


def a_session_record(number: int = 1, **changes: Any) -> Session:
    fields = {
        "time_ns": 0, "number": number, "stage": "PAPER", "plan": Raw(b"{}"), "plan_hash": "", "data": (),
        "tape_hash": "", "revision": "", "end_ns": 0,
    }  # fmt: skip
    return Session(**(fields | changes))


def values_of(hint: Any) -> st.SearchStrategy:
    """Return a strategy over the values of a field."""
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return structs_of(hint)
    parts = get_args(hint)
    if isinstance(hint, UnionType):
        return st.one_of([st.none() if part is NoneType else values_of(part) for part in parts])
    if get_origin(hint) is dict:
        return st.dictionaries(values_of(parts[0]), values_of(parts[1]), max_size=3)
    if parts[-1] is Ellipsis:
        return st.lists(values_of(parts[0]), max_size=3).map(tuple)
    return st.tuples(*map(values_of, parts))


def structs_of(kind: type) -> st.SearchStrategy:
    """Return a strategy over the structs of a kind."""
    return st.builds(kind, **{name: values_of(hint) for name, hint in get_type_hints(kind).items() if name[0] != "_"})


def any_record() -> st.SearchStrategy:
    """Return a strategy over records of every kind."""
    return st.one_of([structs_of(kind) for kind in KINDS.values()])
