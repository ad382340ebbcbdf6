"""Tables that a user's file joins to bars: `--table NAME=FILE`, each row with the instant at which it was known."""

from pathlib import Path
from typing import Any, Final

import pandas as pd

from research.lookahead.frames import KNOWN_AT
from research.lookahead.search import said
from research.lookahead.study import SubjectError

READERS: Final = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".feather": pd.read_feather}


def read_table(word: str) -> tuple[str, Any]:
    """Return (name, table) of NAME=FILE, sorted by `known_at`; SubjectError says what is wrong with it."""
    name, separator, text = word.partition("=")
    if not separator or not name.isidentifier():
        raise SubjectError(f"--table {word}: NAME=FILE is allowed, NAME as the function calls it")
    path = Path(text)
    if path.suffix.lower() not in READERS:
        raise SubjectError(f"--table {word}: {', '.join(READERS)} are allowed")
    try:
        table = READERS[path.suffix.lower()](path)
    except Exception as error:
        raise SubjectError(f"--table {word}: {said(error)}") from error
    if KNOWN_AT not in table:
        columns = ", ".join(map(str, table.columns))
        raise SubjectError(f"--table {word}: no column {KNOWN_AT!r}, when a row was known; there are {columns}")
    try:
        known = pd.to_datetime(table[KNOWN_AT], utc=True)
    except (ValueError, TypeError) as error:
        raise SubjectError(f"--table {word}: {KNOWN_AT}: {said(error)}") from error
    if known.isna().any():
        raise SubjectError(f"--table {word}: {KNOWN_AT} of row {int(known.isna().to_numpy().argmax())} is missing")
    return name, table.assign(**{KNOWN_AT: known}).sort_values(KNOWN_AT, kind="stable", ignore_index=True)
