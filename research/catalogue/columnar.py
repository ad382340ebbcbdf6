"""Parquet and Feather (Arrow IPC) files: only the columns that mean something to us are read."""

from io import BytesIO
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from research.catalogue.columns import DEPTH_MARKS, layout_of, plain_name
from research.catalogue.entry import FileKind
from research.catalogue.tables import Table, UnreadableError, complete, table_of

PARQUET_MAGIC: Final = b"PAR1"
ARROW_MAGIC: Final = b"ARROW1"
FEATHER_MAGIC: Final = b"FEA1"


def read_parquet(source: Path | BytesIO, words: frozenset[str]) -> Table:
    """Read a Parquet file; UnreadableError says whether it is cut off or damaged."""
    try:
        with pq.ParquetFile(source) as parquet:
            schema = parquet.schema_arrow
            arrow = parquet.read(columns=_wanted(schema, words))
    except UnreadableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        cut = "magic bytes not found in footer" in str(error)
        raise UnreadableError(
            "truncated Parquet: the footer is missing" if cut else f"damaged Parquet: {_line(error)}"
        ) from error
    return table_of(arrow, "parquet", words)._replace(columns=tuple(schema.names))


def read_feather(source: Path | BytesIO, words: frozenset[str]) -> Table:
    """Read a Feather file of version 1 or 2."""
    try:
        arrow = feather.read_table(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(f"truncated or damaged Feather: {_line(error)}") from error
    return table_of(arrow, "feather", words)


def _wanted(schema: pa.Schema, words: frozenset[str]) -> list[str]:
    layout = complete(layout_of(schema.names, words), schema)
    if layout.kind is FileKind.CLOSES:
        return list(schema.names)
    marks = DEPTH_MARKS if layout.kind is FileKind.DEPTH else frozenset()
    named = {*layout.time, *layout.roles.values()}
    return [name for name in schema.names if name in named or plain_name(name) in marks]


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
