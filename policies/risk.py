"""Risk: may this intent become an order? One small compiled function per rule, one bit of `Rule` each.

`judge` asks every rule and returns the bits of those that object; an intent is approved when none does, all its legs
or none. What reduces a position passes every rule about new risk: only HALTED, a foreign epoch and having nothing to
reduce stop it. Missing or stale prices refuse; nothing here reads a number that was never fed.

The book is written by one owner. `reserve` counts an approved intent as if it were filled, until a report, a release
or a terminal state says otherwise: two intents can never pass a cap together that each would pass alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded
from market.instruments import Kind
from market.ledger import Ledger
from market.quotes import rate_to_account
from market.records import Record, Records, record_type, records
from policies.account_rules import account_rules
from policies.breaking import Breakers, breaker_bits, no_breakers
from policies.closing import CLOSING
from policies.controls import control_bits
from policies.estimating import Estimator, open_estimator
from policies.floors import FLOOR
from policies.gates import cooldown_left_ns, position_cap, shrinks
from policies.guard import ALERT, open_guard
from policies.intents import Rule, TradingState
from policies.phases import PHASE, PROTECT
from policies.portfolio_rules import portfolio_bits
from policies.remembered import Controls, no_controls
from policies.stop_rules import stop_bits
from policies.timetable import Timetable, no_timetable, timetable_bits
from policies.valuing import notional_of

LIMITS: Final = record_type(
    "trades_per_day_max daily_loss_max daily_loss_basis drawdown_max drawdown_basis loss_streak_max "
    "position_ppm_max sample_ns"
)
"""One account's limits: money, counts, parts per million of equity; 0 is a limit of zero, never "no limit".

`daily_loss_basis` 0: realised today plus the floating loss, 1: equity against the day's anchor.
`drawdown_basis` 0: from the initial equity, 1: from the highest equity."""

DESK: Final = record_type(
    "kind state budget budget_ppm realised auto_execute top_n expiry_ns shadow",
    floats="confidence_min reward_min risk_score_max auto_confidence auto_reward auto_gross auto_gain auto_risk_score "
    "confidence_weight reward_cap",
)
"""One desk: what it may (state, budget = share of equity at the day's start), what it has earned (`realised`, fees
included), and what it demands of a trade. A `shadow` is refused whatever it asks for, without a trace in the book."""

LIVE: Final = record_type("number instrument lots stop")
"""An opening order that may still fill: the lots it has reserved and not yet filled, signed, and its stop (0: none)."""


class Guards(NamedTuple):
    """What account profiles bring to a book: floors, their guard, resets per calendar, correlations, alerts' room."""

    floors: Records
    guard: Records
    resets_ns: NDArray[np.int64]
    rho: NDArray[np.float64]
    alerts: Records


def no_guards(cash: int, instruments: int) -> Guards:
    """Return what a book has where no account profile is active."""
    return Guards(
        records(0, FLOOR), open_guard({}, cash), np.zeros((0, 0), np.int64), np.zeros((instruments, instruments)),
        records(0, ALERT),
    )  # fmt: skip


class Book(NamedTuple):
    """All that risk knows. `working_long` and `working_short` are lots reserved per instrument, both positive.

    `stops[0]` and `stops[1]` are the worst stop of what was bought and sold per instrument; 0: there is none.
    `alerts[:guard.told]` are those that the floors have given.
    """

    ledger: Ledger
    quotes: Records
    desks: Records
    limits: Records
    cooldowns_ns: NDArray[np.int64]
    working_long: NDArray[np.int64]
    working_short: NDArray[np.int64]
    live: Records
    counts: NDArray[np.int64]
    floors: Records
    guard: Records
    resets_ns: NDArray[np.int64]
    rho: NDArray[np.float64]
    alerts: Records
    stops: NDArray[np.int64]
    controls: Controls
    closing: Records
    estimator: Estimator
    phases: Records
    protects: Records
    breakers: Breakers
    timetable: Timetable


LIVE_COUNT: Final = 0


def open_book(
    ledger: Ledger, quotes: Records, desks: Records, limits: Records, cooldowns_ns: NDArray[np.int64],
    guards: Guards | None = None,
) -> Book:  # fmt: skip
    """Return the book of one account, with nothing reserved and no pre-trade control configured."""
    count = len(ledger.instruments)
    none = np.zeros(count, np.int64)
    own = guards or no_guards(int(ledger.account[0].cash), count)
    return Book(
        ledger,
        quotes,
        desks,
        limits,
        cooldowns_ns,
        none,
        none.copy(),
        records(256 + 8 * count, LIVE),
        np.zeros(1, np.int64),
        *own,
        np.zeros((2, count), np.int64),
        no_controls(count, len(desks)),
        records(count, CLOSING),
        open_estimator([0] * count, 1),
        records(0, PHASE),
        records(0, PROTECT),
        no_breakers(count),
        no_timetable(),
    )


@compiled
def leg_instrument(intent: Record, leg: int) -> int:
    """Return the instrument of a leg."""
    return int(intent.instrument0 if leg == 0 else intent.instrument1)


@compiled
def leg_lots(intent: Record, leg: int) -> int:
    """Return the signed lots of a leg."""
    return int(intent.lots0 if leg == 0 else intent.lots1)


@compiled
def halted(book: Book, intent: Record) -> bool:
    """Object when a latch says so: HALTED lets nothing pass, REDUCING only what reduces."""
    state = max(book.ledger.account[0].state, book.desks[intent.desk].state)
    return state == TradingState.HALTED or (state == TradingState.REDUCING and intent.reduce == 0)


@compiled
def foreign_epoch(book: Book, intent: Record) -> bool:
    """Object to an intent that was made under another governor's mandate."""
    return bool(intent.epoch != book.ledger.account[0].epoch)


@compiled
def stale_quote(book: Book, intent: Record) -> bool:
    """Object when the newest quote of a leg is older than its venue allows; a reducing intent may be late."""
    if intent.reduce != 0:
        return False
    for leg in range(intent.legs):
        row = book.ledger.instruments[leg_instrument(intent, leg)]
        if intent.time_ns - book.quotes[row.underlying].time_ns > row.stale_after_ns:
            return True
    return False


@compiled
def crossed_quote(book: Book, intent: Record) -> bool:
    """Object when the newest row of a leg was crossed, zero or otherwise flawed."""
    if intent.reduce != 0:
        return False
    for leg in range(intent.legs):
        if book.quotes[book.ledger.instruments[leg_instrument(intent, leg)].underlying].flaws != 0:
            return True
    return False


@compiled
def no_price(book: Book, intent: Record) -> bool:
    """Object while a leg cannot be valued in account money: no quote yet, or none of its currency's rate."""
    if intent.reduce != 0:
        return False
    for leg in range(intent.legs):
        instrument = leg_instrument(intent, leg)
        if book.quotes[book.ledger.instruments[instrument].underlying].time_ns == 0:
            return True
        if rate_to_account(book.ledger.instruments, book.quotes, instrument)[0] == 0:
            return True
    return False


@compiled
def order_size(book: Book, intent: Record) -> bool:
    """Object to a leg below or above what its venue takes: lots, or the smallest notional."""
    if intent.reduce != 0:
        return False
    for leg in range(intent.legs):
        instrument = leg_instrument(intent, leg)
        row = book.ledger.instruments[instrument]
        size = abs(leg_lots(intent, leg))
        if not row.lots_min <= size <= row.lots_max:
            return True
        if notional_of(book, instrument, size) < row.notional_min:
            return True
    return False


@compiled
def position_limit(book: Book, intent: Record) -> bool:
    """Object when a position could pass its share of equity if every working order on that side filled.

    What is held on the other side does not make room: a stop may close it before this order fills.
    """
    if intent.reduce != 0:
        return False
    cap = position_cap(book.ledger.account[0].equity, book.limits[0].position_ppm_max)
    for leg in range(intent.legs):
        instrument = leg_instrument(intent, leg)
        lots = leg_lots(intent, leg)
        held = book.ledger.positions[instrument].lots
        if book.ledger.instruments[instrument].kind == Kind.BINARY:
            after = held + book.working_long[instrument] + book.working_short[instrument] + abs(lots)
        else:
            change = lots + (book.working_long[instrument] if lots > 0 else -book.working_short[instrument])
            if shrinks(held, change):
                continue
            after = change + (max(held, 0) if lots > 0 else min(held, 0))
        if notional_of(book, instrument, after) > cap:
            return True
    return False


@compiled
def daily_loss(book: Book, intent: Record) -> bool:
    """Object once today's loss, floating included, has reached its limit; latched until the day rolls."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.DAILY_LOSS.value) != 0


@compiled
def total_drawdown(book: Book, intent: Record) -> bool:
    """Object once the account's drawdown has reached its limit; latched until a person lifts it."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.TOTAL_DRAWDOWN.value) != 0


@compiled
def trades_per_day(book: Book, intent: Record) -> bool:
    """Object when today's opening trades have used up their number."""
    return bool(intent.reduce == 0 and book.ledger.account[0].trades_today >= book.limits[0].trades_per_day_max)


@compiled
def loss_streak(book: Book, intent: Record) -> bool:
    """Object after too many net losses in a row; the streak is forgotten when the day rolls."""
    return bool(intent.reduce == 0 and book.ledger.account[0].loss_streak >= book.limits[0].loss_streak_max)


@compiled
def cooldown(book: Book, intent: Record) -> bool:
    """Object until the pause after the newest loss has passed; it grows with the streak."""
    account = book.ledger.account[0]
    if intent.reduce != 0 or account.loss_streak == 0 or account.last_loss_ns == 0:
        return False
    since_ns = intent.time_ns - account.last_loss_ns
    return cooldown_left_ns(book.cooldowns_ns, account.loss_streak, since_ns) > 0


@compiled
def flatten(book: Book, intent: Record) -> bool:
    """Object while the engine closes what is held; latched until nothing is held or works any more."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.FLATTEN.value) != 0


@compiled
def no_position(book: Book, intent: Record) -> bool:
    """Object to reducing what is not there: every leg flat."""
    return bool(intent.reduce != 0 and intent.lots0 == 0 and (intent.legs == 1 or intent.lots1 == 0))


@compiled
def resolve_close(book: Book, intent: Record) -> None:
    """Write the lots that close what is held into a reducing intent: a policy knows the market, not the book."""
    if intent.reduce != 0:
        intent.lots0 = -book.ledger.positions[intent.instrument0].lots
        intent.lots1 = -book.ledger.positions[intent.instrument1].lots if intent.legs > 1 else 0


@folded
def judge(book: Book, intent: Record) -> int:
    """Return the bits of every rule that objects; 0 approves the intent, all legs or none."""
    bits = 0
    if halted(book, intent):
        bits |= Rule.HALTED.value
    if foreign_epoch(book, intent):
        bits |= Rule.FOREIGN_EPOCH.value
    if stale_quote(book, intent):
        bits |= Rule.STALE_QUOTE.value
    if crossed_quote(book, intent):
        bits |= Rule.CROSSED_QUOTE.value
    priced = False
    if no_position(book, intent):
        bits |= Rule.NO_POSITION.value
    elif no_price(book, intent):
        bits |= Rule.NO_PRICE.value
    else:
        priced = True
        if order_size(book, intent):
            bits |= Rule.ORDER_SIZE.value
        if position_limit(book, intent):
            bits |= Rule.POSITION_LIMIT.value
        bits |= stop_bits(book, intent) | portfolio_bits(book, intent)
    if daily_loss(book, intent):
        bits |= Rule.DAILY_LOSS.value
    if total_drawdown(book, intent):
        bits |= Rule.TOTAL_DRAWDOWN.value
    if trades_per_day(book, intent):
        bits |= Rule.TRADES_PER_DAY.value
    if loss_streak(book, intent):
        bits |= Rule.LOSS_STREAK.value
    if cooldown(book, intent):
        bits |= Rule.COOLDOWN.value
    if flatten(book, intent):
        bits |= Rule.FLATTEN.value
    if book.guard[0].active != 0:
        bits |= account_rules(book, intent, priced) | timetable_bits(book, intent)
    ledger = book.ledger
    bits |= control_bits(book.controls, ledger, book.quotes, book.working_long, book.working_short, intent)
    return bits | breaker_bits(book.breakers, ledger.instruments, intent, bits)
