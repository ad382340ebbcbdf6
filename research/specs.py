"""From a catalogue entry to an instrument: its steps from the data, its size and costs from the configuration."""

from decimal import Decimal
from typing import Final

from market.instruments import Instrument, Kind
from market.money import MONEY_UNIT
from research.catalogue import Entry
from research.config_sections import BinaryDesk, Configuration
from research.configuration import ConfigurationError

KINDS: Final = {
    "fx": Kind.FX,
    "metal": Kind.METAL,
    "crypto": Kind.CRYPTO,
    "equity": Kind.EQUITY,
    "index": Kind.INDEX,
}

_QUOTES: Final = ("USDT", "USDC", "BUSD", "USD", "EUR", "GBP", "JPY", "CHF", "AUD", "NZD", "CAD", "BTC", "ETH", "BNB")
"""Currencies that stand last in a symbol, longest first where one ends in another."""


def instrument_kind(entry: Entry) -> Kind:
    """Return what the catalogue takes a symbol to be; an equity where it cannot tell."""
    return KINDS.get(entry.instrument_kind or "", Kind.EQUITY)


def currencies_of(symbol: str, kind: Kind) -> tuple[str, str]:
    """Return (base, quote) of a symbol; shares and indices are quoted in US dollars here."""
    plain = "".join(letter for letter in symbol.upper() if letter.isalnum())
    if kind in (Kind.EQUITY, Kind.INDEX):
        return plain, "USD"
    for quote in _QUOTES:
        if plain.endswith(quote) and len(plain) > len(quote):
            return plain[: -len(quote)], quote
    return plain, "USD"


def venue_of(entry: Entry) -> str:
    """Return the venue's name; data without one comes from the venue `data`."""
    return entry.venue or "data"


def instrument_of(
    entry: Entry, configuration: Configuration, currency: str, *, spread: bool = True, fee_ppm: int | None = None
) -> Instrument:
    """Return the instrument of a catalogue entry, costs included; `fee_ppm` overrides the configured fee."""
    assert entry.symbol is not None
    kind = instrument_kind(entry)
    base, quote = currencies_of(entry.symbol, kind)
    own = configuration.instrument.get(entry.symbol)
    common = configuration.instruments
    tick = Decimal(entry.tick_size or "0.00001")
    lot = own.lot_size if own and own.lot_size is not None else getattr(common, f"{kind.name.lower()}_lot_size")
    fee = getattr(common, f"{kind.name.lower()}_fee_ppm", 0) if fee_ppm is None else fee_ppm
    spread_ticks = own.spread_ticks if own and own.spread_ticks is not None else spread_ticks_of(entry, configuration)
    slippage = own.slippage_ticks if own and own.slippage_ticks is not None else common.slippage_ticks
    return Instrument(
        symbol=entry.symbol,
        venue=venue_of(entry),
        kind=kind,
        base=base,
        quote=quote,
        tick_size=str(tick),
        lot_size=str(whole_money_lot(tick, lot)),
        lots_max=10**9,
        depth_lots=own.depth_lots if own and own.depth_lots is not None else common.depth_lots if spread else 10**9,
        spread_ticks=spread_ticks if spread else 0,
        slippage_ticks=slippage if spread else 0,
        fee_ppm=own.fee_ppm if own and own.fee_ppm is not None and fee_ppm is None else fee,
        rate=_stated_rate(configuration, quote, currency),
    )


def whole_money_lot(tick: Decimal, lot: Decimal) -> Decimal:
    """Return the lot size, made larger by powers of ten until a tick on it is a whole unit of money."""
    while (tick * lot * MONEY_UNIT) % 1 != 0:
        lot *= 10
    return lot


def spread_ticks_of(entry: Entry, configuration: Configuration) -> int:
    """Return the configured spread in ticks, for data that holds one side only."""
    tick = Decimal(entry.tick_size or "0.00001")
    kind = instrument_kind(entry)
    if kind is Kind.FX:
        _, quote = currencies_of(entry.symbol or "", kind)
        pip = Decimal("0.01") if quote == "JPY" else Decimal("0.0001")
        return round(configuration.instruments.fx_spread_pips * pip / tick)
    return 0


def _stated_rate(configuration: Configuration, quote: str, currency: str) -> str | None:
    rate = configuration.rates.get(quote)
    return str(rate) if rate is not None and quote != currency else None


def contract_of(underlying: Instrument, desk: BinaryDesk) -> Instrument:
    """Return the binary contract on an instrument: a lot is a stake, its price that of the underlying."""
    if desk.payout <= 0:
        raise ConfigurationError(f"desks.binary.payout = {desk.payout}: more than 0 is allowed")
    return Instrument(
        symbol=f"{underlying.symbol}.{desk.expiry_s}s",
        venue=underlying.venue,
        kind=Kind.BINARY,
        base=underlying.base,
        quote=underlying.quote,
        tick_size=underlying.tick_size,
        lot_size=str(desk.stake_lot),
        lots_max=10**6,
        depth_lots=10**6,
        underlying=underlying.key,
        payout_ppm=int(desk.payout * MONEY_UNIT),
        expiry_ns=desk.expiry_s * 10**9,
        tie_returns_stake=desk.tie_returns_stake,
        rate=underlying.rate,
    )
