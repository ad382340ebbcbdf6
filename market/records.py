"""Arrays of records: the state that kernels read and write, one flat numpy record array per kind of thing.

Fields are int64 unless named as floats. The arrays are `recarray`s, so that `position.lots` means the same to Numba
and to plain Python (tests run every kernel both ways).
"""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Records: TypeAlias = Any  # a recarray: its fields are attributes, which no checker of today can name
Record: TypeAlias = Any  # one element of Records; its fields are named by its record type


def record_type(integers: str, floats: str = "", vectors: dict[str, int] | None = None) -> np.dtype[Any]:
    """Return a record type: names of int64 fields, of float64 fields, and of float64 vectors with their lengths."""
    fields: list[Any] = [(name, np.int64) for name in integers.split()]
    fields += [(name, np.float64) for name in floats.split()]
    fields += [(name, np.float64, (length,)) for name, length in (vectors or {}).items()]
    taken = [field[0] for field in fields if hasattr(np.record, field[0])]
    assert not taken, f"{taken} are methods of numpy records and would hide the fields"
    return np.dtype(fields, align=True)


def records(count: int, kind: np.dtype[Any]) -> Records:
    """Return `count` zeroed records."""
    return np.zeros(count, kind).view(np.recarray)


def unwritten(count: int, kind: np.dtype[Any]) -> Records:
    """Return `count` records of whatever is in memory: for logs, whose entries are written whole before any read."""
    return np.empty(count, kind).view(np.recarray)


def joined(parts: Sequence[Records], kind: np.dtype[Any]) -> Records:
    """Return records one after the other, in an array of their own."""
    out = unwritten(sum(map(len, parts)), kind)
    into, begin = as_bytes(out), 0
    for part in parts:
        end = begin + len(part) * kind.itemsize
        into[begin:end] = as_bytes(part)
        begin = end
    return out


def as_bytes(rows: Records) -> NDArray[np.uint8]:
    """Return the memory of contiguous records as bytes: numpy copies records field by field, bytes all at once."""
    return np.ndarray((len(rows) * rows.dtype.itemsize,), np.uint8, rows)


def copied(record: Record) -> Records:
    """Return one record as an array of its own: an element read out of an array is a reference into it."""
    out = records(1, record.dtype)
    out[0] = record
    return out


def plain(record: Record) -> Any:
    """Return a record as a named tuple of Python numbers: many times faster to read in Python, field by field."""
    kind = record.dtype
    make = _PLAIN.get(kind.names)
    if make is None:
        made: Any = namedtuple("Plain", kind.names)  # type: ignore[misc]  # the fields are known when it runs
        make = _PLAIN[kind.names] = made._make
    return make(record.item())


_PLAIN: dict[Any, Any] = {}


def packed(rows: Records) -> NDArray[Any]:
    """Return records as rows of plain bytes, fit to cross a process border (a recarray is not)."""
    size = rows.dtype.itemsize
    return np.frombuffer(rows.tobytes(), np.uint8).reshape(len(rows), size)


def unpacked(rows: NDArray[Any], kind: np.dtype[Any]) -> Records:
    """Return packed rows as records of their own."""
    out = records(len(rows), kind)
    if len(rows):
        out.view(np.ndarray).view(np.uint8).reshape(len(rows), kind.itemsize)[:] = rows
    return out
