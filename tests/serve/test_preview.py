"""A preview changes nothing, and says what the live path says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.previewing import Proposal, copied_book, preview_on
from actors.settings import RISK
from journal.records import Decision
from market.records import records
from policies.assembly import book_of, desks_of
from policies.governor import rank, rule
from policies.intents import INTENT, Ruling
from policies.risk import judge
from tests.builders import a_plan
from tests.policies.books import parts_of
from tests.properties import FEW
from tests.serve.sessions import Staged, content

GBPUSD, A, B, CONTRACT = 1, 4, 5, 6
NOW = 10**18


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("preview")


@pytest.fixture(scope="module")
def midway(folder):
    return Staged(folder).to_decisions(60)


def forex(**changes):
    plain = {"desk": 0, "instruments": (GBPUSD,), "lots": (5,), "limits": (0,), "confidence": 0.9, "reward": 2.5}
    return Proposal(**(plain | changes))


def pair(**changes):
    plain = {
        "desk": 1, "instruments": (A, B), "lots": (3, -3), "limits": (0, 0), "reward": 1.0, "gross": 2.0, "gain": 10**6,
    }  # fmt: skip
    return Proposal(**(plain | changes))


def a_book(plan, bid=130_000, ask=130_008, age_ns=0):
    """A fresh account under epoch 1 with a quote of every instrument."""
    book = book_of(plan)
    book.ledger.account[0].epoch = 1
    for quote in book.quotes:
        quote.bid, quote.ask, quote.time_ns = bid, ask, NOW - age_ns
    return book


proposals = st.one_of(
    st.builds(
        forex,
        instruments=st.sampled_from([(k,) for k in range(4)]),
        lots=st.integers(-10**6, 10**6).filter(bool).map(lambda lots: (lots,)),
        limits=st.integers(0, 10**6).map(lambda limit: (limit,)),
        stop=st.integers(0, 10**6),
        target=st.integers(0, 10**6),
        confidence=st.floats(0, 1),
        reward=st.none() | st.floats(-10, 10),
        reduce=st.booleans(),
    ),
    st.builds(
        pair, lots=st.integers(1, 10**6).map(lambda lots: (-lots, lots)), risk_score=st.floats(0, 100),
        reduce=st.booleans(),
    ),
    st.builds(
        Proposal, desk=st.just(2), instruments=st.just((CONTRACT,)), lots=st.integers(1, 10**6).map(lambda n: (n,)),
        limits=st.just((0,)), confidence=st.floats(0, 1),
    ),
)  # fmt: skip


@FEW
@given(proposal=proposals)
def test_a_preview_leaves_the_book_of_a_running_session_as_it_was(midway, proposal):
    before = content(midway.risk._book)
    status = midway.risk.status()
    preview = midway.risk.preview(proposal)
    assert (preview.ruling == "REFUSED") == bool(preview.rules)
    assert content(midway.risk._book) == before
    assert midway.risk.status() == status


def test_the_book_that_is_judged_shares_no_memory_with_the_live_one(midway):
    book = midway.risk._book
    copy = copied_book(book)
    parts = zip(parts_of(book), parts_of(copy), strict=True)
    assert not any(np.shares_memory(one, other) for one, other in parts)
    assert content(copy) == content(book)


@pytest.mark.slow
def test_a_session_with_previews_writes_the_journal_of_one_without(folder):
    plain = Staged(folder, seed=7).to_end()
    asked = Staged(folder, seed=7)
    previews = []

    def at_end_and_asking():
        if asked.risk and asked.world.steps % 5 == 0:
            previews.extend(asked.risk.preview(one) for one in (forex(), pair(), forex(lots=(), reduce=True)))
        return asked.governor.stopped

    asked.until(at_end_and_asking)
    plain.until(lambda: plain.governor.stopped)
    assert sum(preview is not None for preview in previews) > 1000
    assert asked.journaled() == plain.journaled()
    assert len(asked.journaled()) > 300


def test_what_was_refused_is_refused_in_a_preview_for_the_same_rules(folder):
    """At the instant at which a decision was journaled, the same proposal gets the same verdict."""
    staged = Staged(folder, seed=3)
    compared = []
    seen = 0

    def compare():
        nonlocal seen
        fresh = [entry.record() for entry in staged.journal.entries(seen)]
        seen += len(fresh)
        decisions = [record for record in fresh if isinstance(record, Decision)]
        for one in decisions:
            alone = sum(other.time_ns == one.time_ns for other in decisions) == 1
            if alone and one.rules and staged.risk.status()["done_ns"] == one.time_ns:
                preview = staged.risk.preview(proposal_of_decision(staged, one))
                compared.append((one.desk, preview.rules == one.rules, preview.ruling, preview.score == one.score))
        return staged.governor.stopped

    staged.until(compare)
    assert len(compared) > 30
    assert {(same, ruling, score) for _, same, ruling, score in compared} == {(True, "REFUSED", True)}
    assert {desk for desk, *_ in compared} >= {"forex", "arbitrage"}


def proposal_of_decision(staged, decision):
    names = [desk.name for desk in staged.plan.desks]
    return Proposal(
        desk=names.index(decision.desk),
        instruments=tuple(staged.plan.index_of(leg.instrument) for leg in decision.legs),
        lots=tuple(leg.lots for leg in decision.legs),
        limits=tuple(leg.limit for leg in decision.legs),
        reduce=decision.reduce,
        stop=decision.stop,
        target=decision.target,
        hold_ns=decision.hold_ns,
        confidence=decision.confidence,
        reward=decision.reward,
        gross=decision.gross,
        gain=decision.gain,
        risk_score=decision.risk_score,
    )


@pytest.mark.parametrize(
    ("changes", "proposal", "ruling"),
    [
        ({}, forex(), Ruling.EXECUTE),
        ({}, forex(confidence=0.5), Ruling.NOT_ELIGIBLE),
        ({"forex": {"auto_confidence": 0.95}}, forex(), Ruling.NOT_AUTO),
        ({"forex": {"auto_execute": False}}, forex(), Ruling.DISPLAY_ONLY),
        ({"forex": {"top_n": 0}}, forex(), Ruling.OUTRANKED),
        ({"position_ppm_max": 1}, forex(), Ruling.REFUSED),
        ({}, pair(), Ruling.EXECUTE),
        ({"arbitrage": {"reward_min": 5.0}}, pair(), Ruling.NOT_ELIGIBLE),
    ],
)
def test_a_preview_gives_the_governor_s_ruling_of_judge_rank_and_rule(changes, proposal, ruling):
    plan = a_plan(**changes)
    book = a_book(plan)
    preview = preview_on(book, plan, proposal, NOW)
    intents = records(2, INTENT)
    intent = intents[0]
    for name in ("desk", "confidence", "gross", "gain", "risk_score", "reward"):
        intent[name] = getattr(proposal, name)
    intent.time_ns, intent.epoch, intent.legs = NOW, 1, len(proposal.lots)
    for leg, lots in enumerate(proposal.lots):
        intent[f"instrument{leg}"], intent[f"lots{leg}"] = proposal.instruments[leg], lots
    rank(book.desks, intents, 0, 1)
    intent.rules = judge(book, intent)
    rule(desks_of(plan), intents, 0, 1)
    assert (preview.ruling, preview.score) == (Ruling(int(intent.ruling)).name, float(intent.score))
    assert preview.ruling == ruling.name


def test_stop_and_target_give_the_reward_that_the_forex_desk_would_state():
    plan = a_plan()
    preview = preview_on(a_book(plan), plan, forex(reward=None, stop=129_908, target=130_308), NOW)
    assert preview.reward == pytest.approx((300 - 8) / (100 + 8))  # the spread is 8 ticks, there is no fee


def test_a_contract_s_reward_follows_from_confidence_and_payout():
    plan = a_plan()
    proposal = Proposal(desk=2, instruments=(CONTRACT,), lots=(5,), limits=(0,), confidence=0.6)
    preview = preview_on(a_book(plan), plan, proposal, NOW)
    assert preview.reward == pytest.approx(0.6 * 0.85 - 0.4)


def test_a_leg_shows_what_would_be_held_and_the_worst_that_working_orders_could_add():
    plan = a_plan()
    book = a_book(plan)
    book.ledger.positions[GBPUSD].lots = 4
    book.working_long[GBPUSD], book.working_short[GBPUSD] = 2, 3
    bought = preview_on(book, plan, forex(lots=(5,)), NOW).legs[0]
    sold = preview_on(book, plan, forex(lots=(-9,)), NOW).legs[0]
    assert (bought.held_lots, bought.after_lots, bought.worst_lots) == (4, 9, 11)
    assert (sold.held_lots, sold.after_lots, sold.worst_lots) == (4, -5, -8)
    assert bought.worst_value == 11 * 1000 * 130_008 * 10  # lots x lot size x price, in 10**-6


def test_a_reducing_proposal_closes_what_is_held():
    plan = a_plan()
    book = a_book(plan)
    nothing = preview_on(book, plan, forex(lots=(), reduce=True), NOW)
    book.ledger.positions[GBPUSD].lots = -4
    closing = preview_on(book, plan, forex(lots=(), reduce=True), NOW)
    assert (nothing.rules, nothing.ruling) == (("NO_POSITION",), "REFUSED")
    assert (closing.rules, closing.ruling, closing.legs[0].lots, closing.legs[0].after_lots) == ((), "EXECUTE", 4, 0)


def test_an_old_quote_refuses_as_it_does_live():
    plan = a_plan()
    preview = preview_on(a_book(plan, age_ns=11 * 60 * 10**9), plan, forex(), NOW)
    assert preview.rules == ("STALE_QUOTE",)


def test_nothing_is_previewed_before_a_governor_has_been_heard(folder):
    staged = Staged(folder)
    assert staged.world.actor(RISK).preview(forex()) is None
