"""Account rules: may an intent become an order under the profiles that hold this account? One function per rule.

They are asked when a profile is active (`guard.active`), and never object to what reduces. A number that is missing,
too old or impossible objects: an open position without a fresh price makes the equity unknown, a clock before the last
valuation or beyond the calendar makes the day unknown.
"""

from typing import TYPE_CHECKING

from market.compiled import compiled
from market.costs import PPM
from market.instruments import Kind
from market.money import multiply_divide_up
from market.quotes import rate_to_account
from market.records import Record
from policies.floors import Clears, standing_floor, usage_ppm
from policies.gates import position_cap
from policies.guard import highest_floor, most_used_ppm, room_allows, trade_risk_max
from policies.intents import Rule
from policies.leverage import Basis, concentrates
from policies.valuing import held_risk, intent_risk, loss_to_stop, notional_of

if TYPE_CHECKING:
    from policies.risk import Book


@compiled
def account_daily_loss(book: "Book", intent: Record) -> bool:
    """Object once a daily floor was breached; latched until a person lifts it."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.ACCOUNT_DAILY_LOSS.value) != 0


@compiled
def account_total_loss(book: "Book", intent: Record) -> bool:
    """Object once the floor of the whole account was breached; latched until a person lifts it."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.ACCOUNT_TOTAL_LOSS.value) != 0


@compiled
def safe_mode(book: "Book", intent: Record) -> bool:
    """Object in SAFE_MODE; latched until its day or month has rolled and a person has acknowledged it."""
    return intent.reduce == 0 and (book.ledger.account[0].blocks & Rule.SAFE_MODE.value) != 0


@compiled
def no_calendar(book: "Book", intent: Record) -> bool:
    """Object where the period is unknown: beyond the calendars, or at a time before the account's own."""
    account = book.ledger.account[0]
    return bool(
        intent.reduce == 0 and (intent.time_ns >= book.guard[0].until_ns or intent.time_ns < account.time_ns)
    )  # fmt: skip


@compiled
def no_equity(book: "Book", intent: Record) -> bool:
    """Object where the equity is impossible, or unknown: a position without a fresh price, or without a rate."""
    account = book.ledger.account[0]
    if intent.reduce != 0:
        return False
    if account.equity <= 0 or account.equity_low > account.equity:
        return True
    for k in range(account.open_positions):
        instrument = book.ledger.open_list[k]
        row = book.ledger.instruments[instrument]
        if row.kind == Kind.BINARY:
            continue  # counted as lost already: no price can make it less
        if (
            book.quotes[instrument].time_ns == 0
            or intent.time_ns - book.quotes[instrument].time_ns > row.stale_after_ns
        ):
            return True
        if rate_to_account(book.ledger.instruments, book.quotes, instrument)[0] <= 0:
            return True
    return False


@compiled
def open_risk(book: "Book") -> int:
    """Return what all positions and working orders would lose to their stops, and what was approved just now."""
    risk = book.guard[0].pending
    for k in range(book.ledger.account[0].open_positions):
        risk += held_risk(book, book.ledger.open_list[k])
    for k in range(book.counts[0]):
        live = book.live[k]
        quote = book.quotes[live.instrument]
        risk += loss_to_stop(book, live.instrument, live.lots, quote.ask if live.lots > 0 else quote.bid, live.stop)
    return int(risk)


@compiled
def loss_room(book: "Book", intent: Record) -> bool:
    """Object where every stop hit, the new one too, could leave less than the highest floor and its buffer.

    The buffer grows for what may still be held when a period begins: its stop may be jumped over meanwhile.
    """
    if intent.reduce != 0 or len(book.floors) == 0:
        return False
    guard, account = book.guard[0], book.ledger.account[0]
    new_risk, buffer = intent_risk(book, intent), guard.buffer
    if intent.hold_ns <= 0 or intent.time_ns + intent.hold_ns >= guard.next_ns:
        buffer *= guard.overnight_multiple
    return not room_allows(
        account.equity, open_risk(book), new_risk, highest_floor(book.floors, guard, account), buffer
    )


@compiled
def must_flatten(book: "Book") -> bool:
    """Tell whether positions must be closed now: so much of an amount is used, or of the buffer over open stops.

    Half of the buffer stays between a floor and what is left if every stop is hit: a single gap has to be larger than
    that, beyond the stops, to reach the floor before anybody can act. SAFE_MODE is no loss limit: it stops new risk
    and leaves what is held to its stops.
    """
    guard, account = book.guard[0], book.ledger.account[0]
    if guard.active == 0 or account.open_positions == 0:
        return False
    used, highest, limits = 0, 0, 0
    for k in range(len(book.floors)):
        row = book.floors[k]
        if row.clears == Clears.NEVER:
            used = max(used, usage_ppm(row, min(account.equity, account.equity_low) - guard.flow))
            floor = standing_floor(row, account.equity - guard.flow, account.cash - guard.flow)
            highest = floor if limits == 0 else max(highest, floor)
            limits += 1
    if limits == 0:
        return False
    return bool(
        used >= guard.flatten_ppm
        or not room_allows(account.equity, open_risk(book), 0, highest + guard.flow, guard.buffer // 2)
    )


@compiled
def trade_risk(book: "Book", intent: Record) -> bool:
    """Object to a trade that risks more than its confidence allows, or more than its share of the room to a floor."""
    if intent.reduce != 0:
        return False
    guard, equity = book.guard[0], book.ledger.account[0].equity
    risk = intent_risk(book, intent)
    if guard.risk_max > 0.0 and risk > position_cap(equity, confidence_risk_ppm(guard, intent.confidence)):
        return True
    return bool(len(book.floors) > 0 and risk > trade_risk_max(book.floors, guard, equity))


@compiled
def confidence_risk_ppm(guard: Record, confidence: float) -> int:
    """Return what a trade may risk, in parts per million of equity; nothing below the floor, or if it is no number.

    r_min + (r_max - r_min) x min((c - c_min) / (c_max - c_min), 1) ^ gamma.
    """
    if not guard.confidence_floor <= confidence <= 1.0:
        return 0
    width = guard.confidence_cap - guard.confidence_floor
    share = min((confidence - guard.confidence_floor) / width, 1.0) if width > 0.0 else 1.0
    return int((guard.risk_min + (guard.risk_max - guard.risk_min) * share**guard.gamma) * PPM + 0.5)


@compiled
def loss_ladder(book: "Book", intent: Record) -> bool:
    """Object from the used share of any floor's amount on that stops new risk, at the worst price of the instant."""
    if intent.reduce != 0 or len(book.floors) == 0:
        return False
    guard, account = book.guard[0], book.ledger.account[0]
    return bool(most_used_ppm(book.floors, guard, min(account.equity, account.equity_low)) >= guard.block_ppm)


@compiled
def gross_notional(book: "Book", beside: int) -> int:
    """Return the value of all positions and working orders, each without its sign: hedges do not net.

    Of `beside` and what moves with it alone, where that is an instrument; of all for -1.
    """
    gross = 0
    for k in range(len(book.ledger.instruments)):
        if beside >= 0 and k != beside and abs(book.rho[beside, k]) < book.guard[0].rho_max:
            continue
        held = abs(book.ledger.positions[k].lots)
        if held != 0 or book.working_long[k] != 0 or book.working_short[k] != 0:
            gross += notional_of(book, k, held + book.working_long[k] + book.working_short[k])
    return gross


@compiled
def exposure_limit(book: "Book", intent: Record) -> bool:
    """Object where open, working and new together come to more than their share of equity, on the chosen basis."""
    guard = book.guard[0]
    if intent.reduce != 0 or guard.exposure_ppm_max == 0:
        return False
    cap = position_cap(book.ledger.account[0].equity, guard.exposure_ppm_max)
    if guard.exposure_basis == Basis.OPEN_RISK:
        return bool(open_risk(book) + intent_risk(book, intent) > cap)
    new = notional_of(book, intent.instrument0, intent.lots0)
    if intent.legs > 1:
        new += notional_of(book, intent.instrument1, intent.lots1)
    if on_basis(guard, gross_notional(book, -1) + new) > cap:
        return True
    if guard.cluster_ppm_max == 0:
        return False
    cluster = position_cap(book.ledger.account[0].equity, guard.cluster_ppm_max)
    for leg in range(intent.legs):
        beside = intent.instrument0 if leg == 0 else intent.instrument1
        if on_basis(guard, gross_notional(book, beside) + new) > cluster:
            return True
    return False


@compiled
def on_basis(guard: Record, gross: int) -> int:
    """Return a gross notional on the cap's basis: itself, or the margin that it needs, rounded up."""
    if guard.exposure_basis == Basis.GROSS_NOTIONAL:
        return gross
    return multiply_divide_up(gross, PPM, guard.leverage_ppm)


@compiled
def correlation(book: "Book", intent: Record) -> bool:
    """Object where a leg repeats a position, or working orders, of another instrument that moves with its own."""
    if intent.reduce != 0 or book.guard[0].correlates == 0:
        return False
    for leg in range(intent.legs):
        instrument = intent.instrument0 if leg == 0 else intent.instrument1
        side = 1 if (intent.lots0 if leg == 0 else intent.lots1) > 0 else -1
        for k in range(len(book.ledger.instruments)):
            if k == instrument:
                continue
            rho, rho_max, held = book.rho[instrument, k], book.guard[0].rho_max, book.ledger.positions[k].lots
            if (held > 0 or book.working_long[k] > 0) and concentrates(rho, side, 1, rho_max):
                return True
            if (held < 0 or book.working_short[k] > 0) and concentrates(rho, side, -1, rho_max):
                return True
    return False


@compiled
def account_rules(book: "Book", intent: Record, priced: bool) -> int:
    """Return the bits of every account rule that objects; those that need a price of the legs where there is one."""
    bits = 0
    if account_daily_loss(book, intent):
        bits |= Rule.ACCOUNT_DAILY_LOSS.value
    if account_total_loss(book, intent):
        bits |= Rule.ACCOUNT_TOTAL_LOSS.value
    if safe_mode(book, intent):
        bits |= Rule.SAFE_MODE.value
    if no_calendar(book, intent):
        bits |= Rule.NO_CALENDAR.value
    if loss_ladder(book, intent):
        bits |= Rule.LOSS_LADDER.value
    if correlation(book, intent):
        bits |= Rule.CORRELATION.value
    if no_equity(book, intent):
        return bits | Rule.NO_EQUITY.value
    if priced:
        if loss_room(book, intent):
            bits |= Rule.LOSS_ROOM.value
        if trade_risk(book, intent):
            bits |= Rule.TRADE_RISK.value
        if exposure_limit(book, intent):
            bits |= Rule.EXPOSURE_LIMIT.value
    return bits
