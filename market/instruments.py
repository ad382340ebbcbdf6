"""Instruments: what can be traded where, in which steps, at which cost; as values for people and a table for kernels.

A price is an integer of `tick_size`, a quantity an integer of `lot_size`. One tick on one lot is worth `tick_value`
money of the quote currency, an exact integer. Profit in a foreign quote currency becomes account money by a rate
that is read from another instrument's quote (`rate_mode`), or stated in the configuration.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Final

from msgspec import Struct

from market.money import MONEY_UNIT, money_of
from market.records import Records, record_type, records


class Kind(IntEnum):
    """What an instrument is; it decides how it settles and which calendar annualises it."""

    FX = 1
    METAL = 2
    CRYPTO = 3
    EQUITY = 4
    INDEX = 5
    BINARY = 6


class RateMode(IntEnum):
    """How money of the quote currency becomes account money."""

    SAME = 0
    MULTIPLY = 1  # by the mid of `rate_instrument` (EUR money by EURUSD for a USD account)
    DIVIDE = 2  # by the mid of `rate_instrument` (JPY money by USDJPY)
    FIXED = 3  # by the stated rate


class Instrument(Struct, frozen=True, kw_only=True):
    """One thing tradable at one venue; decimals are strings, so that no float touches a price step.

    `fee_ppm` is charged per side on the notional (parts per million), `fee_per_lot` per side and lot in the quote
    currency. `spread_ticks` stands in for the ask where data holds bids only. A BINARY instrument names its
    `underlying` and pays `payout_ppm` of the stake after `expiry_ns`; a lot of it is a stake of `lot_size`.
    """

    symbol: str
    venue: str
    kind: Kind
    base: str
    quote: str
    tick_size: str
    lot_size: str
    lots_min: int = 1
    lots_max: int = 10**6
    depth_lots: int = 10**6
    notional_min: str = "0"
    spread_ticks: int = 0
    slippage_ticks: int = 0
    fee_ppm: int = 0
    fee_per_lot: str = "0"
    rate: str | None = None
    underlying: str | None = None
    payout_ppm: int = 0
    expiry_ns: int = 0
    tie_returns_stake: bool = True

    @property
    def key(self) -> str:
        """Name it across venues: `EURUSD@oanda`."""
        return f"{self.symbol}@{self.venue}"

    @property
    def price_digits(self) -> int:
        """Decimal places of one tick."""
        return max(0, -int(Decimal(self.tick_size).normalize().as_tuple().exponent))

    def price_of(self, ticks: float) -> float:
        """Return a price in ticks as a number for people and plots."""
        return round(float(Decimal(self.tick_size)) * ticks, self.price_digits + 2)

    def decimal_price(self, ticks: int) -> Decimal:
        """Return a price in ticks as an exact Decimal."""
        return Decimal(self.tick_size) * ticks


class VenueSpec(Struct, frozen=True, kw_only=True):
    """What the simulated venue does with time: order latency, and the age at which a quote is no longer tradable."""

    name: str
    latency_ns: int
    stale_after_ns: int


INSTRUMENT: Final = record_type(
    "venue kind bar_ns tick_value rate_mode rate_instrument rate_scale rate_fixed lots_min lots_max depth_lots "
    "notional_min spread_ticks slippage_ticks fee_ppm fee_per_lot latency_ns stale_after_ns "
    "underlying payout_ppm expiry_ns tie_returns_stake group desk converts"
)
"""Per instrument, for kernels. `bar_ns` is the length of the bars that move it (0: quotes); `group` is the set of
instruments that trade as one (both legs of a route), `desk` the one desk that may trade it (-1: none); `converts`
tells whether other instruments' money is turned into the account's by its price."""


def tick_value_of(instrument: Instrument) -> int:
    """Return the quote money that one tick moves one lot by; ValueError where that is no whole money unit."""
    if instrument.kind is Kind.BINARY:
        return money_of(instrument.lot_size, f"{instrument.key}: lot_size")
    value = Decimal(instrument.tick_size) * Decimal(instrument.lot_size) * MONEY_UNIT
    if value != value.to_integral_value() or value <= 0:
        raise ValueError(
            f"{instrument.key}: tick_size x lot_size = {instrument.tick_size} x {instrument.lot_size} must be a "
            f"positive multiple of 1/{MONEY_UNIT} {instrument.quote}; choose a larger lot_size"
        )
    return int(value)


def instrument_table(
    instruments: Sequence[Instrument], venues: Mapping[str, VenueSpec], account_currency: str
) -> Records:
    """Return the kernels' table, a row per instrument; ValueError names an instrument that cannot be valued."""
    table = records(len(instruments), INSTRUMENT)
    index = {instrument.key: i for i, instrument in enumerate(instruments)}
    names = list(venues)
    for row, instrument in zip(table, instruments, strict=True):
        spec = venues[instrument.venue]
        row["venue"] = names.index(instrument.venue)
        row["kind"] = instrument.kind
        row["tick_value"] = tick_value_of(instrument)
        for name in (
            "lots_min",
            "lots_max",
            "depth_lots",
            "spread_ticks",
            "slippage_ticks",
            "fee_ppm",
            "payout_ppm",
        ):
            row[name] = getattr(instrument, name)
        row["notional_min"] = money_of(instrument.notional_min, f"{instrument.key}: notional_min")
        row["fee_per_lot"] = money_of(instrument.fee_per_lot, f"{instrument.key}: fee_per_lot")
        row["latency_ns"], row["stale_after_ns"] = spec.latency_ns, spec.stale_after_ns
        row["expiry_ns"], row["tie_returns_stake"] = instrument.expiry_ns, instrument.tie_returns_stake
        row["underlying"] = _underlying(instrument, index)
        row["group"] = row["desk"] = -1
        mode, source, scale, fixed = _rate(instrument, instruments, index, account_currency)
        row["rate_mode"], row["rate_instrument"], row["rate_scale"], row["rate_fixed"] = (
            mode,
            source,
            scale,
            fixed,
        )
    for row in table:
        if row.rate_mode in (RateMode.MULTIPLY, RateMode.DIVIDE):
            table[row.rate_instrument]["converts"] = 1
    return table


def _underlying(instrument: Instrument, index: Mapping[str, int]) -> int:
    if instrument.kind is not Kind.BINARY:
        return index[instrument.key]
    if instrument.underlying is None or instrument.underlying not in index:
        raise ValueError(f"{instrument.key}: underlying {instrument.underlying!r} is not among the instruments")
    return index[instrument.underlying]


def _rate(
    instrument: Instrument, instruments: Sequence[Instrument], index: Mapping[str, int], account: str
) -> tuple[RateMode, int, int, int]:
    """Find what turns the quote currency into the account's: itself first, then its own venue, then any venue."""
    if instrument.quote == account:
        return RateMode.SAME, 0, 1, 1
    if instrument.rate is not None:
        return RateMode.FIXED, 0, MONEY_UNIT, money_of(instrument.rate, f"{instrument.key}: rate")
    near = sorted(instruments, key=lambda other: (other.key != instrument.key, other.venue != instrument.venue))
    for other in near:
        scale = 10**other.price_digits
        unit = int(Decimal(other.tick_size) * scale)
        if unit != 1 or other.kind is Kind.BINARY:
            continue  # a rate is read off decimal ticks only
        if (other.base, other.quote) == (instrument.quote, account):
            return RateMode.MULTIPLY, index[other.key], scale, 1
        if (other.base, other.quote) == (account, instrument.quote):
            return RateMode.DIVIDE, index[other.key], scale, 1
    raise ValueError(
        f"{instrument.key}: profit is in {instrument.quote}, the account in {account}; add an instrument that quotes "
        f"the two, or state `rate` ({account} per {instrument.quote})"
    )
