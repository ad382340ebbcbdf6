"""What strategies have made since: trades of journaled sessions, by the artefact that their plans name for the desk."""

from collections.abc import Iterable
from math import fsum
from typing import Final

from msgspec import Struct

from actors.restoring import SessionLog, sessions
from actors.settings import decode_plan
from journal.store import Journal
from research.result import Trade, fold_trades, trades_of

DAY_NS: Final = 86_400 * 10**9


class Track(Struct, frozen=True, kw_only=True):
    """What a strategy has made in sessions: how many it decided, in which stages, its trades and their money."""

    sha256: str
    sessions: int = 0
    stages: tuple[str, ...] = ()
    decisions: int = 0
    trades: int = 0
    won: int = 0
    net_profit: float = 0.0
    first_ns: int = 0
    last_ns: int = 0


def tracks_of(journal: Journal) -> dict[str, Track]:
    """Return what every artefact of a journal's plans has made, by hash."""
    found: dict[str, Track] = {}
    for log in sessions(journal):
        for sha256, own in _session(log):
            found[sha256] = _joined(found.get(sha256, Track(sha256=sha256)), own)
    return found


def _session(log: SessionLog) -> Iterable[tuple[str, Track]]:
    """Yield what each artefact made in one session; a shadow decides nothing that trades, and is left out."""
    assert log.session is not None
    plan = decode_plan(log.session.plan)
    models = [model for model in plan.models if not model.shadow]
    if not models:
        return
    trades = trades_of(plan, fold_trades(plan, log.reports), log.reports)
    for model in models:
        desk = plan.desks[model.desk].name
        own = [trade for trade in trades if trade.desk == desk]
        times = [decision.time_ns for decision in log.decisions if decision.model == model.sha256]
        yield model.sha256, _track(model.sha256, log.session.stage, own, times)


def _track(sha256: str, stage: str, trades: list[Trade], times: list[int]) -> Track:
    return Track(
        sha256=sha256, sessions=1, stages=(stage,), decisions=len(times), trades=len(trades),
        won=sum(trade.pnl > 0.0 for trade in trades), net_profit=fsum(trade.pnl for trade in trades),
        first_ns=min(times, default=0), last_ns=max(times, default=0),
    )  # fmt: skip


def _joined(one: Track, other: Track) -> Track:
    starts = [time for time in (one.first_ns, other.first_ns) if time]
    return Track(
        sha256=one.sha256,
        sessions=one.sessions + other.sessions,
        stages=tuple(sorted({*one.stages, *other.stages})),
        decisions=one.decisions + other.decisions,
        trades=one.trades + other.trades,
        won=one.won + other.won,
        net_profit=round(fsum((one.net_profit, other.net_profit)), 6),
        first_ns=min(starts, default=0),
        last_ns=max(one.last_ns, other.last_ns),
    )
