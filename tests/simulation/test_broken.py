"""The checks can fail: actors broken on purpose are caught, each by the invariant that it breaks."""

from functools import partial

import pytest

from actors.governor import Governor
from actors.messages import Orders
from actors.risk import RiskManager
from actors.staging import Cast
from market.paper import ORDER
from market.records import copied, joined, packed
from policies.bookkeeping import reserve
from tests.simulation.scenarios import simulate
from tests.simulation.witness import Violation, WatchedGateway


class UnfencedGateway(WatchedGateway):
    """Takes orders of any epoch."""

    def on_orders(self, batch):
        self._fence = 0
        super().on_orders(batch)


class ForgetfulGateway(WatchedGateway):
    """Does not learn the fence from the journal."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._fence = 0


class DoublingGateway(WatchedGateway):
    """Sends the seventh order twice."""

    def _submit(self, order):
        super()._submit(order)
        if order["number"] == 7:
            super()._submit(order)


class HastyGateway(WatchedGateway):
    """Sends an order with another size than it was given."""

    def _submit(self, order):
        order["lots"] += 1
        super()._submit(order)


class HastyGovernor(Governor):
    """Tells gateways of an order before the journal has it; more than once, so that a kill in between is likely."""

    def _send(self, order, time_ns):
        route = self._route_of(int(order.instrument))
        rows = packed(joined([copied(order)], ORDER))
        for _ in range(8):
            self._resolve(route.name).on_orders.remote(Orders(self.epoch, len(route.orders), rows, -1))
        super()._send(order, time_ns)


class LossyGovernor(Governor):
    """Loses every ninth report before it is journaled."""

    def _take_report(self, report):
        if report["execution"] % 9 != 8:
            super()._take_report(report)


class UndecidedGovernor(Governor):
    """Journals an order and forgets the decision that it came from."""

    def _take_group(self, judged):
        super()._take_group(judged)
        self._records = [record for record in self._records if type(record).__name__ != "Decision"]


class EagerRisk(RiskManager):
    """Reserves what it has approved twice."""

    def _judge(self, time_ns):
        super()._judge(time_ns)
        for intent in self._group:
            if intent.rules == 0:
                reserve(self._book, intent, 1)


class CarelessRisk(RiskManager):
    """Approves everything."""

    def _note(self, finding):
        if finding.group is not None:
            for intent in self._group[self._group["rules"] != 0]:
                reserve(self._book, intent, 1)
            self._group["rules"] = 0
            finding = type(finding)(finding.time_ns, group=packed(self._group))
        super()._note(finding)


class DeafRisk(RiskManager):
    """Leaves out one report of what the governor tells."""

    def on_reports(self, batch):
        rows = batch.reports
        told = type(batch)(batch.source, batch.epoch, batch.after_ns, batch.upto_ns, rows[:-1], findings=batch.findings)
        super().on_reports(told)


def gateways(kind):
    return lambda witness: Cast(gateway=partial(kind, witness))


BROKEN = {
    "a gateway without a fence": (gateways(UnfencedGateway), "interrupted", "of the fenced epoch"),
    "a gateway that forgets the fence": (gateways(ForgetfulGateway), "interrupted", "of the fenced epoch"),
    "a gateway that sends twice": (gateways(DoublingGateway), "kills", "leaves twice"),
    "a gateway that changes an order": (gateways(HastyGateway), "kills", "another lots than journaled"),
    "a governor that tells before it journals": (
        lambda _: Cast(governor=HastyGovernor), "torn", "leaves before it is in the journal",
    ),
    "a governor that loses a report": (lambda _: Cast(governor=LossyGovernor), "kills", "execution"),
    "a governor that forgets a decision": (
        lambda _: Cast(governor=UndecidedGovernor), "kills", "opens without a decision",
    ),
    "a risk manager that reserves twice": (lambda _: Cast(risk=EagerRisk), "kills", "reserved are"),
    "a risk manager that approves everything": (lambda _: Cast(risk=CarelessRisk), "limits", "opens after|allowed"),
    "a risk manager that misses a fill": (lambda _: Cast(risk=DeafRisk), "kills", "not the fold of the journal"),
}  # fmt: skip


LONG = {"a gateway that forgets the fence", "a gateway without a fence"}


@pytest.mark.parametrize("what", [pytest.param(w, marks=pytest.mark.slow) if w in LONG else w for w in BROKEN])
def test_what_is_broken_is_caught(what, tmp_path_factory):
    cast, scenario, objection = BROKEN[what]
    folder = tmp_path_factory.mktemp("tapes")
    with pytest.raises(Violation, match=objection):
        _play_all(scenario, folder, cast)


def _play_all(scenario, folder, cast):
    for seed in range(25):
        simulate(scenario, seed, folder, cast)
