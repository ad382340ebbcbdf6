"""A run on simulated venues: their process in the home, who trades there, and their books at its end."""

from pathlib import Path

import msgspec

from actors.host_gateway import HostGateway
from actors.settings import PAPER_VENUE, Settings
from actors.staging import Cast
from actors.venue_host import Greeting, HostError, Spec, ask_once, end_host, is_served, look, read_spec, start_host
from journal.store import Journal
from research.accounts import Audit, audit
from research.fault_plans import VenueChoice
from research.home import Home
from venues.simulated.venue import Emptied


def placed(settings: Settings, home: Home, venue: VenueChoice | None) -> Settings:
    """Return the settings of a session whose orders go where they are wanted."""
    if venue is None:
        return settings
    folder = home.venues / f"session-{settings.session:04d}"
    return msgspec.structs.replace(
        settings, venue=venue.words, venue_path=str(folder.resolve()), stage="SIMULATED"
    )  # fmt: skip


def are_there(settings: Settings) -> bool:
    """Tell whether the venues that a session has traded at can still be reached; paper always can."""
    return settings.venue == PAPER_VENUE or is_served(Path(settings.venue_path))


def serve_venues(settings: Settings, venue: VenueChoice) -> None:
    """See to it that the venues of a session are there."""
    folder = Path(settings.venue_path)
    if not is_served(folder):
        start_host(folder, Spec(settings=settings, faults=venue.plan, seed=venue.seed))


def cast_of(settings: Settings) -> Cast:
    """Return who plays in a run."""
    return Cast() if settings.venue == PAPER_VENUE else Cast(gateway=HostGateway)


def audit_venues(settings: Settings, journal: Journal) -> tuple[Audit, ...]:
    """Hold a session that has ended against the books of its venues, and let their process end."""
    if settings.venue == PAPER_VENUE:
        return ()
    folder = Path(settings.venue_path)
    records = [entry.record() for entry in journal.entries(after=max(journal.newest("session") - 1, 0))]
    found = tuple(audit(records, venue.name, look(folder, venue.name)) for venue in settings.plan.venues)
    end_host(folder)
    return found


class SimulatedAccess:
    """The emergency stop's own connection to one simulated venue."""

    def __init__(self, folder: Path, venue: str) -> None:
        self._folder, self._venue = folder, venue

    @property
    def name(self) -> str:
        """Name the venue."""
        return self._venue

    def cancel_all(self) -> int:
        """Cancel every unexecuted order at the venue; return how many were asked for."""
        return self._ask("cancel").orders

    def flatten(self) -> dict[str, int]:
        """Close all that is held at the venue; return the lots that were traded for it."""
        return self._ask("flatten").closed

    def _ask(self, wants: str) -> Emptied:
        done: Emptied = ask_once(self._folder, Greeting(wants=wants, venue=self._venue), Emptied)
        if done.problem:
            raise HostError(done.problem)
        return done


def venue_sessions(home: Home) -> tuple[SimulatedAccess, ...]:
    """Return an access to every simulated venue that is served from a home."""
    found = []
    for folder in sorted(home.venues.glob("session-*")):
        if (folder / "port").exists():
            try:
                venues = read_spec(folder).settings.plan.venues
            except (OSError, msgspec.MsgspecError) as error:
                raise HostError(f"{folder}: what is served from there cannot be read: {error}") from error
            found += [SimulatedAccess(folder, venue.name) for venue in venues]
    return tuple(found)
