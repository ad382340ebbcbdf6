"""`trifecta parity`: the same events through kernel, World and Ray; the same decisions, or the first difference."""

import tempfile
from pathlib import Path
from typing import Any

import click

from cli.options import Words, config_option, data_option, home_option, json_option, news_option, sample_data, time_of
from cli.outcome import Exit, heed_wish_to_stop, print_json, say
from cli.seats import model_options, with_seats


@click.command(cls=Words)
@data_option
@home_option
@config_option
@news_option
@json_option
@model_options
@click.option("--desk", multiple=True, default=("all",), help="forex, arbitrage, binary or all.")
@click.option("--start", default=None, help="From this date or time on (UTC).")
@click.option("--end", default=None, help="Up to, not including, this date or time (UTC).")
@click.option("--profile", default=None, help="Profiles, commas between: trifecta, ftmo_2step, or a file.")
@click.option("--ray/--no-ray", "with_ray", default=True, help="Also run the Ray leg.  [default: run it]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of World's message timing.")
def parity(as_json: bool, with_ray: bool, seed: int, **options: Any) -> int:
    """Run the same events through the kernel, World and Ray actors, and compare (exit 1 on a difference)."""
    from research.asking import Request, plan_for
    from research.parity import run_parity
    from research.planning import DESKS
    from research.warming import ensure_warm

    desks = tuple(options["desk"])
    request = Request(
        data=options["data"] or sample_data(), home=options["home"], config=options["config"],
        profile=options["profile"], start_ns=time_of(options["start"], "--start"),
        end_ns=time_of(options["end"], "--end"), desks=DESKS if "all" in desks else desks, news=options["news"],
    )  # fmt: skip
    planned = with_seats(plan_for(request), options, request)
    wished = heed_wish_to_stop()
    ensure_warm(say)
    with tempfile.TemporaryDirectory(prefix="trifecta-parity-") as folder:
        found = run_parity(planned, Path(folder), with_ray=with_ray, seed=seed, wished=wished)
    if as_json:
        from msgspec import to_builtins

        print_json({"command": "parity", **to_builtins(found), "warnings": list(planned.warnings)})
    else:
        _show(found)
    return int(Exit.DONE if found.equal else Exit.CHECK_FAILED)


def _show(found: Any) -> None:
    click.echo(f"{found.events:,} events")
    for name in ("kernel", "world", "ray"):
        digests = getattr(found, name)
        if digests is None:
            continue
        for part, count in digests.counts.items():
            click.echo(f"{name:<7} {part:<10} {count:>8,}  {getattr(digests, part)}")
    if found.equal:
        click.echo("equal: every decision, order, fill, sample and the final ledger")
        return
    first = found.first_difference
    click.echo(f"DIFFERENT: {found.differing} parts from the kernel in {first.part}, entry {first.index}")
    click.echo(f"  kernel: {first.left}")
    click.echo(f"  {found.differing}: {first.right}")
