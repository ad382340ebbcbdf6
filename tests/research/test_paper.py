"""Following a paper run: a cluster that is busy or starts an actor again is waited for, and a wish to stop is heard."""

from ray.exceptions import ActorUnavailableError

from actors.messages import END
from actors.settings import GOVERNOR, RISK, SUPERVISOR
from research.home import Home
from research.paper import PaperRun
from research.planning import Planned
from tests.builders import a_plan, a_tape

GOVERNS = {"complete": False, "records": 3, "decisions": 1, "executed": 1, "fills": 2, "held": ""}
JUDGES = {"done_ns": -1, "time_ns": 0, "equity": 10**11, "desks": {}}


class FakeCluster:
    """Has the face of a cluster; answers, or raises, what it is told to, one after the other and the last for ever."""

    def __init__(self, **answers):
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked = []

    def launch(self, settings, _cast=None):
        self.launched = settings

    def ask(self, name, method="status", *arguments, timeout_s=10.0):
        self.asked.append((name, method))
        if name == SUPERVISOR:
            return []
        given = self._answers.get(name, [{"candidates": 7}])
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_run(folder, cluster):
    run = PaperRun(Home(folder), Planned(a_plan(), a_tape(minutes=60, ticks=100), (), ()))
    run.launch(cluster)
    return run


def test_a_run_goes_on_while_an_actor_is_busy_or_starts_again(tmp_path):
    away = [TimeoutError(), ActorUnavailableError("starting again", None)]
    governor = [*away, GOVERNS, GOVERNS, GOVERNS | {"complete": True}]
    cluster = FakeCluster(**{GOVERNOR: governor, RISK: [TimeoutError(), JUDGES, JUDGES | {"done_ns": END}]})
    rows = len(a_tape(minutes=60, ticks=100).time_ns)
    seen = []
    assert a_run(tmp_path, cluster).follow(seen.append, lambda: False)
    assert [(progress.events, progress.events_all) for progress in seen] == [(0, rows), (rows, rows)]


def test_a_wish_to_stop_is_heard_while_everybody_is_busy(tmp_path):
    cluster = FakeCluster(**{GOVERNOR: [TimeoutError()], RISK: [TimeoutError()]})
    assert not a_run(tmp_path, cluster).follow(lambda _: None, lambda: True)
    assert cluster.asked[-1] == (GOVERNOR, "on_stop")


def test_an_interrupted_run_is_resumed_and_a_different_one_is_not(tmp_path):
    first = a_run(tmp_path, FakeCluster())
    again = a_run(tmp_path, FakeCluster())
    other = PaperRun(Home(tmp_path), Planned(a_plan(cash=1), a_tape(minutes=60, ticks=100), (), ()))
    sessions = [(run.settings.session, run.resumed) for run in (first, again, other)]
    assert sessions == [(1, False), (1, True), (2, False)]
