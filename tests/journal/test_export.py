"""Export: one JSON line per record, with its place in the chain; anybody can check it."""

import hashlib
import io
import json

from journal.export import export_lines, json_line
from journal.store import MemoryJournal
from tests.journal.records import some_samples


def a_journal():
    journal = MemoryJournal()
    journal.append(journal.claim("me", 4), some_samples(3))
    return journal


def exported(**wanted):
    out = io.BytesIO()
    count = export_lines(a_journal(), out, **wanted)
    lines = out.getvalue().splitlines()
    assert count == len(lines)
    return lines


def test_a_line_holds_sequence_hash_and_the_body_as_it_was_hashed():
    entry = next(a_journal().entries())
    body = '{"epoch":1,"kind":"claim","owner":"me","time_ns":4}'
    hashed = hashlib.sha256(("0" * 64 + body).encode()).hexdigest()
    assert json_line(entry) == f'{{"seq":1,"hash":"{hashed}","record":{body}}}\n'.encode()


def test_an_export_can_be_verified_with_nothing_but_sha256():
    previous = "0" * 64
    for line in exported():
        body = line.split(b'"record":', 1)[1][:-1]
        previous = hashlib.sha256(previous.encode() + body).hexdigest()
        assert json.loads(line)["hash"] == previous
    assert previous == a_journal().head[1]


def test_records_after_a_sequence_number_and_of_some_kinds():
    assert [json.loads(line)["seq"] for line in exported(after=2)] == [3, 4]
    assert [json.loads(line)["seq"] for line in exported(kinds=frozenset({"claim"}))] == [1]
    assert [json.loads(line)["record"]["kind"] for line in exported(after=1, kinds=frozenset({"claim"}))] == []
