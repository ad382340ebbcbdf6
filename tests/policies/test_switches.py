"""Kill switches: the strictest match decides, trips are latched, re-arming takes people, a reason and a clean book."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.intents import TradingState
from policies.switches import (
    ANY,
    FLATTENER,
    UNREADABLE,
    KillDecision,
    Mode,
    Rearm,
    Result,
    Scope,
    Trip,
    decide,
    matching,
    passes,
    rearmed,
    state_of,
    strictest,
    switch_of,
    tripped,
)

ORDER = {
    Scope.DESK: ("forex",), Scope.ACCOUNT: ("main",), Scope.VENUE: ("oanda",), Scope.STRATEGY: ("trend",),
    Scope.INSTRUMENT: ("EURUSD@oanda", "EURUSD"),
}  # fmt: skip
KEYS = {scope: ORDER[scope][-1] if scope in ORDER else ANY for scope in Scope}
ALL = Trip(Scope.GLOBAL, ANY, Mode.BLOCK_NEW)
FOREX = Trip(Scope.DESK, "forex", Mode.BLOCK_NEW)
TRIPS = st.builds(
    Trip, st.sampled_from(Scope), st.sampled_from(["forex", "oanda", "other", ANY]), st.sampled_from(list(Mode)[1:]),
    st.booleans(),
)  # fmt: skip


def lifting(scope=Scope.DESK, key="forex", approvers=("ann", "bob"), reason="checked", reconciled=True):
    return Rearm(scope, key, approvers, reason, reconciled)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("mode", list(Mode)[1:])
def test_every_scope_stops_an_opening_order_of_its_key_and_no_other(scope, mode):
    decision = decide([Trip(scope, KEYS[scope], mode)], ORDER, reduces=False)
    assert decision == KillDecision(False, mode, (f"{scope}:{KEYS[scope]}",), "KILL_SWITCH")
    if scope is not Scope.GLOBAL:
        assert decide([Trip(scope, "another", mode)], ORDER, reduces=False) == KillDecision(True, Mode.NONE)


@pytest.mark.parametrize(("mode", "hard", "source"), list(product(Mode, (False, True), ("", FLATTENER))))
def test_what_reduces_passes_unless_hard_and_a_flattening_leaves_it_to_the_flattener(mode, hard, source):
    trips = [Trip(Scope.VENUE, "oanda", mode, hard)]
    expected = not hard and (mode is not Mode.FLATTEN_AND_BLOCK or source == FLATTENER)
    assert decide(trips, ORDER, reduces=True, source=source).allowed == expected
    assert decide(trips, ORDER, reduces=False, source=source).allowed == (mode is Mode.NONE and not hard)


def test_the_strictest_match_decides_and_one_hard_trip_makes_all_hard():
    trips = [Trip(Scope.DESK, "forex", Mode.REDUCE_ONLY, hard=True), Trip(Scope.VENUE, "oanda", Mode.CANCEL_AND_BLOCK)]
    assert strictest(matching(trips, ORDER)) == (Mode.CANCEL_AND_BLOCK, True)
    assert not decide(trips, ORDER, reduces=True).allowed


def test_an_order_that_does_not_say_where_it_belongs_is_matched_by_every_trip_there():
    without = {scope: keys for scope, keys in ORDER.items() if scope is not Scope.STRATEGY}
    assert not decide([Trip(Scope.STRATEGY, "anything", Mode.BLOCK_NEW)], without, reduces=False).allowed


def test_switches_that_cannot_be_read_stop_everything():
    assert decide(None, ORDER, reduces=True, source=FLATTENER) == UNREADABLE
    assert not UNREADABLE.allowed


@given(st.lists(TRIPS, max_size=6), TRIPS, st.booleans())
def test_one_more_trip_never_lets_more_pass(trips, more, reduces):
    before = decide(trips, ORDER, reduces=reduces)
    after = decide([*trips, more], ORDER, reduces=reduces)
    assert before.allowed or not after.allowed
    assert after.mode >= before.mode


@given(st.sampled_from(Mode), st.booleans())
def test_the_three_states_let_pass_what_the_mode_lets_pass(mode, hard):
    state = state_of(mode.value, int(hard))
    if state == TradingState.HALTED:
        assert not passes(mode.value, int(hard), 1, 1)
    assert passes(mode.value, int(hard), 0, 0) == (state == TradingState.ACTIVE)


def test_a_trip_may_escalate_and_never_weakens():
    assert tripped([], FOREX) == (Result.TRIPPED, FOREX)
    assert tripped([FOREX, ALL], FOREX) == (Result.ALREADY_TRIPPED, FOREX)
    weaker = Trip(Scope.DESK, "forex", Mode.REDUCE_ONLY)
    assert tripped([FOREX], weaker) == (Result.ALREADY_TRIPPED, FOREX)
    hard = Trip(Scope.DESK, "forex", Mode.REDUCE_ONLY, hard=True)
    assert tripped([FOREX], hard) == (Result.TRIPPED, Trip(Scope.DESK, "forex", Mode.BLOCK_NEW, hard=True))


@given(TRIPS, TRIPS)
def test_tripping_is_idempotent_and_never_downgrades(first, second):
    second = Trip(first.scope, first.key, second.mode, second.hard)
    _, after = tripped([first], second)
    assert (after.mode, after.hard) == (max(first.mode, second.mode), first.hard or second.hard)
    assert tripped([after], second) == (Result.ALREADY_TRIPPED, after)


@pytest.mark.parametrize(
    ("wish", "result"),
    [
        (lifting(), Result.REARMED),
        (lifting(key="arbitrage"), Result.NOT_TRIPPED),
        (lifting(approvers=("ann",)), Result.REFUSED_APPROVALS),
        (lifting(approvers=("ann", " Ann ")), Result.REFUSED_APPROVALS),
        (lifting(approvers=("ann", "")), Result.REFUSED_APPROVALS),
        (lifting(reason="  "), Result.REFUSED_REASON),
        (lifting(reconciled=False), Result.REFUSED_NOT_RECONCILED),
    ],
)
def test_a_desk_is_lifted_by_two_people_with_a_reason_and_a_clean_book(wish, result):
    assert rearmed([ALL, FOREX], wish) is result
    assert result.refused == result.value.startswith("REFUSED")


def test_one_person_lifts_an_instrument_and_nobody_lifts_it():
    gold = Trip(Scope.INSTRUMENT, "XAUUSD", Mode.BLOCK_NEW)
    assert rearmed([gold], lifting(Scope.INSTRUMENT, "XAUUSD", ("ann",))) is Result.REARMED
    assert rearmed([gold], lifting(Scope.INSTRUMENT, "XAUUSD", ())) is Result.REFUSED_APPROVALS


def test_names_of_switches_are_read_as_they_are_shown():
    assert switch_of("global") == switch_of("global:*") == (Scope.GLOBAL, ANY)
    assert switch_of("instrument:EURUSD@oanda") == (Scope.INSTRUMENT, "EURUSD@oanda")
    assert FOREX.name == "desk:forex"


@pytest.mark.parametrize("text", ["", "desk", "desk:", "desk: x", "room:1", "global:x"])
def test_another_name_is_refused_with_what_is_allowed(text):
    with pytest.raises(ValueError, match="is allowed"):
        switch_of(text)
