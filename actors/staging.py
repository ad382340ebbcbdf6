"""Staging a run in World: the same actors as on a cluster, a journal in memory, one process, one seed."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from actors.agent import Agent
from actors.feed import FeedShard
from actors.gateway import Gateway
from actors.governor import Governor
from actors.risk import RiskManager
from actors.settings import GOVERNOR, RISK, JournalOpener, Life, Resolver, Settings, encode_plan
from actors.tape_gateway import TapeGateway, TapeLine, hop_of
from actors.world import Faults, World, WorldStuckError
from journal.records import Session
from journal.store import Journal
from policies.plan import plan_hash
from venues.simulated.venue import SimulatedVenue

STILL_S: Final = 600.0
"""Virtual time without anything new, after which nothing new is to be expected."""


def open_session(journal: Journal, settings: Settings, data: tuple[tuple[str, str, int], ...], revision: str) -> None:
    """Write the Session record under an epoch of its own, before any actor starts."""
    epoch = journal.claim("session", 0)
    journal.append(epoch, [session_record(settings, data, revision)])


def session_record(settings: Settings, data: tuple[tuple[str, str, int], ...], revision: str) -> Session:
    """Return the record with which a run begins."""
    return Session(
        time_ns=0,
        number=settings.session,
        stage=settings.stage,
        plan=encode_plan(settings.plan),
        plan_hash=plan_hash(settings.plan),
        data=data,
        tape_hash=settings.tape_hash,
        revision=revision,
        end_ns=0,
        venue=settings.venue,
    )


class MemoryOpener(Struct, frozen=True):
    """Opens a journal that is in memory already."""

    journal: Journal

    def __call__(self, *, read_only: bool) -> Journal:
        """Return the journal, whatever it is wanted for."""
        return self.journal


class Cast(Struct, frozen=True):
    """Who plays: the class of each kind of actor; simulations and benchmarks put watched ones in their place."""

    governor: Callable[..., Any] = Governor
    risk: Callable[..., Any] = RiskManager
    gateway: Callable[..., Any] = Gateway
    feed: Callable[..., Any] = FeedShard
    agent: Callable[..., Any] = Agent


def stage_world(world: World, settings: Settings, journal: Journal, cast: Cast | None = None) -> None:
    """Put all actors of a run into a fresh world."""
    cast = cast or Cast()
    opener = MemoryOpener(journal)
    life = Life("world", lambda: int(world.now_s * 1e9), lambda: None)
    world.add(GOVERNOR, partial(cast.governor, GOVERNOR, settings, world.resolver(GOVERNOR), opener, life))
    world.add(RISK, partial(cast.risk, RISK, settings, world.resolver(RISK), opener))
    for name in settings.gateways:
        world.add(name, partial(cast.gateway, name, settings, world.resolver(name), opener))
    for name in settings.feeds:
        world.add(name, partial(cast.feed, name, settings, world.resolver(name)))
    for name in settings.agents:
        world.add(name, partial(cast.agent, name, settings, world.resolver(name)))


def on_simulated(world: World, venues: Mapping[str, SimulatedVenue], cast: Cast | None = None) -> Cast:
    """Return a cast whose orders go to venues beside the world: these outlive whoever is killed in it."""
    line = TapeLine(lambda venue: venues[venue].session(), lambda: 1 + int(world.now_s * 1e9))
    return msgspec.structs.replace(cast or Cast(), gateway=partial(_tape_gateway, line))


def _tape_gateway(line: TapeLine, name: str, settings: Settings, resolve: Resolver, opener: JournalOpener) -> Any:
    own = TapeLine(line.connect, line.wall_ns, hop_of(settings))
    return TapeGateway(name, settings, resolve, opener, own)


def run_world(settings: Settings, journal: Journal, seed: int = 0, faults: Faults | None = None) -> World:
    """Run a session in a world to its end; return the world for a look around. WorldStuckError when it stands still."""
    assert Path(settings.tape_folder, settings.tape_hash).is_dir()
    world = World(seed, faults)
    stage_world(world, settings, journal)
    reached, since_s = (0, 0), 0.0

    def ended() -> bool:
        nonlocal reached, since_s
        governor = world.actor(GOVERNOR)
        if governor is not None and (governor.taken, governor.horizon_ns) != reached:
            reached, since_s = (governor.taken, governor.horizon_ns), world.now_s
        if world.now_s - since_s > STILL_S:
            raise WorldStuckError(f"World: nothing has moved for {STILL_S:.0f} s of virtual time, at {reached[1]} ns")
        return has_stopped(world)

    world.run(ended)
    return world


def has_stopped(world: World) -> bool:
    """Tell whether the governor has journaled the end of the run."""
    governor = world.actor(GOVERNOR)
    return governor is not None and governor.stopped
