"""Judging: is a file fit for use? Ok, a warning with what to mind, or bad with why it cannot be used."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from research.catalogue.entry import DAY_NS, PRICED, Entry, FileKind

MISSING_SHARE_MAX: Final = 0.01
"""More absent bars than this share of those expected is worth a warning; every file of minute bars has some."""

HOLE_MAX_NS: Final = DAY_NS // 4
HOLE_MAX_BARS: Final = 10
"""So is one hole longer than both."""

JUMP_MAX: Final = 0.4
"""A close this far from the one before is a split or a bad price, not a market."""

FLAWED_SHARE_MAX: Final = 0.5
"""With more flawed rows than this, nothing can be computed from a file."""


class Level(StrEnum):
    """How fit a file is."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


class Verdict(Struct, frozen=True):
    """The level and, one line each, the reasons for it."""

    level: Level
    reasons: tuple[str, ...] = ()


def judge(entry: Entry) -> Verdict:
    """Return the verdict on one file."""
    if entry.problem is not None:
        return Verdict(Level.BAD, (entry.problem,))
    flawed = max(entry.faults.zero or 0, entry.faults.not_finite or 0, entry.faults.range or 0)
    if entry.kind in PRICED and flawed > entry.rows * FLAWED_SHARE_MAX:
        return Verdict(Level.BAD, (f"{flawed:,} of {entry.rows:,} rows are flawed", *_fault_reasons(entry)))
    reasons = (*_fault_reasons(entry), *_gap_reasons(entry), *_other_reasons(entry))
    return Verdict(Level.WARNING if reasons else Level.OK, reasons)


def _fault_reasons(entry: Entry) -> list[str]:
    faults = entry.faults
    counted = [
        (faults.crossed, "with the bid above the ask"),
        (faults.zero, "with a zero or negative price"),
        (faults.not_finite, "with NaN or infinity"),
        (faults.range, "with open or close outside of low..high"),
    ]
    reasons = [f"{_count(count, 'row')} {what}" for count, what in counted if count]
    if reasons and faults.first_row is not None:
        reasons[0] += f", the first flawed row is {faults.first_row}"
    if faults.disorder:
        reasons.append(f"{_count(faults.disorder, 'row')} with a stamp before one in front of them")
    if faults.duplicate and entry.kind in {FileKind.BARS, FileKind.FUNDING, FileKind.CLOSES}:
        reasons.append(f"{_count(faults.duplicate, 'row')} with the stamp of another")
    if faults.unreadable:
        reasons.append(f"{_count(faults.unreadable, 'row')} could not be read")
    return reasons


def _gap_reasons(entry: Entry) -> list[str]:
    gaps = entry.gaps
    if gaps is None or gaps.holes == 0:
        return []
    if gaps.missing is None:
        minutes = gaps.threshold_ns // (60 * 10**9)
        longest = f"the longest {show_duration(gaps.longest_ns)}"
        return [f"{_count(gaps.holes, 'silence')} longer than {minutes} min inside sessions, {longest}"]
    share = gaps.missing / (gaps.missing + entry.rows)
    if share > MISSING_SHARE_MAX or gaps.longest_ns > max(HOLE_MAX_NS, HOLE_MAX_BARS * entry.timeframe_ns):
        return [
            f"{_count(gaps.missing, 'bar')} missing inside sessions ({share:.2%}) in {_count(gaps.holes, 'hole')}, "
            f"the longest {show_duration(gaps.longest_ns)}"
        ]
    return []


def _other_reasons(entry: Entry) -> list[str]:
    reasons = list(entry.notes) if entry.kind is not FileKind.REFERENCE else []
    if not entry.is_utc:
        reasons.append(f"stamps are not UTC but {entry.stated_time_zone or entry.time_zone}")
    if entry.jump_fraction_max is not None and entry.jump_fraction_max > JUMP_MAX:
        reasons.append(f"closes jump by up to {entry.jump_fraction_max:.0%}: a split, or a bad price")
    if entry.kind in PRICED and entry.tick_size is None:
        reasons.append("prices have no decimal step of at most 10 digits")
    return reasons


def show_duration(time_ns: int) -> str:
    """Return `14 h 03 min`, `3 d 04 h`, `7 min 30 s` or `12 s`."""
    seconds = time_ns // 10**9
    for big, small, unit, small_unit in ((86400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if seconds >= big:
            rest = seconds % big // small
            return f"{seconds // big} {unit} {rest:02d} {small_unit}" if rest else f"{seconds // big} {unit}"
    return f"{seconds} s"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
