"""A keeper that writes by itself, for runs without a governor: it holds while the journal cannot be written."""

from collections.abc import Sequence

from actors.order_keeper import OrderKeeper
from actors.order_messages import Hello, Instruction, Told
from journal.records import AnyRecord
from journal.store import Journal, JournalUnavailable


class JournalKeeper:
    """The keeper with a journal of its own; whatever one call brings is one transaction."""

    def __init__(self, journal: Journal, epoch: int, gateways: dict[str, str], resolve, **rules) -> None:
        self._journal, self.epoch = journal, epoch
        self._due: list[AnyRecord] = []
        log = (entry.record() for entry in journal.entries())
        self._keeper = OrderKeeper(epoch, log, gateways, resolve, self._due, **rules)
        self._gateways = gateways

    @property
    def folds(self):
        return self._keeper.folds

    @property
    def is_held(self) -> bool:
        return bool(self._due)

    def instruct(self, records: Sequence[Instruction]) -> None:
        assert not self.is_held, "nothing is decided while trading is held"
        for record in records:
            self._keeper.add(record)
        self._settle(*self._gateways)

    def on_hello(self, hello: Hello) -> None:
        if not self.is_held:
            self._keeper.hear_hello(hello)
            self._settle(hello.venue)

    def on_told(self, told: Told) -> None:
        if self.is_held or not self._keeper.is_current(told):
            return
        if self._keeper.hear(told) or self._keeper.is_behind(told):
            self._settle(told.venue)

    def on_tick(self, _now_ns: int) -> None:
        self._settle(*self._gateways)

    def _settle(self, *venues: str) -> None:
        try:
            if self._due:
                self._journal.append(self.epoch, self._due)
        except JournalUnavailable:
            return
        self._due.clear()
        for venue in venues:
            self._keeper.tell(venue)
