"""What votes are worth on real bars, out of sample: claims raw and calibrated, learned weights against equal ones.

Reads the market data that TRIFECTA_DATA names, and writes a reliability diagram per series below TRIFECTA_HOME. The
limits are goals: whatever comes out is printed as it is. The learners' numbers (sharpness, memory, default) were
settled while looking at all series but the last, so only that one is clean of the choice.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figure import Figure
from market.compiled import ROOT
from research.votes.picture import reliability_svg
from research.votes.sources import SERIES
from research.votes.study import Difference, Study, run_study

ECE_MAX: Final = 0.03
BRIER_GAIN_MIN: Final = 10.0
POINTS_MIN: Final = 5.0
DECLARED: Final = "thompson"
"""The learner that is held to the goal: the default. The others are for comparison."""


def figures() -> Iterator[Figure]:
    """Yield the figures of every series that there is data for."""
    data = Path(os.environ.get("TRIFECTA_DATA") or ROOT.parent / "shared" / "data")
    home = Path(os.environ.get("TRIFECTA_HOME") or ".trifecta")
    home.mkdir(parents=True, exist_ok=True)
    for series in SERIES:
        study = run_study(data, series)
        picture = home / f"reliability-{series.name.lower().replace(' ', '-')}.svg"
        picture.write_text(reliability_svg(_title(study), study.reports))
        yield Figure(f"{series.name}: decisions", study.decisions, "", note=f"{', '.join(study.symbols)}; {picture}")
        yield from _claims(study)
        yield from (_weights(study, one) for one in study.differences)


def _title(study: Study) -> str:
    return f"{study.series}: claims of direction against outcomes, walked forward ({study.decisions:,} decisions)"


def _claims(study: Study) -> Iterator[Figure]:
    for whose, reports in study.reports.items():
        raw = reports["raw"]
        name = f"{study.series}, {whose}"
        yield Figure(f"{name}: ECE raw", raw.ece, "", note=f"{raw.n:,} claims, {raw.hit_rate:.1%} came true")
        yield Figure(f"{name}: Brier raw", raw.brier, "")
        for kind, report in reports.items():
            if kind == "raw":
                continue
            demoted = f"demoted {study.demotions[whose][kind]} times"
            yield Figure(f"{name}: ECE {kind}", report.ece, "", ECE_MAX, at_most=True, note=demoted)
            gain, skill = 100.0 * (1.0 - report.brier / raw.brier), report.brier_skill_vs_base_rate
            against = "" if skill is None else f"; skill against the base rate {100.0 * skill:+.2f} %"
            yield Figure(
                f"{name}: Brier {kind} better than raw", gain, "%", BRIER_GAIN_MIN, note=f"{report.brier:.4f}{against}"
            )


def _weights(study: Study, one: Difference) -> Figure:
    note = (
        f"95 % {one.low:+.2f} to {one.high:+.2f}; {one.static:.2%} -> {one.learned:.2%} of {one.decisions:,}, "
        f"{one.discordant:.0%} differ"
    )
    limit = POINTS_MIN if one.learner == DECLARED else None
    return Figure(f"{study.series}: {one.learner} against equal weights", one.points, "points", limit, note=note)
