"""Digests: one hash each for what was decided, ordered and filled, and for the ledger that came of it.

Two runs that decided the same have the same digests, wherever they ran. What may differ between them without meaning
anything (the epoch of the governor, the order in which two venues were heard) is left out, or sorted.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from journal.chain import canonical
from research.result import RunResult

LEDGER_FIELDS: Final = (
    "cash", "realised", "fees", "equity", "equity_low", "peak", "drawdown_max", "trades_today", "loss_streak", "blocks",
    "fills",
)  # fmt: skip


class Digests(Struct, frozen=True, kw_only=True):
    """SHA-256 of each part of a run, and how many entries it has."""

    decisions: str
    orders: str
    fills: str
    samples: str
    ledger: str
    counts: dict[str, int]


def parts_of(result: RunResult) -> dict[str, list[bytes]]:
    """Return the canonical bytes of every entry that counts, by part, in the one order."""
    decisions = [canonical(msgspec.structs.replace(decision, epoch=0)) for decision in result.decisions]
    orders = [
        canonical(msgspec.structs.replace(order, epoch=0, time_ns=0))
        for order in sorted(result.orders, key=lambda order: order.number)
    ]
    by_venue: Callable[[Any], Any] = lambda report: (report.time_ns, report.venue, report.execution)  # noqa: E731
    fills = [canonical(report) for report in sorted(result.reports, key=by_venue)]
    samples = [canonical(sample) for sample in result.samples]
    account = {name: result.account[name] for name in LEDGER_FIELDS if name in result.account}
    return {
        "decisions": decisions,
        "orders": orders,
        "fills": fills,
        "samples": samples,
        "ledger": [canonical({"account": account, "positions": result.positions}), *map(canonical, result.alerts)],
    }


def digests_of(result: RunResult) -> Digests:
    """Return the digests of a run."""
    parts = parts_of(result)
    return Digests(
        **{name: digest(entries) for name, entries in parts.items()},
        counts={name: len(entries) for name, entries in parts.items()},
    )


def digest(entries: Sequence[bytes]) -> str:
    """Return the SHA-256 of entries, each ended by a line feed."""
    total = hashlib.sha256()
    for entry in entries:
        total.update(entry)
        total.update(b"\n")
    return total.hexdigest()


class Difference(Struct, frozen=True, kw_only=True):
    """Where two runs part: in which part, at which entry, and what each has there (None: nothing)."""

    part: str
    index: int
    left: str | None
    right: str | None


def first_difference(left: RunResult, right: RunResult) -> Difference | None:
    """Return the first entry in which two runs differ, None when they are the same."""
    ours, theirs = parts_of(left), parts_of(right)
    for part in ours:
        found = differing(ours[part], theirs[part])
        if found is not None:
            return Difference(part=part, index=found, left=_at(ours[part], found), right=_at(theirs[part], found))
    return None


def differing(left: Sequence[bytes], right: Sequence[bytes]) -> int | None:
    """Return the index of the first differing entry of two lists."""
    for i, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return i
    return None if len(left) == len(right) else min(len(left), len(right))


def _at(entries: Sequence[bytes], index: int) -> str | None:
    return entries[index].decode() if index < len(entries) else None
