"""Reports of a run and of a walk-forward: one HTML file that shows what happened and needs nothing but a browser."""

from research.report.facts import JournalFacts, PriceSeries, ReportFacts, price_series
from research.report.page import write_report
from research.report.walkforward import WalkFacts, write_verdict

__all__ = [
    "JournalFacts", "PriceSeries", "ReportFacts", "WalkFacts", "price_series", "write_report", "write_verdict",
]  # fmt: skip
