"""Calibration: only what was known counts, memory equals a fit from scratch, claims that are none are refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.calibration import (
    CalibrationRule,
    History,
    Method,
    bucket_index,
    calibrated,
    interval_of,
    learn_outcome,
    open_calibration,
    require_calibration,
    walk_forward,
)
from policies.isotonic import ROWS, fit_isotonic, isotonic_value
from policies.scaling import ConfidenceScale, confidence_risk
from tests.policies.votes import made_history, real_history, until
from tests.properties import FEW

NAN = math.nan
RULES = {
    "beta": CalibrationRule(method=Method.BETA, window=80, buckets=10),
    "isotonic": CalibrationRule(method=Method.ISOTONIC, window=80, buckets=10),
    "identity": CalibrationRule(method=Method.IDENTITY, window=80),
}
CLAIM = st.integers(0, 20).map(lambda k: k / 20)
PAIRS = st.lists(st.tuples(CLAIM, st.integers(0, 1)), min_size=1, max_size=40)


def isotonic_by_definition(claims, hits):
    """Return the max over j <= i of min over k >= i of the mean outcome of claims j to k, of distinct claims."""
    xs = sorted(set(claims))
    sums = [sum(h for c, h in zip(claims, hits, strict=True) if c == x) for x in xs]
    counts = [sum(c == x for c in claims) for x in xs]
    return {
        x: max(
            min(sum(sums[j : k + 1]) / sum(counts[j : k + 1]) for k in range(i, len(xs))) for j in range(i + 1)
        )
        for i, x in enumerate(xs)
    }  # fmt: skip


@FEW
@given(PAIRS)
def test_the_rising_curve_is_the_one_of_its_definition(pairs) -> None:
    pairs = sorted(pairs)
    claims, hits = [c for c, _ in pairs], [float(h) for _, h in pairs]
    curve = np.zeros((ROWS, len(pairs)))
    blocks = fit_isotonic(np.array(claims), np.array(hits), len(pairs), curve)
    for claim, value in isotonic_by_definition(claims, hits).items():
        assert isotonic_value(curve, blocks, claim) == pytest.approx(value, abs=1e-12)


def test_between_blocks_the_curve_is_a_line_and_outside_it_is_flat() -> None:
    claims, hits, curve = np.array([0.2, 0.4, 0.8]), np.array([0.0, 0.0, 1.0]), np.zeros((ROWS, 3))
    blocks = fit_isotonic(claims, hits, 3, curve)
    values = [float(isotonic_value(curve, blocks, claim)) for claim in (0.0, 0.3, 0.4, 0.6, 0.8, 1.0)]
    assert values == pytest.approx([0.0, 0.0, 0.0, 0.5, 1.0, 1.0])


@pytest.mark.parametrize("buckets", [1, 3, 7, 10, 20])
def test_an_edge_belongs_to_the_lower_bucket_and_zero_to_the_first(buckets: int) -> None:
    for k in range(buckets + 1):
        assert bucket_index(k / buckets, buckets) == max(k - 1, 0)
        assert bucket_index(min(math.nextafter(k / buckets, 2.0), 1.0), buckets) == min(k, buckets - 1)


@pytest.mark.parametrize("digits", [1, 3], ids=["many ties", "few ties"])
@pytest.mark.parametrize("kind", ["beta", "isotonic"])
def test_the_memory_is_what_the_newest_outcomes_alone_would_have_made(kind: str, digits: int) -> None:
    rule, history = RULES[kind], made_history(300, sources=1, digits=digits)
    long, short = open_calibration(1, rule), open_calibration(1, rule)
    for claim, hit in zip(history.claim, history.hit, strict=True):
        assert learn_outcome(long, 0, claim, hit, rule)
    for claim, hit in zip(history.claim[-80:], history.hit[-80:], strict=True):
        assert learn_outcome(short, 0, claim, hit, rule)
    asked = np.linspace(0.0, 1.0, 41)
    one, other = ([float(calibrated(memory, 0, claim, rule)) for claim in asked] for memory in (long, short))
    assert one == other
    assert long.sources[0].outcomes == 300
    assert long.sources[0].count == 80


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("cut", [1, 60, 150, 299])
def test_a_claim_is_worth_what_was_known_when_it_was_made(kind: str, cut: int) -> None:
    history = made_history(300)
    whole = walk_forward(history, 2, RULES[kind])
    assert walk_forward(until(history, cut), 2, RULES[kind]).tobytes() == whole[:cut].tobytes()


@pytest.mark.parametrize("cut", [300, 599])
def test_the_same_holds_on_real_bars(cut: int) -> None:
    history, rule = real_history(600), CalibrationRule(window=150)
    whole = walk_forward(history, 1, rule)
    assert walk_forward(until(history, cut), 1, rule).tobytes() == whole[:cut].tobytes()


@pytest.mark.parametrize("kind", RULES)
def test_live_is_the_batch_at_every_claim_of_real_bars(kind: str) -> None:
    history, rule = real_history(500), RULES[kind]
    memory, waiting, live = open_calibration(1, rule), list(range(500)), []
    for i in range(500):
        while waiting and history.known_ns[waiting[0]] <= history.time_ns[i]:
            k = waiting.pop(0)
            learn_outcome(memory, 0, history.claim[k], history.hit[k], rule)
        live.append(calibrated(memory, 0, history.claim[i], rule))
    assert np.array(live).tobytes() == walk_forward(history, 1, rule).tobytes()


def test_an_outcome_counts_from_the_instant_it_is_known() -> None:
    rule = CalibrationRule(method=Method.BETA, buckets=10)
    stamps, known = np.array([0, 5, 6]), np.array([6, 7, 8])
    history = History(np.zeros(3, np.int64), stamps, known, np.full(3, 0.55), np.ones(3))
    assert walk_forward(history, 1, rule).tolist() == pytest.approx([0.55, 0.55, (5.5 + 1.0) / 11.0])


def test_outcomes_may_be_known_in_another_order_than_claims_were_made() -> None:
    rule = CalibrationRule(method=Method.BETA, buckets=10)
    history = History(
        np.zeros(3, np.int64), np.array([0, 1, 4]), np.array([100, 3, 200]), np.full(3, 0.55), np.array([1.0, 0.0, 1.0])
    )  # fmt: skip
    assert walk_forward(history, 1, rule)[2] == pytest.approx(5.5 / 11.0)


def test_sources_know_nothing_of_each_other() -> None:
    history = made_history(200)
    whole = walk_forward(history, 2, RULES["isotonic"])
    for source in range(2):
        own = history.source == source
        alone = History(*(column[own] for column in history))
        assert walk_forward(alone, 2, RULES["isotonic"]).tobytes() == whole[own].tobytes()


def test_with_few_outcomes_the_curve_waits_and_the_bucket_speaks() -> None:
    rule, history = CalibrationRule(window=200, isotonic_min=50), made_history(50, sources=1)
    memory = open_calibration(1, rule)
    for claim, hit in zip(history.claim[:49], history.hit[:49], strict=True):
        learn_outcome(memory, 0, claim, hit, rule)
    beta = rule._replace(method=Method.BETA)
    asked = np.linspace(0.0, 1.0, 21)

    def worth(under: CalibrationRule) -> list[float]:
        return [float(calibrated(memory, 0, claim, under)) for claim in asked]

    assert worth(rule) == worth(beta)
    learn_outcome(memory, 0, history.claim[49], history.hit[49], rule)
    assert memory.sources[0].blocks > 0
    assert worth(rule) == sorted(worth(rule))


@pytest.mark.parametrize("outcome", [0.0, 1.0])
@pytest.mark.parametrize("count", [50, 400])
def test_no_number_of_outcomes_shows_certainty(count: int, outcome: float) -> None:
    rule = CalibrationRule(window=500)
    memory = open_calibration(1, rule)
    for k in range(count):
        learn_outcome(memory, 0, k / count, outcome, rule)
    sure = (count * outcome + 1.0) / (count + 2.0)
    assert calibrated(memory, 0, 0.5, rule) == pytest.approx(sure)


@FEW
@given(st.integers(0, 10_000))
def test_a_higher_claim_is_never_worth_less_and_never_risks_less(seed: int) -> None:
    rule, history = CalibrationRule(window=60), made_history(90, seed, sources=1)
    memory, scale = open_calibration(1, rule), ConfidenceScale()
    for claim, hit in zip(history.claim, history.hit, strict=True):
        learn_outcome(memory, 0, claim, hit, rule)
    worth = [float(calibrated(memory, 0, claim, rule)) for claim in np.linspace(0.0, 1.0, 51)]
    assert worth == sorted(worth)
    assert 0.0 < worth[0] <= worth[-1] < 1.0
    risks = [float(confidence_risk(one, scale)) for one in worth]
    assert risks == sorted(risks)


def test_claims_that_say_too_much_risk_less_once_that_is_known() -> None:
    rule, history = CalibrationRule(), made_history(900, sources=1, bias=0.2)
    memory, scale = open_calibration(1, rule), ConfidenceScale()
    for claim, hit in zip(history.claim, history.hit, strict=True):
        learn_outcome(memory, 0, claim, hit, rule)
    assert calibrated(memory, 0, 0.8, rule) == pytest.approx(0.6, abs=0.08)
    assert confidence_risk(calibrated(memory, 0, 0.8, rule), scale) < confidence_risk(0.8, scale)
    assert confidence_risk(calibrated(memory, 0, 0.6, rule), scale) == 0.0


@pytest.mark.parametrize("bad", [NAN, -0.01, 1.01, 60.0, math.inf])
def test_a_claim_that_is_no_probability_is_worth_nothing_and_teaches_nothing(bad: float) -> None:
    rule = RULES["isotonic"]
    memory = open_calibration(1, rule)
    assert math.isnan(calibrated(memory, 0, bad, rule))
    assert not learn_outcome(memory, 0, bad, 1.0, rule)
    assert memory.sources[0].outcomes == 0
    with pytest.raises(ValueError, match="a probability from 0 to 1 is allowed"):
        interval_of(memory, 0, bad, rule)
    assert confidence_risk(calibrated(memory, 0, bad, rule), ConfidenceScale()) == 0.0


@pytest.mark.parametrize("bad", [NAN, 0.5, 2.0])
def test_an_outcome_is_right_or_wrong(bad: float) -> None:
    memory = open_calibration(1, RULES["beta"])
    assert not learn_outcome(memory, 0, 0.5, bad, RULES["beta"])


def test_an_interval_narrows_around_what_a_claim_is_worth() -> None:
    rule, history = CalibrationRule(window=500), made_history(500, sources=1)
    memory = open_calibration(1, rule)
    first = interval_of(memory, 0, 0.7, rule)
    for claim, hit in zip(history.claim, history.hit, strict=True):
        learn_outcome(memory, 0, claim, hit, rule)
    later = interval_of(memory, 0, 0.7, rule)
    assert (first.outcomes, first.probability) == (0, 0.675)
    assert later.low <= later.probability <= later.high
    assert later.high - later.low < first.high - first.low


def test_claims_out_of_order_and_outcomes_known_too_soon_are_refused() -> None:
    history = made_history(10)
    with pytest.raises(ValueError, match="in the order in which they were made"):
        walk_forward(history._replace(time_ns=history.time_ns[::-1].copy()), 2, RULES["beta"])
    with pytest.raises(ValueError, match="claim 0: its outcome is known after it is made"):
        walk_forward(history._replace(known_ns=history.time_ns), 2, RULES["beta"])


@pytest.mark.parametrize(
    "rule",
    [
        CalibrationRule(window=0), CalibrationRule(window=10**6), CalibrationRule(buckets=0),
        CalibrationRule(prior_strength=0.0), CalibrationRule(prior_strength=NAN), CalibrationRule(isotonic_min=1),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(rule: CalibrationRule) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        require_calibration(rule)
