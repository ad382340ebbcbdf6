"""The HTTP API: paths, parameters, status codes. Annotations stay real (no `__future__`): FastAPI reads them."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Response

from policies.intents import Ruling
from serve.counter import Counter
from serve.errors import install_handlers
from serve.lookup import Lookup
from serve.models import (
    PAGE_MAX,
    QUERY,
    SEQUENCE_MAX,
    DecisionPage,
    ErrorAnswer,
    HealthAnswer,
    PositionsAnswer,
    PreviewAnswer,
    ProposalRequest,
    RulingName,
)

DESCRIPTION: Final = """\
What a running session decided, what it holds, and what it would decide. Everything here only reads.

Times are UTC; `market_time` is the market's, which over recorded data is not today's. Money and prices are exact
decimals, as strings. A journaled decision is shown as it was journaled: prices in ticks, money in 10**-6.
"""

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": ErrorAnswer, "description": "A field has a value that is not allowed; the line says what is."},
    503: {"model": ErrorAnswer, "description": "Somebody who would have to answer does not."},
}

After = Annotated[int, Query(ge=0, le=SEQUENCE_MAX, description=QUERY["after"])]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description=QUERY["limit"])]
Desk = Annotated[str | None, Query(max_length=64, description="a desk of the plan")]
Ruled = Annotated[RulingName | None, Query(description=QUERY["ruling"])]


def build_api(lookup: Lookup) -> FastAPI:
    """Return the application that answers through a look-up."""
    counter = Counter(lookup)
    api = FastAPI(title="Trifecta decision API", version="1", description=DESCRIPTION, redoc_url=None)
    install_handlers(api)

    @api.get("/healthz", summary="Who is at work", responses={503: {"model": HealthAnswer}})
    async def healthz(response: Response) -> HealthAnswer:
        """Answer 200 while governor and risk answer (`ok` or `degraded`), 503 when one does not (`down`)."""
        health = await counter.health()
        response.status_code = 503 if health.status == "down" else 200
        return health

    @api.get("/v1/decisions", summary="Journaled decisions after a sequence number", responses=ERRORS)
    async def decisions(after: After = 0, limit: Limit = 100, desk: Desk = None, ruling: Ruled = None) -> DecisionPage:
        """Return decisions in the journal's order. Ask again with `after` = `next`; an empty page is no end."""
        return await counter.decisions(after, limit, desk, Ruling[ruling] if ruling else None)

    @api.get("/v1/positions", summary="Positions, equity, losses and trading states", responses={503: ERRORS[503]})
    async def positions() -> PositionsAnswer:
        """Return the account as risk, its one writer, sees it."""
        return await counter.positions()

    @api.post("/v1/decisions", summary="Preview a decision; changes nothing", responses=ERRORS)
    async def preview(proposal: ProposalRequest) -> PreviewAnswer:
        """Say what would be decided on a proposal at this moment: verdict, rules, ruling, reasons, position after."""
        return await counter.preview(proposal)

    return api
