"""The feature program: how features are written, what is refused, and what input is fit for a series."""

import math

import numpy as np
import pytest

from market.features import feature_program, feature_programs, run_bars, run_series
from market.quality import DataQualityError
from tests.market.bars import features_of, made_bars

REFUSED = {
    "emma:12": "feature 'emma:12': 'emma' is unknown; known are adx, atr, ",
    "": "feature '': '' is unknown",
    "ema": "feature 'ema': 0 parameters given; write it ema:n",
    "ema:12:26": "feature 'ema:12:26': 2 parameters given; write it ema:n",
    "close:1": "feature 'close:1': 1 parameters given; write it close",
    "macd_hist:12:26": "feature 'macd_hist:12:26': 2 parameters given; write it macd_hist:fast:slow:signal",
    "ema:0": "feature 'ema:0': n = '0'; whole numbers from 1 to 10000 are allowed",
    "ema:-3": "feature 'ema:-3': n = '-3'; whole numbers from 1 to 10000 are allowed",
    "ema:12.5": "feature 'ema:12.5': n = '12.5'; whole numbers from 1 to 10000 are allowed",
    "ema:fast": "feature 'ema:fast': n = 'fast'; whole numbers from 1 to 10000 are allowed",
    "ema:10001": "feature 'ema:10001': n = '10001'; whole numbers from 1 to 10000 are allowed",
    "adx:1": "feature 'adx:1': n = '1'; whole numbers from 2 to 10000 are allowed",
    "stoch_k:14:x:3": "feature 'stoch_k:14:x:3': k = 'x'; whole numbers from 1 to 10000 are allowed",
    "bollinger_upper:20:0": "feature 'bollinger_upper:20:0': width = '0'; numbers above 0 up to 100 are allowed",
    "bollinger_upper:20:wide": "feature 'bollinger_upper:20:wide': width = 'wide'; numbers above 0 up to 100",
    "bollinger_upper:20:nan": "feature 'bollinger_upper:20:nan': width = 'nan'; numbers above 0 up to 100",
    "macd:26:12:9": "feature 'macd:26:12:9': fast = 26 must be less than slow = 12",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_feature_that_is_not_understood_is_refused_in_one_line_that_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        feature_program(["close", text])
    message = str(refusal.value)
    assert message.startswith(REFUSED[text])
    assert "\n" not in message


def test_no_features_make_an_empty_program() -> None:
    program, size = feature_program([])
    assert (len(program), size) == (0, 0)
    assert features_of(made_bars(3)).shape == (3, 0)


def test_the_same_feature_may_be_read_twice() -> None:
    values = features_of(made_bars(30), "sma:5", "sma:5", "close")
    assert values[:, 0].tobytes() == values[:, 1].tobytes()
    assert (values[:, 2] == made_bars(30).close).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_bar_that_is_not_finite_is_refused_by_name_and_place(column: str, value: float) -> None:
    bars = made_bars(50)
    getattr(bars, column)[7] = value
    bars.close[31] = math.nan
    with pytest.raises(DataQualityError, match=f"bar 7: {column} is {value}; prices and volumes must be finite"):
        features_of(bars, "rsi:14")


def test_columns_of_different_length_are_refused() -> None:
    program, size = feature_program(["close"])
    bars = made_bars(10)
    with pytest.raises(ValueError, match="one length"):
        run_series(program, size, *bars._replace(high=bars.high[:9]))


def test_a_series_may_be_given_in_whole_ticks() -> None:
    bars = made_bars(40)
    ticks = bars._replace(**{name: getattr(bars, name).astype(np.int64) for name in ("open", "high", "low", "close")})
    assert features_of(ticks, "rsi:14").tobytes() == features_of(bars, "rsi:14").tobytes()


def test_a_series_without_bars_has_no_values() -> None:
    assert features_of(made_bars(3).part(0, 0), "ema:12", "close").shape == (0, 2)


def test_lists_laid_into_one_table_run_alone() -> None:
    bars = made_bars(60)
    lists = (["adx:5", "close"], [], ["plus_di:5", "adx:5", "stddev:9", "sma:30"])
    table, spans, size = feature_programs(lists)
    assert spans.tolist() == [[0, 2], [2, 0], [2, 4]]
    for features, (first, rows) in zip(lists, spans, strict=True):
        out = np.empty((60, rows))
        run_bars(table[first : first + rows], np.zeros(size), out, *bars)
        assert out.tobytes() == features_of(bars, *features).tobytes()
