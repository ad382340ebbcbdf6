"""Reference: what a firm and our own rule forbid around the news, and the windows of an instrument."""

from datetime import date, datetime
from typing import Any

import pytest

from policies.calendars import SECOND_NS, instant_of, moment_of
from policies.news import FIRM, INTERNAL, objections, windows_of
from policies.plan import NewsEvent
from research.news_file import day_of
from tests.reference.cases import Case, cases, check

OPENING = ("OPEN", "PENDING_ACTIVATION")


def seconds_of(text: str) -> int:
    return instant_of(datetime.fromisoformat(text)) // SECOND_NS


def text_of(time_s: int) -> str:
    return f"{moment_of(time_s * SECOND_NS):%Y-%m-%dT%H:%M:%SZ}"


def events_of(inputs: dict[str, Any], firm: bool) -> list[NewsEvent]:
    """Return an event per currency of those that a rule looks at; one without a time lasts its local day."""
    found = []
    for event in inputs["events"]:
        if not (event.get("ftmo_restricted") if firm else event["impact"] == "HIGH"):
            continue
        for currency in event["currencies"]:
            if event.get("time"):
                span = (seconds_of(event["time"]),) * 2
            else:
                span = day_of(date.fromisoformat(event["date"]), currency)
            found.append(NewsEvent(*span, currency, event["name"]))
    return found


def currencies_in(inputs: dict[str, Any]) -> list[str]:
    symbol = inputs["symbol"]
    return inputs.get("currency_map", {}).get(symbol) or [symbol[:3], symbol[3:6]]


def news_gate(inputs: dict[str, Any]) -> dict[str, Any]:
    firm = inputs["mode"] == "ftmo"
    found = objections(
        FIRM if firm else INTERNAL, events_of(inputs, firm), currencies_in(inputs), seconds_of(inputs["now"]),
        opens=inputs["action"] in OPENING, age_s=inputs.get("calendar_age_seconds", 0),
    )  # fmt: skip
    return {"allowed": not found, "reasons": list(dict.fromkeys(found))}


def news_windows(inputs: dict[str, Any]) -> dict[str, Any]:
    windows = windows_of(
        events_of(inputs, firm=False), currencies_in(inputs), inputs["before_s"], inputs["after_s"]
    )  # fmt: skip
    return {"windows": [[text_of(begin), text_of(end)] for begin, end in windows]}


@pytest.mark.parametrize("case", cases("calendar"))
def test_calendar(case: Case) -> None:
    check(case, {"news_gate": news_gate, "news_windows": news_windows})
