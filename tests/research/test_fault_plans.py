"""Fault plans by name or from a file; what is not allowed is refused in one line that says what is."""

import pytest

from research.fault_plans import FaultPlanError, presets, venue_choice
from venues.simulated.faults import Fault


def test_paper_is_no_venue_and_a_bare_name_never_fails():
    assert venue_choice("paper") is None
    choice = venue_choice("simulated")
    assert (choice.words, dict(choice.plan.chances), choice.plan.latency_ns) == ("simulated:none:0", {}, 0)


def test_every_preset_can_be_used():
    assert set(presets()) >= {"none", "mild", "wild", "meddled"}
    for name in presets():
        assert venue_choice(f"simulated:{name}").faults == name


def test_a_file_of_ones_own_is_a_plan(tmp_path):
    path = tmp_path / "late.toml"
    path.write_text('seed = 7\ndelay_s_max = 1.5\n[chances]\n"news lost" = 0.25\n')
    choice = venue_choice(f"simulated:{path}")
    assert (choice.words, choice.plan.chances, choice.plan.delay_ns_max) == (
        "simulated:late:7", {Fault.NEWS_LOST: 0.25}, 1_500_000_000,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[chances]\n"delay" = 2.0\n', "chances.delay = 2.0"),
        ('[chances]\n"rain" = 0.1\n', "rain"),
        ("seed = -1\n", "seed = -1"),
        ("colour = 1\n", "colour"),
        ("seed = \n", "not readable TOML"),
    ],
)
def test_what_is_not_allowed_is_named(tmp_path, text, words):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(FaultPlanError, match=words) as raised:
        venue_choice(f"simulated:{path}")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("words", ["real", "simulated:nonsense", "paper:wild"])
def test_a_venue_that_there_is_not_is_refused(words):
    with pytest.raises(FaultPlanError, match="is allowed"):
        venue_choice(words)
