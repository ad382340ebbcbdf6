"""From a request to a proposal in the plan's numbers; what does not fit the plan is named, with what is allowed."""

from collections.abc import Sequence
from decimal import Decimal

from actors.previewing import Proposal
from market.instruments import Instrument
from market.money import money_of
from market.records import Records
from policies.assembly import instruments_of
from policies.intents import DeskKind
from policies.plan import Plan
from serve.errors import InvalidFieldError
from serve.models import ProposalRequest, allowed_values

ONLY_ARBITRAGE = ("gross", "gain", "risk_score")


def proposal_of(plan: Plan, request: ProposalRequest) -> Proposal:
    """Return the request in numbers; InvalidFieldError names the first field that cannot be."""
    names = [desk.name for desk in plan.desks]
    if request.desk not in names:
        raise InvalidFieldError("desk", request.desk, f"{', '.join(names)} is allowed")
    desk = names.index(request.desk)
    table = instruments_of(plan)
    numbers = _instruments(plan, table, desk, request)
    traded = [plan.instruments[number] for number in numbers]
    _check_shape(plan.desks[desk].kind, table, numbers, request)
    stop, target = (_ticks(name, getattr(request, name), traded[0]) for name in ("stop", "target"))
    _check_sides(request)
    return Proposal(
        desk=desk,
        instruments=tuple(numbers),
        lots=tuple(leg.lots or 0 for leg in request.legs),
        limits=tuple(
            _ticks(f"legs.{k}.limit", leg.limit, traded[k]) for k, leg in enumerate(request.legs)
        ),
        reduce=request.reduce,
        stop=stop,
        target=target,
        hold_ns=round((request.hold_s or 0) * 1e9),
        confidence=1.0 if request.confidence is None else request.confidence,
        reward=request.reward,
        gross=request.gross or 0.0,
        gain=0 if request.gain is None else money_of(request.gain, "gain"),
        risk_score=request.risk_score or 0.0,
    )  # fmt: skip


def _instruments(plan: Plan, table: Records, desk: int, request: ProposalRequest) -> list[int]:
    """Return the numbers of the legs' instruments, all of them the desk's."""
    own = [instrument.key for k, instrument in enumerate(plan.instruments) if table[k].desk == desk]
    for k, leg in enumerate(request.legs):
        if leg.instrument not in own:
            raise InvalidFieldError(
                f"legs.{k}.instrument", leg.instrument, f"desk {request.desk} trades {', '.join(own) or 'nothing'}"
            )
    return [plan.index_of(leg.instrument) for leg in request.legs]


def _check_shape(kind: int, table: Records, numbers: Sequence[int], request: ProposalRequest) -> None:
    """Hold legs, lots and opinions against what an agent of the desk could propose."""
    legs = 2 if kind == DeskKind.ARBITRAGE else 1
    if len(numbers) != legs:
        raise InvalidFieldError(
            "legs", len(numbers), f"desk {request.desk} trades {legs} leg{'s' * (legs > 1)} at once"
        )
    if legs == 2 and (numbers[0] == numbers[1] or table[numbers[0]].group != table[numbers[1]].group):
        pair = ", ".join(leg.instrument for leg in request.legs)
        raise InvalidFieldError("legs", pair, "the two instruments of one route are allowed")
    for k, leg in enumerate(request.legs):
        if request.reduce and leg.lots is not None:
            raise InvalidFieldError(
                f"legs.{k}.lots", leg.lots, "none are allowed when reduce is true: what is held goes"
            )
        if not request.reduce and not leg.lots:
            raise InvalidFieldError(f"legs.{k}.lots", leg.lots, allowed_values()["lots"])
    if legs == 2 and not request.reduce and sum(leg.lots or 0 for leg in request.legs) != 0:
        raise InvalidFieldError(
            "legs.1.lots", request.legs[1].lots, f"{-(request.legs[0].lots or 0)} is allowed: legs cancel out"
        )
    _check_opinions(kind, request)


def _check_opinions(kind: int, request: ProposalRequest) -> None:
    """Ask for the numbers that the desk's gate compares, and for none that it does not."""
    if kind != DeskKind.ARBITRAGE:
        for name in ONLY_ARBITRAGE:
            if getattr(request, name) is not None:
                raise InvalidFieldError(name, getattr(request, name), "only the arbitrage desk has it")
    if request.reduce:
        return
    needed = ["confidence"]
    if kind == DeskKind.ARBITRAGE:
        needed = ["reward", *ONLY_ARBITRAGE]
    elif kind == DeskKind.FOREX and (request.stop is None or request.target is None):
        needed.append("reward")
    for name in needed:
        if getattr(request, name) is None:
            raise InvalidFieldError(name, None, f"desk {request.desk} needs it: {allowed_values()[name]}")


def _check_sides(request: ProposalRequest) -> None:
    if request.stop is None or request.target is None or request.reduce:
        return
    buys = (request.legs[0].lots or 0) > 0
    if (request.stop < request.target) != buys:
        side = "below" if buys else "above"
        raise InvalidFieldError("stop", str(request.stop), f"a price {side} the target {request.target} is allowed")


def _ticks(field: str, price: Decimal | None, instrument: Instrument) -> int:
    """Return a price in ticks; 0 when there is none."""
    if price is None:
        return 0
    ticks = price / Decimal(instrument.tick_size)
    if ticks != ticks.to_integral_value() or not 0 < ticks < 2**53:
        raise InvalidFieldError(
            field, str(price), f"a multiple of {instrument.key}'s price step {instrument.tick_size} is allowed"
        )
    return int(ticks)
