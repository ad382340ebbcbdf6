"""The JSON document of a scan; its schema is docs/json/scan.schema.json."""

import math
from typing import Any

from msgspec import to_builtins

from research.catalogue import show_time
from research.scan.liquidity import Liquidity
from research.scan.ranking import Cast, Found, Seen
from research.scan.scanning import Scan
from research.scan.series import Unjudged

FIELDS = (
    "symbol", "venue", "timeframe", "time_ns", "age_ns", "is_stale", "bars", "stopped", "score", "coverage",
    "agreement", "claim", "probability", "outcomes", "regime", "volatility", "volatility_rank", "price", "atr", "stop",
    "target", "reward_to_risk", "expectancy_r", "expectancy_low_r", "is_opportunity",
)  # fmt: skip
"""What of a row is told as it is."""


def document_of(found: Scan, data: str, top: int | None) -> dict[str, Any]:
    """Return the document; `rows` are the first `top` of all, None: all of them."""
    request, pace = found.request, found.pace
    return {
        "command": "scan", "data": data, "at": show_time(request.at_ns), "now": show_time(request.now_ns),
        "timeframes": list(request.timeframes), "instruments": found.instruments, "judged": len(found.rows),
        "opportunities": len(found.opportunities),
        "next": {
            "interval_ns": pace.interval_ns, "at": show_time(request.now_ns + pace.interval_ns), "heat": pace.heat,
            "volatility_rank": None if math.isnan(pace.volatility_rank) else pace.volatility_rank, "found": pace.found,
        },
        "rows": [row_of(number, row) for number, row in enumerate(found.rows[:top], 1)],
        "unjudged": [_unjudged(one) for one in found.unjudged],
        "liquidity": [_liquidity(one) for one in found.liquidity],
    }  # fmt: skip


def row_of(rank: int, row: Found) -> dict[str, Any]:
    """Return one row of the document."""
    return {name: getattr(row, name) for name in FIELDS} | {
        "rank": rank, "context": list(row.context), "direction": str(row.side), "time": show_time(row.time_ns),
        "interval": None if row.low is None or row.high is None else [row.low, row.high],
        "votes_for": [_cast(one) for one in row.reasons(agreeing=True)],
        "votes_against": [_cast(one) for one in row.reasons(agreeing=False)],
        "patterns": [_seen(one) for one in row.patterns], "files": list(row.files),
    }  # fmt: skip


def _cast(one: Cast) -> dict[str, Any]:
    fields: dict[str, Any] = one._asdict()
    return fields | {"share": one.share}


def _seen(one: Seen) -> dict[str, Any]:
    fields: dict[str, Any] = one._asdict()
    return fields


def _unjudged(one: Unjudged) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(one._asdict())
    return fields


def _liquidity(one: Liquidity) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(one._asdict())
    return fields | {"book_time": show_time(one.book_ns), "trades_time": show_time(one.trades_ns)}
