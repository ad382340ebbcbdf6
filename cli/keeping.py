"""`trifecta journal backup`, `restore` and `migrate`: how a journal is kept."""

from pathlib import Path

import click

from cli.options import home_option, journal_option, json_option
from cli.outcome import print_json
from cli.places import place_of

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("dest", type=FILE)
@home_option
@journal_option
@json_option
def backup(dest: Path, home: Path, journal: str | None, as_json: bool) -> None:
    """Write a verified copy of the journal to DEST, also while a run is writing, and its SHA-256 beside it.

    The copy is a SQLite journal, whatever it is taken from. Nothing is overwritten.
    """
    from journal.backup import back_up_place, digest_path
    from journal.store import shown

    place = place_of(None, journal, home)
    made = back_up_place(place, dest)
    if as_json:
        print_json({
            "command": "journal backup", "journal": shown(place), "backup": str(made.path), "records": made.records,
            "head": made.head, "sha256": made.sha256, "sha256_file": str(digest_path(made.path)),
        })  # fmt: skip
        return
    click.echo(f"{made.path}: {made.records:,} records, verified; head {made.head}")
    click.echo(f"{digest_path(made.path)}: SHA-256 {made.sha256}")


@click.command()
@click.argument("src", type=FILE)
@home_option
@journal_option
@json_option
def restore(src: Path, home: Path, journal: str | None, as_json: bool) -> None:
    """Put the backup SRC where the journal is to be; its SHA-256 and its chain are verified first.

    A journal that is there already is never overwritten: move it away first.
    """
    from journal.backup import digest_path
    from journal.backup import restore as put_back
    from journal.store import shown

    place = journal or home / "journal.db"
    checked = digest_path(src).is_file()
    done = put_back(src, place)
    if as_json:
        print_json({
            "command": "journal restore", "backup": str(src), "journal": shown(place), "records": done.records,
            "head": done.head, "sha256": done.sha256, "sha256_checked": checked,
        })  # fmt: skip
        return
    click.echo(f"{shown(place)}: {done.records:,} records, verified; head {done.head}")
    if not checked:
        click.echo(f"warning: no {digest_path(src)}: only the chain was verified", err=True)


@click.command()
@click.argument("path", metavar="[PLACE]", required=False)
@home_option
@journal_option
@click.option("--backup", "copy", type=FILE, default=None, help="Where the old one is kept.  [default: beside it]")
@json_option
def migrate(path: str | None, home: Path, journal: str | None, copy: Path | None, as_json: bool) -> None:
    """Bring a journal that an older version wrote to this one, after a verified backup of it."""
    from journal.migrating import migrate as bring
    from journal.store import is_url, shown

    place = place_of(path, journal, home)
    beside = home / "journal.db" if is_url(place) else Path(place)
    done = bring(place, copy or beside.with_name(f"{beside.stem}-v{{version}}.db"))
    if as_json:
        print_json({
            "command": "journal migrate", "journal": shown(place), "before": done.before, "after": done.after,
            "records": done.records, "head": done.head, "backup": None if done.backup is None else str(done.backup),
        })  # fmt: skip
    elif done.backup is None:
        click.echo(f"{shown(place)}: version {done.after} already; nothing to do")
    else:
        click.echo(f"{shown(place)}: version {done.before} is version {done.after} now; {done.records:,} records")
        click.echo(f"{done.backup}: as it was before")
