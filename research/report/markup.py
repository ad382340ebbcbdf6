"""Small pieces of HTML and of text for people. Whatever comes from outside is escaped here, and only here."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

import numpy as np

SECOND_NS: Final = 10**9
NONE_BELOW: Final = -1e9
"""Bounds of a plan from here down are none."""


def text(value: object) -> str:
    """Return a value as HTML text; it may stand in an attribute too."""
    return escape(str(value), quote=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1, **attributes: str) -> str:
    """Return a table whose first `left` columns are words and the rest numbers; cells are escaped."""
    kinds = f"{attributes.pop('class_', '')} left{left}".strip()
    names = "".join(f' {name}="{text(value)}"' for name, value in attributes.items())
    head = "".join(f'<th scope="col">{text(header)}</th>' for header in headers)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}' for cell in row)}\n" for row in rows)
    return f'<table class="{kinds}"{names}><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'


def scrolling(inner: str, label: str, kind: str = "") -> str:
    """Return a region that scrolls by itself, reachable by keyboard: the page never scrolls sideways."""
    return f'<div class="scroll {kind}" role="region" aria-label="{text(label)}" tabindex="0">{inner}</div>'


def details(summary: str, inner: str, opened: bool = False) -> str:
    """Return a part that folds away."""
    return f"<details{' open' if opened else ''}><summary>{text(summary)}</summary>{inner}</details>"


def paragraph(words: str, kind: str = "note") -> str:
    """Return a paragraph; nothing for no words."""
    return f'<p class="{kind}">{text(words)}</p>' if words else ""


def utc(time_ns: int) -> str:
    """Return a time as `2024-01-08 07:30:00`, with milliseconds where it has any."""
    whole = str(np.datetime64(int(time_ns), "ns").astype("datetime64[ms]")).replace("T", " ")
    return whole.removesuffix(".000")


def span_text(span_ns: int) -> str:
    """Return a span of time in its two largest units: `2 d 4 h`, `1 min 30 s`, `0.25 s`."""
    seconds = span_ns / SECOND_NS
    if seconds < 10:
        return f"{seconds:.3g} s"
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])


def amount(value: float, places: int = 2) -> str:
    """Return an amount with thousands separators; never `-0.00`."""
    return f"{round(value, places) + 0.0:,.{places}f}"


def signed(value: float, places: int = 2) -> str:
    """Return an amount with its sign: a gain has a plus."""
    return f"{round(value, places) + 0.0:+,.{places}f}"


def percent(fraction: float | None, places: int = 2) -> str:
    """Return a fraction as percent, `n/a` for None."""
    return "n/a" if fraction is None else f"{100 * fraction:,.{places}f} %"


def bound(value: float) -> str:
    """Return a bound of a plan; the values that stand for none say so."""
    return "none" if value <= NONE_BELOW else f"{value:,.12g}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
