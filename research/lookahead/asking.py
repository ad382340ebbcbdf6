"""What a user asked to be checked, turned into studies: policies, features, functions of own files, and the data."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from market.tape import Role, Tape, select_rows
from policies.catalogue import POLICIES, PolicySpec, policy_named
from policies.intents import DeskKind
from research.asking import Request, bars_for, plan_for
from research.backtest import executing
from research.catalogue import Catalogue, Entry, build
from research.catalogue.entry import FileKind
from research.catalogue.finding import NotInCatalogueError
from research.choices import by_hand
from research.loader import Bars, load_bars, tick_size_of
from research.lookahead.frames import Frames
from research.lookahead.functions import study_of_file
from research.lookahead.ours import example_features, study_of_features, study_of_opinion
from research.lookahead.runs import study_of_run
from research.lookahead.study import Study, SubjectError
from research.lookahead.tables import read_table

BARS: Final = 2_000
"""Bars that are looked at by default, the newest of what was asked for."""


QUOTES: Final = 10
"""Instants of a run on quotes that are looked at for every bar that was asked for."""


class Asked(NamedTuple):
    """What to check, on what: names of policies, features or files, the data's request, and what files may read."""

    what: tuple[str, ...]
    request: Request
    bars: int = BARS
    tables: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    runs: bool = True


class Source(NamedTuple):
    """Bars as a function sees them, and where they are from."""

    frames: Frames
    notes: tuple[str, ...]


def studies_of(asked: Asked) -> Iterator[Study]:
    """Yield one study after the other; ValueErrors say what does not fit.

    A bar desk's policy is two studies: what it thinks at every bar, and the whole run of its desk. Features that were
    asked for together are one study. Without a name, everything in the catalogue is asked for.
    """
    names = asked.what or (*by_hand(), *example_features())
    files = [name for name in names if ".py" in name]
    chosen = [name for name in names if name in POLICIES]
    modelled = [name for name in chosen if policy_named(name).modelled]
    if modelled:
        raise SubjectError(
            f"{modelled[0]}: it decides by a model, which no name brings; {', '.join(by_hand())} are allowed"
        )
    features = [name for name in names if name not in files and name not in chosen]
    if asked.request.params and len(chosen) != 1:
        raise SubjectError("--param: allowed with exactly one policy")
    if (asked.tables or asked.trusted) and not files:
        raise SubjectError("--table and --trust: allowed with a user's file")
    if features or files:
        source = source_of(asked)
        if features:
            yield study_of_features("features", features, _one_symbol(source, features[0]))._replace(notes=source.notes)
        for name in files:
            place, _, function = name.removesuffix(".py").partition(".py:")
            path = Path(f"{place}.py")
            if not path.is_file():
                raise SubjectError(f"{path}: no such file")
            study = study_of_file(path, function or None, source.frames, asked.trusted)
            yield study._replace(notes=source.notes)
    for name in chosen:
        yield from _studies_of_policy(asked, policy_named(name))


def source_of(asked: Asked) -> Source:
    """Return the newest sound bars of the symbols asked for; of the file with most bars where none was named."""
    request = asked.request
    catalogue = build(request.data, request.home)
    entries = bars_for(catalogue, request) if request.symbols else [_longest(catalogue, request)]
    parts = []
    for entry in entries:
        tick = tick_size_of(entry)
        bars = load_bars(request.data, entry, tick, request.start_ns, request.end_ns)
        parts.append((entry, bars, float(tick)))
    frames = _joined(parts, asked.bars)._replace(tables=dict(read_table(word) for word in asked.tables))
    notes = [
        f"{entry.path}: {len(bars.flaws):,} bars of {entry.timeframe}, {int((bars.flaws != 0).sum()):,} flawed left out"
        for entry, bars, _ in parts
    ]
    return Source(frames, tuple(notes))


def _longest(catalogue: Catalogue, request: Request) -> Entry:
    usable = [
        entry for entry in catalogue.entries
        if entry.kind is FileKind.BARS and entry.problem is None and entry.timeframe_ns > 0 and entry.tick_size
        and request.timeframe in (None, entry.timeframe)
    ]  # fmt: skip
    if not usable:
        frame = f" of {request.timeframe}" if request.timeframe else ""
        raise NotInCatalogueError(f"{request.data}: no bars{frame} here")
    return min(usable, key=lambda entry: (-entry.rows, entry.path))


def _joined(parts: Sequence[tuple[Entry, Bars, float]], most: int) -> Frames:
    """Return bars of all symbols, sorted by (time, symbol), the newest `most` instants."""
    times, values, symbols = [], [], []
    for entry, bars, tick in parts:
        sound = bars.flaws == 0
        times.append(bars.close_ns[sound])
        prices = [side[sound] * tick for side in bars.bid]
        values.append(np.column_stack([*prices, bars.volume[sound]]))
        symbols.append(np.full(int(sound.sum()), entry.symbol or entry.path))
    stamps, table, names = np.concatenate(times), np.concatenate(values), np.concatenate(symbols)
    order = np.lexsort((names, stamps))
    instants = np.unique(stamps)
    if not len(instants):
        raise SubjectError("no sound bar in the data; nothing can be checked")
    order = order[stamps[order] >= instants[-min(most, len(instants))]]
    bar_ns = parts[0][0].timeframe_ns
    return Frames(stamps[order], table[order], names[order] if len(parts) > 1 else None, {}, bar_ns)


def _one_symbol(source: Source, feature: str) -> Frames:
    if source.frames.symbols is not None:
        raise SubjectError(f"{feature}: a feature is of one symbol; --symbols with one word is allowed")
    return source.frames


def _studies_of_policy(asked: Asked, spec: PolicySpec) -> Iterator[Study]:
    desk = spec.desk.name.lower()
    request = asked.request._replace(desks=(desk,))
    if spec.desk is DeskKind.FOREX:
        request = request._replace(policy=spec.name)
    else:
        _refuse_words(request, spec)
    planned = plan_for(request)
    plan = executing(planned.plan)
    params = dict(plan.desks[0].params)
    notes = tuple(f"{path}: {rows:,} rows" for path, _, rows in planned.data)
    for number, feed in enumerate(plan.feeds):
        if feed.roles & Role.VIEW:
            frames = frames_of_tape(planned.tape, number, feed.bar_ns).rows(slice(-asked.bars, None))
            if len(frames.times):
                study = study_of_opinion(f"{spec.name} on {feed.instrument}", spec, params, frames)
                yield study._replace(notes=notes)
    if asked.runs:
        quoted = any(not feed.bar_ns for feed in plan.feeds)
        tape = newest(planned.tape, asked.bars * (QUOTES if quoted else 1))
        yield study_of_run(f"{spec.name}: run of the {desk} desk", plan, tape)._replace(notes=notes)


def _refuse_words(request: Request, spec: PolicySpec) -> None:
    given = next((name for name in ("symbols", "timeframe", "params") if getattr(request, name)), None)
    if given:
        word = {"params": "param"}.get(given, given)
        raise SubjectError(f"--{word} with {spec.name}: the {spec.desk.name.lower()} desk has its own data and numbers")


def newest(tape: Tape, instants: int) -> Tape:
    """Return the rows of the newest instants of a tape."""
    times = np.unique(tape.time_ns)
    return select_rows(tape, tape.time_ns >= times[-min(instants, len(times))])


def frames_of_tape(tape: Tape, feed: int, bar_ns: int) -> Frames:
    """Return the sound bars of a feed, bids in ticks, as its view takes them."""
    rows = (tape.feed == feed) & (tape.flaws == 0)
    columns: list[Any] = [tape.open, tape.high, tape.low, tape.close, tape.volume]
    values = np.column_stack([column[rows].astype(np.float64) for column in columns])
    return Frames(tape.time_ns[rows], values, bar_ns=bar_ns)
