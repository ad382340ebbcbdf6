"""What `trifecta train --search pbt` says: the members of a population, and how the best one came about."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.options import open_console
from cli.outcome import Exit, print_json, say

if TYPE_CHECKING:
    from research.home import Home
    from research.learning.artefact import Artefact
    from research.learning.parts import Source
    from research.learning.population import Bred, Link
    from research.learning.spec import TrainSpec


def train_population(
    spec: "TrainSpec", sources: "tuple[Source, ...]", asked: tuple[int, int], home: "Home",
    wished: Callable[[], bool], as_json: bool,
) -> int:  # fmt: skip
    """Train a population (`asked`: its seed and how many members) and show it; return the exit code."""
    from research.learning.artefact import load_artefact
    from research.learning.population import run_population

    seed, members = asked
    steps = members * spec.chunks
    say(f"{len(sources)} markets, {members} members of {spec.steps:,} decisions each ({spec.algorithm}), seed {seed}")

    def watch(done: int, best: float) -> None:
        if not as_json:
            say(f"{done} of {steps} chunks; best validation so far {best:+.4%}")

    bred = run_population(spec, sources, asked, home.path, watch, wished)
    sha256, artefact = load_artefact(home.models / f"{bred.population.artefact}.json")
    if as_json:
        print_json(document(bred, sha256, artefact))
    else:
        _show(bred, sha256, artefact)
    return int(Exit.DONE)


def document(bred: "Bred", sha256: str, artefact: "Artefact") -> dict[str, Any]:
    """Return the JSON document of a population (docs/json/train_population.schema.json)."""
    from msgspec import to_builtins

    return {
        "command": "train",
        "search": "pbt",
        "run": bred.run,
        "folder": str(bred.folder),
        "seconds": bred.seconds,
        "seed": bred.population.seed,
        "artefact": sha256,
        "members": [[_link(link) for link in line] for line in bred.population.members],
        "best": [_link(link) for link in bred.population.best],
        "validation": to_builtins(artefact.validation),
        "test": to_builtins(artefact.test),
    }


def _link(link: "Link") -> dict[str, Any]:
    return {"member": link.member, "value": link.value, "terms": readable(link.terms)}


def readable(terms: dict[str, float]) -> dict[str, float]:
    """Return terms by the names that a training has them by."""
    found: dict[str, float] = {name: terms[name] for name in ("rate", "entropy") if name in terms}
    found["gamma"] = 1.0 - 1.0 / terms["horizon"]
    if "trace" in terms:
        found |= {"gae": 1.0 - 1.0 / terms["trace"], "epochs": float(round(terms["epochs"]))}
    return found


def _show(bred: "Bred", sha256: str, artefact: "Artefact") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    population, best = bred.population, bred.population.best
    names = list(readable(best[-1].terms))
    table = Table(title="Members, judged on the validation part", title_justify="left", box=SIMPLE_HEAD)
    for header in ("member", "value", "follows", *names):
        table.add_column(header, justify="left" if header == "follows" else "right")
    for number, line in enumerate(population.members):
        terms = readable(line[-1].terms)
        follows = " > ".join(str(link.member) for link in line)
        table.add_row(str(number), f"{line[-1].value:+.4%}", follows, *(f"{terms[name]:.4g}" for name in names))
    open_console().print(table)
    way = Table(title="How the best one came about", title_justify="left", box=SIMPLE_HEAD)
    for header in ("chunk", "member", "value", *names):
        way.add_column(header, justify="right")
    for chunk, link in enumerate(best, 1):
        terms = readable(link.terms)
        row = (str(chunk), str(link.member), f"{link.value:+.4%}")
        way.add_row(*row, *(f"{terms[name]:.4g}" for name in names))
    open_console().print(way)
    profit = sum(span.score.net_profit for span in artefact.test)
    click.echo(f"artefact {sha256[:12]}: test profit {profit:+,.2f}; the best of {len(population.members)} members")
    click.echo(f"kept in {bred.folder}")
    click.echo(f"Whether that is any good: trifecta evaluate --model {sha256[:12]}")
