"""Indicators as incremental state machines: one update per closed bar, the same code for a whole series and for live.

Every indicator keeps its state in a slice of a float64 array, `state[at : at + SIZE]`, zero at the start, and its
`*_update` takes the next bar and returns the value, NaN while it warms up. Batch is a loop over updates
(`market.features.run_series`), so live equals batch by construction; the golden tests hold both to TA-Lib.

An indicator with several values leaves them in the first slots of its state and returns one of them. Bars with a flaw
are never passed in: nothing here repairs a NaN.
"""

from market.indicators.direction import ADX, DIRECTION_SIZE, MINUS_DI, PLUS_DI, direction_update
from market.indicators.oscillators import (
    RSI_SIZE,
    STOCH_D,
    STOCH_K,
    cci_size,
    cci_update,
    range_size,
    rsi_update,
    stoch_size,
    stoch_update,
    stochf_size,
    stochf_update,
    willr_update,
)
from market.indicators.state import NAN, State
from market.indicators.trend import (
    EMA_SIZE,
    MACD_HIST,
    MACD_LINE,
    MACD_SIGNAL,
    MACD_SIZE,
    ema_update,
    macd_update,
    return_size,
    return_update,
    sma_run,
    sma_size,
    sma_update,
)
from market.indicators.volatility import (
    ATR_SIZE,
    MOMENTS_MEAN,
    MOMENTS_STDDEV,
    TRANGE_SIZE,
    atr_update,
    moments_size,
    moments_update,
    natr_update,
    trange_update,
    true_range,
)
from market.indicators.volume import (
    OBV_SIZE,
    VWAP_CUMULATIVE_SIZE,
    VWAP_SESSION_SIZE,
    mfi_size,
    mfi_update,
    obv_update,
    vwap_cumulative_update,
    vwap_session_update,
    vwap_size,
    vwap_update,
)

__all__ = [
    "ADX",
    "ATR_SIZE",
    "DIRECTION_SIZE",
    "EMA_SIZE",
    "MACD_HIST",
    "MACD_LINE",
    "MACD_SIGNAL",
    "MACD_SIZE",
    "MINUS_DI",
    "MOMENTS_MEAN",
    "MOMENTS_STDDEV",
    "NAN",
    "OBV_SIZE",
    "PLUS_DI",
    "RSI_SIZE",
    "STOCH_D",
    "STOCH_K",
    "TRANGE_SIZE",
    "VWAP_CUMULATIVE_SIZE",
    "VWAP_SESSION_SIZE",
    "State",
    "atr_update",
    "cci_size",
    "cci_update",
    "direction_update",
    "ema_update",
    "macd_update",
    "mfi_size",
    "mfi_update",
    "moments_size",
    "moments_update",
    "natr_update",
    "obv_update",
    "range_size",
    "return_size",
    "return_update",
    "rsi_update",
    "sma_run",
    "sma_size",
    "sma_update",
    "stoch_size",
    "stoch_update",
    "stochf_size",
    "stochf_update",
    "trange_update",
    "true_range",
    "vwap_cumulative_update",
    "vwap_session_update",
    "vwap_size",
    "vwap_update",
    "willr_update",
]
