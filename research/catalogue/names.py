"""What a file name says: instrument, venue, timeframe and whose prices. Guesses; columns and content overrule them."""

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from research.catalogue.finding import plain_symbol
from research.catalogue.timeframes import UNITS, timeframe_of

FIAT: Final = frozenset(
    "USD EUR GBP JPY CHF AUD CAD NZD SEK NOK DKK PLN HUF CZK TRY ZAR MXN SGD HKD CNH CNY INR RUB BRL KRW THB".split()
)
METALS: Final = frozenset("XAU XAG XPT XPD".split())
STABLE: Final = frozenset("USDT USDC BUSD TUSD FDUSD DAI".split())
COINS: Final = frozenset(
    "BTC XBT ETH SOL XRP ADA LTC BCH ETC XLM XMR TRX DASH BNB DOGE DOT LINK AVAX MATIC UNI ATOM EOS NEO ZEC".split()
)
INDICES: Final = frozenset(
    "SP500 SPX SPX500 US500 US30 DJI NDX NAS100 US100 USTEC GER30 GER40 DE30 DE40 DAX UK100 FTSE JP225 FRA40 EU50 "
    "AUS200 HK50 VIX RUT US2000".split()
)
VENUES: Final = frozenset(
    "binance bitfinex bitget bithumb bitmex bitstamp bittrex bybit coinbase cryptocom deribit deriv dukascopy dydx "
    "fxcm gateio gemini huobi hyperliquid kraken kucoin lmax oanda okx pocketoption poloniex truefx upbit".split()
) | {"interactive_brokers", "huobi-dm-swap"}
SEGMENTS: Final = frozenset("us spot usdm coinm perp futures delivery linear inverse options".split())
VENDORS: Final = frozenset("histdata lean mt4 mt5 tardis orkad skfolio arch oecd forexfactory freqtrade yahoo".split())
"""Who handed the rows on; named as the venue where nothing better is known."""

NO_VENUE: Final = frozenset(
    """raw data wire market crypto fx forex equities equity stocks calendar rates ticks tick quotes quote trades trade
    bars bar multi venue csv parquet feather other sample samples history files output export hour http ws nautilus
    cryptofeed xchange py json cold hot bid ask bidask bbo book mark index futures spot funding rate depth snapshot
    update snap minute daily hourly weekly monthly close closes open high low top first last news events event high
    impact factors maps candles ohlc ohlcv stream local perp usdt vendor dat ascii otc short term interest stocks
    copy final new old test part adjusted unadjusted m1 h1 d1 m5 w1 l1 l2 l3""".split()
)
PERPETUAL: Final = frozenset("PERP PERPETUAL SWAP".split())
QUOTE_ENDS: Final = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "DAI", "USD", "EUR", "GBP", "JPY", "BTC", "ETH", "BNB")
TICKER: Final = re.compile(r"\^?[A-Z][A-Z0-9]{0,5}(=[A-Z])?")
PAIR: Final = re.compile(r"([A-Z]{6})([a-z]{0,3}|\d{0,5})")


class Named(NamedTuple):
    """What path and file name say; None where they say nothing."""

    symbol: str | None
    venue: str | None
    instrument_kind: str | None
    timeframe_ns: int | None
    words: frozenset[str]


def named(path: PurePosixPath, *, ticker: bool = True) -> Named:
    """Read a relative path; `ticker` allows any short upper-case word as an instrument (`AAPL`)."""
    stem = path.name.split(".")[0] if path.name.count(".") > 1 else path.stem
    tokens = [token for token in re.split(r"[_\-\s\[\](){},;+@#&]+", stem) if token]
    words = frozenset(token.lower() for token in tokens)
    symbol, used = _symbol(tokens, stem, ticker=ticker)
    if symbol is None:
        symbol = next((found for part in reversed(path.parts[:-1]) if (found := folder_symbol(part))), None)
    if symbol and "otc" in words:
        symbol = f"{symbol}_OTC"
    step = _timeframe(tokens, used)
    return Named(symbol, _venue(path, tokens, used), instrument_kind_of(symbol), step, words)


def folder_symbol(part: str) -> str | None:
    """Return the pair that a folder is named by (`EURUSD`, `symbol=EURUSD`)."""
    return pair_of(part.removeprefix("symbol="))


def pair_of(token: str) -> str | None:
    """Return the currency pair that a word spells (`usdjpy`, `EURUSDm`, `BTCUSDT`, `tBTCUSD`), else None."""
    upper = token.upper()
    if (match := PAIR.fullmatch(upper[:6] + token[6:])) and _is_money(match[1][:3]) and _is_money(match[1][3:]):
        return match[1]
    for quote in QUOTE_ENDS:
        base = upper.removesuffix(quote)
        if base == upper or not base.isalnum():
            continue
        if base in COINS or base in STABLE or (quote in STABLE and 2 <= len(base) <= 10 and base.isalpha()):
            return upper
        if base[0] == "T" and base[1:] in COINS and token[0] == "t":  # Bitfinex writes tBTCUSD
            return upper[1:]
    return None


def instrument_kind_of(symbol: str | None) -> str | None:
    """Tell fx, metal, crypto, index, binary (broker-made) or equity by the codes in a symbol."""
    if symbol is None:
        return None
    plain = plain_symbol(symbol)
    if symbol.endswith("_OTC") or symbol.startswith("R_"):
        return "binary"
    if plain[:3] in METALS:
        return "metal"
    if len(plain) == 6 and plain[:3] in FIAT and plain[3:] in FIAT:
        return "fx"
    if any(plain.startswith(code) for code in COINS | STABLE) or plain.endswith(tuple(STABLE)):
        return "crypto"
    return "index" if plain.rstrip("M") in INDICES or plain in INDICES else "equity"


def _is_money(code: str) -> bool:
    return code in FIAT or code in METALS


def _symbol(tokens: list[str], stem: str, *, ticker: bool) -> tuple[str | None, range]:
    """Find the instrument among the words of a name and which words it takes."""
    known = FIAT | METALS | COINS | STABLE
    for i, token in enumerate(tokens):
        following = tokens[i + 1].upper() if i + 1 < len(tokens) else ""
        if pair := pair_of(token):
            if following in PERPETUAL:
                return stem[stem.index(token) :][: len(token) + 1 + len(following)].upper(), range(i, i + 2)
            return pair, range(i, i + 1)
        if token.upper() in known and following in known:
            settled = i + 2 < len(tokens) and tokens[i + 2].upper() == following  # XRP_USDT_USDT
            return token.upper() + following, range(i, i + 3 if settled else i + 2)
        if token.upper() in COINS and following in PERPETUAL:
            return stem[stem.index(token) :][: len(token) + 1 + len(following)].upper(), range(i, i + 2)
    for i, token in enumerate(tokens):
        if token.upper().rstrip("M") in INDICES or token.upper() in INDICES:
            return token.upper().rstrip("M") if token[-1] == "m" else token.upper(), range(i, i + 1)
        if ticker and TICKER.fullmatch(token) and not _is_word(token):
            return token, range(i, i + 1)
    if ticker and len(tokens) == 1 and re.fullmatch(r"[a-z]{1,5}", stem) and not _is_word(stem):
        return stem.upper(), range(1)
    return None, range(0)


def _is_word(token: str) -> bool:
    lower = token.lower()
    return lower in NO_VENUE or lower in VENUES or lower in VENDORS or timeframe_of(token) is not None


def _timeframe(tokens: list[str], used: range) -> int | None:
    """Find a timeframe: a word (`M1`, `5m`), two (`min_1`), or minutes behind the symbol (`EURUSD30`)."""
    rest = [(i, token) for i, token in enumerate(tokens) if i not in used]
    for i, token in rest:
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        if token.lower() in {"min", "hour", "day"} and following.isdigit():
            return timeframe_of(following + token[0])
        if token.lower() == "candlestick" and following.isdigit():  # Dukascopy: Candlestick_1_M_BID
            return timeframe_of(following + "".join(tokens[i + 2 : i + 3])[:1])
    for _, token in rest:
        if (step := timeframe_of(token)) is not None:
            return step
    for i in used:
        if (match := PAIR.fullmatch(tokens[i])) and match[2].isdigit():
            return int(match[2]) * UNITS["m"]
    return None


def _venue(path: PurePosixPath, tokens: list[str], used: range) -> str | None:
    """Find the venue: a known one in the name, then in the folders; then a vendor; then an unknown last word."""
    rest = [token.lower() for i, token in enumerate(tokens) if i not in used]
    folders = [re.split(r"[_\-\s]+", part.lower()) for part in reversed(path.parts[:-1])]
    for words in [rest, *folders]:
        if venue := _known(words, VENUES):
            return venue
    for words in [rest, *folders]:
        if venue := _known(words, VENDORS):
            return venue
    behind = [token for i, token in enumerate(tokens) if i not in used and used and i >= used.stop]
    if behind and re.fullmatch(r"[A-Za-z]{3,}", behind[-1]) and not _is_word(behind[-1]):
        return behind[-1].lower()
    return None


def _known(words: list[str], names: frozenset[str]) -> str | None:
    for i, word in enumerate(words):
        two = "_".join(words[i : i + 2])
        if two in names:
            return two
        if word in names:
            segment = words[i + 1] if i + 1 < len(words) else ""
            return f"{word}_{segment}" if segment in SEGMENTS else word
    return None
