"""Judging: tests in time, traders without a policy through the same engine, and a verdict that can say no."""

from typing import Any

import numpy as np
import pytest
from msgspec import structs

from market.tape import Role, Tape, select_feeds
from policies.intents import DeskKind
from policies.plan import Plan
from research.judging.asking import candidate_of, longest_hold_ns
from research.judging.evaluating import Candidate, Terms, evaluate, median_of, worst_of
from research.judging.ground import Ground, Sizes, ground_of, most_within
from research.judging.outsiders import at_random, holding, waived
from research.judging.runs import Run, log_returns, run_of
from research.judging.staging import Stage
from research.judging.statics import Static, best_static, statics_for, under
from research.model_card import card_of, markdown_of, save_card
from research.planning import Planned
from research.walkforward import WalkForwardError
from tests.builders import MINUTE, a_plan, a_tape, roll_whole
from tests.research.forex import forex_plan
from tests.research.forex import tape as forex_tape

MINUTES = 1500
ROLES = {
    DeskKind.ARBITRAGE: dict.fromkeys((4, 5), int(Role.MATCH | Role.SCAN)),
    DeskKind.BINARY: {4: int(Role.MATCH), 6: int(Role.VIEW)},
}
WHOLE = Sizes()


def one_desk(kind: DeskKind) -> tuple[Plan, Tape]:
    """Return one desk of the three with its own rows."""
    if kind == DeskKind.FOREX:
        return forex_plan(), forex_tape(MINUTES)
    plan, tape = a_plan(), a_tape(minutes=MINUTES, ticks=20_000)
    wanted = tuple(ROLES[kind])
    kept = select_feeds(tape, np.isin(np.arange(len(plan.feeds)), wanted))
    renamed = np.zeros(len(plan.feeds), np.int64)
    renamed[list(wanted)] = range(len(wanted))
    feeds = tuple(structs.replace(plan.feeds[k], desk=0, roles=ROLES[kind][k]) for k in wanted)
    routes = tuple(structs.replace(one, desk=0) for one in plan.routes) if kind == DeskKind.ARBITRAGE else ()
    instruments = plan.instruments[4:6] if kind == DeskKind.ARBITRAGE else (plan.instruments[4], plan.instruments[6])
    own = structs.replace(
        plan, desks=(plan.desks[kind],), feeds=feeds, routes=routes, instruments=instruments, venues=plan.venues[1:]
    )
    return own, kept._replace(feed=renamed[kept.feed])


def a_ground(kind: DeskKind = DeskKind.FOREX, sizes: Sizes = WHOLE, known_until_ns: int = -1) -> Ground:
    plan, tape = one_desk(kind)
    hold_ns = longest_hold_ns(plan, ()) if kind != DeskKind.FOREX else 60 * MINUTE
    return ground_of(Planned(plan, tape, (), ()), plan, sizes, hold_ns, known_until_ns)


def static_of(ground: Ground) -> Static:
    (desk,) = ground.planned.plan.desks
    return Static(desk.policy, desk.params)


def quiet(_: str) -> None:
    pass


def test_a_tape_taken_in_steps_is_a_tape_taken_at_once() -> None:
    plan, tape = one_desk(DeskKind.FOREX)
    executing = structs.replace(plan, desks=(structs.replace(plan.desks[0], auto_execute=True),))
    whole, stage = roll_whole(executing, tape), Stage(plan, tape)
    stage.switch(executing=True)
    for part in (0.2, 0.21, 0.7):
        stage.run_to(int(np.searchsorted(tape.time_ns, tape.time_ns[int(part * len(tape.time_ns))])))
    played = stage.finish()
    assert len(whole.trades) > 0
    assert played.account == whole.account[0]
    assert played.trades.tolist() == whole.trades.tolist()
    assert played.samples.tolist() == whole.samples.tolist()


@pytest.mark.parametrize("kind", DeskKind)
def test_nothing_is_held_from_before_a_test(kind: DeskKind) -> None:
    ground = a_ground(kind)
    run = run_of(ground, ground.planned.plan)
    begins = [int(ground.times[window.test_begin]) for window in ground.windows]
    for begin, played in zip(begins, run.plays, strict=True):
        assert (played.opened["time_ns"] >= begin).all()
        assert (played.trades["entry_ns"] >= begin).all()
    assert run.opened > 0
    assert len(run.returns) == ground.periods


@pytest.mark.parametrize("kind", DeskKind)
def test_a_random_trader_opens_as_often_and_as_much_as_the_candidate(kind: DeskKind) -> None:
    ground = a_ground(kind)
    run = run_of(ground, ground.planned.plan)

    def by_chance(seed: int) -> Run:
        return run_of(ground, waived(ground.planned.plan), seed, lambda test: at_random(run.plays[test], seed, test))

    found, again, other = by_chance(5), by_chance(5), by_chance(6)
    assert run.opened * 0.8 <= found.opened <= run.opened
    assert found.returns.tolist() == again.returns.tolist() != other.returns.tolist()
    for mine, played in zip(found.plays, run.plays, strict=True):
        sizes = [sorted(np.abs(one.opened["lots0"]).tolist()) for one in (mine, played)]
        assert len(mine.opened) < len(played.opened) or sizes[0] == sizes[1]
        assert mine.opened["time_ns"].tolist() != played.opened["time_ns"].tolist() or not len(played.opened)


def test_who_does_nothing_has_a_random_twin_that_does_nothing() -> None:
    ground = a_ground()
    idle = run_of(ground, waived(ground.planned.plan), 0, lambda _: lambda stage, first: None)
    assert (idle.opened, idle.net_profit) == (0, 0.0)
    assert not idle.returns.any()
    found = run_of(ground, waived(ground.planned.plan), 1, lambda test: at_random(idle.plays[test], 1, test))
    assert found.opened == 0


def test_buy_and_hold_buys_each_instrument_once_per_test_and_never_sells() -> None:
    ground = a_ground()
    plan, actor = holding(ground.wide)
    run = run_of(ground, plan, 0, lambda _: actor)
    for played in run.plays:
        assert sorted(played.opened["instrument0"].tolist()) == [0, 1, 2, 3]
        assert (played.opened["lots0"] > 0).all()
    assert run.trades == 0
    assert run.net_profit != 0.0


def test_tests_follow_one_another_behind_a_purge_as_long_as_a_position_may_be_held() -> None:
    ground = a_ground(sizes=Sizes(train=400, test=200))
    for before, after in zip(ground.windows, ground.windows[1:], strict=False):
        assert before.test_end == after.test_begin
    for window in ground.windows:
        gap_ns = ground.times[window.test_begin] - ground.times[window.train_end - 1]
        assert gap_ns > 60 * MINUTE
    assert ground.periods == sum(len(ends) for ends in ground.ends)


def test_tests_in_what_something_was_chosen_by_are_left_out() -> None:
    every = a_ground()
    known = int(every.times[every.windows[1].test_begin])
    assert a_ground(known_until_ns=known).windows == every.windows[2:]
    with pytest.raises(WalkForwardError, match="tests lie in what was chosen by"):
        a_ground(known_until_ns=int(every.times[-1]))


def test_a_tape_that_is_too_short_is_refused_with_the_sizes() -> None:
    with pytest.raises(WalkForwardError, match=r"--train 2000 --test 50, purge 60: 2,110 instants are needed"):
        a_ground(sizes=Sizes(train=2000, test=50))


def test_the_fullest_stretch_decides_the_purge() -> None:
    times = np.array([0, 10, 11, 12, 13, 40], np.int64)
    assert most_within(times, 3) == 3
    assert most_within(times, 0) == 0


def test_an_account_that_is_gone_has_a_finite_return() -> None:
    assert np.isfinite(log_returns(np.array([5.0, 0.0, -3.0]), 10)).all()
    assert log_returns(np.array([10.0, 20.0]), 10).tolist() == pytest.approx([0.0, np.log(2.0)])


def test_the_best_static_is_chosen_by_trains_alone() -> None:
    ground = a_ground()
    statics = statics_for(ground.planned.plan.desks[0], static_of(ground))
    assert static_of(ground) not in statics
    assert {one.policy for one in statics} == {"sma_cross", "trend_reversion", "confluence"}
    few = tuple(one for one in statics if one.policy == "sma_cross")
    found = best_static(ground, few)
    assert found.returns.shape == (ground.periods, len(few))
    last = ground.windows[-1].test_begin
    altered = {
        name: np.concatenate([column[: last * 4], column[last * 4 :][::-1]])
        for name, column in ground.planned.tape._asdict().items()
        if name not in ("time_ns", "feed")
    }
    changed = ground._replace(planned=ground.planned._replace(tape=ground.planned.tape._replace(**altered)))
    assert best_static(changed, few).chosen[0] == found.chosen[0]


def test_a_textbook_policy_is_asked_for_no_confidence() -> None:
    plan = forex_plan()
    static = Static("sma_cross", (("fast", 5.0), ("slow", 20.0), ("lots", 1.0)))
    desk = under(plan, static).desks[0]
    assert (desk.policy, desk.confidence_min, static.name) == ("sma_cross", 0.0, "sma_cross fast=5 slow=20")


@pytest.fixture(scope="module")
def judged() -> Any:
    ground = a_ground()
    return evaluate(ground, [candidate_of(ground, static_of(ground))], Terms(bootstraps=199, tried=3), quiet)


def test_a_verdict_holds_every_baseline_and_counts_every_trial(judged: Any) -> None:
    (verdict,) = judged.verdicts
    assert [one.name for one in verdict.against] == ["flat", "buy_and_hold", "random", "best_static"]
    assert len(verdict.against[2].runs) == 5
    assert verdict.trials == len(judged.best.statics) + 1 + 3
    for one in verdict.against:
        assert one.holm >= one.comparison.p_value
        assert one.beaten == (one.holm <= 0.05 and one.comparison.mean_difference > 0.0)


def test_a_card_says_what_is_not_beaten_and_losing_runs_are_in_it(judged: Any, tmp_path: Any) -> None:
    (verdict,) = judged.verdicts
    card = card_of(judged, verdict)
    text = markdown_of(card)
    for one in verdict.against:
        says = "beats" if one.beaten else "does not beat"
        assert f"{verdict.candidate.name} {says} {one.name.replace('_', ' ')}" in text
        for run in one.runs:
            assert f"| {one.name} | {run.seed} | {run.net_profit:,.2f} |" in text
    markdown, data = save_card(tmp_path / "cards", card)
    assert markdown.read_text() == text
    assert save_card(tmp_path / "cards", card) == (markdown, data)


@pytest.mark.parametrize(("kind", "why"), [(DeskKind.ARBITRAGE, "no investment"), (DeskKind.BINARY, "cannot be held")])
def test_buy_and_hold_is_left_out_where_it_makes_no_sense(kind: DeskKind, why: str) -> None:
    ground = a_ground(kind)
    found = evaluate(ground, [candidate_of(ground, static_of(ground))], Terms(bootstraps=99), quiet)
    assert [one.name for one in found.verdicts[0].against] == ["flat", "random", "best_static"]
    assert why in found.left_out[0]


def test_what_was_trained_is_judged_by_five_seeds_at_least() -> None:
    ground = a_ground()
    with pytest.raises(ValueError, match="a model: at least 5 seeds"):
        evaluate(ground, [Candidate("a model", lambda _: ground.planned.plan, (1, 2))], Terms(), quiet)
    with pytest.raises(ValueError, match="--seeds: at least 5 seeds"):
        evaluate(ground, [candidate_of(ground, static_of(ground))], Terms(seeds=4), quiet)


def test_the_median_and_the_worst_seed_are_those_of_the_mean_return() -> None:
    runs = [Run(k, np.full(3, mean), 0.0, 0.0, 0, 0, None, 0.0, None) for k, mean in enumerate((0.3, 0.1, 0.2, 0.4))]
    assert (median_of(runs).seed, worst_of(runs).seed) == (2, 1)
