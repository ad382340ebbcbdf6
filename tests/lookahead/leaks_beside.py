"""Planted leaks in what stands beside a symbol's own bars: joined tables, and other symbols."""

import pandas as pd


def asof(bars, table, on, direction="backward", column=None):
    """Join the rows of a table to bars by time."""
    left = pd.DataFrame({"time": bars.index})
    right = table.sort_values(on, kind="stable").rename(columns={on: "time"})
    right["time"] = right["time"].astype(left["time"].dtype)
    joined = pd.merge_asof(left, right[["time", column]], on="time", direction=direction)
    return joined[column].to_numpy()


def latest(prints):
    """Return the newest revision of every period."""
    return prints.drop_duplicates("period", keep="last")


def across(bars, column="close"):
    """Return bars of several symbols as one column each."""
    return bars.reset_index().pivot(index="time", columns="symbol", values=column)


def back(wide, bars):
    """Return a table of columns per symbol as one value per row of bars."""
    places = wide.columns.get_indexer(bars.symbol)
    return wide.to_numpy()[wide.index.get_indexer(bars.index), places]


def moves(bars):
    return bars.groupby("symbol").close.pct_change()


JOIN = {
    "next event, as its value": lambda bars, calendar: asof(bars, calendar, "event_time", "forward", "actual"),
    "nearest event": lambda bars, calendar: asof(bars, calendar, "event_time", "nearest", "actual"),
    "table filled from the next row": lambda bars, calendar: calendar.set_index("event_time")
    .actual.reindex(bars.index, method="bfill").to_numpy(),
    "news of the day, from midnight on": lambda bars, news: asof(
        bars, news.groupby("date", as_index=False).score.mean(), "date", column="score"
    ),
    "daily close of the day that is not over": lambda bars, daily: asof(bars, daily, "date", column="close"),
    "surprise against the mean of all events": lambda bars, calendar: asof(
        bars, calendar.assign(z=calendar.actual - calendar.actual.mean()), "known_at", column="z"
    ),
    "largest event of all": lambda bars, calendar: asof(
        bars, calendar.assign(rank=calendar.actual.rank(pct=True)), "known_at", column="rank"
    ),
    "hours to the next event": lambda bars, calendar: (
        asof(bars, calendar.assign(at=calendar.event_time.array.asi8 / 1e9), "event_time", "forward", "at")
        - bars.index.asi8 / 1e9
    ) / 3600,
}  # fmt: skip

REVISION = {
    "final value of the period, from its first print on": lambda bars, prints: asof(
        bars, latest(prints), "period", column="value"
    ),
    "mean of first and final print": lambda bars, prints: asof(
        bars, prints.groupby("period", as_index=False).value.mean(), "period", column="value"
    ),
    "whether it will be revised upward": lambda bars, prints: asof(
        bars,
        prints.groupby("period", as_index=False).value.agg(lambda x: float(x.iloc[-1] > x.iloc[0])),
        "period", column="value",
    ),
    "number of prints of the period": lambda bars, prints: asof(
        bars, prints.groupby("period", as_index=False).value.count(), "period", column="value"
    ),
}  # fmt: skip

ACROSS = {
    "rank among symbols by the next return": lambda bars: bars.groupby("symbol")
    .close.pct_change(-1).groupby(bars.index).rank().to_numpy(),
    "less the mean return of all symbols and times": lambda bars: (moves(bars) - moves(bars).mean()).to_numpy(),
    "breadth of the next bar": lambda bars: back(
        across(bars).pipe(lambda x: x.apply(lambda _: (x.shift(-1) > x).sum(axis=1))), bars
    ),
    "next move of another symbol": lambda bars: back(
        across(bars).pipe(lambda x: x.apply(lambda _: x["AAA"].shift(-1) / x["AAA"] - 1)), bars
    ),
    "mean of symbols, those not listed yet filled backwards": lambda bars: back(
        across(bars).bfill().pipe(lambda x: x.apply(lambda _: x.mean(axis=1))), bars
    ),
    "scaled by each symbol's whole": lambda bars: (
        bars.close / bars.groupby("symbol").close.transform("max")
    ).to_numpy(),
    "correlation over all times as a weight": lambda bars: (
        moves(bars) * across(bars).pct_change(fill_method=None).corr().mean().reindex(bars.symbol).to_numpy()
    ).to_numpy(),
}  # fmt: skip

SURVIVORS = {
    "symbols that are there at the end": lambda bars: bars.symbol.isin(
        bars.symbol[bars.index == bars.index[-1]]
    ).astype(float).to_numpy(),
    "return less that of the survivors": lambda bars: (
        moves(bars) - moves(bars).where(bars.symbol.isin(bars.symbol[bars.index == bars.index[-1]]))
        .groupby(bars.index).transform("mean")
    ).to_numpy(),
    "symbols with many bars": lambda bars: (bars.groupby("symbol").close.transform("count") > 75)
    .astype(float).to_numpy(),
    "universe by mean volume of all times": lambda bars: (
        bars.groupby("symbol").volume.transform("mean") > bars.volume.mean()
    ).astype(float).to_numpy(),
    "mean of symbols without gaps": lambda bars: back(
        across(bars).pipe(lambda x: x.apply(lambda _: x.dropna(axis=1).mean(axis=1))), bars
    ),
}  # fmt: skip

LEAKS_BESIDE = {"future join": JOIN, "revision": REVISION, "cross-section": ACROSS, "survivorship": SURVIVORS}
SEVERAL = frozenset({"cross-section", "survivorship"})
"""Classes that need several symbols."""
