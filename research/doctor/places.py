"""Looks at places: configuration, data, home, journal, and the address of a running system. Nothing is written."""

import shutil
from pathlib import Path
from typing import Final

import psutil

from actors.address import AddressError, read_address
from actors.restoring import newest_session
from journal.evidence import evidence_of
from journal.signing import SigningError
from journal.store import JournalError, JournalUnavailable, NoJournalError, Place, open_journal, shown
from journal.verify import verify_journal
from research.catalogue import FileKind, Level, build, judge
from research.configuration import ConfigurationError, load_configuration
from research.doctor.machine import GIB, SHOWN, why_not_writable
from research.findings import Finding, error, good, warning
from research.home import Home
from research.profiles import load_profile

DISK_LEAST: Final = GIB // 4
DISK_ENOUGH: Final = 2 * GIB
PRICED: Final = (FileKind.BARS, FileKind.QUOTES)
"""What a desk can trade on."""


def look_at_configuration(config: Path | None) -> list[Finding]:
    """Read the configuration and the profile that it names."""
    try:
        configuration = load_configuration(config)
        profile = load_profile(configuration.account.profile)
    except (ConfigurationError, FileNotFoundError) as problem:
        return [error("configuration", str(problem), "correct what the message names")]
    return [good("configuration", f"{config or 'as packaged'}, profile {profile.name}")]


def look_at_data(root: Path, cache: Path | None) -> list[Finding]:
    """Build the catalogue and judge every file."""
    remedy = "name a directory with market data by --data or TRIFECTA_DATA"
    try:
        entries = build(root, cache).entries
    except NotADirectoryError as problem:
        return [error("data", str(problem), remedy)]
    bad = [entry for entry in entries if judge(entry).level is Level.BAD]
    usable = [entry for entry in entries if entry.kind in PRICED and entry not in bad]
    findings = []
    if not usable:
        findings.append(error("data", f"{root}: no bars and no quotes among {len(entries)} files", remedy))
    else:
        rows = sum(entry.rows for entry in usable)
        findings.append(good("data", f"{root}: {len(usable)} files with {rows:,} bars and quotes can be traded on"))
    if bad:
        shown = ", ".join(entry.path for entry in bad[:SHOWN]) + (f" and {len(bad) - SHOWN} more" * (len(bad) > SHOWN))
        text = f"{len(bad)} bad files are skipped: {shown}"
        findings.append(warning("data", text, f"`trifecta data check --data {root}` says why; repair or delete them"))
    return findings


def look_at_home(home: Home) -> list[Finding]:
    """Look whether the home can be written, is locked, and has room."""
    problem = why_not_writable(home.path)
    if problem:
        return [error("home", f"{home.path} cannot be written ({problem})", "make it writable, or use another --home")]
    text = f"{home.path}" if home.path.is_dir() else f"{home.path}, not made yet"
    findings = [good("home", f"{text}, writable")]
    owner = lock_owner(home)
    if owner is not None:
        findings.append(good("lock", f"process {owner} is at work here; a second run would be refused"))
    place = next(path for path in (home.path, *home.path.absolute().parents) if path.exists())
    return [*findings, *look_at_disk(place, shutil.disk_usage(place).free)]


def lock_owner(home: Home) -> int | None:
    """Return the process at work in a home; the lock ends with its process, so the file of a dead one means nothing."""
    try:
        text = (home.path / "lock").read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() and psutil.pid_exists(int(text)) else None


def look_at_disk(place: Path, free: int) -> list[Finding]:
    """Look at the room for journals and tapes, in bytes."""
    text = f"{free / GIB:.1f} GiB free at {place}"
    if free < DISK_LEAST:
        return [error("disk", f"{text}: a journal may not be writable to its end", "make room, or use another --home")]
    if free < DISK_ENOUGH:
        return [warning("disk", text, "make room: delete old reports and tapes of this home, or use another --home")]
    return [good("disk", text)]


def look_at_journal(place: Place, at_work: bool = False) -> list[Finding]:
    """Open and verify the journal; tell how its newest session ended, where no run is `at_work` on it."""
    path = shown(place)
    try:
        evidence = evidence_of(place)
        journal = open_journal(place, read_only=True)
    except NoJournalError:
        return [good("journal", "none yet; the first run begins one")]
    except (JournalError, SigningError) as problem:
        return [error("journal", str(problem), "use another --home, or the program version that wrote it")]
    except JournalUnavailable as problem:
        return [error("journal", str(problem), "start the server, or name another --journal")]
    try:
        found = verify_journal(journal, evidence)
        if not found.ok:
            text = f"{path}: {found.finding}; {found.records:,} before it are sound"
            return [error("journal", text, "keep the file as evidence, put back a copy of it, or use another --home")]
        log = newest_session(journal)
    finally:
        journal.close()
    findings = [good("journal", f"{path}: {found.records:,} records, every one follows")]
    if log.session is not None and log.complete:
        findings.append(good("session", f"session {log.session.number} is complete"))
    elif log.session is not None and at_work:
        findings.append(good("session", f"session {log.session.number} is at work"))
    elif log.session is not None:
        remedy = "`trifecta run` with the same data and settings goes on from it; with others it is closed as abandoned"
        findings.append(warning("session", f"session {log.session.number} has not come to its end", remedy))
    return findings


def look_at_system(path: Path) -> list[Finding]:
    """Look whether a system runs in this home."""
    try:
        address = read_address(path)
    except AddressError as problem:
        return [warning("system", str(problem), f"delete {path} if nothing runs in this home")]
    if address is None:
        return [good("system", "nothing runs in this home")]
    if address.owner.alive:
        return [good("system", f"process {address.owner.pid} runs one at {address.gcs_address}")]
    text = f"{path} is stale: its process {address.owner.pid} is gone"
    return [warning("system", text, f"start `trifecta run`, which replaces it, or delete {path}")]
