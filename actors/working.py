"""Working orders of one venue: every order exactly once, whatever the line, the venue or this process does.

THEORY OF OPERATION

An order comes here when it is durable, and not before. From then on this is a conversation with a party that may not
hear us, may not be heard, and remembers what we forget. `OrderState` says what the order is; what is done next follows
from its state alone, so a process that starts again folds its journal and goes on.

RULE 1: a retry is a query first. An order that was sent and not answered is UNKNOWN. It is asked for by its client id.
Only when the venue has said twice, and not before a grace time, that there is no such order is it taken for absent.

RULE 2: what is absent, still fresh, and going to a venue that refuses a second order of one id is sent again, under the
same id. Anything else that is absent is REJECTED, by inference: the one final status that can be left. If it is heard
of again it is adopted and cancelled.

RULE 3: after a restart every order that is not final may have been sent. It is UNKNOWN until the venue has spoken.
Nothing new leaves until executions have been fetched, no order is UNKNOWN and the account has been compared once.

RULE 4: executions are numbered by the venue. A gap is fetched; a view of an order that says more was filled than we
have booked is not believed to be final until the executions are here.

RULE 5: what reduces risk goes first, through an open circuit and from the reserve of the message budget. What opens
risk is denied while the venue is out of reach, unreconciled or its instrument blocked.
"""

import random
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from actors.budget import Budget
from actors.circuit import Circuit
from actors.dialogue import Asked, Dialogue, Heard
from actors.executions import Executions
from actors.leaving import Stops, nothing_stops
from actors.order_answers import OrderAnswers
from actors.order_entry import News, OrderEntry, OrderSpec, Replacement, Standing, Stated, entry_of
from actors.order_rules import OrderRules
from actors.reconciling import Reconciler, Upkeep, is_unknown
from market.orders import TERMINAL, EventKind, OrderEvent, OrderFlag, OrderStatus, Result
from venues.messages import (
    Answer,
    AnswerKind,
    Changed,
    Executed,
    Execution,
    Holdings,
    Lost,
    RequestKind,
    Session,
)

AGAIN_NS: Final = 10_000_000
"""After so long what could not be sent now (no budget, no connection) is tried again."""

ON_TIMEOUT: Final = frozenset({RequestKind.SUBMIT, RequestKind.CANCEL, RequestKind.REPLACE})


class WorkingOrders:
    """What a gateway knows and does about its orders. Time and chance are its caller's; nothing here waits."""

    def __init__(
        self, rules: OrderRules, session: Session, chance: random.Random, now_ns: int, stops: Stops = nothing_stops
    ) -> None:
        """`stops` is asked right before an order leaves: why it may not, "" if it may."""
        self.rules = rules
        self._stops = stops
        self.entries: dict[int, OrderEntry] = {}
        self.news: deque[News | Standing | Stated] = deque()
        self.executions = Executions()
        self.reconciler = Reconciler(rules.prefix)
        self._number_of: dict[str, int] = {}
        self._live: dict[int, OrderEntry] = {}
        self._restored = False
        self._governed_ns = now_ns
        self._heartbeat_due_ns = now_ns
        self._dialogue = Dialogue(
            session, Circuit(rules.circuit, chance), Budget(rules.budget, now_ns), timeout_ns=rules.timeout_ns,
            backoff=rules.backoff, chance=chance,
        )  # fmt: skip
        self._upkeep = Upkeep(self._dialogue, rules.reconcile_ns, now_ns)
        self._answers = OrderAnswers(rules, self._apply, self._upkeep.lost, self._dialogue.pause_ns)

    @property
    def circuit(self) -> Circuit:
        """Return the venue's circuit."""
        return self._dialogue.circuit

    @property
    def is_ready(self) -> bool:
        """Tell whether orders that open risk may leave: all is known and has been compared."""
        return self._restored

    @property
    def is_settled(self) -> bool:
        """Tell whether every order is final, every execution is here, and the account has been compared since."""
        return self._restored and not self._live and not self.executions.is_missing_some and self._upkeep.is_compared

    def look_again(self, now_ns: int) -> None:
        """Compare the account soon."""
        self._upkeep.hasten(now_ns)

    def next_ns(self, now_ns: int, *, holds: bool) -> int | None:
        """Return when to work again, if nothing comes in before; what could not be done now is tried again soon.

        `holds` says that the venue may do something by itself, so that the account is compared now and then.
        """
        there = any(entry.state.status is not OrderStatus.CREATED for entry in self._live.values())
        due = [self._dialogue.next_ns, self._upkeep.next_ns(self.executions, idle=not (there or holds))]
        due += [max(entry.next_ns, self._due_ns(entry)) for entry in self._live.values() if entry.wants_something]
        return min((item if item > now_ns else now_ns + AGAIN_NS for item in due if item is not None), default=None)

    @property
    def unsettled(self) -> int:
        """Return how many orders are not final."""
        return len(self._live)

    # -- what it is told to do ----------------------------------------------------------------------------------------

    def restore(
        self, orders: Iterable[OrderEntry], taken: Iterable[int], adjustments: Mapping[str, int],
        moved: Mapping[str, int] = MappingProxyType({}), now_ns: int = 0,
    ) -> None:  # fmt: skip
        """Go on from a fold of the journal: orders with what was asked of them, and the executions that were taken."""
        self.executions = Executions(taken)
        self.reconciler.adjustments, self.reconciler.moved = dict(adjustments), dict(moved)
        for entry in orders:
            self._know(entry)
            if entry.state.status is OrderStatus.CREATED and self._due_ns(entry) > now_ns:
                continue  # its time to leave has not come: it cannot have
            if entry.state.status is OrderStatus.CREATED:
                self._apply(entry, OrderEvent(kind=EventKind.SUBMIT))
            if entry.state.status not in TERMINAL:
                self._apply(entry, OrderEvent(kind=EventKind.TIMEOUT))
                entry.recheck = True
            entry.asking, entry.tries = None, 0

    def submit(self, spec: OrderSpec) -> None:
        """Take a durable order; one that is known already changes nothing."""
        if spec.number not in self.entries:
            self._know(entry_of(spec))

    def cancel(self, number: int) -> None:
        """Take the wish that an order be gone; it stands until the order is final."""
        entry = self.entries[number]
        entry.cancel_wanted = True
        unsent = "cancelled before it was sent" if entry.state.status is OrderStatus.CREATED else ""
        self._apply(entry, OrderEvent(kind=EventKind.CANCEL_REQ), reason=unsent)
        entry.next_ns = 0

    def replace(self, change: Replacement) -> None:
        """Take a durable change of an order: asked for as soon as the order works, dropped when it is final.

        One at a time, and never of the side: such a change is left as if it had not been asked for.
        """
        entry = self.entries[change.number]
        if entry.replacement is None and change.new_id not in self._number_of and change.lots * entry.spec.lots > 0:
            entry.replacement = change
            self._number_of[change.new_id] = change.number
            entry.next_ns = 0

    def accept(self, instrument: str, lots: int) -> None:
        """Take signed lots for ours that came about without us: a person has said so, and it is durable."""
        held = self.reconciler.adjustments
        held[instrument] = held.get(instrument, 0) + lots
        self._upkeep.hasten(0)

    def cancel_all(self) -> None:
        """Cancel every order that may work."""
        for entry in self._live.values():
            if not entry.cancel_wanted:
                self.cancel(entry.spec.number)

    def hear_governor(self, now_ns: int) -> None:
        """Note that the governor is there; when it is not for `dead_man_ns`, all orders are cancelled."""
        self._governed_ns = now_ns

    # -- the work -----------------------------------------------------------------------------------------------------

    def work(self, now_ns: int) -> None:
        """Take what has come in, then do what is due: reductions of risk first."""
        for heard in self._dialogue.listen(now_ns):
            self._take(heard, now_ns)
        governed = now_ns - self._governed_ns < self.rules.dead_man_ns
        if not governed:
            self.cancel_all()
        self._upkeep.work(self.executions, now_ns)
        if governed and now_ns >= self._heartbeat_due_ns:
            self._dialogue.ask(RequestKind.HEARTBEAT, now_ns)
            self._heartbeat_due_ns = now_ns + self.rules.heartbeat_ns
        due = [
            entry for entry in self._live.values()
            if entry.asking is None and max(entry.next_ns, self._due_ns(entry)) <= now_ns
        ]  # fmt: skip
        for entry in sorted(due, key=lambda item: (not item.cancel_wanted, not item.spec.reduce, item.spec.number)):
            self._step(entry, now_ns)
        self._live = {number: entry for number, entry in self._live.items() if not entry.is_final}

    def _know(self, entry: OrderEntry) -> None:
        number = entry.spec.number
        self.entries[number] = entry
        self._live[number] = entry
        for name in (entry.spec.client_id, entry.client_id):
            self._number_of[name] = number
        if entry.replacement is not None:
            self._number_of[entry.replacement.new_id] = number

    def _due_ns(self, entry: OrderEntry) -> int:
        return entry.spec.due_ns if self.rules.waits else 0

    def _apply(
        self, entry: OrderEntry, event: OrderEvent, *, said: Execution | None = None, reason: str = ""
    ) -> Result:
        outcome = entry.state.apply(event)
        if outcome.result in (Result.APPLIED, Result.ANOMALY):
            self.news.append(News(number=entry.spec.number, event=event, said=said, reason=reason))
        if outcome.flags & OrderFlag.RESURRECTED:
            entry.cancel_wanted = True  # nobody waits for it any more
        if entry.state.status not in TERMINAL:
            self._live[entry.spec.number] = entry
        elif self.rules.in_sequence:
            self._upkeep.hasten(0)  # the statement may say more about it than has come
        return outcome.result

    # -- what comes in ------------------------------------------------------------------------------------------------

    def _take(self, heard: Heard, now_ns: int) -> None:
        match heard.message:
            case Executed(execution):
                self._execute(execution, now_ns)
            case Changed(order):
                number = self._number_of.get(order.client_id)
                if number is not None:
                    self._answers.see(self.entries[number], order)
            case Answer() if heard.asked is not None:
                self._hear(heard.message, heard.asked, now_ns)
            case None if heard.asked is not None:
                self._miss(heard.asked, now_ns)
            case Lost():
                self._upkeep.lost()
                self._upkeep.hasten(now_ns)
            case _:  # an answer that came twice
                pass

    def _execute(self, execution: Execution, now_ns: int) -> None:
        if self.rules.in_sequence and execution.number > self.executions.contiguous + 1:
            self.executions.hear_of(execution.number)  # it is fetched with what is missing before it
            return
        if not self.executions.take(execution):
            return
        self._upkeep.hasten(now_ns)
        number = self._number_of.get(execution.client_id)
        if number is None or not execution.is_of_order:
            self.news.append(Stated(number=-1 if number is None else number, said=execution))
            if execution.moved and number is not None:  # else the next comparison finds what it has moved
                moved, name = self.reconciler.moved, execution.instrument
                moved[name] = moved.get(name, 0) + execution.moved
            return
        kind = EventKind.BUST if execution.busted else EventKind.FILL
        lots, price = abs(execution.lots), execution.price
        event = OrderEvent(kind=kind, execution=execution.execution, lots=lots, price=price)
        self._apply(self.entries[number], event, said=execution)

    def _miss(self, asked: Asked, now_ns: int) -> None:
        """An order's request was not answered in time: what became of it is not known."""
        entry = self.entries.get(asked.about)
        if entry is None:
            self._upkeep.missed(asked, now_ns)
            return
        if entry.asking != asked.request.number:
            return
        self._rest(entry, now_ns)
        if asked.request.kind in ON_TIMEOUT:
            self._apply(entry, OrderEvent(kind=EventKind.TIMEOUT))
            entry.recheck = True

    def _rest(self, entry: OrderEntry, now_ns: int) -> None:
        entry.asking = None
        entry.next_ns = now_ns + self._dialogue.pause_ns(entry.tries)
        entry.tries += 1

    def _hear(self, answer: Answer, asked: Asked, now_ns: int) -> None:
        for execution in answer.executions:
            self._execute(execution, now_ns)
        entry = self.entries.get(asked.about)
        if entry is None:
            self._upkeep.answered(asked, answer, now_ns)
            if answer.holdings is not None:
                self._compare(answer.holdings, now_ns)
            return
        mine = entry.asking == asked.request.number
        if mine:
            entry.asking, entry.next_ns = None, now_ns
        if answer.kind is AnswerKind.THROTTLED:
            if mine:
                entry.next_ns = min(now_ns + answer.retry_after_ns, max(entry.spec.fresh_until_ns, now_ns))
            return
        if mine and answer.kind is not AnswerKind.NOT_FOUND:
            entry.tries = 0
        self._answers.hear(entry, answer, asked, now_ns)

    def _compare(self, holdings: Holdings, now_ns: int) -> None:
        """Compare the account with ours, once both sides have the same executions."""
        self.executions.hear_of(holdings.executions)
        if self.executions.is_missing_some:
            self._upkeep.hasten(now_ns)
            return
        if holdings.executions < self.executions.contiguous:
            self._upkeep.hasten(now_ns)  # an old picture
            return
        found = self.reconciler.compare(holdings, self.entries, self._number_of)
        for number in found.doubtful:
            self.entries[number].recheck = True
            self._live[number] = self.entries[number]
        if found.doubtful:
            self._upkeep.hasten(now_ns + self.rules.grace_ns)
        if found.is_news:
            self.news.append(Standing(breaks=self.reconciler.breaks))
        if not self._restored:
            self._restored = not any(is_unknown(entry) for entry in self._live.values())
            self._upkeep.hasten(now_ns + (0 if self._restored else self.rules.grace_ns))

    # -- what goes out ------------------------------------------------------------------------------------------------

    def _step(self, entry: OrderEntry, now_ns: int) -> None:
        """Do the next thing about an order that waits for nothing."""
        status = entry.state.status
        if status is OrderStatus.CREATED or (status is OrderStatus.SUBMITTED and not entry.recheck):
            self._send_or_drop(entry, now_ns)
        elif entry.resend:
            self._send_again(entry, now_ns)
        elif entry.recheck or status is OrderStatus.UNKNOWN:
            self._ask_of(entry, RequestKind.QUERY, now_ns, client_id=entry.spec.client_id)
            if entry.cancel_wanted and status is OrderStatus.UNKNOWN:
                self._dialogue.ask(RequestKind.CANCEL, now_ns, about=entry.spec.number, client_id=entry.client_id)
        elif status in TERMINAL:
            return
        elif entry.cancel_wanted or status is OrderStatus.PENDING_CANCEL:
            if status is not OrderStatus.PENDING_CANCEL:
                self._apply(entry, OrderEvent(kind=EventKind.CANCEL_REQ))
            self._ask_of(entry, RequestKind.CANCEL, now_ns, client_id=entry.client_id)
        elif entry.replacement is not None:
            change = entry.replacement
            if status is not OrderStatus.PENDING_REPLACE:
                self._apply(entry, OrderEvent(kind=EventKind.REPLACE_REQ, lots=abs(change.lots)))
            self._ask_of(
                entry, RequestKind.REPLACE, now_ns, client_id=entry.client_id, new_id=change.new_id,
                instrument=entry.spec.instrument, lots=change.lots, limit=change.limit,
            )  # fmt: skip

    def _send_or_drop(self, entry: OrderEntry, now_ns: int) -> None:
        """Send an order for the first time, or say why it will not be sent."""
        sent_before = entry.state.status is OrderStatus.SUBMITTED  # and throttled: the venue has not got it
        reason = self._objection(entry, now_ns)
        if reason:
            self._apply(
                entry, OrderEvent(kind=EventKind.REJECT if sent_before else EventKind.DENY), reason=reason
            )  # fmt: skip
            return
        if not self._restored and not entry.spec.reduce:
            return
        if self._ask_of(entry, RequestKind.SUBMIT, now_ns, **entry.spec.words()) and not sent_before:
            self._apply(entry, OrderEvent(kind=EventKind.SUBMIT))

    def _send_again(self, entry: OrderEntry, now_ns: int) -> None:
        """Send what the venue has not got once more, unless it may not leave any more."""
        if stopped := self._stops(entry.spec):
            entry.resend = False
            self._apply(entry, OrderEvent(kind=EventKind.QUERY_NOT_FOUND), reason=stopped)
        else:
            self._ask_of(entry, RequestKind.SUBMIT, now_ns, **entry.spec.words())

    def _objection(self, entry: OrderEntry, now_ns: int) -> str:
        if now_ns >= entry.spec.fresh_until_ns:
            return "too old to be sent"
        if entry.cancel_wanted:
            return "cancelled before it was sent"
        if stopped := self._stops(entry.spec):
            return stopped
        if entry.spec.reduce:
            return ""
        if not self.circuit.lets_orders_out:
            return "the venue is out of reach"
        if entry.spec.instrument in self.reconciler.blocked:
            return f"{entry.spec.instrument} is blocked until a break is resolved"
        return ""

    def _ask_of(self, entry: OrderEntry, kind: RequestKind, now_ns: int, **what: object) -> bool:
        """Send a request about an order and remember to wait for its answer."""
        reduces = entry.spec.reduce or entry.cancel_wanted
        asked = self._dialogue.ask(kind, now_ns, about=entry.spec.number, reduces=reduces, **what)
        if asked is None:
            return False
        entry.asking = asked.request.number
        if kind is RequestKind.SUBMIT:
            entry.sent_ns, entry.resend = now_ns, False
        return True
