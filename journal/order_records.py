"""Records of orders on their way: what was sent and wished, what venues said, and what was found to differ."""

from typing import TypeAlias

from msgspec import Raw

from journal.record import Record


class Order(Record, frozen=True, kw_only=True, tag="order"):
    """An order on its way: `order_id` is the venue's client id, `arrive_ns` when the venue has it.

    What moves its stop, in ticks (0: nothing does): `breakeven_at` and `trail_at` are the best gain from which it goes
    to break-even and follows the best price, `trail_by` how far behind.
    """

    epoch: int
    number: int
    order_id: str
    instrument: str
    lots: int
    order_kind: str
    limit: int
    stop: int
    target: int
    hold_ns: int
    reduce: bool
    reason: str
    arrive_ns: int
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0


class Report(Record, frozen=True, kw_only=True, tag="report"):
    """What a venue said about an order: a fill, a settlement, a cancel, a reject, or that its stop has moved.

    `rate_num / rate_den` turned quote money into account money at that instant; `amount` is the cash of a contract.
    The price of an AMEND is the new stop, `stop_before` the old one, `stop_goal` where it belongs once there is room.
    """

    venue: str
    execution: int
    number: int
    instrument: str
    report: str
    reason: str
    lots: int
    price: int
    fee: int
    amount: int
    rate_num: int
    rate_den: int
    stop_before: int = 0
    stop_goal: int = 0


class Cancel(Record, frozen=True, kw_only=True, tag="cancel"):
    """The wish that an order be gone; it stands until the order is final."""

    epoch: int
    number: int
    reason: str


class Replace(Record, frozen=True, kw_only=True, tag="replace"):
    """A change of an order: its next client id, its lots in all (signed) and its limit."""

    epoch: int
    number: int
    order_id: str
    lots: int
    limit: int


class OrderNews(Record, frozen=True, kw_only=True, tag="order_news"):
    """What happened to an order on its way to a venue and there: one event of `market.orders`, by name.

    `life` and `seq` number the news of one life of a gateway; `venue_number` is the execution's at the venue.
    """

    venue: str
    life: int
    seq: int
    number: int
    event: str
    execution: str = ""
    lots: int = 0
    price: int = 0
    status: str = "ACCEPTED"
    unknown_order: bool = False
    venue_number: int = 0
    reason: str = ""


class Stated(Record, frozen=True, kw_only=True, tag="stated"):
    """An item of a venue's statement that is no execution of an order: what a protection did, what will not be filled.

    `life` and `seq` are as in OrderNews, `venue_number` is its number there, `item` the name of a report's kind.
    `number` is the order it is about; the signed lots of a FILL or SETTLE moved the position. -1: it is none of ours,
    and says with `fee` (quote money) and rate what a trade past us has cost.
    """

    venue: str
    life: int
    seq: int
    number: int
    instrument: str
    item: str
    reason: str
    execution: str
    lots: int
    price: int
    venue_number: int
    fee: int = 0
    rate_num: int = 1
    rate_den: int = 1


Trade: TypeAlias = tuple[int, int, int, int, int]
"""A trade past us: signed lots, price, fee in quote money, and the rate (two numbers) of that to account money."""


class Breaks(Record, frozen=True, kw_only=True, tag="breaks"):
    """The differences between a venue's account and ours that stand now: kind, order or instrument, ours, theirs."""

    venue: str
    life: int
    seq: int
    breaks: tuple[tuple[str, str, str, int | None, int | None], ...]


class Adjustment(Record, frozen=True, kw_only=True, tag="adjustment"):
    """A person accepts signed lots as ours that came about without us, by these trades."""

    venue: str
    instrument: str
    lots: int
    who: str
    reason: str
    trades: tuple[Trade, ...] = ()


class OrdersSnapshot(Record, frozen=True, kw_only=True, tag="orders_snapshot"):
    """The fold of one venue's orders up to here (`actors.order_fold`), as that module writes it."""

    venue: str
    fold: Raw
