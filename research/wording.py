"""Words for what records name: rules, rulings, reports and their reasons, and the votes of a policy.

A name that is not here is shown as it stands: a journal may be of a version that knew more or less.
"""

from collections.abc import Mapping
from typing import Final

RULES: Final[Mapping[str, str]] = {
    "HALTED": "trading was halted, or only what reduces a position might pass",
    "FOREIGN_EPOCH": "it was made under another governor's epoch",
    "STALE_QUOTE": "the newest quote of a leg was older than its venue allows",
    "CROSSED_QUOTE": "the newest quote of a leg was crossed, zero or otherwise flawed",
    "ORDER_SIZE": "a leg was smaller or larger than its instrument takes",
    "POSITION_LIMIT": "the position could have passed its limit if every working order had filled",
    "DAILY_LOSS": "the day's loss had reached its limit",
    "TOTAL_DRAWDOWN": "the drawdown had reached its limit",
    "TRADES_PER_DAY": "the day's opening trades were used up",
    "LOSS_STREAK": "too many losses in a row",
    "COOLDOWN": "the pause after the newest loss had not passed",
    "NO_POSITION": "there was nothing to reduce",
    "NO_PRICE": "a leg could not be valued: no quote, or no rate for its currency",
    "ACCOUNT_DAILY_LOSS": "the account's profile allows no further loss today",
    "ACCOUNT_TOTAL_LOSS": "the account's profile allows no further loss in all",
    "SAFE_MODE": "the account is in safe mode until a person ends it",
    "LOSS_ROOM": "if every stop were hit, a floor of the account's profile could be reached",
    "LOSS_LADDER": "so much of a floor's amount is used that no new risk passes",
    "EXPOSURE_LIMIT": "all exposure together could have passed its cap",
    "CORRELATION": "its cluster of correlated instruments holds as much as it may",
    "TRADE_RISK": "it risks more than its confidence, or the room to a floor, allows",
    "NO_CALENDAR": "the time lies beyond what is known of the profile's resets",
    "NO_EQUITY": "the equity is not known: a position has no fresh price",
    "INVALID_QTY": "the quantity is none that an order can have",
    "NO_VALID_REFERENCE": "there was no valid reference price to hold it against",
    "PRICE_COLLAR": "its price was too far from the reference",
    "PRICE_COLLAR_PASSIVE": "its price was too far behind the reference to be meant",
    "PRICE_DRIFT": "the price has moved too far since it was decided",
    "MAX_ORDER_VALUE": "it is worth more than one order may be",
    "MAX_ORDER_VOLUME": "it has more lots than one order may have",
    "MESSAGE_RATE": "too many messages in a short time",
    "REPEATED_EXECUTION": "the desk has executed too often in a short time",
    "DUPLICATE_INTENT": "this intent was sent before",
    "DUPLICATE_ORDER": "an order like it was sent a moment ago",
    "GROSS_LIMIT": "all positions together could have passed their gross limit",
    "NOT_PERMITTED": "the desk may not trade this instrument",
    "FAT_FINGER": "it is many times as large as orders usually are",
    "SELF_TRADE": "it could have traded with an order of our own",
    "PRICE_JUMP": "the price jumped further than it usually moves",
    "LOCKED_QUOTE": "bid and ask were the same",
    "FLATTEN": "everything was being closed, as the account's rules call for",
    "VAR_LIMIT": "the value at risk of everything together would have passed its limit",
    "CLUSTER_CAP": "what moves together with a leg would have been worth more than its share of equity",
    "SAME_BET": "a leg would have been the same bet as another position, or as the other leg",
    "NOT_MEASURED": "the portfolio's risk was unknown: an estimate was missing or too old, or something had no price",
    "STOP_THROUGH_MARKET": "its stop was not on the loss side of the market",
    "STOP_TOO_TIGHT": "its stop was nearer to the market than two ticks, or two spreads",
    "STOP_TOO_CLOSE_TO_LIQUIDATION": "its stop was within a fifth of the way from liquidation to entry",
    "PRICE_PAUSE": "the price of a leg had just jumped, or its spread torn",
    "VENUE_HEALTH": "the venue of a leg had rejected too much",
    "COST_BREAKER": "fills of a leg had cost more than the model says",
    "SHADOW": "the desk is a challenger: it is heard and never executed",
}

BREAKERS: Final[Mapping[str, str]] = {
    "PRICE": "the price jumped, or the spread tore",
    "VENUE": "the venue rejected too much",
    "COST": "fills cost more than the model says",
    "REPEATED": "it executed too often",
}

RULINGS: Final[Mapping[str, str]] = {
    "REFUSED": "risk had refused it, there was nothing to rule on",
    "EXECUTE": "good enough, among the best of its instant, and the desk is switched to execute",
    "NOT_ELIGIBLE": "below what its desk demands of any trade",
    "OUTRANKED": "better candidates of the same instant took the places",
    "NOT_AUTO": "good enough to show, not good enough to trade without a person",
    "DISPLAY_ONLY": "it would have been executed, but the desk is display only",
}

REPORTS: Final[Mapping[str, str]] = {
    "FILL": "filled:", "SETTLE": "settled:", "CANCEL": "cancelled:", "REJECT": "rejected:",
}  # fmt: skip

REASONS: Final[Mapping[str, str]] = {
    "ENTRY": "to enter",
    "EXIT": "to close",
    "STOP": "its stop was reached",
    "TARGET": "its target was reached",
    "TIME": "its time was up",
    "EXPIRY": "the contract expired",
    "UNWIND": "the other leg did not fill, so this one is unwound",
    "UNFILLED": "it was not filled in its time",
    "STALE": "the quote was too old to trade on",
    "NO_POSITION": "there was nothing to reduce",
    "END": "the data ended",
    "WITHHELD": "a kill switch stopped it",
    "FLATTEN": "the engine closed it itself",
    "EMERGENCY": "an emergency stop closed it at the venue, past the engine",
    "MANUAL": "somebody traded it at the venue, and a person took it over",
    "STOP_REFUSED": "the stop was not moved: it would have been too near to the market, or a worse one",
}

VOTES: Final[Mapping[str, tuple[str, ...]]] = {
    "trend_reversion": ("trend", "momentum", "reversion"),
    "drifting_digital": ("trend", "reversion"),
}
"""In the order in which a policy writes its votes."""
