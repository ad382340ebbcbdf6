"""What all records of a journal have."""

from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all records have."""

    time_ns: int
