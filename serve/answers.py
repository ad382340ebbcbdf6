"""Answers: from what actors say of themselves to what people read, money and prices as exact decimals."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from actors.previewing import LegOutlook, Preview
from market.instruments import Kind
from market.money import decimal_of
from policies.assembly import instruments_of
from policies.intents import Ruling
from policies.plan import Plan
from serve.models import (
    ActorHealth,
    DeskAccount,
    Holding,
    LegAnswer,
    PositionsAnswer,
    PreviewAnswer,
)
from serve.reasons import reasons_for

SILENT_S: Final = 10.0
"""An actor that the supervisor, who ticks every second, has not heard of for so long is silent."""


def iso(time_ns: int) -> str | None:
    """Return market time (ns, UTC) as ISO 8601 to the microsecond; None before the first instant."""
    if time_ns <= 0:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def actor_health(state: dict[str, Any]) -> ActorHealth:
    """Turn the supervisor's word on one actor into its health."""
    heard_s = state["heard_s"]
    silent = heard_s is None or heard_s > SILENT_S
    role = state["name"].partition("-")[0]
    return ActorHealth(
        name=state["name"], role=role, status="silent" if silent else "ok", epoch=state.get("epoch"), heard_s=heard_s
    )


def health_status(
    governor: object, risk: object, registry: object, actors: list[ActorHealth]
) -> Literal["ok", "degraded", "down"]:
    """Sum up: without governor or risk nothing is decided; without the others something is missing."""
    if governor is None or risk is None:
        return "down"
    return "degraded" if registry is None or any(actor.status == "silent" for actor in actors) else "ok"


def positions_answer(plan: Plan, status: dict[str, Any]) -> PositionsAnswer:
    """Turn risk's status into the account as people read it."""
    limits, states = plan.limits, status["states"]
    return PositionsAnswer(
        market_time=iso(status["market_ns"]),
        currency=plan.currency,
        equity=decimal_of(status["equity"]),
        cash=decimal_of(status["cash"]),
        day_loss=decimal_of(status["day_loss"]),
        day_loss_max=decimal_of(limits.daily_loss_max),
        drawdown=decimal_of(status["drawdown"]),
        drawdown_max=decimal_of(limits.drawdown_max),
        trades_today=status["trades_today"],
        trades_per_day_max=limits.trades_per_day_max,
        loss_streak=status["loss_streak"],
        loss_streak_max=limits.loss_streak_max,
        state=states["account"],
        latched=list(status["latched"]),
        desks={
            desk.name: DeskAccount(pnl=decimal_of(status["desks"][desk.name]), state=states[desk.name])
            for desk in plan.desks
        },
        positions=_holdings(plan, status),
    )


def _holdings(plan: Plan, status: dict[str, Any]) -> list[Holding]:
    """Return what is held or on its way, by instrument."""
    desks = instruments_of(plan).desk
    keys = sorted({*status["positions"], *status["working"]})
    return [_holding(plan, status, key, plan.desks[desks[plan.index_of(key)]].name) for key in keys]


def _holding(plan: Plan, status: dict[str, Any], key: str, desk: str) -> Holding:
    instrument = plan.instruments[plan.index_of(key)]
    lots, cost = status["positions"].get(key, 0), status["costs"].get(key, 0)
    long, short = status["working"].get(key, (0, 0))
    contract = instrument.kind is Kind.BINARY
    average = None
    if lots and not contract:
        average = (instrument.decimal_price(cost) / lots).quantize(instrument.decimal_price(1) / 100)
    return Holding(
        instrument=key,
        desk=desk,
        lots=lots,
        average_price=average,
        stake=decimal_of(cost) if contract else None,
        floating=decimal_of(status["floating"].get(key, 0)),
        working_long_lots=long,
        working_short_lots=short,
    )


def preview_answer(plan: Plan, desk_name: str, preview: Preview) -> PreviewAnswer:
    """Turn a preview into what people read."""
    desk = next(desk for desk in plan.desks if desk.name == desk_name)
    return PreviewAnswer(
        market_time=iso(preview.time_ns),
        epoch=preview.epoch,
        desk=desk.name,
        verdict="refused" if preview.rules else "approved",
        rules=list(preview.rules),
        ruling=preview.ruling,
        would_execute=preview.ruling == Ruling.EXECUTE.name,
        reasons=reasons_for(plan, desk, preview),
        confidence=preview.confidence,
        reward=preview.reward,
        score=preview.score,
        currency=plan.currency,
        equity=decimal_of(preview.equity),
        position_value_max=decimal_of(preview.value_max),
        legs=[_leg(plan, preview, leg) for leg in preview.legs],
    )


def _leg(plan: Plan, preview: Preview, leg: LegOutlook) -> LegAnswer:
    """Write a leg; a contract is quoted in the price steps of its underlying."""
    instrument = plan.instruments[leg.instrument]
    quoted = plan.instruments[plan.index_of(instrument.underlying or instrument.key)]
    return LegAnswer(
        instrument=instrument.key,
        lots=leg.lots,
        bid=quoted.decimal_price(leg.bid),
        ask=quoted.decimal_price(leg.ask),
        quote_age_s=(preview.time_ns - leg.quote_ns) / 1e9 if leg.quote_ns else None,
        held_lots=leg.held_lots,
        working_long_lots=leg.working_long,
        working_short_lots=leg.working_short,
        after_lots=leg.after_lots,
        worst_lots=leg.worst_lots,
        worst_value=decimal_of(leg.worst_value),
    )
