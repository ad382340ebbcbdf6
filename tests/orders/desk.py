"""Working orders over a line whose other end is the test, with a clock."""

import random

from actors.order_entry import News, OrderSpec
from actors.order_rules import OrderRules
from actors.working import WorkingOrders
from market.orders import OrderStatus
from venues.messages import Answer, AnswerKind, Executed, Execution, Holdings, RequestKind, VenueOrder

SECOND = 10**9
EURUSD = "EURUSD@sim"
S, A = OrderStatus, AnswerKind


class Line:
    """A session whose other end is the test: what was sent, and what comes next."""

    def __init__(self):
        self.sent, self.coming, self.reachable = [], [], True

    def open(self, now_ns):
        return self.reachable

    def send(self, request, now_ns):
        self.sent.append(request)

    def receive(self, now_ns):
        coming, self.coming = self.coming, []
        return coming


class Desk:
    """Working orders over such a line, ready to trade, with a clock."""

    def __init__(self, *, ready=True, restored=(), taken=(), **rules):
        self.line, self.now = Line(), 100 * SECOND
        rules = {"prefix": "tri", "heartbeat_ns": 10**18, "dead_man_ns": 10**18, **rules}
        self.working = WorkingOrders(OrderRules(**rules), self.line, random.Random(1), self.now)
        self.working.restore(restored, taken, {})
        if ready:
            self.work()
            self.answer(RequestKind.EXECUTIONS)
            self.answer(RequestKind.SNAPSHOT, holdings=Holdings(positions={}, orders=(), executions=0))
            self.work(10**6)
            assert self.working.is_ready

    def work(self, later_ns=10**7):
        """Let time pass in small steps, as ticks do."""
        end = self.now + later_ns
        while self.now < end:
            self.now = min(self.now + SECOND // 10, end)
            self.working.work(self.now)

    def requests(self, kind):
        return [request for request in self.line.sent if request.kind is kind]

    def answer(self, kind, answer=A.DONE, **what):
        """Answer the newest request of a kind."""
        self.line.coming.append(Answer(number=self.requests(kind)[-1].number, kind=answer, **what))
        self.work()

    def submit(self, **what):
        spec = {"number": 1, "client_id": "tri-a", "instrument": EURUSD, "lots": 10,
                "fresh_until_ns": self.now + 5 * SECOND, **what}  # fmt: skip
        self.working.submit(OrderSpec(**spec))
        self.work()
        return self.working.entries[spec["number"]]

    def accepted(self, **what):
        entry = self.submit(order_kind="limit", **what)
        self.answer(RequestKind.SUBMIT)
        assert entry.state.status is S.ACCEPTED
        return entry

    def reasons(self):
        return [news.reason for news in self.working.news if isinstance(news, News) and news.reason]


def shown(status=S.ACCEPTED, cum=0, client_id="tri-a", lots=10):
    return VenueOrder(client_id=client_id, instrument=EURUSD, lots=lots, cum=cum, status=status)


def executed(number=1, lots=10, client_id="tri-a"):
    return Executed(
        Execution(number=number, execution=f"x{number}", client_id=client_id, instrument=EURUSD, lots=lots, price=5,
                  time_ns=0)
    )  # fmt: skip
