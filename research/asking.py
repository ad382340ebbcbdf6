"""What a user asked for on the command line, turned into a plan."""

from pathlib import Path
from typing import NamedTuple

from policies.catalogue import params_of, policy_named
from policies.intents import DeskKind
from research.catalogue import Catalogue, Entry, build, show_time
from research.catalogue.entry import FileKind
from research.catalogue.finding import NotInCatalogueError, Span, find, plain_symbol, rows_in
from research.choices import by_hand
from research.config_sections import Account, Configuration, Data
from research.configuration import ConfigurationError, checked, load_configuration
from research.news_file import read_news
from research.planning import DESKS, Basis, Costs, Planned, is_bars, plan_backtest, plan_run
from research.profiles import load_profile
from research.selection import Window, select


class Request(NamedTuple):
    """One request: where data and home are, which desks or symbols, when, which policy, what it costs, and the news."""

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
    news: Path | None = None


def plan_for(request: Request) -> Planned:
    """Return the plan and tape of a request; ValueErrors say what does not fit."""
    _check(request)
    configuration = configuration_for(request)
    catalogue = build(request.data, request.home)
    textbook = request.policy == "sma_cross"
    profile = load_profile(request.profile or ("research" if textbook else configuration.account.profile))
    costs = Costs(fee_ppm=0 if textbook and request.fee_ppm is None else request.fee_ppm, spread=not textbook)
    news = request.news or (Path(configuration.account.news) if configuration.account.news else None)
    basis = Basis(catalogue, request.home, configuration, profile, costs, read_news(news) if news else None)
    if request.symbols:
        planned = _plan_symbols(request, basis)
    else:
        selection = select(catalogue, configuration.data, request.desks, (request.start_ns, request.end_ns))
        planned = plan_run(basis, selection)
        if not planned.plan.desks:
            raise NotInCatalogueError(f"{request.data}: nothing here that {', '.join(request.desks)} could trade")
    return planned._replace(warnings=planned.warnings + _unreadable(catalogue, planned))


def _check(request: Request) -> None:
    """Refuse what no data could serve."""
    unknown = [desk for desk in request.desks if desk not in DESKS]
    if unknown:
        raise ConfigurationError(f"--desk {unknown[0]}: {', '.join(DESKS)} or all is allowed")
    start, end = request.start_ns, request.end_ns
    if start is not None and end is not None and end <= start:
        raise ConfigurationError(f"--start {show_time(start)} --end {show_time(end)}: the end must lie after the start")
    others = [desk for desk in request.desks if desk != "forex"]
    if request.symbols and others and len(request.desks) < len(DESKS):
        raise ConfigurationError(f"--symbols with --desk {others[0]}: only the forex desk trades bars of any symbol")
    if request.policy is not None or request.params:
        if "forex" not in request.desks:
            raise ConfigurationError("--policy and --param are for the forex desk, which --desk leaves out")
        if request.policy is not None and policy_named(request.policy).desk != DeskKind.FOREX:
            own = sorted(by_hand(DeskKind.FOREX))
            raise ConfigurationError(f"--policy {request.policy}: the forex desk has {', '.join(own)}")


def configuration_for(request: Request) -> Configuration:
    """Return the configuration with what the command line overrides."""
    configuration = load_configuration(request.config)
    account, data, forex = configuration.account, configuration.data, configuration.desks.forex
    if request.cash is not None:
        account = checked(Account, {**account.model_dump(), "cash": request.cash}, "--cash")
    if request.timeframe is not None and not request.symbols:
        data = checked(Data, {**data.model_dump(), "forex_timeframe": request.timeframe}, "--timeframe")
    policy = request.policy or forex.policy
    params = {**(forex.params if policy == forex.policy else {}), **request.params}
    params_of(policy_named(policy), params)
    forex = forex.model_copy(update={"policy": policy, "params": params})
    desks = configuration.desks.model_copy(update={"forex": forex})
    return configuration.model_copy(update={"account": account, "data": data, "desks": desks})


def _plan_symbols(request: Request, basis: Basis) -> Planned:
    entries = bars_for(basis.catalogue, request)
    starts = [entry.first_ns for entry in entries if entry.first_ns is not None]
    ends = [entry.last_ns + 1 for entry in entries if entry.last_ns is not None]
    window = Window(
        request.start_ns if request.start_ns is not None else min(starts),
        request.end_ns if request.end_ns is not None else max(ends),
    )
    return plan_backtest(basis, entries, window)


def _unreadable(catalogue: Catalogue, planned: Planned) -> tuple[str, ...]:
    """Name the files of the plan's symbols that were passed over because they cannot be read."""
    symbols = {plain_symbol(instrument.symbol) for instrument in planned.plan.instruments}
    return tuple(
        f"{entry.path}: {entry.problem}; skipped"
        for entry in catalogue.entries
        if entry.problem is not None and plain_symbol(entry.symbol) in symbols
    )


def bars_for(catalogue: Catalogue, request: Request) -> list[Entry]:
    """Return the files with bars of all symbols, of one timeframe: the asked one, else the common one of most rows."""
    span = (request.start_ns, request.end_ns)
    symbols = list(dict.fromkeys(plain_symbol(symbol) for symbol in request.symbols))
    if request.timeframe:
        return _bars_of(catalogue, symbols, request.timeframe, span)
    best: list[Entry] = []
    for frame in _common_frames(catalogue, symbols):
        try:
            found = _bars_of(catalogue, symbols, frame, span)
        except NotInCatalogueError:
            continue  # bars of that length, but not in that span
        if sum(rows_in(entry, span) for entry in found) > sum(rows_in(entry, span) for entry in best):
            best = found
    if not best:
        for symbol in symbols:
            find(catalogue, symbol, FileKind.BARS, None, None, span)  # says what is wrong with this one, if it is one
        raise NotInCatalogueError(f"{', '.join(symbols)}: there is no timeframe that all of them have bars of there")
    return best


def _bars_of(catalogue: Catalogue, symbols: list[str], frame: str, span: Span) -> list[Entry]:
    return [find(catalogue, symbol, FileKind.BARS, frame, None, span) for symbol in symbols]


def _common_frames(catalogue: Catalogue, symbols: list[str]) -> list[str]:
    """Return the timeframes in which every symbol has bars."""
    frames: list[set[str]] = []
    for symbol in symbols:
        own = [entry for entry in catalogue.entries if plain_symbol(entry.symbol) == plain_symbol(symbol)]
        frames.append({entry.timeframe for entry in own if is_bars(entry) and entry.timeframe})
    return sorted(set.intersection(*frames)) if frames else []
