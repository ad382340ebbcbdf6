"""Parity: the same events through the kernel, through World and through real Ray actors."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from actors.restoring import newest_session
from actors.settings import Settings
from actors.staging import open_session as begin_session
from actors.staging import run_world
from journal.store import MemoryJournal
from research.backtest import executing, run_backtest
from research.digests import Difference, Digests, digests_of, first_difference
from research.home import Home
from research.paper import run_paper
from research.planning import Planned
from research.result import RunResult, result_of_session
from venues.replay import save_tape


class Parity(Struct, frozen=True, kw_only=True):
    """The digests of every leg, whether all are the same, and where two of them part first."""

    events: int
    kernel: Digests
    world: Digests
    ray: Digests | None
    equal: bool
    first_difference: Difference | None
    differing: str | None


def run_parity(
    planned: Planned,
    folder: Path,
    *,
    with_ray: bool = True,
    seed: int = 0,
    wished: Callable[[], bool] = lambda: False,
) -> Parity:
    """Run all legs in `folder` and compare each with the kernel; KeyboardInterrupt once somebody `wished` to stop."""
    planned = planned._replace(plan=executing(planned.plan))
    kernel = run_backtest(planned).result
    legs: dict[str, RunResult] = {"world": _world(planned, folder, seed)}
    if with_ray:
        legs["ray"] = _ray(planned, folder, wished)
    found = None
    who = None
    for name, result in legs.items():
        if found is None:
            found = first_difference(kernel, result)
            who = name if found else None
    return Parity(
        events=len(planned.tape.time_ns),
        kernel=digests_of(kernel),
        world=digests_of(legs["world"]),
        ray=digests_of(legs["ray"]) if with_ray else None,
        equal=found is None,
        first_difference=found,
        differing=who,
    )


def _world(planned: Planned, folder: Path, seed: int) -> RunResult:
    tape = save_tape(folder / "tapes", planned.tape)
    settings = Settings(plan=planned.plan, tape_folder=str(folder / "tapes"), tape_hash=tape)
    journal = MemoryJournal()
    begin_session(journal, settings, planned.data, "")
    run_world(settings, journal, seed)
    return result_of_session(planned.plan, planned.tape, newest_session(journal), [0] * len(planned.plan.desks))


def _ray(planned: Planned, folder: Path, wished: Callable[[], bool]) -> RunResult:
    with Home(folder / "ray") as home:
        result = run_paper(home, planned, lambda _: None, wished).result
    if wished():
        raise KeyboardInterrupt  # what a run that was cut short decided is no leg to compare
    return result
