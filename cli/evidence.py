"""`trifecta journal verify|key|checkpoint`: the journal as evidence."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import check_out, home_option, journal_option, json_option
from cli.outcome import Exit, print_json
from cli.places import PLACE, opened, place_of

if TYPE_CHECKING:
    from actors.folding import FoldCheck
    from journal.store import Place
    from journal.verify import Verification

FINGERPRINT_SHOWN = 16

KEY = click.option(
    "--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="Public key kept elsewhere.  [default: keys/journal.pub beside the journal]",
)  # fmt: skip


def _checked_file(place: "Place") -> Path:
    """Return a place that is a file; SigningError for a database."""
    from journal.signing import SigningError
    from journal.store import is_url, shown

    if is_url(place):
        raise SigningError(f"{shown(place)}: a database is not signed; a journal file is allowed")
    return Path(place)


@click.command()
@PLACE
@home_option
@journal_option
@KEY
@click.option(
    "--head", "head_file", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="Head kept elsewhere, as `checkpoint` writes it.  [default: the file .head beside the journal]",
)  # fmt: skip
@click.option("--no-head", is_flag=True, help="Go without: then a cut at the end does not show.")
@click.option("--fold", is_flag=True, help="Also hold every snapshot against the fold of the records before it.")
@json_option
def verify(
    path: str | None, home: Path, journal: str | None, key_file: Path | None, head_file: Path | None, no_head: bool,
    fold: bool, as_json: bool,
) -> int:  # fmt: skip
    """Check that every record is the one that was written; name the first that is not, and the damage (exit 1)."""
    from journal.store import shown

    if no_head and head_file is not None:
        raise click.UsageError("--head and --no-head: one of them is allowed")
    place = place_of(path, journal, home)
    found = _verified(place, key_file, head_file, no_head)
    folded = _fold(place) if fold and found.ok else None
    sound = found.ok and (folded is None or folded.problem is None)
    if as_json:
        print_json({
            "command": "journal verify", "path": shown(place), "ok": sound, "records": found.records,
            "head": found.head, "first_bad": found.first_bad, "damage": found.damage, "problem": found.problem,
            "signature": found.signature, "after_head": found.after_head, "key": found.key,
            "fold": None if folded is None else {"snapshots": folded.snapshots, "problem": folded.problem},
        })  # fmt: skip
        return int(Exit.DONE if sound else Exit.CHECK_FAILED)
    click.echo(f"{shown(place)}: {_said(found)}")
    if folded is not None:
        text = folded.problem or f"{folded.snapshots:,} snapshots are what the records fold to"
        click.echo(f"{shown(place)}: {text}")
    return int(Exit.DONE if sound else Exit.CHECK_FAILED)


def _verified(place: "Place", key: Path | None, head: Path | None, no_head: bool) -> "Verification":
    """Verify a file by what its writer left beside it, or by what is named; a database only by what is named."""
    from journal.evidence import evidence_at
    from journal.store import is_url, open_journal
    from journal.verify import verify_file, verify_journal

    if not is_url(place):
        return verify_file(Path(place), evidence_at(Path(place), key, head, with_head=not no_head))
    if head is not None and key is None:
        raise click.UsageError("--head: of a database, it needs --key beside it")
    evidence = evidence_at(Path(), key, head, with_head=head is not None) if key is not None else None
    with closing(open_journal(place, read_only=True)) as source:
        return verify_journal(source, evidence)


def _fold(place: "Place") -> "FoldCheck":
    from actors.folding import check_snapshots

    with opened(place) as source:
        return check_snapshots(source)


def _said(found: "Verification") -> str:
    if not found.ok:
        return f"{found.damage}: {found.finding}; {found.records:,} records before it are sound"
    chain = f"{found.records:,} records, every one follows"
    key = f"key {found.key[:FINGERPRINT_SHOWN]}" if found.key is not None else "no key"
    match found.signature:
        case "signed" if found.after_head:
            signed = (
                f"signed with {key} to the last; the last {found.after_head:,} are not in the head yet: "
                "their writer was stopped in between, or is at work"
            )
        case "signed":
            signed = f"signed with {key} to the last"
        case "signed_without_head":
            signed = f"signed with {key} to the last; without a head, so that a cut at the end would not show"
        case "unchecked":
            signed = "signatures unchecked: name a --key; records that were written anew would not show"
        case _:
            signed = "unsigned: records that were written anew would not show"
    return f"{chain}; {signed}; head {found.head}"


@click.command()
@PLACE
@home_option
@journal_option
@json_option
def key(path: str | None, home: Path, journal: str | None, as_json: bool) -> None:
    """Show the public key that a journal is signed with: keep it elsewhere."""
    from journal.signing import SigningError, fingerprint, public_path, read_public_key

    file = public_path(_checked_file(path or journal or home / "journal.db"))
    if not file.is_file():
        raise SigningError(f"{file}: there is no key here yet; the first `trifecta run` makes one")
    name = fingerprint(read_public_key(file))
    pem = file.read_text(encoding="ascii")
    if as_json:
        print_json({"command": "journal key", "path": str(file), "fingerprint": name, "public_key": pem})
    else:
        click.echo(f"{file}: Ed25519, fingerprint {name}\n{pem}", nl=False)


@click.command()
@PLACE
@home_option
@journal_option
@KEY
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File; stdout without it.")
def checkpoint(path: str | None, home: Path, journal: str | None, key_file: Path | None, out: Path | None) -> None:
    """Write the journal's signed head, one line of JSON: kept elsewhere, it proves what the journal held by now."""
    from journal.chain import canonical
    from journal.evidence import evidence_at
    from journal.signing import SigningError

    file = _checked_file(place_of(path, journal, home))
    check_out(out)
    evidence = evidence_at(file, key_file)
    if evidence.head is None:
        raise SigningError(f"{file}: {evidence.problem or 'it has no signed head'}")
    line = canonical(evidence.head).decode()
    if out is None:
        click.echo(line)
    else:
        out.write_text(f"{line}\n", encoding="ascii")
        click.echo(f"{out}: to record {evidence.head.seq:,}", err=True)
