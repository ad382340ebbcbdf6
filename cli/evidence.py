"""`trifecta journal verify|key|checkpoint`: the journal as evidence."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import check_out, home_option, json_option
from cli.outcome import Exit, print_json

if TYPE_CHECKING:
    from journal.verify import Verification

FINGERPRINT_SHOWN = 16

PATH = click.argument("path", required=False, type=click.Path(path_type=Path))
KEY = click.option(
    "--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="Public key kept elsewhere.  [default: keys/journal.pub beside the journal]",
)  # fmt: skip


def path_of(path: Path | None, home: Path) -> Path:
    """Return the journal that is meant; JournalError when there is none."""
    from journal.store import JournalError

    found = path or home / "journal.db"
    if not found.is_file():
        raise JournalError(f"{found}: there is no journal here; name one, or the --home of a run")
    return found


@click.command()
@PATH
@home_option
@KEY
@click.option(
    "--head", "head_file", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="Head kept elsewhere, as `checkpoint` writes it.  [default: the file .head beside the journal]",
)  # fmt: skip
@click.option("--no-head", is_flag=True, help="Go without: then a cut at the end does not show.")
@json_option
def verify(
    path: Path | None, home: Path, key_file: Path | None, head_file: Path | None, no_head: bool, as_json: bool
) -> int:
    """Check that every record is the one that was written; name the first that is not, and the damage (exit 1)."""
    from journal.evidence import evidence_at
    from journal.verify import verify_file

    if no_head and head_file is not None:
        raise click.UsageError("--head and --no-head: one of them is allowed")
    file = path_of(path, home)
    found = verify_file(file, evidence_at(file, key_file, head_file, with_head=not no_head))
    if as_json:
        print_json({
            "command": "journal verify", "path": str(file), "ok": found.ok, "records": found.records,
            "head": found.head, "first_bad": found.first_bad, "damage": found.damage, "problem": found.problem,
            "signature": found.signature, "after_head": found.after_head, "key": found.key,
        })  # fmt: skip
    else:
        click.echo(f"{file}: {_said(found)}")
    return int(Exit.DONE if found.ok else Exit.CHECK_FAILED)


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
        case _:
            signed = "unsigned: records that were written anew would not show"
    return f"{chain}; {signed}; head {found.head}"


@click.command()
@PATH
@home_option
@json_option
def key(path: Path | None, home: Path, as_json: bool) -> None:
    """Show the public key that a journal is signed with: keep it elsewhere."""
    from journal.signing import SigningError, fingerprint, public_path, read_public_key

    file = public_path(path or home / "journal.db")
    if not file.is_file():
        raise SigningError(f"{file}: there is no key here yet; the first `trifecta run` makes one")
    name = fingerprint(read_public_key(file))
    pem = file.read_text(encoding="ascii")
    if as_json:
        print_json({"command": "journal key", "path": str(file), "fingerprint": name, "public_key": pem})
    else:
        click.echo(f"{file}: Ed25519, fingerprint {name}\n{pem}", nl=False)


@click.command()
@PATH
@home_option
@KEY
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File; stdout without it.")
def checkpoint(path: Path | None, home: Path, key_file: Path | None, out: Path | None) -> None:
    """Write the journal's signed head, one line of JSON: kept elsewhere, it proves what the journal held by now."""
    from journal.chain import canonical
    from journal.evidence import evidence_at
    from journal.signing import SigningError

    file = path_of(path, home)
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
