"""`trifecta explain`: why one decision is what it is, as text, JSON or a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import home_option, journal_option, json_option, open_console
from cli.outcome import print_json
from cli.places import opened, place_of

if TYPE_CHECKING:
    from research.reasons import Reasons

BAR: int = 10
"""Letters from a vote of 0 to one of 1."""


@click.command()
@click.argument("decision_id")
@home_option
@journal_option
@click.option("--session", type=click.IntRange(min=1), default=None, help="Of this session.  [default: the newest]")
@click.option(
    "--picture", type=click.Path(path_type=Path), default=None, help="Also draw it: a .svg, .png or .html file."
)
@json_option
def explain(
    decision_id: str, home: Path, journal: str | None, session: int | None, picture: Path | None, as_json: bool
) -> None:
    """Say why a decision is what it is: votes with their weights, what spoke against it, and what stopped it.

    DECISION_ID is the id of a decision's intent, also of one that was refused or withheld, or an order that came of it.
    """
    from msgspec import to_builtins

    from journal.store import shown
    from journal.story import UnknownOrderError, story_of
    from research.drawing import require_kind, write_drawing
    from research.reasons import reasons_of
    from research.reasons_picture import picture_of

    if picture is not None:
        require_kind(picture)
    place = place_of(None, journal, home)
    with opened(place) as source:
        try:
            found = reasons_of(story_of(source, decision_id, session))
        except UnknownOrderError as error:
            where = "" if session is None else f" in session {session}"
            raise UnknownOrderError(
                f"{shown(place)}: there is no decision {decision_id!r}{where}; "
                "the id of an intent, or an order that came of one, is allowed"
            ) from error
    if picture is not None:
        write_drawing(picture_of(found), picture)
    if as_json:
        drawn = str(picture) if picture is not None else None
        print_json({"command": "explain", "journal": shown(place), **to_builtins(found), "picture": drawn})
    else:
        _show(found)
        if picture is not None:
            click.echo(f"{picture}: the same as a picture", err=True)


def _show(found: "Reasons") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    console = open_console()
    console.print(f"[bold]{escape(found.decision_id)}[/bold]  {found.side} {escape(', '.join(found.instruments))}")
    by = f"policy {found.policy}" + (f" ({found.model[:12]})" if found.model else "")
    console.print(f"{found.time} UTC, desk {found.desk}, {by}, session {found.session}, {found.stage}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in ("vote of", "group", "says", "", "vote", "weight", "adds"):
        table.add_column(header, justify="right" if header in ("vote", "weight", "adds") else "left", no_wrap=True)
    for vote in found.votes:
        name = f"{vote.timeframe} {vote.source}" if vote.timeframe else vote.source
        table.add_row(
            escape(name), vote.group or "", vote.says, _bar(vote.vote), _number(vote.vote, "+.3f"),
            _number(vote.weight, ".1%"), _number(vote.share, "+.4f"), style="dim" if vote.vote is None else None,
        )  # fmt: skip
    if found.votes:
        console.print(table)
    else:
        console.print("no votes: " + ("a model weighs" if found.model else "this policy acts on") + " what it measured")
    for line in _lines(found):
        console.print(escape(line))


def _lines(found: "Reasons") -> list[str]:
    score = f"score {found.score:+.4g}"
    if found.agreement is not None and found.coverage is not None:
        score += f", agreement {found.agreement:.1%}, coverage {found.coverage:.1%}"
    lines = [f"signal       {score}"]
    if found.regime is not None and found.volatility is not None:
        lines.append(f"regime       {found.regime.lower()}, volatility {found.volatility.lower()}")
    claim = found.probability
    if claim.calibrated and claim.low is not None and claim.high is not None:
        lines.append(
            f"probability  {claim.value:.1%}, 95 % interval {claim.low:.1%} to {claim.high:.1%}: what a claim of "
            f"{claim.claim:.1%} has been worth in {claim.outcomes:,} outcomes"
        )
    else:
        lines.append(f"confidence   {claim.value:.1%}, a claim that nothing has calibrated")
    features = ", ".join(f"{name} {_number(value, '.6g')}" for name, value in found.features.items())
    lines.append(f"features     {features or 'none'}")
    lines.append(f"against      {', '.join(found.against) or 'nothing'}")
    lines += [f"not trusted  {standing}" for standing in found.standings]
    lines.append(f"stopped by   {found.stopped.text if found.stopped else 'nothing: it was executed'}")
    return lines


def _bar(vote: float | None) -> str:
    if vote is None:
        return ""
    size = round(abs(vote) * BAR)
    return f"{'█' * size if vote < 0.0 else '':>{BAR}}│{'█' * size if vote > 0.0 else ''}"


def _number(value: float | None, shape: str) -> str:
    return "-" if value is None else format(value, shape)
