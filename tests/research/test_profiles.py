"""Profiles: files that combine by the most restrictive, that may only tighten what they extend, and become rules."""

from decimal import Decimal

import msgspec
import pytest

from market.money import money_of
from policies.assembly import book_of, guards_of, instruments_of
from policies.calendars import instant_of, moment_of
from policies.floors import Clears, Mode
from policies.intents import Rule
from policies.plan import CalendarPlan, FloorPlan, RulesPlan
from research.account_plan import refuse_short_calendars, rules_plan
from research.config_accounts import Guard
from research.configuration import ConfigurationError, packaged
from research.profiles import load_profile, read_profile
from tests.builders import MONEY, a_plan
from tests.policies.account_books import a_calendar, a_floor, some_rules

CASH = 100_000 * MONEY
FIRM = '[firm]\ntotal_mode = "static"\ntotal_fraction = "0.1"\nbreach = "below"\n'
DAY_NS = 86_400 * 10**9
START_NS = 1_743_163_200 * 10**9  # 2025-03-28 12:00 UTC, a Friday: Prague sets its clocks forward on Sunday


def test_every_packaged_profile_is_read_under_its_own_name() -> None:
    names = sorted(path.stem for path in packaged("profiles").glob("*.toml"))
    assert [read_profile(name).name for name in names] == names
    assert len(names) == 17


def test_several_profiles_hold_an_account_each_by_its_own_rules() -> None:
    profile = load_profile("trifecta, ftmo_2step,crypto, trifecta")
    assert profile.name == "trifecta+ftmo_2step+crypto"
    assert [account.name for account in profile.accounts] == ["ftmo_2step", "crypto"]
    assert profile.limits == load_profile("trifecta").limits


def test_an_account_profile_alone_has_the_usual_gates_and_limits_that_leave_it_the_word() -> None:
    alone = load_profile("ftmo_2step")
    assert alone.forex == load_profile("trifecta").forex
    assert alone.limits == load_profile("research").limits


def test_desks_limits_combine_to_the_tightest_of_each_key() -> None:
    both, strict = load_profile("research,trifecta"), load_profile("trifecta")
    assert (both.limits, both.binary, both.arbitrage) == (strict.limits, strict.binary, strict.arbitrage)
    assert both.model_copy(update={"name": ""}) == load_profile("trifecta,research").model_copy(update={"name": ""})


def an_own(tmp_path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\n' + text)
    return str(path)


def test_values_that_cannot_be_compared_are_refused(tmp_path) -> None:
    text = packaged("profiles", "trifecta.toml").read_text().replace('name = "trifecta"', "")
    other = an_own(tmp_path, text.replace("confidence_weight = 0.6", "confidence_weight = 0.5"))
    with pytest.raises(ConfigurationError, match=r"trifecta and own: forex.confidence_weight = 0.6 and 0.5: neither"):
        load_profile(f"trifecta,{other}")


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("trifecta", '[limits]\ndaily_loss_max = "50"\ncooldown_seconds = [0, 60, 300, 900, 3600, 7200]\n'),
        ("trifecta", "[forex]\nsize_multipliers = [[0.9, 1.0], [0.65, 0.5]]\n[binary]\ntop_n = 0\n"),
        ("trifecta", '[limits]\ndrawdown_basis = "peak"\n'),
        ("ftmo_2step", '[firm]\ndaily_fraction = "0.04"\nbreach = "at_or_below"\ndaily_anchor = "max_balance_equity"'),
        ("ftmo_2step", '[firm]\ntotal_mode = "trailing_intraday_equity"\n[guard]\nbuffer_fraction = "0.01"\n'),
        ("trailing_intraday", '[firm]\ndaily_fraction = "0.03"\n'),
        ("crypto", '[crypto.exposure]\nbasis = "gross_notional"\n[crypto.leverage]\nmax = "5"\n'),
        ("crypto", '[firm]\ntotal_mode = "static"\ntotal_fraction = "0.1"\nbreach = "below"\ntime_zone = "UTC"\n'
         'reset = "00:00"\n'),
    ],
)  # fmt: skip
def test_a_profile_may_tighten_what_it_extends(tmp_path, base, text) -> None:
    assert read_profile(an_own(tmp_path, f'extends = "{base}"\n' + text)).name == "own"


@pytest.mark.parametrize(
    ("base", "text", "message"),
    [
        ("trifecta", '[limits]\ndaily_loss_max = "101"\n',
         'limits.daily_loss_max = "101" is looser than profile trifecta has it: at most "100" is allowed'),
        ("trifecta", "[limits]\ncooldown_seconds = [0, 0, 300, 900]\n", "pauses of at least .*, 900, 1800. is"),
        ("trifecta", "[forex]\nconfidence_min = 0.59\n", "at least 0.6 is allowed"),
        ("trifecta", "[forex]\nsize_multipliers = [[0.7, 1.0]]\n", "sizes of at most"),
        ("trifecta", "[binary]\nexpiry_seconds = [60, 30]\n", "some of \\[60\\] is allowed"),
        ("trifecta", '[limits]\ndaily_loss_basis = "equity_from_day_anchor"\n', "daily_loss_basis"),
        ("ftmo_1step", '[firm]\ntotal_mode = "static"\n', "or one that trails more closely is allowed"),
        ("ftmo_2step", '[firm]\ntime_zone = "UTC"\n', 'firm.time_zone = "UTC" is looser than profile ftmo_2step'),
        ("ftmo_2step", '[guard]\nbuffer_fraction = "0"\n', 'buffer_fraction = "0" is looser .*: at least "0.005"'),
        ("conservative_union", '[firm]\nbreach = "below"\n', "is looser than profile conservative_union has it"),
        ("ftmo_2step_account_standard", "[objectives]\nweekend_hold = true\n", "false or false is allowed"),
        ("ftmo_2step_account_standard", "[guard]\nexit_before_news = false\n", "true or true is allowed"),
        ("ftmo_2step_account_standard", "[objectives]\nnews_minutes = 1\n", "at least 2 is allowed"),
        ("crypto", '[crypto.safe_mode]\ndaily_fraction = "0.09"\n', 'at most "0.08" is allowed'),
        ("crypto", '[crypto.exposure]\nbasis = "open_risk"\n', 'or "gross_notional" is allowed'),
        ("own.toml", "", "a profile that does not extend this one is allowed"),
        ("wild", "", "profile 'wild' is unknown"),
    ],
)  # fmt: skip
def test_a_profile_never_loosens_what_it_extends(tmp_path, base, text, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_profile(an_own(tmp_path, f'extends = "{base}"\n' + text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no rules; limits or levels"),
        ("[levels]\nusage_medium = 0.5\nusage_high = 0.7\n", "limits is missing; limits, levels"),
        ('[firm]\ntotal_mode = "static"\n', "firm.total_fraction is missing"),
        (FIRM + 'time_zone = "Mars"\nreset = "00:00"\n',
         'firm.time_zone = "Mars": a name of the IANA database is allowed'),
        (FIRM + 'time_zone = "UTC"\nreset = "24:00"\n',
         'firm.reset = "24:00": a time of day as 00:00 is allowed'),
        ('[guard]\nhalve_at = "0.9"\n', "halve_at <= no_new_risk_at <= flatten_at is allowed"),
        ('[guard]\nbuffer = "0.9"\n', 'guard.buffer = "0.9" is unknown'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_account_profile_is_one_line(tmp_path, text, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_profile(an_own(tmp_path, text))


def rules(names: str, cash: int = CASH, days: int = 3) -> RulesPlan:
    return rules_plan(load_profile(names).accounts, cash, START_NS, START_NS + days * DAY_NS)


def test_a_firm_becomes_floors_in_whole_money_on_its_own_calendar() -> None:
    made = rules("ftmo_1step")
    assert [(floor.rule, floor.mode, floor.amount, floor.inclusive, floor.share_ppm) for floor in made.floors] == [
        (Rule.ACCOUNT_DAILY_LOSS, Mode.DAILY, 3_000 * MONEY, 0, 500_000),
        (Rule.ACCOUNT_TOTAL_LOSS, Mode.CLOSING, 10_000 * MONEY, 0, 250_000),
    ]
    (calendar,) = made.calendars
    assert [f"{moment_of(instant * 10**9):%d %H}" for instant in calendar.resets_s[:3]] == ["28 23", "29 23", "30 22"]
    assert calendar.resets_s[-1] * 10**9 > START_NS + 3 * DAY_NS
    assert (made.buffer, made.gap_ppm, made.stop_gap_ppm) == (500 * MONEY, 20_000, 5_000)


def test_a_breach_is_final_unless_the_profile_lets_a_person_lift_it(tmp_path) -> None:
    assert {floor.clears for floor in rules("ftmo_2step").floors} == {Clears.NEVER}
    own = tmp_path / "own.toml"
    own.write_text(
        'name = "own"\n[firm]\ndaily_fraction = "0.05"\ntotal_mode = "static"\ntotal_fraction = "0.1"\n'
        'breach = "below"\nclears = "acknowledged"\ntime_zone = "UTC"\nreset = "00:00"\n'
    )
    assert {floor.clears for floor in rules(str(own)).floors} == {Clears.ACKNOWLEDGED}
    own.write_text('name = "own"\nextends = "ftmo_2step"\n[firm]\nclears = "acknowledged"\n')
    with pytest.raises(ConfigurationError, match=r'firm\.clears = "?acknowledged"? is looser'):
        read_profile(own.name, tmp_path)


def test_a_run_beyond_the_end_of_a_calendar_is_refused_before_it_begins() -> None:
    made = rules("ftmo_1step")
    refuse_short_calendars(made, START_NS + 3 * DAY_NS)
    last_ns = made.calendars[0].resets_s[-1] * 10**9
    refuse_short_calendars(made, last_ns - 1)
    with pytest.raises(ConfigurationError, match=r"calendar Europe/Prague 00:00 \(day\): it ends at .* before the run"):
        refuse_short_calendars(made, last_ns)
    refuse_short_calendars(RulesPlan(), last_ns)


def test_each_profile_keeps_its_calendar_and_equal_ones_are_shared() -> None:
    made = rules("ftmo_2step,conservative_union,the5ers_like,crypto")
    assert [(one.zone, one.period) for one in made.calendars] == [
        ("Europe/Prague", "day"), ("Etc/GMT-3", "day"), ("UTC", "day"), ("UTC", "month"),
    ]  # fmt: skip
    assert [floor.calendar for floor in made.floors] == [0, 0, 0, 0, 1, 1, 2, 3]
    assert [floor.clears for floor in made.floors[-2:]] == [Clears.ACKNOWLEDGED] * 2
    assert (made.exposure_ppm_max, made.leverage_ppm, made.rho_max) == (200_000, 3_000_000, 0.7)


def test_amounts_round_down_and_buffers_up() -> None:
    made = rules("ftmo_1step", cash=101)
    assert [floor.amount for floor in made.floors] == [3, 10]
    assert made.buffer == 1


def test_two_crypto_profiles_combine_to_the_tightest(tmp_path) -> None:
    own = an_own(
        tmp_path, 'extends = "crypto"\n[crypto.exposure]\nfraction_max = "0.1"\n[crypto.leverage]\nmax = "2"\n'
    )
    made = rules(f"crypto,{own}")
    assert (made.exposure_ppm_max, made.leverage_ppm) == (100_000, 2_000_000)
    assert len(made.floors) == 4


def test_a_floor_without_an_amount_or_a_calendar_is_refused_at_the_start() -> None:
    for broken, message in (
        (some_rules(a_floor(Mode.STATIC, amount=0)), "its amount is 0"),
        (some_rules(a_floor(Mode.STATIC, calendar=7)), "its calendar 7 has no instants"),
        (some_rules(a_floor(Mode.STATIC), exposure_ppm_max=1, leverage_ppm=0), "leverage_ppm = 0"),
        (RulesPlan(profiles=("x",), floors=(a_floor(Mode.STATIC),)), "its calendar 0 has no instants"),
    ):
        with pytest.raises(ValueError, match=message):
            book_of(a_plan(rules=broken))


def test_a_plan_without_account_profiles_asks_for_nothing_and_has_none_in_its_text() -> None:
    assert rules_plan((), CASH, 0, 1) == RulesPlan()
    assert msgspec.to_builtins(RulesPlan()) == {}
    assert book_of(a_plan()).guard[0].active == 0


def test_without_data_what_is_of_one_kind_moves_together() -> None:
    plan = a_plan(rules=some_rules(a_floor(Mode.STATIC), rho_max=0.7))
    guards = guards_of(plan, instruments_of(plan))
    assert guards.rho[0, 1] == guards.rho[6, 0] == 1.0  # a contract is of its underlying's kind
    assert guards.guard[0].correlates == 1
    assert isinstance(a_calendar(), CalendarPlan)
    assert isinstance(a_floor(Mode.PEAK), FloorPlan)


def test_the_guard_s_defaults_are_those_of_the_notes() -> None:
    guard = Guard()
    assert (guard.buffer_fraction, guard.halve_at, guard.no_new_risk_at, guard.flatten_at) == (
        Decimal("0.005"), Decimal("0.6"), Decimal("0.75"), Decimal("0.85"),
    )  # fmt: skip
    assert money_of("500") == int(CASH * guard.buffer_fraction)
    assert instant_of(moment_of(START_NS)) == START_NS
