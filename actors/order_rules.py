"""How patient a gateway is with its venue."""

from msgspec import Struct

from actors.budget import BudgetRules
from actors.circuit import CircuitRules
from actors.dialogue import Backoff
from venues.messages import IdRule


class OrderRules(Struct, frozen=True, kw_only=True):
    """How patient we are with a venue. Durations in ns; `prefix` begins every client id of ours.

    `fresh_ns` is for how long after its decision an order may be sent. Where `expires` says so the venue refuses what
    comes later, so an order is absent for good only after that. Where `waits` says so an order leaves at the instant at
    which it is to arrive, and not before: its way is a part of the venue's own time. `in_sequence`: nothing of the
    venue's statement is taken before what stands above it.
    """

    prefix: str
    id_rule: IdRule = IdRule.EVER
    fresh_ns: int = 5_000_000_000
    expires: bool = False
    waits: bool = False
    in_sequence: bool = False
    timeout_ns: int = 2_000_000_000
    grace_ns: int = 2_000_000_000
    answers_min: int = 2
    reconcile_ns: int = 60_000_000_000
    heartbeat_ns: int = 2_000_000_000
    dead_man_ns: int = 10_000_000_000
    circuit: CircuitRules = CircuitRules()
    budget: BudgetRules = BudgetRules()
    backoff: Backoff = Backoff()
