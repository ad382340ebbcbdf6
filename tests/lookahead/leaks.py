"""Planted leaks in bars of one symbol, by class. Each is how people write it; none of them looks at the clock."""

import numpy as np
import pandas as pd
from scipy import ndimage, signal

from tests.lookahead.arithmetic import (
    barrier_labels,
    centres,
    hodrick_prescott,
    least_squares,
    principal,
    reference_of,
    zigzag,
)  # fmt: skip


def by(bars, frequency):
    """Group bars by the period that their stamp falls into."""
    return bars.groupby(bars.index.floor(frequency))


def spread_over(values, bars):
    """Carry values of longer periods, indexed by their labels, to bars."""
    return values.reindex(bars.index, method="ffill")


def returns(bars):
    return bars.close.pct_change()


def future(bars, n=1):
    """Return the return of the next n bars, known n bars later."""
    return bars.close.shift(-n) / bars.close - 1


SHIFT = {
    "next close": lambda bars: bars.close.shift(-1),
    "return to the next bar": lambda bars: bars.close.pct_change(-1),
    "roll to the left": lambda bars: np.roll(bars.close.to_numpy(), -1),
    "roll to the right wraps the last bar around": lambda bars: np.roll(bars.close.to_numpy(), 1),
    "difference to five bars later": lambda bars: bars.close.diff(-5),
    "array moved one up": lambda bars: np.append(bars.close.to_numpy()[1:], bars.close.to_numpy()[-1:]),
    "next open as a fill price in the signal": lambda bars: (bars.open.shift(-1) > bars.close).astype(float),
    "sign of the next move, nothing filled with 0": lambda bars: np.sign(bars.close.shift(-1) - bars.close).fillna(0),
    "buy or sell by the next bar, as words": lambda bars: np.where(bars.close.shift(-1) > bars.close, "buy", "sell"),
}

RESAMPLE = {
    "4h close, labelled at its left": lambda bars: spread_over(bars.close.resample("4h").last(), bars),
    "4h close, shifted by one bar only": lambda bars: spread_over(bars.close.resample("4h").last(), bars).shift(1),
    "daily high, labelled at midnight": lambda bars: spread_over(bars.high.resample("1D").max(), bars),
    "average of 4h closes at the left": lambda bars: spread_over(
        bars.close.resample("4h").last().ewm(span=5).mean(), bars
    ),
    "2h range, labelled at its left": lambda bars: spread_over(
        bars.high.resample("2h").max() - bars.low.resample("2h").min(), bars
    ),
}

TIMEFRAME = {
    "close of the hour that is not over": lambda bars: by(bars, "2h").close.transform("last"),
    "high of the day that is not over": lambda bars: by(bars, "1D").high.transform("max"),
    "mean of the week that is not over": lambda bars: by(bars, "7D").close.transform("mean"),
    "volume-weighted price of the whole day": lambda bars: (
        (bars.close * bars.volume).groupby(bars.index.floor("1D")).transform("sum")
        / by(bars, "1D").volume.transform("sum")
    ),
    "pivot point of today": lambda bars: (
        by(bars, "1D").high.transform("max") + by(bars, "1D").low.transform("min")
        + by(bars, "1D").close.transform("last")
    ) / 3,
    "share of the day's volume": lambda bars: bars.volume / by(bars, "1D").volume.transform("sum"),
    "trend of the 4h bar that is not over": lambda bars: np.sign(
        by(bars, "4h").close.transform("last") - by(bars, "4h").open.transform("first")
    ),
}  # fmt: skip

CENTRED = {
    "centred mean": lambda bars: bars.close.rolling(7, center=True).mean(),
    "centred median, edges kept": lambda bars: bars.close.rolling(9, center=True, min_periods=1).median(),
    "Savitzky-Golay": lambda bars: signal.savgol_filter(bars.close, 11, 2),
    "convolution, same length": lambda bars: np.convolve(bars.close, np.ones(5) / 5, mode="same"),
    "Gaussian smoothing": lambda bars: ndimage.gaussian_filter1d(bars.close.to_numpy(), 2.0),
    "median filter": lambda bars: signal.medfilt(bars.close.to_numpy(), 5),
    "pivot highs without a lag": lambda bars: (bars.high == bars.high.rolling(7, center=True).max()).astype(float),
    "peaks": lambda bars: np.isin(np.arange(len(bars)), signal.find_peaks(bars.close, distance=4)[0]).astype(float),
    "local extremes": lambda bars: np.isin(
        np.arange(len(bars)), signal.argrelextrema(bars.low.to_numpy(), np.less, order=3)[0]
    ).astype(float),
    "zigzag that repaints": lambda bars: zigzag(bars.close.to_numpy(), 0.006),
}

NORMALISED = {
    "z score of the whole": lambda bars: (bars.close - bars.close.mean()) / bars.close.std(),
    "scaled to [0, 1] by the whole": lambda bars: (bars.close - bars.close.min())
    / (bars.close.max() - bars.close.min()),
    "share of the largest volume": lambda bars: bars.volume / bars.volume.max(),
    "rank within the whole": lambda bars: bars.close.rank(pct=True),
    "less its mean": lambda bars: returns(bars) - returns(bars).mean(),
    "robust scaler": lambda bars: (bars.volume - bars.volume.median())
    / (bars.volume.quantile(0.75) - bars.volume.quantile(0.25)),
    "sized by the volatility of the whole": lambda bars: np.sign(returns(bars)) * 0.01 / returns(bars).std(),
    "rolling mean, then scaled by the whole": lambda bars: (
        bars.close.rolling(10).mean() / bars.close.rolling(10).mean().abs().max()
    ),
}  # fmt: skip

QUANTILE = {
    "above the upper fifth of the whole": lambda bars: (bars.close > bars.close.quantile(0.8)).astype(float),
    "quartile of the whole": lambda bars: pd.qcut(bars.volume, 4, labels=False, duplicates="drop"),
    "bin of a histogram of the whole": lambda bars: np.digitize(bars.close, np.histogram(bars.close, 8)[1]),
    "clipped at the whole's percentiles": lambda bars: returns(bars).clip(
        returns(bars).quantile(0.1), returns(bars).quantile(0.9)
    ),
    "volatility regime by the whole's median": lambda bars: (
        returns(bars).rolling(10).std() > returns(bars).rolling(10).std().median()
    ).astype(float),
}

FITTED = {
    "straight line through the whole": lambda bars: (
        bars.close - np.polyval(np.polyfit(np.arange(len(bars)), bars.close, 1), np.arange(len(bars)))
    ),
    "detrended": lambda bars: signal.detrend(bars.close.to_numpy()),
    "principal component of the whole": lambda bars: principal(bars[["open", "high", "low", "close"]].to_numpy()),
    "hedge ratio of the whole": lambda bars: bars.close - least_squares(bars.volume, bars.close)[0] * bars.volume,
    "two centres of the whole": lambda bars: (bars.volume > centres(bars.volume.to_numpy()).mean()).astype(float),
    "autocorrelation of the whole as a weight": lambda bars: returns(bars) * returns(bars).autocorr(1),
}

TRAINED = {
    "regression on the next return, trained on all": lambda bars: np.polyval(
        least_squares(returns(bars).fillna(0), future(bars).fillna(0)), returns(bars).fillna(0)
    ),
    "mean next return of the hour, over all days": lambda bars: future(bars).groupby(bars.index.hour).transform("mean"),
    "season of the hour, over all days": lambda bars: returns(bars).groupby(bars.index.hour).transform("mean"),
    "the better of two windows, chosen on all": lambda bars: max(
        (bars.close.rolling(n).mean() for n in (5, 20)),
        key=lambda mean: float((np.sign(bars.close - mean).shift(1) * returns(bars)).sum()),
    ),
    "nearest pattern in the whole": lambda bars: reference_of(bars.close.to_numpy(), 4),
}

FILTERED = {
    "filter forth and back": lambda bars: signal.filtfilt(*signal.butter(2, 0.1), bars.close),
    "sections forth and back": lambda bars: signal.sosfiltfilt(signal.butter(3, 0.2, output="sos"), bars.close),
    "low pass by FFT": lambda bars: np.fft.irfft(
        np.fft.rfft(bars.close) * (np.arange(len(bars) // 2 + 1) < 12), len(bars)
    ),
    "less its slow waves by FFT": lambda bars: bars.close
    - np.fft.irfft(np.fft.rfft(bars.close) * (np.arange(len(bars) // 2 + 1) < 3), len(bars)),
    "analytic signal": lambda bars: np.abs(signal.hilbert(bars.close - bars.close.iloc[0])),
    "average from the end": lambda bars: bars.close[::-1].ewm(span=10).mean()[::-1],
    "Hodrick-Prescott trend": lambda bars: hodrick_prescott(bars.close.to_numpy(), 100.0),
    "forward and backward average": lambda bars: (
        bars.close.ewm(span=6).mean() + bars.close[::-1].ewm(span=6).mean()[::-1]
    ) / 2,
}  # fmt: skip

FILLED = {
    "warm-up filled backwards": lambda bars: bars.close.rolling(10).mean().bfill(),
    "gaps interpolated": lambda bars: bars.close.where(bars.volume > 150).interpolate(),
    "gaps filled from the next": lambda bars: bars.close.where(bars.volume > 150).bfill(),
    "gaps filled with the mean of the whole": lambda bars: bars.close.where(bars.volume > 150).pipe(
        lambda x: x.fillna(x.mean())
    ),
    "lines between every tenth close": lambda bars: np.interp(
        np.arange(len(bars)), np.arange(0, len(bars), 10), bars.close.to_numpy()[::10]
    ),
    "last signal before the next one, backwards": lambda bars: np.sign(returns(bars)).where(
        returns(bars).abs() > 0.003
    ).bfill().ffill(),
    "asfreq, filled from the next": lambda bars: bars.close.asfreq("15min", method="bfill").reindex(
        bars.index + pd.Timedelta("15min")
    ).to_numpy(),
}  # fmt: skip

TARGET = {
    "return of the next five bars": lambda bars: future(bars, 5),
    "volatility of the next bars": lambda bars: returns(bars).rolling(5).std().shift(-5),
    "highest of the next bars": lambda bars: bars.high[::-1].rolling(6).max()[::-1],
    "triple barrier label": lambda bars: barrier_labels(bars.close.to_numpy(), 0.004, 8),
    "label smoothed with the past": lambda bars: np.sign(future(bars, 3)).ewm(span=3).mean(),
    "signal times its own outcome": lambda bars: (bars.close > bars.close.rolling(5).mean()) * (future(bars) > 0),
    "hit rate up to now, one bar early": lambda bars: (np.sign(returns(bars)) == np.sign(future(bars)))
    .expanding().mean(),
    "stop that was not hit later": lambda bars: (bars.low[::-1].rolling(4).min()[::-1] > bars.close * 0.996)
    .astype(float),
}  # fmt: skip

SORTED = {
    "place when sorted by the next return": lambda bars: future(bars).rank(),
    "running sum from the end": lambda bars: returns(bars).fillna(0)[::-1].cumsum()[::-1],
    "largest moves first, the first twenty": lambda bars: bars.index.isin(
        returns(bars).abs().sort_values(ascending=False).index[:20]
    ).astype(float),
    "k-th smallest close": lambda bars: np.sort(bars.close.to_numpy()),
}

EXTREME = {
    "drawdown from the highest of all": lambda bars: bars.close / bars.close.max() - 1,
    "maximum from here to the end": lambda bars: bars.high[::-1].cummax()[::-1],
    "distance from the lowest of all": lambda bars: bars.close - bars.low.min(),
    "bars since the highest of all": lambda bars: np.arange(len(bars)) - int(bars.high.to_numpy().argmax()),
}

ENDING = {
    "share of the data that is over": lambda bars: np.arange(len(bars)) / len(bars),
    "hours to the last bar": lambda bars: (bars.index[-1] - bars.index).total_seconds() / 3600,
    "all but the last three": lambda bars: (np.arange(len(bars)) < len(bars) - 3).astype(float),
    "split into train and test": lambda bars: (np.arange(len(bars)) > 0.7 * len(bars)).astype(float),
    "parity of the count": lambda bars: bars.close * (len(bars) % 2),
    "time to the next bar": lambda bars: bars.index.to_series().diff().shift(-1).dt.total_seconds(),
}

OPEN_BAR = {
    "closes above its open": lambda bars: (bars.close > bars.open).astype(float),
    "high of its own bar": lambda bars: bars.high.rolling(3).max(),
    "volume of its own bar": lambda bars: bars.volume / bars.volume.shift(1),
    "average with its own close": lambda bars: bars.open - bars.close.rolling(5).mean(),
    "range with its own bar": lambda bars: (bars.high - bars.low).ewm(span=5).mean(),
}
"""Decide when a bar opens, by what is known when it closes."""

LEAKS = {
    "shift": SHIFT, "resample label": RESAMPLE, "unfinished timeframe": TIMEFRAME, "centred window": CENTRED,
    "whole-series normalisation": NORMALISED, "quantile of the whole": QUANTILE, "fit on the whole": FITTED,
    "trained on all": TRAINED, "zero-phase and FFT filters": FILTERED, "fill from later": FILLED, "target": TARGET,
    "sorted by the future": SORTED, "extreme of the whole": EXTREME, "end of the data": ENDING,
    "own bar while open": OPEN_BAR,
}  # fmt: skip
