"""The oracle: what the venue's own list says, against what the journal says. Everything that differs is a finding."""

from collections import Counter

from actors.order_fold import OrderFold
from journal.order_records import Order
from journal.store import Journal
from market.orders import TERMINAL, OrderStatus
from venues.simulated.exchange import Exchange, RestingOrder
from venues.simulated.server import Books


class Findings(Counter):
    """How many orders were doubled, lost or orphaned, and where the books differ; with the first few in words."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def note(self, kind: str, words: str) -> None:
        self[kind] += 1
        self.words.append(f"{kind}: {words}")


KINDS = ("duplicated", "lost", "orphaned", "ledger")


def examine(journal: Journal, exchange: Exchange | Books, name: str) -> Findings:
    """Compare the journal and the books of the venue of that name, once everything has come to rest."""
    found = Findings()
    fold = OrderFold(venue=name, fresh_ns=0)
    for entry in journal.entries():
        fold.take(entry.record())
    durable = {order.spec.client_id: order for order in fold.orders.values()}
    there: dict[str, RestingOrder] = {}
    for order in exchange.orders:
        if order.first_id.startswith("manual"):
            continue
        if order.first_id in there:
            found.note("duplicated", f"{order.first_id} is twice at the venue")
        if order.first_id not in durable:
            found.note("orphaned", f"{order.first_id} is at the venue and not in the journal")
        there[order.first_id] = order
    for client_id, order in durable.items():
        theirs, state = there.get(client_id), order.state
        if state.status not in TERMINAL:
            found.note("lost", f"{client_id} is {state.status.name} for ever")
        elif theirs is None and state.status not in (OrderStatus.DENIED, OrderStatus.REJECTED):
            found.note("lost", f"{client_id} is {state.status.name} and not at the venue")
        elif theirs is None and not order.reasons:
            found.note("lost", f"{client_id} is {state.status.name} and nobody says why")
        elif theirs is not None and (theirs.status, theirs.cum) != (state.status, state.cum):
            words = f"{client_id} is {state.status.name} {state.cum}, at the venue {theirs.status.name} {theirs.cum}"
            found.note("lost" if theirs.cum == state.cum else "ledger", words)
    _compare_money(fold, exchange, found)
    return found


def _compare_money(fold: OrderFold, exchange: Exchange | Books, found: Findings) -> None:
    """Every execution is booked, once, at its price: positions and cash agree to the last unit."""
    busted = {item.execution for item in exchange.executions if item.busted}
    theirs = {
        item.execution: (abs(item.lots), item.price)
        for item in exchange.executions
        if not item.client_id.startswith("manual") and item.execution not in busted
    }
    ours = {
        name: (execution.lots, execution.price)
        for order in fold.orders.values()
        for name, execution in order.state.executions.items()
        if not execution.busted
    }
    for name in theirs.keys() ^ ours.keys():
        found.note("ledger", f"execution {name} is on one side only")
    for name in theirs.keys() & ours.keys():
        if theirs[name] != ours[name]:
            found.note("ledger", f"execution {name} is {ours[name]}, at the venue {theirs[name]}")
    manual = Counter()
    for item in exchange.executions:
        if item.client_id.startswith("manual"):
            manual[item.instrument] += item.lots
    at_venue = {k: v - manual[k] for k, v in exchange.positions.items() if v - manual[k]}
    if fold.positions() != dict(sorted(at_venue.items())):
        found.note("ledger", f"positions are {fold.positions()}, at the venue {at_venue}; {len(busted)} busts")


def durable_ids(journal: Journal) -> set[str]:
    """Return the client ids of all orders in the journal."""
    return {entry.record().order_id for entry in journal.entries() if isinstance(entry.record(), Order)}
