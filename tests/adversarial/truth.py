"""The truth of a path: an account at its venues, and what the firm itself finds, instant by instant.

Plain Python, written from the firm's text, sharing nothing with the rules that are tested but integers of money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.adversarial.paths import Path, Wish

CASH = 100_000 * 10**6
TICK_VALUE = 10_000
"""Of a lot of 1,000 units, in micro-units of account money."""


@dataclass
class Holding:
    """One open position at a venue."""

    venue: int
    lots: int
    entry: int
    stop: int
    number: int


@dataclass
class Truth:
    """An account as its venues know it; `fills` are (number, venue, lots, price) since somebody last took them."""

    path: Path
    balance: int = CASH
    step: int = 0
    holdings: list[Holding] = field(default_factory=list)
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    @property
    def equity(self) -> int:
        """Balance and floating profit: longs at the bid, shorts at the ask."""
        return self.balance + sum(self.floating(one) for one in self.holdings)

    def mark(self, venue: int, lots: int) -> int:
        """Return the price at which a position could be closed."""
        return int((self.path.bid if lots > 0 else self.path.ask)[venue, self.step])

    def floating(self, one: Holding) -> int:
        """Return what closing a position now would realise."""
        return (self.mark(one.venue, one.lots) - one.entry) * one.lots * TICK_VALUE

    def market(self, step: int) -> None:
        """Move to a step: stops that the price has reached are filled there, wherever it is."""
        self.step = step
        for one in list(self.holdings):
            price = self.mark(one.venue, one.lots)
            if one.stop and (price <= one.stop if one.lots > 0 else price >= one.stop):
                self.close(one)

    def open(self, wish: Wish, number: int) -> Holding:
        """Fill an order at the market at once."""
        entry = self.mark(wish.venue, -wish.lots)
        stop = stop_of(wish, entry)
        one = Holding(wish.venue, wish.lots, entry, stop, number)
        self.holdings.append(one)
        self.fills.append((number, wish.venue, wish.lots, entry))
        return one

    def close(self, one: Holding) -> None:
        """Close a position at the market."""
        profit = self.floating(one)
        self.balance += profit
        self.closed.append(profit)
        self.holdings.remove(one)
        self.fills.append((-one.number, one.venue, -one.lots, self.mark(one.venue, one.lots)))

    def flatten(self) -> None:
        """Close everything at the market."""
        for one in list(self.holdings):
            self.close(one)


def stop_of(wish: Wish, entry: int) -> int:
    """Return the price of a wish's stop; 0 where it has none."""
    return 0 if wish.stop_ticks == 0 else entry - wish.stop_ticks * (1 if wish.lots > 0 else -1)


@dataclass
class Firm:
    """One firm's two rules, evaluated as it would: `daily` and `total` are shares of the initial capital in percent."""

    daily: int
    total: int
    trailing: str = ""
    inclusive: bool = False
    anchor: str = "balance"
    balance: int = CASH
    equity: int = CASH
    day_anchor: int = CASH
    top: int = CASH
    day: object = None

    def see(self, time_ns: int, balance: int, equity: int) -> bool:
        """Take an instant; tell whether the account is lost: at the midnight before it, or now."""
        local = datetime.fromtimestamp(time_ns // 10**9, UTC).astimezone(ZoneInfo("Europe/Prague")).date()
        lost = False
        while self.day is not None and self.day < local:  # type: ignore[operator]
            self.day_anchor = self.balance if self.anchor == "balance" else max(self.balance, self.equity)
            self.top = max(self.top, self.balance) if self.trailing == "midnight" else self.top
            lost = lost or self._lost()
            self.day = self.day + timedelta(days=1)  # type: ignore[operator]
        self.day, self.balance, self.equity = local, balance, equity
        if self.trailing == "equity":
            self.top = max(self.top, equity, balance)
        return self._lost() or lost

    def _lost(self) -> bool:
        floor = max(self.day_anchor - CASH * self.daily // 100, self.top - CASH * self.total // 100)
        return self.equity <= floor if self.inclusive else self.equity < floor


def firms() -> dict[str, Firm]:
    """Return fresh accounts of the firms that paths are held to, by the profile that guards them."""
    return {
        "ftmo_2step": Firm(5, 10),
        "ftmo_1step": Firm(3, 10, trailing="midnight"),
        "conservative_union": Firm(5, 10, trailing="equity", inclusive=True, anchor="both"),
    }


def worst_fall(equities: Sequence[int]) -> int:
    """Return how far the last equity lies below the highest of the ones before it and itself."""
    return max(equities) - equities[-1]
