"""`trifecta episode`: one instrument's run under the desks' policies, as a picture and as a page."""

from pathlib import Path
from typing import Any

import click

from cli.options import (
    Words,
    check_out,
    config_option,
    data_option,
    home_option,
    json_option,
)
from cli.outcome import print_json
from cli.seats import model_options, with_seats


@click.command(cls=Words)
@click.argument("instrument", required=False)
@data_option
@home_option
@config_option
@click.option("--symbols", multiple=True, help="Bars of these symbols: --symbols AAPL MSFT. Else the desks' own data.")
@click.option("--timeframe", default=None, help="1m, 5m, 1h, 1d, ...  [default: the one with most bars]")
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--policy", default=None, help="Policy of the forex desk; see `trifecta policies`.")
@model_options
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--picture", type=click.Path(path_type=Path), default=None, help="Draw it: a .svg, .png or .html file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where the page goes.")
@json_option
def episode(instrument: str | None, picture: Path | None, out: Path | None, as_json: bool, **options: Any) -> None:
    """Draw what the desks' own policies, or trained agents, do with INSTRUMENT.

    Price, fills, position, equity, rewards and actions.

    Without INSTRUMENT, the one with most closed trades. The page is one HTML file that needs nothing else.
    """
    from cli.backtest import request_of
    from research.asking import plan_for
    from research.backtest import run_backtest
    from research.drawing import require_kind, write_drawing
    from research.episode_page import write_episode
    from research.episode_picture import headline_of, picture_of_episode
    from research.episodes import busiest, episode_of

    if picture is not None:
        check_out(require_kind(picture))
    path = out or options["home"] / "reports" / "episode.html"
    check_out(path)
    unasked = dict.fromkeys(("cash", "start", "end", "fee", "news"))
    request = request_of({**options, **unasked, "param": ()})
    finished = run_backtest(with_seats(plan_for(request), options, request))
    found = episode_of(finished, instrument or busiest(finished))
    write_episode(found, path)
    if picture is not None:
        write_drawing(picture_of_episode(found), picture)
    if as_json:
        print_json(_document(found, path, picture))
        return
    click.echo(f"{found.instrument}: {headline_of(found)}")
    click.echo(f"page: {path.resolve()}")
    if picture is not None:
        click.echo(f"picture: {picture.resolve()}")


def _document(found: Any, path: Path, picture: Path | None) -> dict[str, Any]:
    """Return the JSON document of an episode (docs/json/episode.schema.json)."""
    from envs.episode import result_of_episode

    counts = [int((found.action == k).sum()) for k in range(len(found.action_names))]
    return {
        "command": "episode",
        "instrument": found.instrument,
        "environment": found.environment,
        "policy": found.policy,
        "data": found.data,
        "seed": found.seed,
        "currency": found.currency,
        "result": result_of_episode(found)._asdict(),
        "actions": dict(zip(found.action_names, counts, strict=True)),
        "page": str(path.resolve()),
        "picture": str(picture.resolve()) if picture is not None else None,
    }
