"""Far calls: a state behind an address, and a kernel over it that its callers do not contain.

Numba links what a kernel calls into that kernel, optimises it there anew, and hands over every array of a state one by
one. That is right for what runs once per market row. Where a state has dozens of arrays and one call does a lot, the
caller keeps a handle instead: where the state's arrays are described, and where the machine code of the one function
over them is. That function is compiled once, whoever calls it.

A handle keeps its state alive. With NUMBA_DISABLE_JIT=1 a far call is a plain one.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast
from weakref import WeakValueDictionary

import numba
import numpy as np
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from market.compiled import compiled
from market.tape import Int64

_numba: Any = numba
_cpu: Any = cpu_target
_intrinsic: Any = intrinsic
WORD: Final[Any] = _numba.types.int64
PLAIN: Final = bool(_numba.config.DISABLE_JIT)

Entry = Callable[[int, int, int], int]
"""(address of a state, two numbers) -> a number: what a far call reaches."""


class _Kept(ctypes.Array):  # type: ignore[type-arg]
    """The memory of a handle, and what it belongs to."""

    _type_ = ctypes.c_int64
    _length_ = 2
    owner: Any


def loader(like: Any) -> Callable[[int], Any]:
    """Return the function for kernels that takes a state of the type of `like` from its address."""
    if PLAIN:
        return _owned
    kind = _numba.typeof(like)

    def loaded(_typing: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], context.get_value_type(kind).as_pointer()))

        return kind(WORD), generate

    return cast("Callable[[int], Any]", _intrinsic(loaded))


def handle_of(state: Any, like: Any, entry: Entry) -> Int64:
    """Return a handle to a state of the type of `like` for calls of `entry`; TypeError: it has another type."""
    memory = _Kept()
    if PLAIN:
        memory.owner = (state, entry)
        memory[0] = id(memory)
        _PLAIN[id(memory)] = memory
        return np.frombuffer(memory, np.int64)
    kind = _numba.typeof(state)
    if kind != _numba.typeof(like):
        raise TypeError(f"a state of type {kind} where far calls expect {_numba.typeof(like)}")
    context = _cpu.target_context
    image = ctypes.create_string_buffer(context.get_abi_sizeof(context.get_value_type(kind)))
    address = ctypes.addressof(image)
    _store(address, state)
    memory.owner = (state, image)
    memory[0], memory[1] = _machine_code(entry), address
    return np.frombuffer(memory, np.int64)


@compiled
def far_call(handle: Int64, first: int, second: int) -> int:
    """Return what the function behind a handle says to two numbers."""
    return _jump(handle[0], handle[1], first, second)


@cache
def _machine_code(entry: Entry) -> int:
    """Return the address of a function's machine code, which is compiled or read from the cache once per process."""
    made = _numba.cfunc(WORD(WORD, WORD, WORD), cache=True, error_model="numpy", _nrt=False)(entry)
    _MADE.append(made)
    return int(made.address)


_MADE: Final[list[Any]] = []
"""Machine code lives as long as its object."""

_PLAIN: Final[WeakValueDictionary[int, _Kept]] = WeakValueDictionary()
"""Where kernels are plain Python, states by the number in their handle."""


def _owned(number: int) -> Any:
    return _PLAIN[int(number)].owner[0]


if PLAIN:

    def _jump(number: int, _address: int, first: int, second: int) -> int:
        return int(_PLAIN[int(number)].owner[1](int(number), first, second))

else:

    @_intrinsic  # type: ignore[untyped-decorator]
    def _jump(_typing: Any, code: Any, address: Any, first: Any, second: Any) -> Any:
        """Call machine code by its address."""

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            word = arguments[0].type
            kind = type(builder.function.function_type)(word, (word, word, word))
            return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

        return WORD(code, address, first, second), generate

    @_intrinsic  # type: ignore[untyped-decorator]
    def _write(_typing: Any, address: Any, state: Any) -> Any:
        """Write a state's description to an address."""

        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            builder.store(arguments[1], builder.inttoptr(arguments[0], arguments[1].type.as_pointer()))
            return context.get_dummy_value()

        return _numba.types.void(WORD, state), generate


@compiled
def _store(address: int, state: Any) -> None:
    _write(address, state)
