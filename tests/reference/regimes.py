"""Adapters of the reference cases about regimes: hysteresis, trend z, volatility terciles, the filtered hidden one."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.records import records
from policies.hidden_fit import expect, expected
from policies.hidden_regime import HiddenParams, beliefs_of, hidden_params
from policies.regime import (
    REGIME,
    Regime,
    RegimeParams,
    Volatility,
    regimes_of,
    settle,
    volatility_size,
    volatility_update,
)
from tests.policies.hidden_oracles import likeliest_path


def as_floats(values: list[float | None]) -> NDArray[Any]:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def regime_hysteresis(inputs: dict[str, Any]) -> dict[str, Any]:
    row = records(1, REGIME)[0]
    states = [
        Regime(settle(row, z, float(inputs["enter"]), float(inputs["exit"]), inputs["min_dwell_bars"])).name
        for z in as_floats(inputs["z"])
    ]
    return {"states": states}


def trend_z(inputs: dict[str, Any]) -> dict[str, Any]:
    rows = regimes_of(as_floats(inputs["close"]), RegimeParams(lookback=inputs["lookback"]))
    return {"z": [None if math.isnan(z) else z for z in rows.z.tolist()]}


def vol_regime_quantiles(inputs: dict[str, Any]) -> dict[str, Any]:
    window = inputs["window"]
    state = np.zeros(volatility_size(window))
    found = [
        Volatility(volatility_update(state, value, window, float(inputs["low_q"]), float(inputs["high_q"])))
        for value in as_floats(inputs["vol"])
    ]
    return {"states": [None if one is Volatility.UNKNOWN else one.name for one in found]}


def model_of(inputs: dict[str, Any]) -> HiddenParams:
    labels = [Regime[label] for label in inputs["labels"]]
    return hidden_params(inputs["start"], inputs["trans"], inputs["mean"], inputs["sd"], labels)


def hmm_filter(inputs: dict[str, Any]) -> dict[str, Any]:
    """Filter as a live view does; what looks ahead comes from the fit's own expectation and from an oracle."""
    params, changes = model_of(inputs), as_floats(inputs["returns"])
    filtered, likelihood = beliefs_of(changes, params)
    ahead = expected(len(changes), len(params.mean))
    expect(params, changes, ahead)
    return {
        "loglik": likelihood,
        "filtered": filtered.tolist(),
        "filtered_argmax": filtered.argmax(1).tolist(),
        "smoothed": ahead.weight.tolist(),
        "viterbi": likeliest_path(params, changes),
    }


REGIME_ADAPTERS = {
    "regime_hysteresis": regime_hysteresis,
    "trend_z": trend_z,
    "vol_regime_quantiles": vol_regime_quantiles,
    "hmm_filter": hmm_filter,
}
