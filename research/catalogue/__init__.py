"""The data catalogue: what lies in a directory of market data, what it covers, and what is wrong with it.

`build` walks, `judge` judges, `find` looks up; `entry` holds the values. Files are read by `reading` (content decides
before extension) and described by `inspecting`. Importing this package is cheap: pyarrow and numba come in only when
a file has to be inspected.
"""

from research.catalogue.building import build
from research.catalogue.cache import file_hash
from research.catalogue.entry import Catalogue, Entry, Faults, FileKind, Gaps, show_time
from research.catalogue.finding import NotInCatalogueError, find
from research.catalogue.judging import Level, Verdict, judge

__all__ = [
    "Catalogue",
    "Entry",
    "Faults",
    "FileKind",
    "Gaps",
    "Level",
    "NotInCatalogueError",
    "Verdict",
    "build",
    "file_hash",
    "find",
    "judge",
    "show_time",
]
