"""Figures of a walk-forward: growth of the tests, in-sample against out-of-sample, overfitting, costs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.bookkeeping import DAY_NS
from research.report.figures import Figure, Trace, axis, bar_marker, digits_of, label, layout, packed, packed_times
from research.report.markup import amount, percent, signed
from research.validation import Overfitting
from research.walkforward import CostLine, WalkForward

Floats = NDArray[np.float64]

HEIGHT: Final = 340
BINS: Final = 31


def growth_figure(walk: WalkForward) -> Figure | None:
    """Return how money grew over all tests, and how the set grew that was the best with hindsight."""
    daily = walk.daily
    if not len(daily.days):
        return None
    growth, best = _growth(daily.returns), hindsight_set(walk)
    shared = np.isin(walk.days, daily.days)
    other = _growth(walk.returns[shared, best])
    digits = digits_of(growth, other)
    starts = [int(fold.daily.days[0]) for fold in walk.folds if len(fold.daily.days)]
    lines = [
        {
            "type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
            "line": {"color": "var(--muted)", "width": 1, "dash": "dot"},
        }
        for x in (day * DAY_NS // 10**6 for day in starts)
    ]  # fmt: skip
    return Figure(
        f"Growth over the tests in percent: chosen on the past {signed(growth[-1])} %, the best set with hindsight "
        f"{signed(other[-1])} % at the end.",
        [
            _line("Chosen on the past", daily.days, growth, "solid", "equity", digits),
            _line("Best set with hindsight", walk.days[shared], other, "dash", "floor", digits),
        ],
        layout(HEIGHT, shapes=lines, hovermode="x unified", xaxis=axis("Time (UTC)", type="date"),
               yaxis=axis("Growth (%)", tickformat=",.4~g")),
    )  # fmt: skip


def hindsight_set(walk: WalkForward) -> int:
    """Return the set that grew most over the days of the tests."""
    shared = np.isin(walk.days, walk.daily.days)
    return int(np.argmax(np.log1p(np.maximum(walk.returns[shared], -1.0 + 1e-12)).sum(axis=0)))


def _growth(returns: Floats) -> Floats:
    return np.asarray(100.0 * (np.cumprod(1.0 + returns) - 1.0), np.float64)


def _line(name: str, days: NDArray[np.int64], values: Floats, dash: str, color: str, digits: int) -> Trace:
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": packed_times(days * DAY_NS),
        "y": packed(values, digits), "line": {"color": f"var(--{color})", "width": 2, "dash": dash},
        "hovertemplate": "%{y:,.4~g} %",
    }  # fmt: skip


def fold_figure(walk: WalkForward) -> Figure | None:
    """Return the metric of every choice, on the bars that it was chosen on and on those that came after."""
    chosen = [(k, fold) for k, fold in enumerate(walk.folds, 1) if fold.in_sample is not None]
    if not chosen:
        return None
    names = [f"Fold {k}" for k, _ in chosen]
    inner = [getattr(fold.in_sample, walk.metric) for _, fold in chosen]
    outer = [getattr(fold.out_of_sample, walk.metric) for _, fold in chosen]
    words = "; ".join(
        f"{name}: {_said(one)} and {_said(other)}" for name, one, other in zip(names, inner, outer, strict=True)
    )
    metric = walk.metric.replace("_", " ")
    return Figure(
        f"{metric} of the chosen set in-sample and out-of-sample. {words}.",
        [_bars("In-sample", names, inner, "desk-0", ""), _bars("Out-of-sample", names, outer, "desk-1", "/")],
        layout(HEIGHT, barmode="group", bargap=0.3, xaxis=axis(type="category"), yaxis=axis(label(metric))),
    )


def _said(value: float | None) -> str:
    return "n/a" if value is None else amount(value)


def _bars(name: str, x: list[str], y: list[float | None], color: str, pattern: str) -> Trace:
    return {
        "type": "bar", "name": name, "x": x, "y": y, "marker": bar_marker(color, pattern),
        "text": [_said(value) for value in y], "textposition": "outside", "cliponaxis": False,
        "hovertemplate": f"%{{x}}, {name.lower()}: %{{text}}<extra></extra>",
    }  # fmt: skip


def logit_figure(found: Overfitting | None) -> Figure | None:
    """Return how the best of one half of the days ranked in the other, over all splits."""
    if found is None:
        return None
    most = float(np.abs(found.logits).max()) * (1.0 + 1e-9) or 1.0
    counts, edges = np.histogram(found.logits, BINS, (-most, most))
    middles = ((edges[1:] + edges[:-1]) / 2.0).tolist()
    return Figure(
        f"Logit of the best set's rank on the other half of the days, over {len(found.logits):,} splits; "
        f"{percent(found.pbo, 1)} of them are 0 or less.",
        [
            {
                "type": "bar", "x": middles, "y": counts.tolist(), "showlegend": False,
                "marker": {"color": ["var(--loss)" if middle <= 0.0 else "var(--win)" for middle in middles]},
                "hovertemplate": "about %{x:.2f}: %{y:,} splits<extra></extra>",
            }
        ],
        layout(
            HEIGHT, bargap=0.05, showlegend=False, xaxis=axis("Logit of the relative rank (0: the middle)"),
            yaxis=axis("Splits", tickformat=","),
        ),
    )  # fmt: skip


def cost_figure(lines: tuple[CostLine, ...], currency: str) -> Figure | None:
    """Return the profit of all tests at multiples of the costs."""
    if not lines:
        return None
    profits = [line.net_profit for line in lines]
    texts = [signed(profit) for profit in profits]
    names = [f"{line.multiple:f} x" for line in lines]
    return Figure(
        f"Net profit in {currency} at multiples of the costs. "
        + "; ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True)) + ".",
        [
            {
                "type": "bar", "x": names, "y": profits, "text": texts, "textposition": "outside",
                "cliponaxis": False, "showlegend": False,
                "marker": {"color": ["var(--win)" if profit > 0.0 else "var(--loss)" for profit in profits]},
                "hovertemplate": "%{x}: %{text}<extra></extra>",
            }
        ],
        layout(HEIGHT, bargap=0.5, showlegend=False, xaxis=axis("Multiple of the costs", type="category"),
               yaxis=axis(f"Net profit ({label(currency)})", tickformat=",")),
    )  # fmt: skip
