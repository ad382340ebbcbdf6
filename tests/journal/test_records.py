"""Records: every kind survives its bytes, and its name stands in the journal."""

import msgspec
import pytest
from hypothesis import given

from journal.chain import canonical
from journal.records import KINDS, AnyRecord, decode, kind_of
from tests.journal.records import a_sample, any_record
from tests.properties import PROPERTY, settings


@given(any_record())
@settings(PROPERTY, max_examples=300)
def test_a_record_read_back_from_its_bytes_is_the_same_and_has_the_same_bytes(record):
    body = canonical(record)
    again = decode(body)
    assert canonical(again) == body
    assert type(again) is type(record)
    assert again == record


def test_every_kind_has_a_name_of_its_own():
    assert set(KINDS) == {
        "session", "claim", "mandate", "decision", "order", "report", "cancel", "replace", "order_news", "breaks",
        "adjustment", "orders_snapshot", "latch", "sample", "snapshot", "stop", "switch", "command", "outcome",
        "alert", "breaker", "new_head", "checkpoint", "stated", "demotion",
    }  # fmt: skip
    assert set(KINDS.values()) == set(AnyRecord.__args__)
    assert kind_of(a_sample()) == "sample"


@pytest.mark.parametrize(
    "body", [b"{}", b'{"kind":"sample"}', b'{"kind":"nonsense","time_ns":1}', b"\x00", b'{"kind":"stop","time_ns":"x"}']
)
def test_bytes_that_are_no_record_are_refused(body):
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        decode(body)
