"""The topology: the plan says what the actors say of themselves, and a route that leads to nobody is found."""

import msgspec
import pytest

from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings
from actors.staging import open_session, stage_world
from actors.topology import GRACE_S, PLANNED, SILENT_S, ActorNode, Unanswered, live_nodes, planned_nodes, unanswered
from actors.world import World
from journal.store import MemoryJournal
from tests.builders import a_plan, a_tape
from venues.replay import save_tape


@pytest.mark.parametrize("shards", [1, 3])
def test_the_planned_routes_are_those_that_the_actors_tell(tmp_path, shards):
    tape = save_tape(tmp_path, a_tape(minutes=5, ticks=50))
    settings = Settings(plan=a_plan(), tape_folder=str(tmp_path), tape_hash=tape, feed_shards=shards)
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    world = World(0)
    stage_world(world, settings, journal)
    planned = {node.name: node for node in planned_nodes(settings)}
    assert set(planned) == {SUPERVISOR, GOVERNOR, RISK, *settings.gateways, *settings.feeds, *settings.agents}
    for name in planned.keys() - {SUPERVISOR}:
        told = world.actor(name).status()
        assert set(planned[name].routes_in) == set(told.get("routes_in", ())), name
        assert set(planned[name].routes_out) == set(told["routes_out"]), name


def test_every_route_has_two_ends():
    nodes = planned_nodes(Settings(plan=a_plan(), feed_shards=2))
    out = {(node.name, target) for node in nodes for target in node.routes_out}
    assert out == {(source, node.name) for node in nodes for source in node.routes_in}
    assert unanswered(nodes) == ()


def a_node(name, state="ALIVE", heard_s=0.5, tells=()):
    return ActorNode(name=name, kind=name, state=state, heard_s=heard_s, routes_out=tuple(tells))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ((), "there is no actor of this name"),
        ((a_node("risk", "DEAD"),), "it is DEAD"),
        ((a_node("risk", "RESTARTING"),), "it is RESTARTING"),
        ((a_node("risk", "ABSENT", None),), "it is ABSENT"),
        ((a_node("risk", heard_s=SILENT_S + 2.4),), "it was last heard of 12 s ago"),
        ((a_node("risk", heard_s=None),), "it has never been heard of"),
    ],
)
def test_a_route_to_nobody_is_found_with_the_reason(target, reason):
    nodes = (a_node("agent-forex", tells=["risk"]), *target)
    assert unanswered(nodes) == (Unanswered("agent-forex", "risk", reason),)


@pytest.mark.parametrize(
    ("target", "up_s"),
    [(a_node("risk"), 99.0), (a_node("risk", heard_s=SILENT_S), 99.0), (a_node("risk", heard_s=None), GRACE_S - 1),
     (a_node("risk", PLANNED, None), 0.0)],
)  # fmt: skip
def test_a_route_to_one_that_answers_or_has_just_begun_is_fine(target, up_s):
    assert unanswered((a_node("agent-forex", tells=["risk"]), target), up_s) == ()


ROW = {"name": "risk", "state": "ALIVE", "pid": 7, "node": "n1", "host": "h", "restarts": 2}


def test_ray_and_the_supervisor_are_joined_by_name():
    registry = [
        {"name": "risk", "heard_s": 0.25, "epoch": 3, "routes_in": ["governor"], "routes_out": ["governor"], "cash": 1},
        {"name": "governor", "heard_s": None},
    ]
    supervisor, risk, governor, other = live_nodes([ROW, ROW | {"name": "serve-x"}], registry)
    assert (supervisor.name, supervisor.state) == (SUPERVISOR, "ABSENT")
    assert msgspec.to_builtins(risk) == {
        "name": "risk", "kind": "risk", "state": "ALIVE", "node": "n1", "host": "h", "pid": 7, "restarts": 2,
        "epoch": 3, "heard_s": 0.25, "routes_in": ("governor",), "routes_out": ("governor",),
    }  # fmt: skip
    assert (governor.state, governor.heard_s, governor.pid) == ("ABSENT", None, None)
    assert (other.name, other.heard_s) == ("serve-x", None)


@pytest.mark.parametrize("rows", [[ROW, ROW | {"state": "DEAD", "pid": 5}], [ROW | {"state": "DEAD", "pid": 5}, ROW]])
def test_of_two_actors_of_one_name_the_living_one_is_shown(rows):
    found = {node.name: node for node in live_nodes(rows, [])}["risk"]
    assert (found.state, found.pid) == ("ALIVE", 7)
