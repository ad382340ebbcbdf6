"""What a user asked for on the command line, turned into a plan."""

from pathlib import Path
from typing import NamedTuple

from research.catalogue import Catalogue, Entry, build
from research.catalogue.entry import FileKind
from research.catalogue.finding import NotInCatalogueError, find, plain_symbol
from research.config_sections import Configuration, Profile
from research.configuration import ConfigurationError, load_configuration, load_profile
from research.planning import DESKS, Costs, Planned, is_bars, plan_backtest, plan_run
from research.selection import Window, select


class Request(NamedTuple):
    """One request: where data and home are, which desks or symbols, when, which policy, and what it costs."""

    data: Path
    home: Path
    config: Path | None = None
    profile: str | None = None
    cash: str | None = None
    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    desks: tuple[str, ...] = DESKS
    policy: str | None = None
    params: dict[str, float] = {}  # noqa: RUF012 - never written
    fee_ppm: int | None = None


def plan_for(request: Request) -> Planned:
    """Return the plan and tape of a request; ValueErrors say what does not fit."""
    configuration = configuration_for(request)
    catalogue = build(request.data, request.home)
    textbook = request.policy == "sma_cross"
    profile = load_profile(request.profile or ("research" if textbook else configuration.account.profile))
    if request.symbols:
        return _plan_symbols(request, configuration, catalogue, profile, textbook)
    unknown = [desk for desk in request.desks if desk not in DESKS]
    if unknown:
        raise ConfigurationError(f"--desk {unknown[0]}: {', '.join(DESKS)} or all is allowed")
    selection = select(catalogue, configuration.data, request.desks, (request.start_ns, request.end_ns))
    planned = plan_run(catalogue, request.home, configuration, profile, selection)
    if not planned.plan.desks:
        raise NotInCatalogueError(f"{request.data}: nothing here that {', '.join(request.desks)} could trade")
    return planned


def configuration_for(request: Request) -> Configuration:
    """Return the configuration with what the command line overrides."""
    configuration = load_configuration(request.config)
    account, desks = configuration.account, configuration.desks
    if request.cash is not None:
        account = type(account).model_validate({**account.model_dump(), "cash": request.cash})
    if request.policy is not None and not request.symbols:
        forex = desks.forex.model_copy(update={"policy": request.policy, "params": dict(request.params)})
        desks = desks.model_copy(update={"forex": forex})
    return configuration.model_copy(update={"account": account, "desks": desks})


def _plan_symbols(
    request: Request, configuration: Configuration, catalogue: Catalogue, profile: Profile, textbook: bool
) -> Planned:
    entries = bars_for(catalogue, request)
    policy = request.policy or configuration.desks.forex.policy
    costs = Costs(fee_ppm=0 if textbook and request.fee_ppm is None else request.fee_ppm, spread=not textbook)
    span = (request.start_ns, request.end_ns)
    starts = [entry.first_ns for entry in entries if entry.first_ns is not None]
    ends = [entry.last_ns + 1 for entry in entries if entry.last_ns is not None]
    window = Window(span[0] if span[0] is not None else min(starts), span[1] if span[1] is not None else max(ends))
    if window.end_ns <= window.start_ns:
        raise ConfigurationError("--start and --end: the end must lie after the start")
    return plan_backtest(
        catalogue, request.home, configuration, profile, entries, window, (policy, request.params), costs
    )


def bars_for(catalogue: Catalogue, request: Request) -> list[Entry]:
    """Return the files with bars of all symbols, of one timeframe: the asked one, else the common one of most rows."""
    span = (request.start_ns, request.end_ns)
    frames = [request.timeframe] if request.timeframe else _common_frames(catalogue, request.symbols)
    best: list[Entry] = []
    for frame in frames:
        found = [find(catalogue, symbol, FileKind.BARS, frame, None, span) for symbol in request.symbols]
        if sum(entry.rows for entry in found) > sum(entry.rows for entry in best):
            best = found
    if not best:
        for symbol in request.symbols:
            find(catalogue, symbol, FileKind.BARS, None, None, span)  # says what is wrong with this one, if it is one
        raise NotInCatalogueError(f"{', '.join(request.symbols)}: there is no timeframe that all of them have bars of")
    return best


def _common_frames(catalogue: Catalogue, symbols: tuple[str, ...]) -> list[str]:
    """Return the timeframes in which every symbol has bars."""
    frames: list[set[str]] = []
    for symbol in symbols:
        own = [entry for entry in catalogue.entries if plain_symbol(entry.symbol) == plain_symbol(symbol)]
        frames.append({entry.timeframe for entry in own if is_bars(entry) and entry.timeframe})
    return sorted(set.intersection(*frames)) if frames else []
