"""The chain: its bytes and hashes are what anybody can compute with a JSON encoder and SHA-256."""

import hashlib
import json

import pytest

from journal.chain import GENESIS, canonical, chain, first_broken, link
from journal.records import Claim, Sample


def test_the_canonical_form_is_sorted_json_without_spaces():
    record = Sample(time_ns=3, equity=-1, low=2, cash=10**18, peak=0)
    assert canonical(record) == b'{"cash":1000000000000000000,"equity":-1,"kind":"sample","low":2,"peak":0,"time_ns":3}'
    assert canonical({"b": 0.1, "a": [1.0, 1e300, "\u00e9"]}) == b'{"a":[1.0,1e300,"\xc3\xa9"],"b":0.1}'


def test_a_hash_covers_the_hash_before_it_and_the_bytes():
    body = b'{"epoch":1,"kind":"claim","owner":"me","time_ns":5}'
    assert canonical(Claim(time_ns=5, epoch=1, owner="me")) == body
    first = hashlib.sha256(b"0" * 64 + body).hexdigest()
    second = hashlib.sha256(first.encode("ascii") + b"{}").hexdigest()
    assert (GENESIS, link(GENESIS, body), chain([body, b"{}"])) == ("0" * 64, first, [first, second])


def test_known_values_of_the_chain():
    """From a shell: `printf '%064d%s' 0 a | sha256sum`, then `printf '%s%s' HASH b | sha256sum`, and so on."""
    assert chain([b"a", b"b", b""]) == [
        "798681f5061511d34f32f43ab175a3ee7007fecfdc844295e054315b0af2d23d",
        "3682b038900167ad4cb4d1c4048581bd4473b2e74239b4abb490e156774c84b2",
        "6381473d261c38a42ecc0e4288eb1355701b8792d3bafb5c6d35b812253fba49",
    ]


def test_floats_are_written_so_that_they_read_back_to_the_same_bits():
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 123456789.123456789]
    assert [value.hex() for value in json.loads(canonical(values))] == [value.hex() for value in values]


@pytest.mark.parametrize("place", range(4))
def test_a_changed_body_breaks_the_chain_at_its_place(place):
    bodies = [b"a", b"b", b"c", b"d"]
    hashes = chain(bodies)
    assert first_broken(bodies, hashes) is None
    bodies[place] += b"!"
    assert first_broken(bodies, hashes) == place


def test_a_chain_that_was_computed_anew_breaks_at_its_end_only():
    """Who rewrites everything after his change is found by the head that was written down elsewhere."""
    hashes = chain([b"a", b"b", b"c"])
    forged = chain([b"a", b"X", b"c"])
    assert first_broken([b"a", b"X", b"c"], forged) is None
    assert forged[-1] != hashes[-1]


def test_bodies_and_hashes_of_different_number_are_an_error():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        first_broken([b"a"], [])
