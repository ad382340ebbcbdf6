"""The replay venue: a tape is found by its hash or not at all."""

import os

import numpy as np
import pytest

from market.tape import Tape, empty_tape, tape_hash
from tests.builders import a_tape
from venues.replay import TapeError, load_tape, prune_tapes, save_tape


@pytest.fixture(scope="module")
def tape():
    return a_tape(20, 200)


def same(one, other):
    return all(
        left.dtype == right.dtype and np.array_equal(left, right) for left, right in zip(one, other, strict=True)
    )


def test_a_tape_is_saved_under_its_hash_and_loaded_as_it_was(tmp_path, tape):
    name = save_tape(tmp_path, tape)
    assert name == tape_hash(tape)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    loaded = load_tape(tmp_path, name)
    assert same(loaded, tape)
    assert tape_hash(loaded) == name


def test_an_empty_tape_is_a_tape(tmp_path):
    assert same(load_tape(tmp_path, save_tape(tmp_path, empty_tape())), empty_tape())


def test_columns_that_are_not_contiguous_are_saved_as_they_read(tmp_path, tape):
    every_second = Tape._make(column[::2] for column in tape)
    assert same(load_tape(tmp_path, save_tape(tmp_path, every_second)), every_second)


def test_what_is_loaded_is_mapped_and_can_be_written_without_changing_the_file(tmp_path, tape):
    name = save_tape(tmp_path, tape)
    loaded = load_tape(tmp_path, name)
    assert isinstance(loaded.open, np.memmap)
    loaded.open[:] = 0
    assert same(load_tape(tmp_path, name), tape)


def test_a_tape_that_is_there_is_left_alone(tmp_path, tape):
    name = save_tape(tmp_path, tape)
    for path in (tmp_path / name).iterdir():
        os.utime(path, ns=(5, 5))
    assert save_tape(tmp_path, tape) == name
    assert {path.stat().st_mtime_ns for path in (tmp_path / name).iterdir()} == {5}


def test_a_folder_that_was_never_finished_is_no_tape_and_is_finished_by_the_next_save(tmp_path, tape):
    name = save_tape(tmp_path, tape)
    (tmp_path / name / "HASH").unlink()
    (tmp_path / name / "close.npy").write_bytes(b"half")
    with pytest.raises(TapeError, match=f"{name}: no such tape"):
        load_tape(tmp_path, name)
    assert save_tape(tmp_path, tape) == name
    assert same(load_tape(tmp_path, name), tape)


def test_a_missing_tape_is_named_in_one_line(tmp_path):
    with pytest.raises(TapeError) as error:
        load_tape(tmp_path, "abc")
    assert str(error.value) == f"{tmp_path / 'abc'}: no such tape; run again with the data it was made from"


@pytest.mark.parametrize("column", Tape._fields)
def test_a_column_of_other_values_is_found(tmp_path, tape, column):
    name = save_tape(tmp_path, tape)
    path = tmp_path / name / f"{column}.npy"
    values = np.load(path)
    values[len(values) // 2] += 1
    np.save(path, values)
    with pytest.raises(TapeError, match="do not give the hash in their name"):
        load_tape(tmp_path, name)
    assert not same(load_tape(tmp_path, name, check=False), tape)


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "not numpy", "pickle"])
def test_a_column_that_cannot_be_read_is_named_in_one_line(tmp_path, tape, damage):
    name = save_tape(tmp_path, tape)
    path = tmp_path / name / "close.npy"
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:300])
        case "empty":
            path.write_bytes(b"")
        case "not numpy":
            path.write_bytes(b"no array at all, and longer than a header" * 9)
        case "pickle":
            np.save(path, np.array([{}], object), allow_pickle=True)
    for check in (True, False):
        with pytest.raises(
            TapeError, match=r"close\.npy: not a readable column; delete the folder and run again"
        ) as error:
            load_tape(tmp_path, name, check=check)
        assert "\n" not in str(error.value)


def test_pruning_keeps_the_newest(tmp_path):
    names = [save_tape(tmp_path, a_tape(5, 20, seed)) for seed in range(4)]
    for age, name in enumerate(reversed(names)):
        os.utime(tmp_path / name, ns=(10**18 - age, 10**18 - age))
    assert prune_tapes(tmp_path, 2) == names[:2]
    assert {path.name for path in tmp_path.iterdir()} == set(names[2:])
    assert prune_tapes(tmp_path, 2) == []
    assert prune_tapes(tmp_path, 0) == names[2:]
    assert prune_tapes(tmp_path, 0) == []
