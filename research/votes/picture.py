"""The reliability diagram of the study, as SVG: what was claimed against what came true, and how often."""

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from policies.calibration_report import Bucket, Reliability

PANEL: Final = 380
MARGIN: Final = 64
GAP: Final = 92
COUNTS: Final = 84
TOP: Final = 96
LEAST: Final = 30
"""Claims that a bucket needs to be drawn."""
INKS: Final = {"raw": "#b3411e", "beta buckets": "#1c6fb0", "isotonic": "#1d7a46"}
Z: Final = 1.96


def reliability_svg(title: str, panels: Mapping[str, Mapping[str, Reliability]]) -> str:
    """Return one picture, a panel per source of claims; a mark per bucket of at least 30 with its 95 % interval."""
    width = MARGIN + len(panels) * (PANEL + GAP)
    height = TOP + PANEL + COUNTS + 100
    body = [_text(MARGIN, 30, title, 18, "start", bold=True)]
    for number, (name, reports) in enumerate(panels.items()):
        left = MARGIN + number * (PANEL + GAP)
        body += [_text(left, TOP - 34, name, 15, "start", bold=True), *_frame(left), *_legend(left, reports)]
        for kind, report in reports.items():
            body += _marks(left, kind, report)
        body += _histogram(left, reports)
    style = "font-family:system-ui,sans-serif"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="{style}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _frame(left: int) -> Iterator[str]:
    bottom = TOP + PANEL
    yield f'<rect x="{left}" y="{TOP}" width="{PANEL}" height="{PANEL}" fill="none" stroke="#888"/>'
    yield _line(left, bottom, left + PANEL, TOP, "#888", "5 4")
    for k in range(6):
        at, share = k * PANEL / 5, f"{20 * k} %"
        yield _line(left, bottom - at, left + PANEL, bottom - at, "#e4e4e4")
        yield _text(left - 8, bottom - at + 4, share, 12, "end")
        yield _text(left + at, bottom + COUNTS + 34, share, 12, "middle")
    yield _text(left + PANEL / 2, bottom + COUNTS + 56, "claimed probability", 13, "middle")
    yield _text(left + 8, bottom + 24, "claims per bucket", 12, "start")
    yield (
        f'<text x="{left - 46}" y="{TOP + PANEL / 2}" font-size="13" text-anchor="middle" '
        f'transform="rotate(-90 {left - 46} {TOP + PANEL / 2})">came true</text>'
    )


def _legend(left: int, reports: Mapping[str, Reliability]) -> Iterator[str]:
    for row, (kind, report) in enumerate(reports.items()):
        y = TOP + 22 + 20 * row
        yield _mark(left + 16, y - 4, kind)
        words = f"{kind}: ECE {report.ece:.3f}, Brier {report.brier:.4f}"
        yield _text(left + 30, y, words, 13, "start", ink=INKS[kind])


def _marks(left: int, kind: str, report: Reliability) -> Iterator[str]:
    """A mark per bucket, joined by a line, each with Wilson's interval of its hit rate."""
    bottom, places = TOP + PANEL, []
    for row in _drawn(report):
        assert row.mean_confidence is not None
        x = left + PANEL * row.mean_confidence
        low, high = _wilson(row.wins, row.n)
        yield _line(x, bottom - PANEL * low, x, bottom - PANEL * high, INKS[kind])
        places.append((x, bottom - PANEL * row.wins / row.n))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{INKS[kind]}" stroke-width="1.5"/>'
    yield from (_mark(x, y, kind) for x, y in places)


def _histogram(left: int, reports: Mapping[str, Reliability]) -> Iterator[str]:
    """Claims per bucket below the diagram, one slim bar beside the other, up from a common base."""
    base, most = TOP + PANEL + COUNTS + 12, max(row.n for report in reports.values() for row in report.buckets)
    yield _line(left, base, left + PANEL, base, "#888")
    for number, (kind, report) in enumerate(reports.items()):
        for row in report.buckets:
            wide = PANEL / len(report.buckets) / (len(reports) + 1)
            tall = (COUNTS - 24) * row.n / most
            x = left + PANEL * row.low + wide * (number + 0.5)
            box = f'x="{x:.1f}" y="{base - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
            yield f'<rect {box} fill="{INKS[kind]}"/>'
    yield _text(left + PANEL, TOP + PANEL + 24, f"highest bar {most:,}", 12, "end")


def _drawn(report: Reliability) -> list[Bucket]:
    return [row for row in report.buckets if row.n >= LEAST]


def _wilson(wins: int, count: int) -> tuple[float, float]:
    rate, square = wins / count, Z * Z / count
    middle = (rate + square / 2.0) / (1.0 + square)
    half = Z * math.sqrt(rate * (1.0 - rate) / count + square / (4.0 * count)) / (1.0 + square)
    return middle - half, middle + half


def _mark(x: float, y: float, kind: str) -> str:
    """A circle, a square or a triangle: kinds differ without colour as well."""
    ink = INKS[kind]
    if kind == "raw":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{ink}"/>'
    if kind == "beta buckets":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{ink}"/>'
    return f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" fill="{ink}"/>'


def _line(x0: float, y0: float, x1: float, y1: float, ink: str, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{ink}"{dashed}/>'


def _text(x: float, y: float, words: str, size: int, anchor: str, *, bold: bool = False, ink: str = "#222") -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{ink}"{weight}>'
        f"{escape(words)}</text>"
    )
