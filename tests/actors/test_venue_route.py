"""The route to a live venue's gateway: what it was told stays, whatever is repeated; what is due is sent."""

import numpy as np

from actors.messages import END
from actors.order_keeper import OrderKeeper
from actors.order_messages import Hello, Told
from actors.venue_route import FRESH_NS, VenueRoute
from journal.order_records import Cancel, Order, OrderNews
from market.orders import client_order_id
from market.paper import ORDER, REPORT, ReportKind
from market.records import packed


class Recorder:
    """Notes what it is told, whatever it is asked to be."""

    def __init__(self):
        self.told = []

    def __call__(self, _name):
        return self

    def __getattr__(self, method):
        return type("Method", (), {"remote": lambda _, *arguments: self.told.append((method, *arguments))})()


def an_order(number, **changes):
    return Order(**{
        "time_ns": 10, "epoch": 2, "number": number, "order_id": client_order_id("tri", f"i{number}", 0, 0),
        "instrument": "EURUSD@sim", "lots": 3, "order_kind": "MARKET", "limit": 0, "stop": 0, "target": 0,
        "hold_ns": 0, "reduce": False, "reason": "ENTRY", "arrive_ns": 20,
    } | changes)  # fmt: skip


def a_route():
    out, due = Recorder(), []
    keeper = OrderKeeper(2, [], {"sim": "gateway-sim"}, out, due, fresh_ns=FRESH_NS)
    route = VenueRoute("gateway-sim", 10, -1, "sim", keeper, 0)
    route.hear_of(Hello("sim", 7))
    row = np.zeros(1, ORDER)
    row["number"], row["arrive_ns"] = 4, 20
    route.add(row[0], an_order(4))
    route.send(out, 2, 15, -1)
    return route, keeper, out, due


def a_fill(time_ns=20):
    row = np.zeros(1, REPORT)
    row["time_ns"], row["number"], row["kind"], row["lots"] = time_ns, 4, ReportKind.FILL, 3
    return packed(row)


def told(spoken, *records, upto_ns=30, calm_ns=END, reports=None, reported=()):
    return Told("sim", 7, 1, records, upto_ns, calm_ns, reports, reported, spoken)


def news(seq, event, **changes):
    return OrderNews(time_ns=20, venue="sim", life=7, seq=seq, number=4, event=event, **changes)


def test_a_life_that_says_hello_again_has_still_told_what_it_has_told():
    route, _, _, _ = a_route()
    fill = news(2, "FILL_COMPLETE", execution="x", lots=3, price=100, venue_number=1)
    route.hear_of(told(1, news(1, "SUBMIT"), fill, reports=a_fill(), reported=(2,)))
    assert (route.reported_ns, len(route.waiting)) == (30, 1)
    route.hear_of(Hello("sim", 7))  # sent long ago, repeated on the way
    assert (route.reported_ns, len(route.waiting)) == (30, 1), "nothing up to 30 is missing here"
    assert int(route.take()["time_ns"]) == 20


def test_what_an_earlier_life_has_told_and_nobody_has_taken_is_left():
    route, _, _, due = a_route()
    route.hear_of(told(1, news(1, "SUBMIT"), news(2, "ACK"), reports=a_fill(), reported=(2,)))
    route.hear_of(Hello("sim", 8))
    assert len(route.waiting) == 0
    assert route.complete_to(END) == 30, "what the life before had promised went with what it had told"
    route.hear_of(told(2, news(3, "ACK")))
    assert [record for record in due if isinstance(record, OrderNews)] == []


def test_a_wish_to_cancel_is_sent_at_once_and_once_although_nothing_else_is_promised():
    route, keeper, out, due = a_route()
    route.send(out, 2, 15, -1)
    before = len(out.told)
    keeper.withdraw({"EURUSD@sim"}, 12, "stopped by a kill switch")
    keeper.withdraw({"EURUSD@sim"}, 12, "stopped by a kill switch")
    assert [record.number for record in due if isinstance(record, Cancel)] == [4]
    route.send(out, 2, 15, -1)
    route.send(out, 2, 15, -1)
    (method, message), *rest = out.told[before:]
    assert (method, [type(record) for record in message.records], rest) == ("on_instructions", [Order, Cancel], [])


def test_what_reduces_and_what_is_elsewhere_is_not_withdrawn():
    out, due = Recorder(), []
    keeper = OrderKeeper(2, [], {"sim": "gateway-sim"}, out, due, fresh_ns=FRESH_NS)
    keeper.know(an_order(4, reduce=True))
    keeper.know(an_order(5, instrument="GBPUSD@sim"))
    keeper.withdraw({"EURUSD@sim"}, 12, "why")
    assert due == []
