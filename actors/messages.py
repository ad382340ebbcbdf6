"""What actors tell each other. Every stream is cut into batches that say which stretch of it they are.

A stretch is (`after_ns`, `upto_ns`]: everything of that stream later than the one and not later than the other. So a
repeated batch is recognised, a lost one leaves a gap that the receiver sees and asks for again, and a reordered one
waits. Times are market time; positions never run backwards within one life of the sender. Records travel as plain
bytes, a row each (`market.records.packed`).
"""

from typing import Any, Final

from msgspec import Struct
from numpy.typing import NDArray

from journal.records import Alert, Breaker, Command, Outcome
from market.money import INT64_MAX
from market.tape import Tape

START: Final = -1
END: Final = INT64_MAX - 1
"""Positions before everything and after everything."""


class Pull(Struct, frozen=True):
    """A receiver's request: what came up to `after_ns` is taken, send more.

    `again` says that nothing after it has arrived, whatever was sent; `prime` asks for the standing quotes as well.
    """

    receiver: str
    after_ns: int
    again: bool = False
    prime: bool = False


class Rows(Struct, frozen=True):
    """Feed to agents and risk: market rows, whole instants, in tape order. `primed` rows only set quotes."""

    source: str
    after_ns: int
    upto_ns: int
    tape: Tape
    primed: bool = False


class Candidates(Struct, frozen=True):
    """Feed to the arbitrage agents: what its scan saw."""

    source: str
    after_ns: int
    upto_ns: int
    candidates: NDArray[Any]


class Intents(Struct, frozen=True):
    """Agent to risk: sized proposals by time."""

    source: str
    epoch: int
    after_ns: int
    upto_ns: int
    intents: NDArray[Any]


class Standings(Struct, frozen=True):
    """Agent to governor: its changes of standing (rows of `policies.demotion.CHANGE`), numbered from `first`."""

    source: str
    first: int
    changes: NDArray[Any]


class Finding(Struct, frozen=True):
    """Risk to governor, one item of its numbered stream: what happened to the book at `time_ns`.

    Exactly one of the others is set: `group` are judged intents, `rules` newly latched, `sample` an equity sample
    (equity, low, cash, peak), `budgets` those of a new UTC day, `snapshot` the book as a whole, `record` what is
    journaled as it stands: an alert, a breaker, what came of a command.
    """

    time_ns: int
    group: NDArray[Any] | None = None
    rules: int = 0
    sample: tuple[int, int, int, int] | None = None
    budgets: tuple[int, ...] | None = None
    snapshot: dict[str, Any] | None = None
    record: Alert | Breaker | Outcome | None = None


class Verdicts(Struct, frozen=True):
    """Risk to governor: findings numbered from `first`, and the time up to which no further group will come.

    Where the engine closes holdings itself, that is so unless something is reported before; `done_ns` is how far risk
    has taken everything. `complete` says that everything has been taken and nothing will come any more, `reported_ns`
    up to where risk may go on by what it was told under this epoch or before.
    """

    epoch: int
    first: int
    findings: tuple[Finding, ...]
    horizon_ns: int
    complete: bool = False
    done_ns: int = START
    reported_ns: int = START


class Rulings(Struct, frozen=True):
    """Governor to risk: its answer to the group of one instant, in the group's order."""

    epoch: int
    time_ns: int
    rulings: tuple[int, ...]
    first_orders: tuple[int, ...]


class Switches(Struct, frozen=True):
    """Governor to risk: what the kill switches come to per instrument (`policies.switches.posture_of`)."""

    epoch: int
    postures: tuple[int, ...]


class Orders(Struct, frozen=True):
    """Governor to gateway: orders numbered per gateway from `first`, and up to when no further one will arrive.

    Reports up to `cut_ns` are durable and will never be asked for again.
    """

    epoch: int
    first: int
    orders: NDArray[Any]
    horizon_ns: int
    cut_ns: int = START


class Reports(Struct, frozen=True):
    """Gateway to governor, and governor to risk and agents: what venues reported.

    From a gateway: nothing will be reported up to `calm_ns` unless a further order arrives before (END: nothing is left
    that could report); `orders` says how many orders it has. From the governor: `findings` says how many are durable,
    `commands` are those of the stretch, each to be obeyed before anything else of its instant.
    """

    source: str
    epoch: int
    after_ns: int
    upto_ns: int
    reports: NDArray[Any]
    calm_ns: int = START
    orders: int = 0
    findings: int = 0
    commands: tuple[Command, ...] = ()


class Grant(Struct, frozen=True):
    """Governor to agents and risk: the mandates of a UTC day under an epoch."""

    epoch: int
    day: int
    budgets: tuple[int, ...]
