"""What risk may ask for again: reports and rulings since the cut before the newest; what is older is in the journal."""

from bisect import bisect_right
from typing import Any

from actors.messages import START, Rulings
from actors.restoring import SessionLog, newest_session
from actors.writing import Writer, rows_of
from journal.records import Decision
from journal.store import Journal
from market.paper import REPORT
from market.records import Records, copied, joined
from policies.intents import Ruling


class Recent:
    """Holds reports and ruled groups by time; bounded by what happens between two snapshots."""

    def __init__(self, journal: Journal, writer: Writer) -> None:
        self._journal = journal
        self._writer = writer
        self._after_ns = START
        self._cut_ns = START
        self._reports: list[Any] = []
        self._times: list[int] = []
        self._ruled: dict[int, list[Decision]] = {}

    def load(self, log: SessionLog) -> None:
        """Take over everything that a session's journal holds."""
        self._after_ns, self._cut_ns = START, log.cut_ns
        self._reports, self._times, self._ruled = [], [], {}
        for record in log.reports:
            row = rows_of(REPORT, 1)[0]
            self._writer.report_row(record, row)
            self.add_report(row)
        for decision in log.decisions:
            self.add_ruling(decision)

    def add_report(self, report: Any) -> None:
        """Keep a report."""
        self._reports.append(copied(report))
        self._times.append(int(report["time_ns"]))

    def add_ruling(self, decision: Decision) -> None:
        """Keep a ruled intent with those of its instant."""
        self._ruled.setdefault(decision.time_ns, []).append(decision)

    def reports(self, after_ns: int, upto_ns: int) -> Records:
        """Return the reports of a stretch of time."""
        if after_ns < self._after_ns:
            self.load(newest_session(self._journal))
        begin, end = bisect_right(self._times, after_ns), bisect_right(self._times, upto_ns)
        return joined(self._reports[begin:end], REPORT)

    def ruled(self, time_ns: int) -> list[Decision]:
        """Return the ruled intents of one instant, in their order."""
        if time_ns <= self._after_ns:
            self.load(newest_session(self._journal))
        return self._ruled[time_ns]

    def answer(self, epoch: int, time_ns: int) -> Rulings:
        """Return what risk is told of one instant: every ruling, and the first order of each."""
        ruled = self.ruled(time_ns)
        rulings = tuple(int(Ruling[decision.ruling]) for decision in ruled)
        first = tuple(decision.orders[0] if decision.orders else -1 for decision in ruled)
        return Rulings(epoch, time_ns, rulings, first)

    @property
    def cut_ns(self) -> int:
        """Return the newest cut: risk and gateways go on from there at the latest."""
        return self._cut_ns

    def cut(self, time_ns: int) -> None:
        """Take a new cut; let go of what is not after the one before it, which somebody may still go on from."""
        self._after_ns = self._cut_ns
        gone = bisect_right(self._times, self._after_ns)
        del self._reports[:gone], self._times[:gone]
        for ruled_ns in [ruled_ns for ruled_ns in self._ruled if ruled_ns <= self._after_ns]:
            del self._ruled[ruled_ns]
        self._cut_ns = time_ns
