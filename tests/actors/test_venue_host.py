"""The process of simulated venues: it outlives who trades there, shows its books, cancels for an emergency stop."""

import psutil
import pytest

from actors.settings import Settings
from actors.venue_host import HostError, HostSession, Spec, end_host, is_served, look, start_host
from market.orders import OrderStatus
from research.home import Home
from research.simulated_run import venue_sessions
from tests.builders import MINUTE, START_NS, a_plan, a_tape
from tests.waiting import until
from venues.messages import Answer, AnswerKind, Request, RequestKind
from venues.replay import save_tape
from venues.simulated.faults import FaultPlan

NOW_NS = START_NS + 95 * MINUTE + 1


@pytest.fixture
def folder(tmp_path):
    """Serve the venues of a small run; its process ends with the test."""
    tape = a_tape(10, 80, start_ns=START_NS + 90 * MINUTE)
    settings = Settings(
        plan=a_plan(), tape_folder=str(tmp_path), tape_hash=save_tape(tmp_path, tape), venue="simulated:none:0"
    )
    folder = Home(tmp_path).venues / "session-0001"
    start_host(folder, Spec(settings=settings, faults=FaultPlan(latency_ns=0), seed=0))
    yield folder
    if is_served(folder):
        end_host(folder)


def test_an_order_outlives_who_sent_it_and_is_cancelled_over_a_connection_of_its_own(folder, tmp_path):
    session = HostSession(folder, "fx")
    assert session.open(NOW_NS)
    order = Request(
        number=1, kind=RequestKind.SUBMIT, client_id="tri-a", instrument="EURUSD@fx", lots=2, order_kind="MARKET",
        reason="ENTRY", sent_ns=NOW_NS,
    )  # fmt: skip
    session.send(order, NOW_NS)
    assert session.run(NOW_NS) == NOW_NS
    [answer] = session.receive(NOW_NS)
    assert isinstance(answer, Answer)
    assert answer.kind is AnswerKind.DONE
    session._client.close()
    assert not [child for child in psutil.Process().children(recursive=True) if "venue_host" in str(child.cmdline())]
    [listed] = look(folder, "fx").orders
    assert (listed.first_id, listed.status) == ("tri-a", OrderStatus.ACCEPTED)  # it waits for the next bar
    asked = {access.name: access.cancel_all() for access in venue_sessions(Home(tmp_path))}
    assert asked == {"fx": 1, "a": 0, "b": 0}
    [listed] = look(folder, "fx").orders
    assert listed.status is OrderStatus.CANCELED
    end_host(folder)
    until(lambda: not is_served(folder) and venue_sessions(Home(tmp_path)) == (), 20.0)


def test_where_nobody_serves_the_line_says_so(tmp_path):
    assert not is_served(tmp_path)
    with pytest.raises(HostError, match="no simulated venue answers there"):
        HostSession(tmp_path, "fx")
