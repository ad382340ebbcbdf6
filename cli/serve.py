"""`trifecta serve`: the decision API over a paper session, on a local Ray, until Ctrl-C."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from cli.options import Words, config_option, data_option, home_option, journal_option, json_option, news_option
from cli.outcome import print_json, say
from cli.seats import model_options
from cli.session import INTERRUPTED, Wish, display, intention, plan_of

if TYPE_CHECKING:
    from research.paper import PaperRun
    from research.planning import Planned

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

ENDPOINTS: Final = (
    ("GET", "/healthz", "who is at work"),
    ("GET", "/v1/decisions", "journaled decisions after a sequence number"),
    ("GET", "/v1/positions", "positions, equity, losses, trading states"),
    ("POST", "/v1/decisions", "preview of a decision; changes nothing"),
)


@click.command(cls=Words)
@data_option
@home_option
@journal_option
@config_option
@news_option
@json_option
@model_options
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--cash", default=None, help="Cash at the start, in account currency.")
@click.option("--display-only", is_flag=True, help="Leave auto_execute as configured: show, do not trade.")
@click.option("--dashboard", is_flag=True, help="Start the Ray dashboard.")
def serve(as_json: bool, port: int, host: str, display_only: bool, dashboard: bool, **options: Any) -> int:
    """Serve the decision API over a paper session, as `trifecta run` trades it; go on serving when it has ended.

    Ctrl-C ends it. A session that was interrupted goes on from its journal the next time.
    """
    from actors.system import Cluster
    from research.home import Home
    from research.paper import PaperRun
    from research.warming import ensure_warm
    from serve.deploy import claim_port, deploy, ingress_environment

    port = claim_port(host, port)
    planned = plan_of(options, display_only=display_only)
    if host not in LOOPBACK:
        say(f"warning: {host} can be reached from other machines, and the API asks nobody who they are")
    with Home(options["home"], options["journal"]) as home, Wish(home) as stop:
        ensure_warm(say)
        say(intention(planned, display_only))
        run = PaperRun(home, planned)
        cluster = Cluster(dashboard=dashboard, address=home.cluster)
        stop.starting(cluster.folder)
        try:
            cluster.start(ingress_environment(cluster.folder))
            url = deploy(host, port)
            run.launch(cluster)
            _announce(as_json, url, planned, run)
            with display(as_json) as show:
                complete = run.follow(stop.following(show), stop)
            if complete:
                say(f"the session has ended; still serving {url} (Ctrl-C ends it)")
                _wait(stop)
        finally:
            cluster.stop()
    if not complete:
        say("interrupted; the journal is whole, the next run goes on from it")
    return 0 if complete else INTERRUPTED


def _wait(stop: Callable[[], bool]) -> None:
    """Stand by until somebody wishes to stop."""
    while not stop():
        time.sleep(0.1)


def document(url: str, planned: "Planned", run: "PaperRun") -> dict[str, Any]:
    """Return the JSON document that says where the API is (docs/json/serve.schema.json)."""
    from journal.store import shown

    return {
        "command": "serve",
        "url": url,
        "openapi": f"{url}/openapi.json",
        "docs": f"{url}/docs",
        "endpoints": [{"method": method, "path": path, "does": does} for method, path, does in ENDPOINTS],
        "ingress": "haproxy" if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" else "ray",
        "pid": os.getpid(),
        "stage": run.settings.stage,
        "session": run.settings.session,
        "resumed": run.resumed,
        "desks": [desk.name for desk in planned.plan.desks],
        "auto_execute": all(desk.auto_execute for desk in planned.plan.desks),
        "events": len(planned.tape.time_ns),
        "journal": shown(run.settings.journal_path),
    }


def _announce(as_json: bool, url: str, planned: "Planned", run: "PaperRun") -> None:
    """Say that the API answers, and where."""
    found = document(url, planned, run)
    if as_json:
        print_json(found)
        return
    click.echo(f"serving {url}  ({found['ingress']} ingress, process {found['pid']}; Ctrl-C ends it)")
    for method, path, does in ENDPOINTS:
        click.echo(f"  {method:<5}{path:<15} {does}")
    click.echo(f"  page  {'/docs':<15} OpenAPI, to read and to try")
