"""Settings: what every actor of one run is started with. Frozen and small; it crosses process borders."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from journal.store import Journal, open_journal
from policies.plan import Plan

PAPER_VENUE: Final = "paper"


class Settings(Struct, frozen=True, kw_only=True):
    """One run: plan, data by hash, where the journal is, and who the actors are.

    Without `switches_path` there are no kill switches, without `commands_path` no commands: what is only decided again
    has none. `venue` says what orders go to: `paper`, or simulated venues that are found through the folder
    `venue_path`.
    """

    plan: Plan
    stage: str = "PAPER"
    session: int = 1
    journal_path: str = ""
    switches_path: str = ""
    commands_path: str = ""
    venue: str = PAPER_VENUE
    venue_path: str = ""
    tape_folder: str = ""
    tape_hash: str = ""
    feed_shards: int = 1
    batch_rows: int = 2048
    batches_ahead: int = 4
    snapshot_groups: int = 256

    @property
    def batches_waiting_max(self) -> int:
        """Batches of one source that a receiver lets wait; with so many it pulls no further, and the source pauses."""
        return 2 * self.batches_ahead

    @property
    def feeds(self) -> tuple[str, ...]:
        """Names of the feed shards."""
        return tuple(f"feed-{k}" for k in range(self.feed_shards))

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the desks' agents."""
        return tuple(f"agent-{desk.name}" for desk in self.plan.desks)

    @property
    def gateways(self) -> tuple[str, ...]:
        """Names of the gateways, one per venue, in venue order."""
        return tuple(f"gateway-{venue.name}" for venue in self.plan.venues)


RISK: Final = "risk"
GOVERNOR: Final = "governor"
SUPERVISOR: Final = "supervisor"


class Resolver(Protocol):
    """Turns an actor's name into a handle: `resolve(name).method.remote(message)` tells it and waits for nothing."""

    def __call__(self, name: str, /) -> Any:
        """Return the handle."""


class Life(Struct, frozen=True):
    """What a governor needs of its process: who it is, what time it is, and how to end when it is fenced."""

    owner: str
    now_ns: Callable[[], int]
    end: Callable[[], None]


class JournalOpener(Protocol):
    """Opens the run's journal, in whichever process it is called."""

    def __call__(self, *, read_only: bool) -> Journal:
        """Open for the one writer, or for reading."""


class PlaceOpener(Struct, frozen=True):
    """Opens the journal at a place, a file or a URL; picklable, so that an actor can open it in its own process."""

    place: str

    def __call__(self, *, read_only: bool) -> Journal:
        """Open for the one writer, or for reading."""
        from journal.signing import open_seal

        return open_journal(self.place, read_only=read_only, seal=open_seal)


def encode_plan(plan: Plan) -> msgspec.Raw:
    """Return the plan as it stands in a Session record."""
    return msgspec.Raw(msgspec.json.encode(plan, order="sorted"))


def decode_plan(raw: msgspec.Raw) -> Plan:
    """Return the plan of a Session record."""
    return msgspec.json.decode(raw, type=Plan)
