"""No look-ahead: what is known at t on data that ends at t is what was known at t on the whole series.

One mechanism, `research.lookahead`, serves our catalogue and users alike: every feature, what every policy thinks at
every bar, and everything that a run decides and hears. A leak that is planted in each of them, by computing it on data
whose rows come one early, is caught by that same mechanism; so is a beginning that an indicator never forgets.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from market.feature_specs import SPECS, parse_feature
from market.tape import PRICE_COLUMNS, Role, Tape, slice_tape
from policies.catalogue import POLICIES, params_of
from policies.intents import DeskKind
from policies.plan import Plan
from research.choices import by_hand
from research.lookahead import Examination, Study, examine, settle
from research.lookahead.asking import frames_of_tape
from research.lookahead.declared import settled_after
from research.lookahead.frames import HIGH, LOW, VOLUME, Frames
from research.lookahead.ours import example_features, study_of_features, study_of_opinion
from research.lookahead.runs import decided, run_columns, study_of_run
from tests.builders import DESKS, MINUTE, a_plan, a_tape
from tests.models import with_a_model
from tests.parity.tapes import real_bars_tape, real_quotes_tape

FEATURES = example_features()
SEEDS = range(6)
SOON = {
    "enter": 0.05, "coverage_min": 0.1, "horizon_bars": 2, "barrier_atr": 0.5, "calibration_window": 20,
    "outcomes_min": 5, "probability_min": 0.5,
}  # fmt: skip
"""What lets a chain speak within the few hours of the tests' tape."""


def a_plan_with(policy: str) -> Plan:
    """Return the tests' plan with a policy on the desk of its kind, at default parameters where it has no others."""
    spec = POLICIES[policy]
    desk = next(desk for desk in DESKS if desk.kind == spec.desk)
    params = desk.params if desk.policy == policy else params_of(spec, SOON if policy == "confluence" else {})
    plan = a_plan(**{desk.name: {"policy": policy, "params": params}})
    return with_a_model(plan, policy) if spec.modelled else plan


@cache
def made() -> Tape:
    return a_tape(minutes=300, ticks=4_000)


@cache
def real(desk: DeskKind) -> Tape:
    return real_bars_tape() if desk is DeskKind.FOREX else real_quotes_tape()


def tape_of(source: str, desk: DeskKind) -> Tape:
    return made() if source == "made" else real(desk)


def bars_of(tape: Tape, feed: int = 0) -> Frames:
    """Return the bars of a feed; volumes of the tapes are zero, so ranges stand in for them, known when a bar is."""
    frames = frames_of_tape(tape, feed, MINUTE)
    values = frames.values.copy()
    values[:, VOLUME] = values[:, HIGH] - values[:, LOW] + 1.0
    return frames._replace(values=values)


def times_of(study: Study, seeds: Sequence[int] = SEEDS) -> set[int]:
    """Return times in the later nine tenths of a study."""
    rows = len(study.times)
    return {int(study.times[np.random.default_rng(seed).integers(rows // 10, rows)]) for seed in seeds}


def looked_at(study: Study, times: set[int]) -> Examination:
    """Examine to the last bit: nothing of ours may round otherwise on less data."""
    return examine(study, np.array(sorted(times)), tolerance=0.0, named=False)


def one_row_early(tape: Tape, columns: Sequence[str] = ("close", "ask_close")) -> Tape:
    """Return a tape that leaks: in some columns, each value is that of the next row of its feed."""
    early = {name: getattr(tape, name).copy() for name in columns}
    for feed in np.unique(tape.feed):
        rows = np.flatnonzero(tape.feed == feed)
        for name, values in early.items():
            values[rows[:-1]] = getattr(tape, name)[rows[1:]]
    return tape._replace(**early)


@pytest.mark.parametrize("source", ["made", "real"])
def test_no_feature_knows_what_comes(source: str) -> None:
    study = study_of_features("all", FEATURES, bars_of(slice_tape(tape_of(source, DeskKind.FOREX), 0, 1_000)))
    examination = looked_at(study, times_of(study) | set(study.times[[0, 1, -2, -1]].tolist()))
    assert (examination.leaks, examination.empty, examination.refused) == ((), (), ())
    assert len(examination.columns) == len(SPECS)


@pytest.mark.parametrize("source", ["made", "real"])
@pytest.mark.parametrize("policy", [name for name in by_hand() if POLICIES[name].desk is not DeskKind.ARBITRAGE])
def test_no_policy_thinks_of_what_comes_whether_it_speaks_or_not(policy: str, source: str) -> None:
    spec = POLICIES[policy]
    plan, tape = a_plan_with(policy), tape_of(source, spec.desk)
    desk = next(number for number, desk in enumerate(plan.desks) if desk.kind == spec.desk)
    feed = next(n for n, feed in enumerate(plan.feeds) if feed.roles & Role.VIEW and feed.desk == desk)
    params = dict(plan.desks[desk].params)
    study = study_of_opinion(policy, spec, params, frames_of_tape(tape, feed, MINUTE))
    assert looked_at(study, times_of(study)).leaks == ()
    thought = study.evaluate(study.data)["opinion strength"]
    assert np.isfinite(thought).sum() > len(thought) // 3


@pytest.mark.parametrize("source", ["made", "real"])
@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_decides_by_what_comes(policy: str, source: str) -> None:
    desk = POLICIES[policy].desk
    plan, tape = a_plan_with(policy), tape_of(source, desk)
    study = study_of_run(policy, plan, tape)
    column = run_columns(plan, tape)[f"{plan.desks[list(DeskKind).index(desk)].name} decisions"]
    spoken = [int(time_ns) for time_ns, said in zip(study.times, column, strict=True) if said is not None]
    assert len(spoken) > 3
    assert looked_at(study, times_of(study) | set(spoken[:: len(spoken) // 4])).leaks == ()


@pytest.mark.parametrize("name", FEATURES)
def test_a_leak_planted_in_a_feature_is_caught(name: str) -> None:
    honest = study_of_features(name, [name], bars_of(made()))

    def early(data: Frames) -> dict[str, np.ndarray]:
        moved = np.concatenate([data.values[1:], data.values[-1:]])
        return dict(honest.evaluate(data._replace(values=moved)))

    found = looked_at(honest._replace(evaluate=early), times_of(honest))
    assert [leak.column for leak in found.leaks] == [name]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_leak_planted_in_a_policy_is_caught(policy: str) -> None:
    plan = a_plan_with(policy)
    honest = study_of_run(policy, plan, made())
    leaking = honest._replace(evaluate=lambda tape: run_columns(plan, one_row_early(tape)))
    assert any("decisions" in leak.column for leak in looked_at(leaking, times_of(honest, range(12))).leaks)


@pytest.mark.parametrize("columns", [("close", "ask_close"), PRICE_COLUMNS])
def test_a_leak_of_a_run_is_named_by_its_first_instant(columns: Sequence[str]) -> None:
    plan = a_plan()
    honest = study_of_run("run", plan, made())
    leaking = honest._replace(evaluate=lambda tape: run_columns(plan, one_row_early(tape, columns)))
    leaks = looked_at(leaking, times_of(honest)).leaks
    assert leaks
    for leak in leaks:
        assert leak.time_ns == honest.times[leak.row]
        assert leak.then != leak.whole


def test_features_forget_where_data_begins_as_they_declare() -> None:
    study = study_of_features("all", FEATURES, bars_of(real(DeskKind.FOREX)))
    warmths = {one.column: one for one in settle(study) if parse_feature(one.column).spec.op.name != "VWAP_SESSION"}
    assert [name for name, one in warmths.items() if not one.sound] == []
    for name, one in warmths.items():
        assert one.first == parse_feature(name).warmup
        assert (one.declared is None) == (not one.settled) == (settled_after(name, MINUTE) is None)


def test_every_desk_of_the_plan_has_a_policy_that_is_checked() -> None:
    assert {spec.desk for spec in POLICIES.values()} == set(DeskKind)
    assert all(feed.roles & (Role.VIEW | Role.SCAN) for feed in a_plan().feeds)
    columns = run_columns(a_plan(), made())
    assert all(decided(columns, desk) > 3 for desk in DeskKind)
