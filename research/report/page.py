"""The page: sections in one order, figures as data, plotly.js once, and a policy that forbids the browser any network.

Equal input gives equal bytes: nothing here reads a clock, draws a number or counts what came before.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from research.report.decisions import outcome_figure, outcome_table, reason_figure, reason_table
from research.report.equity import equity_figure, floor_notes
from research.report.facts import PriceSeries, ReportFacts
from research.report.figures import Figure
from research.report.fills import fill_figures
from research.report.floors import floor_curves, floor_figure, floor_table, floor_words
from research.report.head import data_list, headline, identity, title_of
from research.report.markup import details, paragraph, plural, scrolling, text
from research.report.probabilities import binary_desks, probability_figure
from research.report.tables import desk_table, event_table, latch_table, trade_table
from research.report.terms import limits_table, plan_terms
from research.report.thresholds import arbitrage_desks, threshold_figures, threshold_table, thresholds_of
from research.result import RunResult
from research.run_metrics import metrics_of

UNSAFE: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What could end a script element or a line of it, as JSON spells it."""


class Section(NamedTuple):
    """One part of the page."""

    anchor: str
    link: str
    heading: str
    body: str


class Plots:
    """Collects the figures of a page and gives the HTML of their places."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    def add(self, name: str, figure: Figure) -> None:
        """Take a figure under a name."""
        views = [{"label": view.label, "ranges": view.ranges} for view in figure.views]
        self.figures[name] = {
            "summary": figure.summary, "data": figure.data, "layout": figure.layout, "views": views,
        }  # fmt: skip

    def place(self, name: str, figure: Figure | None, caption: str, empty: str) -> str:
        """Return the place of a figure with its caption; `empty` says why there is none."""
        if figure is None:
            return paragraph(empty)
        self.add(name, figure)
        return self.frame(name, figure, caption)

    def frame(self, name: str, figure: Figure, caption: str, controls: str = "") -> str:
        """Return the frame of a figure; its height is kept free before it is drawn."""
        height = figure.layout["height"]
        buttons = "".join(
            f'<button type="button" data-view="{k}" aria-pressed="{str(k == 0).lower()}">{text(view.label)}</button>'
            for k, view in enumerate(figure.views)
        )
        views = f'<div class="views" role="group" aria-label="Axis range">{buttons}</div>' if buttons else ""
        plot = (
            f'<div class="plot" id="plot-{name}" data-figure="{name}" role="img" style="min-height:{height}px" '
            f'aria-label="{text(figure.summary)}"></div>'
        )
        return f"<figure>{controls}{views}{plot}<figcaption>{text(caption)}</figcaption></figure>"


def write_report(
    result: RunResult, prices: Mapping[str, PriceSeries], facts: ReportFacts, path: Path
) -> Path:  # fmt: skip
    """Write the report of a run to one HTML file that needs nothing else; return its path."""
    plots = Plots()
    sections = [
        _account(result, plots), *_floors(result, plots), _desks(result), _decisions(result, plots),
        _fills(result, prices, plots),
        *_thresholds(result, plots), *_probabilities(result, plots),
        Section("trades", "Trades", "Trades", trade_table(result)), _terms(result),
    ]  # fmt: skip
    head = identity(result, facts, prices) + data_list(facts) + headline(result, metrics_of(result))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(join_page(f"Trifecta: {title_of(facts)}", head, sections, plots), encoding="utf-8")
    return path


def _account(result: RunResult, plots: Plots) -> Section:
    figure = equity_figure(result)
    body = plots.place("equity", figure, floor_notes(result) if figure else "", "No equity was sampled.")
    body += latch_table(result) + event_table(result)
    return Section("account", "Equity", "Equity, drawdown and loss floors", body)


def _floors(result: RunResult, plots: Plots) -> list[Section]:
    """The floors of the account's profiles, where there are any."""
    found = floor_curves(result)
    if found is None:
        return []
    body = plots.place("floors", floor_figure(result, found), floor_words(result), "") + floor_table(result, found)
    return [Section("floors", "Floors", "Floors of the account's profiles", body)]


def _desks(result: RunResult) -> Section:
    return Section("desks", "Desks", "Desks", desk_table(result))


def _decisions(result: RunResult, plots: Plots) -> Section:
    outcomes = plots.place(
        "outcomes", outcome_figure(result), "Bars are shares of each desk's decisions, the numbers in them counts. "
        "EXECUTE became orders; REFUSED was stopped by risk; everything else the governor withheld.",
        "No decision was made.",
    )  # fmt: skip
    reasons = plots.place(
        "reasons", reason_figure(result), "Rulings of the governor and rules of risk. A refused decision counts for "
        "every rule that objected to it, so rules can add up to more than the refused decisions.",
        "Nothing was withheld or refused.",
    )  # fmt: skip
    if result.decisions:
        outcomes += details("Outcomes as a table", scrolling(outcome_table(result), "Outcomes"))
        reasons += details("Reasons as a table", scrolling(reason_table(result), "Reasons"))
    return Section("decisions", "Decisions", "Decisions", f"<h3>By outcome</h3>{outcomes}<h3>By reason</h3>{reasons}")


def _fills(result: RunResult, prices: Mapping[str, PriceSeries], plots: Plots) -> Section:
    found = fill_figures(result, prices)
    heading = "Fills over price"
    if not found:
        return Section("fills", "Fills", heading, paragraph("Nothing was filled."))
    options = []
    for k, (name, figure) in enumerate(found.values()):
        plots.add(f"fills-{k}", figure)
        options.append(f'<option value="fills-{k}">{text(name)}</option>')
    chooser = (
        '<div class="chooser"><label for="instrument">Instrument</label>'
        f'<select id="instrument" data-plot="plot-fills-0" autocomplete="off">{"".join(options)}</select></div>'
    )
    first = next(iter(found.values()))[1]
    caption = (
        "Triangles are entries, up for a buy and down for a sell; the shape of an exit tells its reason, filled for a "
        "gain and open for none. An entry against an open position closes that first. Lines join entry and exit: "
        "solid for a gain, dashed for none. Drag to zoom in, double click to see all. Dotted lines: gaps without "
        "market data that the time axis leaves out."
    )
    body = f'<p class="note" id="shown" aria-live="polite">{text(first.summary)}</p>'
    return Section("fills", "Fills", heading, plots.frame("fills-0", first, caption, chooser) + body)


def _thresholds(result: RunResult, plots: Plots) -> list[Section]:
    sections = []
    for k, desk in enumerate(arbitrage_desks(result.plan)):
        rows = thresholds_of(result, desk)
        figures = threshold_figures(rows, result.plan.currency)
        places = "".join(plots.place(f"thresholds-{k}-{name}", figure, "", "") for name, figure in figures.items())
        marks = "◆ the desk's own threshold; ▲ the minimum of the profile trifecta."
        figure = (
            f'<div class="pair">{places}</div>' + paragraph(marks)
            if places
            else paragraph("No dislocation led to an entry decision.")
        )
        note = paragraph(
            f"Of the {plural(max(row.trades for row in rows), 'entry decision')} of desk {desk.name}, those whose net "
            "profit reaches the threshold. Gains are what the quotes promised after all costs when the decision was "
            "made, whether or not it was executed; a dislocation that was seen again counts again."
        )
        listed = scrolling(threshold_table(rows, result.plan.currency), "Thresholds")
        heading = f"Arbitrage: what each threshold would have done{_whose(desk.name, 'arbitrage')}"
        sections.append(Section(f"thresholds-{k}", desk.name.capitalize(), heading, note + figure + listed))
    return sections


def _probabilities(result: RunResult, plots: Plots) -> list[Section]:
    sections = []
    for k, desk in enumerate(binary_desks(result.plan)):
        figure = probability_figure(result, desk)
        body = plots.place(
            f"probabilities-{k}", figure, figure.summary if figure else "", "No contract was proposed."
        )  # fmt: skip
        heading = f"Binary: probability against break-even{_whose(desk.name, 'binary')}"
        sections.append(Section(f"probabilities-{k}", desk.name.capitalize(), heading, body))
    return sections


def _whose(name: str, kind: str) -> str:
    """Name the desk where its kind does not."""
    return "" if name == kind else f" ({name})"


def _terms(result: RunResult) -> Section:
    limits = details(
        f"Limits in force (profile {result.plan.limits.profile})", scrolling(limits_table(result.plan), "Limits"), True
    )  # fmt: skip
    return Section("terms", "Plan", "Limits and plan", limits + plan_terms(result.plan))


def join_page(title: str, head: str, sections: list[Section], plots: Plots) -> str:
    """Join a page; the policy allows the scripts of this page by their hashes, and no connection at all."""
    figures = msgspec.json.encode(plots.figures).decode()
    for raw, spelled in UNSAFE.items():
        figures = figures.replace(raw, spelled)
    scripts = [(files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8"), _asset("page.js")]
    allowed = " ".join(f"'sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" for code in scripts)
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
    links = "".join(f'<li><a href="#{part.anchor}">{text(part.link)}</a></li>' for part in sections)
    body = "".join(
        f'<section id="{part.anchor}" aria-labelledby="{part.anchor}-heading">'
        f'<h2 id="{part.anchor}-heading">{text(part.heading)}</h2>{part.body}</section>\n'
        for part in sections
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" '
        f'content="light dark">\n<title>{text(title)}</title>\n<style>\n{_asset("page.css")}</style>\n</head>\n<body>\n'
        f'<header><h1>{text(title)}</h1>{head}</header>\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"<main>\n<noscript>{paragraph('Plots need scripts; the numbers and tables below do not.')}</noscript>\n"
        f"{body}</main>\n<footer>{paragraph('All times are UTC.')}</footer>\n"
        f'<script type="application/json" id="figures">{figures}</script>\n'
        + "".join(f"<script>{code}</script>\n" for code in scripts)
        + "</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return (files("research.report") / name).read_text("utf-8")
