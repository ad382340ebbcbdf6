"""Pre-trade controls: from the [controls] section to the integers of the plan, instrument by instrument."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from market.instruments import Instrument, Kind
from market.money import INT64_MAX, money_of
from policies.controls import override_bits
from policies.plan import ControlsPlan, InstrumentControls, OverridePlan
from research.config_sections import Controls, Override

SECOND_NS: Final = 10**9
PPM: Final = 10**6
WIDE_PPM: Final = 10**9
WIDE_COUNT: Final = 100_000
WIDE_MONEY: Final = 10**18


def controls_plan(
    own: Controls, instruments: Sequence[Instrument], bars_ns: Sequence[int], *, wide: bool
) -> ControlsPlan:
    """Return the controls of a plan; `bars_ns` are the lengths of the bars that move each instrument (0: quotes).

    `wide` is for comparing policies and engines: every control is asked, at limits that do not bind. ValueError names
    what is wrong: a jurisdiction that nobody described, an override that may not be granted.
    """
    if own.jurisdiction not in own.permitted:
        raise ValueError(
            f"controls.jurisdiction = {own.jurisdiction}: {' or '.join(sorted(own.permitted))} is allowed, as listed "
            "in controls.permitted"
        )
    bounds = tuple(
        _wide_bound() if wide else _bound(own, instrument, bar_ns)
        for instrument, bar_ns in zip(instruments, bars_ns, strict=True)
    )
    if wide:
        return _wide(bounds)
    return ControlsPlan(
        instruments=bounds,
        value_max=money_of(own.order_value_max),
        value_ppm_max=_ppm(own.order_value_fraction_max),
        gross_ppm_max=_ppm(own.gross_fraction_max),
        messages_max=own.messages_max,
        venue_messages_max=own.venue_messages_max,
        message_ns=SECOND_NS,
        executions_max=own.executions_max,
        executions_ns=own.executions_window_s * SECOND_NS,
        same_max=own.identical_max,
        same_ns=own.identical_window_s * SECOND_NS,
        duplicate_ns=_ns(own.duplicate_s),
        drift_ns=_ns(own.drift_window_s),
        fat_finger_factor=own.fat_finger_factor,
        jump_sigma=own.jump_sigma,
        self_trade=int(own.refuse_self_trade),
        locked=int(own.refuse_locked),
        overrides=tuple(map(_override, own.override)),
    )


def _bound(own: Controls, instrument: Instrument, bar_ns: int) -> InstrumentControls:
    """Return what one order of an instrument may be; a bar is the newest price until the next one is due."""
    kind = instrument.kind.name.lower()
    collar = {str(name): percent for name, percent in own.collar_percent.items()}.get(kind)
    if collar is None and instrument.kind is not Kind.BINARY:
        raise ValueError(f"controls.collar_percent.{kind} is missing; {instrument.key} needs it")
    return InstrumentControls(
        collar_ppm=_ppm((collar or Decimal(0)) / 100),
        drift_ppm=_ppm((collar or Decimal(100)) / 100),
        lots_max=min(own.order_lots_max, instrument.lots_max),
        reference_ns_max=max(_ns(own.reference_age_s), 2 * bar_ns),
        permitted=kind in own.permitted[own.jurisdiction],
    )


def _wide_bound() -> InstrumentControls:
    return InstrumentControls(
        collar_ppm=WIDE_PPM, drift_ppm=WIDE_PPM, lots_max=WIDE_MONEY, reference_ns_max=INT64_MAX, permitted=True
    )


def _wide(bounds: tuple[InstrumentControls, ...]) -> ControlsPlan:
    return ControlsPlan(
        instruments=bounds, value_max=WIDE_MONEY, value_ppm_max=WIDE_PPM, gross_ppm_max=WIDE_PPM,
        messages_max=WIDE_COUNT, venue_messages_max=WIDE_COUNT, message_ns=1, executions_max=WIDE_COUNT,
        executions_ns=1, same_max=WIDE_COUNT, same_ns=1, duplicate_ns=0, drift_ns=0, fat_finger_factor=PPM,
        jump_sigma=PPM, self_trade=0, locked=0,
    )  # fmt: skip


def _override(given: Override) -> OverridePlan:
    from_ns, until_ns = (int(moment.timestamp()) * SECOND_NS for moment in (given.begins, given.ends))
    override_bits(given.rules, given.people, from_ns, until_ns)
    return OverridePlan(rules=given.rules, people=given.people, reason=given.reason, from_ns=from_ns, until_ns=until_ns)


def _ppm(fraction: Decimal) -> int:
    return int(fraction * PPM)


def _ns(seconds: float) -> int:
    return int(seconds * SECOND_NS)
