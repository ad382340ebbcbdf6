"""The decision API over HTTP: what each endpoint answers, and the one line that a wrong request gets."""

import json
from decimal import Decimal

import pytest

from journal.records import Decision
from serve.api import build_api
from serve.lookup import UnansweredError
from tests.policies.books import content
from tests.serve.sessions import Client, FoundActors, Staged

GBPUSD = "GBPUSD@fx"


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A session that is under way, with positions held and its journal on disk."""
    session = Staged(tmp_path_factory.mktemp("api")).to_decisions(60)
    return session.until(lambda: len(session.risk.status()["positions"]) >= 2).seal()


@pytest.fixture(scope="module")
def client(staged):
    return asking(staged.lookup())


def asking(lookup):
    return Client(build_api(lookup))


def proposal(**changes):
    leg = {"instrument": GBPUSD, "lots": 5} | changes.pop("leg", {})
    leg = {name: value for name, value in leg.items() if value is not None}
    return {"desk": "forex", "legs": [leg], "reward": 2.5, "confidence": 0.9} | changes


# -- health -----------------------------------------------------------------------------------------------------------


def test_health_names_every_actor_with_its_role_epoch_and_age(client, staged):
    answer = client.get("/healthz")
    found = answer.json()
    assert answer.status_code == 200
    assert {name: found[name] for name in ("status", "stage", "session", "session_complete", "unanswered")} == {
        "status": "ok", "stage": "PAPER", "session": 1, "session_complete": False, "unanswered": [],
    }  # fmt: skip
    assert found["records"] == staged.journal.head[0]
    assert [(actor["name"], actor["role"]) for actor in found["actors"]] == [
        ("governor", "governor"), ("risk", "risk"), ("gateway-fx", "gateway"), ("gateway-a", "gateway"),
        ("gateway-b", "gateway"), ("feed-0", "feed"), ("agent-forex", "agent"), ("agent-arbitrage", "agent"),
        ("agent-binary", "agent"),
    ]  # fmt: skip
    assert found["actors"][0] == {
        "name": "governor", "role": "governor", "status": "ok", "epoch": staged.governor.epoch, "heard_s": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["governor", "risk"])
def test_health_is_503_and_names_who_does_not_answer(staged, name):
    answer = asking(staged.lookup(silent=[name])).get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer.json()["unanswered"] == [f"{name} is not running"]


def test_health_is_degraded_by_a_silent_agent_and_by_a_silent_supervisor(staged):
    quiet = asking(staged.lookup(heard_s={"agent-forex": 11.0, "feed-0": None})).get("/healthz")
    silent = [actor["name"] for actor in quiet.json()["actors"] if actor["status"] == "silent"]
    assert (quiet.status_code, quiet.json()["status"], silent) == (200, "degraded", ["feed-0", "agent-forex"])
    unkept = asking(staged.lookup(silent=["supervisor"])).get("/healthz")
    assert (unkept.status_code, unkept.json()["status"], unkept.json()["actors"]) == (200, "degraded", [])


# -- decisions --------------------------------------------------------------------------------------------------------


def decisions_of(staged):
    return [(entry.seq, entry.hash, entry.record()) for entry in staged.journal.entries() if entry.kind == "decision"]


def test_decisions_are_those_of_the_journal_with_their_place_in_its_chain(client, staged):
    page = client.get("/v1/decisions", params={"limit": 1000}).json()
    expected = decisions_of(staged)
    assert [(one["sequence"], one["hash"]) for one in page["decisions"]] == [(seq, link) for seq, link, _ in expected]
    assert [one["record"]["intent_id"] for one in page["decisions"]] == [found.intent_id for *_, found in expected]
    assert (page["next"], page["more"]) == (staged.journal.head[0], False)
    assert page["decisions"][0]["market_time"].startswith("2020-09-1")


def test_a_decision_is_shown_bit_for_bit_as_it_was_journaled(client, staged):
    one = client.get("/v1/decisions", params={"limit": 1}).json()["decisions"][0]
    body = next(entry.body for entry in staged.journal.entries() if entry.seq == one["sequence"])
    assert one["record"] == json.loads(body)


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_pages_by_cursor_give_every_decision_once_and_in_order(client, staged, limit):
    after, found, pages = 0, [], 0
    while True:
        page = client.get("/v1/decisions", params={"after": after, "limit": limit}).json()
        assert page["next"] >= after
        assert len(page["decisions"]) <= limit
        found += [one["sequence"] for one in page["decisions"]]
        after, pages = page["next"], pages + 1
        if not page["more"]:
            break
    assert found == [seq for seq, *_ in decisions_of(staged)]
    assert pages <= len(found) // limit + 1


def test_beyond_the_head_there_is_an_empty_page_that_can_be_asked_for_again(client, staged):
    head = staged.journal.head[0]
    assert client.get("/v1/decisions", params={"after": head}).json() == {"decisions": [], "next": head, "more": False}


def test_decisions_can_be_chosen_by_desk_and_ruling(client, staged):
    chosen = client.get("/v1/decisions", params={"desk": "arbitrage", "ruling": "REFUSED", "limit": 1000}).json()
    expected = [seq for seq, _, found in decisions_of(staged) if (found.desk, found.ruling) == ("arbitrage", "REFUSED")]
    assert [one["sequence"] for one in chosen["decisions"]] == expected
    assert expected
    assert chosen["next"] == staged.journal.head[0]  # what does not match was looked at as well


def test_reading_decisions_asks_nothing_of_the_governor(staged):
    assert asking(staged.lookup(silent=["governor"])).get("/v1/decisions").status_code == 200


# -- positions --------------------------------------------------------------------------------------------------------


def test_positions_are_risk_s_to_the_last_digit(client, staged):
    status, found = staged.risk.status(), client.get("/v1/positions").json()
    for name in ("equity", "cash", "day_loss", "drawdown"):
        assert Decimal(found[name]) == Decimal(status[name]).scaleb(-6)
    assert {one["instrument"]: one["lots"] for one in found["positions"] if one["lots"]} == status["positions"]
    assert {name: Decimal(desk["pnl"]) for name, desk in found["desks"].items()} == {
        name: Decimal(made).scaleb(-6) for name, made in status["desks"].items()
    }
    assert (found["currency"], found["state"], found["latched"]) == ("USD", "ACTIVE", [])
    assert (found["trades_per_day_max"], found["day_loss_max"]) == (200, "5000.000000")


def test_a_position_shows_its_desk_average_price_and_floating_profit(client, staged):
    status, found = staged.risk.status(), client.get("/v1/positions").json()
    one = next(one for one in found["positions"] if one["lots"] and one["average_price"])
    instrument = staged.plan.instruments[staged.plan.index_of(one["instrument"])]
    average = Decimal(status["costs"][instrument.key]) / one["lots"] * Decimal(instrument.tick_size)
    assert abs(Decimal(one["average_price"]) - average) <= Decimal(instrument.tick_size) / 100
    assert Decimal(one["floating"]) == Decimal(status["floating"][instrument.key]).scaleb(-6)
    assert one["desk"] in ("forex", "arbitrage")


def test_equity_is_cash_and_floating_profit(client):
    found = client.get("/v1/positions").json()
    floating = sum(Decimal(one["floating"]) for one in found["positions"])
    assert Decimal(found["equity"]) == Decimal(found["cash"]) + floating


def test_positions_are_503_with_a_line_while_risk_is_away(staged):
    answer = asking(staged.lookup(silent=["risk"])).get("/v1/positions")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": {"code": "unavailable", "message": "risk is not running", "field": None}}


# -- previews ---------------------------------------------------------------------------------------------------------


def test_a_preview_answers_with_verdict_ruling_reasons_and_the_position_after(client, staged):
    before = content(staged.risk._book)
    found = client.post("/v1/decisions", json=proposal(leg={"lots": 10**6})).json()
    assert (found["preview"], found["verdict"], found["ruling"], found["would_execute"]) == (
        True, "refused", "REFUSED", False,
    )  # fmt: skip
    assert "POSITION_LIMIT" in found["rules"]
    assert len(found["reasons"]) == len(found["rules"])
    assert any("is allowed" in reason and GBPUSD in reason for reason in found["reasons"])
    leg = found["legs"][0]
    assert leg["after_lots"] == leg["held_lots"] + 10**6
    assert Decimal(leg["worst_value"]) > Decimal(found["position_value_max"])
    assert content(staged.risk._book) == before


def test_a_preview_of_a_pair_judges_both_legs(client):
    legs = [{"instrument": "EURUSD@a", "lots": 1}, {"instrument": "EURUSD@b", "lots": -1}]
    asked = {"desk": "arbitrage", "legs": legs, "reward": 1.5, "gross": 3.0, "gain": "0.25", "risk_score": 10}
    found = client.post("/v1/decisions", json=asked).json()
    assert [leg["instrument"] for leg in found["legs"]] == ["EURUSD@a", "EURUSD@b"]
    assert found["score"] == pytest.approx(250_000 * 0.9)


def test_a_preview_waits_for_a_governor(tmp_path):
    answer = asking(Staged(tmp_path).lookup()).post("/v1/decisions", json=proposal())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


# -- what is not allowed ----------------------------------------------------------------------------------------------

PAIR = [{"instrument": "EURUSD@a", "lots": 1}, {"instrument": "EURUSD@b", "lots": -1}]
PAIRED = {"desk": "arbitrage", "legs": PAIR, "reward": 1.0, "gross": 2.0, "gain": "1", "risk_score": 5}


@pytest.mark.parametrize(
    ("asked", "field", "value", "allowed"),
    [
        (proposal(desk="stocks"), "desk", "'stocks'", "forex, arbitrage, binary is allowed"),
        (proposal(leg={"instrument": "X@mars"}), "legs.0.instrument", "'X@mars'", "desk forex trades EURUSD@fx, GB"),
        (proposal(leg={"instrument": "EURUSD@a"}), "legs.0.instrument", "'EURUSD@a'", "desk forex trades EURUSD@fx"),
        (proposal(leg={"lots": 0}), "legs.0.lots", "0", "above 0 to buy and below 0 to sell"),
        (proposal(leg={"lots": None}), "legs.0.lots", "None", "whole lots"),
        (proposal(leg={"lots": 1.5}), "legs.0.lots", "1.5", "whole lots"),
        (proposal(leg={"lots": "5"}), "legs.0.lots", "'5'", "whole lots"),
        (proposal(leg={"lots": 2 * 10**9}), "legs.0.lots", "2000000000", "whole lots"),
        (proposal(leg={"limit": "1.300005"}), "legs.0.limit", "'1.300005'", "price step 0.00001 is allowed"),
        (proposal(leg={"limit": -1}), "legs.0.limit", "-1", "a price above 0"),
        (proposal(confidence=72), "confidence", "72", "a fraction from 0 to 1 (0.72, not 72)"),
        (proposal(confidence=-0.1), "confidence", "-0.1", "a fraction from 0 to 1"),
        (proposal(confidence=float("nan")), "confidence", "nan", "a fraction from 0 to 1"),
        (proposal(reward=float("inf")), "reward", "inf", "from -1000000 to 1000000"),
        (proposal(stop=float("nan")), "stop", "nan", "a price above 0"),
        (proposal(stop="1.4", target="1.3"), "stop", "'1.4'", "a price below the target 1.3"),
        (proposal(reward=None), "reward", "None", "desk forex needs it"),
        (proposal(confidence=None), "confidence", "None", "desk forex needs it"),
        (proposal(gross=3.0), "gross", "3.0", "only the arbitrage desk has it"),
        (proposal(hold_s=0), "hold_s", "0", "seconds"),
        (proposal(reduce=True), "legs.0.lots", "5", "none are allowed when reduce is true"),
        (proposal(legs=[]), "legs", "[]", "two for the arbitrage desk"),
        (proposal(legs=PAIR[:1] * 2), "legs.0.instrument", "'EURUSD@a'", "desk forex trades"),
        (PAIRED | {"legs": PAIR[:1]}, "legs", "1", "desk arbitrage trades 2 legs at once"),
        (PAIRED | {"legs": PAIR[:1] * 2}, "legs", "'EURUSD@a, EURUSD@a'", "two instruments of one route"),
        (PAIRED | {"legs": [PAIR[0], PAIR[1] | {"lots": -2}]}, "legs.1.lots", "-2", "-1 is allowed: legs cancel out"),
        (PAIRED | {"risk_score": 101}, "risk_score", "101", "from 0 to 100"),
        (PAIRED | {"gain": "0.0000001"}, "gain", "'0.0000001'", "at most 6 decimal places"),
        (PAIRED | {"gain": None}, "gain", "None", "desk arbitrage needs it"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_422_with_one_line_of_field_value_and_what_is_allowed(client, asked, field, value, allowed):
    answer = client.post("/v1/decisions", content=json.dumps(asked), headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, "invalid_field", field)
    assert error["message"].startswith(f"{field} = {value}: ")
    assert allowed in error["message"]
    assert "\n" not in error["message"]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (proposal(confidense=0.5), "confidense is unknown; did you mean confidence? (allowed here: confidence, desk, "),
        (proposal(leg={"lot": 1}), "legs.0.lot is unknown; did you mean lots? (allowed here: instrument, limit, lots)"),
        ({"desk": "forex"}, "legs is missing: one leg; two for the arbitrage desk"),
    ],
)
def test_an_unknown_or_missing_field_is_named_with_what_there_is(client, asked, line):
    answer = client.post("/v1/decisions", json=asked)
    assert (answer.status_code, answer.json()["error"]["message"][: len(line)]) == (422, line)


def test_a_body_that_is_not_json_is_said_to_be_none(client):
    answer = client.post("/v1/decisions", content='{"desk": "for', headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "not_json")


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("after=-1", "after = '-1': a journal sequence number, a whole number from 0"),
        ("after=soon", "after = 'soon': a journal sequence number"),
        ("limit=0", "limit = '0': decisions per page, a whole number from 1 to 1000"),
        ("limit=1001", "limit = '1001': decisions per page"),
        ("desk=stocks", "desk = 'stocks': forex, arbitrage, binary is allowed"),
        ("ruling=MAYBE", "ruling = 'MAYBE': REFUSED, EXECUTE, NOT_ELIGIBLE, OUTRANKED, NOT_AUTO, DISPLAY"),
    ],
)  # fmt: skip
def test_a_wrong_query_parameter_is_422_with_one_line(client, query, line):
    answer = client.get(f"/v1/decisions?{query}")
    assert (answer.status_code, answer.json()["error"]["message"][: len(line)]) == (422, line)


def test_every_error_has_the_one_shape(client):
    found = client.get("/v1/orders"), client.delete("/v1/decisions")
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in found] == [
        (404, "not_found"), (405, "method_not_allowed"),
    ]  # fmt: skip


def test_a_defect_is_a_500_that_gives_nothing_away():
    class Broken(FoundActors):
        async def ask(self, name, method, *arguments):
            raise KeyError("secret")

    answer = asking(Broken({})).get("/v1/positions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_a_run_that_is_replaced_is_asked_for_its_settings_again(staged):
    class Replaced(FoundActors):
        asked = 0

        async def ask(self, name, method, *arguments):
            self.asked += method == "settings"
            if method == "status" and self.asked == 1:
                raise UnansweredError("risk is gone")
            return await super().ask(name, method, *arguments)

    lookup = Replaced(staged.lookup().actors)
    client = asking(lookup)
    assert [client.get("/v1/positions").status_code for _ in range(3)] == [503, 200, 200]
    assert lookup.asked == 2


def test_the_openapi_page_documents_paths_units_and_errors(client):
    assert client.get("/docs").status_code == 200
    found = client.get("/openapi.json").json()
    assert {(path, method) for path, item in found["paths"].items() for method in item} == {
        ("/healthz", "get"), ("/v1/decisions", "get"), ("/v1/decisions", "post"), ("/v1/positions", "get"),
    }  # fmt: skip
    assert "422" in found["paths"]["/v1/decisions"]["post"]["responses"]
    fields = found["components"]["schemas"]["ProposalRequest"]["properties"]
    assert all(field.get("description") for field in fields.values())


def test_a_decision_model_has_every_field_of_the_record():
    from serve.models import JournaledDecision

    assert {"kind", *Decision.__struct_fields__} == set(JournaledDecision.model_fields)
