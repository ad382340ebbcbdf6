"""Many markets stepped together: engines of one plan each, one compiled call per step for all of them.

`Markets` is what the Gymnasium and Stable-Baselines3 environments are thin shells around. Every market has an engine
and an account of its own; an episode is a stretch of its tape, warmed up by the rows before it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine import Engine
from envs.rewarding import Reward, pay_of
from envs.rollout import open_engine
from envs.stepping import DENIED, END, GOES_ON, KEEP, STATE, STEPS, Stepper, begin_one, enter, step_all
from market.far_calls import handle_of
from market.paper import END_NS
from market.tape import Int64, Role, Tape, owned
from policies.intents import DeskKind
from policies.model_plans import with_model
from policies.models import ACTIONS_OF
from policies.network import Activation, network_of
from policies.observing import observer_of, width_of
from policies.plan import ModelPlan, Plan

SMALL: Final = 1 << 16
"""Bytes of a state's array beyond which it is room to work in, whose count stands elsewhere; windows count in front."""

STARTS: Final = 200
"""Places at which an episode that may begin anywhere is tried, before nothing is said to be there."""


class MarketError(ValueError):
    """A plan cannot be stepped; the message says what it would need."""


class Market(NamedTuple):
    """One market to step: a plan of one desk, its tape, and the rows in which episodes may begin and must end."""

    plan: Plan
    tape: Tape
    first: int = 0
    last: int | None = None


class Terms(NamedTuple):
    """How episodes are played.

    `rows` an episode takes at most (0: to the end); `warm` rows before it that its views have seen; `random_start`
    begins anywhere, else at the first row; `keep` logs, else every step forgets them; `reward`, its `scale` and terms;
    `leak` shows the return of the next bar, which is what no agent may know.
    """

    rows: int = 0
    warm: int = 512
    random_start: bool = False
    keep: bool = False
    reward: Reward = Reward.LOG_RETURN
    scale: float = 1.0
    eta: float = 0.004
    kappa: float = 1.0
    leak: bool = False


def asking_plan(plan: Plan, features: Sequence[str], observer: Sequence[float] = ()) -> Plan:
    """Return a plan whose desk asks for actions: the model says nothing by itself, it only tells what is seen."""
    kind = DeskKind(plan.desks[0].kind)
    features = () if kind is DeskKind.ARBITRAGE else tuple(features)
    seen = tuple(observer) or observer_of(features)
    width = width_of(np.array(seen))
    silent = network_of([(np.zeros((width, ACTIONS_OF[kind])), np.zeros(ACTIONS_OF[kind]))], Activation.TANH)
    return plan_with(plan, ModelPlan(desk=0, sha256="", features=features, observer=seen, numbers=tuple(silent)))


def plan_with(plan: Plan, model: ModelPlan) -> Plan:
    """Return a plan of one desk that decides by a model; MarketError where it is not clear whose action is meant."""
    _check_single(plan)
    return with_model(plan, model)


def _check_single(plan: Plan) -> None:
    """Refuse a plan in which it is not clear whose action an action would be."""
    views = sum(1 for feed in plan.feeds if feed.roles & Role.VIEW)
    if len(plan.desks) != 1 or views + len(plan.routes) != 1:
        raise MarketError(
            f"a market of {len(plan.desks)} desks, {views} viewed feeds and {len(plan.routes)} routes; an action is "
            "for one desk with one viewed feed or one route"
        )


class Markets:
    """Markets that are stepped together; what a step leaves is written to arrays that stay the same.

    `seen` float32 [markets, inputs], `masks` bool [markets, actions], `rewards` float64 [markets], `states` int64
    [markets] (`envs.stepping`). All plans have desks of one kind, and models of one shape.
    """

    def __init__(self, markets: Sequence[Market], terms: Terms, seed: int = 0) -> None:
        if not markets:
            raise MarketError("no market; at least one is needed")
        self.markets, self.terms = tuple(markets), terms
        kinds = {DeskKind(market.plan.desks[0].kind) for market in markets}
        if len(kinds) != 1:
            raise MarketError("markets of desks of several kinds; one kind is allowed")
        self.kind = kinds.pop()
        self.actions = ACTIONS_OF[self.kind]
        widths = {width_of(np.array(market.plan.models[0].observer)) for market in markets}
        if len(widths) != 1:
            raise MarketError("markets whose models see inputs of several numbers; one is allowed")
        self.inputs = widths.pop() + int(terms.leak)
        count = len(markets)
        self.seen = np.zeros((count, self.inputs), np.float32)
        self.masks = np.zeros((count, self.actions), np.bool_)
        self.rewards = np.zeros(count)
        self.states = np.zeros(count, np.int64)
        self.engines: list[Engine] = []
        self._steppers: list[Stepper] = []
        self._fresh: list[list[tuple[NDArray[Any], NDArray[Any]]]] = []
        self._owners: list[Int64] = []
        tapes: dict[int, Tape] = {}
        for k, market in enumerate(markets):
            tape = tapes.setdefault(id(market.tape), owned(market.tape))
            self._open(k, market, tape)
        self._handles = np.array(self._owners)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Let the starts of episodes follow from a seed."""
        self._random = [np.random.default_rng([seed, k]) for k in range(len(self.markets))]

    def _open(self, k: int, market: Market, tape: Tape) -> None:
        _check_single(market.plan)
        engine = open_engine(market.plan)
        engine.venue.control[END_NS] = tape.time_ns[-1] if len(tape.time_ns) else -1
        terms = self.terms
        control = np.zeros(8, np.int64)
        control[KEEP] = terms.keep
        stepper = Stepper(
            engine, tape, control, *pay_of(terms.reward, terms.scale, terms.eta, terms.kappa),
            leak_of(market, tape) if terms.leak else np.zeros(0), self.seen[k], self.masks[k], self.rewards[k : k + 1],
        )  # fmt: skip
        self.engines.append(engine)
        self._steppers.append(stepper)
        self._fresh.append([(array, array.copy()) for array in _state_of(engine)])
        self._owners.append(handle_of(stepper, enter))

    @property
    def steps(self) -> Int64:
        """Steps of the running episodes."""
        return np.array([stepper.control[STEPS] for stepper in self._steppers])

    @property
    def denied(self) -> Int64:
        """Actions of the running episodes that their masks denied; each counted as none."""
        return np.array([stepper.control[DENIED] for stepper in self._steppers])

    def begin(self, k: int, start: int | None = None) -> None:
        """Begin an episode of one market, at a row or where the terms say; MarketError: nothing is to be decided there.

        An episode that may begin anywhere begins elsewhere where nothing is.
        """
        tries = STARTS if start is None and self.terms.random_start else 1
        for _ in range(tries):
            first = self._start(k) if start is None else start
            if self._begin(k, first) == GOES_ON:
                return
        raise MarketError(
            f"market {k}: rows {first} to {int(self._steppers[k].control[END])} hold nothing to decide; more rows, or "
            "less that has to be seen before, are needed"
        )

    def _start(self, k: int) -> int:
        """Return the row at which the next episode begins."""
        market, terms = self.markets[k], self.terms
        latest = self._last(k) - terms.rows if terms.rows else self._last(k) - 1
        anywhere = terms.random_start and latest > market.first
        return int(self._random[k].integers(market.first, latest)) if anywhere else market.first

    def _last(self, k: int) -> int:
        market = self.markets[k]
        return len(market.tape.time_ns) if market.last is None else market.last

    def _begin(self, k: int, start: int) -> int:
        """Set a market back to its beginning, and let it come to a row; return the episode's state."""
        for array, fresh in self._fresh[k]:
            array[...] = fresh
        controls = self.engines[k].book.controls
        for window in (controls.messages, controls.venue_messages, controls.executions):
            window[:, 0] = 0
        terms, last = self.terms, self._last(k)
        self._steppers[k].control[END] = min(last, start + terms.rows) if terms.rows else last
        self.engines[k].logs.counts[:] = 0
        self.states[k] = begin_one(self._owners[k], max(start - terms.warm, 0), start)
        return int(self.states[k])

    def begin_all(self) -> None:
        """Begin an episode of every market."""
        for k in range(len(self.markets)):
            self.begin(k)

    def step(self, actions: Int64) -> int:
        """Take a step in every market; return how many episodes have ended."""
        return int(step_all(self._handles, actions, self.states))

    def equity(self, k: int) -> int:
        """Return what an account is worth, in money."""
        return int(self.engines[k].book.ledger.account[0].equity)

    def state(self, k: int) -> int:
        """Return how an episode stands: it goes on, is ruined, or out of data."""
        return int(self._steppers[k].control[STATE])


def leak_of(market: Market, tape: Tape) -> NDArray[np.float64]:
    """Return per row what the next bar of the viewed feed will return, in thousandths; 0 at the last."""
    feeds = [number for number, feed in enumerate(market.plan.feeds) if feed.roles & Role.VIEW]
    if len(feeds) != 1:
        raise MarketError("leak: a desk that decides at closed bars is needed")
    rows = np.flatnonzero(tape.feed == feeds[0])
    leak = np.zeros(len(tape.time_ns))
    close = tape.close[rows].astype(np.float64)
    leak[rows[:-1]] = 1e3 * (close[1:] / close[:-1] - 1.0)
    return leak


def _state_of(engine: Engine) -> Iterator[NDArray[Any]]:
    """Yield every array of an engine that an episode changes, each once."""
    met: set[int] = {id(engine.far)}
    rest = (engine.intents, engine.logs, engine.agent.models, engine.agent.views.ahead)
    for skipped in rest:
        met.update(id(array) for array in _arrays(skipped))
    for array in _arrays(engine):
        if id(array) not in met and array.nbytes <= SMALL and array.size:
            met.add(id(array))
            yield array


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _arrays(part)
