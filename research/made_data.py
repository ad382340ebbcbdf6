"""Made markets as files: what `envs.scenarios` draws from a seed, in the layout that every command reads."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from envs.scenario_terms import ScenarioError, Terms
from envs.scenarios import make_market, terms_of
from market.tape import Tape, select_rows, tape_hash
from research.catalogue.names import pair_of

TICK: Final = Decimal("0.00001")
FRAMES: Final = {60: "M1", 300: "M5", 900: "M15", 3_600: "H1", 14_400: "H4", 86_400: "D1"}
"""How a file's name states the seconds of its bars."""
SIDES: Final = ("bid", "ask")
PRICES: Final = ("open", "high", "low", "close")
SECOND_NS: Final = 10**9


class MadeData(Struct, frozen=True, kw_only=True):
    """What was made: files with their rows, the terms in full, and the hash of the tape."""

    scenario: str
    seed: int
    symbol: str
    files: tuple[tuple[str, int], ...]
    terms: dict[str, Any]
    tape_hash: str


def make_data(name: str, seed: int, symbol: str, changes: Sequence[str], folder: Path) -> MadeData:
    """Draw a made market and write it below `folder`; `changes` are words `term=value`.

    A price of one tick is 0.00001. ScenarioError names what is not allowed.
    """
    if pair_of(symbol) != symbol:
        raise ScenarioError(f"--symbol {symbol}: a pair of currencies in capitals, such as EURUSD, is allowed")
    terms = terms_of(name, **terms_given(terms_of(name), changes))
    given = {field: getattr(terms, field) for field in terms.__struct_fields__}
    market = make_market(name, np.random.default_rng(seed), **given)
    notes = {"scenario": name, "seed": str(seed), "terms": msgspec.json.encode(terms, order="sorted").decode()}
    files = []
    for feed in range(market.feeds):
        tape = select_rows(market.tape, market.tape.feed == feed)
        path = _path(symbol, terms, feed if market.feeds > 1 else None)
        columns = _bars(tape, terms) if market.feeds == 1 else _quotes(tape, f"venue_{'ab'[feed]}")
        _write(columns, notes, folder / path)
        files.append((str(path), len(tape.time_ns)))
    return MadeData(
        scenario=name, seed=seed, symbol=symbol, files=tuple(files), terms=msgspec.to_builtins(given),
        tape_hash=tape_hash(market.tape),
    )  # fmt: skip


def terms_given(usual: Terms, words: Sequence[str]) -> dict[str, object]:
    """Return words `term=value` as terms, numbers of a list apart by commas; ScenarioError names the word."""
    found: dict[str, object] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or name in found:
            raise ScenarioError(f"--set {word}: term=number is allowed, each term once")
        now = getattr(usual, name, None) if name in usual.__struct_fields__ else None
        try:
            parts = tuple(_number(part, now[0] if isinstance(now, tuple) else now) for part in value.split(","))
        except ValueError:
            raise ScenarioError(f"--set {word}: {value!r} is no number; whole where the term is whole") from None
        found[name] = parts if isinstance(now, tuple) or len(parts) > 1 else parts[0]
    return found


def _number(text: str, like: object) -> float | int:
    return int(text) if isinstance(like, int) else float(text)


def _path(symbol: str, terms: Terms, venue: int | None) -> Path:
    if venue is not None:
        return Path("multi_venue") / "ticks_made" / f"{symbol}_ticks_venue_{'ab'[venue]}.parquet"
    seconds, rest = divmod(terms.step_ns, SECOND_NS)
    frame = FRAMES.get(seconds) if rest == 0 else None
    if frame is None:
        allowed = ", ".join(f"{one * SECOND_NS} ({name})" for one, name in FRAMES.items())
        raise ScenarioError(f"--set step_ns={terms.step_ns}: in a file, bars of {allowed} ns are allowed")
    return Path("fx") / frame.lower() / f"{symbol}_{frame}_made.parquet"


def _bars(tape: Tape, terms: Terms) -> dict[str, Any]:
    """Return bars as columns; a file names a bar by its opening."""
    columns: dict[str, Any] = {"ts": tape.time_ns - terms.step_ns}
    for side in SIDES:
        for price in PRICES:
            ticks = getattr(tape, price if side == "bid" else f"ask_{price}")
            columns[f"{side}_{price}"] = ticks / float(1 / TICK)
    return columns


def _quotes(tape: Tape, venue: str) -> dict[str, Any]:
    unit = float(1 / TICK)
    names = [venue] * len(tape.time_ns)
    return {"ts": tape.time_ns, "bid": tape.close / unit, "ask": tape.ask_close / unit, "venue": names}


def _write(columns: dict[str, Any], notes: dict[str, str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamps = pa.array(columns.pop("ts"), pa.timestamp("ns", "UTC"))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"ts": stamps} | columns).replace_schema_metadata(notes), path, compression="zstd")
