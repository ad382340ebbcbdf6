"""Reference: statistics against overfitting, comparisons of rates, and splits in time."""

from typing import Any

import numpy as np
import pytest

from research.validation import (
    SharpeMoments,
    combinatorial_splits,
    compare_hit_rates,
    deflated_sharpe,
    expected_max_z,
    luck_threshold,
    min_track_record,
    multiple_tests,
    overfitting,
    path_count,
    probabilistic_sharpe,
    reality_check,
    select_and_deflate,
    walk_forward,
    wilson_interval,
)
from tests.reference.cases import Case, cases, check


def moments(inputs: dict[str, Any]) -> SharpeMoments:
    return SharpeMoments(inputs["sr_per_period"], inputs["T"], inputs["skew"], inputs["kurtosis"])


def psr(inputs: dict[str, Any]) -> dict[str, Any]:
    found, benchmark = moments(inputs), inputs["benchmark_sr"]
    estimates = {
        "psr": probabilistic_sharpe(found, benchmark),
        "min_trl_95": min_track_record(found, benchmark, 0.95),
    }
    assert all((one.value is None) == (one.reason is not None) for one in estimates.values())
    return {name: one.value for name, one in estimates.items()}


def dsr(inputs: dict[str, Any]) -> dict[str, Any]:
    trials, spread = inputs["n_trials"], inputs["var_trial_sr_per_period"]
    return {
        "expected_max_z": expected_max_z(trials),
        "sr0": luck_threshold(trials, spread),
        "dsr": deflated_sharpe(moments(inputs), trials, spread).value,
    }


def dsr_of_returns(inputs: dict[str, Any]) -> dict[str, Any]:
    found = select_and_deflate(np.array(inputs["returns_T_by_N"]))
    assert found is not None
    return {
        "best_index": found.best,
        "trial_sr": found.trial_sharpes,
        "best_sr": found.moments.sharpe,
        "skew": found.moments.skew,
        "kurtosis": found.moments.kurtosis,
        "var_trial_sr": found.variance_of_trials,
        "sr0": found.threshold,
        "psr0": found.psr.value,
        "dsr": found.dsr.value,
    }


def pbo(inputs: dict[str, Any]) -> dict[str, Any]:
    assert inputs["metric"] == "sharpe per period ddof=1"
    found = overfitting(np.array(inputs["returns_T_by_N"]), inputs["S"])
    return {
        "n_combinations": len(found.logits),
        "pbo": found.pbo,
        "prob_oos_loss": found.loss_probability,
        "logits": found.logits.tolist(),
        "degradation_slope": found.slope,
        "degradation_intercept": found.intercept,
    }


def white(inputs: dict[str, Any]) -> dict[str, Any]:
    excess = np.array(inputs["model_returns_T_by_K"]) - np.array(inputs["benchmark_returns"])[:, None]
    found = reality_check(excess, np.array(inputs["bootstrap_indices"]))
    return {
        "mean_excess": found.mean_excess.tolist(),
        "statistic_sqrt_n": found.statistic,
        "p_value_strict": found.p_value_strict,
        "p_value_plus_one": found.p_value,
    }


def many(inputs: dict[str, Any]) -> dict[str, Any]:
    return multiple_tests(inputs["p_values"], inputs["alpha"])._asdict()


NAMES = {
    "adaptive_only": "b_adaptive_only", "static_only": "c_static_only", "mcnemar_p": "mcnemar_exact_p_two_sided",
    "low_pp": "paired_ci95_low_pp", "passes_point": "passes_point_absolute_5pp",
    "passes_with_interval": "passes_with_ci",
}  # fmt: skip


def hit_rates(inputs: dict[str, Any]) -> dict[str, Any]:
    found = compare_hit_rates(inputs["adaptive_hits"], inputs["static_hits"])
    assert found is not None
    return {NAMES.get(name, name): value for name, value in found._asdict().items()}


def wilson(inputs: dict[str, Any]) -> dict[str, Any]:
    interval = wilson_interval(inputs["wins"], inputs["n"], inputs["confidence"])
    return dict(zip(("low", "high"), interval or (None, None), strict=True))


def purged(inputs: dict[str, Any]) -> dict[str, Any]:
    folds, tested = inputs["n_folds"], inputs["n_test_folds"]
    splits = [
        {"test_folds": list(one.test_folds), "test": one.test.tolist(), "train": one.train.tolist()}
        for one in combinatorial_splits(inputs["n"], folds, tested, inputs["label_horizon"], inputs["embargo"])
    ]
    return {"n_splits": len(splits), "n_paths": path_count(folds, tested), "splits": splits}


def windows(inputs: dict[str, Any]) -> dict[str, Any]:
    sizes = inputs["train_size"], inputs["test_size"], inputs["purge"]
    found = walk_forward(inputs["n"], *sizes, anchored=inputs["anchored"])
    return {
        "windows_inclusive": [
            {"train": [one.train_begin, one.train_end - 1], "test": [one.test_begin, one.test_end - 1]} for one in found
        ]
    }


ADAPTERS = {
    "probabilistic_sharpe": psr,
    "deflated_sharpe": dsr,
    "deflated_sharpe_from_returns": dsr_of_returns,
    "pbo_cscv": pbo,
    "white_reality_check": white,
    "multiple_testing": many,
    "hit_rate_comparison": hit_rates,
    "wilson_interval": wilson,
    "combinatorial_purged_cv": purged,
    "walk_forward": windows,
}


@pytest.mark.parametrize("case", cases("validation"))
def test_validation_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
