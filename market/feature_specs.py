"""The vocabulary of features: per name its indicator, its parameters, its state and its warm-up.

A feature is written `name:parameter:parameter`: `ema:12`, `bollinger_upper:20:2`, `macd_hist:12:26:9`, `close`. Names
of one indicator (`macd`, `macd_signal`, `macd_hist`) share one state when their parameters agree.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from market import indicators as ind

PERIOD_MAX: Final = 10_000
WIDTH_MAX: Final = 100.0


class Op(IntEnum):
    """What computes a feature; those up to MOMENTS read the close alone."""

    CLOSE = 1
    SMA = 2
    EMA = 3
    RSI = 4
    MACD = 5
    RETURN = 6
    MOMENTS = 7
    OPEN = 8
    HIGH = 9
    LOW = 10
    VOLUME = 11
    TRANGE = 12
    ATR = 13
    NATR = 14
    DIRECTION = 15
    STOCH = 16
    STOCHF = 17
    WILLR = 18
    CCI = 19
    MFI = 20
    OBV = 21
    VWAP = 22
    VWAP_CUMULATIVE = 23
    VWAP_SESSION = 24
    PROFILE = 25


class Spec(NamedTuple):
    """One feature name: parameter names (`width` is the only fraction), floats of state, index of the first value.

    `pick` is the slot of the state that holds the value, for indicators with several; `band` is the sign of the width.
    """

    op: Op
    parameters: tuple[str, ...]
    size: Callable[..., int]
    warmup: Callable[..., int]
    pick: int = 0
    band: int = 0
    period_min: int = 1


def _size(floats: int) -> Callable[..., int]:
    return lambda *_: floats


def _at_once() -> int:
    return 0


def _macd_warmup(_fast: int, slow: int, signal: int) -> int:
    return slow + signal - 2


def _moments(band: int) -> Spec:
    return Spec(Op.MOMENTS, ("n", "width"), ind.moments_size, lambda n: n - 1, ind.MOMENTS_MEAN, band=band)


def _profile(pick: int) -> Spec:
    return Spec(Op.PROFILE, ("n", "bins"), ind.profile_size, lambda n, _: n - 1, pick)


SPECS: Final[dict[str, Spec]] = {
    "open": Spec(Op.OPEN, (), _size(0), _at_once),
    "high": Spec(Op.HIGH, (), _size(0), _at_once),
    "low": Spec(Op.LOW, (), _size(0), _at_once),
    "close": Spec(Op.CLOSE, (), _size(0), _at_once),
    "volume": Spec(Op.VOLUME, (), _size(0), _at_once),
    "return": Spec(Op.RETURN, ("n",), ind.return_size, lambda n: n),
    "sma": Spec(Op.SMA, ("n",), ind.sma_size, lambda n: n - 1),
    "ema": Spec(Op.EMA, ("n",), _size(ind.EMA_SIZE), lambda n: n - 1),
    "macd": Spec(Op.MACD, ("fast", "slow", "signal"), _size(ind.MACD_SIZE), _macd_warmup, ind.MACD_LINE),
    "macd_signal": Spec(Op.MACD, ("fast", "slow", "signal"), _size(ind.MACD_SIZE), _macd_warmup, ind.MACD_SIGNAL),
    "macd_hist": Spec(Op.MACD, ("fast", "slow", "signal"), _size(ind.MACD_SIZE), _macd_warmup, ind.MACD_HIST),
    "bollinger_upper": _moments(1),
    "bollinger_mid": _moments(0),
    "bollinger_lower": _moments(-1),
    "stddev": Spec(Op.MOMENTS, ("n",), ind.moments_size, lambda n: n - 1, ind.MOMENTS_STDDEV),
    "trange": Spec(Op.TRANGE, (), _size(ind.TRANGE_SIZE), lambda: 1),
    "atr": Spec(Op.ATR, ("n",), _size(ind.ATR_SIZE), lambda n: n),
    "natr": Spec(Op.NATR, ("n",), _size(ind.ATR_SIZE), lambda n: n),
    "rsi": Spec(Op.RSI, ("n",), _size(ind.RSI_SIZE), lambda n: n),
    "stoch_k": Spec(Op.STOCH, ("n", "k", "d"), ind.stoch_size, lambda n, k, d: n + k + d - 3, ind.STOCH_K),
    "stoch_d": Spec(Op.STOCH, ("n", "k", "d"), ind.stoch_size, lambda n, k, d: n + k + d - 3, ind.STOCH_D),
    "stochf_k": Spec(Op.STOCHF, ("n", "d"), ind.stochf_size, lambda n, d: n + d - 2, ind.STOCH_K),
    "stochf_d": Spec(Op.STOCHF, ("n", "d"), ind.stochf_size, lambda n, d: n + d - 2, ind.STOCH_D),
    "willr": Spec(Op.WILLR, ("n",), ind.range_size, lambda n: n - 1),
    "cci": Spec(Op.CCI, ("n",), ind.cci_size, lambda n: n - 1, period_min=2),
    "plus_di": Spec(Op.DIRECTION, ("n",), _size(ind.DIRECTION_SIZE), lambda n: n, ind.PLUS_DI, period_min=2),
    "minus_di": Spec(Op.DIRECTION, ("n",), _size(ind.DIRECTION_SIZE), lambda n: n, ind.MINUS_DI, period_min=2),
    "adx": Spec(Op.DIRECTION, ("n",), _size(ind.DIRECTION_SIZE), lambda n: 2 * n - 1, ind.ADX, period_min=2),
    "mfi": Spec(Op.MFI, ("n",), ind.mfi_size, lambda n: n),
    "obv": Spec(Op.OBV, (), _size(ind.OBV_SIZE), _at_once),
    "vwap": Spec(Op.VWAP, ("n",), ind.vwap_size, lambda n: n - 1),
    "vwap_cumulative": Spec(Op.VWAP_CUMULATIVE, (), _size(ind.VWAP_CUMULATIVE_SIZE), _at_once),
    "vwap_session": Spec(Op.VWAP_SESSION, (), _size(ind.VWAP_SESSION_SIZE), _at_once),
    "profile_poc": _profile(ind.PROFILE_POC),
    "profile_val": _profile(ind.PROFILE_VAL),
    "profile_vah": _profile(ind.PROFILE_VAH),
}


class Feature(NamedTuple):
    """A feature as parsed: its spec, whole-number parameters, and the width of a band."""

    spec: Spec
    periods: tuple[int, ...]
    width: float

    @property
    def state_floats(self) -> int:
        """Floats of state that its indicator needs."""
        return self.spec.size(*self.periods)

    @property
    def warmup(self) -> int:
        """Index of the first bar with a value."""
        return self.spec.warmup(*self.periods)


def parse_feature(text: str) -> Feature:
    """Return what a feature's text means; ValueError says in one line what is wrong and what is allowed."""
    name, *given = text.split(":")
    if name not in SPECS:
        raise ValueError(f"feature {text!r}: {name!r} is unknown; known are {', '.join(sorted(SPECS))}")
    spec = SPECS[name]
    if len(given) != len(spec.parameters):
        raise ValueError(
            f"feature {text!r}: {len(given)} parameters given; write it {':'.join((name, *spec.parameters))}"
        )
    periods = []
    width = 0.0
    for parameter, value in zip(spec.parameters, given, strict=True):
        if parameter == "width":
            width = _width(text, value)
        else:
            periods.append(_period(text, parameter, value, spec.period_min))
    if spec.op is Op.MACD and periods[0] >= periods[1]:
        raise ValueError(f"feature {text!r}: fast = {periods[0]} must be less than slow = {periods[1]}")
    return Feature(spec, tuple(periods), width)


def _period(text: str, parameter: str, value: str, least: int) -> int:
    if not (value.isascii() and value.isdigit() and least <= int(value) <= PERIOD_MAX):
        raise ValueError(
            f"feature {text!r}: {parameter} = {value!r}; whole numbers from {least} to {PERIOD_MAX} are allowed"
        )
    return int(value)


def _width(text: str, value: str) -> float:
    try:
        width = float(value)
    except ValueError:
        width = 0.0
    if not 0.0 < width <= WIDTH_MAX:
        raise ValueError(f"feature {text!r}: width = {value!r}; numbers above 0 up to {WIDTH_MAX:g} are allowed")
    return width
