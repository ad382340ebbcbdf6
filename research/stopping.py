"""What stopped a decision: the rule, whose it is, and in words with the numbers that were compared."""

from collections.abc import Iterator

from msgspec import Struct

from journal.records import Decision
from policies.intents import DeskKind
from policies.plan import DeskPlan
from research.report.markup import NONE_BELOW
from research.wording import RULES, RULINGS


class Stop(Struct, frozen=True, kw_only=True):
    """Who stopped it (risk or the governor), by which rules, and in words."""

    by: str
    rules: tuple[str, ...]
    text: str


def stop_of(decision: Decision, desk: DeskPlan) -> Stop | None:
    """Return what stopped a decision; None where it was executed."""
    if decision.rules:
        words = "; ".join(f"{name}: {RULES.get(name, name.lower().replace('_', ' '))}" for name in decision.rules)
        return Stop(by="risk", rules=decision.rules, text=f"risk refused it: {words}")
    if decision.ruling == "EXECUTE":
        return None
    words = RULINGS.get(decision.ruling, decision.ruling.lower().replace("_", " "))
    missed = list(_missed(decision, desk))
    text = f"the governor withheld it, {decision.ruling}: {words}" + (f" ({'; '.join(missed)})" if missed else "")
    return Stop(by="governor", rules=(decision.ruling,), text=text)


def _missed(decision: Decision, desk: DeskPlan) -> Iterator[str]:
    """Yield the bounds of a desk that a decision did not reach, as numbers."""
    if decision.ruling == "NOT_ELIGIBLE":
        if desk.kind != DeskKind.ARBITRAGE and decision.confidence < desk.confidence_min:
            yield f"confidence {decision.confidence:.4g} is below {desk.confidence_min:g}"
        if desk.reward_min > NONE_BELOW and decision.reward < desk.reward_min:
            yield f"reward {decision.reward:.4g} is below {desk.reward_min:g}"
        if desk.kind == DeskKind.ARBITRAGE and decision.risk_score > desk.risk_score_max:
            yield f"risk score {decision.risk_score:.4g} is above {desk.risk_score_max:g}"
    if decision.ruling == "NOT_AUTO":
        if desk.kind != DeskKind.ARBITRAGE and decision.confidence <= desk.auto_confidence:
            yield f"confidence {decision.confidence:.4g} is not above {desk.auto_confidence:g}"
        if desk.kind != DeskKind.ARBITRAGE and decision.reward <= desk.auto_reward:
            yield f"reward {decision.reward:.4g} is not above {desk.auto_reward:g}"
        if desk.kind == DeskKind.ARBITRAGE and decision.risk_score >= desk.auto_risk_score:
            yield f"risk score {decision.risk_score:.4g} is not below {desk.auto_risk_score:g}"
    if decision.ruling == "OUTRANKED":
        yield f"score {decision.score:.4g}; {desk.top_n} may pass at one instant"
