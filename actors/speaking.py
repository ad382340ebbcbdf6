"""What news of an order means for the account: the report that governor and risk take, worded as a paper venue does.

What the venue states it has said itself: price, fee, conversion. What never got there is said here: an order that opens
is called off or refused, and what only reduces is UNFILLED, so that it is tried again; unless a kill switch stopped it.
"""

from typing import Any, Final

from numpy.typing import NDArray

from actors.order_entry import News, OrderEntry, Stated
from actors.settings import Settings
from actors.switching import STOPPED
from actors.writing import Writer, rows_of
from market.orders import EventKind, OrderStatus
from market.paper import REPORT, Reason, ReportKind
from venues.messages import Execution

NEVER_THERE: Final = frozenset({EventKind.DENY, EventKind.CANCEL_REQ, EventKind.REJECT, EventKind.QUERY_NOT_FOUND})
"""Events that may end an order of which the venue's statement says nothing."""


class Speaker:
    """Words the reports of one venue of a plan; their execution numbers are given where they are journaled."""

    def __init__(self, settings: Settings, home: int) -> None:
        self._home = home
        self._writer = Writer(settings.plan, settings.session)

    def reports(self, news: News | Stated, entry: OrderEntry, now_ns: int) -> NDArray[Any] | None:
        """Return the row of `market.paper.REPORT` that news comes to; None for news that moves nothing."""
        if news.said is not None:
            return self._stated(news.number, news.said, now_ns)
        assert isinstance(news, News)
        ended = entry.state.status in (OrderStatus.DENIED, OrderStatus.REJECTED) and entry.state.cum == 0
        if not ended or news.event.kind not in NEVER_THERE or not news.reason:
            return None
        row = self._row(news.number, entry.spec.instrument, now_ns)
        row["kind"], row["reason"] = _ending(news, entry)
        row["lots"] = entry.side * entry.state.lots
        return self._rows

    def _row(self, number: int, instrument: str, now_ns: int) -> Any:
        self._rows: NDArray[Any] = rows_of(REPORT, 1)
        row = self._rows[0]
        row["time_ns"], row["venue"], row["number"] = now_ns, self._home, number
        row["instrument"], row["rate_num"], row["rate_den"] = self._writer.index_of(instrument), 1, 1
        return row

    def _stated(self, number: int, said: Execution, now_ns: int) -> NDArray[Any]:
        row = self._row(number, said.instrument, now_ns)
        row["kind"], row["reason"] = ReportKind[said.item], Reason[said.reason]
        row["lots"], row["price"], row["fee"], row["amount"] = said.lots, said.price, said.fee, said.amount
        row["rate_num"], row["rate_den"] = said.rate_num, said.rate_den
        row["stop_before"], row["stop_goal"] = said.stop_before, said.stop_goal
        return self._rows


def _ending(news: News, entry: OrderEntry) -> tuple[ReportKind, Reason]:
    """Return how an order has ended that the venue never had."""
    if news.reason.startswith(STOPPED):
        return ReportKind.CANCEL, Reason.WITHHELD
    if entry.spec.reduce:
        return ReportKind.CANCEL, Reason.UNFILLED
    if entry.state.status is OrderStatus.DENIED:
        return ReportKind.CANCEL, Reason.WITHHELD
    return ReportKind.REJECT, Reason.UNFILLED
