"""What a result owes to its costs: the same plan over the same tape, at a multiple of spread, slippage and fees."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
from msgspec import structs

from market.instruments import Instrument
from market.tape import Int64, Tape
from policies.plan import Plan

MULTIPLE_MAX: Final = 100


def with_costs(plan: Plan, tape: Tape, multiple: Decimal) -> tuple[Plan, Tape]:
    """Return plan and tape at a multiple of all costs, from 0 to 100, each rounded up to a whole tick or unit.

    The bid stays where it is, the ask moves away from it: a tick of a wider spread is paid in full.
    """
    if not 0 <= multiple <= MULTIPLE_MAX:
        raise ValueError(f"cost multiple {multiple}; from 0 to {MULTIPLE_MAX} is allowed")
    if multiple == 1:
        return plan, tape
    share = Fraction(multiple)
    instruments = tuple(_instrument(one, share) for one in plan.instruments)
    wider = tape._replace(
        ask_open=_widened(tape.open, tape.ask_open, share), ask_high=_widened(tape.high, tape.ask_high, share),
        ask_low=_widened(tape.low, tape.ask_low, share), ask_close=_widened(tape.close, tape.ask_close, share),
    )  # fmt: skip
    return structs.replace(plan, instruments=instruments), wider


def _instrument(instrument: Instrument, share: Fraction) -> Instrument:
    per_lot = Fraction(instrument.fee_per_lot) * share
    return structs.replace(
        instrument,
        spread_ticks=_up(instrument.spread_ticks, share),
        slippage_ticks=_up(instrument.slippage_ticks, share),
        fee_ppm=min(_up(instrument.fee_ppm, share), 1_000_000),
        fee_per_lot=str(Decimal(_up_of(per_lot * 10**6)).scaleb(-6)),
    )


def _up(value: int, share: Fraction) -> int:
    return _up_of(value * share)


def _up_of(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _widened(bid: Int64, ask: Int64, share: Fraction) -> Int64:
    """Return bid + share x (ask - bid), rounded up; an ask at or below its bid stays: it is a flaw, or no spread."""
    gap = ask - bid
    wider = -(-gap * share.numerator // share.denominator)
    return np.asarray(np.where(gap > 0, bid + wider, ask), np.int64)


def charges_anything(plan: Plan, tape: Tape) -> bool:
    """Tell whether trading costs anything at all: a plan without costs says nothing about how much it could bear."""
    fees = any(one.slippage_ticks or one.fee_ppm or Decimal(one.fee_per_lot) for one in plan.instruments)
    return fees or bool((tape.ask_close > tape.close).any())
