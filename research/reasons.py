"""Reasons: why one decision is what it is. Who voted what, with which weight, what spoke against, what stopped it.

Made of the journal alone, for decisions of every desk: where no chain voted, votes are those of the desk's policy, and
what it claims is not calibrated and says so.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from actors.settings import decode_plan
from journal.records import Confluence, Decision, Demotion
from journal.story import Story
from policies import forex
from policies.demotion import Standing
from policies.intents import DeskKind
from policies.plan import DeskPlan, Plan
from policies.signals.sources import GROUP_OF, GROUPS, SOURCES
from research.choices import feature_names
from research.report.markup import utc
from research.stopping import Stop, stop_of
from research.wording import VOTES

SILENT: Final = 1e-12
"""A vote this close to 0 says neither."""


class VoteCast(Struct, frozen=True, kw_only=True):
    """One vote: of which source, what it said (None: nothing), what it weighed, and what it did to the score.

    `weight` and `share` (weight x vote) are None where the policy does not state weights.
    """

    source: str
    group: str | None
    timeframe: str | None
    vote: float | None
    weight: float | None
    share: float | None
    says: str


class Probability(Struct, frozen=True, kw_only=True):
    """What the decision claims: raw, and what such claims have been worth where that is known, with its interval."""

    claim: float
    calibrated: bool
    value: float
    low: float | None
    high: float | None
    outcomes: int | None


class Reasons(Struct, frozen=True, kw_only=True):
    """Everything that speaks for and against one decision; `model` is the artefact that its desk decided by."""

    decision_id: str
    session: int
    stage: str
    time: str
    time_ns: int
    desk: str
    policy: str
    model: str | None
    instruments: tuple[str, ...]
    side: str
    score: float
    agreement: float | None
    coverage: float | None
    regime: str | None
    volatility: str | None
    probability: Probability
    votes: tuple[VoteCast, ...]
    against: tuple[str, ...]
    standings: tuple[str, ...]
    features: dict[str, float | None]
    ruling: str
    rules: tuple[str, ...]
    stopped: Stop | None


def reasons_of(story: Story) -> Reasons:
    """Return the reasons of a story's decision; ValueError where no intent asked for the order."""
    if story.decision is None:
        raise ValueError(
            f"order {story.orders[0].record.order_id}: a report called for it, no decision; "
            "`trifecta journal explain` tells its story"
        )
    decision, plan = story.decision.record, decode_plan(story.session.plan)
    number, desk = next((k, desk) for k, desk in enumerate(plan.desks) if desk.name == decision.desk)
    model = plan.model_of(number)
    votes = tuple(_votes(decision, desk))
    own = decision.confluence
    return Reasons(
        decision_id=decision.intent_id,
        session=story.session.number,
        stage=story.session.stage,
        time=utc(decision.time_ns),
        time_ns=decision.time_ns,
        desk=decision.desk,
        policy=decision.policy,
        model=model.sha256 if model else None,
        instruments=tuple(leg.instrument for leg in decision.legs),
        side=_side(decision, desk),
        score=decision.strength,
        agreement=own.agreement if own else None,
        coverage=own.coverage if own else None,
        regime=own.regime if own else None,
        volatility=own.volatility if own else None,
        probability=_probability(decision, own),
        votes=votes,
        against=_against(votes),
        standings=_standings(plan, decision, [noted.record for noted in story.demotions]),
        features=_features(decision, plan, desk),
        ruling=decision.ruling,
        rules=decision.rules,
        stopped=stop_of(decision, desk),
    )


def _side(decision: Decision, desk: DeskPlan) -> str:
    if decision.reduce:
        return "close"
    if len(decision.legs) > 1:
        return "buy one, sell the other"
    up, down = ("up", "down") if desk.kind == DeskKind.BINARY else ("buy", "sell")
    return up if decision.legs[0].lots > 0 or decision.strength > 0.0 else down


def _probability(decision: Decision, own: Confluence | None) -> Probability:
    if own is None:
        return Probability(
            claim=decision.confidence, calibrated=False, value=decision.confidence, low=None, high=None, outcomes=None
        )
    return Probability(
        claim=own.claim, calibrated=True, value=decision.confidence, low=own.low, high=own.high, outcomes=own.outcomes
    )


def _votes(decision: Decision, desk: DeskPlan) -> list[VoteCast]:
    own = decision.confluence
    if own is not None:
        return [
            _cast(source, vote, weight, decision.strength)
            for source, vote, weight in zip(own.sources, own.votes, own.weights, strict=True)
        ]
    names = VOTES.get(decision.policy, ())
    if len(names) != len(decision.votes):
        names = tuple(f"vote {k + 1}" for k in range(len(decision.votes)))
    weights = _stated_weights(decision, desk)
    return [
        _cast(name, vote, weight, decision.strength)
        for name, vote, weight in zip(names, decision.votes, weights, strict=True)
    ]


def _stated_weights(decision: Decision, desk: DeskPlan) -> Sequence[float | None]:
    """Return what a policy without a chain weighs its votes by, where that follows from what it recorded."""
    params = [value for _, value in desk.params]
    known = (
        decision.policy == "trend_reversion" and len(decision.features) > forex.ADX and len(params) > forex.P_ADX_HIGH
    )
    adx = decision.features[forex.ADX] if known else None
    if adx is None:
        return [None] * len(decision.votes)
    trending = forex.trending_share(adx, params[forex.P_ADX_LOW], params[forex.P_ADX_HIGH])
    return (forex.TREND_WEIGHT * trending, forex.MOMENTUM_WEIGHT * trending, 1.0 - trending)


def _cast(source: str, vote: float | None, weight: float | None, score: float) -> VoteCast:
    frame, _, name = source.rpartition(" ")
    group = GROUPS[GROUP_OF[SOURCES.index(name)]] if frame and name in SOURCES else None
    says = "no opinion"
    if vote is not None:
        says = "neither" if abs(vote) <= SILENT else "for" if vote * score > 0.0 else "against"
    return VoteCast(
        source=name if group else source,
        group=group,
        timeframe=frame if group else None,
        vote=vote,
        weight=weight,
        share=weight * vote if weight is not None and vote is not None else None,
        says=says,
    )


def _against(votes: Sequence[VoteCast]) -> tuple[str, ...]:
    """Return who spoke against the score, the heaviest first; who weighed nothing is left out."""
    found = [vote for vote in votes if vote.says == "against" and vote.weight != 0.0]
    found.sort(key=lambda vote: -abs(vote.share if vote.share is not None else vote.vote or 0.0))
    return tuple(f"{vote.timeframe} {vote.source}" if vote.timeframe else vote.source for vote in found)


def _standings(plan: Plan, decision: Decision, demotions: Sequence[Demotion]) -> tuple[str, ...]:
    """Return whose claims were not fully trusted when the decision was made, and by which number."""
    newest: dict[str, Demotion] = {}
    for one in demotions:
        if one.desk == decision.desk and one.instrument == decision.legs[0].instrument:
            newest[one.source] = one
    found = []
    for one in newest.values():
        if one.after != Standing.TRUSTED.name:
            why = one.why.lower().replace("_", " ")
            number = f"{one.value:.2f}, limit {one.limit:g}"
            found.append(f"{one.source}: {one.after.lower()} since {utc(one.time_ns)}, {why} ({number})")
    return tuple(found)


def _features(decision: Decision, plan: Plan, desk: DeskPlan) -> dict[str, float | None]:
    count = len(decision.features)
    names = feature_names(plan, desk, count) or tuple(f"feature {k + 1}" for k in range(count))
    return dict(zip(names, decision.features, strict=True))
