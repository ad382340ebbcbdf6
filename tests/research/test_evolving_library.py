"""The library of strategies: files that cannot lie about their genome, tracked by journals, chosen by regime."""

import json

import msgspec
import numpy as np
import pytest
from msgspec import structs

from envs.rollout import open_engine, roll
from journal.records import Decision
from journal.store import MemoryJournal
from market.tape import slice_tape
from policies.model_plans import models_of
from policies.regime import RegimeParams, regimes_of
from research.asking import Request, plan_for
from research.backtest import executing
from research.evolving.choosing import TRACKED_MIN, chosen_for, ranked_for
from research.evolving.library import (
    EVOLVED,
    IMPORTED,
    Library,
    LibraryError,
    Lineage,
    Metrics,
    Strategy,
    content_of,
    strategy_of,
)
from research.evolving.regimes import most, regime_before, regime_of_days
from research.evolving.rotation import forex_desk, measured_regime, with_strategy
from research.evolving.scoring import PartScore, model_plan, params_for, score_part, with_genome
from research.evolving.tracking import Track, tracks_of
from research.genome import genome_hash
from research.home import Home
from tests.builders import a_plan
from tests.research.evolutions import a_planned, an_evolver
from tests.research.forex import forex_plan, tape
from tests.research.journals import a_session

PART = PartScore(sharpe=1.0, sharpe_day=0.06, trades=40, net_profit=10.0, days=60)


def a_genome(level=30, regime="ANY"):
    rsi = {"ind": "rsi", "n": 14}
    return {
        "v": 1, "regime": regime, "risk": {"atr_k": 3}, "entry": {"op": "lt", "args": [rsi, {"const": level}]},
        "exit": {"op": "gt", "args": [rsi, {"const": 60}]},
        "short": {"entry": {"op": "gt", "args": [rsi, {"const": 100 - level}]},
                  "exit": {"op": "lt", "args": [rsi, {"const": 40}]}},
    }  # fmt: skip


def a_strategy(level=30, regime="ANY", sharpe=1.0, **changes):
    genome = a_genome(level, regime)
    metrics = Metrics(
        fitness=0.9, fit=PART, test=PART, choice=structs.replace(PART, sharpe=sharpe), holdout=None, tries=100,
        deflated_sharpe=0.4,
    )  # fmt: skip
    found = Strategy(
        sha256=genome_hash(genome), genome=genome, params=params_for(genome, {"hold_bars": 20.0}),
        lineage=Lineage(parents=(), generation=0, run="r", seed=1),
        symbols=("EURUSD@x",), bar_ns=60, first_ns=1, last_ns=2, data=(), data_hash="d", plan_hash="p", engine="e",
        metrics=metrics,
    )  # fmt: skip
    return structs.replace(found, **changes)


def changed(strategy, **values):
    return json.dumps(json.loads(content_of(strategy)) | values).encode()


def test_a_strategy_goes_from_one_home_to_another(tmp_path):
    one, other = Library(tmp_path / "one"), Library(tmp_path / "other")
    path = one.keep(a_strategy())
    assert (path.stem, one.named(path.stem[:6])) == (a_strategy().sha256, a_strategy())
    taken = other.take(path)
    assert taken == structs.replace(a_strategy(), origin=IMPORTED)
    assert list(other) == [taken]
    assert other.take(path) == taken
    assert one.take(path).origin == EVOLVED  # what was bred here stays so


def test_the_file_is_canonical_and_the_hash_is_of_the_genome_alone():
    content = content_of(a_strategy())
    assert content == msgspec.json.encode(a_strategy(), order="sorted") + b"\n"
    other = structs.replace(
        a_strategy(), engine="another", lineage=Lineage(parents=("x",), generation=3, run="q", seed=9)
    )
    assert other.sha256 == a_strategy().sha256 == genome_hash(msgspec.json.decode(content)["genome"])


BAD = [
    (b"", "Input data was truncated"),
    (b"[]", "version None is unknown; 1 is allowed"),
    (changed(a_strategy(), version=2), "version 2 is unknown; 1 is allowed"),
    (changed(a_strategy(), sha256="0" * 64), "its genome has the hash"),
    (changed(a_strategy(), genome=a_genome(25)), "its genome has the hash"),
    (changed(a_strategy(), genome={**a_genome(), "entry": {"op": "exec", "args": []}}), "op 'exec' is unknown"),
    (changed(a_strategy(), genome=7), "Expected `object`"),
    (changed(a_strategy(), code="import os"), "unknown field `code`"),
    (changed(a_strategy(), origin="heaven"), "origin 'heaven' is unknown; evolved, imported are allowed"),
    (changed(a_strategy(), params={"hold_bars": 20.0}), "params: all of policy genome are needed"),
    (changed(a_strategy(), params=a_strategy().params | {"stop_atr": 9.0}), "stop_atr the genome's atr_k"),
    (changed(a_strategy(), params=a_strategy().params | {"luck": 1.0}), "parameter 'luck' is unknown"),
    (b"\x80\x04\x95pickle", "malformed"),
]


@pytest.mark.parametrize(("content", "said"), BAD)
def test_a_file_that_is_not_what_it_says_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(LibraryError) as caught:
        Library(tmp_path / "home").take(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "home").exists()


def test_a_file_under_another_name_or_too_large_is_refused(tmp_path):
    with pytest.raises(LibraryError, match="its genome has the hash"):
        strategy_of(content_of(a_strategy()), "place", "f" * 64)
    large = tmp_path / "large.json"
    large.write_bytes(b" " * 1_000_001)
    with pytest.raises(LibraryError, match="1,000,001 bytes; at most 1,000,000 are allowed"):
        Library(tmp_path).take(large)


def test_a_name_must_be_of_one_strategy(tmp_path):
    library = Library(tmp_path)
    library.keep(a_strategy())
    with pytest.raises(LibraryError, match="strategy 'abc': too short; 4 digits or more of one hash are allowed"):
        library.named("abc")
    with pytest.raises(LibraryError, match="0 strategies begin so"):
        library.named("nonesuch")


def test_a_retired_strategy_is_not_chosen_until_it_is_taken_back(tmp_path):
    library = Library(tmp_path)
    library.keep(a_strategy())
    name = a_strategy().sha256
    assert library.retire(name[:8], " lost\n money ").retired == "lost money"
    assert ranked_for("BULL", library, {}) == []
    library.keep(a_strategy(sharpe=2.0))  # found again: it stays retired
    assert library.named(name).retired == "lost money"
    with pytest.raises(LibraryError, match=r"it is retired \(lost money\)"):
        with_strategy(a_planned(tmp_path / "market"), name, Home(tmp_path), Request(data=tmp_path, home=tmp_path))
    assert library.retire(name, "").retired == ""
    assert [one.strategy.sha256 for one in ranked_for("BULL", library, {})] == [name]


def test_the_order_for_a_regime_is_the_stated_one(tmp_path):
    library = Library(tmp_path)
    exact, better, foreign, losing, unknown, anyone, bear = (
        a_strategy(20, "BULL", 1.0), a_strategy(21, "BULL", 2.0), a_strategy(22, "BULL", 9.0, origin=IMPORTED),
        a_strategy(23, "BULL", 8.0), a_strategy(24, "BULL", None), a_strategy(25, "ANY", 7.0),
        a_strategy(26, "BEAR", 9.0),
    )  # fmt: skip
    for one in (exact, better, foreign, losing, unknown, anyone, bear):
        library.keep(one)
    lost = Track(sha256=losing.sha256, trades=TRACKED_MIN, net_profit=-0.01)
    few = Track(sha256=better.sha256, trades=TRACKED_MIN - 1, net_profit=-100.0)
    tracks = {losing.sha256: lost, better.sha256: few}
    order = [one.strategy for one in ranked_for("BULL", library, tracks)]
    assert order == [better, exact, unknown, losing, foreign, anyone]
    assert chosen_for("BULL", tmp_path, tracks) == better
    assert chosen_for("SIDEWAYS", tmp_path, {}) == anyone
    with pytest.raises(LibraryError, match="regime 'UP' is unknown; BEAR, SIDEWAYS, BULL, ANY are allowed"):
        ranked_for("UP", library, {})
    with pytest.raises(LibraryError, match="there is no strategy in use for ANY"):
        chosen_for("ANY", tmp_path / "empty", {})


@pytest.mark.parametrize("sharpe", [None, 0.0, -1.0])
def test_a_strategy_that_made_nothing_out_of_sample_is_shown_and_not_chosen(tmp_path, sharpe):
    Library(tmp_path).keep(a_strategy(sharpe=sharpe))
    assert len(ranked_for("BULL", Library(tmp_path), {})) == 1
    with pytest.raises(LibraryError, match="no strategy that made anything out of sample, of 1, for BULL"):
        chosen_for("BULL", tmp_path, {})


def test_a_holdout_is_what_a_strategy_is_ranked_by_where_there_is_one():
    strategy = a_strategy(sharpe=3.0)
    held = structs.replace(strategy.metrics, holdout=structs.replace(PART, sharpe=-1.0))
    assert (strategy.out_of_sample, structs.replace(strategy, metrics=held).out_of_sample) == (3.0, -1.0)


def a_request(folder, **changes):
    """Return a request for the later half of the bars of `a_planned`, and the plan of it."""
    whole = a_planned(folder)
    start_ns = int(whole.tape.time_ns[600])
    request = Request(
        data=folder / "data", home=folder / "home", symbols=("EURUSD",), policy="genome", start_ns=start_ns, **changes
    )  # fmt: skip
    return whole, request, plan_for(request)


def test_a_hash_or_auto_seats_a_strategy_at_the_forex_desk(tmp_path):
    whole, request, planned = a_request(tmp_path)
    home = Home(tmp_path / "home")
    regime = regime_before(whole.plan, whole.tape, int(planned.tape.time_ns[0]))
    assert measured_regime(planned, request) == regime
    other = next(name for name in ("BULL", "BEAR", "SIDEWAYS") if name != regime)
    own, foreign = a_strategy(30, regime), a_strategy(31, other, 9.0)
    for one in (own, foreign):
        Library(home.path).keep(one)
    found = with_strategy(planned, "auto", home, request)
    assert (found.strategy, found.regime) == (own, regime)
    assert found.planned.plan.models == (model_plan(own.genome),)
    assert dict(found.planned.plan.desks[0].params) == own.params
    named = with_strategy(planned, foreign.sha256[:10], home, request)
    assert (named.strategy, named.regime) == (foreign, other)


def test_auto_takes_what_is_not_known_for_sideways(tmp_path):
    whole, request, _ = a_request(tmp_path)
    assert measured_regime(whole, request) == "SIDEWAYS"  # the data begins with the plan
    empty = whole._replace(tape=slice_tape(whole.tape, 0, 0))
    assert measured_regime(empty, request) == "SIDEWAYS"


def test_only_a_forex_desk_takes_a_strategy():
    assert forex_desk(a_plan()) == 0
    with pytest.raises(LibraryError, match="has no forex desk"):
        forex_desk(structs.replace(a_plan(), desks=a_plan().desks[1:]))
    shadow = structs.replace(model_plan(a_genome()), shadow=True)
    with pytest.raises(LibraryError, match="has no forex desk"):
        forex_desk(structs.replace(forex_plan("genome"), models=(shadow,)))


def test_numbers_that_no_genome_has_are_refused_by_the_plan():
    plan = with_genome(forex_plan("genome"), a_genome())
    broken = structs.replace(plan.models[0], numbers=plan.models[0].numbers[:-1])
    with pytest.raises(ValueError, match="no genome of its features, their head says"):
        models_of(structs.replace(plan, models=(broken,)))


def test_a_regime_is_what_was_known_before_the_day(tmp_path):
    planned = a_planned(tmp_path)
    days = regime_of_days(planned.plan, planned.tape)
    found = np.asarray(regimes_of(planned.tape.close, RegimeParams())["regime"])
    names = {-1: "BEAR", 0: "SIDEWAYS", 1: "BULL"}
    assert len(days) > 20
    assert set(days.values()) == {"BEAR", "SIDEWAYS", "BULL"}
    for row in (100, 400, 899):
        time_ns = int(planned.tape.time_ns[row])
        assert regime_before(planned.plan, planned.tape, time_ns) == names[int(found[row - 1])]
    assert regime_before(planned.plan, planned.tape, 0) == "SIDEWAYS"
    assert [most(one) for one in ([1, 1, -1], [1, -1], [], [0, -1, -1])] == ["BULL", "SIDEWAYS", "SIDEWAYS", "BEAR"]


def test_a_score_for_a_regime_counts_its_days_alone(tmp_path):
    planned = a_planned(tmp_path)
    whole = an_evolver(planned, tmp_path).market
    parts = [score_part(whole._replace(regime=regime), a_genome(45), "fit") for regime in ("BEAR", "SIDEWAYS", "BULL")]
    score, daily = score_part(whole, a_genome(45), "fit")
    assert sum(one.days for one, _ in parts) == score.days
    assert sum(one.trades for one, _ in parts) == score.trades > 0
    assert sum(one.net_profit for one, _ in parts) == pytest.approx(score.net_profit, abs=1e-6)
    days = np.concatenate([one.days for _, one in parts])
    assert sorted(days.tolist()) == daily.days.tolist()


def test_a_journal_says_what_a_strategy_has_made(tmp_path):
    plan = executing(with_genome(forex_plan("genome", notional_fraction=0.08), a_genome(45)))
    name = plan.models[0].sha256
    bars = tape(600)
    _, journal = a_session(tmp_path, plan, bars)
    track = tracks_of(journal)[name]
    rollout = roll(open_engine(plan), bars)
    results = [int(pnl) / 1e6 for pnl in rollout.trades["pnl"]]
    assert (track.trades, track.won) == (len(results), sum(one > 0 for one in results))
    assert track.trades > 0
    assert track.net_profit == pytest.approx(sum(results), abs=1e-6)
    assert (track.sessions, track.decisions) == (1, len(rollout.decisions))
    decisions = [one.record() for one in journal.entries()]
    told = [one.features for one in decisions if isinstance(one, Decision)]
    assert told == [tuple(row.features[: row.features_count].tolist()) for row in rollout.decisions]
    shadow = structs.replace(plan, models=(structs.replace(plan.models[0], shadow=True),))
    assert tracks_of(MemoryJournal()) == {}
    assert tracks_of(a_session(tmp_path, shadow, bars)[1]) == {}
