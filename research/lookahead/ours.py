"""Studies of our own catalogue: features over bars, and what a bar desk's policy thinks at every bar, spoken or not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.feature_specs import SPECS
from market.features import feature_program, run_series
from market.records import Record, Records, records
from policies import sma_cross
from policies.catalogue import PolicySpec, features_of
from policies.hearing import asked
from policies.intents import INTENT, VOTES_MAX
from policies.proposals import PolicyKind
from policies.view import VIEW
from research.lookahead import frames as framing
from research.lookahead.columns import Columns
from research.lookahead.declared import settled_after
from research.lookahead.frames import CLOSE, Frames
from research.lookahead.study import Study
from research.wording import VOTES

EXAMPLES: Final[Mapping[str, str]] = {
    "n": "9", "fast": "5", "slow": "12", "signal": "4", "k": "3", "d": "3", "width": "2", "bins": "8",
}  # fmt: skip
"""Parameters of the example of every feature."""

OPINION: Final = ("strength", "confidence")


def example_features() -> tuple[str, ...]:
    """Return one feature per name of the catalogue, with small parameters."""
    return tuple(":".join((name, *(EXAMPLES[one] for one in spec.parameters))) for name, spec in SPECS.items())


def study_of_features(name: str, features: Sequence[str], frames: Frames) -> Study:
    """Return the study of features over bars of one symbol; ValueError names one that is not understood."""
    program, size = feature_program(features)

    def evaluate(data: Frames) -> Columns:
        values = _run(program, size, data)
        return {feature: values[:, k] for k, feature in enumerate(features)}

    settled = {feature: settled_after(feature, frames.bar_ns) for feature in features}
    return _study(name, frames, evaluate, settled)


def study_of_opinion(name: str, spec: PolicySpec, params: Mapping[str, float], frames: Frames) -> Study:
    """Return the study of what a bar desk's policy thinks of every bar of one symbol, prices in ticks as live.

    Columns: the features that it reads, strength and confidence, votes. Whether it says so is not asked.
    """
    features = features_of(spec, params)
    program, size = feature_program(features)
    said = (*OPINION, *VOTES.get(spec.name, ()))
    values = np.array([params[bound.name] for bound in spec.params])

    def evaluate(data: Frames) -> Columns:
        seen, closes = _run(program, size, data), np.ascontiguousarray(data.values[:, CLOSE])
        thought = np.full((len(data.times), len(OPINION) + VOTES_MAX), np.nan)
        think(int(spec.kind), seen, closes, values, records(1, VIEW), records(1, INTENT), thought)
        named = {f"opinion {what}": thought[:, k] for k, what in enumerate(said)}
        return {feature: seen[:, k] for k, feature in enumerate(features)} | named

    settled = {feature: settled_after(feature, frames.bar_ns) for feature in features}
    longest = max((bars for bars in settled.values() if bars is not None), default=0)
    return _study(name, frames, evaluate, settled | {f"opinion {what}": longest for what in said})


def _run(program: Records, size: int, data: Frames) -> NDArray[np.float64]:
    open_, high, low, close, volume = data.values.T
    return run_series(program, size, open_, high, low, close, volume, data.times)


def _study(name: str, frames: Frames, evaluate: Any, settled: Mapping[str, int | None]) -> Study:
    return Study(
        name=name, data=frames, times=frames.times, evaluate=evaluate, cut=framing.cut,
        changes=framing.changes_of(finite=True), parts=framing.parts_of(frames), begin=framing.begin,
        longest={column: bars for column, bars in settled.items() if bars is not None},
        anchored=frozenset(column for column, bars in settled.items() if bars is None), bar_ns=frames.bar_ns,
    )  # fmt: skip


@compiled
def think(
    kind: int, features: NDArray[np.float64], closes: NDArray[np.float64], params: NDArray[np.float64],
    views: Records, scratch: Records, out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the opinion on every bar, [bar, column], NaN while a policy has none; by the functions that live asks."""
    view: Record = views[0]
    opinion: Record = scratch[0]
    for i in range(len(closes)):
        opinion.strength, opinion.confidence, opinion.votes_count = np.nan, np.nan, 0
        if kind == PolicyKind.SMA_CROSS:
            before = view.last_side
            view.last_side = sma_cross.side_of(before, features[i, sma_cross.FAST], features[i, sma_cross.SLOW])
            opinion.strength = float(view.last_side) if view.last_side != 0 else np.nan
        else:
            view.bars += 1
            asked(view, kind, features[i], params, closes[i], opinion)
        out[i, 0], out[i, 1] = opinion.strength, opinion.confidence
        for k in range(opinion.votes_count):
            out[i, 2 + k] = opinion.votes[k]
