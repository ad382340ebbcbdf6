"""`trifecta explain`: why a decision is what it is, for every desk, as text, JSON and picture."""

from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec import Raw
from PIL import Image

from journal.records import Confluence, Decision, Demotion, Leg
from journal.store import SqliteJournal
from policies.plan import canonical
from policies.signals.desk import frame_names
from policies.signals.sources import vote_names
from tests.builders import MINUTE, a_plan
from tests.cli.running import refused, schema, trifecta
from tests.journal.records import a_session_record
from tests.research.forex import forex_plan

CHAINED = forex_plan("confluence")
SOURCES = vote_names(frame_names(MINUTE))


def the_confluence(**changes):
    votes = [0.5, -0.25, None] + [0.0] * (len(SOURCES) - 3)
    weights = [0.8, 0.2, 0.0] + [0.0] * (len(SOURCES) - 3)
    terms = {
        "sources": SOURCES, "votes": tuple(votes), "weights": tuple(weights), "regime": "BULL", "volatility": "HIGH",
        "coverage": 0.75, "agreement": 0.8, "claim": 0.63, "outcomes": 120, "low": 0.48, "high": 0.66,
    }  # fmt: skip
    return Confluence(**(terms | changes))


def a_decision(plan=CHAINED, desk=0, **changes):
    legs = (Leg(instrument=plan.instruments[0].key, lots=3, limit=0, bid=1000, ask=1002, quote_ns=90),)
    terms = {
        "time_ns": 100, "epoch": 1, "intent_id": "1-forex-100-0", "desk": plan.desks[desk].name,
        "policy": plan.desks[desk].policy, "legs": legs, "reduce": False, "order_kind": "MARKET", "stop": 900,
        "target": 1200, "hold_ns": 0, "strength": 0.35, "confidence": 0.57, "reward": 2.5, "gross": 0.0, "gain": 0,
        "risk_score": 0.0, "score": 0.5, "votes": (), "features": (), "view_hash": "0", "rules": (),
        "ruling": "NOT_ELIGIBLE", "equity": 1, "orders": (), "confluence": the_confluence(),
    }  # fmt: skip
    return Decision(**(terms | changes))


def a_demotion(**changes):
    terms = {
        "time_ns": 50, "desk": CHAINED.desks[0].name, "number": 1, "instrument": CHAINED.instruments[0].key,
        "source": "trend", "outcome": 41, "before": "TRUSTED", "after": "DEMOTED", "why": "OVERCLAIMS", "value": 15.2,
        "limit": 15.0,
    }  # fmt: skip
    return Demotion(**(terms | changes))


@pytest.fixture
def journaled(tmp_path):
    """Return a function that writes records under a plan to a home's journal and returns the home."""

    def write(*records, plan=CHAINED):
        with_session = [a_session_record(1, plan=Raw(canonical(plan))), *records]
        journal = SqliteJournal(tmp_path / "journal.db")
        journal.append(journal.claim("me", 0), with_session)
        journal.close()
        return tmp_path

    return write


def explained(home, decision_id="1-forex-100-0", *words):
    ended = trifecta("explain", decision_id, "--home", home, "--json", *words)
    assert (ended.code, ended.err) == (0, "")
    schema("explain").validate(ended.document)
    return ended.document


def test_a_chained_decision_names_its_votes_with_weights_and_what_each_added(journaled):
    found = explained(journaled(a_decision()))
    first, second, third = found["votes"][:3]
    assert (first["timeframe"], first["source"], first["group"]) == ("1m", "averages", "trend")
    assert (first["vote"], first["weight"], first["share"], first["says"]) == (0.5, 0.8, 0.4, "for")
    assert (second["says"], third["says"], third["share"]) == ("against", "no opinion", None)
    assert found["against"] == ["1m macd"]
    assert [vote["source"] for vote in found["votes"][-2:]] == ["network", "language"]


def test_the_probability_is_told_with_its_interval_and_the_outcomes_behind_it(journaled):
    found = explained(journaled(a_decision()))
    assert found["probability"] == {
        "claim": 0.63, "calibrated": True, "value": 0.57, "low": 0.48, "high": 0.66, "outcomes": 120,
    }  # fmt: skip
    assert (found["regime"], found["volatility"], found["coverage"]) == ("BULL", "HIGH", 0.75)


def test_the_rule_that_stopped_it_is_told_with_the_numbers_that_were_compared(journaled):
    desk = msgspec.structs.replace(CHAINED.desks[0], confidence_min=0.6, reward_min=-1e9)
    plan = msgspec.structs.replace(CHAINED, desks=(desk,))
    stopped = explained(journaled(a_decision(plan), plan=plan))["stopped"]
    assert (stopped["by"], stopped["rules"]) == ("governor", ["NOT_ELIGIBLE"])
    assert "confidence 0.57 is below 0.6" in stopped["text"]


def test_a_refusal_names_risk_and_an_executed_decision_nobody(journaled):
    refusal = a_decision(rules=("DAILY_LOSS",), ruling="REFUSED")
    done = a_decision(time_ns=200, intent_id="2", ruling="EXECUTE")
    home = journaled(refusal, done)
    stopped = explained(home)["stopped"]
    assert (stopped["by"], stopped["rules"]) == ("risk", ["DAILY_LOSS"])
    assert "the day's loss had reached its limit" in stopped["text"]
    assert explained(home, "2")["stopped"] is None


def test_a_demotion_is_told_while_it_lasts_and_only_from_its_time_on(journaled):
    early, late = a_decision(time_ns=40, intent_id="early"), a_decision(time_ns=60, intent_id="late")
    back = a_demotion(time_ns=70, number=2, before="DEMOTED", after="TRUSTED", why="PROVEN")
    home = journaled(early, late, a_demotion(), back, a_decision(time_ns=80, intent_id="after"))
    assert explained(home, "early")["standings"] == []
    (told,) = explained(home, "late")["standings"]
    assert "trend: demoted since" in told
    assert "15.20, limit 15" in told
    assert explained(home, "after")["standings"] == []


@pytest.mark.parametrize(("desk", "votes"), [(0, (0.5, 0.2, -0.1)), (1, ()), (2, (0.1, -0.2))])
def test_decisions_of_every_desk_are_explained(journaled, desk, votes):
    plan = a_plan()
    found = explained(journaled(a_decision(plan, desk, votes=votes, confluence=None), plan=plan))
    assert [vote["vote"] for vote in found["votes"]] == list(votes)
    assert found["probability"]["calibrated"] is False
    assert found["coverage"] is None


def test_the_trend_policy_states_the_weights_that_follow_from_its_adx(journaled):
    plan = a_plan()
    features = (1.0, 1.0, 50.0, 1.0, 1.0, 1.0, 25.0)
    desk = msgspec.structs.replace(plan.desks[0], policy="trend_reversion")
    params = tuple((name, {"adx_low": 15.0, "adx_high": 35.0}.get(name, value)) for name, value in desk.params)
    plan = msgspec.structs.replace(plan, desks=(msgspec.structs.replace(desk, params=params), *plan.desks[1:]))
    decision = a_decision(plan, votes=(1.0, 0.0, -1.0), features=features, confluence=None)
    weights = [vote["weight"] for vote in explained(journaled(decision, plan=plan))["votes"]]
    assert weights == pytest.approx([0.3, 0.2, 0.5])


def test_an_unknown_id_is_refused_in_one_line(journaled):
    line = refused("explain", "nonsense", "--home", journaled(a_decision()))
    assert "there is no decision 'nonsense'" in line


def test_a_picture_of_an_unknown_kind_is_refused_before_anything_is_read(journaled, tmp_path):
    line = refused("explain", "1-forex-100-0", "--home", tmp_path, "--picture", tmp_path / "a.gif")
    assert ".svg, .png, .html" in line


def test_the_picture_is_drawn_in_every_kind_and_holds_every_vote(journaled, tmp_path):
    home = journaled(a_decision(), a_demotion())
    for kind in ("svg", "png", "html"):
        assert (
            explained(home, "1-forex-100-0", "--picture", tmp_path / f"a.{kind}")["picture"] == f"{tmp_path}/a.{kind}"
        )
    drawn = (tmp_path / "a.svg").read_text()
    ET.fromstring(drawn)
    assert all(source.split()[-1] in drawn for source in SOURCES)
    assert "<svg" in (tmp_path / "a.html").read_text()
    with Image.open(tmp_path / "a.png") as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert len(colours) > 10


def test_the_text_says_all_of_it(journaled):
    ended = trifecta(
        "explain", "1-forex-100-0", "--home", journaled(a_decision(), a_demotion()), env={"COLUMNS": "160"}
    )
    assert ended.code == 0
    for words in ("1m averages", "80.0%", "57.0%", "48.0% to 66.0%", "bull", "against      1m macd", "NOT_ELIGIBLE"):
        assert words in ended.out
