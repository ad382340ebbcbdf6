"""The page of a walk-forward: a verdict that can say no, and everything it rests on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from market.tape import tape_hash
from policies.plan import plan_hash
from research.report.checks import NAMES, REASONS, check_value, check_wanted, swept
from research.report.head import card
from research.report.markup import (
    amount,
    details,
    paragraph,
    percent,
    plural,
    scrolling,
    signed,
    span_text,
    table,
    text,
    utc,
)
from research.report.page import Plots, Section, join_page
from research.report.walkforward_figures import cost_figure, fold_figure, growth_figure, hindsight_set, logit_figure
from research.tune import shown
from research.validation import Estimate
from research.verdict import Verdict
from research.walkforward import Fold, WalkForward

DATE, MINUTE = len("2024-01-08"), len("2024-01-08 07:30")
LONG_NS: Final = 20 * 86_400 * 10**9
"""Market time from which on a fold is named by its dates alone."""


class WalkFacts(NamedTuple):
    """What the page says beside the numbers."""

    command: str
    seconds: float


def write_verdict(walk: WalkForward, verdict: Verdict, facts: WalkFacts, path: Path) -> Path:
    """Write the page to one HTML file that needs nothing else; return its path."""
    plots = Plots()
    sections = [
        _verdict(verdict), _growth(walk, verdict, plots), _folds(walk, plots), _overfitting(verdict, plots),
        _costs(walk, plots), _method(walk, verdict),
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"Trifecta: walk-forward verdict: {'yes' if verdict.passed else 'no'}"
    path.write_text(join_page(title, _identity(walk, facts) + _cards(walk, verdict), sections, plots), encoding="utf-8")
    return path


def _identity(walk: WalkForward, facts: WalkFacts) -> str:
    plan, times, shape = walk.planned.plan, walk.bar_times, walk.shape
    begins = "anchored, train from the first bar on" if shape.anchored else "rolling"
    rows = [
        ("Policy", f"<code>{text(plan.desks[0].policy)}</code>, {plural(len(walk.sets.rows), 'set')} of parameters"),
        ("Symbols", text(", ".join(one.key for one in plan.instruments))),
        ("Profile", text(plan.limits.profile)),
        ("Market span", f"{utc(times[0])} to {utc(times[-1])} UTC ({plural(len(times), 'bar')})"),
        ("Walk", f"train {shape.train:,}, purge {shape.purge:,}, test {shape.test:,} bars; {begins}"),
        ("Wall time", span_text(round(facts.seconds * 10**9))),
        ("Plan", f"<code>{plan_hash(plan)}</code>"),
        ("Tape", f"<code>{tape_hash(walk.planned.tape)}</code>"),
        ("Command", f"<code>{text(facts.command)}</code>"),
    ]
    cells = [(source, f"{count:,}", digest) for source, digest, count in walk.planned.data]
    data = scrolling(table(("Source", "Rows", "SHA-256"), cells, class_="hashes"), "Data")
    return _facts(rows) + details(f"Data: {plural(len(cells), 'source')}", data)


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return names with values, which are markup; on a narrow page they stand below each other."""
    listed = "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<dl class="identity">{listed}</dl>'


def _cards(walk: WalkForward, verdict: Verdict) -> str:
    record, metrics = verdict.record, verdict.record.metrics
    failed = sum(not check.passed for check in verdict.checks)
    said = f"{failed} of {len(verdict.checks)} checks failed" if failed else f"all {len(verdict.checks)} checks passed"
    currency = text(walk.planned.plan.currency)
    cards = [
        card("Verdict", "yes" if verdict.passed else "NO", said),
        card("Net profit of all tests", f"{signed(walk.net_profit)} <small>{currency}</small>",
             f"{plural(len(walk.folds), 'fold')}, {plural(walk.trades, 'trade')}"),
        card("Sharpe a year", "n/a" if metrics.sharpe is None else f"{metrics.sharpe:,.2f}",
             f"{plural(metrics.n, 'daily return')} out-of-sample"),
        card("Probabilistic Sharpe", _share(record.psr), "sure that the ratio is above 0"),
        card("Deflated Sharpe", _share(record.dsr), f"after {plural(record.trials, 'trial')}"),
    ]  # fmt: skip
    return f'<ul class="cards">{"".join(cards)}</ul>'


def _verdict(verdict: Verdict) -> Section:
    failed = [check for check in verdict.checks if not check.passed]
    words = (
        "Yes. Every check below is passed: on this data, choosing by the past has earned money that neither luck nor "
        "the number of tries explains. Other data may still say no."
        if not failed
        else "No. It has not been shown that choosing these parameters by the past earns money on what comes after. "
        "What is undefined does not count as shown."
    )
    rows = [
        (NAMES[check.name][0], "passed" if check.passed else "FAILED",
         check_value(check.name, check.value, check.reason), check_wanted(check))
        for check in verdict.checks
    ]  # fmt: skip
    listed = scrolling(table(("Check", "Result", "Found", "Demanded"), rows, left=2), "Checks")
    asked = details("What each check asks", _facts([NAMES[check.name] for check in verdict.checks]))
    return Section("verdict", "Verdict", "Verdict", paragraph(words, "lead") + listed + asked)


def _share(estimate: Estimate) -> str:
    if estimate.value is None:
        return f'n/a <span class="why">({text(REASONS.get(estimate.reason or "", estimate.reason))})</span>'
    return percent(estimate.value, 1)


def _growth(walk: WalkForward, verdict: Verdict, plots: Plots) -> Section:
    best = shown(swept(walk, hindsight_set(walk)))
    place = plots.place(
        "growth", growth_figure(walk), f"Dotted lines: a new choice. The set that would have grown most over these "
        f"days ({best}) is what a sweep over them would show: nobody could have known it.", "No test has a day.",
    )  # fmt: skip
    record, moments = verdict.record, verdict.record.moments
    rows = [
        ("Daily returns", f"{record.metrics.n:,}"),
        ("Sharpe per day", "n/a" if moments is None else f"{moments.sharpe:.4f}"),
        ("Skew, kurtosis (3: normal)", "n/a" if moments is None else f"{moments.skew:.2f}, {moments.kurtosis:.2f}"),
        ("Luck alone reaches, per day", f"{record.threshold:.4f}"),
        ("Trials that it is deflated by", f"{record.trials:,}; as alike as they are, about {record.independent:,.1f}"),
        ("A record that would be long enough", _days(record.min_track_record)),
        ("Largest fall of the joined curve", percent(record.metrics.max_drawdown)),
    ]
    return Section("growth", "Growth", "Growth over the tests", place + _facts(rows))


def _days(estimate: Estimate) -> str:
    return f"{estimate.value:,.0f} days" if estimate.value is not None else check_value("", None, estimate.reason)


def _folds(walk: WalkForward, plots: Plots) -> Section:
    metric = walk.metric.replace("_", " ")
    place = plots.place(
        "folds", fold_figure(walk), f"Ranked by {metric}. What falls from the plain bar to the hatched one was luck or "
        "has passed.", "No set had a metric on any train: nothing was chosen.",
    )  # fmt: skip
    headers = (
        "Fold", "Train (UTC)", "Test (UTC)", "Chosen", f"{metric} in", f"{metric} out", "Profit out", "Trades out",
    )  # fmt: skip
    rows = [_fold(walk, number, fold) for number, fold in enumerate(walk.folds, 1)]
    return Section(
        "folds", "Folds", "In-sample against out-of-sample", place + scrolling(table(headers, rows, left=3), "Folds")
    )


def _fold(walk: WalkForward, number: int, fold: Fold) -> Sequence[str]:
    window, times = fold.window, walk.bar_times
    digits = DATE if times[-1] - times[0] > LONG_NS else MINUTE
    spans = [
        f"{utc(times[begin])[:digits]} to {utc(times[end - 1])[:digits]}"
        for begin, end in ((window.train_begin, window.train_end), (window.test_begin, window.test_end))
    ]
    inner, outer = fold.in_sample, fold.out_of_sample
    if fold.chosen is None or inner is None or outer is None:
        return (str(number), *spans, "none", *["n/a"] * 4)
    values = [getattr(one, walk.metric) for one in (inner, outer)]
    shown_values = ["n/a" if value is None else amount(value) for value in values]
    return (
        str(number), *spans, shown(swept(walk, fold.chosen)), *shown_values, signed(outer.net_profit),
        f"{outer.trades:,}",
    )  # fmt: skip


def _overfitting(verdict: Verdict, plots: Plots) -> Section:
    found, paths, snooping = verdict.overfitting, verdict.paths, verdict.snooping
    why = REASONS.get(verdict.overfitting_reason or "", "")
    place = plots.place(
        "logits", logit_figure(found), f"The days are cut into {verdict.blocks} blocks. In every half of them the best "
        "set is chosen, and ranked in the other half: above 0 it stays in the upper half.",
        f"There is no cross-validation: {why}.",
    )  # fmt: skip
    rows = [
        ("Probability of overfitting", percent(found.pbo, 1) if found else "n/a"),
        (
            "Probability that the choice loses in the other half",
            percent(found.loss_probability, 1) if found else "n/a",
        ),
        (
            "Sharpe in the other half, per Sharpe in the half chosen on",
            "n/a" if found is None or found.slope is None else f"{found.slope:+.2f}",
        ),
        ("White's reality check, p", _share_text(snooping.reality_check)),
        ("Hansen's SPA, p", _share_text(snooping.superior_ability)),
        (f"Sharpe a year of {len(paths.sharpes)} purged paths", _range(paths.sharpes, paths.reason)),
        ("Purge and embargo, days", f"{paths.purge_days:,}, {paths.embargo_days:,}"),
    ]
    note = paragraph(
        f"Over all bars, every set once. Bootstraps: {snooping.bootstraps:,}, blocks of {snooping.mean_block_days:g} "
        "days on average; the benchmark is staying out."
    )
    return Section(
        "overfitting", "Overfitting", "Overfitting", place + _facts(rows) + note
    )  # fmt: skip


def _share_text(estimate: Estimate) -> str:
    return percent(estimate.value) if estimate.value is not None else check_value("", None, estimate.reason)


def _range(sharpes: tuple[float, ...], reason: str | None) -> str:
    return f"{min(sharpes):+.2f} to {max(sharpes):+.2f}" if sharpes else check_value("", None, reason)


def _costs(walk: WalkForward, plots: Plots) -> Section:
    currency = walk.planned.plan.currency
    place = plots.place(
        "costs", cost_figure(walk.costs, currency), "The same choices traded again; the policy knows what it pays, so "
        "its trades can change too.", "No multiple was asked for.",
    )  # fmt: skip
    rows = [(f"{line.multiple:f}", signed(line.net_profit), f"{line.trades:,}") for line in walk.costs]
    listed = table(("Multiple", f"Net profit ({currency})", "Trades"), rows)
    return Section("costs", "Costs", "What the costs may be", place + listed)


def _method(walk: WalkForward, verdict: Verdict) -> Section:
    words = (
        "Every train and every test is a rollout of its own from the plan's cash, with the profile's limits. Bars "
        "before a test only warm up the indicators. What is open when a rollout ends counts at the last price. "
        "Returns are daily; days that two tests share are joined.",
        "Deflated Sharpe ratio: Bailey and Lopez de Prado 2014. Minimum track record: the same, 2012. Overfitting: "
        "Bailey, Borwein, Lopez de Prado, Zhu 2015. Reality check: White 2000; SPA: Hansen 2005.",
        f"Sets that were tried before and not named count for nothing here: {verdict.record.trials:,} trials are known "
        "of. A grid that was itself found by looking at this data makes every number above too good.",
    )
    return Section("method", "Method", "How it was done", "".join(paragraph(one) for one in words))
