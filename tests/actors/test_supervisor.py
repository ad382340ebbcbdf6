"""The supervisor: it ticks everybody, and knows who has been heard of and when."""

import threading

from actors.supervisor import Supervisor
from tests.actors.bench import Recorder, settings_of


def a_supervisor(folder, **options):
    recorder = Recorder()
    return Supervisor("supervisor", settings_of(folder, feed_shards=2), recorder, **options), recorder


EVERYBODY = (
    "governor", "risk", "gateway-fx", "gateway-a", "gateway-b", "feed-0", "feed-1", "agent-forex", "agent-arbitrage",
    "agent-binary",
)  # fmt: skip


def test_everybody_of_the_run_is_ticked_until_told_to_stop(tmp_path):
    supervisor, recorder = a_supervisor(tmp_path, tick_s=0.001)
    third = threading.Event()
    recorder.before = lambda: third.set() if len(recorder.told) >= 2 * len(EVERYBODY) else None
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    assert third.wait(10.0)
    supervisor.stop()
    thread.join(10.0)
    assert not thread.is_alive()
    assert [told.receiver for told in recorder.told[: len(EVERYBODY)]] == list(EVERYBODY)
    assert {told.method for told in recorder.told} == {"on_tick"}
    count = len(recorder.told)
    assert count % len(EVERYBODY) == 0
    supervisor.run()
    assert len(recorder.told) == count  # once stopped it stays so


def test_it_goes_on_ticking_and_says_so_when_somebody_cannot_be_told(tmp_path):
    supervisor, recorder = a_supervisor(tmp_path, tick_s=0.001)
    failed = threading.Event()

    def fail():
        failed.set() if len(supervisor.failures()) >= 2 else None
        raise RuntimeError("no such address")

    recorder.before = fail
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    assert failed.wait(10.0)
    supervisor.stop()
    thread.join(10.0)
    _, name, text = supervisor.failures()[0]
    assert (name, text.splitlines()[-1]) == ("supervisor", "RuntimeError: no such address")


def test_the_registry_holds_the_last_word_of_everybody(tmp_path):
    supervisor, _ = a_supervisor(tmp_path)
    assert supervisor.registry() == [{"name": name, "heard_s": None} for name in EVERYBODY]
    supervisor.on_alive("risk", {"name": "risk", "equity": 5})
    supervisor.on_alive("risk", {"name": "risk", "equity": 6})
    risk = supervisor.registry()[1]
    assert (risk["name"], risk["equity"]) == ("risk", 6)
    assert 0 <= risk["heard_s"] < 5
    assert [found["heard_s"] is None for found in supervisor.registry()].count(False) == 1


def test_failures_are_kept_in_order(tmp_path):
    supervisor, _ = a_supervisor(tmp_path)
    supervisor.on_failure("risk", "one")
    supervisor.on_failure("governor", "two")
    assert [found[1:] for found in supervisor.failures()] == [("risk", "one"), ("governor", "two")]
    times = [found[0] for found in supervisor.failures()]
    assert times == sorted(times)
