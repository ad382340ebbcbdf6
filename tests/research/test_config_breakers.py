"""The section of breakers: off unless it is there, in units of its keys, and refused where it makes no sense."""

import pytest

from policies.plan import BreakersPlan, CostBreakerPlan, PriceBreakerPlan, VenueBreakerPlan
from research.config_breakers import Breakers, breakers_plan
from research.configuration import ConfigurationError, load_configuration

SECOND = 10**9


def configured(tmp_path, text):
    file = tmp_path / "own.toml"
    file.write_text(text)
    return load_configuration(file).breakers


def test_without_the_section_every_breaker_is_off():
    assert load_configuration(None).breakers == Breakers()
    assert breakers_plan(Breakers()) is None


def test_a_section_turns_its_breaker_on_with_the_defaults_of_the_checklist(tmp_path):
    own = configured(tmp_path, "[breakers.price]\n[breakers.cost]\n[breakers.venue]\n")
    assert breakers_plan(own) == BreakersPlan(
        price=PriceBreakerPlan(60 * SECOND, 5, 5, 60 * SECOND),
        venue=VenueBreakerPlan(60 * SECOND, 50_000, 50_000, 0, 20, 15 * SECOND, 60 * SECOND),
        cost=CostBreakerPlan(3, 20),
    )


def test_values_are_in_the_units_of_their_keys(tmp_path):
    own = configured(tmp_path, '[breakers.price]\nwindow_s = 0.5\n[breakers.venue]\nrejects_percent = "2.5"\n')
    plan = breakers_plan(own)
    assert plan is not None
    assert (plan.price.window_ns, plan.venue.rejects_ppm_max, plan.cost) == (SECOND // 2, 25_000, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[breakers.price]\nsigma = 5\n", "breakers.price.sigma"),
        ("[breakers.price]\nsigmas = 0\n", "breakers.price.sigmas = 0: at least 1 is allowed"),
        ("[breakers.venue]\npause_s = 90\n", "pause_s <= pause_s_max is allowed"),
        ("[breakers.cost]\nfills = -1\n", "breakers.cost.fills = -1: at least 1 is allowed"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said.replace(".", r"\.")):
        configured(tmp_path, text)
