"""Columns: which of a table's columns are what, and so what kind of rows it holds. Names only, no content."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from research.catalogue.entry import FileKind

TIME_NAMES: Final = (
    "ts datetime date_time timestamp time gmt_time utc_time time_utc local_time open_time opentime start date day unix "
    "unix_timestamp transact_time trade_time event_time exchange_time time_period exch_ms t __index_level_0__ index"
).split()
"""Names of the column with the stamps, best first. `date` beside `time` is joined with it."""

PRICES: Final = ("open", "high", "low", "close")
BID: Final = tuple(f"bid_{name}" for name in PRICES)
ASK: Final = tuple(f"ask_{name}" for name in PRICES)

SIDED: Final = {
    alias: f"{side}_{price}"
    for side in ("bid", "ask")
    for price in PRICES
    for alias in (f"{side}_{price}", f"{side}{price}", f"{side}_{price[0]}", f"{price}_{side}", f"{price}{side}")
}
ALIASES: Final[Mapping[str, str]] = SIDED | {
    alias: name
    for name, aliases in {
        "open": "o first open_price mark_open",
        "high": "h max high_price mark_high",
        "low": "l min low_price mark_low",
        "close": "c last close_price mark_close",
        "volume": "v vol volume_base base_volume",
        "tick_volume": "tickvol tickvolume tick_vol",
        "real_volume": "realvolume",
        "bid": "bid_price bidprice best_bid bid_px price_bid pricebid bid_px_0 bids_0_price bid_price_0",
        "ask": "ask_price askprice best_ask ask_px price_ask priceask ask_px_0 asks_0_price ask_price_0 offer",
        "bid_size": "bid_qty bid_vol bid_volume bid_amount bidvolume bidsize bid_quantity best_bid_qty size_bid "
        "sizebid bid_qty_0 bids_0_amount bid_size_0 bid_0_size",
        "ask_size": "ask_qty ask_vol ask_volume ask_amount askvolume asksize ask_quantity best_ask_qty size_ask "
        "sizeask ask_qty_0 asks_0_amount ask_size_0 ask_0_size",
        "price": "p px trade_price",
        "qty": "quantity size amount q trade_qty",
        "side": "buyer_is_maker is_buyer_maker isbuyermaker taker_side direction",
        "funding_rate": "fundingrate funding",
        "rate": "rate_pct_pa interest_rate interest yield",
        "symbol": "ticker instrument",
        "venue": "exchange",
        "event": "name title",
        "country": "currency",
    }.items()
    for alias in [name, *aliases.split()]
}
LEVELS_MAX: Final = 100
"""Levels of a book that are read, the best one (0) among them."""

LEVELS: Final[Mapping[str, str]] = {
    alias: f"{side}{name}_{k}"
    for side in ("bid", "ask")
    for k in range(1, LEVELS_MAX)
    for name, aliases in (
        ("", (f"{side}_px_{k}", f"{side}s_{k}_price", f"{side}_price_{k}", f"{side}_{k}_price")),
        ("_size", (f"{side}_qty_{k}", f"{side}s_{k}_amount", f"{side}_size_{k}", f"{side}_{k}_size")),
    )
    for alias in aliases
}
"""Columns of the levels behind the best: `bid_px_3`, `bids[3].price` are bid_3, their sizes bid_size_3."""

DEPTH_MARKS: Final = frozenset("is_snapshot update_type first_update_id".split())
KINDS: Final = (
    (FileKind.CALENDAR, ("event", "country")),
    (FileKind.FUNDING, ("funding_rate",)),
    (FileKind.BARS, (*BID, *ASK)),
    (FileKind.BARS, PRICES),
    (FileKind.BARS, BID),
    (FileKind.BARS, ASK),
    (FileKind.QUOTES, ("bid", "ask")),
    (FileKind.TRADES, ("price", "qty")),
    (FileKind.TRADES, ("price", "volume")),
    (FileKind.RATES, ("rate",)),
)
"""The first kind whose columns are all there."""

WANTED: Final = "wanted open..close, bid_open..ask_close, bid/ask, price/qty, funding_rate, or event/currency"


class Layout(NamedTuple):
    """What a table holds: the columns with the stamps, and our name of a column -> its name in the file."""

    kind: FileKind
    time: tuple[str, ...]
    roles: Mapping[str, str]


def layout_of(columns: Sequence[str], words: frozenset[str] = frozenset()) -> Layout:
    """Arrange column names; `words` of the file name settle what columns cannot (a funding file with OHLC columns)."""
    plain = {name: plain_name(name) for name in columns}
    time = _time(plain)
    roles: dict[str, str] = {}
    for name, short in plain.items():
        role = ALIASES.get(short) or LEVELS.get(short)
        if role is not None and name not in time and (role not in roles or short == role):
            roles[role] = name
    if "tick_volume" in roles and plain_name(roles.get("volume", "")) == "vol":
        roles["real_volume"] = roles.pop("volume")  # MetaTrader: TICKVOL, VOL
    return Layout(_kind(plain, roles, words), time, roles)


def plain_name(name: str) -> str:
    """Return a column name in our spelling: `<TICKVOL>` is tickvol, `bids[0].price` bids_0_price."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()) if not name.isupper() else name.strip()
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or name


def _time(plain: Mapping[str, str]) -> tuple[str, ...]:
    by_name = {short: name for name, short in reversed(list(plain.items()))}
    found = [by_name[short] for short in map(plain_name, TIME_NAMES) if short in by_name]
    if "date" in by_name and "time" in by_name and "ts" not in by_name:
        return by_name["date"], by_name["time"]
    return tuple(found[:1])


def _kind(plain: Mapping[str, str], roles: Mapping[str, str], words: frozenset[str]) -> FileKind:
    shorts = set(plain.values())
    if {"bid", "ask"} <= roles.keys() and plain_name(roles["bid"]).endswith(("_0", "_0_price")):
        return FileKind.DEPTH
    if "price" in roles and shorts & DEPTH_MARKS:
        return FileKind.DEPTH
    kind = next((kind for kind, wanted in KINDS if roles.keys() >= set(wanted)), None)
    if kind is FileKind.BARS and "funding" in words:
        return FileKind.FUNDING
    return kind or FileKind.UNKNOWN
