"""The book behind one handle: calling a kernel with a tuple of dozens of arrays costs ten times what judging does.

Numba takes a tuple apart at every call, an array at a time; a handle is one pointer, and what is behind it is the same
memory (`python -m bench risk`). For callers in Python; kernels hand the book itself to each other.
"""

from typing import Any, Final, cast

import numba
from numba import types
from numba.experimental import structref

from market.records import Records
from policies.judgement import judge_group
from policies.risk import Book, judge

_config: Any = numba.config
_structref: Any = structref
_types: Any = types
_njit: Any = numba.njit
PLAIN: Final = bool(_config.DISABLE_JIT)
"""Kernels run as plain Python: a handle is then an object like any other."""


class Held:
    """A book that kernels are handed as one pointer; the caller keeps using the book as well."""

    def __init__(self, book: Book) -> None:
        self.book = book


if not PLAIN:

    class _HeldType(_types.StructRef):  # type: ignore[misc]
        """Numba's type of a handle: one field, as wide as the book."""

        def preprocess_fields(self, fields: Any) -> Any:
            """Keep the fields' own types."""
            return tuple((name, _types.unliteral(kind)) for name, kind in fields)

    class _Held(_structref.StructRefProxy):  # type: ignore[misc]
        """The handle as Python has it."""

        def __new__(cls, book: Book) -> Any:
            """Put a book behind a handle."""
            return _structref.StructRefProxy.__new__(cls, book)

    _structref.register(_HeldType)
    _structref.define_proxy(_Held, _HeldType, ["book"])


def hold(book: Book) -> Held:
    """Return a handle to a book."""
    return Held(book) if PLAIN else cast("Held", _Held(book))


# A handle is counted by Numba's runtime, so these two are not `compiled`: everything else about them is the same.


@_njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def judge_held(held: Held, group: Records, place: int) -> int:
    """Return what `policies.risk.judge` says of the intent at a place of a group."""
    return judge(held.book, group[place])


@_njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def judge_group_held(held: Held, group: Records, size: int) -> None:
    """Do what `policies.judgement.judge_group` does."""
    judge_group(held.book, group, size)
