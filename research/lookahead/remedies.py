"""What to do about a leak, by its kind."""

from collections.abc import Mapping
from typing import Final

from research.lookahead.study import LeakKind

REMEDIES: Final[Mapping[LeakKind | None, str]] = {
    LeakKind.AHEAD: "use it only that many bars later: shift it to the past, or let its window end at its bar",
    LeakKind.TIMEFRAME: "take the last period that is over: label at the right, or shift by one whole period",
    LeakKind.WHOLE: "compute it from the past alone: expanding, rolling, fitted up to a bar and used behind it",
    LeakKind.FILL: "fill forward, or leave it empty until there is a value",
    LeakKind.TABLE: "join backward on known_at, and take the revision that was known then",
    LeakKind.OTHERS: "use other symbols' bars up to the same time, and the symbols that trade then",
    LeakKind.LENGTH: "do not let len(bars), the last row or the next bar's stamp decide anything",
    LeakKind.OPEN: "use the bar before, or declare DECIDES_AT = 'close'",
    LeakKind.CHANCE: "give random numbers a seed that depends on the bar alone",
    LeakKind.FAILS: "let it give NaN until it has bars enough, or declare WARMUP",
    LeakKind.UNSEEN: "hand it over as --table NAME=FILE with a column known_at, or vouch for it with --trust FILE",
    None: "look at what it does with rows behind its own",
}
