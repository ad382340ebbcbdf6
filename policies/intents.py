"""Proposals on their way to an order: the intent record, what risk answers (`Rule`), what the governor answers.

An intent is sized but not allowed. Risk answers with bits of `Rule`: none set means approved, all legs or none. The
governor answers an approved intent with `EXECUTE` or with the reason for withholding it.
"""

from enum import IntEnum, IntFlag
from typing import Final

from market.compiled import compiled
from market.records import Record, record_type

LEGS_MAX: Final = 2
VOTES_MAX: Final = 4
FEATURES_MAX: Final = 16
EVIDENCE_MAX: Final = 40
"""Votes of a chain (`policies.signals`) at most."""


class Rule(IntFlag):
    """Why risk refuses; one bit per rule, one compiled function per bit (`policies.risk`)."""

    HALTED = 1
    FOREIGN_EPOCH = 2
    STALE_QUOTE = 4
    CROSSED_QUOTE = 8
    ORDER_SIZE = 16
    POSITION_LIMIT = 32
    DAILY_LOSS = 64
    TOTAL_DRAWDOWN = 128
    TRADES_PER_DAY = 256
    LOSS_STREAK = 512
    COOLDOWN = 1024
    NO_POSITION = 2048
    NO_PRICE = 4096
    ACCOUNT_DAILY_LOSS = 8192
    ACCOUNT_TOTAL_LOSS = 16384
    SAFE_MODE = 32768
    LOSS_ROOM = 65536
    LOSS_LADDER = 131072
    EXPOSURE_LIMIT = 262144
    CORRELATION = 524288
    TRADE_RISK = 1048576
    NO_CALENDAR = 2097152
    NO_EQUITY = 4194304
    FLATTEN = 1 << 23

    # The portfolio gate (`policies.portfolio_gate.PortfolioRule`, in its order).
    VAR_LIMIT = 1 << 24
    CLUSTER_CAP = 1 << 25
    SAME_BET = 1 << 26
    NOT_MEASURED = 1 << 27

    # Times at which an account may not open, or not hold (`policies.timetable`).
    NEWS = 1 << 28
    NO_NEWS = 1 << 29
    WEEKEND = 1 << 30

    # Pre-trade controls (`policies.pretrade`).
    INVALID_QTY = 1 << 32
    NO_VALID_REFERENCE = 1 << 33
    PRICE_COLLAR = 1 << 34
    PRICE_COLLAR_PASSIVE = 1 << 35
    PRICE_DRIFT = 1 << 36
    MAX_ORDER_VALUE = 1 << 37
    MAX_ORDER_VOLUME = 1 << 38
    MESSAGE_RATE = 1 << 39
    REPEATED_EXECUTION = 1 << 40
    DUPLICATE_INTENT = 1 << 41
    DUPLICATE_ORDER = 1 << 42
    GROSS_LIMIT = 1 << 43
    NOT_PERMITTED = 1 << 44
    FAT_FINGER = 1 << 45
    SELF_TRADE = 1 << 46
    PRICE_JUMP = 1 << 47
    LOCKED_QUOTE = 1 << 48

    # Protective stops (`market.stop_invariants.StopFlaw`, in its order).
    MISSING_STOP = 1 << 49
    STOP_QTY_MISMATCH = 1 << 50
    STOP_NOT_REDUCE_ONLY = 1 << 51
    STOP_WIDENED = 1 << 52
    STOP_THROUGH_MARKET = 1 << 53
    STOP_TOO_TIGHT = 1 << 54
    STOP_OFF_TICK = 1 << 55
    STOP_TOO_CLOSE_TO_LIQUIDATION = 1 << 56

    # Circuit breakers (`policies.breaking`).
    PRICE_PAUSE = 1 << 57
    VENUE_HEALTH = 1 << 58
    COST_BREAKER = 1 << 59

    SHADOW = 1 << 60  # a challenger's: heard and journaled, never executed


PORTFOLIO_SHIFT: Final = 24
STOP_SHIFT: Final = 49
"""By how much the bits of the portfolio gate and of a stop's flaws are moved to stand among the rules."""


class Ruling(IntEnum):
    """The governor's answer to an approved intent."""

    REFUSED = 0  # risk had refused it; there was nothing to rule on
    EXECUTE = 1
    NOT_ELIGIBLE = 2  # below what the desk's configuration demands of any trade
    OUTRANKED = 3  # better candidates of the same instant took the places
    NOT_AUTO = 4  # good enough to show, not good enough to trade without a person
    DISPLAY_ONLY = 5  # the desk is not switched to execute


class Reduce(IntEnum):
    """Whether an intent opens or reduces, and who wants it reduced; what the engine closes itself goes first."""

    NO = 0
    POLICY = 1
    GUARD = 2  # the account's rules call for it (`policies.flattening`)
    SWITCH = 3  # a kill switch does


INTENT: Final = record_type(
    "time_ns desk view_number group legs reduce order_kind hold_ns epoch view_hash votes_count features_count "
    "instrument0 instrument1 lots0 lots1 limit0 limit1 stop target bid0 ask0 bid1 ask1 quote0_ns quote1_ns "
    "gain rules ruling equity first_order breakeven_at trail_at trail_by claimed0 claimed1 "
    "evidence regime volatility outcomes",
    floats="strength confidence reward gross risk_score score coverage agreement claim low high",
    vectors={"votes": VOTES_MAX, "features": FEATURES_MAX, "said": EVIDENCE_MAX, "weights": EVIDENCE_MAX},
)
"""One intent and, once judged and ruled, its decision.

`strength` in [-1, 1], `confidence` in [0, 1]. `reward` is what the desk ranks by: reward to risk after costs (forex),
net profit in basis points (arbitrage), expected value per unit staked (binary). `gross` is the arbitrage spread before
costs in basis points (for contracts the payout per unit), `gain` its net profit in money, `risk_score` 0..100. `rules`
are `Rule` bits, `reduce` a `Reduce`, `ruling` a `Ruling`, `equity` the account's when it was judged, `first_order` the
number of its first order (-1: none). `breakeven_at`, `trail_at` and `trail_by` are what moves the stop, as in
`market.paper.ORDER`. Of what an executed reduction would close, `claimed` lots (signed as its lots, which are the rest)
are being closed by orders that are under way already.

`evidence` is how many votes of a chain stand behind it: with 0 nothing after it means anything. `said` are these votes
(NaN: none), `weights` what each weighed; `claim` is what was claimed, `confidence` what that has been worth, by so many
`outcomes`, within [`low`, `high`].
"""


class DeskKind(IntEnum):
    """The three desks."""

    FOREX = 0
    ARBITRAGE = 1
    BINARY = 2


class TradingState(IntEnum):
    """A latch per scope: everything, only what reduces, only cancels."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


@compiled
def no_evidence(intent: Record) -> None:
    """Begin an intent behind which no chain stands: whatever the row held before is gone, to the last byte."""
    intent.evidence, intent.regime, intent.volatility, intent.outcomes = 0, 0, 0, 0
    intent.coverage, intent.agreement, intent.claim, intent.low, intent.high = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(intent.said)):
        intent.said[k], intent.weights[k] = 0.0, 0.0
