"""The simulated venue as a process of its own: it lives on when those who trade there are killed.

`python -m venues.simulated.server --port 0` prints the port it serves on (loopback only) and then goes on until its
standard input is closed. Frames are a length (4 bytes, big-endian) and MessagePack. A connection that begins with
`trade` gets a session; one with `look` gets, per line, the whole list of orders and executions: the oracle.
"""

import argparse
import random
import selectors
import socket
import sys
import time
from typing import Final

import msgspec
from msgspec import Struct

from venues.messages import Execution, Lost, Message, Request
from venues.simulated.exchange import RestingOrder
from venues.simulated.faults import Fault, FaultPlan
from venues.simulated.venue import SimulatedVenue

TURN_S: Final = 0.002
QUOTE_NS: Final = 20_000_000
_ENCODE: Final = msgspec.msgpack.Encoder()
_REQUEST: Final = msgspec.msgpack.Decoder(Request)


class Books(Struct, frozen=True):
    """All that the exchange has: what others are held against."""

    orders: tuple[RestingOrder, ...]
    executions: tuple[Execution, ...]
    positions: dict[str, int]


def frame(value: object) -> bytes:
    """Return a value as one frame."""
    body = _ENCODE.encode(value)
    return len(body).to_bytes(4, "big") + body


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now."""
        self._kept += data
        found = []
        while len(self._kept) >= 4 and len(self._kept) >= 4 + int.from_bytes(self._kept[:4], "big"):
            end = 4 + int.from_bytes(self._kept[:4], "big")
            found.append(self._kept[4:end])
            self._kept = self._kept[end:]
        return found


class Server:
    """Serves one venue; single-threaded, so the exchange needs no lock."""

    def __init__(self, venue: SimulatedVenue, instruments: tuple[str, ...], seed: int, port: int = 0) -> None:
        self._venue = venue
        self._mid = dict.fromkeys(instruments, 10_000)
        self._chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._socket = socket.create_server(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._frames: dict[socket.socket, Frames] = {}
        self._connection_of: dict[socket.socket, int] = {}
        self._quoted_ns = 0

    def turn(self, wait_s: float = TURN_S) -> None:
        """Take what has come, let time pass at the exchange, send what is due."""
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._socket:
                self._accept()
            else:
                self._read(key.fileobj)  # type: ignore[arg-type]
        now_ns = time.time_ns()
        if now_ns - self._quoted_ns >= QUOTE_NS:
            self._quoted_ns = now_ns
            for name in self._mid:
                self._mid[name] += self._chance.randint(-2, 2)
                self._venue.quote(name, self._mid[name] - 1, self._mid[name] + 1, now_ns)
        for line, connection in list(self._connection_of.items()):
            self._deliver(line, self._venue.collect(connection, now_ns))

    def _accept(self) -> None:
        line, _ = self._socket.accept()
        line.setblocking(False)
        self._frames[line] = Frames()
        self._selector.register(line, selectors.EVENT_READ)

    def _read(self, line: socket.socket) -> None:
        try:
            data = line.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._close(line)
            return
        for body in self._frames[line].feed(data):
            if line in self._connection_of:
                self._venue.carry(self._connection_of[line], _REQUEST.decode(body), time.time_ns())
            else:
                self._begin(line, body)

    def _begin(self, line: socket.socket, body: bytes) -> None:
        """A connection says what it wants; one that gets no session is closed."""
        if msgspec.msgpack.decode(body) == "look":
            exchange = self._venue.exchange
            self._venue.advance(time.time_ns())
            books = Books(tuple(exchange.orders), tuple(exchange.executions), exchange.positions)
            line.setblocking(True)
            line.sendall(frame(books))
            line.setblocking(False)
            return
        connection = self._venue.connect(time.time_ns())
        if connection == 0:
            self._close(line)
            return
        line.setblocking(True)
        line.sendall(frame("open"))
        line.setblocking(False)
        self._connection_of[line] = connection

    def _deliver(self, line: socket.socket, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, Lost):
                self._close(line)
                return
            try:
                line.setblocking(True)
                line.sendall(frame(message))
                line.setblocking(False)
            except OSError:
                self._close(line)
                return

    def _close(self, line: socket.socket) -> None:
        self._selector.unregister(line)
        self._frames.pop(line, None)
        self._connection_of.pop(line, None)
        line.close()

    def close(self) -> None:
        """Let go of every connection."""
        for line in list(self._frames):
            self._close(line)
        self._selector.close()
        self._socket.close()


def main() -> int:
    """Serve until standard input is closed."""
    parser = argparse.ArgumentParser(prog="python -m venues.simulated.server")
    parser.add_argument("--name", default="sim")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--instruments", default="EURUSD@sim,GBPUSD@sim")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=CHANCE")
    asked = parser.parse_args()
    try:
        chances = {Fault(name): float(chance) for name, chance in (item.split("=") for item in asked.fault)}
    except ValueError as error:
        parser.error(
            f"--fault: {error}; NAME=CHANCE with one of {', '.join(fault.value for fault in Fault)} is allowed"
        )
    venue = SimulatedVenue(asked.name, FaultPlan(chances=chances), asked.seed)
    server = Server(venue, tuple(asked.instruments.split(",")), asked.seed, asked.port)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    with selectors.DefaultSelector() as owner:
        owner.register(sys.stdin, selectors.EVENT_READ)
        while not owner.select(0):
            server.turn()
    server.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
