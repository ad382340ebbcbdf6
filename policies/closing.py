"""Per instrument, what the engine has asked to be closed: `policies.flattening` moves it."""

from typing import Final

from market.records import record_type

CLOSING: Final = record_type("lots retry_ns")
"""The signed lots that are being closed, 0 for none, and the instant before which closing is not asked for again."""
