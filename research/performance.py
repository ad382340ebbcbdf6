"""Performance of a series of returns. What is undefined is None, with a reason; never 0, NaN or infinity.

Returns are per period, fractions. rf and mar are per period too. Money enters as Decimal and leaves as a fraction.
Sources: empyrical and quantstats, which agree on these definitions; see the reference values.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.quality import DataQualityError

Floats = NDArray[np.float64]

ZERO_VARIANCE: Final = 1e-12
"""A deviation below this share of max(1, |mean|) is none: that of equal floats is 1e-19 and would divide to 1e16."""

_MINUTES: Final = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240}
_CALENDARS: Final = {"crypto": (365, 7, 1440), "fx24x5": (260, 5, 1440), "us_equity": (252, 5, 390)}
"""Per calendar: trading days per year, per week, and minutes per day."""


class ReturnMetrics(Struct, frozen=True, kw_only=True):
    """Metrics of a return series; `reasons` says for each None why it is undefined.

    `max_drawdown` is negative, its peak includes the initial capital (`max_dd_peak_index` -1); indices count returns.
    `ulcer_index_n_minus_1` is quantstats' variant. Skew and kurtosis are biased, kurtosis is 3 for a normal.
    """

    n: int
    dropped: int
    ruin: bool
    mean: float | None = None
    std_ddof1: float | None = None
    ann_vol: float | None = None
    sharpe: float | None = None
    downside_dev_ann: float | None = None
    sortino: float | None = None
    total_return: float | None = None
    cagr: float | None = None
    max_drawdown: float | None = None
    calmar: float | None = None
    ulcer_index: float | None = None
    ulcer_index_n_minus_1: float | None = None
    martin_ratio: float | None = None
    max_dd_peak_index: int | None = None
    max_dd_trough_index: int | None = None
    max_dd_recovery_index: int | None = None
    omega_0: float | None = None
    skew_biased: float | None = None
    kurtosis_raw_biased: float | None = None
    best: float | None = None
    worst: float | None = None
    positive_fraction: float | None = None
    tail_ratio: float | None = None
    reasons: dict[str, str] = {}


class _Sheet:
    """Collects values, and a reason for each that is undefined."""

    def __init__(self) -> None:
        self.values: dict[str, float | int] = {}
        self.reasons: dict[str, str] = {}

    def put(self, name: str, value: float, *undefined: tuple[bool, str]) -> None:
        """Keep a value, unless one of the conditions makes it undefined or it is not finite."""
        reason = next((reason for condition, reason in undefined if condition), None)
        if reason is None and not math.isfinite(value):
            reason = "overflow"
        if reason is None:
            self.values[name] = value
        else:
            self.reasons[name] = reason


def return_metrics(
    returns: Sequence[float | None],
    periods_per_year: float,
    rf: float = 0.0,
    mar: float = 0.0,
    nan_policy: str = "reject",
) -> ReturnMetrics:
    """Return every metric of a series. NaN or None in it raises DataQualityError, or is dropped and counted ("drop").

    A return of -1 or less is ruin: the wealth stays 0, later returns mean nothing and ratios of them are undefined.
    """
    series, dropped = _clean(returns, nan_policy)
    ruined = np.flatnonzero(series <= -1.0)
    ruin = len(ruined) > 0
    wealth: Floats = np.asarray(np.cumprod(1.0 + series), np.float64)
    if ruin:
        wealth[ruined[0] :] = 0.0
    sheet = _Sheet()
    if len(series):
        _moments(sheet, series, periods_per_year, ruin)
        _ratios(sheet, series, (rf, mar), periods_per_year, ruin)
        _growth(sheet, wealth, periods_per_year)
        _tails(sheet, series, ruin)
    else:
        measured = set(ReturnMetrics.__struct_fields__) - {"n", "dropped", "ruin", "reasons"}
        sheet.reasons = dict.fromkeys(sorted(measured), "insufficient_data")
    return ReturnMetrics(n=len(series), dropped=dropped, ruin=ruin, reasons=sheet.reasons, **sheet.values)  # type: ignore[arg-type]


def _clean(returns: Sequence[float | None], nan_policy: str) -> tuple[Floats, int]:
    if nan_policy not in ("reject", "drop"):
        raise ValueError(f"nan_policy {nan_policy!r}: 'reject' and 'drop' are allowed")
    series = np.array([math.nan if value is None else value for value in returns], np.float64)
    finite = np.isfinite(series)
    if nan_policy == "reject" and not finite.all():
        bar = int(np.argmin(finite))
        raise DataQualityError(f"return {bar} is {returns[bar]}; returns must be finite")
    return series[finite], int((~finite).sum())


def _flat(deviation: float, mean: float) -> bool:
    return deviation <= ZERO_VARIANCE * max(1.0, abs(mean))


def _moments(sheet: _Sheet, series: Floats, periods_per_year: float, ruin: bool) -> None:
    """Mean, deviation, shape."""
    n, mean = len(series), float(np.mean(series))
    deviation = float(np.std(series, ddof=1)) if n > 1 else 0.0
    flat = _flat(deviation, mean)
    short, ruined = (n < 2, "insufficient_data"), (ruin, "ruin")
    sheet.put("mean", mean, ruined)
    sheet.put("std_ddof1", 0.0 if flat else deviation, short, ruined)
    sheet.put("ann_vol", 0.0 if flat else deviation * math.sqrt(periods_per_year), short, ruined)
    centred = (series - mean) / (1.0 if flat else float(np.std(series)))
    undefined = short, ruined, (flat, "zero_variance")
    sheet.put("skew_biased", float(np.mean(centred**3)), *undefined)
    sheet.put("kurtosis_raw_biased", float(np.mean(centred**4)), *undefined)


def _ratios(sheet: _Sheet, series: Floats, rates: tuple[float, float], periods_per_year: float, ruin: bool) -> None:
    """Sharpe over all of the deviation, Sortino and Omega over what lies below."""
    n, root = len(series), math.sqrt(periods_per_year)
    excess, above = series - rates[0], series - rates[1]
    deviation = float(np.std(excess, ddof=1)) if n > 1 else 0.0
    flat = _flat(deviation, float(np.mean(excess)))
    short, ruined = (n < 2, "insufficient_data"), (ruin, "ruin")
    sharpe = math.nan if flat else float(np.mean(excess)) / deviation * root
    sheet.put("sharpe", sharpe, short, ruined, (flat, "zero_variance"))
    downside = math.sqrt(float(np.mean(np.minimum(above, 0.0) ** 2)))
    sheet.put("downside_dev_ann", downside * root, ruined)
    sortino = float(np.mean(above)) * root / downside if downside > 0.0 else math.nan
    sheet.put("sortino", sortino, short, ruined, (downside == 0.0, "no_downside"))
    gains, losses = float(series[series > 0.0].sum()), float(-series[series < 0.0].sum())
    omega = gains / losses if losses > 0.0 else math.nan
    sheet.put("omega_0", omega, ruined, (losses == 0.0, "no_downside"))


def _growth(sheet: _Sheet, wealth: Floats, periods_per_year: float) -> None:
    """What became of the initial capital of 1, and how far it was under water."""
    n, final = len(wealth), float(wealth[-1])
    sheet.put("total_return", final - 1.0)
    with np.errstate(over="ignore"):
        cagr = float(np.float64(final) ** (periods_per_year / n)) - 1.0
    sheet.put("cagr", cagr)
    peaks = np.maximum.accumulate(np.concatenate([[1.0], wealth]))[1:]
    drawdown = wealth / peaks - 1.0
    worst = float(drawdown.min())
    squares = float(np.sum(drawdown**2))
    ulcer = math.sqrt(squares / n)
    sheet.put("max_drawdown", worst)
    sheet.put("calmar", cagr / -worst if worst < 0.0 else math.nan, (worst == 0.0, "no_drawdown"))
    sheet.put("ulcer_index", ulcer)
    spread = math.sqrt(squares / (n - 1)) if n > 1 else math.nan
    sheet.put("ulcer_index_n_minus_1", spread, (n < 2, "insufficient_data"))
    sheet.put("martin_ratio", cagr / ulcer if ulcer > 0.0 else math.nan, (ulcer == 0.0, "no_drawdown"))
    _place_of_drawdown(sheet, wealth, drawdown)


def _place_of_drawdown(sheet: _Sheet, wealth: Floats, drawdown: Floats) -> None:
    trough = int(np.argmin(drawdown))
    none = drawdown[trough] >= 0.0, "no_drawdown"
    before = np.concatenate([[1.0], wealth[: trough + 1]])
    peak = int(np.argmax(before)) - 1
    back = np.flatnonzero(wealth[trough:] >= before[peak + 1])
    sheet.put("max_dd_peak_index", peak, none)
    sheet.put("max_dd_trough_index", trough, none)
    sheet.put(
        "max_dd_recovery_index", trough + int(back[0]) if len(back) else 0, none, (not len(back), "not_recovered")
    )


def _tails(sheet: _Sheet, series: Floats, ruin: bool) -> None:
    high, low = (abs(float(np.percentile(series, percent))) for percent in (95, 5))
    ruined = (ruin, "ruin")
    sheet.put("best", float(series.max()), ruined)
    sheet.put("worst", float(series.min()))
    sheet.put("positive_fraction", float(np.mean(series > 0.0)), ruined)
    sheet.put("tail_ratio", high / low if low > 0.0 else math.nan, ruined, (low == 0.0, "no_downside"))


def time_weighted_return(
    equity_end: Sequence[Decimal], flows_end: Sequence[Decimal]
) -> tuple[tuple[float | None, ...], float | None]:
    """Return (return of each period, their compound): r = (equity - flow) / equity before - 1.

    A flow is booked at the end of its period: a deposit is no profit. None from the period on that begins without
    equity.
    """
    returns: list[float | None] = []
    for before, after, flow in zip(equity_end, equity_end[1:], flows_end[1:], strict=False):
        alive = before > 0 and None not in returns
        returns.append(float((after - flow) / before - 1) if alive else None)
    known = [value for value in returns if value is not None]
    if len(known) < len(returns) or not returns:
        return tuple(returns), None
    return tuple(returns), math.prod(1.0 + value for value in known) - 1.0


def periods_per_year(calendar: str, bar: str) -> float:
    """Return how many bars of a length a calendar has in a year; ValueError names what is known."""
    if calendar not in _CALENDARS or (bar not in _MINUTES and bar not in ("1d", "1w")):
        raise ValueError(
            f"{calendar}, {bar}: calendars are {', '.join(_CALENDARS)}; bars are {', '.join(_MINUTES)}, 1d, 1w"
        )
    days, week, minutes = _CALENDARS[calendar]
    if bar in _MINUTES:
        return days * minutes / _MINUTES[bar]
    return days / (week if bar == "1w" else 1)


class SharpeError(Struct, frozen=True):
    """A Sharpe ratio per period and its standard errors, for independent and for non-normal returns."""

    sharpe: float
    se_iid: float
    se_non_normal: float | None


def sharpe_standard_error(returns: Sequence[float]) -> SharpeError | None:
    """Return the Sharpe ratio per period with its standard errors; None with fewer than two returns or no variance.

    iid: sqrt((1 + S^2 / 2) / T), Lo 2002. Non-normal: sqrt((1 - g3 S + (g4 - 1) / 4 S^2) / (T - 1)), Mertens 2002, g4
    raw; None where the moments make it the root of a negative number.
    """
    series, _ = _clean(returns, "reject")
    n = len(series)
    deviation = float(np.std(series, ddof=1)) if n > 1 else 0.0
    if n < 2 or _flat(deviation, float(np.mean(series))):
        return None
    mean = float(np.mean(series))
    ratio = mean / deviation
    centred = (series - mean) / float(np.std(series))
    skew, kurtosis = float(np.mean(centred**3)), float(np.mean(centred**4))
    variance = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    non_normal = math.sqrt(variance / (n - 1)) if variance >= 0.0 else None
    return SharpeError(ratio, math.sqrt((1.0 + ratio * ratio / 2.0) / n), non_normal)
