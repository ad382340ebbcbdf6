"""Chains for tests: real minutes through a structure of three timeframes."""

from typing import NamedTuple

from market.structure import Structure, open_structure
from market.tape import Tape
from market.timeframes import TIMEFRAMES, grid_of
from policies.signals.chain import Chain, open_chain
from policies.signals.listening import Listener, Opinions, listen, opinions_of
from policies.signals.rule import ChainRule
from policies.signals.sources import FEATURES
from tests.market.bars import MINUTE_NS, real_bars
from tests.market.rows import tick_tape

FRAMES = ("1m", "5m", "15m")
LENGTHS = [TIMEFRAMES[name] for name in FRAMES]
EURUSD = "fx/m1/EURUSD_M1_2018_2019_histdata"
SHORT = ChainRule(horizon=8, barrier_atr=2.0)
"""A rule under which claims are soon over."""


class Market(NamedTuple):
    """A structure, the chain that reads it, and its listener."""

    structure: Structure
    chain: Chain
    listener: Listener


def a_market(rule: ChainRule = SHORT, instruments: int = 1) -> Market:
    structure = open_structure(grid_of(FRAMES), [FEATURES] * len(FRAMES), [0] * instruments)
    chain = open_chain([LENGTHS] * instruments, rule)
    return Market(structure, chain, listen(structure, chain, rule))


def real_minutes(rows: int, begin: int = 0) -> Tape:
    return tick_tape(real_bars(EURUSD).part(begin, begin + rows), 1e-5)


def opinions(market: Market, tape: Tape) -> Opinions:
    return opinions_of(market.listener, tape, MINUTE_NS)
