"""Records for journals in tests: one of each kind, and strategies that make any of them."""

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from journal.records import (
    Claim,
    Decision,
    Latch,
    Leg,
    Mandate,
    Order,
    Report,
    Sample,
    Session,
    Snapshot,
    Stop,
)

KINDS = (Session, Claim, Mandate, Decision, Order, Report, Latch, Sample, Snapshot, Stop)

WORDS = st.text(max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLANS = st.dictionaries(WORDS, st.integers(0, 9), max_size=3).map(
    lambda plan: Raw(msgspec.json.encode(plan, order="sorted"))
)


def a_sample(time_ns: int = 0, **changes: int) -> Sample:
    return Sample(**({"time_ns": time_ns, "equity": 7, "low": 6, "cash": 5, "peak": 8} | changes))


def some_samples(count: int, first: int = 0) -> list[Sample]:
    return [a_sample(time_ns) for time_ns in range(first, first + count)]


def any_record() -> st.SearchStrategy:
    """Return a strategy over records of every kind."""
    kinds = [st.builds(kind, **({"plan": PLANS} if kind is Session else {})) for kind in KINDS]
    for known in (str, int, float):
        st.register_type_strategy(known, {str: WORDS, int: INTEGERS, float: FLOATS}[known])
    st.register_type_strategy(Leg, st.builds(Leg))
    return st.one_of(kinds)
