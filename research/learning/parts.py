"""The data of a training: one market per instrument, cut by time into what trains, what chooses, and what judges."""

from typing import Final, NamedTuple

import numpy as np

from envs.stepping import GOES_ON
from envs.vector import Market, MarketError, Markets, Terms, asking_plan, plan_with
from market.tape import Tape, owned, slice_tape
from policies.intents import DeskKind
from policies.observing import OWN, observer_of
from policies.plan import ModelPlan, Plan
from research.asking import Request, plan_for
from research.backtest import executing
from research.learning.spec import SpecError, TrainSpec
from research.planning import Planned

WIDE_CLIP: Final = 1e6
SCALE_MIN: Final = 1e-6


class Source(NamedTuple):
    """One market as planned: plan of one desk, tape, and the files it is from (path, SHA-256, rows)."""

    name: str
    plan: Plan
    tape: Tape
    data: tuple[tuple[str, str, int], ...] = ()


class Part(NamedTuple):
    """Rows [first, last) of a source."""

    first: int
    last: int


class Parts(NamedTuple):
    """The three parts of a source, in their order in time."""

    train: Part
    validation: Part
    test: Part


def sources_of(request: Request, desk: str) -> tuple[Source, ...]:
    """Return the markets that a request has for a desk: of forex one per symbol; ValueErrors say what does not fit."""
    if desk != "forex":
        planned = plan_for(request._replace(desks=(desk,), symbols=()))
        return (_source(planned, desk),)
    symbols = request.symbols or _usual_symbols(request)
    return tuple(_source(plan_for(request._replace(desks=("forex",), symbols=(symbol,))), symbol) for symbol in symbols)


def _usual_symbols(request: Request) -> tuple[str, ...]:
    planned = plan_for(request._replace(desks=("forex",)))
    return tuple(dict.fromkeys(instrument.symbol for instrument in planned.plan.instruments))


def _source(planned: Planned, name: str) -> Source:
    plan = executing(planned.plan)
    if len(plan.desks) != 1:
        raise SpecError(f"{name}: a plan of {len(plan.desks)} desks; one is allowed")
    return Source(name, plan, planned.tape, planned.data)


def parts_of(source: Source, spec: TrainSpec) -> Parts:
    """Cut a source by time, `purge` rows left out before each later part; SpecError where a part has no rows left."""
    times = source.tape.time_ns
    if len(times) < 2:
        raise SpecError(f"{source.name}: {len(times)} rows; more data is needed")
    span = int(times[-1] - times[0])
    cuts = [0.0, spec.train, spec.train + spec.validation]
    begins = [int(np.searchsorted(times, times[0] + int(cut * span))) for cut in cuts]
    ends = [*begins[1:], len(times)]
    parts = [
        Part(begin + (spec.purge if k else 0), end) for k, (begin, end) in enumerate(zip(begins, ends, strict=True))
    ]
    for name, part in zip(Parts._fields, parts, strict=True):
        if part.last - part.first < 2:
            raise SpecError(
                f"{source.name}: the {name} part has {max(part.last - part.first, 0)} rows after a purge of "
                f"{spec.purge}; more data, or a smaller purge, is needed"
            )
    return Parts(*parts)


def part_tape(source: Source, part: Part) -> Tape:
    """Return the rows of a part as a tape of their own.

    Owned: a worker of Ray is handed read-only arrays, for which every kernel would be compiled once more.
    """
    return owned(slice_tape(source.tape, part.first, part.last))


def fitted_observer(sources: tuple[Source, ...], spec: TrainSpec) -> tuple[float, ...]:
    """Return the observer standardised by what the training parts show; sides, ages and hours stay as they are.

    SpecError where a part shows nothing.
    """
    seen: list[np.ndarray] = []
    raw = observer_of(spec.seen if spec.kind is not DeskKind.ARBITRAGE else (), clip=WIDE_CLIP)
    for source in sources:
        part = parts_of(source, spec).train
        market = Market(asking_plan(source.plan, spec.seen, raw), source.tape, part.first, part.last)
        try:
            seen += _shown(Markets([market], Terms()))
        except MarketError as error:
            raise SpecError(f"{source.name}: {error}") from error
    rows = np.array(seen, np.float64)
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), SCALE_MIN)
    if spec.kind is not DeskKind.ARBITRAGE:
        mean[-OWN:], scale[-OWN:] = 0.0, 1.0
    features = spec.seen if spec.kind is not DeskKind.ARBITRAGE else ()
    return observer_of(features, mean.tolist(), scale.tolist())


def _shown(markets: Markets) -> list[np.ndarray]:
    """Return what a market shows while nobody acts."""
    markets.begin_all()
    rows, nothing = [], np.zeros(1, np.int64)
    while markets.states[0] == GOES_ON:
        rows.append(markets.seen[0].copy())
        markets.step(nothing)
    return rows


def training_markets(sources: tuple[Source, ...], spec: TrainSpec, observer: tuple[float, ...]) -> list[Market]:
    """Return `envs` markets over the training parts, the sources in turn."""
    made = []
    for source in sources:
        part = parts_of(source, spec).train
        made.append(Market(asking_plan(source.plan, spec.seen, observer), source.tape, part.first, part.last))
    return [made[k % len(made)] for k in range(spec.envs)]


def modelled_plan(plan: Plan, model: ModelPlan) -> Plan:
    """Return a source's plan deciding by a model: what a backtest, a paper run and a live run decide by as well."""
    return plan_with(plan, model)
