"""Statistics that ask whether a result is more than luck: of a Sharpe ratio, of a choice, of a rate.

Pure functions over arrays. What is undefined is None with a reason, never 0, NaN or infinity; input that is not finite
raises DataQualityError. Nothing draws chance by itself: bootstraps take a generator or the indices. All Sharpe ratios
are per period, kurtosis is raw (3 for a normal). Sources stand at each function.
"""

from research.validation.bootstrap import (
    RealityCheck,
    mean_interval,
    reality_check,
    stationary_indices,
    superior_ability,
)
from research.validation.overfitting import Overfitting, overfitting
from research.validation.rates import (
    HitRates,
    MultipleTests,
    compare_hit_rates,
    multiple_tests,
    wilson_interval,
)
from research.validation.sharpe import (
    DeflatedSharpe,
    Estimate,
    SharpeMoments,
    deflated_sharpe,
    expected_max_z,
    independent_trials,
    luck_threshold,
    min_track_record,
    moments_of,
    probabilistic_sharpe,
    select_and_deflate,
)
from research.validation.splits import (
    CombinatorialSplit,
    Window,
    combinatorial_splits,
    fold_bounds,
    path_count,
    walk_forward,
)

__all__ = [
    "CombinatorialSplit", "DeflatedSharpe", "Estimate", "HitRates", "MultipleTests", "Overfitting", "RealityCheck",
    "SharpeMoments", "Window", "combinatorial_splits", "compare_hit_rates", "deflated_sharpe", "expected_max_z",
    "fold_bounds", "independent_trials", "luck_threshold", "mean_interval", "min_track_record", "moments_of",
    "multiple_tests", "overfitting", "path_count", "probabilistic_sharpe", "reality_check", "select_and_deflate",
    "stationary_indices", "superior_ability", "walk_forward", "wilson_interval",
]  # fmt: skip
