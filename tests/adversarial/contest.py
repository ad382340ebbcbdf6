"""One path for every contender: the same market, the same trader, the same accidents; the firm is the judge.

A loss beyond a floor counts as a breach, unless it came in a single gap larger than the reserve that was declared: a
fall between two instants at which the contender could act, deeper than all its stops and half of its buffer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.adversarial.guarded import Guarded
from tests.adversarial.paths import Path, Wish, a_path
from tests.adversarial.rivals import ClosedProfit, FedAggregator, ResettingMark, Rival
from tests.adversarial.truth import CASH, Firm, Truth, firms

RESERVE = CASH // 400
"""Half of the buffer: a quarter of a percent of the initial capital."""
GAP, STOP_GAP = 20, 5
"""What a position may lose at once without a stop, and over one, in thousandths of its notional."""
NUMBERS_BY_HAND = 10**6

RIVALS: dict[str, Callable[[Firm], Rival]] = {
    "closed-profit drawdown": ClosedProfit,
    "mark that resets after a breach": ResettingMark,
    "caller-fed aggregator": FedAggregator,
}
OURS = "these rules"


@dataclass
class Referee:
    """Watches one contender's account: the firm's verdict, and how far it fell since it could last act."""

    firm: Firm
    truth: Truth
    verdict: str = "kept"
    highest: int = CASH
    risk: int = 0
    trades: int = 0

    def see(self) -> None:
        """Take an instant of the truth."""
        equity = self.truth.equity
        self.highest = max(self.highest, equity)
        lost = self.firm.see(int(self.truth.path.time_ns[self.truth.step]), self.truth.balance, equity)
        if lost and self.verdict == "kept":
            self.verdict = "gap" if self.highest - equity > self.risk + RESERVE else "breach"

    def acted(self) -> None:
        """Note that the contender has seen everything and done what it does."""
        self.highest, self.risk = self.truth.equity, declared_risk(self.truth)


def declared_risk(truth: Truth) -> int:
    """Return what all positions would lose to their stops, or to the gaps that are declared over and without them."""
    risk = 0
    for one in truth.holdings:
        mark = truth.mark(one.venue, one.lots)
        side = 1 if one.lots > 0 else -1
        ticks = max(side * (mark - one.stop), mark * STOP_GAP // 1000) if one.stop else mark * GAP // 1000
        risk += ticks * abs(one.lots) * 10_000
    return risk


def closes(truth: Truth, wish: Wish) -> bool:
    """Close a venue's positions where a wish runs against them; tell whether it did."""
    against = [one for one in truth.holdings if one.venue == wish.venue and one.lots * wish.lots < 0]
    for one in against:
        truth.close(one)
    return bool(against)


def can_act(path: Path, truth: Truth) -> bool:
    """Tell whether the system runs and every venue with a position has a sound price."""
    step = truth.step
    held = {one.venue for one in truth.holdings}
    return bool(path.running[step] and all(path.seen[k, step] and not path.flawed[k, step] for k in held))


def run_ours(path: Path, profile: str) -> Referee:
    """Run a path under our rules."""
    truth = Truth(path)
    referee, guarded = Referee(firms()[profile], truth), Guarded(path, profile)
    for step in range(len(path.time_ns)):
        truth.market(step)
        referee.see()
        if not path.running[step]:
            continue
        if step and not path.running[step - 1]:
            guarded.restart()
        guarded.hear(truth, prices=True)
        wish = path.by_hand[step]
        if wish is not None:
            if not closes(truth, wish):
                truth.open(wish, NUMBERS_BY_HAND + step)
            guarded.hear(truth, prices=False)
        wanted = tuple(one for one in path.wishes[step] if not closes(truth, one))
        guarded.hear(truth, prices=False)
        if wanted:
            before = len(truth.holdings)
            guarded.judge(truth, wanted, 10 * step)
            referee.trades += max(len(truth.holdings) - before, 0)
        referee.see()
        if can_act(path, truth):
            referee.acted()
    return referee


def run_rival(path: Path, profile: str, make: Callable[[Firm], Rival]) -> Referee:
    """Run a path under somebody else's rules."""
    truth = Truth(path)
    referee = Referee(firms()[profile], truth)
    rival = make(referee.firm)
    for step in range(len(path.time_ns)):
        truth.market(step)
        referee.see()
        if not path.running[step]:
            continue
        if step and not path.running[step - 1]:
            rival.restart()
        sound, now = not path.flawed[:, step].any(), int(path.time_ns[step])
        rival.look(truth, now, sound=sound)
        wish = path.by_hand[step]
        if wish is not None and not closes(truth, wish):
            truth.open(wish, 0)
        for one in path.wishes[step]:
            if not closes(truth, one) and rival.allows(now):
                truth.open(one, 0)
                referee.trades += 1
        rival.look(truth, now, sound=sound)
        referee.see()
        if can_act(path, truth):
            referee.acted()
    return referee


@dataclass
class Tally:
    """Verdicts of one contender under one profile."""

    paths: int = 0
    breaches: int = 0
    gaps: int = 0
    trades: int = 0

    def add(self, referee: Referee) -> None:
        """Count one path."""
        self.paths += 1
        self.breaches += referee.verdict == "breach"
        self.gaps += referee.verdict == "gap"
        self.trades += referee.trades


def contest(paths: range, seed: int) -> dict[tuple[str, str], Tally]:
    """Play some paths of a seed, profiles taking turns; return the tallies by (contender, profile)."""
    tallies: dict[tuple[str, str], Tally] = {}
    profiles = list(firms())
    for k in paths:
        path, profile = a_path(seed * 1_000_003 + k), profiles[k % len(profiles)]
        found = {OURS: run_ours(path, profile)}
        found |= {name: run_rival(path, profile, make) for name, make in RIVALS.items()}
        for name, referee in found.items():
            tallies.setdefault((name, profile), Tally()).add(referee)
    return tallies


def added(one: dict[tuple[str, str], Tally], other: dict[tuple[str, str], Tally]) -> dict[tuple[str, str], Tally]:
    """Return the tallies of both."""
    both = dict(one)
    for key, tally in other.items():
        here = both.get(key, Tally())
        both[key] = Tally(
            here.paths + tally.paths, here.breaches + tally.breaches, here.gaps + tally.gaps, here.trades + tally.trades
        )
    return both
