"""Pages of journaled decisions, read from the journal's own file.

They are not asked of the governor: in WAL mode a reader never holds up the writer, and the governor's one thread stays
with its orders. The price: whoever reads must run where the file is.
"""

from typing import Final

import msgspec

from actors.settings import JournalOpener
from journal.records import Decision
from policies.intents import Ruling
from serve.answers import iso
from serve.models import DecisionEntry, DecisionPage, JournaledDecision

SCANNED_MAX: Final = 20_000
"""Journal records looked at for one page: a filter that matches nothing costs little, and the cursor moves on."""


def read_page(
    opener: JournalOpener, after: int, limit: int, desk: str | None = None, ruling: Ruling | None = None
) -> DecisionPage:
    """Read one page; `next` is the newest record that was looked at, so an empty page moves on as well."""
    journal = opener(read_only=True)
    found: list[DecisionEntry] = []
    looked_at, more = after, False
    try:
        for count, entry in enumerate(journal.entries(after)):
            if count == SCANNED_MAX or len(found) == limit:
                more = True
                break
            looked_at = entry.seq
            record = entry.record() if entry.kind == "decision" else None
            if not isinstance(record, Decision):
                continue
            if (desk is None or record.desk == desk) and (ruling is None or record.ruling == ruling.name):
                found.append(_entry(entry.seq, entry.hash, record))
    finally:
        journal.close()
    return DecisionPage(decisions=found, next=looked_at, more=more)


def _entry(sequence: int, link: str, record: Decision) -> DecisionEntry:
    values = JournaledDecision.model_validate(msgspec.to_builtins(record))
    return DecisionEntry(sequence=sequence, hash=link, market_time=iso(record.time_ns) or "", record=values)
