"""Beginning again after the head outside was lost: a person says so, and the journal keeps who and why.

A signed journal without its head is whole as far as its signatures go, and nobody can tell whether its tail was cut
off. So no writer makes a new head by itself. A person may, once every record and signature holds; the first record
behind the new head says that nothing vouches for what had stood there.
"""

from contextlib import closing
from pathlib import Path

from journal.evidence import SIGNED_WITHOUT_HEAD, evidence_at
from journal.heads import begin_head
from journal.records import Checkpoint, NewHead
from journal.signing import SigningError, head_path, open_seal
from journal.sqlite import SqliteJournal
from journal.verify import verify_file


def begin_head_again(path: Path, *, who: str, reason: str, now_ns: int) -> NewHead:
    """Make a head of the journal as it is, and write down that it was made; SigningError where that may not be."""
    if not who.strip() or not reason.strip():
        raise SigningError(f"{path}: --who and --reason are needed for a new head, a name and some words each")
    head = head_path(path)
    if head.exists():
        raise SigningError(f"{head}: it is there; a new one is allowed where there is none")
    found = verify_file(path, evidence_at(path, with_head=False))
    if not found.ok:
        raise SigningError(f"{path}: {found.finding}; a new head is allowed for a journal that is whole")
    if found.signature != SIGNED_WITHOUT_HEAD:
        raise SigningError(f"{path}: it is {found.signature}; a new head is allowed for a journal that is signed")
    begin_head(head, _newest_checkpoint(path))
    try:
        record = NewHead(
            time_ns=now_ns, seq=found.records, hash=found.head, who=who.strip(), reason=reason.strip()
        )  # fmt: skip
        with closing(SqliteJournal(path, seal=open_seal)) as journal:
            journal.append(journal.claim(f"new head by {record.who}", now_ns), [record])
    except BaseException:
        head.unlink()  # what is not written down was not done
        raise
    return record


def _newest_checkpoint(path: Path) -> Checkpoint:
    with closing(SqliteJournal(path, read_only=True)) as journal:
        (last,) = journal.entries(after=journal.head[0] - 1)
    record = last.record()
    assert isinstance(record, Checkpoint), "a journal that is signed to its end ends with a checkpoint"
    return record
