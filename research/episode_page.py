"""An episode as one HTML file that needs nothing else: the picture's panels to zoom into, in light and in dark."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from envs.episode import Episode, EpisodeResult, Floats, require_episode, result_of_episode
from research.episode_picture import action_ink, runs_of, seed_words
from research.report.equity import line
from research.report.figures import (
    Figure,
    Trace,
    axis,
    bar_marker,
    digits_of,
    gap_lines,
    label,
    layout,
    packed,
    packed_times,
    time_axis,
    time_range,
)
from research.report.head import card
from research.report.markup import amount, details, percent, plural, scrolling, signed, span_text, table, text, utc
from research.report.page import Plots, Section, join_page
from research.report.thinning import extremes, gaps_of

FILLS_LISTED: Final = 500
FILLS_DRAWN: Final = 4000
INKS: Final = {"#0067a3": "win", "#c2410c": "loss", "#6e7781": "muted"}
"""The page's name of a colour of the picture."""
PATTERNS: Final = ("", "/", "x", ".", "+", "-")
CAPTION: Final = (
    "Triangles: what opened, up for a buy, down for a sell; squares: what closed, filled for a gain and open for none. "
    "Below: signed lots. Drag to zoom in, double click to see all; dotted lines are gaps without market data."
)


def write_episode(episode: Episode, path: Path) -> Path:
    """Write the page of an episode; return its path. Equal episodes give equal bytes."""
    require_episode(episode)
    plots = Plots()
    sections = [
        Section("price", "Price", "Price, fills and position",
                plots.place("price", price_figure(episode), CAPTION, "") + _fill_table(episode)),
        Section("equity", "Equity", "Equity and drawdown of the account",
                plots.place("equity", equity_figure(episode), "", "")),
        Section("rewards", "Rewards", "Rewards", plots.place(
            "rewards", reward_figure(episode), "Above: the sum of rewards so far; below: every step's own.", "")),
        Section("actions", "Actions", "Actions", plots.place(
            "actions", action_figure(episode), "How often each action was taken; the scale is logarithmic.", "")),
    ]  # fmt: skip
    title = f"Trifecta: episode of {episode.instrument}"
    path.parent.mkdir(parents=True, exist_ok=True)
    page = join_page(title, _identity(episode) + _cards(episode, result_of_episode(episode)), sections, plots)
    path.write_text(page, encoding="utf-8")
    return path


def _identity(episode: Episode) -> str:
    begin, end = int(episode.time_ns[0]), int(episode.time_ns[-1])
    rows = [
        ("Environment", episode.environment), ("Policy", episode.policy), ("Instrument", episode.instrument),
        ("Market span", f"{utc(begin)} to {utc(end)} UTC ({span_text(end - begin)})"), ("Chance", seed_words(episode)),
        ("Data", episode.data),
    ]  # fmt: skip
    return f'<dl class="identity">{"".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in rows)}</dl>'


def _cards(episode: Episode, found: EpisodeResult) -> str:
    currency = f"<small>{text(episode.currency)}</small>"
    share = found.profit / found.begin_equity if found.begin_equity > 0.0 else None
    cards = (
        card("Profit of the account", f"{signed(found.profit)} {currency}", f"{percent(share)} of where it began"),
        card("Final equity", f"{amount(found.end_equity)} {currency}", f"began with {amount(found.begin_equity)}"),
        card("Max drawdown", f"{amount(found.drawdown_max)} {currency}", "below the highest equity before"),
        card("Rewards", f"{found.reward_sum:+.4g}", f"sum over {plural(found.steps, 'step')}"),
        card("Closed trades", f"{found.trades:,}", f"{found.gained:,} gained; of this instrument"),
        card("In a position", percent(found.exposed, 1), "of the steps"),
    )
    return f'<ul class="cards">{"".join(cards)}</ul>'


def price_figure(episode: Episode) -> Figure:
    """Return price with fills, and below it the position."""
    keep = extremes([episode.close, -episode.close])
    digits = digits_of(episode.close)
    data = [
        line("Price", "price", width=1.2, x=packed_times(episode.time_ns[keep]), y=packed(episode.close[keep], digits),
             hovertemplate="%{y}"),
        *_fill_traces(episode, digits),
        *_position_traces(episode),
    ]  # fmt: skip
    figure_layout = layout(
        620, hovermode="closest", shapes=gap_lines(_gaps(episode)), xaxis=_times(episode),
        yaxis=axis("Price", domain=[0.27, 1], tickformat="~f"), yaxis2=axis("Lots", domain=[0, 0.2], tickformat=","),
    )  # fmt: skip
    found = result_of_episode(episode)
    summary = (
        f"Price of {episode.instrument} with {plural(len(episode.fills.lots), 'fill')}, "
        f"{plural(found.trades, 'closed trade')} of which {found.gained} gained."
    )
    return Figure(summary, data, figure_layout)


def _fill_traces(episode: Episode, digits: int) -> list[Trace]:
    fills = episode.fills
    opened = np.isnan(fills.gain)
    kinds = (
        ("Opened, buy", "triangle-up", "entry", opened & (fills.lots > 0)),
        ("Opened, sell", "triangle-down", "entry", opened & (fills.lots < 0)),
        ("Closed, gain", "square", "win", fills.gain > 0.0),
        ("Closed, no gain", "square-open", "loss", fills.gain <= 0.0),
    )
    found = []
    for name, symbol, color, chosen in kinds:
        rows = np.flatnonzero(chosen)
        if len(rows):
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), FILLS_DRAWN)).astype(int))]
            ring = {"width": 2} if symbol.endswith("-open") else {"color": "var(--paper)", "width": 1}
            gained = ["" if np.isnan(gain) else f"<br>gained {signed(gain)}" for gain in fills.gain[rows]]
            found.append({
                "type": "scatter", "mode": "markers", "name": name, "x": packed_times(fills.time_ns[rows]),
                "y": packed(fills.price[rows], digits), "text": gained, "customdata": fills.lots[rows].tolist(),
                "hovertemplate": "%{y}, %{customdata:+,} lots%{text}",
                "marker": {"symbol": symbol, "size": 10, "color": f"var(--{color})", "line": ring},
            })  # fmt: skip
    return found


def _position_traces(episode: Episode) -> list[Trace]:
    """The position as a step line with the ground below it, long and short apart."""
    runs = runs_of(episode.position)
    rows = np.array([*(begin for begin, _, _ in runs), len(episode.position) - 1])
    held = episode.position[rows].astype(float)
    x = packed_times(episode.time_ns[rows])
    return [
        line(name, color, width=1, x=x, y=packed(side, 0), yaxis="y2", fill="tozeroy", showlegend=False,
             line={"shape": "hv"}, hovertemplate="%{y:+,} lots")
        for name, color, side in (
            ("Long", "win", np.maximum(held, 0.0)), ("Short", "loss", np.minimum(held, 0.0))
        )
    ]  # fmt: skip


def equity_figure(episode: Episode) -> Figure:
    """Return equity, and below it the drawdown."""
    found = result_of_episode(episode)
    keep = extremes([episode.equity, -episode.equity, episode.drawdown])
    figure_layout = _two_panels(episode, f"Equity ({label(episode.currency)})", "Below peak", ",")
    x, digits = packed_times(episode.time_ns[keep]), max(digits_of(episode.equity), 2)
    data = [
        line("Equity", "equity", width=2, x=x, y=packed(episode.equity[keep], digits), hovertemplate="%{y:,.2f}"),
        line("Drawdown", "loss", x=x, y=packed(-episode.drawdown[keep], digits), yaxis="y2", fill="tozeroy",
             hovertemplate="%{y:,.2f}"),
    ]  # fmt: skip
    summary = (
        f"Equity from {amount(found.begin_equity)} to {amount(found.end_equity)} {episode.currency}; largest drawdown "
        f"{amount(found.drawdown_max)}."
    )
    return Figure(summary, data, figure_layout)


def reward_figure(episode: Episode) -> Figure:
    """Return the sum of rewards, and below it every step's own."""
    summed = np.cumsum(episode.reward)
    keep = extremes([summed, -summed, episode.reward, -episode.reward])
    x = packed_times(episode.time_ns[keep])
    data = [
        line("Sum of rewards", "equity", width=2, x=x, y=_figures(summed, keep), hovertemplate="%{y:.4g}"),
        line("Reward", "muted", width=1, x=x, y=_figures(episode.reward, keep), yaxis="y2", hovertemplate="%{y:.4g}"),
    ]
    summary = f"Rewards of {plural(len(keep), 'step')}, {summed[-1]:+.4g} in all."
    return Figure(summary, data, _two_panels(episode, "Sum", "Reward", "~g"))


def _figures(values: Floats, keep: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    return packed(values[keep], digits_of(values))


def _times(episode: Episode) -> dict[str, Any]:
    """The same time axis below every figure, so that a place on one is the same instant on the others."""
    ends = int(episode.time_ns[0]), int(episode.time_ns[-1])
    return time_axis(_gaps(episode), anchor="y2", range=time_range(*ends))


def _gaps(episode: Episode) -> list[tuple[int, int]]:
    return gaps_of(np.unique(np.concatenate([episode.time_ns, episode.fills.time_ns])))


def _two_panels(episode: Episode, upper: str, lower: str, form: str) -> dict[str, Any]:
    return layout(
        460, hovermode="x unified", shapes=gap_lines(_gaps(episode)), xaxis=_times(episode),
        yaxis=axis(upper, domain=[0.4, 1], tickformat=form), yaxis2=axis(lower, domain=[0, 0.32]),
    )  # fmt: skip


def action_figure(episode: Episode) -> Figure:
    """Return how often each action was taken."""
    names = episode.action_names
    counts = np.bincount(episode.action, minlength=len(names)).tolist()
    data: list[Trace] = [
        {
            "type": "bar", "orientation": "h", "y": [label(names[k])], "x": [count], "showlegend": False,
            "text": [f"{count:,} ({percent(count / len(episode.action), 1)})"], "textposition": "outside",
            "cliponaxis": False, "hoverinfo": "skip",
            "marker": bar_marker(INKS[action_ink(names, k)], PATTERNS[k % len(PATTERNS)]),
        }
        for k, count in enumerate(counts)
    ]  # fmt: skip
    decades = int(np.ceil(np.log10(max(*counts, 10))))
    figure_layout = layout(
        110 + 44 * len(names),
        xaxis=axis("Steps", type="log", range=[-0.1, decades + 0.5], tickvals=[10**k for k in range(decades + 1)]),
        yaxis=axis(autorange="reversed"),
        barmode="overlay",
    )
    said = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    return Figure(f"Actions: {said}.", data, figure_layout)


def _fill_table(episode: Episode) -> str:
    fills = episode.fills
    count = len(fills.lots)
    if not count:
        return ""
    rows = [
        (utc(int(fills.time_ns[k])), f"{fills.price[k]:.10g}", f"{int(fills.lots[k]):+,}",
         "" if np.isnan(fills.gain[k]) else signed(float(fills.gain[k])))
        for k in range(min(count, FILLS_LISTED))
    ]  # fmt: skip
    named = f"Fills: {count:,}" + (f", the first {FILLS_LISTED} listed" if count > FILLS_LISTED else "")
    listed = table(("Time (UTC)", "Price", "Lots", f"Gain ({episode.currency})"), rows)
    return details(named, scrolling(listed, "Fills", "tall"))
