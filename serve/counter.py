"""The counter: how each endpoint's question is answered. It asks actors, reads the journal, and decides nothing.

All that it keeps are the run's settings, asked of risk once and forgotten when risk does not answer.
"""

import asyncio
from typing import Any

from actors.settings import GOVERNOR, RISK, SUPERVISOR, PlaceOpener, Settings
from journal.store import JournalError, JournalUnavailable
from policies.intents import Ruling
from serve.answers import actor_health, health_status, iso, positions_answer, preview_answer
from serve.decisions import read_page
from serve.errors import InvalidFieldError, UnavailableError
from serve.lookup import Lookup, UnansweredError
from serve.models import DecisionPage, HealthAnswer, PositionsAnswer, PreviewAnswer, ProposalRequest
from serve.proposing import proposal_of


class Counter:
    """Answers the endpoints' questions through a look-up."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._settings: Settings | None = None

    async def settings(self) -> Settings:
        """Return what the run was started with; UnavailableError while there is no run."""
        if self._settings is None:
            self._settings = await self._ask(RISK, "settings")
        return self._settings

    async def health(self) -> HealthAnswer:
        """Ask governor and risk whether they answer, and the supervisor when it last heard of everybody."""
        asked = ((GOVERNOR, "status"), (RISK, "status"), (SUPERVISOR, "registry"))
        answers = await asyncio.gather(*(self._try(name, method) for name, method in asked))
        governor, risk, registry = (answer for answer, _ in answers)
        settings = await self.settings() if risk else None
        actors = [actor_health(state) for state in registry or ()]
        return HealthAnswer(
            status=health_status(governor, risk, registry, actors),
            stage=settings.stage if settings else None,
            session=settings.session if settings else None,
            session_complete=governor["complete"] if governor else None,
            market_time=iso(risk["market_ns"]) if risk else None,
            records=governor["records"] if governor else None,
            unanswered=[why for _, why in answers if why],
            actors=actors,
        )

    async def positions(self) -> PositionsAnswer:
        """Return the account as risk sees it."""
        plan = (await self.settings()).plan
        return positions_answer(plan, await self._ask(RISK, "status"))

    async def decisions(self, after: int, limit: int, desk: str | None, ruling: Ruling | None) -> DecisionPage:
        """Return journaled decisions after a sequence number, oldest first."""
        settings = await self.settings()
        names = [plan.name for plan in settings.plan.desks]
        if desk is not None and desk not in names:
            raise InvalidFieldError("desk", desk, f"{', '.join(names)} is allowed")
        try:
            return await asyncio.to_thread(read_page, PlaceOpener(settings.journal_path), after, limit, desk, ruling)
        except (JournalError, JournalUnavailable) as error:
            raise UnavailableError(f"the journal cannot be read: {error}") from None

    async def preview(self, request: ProposalRequest) -> PreviewAnswer:
        """Say what would be decided on a proposal now."""
        plan = (await self.settings()).plan
        preview = await self._ask(RISK, "preview", proposal_of(plan, request))
        if preview is None:
            raise UnavailableError("risk has not heard of a governor yet, and judges nothing before")
        return preview_answer(plan, request.desk, preview)

    async def _ask(self, name: str, method: str, *arguments: object) -> Any:
        try:
            return await self._lookup.ask(name, method, *arguments)
        except UnansweredError as error:
            self._settings = None  # the next one by that name may belong to another run
            raise UnavailableError(str(error)) from None

    async def _try(self, name: str, method: str) -> tuple[Any, str]:
        """Return an answer, or None and why there is none."""
        try:
            return await self._ask(name, method), ""
        except UnavailableError as error:
            return None, error.message
