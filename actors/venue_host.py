"""The process of a run's simulated venues: it outlives whoever trades there, as an exchange does.

`python -m actors.venue_host FOLDER` reads what to serve from `spec.json` in a folder, writes where it listens (loopback
only) to `port` beside it, and goes on until it is told to end or nobody has been connected for a while. A connection
begins with a `Greeting`. Who trades sends a `Turn` and gets a `Turned`; the others get what they ask for, once.
"""

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from actors.settings import Settings
from actors.simulated import open_venues
from venues.messages import Message, Request
from venues.simulated.faults import FaultPlan
from venues.simulated.server import Books, Frames, frame
from venues.simulated.venue import SimulatedSession, SimulatedVenue

SPEC: Final = "spec.json"
PORT: Final = "port"
IDLE_S: Final = 900.0
CONNECT_S: Final = 5.0
START_S: Final = 120.0
POLL_S: Final = 0.05


class HostError(RuntimeError):
    """The simulated venues of a run cannot be reached; the message says where they should be."""


class Spec(Struct, frozen=True, kw_only=True):
    """What a process serves: the venues of a run, and how they fail."""

    settings: Settings
    faults: FaultPlan
    seed: int


class Greeting(Struct, frozen=True, kw_only=True):
    """What a connection wants: `trade`, `look` at the books, `cancel` every order, `flatten` as well, `end` it all."""

    wants: str
    venue: str = ""


class Turn(Struct, frozen=True, kw_only=True):
    """What was sent since the last turn, each with its time; then `open` a session, or `run` up to an instant."""

    sent: tuple[tuple[Request, int], ...] = ()
    open_ns: int | None = None
    run_ns: int | None = None


class Turned(Struct, frozen=True, kw_only=True):
    """What came of a turn; `came_ns` as of `SimulatedVenue.run`, with the messages that have come by then."""

    now_ns: int
    calm_ns: int = -1
    opened: bool = False
    came_ns: int | None = None
    messages: tuple[Message, ...] = ()


def takes_part(session: SimulatedSession, turn: Turn) -> Turned:
    """Carry out one turn of a session."""
    for request, sent_ns in turn.sent:
        session.send(request, sent_ns)
    if turn.open_ns is not None:
        opened = session.open(turn.open_ns)
        return Turned(now_ns=session.now_ns(), opened=opened)
    if turn.run_ns is None:
        return Turned(now_ns=session.now_ns())
    came_ns = session.run(turn.run_ns)
    messages = () if came_ns is None else tuple(session.receive(came_ns))
    return Turned(now_ns=session.now_ns(), calm_ns=session.calm_ns(), came_ns=came_ns, messages=messages)


class Host:
    """Serves venues; single-threaded, so that they need no lock."""

    def __init__(self, venues: dict[str, SimulatedVenue]) -> None:
        self._venues = venues
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._frames: dict[socket.socket, Frames] = {}
        self._sessions: dict[socket.socket, SimulatedSession] = {}
        self._ended = False

    def serve(self, idle_s: float) -> None:
        """Serve until told to end, or until nobody has been connected for so long."""
        alone_s = time.monotonic()
        while not self._ended and time.monotonic() - alone_s < idle_s:
            for key, _ in self._selector.select(1.0):
                if key.fileobj is self._socket:
                    line, _ = self._socket.accept()
                    self._frames[line] = Frames()
                    self._selector.register(line, selectors.EVENT_READ)
                else:
                    self._read(key.fileobj)  # type: ignore[arg-type]
            if self._frames:
                alone_s = time.monotonic()
        self.close()

    def _read(self, line: socket.socket) -> None:
        try:
            data = line.recv(1 << 20)
            for body in self._frames[line].feed(data):
                line.sendall(frame(self._answer(line, body)))
        except OSError:
            data = b""
        if not data:
            self._close(line)

    def _answer(self, line: socket.socket, body: bytes) -> object:
        session = self._sessions.get(line)
        if session is not None:
            return takes_part(session, msgspec.msgpack.decode(body, type=Turn))
        greeting = msgspec.msgpack.decode(body, type=Greeting)
        if greeting.wants == "end":
            self._ended = True
            return True
        venue = self._venues[greeting.venue]
        if greeting.wants == "trade":
            self._sessions[line] = venue.session()
            return True
        if greeting.wants in ("cancel", "flatten"):
            return venue.empty(flatten=greeting.wants == "flatten")
        exchange = venue.exchange
        return Books(tuple(exchange.orders), tuple(exchange.executions), exchange.positions)

    def _close(self, line: socket.socket) -> None:
        self._selector.unregister(line)
        self._frames.pop(line)
        self._sessions.pop(line, None)
        line.close()

    def close(self) -> None:
        """Let go of every connection."""
        for line in list(self._frames):
            self._close(line)
        self._selector.close()
        self._socket.close()


class Client:
    """A connection to the host whose folder this is, after its greeting."""

    def __init__(self, folder: Path, greeting: Greeting) -> None:
        try:
            port = int((folder / PORT).read_text(encoding="ascii"))
            self._line = socket.create_connection(("127.0.0.1", port), CONNECT_S)
        except (OSError, ValueError) as error:
            raise HostError(f"{folder}: no simulated venue answers there: {error}") from None
        self._line.settimeout(START_S)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = Frames()
        self.greeted = self.ask(greeting)

    def ask(self, value: object) -> bytes:
        """Send a value; return the bytes of what is answered."""
        try:
            self._line.sendall(frame(value))
            while True:
                data = self._line.recv(1 << 20)
                if not data:
                    raise HostError("the simulated venue has hung up")
                if found := self._frames.feed(data):
                    return found[0]
        except OSError as error:
            raise HostError(f"the simulated venue does not answer: {error}") from None

    def close(self) -> None:
        """Hang up."""
        self._line.close()


class HostSession:
    """A session of a venue that a host serves: what is sent goes with the next turn."""

    def __init__(self, folder: Path, venue: str) -> None:
        self._client = Client(folder, Greeting(wants="trade", venue=venue))
        self._sent: list[tuple[Request, int]] = []
        self._come: list[Message] = []
        self._calm_ns = -1

    def open(self, now_ns: int) -> bool:
        """Connect, again after `Lost`; tell whether that worked."""
        self._come.clear()
        return self._turn(open_ns=now_ns).opened

    def send(self, request: Request, now_ns: int) -> None:
        """Put a request on its way."""
        self._sent.append((request, now_ns))

    def receive(self, now_ns: int) -> list[Message]:
        """Return what has come since the last call."""
        come, self._come = self._come, []
        return come

    def now_ns(self) -> int:
        """Return the instant at which the venue stands, or up to which it has once said that it would be calm."""
        return self._turn().now_ns

    def calm_ns(self) -> int:
        """Return up to when nothing will come for this session, if nothing is sent; as of the last `run`."""
        return self._calm_ns

    def run(self, upto_ns: int) -> int | None:
        """Let time pass up to the first message for this session, at most to an instant; return that of the message."""
        turned = self._turn(run_ns=upto_ns)
        self._come += turned.messages
        self._calm_ns = turned.calm_ns
        return turned.came_ns

    def _turn(self, **what: Any) -> Turned:
        sent, self._sent = tuple(self._sent), []
        return msgspec.msgpack.decode(self._client.ask(Turn(sent=sent, **what)), type=Turned)


def ask_once(folder: Path, greeting: Greeting, kind: Any) -> Any:
    """Return the answer to a greeting alone; HostError where nobody answers."""
    client = Client(folder, greeting)
    try:
        return msgspec.msgpack.decode(client.greeted, type=kind)
    finally:
        client.close()


def look(folder: Path, venue: str) -> Books:
    """Return the books of a venue."""
    found: Books = ask_once(folder, Greeting(wants="look", venue=venue), Books)
    return found


def end_host(folder: Path) -> None:
    """End the process of a folder."""
    ask_once(folder, Greeting(wants="end"), bool)


def is_served(folder: Path) -> bool:
    """Tell whether the venues of a folder can be reached."""
    try:
        names = [venue.name for venue in read_spec(folder).settings.plan.venues]
        look(folder, names[0])
    except (HostError, OSError, msgspec.MsgspecError, IndexError):
        return False
    return True


def read_spec(folder: Path) -> Spec:
    """Return what a folder's process serves."""
    return msgspec.json.decode((folder / SPEC).read_bytes(), type=Spec)


def start_host(folder: Path, spec: Spec, wait: Callable[[float], None] = time.sleep) -> None:
    """Start the process of a folder and wait until it serves; it belongs to nobody and outlives its starter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PORT).unlink(missing_ok=True)
    (folder / SPEC).write_bytes(msgspec.json.encode(spec))
    root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    with (folder / "log").open("wb") as log:
        subprocess.run(  # noqa: S603 - this very program
            [sys.executable, "-m", "actors.venue_host", str(folder.resolve())], check=True, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": paths}, start_new_session=True,
        )  # fmt: skip
    end_s = time.monotonic() + START_S
    while not (folder / PORT).exists():
        if time.monotonic() > end_s:
            raise HostError(f"{folder}: the simulated venues have not started within {START_S:.0f} s; see its log")
        wait(POLL_S)


def main() -> int:
    """Leave whoever has started this, then serve."""
    folder = Path(sys.argv[1])
    if os.fork():
        return 0
    spec = read_spec(folder)
    host = Host(open_venues(spec.settings, spec.faults, spec.seed))
    fresh = folder / f"{PORT}.new"
    fresh.write_text(str(host.port), encoding="ascii")
    fresh.replace(folder / PORT)
    host.serve(IDLE_S)
    (folder / PORT).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
