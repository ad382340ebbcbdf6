"""Processes and what they leave: an id alone is not a process, and a killed run's folder tells whose it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.local import OWNER, Leftover, LocalRay, Process, leftovers, this_process
from tests.research.files import REPO
from tests.waiting import until


def ended():
    child = subprocess.Popen([sys.executable, "-c", ""])
    found = Process(child.pid, psutil.Process(child.pid).create_time())
    child.wait()
    return found


def owned_folder(below, name, owner):
    folder = below / name
    folder.mkdir()
    (folder / OWNER).write_bytes(msgspec.json.encode(owner))
    return folder


def test_a_process_is_its_id_and_when_it_began():
    own = this_process()
    assert own.pid == os.getpid()
    assert own.alive
    assert not Process(own.pid, own.began_s - 60.0).alive
    assert not ended().alive


def test_a_process_that_waits_to_be_collected_is_gone():
    child = subprocess.Popen([sys.executable, "-c", ""])
    found = Process(child.pid, psutil.Process(child.pid).create_time())
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert not found.alive
    child.wait()


def test_folders_of_the_living_and_of_others_are_left_alone(tmp_path):
    owned_folder(tmp_path, "tri-living", this_process())
    owned_folder(tmp_path, "other-dead", ended())
    (tmp_path / "tri-unknown").mkdir()
    (tmp_path / "tri-broken").mkdir()
    (tmp_path / "tri-broken" / OWNER).write_text("{")
    assert list(leftovers(tmp_path)) == []


def test_what_still_uses_a_dead_runs_folder_is_found_by_command_line_and_environment(tmp_path):
    owner = ended()
    folder = owned_folder(tmp_path, "tri-dead", owner)
    assert list(leftovers(tmp_path)) == [Leftover(folder, owner.pid, ())]
    wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    by_word = subprocess.Popen([*wait, f"--temp-dir={folder}/session"], stdin=subprocess.PIPE)
    by_token = subprocess.Popen(
        wait, stdin=subprocess.PIPE, env={**os.environ, "RAY_AUTH_TOKEN_PATH": str(folder / "token")}
    )
    try:
        assert list(leftovers(tmp_path)) == [Leftover(folder, owner.pid, tuple(sorted([by_word.pid, by_token.pid])))]
    finally:
        by_word.communicate()
        by_token.communicate()


@pytest.mark.cluster
def test_one_process_can_start_one_ray_after_another_and_nothing_of_them_is_left():
    folders, addresses = [], []
    for _ in range(2):
        ray = LocalRay(cpus=1)
        ray.start()
        folders.append(ray.folder)
        addresses.append(ray.gcs_address)
        assert Path(os.environ["RAY_AUTH_TOKEN_PATH"]) == ray.folder / "token"
        assert (ray.folder / "token").stat().st_mode & 0o777 == 0o600
        children = psutil.Process().children(recursive=True)
        assert len(children) > 2
        ray.stop()
        assert not any(child.is_running() for child in children)
    assert addresses[0] != addresses[1]
    assert not any(folder.exists() for folder in folders)
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ


@pytest.mark.cluster
def test_what_a_killed_driver_leaves_behind_is_found():
    code = "import sys; from actors.local import LocalRay; ray = LocalRay(cpus=1); ray.start(); print(ray.folder)"
    driver = subprocess.Popen(
        [sys.executable, "-c", f"{code}; sys.stdout.flush(); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPO,
    )  # fmt: skip
    folder = Path(driver.stdout.readline().strip())
    mine = lambda: [left for left in leftovers() if left.owner == driver.pid]  # noqa: E731
    assert mine() == []
    driver.kill()
    driver.communicate()
    assert [left.folder for left in mine()] == [folder]
    until(lambda: mine() == [Leftover(folder, driver.pid, ())])  # Ray's own go with their driver, sooner or later
    shutil.rmtree(folder)
    assert mine() == []
