"""Clean studies of joined tables and of several symbols; none of them may be reported."""

import numpy as np

from tests.lookahead.leaks_beside import across, asof, back, moves

JOINS = {
    "last event": lambda bars, calendar: asof(bars, calendar, "known_at", column="actual"),
    "surprise of the last event": lambda bars, calendar: asof(
        bars, calendar.assign(surprise=calendar.actual - calendar.forecast), "known_at", column="surprise"
    ),
    "value as first printed, and as revised since": lambda bars, prints: asof(bars, prints, "known_at", column="value"),
    "news when they came": lambda bars, news: asof(bars, news, "known_at", column="score"),
    "daily close of the day before": lambda bars, daily: asof(bars, daily, "known_at", column="close"),
    "mean of all events so far": lambda bars, calendar: asof(
        bars, calendar.assign(mean=calendar.actual.expanding().mean()), "known_at", column="mean"
    ),
    "events of the last day": lambda bars, calendar: np.array([
        ((calendar.known_at <= time) & (calendar.known_at > time - np.timedelta64(24, "h"))).sum()
        for time in bars.index
    ]),
    "number of events so far": lambda bars, calendar: np.searchsorted(
        calendar.known_at.to_numpy(), bars.index.to_numpy(), side="right"
    ),
    "last two tables together": lambda bars, calendar, news: asof(bars, calendar, "known_at", column="actual")
    + asof(bars, news, "known_at", column="score"),
    "table filled forward": lambda bars, prints: prints.drop_duplicates("known_at", keep="last")
    .set_index("known_at").value.reindex(bars.index, method="ffill").to_numpy(),
}  # fmt: skip

SEVERAL_SYMBOLS = {
    "return of each symbol": lambda bars: moves(bars).to_numpy(),
    "rank among symbols now": lambda bars: moves(bars).groupby(bars.index).rank().to_numpy(),
    "less the mean of symbols now": lambda bars: (moves(bars) - moves(bars).groupby(bars.index).transform("mean"))
    .to_numpy(),
    "average of each symbol": lambda bars: bars.groupby("symbol").close.transform(lambda x: x.rolling(10).mean()),
    "breadth now": lambda bars: (moves(bars) > 0).groupby(bars.index).transform("mean").to_numpy(),
    "last move of another symbol": lambda bars: back(
        across(bars).pipe(lambda x: x.apply(lambda _: x["AAA"] / x["AAA"].shift(1) - 1)), bars
    ),
    "symbols that trade now": lambda bars: bars.groupby(bars.index).symbol.transform("count").to_numpy(),
    "bars of each symbol so far": lambda bars: bars.groupby("symbol").cumcount().to_numpy(),
    "delisted symbols filled forward": lambda bars: back(across(bars).ffill(), bars),
    "spread of two symbols": lambda bars: back(
        across(bars).pipe(lambda x: x.apply(lambda _: x["AAA"] - x["DDD"])), bars
    ),
    "universe by volume so far": lambda bars: (
        bars.groupby("symbol").volume.transform(lambda x: x.expanding().mean()) > 270
    ).to_numpy(),
}  # fmt: skip

CLEAN_BESIDE = {"joins of what was known": JOINS, "several symbols": SEVERAL_SYMBOLS}
SEVERAL = frozenset({"several symbols"})
