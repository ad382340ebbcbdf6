"""A study: data, what is computed of it, and how its future is taken away or made another one."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from market.tape import Int64
from research.lookahead.columns import Columns

Change = Callable[[Any, int, int, np.random.Generator], Any]
"""(data, after_ns, until_ns, rng) -> the same data with another content in the rows known in (after_ns, until_ns]."""

PartChange = Callable[[Any, int, np.random.Generator], Any]
"""(data, row, rng) -> the same data with another content in one part of what is known after that row."""


class SubjectError(ValueError):
    """What is to be checked cannot be computed on the whole data; one line says why."""


class LeakKind(StrEnum):
    """How a value comes to know the future, as far as it shows from outside."""

    AHEAD = "ahead"  # some bars after its own: shift, centred window, forward return
    TIMEFRAME = "timeframe"  # to the end of a longer period that is not over: an unfinished bar, a label at the left
    WHOLE = "whole"  # everything up to the last row: normalisation, fit, quantile, zero-phase filter, sort
    FILL = "fill"  # where there was nothing yet, a later value was filled in: back fill, interpolation
    TABLE = "table"  # rows of a joined table that were not known yet: join direction, revision, stamp
    OTHERS = "others"  # later rows of other symbols: rank, breadth, survivorship
    LENGTH = "length"  # where the data ends, whatever comes
    OPEN = "open"  # its own bar, which is still open
    CHANCE = "chance"  # the same data gives other values: nothing can be told of it
    FAILS = "fails"  # on data that ends there it cannot be computed at all
    UNSEEN = "unseen"  # a file or a connection of its own, which no check can cut


class Study(NamedTuple):
    """Anything that maps data to columns.

    `times` is when each row is known, rising. `cut(data, t)` keeps what is known by t; `begin(data, t)` the rows known
    from t on. The first rows of what is computed on them are the first rows of the whole, the others those from t on.
    `changes` are other futures; `parts` change one part of the data only: by them the kind of a leak is told, where
    there are any. `warmup` is the first row that the study vouches for, None where it says nothing; `longest` is the
    same by column, `anchored` are columns that depend on where data begins. `bar_ns` is the length of a bar, 0 for
    quotes. `unseen` says, once all is computed, what was read past the data; `notes` say what the data is.
    """

    name: str
    data: Any
    times: Int64
    evaluate: Callable[[Any], Columns]
    cut: Callable[[Any, int], Any]
    changes: Mapping[str, Change]
    parts: Mapping[str, PartChange] = {}
    begin: Callable[[Any, int], Any] | None = None
    warmup: int | None = None
    longest: Mapping[str, int] = {}
    anchored: frozenset[str] = frozenset()
    bar_ns: int = 0
    unseen: Callable[[], tuple[str, ...]] = tuple
    notes: tuple[str, ...] = ()

    def rows_known(self, time_ns: int) -> int:
        """Return how many rows are known by a time."""
        return int(np.searchsorted(self.times, time_ns, side="right"))
