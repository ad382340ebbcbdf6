"""Signing: keys, checkpoints, and the seal that a writer puts on every group of records.

What is claimed. Who cannot read the private key cannot change, add, drop or move any record that `append` has
acknowledged without `verify` finding it, provided the head that is used to verify is not older than that record.

How. The last record of every group is a checkpoint: sequence number and hash of the record before it, signed. It is
committed in the same transaction as its group, so a sound file never ends with anything else. As the hash covers
everything before it, one signature, the newest, vouches for the whole file; all others serve to say where a rewritten
file begins to differ. After the commit, and before `append` returns, the same checkpoint replaces the head, a file
outside the journal.

What a crash leaves, and how it is told from tampering:

    killed before the commit              file n, head n      nothing has happened
    killed between commit and head        file m, head n < m  records n+1..m are signed: only the writer can have made
                                                              them, and the verifier says that the head is behind
    power cut                             file m, head n <= m the same: heads of the newest second may be lost, and
                                                              SQLite never loses what a commit has acknowledged
    file n, head m > n                    never made by a crash: the head follows the commit. It is a cut tail

A head that is behind can hide that the tail was cut down to it, and nothing below it. After a kill these are records
whose `append` never returned: nobody has acted on them. After a power cut they are at most one second's. Who can
replace the head by an older one, too, hides what came after it: keep copies elsewhere (`trifecta journal checkpoint`).

Order of things at first use: private key, head (of an empty journal), public key. So where a public key is found, a
head is due, and a missing one is a finding.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from journal.chain import GENESIS, canonical
from journal.heads import HeadFile, begin_head, create
from journal.records import Checkpoint

PREFIX: Final = b"trifecta checkpoint 1\n"
"""Stands before what is signed, so that no other signature of this key can be taken for a checkpoint's."""
FOLDER: Final = "keys"
PRIVATE: Final = "journal.key"
PUBLIC: Final = "journal.pub"


class SigningError(ValueError):
    """A key or a head cannot be used; the message names file, what is wrong and what is allowed."""


def public_path(journal: Path) -> Path:
    """Return where the public key of a journal's folder lies."""
    return journal.parent / FOLDER / PUBLIC


def head_path(journal: Path) -> Path:
    """Return where the head of a journal lies."""
    return journal.with_name(f"{journal.name}.head")


def fingerprint(key: Ed25519PublicKey) -> str:
    """Name a key: SHA-256 of its 32 bytes, in hex."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def signed_bytes(seq: int, record_hash: str, key: str, time_ns: int) -> bytes:
    """Return what is signed: the prefix, then the canonical JSON of the four fields."""
    return PREFIX + canonical({"hash": record_hash, "key": key, "seq": seq, "time_ns": time_ns})


def is_signed(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Tell whether a checkpoint was signed by the private half of this key."""
    message = signed_bytes(checkpoint.seq, checkpoint.hash, checkpoint.key, checkpoint.time_ns)
    try:
        key.verify(bytes.fromhex(checkpoint.signature), message)
    except (InvalidSignature, ValueError):
        return False
    return checkpoint.key == fingerprint(key)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key in PEM; SigningError when it is none."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise SigningError(f"{path}: not a public key; one of Ed25519 in PEM is allowed") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError(f"{path}: a public key of another kind; one of Ed25519 is allowed")
    return key


class Seal:
    """Signs groups for one writer: `checkpoint` within the transaction, `publish` after its commit."""

    def __init__(self, key: Ed25519PrivateKey, head: Path) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.fingerprint = fingerprint(self.public_key)
        begin_head(head, self.checkpoint(0, GENESIS, 0))
        self._head = HeadFile(head, self._is_mine)

    def checkpoint(self, seq: int, record_hash: str, time_ns: int) -> Checkpoint:
        """Return the signed statement that the record `seq` has this hash."""
        signature = self._key.sign(signed_bytes(seq, record_hash, self.fingerprint, time_ns)).hex()
        return Checkpoint(time_ns=time_ns, seq=seq, hash=record_hash, key=self.fingerprint, signature=signature)

    def publish(self, checkpoint: Checkpoint) -> None:
        """Make a committed checkpoint the head."""
        self._head.write(checkpoint)

    def _is_mine(self, checkpoint: Checkpoint) -> bool:
        return is_signed(checkpoint, self.public_key)

    def close(self) -> None:
        """Put the head on disk."""
        self._head.close()


def open_seal(journal: Path, /, *, signed: bool = False) -> Seal:
    """Open the seal of the journals in a folder; at first use make its keys and the journal's head.

    SigningError when a key is unreadable, readable by others, or one of the two is missing or of another pair; also
    when the head of a journal is missing that is `signed` already: a new one would hide that its tail was cut off.
    """
    if signed and not head_path(journal).exists():
        raise SigningError(
            f"{head_path(journal)}: missing, and {journal.name} is signed; put it back, "
            f"or begin it again with `trifecta journal new-head`"
        )
    folder = journal.parent / FOLDER
    private, public = folder / PRIVATE, folder / PUBLIC
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not private.exists():
        if public.exists():
            raise SigningError(f"{private}: missing, its public key is there; put it back, or move {public} away")
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create(private, made, 0o600)
    seal = Seal(_read_private_key(private), head_path(journal))
    if not public.exists():
        create(public, seal.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    if fingerprint(read_public_key(public)) != seal.fingerprint:
        seal.close()
        raise SigningError(f"{public}: not the public key of {private.name}; put it back, or move it away")
    return seal


def _read_private_key(path: Path) -> Ed25519PrivateKey:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SigningError(f"{path}: others may use it (mode {mode:04o}); 0600 is allowed")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningError(f"{path}: not a private key; one of Ed25519 in PEM, unencrypted, is allowed") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path}: a private key of another kind; one of Ed25519 is allowed")
    return key
