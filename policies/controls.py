"""Pre-trade controls in the path of every order: all questions that are asked of it, one small function per rule.

`control_bits` is asked by `policies.risk.judge` for every opening intent; what reduces a position passes, as it passes
every rule about new risk. What is asked about is `policies.remembered.Controls`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.costs import PPM
from market.instruments import Kind
from market.ledger import Ledger
from market.quotes import notional_at, rate_to_account, to_account_up
from market.records import Record, Records
from policies.gates import position_cap
from policies.intents import Rule
from policies.pretrade import VALUE_MAX, OrderLimits, OrderTerms, order_value_twice, order_violations, window_allows
from policies.remembered import (
    MOVES,
    MOVES_MIN,
    SIZES,
    SIZES_MIN,
    VARIANCE,
    Controls,
    instrument_of,
    limit_of,
    lots_of,
    move_of,
    price_twice_of,
)

OVERRIDABLE: Final = (
    Rule.PRICE_COLLAR | Rule.PRICE_COLLAR_PASSIVE | Rule.PRICE_DRIFT | Rule.MAX_ORDER_VALUE | Rule.MAX_ORDER_VOLUME
    | Rule.REPEATED_EXECUTION | Rule.DUPLICATE_ORDER | Rule.FAT_FINGER
)  # fmt: skip
"""What people may set aside; nothing lifts a missing price, a missing permission or the account's limits."""

OVERRIDE_NS_MAX: Final = 3600 * 10**9
PEOPLE_MIN: Final = 2


def override_bits(rules: tuple[str, ...], people: tuple[str, ...], from_ns: int, until_ns: int) -> int:
    """Return the bits that an override sets aside; ValueError when it is not one that may be granted."""
    bits = 0
    for name in rules:
        if name not in Rule.__members__ or not Rule[name] & OVERRIDABLE:
            allowed = ", ".join(str(rule.name) for rule in Rule if rule & OVERRIDABLE)
            raise ValueError(f"override of {name}: {allowed} is allowed")
        bits |= Rule[name].value
    if len({name.strip().casefold() for name in people} - {""}) < PEOPLE_MIN:
        raise ValueError(f"override by {', '.join(people) or 'nobody'}: {PEOPLE_MIN} different people are allowed")
    if not 0 < until_ns - from_ns <= OVERRIDE_NS_MAX:
        raise ValueError(f"override of {(until_ns - from_ns) / 6e10:g} minutes: more than 0, at most 60 are allowed")
    return bits


@compiled
def control_bits(
    controls: Controls, ledger: Ledger, quotes: Records, working_long: NDArray[np.int64],
    working_short: NDArray[np.int64], intent: Record,
) -> int:  # fmt: skip
    """Return the `Rule` bits of the controls that object to an intent; people's overrides are taken off."""
    if controls.terms[0].on == 0 or intent.reduce != 0:
        return 0
    bits = 0
    for leg in range(intent.legs):
        bits |= order_bits(controls, ledger, quotes, intent, leg)
        bits |= leg_bits(controls, ledger.instruments, quotes, intent, leg)
        if self_trade(controls, working_long, working_short, intent, leg):
            bits |= Rule.SELF_TRADE.value
    if message_rate(controls, ledger.instruments, intent):
        bits |= Rule.MESSAGE_RATE.value
    if repeated_execution(controls, intent):
        bits |= Rule.REPEATED_EXECUTION.value
    if gross_limit(controls, ledger, quotes, working_long, working_short, intent):
        bits |= Rule.GROSS_LIMIT.value
    return bits & ~overridden(controls, intent.time_ns)


@compiled
def overridden(controls: Controls, time_ns: int) -> int:
    """Return the bits that are set aside at an instant; an override that has run out sets nothing aside."""
    bits = 0
    for k in range(len(controls.overrides)):
        granted = controls.overrides[k]
        if granted.from_ns <= time_ns < granted.until_ns:
            bits |= granted.rules
    return bits


@compiled
def order_bits(controls: Controls, ledger: Ledger, quotes: Records, intent: Record, leg: int) -> int:
    """Return what is wrong with the order of one leg by itself, held against the middle of the newest quote."""
    instrument, terms = instrument_of(intent, leg), controls.terms[0]
    bound, quote = controls.bounds[instrument], quotes[ledger.instruments[instrument].underlying]
    limit, lots = limit_of(intent, leg), abs(lots_of(intent, leg))
    return order_violations(
        OrderTerms(
            1 if lots_of(intent, leg) > 0 else 0, lots, limit, quote.bid + quote.ask, intent.time_ns - quote.time_ns,
            value_twice(ledger.instruments, quotes, instrument, lots, limit), int(duplicate_intent(controls, intent)),
        ),
        OrderLimits(
            bound.collar_ppm, min(terms.value_max, position_cap(ledger.account[0].equity, terms.value_ppm_max)),
            bound.lots_max, bound.reference_ns_max,
        ),
    )  # fmt: skip


@compiled
def leg_bits(controls: Controls, instruments: Records, quotes: Records, intent: Record, leg: int) -> int:
    """Return what is wrong with one leg: with its permission, the price it saw, and what was sent before it."""
    bits = 0
    if not_permitted(controls, instruments, intent, leg):
        bits |= Rule.NOT_PERMITTED.value
    if locked_quote(controls, instruments, quotes, instrument_of(intent, leg)):
        bits |= Rule.LOCKED_QUOTE.value
    if price_jump(controls, intent, leg):
        bits |= Rule.PRICE_JUMP.value
    if fat_finger(controls, instrument_of(intent, leg), abs(lots_of(intent, leg))):
        bits |= Rule.FAT_FINGER.value
    if duplicate_order(controls, intent, leg):
        bits |= Rule.DUPLICATE_ORDER.value
    if price_drift(controls, intent, leg):
        bits |= Rule.PRICE_DRIFT.value
    return bits


@compiled
def not_permitted(controls: Controls, instruments: Records, intent: Record, leg: int) -> bool:
    """Object to an instrument that nobody allowed, or that is another desk's: what is not listed is denied."""
    instrument = instrument_of(intent, leg)
    return bool(controls.bounds[instrument].permitted == 0 or instruments[instrument].desk != intent.desk)


@compiled
def locked_quote(controls: Controls, instruments: Records, quotes: Records, instrument: int) -> bool:
    """Object to a quote whose bid is its ask; bars, which may come without a spread, are none."""
    row = instruments[instrument]
    quote = quotes[row.underlying]
    return bool(controls.terms[0].locked != 0 and row.bar_ns == 0 and quote.bid == quote.ask)


@compiled
def value_twice(instruments: Records, quotes: Records, instrument: int, lots: int, limit: int) -> int:
    """Return twice the value of an order in account money, rounded up; a contract is worth its stake."""
    row = instruments[instrument]
    quote = quotes[instrument]
    rate_num, rate_den = rate_to_account(instruments, quotes, instrument)
    twice = 2 if row.kind == Kind.BINARY else quote.bid + quote.ask
    value = order_value_twice(lots, limit, twice, row.tick_value)
    return VALUE_MAX if rate_num == 0 or value == VALUE_MAX else to_account_up(value, rate_num, rate_den)


@compiled
def duplicate_intent(controls: Controls, intent: Record) -> bool:
    """Object to an intent that has been sent: same desk, instant and first instrument."""
    for k in range(controls.counts[0] - 1, -1, -1):
        sent = controls.sent[k]
        if sent.time_ns < intent.time_ns:
            return False
        if sent.time_ns == intent.time_ns and sent.desk == intent.desk and sent.instrument == intent.instrument0:
            return True
    return False


@compiled
def duplicate_order(controls: Controls, intent: Record, leg: int) -> bool:
    """Object to an order of the same instrument, side and size as one that was sent just now."""
    for k in range(controls.counts[0] - 1, -1, -1):
        sent = controls.sent[k]
        if intent.time_ns - sent.time_ns >= controls.terms[0].duplicate_ns:
            return False
        if sent.instrument == instrument_of(intent, leg) and sent.lots == lots_of(intent, leg):
            return True
    return False


@compiled
def price_drift(controls: Controls, intent: Record, leg: int) -> bool:
    """Object to a price far from any own one of the same instrument within the window: step by step is far, too."""
    instrument, price_twice = instrument_of(intent, leg), price_twice_of(intent, leg)
    for k in range(controls.counts[0] - 1, -1, -1):
        sent = controls.sent[k]
        if intent.time_ns - sent.time_ns >= controls.terms[0].drift_ns:
            return False
        drift = abs(price_twice - sent.price_twice)
        if sent.instrument == instrument and drift * PPM > controls.bounds[instrument].drift_ppm * sent.price_twice:
            return True
    return False


@compiled
def message_rate(controls: Controls, instruments: Records, intent: Record) -> bool:
    """Object when the orders of this intent would be too many messages of their desk, or to one of its venues.

    Cancels, and what reduces, are never held up here: they have a budget of their own at the gateway.
    """
    terms = controls.terms[0]
    now, span = intent.time_ns, terms.message_ns
    more = intent.legs - 1
    if not window_allows(controls.messages[intent.desk], now, span, terms.messages_max - more):
        return True
    first, last = instruments[intent.instrument0].venue, instruments[instrument_of(intent, intent.legs - 1)].venue
    to_one = more if first == last else 0
    return not (
        window_allows(controls.venue_messages[first], now, span, terms.venue_messages_max - to_one)
        and window_allows(controls.venue_messages[last], now, span, terms.venue_messages_max - to_one)
    )


@compiled
def repeated_execution(controls: Controls, intent: Record) -> bool:
    """Object when a desk has executed too often, or the same order too often, and from then on always."""
    terms = controls.terms[0]
    if controls.disabled[intent.desk] != 0:
        return True
    if not window_allows(controls.executions[intent.desk], intent.time_ns, terms.executions_ns, terms.executions_max):
        return True
    same = 0
    for k in range(controls.counts[0] - 1, -1, -1):
        sent = controls.sent[k]
        if intent.time_ns - sent.time_ns >= terms.same_ns:
            break
        same += sent.instrument == intent.instrument0 and sent.lots == intent.lots0
    return bool(same >= terms.same_max)


@compiled
def gross_limit(
    controls: Controls, ledger: Ledger, quotes: Records, working_long: NDArray[np.int64],
    working_short: NDArray[np.int64], intent: Record,
) -> bool:  # fmt: skip
    """Object when everything held and everything working, at full size, would be worth more than the account may owe.

    What cannot be valued cannot be shown to fit.
    """
    gross = 0
    for k in range(len(ledger.instruments)):
        lots = abs(ledger.positions[k].lots) + working_long[k] + working_short[k]
        for leg in range(intent.legs):
            lots += abs(lots_of(intent, leg)) if instrument_of(intent, leg) == k else 0
        if lots != 0:
            if rate_to_account(ledger.instruments, quotes, k)[0] == 0:
                return True
            gross += notional_at(ledger.instruments, quotes, k, lots)
    return gross > position_cap(ledger.account[0].equity, controls.terms[0].gross_ppm_max)


@compiled
def self_trade(
    controls: Controls, working_long: NDArray[np.int64], working_short: NDArray[np.int64], intent: Record, leg: int
) -> bool:
    """Object to an order that could meet an own one of the other side, which still works, on the same instrument."""
    instrument = instrument_of(intent, leg)
    other = working_short[instrument] if lots_of(intent, leg) > 0 else working_long[instrument]
    return bool(controls.terms[0].self_trade != 0 and other > 0)


@compiled
def fat_finger(controls: Controls, instrument: int, lots: int) -> bool:
    """Object to a size beyond so many times the median of the newest ones of its instrument: lots taken for units."""
    count = min(controls.counts[1 + instrument], SIZES)
    newest = controls.counts[1 + instrument]
    smaller = 0
    for k in range(newest - count, newest):
        smaller += controls.sizes[instrument, k] * controls.terms[0].fat_finger_factor < lots
    return bool(count >= SIZES_MIN and 2 * smaller > count)


@compiled
def price_jump(controls: Controls, intent: Record, leg: int) -> bool:
    """Object to a price that has moved by more sigmas since it was last looked at than a sound one does."""
    seen = controls.moves[instrument_of(intent, leg)]
    if seen[MOVES] < MOVES_MIN or seen[VARIANCE] <= 0.0:
        return False
    squared, seconds = move_of(seen, intent, leg)
    return bool(squared > controls.terms[0].jump_sigma ** 2 * seen[VARIANCE] * seconds)
