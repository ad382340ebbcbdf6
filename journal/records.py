"""What is journaled: one struct per kind of record, plain values only, readable without anything else of ours.

`time_ns` is market time (UTC). Money is in 10**-6 of the account currency, prices in ticks, quantities in lots.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct, field

from journal.learnt import Learnt
from journal.order_records import (
    Adjustment,
    Breaks,
    Cancel,
    Order,
    OrderNews,
    OrdersSnapshot,
    Replace,
    Report,
    Stated,
    Trade,
)
from journal.record import Record


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


class Confluence(Struct, frozen=True, kw_only=True):
    """What a chain's opinion stands on: every vote in [-1, 1] (None: no opinion) by source, and what it weighed.

    Weights add up to 1 where there is a score, which is the decision's `strength`. `claim` is what was claimed of it;
    the decision's `confidence` is what such claims have been worth in so many `outcomes`, its 95 % interval from `low`
    to `high`.
    """

    sources: tuple[str, ...]
    votes: tuple[float | None, ...]
    weights: tuple[float, ...]
    regime: str
    volatility: str
    coverage: float
    agreement: float
    claim: float
    outcomes: int
    low: float
    high: float


class Decision(Record, frozen=True, kw_only=True, tag="decision"):
    """One intent with everything that led to it and what became of it.

    `view_hash` names what the policy saw; `features` (None: not defined) and `votes` are those
    values. `rules` are the risk rules that
    objected, `ruling` is the governor's answer, `orders` the numbers of its orders. `confluence`
    is there where a chain voted; `model` is the SHA-256 of the artefact that decided, where one did.
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
    features: tuple[float | None, ...]
    view_hash: str
    rules: tuple[str, ...]
    ruling: str
    equity: int
    orders: tuple[int, ...]
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0
    confluence: Confluence | None = None
    model: str = ""


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
    guard: dict[str, int] = field(default_factory=dict)
    closing: dict[str, dict[str, int]] = field(default_factory=dict)
    learnt: Learnt | None = None
    breakers: dict[str, tuple[float, ...]] = field(default_factory=dict)


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


class Demotion(Record, frozen=True, kw_only=True, tag="demotion"):
    """A source's standing has changed: whose, from what to what, why, and the number that passed its limit.

    `number` counts a desk's changes from 1; the same market gives the same ones. `outcome` is how many outcomes of the
    source had been watched. In a journal it may stand later than its `time_ns`: agents run ahead of the account.
    """

    desk: str
    number: int
    instrument: str
    source: str
    outcome: int
    before: str
    after: str
    why: str
    value: float
    limit: float


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
    | NewHead | Demotion | Checkpoint
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
