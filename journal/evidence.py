"""Evidence: the key and the head that a journal is held against, and what follows from them. Reads; never writes.

The head is read before the journal: a writer may go on in between, and then the journal is ahead of it, never behind.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from journal.chain import GENESIS, canonical, link
from journal.heads import checkpoint_of, read_slots
from journal.records import Checkpoint
from journal.signing import SigningError, fingerprint, head_path, is_signed, public_path, read_public_key
from journal.store import Place, is_url
from journal.walk import EVIDENCE, FOREIGN, REWRITTEN, TRUNCATED, UNSIGNED_TAIL

SIGNED: Final = "signed"
SIGNED_WITHOUT_HEAD: Final = "signed_without_head"
UNSIGNED: Final = "unsigned"
UNCHECKED: Final = "unchecked"
"""What is known of the signatures of a sound journal."""

REWRITTEN_TEXT: Final = "from here on hashes were computed anew: no signature holds over them"


Checkpoints: TypeAlias = Callable[[], Iterable[tuple[int, bytes]]]
"""Walks over the checkpoints of a chain, each with its place; only done where something is wrong."""


class Evidence(NamedTuple):
    """A public key, the newest head it signed, or why one of them is of no use; `named` where a user named the key."""

    key: Ed25519PublicKey | None
    head: Checkpoint | None
    problem: str | None = None
    named: bool = False

    @property
    def place(self) -> int:
        """Return the sequence number of the record that the head is a copy of; 0 when there is none."""
        return self.head.seq + 1 if self.head is not None and self.head.seq > 0 else 0

    @property
    def hash(self) -> str:
        """Return the hash of that record."""
        return link(self.head.hash, canonical(self.head)) if self.head is not None else GENESIS


def evidence_at(
    journal: Path, key: Path | None = None, head: Path | None = None, *, with_head: bool = True
) -> Evidence:
    """Read the evidence on a journal: as named, else where its writer leaves it; without any it is (None, None).

    SigningError when a named file is missing or not what it should be.
    """
    key_file, head_file = key or public_path(journal), head or head_path(journal)
    for named in (key, head):
        if named is not None and not named.is_file():
            raise SigningError(f"{named}: there is no such file")
    if not key_file.is_file():
        problem = f"{head_file} is there, and its public key {key_file} is not" if head_file.is_file() else None
        return Evidence(None, None, problem)
    public = read_public_key(key_file)
    if not with_head:
        return Evidence(public, None, None, key is not None)
    if not head_file.is_file():
        problem = f"the head {head_file} is missing" if journal.exists() else None
        return Evidence(public, None, problem, key is not None)
    found = newest_signed(read_slots(head_file), public)
    problem = None if found else f"the head {head_file} holds nothing that key {fingerprint(public)[:16]} signed"
    return Evidence(public, found, problem, key is not None)


def evidence_of(place: Place) -> Evidence | None:
    """Read the evidence that the writer of a journal leaves; None for a database, which nobody signs."""
    return None if is_url(place) else evidence_at(Path(place))


def newest_signed(slots: Iterable[Checkpoint | None], key: Ed25519PublicKey) -> Checkpoint | None:
    """Return the newest checkpoint that a key signed."""
    signed = [slot for slot in slots if slot is not None and is_signed(slot, key)]
    return max(signed, key=lambda slot: slot.seq, default=None)


class Seen(NamedTuple):
    """What a walk over a chain has seen: its length and end, its newest checkpoint, the hash at the head's place."""

    records: int
    hash: str
    newest: tuple[int, bytes] | None
    at_head: str | None


class Judgement(NamedTuple):
    """What evidence says of a chain that is whole: the class of damage and the problem, or what is known of signatures.

    `first_bad` None where no single record can be named.
    """

    damage: str | None
    problem: str
    first_bad: int | None = None
    signature: str = UNCHECKED
    after_head: int = 0


def judge(seen: Seen, evidence: Evidence, checkpoints: Checkpoints) -> Judgement:
    """Hold a whole chain against key and head."""
    key, head = evidence.key, evidence.head
    if seen.newest is None and (head is None or head.seq == 0):
        if evidence.problem or (evidence.named and seen.records):
            return Judgement(EVIDENCE, evidence.problem or "nothing in it is signed, and a key was named")
        return Judgement(None, "", signature=UNSIGNED)
    if evidence.problem:
        return Judgement(EVIDENCE, evidence.problem)
    if key is None:
        return Judgement(EVIDENCE, "it is signed, and there is no public key to hold it against")
    return _judge_signed(seen, evidence, key, checkpoints)


def _judge_signed(seen: Seen, evidence: Evidence, key: Ed25519PublicKey, checkpoints: Checkpoints) -> Judgement:
    newest = checkpoint_of(seen.newest[1]) if seen.newest else None
    place = seen.newest[0] if seen.newest else 0
    if newest is not None and not is_signed(newest, key):
        if newest.key != fingerprint(key):
            text = f"from here on key {newest.key[:16]} signed, not {fingerprint(key)[:16]}"
            return Judgement(UNSIGNED_TAIL, text, last_signed(key, checkpoints()) + 1)
        return Judgement(REWRITTEN, REWRITTEN_TEXT, last_signed(key, checkpoints()) + 1)
    if seen.records < evidence.place:
        text = f"the tail is cut off: the head is record {evidence.place:,}, the file ends with {seen.records:,}"
        return Judgement(TRUNCATED, text, place + 1)
    if place < seen.records:
        return Judgement(UNSIGNED_TAIL, "no signature covers it: it stands after the newest checkpoint", place + 1)
    if evidence.place and seen.at_head != evidence.hash:
        return Judgement(FOREIGN, f"it is another journal of this key: record {evidence.place:,} is not the head's")
    signature = SIGNED if evidence.head is not None else SIGNED_WITHOUT_HEAD
    return Judgement(None, "", None, signature, seen.records - evidence.place if evidence.head is not None else 0)


def last_signed(key: Ed25519PublicKey, checkpoints: Iterable[tuple[int, bytes]]) -> int:
    """Return the place of the last checkpoint that this key signed, 0 when there is none; each place with its bytes.

    Their hashes are those of the chain before them, so one that is signed vouches for all before it: bisected.
    """
    own = [(place, found) for place, body in checkpoints if (found := checkpoint_of(body)) is not None]
    own = [(place, found) for place, found in own if found.key == fingerprint(key)]
    low, high = 0, len(own)
    while low < high:
        middle = (low + high) // 2
        if is_signed(own[middle][1], key):
            low = middle + 1
        else:
            high = middle
    return own[low - 1][0] if low else 0
