"""`sma_cross` against an independent engine: the package `backtesting`, on the samples that come with it.

Both buy a fixed size at the next bar's open when the fast average crosses above the slow one, and close at the next
open when it crosses below. Trades are stamped with the opening of the bar in which they were filled, here as there.

Where the averages touch (equal on a bar), `backtesting.lib.crossover` loses a crossing and buys a second time: a touch
is a crossing for neither bar. There the other engine is given the rule of `sma_cross`: a touch changes nothing, and
what counts is the side before it. The averages must be exact for that: pandas' rolling mean has rounding noise that
turns a touch into a crossing.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from research.asking import Request, plan_for
from research.backtest import run_backtest

pytestmark = pytest.mark.filterwarnings("ignore")  # of pandas and bokeh, on their own account

CASH = 10_000_000
HOUR = 3_600 * 10**9
SAMPLES = {
    "GOOG": ("equities/GOOG_daily_sample.parquet", 24 * HOUR, 0.01, 1),
    "EURUSD": ("fx/EURUSD_H1_sample.parquet", HOUR, 0.00001, 1000),
}
"""Per sample: where it is written, the length of its bars, its tick, and the units of a lot."""
LOTS = 10
APART = [(10, 30), (5, 20), (20, 100)]
TOUCHING = [(2, 3), (1, 2)]


def sample(symbol):
    from backtesting import test

    return getattr(test, symbol)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("samples")
    for symbol, (path, *_) in SAMPLES.items():
        frame = sample(symbol)
        columns = {name.lower(): frame[name].to_numpy(np.float64) for name in frame.columns}
        stamps = pa.array(stamps_of(frame), pa.timestamp("ns", "UTC"))
        (root / "data" / path).parent.mkdir(parents=True)
        pq.write_table(pa.table({"ts": stamps} | columns), root / "data" / path)
    return root


def stamps_of(frame):
    return frame.index.to_numpy().astype("datetime64[ns]").astype(np.int64)


def ours(folder: Path, symbol, fast, slow, fee):
    request = Request(
        data=folder / "data", home=folder / "home", symbols=(symbol,), policy="sma_cross", cash=str(CASH),
        params={"fast": fast, "slow": slow, "lots": LOTS}, fee_ppm=round(fee * 1e6),
    )  # fmt: skip
    return run_backtest(plan_for(request)).result


def theirs(symbol, fast, slow, fee, average, crossing):
    from backtesting import Backtest, Strategy

    _, _, tick, lot = SAMPLES[symbol]

    class Cross(Strategy):
        def init(self):
            self.fast, self.slow = (self.I(average, self.data.Close, n, tick) for n in (fast, slow))

        def next(self):
            if crossing(self.fast, self.slow):
                self.buy(size=LOTS * lot)
            elif crossing(self.slow, self.fast):
                self.position.close()

    return Backtest(sample(symbol), Cross, cash=CASH, commission=fee).run()


def crossover(one, other):
    from backtesting.lib import crossover

    return crossover(one, other)


def turned(one, other):
    """Tell whether `one` is above `other` now, and was below when they last differed."""
    apart = np.sign(np.asarray(one[:]) - np.asarray(other[:]))
    earlier = apart[:-1][np.isfinite(apart[:-1]) & (apart[:-1] != 0)]
    return bool(apart[-1] == 1 and len(earlier) and earlier[-1] == -1)


def rolling(values, n, _):
    from backtesting.test import SMA

    return SMA(values, n).to_numpy()


def exact(values, n, tick):
    """Average whole ticks: equal averages are equal."""
    sums = np.cumsum(np.insert(np.rint(np.asarray(values) / tick), 0, 0))
    return np.concatenate([np.full(n - 1, np.nan), (sums[n:] - sums[:-n]) / n])


@pytest.mark.parametrize("fee", [0.0, 0.002])
@pytest.mark.parametrize(("fast", "slow"), APART)
@pytest.mark.parametrize("symbol", SAMPLES)
def test_trades_and_equity_are_those_of_the_other_engine(folder, symbol, fast, slow, fee):
    compare(ours(folder, symbol, fast, slow, fee), theirs(symbol, fast, slow, fee, rolling, crossover), symbol)


@pytest.mark.parametrize("fee", [0.0, 0.002])
@pytest.mark.parametrize(("fast", "slow"), TOUCHING)
@pytest.mark.parametrize("symbol", SAMPLES)
def test_trades_and_equity_agree_where_the_averages_touch(folder, symbol, fast, slow, fee):
    compare(ours(folder, symbol, fast, slow, fee), theirs(symbol, fast, slow, fee, exact, turned), symbol)


def compare(result, stats, symbol):
    opens, (_, _, _, lot) = stamps_of(sample(symbol)), SAMPLES[symbol]
    listed = stats["_trades"]
    assert len(listed) > 10
    assert [
        (trade.side, trade.lots * lot, trade.entry_at_ns, trade.exit_at_ns, trade.entry_price, trade.exit_price)
        for trade in result.trades
    ] == [
        ("LONG", row.Size, opens[row.EntryBar], opens[row.ExitBar], row.EntryPrice, row.ExitPrice)
        for row in listed.itertuples()
    ]
    assert [trade.pnl for trade in result.trades] == pytest.approx(list(listed.PnL), abs=0.005)
    assert [trade.fees for trade in result.trades] == pytest.approx(list(listed.Commission), abs=0.005)
    assert float(result.final_equity) == pytest.approx(stats["Equity Final [$]"], abs=0.005)


def test_what_differs_from_a_rolling_mean_is_its_rounding(folder):
    """Every bar on which pandas' mean decides otherwise is one on which the exact averages touch, or were equal."""
    _, _, tick, _ = SAMPLES["EURUSD"]
    closes = sample("EURUSD").Close.to_numpy()
    noisy, clean = ([average(closes, n, tick) for n in (2, 3)] for average in (rolling, exact))

    def up(pair):
        fast, slow = pair
        return (fast[:-1] < slow[:-1]) & (fast[1:] > slow[1:])

    differing = np.flatnonzero(up(noisy) != up(clean)) + 1
    touching = clean[0] == clean[1]
    assert len(differing) > 0
    assert all(touching[k] or touching[k - 1] for k in differing)
