"""The words of a decision: every rule is one bit and one function, and a record has room for all it names."""

from market.stop_invariants import StopFlaw
from policies import account_rules, breaking, controls, pretrade, risk
from policies.intents import FEATURES_MAX, INTENT, LEGS_MAX, VOTES_MAX, DeskKind, Rule, Ruling, TradingState
from policies.portfolio_gate import PortfolioRule


def test_every_rule_is_one_bit_and_one_function_of_its_name() -> None:
    assert [rule.value.bit_count() for rule in Rule] == [1] * len(Rule)
    words = {*StopFlaw.__members__, *PortfolioRule.__members__}  # what several rules of one function are called
    words |= {"NEWS", "NO_NEWS", "WEEKEND"}
    for rule in Rule:
        if rule.name in words:
            continue
        late = Rule.INVALID_QTY <= rule < Rule.SHADOW
        homes = (controls, pretrade, breaking) if late else (risk, account_rules)
        assert any(callable(getattr(home, str(rule.name).lower(), None)) for home in homes), rule


def test_an_intent_has_a_place_for_every_leg_vote_and_feature() -> None:
    for name in ("instrument", "lots", "limit", "bid", "ask"):
        assert {f"{name}{leg}" for leg in range(LEGS_MAX)} <= set(INTENT.names)
    assert (INTENT["votes"].shape, INTENT["features"].shape) == ((VOTES_MAX,), (FEATURES_MAX,))


def test_a_fresh_record_says_nothing_was_allowed() -> None:
    assert (Ruling(0), TradingState(0), DeskKind(0)) == (Ruling.REFUSED, TradingState.ACTIVE, DeskKind.FOREX)
    assert list(TradingState) == sorted(TradingState)
