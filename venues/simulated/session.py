"""A session with the simulated venue's process: a socket that never blocks, and says when it is gone."""

import socket
from typing import Final

import msgspec

from venues.messages import Lost, Message, Request
from venues.simulated.server import Books, Frames, frame

CONNECT_S: Final = 1.0
_MESSAGE: Final = msgspec.msgpack.Decoder(Message)
_BOOKS: Final = msgspec.msgpack.Decoder(Books)


class SocketSession:
    """One connection at a time to `port` on the loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._line: socket.socket | None = None
        self._frames = Frames()
        self._broken = False

    def open(self, now_ns: int) -> bool:
        """Connect and ask for a session; False when there is none to be had."""
        self.close()
        self._frames, self._broken = Frames(), False
        try:
            line = socket.create_connection(("127.0.0.1", self._port), CONNECT_S)
            line.sendall(frame("trade"))
            answer = _first_frame(line)
        except OSError:
            return False
        if answer is None:
            line.close()
            return False
        line.setblocking(False)
        self._line = line
        return True

    def send(self, request: Request, now_ns: int) -> None:
        """Put a request on its way; on a dead connection it is lost, and `receive` says so."""
        if self._line is None:
            return
        try:
            self._line.settimeout(CONNECT_S)
            self._line.sendall(frame(request))
            self._line.setblocking(False)
        except OSError:  # dead, or full because nobody reads: half a frame may be gone, so it is of no more use
            self.close()
            self._broken = True

    def receive(self, now_ns: int) -> list[Message]:
        """Return what has come; `Lost` last when the connection is gone."""
        found: list[Message] = [Lost("connection broken")] if self._broken else []
        self._broken = False
        while self._line is not None:
            try:
                data = self._line.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            found += [_MESSAGE.decode(body) for body in self._frames.feed(data)]
            if not data:
                self.close()
                found.append(Lost("connection closed"))
        return found

    def close(self) -> None:
        """Give the connection up."""
        if self._line is not None:
            self._line.close()
            self._line = None


def _first_frame(line: socket.socket) -> bytes | None:
    frames = Frames()
    while True:
        data = line.recv(65536)
        if not data:
            return None
        found = frames.feed(data)
        if found:
            return found[0]


def look(port: int) -> Books:
    """Return the books of the venue that is served on a port."""
    with socket.create_connection(("127.0.0.1", port), CONNECT_S) as line:
        line.sendall(frame("look"))
        body = _first_frame(line)
    if body is None:
        raise ConnectionError(f"the venue on port {port} did not answer")
    return _BOOKS.decode(body)
