"""Where processes die: wrappers around journal and session that kill at a boundary, on its n-th crossing."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from actors.world import Killed
from journal.order_records import Breaks, Order, OrderNews, OrdersSnapshot
from journal.records import AnyRecord
from journal.store import Entry, MemoryJournal
from venues.messages import Answer, Message, Request, RequestKind, Session


class Boundary(StrEnum):
    """How far an order, or what else is under way, has come when a process dies."""

    BEFORE_JOURNAL = "before journal"
    JOURNAL_BEFORE_SEND = "after journal, before send"
    SEND_BEFORE_ACK = "after send, before ack"
    ACK_BEFORE_FILL = "ack, before fill"
    MID_CANCEL = "mid-cancel"
    MID_REPLACE = "mid-replace"
    MID_RECONCILE = "mid-reconcile"
    MID_CHECKPOINT = "mid-checkpoint"


class Crash:
    """Dies at one boundary, every `every`-th time that it is crossed, `times` times at most."""

    def __init__(self, boundary: Boundary, every: int, times: int) -> None:
        self.boundary, self.every, self.left = boundary, every, times
        self.crossings = self.injected = 0
        self.also: Callable[[], None] = lambda: None

    def at(self, *boundaries: Boundary) -> None:
        """Cross boundaries; Killed when this one's time has come."""
        if self.boundary not in boundaries or self.left == 0:
            return
        self.crossings += 1
        if self.crossings % self.every == 0:
            self.left -= 1
            self.injected += 1
            self.also()
            raise Killed


class CrashingJournal:
    """A journal whose writer may die before or after a transaction."""

    def __init__(self, journal: MemoryJournal, crash: Crash) -> None:
        self.inner, self._crash = journal, crash

    @property
    def head(self) -> tuple[int, str]:
        return self.inner.head

    def claim(self, owner: str, now_ns: int) -> int:
        return self.inner.claim(owner, now_ns)

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        orders = any(isinstance(record, Order) for record in records)
        news = any(isinstance(record, OrderNews | Breaks) for record in records)
        checkpoint = any(isinstance(record, OrdersSnapshot) for record in records)
        if orders or news:
            self._crash.at(Boundary.BEFORE_JOURNAL)
        if checkpoint:
            self._crash.at(Boundary.MID_CHECKPOINT)
        seq = self.inner.append(epoch, records)
        if orders:
            self._crash.at(Boundary.JOURNAL_BEFORE_SEND)
        if checkpoint:
            self._crash.at(Boundary.MID_CHECKPOINT)
        return seq

    def entries(self, after: int = 0) -> Iterator[Entry]:
        return self.inner.entries(after)

    def newest(self, kind: str) -> int:
        return self.inner.newest(kind)

    def close(self) -> None:
        pass


ON_SEND = {
    RequestKind.SUBMIT: (Boundary.JOURNAL_BEFORE_SEND, Boundary.SEND_BEFORE_ACK),
    RequestKind.CANCEL: (Boundary.MID_CANCEL, Boundary.MID_CANCEL),
    RequestKind.REPLACE: (Boundary.MID_REPLACE, Boundary.MID_REPLACE),
    RequestKind.SNAPSHOT: (Boundary.MID_RECONCILE, Boundary.MID_RECONCILE),
    RequestKind.EXECUTIONS: (Boundary.MID_RECONCILE, Boundary.MID_RECONCILE),
}
"""Per request the boundary before it leaves, and the one when it has left."""


class CrashingSession:
    """A session whose user may die before or after a send, or with the answer in its hands."""

    def __init__(self, session: Session, crash: Crash) -> None:
        self._inner, self._crash = session, crash
        self._kinds: dict[int, RequestKind] = {}

    def open(self, now_ns: int) -> bool:
        return self._inner.open(now_ns)

    def send(self, request: Request, now_ns: int) -> None:
        before, after = ON_SEND.get(request.kind, (None, None))
        self._kinds[request.number] = request.kind
        if before is not None:
            self._crash.at(before)
        self._inner.send(request, now_ns)
        if after is not None:
            self._crash.at(after)

    def receive(self, now_ns: int) -> list[Message]:
        messages = self._inner.receive(now_ns)
        for message in messages:
            if isinstance(message, Answer):
                self._meet(self._kinds.get(message.number))
        return messages

    def _meet(self, kind: RequestKind | None) -> None:
        if kind is RequestKind.SUBMIT:
            self._crash.at(Boundary.ACK_BEFORE_FILL)
        elif kind is RequestKind.CANCEL:
            self._crash.at(Boundary.MID_CANCEL)
        elif kind is RequestKind.REPLACE:
            self._crash.at(Boundary.MID_REPLACE)
        elif kind in (RequestKind.SNAPSHOT, RequestKind.EXECUTIONS):
            self._crash.at(Boundary.MID_RECONCILE)
