"""Demotion: a planted drift is found soon, a sound source is left alone, and one that recovers comes back."""

import math

import numpy as np
import pytest

from market.records import records
from policies.calibration import CalibrationRule, walk_forward
from policies.demotion import (
    CHANGE,
    DemotionRule,
    Results,
    Standing,
    Why,
    change_words,
    open_tracks,
    standing_weight,
    watch_outcome,
    watched,
)
from tests.policies.votes import real_history, until

RULE = DemotionRule()
DRIFT_AT = 400


def results_of(claim, rate, seed: int = 1, source: int = 0) -> Results:
    """Return outcomes of claims that come true at a rate."""
    claims, rates = np.broadcast_arrays(np.asarray(claim, np.float64), np.asarray(rate, np.float64))
    hits = (np.random.default_rng(seed).random(len(claims)) < rates).astype(np.float64)
    whose, known = np.full(len(claims), source, np.int64), np.arange(len(claims), dtype=np.int64) * 60
    return Results(whose, known, claims.copy(), hits)


def story(results: Results, rule: DemotionRule = RULE, sources: int = 1):
    changes = watched(open_tracks(sources, rule), results, rule)
    return [(int(change.outcome), Standing(change.after), Why(change.why)) for change in changes]


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_source_is_left_alone(seed: int) -> None:
    claims = np.random.default_rng(seed).uniform(0.4, 0.9, 1000)
    assert story(results_of(claims, claims, seed + 50)) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("after", "why"), [(0.45, Why.OVERCLAIMS), (0.95, Why.UNDERCLAIMS)], ids=["overclaims", "underclaims"]
)
def test_a_planted_drift_is_found_within_a_hundred_outcomes(seed: int, after: float, why: Why) -> None:
    rates = np.where(np.arange(1000) < DRIFT_AT, 0.7, after)
    (outcome, standing, reason), *_ = story(results_of(np.full(1000, 0.7), rates, seed))
    assert DRIFT_AT < outcome <= DRIFT_AT + 100
    assert (standing, reason) == (Standing.DEMOTED, why)


def test_a_source_that_recovers_is_on_probation_and_then_trusted_again() -> None:
    rates = np.where((np.arange(2000) >= 400) & (np.arange(2000) < 600), 0.4, 0.7)
    changes = story(results_of(np.full(2000, 0.7), rates))
    assert [change[1:] for change in changes] == [
        (Standing.DEMOTED, Why.OVERCLAIMS),
        (Standing.PROBATION, Why.RELIABLE_AGAIN),
        (Standing.TRUSTED, Why.PROVEN),
    ]
    assert changes[1][0] >= changes[0][0] + RULE.proof
    assert changes[2][0] >= changes[1][0] + RULE.proof


def test_a_source_that_does_not_recover_stays_demoted() -> None:
    rates = np.where(np.arange(3000) < DRIFT_AT, 0.7, 0.4)
    assert len(story(results_of(np.full(3000, 0.7), rates))) == 1


def test_a_source_that_fails_on_probation_is_demoted_again() -> None:
    rates = np.select([np.arange(900) < 400, np.arange(900) < 500, np.arange(900) < 640], [0.7, 0.4, 0.7], 0.3)
    after = [change[1] for change in story(results_of(np.full(900, 0.7), rates))]
    assert after == [Standing.DEMOTED, Standing.PROBATION, Standing.DEMOTED]


def test_weights_follow_the_standing() -> None:
    tracks = open_tracks(3, RULE)
    tracks.sources.standing[:] = [Standing.TRUSTED, Standing.DEMOTED, Standing.PROBATION]
    assert [float(standing_weight(track, RULE)) for track in tracks.sources] == [1.0, 0.0, 0.5]


def test_no_alarm_before_there_are_enough_outcomes() -> None:
    assert story(results_of(np.full(29, 0.95), np.zeros(29))) == []
    (first, *_), *_ = story(results_of(np.full(40, 0.95), np.zeros(40)))
    assert first == RULE.outcomes_min


def test_the_changes_are_the_same_in_any_batches() -> None:
    rates = np.where((np.arange(2000) >= 400) & (np.arange(2000) < 600), 0.4, 0.7)
    results = results_of(np.full(2000, 0.7), rates)
    whole, parts = open_tracks(1, RULE), open_tracks(1, RULE)
    at_once = watched(whole, results, RULE)
    split = [
        watched(parts, Results(*(column[begin:end] for column in results)), RULE)
        for begin, end in ((0, 1), (1, 450), (450, 451), (451, 2000))
    ]
    assert b"".join(part.tobytes() for part in split) == at_once.tobytes()
    assert parts.sources.tobytes() == whole.sources.tobytes()


def test_sources_know_nothing_of_each_other() -> None:
    bad = results_of(np.full(500, 0.8), np.full(500, 0.4), source=0)
    good = results_of(np.full(500, 0.8), np.full(500, 0.8), source=1)
    both = Results(*(np.column_stack(pair).ravel() for pair in zip(bad, good, strict=True)))
    changes = watched(open_tracks(2, RULE), both, RULE)
    assert {int(change.source) for change in changes} == {0}
    assert changes[0].outcome == story(bad)[0][0]


@pytest.mark.parametrize(("claim", "hit"), [(math.nan, 1.0), (1.2, 1.0), (0.5, math.nan), (0.5, 0.5)])
def test_what_is_no_outcome_is_not_counted(claim: float, hit: float) -> None:
    tracks, out = open_tracks(1, RULE), records(1, CHANGE)[0]
    assert not watch_outcome(tracks, 0, 0, claim, hit, RULE, out)
    assert tracks.sources[0].outcomes == 0


def test_calibrated_claims_on_real_bars_drift_no_later_when_more_is_known() -> None:
    history = real_history(600)
    worth = walk_forward(history, 1, CalibrationRule(window=150))
    results = Results(history.source, history.known_ns, worth, history.hit)
    rule = DemotionRule(alarm=4.0)
    whole = watched(open_tracks(1, rule), results, rule)
    cut = watched(open_tracks(1, rule), Results(*(column[:400] for column in results)), rule)
    assert until(history, 400).claim.tobytes() == history.claim[:400].tobytes()
    assert whole[: len(cut)].tobytes() == cut.tobytes()
    assert all(change.outcome > 400 for change in whole[len(cut) :])


def test_a_change_says_who_why_and_by_which_number() -> None:
    rates = np.where((np.arange(2000) >= 400) & (np.arange(2000) < 600), 0.4, 0.7)
    changes = watched(open_tracks(1, RULE), results_of(np.full(2000, 0.7), rates), RULE)
    words = [change_words(change, "pin bar") for change in changes]
    assert words[0].startswith("pin bar: trusted -> demoted at outcome ")
    assert words[0].endswith(", alarm 15")
    assert "claims more than comes true: drift 15." in words[0]
    assert "at most 0.05" in words[1]
    assert words[2].endswith("100 outcomes without an alarm, 100 needed")
    under = watched(open_tracks(1, RULE), results_of(np.full(300, 0.3), np.full(300, 0.8)), RULE)
    assert "claims less than comes true" in change_words(under[0], "rsi")


@pytest.mark.parametrize(
    "rule",
    [
        DemotionRule(slack=-1.0), DemotionRule(alarm=0.0), DemotionRule(alarm=math.nan), DemotionRule(proof=0),
        DemotionRule(outcomes_min=0), DemotionRule(gap_max=0.0), DemotionRule(probation_weight=1.5),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(rule: DemotionRule) -> None:
    with pytest.raises(ValueError, match="allowed"):
        open_tracks(1, rule)
