"""No look-ahead: what is known at t on data that ends at t is what was known at t on the whole series.

One check, `first_leak`, serves every feature and every policy; a leak that is planted in each of them, by computing it
on a tape whose prices come one row early, is caught by that same check.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import pytest

from envs.rollout import open_engine, roll
from market.feature_specs import SPECS
from market.features import feature_program, run_series
from market.tape import PRICE_COLUMNS, Role, Tape, select_rows, slice_tape
from policies.catalogue import POLICIES, params_of
from policies.intents import DeskKind
from policies.plan import Plan
from tests.builders import DESKS, a_plan, a_tape
from tests.parity.tapes import real_bars_tape, real_quotes_tape

PERIODS = {"n": "9", "fast": "5", "slow": "12", "signal": "4", "k": "3", "d": "3", "width": "2",
           "bins": "8"}  # fmt: skip
FEATURES = {name: ":".join([name, *(PERIODS[p] for p in spec.parameters)]) for name, spec in SPECS.items()}
SEEDS = range(6)


class Known(NamedTuple):
    """Something that is known from a time on: what it is, and all its bits."""

    time_ns: int
    what: str
    bits: bytes


Knower = Callable[[Tape], list[Known]]


def first_leak(know: Knower, tape: Tape, time_ns: int) -> Known | None:
    """Return what was known by a time on the whole tape and is not so on the tape that ends then, None for nothing."""
    early = [known for known in know(select_rows(tape, tape.time_ns <= time_ns)) if known.time_ns <= time_ns]
    late = [known for known in know(tape) if known.time_ns <= time_ns]
    differing = [whole for cut, whole in zip(early, late, strict=False) if cut != whole]
    missing = [*early[len(late) :], *late[len(early) :]]
    return min([*differing, *missing], default=None)


def one_row_early(tape: Tape, columns: Sequence[str]) -> Tape:
    """Return a tape that leaks: in some columns, each value is that of the next row of its feed."""
    early = {name: getattr(tape, name).copy() for name in columns}
    for feed in np.unique(tape.feed):
        rows = np.flatnonzero(tape.feed == feed)
        for name, values in early.items():
            values[rows[:-1]] = getattr(tape, name)[rows[1:]]
    return tape._replace(**early)


def leaking(know: Knower, columns: Sequence[str] = ("close", "ask_close")) -> Knower:
    """Return the same knower with a leak planted in it."""
    return lambda tape: know(one_row_early(tape, columns))


def know_features(names: Sequence[str], tape: Tape) -> list[Known]:
    """Return the values of features after every bar of feed 0."""
    rows = tape.feed == 0
    program, size = feature_program([FEATURES[name] for name in names])
    columns = [column[rows].astype(np.float64) for column in (tape.open, tape.high, tape.low, tape.close)]
    # volumes of the tapes are zero: the ranges of the bars stand in for them, known when the bar is
    values = run_series(program, size, *columns, columns[1] - columns[2] + 1.0, tape.time_ns[rows])
    return [
        Known(int(time_ns), name, bits.tobytes())
        for time_ns, row in zip(tape.time_ns[rows], values, strict=True)
        for name, bits in zip(names, row, strict=True)
    ]


def know_decisions(plan: Plan, tape: Tape) -> list[Known]:
    """Return everything that a run decides, sends, hears, counts and latches, with the time from which it is known."""
    run = roll(open_engine(plan), tape, settle_until_ns=int(tape.time_ns[-1]))
    logs = {name: getattr(run, name) for name in ("reports", "samples", "latches")}
    known = [Known(int(row.time_ns), name, row.tobytes()) for name, log in logs.items() for row in log]
    known += [Known(int(row.time_ns), DeskKind(row.desk).name, row.tobytes()) for row in run.decisions]
    return sorted(known, key=lambda one: (one.time_ns, one.what))


def know_desk(plan: Plan, desk: DeskKind, tape: Tape) -> list[Known]:
    """Return the decisions of one desk alone."""
    return [known for known in know_decisions(plan, tape) if known.what == desk.name]


def a_plan_with(policy: str) -> Plan:
    """Return the tests' plan with a policy on the desk of its kind, at default parameters where it has no others."""
    spec = POLICIES[policy]
    desk = next(desk for desk in DESKS if desk.kind == spec.desk)
    params = desk.params if desk.policy == policy else params_of(spec, {})
    return a_plan(**{desk.name: {"policy": policy, "params": params}})


@cache
def made() -> Tape:
    return a_tape(minutes=300, ticks=4_000)


@cache
def real(desk: DeskKind) -> Tape:
    return real_bars_tape() if desk is DeskKind.FOREX else real_quotes_tape()


TAPES: dict[str, Callable[[DeskKind], Tape]] = {"made": lambda _: made(), "real": real}


def times_of(tape: Tape, seed: int) -> int:
    """Return a time at which the tape has a row, in its later nine tenths."""
    row = np.random.default_rng(seed).integers(len(tape.time_ns) // 10, len(tape.time_ns))
    return int(tape.time_ns[row])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("source", TAPES)
def test_no_feature_knows_what_comes(source: str, seed: int) -> None:
    tape = slice_tape(TAPES[source](DeskKind.FOREX), 0, 1_000)
    assert first_leak(partial(know_features, list(SPECS)), tape, times_of(tape, seed)) is None


@pytest.mark.parametrize("source", TAPES)
@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_decides_by_what_comes(policy: str, source: str) -> None:
    desk = POLICIES[policy].desk
    plan, tape = a_plan_with(policy), TAPES[source](desk)
    know = partial(know_decisions, plan)
    decided = sorted({known.time_ns for known in know_desk(plan, desk, tape)})
    assert len(decided) > 3
    times = {times_of(tape, seed) for seed in SEEDS} | set(decided[:: len(decided) // 4])
    assert [first_leak(know, tape, time_ns) for time_ns in sorted(times)] == [None] * len(times)


@pytest.mark.parametrize("name", SPECS)
def test_a_leak_planted_in_a_feature_is_caught(name: str) -> None:
    know = leaking(partial(know_features, [name]), PRICE_COLUMNS)
    found = [first_leak(know, made(), times_of(made(), seed)) for seed in SEEDS]
    assert any(found)
    assert {leak.what for leak in found if leak} == {name}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_leak_planted_in_a_policy_is_caught(policy: str) -> None:
    know = leaking(partial(know_desk, a_plan_with(policy), POLICIES[policy].desk))
    decided = sorted({known.time_ns for known in know(made())})
    leaks = [first_leak(know, made(), time_ns) for time_ns in decided[:: len(decided) // 4]]
    assert any(leaks)


def test_a_leak_of_one_time_is_seen_at_that_time_and_named() -> None:
    def know(tape: Tape) -> list[Known]:
        last = int(tape.time_ns[-1])
        return [Known(time, "honest", b"") for time in (10, 20)] + [Known(30, "leaky", str(last).encode())]

    tape = select_rows(made(), np.arange(50))
    tape.time_ns[:] = np.arange(50)
    assert first_leak(know, tape, 29) is None
    assert first_leak(know, tape, 30) == Known(30, "leaky", b"49")
    assert first_leak(lambda cut: know(cut)[: len(cut.time_ns) // 25], tape, 40) == Known(20, "honest", b"")


def test_every_desk_of_the_plan_has_a_policy_that_is_checked() -> None:
    assert {spec.desk for spec in POLICIES.values()} == set(DeskKind)
    assert all(feed.roles & (Role.VIEW | Role.SCAN) for feed in a_plan().feeds)
