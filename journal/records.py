"""What is journaled: one struct per kind of record, plain values only, readable without anything else of ours.

`time_ns` is market time (UTC). Money is in 10**-6 of the account currency, prices in ticks, quantities in lots.
"""

from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw, Struct


class Record(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all records have."""

    time_ns: int


class Session(Record, frozen=True, kw_only=True, tag="session"):
    """A run begins: its plan, its data by hash, and whether it goes on where an earlier one stopped."""

    number: int
    stage: str
    plan: Raw
    plan_hash: str
    data: tuple[tuple[str, str, int], ...]
    tape_hash: str
    revision: str
    end_ns: int


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
    """One leg of an intent: what was asked for, and the quote that was seen."""

    instrument: str
    lots: int
    limit: int
    bid: int
    ask: int
    quote_ns: int


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


class Order(Record, frozen=True, kw_only=True, tag="order"):
    """An order on its way: `order_id` is the venue's client id, `arrive_ns` when the venue has it."""

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


class Report(Record, frozen=True, kw_only=True, tag="report"):
    """What a venue said about an order: a fill, a settlement, a cancel or a reject.

    `rate_num / rate_den` turned quote money into account money at that instant; `amount` is the cash of a contract.
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

    `findings` is the number of this one in risk's stream.
    """

    account: dict[str, int]
    positions: dict[str, dict[str, int]]
    groups: tuple[dict[str, int], ...]
    findings: int


class Stop(Record, frozen=True, kw_only=True, tag="stop"):
    """A run ended: complete, or interrupted to be continued."""

    number: int
    complete: bool
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
    Session | Claim | Mandate | Decision | Order | Report | Latch | Sample | Snapshot | Stop | Checkpoint
)

DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(AnyRecord)


def decode(body: bytes) -> AnyRecord:
    """Return the record that canonical bytes stand for."""
    record: AnyRecord = DECODER.decode(body)
    return record


def kind_of(record: AnyRecord) -> str:
    """Return the record's kind as it stands in the journal."""
    return str(record.__struct_config__.tag)
