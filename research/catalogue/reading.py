"""Reading: a path -> a Table, whatever the format. Content decides before the extension; there is one error only.

`UnreadableError` is the answer for a file that is empty, cut off, damaged, not what its name says, or unknown to us.
"""

import gzip
import io
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from research.catalogue.binary import read_dukascopy, read_hst
from research.catalogue.columnar import ARROW_MAGIC, FEATHER_MAGIC, PARQUET_MAGIC, read_feather, read_parquet
from research.catalogue.events import read_events_xml
from research.catalogue.tables import Table, UnreadableError
from research.catalogue.text import read_text
from research.catalogue.wire import CAPTURE_STAMP, LOCAL_STAMP, read_raw

GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGIC: Final = b"PK\x03\x04"
BYTES_MAX: Final = 4 << 30
"""A text or payload larger than this, unpacked, is refused: it would not fit beside the arrays made of it."""

COLUMNAR: Final = {".parquet": "Parquet", ".pq": "Parquet", ".feather": "Feather", ".arrow": "Feather"}
TEXTS: Final = frozenset({".csv", ".txt", ".tsv", ".prn"})
PAYLOADS: Final = frozenset({".json", ".jsonl", ".ndjson", ".ws", ".log", ".data"})
KNOWN: Final = "parquet, feather, csv, txt, json, jsonl, xml, hst, bi5, bin, also in .gz or .zip"
README: Final = re.compile(r"(readme|licen[cs]e|notice|changelog|manifest)", re.IGNORECASE)


def read(root: Path, path: PurePosixPath, words: frozenset[str]) -> Table:
    """Read a file below `root`; `words` of its name settle what its columns leave open. May raise UnreadableError."""
    try:
        return _read_file(root / path, path, words)
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise UnreadableError("does not fit into memory; split it") from error
    except Exception as error:  # what a damaged file can do to a decoder has no end
        line = str(error).splitlines()[0][:160] if str(error) else ""
        raise UnreadableError(f"damaged: {type(error).__name__} {line}".rstrip()) from error


def _read_file(full: Path, path: PurePosixPath, words: frozenset[str]) -> Table:
    """Look at the first bytes; columnar files are read in place, all others as a whole."""
    if not full.is_file():
        raise UnreadableError("not a regular file" if full.exists() else "no such file")
    with full.open("rb") as file:
        head = file.read(8)
        _check_head(path, head)
        if head.startswith(PARQUET_MAGIC):
            return read_parquet(full, words)
        if head.startswith((ARROW_MAGIC, FEATHER_MAGIC)):
            return read_feather(full, words)
        if full.stat().st_size > BYTES_MAX:
            raise UnreadableError(f"larger than {BYTES_MAX >> 30} GiB; split it or write it as Parquet")
        return _read_bytes(path, head + file.read(), words)


def _check_head(path: PurePosixPath, head: bytes) -> None:
    if not head:
        also = "; Dukascopy writes one for an hour without quotes" if path.suffix == ".bi5" else ""
        raise UnreadableError(f"empty file (0 bytes{also})")
    expected = COLUMNAR.get(path.suffix.lower())
    if expected and not head.startswith((PARQUET_MAGIC, ARROW_MAGIC, FEATHER_MAGIC)):
        raise UnreadableError(f"not {expected} although named so: it begins with {head!r}")


def _read_bytes(path: PurePosixPath, data: bytes, words: frozenset[str]) -> Table:
    """Unpack and hand on to the reader of the content."""
    if data.startswith(GZIP_MAGIC):
        table = _read_bytes(path.with_suffix("") if path.suffix == ".gz" else path, _gunzip(data), words)
        return table._replace(format=f"{table.format}.gz")
    if data.startswith(ZIP_MAGIC):
        inner, content = _unzip(data)
        table = _read_bytes(path.parent / inner, content, words)
        return table._replace(format=f"{table.format}.zip")
    if data.startswith(PARQUET_MAGIC):
        return read_parquet(io.BytesIO(data), words)
    if data.startswith((ARROW_MAGIC, FEATHER_MAGIC)):
        return read_feather(io.BytesIO(data), words)
    suffix = path.suffix.lower()
    if suffix in {".bi5", ".bin"}:
        return read_dukascopy(path, data)
    if suffix == ".hst":
        return read_hst(data)
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if suffix == ".xml" or start.startswith(b"<?xml"):
        return read_events_xml(data)
    line = start.split(b"\n")[0].rstrip()
    payload = start[:1] in {b"{", b"["} or LOCAL_STAMP.match(line) or CAPTURE_STAMP.match(line)
    if suffix in PAYLOADS or (payload and suffix not in TEXTS):
        return read_raw(data)
    if suffix in TEXTS or not suffix[1:].isalpha():
        return read_text(data, words)
    raise UnreadableError(f"unknown format {path.suffix!r}; known are {KNOWN}")


def _gunzip(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"truncated or damaged gzip: {error}") from error
    if len(content) > BYTES_MAX:
        raise UnreadableError(f"larger than {BYTES_MAX >> 30} GiB unpacked; split it or write it as Parquet")
    return content


def _unzip(data: bytes) -> tuple[str, bytes]:
    """Return the one data file of an archive: a note beside a CSV (as HistData packs it) does not count."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir() and not README.match(info.filename)]
            if len(members) > 1:
                members = [info for info in members if not info.filename.lower().endswith((".txt", ".htm", ".html"))]
            if len(members) != 1:
                raise UnreadableError(f"a zip of {len(archive.infolist())} files; unpack it, one file per instrument")
            if members[0].file_size > BYTES_MAX:
                raise UnreadableError(f"larger than {BYTES_MAX >> 30} GiB unpacked")
            return PurePosixPath(members[0].filename).name, archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise UnreadableError(f"truncated or damaged zip: {error}") from error
