"""The guard: all floors of an account as one, what is kept between its equity and them, and when they reset.

Resets are taken lazily, before the first valuation or judgement at or after their instant, with the equity and balance
that were known before it: so a loss carried over a reset breaches there, without a new price, and it makes no
difference who asks first. Beyond the last instant of a calendar nothing is known, and there is no new risk.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.costs import PPM
from market.money import INT64_MAX
from market.records import Record, Records, record_type, records
from policies.floors import (
    ALERT_PERCENT,
    mark_at,
    next_reset_ns,
    raised_top,
    reset_floor,
    standing_floor,
    usage_ppm,
    watch_floor,
)

GUARD: Final = record_type(
    "buffer overnight_multiple gap_ppm stop_gap_ppm halve_ppm block_ppm flatten_ppm "
    "exposure_ppm_max exposure_basis leverage_ppm cluster_ppm_max correlates active "
    "flow balance next_ns until_ns pending told flattens due_ns stops trades days last_day",
    floats="rho_max risk_min risk_max confidence_floor confidence_cap gamma",
)
"""What keeps an account from its floors.

`buffer` is money; `gap_ppm` and `stop_gap_ppm` are the shares of a notional that a position may lose at once, without a
stop and over one; `halve_ppm`, `block_ppm`, `flatten_ppm` the used shares of any amount that halve sizes, stop new risk
and call for flattening. `exposure_ppm_max` 0 caps no exposure, `correlates` 0 knows no correlation, `risk_max` 0 scales
no risk by confidence. `flow` is what was deposited less withdrawn, `balance` cash at the last valuation, `next_ns` the
next reset of any floor, `until_ns` the instant from which a calendar is unknown, `pending` risk that was approved at
this instant and has no order yet, `told` the number of alerts so far. Inactive, it asks for nothing. `flattens` 1: the
engine itself closes what must be closed; `due_ns` is the instant at which something of that waits to be proposed (0:
nothing does). `stops` 1, profiles or not: protective stops must be sound ones (`policies.stop_rules`). `trades` are
closed ones, `days` those with an opening trade, `last_day` the newest of them (`policies.phases`)."""

ALERT: Final = record_type("time_ns floor percent equity line")
"""An alert: so many percent of what a floor allows are used, told once in its period. `floor` is its number, `equity`
the lowest of the instant, `line` the floor, both with the flow."""


def alerts_of(floors: Records, resets_ns: NDArray[np.int64]) -> Records:
    """Return room for every alert that these floors can give: each level once before, and once after, every reset."""
    return records(len(floors) * (resets_ns.shape[1] + 1) * len(ALERT_PERCENT), ALERT)


def open_guard(terms: dict[str, int | float], cash: int) -> Records:
    """Return the guard of a fresh account."""
    guard = records(1, GUARD)
    guard[0].next_ns = guard[0].until_ns = INT64_MAX
    guard[0].balance, guard[0].last_day = cash, -1
    for name, value in terms.items():
        guard[0][name] = value
    return guard


def start_guard(guard: Records, floors: Records, resets_ns: NDArray[np.int64]) -> None:
    """Set the next reset of all floors, and how far the calendars reach."""
    known = [int(row[row < INT64_MAX].max(initial=0)) for row in resets_ns]
    guard[0].until_ns = min([known[int(row.calendar)] for row in floors], default=INT64_MAX)
    guard[0].next_ns = min([next_reset_ns(row, resets_ns) for row in floors], default=INT64_MAX)


@compiled
def roll_floors(
    floors: Records, guard: Record, resets_ns: NDArray[np.int64], equity: int, now: int, alerts: Records
) -> int:  # fmt: skip
    """Take all resets up to `now` with the last known equity and balance; return the `Rule` bits breached there."""
    bits, following = 0, INT64_MAX
    if now < guard.next_ns:
        return bits
    for k in range(len(floors)):
        row = floors[k]
        instant = next_reset_ns(row, resets_ns)
        while instant <= now:
            bits |= reset_floor(row, instant, equity - guard.flow, guard.balance - guard.flow)
            if row.alerts != 0:
                note_alerts(guard, alerts, floors, k, 0, instant, equity)
            row.next_reset += 1
            instant = next_reset_ns(row, resets_ns)
        following = min(following, instant)
    guard.next_ns = following
    return bits


@compiled
def watch_floors(floors: Records, guard: Record, account: Record, now: int, alerts: Records) -> int:
    """Test the account, as it was just valued, against every floor; return the `Rule` bits of those breached.

    What is used of an amount is told: written behind `alerts[:guard.told]`.
    """
    bits, flow = 0, guard.flow
    for k in range(len(floors)):
        given = floors[k].alerts
        bits |= watch_floor(floors[k], now, account.equity - flow, account.equity_low - flow, account.cash - flow)
        if floors[k].alerts != given:
            note_alerts(guard, alerts, floors, k, given, now, account.equity_low)
    guard.balance = account.cash
    return bits


@compiled
def note_alerts(
    guard: Record, alerts: Records, floors: Records, number: int, given: int, time_ns: int, equity: int
) -> None:  # fmt: skip
    """Write the alerts of one floor behind its first `given` ones of this period."""
    floor = floors[number]
    for level in range(given, floor.alerts):
        assert guard.told < len(alerts)
        alert = alerts[guard.told]
        alert.time_ns, alert.floor, alert.percent = time_ns, number, ALERT_PERCENT[level]
        alert.equity, alert.line = equity, floor.floor + guard.flow
        guard.told += 1


@compiled
def quiet_floors(floors: Records, guard: Record, best: int, worst: int, balance: int) -> bool:
    """Tell whether nothing is told or breached while the equity goes from `best` to `worst` in whatever order."""
    for k in range(len(floors)):
        row = floors[k]
        top = raised_top(row, best - guard.flow, balance - guard.flow)
        if worst - guard.flow <= (row.mark if top == row.top else mark_at(row, top, row.alerts)):
            return False
    return True


@compiled
def highest_floor(floors: Records, guard: Record, account: Record) -> int:
    """Return the highest floor of all, or that a reset now would set, with the flow."""
    highest = -INT64_MAX
    for k in range(len(floors)):
        highest = max(highest, standing_floor(floors[k], account.equity - guard.flow, account.cash - guard.flow))
    return int(highest + guard.flow)


@compiled
def most_used_ppm(floors: Records, guard: Record, equity: int) -> int:
    """Return the largest used share of any floor's amount, in parts per million."""
    most = 0
    for k in range(len(floors)):
        most = max(most, usage_ppm(floors[k], equity - guard.flow))
    return most


@compiled
def trade_risk_max(floors: Records, guard: Record, equity: int) -> int:
    """Return what one trade may risk: the least share of the room to any floor that may be used; at least 0."""
    most = INT64_MAX
    for k in range(len(floors)):
        room = max(equity - guard.flow - floors[k].floor, 0)
        share = floors[k].share_ppm
        most = min(most, room // PPM * share + room % PPM * share // PPM)
    return most


@compiled
def room_allows(equity: int, open_risk: int, new_risk: int, floor: int, buffer: int) -> bool:
    """Tell whether the equity stays at or above floor and buffer if every stop and the new one were hit."""
    return equity - open_risk - new_risk >= floor + buffer


@compiled
def volume_ppm(floors: Records, guard: Record, equity: int) -> int:
    """Return the size that the ladder leaves, in parts per million: whole, or half from `halve_ppm` on."""
    return PPM // 2 if most_used_ppm(floors, guard, equity) >= guard.halve_ppm else PPM


@compiled
def apply_flow(guard: Record, money: int) -> None:
    """Take a deposit (positive) or withdrawal: balance, tops and floors move by it, profit and loss do not."""
    guard.flow += money
    guard.balance += money
