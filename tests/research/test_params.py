"""Files of parameters: named by their bytes, refused when these are others, and open about what they were chosen on."""

import hashlib

import msgspec
import numpy as np
import pytest

from market.tape import bar_tape
from policies.plan import canonical
from research.params import DataFile, ParamsError, ParamsFile, chosen_on, load_params, save_params

DATA = DataFile("fx/EURUSD.parquet", "a" * 64, 10)


def a_file(**changes):
    plain = ParamsFile(
        policy="sma_cross", params={"fast": 5.0, "slow": 20.0, "lots": 1.0}, metric="sharpe", value=1.25, sets=12,
        symbols=("EURUSD@fx",), first_ns=1000, last_ns=2000, data=(DATA,), plan_hash="b" * 64, revision="c" * 40,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def a_tape(first_ns, last_ns):
    times = np.array([first_ns, last_ns], np.int64)
    return bar_tape(0, times, [times] * 4, [times] * 4)


def written(folder, content):
    path = folder / f"{hashlib.sha256(content).hexdigest()}.json"
    path.write_bytes(content)
    return path


def test_a_file_is_named_by_its_hash_and_comes_back_as_it_was(tmp_path):
    path = save_params(tmp_path / "params", a_file())
    assert path.name == f"{hashlib.sha256(path.read_bytes()).hexdigest()}.json"
    assert path.read_bytes() == canonical(a_file())
    assert load_params(path) == a_file()
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_the_same_parameters_are_the_same_file_and_others_another(tmp_path):
    assert save_params(tmp_path, a_file()) == save_params(tmp_path, a_file())
    assert save_params(tmp_path, a_file(value=1.5)) != save_params(tmp_path, a_file())


@pytest.mark.parametrize("change", [(b'"fast":5.0', b'"fast":6.0'), (b"}", b"} ")])
def test_a_changed_file_is_refused(tmp_path, change):
    path = save_params(tmp_path, a_file())
    content = path.read_bytes()
    path.write_bytes(content.replace(*change))
    assert path.read_bytes() != content
    with pytest.raises(ParamsError, match=r"its bytes have the SHA-256 [0-9a-f]{64}, its name says another"):
        load_params(path)


def test_a_renamed_file_is_refused(tmp_path):
    path = save_params(tmp_path, a_file())
    with pytest.raises(ParamsError, match=r"best\.json: its bytes have the SHA-256"):
        load_params(path.rename(tmp_path / "best.json"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not json", "not a file of parameters"),
        (b"{}", "not a file of parameters"),
        (canonical(a_file(version=2)), "version 2; this program reads version 1"),
        (canonical(a_file(policy="oracle")), "policy 'oracle' is unknown"),
        (
            canonical(a_file(params={"fast": 5.0, "lots": 1.0})),
            "slow missing; policy sma_cross has got more parameters",
        ),
        (canonical(a_file(params=a_file().params | {"speed": 1.0})), "parameter 'speed' is unknown"),
        (canonical(a_file(params=a_file().params | {"fast": 0.0})), r"fast = 0.0; allowed is a whole number"),
    ],
)
def test_a_file_that_this_program_cannot_use_says_why(tmp_path, content, problem):
    with pytest.raises(ValueError, match=problem):
        load_params(written(tmp_path, content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParamsError, match=r"nowhere\.json: cannot be read \(No such file or directory\)"):
        load_params(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("sha256", "span", "in_sample"),
    [
        ("a" * 64, (1500, 3000), True),
        ("a" * 64, (2000, 3000), True),
        ("a" * 64, (2001, 3000), False),
        ("a" * 64, (0, 999), False),
        ("f" * 64, (1500, 3000), False),
    ],
)
def test_in_sample_is_the_same_file_and_a_span_that_overlaps(sha256, span, in_sample):
    assert chosen_on(a_file(), (("elsewhere.parquet", sha256, 5),), a_tape(*span)) is in_sample
