"""Account rules for tests: floors of every mode with amounts and calendars of the test's own."""

from typing import Any

import msgspec

from policies.floors import Anchor, Clears, Mode
from policies.intents import Rule
from policies.plan import (
    CalendarPlan,
    FloorPlan,
    NewsEvent,
    NewsPlan,
    PortfolioPlan,
    RulesPlan,
    WeekendPlan,
)
from tests.builders import MINUTE, MONEY, SECOND, START_NS


def a_calendar(step_ns: int = 47 * MINUTE, count: int = 400, start_ns: int = START_NS) -> CalendarPlan:
    """Return a calendar that resets every `step_ns` from `start_ns` on."""
    instants = tuple((start_ns + (k + 1) * step_ns) // SECOND for k in range(count))
    return CalendarPlan(zone="UTC", reset="00:00", period="day", resets_s=instants)


def a_floor(mode: Mode, **terms: Any) -> FloorPlan:
    """Return a floor of a mode, 5 MONEY below its top, breached below it."""
    rule = Rule.ACCOUNT_DAILY_LOSS if mode == Mode.DAILY else Rule.ACCOUNT_TOTAL_LOSS
    return FloorPlan(**{"name": mode.name, "rule": rule, "mode": mode, "calendar": 0, "amount": 5 * MONEY} | terms)


def every_floor(amount: int, ppm: int) -> tuple[FloorPlan, ...]:
    """Return floors of every mode, anchor and amount, alternately inclusive, on two calendars."""
    found = [a_floor(Mode.DAILY, anchor=anchor, amount=amount) for anchor in Anchor]
    found += [a_floor(mode, amount=2 * amount, calendar=1) for mode in (Mode.STATIC, Mode.CLOSING, Mode.PEAK)]
    found += [a_floor(Mode.PEAK, of_top=1, ppm=2 * ppm), a_floor(Mode.CLOSING, amount=amount, lock=100_000 * MONEY)]
    safe = {"of_top": 1, "ppm": ppm, "rule": Rule.SAFE_MODE, "clears": Clears.ACKNOWLEDGED, "inclusive": 1}
    found += [a_floor(Mode.PERIOD_PEAK, **safe), a_floor(Mode.PERIOD_PEAK, calendar=1, **safe)]
    return tuple(found)


def some_rules(*floors: FloorPlan, **terms: Any) -> RulesPlan:
    """Return rules of these floors on two calendars, without a buffer."""
    calendars = (a_calendar(), a_calendar(3 * 47 * MINUTE))
    return RulesPlan(**{"profiles": ("test",), "floors": floors, "calendars": calendars} | terms)


def binding_rules() -> RulesPlan:
    """Return rules that refuse some of what `a_plan` proposes in an hour, each for its own reason."""
    floors = [floor for floor in every_floor(40 * MONEY, 500) if floor.lock is None]
    return some_rules(
        *floors, buffer=MONEY, overnight_multiple=2, gap_ppm=400, halve_ppm=300_000, block_ppm=750_000,
        flatten_ppm=850_000, exposure_ppm_max=400_000, leverage_ppm=3_000_000, cluster_ppm_max=300_000, rho_max=0.7,
        risk_min=0.0005, risk_max=0.01, confidence_floor=0.5, confidence_cap=0.9,
    )  # fmt: skip


def flattening_rules() -> RulesPlan:
    """Return rules under which the engine closes what is held now and then, and lets new risk come again."""
    return msgspec.structs.replace(binding_rules(), flattens=1)


def some_news(*events: NewsEvent, instruments: int = 7, **terms: Any) -> NewsPlan:
    """Return news of two minutes to either side, known for years; instruments are moved by EUR and USD."""
    start_s = START_NS // SECOND
    return NewsPlan(**{
        "source": "news.csv#0", "from_s": start_s - 10**8, "until_s": start_s + 10**8, "window_s": 120, "closes": 0,
        "currencies": (("EUR", "USD"),) * instruments, "events": events,
    } | terms)  # fmt: skip


def a_weekend(
    *rests_s: tuple[int, int], instruments: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6), **terms: Any
) -> WeekendPlan:
    """Return weekends of all instruments, known for years."""
    start_s = START_NS // SECOND
    return WeekendPlan(**{
        "zone": "UTC", "opens": "00:00", "closes": "00:00", "instruments": instruments, "from_s": start_s - 10**8,
        "until_s": start_s + 10**8, "rests_s": rests_s,
    } | terms)  # fmt: skip


def timed_rules() -> RulesPlan:
    """Return rules with news every 23 minutes and a short weekend every 41, each for some of the instruments."""
    start_s = START_NS // SECOND
    events = [
        NewsEvent(start_s + k * 1380, start_s + k * 1380, ("USD", "GBP", "AUD")[k % 3], f"news {k}") for k in range(30)
    ]
    currencies = (("EUR", "USD"), ("GBP", "USD"), ("USD", "JPY"), ("AUD", "USD"), *(("EUR", "USD"),) * 3)
    rests = [(start_s + k * 2460, start_s + k * 2460 + 240) for k in range(1, 15)]
    return some_rules(
        a_floor(Mode.STATIC, amount=50_000 * MONEY, share_ppm=10**6), flattens=1, exit_ns=MINUTE,
        news=some_news(*events, closes=1, currencies=currencies),
        weekends=(a_weekend(*rests, instruments=(1, 2)), a_weekend(*rests[::2], instruments=(4, 5, 6))),
    )  # fmt: skip


def portfolio_rules(**terms: Any) -> RulesPlan:
    """Return rules with a portfolio gate that learns from minutes and refuses some of what `a_plan` proposes."""
    own = {
        "step_ns": MINUTE, "window": 40, "observations_min": 12, "threshold": 0.3, "gate": 1, "var_max": 10 * MONEY,
        "z": 1.645, "cluster_ppm_max": 600_000, "correlation_max": 0.3, "stale_after_ns": 5 * MINUTE,
    }  # fmt: skip
    return RulesPlan(stops=1, portfolio=PortfolioPlan(**(own | terms)))


def breached_rules() -> RulesPlan:
    """Return rules without room or shares before their floors, so that losses do reach them, resets included."""
    floors = (
        a_floor(Mode.DAILY, amount=110 * MONEY, share_ppm=10**9),
        a_floor(Mode.PEAK, amount=260 * MONEY, share_ppm=10**9),
        a_floor(Mode.PERIOD_PEAK, of_top=1, ppm=1_800, rule=Rule.SAFE_MODE, inclusive=1, share_ppm=10**9),
    )  # fmt: skip
    return some_rules(*floors, buffer=-(10**6) * MONEY, gap_ppm=400, halve_ppm=300_000, block_ppm=900_000)
