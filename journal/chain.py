"""The hash chain: every record's hash covers its bytes and the hash before it. Pure.

h(0) = 64 zeros; h(i) = SHA-256(h(i-1) in hex, then the canonical JSON of record i).
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

GENESIS: Final = "0" * 64

_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """Return the one byte string that stands for a record: JSON, sorted keys, no spaces, shortest floats."""
    return _ENCODER.encode(value)


def link(previous: str, body: bytes) -> str:
    """Return the hash of a record from the hash before it and its canonical bytes."""
    return hashlib.sha256(previous.encode() + body).hexdigest()


def chain(bodies: Iterable[bytes], previous: str = GENESIS) -> list[str]:
    """Return the hashes of records in order."""
    hashes = []
    for body in bodies:
        previous = link(previous, body)
        hashes.append(previous)
    return hashes


def first_broken(bodies: Iterable[bytes], hashes: Iterable[str], previous: str = GENESIS) -> int | None:
    """Return the index of the first record whose hash does not follow from what is before it, None if all do."""
    for i, (body, stored) in enumerate(zip(bodies, hashes, strict=True)):
        if link(previous, body) != stored:
            return i
        previous = stored
    return None
