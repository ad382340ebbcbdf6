"""Export as Parquet: what DuckDB, pandas or Polars read at once, a folder with one file per kind of record.

`records.parquet` holds every record with its place in the chain and its JSON as it was hashed, so that the chain can
be checked from it. `orders.parquet`, `reports.parquet`, `decisions.parquet` and the others hold the fields of their
kind as typed columns, behind `seq` and `time` (UTC, microseconds; `time_ns` is exact). Legs, votes, features and rules
are lists; what has no fixed fields (a plan, a snapshot's book) is JSON.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Raw, Struct

from journal.export import wanted
from journal.records import KINDS
from journal.store import Entry, Journal

ROWS_AT_ONCE: Final = 20_000

TIME: Final = pa.timestamp("us", tz="UTC")

RECORDS: Final = pa.schema(
    [("seq", pa.int64()), ("kind", pa.string()), ("time", TIME), ("time_ns", pa.int64()), ("hash", pa.string()),
     ("body", pa.string())]
)  # fmt: skip
"""Every record; `body` is the canonical JSON that the hash covers."""

_PLAIN: Final = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}


def export_tables(
    journal: Journal, folder: Path, *, after: int = 0, kinds: frozenset[str] = frozenset()
) -> dict[Path, int]:
    """Write records after a sequence number, all or of some kinds; return how many are in which file.

    A file takes its name when all are complete, so what is there before is replaced as a whole or stays. Kinds of which
    there is no record get an empty file: a query over it answers with nothing instead of failing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [kind for kind in KINDS if not kinds or kind in kinds]
    with ExitStack() as stack:
        files = {"": _File(folder / "records.parquet", RECORDS, _place_of)}
        files |= {kind: _File(folder / file_of(kind), schema_of(kind), _fields_of(kind)) for kind in chosen}
        for file in files.values():
            stack.callback(file.close)
        for entry in wanted(journal, after, kinds):
            for file in (files[""], files[entry.kind]):
                file.add(entry)
        for file in files.values():
            file.finish()
    return {file.path: file.rows for file in files.values()}


class _File:
    """One Parquet file on its way, in row groups."""

    def __init__(self, path: Path, schema: pa.Schema, row_of: Callable[[Entry], dict[str, Any]]) -> None:
        self.path, self.rows = path, 0
        self._partial = path.with_name(f"{path.name}.partial")
        self._schema, self._row_of = schema, row_of
        self._waiting: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(self._partial, schema, compression="zstd")

    def add(self, entry: Entry) -> None:
        self._waiting.append(self._row_of(entry))
        self.rows += 1
        if len(self._waiting) == ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []

    def finish(self) -> None:
        self._flush()
        self._writer.close()
        self._partial.replace(self.path)

    def close(self) -> None:
        """Leave nothing that is not complete."""
        self._writer.close()
        self._partial.unlink(missing_ok=True)


def file_of(kind: str) -> str:
    """Return the name of the file of a kind."""
    plural = "" if kind.endswith("s") else "es" if kind.endswith("ch") else "s"
    return f"{kind}{plural}.parquet"


def schema_of(kind: str) -> pa.Schema:
    """Return the columns of a kind: its place and time, then its fields in their order."""
    hints = get_type_hints(KINDS[kind])
    fields = [(_column(kind, name), _arrow(hints[name])) for name in KINDS[kind].__struct_fields__ if name != "time_ns"]
    return pa.schema([("seq", pa.int64()), ("time", TIME), ("time_ns", pa.int64()), *fields])


def _column(kind: str, name: str) -> str:
    """Return the column of a field: its name, behind that of its kind where the record's own place is called so."""
    return f"{kind}_{name}" if name in ("seq", "time") else name


def _arrow(hint: Any) -> pa.DataType:
    """Return the column type of a field; text, which is JSON, where its shape is not fixed."""
    known = [part for part in get_args(hint) if part is not NoneType]
    if isinstance(hint, UnionType) and len(known) == 1:  # a column may hold nothing
        return _arrow(known[0])
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Struct):
        hints = get_type_hints(hint)
        return pa.struct([(name, _arrow(hints[name])) for name in hint.__struct_fields__])
    parts = get_args(hint)
    if get_origin(hint) is tuple and parts[-1] is Ellipsis and not _is_free(parts[0]):
        return pa.list_(_arrow(parts[0]))
    return pa.string()


def _is_free(hint: Any) -> bool:
    """Tell a type without fixed fields from those that make a column."""
    return hint is Raw or get_origin(hint) in (dict, tuple)


def _place_of(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq, "kind": entry.kind, "time": entry.time_ns // 1000, "time_ns": entry.time_ns,
        "hash": entry.hash, "body": entry.body.decode(),
    }  # fmt: skip


def _fields_of(kind: str) -> Callable[[Entry], dict[str, Any]]:
    """Return what makes a row of an entry of a kind."""
    types = {field.name: field.type for field in schema_of(kind)}

    def row(entry: Entry) -> dict[str, Any]:
        record = entry.record()
        found = {"seq": entry.seq, "time": entry.time_ns // 1000, "time_ns": entry.time_ns}
        columns = {name: _column(kind, name) for name in record.__struct_fields__}
        return found | {column: _value(getattr(record, name), types[column]) for name, column in columns.items()}

    return row


def _value(value: Any, kind: pa.DataType) -> Any:
    if kind == pa.string() and not isinstance(value, str):
        return msgspec.json.encode(value, order="sorted").decode()
    return msgspec.to_builtins(value)
