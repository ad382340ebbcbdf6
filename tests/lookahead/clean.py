"""Clean studies of bars of one symbol, by what makes them look suspicious; none of them may be reported."""

import numpy as np
import pandas as pd
import talib
from scipy import signal

from tests.lookahead.arithmetic import bars_since, confirmed_turns, hysteresis, kalman, walk_forward
from tests.lookahead.leaks import by, future, returns

INDICATORS = {
    "close": lambda bars: bars.close,
    "simple average": lambda bars: bars.close.rolling(20).mean(),
    "exponential average": lambda bars: bars.close.ewm(span=20, adjust=False).mean(),
    "RSI of TA-Lib": lambda bars: talib.RSI(bars.close, 14),
    "ATR of TA-Lib": lambda bars: talib.ATR(bars.high, bars.low, bars.close, 14),
    "MACD of TA-Lib, three columns": lambda bars: dict(
        zip(("line", "signal", "histogram"), talib.MACD(bars.close), strict=True)
    ),
    "Bollinger bands of TA-Lib": lambda bars: np.column_stack(talib.BBANDS(bars.close, 20)),
    "ADX of TA-Lib": lambda bars: talib.ADX(bars.high, bars.low, bars.close, 10),
    "stochastics": lambda bars: (bars.close - bars.low.rolling(14).min())
    / (bars.high.rolling(14).max() - bars.low.rolling(14).min()),
    "on-balance volume": lambda bars: (np.sign(bars.close.diff()).fillna(0) * bars.volume).cumsum(),
    "parabolic stop of TA-Lib": lambda bars: talib.SAR(bars.high, bars.low),
    "engulfing of TA-Lib": lambda bars: talib.CDLENGULFING(bars.open, bars.high, bars.low, bars.close),
    "Hilbert trend mode of TA-Lib": lambda bars: talib.HT_TRENDMODE(bars.close),
    "adaptive average of TA-Lib": lambda bars: talib.KAMA(bars.close, 10),
    "crossing of averages": lambda bars: (bars.close.rolling(5).mean() > bars.close.rolling(20).mean()).astype(int),
    "breakout of the last twenty highs": lambda bars: bars.close > bars.high.rolling(20).max().shift(1),
    "money flow of TA-Lib": lambda bars: talib.MFI(bars.high, bars.low, bars.close, bars.volume, 14),
    "words": lambda bars: np.where(returns(bars) > 0, "buy", "sell"),
    "words or nothing": lambda bars: pd.Series(
        ["long" if move > 0.003 else None for move in returns(bars)], index=bars.index
    ),
    "two columns in a frame": lambda bars: pd.DataFrame(
        {"fast": bars.close.ewm(5).mean(), "up": bars.close.diff() > 0}
    ),
    "all nothing": lambda bars: np.full(len(bars), np.nan),
    "a constant": lambda bars: np.ones(len(bars)),
}  # fmt: skip

LAGS = {
    "shift to the past": lambda bars: bars.close.shift(3),
    "outcome of a signal, when it is known": lambda bars: (future(bars, 5).shift(5) > 0).astype(float),
    "triple shift that ends in the past": lambda bars: bars.close.shift(-2).shift(3),
    "label of five bars, used five bars later": lambda bars: np.sign(future(bars, 5)).shift(5),
    "roll with its wrapped end removed": lambda bars: np.concatenate([[np.nan], np.roll(bars.close, 1)[1:]]),
    "reversed twice": lambda bars: bars.close[::-1][::-1].rolling(5).mean(),
    "reversed window, reversed back": lambda bars: bars.close.rolling(5).apply(lambda x: x[::-1][0], raw=True),
    "centred window, moved back": lambda bars: bars.close.rolling(7, center=True).mean().shift(3),
    "peaks, confirmed three bars later": lambda bars: (
        bars.high.shift(3) == bars.high.rolling(7).max()
    ).astype(float),
    "pivot high at its confirmation": lambda bars: confirmed_turns(bars.high.to_numpy(), 3),
    "hit rate of past signals": lambda bars: (np.sign(returns(bars)).shift(1) == np.sign(returns(bars)))
    .astype(float).expanding().mean(),
    "next open of the bar before": lambda bars: bars.open.shift(-1).shift(1),
}  # fmt: skip

EXPANDING = {
    "expanding z score": lambda bars: (bars.close - bars.close.expanding().mean()) / bars.close.expanding().std(),
    "expanding minimum and maximum": lambda bars: (bars.close - bars.close.cummin())
    / (bars.close.cummax() - bars.close.cummin()),
    "expanding rank": lambda bars: bars.close.expanding().rank(pct=True),
    "expanding quantile": lambda bars: bars.close > bars.close.expanding(20).quantile(0.8),
    "drawdown from the highest so far": lambda bars: bars.close / bars.close.cummax() - 1,
    "bars since the highest so far": lambda bars: np.arange(len(bars))
    - np.maximum.accumulate(np.where(bars.high == bars.high.cummax(), np.arange(len(bars)), 0)),
    "rolling z score": lambda bars: (bars.close - bars.close.rolling(30).mean()) / bars.close.rolling(30).std(),
    "rolling rank": lambda bars: bars.close.rolling(30).rank(pct=True),
    "rolling quantile": lambda bars: bars.volume > bars.volume.rolling(40).quantile(0.9),
    "winsorized by the past": lambda bars: returns(bars).clip(
        returns(bars).expanding(10).quantile(0.1), returns(bars).expanding(10).quantile(0.9)
    ),
    "mean that skips nothing": lambda bars: bars.close.expanding(1).mean(),
    "z score by the first hundred bars": lambda bars: ((bars.close - bars.close[:100].mean()) / bars.close[:100].std())
    .where(np.arange(len(bars)) >= 99),
    "sized by volatility so far": lambda bars: 0.01 / returns(bars).expanding(5).std(),
    "count of new highs": lambda bars: (bars.high > bars.high.cummax().shift(1)).cumsum(),
    "less the first close": lambda bars: bars.close - bars.close.iloc[0],
    "log of growth since the beginning": lambda bars: np.log(bars.close / bars.close.iloc[0]),
}  # fmt: skip

WEIGHTED = {
    "ewm, adjusted": lambda bars: bars.close.ewm(span=15, adjust=True).mean(),
    "ewm by half-life in time": lambda bars: bars.close.ewm(
        halflife="4h", times=bars.index.tz_localize(None)
    ).mean(),
    "ewm deviation": lambda bars: returns(bars).ewm(alpha=0.1).std(),
    "ewm correlation of close and volume": lambda bars: bars.close.ewm(span=20).corr(bars.volume),
    "Wilder average by a loop": lambda bars: kalman(bars.close.to_numpy(), 0.05),
    "triangular window of the past": lambda bars: bars.close.rolling(9, win_type="triang").mean(),
    "window by time": lambda bars: bars.close.rolling("6h").mean(),
    "window by time, closed at the left": lambda bars: bars.close.rolling("6h", closed="left").mean(),
    "volume-weighted price, rolling": lambda bars: (bars.close * bars.volume).rolling(20).sum()
    / bars.volume.rolling(20).sum(),
}  # fmt: skip

TIMEFRAMES = {
    "4h close at its right, when it is over": lambda bars: bars.close.resample("4h", label="right", closed="right")
    .last().reindex(bars.index, method="ffill").where(bars.index.floor("4h") > bars.index[0]),
    "high of yesterday": lambda bars: by(bars, "1D").high.max().shift(1).reindex(bars.index.floor("1D")).to_numpy(),
    "high of today so far": lambda bars: by(bars, "1D").high.cummax(),
    "volume-weighted price of today so far": lambda bars: (bars.close * bars.volume)
    .groupby(bars.index.floor("1D")).cumsum() / by(bars, "1D").volume.cumsum(),
    "open of the day": lambda bars: by(bars, "1D").open.transform("first"),
    "opening range, once it is over": lambda bars: by(bars, "1D").high.transform(lambda x: x[:4].max())
    .where(by(bars, "1D").cumcount() >= 3),
    "average of finished 4h closes": lambda bars: bars.close.resample("4h", label="right", closed="right").last()
    .where(lambda x: x.index <= bars.index[-1]).ewm(span=3).mean().reindex(bars.index, method="ffill"),
    "pivot point of yesterday": lambda bars: (by(bars, "1D").high.max() + by(bars, "1D").low.min()
    + by(bars, "1D").close.last()).div(3).shift(1).reindex(bars.index.floor("1D")).to_numpy(),
    "last 2h close, two hours late": lambda bars: bars.close.resample("2h").last().shift(1)
    .reindex(bars.index, method="ffill"),
    "bars of the day so far": lambda bars: by(bars, "1D").cumcount(),
    "hour of the day": lambda bars: bars.index.hour,
    "is it Friday afternoon": lambda bars: (bars.index.dayofweek == 4) & (bars.index.hour >= 15),
    "minutes to midnight by the clock": lambda bars: 1440 - bars.index.hour * 60 - bars.index.minute,
    "days to the end of the month": lambda bars: bars.index.days_in_month - bars.index.day,
    "gap since the bar before": lambda bars: bars.index.to_series().diff().dt.total_seconds(),
    "every second bar by the clock": lambda bars: (bars.index.minute == 0).astype(float),
}  # fmt: skip

FITS = {
    "rolling slope": lambda bars: bars.close.rolling(15).apply(lambda y: np.polyfit(np.arange(15), y, 1)[0], raw=True),
    "expanding regression, refitted every fifty bars": lambda bars: walk_forward(
        returns(bars).fillna(0).to_numpy(), future(bars).fillna(0).to_numpy(), 60, 50, 1
    ),
    "fit on the first hundred bars, used later": lambda bars: (
        np.polyval(np.polyfit(np.arange(100), bars.close[:100], 1), np.arange(len(bars)))
        if len(bars) >= 100 else np.full(len(bars), np.nan)
    ) + np.where(np.arange(len(bars)) >= 99, 0.0, np.nan),
    "linear regression of TA-Lib": lambda bars: talib.LINEARREG(bars.close, 14),
    "rolling beta to volume": lambda bars: bars.close.rolling(30).cov(bars.volume) / bars.volume.rolling(30).var(),
    "rolling autocorrelation": lambda bars: returns(bars).rolling(30).corr(returns(bars).shift(1)),
    "mean move of the hour, so far": lambda bars: returns(bars).groupby(bars.index.hour)
    .transform(lambda x: x.expanding().mean().shift(1)),
    "filtered level": lambda bars: kalman(bars.close.to_numpy(), 0.2),
}  # fmt: skip

FILTERS = {
    "causal Butterworth": lambda bars: signal.lfilter(*signal.butter(2, 0.1), bars.close),
    "causal sections": lambda bars: signal.sosfilt(signal.butter(3, 0.2, output="sos"), bars.close),
    "causal convolution": lambda bars: np.convolve(bars.close, np.ones(5) / 5)[: len(bars)],
    "causal convolution by FFT": lambda bars: signal.fftconvolve(bars.close, np.ones(7) / 7)[: len(bars)],
    "FFT of the last 32 bars": lambda bars: bars.close.rolling(32).apply(
        lambda x: np.abs(np.fft.rfft(x - x.mean()))[2], raw=True
    ),
    "Savitzky-Golay at the end of a window": lambda bars: bars.close.rolling(11).apply(
        lambda x: signal.savgol_coeffs(11, 2, pos=10, use="dot") @ x, raw=True
    ),
    "lower-triangular weights": lambda bars: np.tril(np.ones((len(bars), len(bars)))) @ bars.volume.to_numpy(),
    "differences": lambda bars: np.diff(bars.close, prepend=np.nan),
}  # fmt: skip

FILLS = {
    "filled forward": lambda bars: bars.close.where(bars.volume > 150).ffill(),
    "warm-up filled with 0": lambda bars: bars.close.rolling(10).mean().fillna(0),
    "warm-up filled with the close": lambda bars: bars.close.rolling(10).mean().fillna(bars.close),
    "filled with the mean so far": lambda bars: bars.close.where(bars.volume > 150).pipe(
        lambda x: x.fillna(x.expanding().mean())
    ),
    "gaps left alone": lambda bars: bars.close.where(bars.volume > 150),
    "filled forward for three bars": lambda bars: bars.close.where(bars.volume > 200).ffill(limit=3),
    "warm-up filled with the first bar of all": lambda bars: bars.close.rolling(4).mean().fillna(bars.close.iloc[0]),
}  # fmt: skip

STATES = {
    "hysteresis": lambda bars: hysteresis(returns(bars).fillna(0).to_numpy(), 0.003, 0.001),
    "bars since a signal": lambda bars: bars_since(returns(bars).abs().to_numpy() > 0.004),
    "position held until the other side": lambda bars: np.sign(returns(bars).where(returns(bars).abs() > 0.003))
    .ffill().fillna(0),
    "one bar at a time": lambda bars: [
        bars.close.iloc[max(i - 4, 0) : i + 1].max() for i in range(len(bars))
    ],
    "equity of a signal so far": lambda bars: (np.sign(returns(bars)).shift(1) * returns(bars)).fillna(0).cumsum(),
    "the better of two windows so far": lambda bars: pd.DataFrame({
        n: (np.sign(bars.close - bars.close.rolling(n).mean()).shift(1) * returns(bars)).fillna(0).cumsum()
        for n in (5, 20)
    }).pipe(lambda x: (x[20] > x[5]).astype(float)),
    "writes into its input": lambda bars: bars.assign(close=bars.close * 2).close,
    "trailing stop": lambda bars: bars.high.rolling(10).max() - 2 * (bars.high - bars.low).rolling(10).mean(),
}  # fmt: skip

CHANCE = {
    "noise with a fixed seed": lambda bars: np.random.default_rng(1).normal(size=len(bars)),
    "noise with a seed per bar": lambda bars: [
        np.random.default_rng(int(stamp)).normal() for stamp in bars.index.asi8 // 10**9
    ],
    "coin by the digits of the price": lambda bars: (bars.close * 1e5).round().astype("int64") % 2
    if bars.close.notna().all() else (bars.close * 1e5).round() % 2,
    "uniform numbers, fixed seed": lambda bars: np.random.default_rng(2).random(len(bars)) < 0.1,
    "noise beside the close": lambda bars: bars.close + np.random.RandomState(3).normal(size=len(bars)),
}  # fmt: skip

OPEN_BAR = {
    "gap at the open": lambda bars: bars.open / bars.close.shift(1) - 1,
    "average of closes before": lambda bars: bars.open - bars.close.shift(1).rolling(5).mean(),
    "average of opens": lambda bars: bars.open.rolling(5).mean(),
    "range of the bar before": lambda bars: (bars.high - bars.low).shift(1),
    "volume of the bar before": lambda bars: bars.volume.shift(1) > bars.volume.shift(2),
    "hour at which it opens": lambda bars: (bars.index - pd.Timedelta("30min")).hour,
}
"""Decide when a bar opens, by what is known then."""

CLEAN = {
    "indicators": INDICATORS, "lags": LAGS, "expanding and rolling statistics": EXPANDING,
    "weighted averages": WEIGHTED, "finished timeframes and clocks": TIMEFRAMES, "fits on the past": FITS,
    "causal filters": FILTERS, "forward fills": FILLS, "states": STATES, "seeded chance": CHANCE,
    "own bar before it opens": OPEN_BAR,
}  # fmt: skip
