"""One decision as a picture: every vote as a bar, what it added to the score, what it is worth, what stopped it."""

from collections.abc import Iterator
from typing import Final

from research.drawing import Box, Drawing, Line, Shape, Words
from research.reasons import Probability, Reasons, VoteCast

WIDTH: Final = 1000
LEFT: Final = 40
MIDDLE: Final = 440
SCALE: Final = 190.0
"""Units from a vote of 0 to one of 1."""
ROW: Final = 20
UP, DOWN, PALE, GREY, RULE = "#1d7a46", "#b3411e", "#c9ccd1", "#6b7075", "#e4e4e4"
WRAP: Final = 128


def picture_of(reasons: Reasons) -> Drawing:
    """Return the picture of a decision's reasons."""
    shapes: list[Shape] = [*_head(reasons)]
    y = 118.0
    shapes += _axis(y, y + ROW * max(len(reasons.votes), 1) + 8)
    previous = ""
    for vote in reasons.votes:
        y += ROW
        frame = vote.timeframe or ""
        if previous and frame != previous:
            shapes.append(Line(LEFT, y - 15, WIDTH - LEFT, y - 15, RULE))
        previous = frame
        shapes += _vote(vote, y)
    if not reasons.votes:
        shapes.append(Words(LEFT, y + 20, "this policy has no votes: it acts on what it measured", 13, GREY))
        y += ROW
        for name, value in reasons.features.items():
            y += ROW
            shapes.append(Words(LEFT, y + 10, f"{name}  {'-' if value is None else format(value, '.6g')}", 13))
    y += 50
    shapes += _probability(reasons.probability, y)
    y += 62
    for line in _foot(reasons):
        shapes.append(Words(LEFT, y, line, 13))
        y += 19
    return Drawing(f"decision {reasons.decision_id}: {reasons.ruling}", WIDTH, int(y + 16), shapes)


def _head(reasons: Reasons) -> Iterator[Shape]:
    what = f"{reasons.side} {', '.join(reasons.instruments)}"
    yield Words(LEFT, 36, f"{what}: {reasons.ruling}", 20, bold=True)
    yield Words(
        LEFT, 60, f"{reasons.decision_id}   {reasons.time} UTC   desk {reasons.desk}, policy {reasons.policy}", 13, GREY
    )
    parts = [f"score {reasons.score:+.3f}"]
    if reasons.agreement is not None and reasons.coverage is not None:
        parts += [f"agreement {reasons.agreement:.0%}", f"coverage {reasons.coverage:.0%}"]
    if reasons.regime is not None:
        parts.append(f"regime {reasons.regime}, volatility {reasons.volatility}")
    yield Words(LEFT, 84, ", ".join(parts), 14)


def _axis(top: float, bottom: float) -> Iterator[Shape]:
    for k in range(-2, 3):
        x = MIDDLE + k * SCALE / 2
        yield Line(x, top, x, bottom, RULE if k else "#999999")
        yield Words(x, top - 6, f"{k / 2:+g}" if k else "0", 11, GREY, "middle")
    yield Words(LEFT, top - 6, "vote of", 11, GREY)
    yield Words(WIDTH - LEFT - 130, top - 6, "weight", 11, GREY, "end")
    yield Words(WIDTH - LEFT, top - 6, "adds to the score", 11, GREY, "end")


def _vote(vote: VoteCast, y: float) -> Iterator[Shape]:
    silent = vote.vote is None or vote.weight == 0.0
    ink = GREY if silent else "#222222"
    name = f"{vote.timeframe}  {vote.source}" if vote.timeframe else vote.source
    yield Words(LEFT, y, name, 13, ink)
    if vote.group:
        yield Words(LEFT + 125, y, vote.group, 11, GREY)
    if vote.vote is None:
        yield Words(MIDDLE + 6, y, "no opinion", 11, GREY)
    else:
        size = vote.vote * SCALE
        shade = PALE if vote.weight == 0.0 else {"for": UP, "against": DOWN}.get(vote.says, GREY)
        yield Box(MIDDLE + min(size, 0.0), y - 11, max(abs(size), 1.0), 12, shade)
    weight = "not stated" if vote.weight is None else f"{vote.weight:.1%}"
    yield Words(WIDTH - LEFT - 130, y, weight, 13, ink, "end")
    yield Words(WIDTH - LEFT, y, f"{vote.share:+.4f}" if vote.share is not None else "-", 13, ink, "end")


def _probability(found: Probability, y: float) -> Iterator[Shape]:
    """Draw the claim and what it is worth on a line from 0 to 1."""
    left, length = 300.0, 500.0
    kind = "calibrated probability" if found.calibrated else "claim, not calibrated"
    yield Words(LEFT, y + 5, f"{kind} {found.value:.1%}", 14, bold=True)
    yield Line(left, y, left + length, y, "#999999", 2)
    for k in range(5):
        x = left + k * length / 4
        yield Line(x, y - 4, x, y + 4, "#999999")
        yield Words(x, y + 20, f"{k / 4:g}", 11, GREY, "middle")
    if found.low is not None and found.high is not None:
        yield Box(left + found.low * length, y - 5, max((found.high - found.low) * length, 1.0), 10, "#9ec5e8")
        said = f"95 % interval {found.low:.1%} to {found.high:.1%} of {found.outcomes:,} outcomes"
        said += f"; claimed {found.claim:.1%}"
        yield Words(left, y - 14, said, 12, GREY)
    yield Box(left + found.value * length - 2, y - 9, 4, 18, "#1c6fb0")
    yield Line(left + found.claim * length, y - 9, left + found.claim * length, y + 9, DOWN, 2)


def _foot(reasons: Reasons) -> Iterator[str]:
    against = ", ".join(reasons.against) or "nothing"
    yield from _wrapped(f"against it: {against}")
    for standing in reasons.standings:
        yield from _wrapped(f"not fully trusted: {standing}")
    stopped = reasons.stopped.text if reasons.stopped else "nothing: it was executed"
    yield from _wrapped(f"stopped by: {stopped}")


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= WRAP:
            yield line
            line = "    "
        line += f"{word} "
    yield line.rstrip()
