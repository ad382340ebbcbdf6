"""The head: the newest checkpoint of a journal, in a file of its own outside the journal.

Two slots of 512 bytes, one line of JSON in each, padded with spaces. A write replaces the older slot in place, so that
the newer one is whole whatever happens in between; a reader takes the newest slot that is signed. A late write of a
writer that was overtaken never replaces a newer head. What a slot says is a checkpoint record, byte for byte.
"""

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from journal.chain import canonical
from journal.records import Checkpoint

SLOT_BYTES: Final = 512
SLOTS: Final = 2
SYNC_AFTER_S: Final = 1.0
"""A busy writer waits for the disk this often; a power cut may cost the heads in between."""
LOCK_WAIT_S: Final = 10.0

NO_RECORD: Final = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are no record raises."""

_DECODER: Final = msgspec.json.Decoder(Checkpoint)


class HeadBusyError(RuntimeError):
    """Another process holds the head longer than any write takes."""


def checkpoint_of(body: bytes) -> Checkpoint | None:
    """Return the checkpoint that a record's bytes are, byte for byte; None where they are none."""
    try:
        found = _DECODER.decode(body)
    except NO_RECORD:
        return None
    return found if canonical(found) == body else None


def read_slots(path: Path) -> list[Checkpoint | None]:
    """Return what the slots of a head file hold, None for each that holds no checkpoint."""
    return [checkpoint_of(line.rstrip(b" ")) for line in path.read_bytes().split(b"\n")]


def begin_head(path: Path, first: Checkpoint) -> None:
    """Make a head file unless there is one."""
    create(path, _slot(first) + b" " * (SLOT_BYTES - 1) + b"\n", 0o644)


def create(path: Path, content: bytes, mode: int) -> None:
    """Make a file unless there is one: whole from its first moment, and on disk."""
    if path.exists():
        return
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as file:  # made with mode 0600
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class HeadFile:
    """Writes an existing head file; `genuine` tells a signed checkpoint from what somebody else has put there."""

    def __init__(self, path: Path, genuine: Callable[[Checkpoint], bool]) -> None:
        self.path = path
        self._genuine = genuine
        self._file = os.open(path, os.O_RDWR)
        self._synced_s = float("-inf")
        self._content = b""
        self._seqs = [-1] * SLOTS

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the older slot; a newer head stays. OSError when it cannot be written, HeadBusyError when locked."""
        self._lock()
        try:
            content = os.pread(self._file, SLOTS * SLOT_BYTES, 0)
            if content != self._content:  # somebody else has written
                self._seqs = [self._slot_seq(content, k, checkpoint.seq) for k in range(SLOTS)]
            if max(self._seqs) >= checkpoint.seq:
                return
            older, slot = self._seqs.index(min(self._seqs)), _slot(checkpoint)
            os.pwrite(self._file, slot, older * SLOT_BYTES)
            self._seqs[older] = checkpoint.seq
            self._content = content[: older * SLOT_BYTES] + slot + content[(older + 1) * SLOT_BYTES :]
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        if time.monotonic() - self._synced_s >= SYNC_AFTER_S:
            self._sync()

    def _lock(self) -> None:
        """Lock out other writers: it takes microseconds, unless one was stopped in the middle."""
        end = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise HeadBusyError(f"{self.path}: another process has locked it for {LOCK_WAIT_S:.0f} s") from None
                time.sleep(0.001)
            else:
                return

    def _slot_seq(self, content: bytes, number: int, mine: int) -> int:
        """Return the sequence number in a slot; -1 where it holds no checkpoint, or a newer one that is forged."""
        found = checkpoint_of(content[number * SLOT_BYTES : (number + 1) * SLOT_BYTES].rstrip(b" \n"))
        if found is None or (found.seq >= mine and not self._genuine(found)):
            return -1
        return found.seq

    def _sync(self) -> None:
        os.fdatasync(self._file)
        self._synced_s = time.monotonic()

    def close(self) -> None:
        """Put the head on disk and close its file."""
        try:
            self._sync()
        finally:
            os.close(self._file)


def _slot(checkpoint: Checkpoint) -> bytes:
    body = canonical(checkpoint)
    assert len(body) < SLOT_BYTES, "a checkpoint fits its slot"
    return body.ljust(SLOT_BYTES - 1) + b"\n"
