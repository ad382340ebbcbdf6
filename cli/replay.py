"""`trifecta replay`: hold every decision of a journal against what this code decides from the same inputs."""

from pathlib import Path

import click

from cli.options import home_option, json_option
from cli.outcome import Exit, print_json


@click.command()
@click.argument("journal")
@home_option
@json_option
@click.option(
    "--tapes", type=click.Path(file_okay=False, path_type=Path), default=None,
    help="Where the recorded data lies by hash.  [default: tapes beside the journal]",
)  # fmt: skip
def replay(journal: str, home: Path, as_json: bool, tapes: Path | None) -> int:
    """Decide every decision of JOURNAL again, from its plan and data, and compare bit by bit (exit 1 if not equal)."""
    from journal.store import is_url, shown
    from research.replay import replay_journal

    beside = None if is_url(journal) else Path(journal).resolve().parent / "tapes"
    found = replay_journal(journal, tapes or (beside if beside is not None and beside.is_dir() else home / "tapes"))
    identical = all(one.first_difference is None for one in found)
    first = next((one for one in found if one.first_difference is not None), None)
    if as_json:
        from msgspec import to_builtins

        print_json({
            "command": "replay", "journal": shown(journal),
            "decisions": sum(one.decisions for one in found), "identical": identical,
            "first_difference": to_builtins(first.first_difference) if first else None,
            "sessions": [to_builtins(one) for one in found],
        })  # fmt: skip
    else:
        for one in found:
            state = (
                "identical"
                if one.first_difference is None
                else f"DIFFERENT from decision {one.first_difference['index']} on"
            )
            end = "" if one.complete else " (it was interrupted)"
            end += "" if one.switched_ns is None else " (up to its first kill switch)"
            end += "" if one.parted_ns is None else " (up to where its venues failed first)"
            click.echo(f"session {one.session}{end}: {one.decisions:,} decisions, {one.identical:,} the same: {state}")
            if one.first_difference is not None:
                click.echo(f"  fields: {', '.join(map(str, one.first_difference['fields']))}")  # type: ignore[call-overload]
    return int(Exit.DONE if identical else Exit.CHECK_FAILED)
