"""What a restart does about an order that may have gone out.

An intent is persisted before anything is sent, and its orders carry ids that are derived from it
(`market.orders.client_order_id`): a retry is the same order to the venue, which refuses the second copy. So a restart
need only know how far it came, and ask.
"""

from enum import IntEnum, StrEnum
from typing import Final


class CrashPoint(StrEnum):
    """How far an order had come when its process died, as far as the journal tells."""

    BEFORE_INTENT_PERSISTED = "before_intent_persisted"
    AFTER_INTENT_PERSISTED_BEFORE_SEND = "after_intent_persisted_before_send"
    AFTER_SEND_BEFORE_ACK = "after_send_before_ack"
    AFTER_ACK_BEFORE_ACK_PERSISTED = "after_ack_before_ack_persisted"
    AFTER_FILL_BEFORE_FILL_PERSISTED = "after_fill_before_fill_persisted"


class Recovery(IntEnum):
    """What a restart does."""

    NOTHING = 0
    QUERY_THEN_SEND_OR_DENY = 1
    QUERY_UNTIL_KNOWN = 2
    QUERY_AND_ADOPT = 3
    REPLAY_EXECUTIONS = 4


RECOVERY: Final[dict[CrashPoint, tuple[Recovery, str]]] = {
    CrashPoint.BEFORE_INTENT_PERSISTED: (
        Recovery.NOTHING,
        "nothing to do (signal may be re-evaluated; freshness check)",
    ),
    CrashPoint.AFTER_INTENT_PERSISTED_BEFORE_SEND: (
        Recovery.QUERY_THEN_SEND_OR_DENY,
        "query by client order id; not found -> send with the SAME id if the intent is still fresh, else DENY",
    ),
    CrashPoint.AFTER_SEND_BEFORE_ACK: (
        Recovery.QUERY_UNTIL_KNOWN,
        "UNKNOWN: query by client order id until found or proven absent; never send a second id",
    ),
    CrashPoint.AFTER_ACK_BEFORE_ACK_PERSISTED: (
        Recovery.QUERY_AND_ADOPT,
        "query: adopt the venue order by client id",
    ),
    CrashPoint.AFTER_FILL_BEFORE_FILL_PERSISTED: (
        Recovery.REPLAY_EXECUTIONS,
        "replay executions since the last persisted venue sequence/time with overlap; dedup by exec_id",
    ),
}
"""Per crash point the action and its rule in words. The venue's unique client id is the last line of defence."""
