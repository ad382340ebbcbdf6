"""Closed trades and positions in exact decimals: what trading brought, what it cost, and what a position is worth.

Sums and results are Decimal; ratios are floats, None where they are undefined, with a reason.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal, localcontext
from statistics import fmean, median
from typing import Final

from msgspec import Struct

PRECISION: Final = Context(prec=40)
ZERO: Final = Decimal(0)


class ClosedTrade(Struct, frozen=True, kw_only=True):
    """One round trip; side is 1 for long, -1 for short. Funding and swap are signed: positive was received.

    `initial_stop` is the first stop, never a trailed one; `rate` turns the quote currency into the account's.
    """

    side: int
    quantity: Decimal
    entry: Decimal
    exit: Decimal
    initial_stop: Decimal | None = None
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    swap: Decimal = ZERO
    multiplier: Decimal = Decimal(1)
    rate: Decimal = Decimal(1)
    entry_ns: int = 0
    exit_ns: int = 0

    @property
    def unit_value(self) -> Decimal:
        """Account money by which the whole trade moves per unit of price."""
        return self.quantity * self.multiplier * self.rate

    @property
    def gross(self) -> Decimal:
        """Result of the prices alone."""
        return self.side * (self.exit - self.entry) * self.unit_value

    @property
    def net(self) -> Decimal:
        """Result after fees, funding and swap."""
        return self.gross - self.fees + self.funding + self.swap

    @property
    def cost(self) -> Decimal:
        """What was paid; funding or swap received is income, not negative cost."""
        return self.fees - min(self.funding, ZERO) - min(self.swap, ZERO)

    @property
    def r_multiple(self) -> Decimal | None:
        """Net result in units of the initial risk; None without a stop away from the entry."""
        if self.initial_stop is None or self.initial_stop == self.entry:
            return None
        return self.net / (abs(self.entry - self.initial_stop) * self.unit_value)


class TradeMetrics(Struct, frozen=True, kw_only=True):
    """Statistics of closed trades. A scratch (net exactly 0) counts in `n`, as neither win nor loss."""

    n: int
    wins: int
    losses: int
    scratches: int
    gross_pnl: Decimal
    net_pnl: Decimal
    total_fees: Decimal
    total_funding: Decimal
    total_swap: Decimal
    win_rate: float | None
    win_rate_ex_scratch: float | None
    expectancy: float | None
    avg_win: float | None
    avg_loss: float | None
    payoff_ratio: float | None
    profit_factor: float | None
    expectancy_r: float | None
    avg_holding_seconds: float | None
    median_holding_seconds: float | None
    cost_per_trade: float | None
    turnover: float | None
    max_consecutive_wins: int
    max_consecutive_losses: int
    net_pnls: tuple[Decimal, ...]
    r_multiples: tuple[float | None, ...]
    reasons: dict[str, str]


def trade_metrics(trades: Sequence[ClosedTrade], average_equity: Decimal) -> TradeMetrics:
    """Return the statistics of closed trades; turnover is both sides' notional over the average equity."""
    with localcontext(PRECISION):
        nets = tuple(trade.net for trade in trades)
        wins, losses = [net for net in nets if net > 0], [net for net in nets if net < 0]
        multiples = [trade.r_multiple for trade in trades]
        known = [multiple for multiple in multiples if multiple is not None]
        held = [(trade.exit_ns - trade.entry_ns) / 1e9 for trade in trades]
        notional = sum(((trade.entry + trade.exit) * trade.unit_value for trade in trades), ZERO)
        average_win, average_loss = _mean(wins), _mean(losses)
        ratios = {
            "win_rate": _ratio(len(wins), len(nets)),
            "win_rate_ex_scratch": _ratio(len(wins), len(wins) + len(losses)),
            "expectancy": _float(_mean(nets)),
            "avg_win": _float(average_win),
            "avg_loss": _float(average_loss),
            "payoff_ratio": _float(_quotient(average_win, average_loss)),
            "profit_factor": _float(_quotient(sum(wins, ZERO), sum(losses, ZERO) or None)),
            "expectancy_r": _float(_mean(known)),
            "avg_holding_seconds": fmean(held) if held else None,
            "median_holding_seconds": median(held) if held else None,
            "cost_per_trade": _float(_mean([trade.cost for trade in trades])),
            "turnover": _float(notional / average_equity) if average_equity > 0 else None,
        }
        return TradeMetrics(
            n=len(nets),
            wins=len(wins),
            losses=len(losses),
            scratches=len(nets) - len(wins) - len(losses),
            gross_pnl=_sum(trade.gross for trade in trades),
            net_pnl=sum(nets, ZERO),
            total_fees=_sum(trade.fees for trade in trades),
            total_funding=_sum(trade.funding for trade in trades),
            total_swap=_sum(trade.swap for trade in trades),
            max_consecutive_wins=_longest_run(nets, lambda net: net > 0),
            max_consecutive_losses=_longest_run(nets, lambda net: net < 0),
            net_pnls=nets,
            r_multiples=tuple(_float(multiple) for multiple in multiples),
            reasons={name: _reason(name, nets, losses) for name, value in ratios.items() if value is None},
            **ratios,
        )


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return sum(values, ZERO) / len(values) if values else None


def _quotient(gain: Decimal | None, loss: Decimal | None) -> Decimal | None:
    return None if gain is None or loss is None else gain / abs(loss)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _reason(name: str, nets: Sequence[Decimal], losses: Sequence[Decimal]) -> str:
    """Say why a ratio is undefined."""
    if name == "turnover":
        return "no_equity"
    if not nets:
        return "no_trades"
    if name == "expectancy_r":
        return "no_initial_stop"
    if name == "win_rate_ex_scratch":
        return "only_scratches"
    return "no_losses" if name != "avg_win" and not losses else "no_wins"


def _longest_run(nets: Sequence[Decimal], counts: Callable[[Decimal], bool]) -> int:
    """Return the longest run of results that count; exactly zero neither counts nor ends a run."""
    longest = run = 0
    for net in nets:
        if net != 0:
            run = run + 1 if counts(net) else 0
        longest = max(longest, run)
    return longest


class PositionFill(Struct, frozen=True):
    """One fill of a position: side 1 buys, -1 sells; the quantity has no sign."""

    side: int
    quantity: Decimal
    price: Decimal
    fee: Decimal


class PositionStep(Struct, frozen=True):
    """The position after one fill; the average price is 0 when it is flat."""

    position: Decimal
    average_price: Decimal
    realised_gross: Decimal
    realised_net_total: Decimal


def position_accounting(fills: Sequence[PositionFill], method: str) -> tuple[PositionStep, ...]:
    """Return the position after each fill, cost taken off at the average ("AVG") or oldest first ("FIFO").

    A fill against the position closes before it opens the other side; both methods agree whenever it is flat.
    """
    if method not in ("AVG", "FIFO"):
        raise ValueError(f"method {method!r}: AVG and FIFO are allowed")
    steps, total, side = [], ZERO, 0
    lots: list[tuple[Decimal, Decimal]] = []  # open (quantity, price), oldest first, all of one side
    with localcontext(PRECISION):
        for fill in fills:
            gross, left = ZERO, fill.quantity
            while lots and side != fill.side and left > 0:
                quantity, price = lots[0]
                closed = min(quantity, left)
                gross += side * (fill.price - price) * closed
                left -= closed
                lots = [(quantity - closed, price), *lots[1:]] if closed < quantity else lots[1:]
            if left > 0:
                side = fill.side
                lots.append((left, fill.price))
            if method == "AVG" and len(lots) > 1:
                lots = [(_sum(quantity for quantity, _ in lots), _average(lots))]
            total += gross - fill.fee
            held = _sum(quantity for quantity, _ in lots)
            steps.append(PositionStep(side * held, _average(lots) if lots else ZERO, gross, total))
    return tuple(steps)


def _average(lots: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    return _sum(quantity * price for quantity, price in lots) / _sum(quantity for quantity, _ in lots)
