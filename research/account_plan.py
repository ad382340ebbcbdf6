"""From the account profiles in force to the rules of a plan: floors in integer money, calendars as instants.

Amounts round down and buffers up: nothing here gives an account more than its profile does. A rule that nothing would
feed in this run is refused before it starts.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from msgspec.structs import replace

from market.costs import PPM
from policies.calendars import SECOND_NS, moment_of, resets_between
from policies.floors import Anchor, Clears, Mode
from policies.intents import Rule
from policies.leverage import Basis, effective_leverage
from policies.plan import CalendarPlan, FloorPlan, PhasePlan, ProtectPlan, RulesPlan
from research.config_accounts import Crypto, FirmRules, Guard
from research.config_sections import AccountProfile
from research.configuration import ConfigurationError
from research.profiles import combined
from research.timed_plan import Markets, may_close, timed_terms, timed_until

MARGIN_NS: Final = 7 * 86_400 * SECOND_NS
"""Calendars reach this far beyond the last row: what falls due after it is judged as well."""
ANCHORS: Final = {
    "balance": Anchor.BALANCE, "equity": Anchor.EQUITY, "max_balance_equity": Anchor.MAX_BALANCE_EQUITY,
}  # fmt: skip
MODES: Final = {
    "static": Mode.STATIC, "trailing_eod_balance": Mode.CLOSING, "trailing_intraday_equity": Mode.PEAK,
}  # fmt: skip

CLEARS: Final = {"never": Clears.NEVER, "acknowledged": Clears.ACKNOWLEDGED}


def rules_plan(
    accounts: Sequence[AccountProfile], cash: int, start_ns: int, end_ns: int, markets: Markets | None = None
) -> RulesPlan:
    """Return the rules of some profiles for a fresh account of `cash` money, from its first row's time to its last.

    `markets` is what is traded, and what is known of its hours and its news.
    """
    if not accounts:
        return RulesPlan()
    timed = timed_terms(accounts, markets, start_ns, end_ns)
    drafts: list[tuple[FloorPlan, tuple[str, str, str]]] = []
    for account in accounts:
        drafts += firm_floors(account, cash) if account.firm else []
        drafts += safe_floors(account.name, account.crypto) if account.crypto else []
    kinds = list(dict.fromkeys(calendar for _, calendar in drafts))
    floors = tuple(replace(floor, calendar=kinds.index(calendar)) for floor, calendar in drafts)
    calendars = tuple(
        CalendarPlan(
            zone=zone, reset=reset, period=period,
            resets_s=tuple(
                instant // SECOND_NS
                for instant in resets_between(start_ns, end_ns + MARGIN_NS, zone, reset, period)
            ),
        )
        for zone, reset, period in kinds
    )  # fmt: skip
    guards = [account.guard or Guard() for account in accounts]
    return RulesPlan(
        profiles=tuple(account.name for account in accounts),
        floors=floors,
        calendars=calendars,
        buffer=max(share_up(cash, guard.buffer_fraction) for guard in guards),
        overnight_multiple=max(guard.overnight_buffer_multiple for guard in guards),
        gap_ppm=max(ppm_of(guard.gap_fraction) for guard in guards),
        stop_gap_ppm=max(ppm_of(guard.stop_gap_fraction) for guard in guards),
        halve_ppm=min(ppm_of(guard.halve_at) for guard in guards),
        block_ppm=min(ppm_of(guard.no_new_risk_at) for guard in guards),
        flatten_ppm=min(ppm_of(guard.flatten_at) for guard in guards),
        flattens=int(any(account.firm is not None for account in accounts) or may_close(timed)),
        **timed,
        **_volume_terms(accounts, cash),
        **_crypto_terms(accounts),
    )  # fmt: skip


def refuse_short_calendars(rules: RulesPlan, end_ns: int) -> None:
    """Refuse to begin a run that would go on beyond the end of a calendar: from there on no new risk is taken.

    ConfigurationError names the calendar. A plan that was made for its data reaches beyond it by `MARGIN_NS`.
    """
    for calendar in rules.calendars:
        last_s = calendar.resets_s[-1] if calendar.resets_s else 0
        if last_s * SECOND_NS <= end_ns:
            raise ConfigurationError(
                f"calendar {calendar.zone} {calendar.reset} ({calendar.period}): it ends at "
                f"{moment_of(last_s * SECOND_NS):%Y-%m-%d %H:%M} UTC, before the run does "
                f"({moment_of(end_ns):%Y-%m-%d %H:%M}); a plan that was made for this data is allowed"
            )
    for name, until_s in timed_until(rules):
        if until_s * SECOND_NS <= end_ns:
            raise ConfigurationError(
                f"{name}: it ends at {moment_of(until_s * SECOND_NS):%Y-%m-%d %H:%M} UTC, before the run does "
                f"({moment_of(end_ns):%Y-%m-%d %H:%M}); one that covers the run is allowed"
            )


def firm_floors(account: AccountProfile, initial: int) -> list[tuple[FloorPlan, tuple[str, str, str]]]:
    """Return a firm's floors with their calendars (zone, reset, period)."""
    firm, guard = account.firm, account.guard or Guard()
    assert firm is not None
    calendar = (firm.time_zone, firm.reset, "day")
    inclusive = int(firm.breach == "at_or_below")
    clears = CLEARS[firm.clears]
    found = []
    if firm.daily_fraction is not None:
        daily = FloorPlan(
            name=f"{account.name} daily loss", rule=Rule.ACCOUNT_DAILY_LOSS, mode=Mode.DAILY, calendar=0,
            anchor=ANCHORS[firm.daily_anchor], inclusive=inclusive, clears=clears,
            share_ppm=ppm_of(guard.daily_room_share),
            **_amount(firm.daily_fraction, firm.daily_amount_of != "initial", initial),
        )  # fmt: skip
        found.append((daily, calendar))
    total = FloorPlan(
        name=f"{account.name} total loss", rule=Rule.ACCOUNT_TOTAL_LOSS, mode=MODES[firm.total_mode], calendar=0,
        inclusive=inclusive, clears=clears, share_ppm=ppm_of(guard.total_room_share), lock=_lock(firm, initial),
        **_amount(firm.total_fraction, firm.total_amount_of != "initial", initial),
    )  # fmt: skip
    return [*found, (total, calendar)]


def safe_floors(name: str, crypto: Crypto) -> list[tuple[FloorPlan, tuple[str, str, str]]]:
    """Return the floors of SAFE_MODE with their calendars: a share of the period's reference, reached inclusive."""
    safe = crypto.safe_mode
    mode = Mode.PERIOD_PEAK if safe.reference == "period_peak_equity" else Mode.DAILY
    return [
        (
            FloorPlan(
                name=f"{name} {period} drawdown", rule=Rule.SAFE_MODE, mode=mode, calendar=0, anchor=Anchor.EQUITY,
                of_top=1, ppm=ppm_of(share), inclusive=1, clears=Clears.ACKNOWLEDGED,
            ),
            (safe.time_zone, "00:00", period),
        )
        for period, share in (("day", safe.daily_fraction), ("month", safe.monthly_fraction))
    ]  # fmt: skip


def ppm_of(fraction: Decimal) -> int:
    """Return a fraction of at most six decimal places as parts per million."""
    return int(fraction * PPM)


def share_up(money: int, fraction: Decimal) -> int:
    """Return a share of money, rounded up."""
    return int((money * fraction).to_integral_value(ROUND_CEILING))


def _amount(fraction: Decimal, of_top: bool, initial: int) -> dict[str, int]:
    return {"of_top": 1, "ppm": ppm_of(fraction)} if of_top else {"amount": int(initial * fraction)}


def _lock(firm: FirmRules, initial: int) -> int | None:
    return initial if firm.lock_at == "initial" else None


def _crypto_terms(accounts: Sequence[AccountProfile]) -> dict[str, Any]:
    """Return the caps of the crypto profiles, the tightest of each."""
    named = [(account.crypto, account.name) for account in accounts if account.crypto]
    if not named:
        return {}
    parts = [{"crypto": crypto.model_dump()} for crypto, _ in named]
    both = combined(parts, [name for _, name in named])
    crypto = Crypto.model_validate(both["crypto"])
    leverage = effective_leverage(None, ppm_of(crypto.leverage.default), ppm_of(crypto.leverage.max))
    return {
        "exposure_ppm_max": ppm_of(crypto.exposure.fraction_max),
        "exposure_basis": int(Basis[crypto.exposure.basis.upper()]),
        "leverage_ppm": leverage.leverage,
        "cluster_ppm_max": ppm_of(crypto.correlation.cluster_fraction_max),
        "rho_max": crypto.correlation.effective_rho_max,
        "risk_min": float(crypto.risk.fraction_min),
        "risk_max": float(crypto.risk.fraction_max),
        "confidence_floor": crypto.risk.confidence_floor,
        "confidence_cap": crypto.risk.confidence_cap,
        "gamma": crypto.risk.gamma,
    }


def _volume_terms(accounts: Sequence[AccountProfile], cash: int) -> dict[str, Any]:
    """Return the phases of volume; profiles that have any must have the same ones."""
    found = {account.name: account.guard for account in accounts if account.guard and account.guard.phases}
    kinds = {(guard.phases, guard.protect) for guard in found.values()}
    if len(kinds) > 1:
        raise ConfigurationError(
            f"profiles {' and '.join(found)}: guard.phases differ: the same ones, or those of one profile, are allowed"
        )
    guard = next(iter(found.values()), Guard())
    phases = tuple(
        PhasePlan(
            name=one.name, trades_min=one.trades_min, days_min=one.days_min, volume_ppm=ppm_of(one.volume),
            profit_min=None if one.profit_min is None else share_up(cash, one.profit_min),
        )
        for one in guard.phases
    )  # fmt: skip
    protects = tuple(
        ProtectPlan(drawdown=int(cash * one.drawdown_fraction), volume_ppm=ppm_of(one.volume)) for one in guard.protect
    )
    return {"phases": phases, "protects": protects}
