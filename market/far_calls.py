"""Far calls: a state behind an address, and a kernel over it that its callers do not contain.

Numba links what a kernel calls into that kernel, optimises it there anew, and hands over every array of a state one by
one. That is right for what runs once per market row. Where a state has dozens of arrays and one call does a lot, the
caller keeps a handle instead: where the state's arrays are described, and where the machine code of the one function
over them is. That function is compiled once, whoever calls it, and its callers compile in a fraction of the time.

A handle keeps its state alive; to be part of the state itself it must be an `inner` one, which does not. With
NUMBA_DISABLE_JIT=1 a far call is a plain one.
"""

import ctypes
import hashlib
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic

from market.compiled import compiled
from market.tape import Int64

_numba: Any = numba
cgutils: Final[Any] = numba_cgutils
_intrinsic: Any = intrinsic
_types: Final[Any] = _numba.types
WORD: Final[Any] = _types.int64
PLAIN: Final = bool(_numba.config.DISABLE_JIT)

IMAGE_MAX: Final = 1 << 16
"""Bytes that a state's description takes at most: 56 and more per array."""

Entry = Callable[[Any, int, int, int, int], int]
"""(address of a state, what is asked, three numbers) -> a number from 1 on: what a far call reaches.

An exception in machine code that is called from machine code is told on stderr and lost, and 0 returned: so 0 fails.
"""


class _Kept(ctypes.Array):  # type: ignore[type-arg]
    """The memory of a handle, and what it belongs to."""

    _type_ = ctypes.c_int64
    _length_ = 2
    owner: Any


_PLAIN: Final[WeakValueDictionary[int, _Kept]] = WeakValueDictionary()
"""Where kernels are plain Python, states by the number in their handle."""


def open_handle() -> tuple[Int64, Int64]:
    """Return a handle that calls nothing yet, and an inner one that will call the same."""
    memory: Any = _Kept()
    return np.frombuffer(memory, np.int64), np.zeros(2, np.int64)


def fill_handle(handles: tuple[Int64, Int64], state: Any, entry: Entry) -> Int64:
    """Let handles call an entry over a state, which may hold the inner one; return the handle."""
    handle, inner = handles
    memory: Any = handle.base.obj if isinstance(handle.base, memoryview) else handle.base
    if PLAIN:
        memory.owner = (state, entry)
        _PLAIN[id(memory)] = memory
        inner[0] = memory[0] = id(memory)
        return handle
    image = ctypes.create_string_buffer(IMAGE_MAX)
    number = _store(ctypes.addressof(image), state)
    memory.owner = (state, image)
    if (entry, number) not in _MADE:
        _MADE[entry, number] = _machine_code(entry, _numba.typeof(state))
    inner[0] = memory[0] = _MADE[entry, number].address
    inner[1] = memory[1] = ctypes.addressof(image)
    return handle


def handle_of(state: Any, entry: Entry) -> Int64:
    """Return a handle for calls of an entry over a state."""
    return fill_handle(open_handle(), state, entry)


@compiled
def far_call(handle: Int64, asked: int, first: int, second: int, third: int) -> int:
    """Return what the function behind a handle says to some numbers, less 1."""
    told = _jump(handle[0], (handle[1], asked, first, second, third))
    assert told > 0
    return told - 1


def _machine_code(entry: Entry, kind: Any) -> Any:
    """Return a function's machine code over a type of state: compiled, or read from the cache."""
    signature = WORD(_types.CPointer(kind), WORD, WORD, WORD, WORD)
    return _numba.cfunc(signature, cache=True, error_model="numpy", _nrt=False)(entry)


_MADE: Final[dict[tuple[Entry, int], Any]] = {}
"""Machine code by its function and the number of its state's type; it lives as long as its object."""


if PLAIN:

    def loaded(number: Any) -> Any:
        """Return the state of an entry."""
        return _PLAIN[int(number)].owner[0]

    def _jump(number: int, words: tuple[int, ...]) -> int:
        return int(_PLAIN[int(number)].owner[1](int(number), *words[1:]))

else:
    INDEX_IR: Final[Any] = ir.IntType(32)
    WORD_IR: Final[Any] = ir.IntType(64)

    @_intrinsic  # type: ignore[untyped-decorator]
    def loaded(_typing: Any, address: Any) -> Any:
        """Return the state of an entry."""

        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(address.dtype)
            return _leaves(builder, builder.bitcast(arguments[0], kind.as_pointer()), kind, ())

        return address.dtype(address), generate

    def _leaves(builder: Any, place: Any, kind: Any, path: tuple[int, ...]) -> Any:
        """Load a description word by word, each as something that never changes: only what is used is read at all."""
        if not hasattr(kind, "elements"):
            word = builder.load(builder.gep(place, [INDEX_IR(0), *map(INDEX_IR, path)]))
            word.set_metadata("invariant.load", builder.module.add_metadata([]))
            return word
        whole = kind(ir.Undefined)
        for k, part in enumerate(kind.elements):
            whole = builder.insert_value(whole, _leaves(builder, place, part, (*path, k)), k)
        return whole

    @_intrinsic  # type: ignore[untyped-decorator]
    def _jump(_typing: Any, code: Any, words: Any) -> Any:
        """Call machine code by its address."""

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            place = ir.FunctionType(WORD_IR, [WORD_IR] * len(words)).as_pointer()
            return builder.call(
                builder.inttoptr(arguments[0], place), cgutils.unpack_tuple(builder, arguments[1], len(words))
            )

        return WORD(code, words), generate

    @_intrinsic  # type: ignore[untyped-decorator]
    def _write(_typing: Any, address: Any, state: Any) -> Any:
        """Write a state's description to an address; return a number of its type: asking Numba for it takes long."""
        number = int.from_bytes(hashlib.sha256(str(state).encode()).digest()[:7])

        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            size = context.get_abi_sizeof(arguments[1].type)
            if size > IMAGE_MAX:
                raise ValueError(f"a state that takes {size} bytes to describe: at most {IMAGE_MAX} are allowed")
            builder.store(arguments[1], builder.inttoptr(arguments[0], arguments[1].type.as_pointer()))
            return WORD_IR(number)

        return WORD(WORD, state), generate


@compiled
def _store(address: int, state: Any) -> int:
    return _write(address, state)
