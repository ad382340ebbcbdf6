"""Looks at the clock: whether it runs evenly, whether somebody keeps it right, and which time zones are known."""

import ctypes
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from research.findings import Finding, error, good, warning

MADE: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""No clock that is right can be before this program was made."""

STEP_NS_MAX: Final = 100_000_000
ZONES: Final = ("Europe/London", "America/New_York", "Asia/Tokyo")
"""Where sessions open and close."""

_TIMEX_BYTES: Final = 512
_TIME_ERROR: Final = 5


class Moment(NamedTuple):
    """One instant by both clocks."""

    wall_ns: int
    monotonic_ns: int


def now() -> Moment:
    """Read both clocks."""
    return Moment(time.time_ns(), time.monotonic_ns())


def kernel_synchronised() -> bool | None:
    """Tell whether the kernel's clock is kept right by a time service; None where it does not say.

    `adjtimex` with nothing to change reads the state that ntpd, chronyd and systemd-timesyncd leave there.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def look_at_clock(begin: Moment, end: Moment, synchronised: bool | None) -> list[Finding]:
    """Compare how far the wall clock and the monotonic clock went, and ask who keeps the time."""
    date = datetime.fromtimestamp(end.wall_ns / 1e9, UTC)
    stepped = (end.wall_ns - begin.wall_ns) - (end.monotonic_ns - begin.monotonic_ns)
    findings = []
    if date < MADE:
        findings.append(error("clock", f"it says {date:%Y-%m-%d}", "set it: timedatectl set-ntp true"))
    if abs(stepped) > STEP_NS_MAX:
        text = f"it jumped by {stepped / 1e6:+,.0f} ms while the doctor looked"
        findings.append(warning("clock", text, "let one time service keep it (chrony), and no virtual machine pause"))
    if not findings:
        findings.append(good("clock", f"{date:%Y-%m-%d %H:%M:%S} UTC, even within {abs(stepped) / 1e6:.1f} ms"))
    remedy = "timedatectl set-ntp true, or install chrony"
    if synchronised is None:
        text = "unknown whether a time service keeps it: the kernel does not say"
        findings.append(warning("time service", text, "look with timedatectl or chronyc tracking"))
    elif synchronised:
        findings.append(good("time service", "the clock is synchronised"))
    else:
        findings.append(warning("time service", "the clock is not synchronised: live order times may be off", remedy))
    return findings


def look_at_zones(names: Sequence[str] = ZONES) -> list[Finding]:
    """Look whether the time zones of the markets are known."""
    missing = []
    for name in names:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            missing.append(name)
    if missing:
        return [error("time zones", f"{', '.join(missing)} unknown", "make setup (it installs tzdata)")]
    return [good("time zones", f"{', '.join(names)} known")]
