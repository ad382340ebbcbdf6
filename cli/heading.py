"""`trifecta journal new-head`: begin again after the head outside the journal was lost."""

import time
from contextlib import nullcontext
from pathlib import Path

import click

from cli.options import home_option, journal_option, json_option
from cli.outcome import Exit, print_json
from cli.people import reason_of, who_of
from cli.places import PLACE, place_of


@click.command("new-head")
@PLACE
@home_option
@journal_option
@json_option
@click.option("--who", default=None, help="Who begins it again.  [default: the user of this session]")
@click.option("--reason", default=None, help="Why; it stands in the journal for good.")
def new_head(
    path: str | None, home: Path, journal: str | None, as_json: bool, who: str | None, reason: str | None
) -> int:  # fmt: skip
    """Make a head for a signed journal that has lost its own, and write down who did so and why.

    Every record and signature must hold. Whether its tail was cut off before nobody can tell: a head kept elsewhere
    (`trifecta journal checkpoint`) can, so hold the journal against that first.
    """
    from journal.beginning import begin_head_again
    from journal.signing import SigningError, head_path
    from journal.store import is_url, shown
    from research.home import Home

    place = place_of(path, journal, home)
    if is_url(place):
        raise SigningError(f"{shown(place)}: a database is not signed; a journal file is allowed")
    file = Path(place)
    name, words = who_of(who), reason_of(reason, "the head is begun again")
    with Home(home, journal) if path is None else nullcontext():
        record = begin_head_again(file, who=name, reason=words, now_ns=time.time_ns())
    if as_json:
        print_json({
            "command": "journal new-head", "path": str(file), "head_file": str(head_path(file)), "seq": record.seq,
            "hash": record.hash, "who": record.who, "reason": record.reason,
        })  # fmt: skip
    else:
        click.echo(f"{head_path(file)}: begun again at record {record.seq:,} by {record.who}: {record.reason}")
    return int(Exit.DONE)
