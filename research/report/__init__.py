"""The report of a run: one HTML file that shows what happened and needs nothing but a browser."""

from research.report.facts import JournalFacts, PriceSeries, ReportFacts, price_series
from research.report.page import write_report

__all__ = ["JournalFacts", "PriceSeries", "ReportFacts", "price_series", "write_report"]
