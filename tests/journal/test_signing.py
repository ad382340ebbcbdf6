"""Signing: keys of the first use, a checkpoint at the end of every group, and a head that follows each commit."""

import json
import shutil
import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from journal.chain import GENESIS, canonical, link
from journal.evidence import evidence_at
from journal.heads import SLOT_BYTES, HeadFile, read_slots
from journal.records import Checkpoint
from journal.signing import SigningError, head_path, is_signed, open_seal, public_path, read_public_key
from journal.store import SqliteJournal
from journal.verify import verify_file
from tests.journal.records import some_samples
from tests.journal.sealed import a_sealed_journal


def contents(path):
    journal = SqliteJournal(path, read_only=True)
    entries = list(journal.entries())
    journal.close()
    return entries


def mode(path):
    return oct(path.stat().st_mode & 0o777)


# --- keys


def test_keys_and_head_are_made_at_first_use_and_stay(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    keys = tmp_path / "keys"
    assert {file.name: mode(file) for file in keys.iterdir()} == {"journal.key": "0o600", "journal.pub": "0o644"}
    before = {file: file.read_bytes() for file in keys.iterdir()}
    SqliteJournal(path, seal=open_seal).close()
    assert {file: file.read_bytes() for file in keys.iterdir()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db", "journal.db.head", "keys"]


def test_a_reader_makes_no_keys(tmp_path):
    SqliteJournal(tmp_path / "journal.db").close()
    SqliteJournal(tmp_path / "journal.db", read_only=True, seal=open_seal).close()
    assert [file for file in tmp_path.iterdir() if file.is_dir() or file.suffix == ".head"] == []


def test_a_private_key_that_others_may_read_is_refused(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    (tmp_path / "keys" / "journal.key").chmod(0o640)
    with pytest.raises(SigningError) as error:
        open_seal(path)
    assert str(error.value) == f"{tmp_path / 'keys' / 'journal.key'}: others may use it (mode 0640); 0600 is allowed"


def test_half_a_pair_is_refused(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    (tmp_path / "keys" / "journal.key").unlink()
    with pytest.raises(SigningError, match="missing, its public key is there"):
        open_seal(path)


def test_keys_of_two_pairs_are_refused(tmp_path):
    path, other = (a_sealed_journal(tmp_path / name, groups=1) for name in ("one", "two"))
    shutil.copy(public_path(other), public_path(path))
    with pytest.raises(SigningError, match="not the public key of"):
        open_seal(path)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused_in_one_line(tmp_path, content):
    path = a_sealed_journal(tmp_path, groups=1)
    (tmp_path / "keys" / "journal.key").write_bytes(content)
    with pytest.raises(SigningError, match="not a private key; one of Ed25519 in PEM") as error:
        open_seal(path)
    public_path(path).write_bytes(content)
    with pytest.raises(SigningError, match="not a public key; one of Ed25519 in PEM"):
        read_public_key(public_path(path))
    assert "\n" not in str(error.value)


def test_a_key_of_another_kind_is_refused(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    key = generate_private_key(SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "keys" / "journal.key").write_bytes(private)
    with pytest.raises(SigningError, match="a private key of another kind"):
        open_seal(path)
    public_path(path).write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(SigningError, match="a public key of another kind"):
        read_public_key(public_path(path))


# --- checkpoints


def test_every_group_ends_with_a_checkpoint_that_anybody_can_check(tmp_path):
    path = a_sealed_journal(tmp_path, groups=2, size=3)
    entries = contents(path)
    assert [entry.kind for entry in entries] == [
        "claim", "checkpoint", "sample", "sample", "sample", "checkpoint", "sample", "sample", "sample", "checkpoint",
    ]  # fmt: skip
    key = load_pem_public_key(public_path(path).read_bytes())
    for before, entry in pairwise(entries):
        if entry.kind == "checkpoint":
            said = json.loads(entry.body)
            assert (said["seq"], said["hash"], said["time_ns"]) == (before.seq, before.hash, before.time_ns)
            fields = {name: said[name] for name in ("hash", "key", "seq", "time_ns")}
            message = b"trifecta checkpoint 1\n" + json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()
            key.verify(bytes.fromhex(said["signature"]), message)  # raises where it is not signed


@pytest.mark.parametrize("change", [{"seq": 5}, {"time_ns": 7}, {"hash": "1" * 64}, {"key": "2" * 64}])
def test_a_checkpoint_with_another_field_is_not_signed(tmp_path, change):
    seal = open_seal(tmp_path / "journal.db")
    signed = seal.checkpoint(4, "a" * 64, 6)
    assert is_signed(signed, seal.public_key)
    changed = {name: getattr(signed, name) for name in signed.__struct_fields__} | change
    assert not is_signed(Checkpoint(**changed), seal.public_key)
    assert not is_signed(signed, Ed25519PrivateKey.generate().public_key())
    assert not is_signed(Checkpoint(**{**changed, "signature": "no hex"}), seal.public_key)
    seal.close()


def test_an_append_of_nothing_signs_nothing(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    journal = SqliteJournal(path, seal=open_seal)
    head = journal.head
    assert journal.append(1, []) == head[0]
    assert journal.head == head
    journal.close()


def test_a_group_that_cannot_be_written_leaves_no_checkpoint_and_no_head(tmp_path):
    path = a_sealed_journal(tmp_path, groups=1)
    journal = SqliteJournal(path, seal=open_seal)
    before, head = contents(path), evidence_at(path).head
    journal._db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON records WHEN new.time_ns = 3 BEGIN SELECT RAISE(ABORT, 'disk'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk"):
        journal.append(1, some_samples(5))
    assert (contents(path), evidence_at(path).head) == (before, head)
    journal._db.execute("DROP TRIGGER full")
    journal.append(1, some_samples(5))
    assert verify_file(path).signature == "signed"
    journal.close()


# --- the head


def test_the_head_is_the_newest_checkpoint_when_append_returns(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db", seal=open_seal)
    assert evidence_at(journal.path).place == 0
    epoch = journal.claim("me", 0)
    for count in (1, 4, 2):
        journal.append(epoch, some_samples(count))
        evidence = evidence_at(journal.path)
        assert (evidence.place, evidence.hash) == journal.head
    journal.close()


def test_a_head_is_two_lines_of_json_of_one_size(tmp_path):
    path = a_sealed_journal(tmp_path, groups=3)
    lines = head_path(path).read_bytes().splitlines(keepends=True)
    assert [len(line) for line in lines] == [SLOT_BYTES, SLOT_BYTES]
    checkpoints = [entry.body for entry in contents(path) if entry.kind == "checkpoint"]
    assert sorted(line.strip() for line in lines) == sorted(checkpoints[-2:])


def test_a_late_write_never_replaces_a_newer_head(tmp_path):
    seal = open_seal(tmp_path / "journal.db")
    file = head_path(tmp_path / "journal.db")
    late, soon = HeadFile(file, lambda _: True), HeadFile(file, lambda _: True)
    for seq in (3, 9, 12):
        soon.write(seal.checkpoint(seq, "a" * 64, 0))
    late.write(seal.checkpoint(7, "b" * 64, 0))
    assert sorted(slot.seq for slot in read_slots(file) if slot is not None) == [9, 12]
    for one in (late, soon, seal):
        one.close()


def test_a_forged_newer_slot_does_not_hold_the_head_up(tmp_path):
    path = a_sealed_journal(tmp_path, groups=2)
    forged = Checkpoint(time_ns=0, seq=10**9, hash=GENESIS, key="0" * 64, signature="0" * 128)
    content = head_path(path).read_bytes()
    head_path(path).write_bytes(content[:SLOT_BYTES] + canonical(forged).ljust(SLOT_BYTES - 1) + b"\n")
    journal = SqliteJournal(path, seal=open_seal)
    for _ in range(2):
        journal.append(1, some_samples(1))
        assert evidence_at(path).place == journal.head[0]
    journal.close()


def test_a_torn_slot_leaves_the_head_before_it(tmp_path):
    path = a_sealed_journal(tmp_path, groups=3, size=5)
    content = bytearray(head_path(path).read_bytes())
    newest = max(range(2), key=lambda k: json.loads(content[k * SLOT_BYTES : (k + 1) * SLOT_BYTES])["seq"])
    content[newest * SLOT_BYTES + 200 : newest * SLOT_BYTES + 300] = b"\0" * 100
    head_path(path).write_bytes(content)
    found = verify_file(path)
    assert (found.ok, found.signature, found.after_head) == (True, "signed", 6)


# --- what a crash leaves


def test_a_crash_between_commit_and_head_is_told_from_tampering(tmp_path):
    path = a_sealed_journal(tmp_path, groups=4, size=5)
    head = head_path(path).read_bytes()
    journal = SqliteJournal(path, seal=open_seal)
    journal.append(1, some_samples(5))
    journal.close()
    head_path(path).write_bytes(head)  # as if it had been killed before the head was replaced
    found = verify_file(path)
    assert (found.ok, found.signature, found.after_head) == (True, "signed", 6)
    again = SqliteJournal(path, seal=open_seal)
    again.append(again.claim("next", 0), some_samples(1))
    again.close()
    assert verify_file(path).after_head == 0


WRITER = """
import sys
from itertools import pairwise
from pathlib import Path
from journal.signing import open_seal
from journal.store import SqliteJournal
from tests.journal.records import some_samples
journal = SqliteJournal(Path(sys.argv[1]), seal=open_seal)
epoch = journal.claim("writer", 0)
while True:
    print(journal.append(epoch, some_samples(20)), flush=True)
"""


@pytest.mark.parametrize("groups", [1, 7, 30])
def test_a_killed_writer_leaves_a_signed_journal_with_all_that_it_acknowledged_in_the_head(tmp_path, groups):
    path = tmp_path / "journal.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    acknowledged = [int(writer.stdout.readline()) for _ in range(groups)][-1]
    writer.kill()
    writer.communicate(timeout=60)
    found = verify_file(path)
    assert (found.ok, found.signature) == (True, "signed")
    assert found.after_head in (0, 21)
    assert found.records - found.after_head >= acknowledged


def test_a_head_covers_its_record(tmp_path):
    path = a_sealed_journal(tmp_path, groups=2)
    evidence, last = evidence_at(path), contents(path)[-1]
    assert evidence.hash == link(evidence.head.hash, last.body) == last.hash
