"""A slice of the soak: processes and Ray actors that are really killed."""

import pytest

from journal.store import SqliteJournal
from tests.orders.oracle import durable_ids
from tests.orders.soak import kill_actors, kill_processes


@pytest.mark.slow
def test_an_engine_that_is_killed_again_and_again_doubles_and_loses_nothing(scratch):
    found, took = kill_processes(6, 7, scratch)
    assert not found.words
    assert took
    journal = SqliteJournal(scratch / "processes.sqlite3", read_only=True)
    assert len(durable_ids(journal)) == 8 * 7
    journal.close()


@pytest.mark.cluster
def test_keeper_and_gateway_that_are_killed_as_ray_actors_double_and_lose_nothing(scratch):
    found, took = kill_actors(3, 7, scratch)
    assert not found.words
    assert len(took) == 3
