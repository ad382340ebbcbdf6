"""The simulated venues of a plan: one exchange each, over the same tape that the feeds hand out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.messages import START
from actors.settings import Settings
from market.records import Records
from market.tape import Role, Tape, select_feeds
from policies.assembly import feeds_of, instruments_of, price_sources
from venues.replay import load_tape
from venues.simulated.faults import FaultPlan
from venues.simulated.tape_exchange import Listing
from venues.simulated.venue import SimulatedVenue


def own_feeds(instruments: Records, feeds: Records, home: int) -> NDArray[np.bool_]:
    """Tell which feeds move a venue: its instruments' prices, and those that convert their money."""
    own = np.flatnonzero(instruments.venue == home)
    wanted = set[int]().union(*(price_sources(instruments, int(number)) for number in own))
    mask: NDArray[np.bool_] = np.isin(feeds.instrument, sorted(wanted))
    return mask & ((feeds.roles & Role.MATCH.value) != 0)


def own_tape(settings: Settings, instruments: Records, feeds: Records, home: int) -> tuple[Tape, int]:
    """Return the rows of a run's tape that move a venue, and the time of the last row that there is at all."""
    tape = load_tape(Path(settings.tape_folder), settings.tape_hash, check=False)
    end_ns = int(tape.time_ns[-1]) if len(tape.time_ns) else START
    return select_feeds(tape, own_feeds(instruments, feeds, home)), end_ns


def open_venues(settings: Settings, plan: FaultPlan, seed: int) -> dict[str, SimulatedVenue]:
    """Return the venues of a run by name, as of before the tape; each fails by dice of its own."""
    instruments, feeds = instruments_of(settings.plan), feeds_of(settings.plan)
    keys = tuple(instrument.key for instrument in settings.plan.instruments)
    found = {}
    for home, venue in enumerate(settings.plan.venues):
        tape, end_ns = own_tape(settings, instruments, feeds, home)
        listing = Listing(instruments, keys, feeds, tape, end_ns, home)
        found[venue.name] = SimulatedVenue(venue.name, plan, 1000 * seed + home, listing=listing)
    return found
