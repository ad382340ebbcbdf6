"""The gateway of a simulated venue whose process is another one: the class that a cluster starts."""

import time
from pathlib import Path

from actors.settings import JournalOpener, Resolver, Settings
from actors.tape_gateway import TapeGateway, TapeLine, hop_of
from actors.venue_host import HostSession


class HostGateway(TapeGateway):
    """The door of one venue that a host serves."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver, journal: JournalOpener) -> None:
        line = TapeLine(
            lambda venue: HostSession(Path(settings.venue_path), venue), time.time_ns, hop_of(settings)
        )  # fmt: skip
        super().__init__(name, settings, resolve, journal, line)
