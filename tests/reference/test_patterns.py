"""Reference: shapes, pivots, levels, breakouts, divergences and confidence of patterns."""

from typing import Any

import numpy as np
import pytest
import talib

from market.records import Records
from policies.patterns import Pattern, PatternParams, Series, find_patterns, levels_now, pattern_confidence
from tests.reference.cases import Case, cases, check

SHAPES = (Pattern.DOJI, Pattern.PIN_BULL, Pattern.PIN_BEAR, Pattern.ENGULF_BULL, Pattern.ENGULF_BEAR)
PIVOTS = {Pattern.PIVOT_HIGH: "HIGH", Pattern.PIVOT_LOW: "LOW"}
BREAKOUTS = {Pattern.RANGE_UP: "UP", Pattern.RANGE_DOWN: "DOWN"}
DIVERGENCES = (Pattern.REGULAR_BULL, Pattern.REGULAR_BEAR, Pattern.HIDDEN_BULL, Pattern.HIDDEN_BEAR)


def series_of(inputs: dict[str, Any], end: int | None = None) -> Series:
    """Return the bars of a case; where it gives no close, the middle of the bar, and the close for the open."""
    high, low = (np.array(inputs[name], np.float64)[:end] for name in ("high", "low"))
    close = np.array(inputs["close"], np.float64)[:end] if "close" in inputs else (high + low) / 2
    return Series(close, high, low, close, np.zeros(len(close)))


def params_of(inputs: dict[str, Any]) -> PatternParams:
    """Return the parameters of a case, with room for all of its pivots."""
    spelled = {
        "k": "wings", "lookback": "lookback", "buffer_atr": "buffer_atr", "tolerance_atr": "tolerance_atr",
        "min_touches": "touches_min", "min_sep": "separation_min", "max_sep": "separation_max",
    }  # fmt: skip
    given = {ours: inputs[theirs] for theirs, ours in spelled.items() if theirs in inputs}
    fractions = {name: float(value) for name, value in given.items() if name.endswith("_atr")}
    return PatternParams(**{"pivots_max": 1_000, **given, **fractions})


def of_kinds(found: Records, *kinds: Pattern) -> list[Any]:
    return [row for row in found if row.pattern in kinds]


def pivots_of(found: Records) -> list[dict[str, Any]]:
    return [
        {"kind": PIVOTS[row.pattern], "bar": row.bar, "price": row.price, "known_at": row.known_at}
        for row in sorted(of_kinds(found, *PIVOTS), key=lambda row: row.bar)
    ]


def candle_patterns(inputs: dict[str, Any]) -> dict[str, Any]:
    columns = np.array(inputs["ohlc"], np.float64).T
    found, _ = find_patterns(Series(*columns, np.zeros(columns.shape[1])), PatternParams())
    detections = of_kinds(found, *SHAPES)
    assert all(row.known_at == row.bar for row in detections)
    return {
        "detections": [{"pattern": Pattern(row.pattern).name, "bar": row.bar} for row in detections],
        "talib_cdlengulfing_bars": np.flatnonzero(talib.CDLENGULFING(*columns)).tolist(),
    }


def pivots_and_levels(inputs: dict[str, Any]) -> dict[str, Any]:
    params = params_of(inputs)
    found, watch = find_patterns(series_of(inputs), params)
    levels = levels_now(watch, 0, params)
    return {
        "pivots": pivots_of(found),
        "atr14_last": watch.head[0].atr,
        "levels": [
            {"level": level.price, "touches": level.touches, "last_touch_known_at": level.known_at} for level in levels
        ],
    }


def no_lookahead(inputs: dict[str, Any]) -> dict[str, Any]:
    """Cut the data at every bar; what is found then is what the whole data knew by then."""
    params = params_of(inputs)
    whole = pivots_of(find_patterns(series_of(inputs), params)[0])
    seen = []
    for bar in range(len(inputs["high"])):
        seen.append(pivots_of(find_patterns(series_of(inputs, bar + 1), params)[0]))
        assert seen[-1] == [pivot for pivot in whole if pivot["known_at"] <= bar]
    visible = {f"pivots_visible_as_of_{bar}": pivots for bar, pivots in enumerate(seen)}
    return {"pivots_visible": seen[inputs["as_of_bar"]], **visible}


def range_breakout(inputs: dict[str, Any]) -> dict[str, Any]:
    found = of_kinds(find_patterns(series_of(inputs), params_of(inputs))[0], *BREAKOUTS)
    assert all(row.known_at == row.bar for row in found)
    return {"breakouts": [{"direction": BREAKOUTS[row.pattern], "bar": row.bar, "level": row.price} for row in found]}


def divergence(inputs: dict[str, Any]) -> dict[str, Any]:
    found = of_kinds(find_patterns(series_of(inputs), params_of(inputs))[0], *DIVERGENCES)
    return {
        "divergences": [
            {
                "type": Pattern(row.pattern).name,
                "p1": row.first_bar,
                "p2": row.bar,
                "known_at": row.known_at,
                "price1": row.first_price,
                "price2": row.price,
                "rsi1": row.first_rsi,
                "rsi2": row.rsi,
            }
            for row in found
        ]
    }


def confidence(inputs: dict[str, Any]) -> dict[str, Any]:
    names = ("size_atr", "at_level", "trend_z", "dir", "volume_ratio")
    values = [np.nan if inputs[name] is None else float(inputs[name]) for name in names]
    return {"confidence": pattern_confidence(*values[:3], int(values[3]), values[4])}


ADAPTERS = {
    "candle_patterns": candle_patterns,
    "pivots_and_levels": pivots_and_levels,
    "pivots_and_levels_tie": pivots_and_levels,
    "no_lookahead": no_lookahead,
    "range_breakout": range_breakout,
    "divergence": divergence,
    "pattern_confidence": confidence,
}


@pytest.mark.parametrize("case", cases("patterns"))
def test_patterns_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
