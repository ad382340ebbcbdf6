"""The address of a running system: written whole, read strictly, and stale when its process is gone."""

import os

import msgspec
import pytest

from actors.address import Address, AddressError, own_address, read_address, running, write_address
from actors.local import Process, this_process


def an_address(**changes):
    plain = Address(gcs_address="127.0.0.1:6379", owner=this_process(), started_s=5.0, token_path="/t/token")
    return msgspec.structs.replace(plain, **changes)


def test_an_address_comes_back_as_it_was_and_is_for_its_user_alone(tmp_path):
    path = tmp_path / "cluster.json"
    write_address(path, an_address())
    assert read_address(path) == running(path) == an_address()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_address_replaces_an_old_one(tmp_path):
    path = tmp_path / "cluster.json"
    write_address(path, an_address())
    write_address(path, an_address(started_s=6.0))
    assert read_address(path) == an_address(started_s=6.0)


def test_without_a_system_there_is_no_address_and_joining_says_how_to_start_one(tmp_path):
    assert read_address(tmp_path / "cluster.json") is None
    with pytest.raises(AddressError, match="nothing runs in this home; `trifecta run` or `trifecta serve` starts"):
        running(tmp_path / "cluster.json")


def test_an_address_whose_process_is_gone_is_stale(tmp_path):
    path = tmp_path / "cluster.json"
    write_address(path, an_address(owner=Process(os.getpid(), 1.0)))
    with pytest.raises(AddressError, match=f"stale, its process {os.getpid()} is gone"):
        running(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"gcs_address": "127.0.0.1:1"}', msgspec.json.encode(an_address())[:-1] + b',"more":1}'],
)
def test_a_file_that_is_no_address_says_so(tmp_path, content):
    (tmp_path / "cluster.json").write_bytes(content)
    with pytest.raises(AddressError, match=r"not the address of a system .* delete it if nothing runs"):
        read_address(tmp_path / "cluster.json")


def test_a_folder_in_the_place_of_an_address_says_so(tmp_path):
    (tmp_path / "cluster.json").mkdir()
    with pytest.raises(AddressError, match="not the address of a system"):
        read_address(tmp_path / "cluster.json")


def test_the_address_of_this_process_holds_where_its_token_lies_and_never_the_token(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/t/token")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    found = own_address("127.0.0.1:6379")
    assert found == an_address(started_s=found.started_s)
