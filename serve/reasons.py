"""Reasons in words: why risk refused a proposal, or what the governor's ruling on it says."""

from collections.abc import Mapping
from typing import Final

from actors.previewing import Preview
from market.money import show_money
from policies.intents import DeskKind, Rule, Ruling
from policies.plan import DeskPlan, Plan

RULES: Final[Mapping[Rule, str]] = {
    Rule.HALTED: "trading is halted, or only what reduces a position may pass",
    Rule.FOREIGN_EPOCH: "it was made under another governor's epoch",
    Rule.STALE_QUOTE: "the newest quote of a leg is older than its venue allows",
    Rule.CROSSED_QUOTE: "the newest quote of a leg is crossed, zero or otherwise flawed",
    Rule.ORDER_SIZE: "a leg is too small or too large: {sizes}",
    Rule.POSITION_LIMIT: "{widest} could be worth {worst} {currency} if every working order on its side filled; "
    "{value_max} is allowed",
    Rule.DAILY_LOSS: "today's loss has reached {daily_loss_max} {currency}; blocked until the day rolls",
    Rule.TOTAL_DRAWDOWN: "the drawdown has reached {drawdown_max} {currency}; blocked until a person lifts it",
    Rule.TRADES_PER_DAY: "today's {trades_per_day_max} opening trades are used up",
    Rule.LOSS_STREAK: "{loss_streak_max} losses in a row; blocked until the day rolls",
    Rule.COOLDOWN: "the pause after the newest loss has not passed",
    Rule.NO_POSITION: "there is nothing to reduce: every leg is flat",
    Rule.NO_PRICE: "a leg cannot be valued: no quote yet, or no rate for its currency",
    Rule.ACCOUNT_DAILY_LOSS: "a daily loss floor of the account was breached; blocked until a person lifts it",
    Rule.ACCOUNT_TOTAL_LOSS: "the total loss floor of the account was breached; blocked until a person lifts it",
    Rule.SAFE_MODE: "SAFE_MODE: only what reduces, until its period has rolled and a person has acknowledged it",
    Rule.LOSS_ROOM: "if every stop were hit, the equity would fall below the highest floor and its buffer",
    Rule.LOSS_LADDER: "too much of a floor's amount is used for new risk",
    Rule.EXPOSURE_LIMIT: "open, working and new positions would come to more than their share of equity",
    Rule.CORRELATION: "it repeats an open position of an instrument that moves with this one",
    Rule.TRADE_RISK: "it risks more than its confidence, or its share of the room to a floor, allows",
    Rule.NO_CALENDAR: "the account's period is unknown at this time: its clock or its calendar is beyond its end",
    Rule.NO_EQUITY: "the equity is unknown: an open position has no fresh price, or no rate",
    Rule.INVALID_QTY: "a leg has no size",
    Rule.NO_VALID_REFERENCE: "there is no quote that is new enough to hold the order against",
    Rule.PRICE_COLLAR: "a limit would pay more than the collar around the middle allows",
    Rule.PRICE_COLLAR_PASSIVE: "a limit waits further from the middle than the collar allows",
    Rule.PRICE_DRIFT: "own prices of a leg have drifted further within the window than the collar allows",
    Rule.MAX_ORDER_VALUE: "a leg is worth more than one order may be",
    Rule.MAX_ORDER_VOLUME: "a leg has more lots than one order may have",
    Rule.MESSAGE_RATE: "the desk or a venue has had as many messages as a second allows",
    Rule.REPEATED_EXECUTION: "the desk has executed too often in a row; disabled until people set that aside",
    Rule.DUPLICATE_INTENT: "this very intent has been sent",
    Rule.DUPLICATE_ORDER: "the same order of the same size was sent just now",
    Rule.GROSS_LIMIT: "everything held and working would be worth more than the account may owe",
    Rule.NOT_PERMITTED: "a leg is not among what this desk and this jurisdiction are permitted to trade",
    Rule.FAT_FINGER: "a leg is many times the size that is usual for it: lots taken for units?",
    Rule.SELF_TRADE: "a leg could trade with an own order of the other side that still works",
    Rule.PRICE_JUMP: "a price has jumped by more than sound ones do",
    Rule.LOCKED_QUOTE: "the bid of a leg is its ask",
    Rule.FLATTEN: "the account's rules call for closing everything; nothing is opened until all is closed",
    Rule.VAR_LIMIT: "the value at risk of everything together would pass its limit",
    Rule.CLUSTER_CAP: "what moves together with a leg would be worth more than its share of equity",
    Rule.SAME_BET: "a leg would be the same bet as another position, or as the other leg",
    Rule.NOT_MEASURED: "the portfolio's risk is unknown: an estimate is missing or too old, or something has no price",
    Rule.NEWS: "news of high impact on a currency of a leg is near; nothing is opened around it",
    Rule.NO_NEWS: "the calendar of news does not reach to this time, so what is near is unknown",
    Rule.WEEKEND: "a leg may not be held over the weekend that is near",
    Rule.MISSING_STOP: "the stop is no price",
    Rule.STOP_QTY_MISMATCH: "the stop is not of the size of the position",
    Rule.STOP_NOT_REDUCE_ONLY: "the stop could open a position",
    Rule.STOP_WIDENED: "the stop would be further from the market than it was",
    Rule.STOP_THROUGH_MARKET: "the stop is not on the loss side of the market",
    Rule.STOP_TOO_TIGHT: "the stop is nearer to the market than two ticks, or two spreads",
    Rule.STOP_OFF_TICK: "the stop is not on a tick",
    Rule.STOP_TOO_CLOSE_TO_LIQUIDATION: "the stop is within a fifth of the way from liquidation to entry",
    Rule.PRICE_PAUSE: "the price of a leg has just jumped, or its spread torn; it is paused",
    Rule.VENUE_HEALTH: "the venue of a leg rejects too much; it is left alone until a probe is answered",
    Rule.COST_BREAKER: "fills of a leg have cost more than the model says; blocked until a person lifts it",
    Rule.SHADOW: "the desk is a challenger: it is heard and never executed",
}

NOT_ELIGIBLE: Final[Mapping[int, str]] = {
    DeskKind.FOREX: "below what desk {desk.name} demands of any trade: confidence {preview.confidence:.4g} of "
    "{desk.confidence_min:g}, reward to risk {preview.reward:.4g} of {desk.reward_min:g}",
    DeskKind.ARBITRAGE: "below what desk {desk.name} demands of any trade: net profit {preview.reward:.4g} of "
    "{desk.reward_min:g} basis points, risk score at most {desk.risk_score_max:g}",
    DeskKind.BINARY: "below what desk {desk.name} demands of any trade: probability {preview.confidence:.4g} of "
    "{desk.confidence_min:g}, beyond break-even by more than {desk.reward_min:g}, settling after {expiry_s:g} s",
}

NOT_AUTO: Final[Mapping[int, str]] = {
    DeskKind.FOREX: "good enough to show, not to trade without a person: confidence {preview.confidence:.4g} and "
    "reward to risk {preview.reward:.4g} must exceed {desk.auto_confidence:g} and {desk.auto_reward:g}",
    DeskKind.ARBITRAGE: "good enough to show, not to trade without a person: the gross spread must exceed "
    "{desk.auto_gross:g} basis points, the net profit {desk.auto_gain:g} {currency}, and the risk score be below "
    "{desk.auto_risk_score:g}",
}

RULINGS: Final[Mapping[Ruling, str]] = {
    Ruling.EXECUTE: "every rule passes, and desk {desk.name} is switched to execute",
    Ruling.OUTRANKED: "desk {desk.name} takes no more than {desk.top_n} of an instant",
    Ruling.DISPLAY_ONLY: "every rule passes, but desk {desk.name} is display only",
}


def reasons_for(plan: Plan, desk: DeskPlan, preview: Preview) -> list[str]:
    """Return one sentence per rule that objects; the ruling's sentence when none does."""
    if preview.rules:
        texts = [RULES[Rule[name]] for name in preview.rules]
    elif preview.ruling == Ruling.NOT_ELIGIBLE.name:
        texts = [NOT_ELIGIBLE[desk.kind]]
    elif preview.ruling == Ruling.NOT_AUTO.name:
        texts = [NOT_AUTO[desk.kind]]
    else:
        texts = [RULINGS[Ruling[preview.ruling]]]
    facts = _facts(plan, preview)
    return [text.format(desk=desk, preview=preview, expiry_s=desk.expiry_ns / 1e9, **facts) for text in texts]


def _facts(plan: Plan, preview: Preview) -> dict[str, object]:
    widest = max(preview.legs, key=lambda leg: leg.worst_value)
    traded = [plan.instruments[leg.instrument] for leg in preview.legs]
    sizes = (
        f"{one.key} takes {one.lots_min} to {one.lots_max} lots worth {one.notional_min} {plan.currency} or more"
        for one in traded
    )
    return {
        "currency": plan.currency,
        "widest": plan.instruments[widest.instrument].key,
        "worst": show_money(widest.worst_value),
        "value_max": show_money(preview.value_max),
        "sizes": "; ".join(sizes),
        "daily_loss_max": show_money(plan.limits.daily_loss_max),
        "drawdown_max": show_money(plan.limits.drawdown_max),
        "trades_per_day_max": plan.limits.trades_per_day_max,
        "loss_streak_max": plan.limits.loss_streak_max,
    }
