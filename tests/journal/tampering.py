"""What somebody may do to a journal whose key he has not: every class of mutation, on rows, on bytes, on the file.

A mutation of rows takes a generator, the rows of a journal and those of another one that the same key signed, and
returns other rows. Whoever re-chains computes every hash anew, as one who knows how the chain is made.
"""

import json
import random
import sqlite3
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from journal.chain import GENESIS, canonical, link
from journal.heads import checkpoint_of
from journal.records import Checkpoint
from journal.signing import fingerprint, signed_bytes

Row = tuple[Any, ...]
Rows = list[Row]
Chance = random.Random

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def renumbered(rows: Rows) -> Rows:
    return [(seq, *row[1:]) for seq, row in enumerate(rows, start=1)]


def rechained(rows: Rows, checkpoint: Callable[[bytes, int, str], bytes] = lambda body, seq, previous: body) -> Rows:
    """Number rows anew and compute every hash; `checkpoint` says what becomes of a checkpoint."""
    made, previous = [], GENESIS
    for seq, (_, kind, time_ns, old, _) in enumerate(rows, start=1):
        body = checkpoint(old, seq - 1, previous) if kind == "checkpoint" else old
        previous = link(previous, body)
        made.append((seq, kind, time_ns, body, previous))
    return made


def as_if_signed(body: bytes, seq: int, previous: str) -> bytes:
    """State the new chain under the old signature."""
    old = checkpoint_of(body)
    assert old is not None
    return canonical(Checkpoint(time_ns=old.time_ns, seq=seq, hash=previous, key=old.key, signature=old.signature))


def signed_by_a_stranger(body: bytes, seq: int, previous: str) -> bytes:
    """Sign the new chain with another key, and name that one."""
    return _signed(body, seq, previous, fingerprint(STRANGER.public_key()))


def signed_in_its_name(body: bytes, seq: int, previous: str) -> bytes:
    """Sign the new chain with another key, and name the right one."""
    old = checkpoint_of(body)
    assert old is not None
    return _signed(body, seq, previous, old.key)


def _signed(body: bytes, seq: int, previous: str, key: str) -> bytes:
    time_ns = json.loads(body)["time_ns"]
    signature = STRANGER.sign(signed_bytes(seq, previous, key, time_ns)).hex()
    return canonical(Checkpoint(time_ns=time_ns, seq=seq, hash=previous, key=key, signature=signature))


FORGERIES = (lambda body, seq, previous: body, as_if_signed, signed_by_a_stranger, signed_in_its_name)


def a_change(rng: Chance, body: bytes) -> bytes:
    """Change a digit of a record, so that it is still one."""
    places = [k for k, byte in enumerate(body) if 48 <= byte <= 57 and body[k - 1 : k] not in (b":", b"[", b",", b"-")]
    places = places or [k for k, byte in enumerate(body) if 48 <= byte <= 57] or [0]
    place = rng.choice(places)
    return body[:place] + bytes([48 + (body[place] - 48 + rng.randint(1, 9)) % 10]) + body[place + 1 :]


def some(rng: Chance, rows: Rows, most: int = 20) -> tuple[int, int]:
    """Choose a block of at least one row that is not all."""
    first = rng.randrange(len(rows))
    return first, min(len(rows), first + rng.randint(1, min(most, len(rows) - 1)))


# -- the classes ------------------------------------------------------------------------------------------------------


def flip(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Change one column of one record."""
    place, column = rng.randrange(len(rows)), rng.choice((1, 2, 3, 3, 3, 4))
    row = list(rows[place])
    if column == 1:
        row[1] = rng.choice([kind for kind in ("order", "sample", "decision", "claim", "checkpoint") if kind != row[1]])
    elif column == 2:
        row[2] += rng.choice((-1, 1, 10**9, 2**40))
    elif column == 3:
        at = rng.randrange(len(row[3]))
        row[3] = row[3][:at] + bytes([row[3][at] ^ (1 << rng.randrange(8))]) + row[3][at + 1 :]
    else:
        at = rng.randrange(64)
        row[4] = row[4][:at] + format(int(row[4][at], 16) ^ rng.randint(1, 15), "x") + row[4][at + 1 :]
    return [*rows[:place], tuple(row), *rows[place + 1 :]]


def delete(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Take out a block before the end, and close the gap or not."""
    first, end = some(rng, rows[:-1], most=5)
    left = rows[:first] + rows[end:]
    return renumbered(left) if rng.random() < 0.5 else left


def reorder(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Let two records change places, or move one elsewhere."""
    made = list(rows)
    one, two = rng.sample(range(len(rows)), 2)
    if rng.random() < 0.5:
        made[one], made[two] = made[two], made[one]
    else:
        made.insert(two, made.pop(one))
    return renumbered(made)


def insert(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Put in a record: a copy, one of another journal, or a forged one that follows from what is before it."""
    place = rng.randrange(len(rows))
    seq, kind, time_ns, body, record_hash = rng.choice(rng.choice((rows, other)))
    if rng.random() < 0.5:
        body = a_change(rng, body)
        record_hash = link(rows[place - 1][4] if place else GENESIS, body)
    put_in = (seq, kind, time_ns, body, record_hash)
    return renumbered([*rows[:place], put_in, *rows[place:]])


def splice(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Put a part of another journal of the same key in the place of a part of this one; or the whole of it."""
    how = rng.random()
    if how < 0.05:
        return list(other)
    first, end = some(rng, rows)
    if how < 0.4:
        return rows[:first] + other[first:]
    begin = rng.randrange(len(other))
    return renumbered(rows[:first] + other[begin : begin + end - first] + rows[end:])


def truncate(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Cut the tail: between two groups, where every record left is covered by a signature, or anywhere."""
    whole = [row[0] for row in rows[:-1] if row[1] == "checkpoint"]
    return rows[: rng.choice(whole)] if rng.random() < 0.5 else rows[: rng.randrange(len(rows))]


def rewrite(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Do any of that, or change one record; then compute all hashes anew, and forge the checkpoints or not."""
    how = rng.random()
    if how < 0.1:
        return rechained([row for row in _changed(rng, rows, other) if row[1] != "checkpoint"])
    made = rng.choice((_changed, delete, reorder, insert, splice))(rng, rows, other)
    made = rechained(made, _lenient(rng.choice(FORGERIES)))
    return made[: rng.randrange(1, len(made))] if how < 0.2 else made


def _changed(rng: Chance, rows: Rows, other: Rows) -> Rows:
    place = rng.choice([k for k, row in enumerate(rows) if row[1] != "checkpoint"])
    seq, kind, _, body, record_hash = rows[place]
    body = a_change(rng, body)
    return [*rows[:place], (seq, kind, json.loads(body)["time_ns"], body, record_hash), *rows[place + 1 :]]


def _lenient(forge: Callable[[bytes, int, str], bytes]) -> Callable[[bytes, int, str], bytes]:
    """Forge what is still a checkpoint; what an insertion has mangled is left as it is."""
    return lambda body, seq, previous: body if checkpoint_of(body) is None else forge(body, seq, previous)


def append(rng: Chance, rows: Rows, other: Rows) -> Rows:
    """Add records at the end whose hashes follow, with a forged checkpoint or without."""
    made = list(rows)
    extra = [row for row in rows if row[1] != "checkpoint"]
    for _, kind, time_ns, body, _ in rng.choices(extra, k=rng.randint(1, 5)):
        made.append((len(made) + 1, kind, time_ns, body, link(made[-1][4], body)))
    if rng.random() < 0.7:
        last = rows[-1]
        body = rng.choice(FORGERIES)(last[3], len(made), made[-1][4])
        made.append((len(made) + 1, "checkpoint", last[2], body, link(made[-1][4], body)))
    return made


MUTATIONS: dict[str, Callable[[Chance, Rows, Rows], Rows]] = {
    "flip": flip,
    "delete": delete,
    "reorder": reorder,
    "insert": insert,
    "splice": splice,
    "truncate the tail": truncate,
    "rewrite from the middle": rewrite,
    "append": append,
}
"""Mutations of rows, by class."""


def flip_bytes(rng: Chance, content: bytes) -> bytes:
    """Change some bytes of the file, behind its header."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(100, len(changed))] ^= rng.randint(1, 255)
    return bytes(changed)


def cut_file(rng: Chance, content: bytes) -> bytes:
    """Cut the file, at a page or anywhere."""
    size = rng.randrange(1, len(content))
    return content[: size - size % 4096] if rng.random() < 0.5 else content[:size]


BYTES: dict[str, Callable[[Chance, bytes], bytes]] = {"flip bytes of the file": flip_bytes, "cut the file": cut_file}
"""Mutations of the file's bytes, by class."""

EPOCHS = (
    "UPDATE epochs SET owner = owner || 'x' WHERE epoch = 1",
    "UPDATE epochs SET claimed_ns = claimed_ns + 1 WHERE epoch = 2",
    "DELETE FROM epochs WHERE epoch = 2",
    "DELETE FROM epochs",
    "UPDATE epochs SET epoch = 7 WHERE epoch = 2",
    "INSERT INTO epochs VALUES (3, 'usurper', 9)",
)
"""Statements that change who may write."""


def forge_index(db: sqlite3.Connection, rng: random.Random) -> None:
    """Make the index by which a start finds where to begin leave something out, often under its own text."""
    made = "CREATE INDEX records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'claim'"
    kept = f"(kind = 'session' OR kind = 'claim') AND seq < {rng.randrange(40)}"
    others = ("kind = 'session' OR kind = 'cl_im'", "kind = 's_ssion' OR kind = 'claim'", "kind = 'claim'", kept)
    db.execute("DROP INDEX records_begin")
    if rng.random() < 0.1:
        return
    db.execute(f"CREATE INDEX records_begin ON records (kind, seq) WHERE {rng.choice(others)}")
    if rng.random() < 0.8:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'records_begin'", (made,))
        db.execute("PRAGMA writable_schema = RESET")
