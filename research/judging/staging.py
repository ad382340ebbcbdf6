"""A stage: one account over one stretch of a tape, driven in steps, so that somebody else's word can stand in between.

Before the test begins desks are heard but not executed, so that views, calibration and scans are warm and nothing is
held. What an outsider proposes at an instant goes the way of everything else: judged, ruled, ordered and filled by the
same functions, after the rows of that instant.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine import DECIDE, Engine, run_dues, run_rows
from envs.logs import DECISIONS, NUMBER, SAMPLES, TRADE_LOG
from envs.rollout import open_engine
from market.far_calls import far_call
from market.money import INT64_MAX
from market.paper import END_NS
from market.records import Record, Records, joined
from market.tape import Tape
from policies.intents import Ruling
from policies.plan import Plan


class Played(NamedTuple):
    """What a stage leaves behind: executed decisions that opened, closed trades, samples, and the account's end."""

    opened: Records
    trades: Records
    samples: Records
    account: Record


class Stage:
    """One engine over one tape. `row` is the first row that has not been taken yet."""

    def __init__(self, plan: Plan, tape: Tape) -> None:
        self.tape, self.row = tape, 0
        self.engine: Engine = open_engine(plan)
        self.engine.venue.control[END_NS] = tape.time_ns[-1]
        self._kept: dict[int, list[Records]] = {DECISIONS: [], TRADE_LOG: [], SAMPLES: []}
        self.switch(executing=False)

    def switch(self, *, executing: bool) -> None:
        """Let the desks' own intents be executed, or only shown."""
        for desk in self.engine.book.desks:
            desk.auto_execute = int(executing)

    def run_to(self, end: int) -> None:
        """Take rows up to `end`, which must begin an instant, or be the end of the tape."""
        while self.row < end:
            self.row = run_rows(self.engine, self.tape, self.row, end)
            self._take()

    def propose(self) -> bool:
        """Have the intent in `engine.intents[0]` decided at its instant, switched on; tell whether it was executed."""
        engine = self.engine
        engine.sequence[0] = 0
        self.switch(executing=True)
        far_call(engine.far, DECIDE, 0, 1, engine.intents[0].time_ns)
        self.switch(executing=False)
        decided = engine.logs.decisions[: engine.logs.counts[DECISIONS]]
        done = bool(len(decided)) and bool((decided.ruling[decided.reduce <= 1] == Ruling.EXECUTE).any())
        self._take()
        return done

    def finish(self) -> Played:
        """Take what is left, and what falls due after the last row."""
        self.run_to(len(self.tape.time_ns))
        run_dues(self.engine, INT64_MAX - 1)
        self._take()
        logs = self.engine.logs
        decisions = joined(self._kept[DECISIONS], logs.decisions.dtype).view(np.recarray)
        opened = decisions[(decisions.ruling == Ruling.EXECUTE) & (decisions.reduce == 0)]
        trades, samples = (
            joined(self._kept[slot], log.dtype) for slot, log in ((TRADE_LOG, logs.trades), (SAMPLES, logs.samples))
        )
        return Played(opened, trades, samples, self.engine.book.ledger.account[0].copy())

    def _take(self) -> None:
        """Empty the logs, and keep of them what is asked for."""
        logs = self.engine.logs
        for slot, log in ((DECISIONS, logs.decisions), (TRADE_LOG, logs.trades), (SAMPLES, logs.samples)):
            if logs.counts[slot]:
                self._kept[slot].append(log[: logs.counts[slot]].copy())
        logs.counts[:NUMBER] = 0


def equity_at(played: Played, cash: int, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the equity at each instant, from the newest sample up to it; the last is the account's end."""
    times = np.asarray(played.samples["time_ns"], np.int64)
    equity = np.concatenate([[cash], np.asarray(played.samples["equity"], np.int64)]).astype(np.float64)
    found = equity[np.searchsorted(times, ends, "right")]
    if len(found):
        found[-1] = float(played.account["equity"])
    return found
