"""From kernel rows to journal records: names instead of numbers, so that a record is readable on its own."""

from typing import Any

import numpy as np

from journal.records import Decision, Latch, Leg, Order, Report
from market.orders import client_order_id
from market.paper import OrderKind, Reason, ReportKind
from policies.intents import Rule, Ruling
from policies.plan import Plan

ORDER_PREFIX = "tri"


def rule_names(bits: int) -> tuple[str, ...]:
    """Return the names of risk rules, lowest bit first."""
    return tuple(str(rule.name) for rule in Rule if bits & rule)


def rule_bits(names: tuple[str, ...]) -> int:
    """Return the bits of named risk rules."""
    return sum(Rule[name] for name in names)


class Writer:
    """Writes records of one session under its plan."""

    def __init__(self, plan: Plan, session: int) -> None:
        self.plan = plan
        self.session = session
        self._keys = [instrument.key for instrument in plan.instruments]
        self._index = {key: i for i, key in enumerate(self._keys)}

    def index_of(self, key: str) -> int:
        """Return an instrument's number."""
        return self._index[key]

    def intent_id(self, intent: Any) -> str:
        """Name an intent: the same market and plan give the same name, for ever."""
        desk = self.plan.desks[int(intent["desk"])].name
        return f"{self.session}-{desk}-{int(intent['time_ns'])}-{int(intent['instrument0'])}"

    def follow_up_id(self, number: int) -> str:
        """Name what an order came from that no intent asked for: an unwind, or a second try at closing."""
        return f"{self.session}-order-{number}"

    def decision(self, intent: Any, epoch: int) -> Decision:
        """Return the record of a judged and ruled intent."""
        desk = self.plan.desks[int(intent["desk"])]
        legs = tuple(self._leg(intent, k) for k in range(int(intent["legs"])))
        first = int(intent["first_order"])
        return Decision(
            time_ns=int(intent["time_ns"]),
            epoch=epoch,
            intent_id=self.intent_id(intent),
            desk=desk.name,
            policy=desk.policy,
            legs=legs,
            reduce=bool(intent["reduce"]),
            order_kind=OrderKind(int(intent["order_kind"])).name,
            stop=int(intent["stop"]),
            target=int(intent["target"]),
            hold_ns=int(intent["hold_ns"]),
            strength=float(intent["strength"]),
            confidence=float(intent["confidence"]),
            reward=float(intent["reward"]),
            gross=float(intent["gross"]),
            gain=int(intent["gain"]),
            risk_score=float(intent["risk_score"]),
            score=float(intent["score"]),
            votes=tuple(float(x) for x in intent["votes"][: int(intent["votes_count"])]),
            features=tuple(float(x) for x in intent["features"][: int(intent["features_count"])]),
            view_hash=f"{int(intent['view_hash']) & 0xFFFFFFFFFFFFFFFF:016x}",
            rules=rule_names(int(intent["rules"])),
            ruling=Ruling(int(intent["ruling"])).name,
            equity=int(intent["equity"]),
            orders=tuple(range(first, first + len(legs))) if first >= 0 else (),
        )

    def _leg(self, intent: Any, leg: int) -> Leg:
        return Leg(
            instrument=self._keys[int(intent[f"instrument{leg}"])],
            lots=int(intent[f"lots{leg}"]),
            limit=int(intent[f"limit{leg}"]),
            bid=int(intent[f"bid{leg}"]),
            ask=int(intent[f"ask{leg}"]),
            quote_ns=int(intent[f"quote{leg}_ns"]),
        )

    def order(self, order: Any, intent_id: str, leg: int, epoch: int, time_ns: int) -> Order:
        """Return the record of an order; its client id is derived from its intent and leg."""
        return Order(
            time_ns=time_ns,
            epoch=epoch,
            number=int(order["number"]),
            order_id=client_order_id(ORDER_PREFIX, intent_id, leg, 0),
            instrument=self._keys[int(order["instrument"])],
            lots=int(order["lots"]),
            order_kind=OrderKind(int(order["kind"])).name,
            limit=int(order["limit"]),
            stop=int(order["stop"]),
            target=int(order["target"]),
            hold_ns=int(order["hold_ns"]),
            reduce=bool(order["reduce"]),
            reason=Reason(int(order["reason"])).name,
            arrive_ns=int(order["arrive_ns"]),
        )

    def latency_ns(self, order: Any) -> int:
        """Return how long an order is on its way to its venue."""
        venue = self.plan.instruments[int(order["instrument"])].venue
        return next(spec.latency_ns for spec in self.plan.venues if spec.name == venue)

    def latch(self, latch: Any) -> Latch:
        """Return the record of newly latched rules."""
        return Latch(time_ns=int(latch["time_ns"]), rules=rule_names(int(latch["rules"])))

    def report(self, report: Any) -> Report:
        """Return the record of a venue's report."""
        return Report(
            time_ns=int(report["time_ns"]),
            venue=self.plan.venues[int(report["venue"])].name,
            execution=int(report["execution"]),
            number=int(report["number"]),
            instrument=self._keys[int(report["instrument"])],
            report=ReportKind(int(report["kind"])).name,
            reason=Reason(int(report["reason"])).name,
            lots=int(report["lots"]),
            price=int(report["price"]),
            fee=int(report["fee"]),
            amount=int(report["amount"]),
            rate_num=int(report["rate_num"]),
            rate_den=int(report["rate_den"]),
        )

    def order_row(self, record: Order, out: Any) -> None:
        """Write a journaled order back into a kernel row."""
        out["number"], out["instrument"] = record.number, self._index[record.instrument]
        out["lots"], out["kind"], out["limit"] = record.lots, OrderKind[record.order_kind], record.limit
        out["stop"], out["target"], out["hold_ns"] = record.stop, record.target, record.hold_ns
        out["reduce"], out["reason"], out["arrive_ns"] = record.reduce, Reason[record.reason], record.arrive_ns

    def report_row(self, record: Report, out: Any) -> None:
        """Write a journaled report back into a kernel row."""
        venues = [venue.name for venue in self.plan.venues]
        out["time_ns"], out["venue"], out["execution"] = record.time_ns, venues.index(record.venue), record.execution
        out["number"], out["instrument"] = record.number, self._index[record.instrument]
        out["kind"], out["reason"], out["lots"] = ReportKind[record.report], Reason[record.reason], record.lots
        out["price"], out["fee"], out["amount"] = record.price, record.fee, record.amount
        out["rate_num"], out["rate_den"] = record.rate_num, record.rate_den

    def intent_row(self, record: Decision, out: Any) -> None:
        """Write what ruling and execution need of a journaled decision back into a kernel row."""
        names = [desk.name for desk in self.plan.desks]
        out["time_ns"], out["desk"], out["legs"] = record.time_ns, names.index(record.desk), len(record.legs)
        out["reduce"], out["order_kind"] = record.reduce, OrderKind[record.order_kind]
        out["stop"], out["target"], out["hold_ns"] = record.stop, record.target, record.hold_ns
        for k, leg in enumerate(record.legs):
            out[f"instrument{k}"], out[f"lots{k}"] = self._index[leg.instrument], leg.lots
            out[f"limit{k}"] = leg.limit
        out["rules"], out["ruling"] = rule_bits(record.rules), Ruling[record.ruling]
        out["first_order"] = record.orders[0] if record.orders else -1


def rows_of(kind: np.dtype[Any], count: int) -> Any:
    """Return zeroed kernel rows."""
    return np.zeros(count, kind).view(np.recarray)
