"""A verifier that stands alone: copy this one file to another machine, with a public key that you keep yourself.

`python standalone.py journal.db --key journal.pub --head head.json` prints what it found as JSON. It needs Python 3.11
and the package `cryptography`, imports nothing of Trifecta, and reads the SQLite file and its export as JSON lines. It
finds what `trifecta journal verify` finds. Exit code: 0 sound, 1 not what was written, 2 nothing that can be verified.
"""

import argparse
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

GENESIS = "0" * 64
LINE = re.compile(rb'\{"seq":(-?\d{1,19}),"hash":"([^"\\]*)","record":(.*)\}\n?', re.S)
DECODER = json.JSONDecoder(parse_constant=int)
VERSION = "SELECT value FROM meta WHERE name = 'version'"
INDEX = "CREATE INDEX records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'claim'"
BEGINS = "SELECT seq FROM records INDEXED BY records_begin WHERE kind = '{}' ORDER BY seq"
BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
FIELDS = {"hash": str, "key": str, "kind": str, "seq": int, "signature": str, "time_ns": int}


class UsageError(ValueError):
    """There is nothing here that can be verified."""


class DamageError(Exception):
    """A bad record (None: no single one), the class of damage, and what is wrong."""


def link(previous: str, body: bytes) -> str:
    """Return a record's hash."""
    return sha256(previous.encode() + body).hexdigest()


def canonical(value: Any) -> bytes:
    """Return sorted JSON without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def parsed(body: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else, as for NaN, which `int` refuses."""
    with suppress(ValueError, RecursionError):
        found = DECODER.decode(body.decode("utf-8", "surrogateescape"))
        return found if isinstance(found, dict) else None
    return None


def checkpoint_of(body: Any) -> dict[str, Any] | None:
    """Return the checkpoint that these bytes are, byte for byte; None where they are none."""
    found = (parsed(body) if isinstance(body, bytes) else None) or {}
    sound = {name: type(value) for name, value in found.items()} == FIELDS and found["kind"] == "checkpoint"
    return found if sound and canonical(found) == body else None


def fingerprint(key: Ed25519PublicKey) -> str:
    """Name a key."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def is_signed(checkpoint: dict[str, Any], key: Ed25519PublicKey) -> bool:
    """Tell whether this key signed a checkpoint."""
    message = canonical({name: checkpoint[name] for name in ("hash", "key", "seq", "time_ns")})
    with suppress(InvalidSignature, ValueError):
        key.verify(bytes.fromhex(checkpoint["signature"]), b"trifecta checkpoint 1\n" + message)
        return bool(checkpoint["key"] == fingerprint(key))
    return False


def checked(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Begin to read; UsageError when it is no journal."""
    db.execute("BEGIN")
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= {"meta", "epochs", "records"} or db.execute(VERSION).fetchone() not in (("1",), ("2",)):
        raise UsageError(f"{path}: not a journal of version 1 or 2")
    return db


def filled(path: Path) -> sqlite3.Connection:
    """Open a file that was cut, in memory: with its lost pages as zeros SQLite reads it up to the first of them."""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18]) * int.from_bytes(content[28:32])
    content[18:20] = b"\1\1"  # without a write-ahead log
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.deserialize(bytes(content).ljust(min(size, 2**32), b"\0"))
    return checked(db, path)


def begins_of(db: sqlite3.Connection) -> dict[str, list[int]] | None:
    """Return the places at which a start begins to read, as its index says; None where that is another one."""
    with suppress(*BROKEN):
        made = db.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = 'records_begin'").fetchall()
        if [" ".join(str(sql).split()) for (sql,) in made] == [INDEX]:
            return {kind: [seq for (seq,) in db.execute(BEGINS.format(kind))] for kind in ("session", "claim")}
    return None


class Journal:
    """Rows of a journal: (seq, kind, time_ns, body, hash); an export has kind and time_ns in its bytes alone."""

    def __init__(self, path: Path) -> None:
        self.path, self.damage, self.db = path, "", None  # type: Path, str, Any
        with path.open("rb") as file:
            if file.read(1) == b"{":
                return
        try:
            uri = f"{path.resolve().as_uri()}?mode=ro"
            self.db = checked(sqlite3.connect(uri, uri=True, isolation_level=None), path)
        except BROKEN as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) != sqlite3.SQLITE_CORRUPT:
                raise UsageError(f"{path}: not a readable journal ({error})") from error
            self.damage = f"the file is damaged: {error}"
            with suppress(UsageError, *BROKEN):
                self.db = filled(path)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield all rows in order."""
        if self.db is not None:
            for row in self.db.execute("SELECT seq, kind, time_ns, body, hash FROM records ORDER BY seq"):  # noqa: UP028
                yield row
            return
        with self.path.open("rb") as file:
            for found in map(LINE.fullmatch, [] if self.damage else file):
                if found is None:
                    raise sqlite3.DatabaseError("a line is no record")
                seq, stored, body = found.groups()
                said = parsed(body) or {}
                yield int(seq), said.get("kind"), said.get("time_ns"), body, stored.decode("latin-1")

    def checkpoints(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Return the checkpoints of the first rows, each with its place."""
        signed = [row for row in islice(self.rows(), count) if row[1] == "checkpoint"]
        return [(seq, found) for seq, _, _, body, _ in signed if (found := checkpoint_of(body))]


class Walk:
    """The walk over all records: what is sound, what was met."""

    def __init__(self, journal: Journal, place: int) -> None:
        self.journal, self.place, self.count, self.hash, self.before = journal, place, 0, GENESIS, GENESIS
        self.newest, self.at_head, self.claims = (0, None), None, []  # type: Any, str | None, list[tuple[Any, ...]]
        self.begins: dict[str, list[int]] = {"session": [], "claim": []}

    def run(self) -> None:
        """Walk; DamageError at the first bad record."""
        try:
            for row in (rows := self.journal.rows()):
                self.take(row, rows)
        except BROKEN as error:
            raise DamageError(self.count + 1, "unreadable", f"the file is damaged: {error}") from error
        if self.journal.damage:
            raise DamageError(self.count + 1, "unreadable", self.journal.damage)

    def take(self, row: tuple[Any, ...], rest: Iterator[tuple[Any, ...]]) -> None:
        """Take the next record."""
        seq, kind, time_ns, body, stored = row
        if type(seq) is int and seq != self.count + 1:
            bad = self.count + 1 if 0 < self.count >= seq else seq
            raise DamageError(bad, "added" if seq <= self.count else "missing", f"it jumps from {self.count} to {seq}")
        if [type(column) for column in row] != [int, str, int, bytes, str]:
            raise DamageError(self.count + 1, "changed", "its columns hold other types than were written")
        if link(self.hash, body) != stored:
            if self.count and link(self.before, body) == stored != self.hash:
                self.count, self.hash = self.count - 1, self.before
                raise DamageError(seq - 1, "added", "the record behind it follows from the one before it")
            raise DamageError(seq, class_of_break(row, rest), "its hash does not follow")
        said = parsed(body) or {}
        if (said.get("kind"), said.get("time_ns"), type(said.get("time_ns"))) != (kind, time_ns, int):
            raise DamageError(seq, "changed", "its columns do not repeat what its bytes say")
        if kind == "checkpoint":
            found = checkpoint_of(body)
            if found is None or (found["seq"], found["hash"]) != (self.count, self.hash):
                raise DamageError(seq, "rewritten", "it states another chain than the one before it")
            self.newest = (seq, found)
        if kind == "claim" and (type(said.get("epoch")), type(said.get("owner"))) != (int, str):
            raise DamageError(seq, "changed", "its bytes are no claim")
        if kind == "claim":
            self.claims.append((said["epoch"], said["owner"], time_ns))
        self.begins.get(kind, []).append(seq)
        self.count, self.hash, self.before = seq, stored, self.hash
        if seq == self.place:
            self.at_head = stored


def class_of_break(row: tuple[Any, ...], rest: Iterator[tuple[Any, ...]]) -> str:
    """Return the class of damage where the chain breaks."""
    rows = [row]
    with suppress(*BROKEN):
        rows.extend(islice(rest, 10_000))
    if any(isinstance(later[4], str) and link(later[4], row[3]) == row[4] for later in rows[1:]):
        return "moved"
    for place, kind, _, body, _ in rows:
        if (kind, type(place)) == ("checkpoint", int) and (written := checkpoint_of(body)):
            return "missing" if written["seq"] >= place else "changed" if written["seq"] == place - 1 else "added"
    return "changed"


def last_signed(key: Ed25519PublicKey | None, checkpoints: list[tuple[int, dict[str, Any]]]) -> int:
    """Return the place of the last checkpoint that a key signed; of the last at all without a key."""
    return next((place for place, found in reversed(checkpoints) if key is None or is_signed(found, key)), 0)


def judge(walk: Walk, key: Any, head: Any, problem: str | None, named: bool) -> str:
    """Hold a chain that is whole against key and head; return what is known of its signatures, or DamageError."""
    place, newest = walk.newest
    if newest is None and (head is None or head["seq"] == 0) and not problem:
        if named and walk.count:
            raise DamageError(None, "evidence", "nothing in it is signed, and a key was named")
        return "unsigned"
    if problem or key is None:
        raise DamageError(None, "evidence", problem or "it is signed, and there is no public key to hold it against")
    if newest is not None and not is_signed(newest, key):
        damage = "rewritten" if newest["key"] == fingerprint(key) else "unsigned"
        first = last_signed(key, walk.journal.checkpoints(walk.count)) + 1
        raise DamageError(first, damage, f"no signature of key {fingerprint(key)[:16]} holds from here on")
    if walk.count < walk.place:
        raise DamageError(place + 1, "truncated", f"the tail is cut off: the head is record {walk.place}")
    if place < walk.count:
        raise DamageError(place + 1, "unsigned", "no signature covers it: it stands after the newest checkpoint")
    if head is not None and walk.place and walk.at_head != link(head["hash"], canonical(head)):
        raise DamageError(None, "foreign", "it is another journal of this key")
    return "signed" if head is not None else "signed_without_head"


def read_evidence(path: Path, key_file: Path | None, head_file: Path | None, with_head: bool) -> tuple[Any, Any, Any]:
    """Return key, newest signed head, and what is wrong with them; UsageError when a named file is of no use."""
    public = key_file or path.parent / "keys" / "journal.pub"
    head = head_file or path.with_name(f"{path.name}.head")
    if key_file is None and not public.is_file():
        return None, None, f"the head {head} is there, and its public key is not" if head.is_file() else None
    key = None
    with suppress(ValueError):
        key = load_pem_public_key(public.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{public}: not a public key of Ed25519 in PEM")
    if not with_head or (head_file is None and not head.is_file()):
        return key, None, f"the head {head} is missing" if with_head else None
    lines = re.findall(rb"\{.*\}", head.read_bytes())
    signed = [slot for line in lines if (slot := checkpoint_of(line)) is not None and is_signed(slot, key)]
    newest = max(signed, key=lambda slot: int(slot["seq"]), default=None)
    return key, newest, None if newest else f"the head {head} holds nothing that the key signed"


def verify(path: Path, key_file: Path | None, head_file: Path | None, with_head: bool) -> dict[str, Any]:
    """Verify a journal or its export; UsageError when it is none, or a named file is of no use."""
    key, head, problem = read_evidence(path, key_file, head_file, with_head)  # first: a writer may be at work
    found: dict[str, Any] = {"ok": True, "first_bad": None, "damage": None, "problem": None, "after_head": 0}
    journal = Journal(path)
    walk = Walk(journal, head["seq"] + 1 if head is not None and head["seq"] > 0 else 0)
    try:
        walk.run()
        found["signature"] = judge(walk, key, head, problem, named=key_file is not None)
        found["after_head"] = walk.count - walk.place if found["signature"] == "signed" else 0
        versioned = journal.db is not None and journal.db.execute(VERSION).fetchone() == ("2",)
        if versioned and begins_of(journal.db) != walk.begins:
            raise DamageError(None, "index", "the index by which a start finds where to begin is not what records say")
        epochs = "SELECT epoch, owner, claimed_ns FROM epochs ORDER BY epoch"
        if journal.db is not None and journal.db.execute(epochs).fetchall() != walk.claims:
            raise DamageError(None, "epochs", "the table of epochs does not repeat the claims")
    except (DamageError, *BROKEN) as error:
        first, damage, text = error.args if isinstance(error, DamageError) else (None, "unreadable", str(error))
        before = journal.checkpoints(walk.count)
        signed, newest = last_signed(key, before), before[-1][0] if before else 0
        if damage == "rewritten" or (signed < newest and damage not in ("evidence", "unsigned")):
            first, damage = signed + 1, "rewritten"
        if damage in ("rewritten", "unsigned", "truncated"):
            walk.hash = next((row[4] for row in islice(journal.rows(), max(first - 2, 0), first - 1)), GENESIS)
            walk.count = first - 1
        if journal.damage:
            first, damage, text = walk.count + 1, "unreadable", journal.damage
        found |= {"ok": False, "first_bad": first, "damage": damage, "problem": text, "signature": None}
    if journal.db is not None:
        journal.db.close()
    return found | {"records": walk.count, "head": walk.hash, "key": fingerprint(key) if key is not None else None}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="journal.db, or its export as JSON lines", metavar="journal")
    parser.add_argument("--key", type=Path, dest="key_file", help="public key in PEM; default: keys/journal.pub beside")
    parser.add_argument("--head", type=Path, dest="head_file", help="signed head; default: its name with .head")
    parser.add_argument("--no-head", action="store_false", dest="with_head", help="then a cut at the end does not show")
    try:
        finding = verify(**vars(parser.parse_args()))
    except (UsageError, OSError) as failure:
        parser.exit(2, f"{failure}\n")
    sys.stdout.write(json.dumps(finding, indent=2) + "\n")
    sys.exit(0 if finding["ok"] else 1)
