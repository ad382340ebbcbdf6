"""What is journaled: one struct per kind of record, plain values only, readable without anything else of ours.

`time_ns` is market time (UTC). Money is in 10**-6 of the account currency, prices in ticks, quantities in lots.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct

from journal.learnt import Learnt


class Record(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all records have."""

    time_ns: int


class Session(Record, frozen=True, kw_only=True, tag="session"):
    """A run begins: its plan, its data by hash, and what its orders go to; at simulated venues its accounts are new."""

    number: int
    stage: str
    plan: Raw
    plan_hash: str
    data: tuple[tuple[str, str, int], ...]
    tape_hash: str
    revision: str
    end_ns: int
    venue: str = "paper"


class Claim(Record, frozen=True, kw_only=True, tag="claim"):
    """A governor took the lease: its epoch, and who it is. `time_ns` is wall time here."""

    epoch: int
    owner: str


class Mandate(Record, frozen=True, kw_only=True, tag="mandate"):
    """The governor's standing grant for a UTC day: budget and trading state per desk."""

    epoch: int
    day: int
    budgets: tuple[int, ...]
    states: tuple[int, ...]


class Leg(Struct, frozen=True, kw_only=True):
    """One leg of an intent: what was asked for, and the quote that was seen.

    `claimed` are lots of the position that orders under way were closing already; a reduction left them alone.
    """

    instrument: str
    lots: int
    limit: int
    bid: int
    ask: int
    quote_ns: int
    claimed: int = 0


class Decision(Record, frozen=True, kw_only=True, tag="decision"):
    """One intent with everything that led to it and what became of it.

    `view_hash` names what the policy saw; `features` and `votes` are those values. `rules` are the risk rules that
    objected, `ruling` is the governor's answer, `orders` the numbers of its orders.
    """

    epoch: int
    intent_id: str
    desk: str
    policy: str
    legs: tuple[Leg, ...]
    reduce: bool
    order_kind: str
    stop: int
    target: int
    hold_ns: int
    strength: float
    confidence: float
    reward: float
    gross: float
    gain: int
    risk_score: float
    score: float
    votes: tuple[float, ...]
    features: tuple[float, ...]
    view_hash: str
    rules: tuple[str, ...]
    ruling: str
    equity: int
    orders: tuple[int, ...]
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0


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


class Latch(Record, frozen=True, kw_only=True, tag="latch"):
    """Risk latched rules: nothing of that kind passes until the day rolls, or a person lifts it."""

    rules: tuple[str, ...]


class Sample(Record, frozen=True, kw_only=True, tag="sample"):
    """The account at one instant; `low` is the lowest equity since the sample before."""

    equity: int
    low: int
    cash: int
    peak: int


class Snapshot(Record, frozen=True, kw_only=True, tag="snapshot"):
    """Risk's book as of `time_ns`, complete: everything up to then is in the journal before this record.

    `findings` is the number of this one in risk's stream; `floors` and `guard` are there where account rules are,
    `closing` per instrument where the engine is closing a holding, `learnt` where a rule needs to know correlations,
    `breakers` (per array of `policies.breaking.Breakers` its numbers) where breakers are.
    """

    account: dict[str, int]
    positions: dict[str, dict[str, int]]
    groups: tuple[dict[str, int], ...]
    findings: int
    floors: tuple[dict[str, int], ...] = ()
    guard: dict[str, int] = {}
    closing: dict[str, dict[str, int]] = {}
    learnt: Learnt | None = None
    breakers: dict[str, tuple[float, ...]] = {}


class Stop(Record, frozen=True, kw_only=True, tag="stop"):
    """A run ended: complete, or interrupted to be continued."""

    number: int
    complete: bool
    reason: str


class Switch(Record, frozen=True, kw_only=True, tag="switch"):
    """A kill switch was tripped, made stricter or lifted (`mode` NONE): by whom, why, and when by the wall clock.

    `row` is its place on the switchboard. On the switchboard `time_ns` is wall time as well; in a journal it is the
    market time up to which everything was ruled on before the governor knew: from then on it counts.
    """

    row: int
    scope: str
    key: str
    mode: str
    hard: bool
    who: tuple[str, ...]
    reason: str
    wall_ns: int


class Command(Record, frozen=True, kw_only=True, tag="command"):
    """A person's order to the account: what to do, by whom, why, and when by the wall clock.

    `action` is of `policies.commands.Action`, `subject` the rule or the breaker that it is about, `amount` money. `row`
    is its place in the file of commands, `session` the account that it is meant for. In that file `time_ns` is wall
    time as well; in a journal it is the market time before which everything was done, and nothing of it: there it
    is obeyed. What takes over `trades` stands in no file: the governor makes it of an Adjustment, the n-th of a session
    is row -n.
    """

    row: int
    session: int
    action: str
    subject: str
    amount: int
    who: tuple[str, ...]
    reason: str
    wall_ns: int
    trades: tuple[Trade, ...] = ()


class Outcome(Record, frozen=True, kw_only=True, tag="outcome"):
    """What became of the command of a row at its instant: `result` is of `policies.commands.Result`."""

    row: int
    result: str
    lifted: tuple[str, ...] = ()


class Alert(Record, frozen=True, kw_only=True, tag="alert"):
    """So many percent of what an account may lose above one of its floors are used: told once in a floor's period.

    `equity` is the lowest of the instant, `line` the floor itself, both with what was deposited and withdrawn.
    """

    floor: str
    percent: int
    equity: int
    line: int


class Breaker(Record, frozen=True, kw_only=True, tag="breaker"):
    """A circuit breaker tripped by itself; `breaker` names it as `policies.breaking.Kind` does, `scope` what it stops.

    It ends at `until_ns`; 0: a person ends it.
    """

    breaker: str
    scope: str
    until_ns: int


class NewHead(Record, frozen=True, kw_only=True, tag="new_head"):
    """The head outside was lost, and a person began it again at record `seq`: nobody can tell what stood behind it."""

    seq: int
    hash: str
    who: str
    reason: str


class Checkpoint(Record, frozen=True, kw_only=True, tag="checkpoint"):
    """A signed statement, the last record of every group: the chain had this hash at this sequence number.

    `key` is the fingerprint of the key, `signature` its Ed25519 signature in hex over all other fields; `time_ns` is
    that of the record before it.
    """

    seq: int
    hash: str
    key: str
    signature: str


AnyRecord: TypeAlias = (
    Session | Claim | Mandate | Decision | Order | Report | Cancel | Replace | OrderNews | Breaks | Adjustment
    | Stated | OrdersSnapshot | Latch | Sample | Snapshot | Stop | Switch | Command | Outcome | Alert | Breaker
    | NewHead | Checkpoint
)  # fmt: skip

KINDS: Final[Mapping[str, type[Record]]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyRecord)}
"""Every kind of record by its name in the journal."""

CHECKPOINT: Final = str(Checkpoint.__struct_config__.tag)

DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(AnyRecord)


def decode(body: bytes) -> AnyRecord:
    """Return the record that canonical bytes stand for."""
    record: AnyRecord = DECODER.decode(body)
    return record


def kind_of(record: AnyRecord) -> str:
    """Return the record's kind as it stands in the journal."""
    return str(record.__struct_config__.tag)
