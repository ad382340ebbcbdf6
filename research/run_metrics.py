"""What a run came to: the account at its end, its round trips, and the metrics of its returns and trades.

Ratios are None where they are undefined, with a reason; sums and results are exact Decimals.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from journal.records import Sample
from market.instruments import Instrument, Kind
from market.money import MONEY_DIGITS, MONEY_UNIT, decimal_of
from policies.bookkeeping import DAY_NS
from policies.plan import Plan
from research.performance import periods_per_year as periods_of_calendar
from research.performance import return_metrics, time_weighted_return
from research.result import RunResult, Trade
from research.trade_metrics import ClosedTrade, trade_metrics

PER_TRADE: Final = frozenset({"n", "net_pnls", "r_multiples", "reasons"})
"""Fields of TradeMetrics that the metrics of a run leave out: lists of every trade, and what has another name here."""

SATURDAY: Final = 5


class AccountEnd(NamedTuple):
    """The account at the end of a run, integer money; `drawdown_max` is by the worst prices of every instant."""

    initial: int
    equity: int
    cash: int
    fees: int
    drawdown_max: int
    flow: int = 0
    """What was deposited less withdrawn on the way."""

    @property
    def profit(self) -> int:
        """What the run made, open positions at their closing prices included; a deposit is none."""
        return self.equity - self.initial - self.flow

    @property
    def open_profit(self) -> int:
        """What positions that are still open would make if they were closed now."""
        return self.equity - self.cash


def account_end(result: RunResult) -> AccountEnd:
    """Return the final account; a run that was cut before its first snapshot ends at its newest sample."""
    cash = result.plan.cash
    last = result.samples[-1] if result.samples else Sample(time_ns=0, equity=cash, low=cash, cash=cash, peak=cash)
    account = result.account
    return AccountEnd(
        initial=cash,
        equity=account.get("equity", last.equity),
        cash=account.get("cash", last.cash),
        fees=account.get("fees", 0),
        drawdown_max=account.get("drawdown_max", max((one.peak - one.low for one in result.samples), default=0)),
        flow=sum(flow.money for flow in result.flows),
    )


class EquityCurve(NamedTuple):
    """The samples as columns, oldest first, money as numbers for people; the last point is the account's end."""

    time_ns: NDArray[np.int64]
    equity: NDArray[np.float64]
    low: NDArray[np.float64]
    cash: NDArray[np.float64]
    peak: NDArray[np.float64]


def curve_of(result: RunResult) -> EquityCurve:
    """Return the equity curve of a run up to its last instant."""
    rows = np.array([(one.time_ns, *_levels(one)) for one in closed_samples(result)], np.int64).reshape(-1, 5)
    return EquityCurve(rows[:, 0], *(rows[:, k] / MONEY_UNIT for k in range(1, 5)))


def flows_at(result: RunResult, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what had come in, less what had left, by the end of each instant, in account currency."""
    flows_ns = np.array([flow.time_ns for flow in result.flows], np.int64)
    sums = np.concatenate([[0.0], np.cumsum([flow.money / MONEY_UNIT for flow in result.flows])])
    found: NDArray[np.float64] = sums[np.searchsorted(flows_ns, times_ns, side="right")]
    return found


def closed_samples(result: RunResult) -> list[Sample]:
    """Return the samples; where the account moved after the newest one, its end is the last."""
    samples, end = list(result.samples), account_end(result)
    if samples and samples[-1].equity != end.equity:
        last = samples[-1]
        time_ns = max(last.time_ns + 1, result.account.get("time_ns", 0))
        peak = max(last.peak, result.account.get("peak", end.equity))
        low = min(last.equity, end.equity)
        samples.append(Sample(time_ns=time_ns, equity=end.equity, low=low, cash=end.cash, peak=peak))
    return samples


def _levels(sample: Sample) -> tuple[int, int, int, int]:
    return sample.equity, sample.low, sample.cash, sample.peak


def metrics_of(result: RunResult, periods_per_year: float | None = None) -> dict[str, Any]:
    """Return the metrics of a run by the names of the reference values, and `reasons` for each None.

    Returns are from one UTC day's last sample to the next (`sampled` "day"), annualised by the plan's calendar; with
    `periods_per_year` given every sample is a period ("bar"). `n` counts returns, `trades` closed trades. Money is
    Decimal.
    """
    samples = closed_samples(result)
    if periods_per_year is None:
        sampled, periods = "day", days_per_year(result.plan)
        points = daily_closes(samples, weekends=periods >= periods_of_calendar("crypto", "1d"))
    else:
        sampled, periods, points = "bar", periods_per_year, samples
    equity = [decimal_of(result.plan.cash), *(decimal_of(point.equity) for point in points)]
    returns, _ = time_weighted_return(equity, [Decimal(0), *_flows(result, [point.time_ns for point in points])])
    of_returns = _renamed(msgspec.structs.asdict(return_metrics(returns, periods, nan_policy="drop")))
    average = sum(sample.equity for sample in samples) // max(len(samples), 1)
    of_trades = trade_metrics(closed_trades(result), decimal_of(average) if samples else equity[0])
    return {
        "sampled": sampled,
        "periods_per_year": periods,
        **of_returns,
        "trades": of_trades.n,
        **{name: value for name, value in msgspec.structs.asdict(of_trades).items() if name not in PER_TRADE},
        "reasons": of_returns["reasons"] | of_trades.reasons,
    }


def _flows(result: RunResult, ends_ns: Sequence[int]) -> list[Decimal]:
    """Return what came in, less what left, within each of the periods that end at these times."""
    befores = (None, *ends_ns[:-1]) if ends_ns else ()
    return [
        decimal_of(sum(f.money for f in result.flows if (before is None or f.time_ns > before) and f.time_ns <= end))
        for before, end in zip(befores, ends_ns, strict=True)
    ]


def _renamed(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return metrics of returns by the names of the reference values, which say whose variant one is."""
    names = {"ulcer_index_n_minus_1": "ulcer_index_quantstats_n_minus_1"}
    reasons = {names.get(name, name): reason for name, reason in metrics["reasons"].items()}
    return {names.get(name, name): value for name, value in metrics.items()} | {"reasons": reasons}


def days_per_year(plan: Plan) -> float:
    """Return the trading days of a year: every day where the plan trades crypto, else those of FX, else of shares."""
    kinds = {instrument.kind for instrument in plan.instruments}
    if Kind.CRYPTO in kinds:
        return periods_of_calendar("crypto", "1d")
    return periods_of_calendar("fx24x5" if kinds & {Kind.FX, Kind.METAL} else "us_equity", "1d")


def closing_day(time_ns: Any) -> Any:
    """Return the UTC day, counted from 1970, that an instant (or each of an array) belongs to.

    Midnight ends a day: what is known then, as the close of a daily bar, belongs to the day before.
    """
    return (time_ns - 1) // DAY_NS


def daily_closes(samples: Sequence[Sample], weekends: bool) -> list[Sample]:
    """Return the last sample of each UTC day; without `weekends`, Sunday evening's trading is part of Monday's."""
    closes = {closing_day(sample.time_ns): sample for sample in samples}
    days = sorted(closes)
    return [closes[day] for day in days if weekends or (day + 3) % 7 < SATURDAY or day == days[-1]]


class BookedTrade(ClosedTrade, frozen=True, kw_only=True):
    """A closed trade whose gross result was booked by the ledger, at the rate of its own fills."""

    booked: Decimal

    @property
    def gross(self) -> Decimal:
        """What the ledger booked before fees."""
        return self.booked


def closed_trades(result: RunResult) -> list[ClosedTrade]:
    """Return the trades with exact money, the rate of their exit, and the stop that their entry order carried."""
    stops = {order.number: order.stop for order in result.orders if order.stop > 0}
    rates: dict[tuple[str, int], Decimal] = {}
    entry_stops: dict[tuple[str, int], int] = {}
    for report in result.reports:
        if report.report in ("FILL", "SETTLE"):
            place = report.instrument, report.time_ns
            rates[place] = Decimal(report.rate_num) / max(report.rate_den, 1)
            if report.reason == "ENTRY" and report.number in stops:
                entry_stops.setdefault(place, stops[report.number])
    instruments = {instrument.key: instrument for instrument in result.plan.instruments}
    found = []
    for trade in result.trades:
        instrument = instruments[trade.instrument]
        stop = entry_stops.get((trade.instrument, trade.entry_ns))
        rate = rates.get((trade.instrument, trade.exit_ns), Decimal(1))
        found.append(_closed(trade, instrument, None if stop is None else instrument.decimal_price(stop), rate))
    return found


def _closed(trade: Trade, instrument: Instrument, stop: Decimal | None, rate: Decimal) -> ClosedTrade:
    """A contract is bought at 1 per unit staked and sold at what it paid; anything else at its prices."""
    fees = _money(trade.fees)
    booked = _money(trade.pnl) + fees
    quantity = trade.lots * Decimal(instrument.lot_size)
    contract = instrument.kind is Kind.BINARY
    staked = quantity * rate
    return BookedTrade(
        side=1 if contract or trade.side == "LONG" else -1,
        quantity=quantity,
        entry=Decimal(1) if contract else Decimal(str(trade.entry_price)),
        exit=(1 + booked / staked if staked else Decimal(0)) if contract else Decimal(str(trade.exit_price)),
        initial_stop=stop,
        fees=fees,
        rate=rate,
        entry_ns=trade.entry_ns,
        exit_ns=trade.exit_ns,
        booked=booked,
    )


def _money(amount: float) -> Decimal:
    """Return an amount that was exact to the money unit as that again."""
    return Decimal(str(amount)).quantize(Decimal(1).scaleb(-MONEY_DIGITS))


class RoundTrip(NamedTuple):
    """From flat to flat: of both legs of a route together, else of one instrument. `pnl` is net, account money."""

    desk: str
    entry_ns: int
    exit_ns: int
    pnl: float


def round_trips(result: RunResult) -> tuple[RoundTrip, ...]:
    """Join trades of one group that overlap in time: as long as one leg is open, the group is not flat."""
    groups: dict[str, list[Trade]] = {}
    pair_of = _pair_of(result.plan)
    for trade in result.trades:
        groups.setdefault(pair_of.get(trade.instrument, trade.instrument), []).append(trade)
    trips = chain.from_iterable(_joined(trades) for trades in groups.values())
    return tuple(sorted(trips, key=lambda trip: (trip.exit_ns, trip.desk)))


def _pair_of(plan: Plan) -> dict[str, str]:
    return {key: route.instrument_a for route in plan.routes for key in (route.instrument_a, route.instrument_b)}


def _joined(trades: Iterable[Trade]) -> list[RoundTrip]:
    trips: list[RoundTrip] = []
    for trade in sorted(trades, key=lambda trade: (trade.entry_ns, trade.exit_ns)):
        if trips and trade.entry_ns < trips[-1].exit_ns:
            last = trips[-1]
            trips[-1] = last._replace(exit_ns=max(last.exit_ns, trade.exit_ns), pnl=round(last.pnl + trade.pnl, 6))
        else:
            trips.append(RoundTrip(trade.desk, trade.entry_ns, trade.exit_ns, trade.pnl))
    assert all(one.exit_ns <= two.entry_ns for one, two in pairwise(trips))
    return trips


def hit_rate(trips: Sequence[RoundTrip]) -> float | None:
    """Return the share of round trips that gained; None without one."""
    return sum(trip.pnl > 0 for trip in trips) / len(trips) if trips else None
