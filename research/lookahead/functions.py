"""Studies of functions over bars: `signal(bars, *tables)` in a user's file, or any function of the same shape.

A user's file is run anew for every evaluation: what a function keeps between calls, a fit, a cache, is kept by a live
session as well, but a check that let it be kept would compare a value with itself.
"""

import inspect
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from research.lookahead import frames as framing
from research.lookahead.columns import Columns, as_columns
from research.lookahead.frames import Frames
from research.lookahead.search import said
from research.lookahead.study import Study, SubjectError
from research.lookahead.watching import Watch

DEFAULT: Final = "signal"
MODULE: Final = "trifecta_user_file"


class Terms(NamedTuple):
    """What a file declares: from which bar on its values count, when it decides, which columns begin with the data."""

    warmup: int | None = None
    opening: bool = False
    anchored: tuple[str, ...] = ()


NO_TERMS: Final = Terms()


def study_of_function(
    name: str, function: Callable[..., Any], frames: Frames, terms: Terms = NO_TERMS, watch: Watch | None = None
) -> Study:
    """Return the study of a function of bars and tables; its tables are those that its parameters name."""
    wanted = table_names(function)
    absent = [table for table in wanted if table not in frames.tables]
    if absent:
        given = ", ".join(frames.tables) or "none"
        raise SubjectError(f"{name}: it takes a table {absent[0]!r}; given are {given}: --table {absent[0]}=FILE")
    frames = frames._replace(
        tables={table: frames.tables[table] for table in wanted}, opening=terms.opening or frames.opening
    )

    def evaluate(data: Frames) -> Columns:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of futures that hold NaN, which no user has written
            result = function(data.bars(), **{table: data.tables[table].copy() for table in wanted})
            return as_columns(result, len(data.times))

    return Study(
        name=name, data=frames, times=frames.times, evaluate=evaluate, cut=framing.cut,
        changes=framing.changes_of(), parts=framing.parts_of(frames), begin=framing.begin, warmup=terms.warmup,
        anchored=frozenset(terms.anchored), bar_ns=frames.bar_ns, unseen=watch.found if watch else tuple,
    )  # fmt: skip


def table_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters behind the first; SubjectError when it takes no bars."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise SubjectError(f"{getattr(function, '__name__', function)}: it takes no parameter; (bars) is allowed")
    return tuple(one.name for one in parameters[1:] if one.default is one.empty)


def study_of_file(path: Path, function: str | None, frames: Frames, trusted: tuple[str, ...] = ()) -> Study:
    """Return the study of a function in a user's Python file; SubjectError says what is wrong with it."""
    watch = Watch(path, trusted)
    fresh = _runner(path)
    with watch:
        module = fresh()
    name = function or DEFAULT
    there = _functions(module)
    if name not in there:
        named = f"; there are {', '.join(there)}: {path}:{next(iter(there))} asks for one" if there else ""
        raise SubjectError(f"{path}: no function {name!r}{named}")

    def call(bars: Any, **tables: Any) -> Any:
        with watch:
            return getattr(fresh(), name)(bars, **tables)

    call.__signature__ = inspect.signature(there[name])  # type: ignore[attr-defined]
    label = f"{path.name}:{name}"
    return study_of_function(label, call, frames, _terms(path, module), watch)


def _runner(path: Path) -> Callable[[], types.ModuleType]:
    """Return what runs the file and gives its module, new each time, with new modules from its own folder."""
    try:
        code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise SubjectError(f"{path}: {said(error)}") from error
    folder = str(path.resolve().parent)

    def run() -> types.ModuleType:
        for name, known in list(sys.modules.items()):
            origin = getattr(known, "__file__", None)
            if origin and str(Path(origin).parent) == folder and name != "__main__":
                del sys.modules[name]
        module = types.ModuleType(MODULE)
        module.__file__ = str(path)
        sys.modules[MODULE] = module
        sys.path.insert(0, folder)
        try:
            exec(code, module.__dict__)  # noqa: S102 - the user's own file, named by the user
        except Exception as error:
            raise SubjectError(f"{path}: {said(error)}") from error
        finally:
            sys.path.remove(folder)
        return module

    return run


def _functions(module: types.ModuleType) -> Mapping[str, Callable[..., Any]]:
    return {
        name: value for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == MODULE and not name.startswith("_")
    }  # fmt: skip


def _terms(path: Path, module: types.ModuleType) -> Terms:
    """Read what a file declares; SubjectError names a declaration that means nothing."""
    warmup, decides = getattr(module, "WARMUP", None), getattr(module, "DECIDES_AT", "close")
    anchored = getattr(module, "ANCHORED", ())
    if not (warmup is None or (isinstance(warmup, int | np.integer) and not isinstance(warmup, bool) and warmup >= 0)):
        raise SubjectError(f"{path}: WARMUP = {warmup!r}; a whole number of bars from 0 is allowed")
    if decides not in ("open", "close"):
        raise SubjectError(f"{path}: DECIDES_AT = {decides!r}; 'open' or 'close' is allowed")
    if isinstance(anchored, str) or not all(isinstance(name, str) for name in anchored):
        raise SubjectError(f"{path}: ANCHORED = {anchored!r}; a list of column names is allowed")
    return Terms(None if warmup is None else int(warmup), decides == "open", tuple(anchored))
