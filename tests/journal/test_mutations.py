"""A slice of the campaign of `python -m tests.journal.mutations`: every mutation of every class is found, by both."""

from collections import Counter

from tests.journal.mutations import CLASSES, campaign

EACH = 28


def test_every_mutation_is_found_and_named_at_its_place(tmp_path):
    looked = list(campaign(tmp_path, EACH * len(CLASSES), seed=20_261_126))
    assert Counter(kind for kind, _, _ in looked) == dict.fromkeys(CLASSES, EACH)
    assert [kind for kind, damage, _ in looked if damage == "none"] == []
    assert [kind for kind, _, at_place in looked if at_place is False] == []
