"""Reference: confluence, bounded weights, timeframe weights, calibration, isotonic, conformal."""

import math
from typing import Any

import numpy as np
import pytest

from market.quality import DataQualityError
from policies.calibration import bucket_index
from policies.calibration_report import LOG_LOSS_CLIP, reliability_of
from policies.confluence import CONFLUENCE, ConfluenceRule, Direction, VoteFlaw, join_votes, joined_votes, panel_of
from policies.confluence_weights import WeightRule, projected, timeframe_weights, update_weights
from policies.conformal import split_conformal
from policies.isotonic import ROWS, fit_isotonic, isotonic_value
from tests.reference.cases import Case, cases, check

REGIMES = frozenset({"regime_hysteresis", "trend_z", "vol_regime_quantiles", "hmm_filter"})
"""Cases of the same folder about regimes."""


def known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def confluence(inputs: dict[str, Any]) -> dict[str, Any]:
    names = list(inputs["weights"])
    votes = [math.nan if inputs["signals"].get(name) is None else inputs["signals"][name] for name in names]
    panel = panel_of(range(len(names)), [inputs["weights"][name] for name in names])
    try:
        out, _ = joined_votes(votes, panel, ConfluenceRule(inputs["enter"], inputs["min_coverage"]))
    except DataQualityError:
        return {"error": "SIGNAL_OUT_OF_RANGE"}
    return {
        "score": known(out.score), "coverage": float(out.coverage), "agreement": known(out.agreement),
        "confidence": float(out.confidence), "direction": Direction(out.direction).name,
    }  # fmt: skip


def capped_simplex(inputs: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"weights": projected(inputs["raw_weights"], inputs["min_weight"], inputs["max_weight"]).tolist()}
    except ValueError:
        return {"error": "INFEASIBLE"}


def multiplicative_update(inputs: dict[str, Any]) -> dict[str, Any]:
    weights, performance = (np.array(inputs[name], np.float64) for name in ("weights", "performance"))
    rule = WeightRule(inputs["min_weight"], inputs["max_weight"], inputs["eta"], inputs["max_step"])
    out = np.zeros(len(weights))
    return {"weights": out.tolist()} if update_weights(weights, performance, rule, out) else {"error": "INFEASIBLE"}


def by_timeframe(inputs: dict[str, Any]) -> dict[str, Any]:
    names = list(inputs["base_weight"])
    base = np.array([inputs["base_weight"][name] for name in names], np.float64)
    volatility = np.array([inputs["annualised_vol_by_tf"][name] for name in names], np.float64)
    out = np.zeros(len(names))
    assert timeframe_weights(base, volatility, float(inputs["power"]), out) == 1.0
    return {"weights": dict(zip(names, out.tolist(), strict=True))}


def calibration_report(inputs: dict[str, Any]) -> dict[str, Any]:
    found = reliability_of(inputs["probability"], inputs["outcome"], inputs["n_buckets"], inputs["prior_strength"])
    spelled = {name: getattr(found, name) for name in found.__struct_fields__}
    buckets = [{name: getattr(row, name) for name in row.__struct_fields__} for row in found.buckets]
    return {**spelled, "buckets": buckets, "log_loss_clip": LOG_LOSS_CLIP}


def bucket_indices(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"index": [int(bucket_index(float(one), inputs["n_buckets"])) for one in inputs["probabilities"]]}


def isotonic(inputs: dict[str, Any]) -> dict[str, Any]:
    claims, hits = np.array(inputs["confidence"], np.float64), np.array(inputs["outcome"], np.float64)
    order, curve = np.argsort(claims, kind="stable"), np.zeros((ROWS, len(claims)))
    blocks = fit_isotonic(claims[order], hits[order], len(claims), curve)

    def values(where: list[float]) -> list[float]:
        return [float(isotonic_value(curve, blocks, float(claim))) for claim in where]

    return {"fitted": values(inputs["confidence"]), "query_values": values(inputs["query"])}


def conformal(inputs: dict[str, Any]) -> dict[str, Any]:
    found = split_conformal(inputs["abs_residuals"], inputs["alpha"], inputs["prediction"])
    return {**found._asdict(), "interval": None if found.interval is None else list(found.interval)}


ADAPTERS = {
    "confluence": confluence,
    "project_capped_simplex": capped_simplex,
    "bounded_multiplicative_update": multiplicative_update,
    "timeframe_weights": by_timeframe,
    "calibration_report": calibration_report,
    "calibration_report_edge": calibration_report,
    "bucket_index": bucket_indices,
    "isotonic_calibration": isotonic,
    "split_conformal": conformal,
}


@pytest.mark.parametrize("case", [case for case in cases("signals") if case.values[0].fn not in REGIMES])
def test_signals_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)


def test_the_kernel_says_no_signal_where_the_door_refuses() -> None:
    out, effective = np.zeros(1, CONFLUENCE).view(np.recarray)[0], np.ones(2)
    join_votes(np.array([1.2, 0.0]), panel_of([0, 1], [0.5, 0.5]), ConfluenceRule(), effective, out)
    assert (out.flaw, out.direction, out.confidence) == (VoteFlaw.VOTE_OUT_OF_RANGE, Direction.NO_SIGNAL, 0.0)
    assert effective.tolist() == [0.0, 0.0]
