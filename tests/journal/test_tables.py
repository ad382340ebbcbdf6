"""Parquet: every record in one file, every kind's fields as typed columns in its own."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from cli.journal import export
from journal.chain import GENESIS, chain
from journal.order_records import Report
from journal.records import KINDS, Decision, Leg
from journal.store import MemoryJournal
from journal.tables import export_tables, file_of, schema_of
from tests.journal.records import any_record, some_samples, structs_of


def a_journal_of(records):
    journal = MemoryJournal()
    journal.append(journal.claim("me", 0), records)
    return journal


def rows(folder, kind):
    return pq.read_table(folder / file_of(kind)).to_pylist()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(any_record(), max_size=8))
def test_every_record_of_every_kind_is_there_once_and_its_bytes_follow(tmp_path, records):
    journal = a_journal_of(records)
    counts = export_tables(journal, tmp_path)
    whole = rows(tmp_path, "record")
    entries = list(journal.entries())
    assert [(row["seq"], row["kind"], row["time_ns"], row["hash"]) for row in whole] == [
        (entry.seq, entry.kind, entry.time_ns, entry.hash) for entry in entries
    ]
    assert chain([row["body"].encode() for row in whole], GENESIS) == [entry.hash for entry in entries]
    for kind in KINDS:
        own = [entry for entry in entries if entry.kind == kind]
        assert [row["seq"] for row in rows(tmp_path, kind)] == [entry.seq for entry in own]
        assert counts[tmp_path / file_of(kind)] == len(own)
    assert not list(tmp_path.glob("*.partial"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(structs_of(Report), structs_of(Decision)))
def test_typed_columns_hold_what_the_record_says(tmp_path, record):
    export_tables(a_journal_of([record]), tmp_path)
    (row,) = rows(tmp_path, record.__struct_config__.tag)
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if name == "legs":
            value = [{part: getattr(leg, part) for part in leg.__struct_fields__} for leg in value]
        if name == "confluence":
            value = to_builtins(value)
            value = value and {part: list(own) if isinstance(own, tuple) else own for part, own in value.items()}
        assert row[name] == (list(value) if isinstance(value, tuple) else value), name


def test_columns_have_the_types_that_an_analyst_expects():
    found = {field.name: str(field.type) for field in schema_of("decision")}
    assert (found["seq"], found["time"], found["time_ns"]) == ("int64", "timestamp[us, tz=UTC]", "int64")
    assert (found["strength"], found["reduce"], found["desk"]) == ("double", "bool", "string")
    assert found["rules"].startswith("list<")
    assert all(f"{name}: " in found["legs"] for name in Leg.__struct_fields__)
    assert {str(schema_of("order").field(name).type) for name in ("lots", "limit", "number")} == {"int64"}
    assert str(schema_of("snapshot").field("account").type) == str(schema_of("session").field("plan").type) == "string"


def test_a_field_that_is_called_like_the_place_of_a_record_has_the_kind_before_it(tmp_path):
    names = schema_of("order_news").names
    assert names[:3] == ["seq", "time", "time_ns"]
    assert (names.count("seq"), names.count("order_news_seq")) == (1, 1)
    assert file_of("order_news") == "order_news.parquet"
    assert file_of("latch") == "latches.parquet"


def test_the_command_line_knows_every_kind():
    (option,) = [one for one in export.params if one.name == "kinds"]
    assert set(option.type.choices) == set(KINDS)


def test_pandas_reads_the_samples_as_a_series_over_time(tmp_path):
    export_tables(a_journal_of(some_samples(5)), tmp_path)
    frame = pd.read_parquet(tmp_path / "samples.parquet").set_index("time")
    assert frame.equity.tolist() == [7] * 5
    assert str(frame.index.tz) == "UTC"


def test_only_what_was_asked_for_is_written(tmp_path):
    counts = export_tables(a_journal_of(some_samples(5)), tmp_path, after=3, kinds=frozenset({"sample"}))
    assert {path.name: count for path, count in counts.items()} == {"records.parquet": 3, "samples.parquet": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["records.parquet", "samples.parquet"]


def test_an_export_that_cannot_be_finished_leaves_the_one_before_it(tmp_path):
    export_tables(a_journal_of(some_samples(2)), tmp_path)

    class Breaking(MemoryJournal):
        def entries(self, after=0):
            yield from list(super().entries(after))[:3]
            raise RuntimeError

    journal = Breaking()
    journal.append(journal.claim("me", 0), some_samples(9))
    with pytest.raises(RuntimeError):
        export_tables(journal, tmp_path)
    assert len(rows(tmp_path, "sample")) == 2
    assert not list(tmp_path.glob("*.partial"))


def test_a_plan_is_json(tmp_path):
    from tests.journal.records import a_session_record

    export_tables(a_journal_of([a_session_record()]), tmp_path)
    (row,) = rows(tmp_path, "session")
    assert json.loads(row["plan"]) == {}
