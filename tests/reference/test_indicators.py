"""Reference: indicators against the golden files, their warm-up, edges and the traps that the cases name."""

import csv
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
from numpy.typing import NDArray

from market.features import warmup_of
from market.quality import DataQualityError
from market.volume_profile import volume_profile
from tests.market.bars import Bars, features_of
from tests.reference.cases import ROOT, Case, Prose, cases, check

GOLDEN = sorted((ROOT / "indicators").glob("golden_*.csv"))
PRICES = ("open", "high", "low", "close", "volume")
SPELLED = {
    "sma": "sma", "ema": "ema", "rsi": "rsi", "macd": "macd", "macd_signal": "macd_signal", "macd_hist": "macd_hist",
    "bb_upper": "bollinger_upper", "bb_mid": "bollinger_mid", "bb_lower": "bollinger_lower", "bbands": "stddev",
    "tr": "trange", "trange": "trange", "atr": "atr", "natr": "natr", "stoch": "stoch_k", "stoch_k": "stoch_k",
    "stoch_d": "stoch_d", "stochf": "stochf_k", "stochf_k": "stochf_k", "stochf_d": "stochf_d", "cci": "cci",
    "mfi": "mfi", "obv": "obv", "plus_di": "plus_di", "minus_di": "minus_di", "adx": "adx", "willr": "willr",
    "stddev": "stddev", "vwap_roll": "vwap", "vwap_cum": "vwap_cumulative", "vwap_session_utc_day": "vwap_session",
}  # fmt: skip
"""How the reference spells what we call by another name."""
SMOOTHING = "3"


def feature_named(column: str) -> str:
    """Return `bollinger_upper:20:2` for `bb_upper_20_2`; a column that is not known fails."""
    match = re.fullmatch(r"([a-z_]+?)((?:_\d+)*)", column.lower())
    if match is None or match[1] not in SPELLED:
        pytest.fail(f"column {column!r} is no indicator that is known here")
    name = SPELLED[match[1]]
    numbers = match[2].split("_")[1:]
    if name == "stochf_k" and len(numbers) == 1:
        numbers.append(SMOOTHING)
    return ":".join((name, *numbers))


class Golden:
    """One golden file: its bars, and the expected columns with NaN for an empty cell."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        stamps = [int(datetime.fromisoformat(row["time"]).astimezone(UTC).timestamp()) * 10**9 for row in rows]
        opens = np.array(stamps, np.int64)
        columns = {name: np.array([float(row[name]) for row in rows]) for name in PRICES}
        self.bars = Bars(*columns.values(), opens + int(np.diff(opens).min()))
        names = [name for name in rows[0] if name not in ("bar", "time", *PRICES)]
        self.expected = {name: np.array([float(row[name] or math.nan) for row in rows]) for name in names}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_column_is_met_on_every_bar(path: Path) -> None:
    golden = Golden(path)
    values = features_of(golden.bars, *map(feature_named, golden.expected))
    for k, (name, expected) in enumerate(golden.expected.items()):
        np.testing.assert_allclose(values[:, k], expected, rtol=1e-8, atol=1e-9, err_msg=name)


def golden_bars(text: str, begin: int | None = None, end: int | None = None) -> Bars:
    """Return the bars that a description names: `golden_goog_daily.csv close, bars 0..99`, both ends included."""
    file = re.search(r"golden_\w+\.csv", text)
    assert file is not None
    bars = Golden(ROOT / "indicators" / file[0]).bars
    stated = re.search(r"bars (\d+)\.\.(\d+)", text)
    if stated is not None:
        begin, end = int(stated[1]), int(stated[2])
    return bars if begin is None or end is None else bars.part(begin, end + 1)


def listed_bars(inputs: dict[str, Any]) -> Bars:
    """Return the bars that a case lists; their open is not known and not read."""
    high, low, close, volume = (np.array(inputs[name], np.float64) for name in ("high", "low", "close", "volume"))
    return Bars(close, high, low, close, volume, np.arange(1, len(close) + 1, dtype=np.int64))


def last_values(bars: Bars, names: list[str]) -> dict[str, float | None]:
    values = features_of(bars, *map(feature_named, names))[-1].tolist()
    return {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}


def close_bars(close: NDArray[Any]) -> Bars:
    return Bars(close, close, close, close, np.ones(len(close)), np.arange(1, len(close) + 1, dtype=np.int64))


def first_valid_index(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: warmup_of([feature_named(name)]) for name in inputs["indicators"]}


EDGE = ("rsi_14", "atr_14", "cci_20", "stoch_k_14_3_3", "mfi_14", "adx_14", "bb_upper_20_2", "bb_lower_20_2", "obv",
        "willr_14")  # fmt: skip


def indicator_last_values(inputs: dict[str, Any]) -> dict[str, Any]:
    return last_values(listed_bars(inputs), list(EDGE))


def with_history_from(inputs: dict[str, Any]) -> dict[str, Any]:
    return last_values(
        golden_bars(inputs["series"], inputs["start_bar"], inputs["end_bar"]), ["rsi_14", "ema_26", "adx_14"]
    )


def rsi_after_nan(inputs: dict[str, Any]) -> dict[str, Any]:
    close, at = golden_bars(inputs["close_source"]).close.copy(), inputs["nan_at_bar"]
    close[at] = math.nan
    with pytest.raises(DataQualityError, match=f"bar {at}: "):
        features_of(close_bars(close), "rsi:14")
    return {
        "policy": "reject",
        "talib_behaviour_last_value": float(talib.RSI(close, 14)[-1]),
        "correct_behaviour": Prose(),
        "rsi_restarted_at_51_last": features_of(close_bars(close[at + 1 :]), "rsi:14")[-1, 0],
    }


def macd_alignment(inputs: dict[str, Any]) -> dict[str, Any]:
    close = golden_bars(inputs["close_source"]).close
    macd, fast, slow = features_of(close_bars(close), "macd:12:26:9", "ema:12", "ema:26").T
    return {
        "talib_macd_at_33": macd[33],
        "naive_ema12_minus_ema26_at_33": fast[33] - slow[33],
        "difference_at_33": macd[33] - (fast[33] - slow[33]),
        "difference_at_99": macd[99] - (fast[99] - slow[99]),
    }


def mfi_at_bar(inputs: dict[str, Any]) -> dict[str, Any]:
    """Compare with ties told apart by binary noise as well, to show that the case does hold the trap."""
    bars, bar = listed_bars(inputs), inputs["bar"]
    price = (bars.high + bars.low + bars.close) / 3
    change, flow = np.diff(price)[bar - 14 : bar], (price * bars.volume)[bar - 13 : bar + 1]
    into, out = flow[change > 0].sum(), flow[change < 0].sum()
    return {
        "mfi_14": features_of(bars, "mfi:14")[bar, 0],
        "value_without_tie_handling": 100 * into / (into + out),
    }


def profile(inputs: dict[str, Any]) -> dict[str, Any]:
    bars = golden_bars(inputs["series"])
    result = volume_profile(bars.high, bars.low, bars.close, bars.volume, inputs["bins"], inputs["value_area"])
    return {**result._asdict(), "bins": result.bins.tolist()}


ADAPTERS = {
    "first_valid_index": first_valid_index,
    "indicator_last_values": indicator_last_values,
    "indicators_with_history_from": with_history_from,
    "rsi_14_after_nan": rsi_after_nan,
    "macd_alignment": macd_alignment,
    "mfi_14_at_bar": mfi_at_bar,
    "volume_profile": profile,
}


@pytest.mark.parametrize("case", cases("indicators"))
def test_indicators_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
