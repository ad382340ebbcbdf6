"""Reference: every pre-trade control and every breaker of the checklist is a rule or a machine of ours, with a test.

Of `compliance/` only the checklist is read here; the other files of that folder hold cases of another kind.
"""

import ast
import json
from collections.abc import Callable
from typing import Any

import pytest

from policies import breakers, controls, pretrade, remembered, risk
from policies.intents import Rule
from tests.reference.cases import REPOSITORY, ROOT

FILE = ROOT / "compliance" / "controls_checklist.json"
CHECKLIST: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"controls": []}
OWN = [row["id"] for row in CHECKLIST["controls"] if row["id"].startswith(("PT-", "CB-"))]

POLICIES = "tests/policies"
WHERE: dict[str, tuple[tuple[Callable[..., Any], ...], Rule, str]] = {
    "PT-01": (
        (pretrade.price_collar, pretrade.price_collar_passive, controls.price_drift),
        Rule.PRICE_COLLAR | Rule.PRICE_COLLAR_PASSIVE | Rule.PRICE_DRIFT,
        f"{POLICIES}/test_pretrade.py::test_no_order_leaves_whose_limit_is_beyond_the_collar",
    ),
    "PT-02": (
        (pretrade.max_order_value,), Rule.MAX_ORDER_VALUE,
        f"{POLICIES}/test_controls.py::test_the_value_of_an_order_is_that_of_its_limit_or_of_the_middle",
    ),
    "PT-03": (
        (pretrade.max_order_volume,), Rule.MAX_ORDER_VOLUME,
        f"{POLICIES}/test_controls.py::test_the_order_itself_is_held_to_collar_and_volume",
    ),
    "PT-04": (
        (controls.message_rate, pretrade.window_allows), Rule.MESSAGE_RATE,
        f"{POLICIES}/test_controls.py::test_messages_of_a_desk_are_held_up_in_a_burst_and_reductions_are_not",
    ),
    "PT-05": (
        (controls.repeated_execution,), Rule.REPEATED_EXECUTION,
        "tests/actors/test_controls.py::test_what_the_controls_remember_survives_a_restart",
    ),
    "PT-06": (
        (controls.duplicate_intent, controls.duplicate_order), Rule.DUPLICATE_INTENT | Rule.DUPLICATE_ORDER,
        f"{POLICIES}/test_controls.py::test_the_same_intent_is_never_sent_twice",
    ),
    "PT-07": (
        (controls.gross_limit,), Rule.GROSS_LIMIT,
        f"{POLICIES}/test_controls.py::test_two_intents_of_one_instant_cannot_together_pass_a_limit",
    ),
    "PT-08": (
        (remembered.note_sent, remembered.take_back), Rule.GROSS_LIMIT | Rule.POSITION_LIMIT,
        f"{POLICIES}/test_controls.py::test_everything_held_and_working_counts_at_full_size",
    ),
    "PT-09": (
        (controls.not_permitted,), Rule.NOT_PERMITTED,
        f"{POLICIES}/test_controls.py::test_what_is_not_listed_is_denied_and_so_is_another_desks_instrument",
    ),
    "PT-10": (
        (risk.position_limit,), Rule.POSITION_LIMIT,
        f"{POLICIES}/test_risk.py::test_a_position_may_be_worth_its_share_of_equity_and_no_more",
    ),
    "PT-11": (
        (controls.overridden, controls.override_bits), controls.OVERRIDABLE,
        f"{POLICIES}/test_controls.py::test_people_may_set_a_control_aside_until_their_override_runs_out",
    ),
    "PT-12": (
        (controls.fat_finger,), Rule.FAT_FINGER,
        f"{POLICIES}/test_controls.py::test_a_size_ten_times_the_median_is_taken_for_a_slip",
    ),
    "PT-13": (
        (controls.self_trade,), Rule.SELF_TRADE,
        f"{POLICIES}/test_controls.py::test_an_order_that_could_meet_an_own_one_is_refused",
    ),
    "PT-14": (
        (controls.price_jump, controls.locked_quote, risk.crossed_quote, risk.stale_quote, risk.no_price),
        Rule.PRICE_JUMP | Rule.LOCKED_QUOTE | Rule.CROSSED_QUOTE | Rule.STALE_QUOTE | Rule.NO_PRICE,
        f"{POLICIES}/test_controls.py::test_a_bad_tick_is_refused_and_a_new_level_is_learnt",
    ),
    "CB-01": (
        (risk.daily_loss, risk.total_drawdown), Rule.DAILY_LOSS | Rule.TOTAL_DRAWDOWN,
        f"{POLICIES}/test_risk.py::test_every_rule_that_objects_says_so",
    ),
    "CB-02": (
        (breakers.watch_price,), Rule(0),
        f"{POLICIES}/test_breakers.py::test_a_flash_crash_pauses_the_instrument_before_its_minute_is_over",
    ),
    "CB-03": (
        (breakers.hear_answer, breakers.venue_gate, breakers.probe_sent), Rule(0),
        f"{POLICIES}/test_breakers.py::test_an_open_circuit_is_probed_once_and_a_good_answer_closes_it",
    ),
    "CB-04": (
        (breakers.note_cost,), Rule(0),
        f"{POLICIES}/test_breakers.py::test_slippage_of_more_than_three_times_the_model_latches",
    ),
    "CB-05": (
        (risk.loss_streak, risk.cooldown), Rule.LOSS_STREAK | Rule.COOLDOWN,
        f"{POLICIES}/test_risk.py::test_every_rule_that_objects_says_so",
    ),
    "CB-06": (
        (breakers.trips_of_breaks, breakers.may_lift), Rule(0),
        f"{POLICIES}/test_breakers.py::test_every_break_of_a_reconciliation_blocks_its_instrument_until_a_clean_one",
    ),
}  # fmt: skip
"""Per control: our functions, their bits of `Rule` where they have any, and the test that shows it."""


def test_the_checklist_names_the_controls_that_are_known() -> None:
    if not OWN:
        pytest.skip("no checklist below the reference root")
    assert set(OWN) == set(WHERE)


@pytest.mark.parametrize("control", OWN)
def test_every_control_is_a_function_a_rule_and_a_test_of_ours(control: str) -> None:
    functions, rules, test = WHERE[control]
    assert all(callable(function) for function in functions)
    assert control.startswith("CB-") or rules
    file, _, name = test.partition("::")
    defined = ast.walk(ast.parse((REPOSITORY / file).read_text()))
    assert name in {node.name for node in defined if isinstance(node, ast.FunctionDef)}
