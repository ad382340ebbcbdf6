"""What an account told of itself, and what people ordered of it: alerts, breakers that tripped, commands, in words.

Where a profile minds the news, what traded in a window of it as well: a stop may trigger there, and a firm counts that.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from journal.order_records import Report
from market.money import decimal_of, show_money
from policies.calendars import SECOND_NS
from policies.commands import Action
from policies.news import NewsRule, objections, windows_of
from research.result import RunResult
from research.wording import BREAKERS


def events_of(result: RunResult) -> list[tuple[int, str, str]]:
    """Return (time_ns, kind, words) of every event, in order of time."""
    outcomes = {outcome.row: outcome for outcome in result.outcomes}
    found = [
        (
            alert.time_ns, "alert",
            f"{alert.percent} % of {alert.floor} used: equity {show_money(alert.equity)}, "
            f"floor {show_money(alert.line)}",
        )
        for alert in result.alerts
    ]  # fmt: skip
    found += [
        (breaker.time_ns, "breaker", f"{breaker.scope}: {BREAKERS.get(breaker.breaker, breaker.breaker.lower())}")
        for breaker in result.breakers
    ]
    found += [
        (
            report.time_ns,
            "news",
            f"{report.instrument}: {report.lots:+,} traded within the window of {', '.join(titles)}",
        )
        for report, titles in traded_near_news(result)
    ]
    for command in result.commands:
        outcome = outcomes.get(command.row)
        became = outcome.result.replace("_", " ").lower() if outcome else "not obeyed yet"
        what = command.subject or f"{decimal_of(command.amount):,f}"
        words = f"{command.action.lower()} {what} by {', '.join(command.who)} ({command.reason}): {became}"
        found.append((command.time_ns, "order", words))
    return sorted(found, key=lambda event: event[0])


def event_counts(result: RunResult) -> list[tuple[str, str, str]]:
    """Count the events: alerts by floor and share, breakers by what they stopped, orders by what became of them."""
    counts: Counter[tuple[str, str]] = Counter()
    for alert in result.alerts:
        counts["alert", f"{alert.percent} % of {alert.floor}"] += 1
    for breaker in result.breakers:
        counts["breaker", f"{breaker.breaker.lower()} of {breaker.scope}"] += 1
    for report, _ in traded_near_news(result):
        counts["news", f"{report.instrument} traded within a window"] += 1
    outcomes = {outcome.row: outcome.result for outcome in result.outcomes}
    for command in result.commands:
        became = outcomes.get(command.row, "TAKEN").replace("_", " ").lower()
        counts["order", f"{Action(command.action).lower()}: {became}"] += 1
    return [(kind, of, f"{count:,}") for (kind, of), count in sorted(counts.items())]


def traded_near_news(result: RunResult) -> Iterator[tuple[Report, tuple[str, ...]]]:
    """Yield what was filled or settled within a window of the news that an account minds, with the releases."""
    news = result.plan.rules.news
    if news is None:
        return
    rule, side = NewsRule(news.window_s, news.window_s, closes=True), news.window_s
    windows = {currencies: windows_of(news.events, currencies, side, side) for currencies in set(news.currencies)}
    for report in result.reports:
        if report.report not in ("FILL", "SETTLE"):
            continue
        currencies, now_s = news.currencies[result.plan.index_of(report.instrument)], report.time_ns // SECOND_NS
        place = bisect_right(windows[currencies], (now_s, 2**63)) - 1
        if place >= 0 and now_s <= windows[currencies][place][1]:
            yield report, objections(rule, news.events, currencies, now_s, opens=False)
