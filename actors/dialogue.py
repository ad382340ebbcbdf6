"""The dialogue with one venue: requests are numbered, paid for, timed; every answer finds what it answers.

Silence is told as such after its time is over, and the answer that comes later still finds its request. When the
connection breaks everything unanswered is silence at once; it is opened again with growing, jittered pauses.
"""

import random
from typing import Any, Final

from msgspec import Struct

from actors.budget import Budget
from actors.circuit import Circuit
from venues.messages import Answer, AnswerKind, Lost, Message, Refusal, Request, RequestKind, Session

KEPT_NS: Final = 600_000_000_000
"""For how long a request is remembered whose answer may still come."""


class Asked(Struct):
    """A request that is under way, or was: `about` is the order it concerns (-1: none)."""

    request: Request
    about: int
    sent_ns: int
    silent: bool = False
    answered: bool = False


class Heard(Struct, frozen=True):
    """Something that has come in: a message, and the request that it answers; without a message it is silence."""

    message: Message | None
    asked: Asked | None = None


class Backoff(Struct, frozen=True, kw_only=True):
    """Pauses between tries of what may be tried again: doubled each time up to a bound, then shortened by chance."""

    first_ns: int = 250_000_000
    max_ns: int = 5_000_000_000
    jitter: float = 0.5

    def pause_ns(self, tries: int, chance: random.Random) -> int:
        """Return the pause after so many tries."""
        full = min(self.first_ns << min(tries, 20), self.max_ns)
        return int(full * (1 - self.jitter * chance.random()))


class Dialogue:
    """One session, its circuit and its budget."""

    def __init__(
        self, session: Session, circuit: Circuit, budget: Budget, *, timeout_ns: int, backoff: Backoff,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self.circuit = circuit
        self.budget = budget
        self.is_open = False
        self._session = session
        self._timeout_ns = timeout_ns
        self._backoff = backoff
        self._chance = chance
        self._asked: dict[int, Asked] = {}
        self._number = 0
        self._open_tries = 0
        self._open_ns = 0

    def ask(
        self, kind: RequestKind, now_ns: int, *, about: int = -1, reduces: bool = False, **what: Any
    ) -> Asked | None:
        """Send a request; None when there is no connection or no budget for it now."""
        if not self.is_open or not self.budget.take(kind, now_ns, reduces=reduces):
            return None
        self._number += 1
        asked = Asked(Request(number=self._number, kind=kind, **what), about, now_ns)
        self._asked[self._number] = asked
        self._session.send(asked.request, now_ns)
        return asked

    def listen(self, now_ns: int) -> list[Heard]:
        """Return what has come in since the last call, then what has been silent for too long."""
        if not self.is_open and not self._reopen(now_ns):
            return []
        heard = []
        for message in self._session.receive(now_ns):
            if isinstance(message, Lost):
                self.is_open = False
                self.circuit.failed(now_ns)
                heard.append(Heard(message))
                heard += [self._silence(asked) for asked in self._waiting()]
                break
            heard.append(self._hear(message, now_ns))
        for asked in self._waiting():
            if now_ns - asked.sent_ns >= self._timeout_ns:
                self.circuit.failed(now_ns)
                heard.append(self._silence(asked))
        return heard

    @property
    def next_ns(self) -> int | None:
        """Return when it has to listen, if nothing comes before: to open again, or to call a silence one; or None."""
        if not self.is_open:
            return self._open_ns
        return min((asked.sent_ns + self._timeout_ns for asked in self._waiting()), default=None)

    def pause_ns(self, tries: int) -> int:
        """Return how long to wait before the next try."""
        return self._backoff.pause_ns(tries, self._chance)

    def _waiting(self) -> list[Asked]:
        return [asked for asked in self._asked.values() if not asked.answered and not asked.silent]

    def _hear(self, message: Message, now_ns: int) -> Heard:
        if not isinstance(message, Answer):
            return Heard(message)
        asked = self._asked.get(message.number)
        if asked is None or asked.answered:
            return Heard(message, None)
        asked.answered = message.kind is not AnswerKind.FAILED
        if asked.answered:
            del self._asked[message.number]  # what comes again finds nothing any more
        if message.kind is AnswerKind.FAILED:
            self.circuit.failed(now_ns)
            return self._silence(asked)  # it may have been carried out: as good as no answer
        self.circuit.answered(now_ns, now_ns - asked.sent_ns, rejected=_is_rejected(asked.request, message))
        if message.kind is AnswerKind.THROTTLED:
            self.budget.close(now_ns + message.retry_after_ns)
        return Heard(message, asked)

    def _silence(self, asked: Asked) -> Heard:
        asked.silent = True
        return Heard(None, asked)

    def _reopen(self, now_ns: int) -> bool:
        if now_ns < self._open_ns:
            return False
        if self._session.open(now_ns):
            self.is_open, self._open_tries = True, 0
            self._asked = {n: asked for n, asked in self._asked.items() if now_ns - asked.sent_ns < KEPT_NS}
            return True
        self.circuit.failed(now_ns)
        self._open_ns = now_ns + self.pause_ns(self._open_tries)
        self._open_tries += 1
        return False


def _is_rejected(request: Request, answer: Answer) -> bool:
    """Tell a venue that does not want our orders from one that has this order already."""
    refused = answer.kind is AnswerKind.REFUSED and answer.refusal is not Refusal.DUPLICATE_ID
    return refused and request.kind is RequestKind.SUBMIT
