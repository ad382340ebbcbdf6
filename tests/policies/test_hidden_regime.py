"""The hidden Markov regime: beliefs against every path added up, nothing from later, and fits to the past alone."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from policies.hidden_fit import OBSERVATIONS_MIN, beliefs_walked, expect, expected, fit_hidden
from policies.hidden_regime import (
    HiddenParams,
    beliefs_of,
    believed_regime,
    hidden_params,
    open_beliefs,
    update_belief,
)
from policies.regime import Regime
from tests.market.bars import real_bars
from tests.policies.hidden_oracles import enumerated
from tests.properties import FEW

LABELS = (Regime.BEAR, Regime.SIDEWAYS, Regime.BULL)
MODEL = hidden_params(
    [0.3, 0.4, 0.3],
    [[0.95, 0.04, 0.01], [0.03, 0.94, 0.03], [0.01, 0.04, 0.95]],
    [-0.004, 0.0, 0.004],
    [0.018, 0.006, 0.010],
    LABELS,
)
REAL = ("fx/h1/EURUSD_H1_2015_2023_mt5", "crypto/binance/BTCUSDT_1h_2017_2024")


def returns(rows: int, seed: int, model: HiddenParams = MODEL) -> NDArray[np.float64]:
    """Draw returns from a model."""
    rng = np.random.default_rng(seed)
    state, out = int(rng.choice(len(model.mean), p=model.start)), np.empty(rows)
    for t in range(rows):
        out[t] = rng.normal(model.mean[state], model.deviation[state])
        state = int(rng.choice(len(model.mean), p=model.chances[state]))
    return out


def real_returns(name: str, rows: int) -> NDArray[np.float64]:
    return np.diff(np.log(real_bars(name).close[: rows + 1]))


def a_model(seed: int, states: int) -> HiddenParams:
    """Return any model, some of whose chances are zero."""
    rng = np.random.default_rng(seed)
    chances = rng.random((states, states)) * (rng.random((states, states)) < 0.8) + 0.1 * np.eye(states)
    start = rng.random(states)
    labels = rng.integers(-1, 2, states)
    return hidden_params(
        start / start.sum(), chances / chances.sum(1, keepdims=True), rng.normal(0, 0.01, states),
        rng.uniform(0.001, 0.03, states), labels,
    )  # fmt: skip


@given(seed=st.integers(0, 10**6), states=st.integers(1, 3), rows=st.integers(1, 6))
@FEW
def test_a_belief_is_what_all_paths_up_to_now_add_up_to(seed: int, states: int, rows: int) -> None:
    model = a_model(seed, states)
    changes = np.random.default_rng(seed).normal(0, 0.02, rows)
    changes[seed % rows] = math.nan if seed % 3 == 0 else changes[seed % rows]
    beliefs, likelihood = beliefs_of(changes, model)
    for t in range(rows):
        expected_belief, expected_likelihood = enumerated(model, changes[: t + 1])
        np.testing.assert_allclose(beliefs[t], expected_belief, rtol=1e-9, atol=1e-12)
    assert likelihood == pytest.approx(expected_likelihood)


@given(seed=st.integers(0, 10**6), t=st.integers(0, 99))
@FEW
def test_a_belief_reads_no_later_return(seed: int, t: int) -> None:
    changes = returns(100, seed)
    assert beliefs_of(changes[:t], MODEL)[0].tobytes() == beliefs_of(changes, MODEL)[0][:t].tobytes()


def test_what_the_fit_looks_at_does_read_later_returns() -> None:
    changes = returns(100, 5)
    other = changes.copy()
    other[60:] = -changes[60:] * 3
    room = [expected(100, 3), expected(100, 3)]
    for series, found in zip((changes, other), room, strict=True):
        expect(MODEL, series, found)
    assert not np.allclose(room[0].weight[59], room[1].weight[59])
    assert beliefs_of(changes, MODEL)[0][:60].tobytes() == beliefs_of(other, MODEL)[0][:60].tobytes()
    np.testing.assert_allclose(room[0].weight[-1], beliefs_of(changes, MODEL)[0][-1], rtol=1e-9)


def test_live_beliefs_equal_batch() -> None:
    changes = real_returns(REAL[0], 500)
    beliefs, work = open_beliefs(3, 3), np.empty(6)
    whole = beliefs_of(changes, MODEL)[0]
    for t, change in enumerate(changes):
        update_belief(MODEL, beliefs[1], change, work)
        assert beliefs[1, 1:].tobytes() == whole[t].tobytes()
    assert beliefs[1, 0] == 500
    assert not beliefs[0].any()


def test_a_return_that_is_not_known_moves_the_belief_by_the_chances_alone() -> None:
    belief, work = open_beliefs(1, 3)[0], np.empty(6)
    update_belief(MODEL, belief, -0.05, work)
    before = belief[1:].copy()
    assert math.isnan(update_belief(MODEL, belief, math.nan, work))
    np.testing.assert_allclose(belief[1:], before @ MODEL.chances, rtol=1e-12)
    assert math.isnan(update_belief(MODEL, belief, math.inf, work))


@pytest.mark.parametrize("change", [1.0, -40.0, 1e9, 1e200, -1e308])
def test_a_return_however_far_out_leaves_a_belief_that_adds_up(change: float) -> None:
    belief, work = open_beliefs(1, 3)[0], np.empty(6)
    for value in (0.001, change, 0.002, -0.003):
        update_belief(MODEL, belief, value, work)
        assert (belief[1:] >= 0.0).all()
        assert belief[1:].sum() == pytest.approx(1.0, abs=1e-12)


def test_a_state_that_cannot_be_left_or_reached_stays_so() -> None:
    closed = hidden_params([1, 0], [[1, 0], [0, 1]], [0.01, -0.01], [0.001, 0.001], [Regime.BULL, Regime.BEAR])
    beliefs, _ = beliefs_of(np.array([0.01, -0.01, -0.5, 3.0]), closed)
    assert beliefs.tolist() == [[1.0, 0.0]] * 4


def regime_of(*likely: float, held: Regime = Regime.SIDEWAYS, enter: float = 0.6) -> int:
    return believed_regime(MODEL, np.array([1.0, *likely]), held, enter)


def test_a_believed_regime_changes_only_for_one_that_is_likely_enough() -> None:
    assert regime_of(0.1, 0.3, 0.6) == Regime.BULL
    assert regime_of(0.1, 0.31, 0.59) == Regime.SIDEWAYS
    assert regime_of(0.1, 0.31, 0.59, held=Regime.BEAR) == Regime.BEAR
    assert regime_of(0.1, 0.31, 0.59, enter=0.0) == Regime.BULL
    assert regime_of(0.4, 0.2, 0.4, enter=0.0) == Regime.BEAR
    assert regime_of(0.0, 0.0, 0.0, held=Regime.BULL, enter=0.0) == Regime.BULL


def test_states_of_one_label_count_together() -> None:
    model = hidden_params([0.5, 0.3, 0.2], np.eye(3), [0, 0, 0], [1, 1, 1], [Regime.BEAR, Regime.BULL, Regime.BULL])
    assert believed_regime(model, np.array([1.0, 0.45, 0.3, 0.25]), Regime.SIDEWAYS, 0.5) == Regime.BULL


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"start": [0.5, 0.6]}, "start = [[0.5, 0.6]]; probabilities that add up to 1 are allowed"),
        ({"start": [1.5, -0.5]}, "start = [[1.5, -0.5]]; probabilities that add up to 1 are allowed"),
        ({"chances": [[1, 0], [math.nan, 1]]}, "probabilities that add up to 1 are allowed"),
        ({"chances": [[1, 0]]}, "1 to 8 states with one row each are allowed"),
        ({"mean": [0.0, math.inf]}, "finite numbers, deviations above 0 are allowed"),
        ({"deviation": [0.1, 0.0]}, "finite numbers, deviations above 0 are allowed"),
        ({"labels": [0, 7]}, "7 is not a valid Regime"),
    ],
)
def test_a_model_that_cannot_be_is_refused(given_: dict[str, object], message: str) -> None:
    model = {"start": [0.5, 0.5], "chances": [[1, 0], [0, 1]], "mean": [0, 0], "deviation": [1, 1], "labels": [-1, 1]}
    with pytest.raises(ValueError) as refusal:
        hidden_params(**{**model, **given_})
    assert str(refusal.value).endswith(message) or message in str(refusal.value)
    assert "\n" not in str(refusal.value)


CLEAR = hidden_params(
    [1 / 3] * 3, [[0.96, 0.02, 0.02], [0.02, 0.96, 0.02], [0.02, 0.02, 0.96]], [-0.03, 0.0, 0.02],
    [0.012, 0.004, 0.009], LABELS,
)  # fmt: skip


def test_a_fit_finds_the_model_that_made_the_returns() -> None:
    fit = fit_hidden(returns(2_000, 11, CLEAR))
    np.testing.assert_allclose(fit.params.mean, CLEAR.mean, atol=0.002)
    np.testing.assert_allclose(fit.params.deviation, CLEAR.deviation, rtol=0.1)
    np.testing.assert_allclose(fit.params.chances, CLEAR.chances, atol=0.03)
    assert fit.params.labels.tolist() == [int(label) for label in LABELS]


def test_a_fit_of_two_states_tells_them_apart_by_their_mean() -> None:
    fit = fit_hidden(returns(1_000, 2, CLEAR), states=2)
    assert fit.params.labels.tolist() == [Regime.BEAR, Regime.BULL]
    assert fit.params.mean[0] < fit.params.mean[1]


def test_the_calmest_of_three_states_is_sideways_whatever_the_order_of_means() -> None:
    crisis = hidden_params([1 / 3] * 3, CLEAR.chances, [-0.03, -0.05, 0.02], [0.012, 0.002, 0.009], LABELS)
    fit = fit_hidden(returns(1_000, 3, crisis))
    assert fit.params.deviation.argmin() == 1
    assert fit.params.mean[0] < fit.params.mean[2]


@pytest.mark.parametrize("name", REAL)
def test_each_round_of_a_fit_makes_real_returns_likelier_and_twice_gives_the_same(name: str) -> None:
    changes = real_returns(name, 200)
    likelihoods = [fit_hidden(changes, rounds_max=rounds, gain_min=0.0).log_likelihood for rounds in (1, 2, 3, 5, 9)]
    assert all(after >= before - 1e-6 for before, after in pairwise(likelihoods))
    one, other = fit_hidden(changes), fit_hidden(changes.copy())
    assert [part.tobytes() for part in one.params] == [part.tobytes() for part in other.params]
    assert one.log_likelihood == pytest.approx(beliefs_of(changes, one.params)[1])


def test_gaps_teach_a_fit_nothing() -> None:
    changes = returns(1_000, 4, CLEAR)
    gaps = changes.copy()
    gaps[::7] = math.nan
    fit = fit_hidden(gaps)
    np.testing.assert_allclose(fit.params.mean, CLEAR.mean, atol=0.004)


@pytest.mark.parametrize(
    ("changes", "states", "message"),
    [
        (np.full(59, 0.1), 3, f"hidden regime: 59 returns are known; {3 * OBSERVATIONS_MIN} at least are needed"),
        (np.full(100, math.nan), 2, f"hidden regime: 0 returns are known; {2 * OBSERVATIONS_MIN} at least are needed"),
        (np.zeros(100), 3, "hidden regime: all 100 returns are 0.0; they must vary"),
        (np.zeros(100), 4, "hidden regime: states = 4; 2 and 3 are allowed"),
    ],
)
def test_returns_that_no_model_fits_are_refused(changes: NDArray[np.float64], states: int, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        fit_hidden(changes, states)
    assert str(refusal.value) == message


@pytest.mark.parametrize("name", REAL)
def test_beliefs_by_refitted_models_read_no_later_return(name: str) -> None:
    changes = real_returns(name, 150)
    whole = beliefs_walked(changes, 70, 40)
    assert np.isnan(whole[:70]).all()
    np.testing.assert_allclose(whole[70:].sum(1), 1.0, rtol=1e-12)
    for t in (0, 70, 71, 110, 133):
        assert beliefs_walked(changes[:t], 70, 40).tobytes() == whole[:t].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_year_of_beliefs_by_refitted_models_reads_no_later_return(name: str) -> None:
    changes = real_returns(name, 6_000)
    whole = beliefs_walked(changes, 1_000, 500)
    for t in (1_000, 1_001, 1_499, 1_500, 2_345, 5_999):
        assert beliefs_walked(changes[:t], 1_000, 500).tobytes() == whole[:t].tobytes()


def test_a_refit_window_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="window = 0, every = 5; whole numbers from 1 are allowed"):
        beliefs_walked(returns(100, 1), 0, 5)
